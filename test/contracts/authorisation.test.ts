import { expect } from 'chai';
import { id, type Signer, ZeroHash } from 'ethers';
import { admitted, as, ethers, loadFixture, time } from './support/fixture.ts';

/** Organisation 1 is in good standing, 2 is suspended; a change of controller is pending in 1. */
async function inMotion() {
  const all = await admitted();
  await as(all.organisations, all.guardian).suspend(2n);
  await as(all.organisations, all.controller).proposeController(1n, all.candidate);
  await time.increase(30 * 24 * 3600);
  return all;
}

const CALLERS = [
  ...(['registrar', 'guardian', 'directoryManager', 'admin', 'deployer'] as const),
  ...(['controller', 'candidate', 'signer', 'titles', 'stranger'] as const),
];
type Caller = (typeof CALLERS)[number];

/** Who may call what: nobody but those named, whatever else they are. */
const TRUTH: [
  contract: 'organisations' | 'ledger' | 'directory',
  method: string,
  args: unknown[],
  may: Caller[],
][] = [
  ['organisations', 'admit', [`0x${'11'.repeat(20)}`, 0n, ZeroHash], ['registrar']],
  ['organisations', 'suspend', [1n], ['guardian']],
  ['organisations', 'reinstate', [2n], ['registrar']],
  ['organisations', 'setKinds', [1n, 0n], ['registrar']],
  ['organisations', 'setProfile', [1n, ZeroHash], ['registrar']],
  ['organisations', 'setSuccessor', [1n, 2n], ['registrar']],
  ['organisations', 'defineKinds', [1n << 200n], ['registrar']],
  ['organisations', 'recoverController', [1n, `0x${'11'.repeat(20)}`], ['registrar']],
  ['organisations', 'proposeController', [1n, `0x${'11'.repeat(20)}`], ['controller']],
  ['organisations', 'acceptController', [1n], ['candidate']],
  ['organisations', 'cancelControllerChange', [1n], ['controller', 'guardian']],
  ['organisations', 'addKey', [1n, `0x${'11'.repeat(20)}`], ['controller']],
  [
    'directory',
    'add',
    [10n, `0x${'11'.repeat(20)}`, `0x${'22'.repeat(20)}`, id('code'), id('key')],
    ['directoryManager'],
  ],
  ['ledger', 'close', [], ['directoryManager']],
  ['ledger', 'record', [1n, `0x40${'11'.repeat(64)}`], ['signer']],
  ['ledger', 'recordFor', [`0x${'11'.repeat(20)}`, id('car'), 1, ZeroHash, ZeroHash], ['titles']],
  ['ledger', 'recordSigned', [[]], [...CALLERS]],
];
const REFUSALS = [
  ...['AccessManagedUnauthorized', 'OrganisationsNotController', 'OrganisationsNotCandidate'],
  ...['LedgerUnknownKey', 'LedgerNotModuleOfKind'],
];

describe('Authorisation', () => {
  for (const [contract, method, args, may] of TRUTH) {
    it(`${contract}.${method}: ${may.length === CALLERS.length ? 'everybody' : may.join(', ')}`, async () => {
      const all = await loadFixture(inMotion);
      const target = all[contract];
      const data = target.interface.encodeFunctionData(method, args);
      for (const caller of CALLERS) {
        const from: Signer = all[caller];
        const refused = await ethers.provider
          .call({ from: await from.getAddress(), to: await target.getAddress(), data })
          .then(() => undefined)
          .catch((error: unknown) => nameOf(target.interface, error));
        if (may.includes(caller)) expect(refused, caller).to.equal(undefined);
        else expect(REFUSALS, caller).to.include(refused);
      }
    });
  }

  it('directory.close: directoryManager', async () => {
    const { ledger, directory, directoryManager, registrar, guardian, admin, stranger } =
      await loadFixture(inMotion);
    await as(ledger, directoryManager).close();
    const closedAt = await ledger.closedAt();
    for (const caller of [registrar, guardian, admin, stranger]) {
      await expect(as(directory, caller).close(0n, closedAt))
        .to.be.revertedWithCustomError(directory, 'AccessManagedUnauthorized')
        .withArgs(caller.address);
    }
    await as(directory, directoryManager).close(0n, closedAt);
  });

  it('covers every function of the contracts that changes state', async () => {
    const { organisations, ledger, directory, titlesContract, partsContract } = await loadFixture(inMotion);
    const contracts = { organisations, ledger, directory, titles: titlesContract, parts: partsContract };
    const listed = TRUTH.map(([contract, method]) => `${contract}.${method}`);
    // Who may do what in Titles and in Parts are tables of their own.
    const modules = ['titles.bind', 'titles.execute', 'parts.bind', 'parts.execute'];
    const elsewhere = ['directory.close', 'organisations.revokeKey', ...modules];
    for (const [name, { interface: abi }] of Object.entries(contracts)) {
      abi.forEachFunction(({ constant, name: method }) => {
        // The authority itself is the AccessManager's to change; see the deployment's test.
        if (constant || method === 'setAuthority') return;
        expect([...listed, ...elsewhere]).to.include(`${name}.${method}`);
      });
    }
  });
});

function nameOf(
  abi: { parseError(data: string): { name: string } | null },
  error: unknown,
): string | undefined {
  if (typeof error !== 'object' || error === null || !('data' in error)) return undefined;
  const { data } = error;
  return typeof data === 'string' ? abi.parseError(data)?.name : nameOf(abi, data);
}
