import { skipReasons } from '../../core/chain/submission.ts';
import { steps } from '../../core/verify/result.ts';
import type { Lie, Teller } from './lie.ts';
import { allLies } from './lies/all.ts';

/*
 * The tables of docs/threat-model.md, one row a lie. They are written from the harness, so that the document names every
 * lie that is tested and none that is not.
 */

const TITLES: Readonly<Record<Teller, string>> = {
  operator: 'The operator of the service',
  'RPC endpoint': 'An RPC endpoint',
  'IPFS node': 'An IPFS node or gateway',
  attester: 'An attester',
  authority: 'A registrar, a lender, the police',
  owner: 'An owner, a former owner, a buyer',
  grantee: 'A grantee',
  relayer: 'A relayer',
  forger: 'A forger of files',
};

export const BEGIN = '<!-- Written from test/adversary; a test compares. -->';
export const END = '<!-- End of what is written from test/adversary. -->';

/** `step 3, head.subject`, a code, a reason of the ledger’s, or a sentence as it is. */
function evidence(caughtBy: string): string {
  const [first = '', ...rest] = caughtBy.split(' ');
  const step = (steps as readonly string[]).indexOf(first) + 1;
  if (step > 0) return `step ${step}, \`${rest.join(' ')}\``;
  if (first === 'reader') return `the reader, \`${rest.join(' ')}\``;
  if (/^Skipped \d$/.test(caughtBy)) {
    return `the ledger: \`${skipReasons[Number(rest[0]) as keyof typeof skipReasons]}\``;
  }
  if (first === 'Titles' || first === 'Parts') return `\`${first}\`: \`${rest.join(' ')}\``;
  if (first === 'finding') return `the finding \`${rest.join(' ')}\``;
  return /^[a-z]+\.[A-Za-z]+$/.test(caughtBy) ? `\`${caughtBy}\`` : caughtBy;
}

export function rowOf({ lie, caughtBy, fate }: Lie): string {
  return `| ${lie} | ${evidence(caughtBy)} | ${fate} |`;
}

export function tables(): string {
  const tellers = Object.keys(TITLES) as Teller[];
  const parts = tellers.map((teller) => {
    const rows = allLies.filter(({ by }) => by === teller).map(rowOf);
    return [`### ${TITLES[teller]}`, '| lie | caught by | fate |', '|---|---|---|', ...rows].join('\n');
  });
  return [BEGIN, ...parts, END].join('\n\n');
}
