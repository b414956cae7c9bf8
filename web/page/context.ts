import { createContext, use } from 'react';
import type { Tongue } from '../texts/texts.ts';

const TongueContext = createContext<Tongue | null>(null);
export const TongueProvider = TongueContext.Provider;

/** The reader's language and formats. */
export function useTongue(): Tongue {
  const tongue = use(TongueContext);
  if (tongue === null) throw new Error('no language was chosen');
  return tongue;
}
