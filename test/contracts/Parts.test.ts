import { expect } from 'chai';
import { concat, Signature, toBeHex, VoidSigner, ZeroAddress, ZeroHash } from 'ethers';
import { type PartKind, partTransitions } from '../../core/modules/part.ts';
import {
  as,
  ethers,
  type Ledger,
  loadFixture,
  type Parts,
  PSEUDONYM_KEY,
  subjectOf,
  time,
} from './support/fixture.ts';
import {
  ACTORS,
  type Actor,
  ANOTHER_VEHICLE,
  actorOf,
  addressOf,
  type Equipped,
  equipped,
  KEYS,
  KIND_NAMES,
  ORGANISATIONS,
  PART,
  SITUATIONS,
  type Situation,
  unregistered,
  VEHICLE,
} from './support/parts.ts';
import { PART_ACTION_TYPES, type PartAction, partActionHash } from './support/reference.ts';

/** Undoes what `tried` does to the chain. */
async function undone<T>(tried: () => Promise<T>): Promise<T> {
  const snapshot = await ethers.provider.send('evm_snapshot', []);
  try {
    return await tried();
  } finally {
    await ethers.provider.send('evm_revert', [snapshot]);
  }
}

/** Executes a legal action, and holds everything that it did against core and the protocol. */
async function expectEffect(world: Equipped, action: PartAction, actor: string) {
  const { partsContract, partsAddress, ledger, partAt, headOf, linked, judge, domain } = world;
  const hash = partActionHash(domain, action);
  const touched = [action.subject, ...(action.vehicle === ZeroHash ? [] : [action.vehicle])];
  const subjects = [...new Set([...touched, PART, VEHICLE, ANOTHER_VEHICLE, subjectOf('another part')])];
  const before = new Map<string, { part: unknown; head: string }>();
  for (const subject of subjects)
    before.set(subject, { part: await partAt(subject), head: await headOf(subject) });

  const signer = await ethers.getImpersonatedSigner(actor);
  await ethers.provider.send('hardhat_setBalance', [actor, '0xde0b6b3a7640000']);
  const sent = await as(partsContract, signer).execute(action, actor, '0x');
  const at = BigInt(await time.latest());
  const verdict = judge(action, actor, at);
  if ('error' in verdict) throw new Error(`core says ${verdict.error}`);

  for (const subject of subjects) {
    const was = before.get(subject);
    const head = was?.head ?? '';
    expect({ part: await partAt(subject), head: await headOf(subject) }).to.deep.equal({
      part: subject === action.subject ? verdict.part : was?.part,
      head: touched.includes(subject) ? linked(head, action, actor, at, hash) : head,
    });
  }
  expect((await sent.wait())?.logs.length).to.equal(1 + touched.length);
  await expect(sent)
    .to.emit(partsContract, 'Executed')
    .withArgs(action.subject, hash, actor, [...Object.values(action)]);
  for (const subject of touched) {
    await expect(sent)
      .to.emit(ledger, 'ModuleRecorded')
      .withArgs(subject, action.kind, partsAddress, actor, action.digest, hash);
  }
}

