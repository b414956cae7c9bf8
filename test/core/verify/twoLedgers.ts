import type { DirectoryLink } from '../../../core/chain/directory.ts';
import { foldDirectory } from '../../../core/chain/directory.ts';
import type { Address } from '../../../core/chain/types.ts';
import { type Report, readReport } from '../../../core/report/report.ts';
import type { ChainView } from '../../../core/verify/chainView.ts';
import type { Verification } from '../../../core/verify/result.ts';
import { verify } from '../../../core/verify/verify.ts';
import { CAR, sampleWorld, World } from './world.ts';

const SECOND_LEDGER = `0x${'a2'.repeat(20)}` as Address;
const SECOND_REGISTER = `0x${'0b'.repeat(20)}` as Address;

/** A directory of two ledgers on one chain, each with histories of its own. */
export function twoLedgers(registers: 'shared' | 'separate') {
  const first = sampleWorld();
  const second = new World();
  Object.assign(second, { ledger: SECOND_LEDGER });
  if (registers === 'separate') Object.assign(second, { organisationsContract: SECOND_REGISTER });
  else {
    for (const [id, changes] of first.world.records) second.records.set(id, changes);
    for (const [id, profile] of first.world.profiles) second.profiles.set(id, profile);
  }
  const added = second.directoryLinks[0] as DirectoryLink & { change: 'added' };
  const links: DirectoryLink[] = [
    ...first.world.directoryLinks,
    { ...added, ledger: SECOND_LEDGER, organisations: second.organisationsContract },
  ];
  const of = (ledger: Address) => (ledger === SECOND_LEDGER ? second : first.world);
  const view = async (chainId: bigint): Promise<ChainView | null> => {
    const [one, other] = [await first.world.view(chainId), await second.view(chainId)];
    const read = (ledger: Address) => (of(ledger) === second ? other : one) as ChainView;
    return (
      one && {
        ...one,
        directoryHead: async () => foldDirectory(links),
        pseudonymKey: (ledger) => read(ledger).pseudonymKey(ledger),
        head: (ledger, subject) => read(ledger).head(ledger, subject),
        ownHead: (ledger, organisation) => read(ledger).ownHead(ledger, organisation),
        organisationHead: (contract, organisation) =>
          (registers === 'separate' && contract === SECOND_REGISTER
            ? (other as ChainView)
            : one
          ).organisationHead(contract, organisation),
      }
    );
  };
  const report = (): Report => {
    const [one, other] = [first.world.report(CAR), second.report(CAR)];
    const both = {
      ...one,
      directory: {
        ...one.directory,
        links: links.map((link) => ({ ...link, chainId: String((link as typeof added).chainId) })),
      },
      ledgers: [...one.ledgers, ...other.ledgers],
      contents: { ...one.contents, ...other.contents },
    } as Report;
    both.ledgers[0]?.organisations.splice(0, 9, ...['1', '2', '3'].map((id) => first.world.organisation(id)));
    return both;
  };
  const judge = (told: Report): Promise<Verification> =>
    verify(readReport(JSON.parse(JSON.stringify(told))), first.world.trust, view);
  return { first, second, report, judge };
}
