import { toHex, word } from '../../core/bytes.ts';
import { unpackEntries } from '../../core/chain/entry.ts';
import { type OrganisationId, ZERO_SUBJECT } from '../../core/chain/types.ts';
import { decodeLedgerLog, type LedgerEvent, readHeader, readLogs, topics } from '../chain.ts';
import type { OpenLedger } from '../ledger.ts';
import { attesterOf, historiesOf } from '../locate.ts';

/**
 * Whether every entry of a submission is on the ledger as this organisation signed it, by its logs. Anybody can write anybody's
 * digest: kind, subject and attester must be the submission's too.
 * @param packed base64url
 */
export async function isAnchored(
  ledger: OpenLedger,
  packed: string,
  organisation: OrganisationId,
): Promise<boolean> {
  const entries = unpackEntries(Buffer.from(packed, 'base64url'));
  const to = (await readHeader(ledger.rpc, 'latest'))?.number ?? 0;
  const { address } = ledger.address;
  const subjects = [...new Set(entries.map(({ subject }) => subject))].filter(
    (subject) => subject !== ZERO_SUBJECT,
  );
  const histories = await historiesOf(ledger.rpc, address, subjects, to);
  const there = new Set(
    [...histories].flatMap(([subject, events]) => namesOf(subject, events, organisation)),
  );
  if (entries.some(({ subject }) => subject === ZERO_SUBJECT)) {
    const filter = { address, topics: [topics.ownRecorded, toHex(word(organisation))] };
    const logs = await readLogs(ledger.rpc, filter, { from: 0, to });
    const events = logs.flatMap((log) => decodeLedgerLog(log) ?? []);
    for (const name of namesOf(ZERO_SUBJECT, events, organisation)) there.add(name);
  }
  return entries.every(({ kind, subject, digest }) => there.has(`${kind} ${subject} ${digest}`));
}

function namesOf(subject: string, events: readonly LedgerEvent[], organisation: OrganisationId): string[] {
  return events.flatMap((event) => {
    if (event.event === 'accepted' || attesterOf(event) !== organisation) return [];
    return [`${event.link.kind} ${subject} ${event.link.digest}`];
  });
}
