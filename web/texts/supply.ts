import type { Language } from '../model/settings.ts';
import type { SupplyTexts } from './supply.en.ts';

export type { SupplyTexts } from './supply.en.ts';

/** The dictionary of the pages of suppliers and makers: only whoever goes there loads it. */
export async function loadSupplyTexts(language: Language): Promise<SupplyTexts> {
  switch (language) {
    case 'en':
      return (await import('./supply.en.ts')).supplyEn;
    case 'zh':
      return (await import('./supply.zh.ts')).supplyZh;
  }
}
