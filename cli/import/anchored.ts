import { toHex, word } from '../../core/bytes.ts';
import { unpackEntries } from '../../core/chain/entry.ts';
import { type OrganisationId, ZERO_SUBJECT } from '../../core/chain/types.ts';
import { decodeLedgerLog, readHeader, readLogs, topics } from '../chain.ts';
import type { OpenLedger } from '../ledger.ts';
import { historiesOf } from '../locate.ts';

/**
 * Whether every entry of a submission is on the ledger, by its logs.
 * @param packed base64url
 * @param organisation on whose own chain the entries without a subject stand
 */
export async function isAnchored(
  ledger: OpenLedger,
  packed: string,
  organisation?: OrganisationId,
): Promise<boolean> {
  const entries = unpackEntries(Buffer.from(packed, 'base64url'));
  const to = (await readHeader(ledger.rpc, 'latest'))?.number ?? 0;
  const { address } = ledger.address;
  const subjects = [...new Set(entries.map(({ subject }) => subject))].filter(
    (subject) => subject !== ZERO_SUBJECT,
  );
  const histories = await historiesOf(ledger.rpc, address, subjects, to);
  const events = [...histories.values()].flat();
  if (organisation !== undefined && entries.some(({ subject }) => subject === ZERO_SUBJECT)) {
    const filter = { address, topics: [topics.ownRecorded, toHex(word(organisation))] };
    for (const log of await readLogs(ledger.rpc, filter, { from: 0, to })) {
      const event = decodeLedgerLog(log);
      if (event !== null) events.push(event);
    }
  }
  const digests = new Set(events.map((event) => (event.event === 'accepted' ? null : event.link.digest)));
  return entries.every(({ digest }) => digests.has(digest));
}
