import type { Language } from '../model/settings.ts';
import type { CheckTexts } from './check.en.ts';

export type { CheckTexts } from './check.en.ts';

/** The dictionary of the page that checks parts: only whoever goes there loads it. */
export async function loadCheckTexts(language: Language): Promise<CheckTexts> {
  switch (language) {
    case 'en':
      return (await import('./check.en.ts')).checkEn;
    case 'zh':
      return (await import('./check.zh.ts')).checkZh;
  }
}
