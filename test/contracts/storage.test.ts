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
  time,
} from './support/fixture.ts';
import { PART, unregistered, VEHICLE } from './support/parts.ts';
import { pack } from './support/reference.ts';
import { addressOf, CAR, untouched } from './support/titles.ts';

/** Where Solidity keeps the value of a mapping. */
function slotOf(type: string, key: unknown, slot: string | number): string {
  return keccak256(AbiCoder.defaultAbiCoder().encode([type, 'uint256'], [key, slot]));
}

async function read(contract: BaseContract, slot: string | number): Promise<string> {
  return ethers.provider.getStorage(contract, slot);
}

/** Fields in one word, the first lowest. */
function packed(...fields: [value: bigint, bits: number][]): string {
  return toBeHex(
    fields.reduceRight((word, [value, bits]) => (word << BigInt(bits)) | value, 0n),
    32,
  );
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

  it('Titles: the title and each lien packed as their layouts are drawn', async () => {
    const world = await untouched();
    const { act, titlesContract } = world;
    const until = BigInt((await time.latest()) + 1000);
    await act('title.issued');
    await act('title.offered', { until });
    await act('title.branded', { detail: toBeHex(99, 32) });
    await act('title.lienPlaced', { until, detail: toBeHex(255, 32) });
    await act('title.stolen');
    await act('title.reissued', { party: addressOf('heir') });
    await act('title.replaced', { detail: subjectOf('new number') });
    const title = BigInt(slotOf('bytes32', subjectOf('new number'), 3));
    const slot = async (index: bigint) => read(titlesContract, toBeHex(title + index, 32));
    const heir = BigInt(addressOf('heir'));
    expect(await slot(0n)).to.equal(packed([heir, 160], [1n, 40], [1n, 32], [1n, 8], [1n, 8], [1n, 8]));
    expect(await slot(1n)).to.equal(packed([0n, 160], [0n, 64], [1n, 32]));
    expect(await slot(2n)).to.equal(packed([1n << 99n, 128]));
    expect(await slot(3n)).to.equal(CAR);
    expect(await slot(4n)).to.equal(ZeroHash);
    const lien = slotOf('bytes32', subjectOf('new number'), 4);
    expect(await read(titlesContract, lien)).to.equal(packed([2n, 64], [until, 64], [1n, 32], [255n, 8]));
  });

  it('Parts: the part packed as its layout is drawn', async () => {
    const { act, partsContract } = await unregistered();
    for (const name of ['registered', 'mounted', 'stolen'] as const) await act(`safetyPart.${name}`);
    const part = BigInt(slotOf('bytes32', PART, 3));
    const slot = async (index: bigint) => read(partsContract, toBeHex(part + index, 32));
    expect(await slot(0n)).to.equal(packed([1n, 64], [3n, 40], [3n, 8]));
    expect(await slot(1n)).to.equal(VEHICLE);
  });

  it('Directory: head in slot 1', async () => {
    const { directory } = await loadFixture(admitted);
    const head = await directory.head();
    expect(head).not.to.equal(ZeroHash);
    expect(await read(directory, 1)).to.equal(head);
  });
});

describe('Size', () => {
  for (const name of ['Ledger', 'Organisations', 'Directory', 'Titles', 'Parts'] as const) {
    it(`${name} is below 24 kB deployed`, async () => {
      const all = await loadFixture(admitted);
      const { ledger, organisations, directory, titlesContract, partsContract } = all;
      const contracts = { Ledger: ledger, Organisations: organisations, Directory: directory };
      const contract = { ...contracts, Titles: titlesContract, Parts: partsContract }[name];
      const code = await ethers.provider.getCode(contract);
      expect((code.length - 2) / 2)
        .to.be.greaterThan(0)
        .and.lessThan(24_000);
    });
  }
});
