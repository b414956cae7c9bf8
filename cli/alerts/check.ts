import { fromBase64Url, toHex, word } from '../../core/bytes.ts';
import type { Json } from '../../core/canonical.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import type { LedgerAddress, OrganisationId } from '../../core/chain/types.ts';
import { ZERO_SUBJECT } from '../../core/chain/types.ts';
import { digestOf } from '../../core/envelope/block.ts';
import type { Disclosure } from '../../core/envelope/disclosure.ts';
import { checkBinding, type Envelope, openEnvelope, openSealed } from '../../core/envelope/envelope.ts';
import { isVinculumError } from '../../core/errors.ts';
import { alertAnswered, alertRaised } from '../../core/kinds/alert.ts';
import { decodeLedgerLog, readHeader, readHeaders, readLogs, topics } from '../chain.ts';
import { CommandError } from '../exit.ts';
import type { Rpc } from '../rpc.ts';
import type { AlertContent, AlertDetail } from './wire.ts';

/** An entry of an alert that stands on the chain of who is said to have made it, opened. */
export type CheckedEntry = {
  readonly digest: string;
  readonly organisation: string;
  readonly envelope: Envelope;
  readonly sealed: Readonly<Record<string, Json>>;
};

/**
 * Holds an alert and every answer to the ledger's own logs, read at the reader's endpoint: an answer that is not on the
 * chain of who is said to have given it, or says something else, is the service's invention.
 * @throws `alert.refuted` (exit 1)
 */
export async function checkAlert(
  rpc: Rpc,
  ledger: LedgerAddress,
  alert: AlertDetail,
): Promise<{ readonly raised: CheckedEntry; readonly answers: readonly CheckedEntry[] }> {
  const raised = await checkEntry(rpc, ledger, {
    digest: alert.entry,
    organisation: alert.attester,
    kind: alertRaised.number,
    content: alert.contents[alert.entry],
  });
  if (raised.envelope.data.reference !== alert.reference) throw refuted('The entry is another alert’s.');
  const recipient = raised.sealed.recipient ?? null;
  if (recipient !== alert.recipient) throw refuted('The alert is for somebody else than the service says.');
  const answers: CheckedEntry[] = [];
  for (const answer of alert.answers) {
    const checked = await checkEntry(rpc, ledger, {
      digest: answer.entry,
      organisation: answer.organisation,
      kind: alertAnswered.number,
      content: alert.contents[answer.entry],
    });
    const about = checked.sealed.alert as { attester?: unknown; reference?: unknown } | undefined;
    const fits =
      checked.envelope.data.status === answer.status &&
      about?.attester === alert.attester &&
      about.reference === alert.reference;
    if (!fits) throw refuted(`The entry ${answer.entry} does not answer ${answer.status} to this alert.`);
    const party = answer.byLink || answer.status === 'closed' ? alert.attester : alert.recipient;
    if (answer.organisation !== party) throw refuted('Somebody else answered than whom the alert is for.');
    answers.push(checked);
  }
  return { raised, answers };
}

type Stated = {
  readonly digest: string;
  readonly organisation: string;
  readonly kind: number;
  readonly content: AlertContent | undefined;
};

/** @throws `alert.refuted` */
export async function checkEntry(
  rpc: Rpc,
  ledger: LedgerAddress,
  { digest, organisation, kind, content }: Stated,
): Promise<CheckedEntry> {
  if (content === undefined) throw refuted(`The service does not show the content of ${digest}.`);
  const id = BigInt(organisation) as OrganisationId;
  const head = await readHeader(rpc, 'latest');
  const filter = [topics.ownRecorded, toHex(word(id))];
  const logs = await readLogs(
    rpc,
    { address: ledger.address, topics: filter },
    { from: 0, to: head?.number ?? 0 },
  );
  const found = logs
    .map(decodeLedgerLog)
    .find((event) => event?.event === 'ownEntry' && event.link.digest === digest && event.link.kind === kind);
  if (found === undefined || found === null) {
    throw refuted(`The entry ${digest} does not stand on the chain of organisation ${organisation}.`);
  }
  const timestamp = (await readHeaders(rpc, [found.block])).get(found.block)?.timestamp ?? 0n;
  try {
    const block = fromBase64Url(content.block);
    if (digestOf(block) !== digest) throw refuted(`The content is not that of ${digest}.`);
    const envelope = openEnvelope(block, fromBase64Url(content.key));
    checkBinding(envelope, {
      ledger: formatLedgerId(ledger),
      subject: ZERO_SUBJECT,
      identifier: `organisation:${organisation}`,
      kind,
      organisation: id,
      timestamp,
    });
    const sealed = openSealed(envelope, content.disclosures as Disclosure[]) as Readonly<
      Record<string, Json>
    >;
    return { digest, organisation, envelope, sealed };
  } catch (error) {
    if (!isVinculumError(error) || error instanceof CommandError) throw error;
    throw refuted(`The content of ${digest} does not belong to it: ${error.message}`, error);
  }
}

function refuted(why: string, cause?: unknown): CommandError {
  return new CommandError('failed', 'alert.refuted', `What the service says is not on the ledger. ${why}`, {
    cause,
  });
}
