import type { Json } from '../../core/canonical.ts';
import type { Format } from '../format.ts';
import { attesterKey, isAccountKey } from '../model/attesterKey.ts';
import type { Language } from '../model/settings.ts';
import type { AttesterView } from '../model/view.ts';
import type { Texts } from './en.ts';

export type { Texts } from './en.ts';

/** How each language calls itself. */
export const languageNames: Readonly<Record<Language, string>> = { en: 'English', zh: '简体中文' };

/** The dictionary of a language: a reader loads one of them. */
export async function loadTexts(language: Language): Promise<Texts> {
  switch (language) {
    case 'en':
      return (await import('./en.ts')).en;
    case 'zh':
      return (await import('./zh.ts')).zh;
  }
}

/** What is needed to say something to this reader. */
export type Tongue = { readonly language: Language; readonly texts: Texts; readonly format: Format };

/** `write('entries', 3)`: a count in words, which needs to know whether it is one. */
export function counted(
  { format }: Tongue,
  count: number,
  say: (count: string, one: boolean) => string,
): string {
  return say(format.number(count), count === 1);
}

/** A word of a vocabulary; a value that is not in it stands as it is. */
export function word(words: Readonly<Record<string, string>>, value: unknown): string {
  const text = typeof value === 'string' ? value : String(value ?? '');
  return Object.hasOwn(words, text) ? (words[text] ?? text) : text;
}

/** Text by language as organisations write it: the reader's own, else English, else any. */
export function localisedText(value: Json | undefined, language: Language): string {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return '';
  const texts = value as Readonly<Record<string, unknown>>;
  const wanted = Object.keys(texts).find((tag) => tag === language || tag.startsWith(`${language}-`));
  const text = texts[wanted ?? 'en'] ?? Object.values(texts)[0];
  return typeof text === 'string' ? text : '';
}

export function kindName({ texts }: Tongue, kind: string): string {
  return word(texts.vocabulary.kind, kind);
}

/** How an attester is called. */
export function attesterName(
  tongue: Tongue,
  attester: Pick<AttesterView, 'id' | 'names'> | undefined,
): string {
  if (attester === undefined) return '';
  const name = localisedText(attester.names, tongue.language);
  if (name !== '') return name;
  const { attesters } = tongue.texts;
  if (isAccountKey(attester.id)) {
    const account = attester.id.slice(attester.id.indexOf('0x'));
    return attesters.account(`${account.slice(0, 6)}…${account.slice(-4)}`);
  }
  return attester.id.startsWith('0x') ? attesters.module(attester.id) : attesters.unnamed(attester.id);
}

/** Finds an attester by its key, or by its bare number as findings name it. */
export function findAttester(
  attesters: readonly AttesterView[],
  key: string,
  ledger?: string,
): AttesterView | undefined {
  const qualified = ledger === undefined ? key : attesterKey(ledger, key);
  return (
    attesters.find((attester) => attester.key === qualified) ??
    attesters.find((attester) => attester.id === key)
  );
}
