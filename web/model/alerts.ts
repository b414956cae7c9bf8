import {
  type AlertState,
  type AlertStatus,
  alertStates,
  alertStatuses,
  alertTransitions,
} from '../../core/alerts/alert.ts';
import { fromBase64Url } from '../../core/bytes.ts';
import type { Json } from '../../core/canonical.ts';
import { digestOf } from '../../core/envelope/block.ts';
import { type Envelope, openEnvelope, openSealed } from '../../core/envelope/envelope.ts';
import { VinculumError } from '../../core/errors.ts';

/** An alert as the service tells it to one of its two parties. */
export type AlertRow = {
  readonly reference: string;
  readonly attester: string;
  readonly recipient: string | null;
  readonly entry: string;
  /** Seconds since 1970; null while its entry is on its way to the ledger. */
  readonly raisedAt: number | null;
  readonly state: AlertState;
  readonly due: number | null;
  readonly overdue: boolean;
  readonly answers: readonly {
    readonly status: AlertStatus;
    readonly organisation: string;
    readonly at: number;
    readonly byLink: boolean;
  }[];
  readonly pending: readonly AlertStatus[];
  /** How many tiers it was passed on to, by where they stand. */
  readonly tiers: Readonly<Partial<Record<AlertState | 'unknown', number>>>;
  readonly link: {
    readonly until: number;
    readonly openings: number;
    readonly signed: Readonly<Record<string, Json>>;
    readonly answer: { readonly signed: Readonly<Record<string, Json>>; readonly recorded: boolean } | null;
  } | null;
};

type Loose = Readonly<Record<string, unknown>>;

const objects = (value: unknown): readonly Loose[] =>
  (Array.isArray(value) ? (value as unknown[]) : []).filter(
    (one): one is Loose => one !== null && typeof one === 'object',
  );
const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null);

export function readAlertRow(answer: Loose): AlertRow {
  const { reference, attester, recipient, entry, raisedAt, due, link } = answer;
  const state = alertStates.find((one) => one === answer.state);
  if (
    typeof reference !== 'string' ||
    typeof attester !== 'string' ||
    typeof entry !== 'string' ||
    state === undefined
  ) {
    throw new VinculumError('service.malformed', 'The answer is not what such a service answers.');
  }
  const statusOf = (value: unknown): AlertStatus =>
    alertStatuses.find((one) => one === value) ?? 'acknowledged';
  const tiers: Partial<Record<AlertState | 'unknown', number>> = {};
  const count = (list: unknown): void => {
    for (const tier of objects(list)) {
      const at = alertStates.find((one) => one === tier.state) ?? 'unknown';
      tiers[at] = (tiers[at] ?? 0) + 1;
      count(tier.forwards);
    }
  };
  count(answer.tiers);
  const held = link !== null && typeof link === 'object' ? (link as Loose) : null;
  const said = held?.answer !== null && typeof held?.answer === 'object' ? (held.answer as Loose) : null;
  return {
    reference,
    attester,
    recipient: typeof recipient === 'string' ? recipient : null,
    entry,
    raisedAt: numberOf(raisedAt),
    state,
    due: numberOf(due),
    overdue: answer.overdue === true,
    answers: objects(answer.answers).map(({ status, organisation, at, byLink }) => ({
      status: statusOf(status),
      organisation: String(organisation),
      at: numberOf(at) ?? 0,
      byLink: byLink === true,
    })),
    pending: objects(answer.pending).map(({ status }) => statusOf(status)),
    tiers,
    link:
      held === null
        ? null
        : {
            until: numberOf(held.until) ?? 0,
            openings: numberOf(held.openings) ?? 0,
            signed: (held.link ?? {}) as Readonly<Record<string, Json>>,
            answer:
              said === null
                ? null
                : {
                    signed: (said.signed ?? {}) as Readonly<Record<string, Json>>,
                    recorded: said.recorded === true,
                  },
          },
  };
}

/** What this party may answer now; what is on its way to the ledger is not offered again. */
export function answersOpen(
  { state, pending }: AlertRow,
  by: 'recipient' | 'raiser',
): readonly AlertStatus[] {
  return alertStatuses.filter((status) => {
    const transition = alertTransitions[status];
    return transition.by === by && transition.from.includes(state) && !pending.includes(status);
  });
}

export type AlertContent = {
  readonly envelope: Envelope;
  readonly sealed: Readonly<Record<string, Json>>;
};

/**
 * The content of an entry that the service handed out, if it is that entry's.
 * @throws `alert.otherContent` where it is another's, and the `block.*`, `envelope.*` and `disclosure.*` codes
 */
export function openContent(digest: string, content: Loose): AlertContent {
  const { block, key, disclosures } = content;
  if (typeof block !== 'string' || typeof key !== 'string' || !Array.isArray(disclosures)) {
    throw new VinculumError('service.malformed', 'The answer is not what such a service answers.');
  }
  const bytes = fromBase64Url(block);
  if (digestOf(bytes) !== digest) {
    throw new VinculumError('alert.otherContent', 'What was handed out is not what stands on the ledger.');
  }
  const envelope = openEnvelope(bytes, fromBase64Url(key));
  return { envelope, sealed: openSealed(envelope, disclosures.map(String)) };
}

/**
 * An alert that the service handed out: its raiser and reference are its own, so that nobody answers another than is read.
 * @throws `alert.otherContent` where it is another alert, or none, and what {@link openContent} throws
 */
export function openAlert(
  {
    reference,
    entry,
    attester,
  }: { readonly reference: string; readonly entry: string; readonly attester?: string },
  content: Loose,
): AlertContent {
  const opened = openContent(entry, content);
  const { kind, organisation, data } = opened.envelope;
  if (
    kind !== 'alert.raised' ||
    data.reference !== reference ||
    (attester !== undefined && organisation !== attester)
  ) {
    throw new VinculumError('alert.otherContent', 'What was handed out is not the alert that was asked for.');
  }
  return opened;
}

/** What an alert is about, the batches first. */
export function affectedOf({ sealed }: Pick<AlertContent, 'sealed'>): readonly string[] {
  return [sealed.affectedBatches, sealed.affectedSerials].flatMap((list) =>
    Array.isArray(list) ? list.map(String) : [],
  );
}

/** Identifiers of batches or parts out of what somebody typed or pasted: one a line, or separated by commas. */
export function identifiersIn(text: string): readonly string[] {
  return [
    ...new Set(
      text
        .split(/[\s,;，；]+/)
        .map((one) => one.trim())
        .filter((one) => one !== ''),
    ),
  ];
}
