import { useCallback, useEffect, useRef, useState } from 'react';
import { fromHex } from '../../core/bytes.ts';
import type { Digest } from '../../core/chain/types.ts';
import type { Failure } from '../worker/messages.ts';
import { failureOf } from '../worker/problem.ts';
import {
  type EntryDraft,
  type EntryPlace,
  type PreparedEntries,
  prepareEntry,
  requestOf,
  submissionOf,
} from './entries.ts';
import { malformed, textOf } from './service.ts';
import type { Signed } from './session.ts';
import { type ActionStatus, checkReceipt, progressOf, readStatus } from './useAct.ts';

/** After these a submission can never be stored; after any other failure it may have been, though no answer came. */
const NEVER_STORED: ReadonlySet<string> = new Set([
  'nonce.conflict',
  'submission.expired',
  'submission.deadlineTooSoon',
]);

const SOON_MILLISECONDS = 700;
const LATER_MILLISECONDS = 3_000;

/**
 * What belongs to the first entry and is handed over once the service has it: the members of its set.
 * @param signal aborted when the reader leaves the entry, also after a try that failed
 */
export type Afterwards = (
  digest: Digest,
  tell: (done: number, total: number) => void,
  signal: AbortSignal,
) => Promise<void>;

export type Handing =
  | { readonly state: 'running'; readonly done: number; readonly total: number }
  | { readonly state: 'done' }
  | { readonly state: 'failed'; readonly failure: Failure };

export type Entering =
  | { readonly at: 'idle' }
  | { readonly at: 'confirm'; readonly prepared: PreparedEntries; readonly failure: Failure | null }
  | { readonly at: 'signing' | 'sending'; readonly prepared: PreparedEntries }
  | {
      readonly at: 'sent';
      readonly prepared: PreparedEntries;
      readonly status: ActionStatus;
      /** By when the service promised to bring it to the ledger, seconds since 1970. */
      readonly anchorBy: number;
      /** Why the service can't be asked just now. */
      readonly failure: Failure | null;
      /** How far what belongs to it was handed over; null where nothing does. */
      readonly handing: Handing | null;
    }
  | { readonly at: 'refused'; readonly failure: Failure };

/** Signed entries as they go to the service: sent again they are the same submission, and stand once. */
type Ready = {
  readonly prepared: PreparedEntries;
  readonly hash: `0x${string}`;
  readonly request: ReturnType<typeof requestOf>;
};

export type Enter = {
  readonly state: Entering;
  /** How many submissions were sent and closed: a form keyed by it begins anew after each, and stays as it is otherwise. */
  readonly round: number;
  /** Composes the entry; what its kind does not admit is refused here, before anything is signed. */
  propose(draft: EntryDraft | readonly EntryDraft[], place: EntryPlace, afterwards?: Afterwards): void;
  sign(): void;
  /** Hands over once more what belongs to the entry. */
  handOver(): void;
  clear(): void;
};

/**
 * One submission at a time, from the draft of its entries to the ledger.
 * @param onAnchored told when the entry stands in a block, and once more when that block is final
 */
