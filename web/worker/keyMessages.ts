import type { Signable } from '../acting/typedData.ts';
import type { Failure } from './messages.ts';

/** What the page asks of whoever holds a key. The key itself is in no answer but as the encrypted file. */
export type KeyOrder =
  | { readonly type: 'open'; readonly file: string; readonly password: string }
  | { readonly type: 'make'; readonly password: string }
  | { readonly type: 'sign'; readonly signable: Signable };

export type KeyNews =
  | {
      readonly number: number;
      readonly ok: true;
      readonly account?: string;
      readonly organisation?: string | null;
      /** A keystore, encrypted. */
      readonly file?: string;
      readonly signature?: string;
    }
  | { readonly number: number; readonly ok: false; readonly failure: Failure };
