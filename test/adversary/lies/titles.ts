import type { LedgerAddress } from '../../../core/chain/types.ts';
import { secureRandom } from '../../../core/envelope/block.ts';
import { titleActionHash } from '../../../core/modules/action.ts';
import { type TitleKind, titleKinds } from '../../../core/modules/title.ts';
import { type Erased, signErasure } from '../../../core/privacy/erasure.ts';
import {
  type Report,
  type ReportLink,
  type ReportTitleAction,
  titleActionOf,
} from '../../../core/report/report.ts';
import type { ReportLie } from '../lie.ts';
import { NEW_NUMBER, OLD_NUMBER, type System, subjectOf, TITLED_CAR } from '../system.ts';
import { section } from './operator.ts';

type TitleLink = Extract<ReportLink, { module: string }>;

/** The last action of a kind in a history. */
function deedIn(links: readonly ReportLink[], kind: TitleKind): TitleLink {
  const found = links.findLast((link) => link.kind === titleKinds[kind]);
  if (found === undefined || !('module' in found)) throw new Error(`no ${kind}`);
  return found;
}

const deed = (report: Report, kind: TitleKind): TitleLink => deedIn(section(report).links, kind);

function said(link: TitleLink): ReportTitleAction {
  if (link.action === undefined || !('party' in link.action)) throw new Error('no title’s action');
  return link.action;
}

/** Leaves entries of these kinds out, with their contents. */
function hide(report: Report, ...kinds: TitleKind[]): void {
  const gone = kinds.map((kind) => deed(report, kind));
  const { links } = section(report);
  links.splice(0, links.length, ...links.filter((link) => !gone.includes(link as TitleLink)));
  for (const { digest } of gone) delete report.contents[digest];
}

function predecessor(report: Report): { subject: string; links: ReportLink[] } {
  const [first] = section(report).predecessors ?? [];
  if (first === undefined) throw new Error('no predecessor');
  return first;
}

/** The hash of an entry's action as if it had been signed for another place. */
function hashElsewhere(report: Report, link: TitleLink, elsewhere: Partial<LedgerAddress>): string {
  const action = titleActionOf(link);
  if (action === null) throw new Error('no action');
  const chainId = BigInt(section(report).ledger.split(':')[1] ?? '0');
  return titleActionHash({ chainId, address: link.module as LedgerAddress['address'], ...elsewhere }, action);
}

/** Says that the envelopes of these kinds were erased, by a key that nobody has ever seen. */
function eraseBy(report: Report, system: System, ...kinds: TitleKind[]): void {
  const throwaway = secureRandom(32);
  for (const kind of kinds) {
    const digest = deed(report, kind).digest as `0x${string}` as Parameters<typeof signErasure>[1]['digest'];
    const what: Erased = 'entry';
    const erasedAt = BigInt(report.createdAt);
    const receipt = signErasure(system.test.ledger, { digest, what, basis: 'request', erasedAt }, throwaway);
    report.contents[digest] = { erased: receipt };
  }
}

const by = 'operator' as const;
const vin = TITLED_CAR;
const head = { by, vin, caughtBy: 'completeness head.subject', fate: 'refuted' } as const;
const hash = { by, vin, caughtBy: 'entries action.hash', fate: 'refuted' } as const;
const carried = { by, vin: NEW_NUMBER } as const;
const stillFound = ['lien.open', 'title.stolen', 'title.brand'];