export function useEntry({ session, info }: Signed, onAnchored: () => void): Enter {
  const { service, signer } = session;
  const { operator } = info;
  const [state, setState] = useState<Entering>({ at: 'idle' });
  const [round, setRound] = useState(0);
  const ready = useRef<Ready | null>(null);
  const after = useRef<Afterwards | null>(null);
  const accepted = useRef<Digest | null>(null);
  const leaving = useRef<AbortController | null>(null);
  const told = useRef<string | null>(null);
  const tell = useRef(onAnchored);
  tell.current = onAnchored;
  useEffect(() => () => leaving.current?.abort(), []);

  // What is still on its way goes with the page, so the browser asks first.
  const handing = state.at === 'sent' && state.handing !== null && state.handing.state !== 'done';
  useEffect(() => {
    if (!handing) return;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  }, [handing]);

  const propose = useCallback(
    (drafts: EntryDraft | readonly EntryDraft[], place: EntryPlace, afterwards?: Afterwards) => {
      after.current = afterwards ?? null;
      ready.current = null;
      try {
        const [first, ...others] = [drafts].flat().map((draft) => prepareEntry(draft, place));
        if (first !== undefined) setState({ at: 'confirm', prepared: [first, ...others], failure: null });
      } catch (error) {
        setState({ at: 'refused', failure: failureOf(error) });
      }
    },
    [],
  );

  const handOver = useCallback(() => {
    const work = after.current;
    const digest = accepted.current;
    if (work === null || digest === null) return;
    const control = leaving.current ?? new AbortController();
    leaving.current = control;
    const put = (handing: Handing): void =>
      setState((before) =>
        before.at === 'sent' && !control.signal.aborted ? { ...before, handing } : before,
      );
    put({ state: 'running', done: 0, total: 0 });
    work(digest, (done, total) => put({ state: 'running', done, total }), control.signal).then(
      () => put({ state: 'done' }),
      (error: unknown) => put({ state: 'failed', failure: failureOf(error) }),
    );
  }, []);

  const prepared = state.at === 'confirm' ? state.prepared : null;
  const sign = useCallback(() => {
    if (prepared === null) return;
    const signed = async (): Promise<Ready> => {
      setState({ at: 'signing', prepared });
      const [{ place }] = prepared;
      const answer = await service.get(`/v1/organisations/${place.organisation}/nonce`);
      const nonce = textOf(answer, 'nonce');
      if (!/^(0|[1-9][0-9]{0,77})$/.test(nonce)) throw malformed();
      const now = Math.floor(Date.now() / 1000);
      const { submission, hash } = submissionOf(prepared, BigInt(nonce), now);
      const signature = await signer.sign({ of: 'submission', ledger: place.ledger, submission });
      return { prepared, hash, request: requestOf(prepared, submission, fromHex(signature)) };
    };
    const run = async (): Promise<void> => {
      const [{ place, composed }] = prepared;
      const { hash, request } = ready.current?.prepared === prepared ? ready.current : await signed();
      ready.current = { prepared, hash, request };
      setState({ at: 'sending', prepared });
      const sent = await service.post('/v1/submissions', request).catch((error: unknown) => {
        if (NEVER_STORED.has(failureOf(error).code)) ready.current = null;
        throw error;
      });
      const status = readStatus(sent);
      if (status.hash !== hash) throw malformed();
      const anchorBy = checkReceipt(sent, hash, place.ledger, operator);
      accepted.current = composed.entry.digest;
      setState({ at: 'sent', prepared, status, anchorBy, failure: null, handing: null });
      handOver();
    };
    run().catch((error: unknown) => setState({ at: 'confirm', prepared, failure: failureOf(error) }));
  }, [prepared, service, signer, operator, handOver]);

  const sent = state.at === 'sent' ? state : null;
  const status = sent?.status ?? null;
  const failing = sent?.failure !== null;
  useEffect(() => {
    if (status === null) return;
    const progress = progressOf(status.state);
    const news = `${status.hash} ${status.state}`;
    if (progress >= progressOf('anchored') && told.current !== news) {
      told.current = news;
      tell.current();
    }
    if (progress < 0 || status.state === 'final') return;
    let over = false;
    const timer = setTimeout(
      async () => {
        const next = await service.get(`/v1/submissions/${status.hash}`).then(
          (answer) => ({ status: readStatus(answer), failure: null }),
          (error: unknown) => ({ status: { ...status }, failure: failureOf(error) }),
        );
        if (!over) setState((before) => (before.at === 'sent' ? { ...before, ...next } : before));
      },
      progress < progressOf('anchored') && !failing ? SOON_MILLISECONDS : LATER_MILLISECONDS,
    );
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [status, failing, service]);

  const clear = useCallback(() => {
    leaving.current?.abort();
    leaving.current = null;
    after.current = null;
    if (accepted.current !== null) setRound((before) => before + 1);
    accepted.current = null;
    ready.current = null;
    setState({ at: 'idle' });
  }, []);
  return { state, round, propose, sign, handOver, clear };
}
