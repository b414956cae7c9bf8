import type { Language } from '../model/settings.ts';
import { type LateTexts, lateEn } from './late.en.ts';
import { lateZh } from './late.zh.ts';

/** Both languages at once: too little to be fetched apart. */
export const lateTexts: Readonly<Record<Language, LateTexts>> = { en: lateEn, zh: lateZh };
