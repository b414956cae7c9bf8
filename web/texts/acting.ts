import type { Language } from '../model/settings.ts';
import type { ActingTexts } from './acting.en.ts';

export type { ActingTexts } from './acting.en.ts';

/** The dictionary of the pages of owner and registrar: only whoever goes there loads it. */
export async function loadActingTexts(language: Language): Promise<ActingTexts> {
  switch (language) {
    case 'en':
      return (await import('./acting.en.ts')).actingEn;
    case 'zh':
      return (await import('./acting.zh.ts')).actingZh;
  }
}
