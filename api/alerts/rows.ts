import {
  type Alert,
  type AlertParty,
  type AlertStatus,
  applyAlertAnswer,
  RAISED,
} from '../../core/alerts/alert.ts';
import { toHex } from '../../core/bytes.ts';
import { VinculumError } from '../../core/errors.ts';
import { alertAnswered, alertRaised } from '../../core/kinds/alert.ts';

export type AlertRow = {
  readonly digest: Uint8Array;
  readonly attester: bigint;
  readonly reference: Uint8Array;
  readonly recipient: bigint | null;
  readonly due: bigint | null;
  readonly passes_attester: bigint | null;
  readonly passes_reference: Uint8Array | null;
  readonly disclosed: boolean;
  readonly accepted_at: Date;
};
export const ALERT_COLUMNS = `alerts.digest, alerts.attester, alerts.reference, alerts.recipient, alerts.due,
  alerts.passes_attester, alerts.passes_reference, alerts.disclosed, alerts.accepted_at`;

export type AnswerRow = {
  readonly digest: Uint8Array;
  readonly organisation: bigint;
  readonly attester: bigint;
  readonly reference: Uint8Array;
  readonly status: AlertStatus;
  readonly reason: boolean;
  readonly forwards: Uint8Array;
  readonly link: Uint8Array | null;
  readonly accepted_at: Date;
};
export const ANSWER_COLUMNS = `alert_answers.digest, alert_answers.organisation, alert_answers.attester,
  alert_answers.reference, alert_answers.status, alert_answers.reason, alert_answers.forwards, alert_answers.link,
  alert_answers.accepted_at`;

/** SQL: when an entry of a kind came onto an organisation's own chain of the ledger `$1`; null: it has not. */
const anchoredBy = (entry: string, organisation: string, kind: number): string => `LEFT JOIN LATERAL (
  SELECT timestamp, block_number, log_index FROM own_links
  WHERE own_links.digest = ${entry} AND own_links.organisation = ${organisation} AND own_links.kind = ${kind}
    AND own_links.ledger = $1
  ORDER BY own_links.position LIMIT 1) AS anchor ON true`;
export const ALERTS = `alerts ${anchoredBy('alerts.digest', 'alerts.attester', alertRaised.number)}`;
export const ANSWERS = `alert_answers ${anchoredBy('alert_answers.digest', 'alert_answers.organisation', alertAnswered.number)}`;

/** The order of the ledger's blocks; after it what is not there, as it came in. */
export const ANSWER_ORDER =
  'anchor.block_number, anchor.log_index, alert_answers.accepted_at, alert_answers.digest';

/**
 * SQL: whether an entry is on its way to the ledger `$1`, in a submission that may still get there. One that expired or lost
 * its nonce does not: it leaves its row here, which counts for nothing unless it comes onto the ledger all the same.
 */
const onItsWay = (entry: string, organisation: string): string => `(anchor.timestamp IS NULL AND EXISTS (
  SELECT 1 FROM submissions WHERE submissions.organisation = ${organisation} AND submissions.ledger = $1
    AND submissions.state IN ('received', 'stored', 'submitted') AND position(${entry} IN submissions.entries) > 0))`;
export const ALERT_ON_ITS_WAY = onItsWay('alerts.digest', 'alerts.attester');
export const ANSWER_ON_ITS_WAY = onItsWay('alert_answers.digest', 'alert_answers.organisation');

export type FoldedAlert<Row extends AnswerRow> = {
  readonly alert: Alert;
  /** The answers that count, in their order. */
  readonly counted: readonly Row[];
};

/** Folds the answers to an alert by the table of core; what the table does not allow counts for nothing. */
export function foldAnswers<Row extends AnswerRow>(
  row: Pick<AlertRow, 'attester' | 'recipient'>,
  answers: readonly Row[],
): FoldedAlert<Row> {
  let alert = RAISED;
  const counted: Row[] = [];
  for (const answer of answers) {
    const party = partyOf(row, answer);
    if (party === null || answer.attester !== row.attester) continue;
    try {
      alert = applyAlertAnswer(
        alert,
        { status: answer.status, reason: reasonText(answer.reason), forwards: referencesIn(answer.forwards) },
        party,
      );
      counted.push(answer);
    } catch (error) {
      if (!(error instanceof VinculumError)) throw error;
    }
  }
  return { alert, counted };
}

export function referencesIn(packed: Uint8Array): string[] {
  return Array.from({ length: packed.length / 16 }, (_, index) =>
    toHex(packed.subarray(index * 16, index * 16 + 16)),
  );
}

export const reasonText = (given: boolean): string => (given ? 'given' : '');

/** As what an organisation answers an alert; null where it is no party to it. */
export function partyOf(
  alert: Pick<AlertRow, 'attester' | 'recipient'>,
  answer: { readonly organisation: bigint; readonly status: string; readonly link: Uint8Array | null },
): AlertParty | null {
  // What the holder of a link answered is attested by who raised the alert.
  if (answer.link !== null) {
    return alert.recipient === null && answer.organisation === alert.attester ? 'recipient' : null;
  }
  if (answer.organisation === alert.recipient) return 'recipient';
  return answer.organisation === alert.attester ? 'raiser' : null;
}