describe('Parts', () => {
  describe('the table of transitions: every kind by everybody in every situation', () => {
    const reached = new Set<string>();
    for (const [situation, arrive] of Object.entries(SITUATIONS)) {
      describe(situation, () => {
        let world: Equipped;
        before(async () => {
          world = await unregistered();
          await arrive(world);
          expect(await world.partAt(PART)).to.deep.equal(world.modelOf(PART));
        });

        for (const name of KIND_NAMES) {
          it(name, async () => {
            const { actionOf, judge, refusal } = world;
            for (const actor of ACTORS) {
              const action = await actionOf(name, { actor });
              const verdict = judge(action, addressOf(actor), BigInt(await time.latest()));
              const error = 'error' in verdict ? verdict.error : undefined;
              expect(await refusal(action, addressOf(actor)), `${name} by ${actor}`).to.equal(error);
              reached.add(`${name} ${error === undefined}`);
              if (error === undefined) await undone(() => expectEffect(world, action, addressOf(actor)));
            }
          });
        }
      });
    }

    describe('altogether', () => {
      it('has let every kind happen, and has refused every kind', () => {
        for (const name of KIND_NAMES) {
          expect([...reached], name).to.include.members([`${name} true`, `${name} false`]);
        }
      });
    });
  });

  describe('the fields: every kind where it is legal, with every field as it must not be', () => {
    const LEGAL: Record<PartKind, Situation> = {
      'safetyPart.registered': 'never registered',
      'safetyPart.mounted': 'free',
      'safetyPart.removed': 'mounted',
      'safetyPart.scrapped': 'mounted',
      'safetyPart.stolen': 'mounted',
      'safetyPart.recovered': 'stolen while mounted',
    };
    const MAX_64 = 2n ** 64n - 1n;

    for (const name of KIND_NAMES) {
      it(name, async () => {
        const world = await unregistered();
        await SITUATIONS[LEGAL[name]](world);
        const { actionOf, judge, refusal } = world;
        const now = await time.latest();
        const actor = addressOf(actorOf(name));
        const values: Partial<Record<keyof PartAction, unknown[]>> = {
          kind: [0, 1, 15, 22, 23, 31, 32, 128, 255],
          revision: [0n, 1n, 2n, 3n, 4n, 2n ** 40n, MAX_64],
          deadline: [0, 1, now - 1000, now + 1000, MAX_64],
          organisation: [...Array.from({ length: 9 }, (_, number) => BigInt(number)), MAX_64],
          vehicle: [ZeroHash, PART, VEHICLE, ANOTHER_VEHICLE, `0x${'ff'.repeat(32)}`],
          digest: [ZeroHash, `0x${'ff'.repeat(32)}`],
        };
        const refused = new Set<string>();
        for (const [field, given] of Object.entries(values)) {
          for (const value of given) {
            const action = { ...(await actionOf(name)), [field]: value };
            const verdict = judge(action, actor, BigInt(await time.latest()));
            const error = 'error' in verdict ? verdict.error : undefined;
            expect(await refusal(action, actor), `${name} with ${field} ${value}`).to.equal(error);
            if (error === undefined) await undone(() => expectEffect(world, action, actor));
            else refused.add(error);
          }
        }
        expect([...refused]).to.include.members([
          ...['PartsUnknownKind', 'PartsWrongRevision', 'ModuleExpired'],
          ...['ModuleNotInGoodStanding', 'ModuleUnknownKey'],
        ]);
        const { vehicle } = partTransitions[name];
        if (vehicle === null) expect([...refused]).to.include('PartsUnusedField');
        if (vehicle === 'new') expect([...refused]).to.include('PartsBadVehicle');
        if (vehicle === 'present') expect([...refused]).to.include('PartsNotThere');
      });
    }

    it('say in the error what was wrong', async () => {
      const { act, actionOf, partsContract } = await unregistered();
      const refused = (action: PartAction, by: Actor) => {
        const sent = as(partsContract, new VoidSigner(addressOf(by), ethers.provider));
        return expect(sent.execute.staticCall(action, addressOf(by), '0x')).to.be;
      };
      await refused(await actionOf('safetyPart.mounted'), 'workshop')
        .revertedWithCustomError(partsContract, 'PartsWrongState')
        .withArgs(17, 0);
      await act('safetyPart.registered');
      await refused(await actionOf('safetyPart.mounted', { vehicle: PART }), 'workshop')
        .revertedWithCustomError(partsContract, 'PartsBadVehicle')
        .withArgs(PART);
      await refused(await actionOf('safetyPart.mounted', { revision: 7n }), 'workshop')
        .revertedWithCustomError(partsContract, 'PartsWrongRevision')
        .withArgs(7, 1);
      await refused(await actionOf('safetyPart.scrapped', { vehicle: VEHICLE }), 'authority')
        .revertedWithCustomError(partsContract, 'PartsUnusedField')
        .withArgs(19);
      await refused(await actionOf('safetyPart.scrapped', { kind: 22 }), 'authority')
        .revertedWithCustomError(partsContract, 'PartsUnknownKind')
        .withArgs(22);
      await act('safetyPart.mounted');
      await refused(await actionOf('safetyPart.mounted', { vehicle: ANOTHER_VEHICLE }), 'workshop')
        .revertedWithCustomError(partsContract, 'PartsWrongState')
        .withArgs(17, 2);
      await refused(await actionOf('safetyPart.removed', { vehicle: ANOTHER_VEHICLE }), 'workshop')
        .revertedWithCustomError(partsContract, 'PartsNotThere')
        .withArgs(ANOTHER_VEHICLE, VEHICLE);
    });
  });

  describe('one block', () => {
    /** Sends all of them into one block; whether each was executed. */
    async function inOneBlock({ partsContract, sign }: Equipped, actions: [PartAction, keyof typeof KEYS][]) {
      await ethers.provider.send('evm_setAutomine', [false]);
      const sent = [];
      for (const [action, by] of actions) {
        const signature = await sign(action, KEYS[by]);
        sent.push(await partsContract.execute(action, addressOf(by), signature, { gasLimit: 500_000 }));
      }
      await ethers.provider.send('evm_setAutomine', [true]);
      await ethers.provider.send('evm_mine', []);
      const receipts = await Promise.all(
        sent.map(async ({ hash }) => ethers.provider.getTransactionReceipt(hash)),
      );
      expect(new Set(receipts.map((receipt) => receipt?.blockNumber)).size).to.equal(1);
      return receipts.map((receipt) => receipt?.status === 1);
    }

    for (const [title, second] of [
      ['into two vehicles, both of which knew it free', { vehicle: ANOTHER_VEHICLE, actor: 'supplier' }],
      ['into two vehicles, the second knowing of the first', { vehicle: ANOTHER_VEHICLE, revision: 2n }],
      ['into one vehicle twice', {}],
    ] as const) {
      it(`ONE-VEHICLE: of two mounts of one serial the second reverts: ${title}`, async () => {
        const world = await unregistered();
        const { act, actionOf, partAt, headOf } = world;
        await act('safetyPart.registered');
        const first = await actionOf('safetyPart.mounted');
        const rival = await actionOf('safetyPart.mounted', second);
        const by = 'actor' in second ? second.actor : 'workshop';
        const outcomes = await inOneBlock(world, [
          [first, 'workshop'],
          [rival, by],
        ]);
        expect(outcomes).to.deep.equal([true, false]);
        expect(await partAt(PART)).to.include({ state: 'mounted', vehicle: VEHICLE, revision: 2n });
        expect(await headOf(ANOTHER_VEHICLE)).to.equal(ZeroHash);
      });
    }

    it('moves a part from one vehicle to another', async () => {
      const world = await unregistered();
      const { act, actionOf, partAt } = world;
      await act('safetyPart.registered');
      await act('safetyPart.mounted');
      const outcomes = await inOneBlock(world, [
        [await actionOf('safetyPart.removed'), 'workshop'],
        [await actionOf('safetyPart.mounted', { vehicle: ANOTHER_VEHICLE, revision: 3n }), 'workshop'],
      ]);
      expect(outcomes).to.deep.equal([true, true]);
      expect(await partAt(PART)).to.include({ state: 'mounted', vehicle: ANOTHER_VEHICLE });
    });
  });

  it('an action is good up to and including its deadline', async () => {
    const { actionOf, sign, partsContract } = await unregistered();
    const deadline = (await time.latest()) + 1000;
    const action = await actionOf('safetyPart.registered', { deadline });
    const signature = await sign(action, KEYS.supplier);
    await undone(async () => {
      await time.setNextBlockTimestamp(deadline + 1);
      await expect(partsContract.execute(action, addressOf('supplier'), signature))
        .to.be.revertedWithCustomError(partsContract, 'ModuleExpired')
        .withArgs(deadline);
    });
    await time.setNextBlockTimestamp(deadline);
    await expect(partsContract.execute(action, addressOf('supplier'), signature)).to.emit(
      partsContract,
      'Executed',
    );
  });

  it('standing is judged when the action is executed, not when it was signed', async () => {
    const { organisations, guardian, registrar, controller, actionOf, refusal, sign } = await unregistered();
    const action = await actionOf('safetyPart.registered');
    const key = addressOf('supplier');
    const signature = await sign(action, KEYS.supplier);
    const error = async () => refusal(action, key, signature, addressOf('stranger'));
    expect(await error()).to.equal(undefined);
    await undone(async () => {
      await as(organisations, guardian).suspend(1n);
      expect(await error()).to.equal('ModuleNotInGoodStanding');
    });
    await undone(async () => {
      await as(organisations, controller).revokeKey(1n, key);
      expect(await error()).to.equal('ModuleUnknownKey');
    });
    await undone(async () => {
      await as(organisations, registrar).setKinds(1n, ORGANISATIONS.supplier.rights & ~(1n << 16n));
      expect(await error()).to.equal('ModuleKindNotAllowed');
    });
    expect(await error()).to.equal(undefined);
  });

  describe('signatures', () => {
    async function inStock() {
      const world = await equipped();
      await world.act('safetyPart.registered');
      return { ...world, mount: await world.actionOf('safetyPart.mounted') };
    }
    const stranger = addressOf('stranger');
    const workshop = addressOf('workshop');

    it('let anyone carry the actor’s will, once', async () => {
      const { partsContract, mount, sign, refusal } = await loadFixture(inStock);
      const signature = await sign(mount, KEYS.workshop);
      await expect(partsContract.execute(mount, workshop, signature))
        .to.emit(partsContract, 'Executed')
        .withArgs(PART, await partsContract.actionHash(mount), workshop, [...Object.values(mount)]);
      expect(await refusal(mount, workshop, signature, stranger)).to.equal('PartsWrongRevision');
      expect(await refusal(mount, workshop, '0x')).to.equal('PartsWrongRevision');
    });

    it('are needed from all but the actor itself, and must be good from it too', async () => {
      const { mount, sign, refusal } = await loadFixture(inStock);
      const signature = await sign(mount, KEYS.workshop);
      expect(await refusal(mount, workshop, '0x')).to.equal(undefined);
      expect(await refusal(mount, workshop, signature)).to.equal(undefined);
      expect(await refusal(mount, workshop, '0x', stranger)).to.equal('ModuleBadSignature');
      expect(await refusal(mount, workshop, '0x00')).to.equal('ModuleBadSignature');
      expect(await refusal(mount, workshop, await sign(mount, KEYS.stranger))).to.equal('ModuleBadSignature');
      expect(await refusal(mount, stranger, signature, workshop)).to.equal('ModuleBadSignature');
      expect(await refusal(mount, ZeroAddress, '0x', stranger)).to.equal('ModuleBadSignature');
    });

    it('hold for one chain, one contract and every field', async () => {
      const { mount, refusal, domain, titles } = await loadFixture(inStock);
      const by = (elsewhere: object, signed: object = {}) =>
        KEYS.workshop.signTypedData({ ...domain, ...elsewhere }, PART_ACTION_TYPES, { ...mount, ...signed });
      expect(await refusal(mount, workshop, await by({}), stranger)).to.equal(undefined);
      const others = [
        await by({ chainId: 1n }),
        await by({ verifyingContract: titles.address }),
        await by({ name: 'vinculum' }),
        await by({ version: '2' }),
        ...(await Promise.all(
          [
            { kind: 18 },
            { subject: subjectOf('another part') },
            { revision: 2n },
            { deadline: BigInt(mount.deadline) + 1n },
            { organisation: 1n },
            { vehicle: ANOTHER_VEHICLE },
            { digest: ZeroHash },
          ].map((signed) => by({}, signed)),
        )),
      ];
      for (const signature of others) {
        expect(await refusal(mount, workshop, signature, stranger)).to.equal('ModuleBadSignature');
      }
    });

    it('are refused in their second form, the compact one, cut short and long', async () => {
      const { mount, sign, refusal } = await loadFixture(inStock);
      const { r, s, v, yParityAndS, serialized } = Signature.from(await sign(mount, KEYS.workshop));
      const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
      const highS = concat([r, toBeHex(order - BigInt(s), 32), v === 27 ? '0x1c' : '0x1b']);
      for (const bad of [highS, concat([r, yParityAndS]), serialized.slice(0, -2), `${serialized}00`]) {
        expect(await refusal(mount, workshop, bad, stranger)).to.equal('ModuleBadSignature');
      }
    });

    it('of a contract that is a key (ERC-1271): its word counts, its owner’s own does not', async () => {
      const { organisations, controller, partsContract, mount, sign, refusal, partAt } =
        await loadFixture(inStock);
      const owner = addressOf('stranger');
      const wallet = await (await ethers.deployContract('OwnedWallet', [owner, 0])).getAddress();
      await as(organisations, controller).addKey(ORGANISATIONS.workshop.number, wallet);
      const signature = await sign(mount, KEYS.stranger);
      const relayer = addressOf('carrier');
      expect(await refusal(mount, wallet, signature, relayer)).to.equal(undefined);
      expect(await refusal(mount, owner, signature, relayer)).to.equal('ModuleUnknownKey');
      expect(await refusal(mount, wallet, '0x', relayer)).to.equal('ModuleBadSignature');
      const forged = await sign(mount, KEYS.carrier);
      expect(await refusal(mount, wallet, forged, relayer)).to.equal('ModuleBadSignature');
      await partsContract.execute(mount, wallet, signature);
      expect(await partAt(PART)).to.include({ state: 'mounted', vehicle: VEHICLE });
    });
  });

  describe('bind', () => {
    async function unbound() {
      const all = await equipped();
      const { deployer, authority, organisations } = all;
      const parts = (await ethers.deployContract('Parts', [organisations], deployer)) as unknown as Parts;
      const ledgerOf = async (titles: unknown, named: unknown) =>
        (await ethers.deployContract('Ledger', [
          ...[authority, organisations, PSEUDONYM_KEY, titles, named],
        ])) as unknown as Ledger;
      return { ...all, parts, ledgerOf };
    }

    it('is the deployer’s, once, to a ledger that names it for the kinds of parts', async () => {
      const { parts, ledgerOf, deployer, stranger } = await loadFixture(unbound);
      const good = await ledgerOf(ZeroAddress, parts);
      await expect(as(parts, stranger).bind(good))
        .to.be.revertedWithCustomError(parts, 'ModuleNotDeployer')
        .withArgs(stranger.address);
      const asTitles = await ledgerOf(parts, ZeroAddress);
      await expect(as(parts, deployer).bind(asTitles))
        .to.be.revertedWithCustomError(parts, 'ModuleNotNamed')
        .withArgs(await asTitles.getAddress(), ZeroAddress);
      await expect(as(parts, deployer).bind(good))
        .to.emit(parts, 'Bound')
        .withArgs(await good.getAddress());
      await expect(as(parts, deployer).bind(await ledgerOf(ZeroAddress, parts)))
        .to.be.revertedWithCustomError(parts, 'ModuleAlreadyBound')
        .withArgs(await good.getAddress());
    });

    it('comes before everything else', async () => {
      const { parts, actionOf } = await loadFixture(unbound);
      const action = await actionOf('safetyPart.registered');
      const supplier = await ethers.getImpersonatedSigner(addressOf('supplier'));
      const sent = as(parts, supplier).execute.staticCall(action, addressOf('supplier'), '0x');
      await expect(sent).to.be.revertedWithCustomError(parts, 'ModuleNotBound');
    });
  });

  it('says its EIP-712 domain by EIP-5267, and hashes by it', async () => {
    const { partsContract, domain, actionOf, organisations, ledger } = await unregistered();
    const [fields, name, version, chainId, verifyingContract, salt, extensions] =
      await partsContract.eip712Domain();
    expect({ name, version, chainId, verifyingContract }).to.deep.equal(domain);
    expect([fields, salt, [...extensions]]).to.deep.equal(['0x0f', ZeroHash, []]);
    for (const kind of KIND_NAMES) {
      const action = await actionOf(kind, { subject: subjectOf(kind) });
      expect(await partsContract.actionHash(action)).to.equal(partActionHash(domain, action));
    }
    expect(await partsContract.organisations()).to.equal(await organisations.getAddress());
    expect(await partsContract.ledger()).to.equal(await ledger.getAddress());
  });

  it('changes nothing that the ledger does not record: the zero subject, a closed ledger', async () => {
    const { partsContract, ledger, directoryManager, actionOf, sign, partAt } = await unregistered();
    for (const [subject, error] of [
      [ZeroHash, 'LedgerZeroSubject'],
      [PART, 'LedgerIsClosed'],
    ] as const) {
      if (subject === PART) await as(ledger, directoryManager).close();
      const action = await actionOf('safetyPart.registered', { subject });
      const sent = partsContract.execute(action, addressOf('supplier'), await sign(action, KEYS.supplier));
      await expect(sent).to.be.revertedWithCustomError(ledger, error);
      expect((await partAt(subject)).state).to.equal('none');
    }
  });
});
