import { unpackEntries } from '../../core/chain/entry.ts';
import { readHeader } from '../chain.ts';
import type { OpenLedger } from '../ledger.ts';
import { historiesOf } from '../locate.ts';

/** Whether every entry of a submission is on the ledger, by its logs. @param packed base64url */
export async function isAnchored(ledger: OpenLedger, packed: string): Promise<boolean> {
  const entries = unpackEntries(Buffer.from(packed, 'base64url'));
  const latest = (await readHeader(ledger.rpc, 'latest'))?.number ?? 0;
  const subjects = [...new Set(entries.map((entry) => entry.subject))];
  const histories = await historiesOf(ledger.rpc, ledger.address.address, subjects, latest);
  const digests = new Set(
    [...histories.values()].flat().map((event) => (event.event === 'entry' ? event.link.digest : null)),
  );
  return entries.every((entry) => digests.has(entry.digest));
}
