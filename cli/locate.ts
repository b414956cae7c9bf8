import { toHex, word } from '../core/bytes.ts';
import { parseLedgerId } from '../core/chain/ledgerId.ts';
import type { Link } from '../core/chain/link.ts';
import type { OrganisationId, Subject } from '../core/chain/types.ts';
import { linkOf, type Report } from '../core/report/report.ts';
import type { Check, Verification } from '../core/verify/result.ts';
import { decodeLedgerLog, type LedgerEvent, readHeaders, readLogs, topics } from './chain.ts';
import { type Difference, differences, type PlacedLink } from './difference.ts';
import type { Rpc } from './rpc.ts';
import type { Endpoints } from './views.ts';

/** Where exactly a chain of the report differs from the ledger's own logs. */
export type Located = { readonly check: Check; readonly differences: readonly Difference[] };

/**
 * For each head that the report does not lead to: the entries that differ. The verdict stands without this; the
 * ledger's logs, of the reader's own endpoint, say where to look.
 */
export async function locate(
  report: Report,
  verification: Verification,
  endpoints: Endpoints,
): Promise<Located[]> {
  const failed = verification.steps
    .flatMap((step) => step.checks)
    .filter(
      (check) =>
        check.outcome === 'failed' && (check.code === 'head.subject' || check.code === 'head.ownChain'),
    );
  const located: Located[] = [];
  for (const check of failed) {
    const ledger = parseLedgerId(String(check.at.ledger));
    const rpc = endpoints.get(ledger.chainId)?.[0];
    const section = report.ledgers.find((candidate) => candidate.ledger === check.at.ledger);
    const asOf = verification.asOf.find((view) => view.chainId === ledger.chainId);
    if (rpc === undefined || section === undefined || asOf === undefined) continue;
    const own = check.code === 'head.ownChain';
    const told = own
      ? (section.ownChains.find(({ organisation }) => organisation === check.at.organisation)?.links ?? [])
      : section.links;
    const filter = own
      ? [topics.ownRecorded, toHex(word(BigInt(String(check.at.organisation))))]
      : [[topics.recorded, topics.moduleRecorded], section.subject];
    const range = { from: 0, to: Number(asOf.block.number) };
    const logs = await readLogs(rpc, { address: ledger.address, topics: filter }, range);
    const events = logs.map(decodeLedgerLog).filter((event) => event !== null);
    located.push({ check, differences: differences(await timed(rpc, events), told.map(linkOf)) });
  }
  return located;
}

/** The links of events with the times of their blocks. */
export async function timed(rpc: Rpc, events: readonly LedgerEvent[]): Promise<PlacedLink[]> {
  const headers = await readHeaders(rpc, [...new Set(events.map((event) => event.block))]);
  return events.flatMap((event): PlacedLink[] => {
    if (event.event === 'accepted') return [];
    const timestamp = headers.get(event.block)?.timestamp ?? 0n;
    return [
      { link: { ...event.link, timestamp } as Link, block: event.block, transaction: event.transaction },
    ];
  });
}

/** The ledger's entries of some subjects, by subject, as its logs have them. */
export async function historiesOf(
  rpc: Rpc,
  ledger: Parameters<typeof readLogs>[1]['address'],
  subjects: readonly Subject[],
  to: number,
): Promise<Map<Subject, LedgerEvent[]>> {
  const histories = new Map<Subject, LedgerEvent[]>();
  const GROUP = 100;
  for (let start = 0; start < subjects.length; start += GROUP) {
    const filter = [[topics.recorded, topics.moduleRecorded], subjects.slice(start, start + GROUP)];
    for (const log of await readLogs(rpc, { address: ledger, topics: filter }, { from: 0, to })) {
      const event = decodeLedgerLog(log);
      if (event?.event !== 'entry') continue;
      histories.set(event.subject, [...(histories.get(event.subject) ?? []), event]);
    }
  }
  return histories;
}

/** The organisation that attested an event, or null for a module's. */
export function attesterOf(event: LedgerEvent): OrganisationId | null {
  if (event.event !== 'entry') return event.organisation;
  return 'organisation' in event.link ? event.link.organisation : null;
}
