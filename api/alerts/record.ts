import { type AlertReference, type AlertStatus, applyAlertAnswer } from '../../core/alerts/alert.ts';
import { readAlertLink, readLinkAnswer } from '../../core/alerts/link.ts';
import { concat, fromHex, toHex } from '../../core/bytes.ts';
import type { LedgerAddress, OrganisationId } from '../../core/chain/types.ts';
import { secondsOf } from '../../core/envelope/time.ts';
import { VinculumError } from '../../core/errors.ts';
import { alertAnswered, alertRaised } from '../../core/kinds/alert.ts';
import { OWN_REGISTER } from '../index/ledgers.ts';
import type { AcceptedEntry } from '../pipeline.ts';
import { Problem } from '../problem.ts';
import type { Transaction } from '../store/store.ts';
import {
  ALERT_COLUMNS,
  ALERT_ON_ITS_WAY,
  ALERTS,
  type AlertRow,
  ANSWER_COLUMNS,
  ANSWER_ON_ITS_WAY,
  ANSWER_ORDER,
  ANSWERS,
  type AnswerRow,
  foldAnswers,
  partyOf,
  reasonText,
} from './rows.ts';

export type RecordOptions = {
  readonly ledger: LedgerAddress;
  /** The number of that ledger in the index. */
  readonly own: number;
  readonly now: Date;
};

/**
 * Lists alerts and answers in the transaction that accepts them. One that breaks the rules for an alert that is here is
 * refused, so that nobody signs what counts for nothing. What is on the ledger already nobody can refuse any more: it is
 * listed without being judged, where it can be listed; and an entry that is listed needs no second judgement.
 * @throws `alert.recipient` `alert.ownRecipient` `alert.empty` `alert.referenceTaken` `alert.notRecipient` and the other codes
 *   of core's table, `alert.linkSignature` `alert.linkAnswerMissing` `organisation.unknown`
 */
export async function recordAlerts(
  transaction: Transaction,
  entries: readonly AcceptedEntry[],
  options: RecordOptions,
): Promise<void> {
  for (const entry of entries) {
    if (entry.kind !== alertRaised.number && entry.kind !== alertAnswered.number) continue;
    const raised = entry.kind === alertRaised.number;
    const [place] = await transaction.query<{ listed: boolean; anchored: boolean }>(
      `SELECT EXISTS (SELECT 1 FROM ${raised ? 'alerts' : 'alert_answers'} WHERE digest = $1) AS listed,
              EXISTS (SELECT 1 FROM own_links
                WHERE digest = $1 AND organisation = $2 AND kind = $3 AND ledger = $4) AS anchored`,
      [fromHex(entry.digest, 32), BigInt(entry.envelope.organisation), entry.kind, options.own],
    );
    if (place?.listed === true) continue;
    const anchored = place?.anchored === true;
    const record = raised ? recordAlert : recordAnswer;
    try {
      await record(transaction, entry, { ...options, anchored });
    } catch (error) {
      if (!anchored || !isJudgement(error)) throw error;
    }
  }
}

function isJudgement(error: unknown): boolean {
  return (
    (error instanceof VinculumError || error instanceof Problem) &&
    /^(?:alert|organisation)\./.test(error.code)
  );
}

type Recording = RecordOptions & { readonly anchored: boolean };

