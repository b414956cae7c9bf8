import { expect } from 'chai';
import { id, keccak256, ZeroAddress, ZeroHash } from 'ethers';
import { as, deployed, ethers, loadFixture, PSEUDONYM_KEY, timestampOf } from './support/fixture.ts';
import { afterLedgerAdded, afterLedgerClosed } from './support/reference.ts';

/** The directory as deployed lists one ledger, and a second one can be had. */
async function withSecondLedger() {
  const all = await deployed();
  const { authority, organisations } = all;
  const key = id('another key');
  const second = await ethers.deployContract('Ledger', [
    authority,
    organisations,
    key,
    ZeroAddress,
    ZeroAddress,
  ]);
  return {
    ...all,
    byManager: as(all.directory, all.directoryManager),
    second: {
      contract: second,
      address: await second.getAddress(),
      organisations: await organisations.getAddress(),
      codeHash: keccak256(await ethers.provider.getCode(second)),
      key,
    },
  };
}

describe('Directory', () => {
  it('lists the ledger that was deployed with it', async () => {
    const { directory, ledger, organisations, chainId, ledgerCodeHash } = await loadFixture(deployed);
    expect(await directory.count()).to.equal(1n);
    expect((await directory.ledgerAt(0n)).toObject()).to.deep.equal({
      chainId,
      ledger: await ledger.getAddress(),
      organisations: await organisations.getAddress(),
      codeHash: ledgerCodeHash,
      pseudonymKey: PSEUDONYM_KEY,
      closedAt: 0n,
    });
    expect(await directory.head()).to.equal(
      afterLedgerAdded(
        ZeroHash,
        chainId,
        await ledger.getAddress(),
        await organisations.getAddress(),
        ledgerCodeHash,
        PSEUDONYM_KEY,
      ),
    );
    await expect(directory.ledgerAt(1n))
      .to.be.revertedWithCustomError(directory, 'DirectoryUnknownIndex')
      .withArgs(1n, 1n);
  });

  describe('add', () => {
    it('appends a ledger of this chain and extends the head', async () => {
      const { directory, byManager, chainId, second } = await loadFixture(withSecondLedger);
      const head = await directory.head();
      const listing = [chainId, second.address, second.organisations, second.codeHash, second.key] as const;
      await expect(byManager.add(...listing))
        .to.emit(directory, 'LedgerAdded')
        .withArgs(1n, ...listing);
      expect(await directory.head()).to.equal(afterLedgerAdded(head, ...listing));
      expect(await directory.count()).to.equal(2n);
      expect([...(await directory.ledgerAt(1n))]).to.deep.equal([...listing, 0n]);
    });

    it('takes a ledger of another chain at its word', async () => {
      const { directory, byManager, second } = await loadFixture(withSecondLedger);
      const head = await directory.head();
      const listing = [
        10n,
        ethers.getAddress(`0x${'cd'.repeat(20)}`),
        second.organisations,
        id('code'),
        id('key'),
      ] as const;
      await expect(byManager.add(...listing))
        .to.emit(directory, 'LedgerAdded')
        .withArgs(1n, ...listing);
      expect(await directory.head()).to.equal(afterLedgerAdded(head, ...listing));
    });

    it('refuses a ledger twice', async () => {
      const { directory, byManager, ledger, organisations, chainId, ledgerCodeHash } =
        await loadFixture(withSecondLedger);
      await expect(byManager.add(chainId, ledger, organisations, ledgerCodeHash, PSEUDONYM_KEY))
        .to.be.revertedWithCustomError(directory, 'DirectoryAlreadyAdded')
        .withArgs(chainId, await ledger.getAddress());
      // The same address on another chain is another ledger.
      await byManager.add(chainId + 1n, ledger, organisations, ledgerCodeHash, PSEUDONYM_KEY);
      await expect(
        byManager.add(chainId + 1n, ledger, organisations, id('other'), id('other')),
      ).to.be.revertedWithCustomError(directory, 'DirectoryAlreadyAdded');
    });

    it('checks code, organisations and key of a ledger of this chain', async () => {
      const { directory, byManager, chainId, second, stranger } = await loadFixture(withSecondLedger);
      const { address, organisations, codeHash, key } = second;
      await expect(byManager.add(chainId, address, organisations, id('other code'), key))
        .to.be.revertedWithCustomError(directory, 'DirectoryCodeHashMismatch')
        .withArgs(id('other code'), codeHash);
      for (const nothing of [keccak256('0x'), ZeroHash]) {
        await expect(
          byManager.add(chainId, stranger.address, organisations, nothing, key),
        ).to.be.revertedWithCustomError(directory, 'DirectoryCodeHashMismatch');
      }
      await expect(byManager.add(chainId, address, stranger, codeHash, key))
        .to.be.revertedWithCustomError(directory, 'DirectoryOrganisationsMismatch')
        .withArgs(stranger.address, organisations);
      await expect(byManager.add(chainId, address, organisations, codeHash, id('other key')))
        .to.be.revertedWithCustomError(directory, 'DirectoryPseudonymKeyMismatch')
        .withArgs(id('other key'), key);
      expect(await directory.count()).to.equal(1n);
    });
  });

  describe('close', () => {
    it('marks a closed ledger of this chain with its own time, once', async () => {
      const { directory, byManager, ledger, directoryManager } = await loadFixture(withSecondLedger);
      await expect(byManager.close(0n, 5n))
        .to.be.revertedWithCustomError(directory, 'DirectoryClosedAtMismatch')
        .withArgs(5n, 0n);
      const closedAt = await timestampOf(as(ledger, directoryManager).close());
      await expect(byManager.close(0n, closedAt + 1))
        .to.be.revertedWithCustomError(directory, 'DirectoryClosedAtMismatch')
        .withArgs(closedAt + 1, closedAt);

      const head = await directory.head();
      await expect(byManager.close(0n, closedAt)).to.emit(directory, 'LedgerClosed').withArgs(0n, closedAt);
      expect(await directory.head()).to.equal(afterLedgerClosed(head, 0n, closedAt));
      expect((await directory.ledgerAt(0n)).closedAt).to.equal(closedAt);
      expect(await directory.count()).to.equal(1n);
      await expect(byManager.close(0n, closedAt))
        .to.be.revertedWithCustomError(directory, 'DirectoryAlreadyClosed')
        .withArgs(0n, closedAt);
    });

    it('takes the time of another chain’s ledger at its word, but not zero', async () => {
      const { directory, byManager, second } = await loadFixture(withSecondLedger);
      await byManager.add(10n, second.address, second.organisations, id('code'), id('key'));
      await expect(byManager.close(1n, 0n))
        .to.be.revertedWithCustomError(directory, 'DirectoryClosedAtMismatch')
        .withArgs(0n, 0n);
      await expect(byManager.close(1n, 123n)).to.emit(directory, 'LedgerClosed').withArgs(1n, 123n);
    });

    it('refuses an unknown index', async () => {
      const { directory, byManager } = await loadFixture(withSecondLedger);
      await expect(byManager.close(1n, 1n))
        .to.be.revertedWithCustomError(directory, 'DirectoryUnknownIndex')
        .withArgs(1n, 1n);
    });
  });
});
