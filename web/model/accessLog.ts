import type { LedgerAddress } from '../../core/chain/types.ts';
import { VinculumError } from '../../core/errors.ts';
import {
  type AccessEntry,
  type AccessHead,
  foldAccess,
  readAccessEntries,
  readAccessHead,
} from '../../core/privacy/accessLog.ts';

/** Where somebody's time as the owner begins in a log, and what the operator last signed of it. */
export type KeptHead = {
  readonly from: { readonly position: number; readonly head: string };
  readonly length: number;
  readonly head: string;
  /** Seconds since 1970. */
  readonly at: number;
};

export type CheckedLog = {
  readonly entries: readonly AccessEntry[];
  readonly tenure: number;
  readonly operator: string;
  /** To be kept, and held against the log when it is read next. */
  readonly head: KeptHead;
  /** Compared with what was kept before: nothing was, nothing was added, or so many entries were. */
  readonly since: { readonly kept: KeptHead | null; readonly added: number };
};

/** One page of the service's answer, of which nothing is known yet. */
type Page = Readonly<Record<string, unknown>>;

function malformed(): VinculumError {
  return new VinculumError('access.malformed', 'This is no access log.');
}

function fromOf({ from }: Page): KeptHead['from'] {
  const { position, head } = (from ?? {}) as Page;
  if (!Number.isSafeInteger(position) || (position as number) < 0) throw malformed();
  if (typeof head !== 'string' || !/^0x[0-9a-f]{64}$/.test(head)) throw malformed();
  return { position: position as number, head };
}

/**
 * Folds a log and holds it to the head that the operator signs, and to the one that was kept from earlier.
 * @throws `access.malformed` `access.position` `access.signature` `access.otherLog` for a head that is not of this log;
 *   `access.shortened` and `access.rewritten` where an entry that was there is not there any more
 */
export function checkLog(
  ledger: LedgerAddress,
  subject: string,
  pages: readonly Page[],
  kept: KeptHead | null,
): CheckedLog {
  const [first] = pages;
  const last = pages.at(-1);
  if (first === undefined || last === undefined) throw malformed();
  const from = fromOf(first);
  const entries = pages.flatMap(({ entries: some }) => readAccessEntries(some));
  const state = readAccessHead(ledger, last.state);
  const length = from.position + entries.length;
  /** The head after each entry, by the log's length. */
  const reached = new Map<number, string>([[from.position, from.head]]);
  let head = from.head as AccessHead;
  entries.forEach((entry, index) => {
    head = foldAccess([entry], head, from.position + index);
    reached.set(from.position + index + 1, head);
  });
  if (state.subject !== subject || Number(state.length) !== length || state.head !== head) {
    throw new VinculumError('access.otherLog', 'The signed head is not the head of this log.');
  }
  if (kept !== null) {
    // Retention cuts a log at its beginning: it may begin later than it did, never earlier or otherwise.
    const cut = from.position > kept.from.position;
    const same = cut || (kept.from.position === from.position && kept.from.head === from.head);
    // Where even the last entry that was known is past its time, there is nothing left to hold it to.
    const gone = cut && kept.length < from.position;
    if (length < kept.length) throw new VinculumError('access.shortened', 'The log is shorter than it was.');
    if (!same || (!gone && reached.get(kept.length) !== kept.head)) {
      throw new VinculumError('access.rewritten', 'The log is another one than it was.');
    }
  }
  const { tenure } = last;
  return {
    entries,
    tenure: typeof tenure === 'number' ? tenure : 0,
    operator: state.operator,
    head: { from, length, head, at: Number(state.at) },
    since: { kept, added: kept === null ? entries.length : length - kept.length },
  };
}

const STORE = 'vinculum.accessHeads';

function readAll(): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(STORE) ?? '{}');
    return value !== null && typeof value === 'object' ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

const nameOf = (subject: string, account: string): string => `${subject}/${account}`;

/** The head that this device keeps of a log; of each owner's key its own. */
export function keptHead(subject: string, account: string): KeptHead | null {
  const { from, length, head, at } = (readAll()[nameOf(subject, account)] ?? {}) as Page;
  if (!Number.isSafeInteger(length) || typeof head !== 'string' || typeof at !== 'number') return null;
  try {
    return { from: fromOf({ from }), length: length as number, head, at };
  } catch {
    return null;
  }
}

export function keepHead(subject: string, account: string, head: KeptHead): void {
  try {
    localStorage.setItem(STORE, JSON.stringify({ ...readAll(), [nameOf(subject, account)]: head }));
  } catch {
    // A browser that keeps nothing: the log can be held to its own head only.
  }
}