async function recordAlert(
  transaction: Transaction,
  { digest, envelope, sealed }: AcceptedEntry,
  { own, now, anchored }: Recording,
): Promise<void> {
  const attester = BigInt(envelope.organisation) as OrganisationId;
  const reference = envelope.data.reference;
  const named = [sealed.recipient, sealed.customer].filter((one) => one !== undefined);
  if (named.length !== 1 || typeof reference !== 'string') {
    throw new VinculumError(
      'alert.recipient',
      'An alert names one recipient in its sealed fields: an organisation, or a customer that is not on the network.',
    );
  }
  const recipient = sealed.recipient === undefined ? null : BigInt(String(sealed.recipient));
  if (recipient === attester)
    throw new VinculumError('alert.ownRecipient', 'An alert is raised for another company.');
  if (recipient !== null) await requireOrganisation(transaction, recipient);
  const passes = sealed.alert as AlertReference | undefined;
  if (!anchored) await judgeAlert(transaction, sealed, attester, passes);
  await freeReference(transaction, fromHex(reference, 16), own);
  const inserted = await transaction.execute(
    `INSERT INTO alerts (digest, attester, reference, recipient, due, passes_attester, passes_reference, disclosed, accepted_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
    [
      fromHex(digest, 32),
      attester,
      fromHex(reference, 16),
      recipient,
      sealed.due === undefined ? null : dueSeconds(String(sealed.due)),
      passes === undefined ? null : BigInt(passes.attester),
      passes === undefined ? null : fromHex(passes.reference, 16),
      sealed.disclosed === true,
      now,
    ],
  );
  if (inserted === 0)
    throw new Problem('store.busy', 'The same reference came in by another process just now.');
}

async function judgeAlert(
  transaction: Transaction,
  sealed: AcceptedEntry['sealed'],
  attester: OrganisationId,
  passes: AlertReference | undefined,
): Promise<void> {
  const { affectedBatches, affectedSerials, description } = sealed;
  if (affectedBatches === undefined && affectedSerials === undefined && description === undefined) {
    throw new VinculumError(
      'alert.empty',
      'An alert says which batches or parts it is about, or what is wrong.',
    );
  }
  if (passes === undefined) return;
  const above = await alertOf(transaction, passes);
  if (above !== undefined && above.recipient !== attester) {
    throw new VinculumError('alert.notRecipient', 'Only whom an alert was raised for passes it on.');
  }
}

/** Takes a reference from an alert that never reached the ledger. @throws `alert.referenceTaken` where it belongs to another */
async function freeReference(transaction: Transaction, reference: Uint8Array, own: number): Promise<void> {
  const [holder] = await transaction.query<{ digest: Uint8Array; lives: boolean }>(
    `SELECT alerts.digest, anchor.timestamp IS NOT NULL OR ${ALERT_ON_ITS_WAY} AS lives FROM ${ALERTS}
     WHERE alerts.reference = $2 FOR UPDATE OF alerts`,
    [own, reference],
  );
  if (holder === undefined) return;
  if (holder.lives) {
    throw new Problem('alert.referenceTaken', 'Another alert has this reference: draw a new one.');
  }
  await transaction.execute('DELETE FROM alerts WHERE digest = $1', [holder.digest]);
}

/** A day counts to its end. */
function dueSeconds(due: string): bigint {
  return secondsOf(due) + (due.includes('T') ? 0n : 86_399n);
}

async function requireOrganisation(transaction: Transaction, organisation: bigint): Promise<void> {
  const known =
    organisation < 2n ** 63n &&
    (
      await transaction.query(
        'SELECT 1 AS one FROM organisation_links WHERE register = $1 AND organisation = $2 AND position = 0',
        [OWN_REGISTER, organisation],
      )
    ).length > 0;
  if (!known) throw new Problem('organisation.unknown', `Organisation ${organisation} was never admitted.`);
}

/** The row of an alert, locked: its answers are judged one after the other. */
async function alertOf(
  transaction: Transaction,
  { attester, reference }: AlertReference,
): Promise<AlertRow | undefined> {
  const [row] = await transaction.query<AlertRow>(
    `SELECT ${ALERT_COLUMNS} FROM alerts WHERE reference = $1 AND attester = $2 FOR UPDATE`,
    [fromHex(reference, 16), BigInt(attester)],
  );
  return row;
}

async function recordAnswer(
  transaction: Transaction,
  { digest, envelope, sealed }: AcceptedEntry,
  { ledger, own, now, anchored }: Recording,
): Promise<void> {
  const organisation = BigInt(envelope.organisation) as OrganisationId;
  const about = sealed.alert as AlertReference | undefined;
  const status = envelope.data.status as AlertStatus | undefined;
  if (about === undefined || status === undefined) {
    throw new VinculumError('alert.unnamed', 'An answer names its alert, in its sealed fields.');
  }
  const forwards = (sealed.forwardedAs as readonly string[] | undefined) ?? [];
  const reason = typeof sealed.description === 'string' && sealed.description.trim() !== '';
  const alert = await alertOf(transaction, about);
  const linkAnswer = sealed.linkAnswer as { link: unknown; answer: unknown } | undefined;
  const hash = linkAnswer === undefined ? null : linkOf(ledger, linkAnswer, alert, status);
  const link = hash === null ? null : fromHex(hash, 32);
  const answer = { organisation, status, link, reason: reason || link !== null, forwards };
  if (alert !== undefined && !anchored) await judgeAnswer(transaction, alert, answer, own);
  await transaction.execute(
    `INSERT INTO alert_answers (digest, organisation, attester, reference, status, reason, forwards, link, accepted_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
    [
      fromHex(digest, 32),
      organisation,
      BigInt(about.attester),
      fromHex(about.reference, 16),
      status,
      answer.reason,
      concat(...forwards.map((one) => fromHex(one, 16))),
      link,
      now,
    ],
  );
}

type Answer = Pick<AnswerRow, 'status' | 'reason' | 'link'> & {
  readonly organisation: OrganisationId;
  readonly forwards: readonly string[];
};

/**
 * Holds an answer against those on the ledger, and those of the same organisation that are on their way there. What
 * another one only has on its way binds nobody: it may never get there.
 */
async function judgeAnswer(
  transaction: Transaction,
  alert: AlertRow,
  answer: Answer,
  own: number,
): Promise<void> {
  const party = partyOf(alert, answer);
  if (party === null) {
    throw new VinculumError('alert.notParty', 'The alert is neither yours nor raised for you.');
  }
  const answers = await transaction.query<AnswerRow>(
    `SELECT ${ANSWER_COLUMNS} FROM ${ANSWERS} WHERE alert_answers.reference = $2 AND alert_answers.attester = $3
       AND (anchor.timestamp IS NOT NULL OR (alert_answers.organisation = $4 AND ${ANSWER_ON_ITS_WAY}))
     ORDER BY ${ANSWER_ORDER}`,
    [own, alert.reference, alert.attester, answer.organisation],
  );
  const { status, reason, forwards } = answer;
  const before = foldAnswers(alert, answers).alert;
  applyAlertAnswer(before, { status, reason: reasonText(reason), forwards }, party);
  await requireForwards(transaction, forwards, alert, answer.organisation, own);
}

/** The hash of the link whose holder's answer an entry attests, once both signatures hold. */
function linkOf(
  ledger: LedgerAddress,
  given: { link: unknown; answer: unknown },
  alert: AlertRow | undefined,
  status: AlertStatus,
): string {
  const link = readAlertLink(ledger, given.link);
  const answer = readLinkAnswer(ledger, link, given.answer);
  if (alert !== undefined && link.link.alert !== toHex(alert.digest)) {
    throw new VinculumError('alert.linkSignature', 'The link is for another alert.');
  }
  if (answer.status !== status) {
    throw new VinculumError(
      'alert.linkSignature',
      `The holder of the link answered ${answer.status}, not ${status}.`,
    );
  }
  return link.hash;
}

/** Each alert by which another one is passed on is here and alive, of the same organisation, and says so itself. */
async function requireForwards(
  transaction: Transaction,
  forwards: readonly string[],
  alert: AlertRow,
  organisation: OrganisationId,
  own: number,
): Promise<void> {
  if (forwards.length === 0) return;
  const rows = await transaction.query<AlertRow>(
    `SELECT ${ALERT_COLUMNS} FROM ${ALERTS}
     WHERE alerts.reference = ANY($2::bytea[]) AND (anchor.timestamp IS NOT NULL OR ${ALERT_ON_ITS_WAY})`,
    [own, forwards.map((one) => fromHex(one, 16))],
  );
  const fitting = rows.filter(
    (row) =>
      row.attester === organisation &&
      row.passes_attester === alert.attester &&
      toHex(row.passes_reference ?? new Uint8Array()) === toHex(alert.reference),
  );
  if (fitting.length < forwards.length) {
    throw new VinculumError(
      'alert.notForwarded',
      'Raise the alerts by which it is passed on first, or in the same submission: each names the one that it passes on.',
    );
  }
}
