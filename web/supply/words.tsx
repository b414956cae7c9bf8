import { createContext, type ReactNode, use, useEffect, useState } from 'react';
import { useTongue } from '../page/context.ts';
import { loadSupplyTexts, type SupplyTexts } from '../texts/supply.ts';

const WordsContext = createContext<SupplyTexts | null>(null);

/** What the pages of suppliers and makers say, in the reader's language. */
export function useSupplyWords(): SupplyTexts {
  const words = use(WordsContext);
  if (words === null) throw new Error('no language was chosen');
  return words;
}

/** Fetches the words of what is inside, and shows it once they are there. */
export function Worded({ children }: { readonly children: ReactNode }) {
  const { language } = useTongue();
  const [words, setWords] = useState<SupplyTexts | null>(null);
  useEffect(() => {
    let over = false;
    loadSupplyTexts(language).then(
      (texts) => over || setWords(texts),
      () => undefined,
    );
    return () => {
      over = true;
    };
  }, [language]);
  if (words === null) return <div className="panel loading" aria-busy="true" />;
  return <WordsContext value={words}>{children}</WordsContext>;
}
