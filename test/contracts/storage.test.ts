import { expect } from 'chai';
import { AbiCoder, type BaseContract, keccak256, toBeHex, ZeroHash } from 'ethers';
import {
  admitted,
  as,
  entry,
  ethers,
  loadFixture,
  PSEUDONYM_KEY,
  RECALL,
  subjectOf,
} from './support/fixture.ts';
import { pack } from './support/reference.ts';

/** Where Solidity keeps the value of a mapping. */
function slotOf(type: string, key: unknown, slot: string | number): string {
  return keccak256(AbiCoder.defaultAbiCoder().encode([type, 'uint256'], [key, slot]));
}

async function read(contract: BaseContract, slot: string | number): Promise<string> {
  return ethers.provider.getStorage(contract, slot);
}

/** Readers prove these slots by eth_getProof: they may never move. */
describe('Storage', () => {
  it('Ledger: pseudonymKey in slot 3, heads in 4, ownHeads in 5', async () => {
    const { ledger, signer } = await loadFixture(admitted);
    const own = { kind: RECALL, subject: ZeroHash, digest: subjectOf('own') };
    await as(ledger, signer).record(1n, pack([entry('car', 'a'), own]));

    expect(await read(ledger, 3)).to.equal(PSEUDONYM_KEY);
    const head = await ledger.heads(subjectOf('car'));
    expect(head).not.to.equal(ZeroHash);
    expect(await read(ledger, slotOf('bytes32', subjectOf('car'), 4))).to.equal(head);
    expect(await read(ledger, slotOf('bytes32', subjectOf('never'), 4))).to.equal(ZeroHash);
    const ownHead = await ledger.ownHeads(1n);
    expect(ownHead).not.to.equal(ZeroHash);
    expect(await read(ledger, slotOf('uint64', 1n, 5))).to.equal(ownHead);
  });

  it('Organisations: heads in slot 1, keys in 2', async () => {
    const { organisations, signer, controller } = await loadFixture(admitted);
    const head = await organisations.heads(1n);
    expect(head).not.to.equal(ZeroHash);
    expect(await read(organisations, slotOf('uint64', 1n, 1))).to.equal(head);
    const keys = slotOf('uint64', 1n, 2);
    expect(await read(organisations, slotOf('address', signer.address, keys))).to.equal(toBeHex(1, 32));
    expect(await read(organisations, slotOf('address', controller.address, keys))).to.equal(ZeroHash);
  });

  it('Directory: head in slot 1', async () => {
    const { directory } = await loadFixture(admitted);
    const head = await directory.head();
    expect(head).not.to.equal(ZeroHash);
    expect(await read(directory, 1)).to.equal(head);
  });
});

describe('Size', () => {
  for (const name of ['Ledger', 'Organisations', 'Directory'] as const) {
    it(`${name} is below 24 kB deployed`, async () => {
      const all = await loadFixture(admitted);
      const contract = { Ledger: all.ledger, Organisations: all.organisations, Directory: all.directory }[
        name
      ];
      const code = await ethers.provider.getCode(contract);
      expect((code.length - 2) / 2)
        .to.be.greaterThan(0)
        .and.lessThan(24_000);
    });
  }
});
