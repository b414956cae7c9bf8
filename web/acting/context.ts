import { createContext, use } from 'react';
import type { ActingTexts } from '../texts/acting.en.ts';

const WordsContext = createContext<ActingTexts | null>(null);
export const WordsProvider = WordsContext.Provider;

/** What the pages of owner and registrar say, in the reader's language. */
export function useWords(): ActingTexts {
  const words = use(WordsContext);
  if (words === null) throw new Error('no language was chosen');
  return words;
}
