import type { Hex } from '../bytes.ts';
import { foldDirectory } from '../chain/directory.ts';
import { formatLedgerId } from '../chain/ledgerId.ts';
import { foldLinks } from '../chain/link.ts';
import { foldOrganisation } from '../chain/organisation.ts';
import type { Address, OrganisationId, Subject } from '../chain/types.ts';
import { changesOf, directoryLinksOf, linkOf, type Report, sectionNames } from '../report/report.ts';
import type { ChainView } from './chainView.ts';
import { partsOf } from './parts.ts';
import type { Check } from './result.ts';
import { predecessorsOf } from './titles.ts';
import type { Trust } from './verify.ts';

/** Which head of a contract: the directory's, a subject's, an organisation's own chain's, or its record's. */
export type HeadName =
  | { readonly of: 'directory' }
  | { readonly of: 'subject'; readonly subject: Subject }
  | { readonly of: 'ownChain' | 'organisation'; readonly organisation: OrganisationId };

/** A head that a report ends in. */
export type HeadClaim = {
  readonly chainId: bigint;
  readonly contract: Address;
  readonly head: HeadName;
  /** The head that the report's links fold to. */
  readonly told: Hex;
  readonly at: Check['at'];
};

/**
 * Every head that verification holds a report against, in a fixed order: of the directory, and in each ledger that the report
 * shows of the subject, of the histories that its title was carried over from, of the parts that were mounted in it, of
 * own chains and of attesters. Whoever asks whether a report is still current has to ask for all of them: that a mounted
 * part was stolen moves the part's head and no other.
 */
export function headClaims(report: Report, { chainId: home, directory }: Trust): HeadClaim[] {
  const links = directoryLinksOf(report);
  const claims: HeadClaim[] = [
    {
      chainId: home,
      contract: directory,
      head: { of: 'directory' },
      told: foldDirectory(links),
      at: { directory: `${home}:${directory}` },
    },
  ];
  for (const link of links) {
    if (link.change !== 'added') continue;
    const { chainId, ledger: contract, organisations } = link;
    const ledger = formatLedgerId({ chainId, address: contract });
    for (const section of report.ledgers.filter((one) => one.ledger === ledger)) {
      const { subject } = sectionNames(section);
      const histories = [{ subject, links: section.links }, ...predecessorsOf(section), ...partsOf(section)];
      for (const history of histories) {
        claims.push({
          ...{ chainId, contract, head: { of: 'subject', subject: history.subject } },
          told: foldLinks(history.links.map(linkOf)),
          at: { ledger, subject: history.subject },
        });
      }
      for (const own of section.ownChains) {
        claims.push({
          ...{ chainId, contract },
          head: { of: 'ownChain', organisation: BigInt(own.organisation) as OrganisationId },
          told: foldLinks(own.links.map(linkOf)),
          at: { ledger, organisation: own.organisation },
        });
      }
      for (const attester of section.organisations) {
        claims.push({
          ...{ chainId, contract: organisations },
          head: { of: 'organisation', organisation: BigInt(attester.id) as OrganisationId },
          told: foldOrganisation(changesOf(attester)),
          at: { organisations, organisation: attester.id },
        });
      }
    }
  }
  return claims;
}

/** The head that a claim is of, as a view has it. */
export function readHead(view: ChainView, { contract, head }: HeadClaim): Promise<Hex> {
  switch (head.of) {
    case 'directory':
      return view.directoryHead(contract);
    case 'subject':
      return view.head(contract, head.subject);
    case 'ownChain':
      return view.ownHead(contract, head.organisation);
    case 'organisation':
      return view.organisationHead(contract, head.organisation);
  }
}

/** How many heads an endpoint is asked for at once: a report decides how many there are. */
const AT_ONCE = 16;

/** The claims of this view’s chain whose head is another one now. */
export async function movedHeads(
  view: ChainView,
  claims: readonly HeadClaim[],
): Promise<{ readonly claim: HeadClaim; readonly now: Hex }[]> {
  const asked = claims.filter(({ chainId }) => chainId === view.chainId);
  const moved: { claim: HeadClaim; now: Hex }[] = [];
  for (let from = 0; from < asked.length; from += AT_ONCE) {
    const some = asked.slice(from, from + AT_ONCE);
    const heads = await Promise.all(some.map(async (claim) => ({ claim, now: await readHead(view, claim) })));
    moved.push(...heads.filter(({ claim, now }) => now !== claim.told));
  }
  return moved;
}