/** What the operator of the service can say of a title in a report. */
export const titleLies: readonly ReportLie[] = [
  { lie: 'hides a lien', ...head, tell: (r) => hide(r, 'title.lienPlaced') },
  { lie: 'hides a theft', ...head, tell: (r) => hide(r, 'title.stolen') },
  { lie: 'hides a brand', ...head, tell: (r) => hide(r, 'title.branded') },
  {
    lie: 'hides a sale, so that the seller still seems to own the vehicle',
    ...head,
    tell: (r) => hide(r, 'title.offered', 'title.accepted'),
  },
  {
    lie: 'shows the title as it was before lien, brand and theft, under today’s proof',
    ...head,
    tell: (r, s) => ({ ...s.titled.older, proofs: r.proofs }),
  },
  {
    lie: 'invents the release of a lien',
    ...head,
    tell: (r) => {
      const placed = deed(r, 'title.lienPlaced');
      const action = { ...said(placed), until: 0, revision: said(placed).revision + 3 };
      section(r).links.push({ ...placed, kind: titleKinds['title.lienReleased'], action });
    },
  },
  {
    lie: 'calls a theft a recovery',
    ...hash,
    tell: (r) => void Object.assign(deed(r, 'title.stolen'), { kind: titleKinds['title.recovered'] }),
  },
  {
    lie: 'has a lien end today, in what its lender signed',
    ...hash,
    tell: (r) => void Object.assign(said(deed(r, 'title.lienPlaced')), { until: r.createdAt - 1 }),
  },
  {
    lie: 'has a brand be another, in what the authority signed',
    ...hash,
    tell: (r) => void Object.assign(said(deed(r, 'title.branded')), { detail: `0x${'0'.repeat(62)}2f` }),
  },
  {
    lie: 'has the title go to another, in what the registrar signed',
    ...hash,
    tell: (r) => void Object.assign(said(deed(r, 'title.issued')), { party: `0x${'ab'.repeat(20)}` }),
  },
  {
    lie: 'has another organisation place a lien',
    ...hash,
    tell: (r, s) =>
      void Object.assign(said(deed(r, 'title.lienPlaced')), { organisation: s.registry.id.toString() }),
  },
  {
    lie: 'gives another vehicle’s action in the place of this one’s',
    ...hash,
    tell: async (r, s) => {
      const other = deedIn(section(await s.honest(OLD_NUMBER)).links, 'title.lienPlaced');
      deed(r, 'title.lienPlaced').action = said(other);
      return r;
    },
  },
  {
    lie: 'alters an action, and its hash with it',
    ...head,
    tell: (r) => {
      const placed = deed(r, 'title.lienPlaced');
      said(placed).until = r.createdAt - 1;
      placed.actionHash = hashElsewhere(r, placed, {});
    },
  },
  {
    lie: 'passes an action off that was signed for another chain',
    ...hash,
    tell: (r) => {
      const stolen = deed(r, 'title.stolen');
      stolen.actionHash = hashElsewhere(r, stolen, { chainId: 1n });
    },
  },
  {
    lie: 'passes an action off that was signed for another contract',
    ...hash,
    tell: (r) => {
      const stolen = deed(r, 'title.stolen');
      stolen.actionHash = hashElsewhere(r, stolen, { address: `0x${'77'.repeat(20)}` as never });
    },
  },
  {
    lie: 'names a module of its own, under which all actions hash',
    ...head,
    tell: (r) => {
      for (const link of section(r).links) {
        if (!('module' in link)) continue;
        link.module = `0x${'77'.repeat(20)}`;
        link.actionHash = hashElsewhere(r, link, {});
      }
    },
  },
  {
    lie: 'has another accept the offer',
    ...head,
    tell: (r) => void Object.assign(deed(r, 'title.accepted'), { actor: `0x${'ab'.repeat(20)}` }),
  },
  {
    lie: 'passes what a module wrote off as an attester’s entry',
    by,
    vin,
    caughtBy: 'entries link.module',
    fate: 'refuted',
    tell: (r, s) => {
      const { links } = section(r);
      const stolen = deed(r, 'title.stolen');
      const { kind, timestamp, digest } = stolen;
      links[links.indexOf(stolen)] = {
        ...{ kind, timestamp, digest },
        organisation: s.titled.police.id.toString(),
      };
    },
  },
  {
    lie: 'keeps the action of a lien back',
    by,
    vin,
    caughtBy: 'entries action.missing',
    fate: 'incomplete',
    tell: (r) => void delete deed(r, 'title.lienPlaced').action,
  },
  {
    lie: 'keeps the lender’s record back',
    by,
    vin,
    caughtBy: 'attesters organisation.leftOut',
    fate: 'incomplete',
    stillFound,
    tell: (r, s) => {
      const { organisations } = section(r);
      const lender = s.titled.lender.id.toString();
      organisations.splice(
        organisations.findIndex(({ id }) => id === lender),
        1,
      );
    },
  },
  {
    lie: 'withholds the envelopes of lien, brand and theft, to hide what they are',
    by,
    vin,
    caughtBy: 'entries entry.withheld',
    fate: 'incomplete',
    stillFound,
    tell: (r) => {
      for (const kind of ['title.lienPlaced', 'title.branded', 'title.stolen'] as const) {
        r.contents[deed(r, kind).digest] = { withheld: 'lost' };
      }
    },
  },
  {
    lie: 'has a throwaway key say that lien, brand and theft were erased',
    by,
    vin,
    caughtBy: 'finding entry.erased',
    fate: 'warned',
    stillFound,
    tell: (r, s) => eraseBy(r, s, 'title.lienPlaced', 'title.branded', 'title.stolen'),
  },
  {
    lie: 'leaves out what the title was under the old number',
    ...carried,
    caughtBy: 'findings title.predecessorMissing',
    fate: 'incomplete',
    tell: (r) => void delete section(r).predecessors,
  },
  {
    lie: 'gives a stranger’s history in its place',
    ...carried,
    caughtBy: 'findings title.predecessorMissing',
    fate: 'incomplete',
    tell: async (r, s) => {
      const { subject, links } = section(await s.honest(TITLED_CAR));
      section(r).predecessors = [{ subject, links }];
      return r;
    },
  },
  {
    lie: 'gives a stranger’s history under the old number’s subject',
    ...carried,
    caughtBy: 'completeness head.predecessor',
    fate: 'refuted',
    tell: async (r, s) => {
      predecessor(r).links = section(await s.honest(TITLED_CAR)).links;
      return r;
    },
  },
  {
    lie: 'leaves a lien under the old number out',
    ...carried,
    caughtBy: 'completeness head.predecessor',
    fate: 'refuted',
    tell: (r) => {
      const old = predecessor(r);
      old.links = old.links.filter(({ kind }) => kind !== titleKinds['title.lienPlaced']);
    },
  },
  {
    lie: 'alters what was done under the old number',
    ...carried,
    caughtBy: 'entries action.hash',
    fate: 'refuted',
    tell: (r) =>
      void Object.assign(said(deedIn(predecessor(r).links, 'title.lienPlaced')), { until: r.createdAt - 1 }),
  },
  {
    lie: 'keeps an action under the old number back',
    ...carried,
    caughtBy: 'entries action.missing',
    fate: 'incomplete',
    tell: (r) => void delete deedIn(predecessor(r).links, 'title.stolen').action,
  },
  {
    lie: 'puts a stranger’s history beside the old number’s',
    ...carried,
    caughtBy: 'a history that nothing leads to says nothing',
    fate: 'unchanged',
    tell: async (r, s) => {
      const { subject, links } = section(await s.honest(TITLED_CAR));
      section(r).predecessors?.push({ subject, links });
      return r;
    },
  },
  {
    lie: 'says nothing of the number that replaced this one',
    by,
    vin: OLD_NUMBER,
    caughtBy: 'completeness head.subject',
    fate: 'refuted',
    tell: (r) => hide(r, 'title.replaced'),
  },
  {
    lie: 'has the title go on under another number than it does',
    by,
    vin: OLD_NUMBER,
    caughtBy: 'entries action.hash',
    fate: 'refuted',
    tell: (r, s) => void Object.assign(said(deed(r, 'title.replaced')), { detail: subjectOf(s, TITLED_CAR) }),
  },
  {
    lie: 'answers for a title by reading `Titles` wrongly',
    by: 'RPC endpoint',
    vin,
    readers: ['cli', 'rpc', 'proof'],
    caughtBy: 'a title is folded from its links; nobody asks `Titles`',
    fate: 'unchanged',
    rpc: (s) => ({
      answer: ({ method, params }, result) => {
        const [call] = params as [{ to?: string }];
        const { titles } = s.test.service.services.deployment;
        return method === 'eth_call' && call.to?.toLowerCase() === titles ? `0x${'00'.repeat(384)}` : result;
      },
    }),
    reading: (s) => ({ endpoints: [s.rpc.url] }),
  },
];
