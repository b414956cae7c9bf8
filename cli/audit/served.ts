import * as z from 'zod/mini';
import type { Link } from '../../core/chain/link.ts';
import type { Subject } from '../../core/chain/types.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { linkOf, reportLinkSchema } from '../../core/report/report.ts';
import { readHeader } from '../chain.ts';
import { type Client, parseAnswer, reportPath } from '../client.ts';
import { type Difference, describeDifference, differences } from '../difference.ts';
import { concurrently } from '../http.ts';
import { historiesOf, timed } from '../locate.ts';
import type { Rpc } from '../rpc.ts';
import type { JudgedChain } from './judge.ts';
import type { Problem } from './problems.ts';
import type { RebuiltLedger, Step } from './rebuild.ts';

const reportSchema = z.looseObject({
  ledgers: z.array(
    z.looseObject({ ledger: z.string(), subject: z.string(), links: z.array(reportLinkSchema) }),
  ),
  unread: z.optional(z.array(z.looseObject({ ledger: z.string(), reason: z.string() }))),
});
const AT_ONCE = 6;

export type ServedCounts = {
  readonly compared: number;
  readonly differing: number;
  readonly skipped: number;
};

/**
 * Compares the history that the service tells of each subject with the ledger's. The index behind the service is no part
 * of what the ledger proves; but it is what readers are shown.
 */
export async function compareServed(
  client: Client,
  rpc: Rpc,
  ledger: RebuiltLedger,
  chains: readonly JudgedChain[],
  problems: Problem[],
  step: Step,
): Promise<ServedCounts> {
  const known = chains.filter(({ identifier }) => identifier !== null);
  let compared = 0;
  let differing = 0;
  let unread: string | null = null;
  let unreadSubjects = 0;
  await concurrently(known, AT_ONCE, async ({ subject, identifier }) => {
    const onLedger = (ledger.histories.get(subject) ?? []).map(({ link, block, transaction }) => ({
      link,
      block,
      transaction,
    }));
    let told = await toldHistory(client, ledger, identifier ?? '');
    if (told.unread !== null) {
      unread = told.unread;
      unreadSubjects += 1;
      return;
    }
    let found = differences(onLedger, told.links);
    if (found.length > 0 || told.subject !== subject) {
      // The ledger may have grown since it was read: both are asked again before anything is said.
      told = await toldHistory(client, ledger, identifier ?? '');
      found = differences(await historyNow(rpc, ledger, subject), told.links);
    }
    compared += 1;
    step('Comparing what is served', compared, known.length);
    if (found.length > 0 || told.subject !== subject) differing += 1;
    problems.push(...found.map((difference) => problemOf(ledger, subject, difference)));
    if (told.subject !== subject) {
      const at = { subject, ledger: ledger.ledger };
      problems.push({
        outcome: 'failed',
        code: 'served.subject',
        at,
        expected: subject,
        found: told.subject,
      });
    }
  });
  if (unread !== null) {
    const at = { ledger: ledger.ledger, reason: unread };
    problems.push({ outcome: 'incomplete', code: 'served.unread', at });
  }
  return { compared, differing, skipped: chains.length - known.length + unreadSubjects };
}

async function toldHistory(
  client: Client,
  ledger: RebuiltLedger,
  identifier: string,
): Promise<{ subject: string; links: Link[]; unread: string | null }> {
  const path = reportPath(parseIdentifier(identifier, { overrideCheckDigit: true }));
  const answer = await client.bytes(path, { headers: { accept: 'application/json' } });
  const report = parseAnswer(client.url, '/report', reportSchema, answer.body);
  const section = report.ledgers.find((candidate) => candidate.ledger === ledger.ledger);
  const unread = report.unread?.find((candidate) => candidate.ledger === ledger.ledger)?.reason ?? null;
  return { subject: section?.subject ?? '', links: (section?.links ?? []).map(linkOf), unread };
}

async function historyNow(rpc: Rpc, ledger: RebuiltLedger, subject: Subject) {
  const latest = (await readHeader(rpc, 'latest'))?.number ?? 0;
  const histories = await historiesOf(rpc, ledger.record.ledger, [subject], latest);
  return timed(rpc, histories.get(subject) ?? []);
}

const CODES = {
  leftOut: 'served.leftOut',
  added: 'served.added',
  altered: 'served.altered',
  moved: 'served.moved',
} as const;

function problemOf(ledger: RebuiltLedger, subject: Subject, difference: Difference): Problem {
  const link = 'onLedger' in difference ? difference.onLedger.link : difference.told;
  return {
    outcome: 'failed',
    code: CODES[difference.difference],
    at: {
      position: difference.position,
      kind: link.kind,
      digest: link.digest,
      subject,
      ledger: ledger.ledger,
      ...('onLedger' in difference
        ? { block: difference.onLedger.block, transaction: difference.onLedger.transaction }
        : {}),
    },
    detail: describeDifference(difference),
  };
}
