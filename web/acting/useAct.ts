import { useCallback, useEffect, useRef, useState } from 'react';
import { fromHex, type Hex, toBase64Url } from '../../core/bytes.ts';
import { recoverOperator } from '../../core/chain/receipt.ts';
import type { SubmissionHash } from '../../core/chain/submission.ts';
import type { Address, LedgerAddress } from '../../core/chain/types.ts';
import { VinculumError } from '../../core/errors.ts';
import type { Failure } from '../worker/messages.ts';
import { failureOf } from '../worker/problem.ts';
import { type Draft, type Place, type Prepared, prepare } from './compose.ts';
import { type Answer, malformed, type Service, textOf } from './service.ts';
import type { Signed } from './session.ts';

/** The states that an action passes on its way, in order; nothing is said of one before it is so. */
export const stages = ['received', 'stored', 'submitted', 'anchored', 'final'] as const;
export type Stage = (typeof stages)[number];
export type ActionState = Stage | 'expired' | 'conflicted';

export type ActionStatus = {
  readonly hash: string;
  readonly state: ActionState;
  /** When each stage was reached, as the service says. */
  readonly times: Readonly<Partial<Record<Stage, string>>>;
  readonly block: number | null;
  readonly transaction: string | null;
  /** Why the module refused it when it was tried last. */
  readonly problem: string | null;
};

export function readStatus(answer: Answer): ActionStatus {
  const state = textOf(answer, 'state');
  const known = [...stages, 'expired', 'conflicted'] as const;
  const found = known.find((one) => one === state);
  if (found === undefined) throw malformed();
  const text = (name: string): string | null => {
    const value = answer[name];
    return typeof value === 'string' ? value.slice(0, 200) : null;
  };
  const times = stages.flatMap((stage) => {
    const time = text(`${stage}At`);
    return time === null ? [] : [[stage, time] as const];
  });
  const { number } = (answer.block ?? {}) as { number?: unknown };
  return {
    hash: textOf(answer, 'hash'),
    state: found,
    times: Object.fromEntries(times),
    block: typeof number === 'number' ? number : null,
    transaction: text('transaction'),
    problem: text('problem') ?? text('lastSkip'),
  };
}

/** How far a state is along the way; an end before it is none of the way. */
export function progressOf(state: ActionState): number {
  return (stages as readonly string[]).indexOf(state);
}

export type Acting =
  | { readonly at: 'idle' }
  | { readonly at: 'confirm'; readonly prepared: Prepared; readonly failure: Failure | null }
  | { readonly at: 'signing' | 'sending'; readonly prepared: Prepared }
  | {
      readonly at: 'sent';
      readonly prepared: Prepared;
      readonly status: ActionStatus;
      /** By when the service promised to bring it to the ledger, seconds since 1970. */
      readonly anchorBy: number;
      /** Why the service can't be asked just now. */
      readonly failure: Failure | null;
    }
  | { readonly at: 'refused'; readonly failure: Failure };

export type Act = {
  readonly state: Acting;
  /** Composes the action; what the title does not allow is refused here, before anything is signed. */
  propose(draft: Draft, place: Place): void;
  sign(): void;
  clear(): void;
};

const SOON_MILLISECONDS = 700;
const LATER_MILLISECONDS = 3_000;

/** That the service signed its promise for this very action or submission. @throws `action.receipt` */
export function checkReceipt(
  answer: Answer,
  hash: Hex,
  ledger: LedgerAddress,
  operator: Address | null,
): number {
  const { submission, receivedAt, anchorBy, signature } = (answer.receipt ?? {}) as Answer;
  const fits =
    submission === hash &&
    Number.isSafeInteger(receivedAt) &&
    Number.isSafeInteger(anchorBy) &&
    typeof signature === 'string' &&
    /^0x[0-9a-f]{130}$/.test(signature);
  if (fits) {
    const receipt = {
      submission: submission as SubmissionHash,
      receivedAt: BigInt(receivedAt as number),
      anchorBy: BigInt(anchorBy as number),
    };
    const signer = recoverOperator(ledger, receipt, fromHex(signature as string, 65));
    if (signer !== null && (operator === null || signer === operator)) return anchorBy as number;
  }
  throw new VinculumError('action.receipt', 'The service’s promise is not for this action, or nobody’s.');
}

async function sendAction(
  service: Service,
  prepared: Prepared,
  signature: Hex,
  operator: Address | null,
): Promise<{ status: ActionStatus; anchorBy: number }> {
  const { action, place, content } = prepared;
  const { revision, deadline, organisation, until } = action;
  const answer = await service.post('/v1/titles/actions', {
    action: {
      ...action,
      revision: Number(revision),
      deadline: Number(deadline),
      organisation: organisation.toString(),
      until: Number(until),
    },
    actor: place.actor,
    signature: toBase64Url(fromHex(signature)),
    ...content,
  });
  const status = readStatus(answer);
  if (status.hash !== prepared.hash) throw malformed();
  return { status, anchorBy: checkReceipt(answer, prepared.hash, prepared.place.ledger, operator) };
}

/**
 * One action at a time, from the draft to the ledger.
 * @param onAnchored told when the action stands in a block, the title being another one since, and once more when that
 *   block is final
 */
export function useAct({ session, info }: Signed, onAnchored: () => void): Act {
  const { service, signer } = session;
  const { operator } = info;
  const [state, setState] = useState<Acting>({ at: 'idle' });
  const told = useRef<string | null>(null);
  const tell = useRef(onAnchored);
  tell.current = onAnchored;

  const propose = useCallback((draft: Draft, place: Place) => {
    try {
      const prepared = prepare(draft, place, Math.floor(Date.now() / 1000));
      setState({ at: 'confirm', prepared, failure: null });
    } catch (error) {
      setState({ at: 'refused', failure: failureOf(error) });
    }
  }, []);

  const prepared = state.at === 'confirm' ? state.prepared : null;
  const sign = useCallback(() => {
    if (prepared === null) return;
    const run = async (): Promise<void> => {
      setState({ at: 'signing', prepared });
      const signature = await signer.sign({
        of: 'action',
        titles: prepared.place.titles,
        action: prepared.action,
      });
      setState({ at: 'sending', prepared });
      const sent = await sendAction(service, prepared, signature, operator);
      setState({ at: 'sent', prepared, ...sent, failure: null });
    };
    run().catch((error: unknown) => setState({ at: 'confirm', prepared, failure: failureOf(error) }));
  }, [prepared, service, signer, operator]);

  const sent = state.at === 'sent' ? state : null;
  useEffect(() => {
    if (sent === null) return;
    const { status } = sent;
    const progress = progressOf(status.state);
    const news = `${status.hash} ${status.state}`;
    if (progress >= progressOf('anchored') && told.current !== news) {
      told.current = news;
      tell.current();
    }
    if (progress < 0 || status.state === 'final') return;
    const timer = setTimeout(
      async () => {
        const next = await service.get(`/v1/titles/actions/${status.hash}`).then(
          (answer) => ({ status: readStatus(answer), failure: null }),
          (error: unknown) => ({ status: sent.status, failure: failureOf(error) }),
        );
        setState((before) => (before === sent ? { ...sent, ...next } : before));
      },
      progress < progressOf('anchored') && sent.failure === null ? SOON_MILLISECONDS : LATER_MILLISECONDS,
    );
    return () => clearTimeout(timer);
  }, [sent, service]);

  return { state, propose, sign, clear: useCallback(() => setState({ at: 'idle' }), []) };
}
