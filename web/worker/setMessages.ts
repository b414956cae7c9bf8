import type { Hex } from '../../core/bytes.ts';
import type { Encoding, FaultyRow, ListOf } from '../model/listFile.ts';
import type { Failure } from './messages.ts';

/** What was read of a file. */
export type ListRead = {
  readonly count: number;
  readonly root: Hex;
  readonly treeKey: string;
  readonly rows: number;
  /** Rows that are no number, or one that stood before; the first of them are in `faulty`. */
  readonly faults: number;
  readonly faulty: readonly FaultyRow[];
  readonly first: string;
  readonly last: string;
  readonly encoding: Encoding;
  readonly column: string | null;
  readonly milliseconds: number;
};

export type SetOrder =
  | {
      readonly type: 'read';
      readonly file: Blob;
      readonly of: ListOf;
      readonly maker: string;
      /** Of a set that has one already; null for a fresh one. */
      readonly treeKey: string | null;
    }
  /** The members as they are. */
  | { readonly type: 'take'; readonly members: readonly string[] }
  | { readonly type: 'members' }
  | { readonly type: 'upload'; readonly api: string; readonly token: string; readonly digest: string };

export type SetNews =
  | { readonly type: 'reading'; readonly done: number; readonly total: number; readonly members: number }
  | { readonly type: 'hashing'; readonly done: number; readonly total: number }
  | { readonly type: 'read'; readonly list: ListRead }
  | { readonly type: 'members'; readonly members: readonly string[] }
  | { readonly type: 'uploading'; readonly done: number; readonly total: number }
  | { readonly type: 'uploaded' }
  | { readonly type: 'failed'; readonly failure: Failure };
