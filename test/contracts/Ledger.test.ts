import { expect } from 'chai';
import { concat, type Log, Signature, type Signer, ZeroAddress, ZeroHash } from 'ethers';
import {
  admitted,
  as,
  digestOf,
  entry,
  ethers,
  kinds,
  type Ledger,
  loadFixture,
  networkHelpers,
  ODOMETER,
  PSEUDONYM_KEY,
  RECALL,
  SERVICE,
  subjectOf,
  time,
  timestampOf,
} from './support/fixture.ts';
import {
  afterModuleEntry,
  type Entry,
  foldEntries,
  pack,
  SKIP_REASONS,
  SUBMISSION_TYPES,
  submissionHash,
} from './support/reference.ts';

const own = (digest: string, kind = RECALL): Entry => ({ kind, subject: ZeroHash, digest: digestOf(digest) });

describe('Ledger', () => {
  it('knows its parts', async () => {
    const { ledger, organisations, titles, parts } = await loadFixture(admitted);
    expect(await ledger.organisations()).to.equal(await organisations.getAddress());
    expect(await ledger.titles()).to.equal(titles.address);
    expect(await ledger.parts()).to.equal(parts.address);
    expect(await ledger.pseudonymKey()).to.equal(PSEUDONYM_KEY);
    expect(await ledger.MAX_ENTRIES()).to.equal(512n);
    expect(await ledger.closedAt()).to.equal(0n);
  });

  it('says its EIP-712 domain by EIP-5267', async () => {
    const { ledger, domain } = await loadFixture(admitted);
    const [fields, name, version, chainId, verifyingContract, salt, extensions] = await ledger.eip712Domain();
    expect({ name, version, chainId, verifyingContract }).to.deep.equal(domain);
    expect([fields, salt, [...extensions]]).to.deep.equal(['0x0f', ZeroHash, []]);
  });

  describe('record', () => {
    it('extends the head of the subject and logs the entry', async () => {
      const { ledger, signer } = await loadFixture(admitted);
      const first = entry('car', 'a');
      const second = entry('car', 'b', ODOMETER);

      const sent = as(ledger, signer).record(1n, pack([first]));
      await expect(sent).to.emit(ledger, 'Recorded').withArgs(first.subject, 1n, first.kind, first.digest);
      const head = foldEntries(1n, await timestampOf(sent), [first]);
      expect(await ledger.heads(first.subject)).to.equal(head);

      const timestamp = await timestampOf(as(ledger, signer).record(2n, pack([second])));
      expect(await ledger.heads(first.subject)).to.equal(foldEntries(2n, timestamp, [second], head));
    });

    it('takes entries of several subjects, and several of one, in their order', async () => {
      const { ledger, signer } = await loadFixture(admitted);
      const entries = [entry('car', 'a'), entry('van', 'b'), entry('car', 'c'), own('d'), own('e')];
      const sent = as(ledger, signer).record(1n, pack(entries));
      const timestamp = await timestampOf(sent);
      const [a, b, c, d, e] = entries as [Entry, Entry, Entry, Entry, Entry];
      expect(await ledger.heads(subjectOf('car'))).to.equal(foldEntries(1n, timestamp, [a, c]));
      expect(await ledger.heads(subjectOf('van'))).to.equal(foldEntries(1n, timestamp, [b]));
      expect(await ledger.ownHeads(1n)).to.equal(foldEntries(1n, timestamp, [d, e]));
      await expect(sent).to.emit(ledger, 'OwnRecorded').withArgs(1n, RECALL, d.digest);
      expect(await ledger.ownHeads(2n)).to.equal(ZeroHash);
      expect(await ledger.heads(ZeroHash)).to.equal(ZeroHash);
    });

    it('refuses what is empty or no multiple of 65 bytes', async () => {
      const { ledger, signer } = await loadFixture(admitted);
      for (const [bytes, length] of [
        ['0x', 0],
        [`0x${'40'.repeat(64)}`, 64],
        [`0x${'40'.repeat(131)}`, 131],
      ] as const) {
        await expect(as(ledger, signer).record(1n, bytes))
          .to.be.revertedWithCustomError(ledger, 'LedgerMalformedEntries')
          .withArgs(length);
      }
    });

    it('takes 512 entries and refuses 513', async () => {
      const { ledger, signer } = await loadFixture(admitted);
      const many = Array.from({ length: 512 }, (_, i) => entry('car', `${i}`));
      await as(ledger, signer).record(1n, pack(many));
      await expect(as(ledger, signer).record(1n, pack([...many, entry('car', 'last')])))
        .to.be.revertedWithCustomError(ledger, 'LedgerTooManyEntries')
        .withArgs(513n, 512n);
    });

    it('refuses an unknown organisation, and a suspended one until it is reinstated', async () => {
      const { ledger, organisations, signer, guardian, registrar } = await loadFixture(admitted);
      const entries = pack([entry('car', 'a')]);
      for (const unknown of [0n, 3n]) {
        await expect(as(ledger, signer).record(unknown, entries))
          .to.be.revertedWithCustomError(ledger, 'LedgerNotInGoodStanding')
          .withArgs(unknown);
      }
      await as(organisations, guardian).suspend(1n);
      await expect(as(ledger, signer).record(1n, entries))
        .to.be.revertedWithCustomError(ledger, 'LedgerNotInGoodStanding')
        .withArgs(1n);
      await as(organisations, registrar).reinstate(1n);
      await as(ledger, signer).record(1n, entries);
    });

    it('refuses a caller who is no key of the organisation, its controller too', async () => {
      const { ledger, organisations, controller, signer } = await loadFixture(admitted);
      const entries = pack([entry('car', 'a')]);
      await expect(as(ledger, controller).record(1n, entries))
        .to.be.revertedWithCustomError(ledger, 'LedgerUnknownKey')
        .withArgs(1n, controller.address);
      await as(organisations, controller).revokeKey(1n, signer);
      await expect(as(ledger, signer).record(1n, entries))
        .to.be.revertedWithCustomError(ledger, 'LedgerUnknownKey')
        .withArgs(1n, signer.address);
      await as(ledger, signer).record(2n, entries);
    });

    it('refuses kinds that the organisation was not granted, and all of the submission with them', async () => {
      const { ledger, organisations, signer, registrar } = await loadFixture(admitted);
      const entries = pack([entry('car', 'a'), entry('car', 'b', 66), entry('car', 'c', 65)]);
      await expect(as(ledger, signer).record(1n, entries))
        .to.be.revertedWithCustomError(ledger, 'LedgerKindNotAllowed')
        .withArgs(1n, 66);
      expect(await ledger.heads(subjectOf('car'))).to.equal(ZeroHash);
      await as(organisations, registrar).setKinds(1n, kinds(SERVICE, 65, 66));
      await as(ledger, signer).record(1n, entries);
    });

    it('refuses every kind of a module', async () => {
      const { ledger, signer } = await loadFixture(admitted);
      for (let kind = 0; kind < 32; ++kind) {
        await expect(as(ledger, signer).record(1n, pack([entry('car', 'a', kind)])))
          .to.be.revertedWithCustomError(ledger, 'LedgerKindNotAllowed')
          .withArgs(1n, kind);
      }
    });
  });

  it('refuses every kind of a module to an organisation with the right to ask the module for it', async () => {
    const { organisations, registrar, ledger, signer, signed } = await loadFixture(admitted);
    const rights = kinds(...Array.from({ length: 32 }, (_, kind) => kind));
    await as(organisations, registrar).defineKinds(rights);
    await as(organisations, registrar).setKinds(1n, rights | kinds(SERVICE));
    for (let kind = 0; kind < 32; ++kind) {
      const entries = pack([entry('car', 'a'), entry('car', 'b', kind)]);
      await expect(as(ledger, signer).record(1n, entries))
        .to.be.revertedWithCustomError(ledger, 'LedgerKindNotAllowed')
        .withArgs(1n, kind);
      const submission = await signed(entries);
      await expect(ledger.recordSigned([submission]))
        .to.emit(ledger, 'Skipped')
        .withArgs(1n, submission.nonce, (hash: string) => hash.length === 66, SKIP_REASONS.KindNotAllowed);
    }
    expect(await ledger.heads(subjectOf('car'))).to.equal(ZeroHash);
  });

  it('refuses every kind of a module, whatever an organisation was granted', async () => {
    const { authority, signer, signed, domain } = await loadFixture(admitted);
    const generous = await ethers.deployContract('GenerousOrganisations');
    const bare = (await ethers.deployContract('Ledger', [
      ...[authority, generous, PSEUDONYM_KEY, ZeroAddress, ZeroAddress],
    ])) as unknown as Ledger;
    const elsewhere = { ...domain, verifyingContract: await bare.getAddress() };
    for (const [kind, allowed] of [
      ...([0, 15, 16, 31].map((kind) => [kind, false]) as [number, boolean][]),
      ...([32, 255].map((kind) => [kind, true]) as [number, boolean][]),
    ]) {
      const entries = pack([entry('car', 'a', kind)]);
      const direct = () => as(bare, signer).record(1n, entries);
      if (allowed) await direct();
      else
        await expect(direct()).to.be.revertedWithCustomError(bare, 'LedgerKindNotAllowed').withArgs(1n, kind);

      const submission = await signed(entries);
      const { organisation, nonce, deadline } = submission;
      const signature = await signer.signTypedData(elsewhere, SUBMISSION_TYPES, {
        ...{ organisation, entries, nonce, deadline },
      });
      await expect(as(bare, signer).recordSigned([{ ...submission, signature }])).to.emit(
        bare,
        allowed ? 'Accepted' : 'Skipped',
      );
    }
  });

  describe('recordSigned', () => {
    it('records a relayed submission and logs what was signed', async () => {
      const { ledger, signed, domain, relayer } = await loadFixture(admitted);
      const entries = [entry('car', 'a'), entry('van', 'b'), own('c')];
      const submission = await signed(entries, { nonce: 7n });
      const hash = submissionHash(domain, submission);

      expect(await ledger.nonceUsed(1n, 7n)).to.equal(false);
      const sent = as(ledger, relayer).recordSigned([submission]);
      await expect(sent).to.emit(ledger, 'Accepted').withArgs(1n, 7n, hash);
      await expect(sent).not.to.emit(ledger, 'Skipped');
      const timestamp = await timestampOf(sent);
      for (const one of entries.slice(0, 2)) {
        await expect(sent).to.emit(ledger, 'Recorded').withArgs(one.subject, 1n, one.kind, one.digest);
        expect(await ledger.heads(one.subject)).to.equal(foldEntries(1n, timestamp, [one]));
      }
      expect(await ledger.ownHeads(1n)).to.equal(foldEntries(1n, timestamp, entries.slice(2)));
      expect(await ledger.nonceUsed(1n, 7n)).to.equal(true);
    });

    it('says the hash that is signed', async () => {
      const { ledger, domain, signed } = await loadFixture(admitted);
      const { organisation, entries, nonce, deadline } = await signed([entry('car', 'a')]);
      expect(await ledger.submissionHash(organisation, entries, nonce, deadline)).to.equal(
        submissionHash(domain, { organisation, entries, nonce, deadline }),
      );
    });

    it('does nothing with an empty list', async () => {
      const { ledger } = await loadFixture(admitted);
      const receipt = await (await ledger.recordSigned([])).wait();
      expect(receipt?.logs).to.deep.equal([]);
    });

    it('takes nonces in any order, each once for each organisation', async () => {
      const { ledger, signed } = await loadFixture(admitted);
      for (const nonce of [300n, 0n, 2n ** 256n - 1n, 1n]) {
        await expect(ledger.recordSigned([await signed([entry('car', 'a')], { nonce })])).to.emit(
          ledger,
          'Accepted',
        );
      }
      expect(await ledger.nonceUsed(1n, 2n)).to.equal(false);
      expect(await ledger.nonceUsed(2n, 0n)).to.equal(false);
      const other = await signed([entry('car', 'a')], { organisation: 2n, nonce: 0n });
      await expect(ledger.recordSigned([other])).to.emit(ledger, 'Accepted');
    });

    it('accepts in the second of the deadline and not in the next', async () => {
      const { ledger, signed } = await loadFixture(admitted);
      const deadline = (await time.latest()) + 100;
      const inTime = await signed([entry('car', 'a')], { deadline });
      const late = await signed([entry('car', 'b')], { deadline });
      await time.setNextBlockTimestamp(deadline);
      await expect(ledger.recordSigned([inTime])).to.emit(ledger, 'Accepted');
      await expect(ledger.recordSigned([late])).to.emit(ledger, 'Skipped');
    });

    /** One fault of each sort, in the protocol's order; the others stay good. */
    const faults = {
      Malformed: { entries: '0x40' },
      TooManyEntries: { entries: pack(Array.from({ length: 513 }, () => entry('car', 'many'))) },
      Expired: { deadline: 1 },
      NonceUsed: { nonce: 1000n },
      NotInGoodStanding: { organisation: 3n },
      UnknownKey: { signer: ZeroAddress },
      KindNotAllowed: { entries: pack([entry('car', 'a', 66)]) },
      BadSignature: { signature: `0x${'00'.repeat(65)}` },
    } as const;
    const names = Object.keys(faults) as (keyof typeof faults)[];

    for (const name of names) {
      it(`skips with ${name}: nothing recorded, the nonce not used, the others unharmed`, async () => {
        const { ledger, signed, domain } = await loadFixture(admitted);
        await ledger.recordSigned([await signed([entry('used', 'a')], { nonce: 1000n })]);
        const bad = { ...(await signed([entry('car', 'a')])), ...faults[name] };
        const good = await signed([entry('van', 'b')]);

        const sent = ledger.recordSigned([bad, good]);
        await expect(sent)
          .to.emit(ledger, 'Skipped')
          .withArgs(bad.organisation, bad.nonce, submissionHash(domain, bad), SKIP_REASONS[name]);
        await expect(sent).to.emit(ledger, 'Accepted').withArgs(1n, good.nonce, submissionHash(domain, good));
        expect(await ledger.heads(subjectOf('car'))).to.equal(ZeroHash);
        expect(await ledger.nonceUsed(bad.organisation, bad.nonce)).to.equal(name === 'NonceUsed');
      });
    }

    it('checks the reasons in the order of the protocol', async () => {
      const { ledger, signed, domain } = await loadFixture(admitted);
      for (const organisation of [1n, 3n]) {
        await ledger.recordSigned([
          await signed([entry('used', 'a')], { organisation: 1n, nonce: 1000n + organisation }),
        ]);
      }
      // Each row has one fault and all those that come after it, as far as both can be had at once.
      const rows = {
        Malformed: { ...faults.Expired, entries: `0x${'42'.repeat(65 * 513 + 1)}`, signer: ZeroAddress },
        TooManyEntries: { ...faults.Expired, entries: `0x${'42'.repeat(65 * 513)}`, organisation: 3n },
        Expired: { deadline: 1, nonce: 1001n, signer: ZeroAddress, ...faults.KindNotAllowed },
        NonceUsed: { nonce: 1001n, signer: ZeroAddress, ...faults.KindNotAllowed },
        NotInGoodStanding: { organisation: 3n, signer: ZeroAddress, ...faults.KindNotAllowed },
        UnknownKey: { signer: ZeroAddress, ...faults.KindNotAllowed },
        KindNotAllowed: faults.KindNotAllowed,
        BadSignature: {},
      };
      for (const name of names) {
        const bad = { ...(await signed([entry('car', 'a')])), ...faults.BadSignature, ...rows[name] };
        await expect(ledger.recordSigned([bad]), name)
          .to.emit(ledger, 'Skipped')
          .withArgs(bad.organisation, bad.nonce, submissionHash(domain, bad), SKIP_REASONS[name]);
      }
    });

    it('accepts what it skipped once the reason is gone', async () => {
      const { ledger, organisations, guardian, registrar, signed } = await loadFixture(admitted);
      const submission = await signed([entry('car', 'a')]);
      await as(organisations, guardian).suspend(1n);
      await expect(ledger.recordSigned([submission])).to.emit(ledger, 'Skipped');
      await as(organisations, registrar).reinstate(1n);
      await expect(ledger.recordSigned([submission])).to.emit(ledger, 'Accepted');
    });

    it('records a submission once, however often it comes and even in one transaction', async () => {
      const { ledger, signed } = await loadFixture(admitted);
      const submission = await signed([entry('car', 'a')]);
      const timestamp = await timestampOf(ledger.recordSigned([submission, submission]));
      await ledger.recordSigned([submission]);
      expect(await ledger.heads(subjectOf('car'))).to.equal(foldEntries(1n, timestamp, [entry('car', 'a')]));
    });

    it('takes a submission for this ledger and chain only', async () => {
      const { ledger, signed, domain, signer } = await loadFixture(admitted);
      const submission = await signed([entry('car', 'a')]);
      const { organisation, entries, nonce, deadline } = submission;
      for (const elsewhere of [
        { ...domain, chainId: domain.chainId + 1n },
        { ...domain, verifyingContract: signer.address },
        { ...domain, version: '2' },
      ]) {
        const signature = await signer.signTypedData(elsewhere, SUBMISSION_TYPES, {
          ...{ organisation, entries, nonce, deadline },
        });
        await expect(ledger.recordSigned([{ ...submission, signature }])).to.emit(ledger, 'Skipped');
      }
      await expect(ledger.recordSigned([submission])).to.emit(ledger, 'Accepted');
    });

    it('refuses the second form of an ECDSA signature, the compact one, and one of another key', async () => {
      const { ledger, signed, stranger, signer } = await loadFixture(admitted);
      const submission = await signed([entry('car', 'a')]);
      const { r, s, v, yParityAndS } = Signature.from(submission.signature);
      const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
      const highS = ethers.toBeHex(order - BigInt(s), 32);
      for (const signature of [
        concat([r, highS, v === 27 ? '0x1c' : '0x1b']),
        concat([r, yParityAndS]),
        '0x',
      ]) {
        await expect(ledger.recordSigned([{ ...submission, signature }])).to.emit(ledger, 'Skipped');
      }
      const forged = await signed([entry('car', 'a')], { by: stranger, signer });
      await expect(ledger.recordSigned([forged])).to.emit(ledger, 'Skipped');
      await expect(ledger.recordSigned([submission])).to.emit(ledger, 'Accepted');
    });
  });

  describe('recordSigned, by contracts', () => {
    async function withContract(name: string, ...args: unknown[]) {
      const all = await admitted();
      const contract = await ethers.deployContract(name, args);
      await as(all.organisations, all.controller).addKey(1n, contract);
      return { ...all, contract: await contract.getAddress() };
    }
    const GAS_CAP = 150_000;

    it('accepts an ERC-1271 organisation', async () => {
      const wallet = async () => withContract('OwnedWallet', (await ethers.getSigners())[10], 0);
      const { ledger, signed, contract, others, stranger } = await loadFixture(wallet);
      const owner = others[5] as Signer;
      const submission = await signed([entry('car', 'a')], { signer: contract, by: owner });
      await expect(ledger.recordSigned([submission])).to.emit(ledger, 'Accepted');
      const forged = await signed([entry('car', 'a')], { signer: contract, by: stranger });
      await expect(ledger.recordSigned([forged])).to.emit(ledger, 'Skipped');
    });

    it('accepts an EOA that delegates to code (EIP-7702) by its key, and otherwise by its code', async () => {
      const { ledger, organisations, controller, signed, relayer, others } = await loadFixture(admitted);
      const owner = others[5] as Signer;
      const code = await ethers.deployContract('OwnedWallet', [owner, 0]);
      const delegated = ethers.Wallet.createRandom(ethers.provider);
      await networkHelpers.setBalance(delegated.address, 10n ** 18n);
      const authorisation = await delegated.authorize({ address: await code.getAddress(), nonce: 0 });
      await (
        await relayer.sendTransaction({ type: 4, to: relayer.address, authorizationList: [authorisation] })
      ).wait();
      expect(await ethers.provider.getCode(delegated)).to.match(/^0xef0100/);
      await as(organisations, controller).addKey(1n, delegated);

      await expect(ledger.recordSigned([await signed([entry('car', 'a')], { by: delegated })])).to.emit(
        ledger,
        'Accepted',
      );
      const byCode = await signed([entry('car', 'a')], { signer: delegated, by: owner });
      await expect(ledger.recordSigned([byCode])).to.emit(ledger, 'Accepted');
      const direct = { to: await ledger.getAddress(), gasLimit: 1_000_000 };
      const data = ledger.interface.encodeFunctionData('record', [1n, pack([entry('van', 'b')])]);
      await delegated.sendTransaction({ ...direct, data });
      expect(await ledger.heads(subjectOf('van'))).not.to.equal(ZeroHash);
    });

    const MAGIC = '0x1626ba7e';
    const answers: [string, string, boolean, boolean][] = [
      ['the magic value', `${MAGIC}${'00'.repeat(28)}`, false, true],
      ['the magic value and more', `${MAGIC}${'00'.repeat(60)}`, false, true],
      ['nothing', '0x', false, false],
      ['the magic value alone, 4 bytes', MAGIC, false, false],
      ['31 bytes', `${MAGIC}${'00'.repeat(27)}`, false, false],
      ['the magic value with dirt behind it', `${MAGIC}${'00'.repeat(27)}01`, false, false],
      ['another value', `0xffffffff${'00'.repeat(28)}`, false, false],
      ['a revert with the magic value', `${MAGIC}${'00'.repeat(28)}`, true, false],
    ];
    for (const [what, answer, reverts, accepted] of answers) {
      it(`${accepted ? 'accepts' : 'skips'} a contract that answers ${what}`, async () => {
        const { ledger, organisations, controller, signed } = await loadFixture(admitted);
        const parrot = await ethers.deployContract('Parrot', [answer, reverts]);
        await as(organisations, controller).addKey(1n, parrot);
        const submission = await signed([entry('car', 'a')], { signer: await parrot.getAddress() });
        await expect(ledger.recordSigned([submission])).to.emit(ledger, accepted ? 'Accepted' : 'Skipped');
      });
    }

    for (const bomb of ['GasBomb', 'ReturnBomb']) {
      it(`suffers a ${bomb} beside twenty honest submissions, which all take effect`, async () => {
        const { ledger, signed, organisations, controller } = await loadFixture(admitted);
        const contract = await ethers.deployContract(bomb);
        await as(organisations, controller).addKey(1n, contract);
        const honest = [];
        for (let i = 0; i < 20; ++i) honest.push(await signed([entry(`car ${i}`, 'a')]));
        const bad = await signed([entry('car', 'a')], { signer: await contract.getAddress() });

        const alone = (await (await ledger.recordSigned(honest.slice(0, 10))).wait())?.gasUsed ?? 0n;
        const sent = await ledger.recordSigned([bad, ...honest.slice(10)], { gasLimit: 2_000_000 });
        const receipt = await sent.wait();
        const named = (name: string) =>
          receipt?.logs.filter((log: Log) => ledger.interface.parseLog(log)?.name === name).length;
        expect([named('Accepted'), named('Skipped')]).to.deep.equal([10, 1]);
        expect(Number((receipt?.gasUsed ?? 0n) - alone)).to.be.lessThan(GAS_CAP + 50_000);
      });
    }

    it('reverts with too little gas for a valid ERC-1271 submission, and never skips it', async () => {
      const wallet = async () => withContract('OwnedWallet', (await ethers.getSigners())[10], 140_000);
      const { ledger, signed, contract, others, relayer } = await loadFixture(wallet);
      const owner = others[5] as Signer;
      const submission = await signed([entry('car', 'a')], { signer: contract, by: owner });
      const to = await ledger.getAddress();
      const data = ledger.interface.encodeFunctionData('recordSigned', [[submission]]);
      const seen = new Set<string>();
      for (let gasLimit = 40_000; gasLimit < 340_000; gasLimit += 5_000) {
        try {
          const result = await ethers.provider.call({ from: relayer.address, to, data, gasLimit });
          expect(result).to.equal('0x');
          seen.add('accepted');
        } catch (error) {
          const data = revertDataOf(error);
          if (data !== '0x') {
            const parsed = ledger.interface.parseError(data);
            expect(parsed?.name).to.equal('LedgerInsufficientGas');
            expect(parsed?.args[0]).to.be.lessThan(parsed?.args[1]);
            seen.add('insufficient');
          } else {
            expect(seen.has('accepted'), 'out of gas with more gas than was enough').to.equal(false);
            seen.add('out of gas');
          }
        }
        // Whatever the gas: the transaction fails as a whole, or the submission takes effect.
        const snapshot = await ethers.provider.send('evm_snapshot', []);
        const receipt = await relayer
          .sendTransaction({ to, data, gasLimit })
          .then((sent) => sent.wait())
          .catch(() => null);
        const names = (receipt?.logs ?? []).map((log) => ledger.interface.parseLog(log)?.name);
        expect(names).not.to.include('Skipped');
        await ethers.provider.send('evm_revert', [snapshot]);
      }
      expect([...seen]).to.include.members(['accepted', 'insufficient']);
    });

    it('asks for what finishing needs before it asks the contract', async () => {
      const wallet = async () => withContract('OwnedWallet', (await ethers.getSigners())[10], 0);
      const { ledger, signed, contract, others } = await loadFixture(wallet);
      const owner = others[5] as Signer;
      const many = Array.from({ length: 100 }, (_, i) => entry(`car ${i}`, 'a'));
      const submission = await signed(many, { signer: contract, by: owner });
      await expect(ledger.recordSigned([submission], { gasLimit: 2_500_000 })).to.be.revertedWithCustomError(
        ledger,
        'LedgerInsufficientGas',
      );
      const sent = await ledger.recordSigned([submission], { gasLimit: 3_300_000 });
      expect((await sent.wait())?.status).to.equal(1);
    });
  });

  describe('recordFor', () => {
    const action = (kind: number, subject = subjectOf('car')) =>
      [ethers.getAddress(`0x${'ab'.repeat(20)}`), subject, kind, digestOf('a'), digestOf('action')] as const;

    it('extends the head with who acted and what was done', async () => {
      const { ledger, titles } = await loadFixture(admitted);
      const [actor, subject, kind, digest, actionHash] = action(3);
      const sent = as(ledger, titles).recordFor(actor, subject, kind, digest, actionHash);
      await expect(sent)
        .to.emit(ledger, 'ModuleRecorded')
        .withArgs(subject, kind, titles.address, actor, digest, actionHash);
      const timestamp = await timestampOf(sent);
      expect(await ledger.heads(subject)).to.equal(
        afterModuleEntry(ZeroHash, kind, titles.address, actor, timestamp, digest, actionHash),
      );
    });

    it('lets each module record its own kinds and nobody any other', async () => {
      const { ledger, titles, parts, signer, registrar, admin } = await loadFixture(admitted);
      const truth = [
        { kinds: [0, 15], allowed: titles },
        { kinds: [16, 31], allowed: parts },
        { kinds: [32, 64, 255], allowed: undefined },
      ];
      for (const row of truth) {
        for (const kind of row.kinds) {
          for (const caller of [titles, parts, signer, registrar, admin]) {
            const call = as(ledger, caller).recordFor.staticCall(...action(kind));
            if (caller === row.allowed) await call;
            else {
              await expect(call)
                .to.be.revertedWithCustomError(ledger, 'LedgerNotModuleOfKind')
                .withArgs(caller.address, kind);
            }
          }
        }
      }
    });

    it('lets nobody record the kinds of an absent module', async () => {
      const { organisations, authority, titles } = await loadFixture(admitted);
      const bare = await ethers.deployContract('Ledger', [
        authority,
        organisations,
        ZeroHash,
        ZeroAddress,
        ZeroAddress,
      ]);
      const to = await bare.getAddress();
      for (const kind of [0, 16, 64]) {
        const data = bare.interface.encodeFunctionData('recordFor', action(kind));
        for (const from of [titles.address, ZeroAddress]) {
          const error = await ethers.provider.call({ from, to, data }).catch(revertDataOf);
          expect(bare.interface.parseError(error)?.name, from).to.equal('LedgerNotModuleOfKind');
        }
      }
    });

    it('refuses the zero subject', async () => {
      const { ledger, titles } = await loadFixture(admitted);
      await expect(as(ledger, titles).recordFor(...action(3, ZeroHash))).to.be.revertedWithCustomError(
        ledger,
        'LedgerZeroSubject',
      );
    });
  });

  describe('close', () => {
    it('ends all writing, once and for ever', async () => {
      const { ledger, directoryManager, signer, titles, signed } = await loadFixture(admitted);
      const submission = await signed([entry('car', 'a')]);
      await as(ledger, signer).record(1n, pack([entry('car', 'b')]));
      const head = await ledger.heads(subjectOf('car'));

      const sent = as(ledger, directoryManager).close();
      const timestamp = await timestampOf(sent);
      await expect(sent).to.emit(ledger, 'Closed').withArgs(timestamp);
      expect(await ledger.closedAt()).to.equal(timestamp);
      for (const call of [
        () => as(ledger, signer).record(1n, pack([entry('car', 'b')])),
        () => ledger.recordSigned([submission]),
        () => ledger.recordSigned([]),
        () => as(ledger, titles).recordFor(ZeroAddress, subjectOf('car'), 1, ZeroHash, ZeroHash),
        () => as(ledger, directoryManager).close(),
      ]) {
        await expect(call()).to.be.revertedWithCustomError(ledger, 'LedgerIsClosed').withArgs(timestamp);
      }
      expect(await ledger.heads(subjectOf('car'))).to.equal(head);
    });
  });
});

function revertDataOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '0x';
  if ('data' in error && typeof error.data === 'string') return error.data;
  if ('data' in error) return revertDataOf(error.data);
  if ('cause' in error) return revertDataOf(error.cause);
  return '0x';
}
