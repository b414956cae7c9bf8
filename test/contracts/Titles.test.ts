import { expect } from 'chai';
import { concat, id, Signature, toBeHex, ZeroAddress, ZeroHash } from 'ethers';
import { obstaclesOf, type TitleKind, transitions } from '../../core/modules/title.ts';
import {
  as,
  ethers,
  type Ledger,
  loadFixture,
  PSEUDONYM_KEY,
  subjectOf,
  type Titles,
  time,
} from './support/fixture.ts';
import { TITLE_ACTION_TYPES, type TitleAction, titleActionHash } from './support/reference.ts';
import {
  ACTORS,
  actorOf,
  addressOf,
  CAR,
  DAY,
  KEYS,
  KIND_NAMES,
  revertDataOf,
  SITUATIONS,
  type Situation,
  type Titled,
  titled,
  untouched,
} from './support/titles.ts';

const OBSTACLES = { none: 0n, notHeld: 1n, stolen: 2n, lien: 3n } as const;

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
async function expectEffect(world: Titled, action: Awaited<ReturnType<Titled['actionOf']>>, actor: string) {
  const { titlesContract, ledger, titleAt, headOf, linked, judge, domain, model, modelOf } = world;
  const hash = titleActionHash(domain, action);
  const subjects = [...new Set([action.subject, subjectOf('new number'), ...model.keys()])];
  const before = new Map<string, { title: unknown; head: string }>();
  for (const subject of subjects)
    before.set(subject, { title: await titleAt(subject), head: await headOf(subject) });

  const signer = await ethers.getImpersonatedSigner(actor);
  await ethers.provider.send('hardhat_setBalance', [actor, '0xde0b6b3a7640000']);
  const sent = await as(titlesContract, signer).execute(action, actor, '0x');
  const at = BigInt(await time.latest());
  const verdict = judge(action, actor, at);
  if ('error' in verdict) throw new Error(`core says ${verdict.error}`);
  const changed = new Map(verdict.changed);

  for (const subject of subjects) {
    const was = before.get(subject);
    const next = changed.get(subject);
    const title = await titleAt(subject);
    if (next === undefined) {
      expect({ title, head: await headOf(subject) }).to.deep.equal(was);
      continue;
    }
    expect(title).to.deep.equal({
      ...next,
      liens: next.liens.filter(({ until }) => at <= until).sort((a, b) => a.number - b.number),
    });
    expect(await headOf(subject)).to.equal(linked(was?.head ?? '', action, actor, at, hash));
    const [obstacle = 'none'] = obstaclesOf(next, at);
    expect([...(await titlesContract.sellable(subject))]).to.deep.equal([
      ...[obstacle === 'none', OBSTACLES[obstacle]],
    ]);
  }
  const logs = (await sent.wait())?.logs ?? [];
  expect(logs.length).to.equal(1 + changed.size);
  await expect(sent)
    .to.emit(titlesContract, 'Executed')
    .withArgs(action.subject, hash, actor, [...Object.values(action)]);
  for (const subject of changed.keys()) {
    await expect(sent)
      .to.emit(ledger, 'ModuleRecorded')
      .withArgs(subject, action.kind, await titlesContract.getAddress(), actor, action.digest, hash);
  }
  expect(modelOf(action.subject)).not.to.equal(changed.get(action.subject));
}

describe('Titles', () => {
  describe('the table of transitions: every kind by everybody in every situation', () => {
    const reached = new Set<string>();
    for (const [situation, arrive] of Object.entries(SITUATIONS)) {
      describe(situation, () => {
        let world: Titled;
        before(async () => {
          world = await untouched();
          await arrive(world);
          const { titleAt, shown } = world;
          expect(await titleAt(CAR)).to.deep.equal(shown(CAR, BigInt(await time.latest())));
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
    const LEGAL: Partial<Record<TitleKind, Situation>> = {
      'title.issued': 'without a title',
      'title.accepted': 'offered',
      'title.withdrawn': 'offered',
      'title.lienRenewed': 'under a lien',
      'title.lienReleased': 'under a lien',
      'title.recovered': 'stolen',
    };
    const MAX_64 = 2n ** 64n - 1n;
    const NUMBERS = [
      0n,
      1n,
      2n,
      7n,
      8n,
      99n,
      100n,
      127n,
      128n,
      255n,
      256n,
      257n,
      1n << 32n,
      (1n << 32n) + 1n,
    ];

    for (const name of KIND_NAMES) {
      it(name, async () => {
        const world = await untouched();
        await SITUATIONS[LEGAL[name] ?? 'held'](world);
        const { actionOf, judge, refusal } = world;
        const now = await time.latest();
        const actor = addressOf(actorOf(name));
        const values: Partial<Record<keyof TitleAction, unknown[]>> = {
          kind: [16, 17, 31, 32, 128, 255],
          revision: [0n, 1n, 2n, 3n, MAX_64],
          deadline: [0, 1, now - 1000, now + 1000, MAX_64],
          organisation: [...Array.from({ length: 10 }, (_, number) => BigInt(number)), MAX_64],
          party: [ZeroAddress, ...ACTORS.map(addressOf)],
          until: [0, 1, now - 1000, now + 1000, now + 365 * DAY, now + 367 * DAY, now + 3659 * DAY, MAX_64],
          detail: [
            ...NUMBERS.map((number) => toBeHex(number, 32)),
            CAR,
            subjectOf('taken'),
            `0x${'ff'.repeat(32)}`,
          ],
          digest: [ZeroHash, `0x${'ff'.repeat(32)}`],
        };
        values.until?.push(now + 3661 * DAY);
        await world.act('title.issued', { subject: subjectOf('taken') });
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
          'TitlesUnknownKind',
          'TitlesWrongRevision',
          'ModuleExpired',
        ]);
        if (transitions[name].uses.length < 4) expect([...refused]).to.include('TitlesUnusedField');
      });
    }
  });

  describe('time', () => {
    const acceptedAt = async ({ actionOf, titlesContract, sign }: Titled, at: number) => {
      const action = await actionOf('title.accepted', { deadline: at + 100 });
      await time.setNextBlockTimestamp(at);
      return titlesContract.execute(action, addressOf('buyer'), await sign(action, KEYS.buyer));
    };

    it('an offer is open up to and including its last second', async () => {
      const world = await untouched();
      await world.act('title.issued');
      const until = (await time.latest()) + 1000;
      await world.act('title.offered', { until });
      const { titlesContract } = world;
      await undone(async () => {
        await expect(acceptedAt(world, until + 1))
          .to.be.revertedWithCustomError(titlesContract, 'TitlesOfferExpired')
          .withArgs(until);
      });
      await expect(acceptedAt(world, until)).to.emit(titlesContract, 'Executed');
    });

    it('an open offer can’t be made again in its last second, and can in the next', async () => {
      const world = await untouched();
      const { act, actionOf, sign, titlesContract } = world;
      await act('title.issued');
      const until = (await time.latest()) + 1000;
      await act('title.offered', { until });
      const again = await actionOf('title.offered', { party: addressOf('heir') });
      const signature = await sign(again, KEYS.owner);
      await undone(async () => {
        await time.setNextBlockTimestamp(until);
        await expect(titlesContract.execute(again, addressOf('owner'), signature))
          .to.be.revertedWithCustomError(titlesContract, 'TitlesOfferOpen')
          .withArgs(addressOf('buyer'), until);
      });
      await time.setNextBlockTimestamp(until + 1);
      await expect(titlesContract.execute(again, addressOf('owner'), signature)).to.emit(
        titlesContract,
        'Executed',
      );
    });

    it('UNBLOCKED-AT-ONCE: a lien blocks up to and including its last second, and not in the next', async () => {
      const world = await untouched();
      const { act, actionOf, sign, titlesContract } = world;
      await act('title.issued');
      await act('title.offered');
      const until = (await time.latest()) + 1000;
      await act('title.lienPlaced', { until });
      const accepted = await actionOf('title.accepted');
      const signature = await sign(accepted, KEYS.buyer);
      const [released, renewed] = [await actionOf('title.lienReleased'), await actionOf('title.lienRenewed')];
      await undone(async () => {
        await time.setNextBlockTimestamp(until);
        await expect(titlesContract.execute(accepted, addressOf('buyer'), signature))
          .to.be.revertedWithCustomError(titlesContract, 'TitlesLienOpen')
          .withArgs(1);
      });
      await undone(async () => {
        await time.setNextBlockTimestamp(until);
        const released_ = titlesContract.execute(
          released,
          addressOf('lender'),
          await sign(released, KEYS.lender),
        );
        await expect(released_).to.emit(titlesContract, 'Executed');
      });
      await undone(async () => {
        await time.setNextBlockTimestamp(until + 1);
        for (const late of [released, renewed]) {
          await expect(titlesContract.execute(late, addressOf('lender'), await sign(late, KEYS.lender)))
            .to.be.revertedWithCustomError(titlesContract, 'TitlesNoSuchLien')
            .withArgs(toBeHex(1, 32));
        }
      });
      await time.setNextBlockTimestamp(until + 1);
      await expect(titlesContract.execute(accepted, addressOf('buyer'), signature)).to.emit(
        titlesContract,
        'Executed',
      );
    });

    for (const lift of ['title.lienReleased', 'title.recovered'] as const) {
      it(`UNBLOCKED-AT-ONCE: ${lift} and the sale in one block`, async () => {
        const world = await untouched();
        const { act, actionOf, sign, titlesContract } = world;
        await act('title.issued');
        await act('title.offered');
        await act(lift === 'title.recovered' ? 'title.stolen' : 'title.lienPlaced');
        const lifted = await actionOf(lift);
        const accepted = await actionOf('title.accepted', { revision: BigInt(lifted.revision) + 1n });
        const by = lift === 'title.recovered' ? 'police' : 'lender';
        await ethers.provider.send('evm_setAutomine', [false]);
        const gasLimit = 500_000;
        const sent = [
          await titlesContract.execute(lifted, addressOf(by), await sign(lifted, KEYS[by]), { gasLimit }),
          await titlesContract.execute(accepted, addressOf('buyer'), await sign(accepted, KEYS.buyer), {
            gasLimit,
          }),
        ];
        await ethers.provider.send('evm_setAutomine', [true]);
        await ethers.provider.send('evm_mine', []);
        const receipts = await Promise.all(sent.map((transaction) => transaction.wait()));
        expect(receipts[0]?.blockNumber).to.equal(receipts[1]?.blockNumber);
        expect((await titlesContract.titleOf(CAR)).owner).to.equal(addressOf('buyer'));
      });
    }

    it('an action is good up to and including its deadline', async () => {
      const world = await untouched();
      const { actionOf, sign, titlesContract } = world;
      const deadline = (await time.latest()) + 1000;
      const action = await actionOf('title.issued', { deadline });
      const signature = await sign(action, KEYS.registrar);
      await undone(async () => {
        await time.setNextBlockTimestamp(deadline + 1);
        await expect(titlesContract.execute(action, addressOf('registrar'), signature))
          .to.be.revertedWithCustomError(titlesContract, 'ModuleExpired')
          .withArgs(deadline);
      });
      await time.setNextBlockTimestamp(deadline);
      await expect(titlesContract.execute(action, addressOf('registrar'), signature)).to.emit(
        titlesContract,
        'Executed',
      );
    });

    for (const [name, days] of [
      ['title.offered', 366],
      ['title.lienPlaced', 3660],
      ['title.lienRenewed', 3660],
    ] as const) {
      it(`${name} ends in the future, at most ${days} days ahead`, async () => {
        const world = await untouched();
        const { act, actionOf, sign, titlesContract } = world;
        await act('title.issued');
        const lienUntil = (await time.latest()) + 100;
        if (name === 'title.lienRenewed') await act('title.lienPlaced', { until: lienUntil });
        const at = (await time.latest()) + 50;
        const earliest = name === 'title.lienRenewed' ? lienUntil + 1 : at + 1;
        const latest = at + days * DAY;
        const by = name === 'title.offered' ? 'owner' : 'lender';
        for (const [until, good] of [
          [earliest - 1, false],
          [earliest, true],
          [latest, true],
          [latest + 1, false],
        ] as const) {
          await undone(async () => {
            const action = await actionOf(name, { until });
            const signature = await sign(action, KEYS[by]);
            await time.setNextBlockTimestamp(at);
            const sent = titlesContract.execute(action, addressOf(by), signature);
            if (good) await expect(sent).to.emit(titlesContract, 'Executed');
            else {
              await expect(sent)
                .to.be.revertedWithCustomError(titlesContract, 'TitlesBadTime')
                .withArgs(until, earliest, latest);
            }
          });
        }
      });
    }
  });

  describe('a sale', () => {
    it('ends with any other change of the owner, also when the buyer’s signature is out already', async () => {
      for (const change of ['title.transferred', 'title.reissued'] as const) {
        const world = await untouched();
        const { act, actionOf, refusal, sign } = world;
        await act('title.issued');
        await act('title.offered');
        const early = await actionOf('title.accepted');
        const signature = await sign(early, KEYS.buyer);
        await act(change, { party: addressOf('heir') });
        expect(await refusal(early, addressOf('buyer'), signature)).to.equal('TitlesWrongRevision');
        expect(await refusal(await actionOf('title.accepted'), addressOf('buyer'))).to.equal('TitlesNoOffer');
      }
    });

    it('can’t be turned to another buyer or another offer by going first', async () => {
      const world = await untouched();
      const { act, actionOf, refusal, sign } = world;
      await act('title.issued');
      await act('title.offered');
      const [accepted, withdrawn] = [await actionOf('title.accepted'), await actionOf('title.withdrawn')];
      const signature = await sign(accepted, KEYS.buyer);
      expect(await refusal(accepted, addressOf('stranger'), signature)).to.equal('ModuleBadSignature');
      expect(await refusal(accepted, addressOf('stranger'))).to.equal('TitlesNotBuyer');
      await undone(async () => {
        await act('title.withdrawn');
        await act('title.offered', { party: addressOf('heir') });
        expect(await refusal(accepted, addressOf('buyer'), signature)).to.equal('TitlesWrongRevision');
        expect(await refusal(await actionOf('title.accepted'), addressOf('buyer'))).to.equal(
          'TitlesNotBuyer',
        );
      });
      expect(await refusal(withdrawn, addressOf('buyer'))).to.equal('TitlesNotOwner');
    });

    it('takes the former owner’s every right', async () => {
      const world = await untouched();
      const { act, actionOf, refusal } = world;
      await act('title.issued');
      await act('title.offered');
      await act('title.accepted');
      for (const name of ['title.offered', 'title.withdrawn', 'title.disputed'] as const) {
        const action = await actionOf(name, {
          party: name === 'title.offered' ? addressOf('heir') : ZeroAddress,
        });
        expect(await refusal(action, addressOf('owner')), name).to.equal('TitlesNotOwner');
        const error = await refusal(action, addressOf('buyer'));
        expect(error, name).to.equal(name === 'title.withdrawn' ? 'TitlesNoOffer' : undefined);
      }
    });
  });

  describe('standing', () => {
    it('is judged when the action is executed, not when it was signed', async () => {
      const { organisations, guardian, registrar, controller, actionOf, refusal, sign } = await untouched();
      const action = await actionOf('title.issued');
      const key = addressOf('registrar');
      const signature = await sign(action, KEYS.registrar);
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
        await as(organisations, registrar).setKinds(1n, 0xfffe);
        expect(await error()).to.equal('ModuleKindNotAllowed');
      });
      expect(await error()).to.equal(undefined);
    });

    it('of a lien’s holder does not pass to the successor of the successor, nor back', async () => {
      const world = await untouched();
      const { organisations, registrar, act, actionOf, refusal } = world;
      await act('title.issued');
      await act('title.lienPlaced');
      await as(organisations, registrar).setSuccessor(3n, 1n);
      const release = (organisation: bigint) => actionOf('title.lienReleased', { organisation });
      expect(await refusal(await release(3n), addressOf('successor'))).to.equal(undefined);
      expect(await refusal(await release(1n), addressOf('registrar'))).to.equal('TitlesNotHolder');
      await as(organisations, registrar).setSuccessor(2n, 1n);
      expect(await refusal(await release(3n), addressOf('successor'))).to.equal('TitlesNotHolder');
      expect(await refusal(await release(1n), addressOf('registrar'))).to.equal(undefined);
    });
  });

  describe('signatures', () => {
    async function forSale() {
      const world = await titled();
      await world.act('title.issued');
      return world;
    }
    const stranger = addressOf('stranger');
    const owner = addressOf('owner');

    it('let anyone carry the actor’s will, once', async () => {
      const world = await loadFixture(forSale);
      const { titlesContract, actionOf, sign, refusal } = world;
      const action = await actionOf('title.disputed', { revision: 1n });
      const signature = await sign(action, KEYS.owner);
      await expect(titlesContract.execute(action, owner, signature))
        .to.emit(titlesContract, 'Executed')
        .withArgs(CAR, await titlesContract.actionHash(action), owner, [...Object.values(action)]);
      expect(await refusal(action, owner, signature, stranger)).to.equal('TitlesWrongRevision');
      expect(await refusal(action, owner, '0x')).to.equal('TitlesWrongRevision');
    });

    it('are needed from all but the actor itself, and must be good from it too', async () => {
      const { actionOf, sign, refusal } = await loadFixture(forSale);
      const action = await actionOf('title.disputed', { revision: 1n });
      const signature = await sign(action, KEYS.owner);
      expect(await refusal(action, owner, '0x')).to.equal(undefined);
      expect(await refusal(action, owner, signature)).to.equal(undefined);
      expect(await refusal(action, owner, '0x', stranger)).to.equal('ModuleBadSignature');
      expect(await refusal(action, owner, '0x00')).to.equal('ModuleBadSignature');
      expect(await refusal(action, owner, await sign(action, KEYS.stranger))).to.equal('ModuleBadSignature');
      expect(await refusal(action, stranger, signature, owner)).to.equal('ModuleBadSignature');
      expect(await refusal(action, ZeroAddress, '0x', stranger)).to.equal('ModuleBadSignature');
      expect(await refusal(action, ZeroAddress, `0x${'00'.repeat(65)}`, stranger)).to.equal(
        'ModuleBadSignature',
      );
    });

    it('hold for one chain, one contract and every field', async () => {
      const { actionOf, refusal, domain, ledger } = await loadFixture(forSale);
      const action = await actionOf('title.offered', { revision: 1n });
      const by = (elsewhere: object, signed: object = {}) =>
        KEYS.owner.signTypedData({ ...domain, ...elsewhere }, TITLE_ACTION_TYPES, { ...action, ...signed });
      expect(await refusal(action, owner, await by({}), stranger)).to.equal(undefined);
      const others = [
        await by({ chainId: 1n }),
        await by({ verifyingContract: await ledger.getAddress() }),
        await by({ name: 'vinculum' }),
        await by({ version: '2' }),
        ...(await Promise.all(
          [
            { kind: 14 },
            { subject: subjectOf('another') },
            { revision: 2n },
            { deadline: BigInt(action.deadline) + 1n },
            { organisation: 1n },
            { party: stranger },
            { until: BigInt(action.until) + 1n },
            { detail: id('detail') },
            { digest: id('digest') },
          ].map((signed) => by({}, signed)),
        )),
      ];
      for (const signature of others) {
        expect(await refusal(action, owner, signature, stranger)).to.equal('ModuleBadSignature');
      }
    });

    it('are refused in their second form, the compact one, cut short and long', async () => {
      const { actionOf, sign, refusal } = await loadFixture(forSale);
      const action = await actionOf('title.disputed', { revision: 1n });
      const { r, s, v, yParityAndS, serialized } = Signature.from(await sign(action, KEYS.owner));
      const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
      const highS = concat([r, toBeHex(order - BigInt(s), 32), v === 27 ? '0x1c' : '0x1b']);
      for (const bad of [highS, concat([r, yParityAndS]), serialized.slice(0, -2), `${serialized}00`]) {
        expect(await refusal(action, owner, bad, stranger)).to.equal('ModuleBadSignature');
      }
    });

    /** A title owned by a contract or by an account with code. */
    async function ownedBy(world: Titled, address: string) {
      await world.act('title.issued', { subject: CAR, party: address });
      return world.actionOf('title.disputed', { revision: world.modelOf(CAR).revision });
    }

    it('of a contract (ERC-1271): its word counts, its owner’s own does not', async () => {
      const world = await untouched();
      const wallet = await (await ethers.deployContract('OwnedWallet', [owner, 0])).getAddress();
      const action = await ownedBy(world, wallet);
      const signature = await world.sign(action, KEYS.owner);
      expect(await world.refusal(action, wallet, signature, stranger)).to.equal(undefined);
      expect(await world.refusal(action, owner, signature, stranger)).to.equal('TitlesNotOwner');
      expect(await world.refusal(action, wallet, '0x', stranger)).to.equal('ModuleBadSignature');
      const forged = await world.sign(action, KEYS.stranger);
      expect(await world.refusal(action, wallet, forged, stranger)).to.equal('ModuleBadSignature');
      await world.titlesContract.execute(action, wallet, signature);
      expect((await world.titlesContract.titleOf(CAR)).revision).to.equal(2n);
    });

    it('of an account that delegates to code (EIP-7702): by its key, and by its code', async () => {
      const world = await untouched();
      const { relayer } = world;
      const code = await ethers.deployContract('OwnedWallet', [owner, 0]);
      const delegated = ethers.Wallet.createRandom(ethers.provider);
      const authorisation = await delegated.authorize({ address: await code.getAddress(), nonce: 0 });
      const delegation = { type: 4, to: relayer.address, authorizationList: [authorisation] };
      await (await relayer.sendTransaction(delegation)).wait();
      expect(await ethers.provider.getCode(delegated)).to.match(/^0xef0100/);
      const action = await ownedBy(world, delegated.address);
      for (const by of [delegated, KEYS.owner]) {
        const signature = await world.sign(action, by);
        expect(await world.refusal(action, delegated.address, signature, stranger)).to.equal(undefined);
      }
      expect(await world.refusal(action, delegated.address)).to.equal(undefined);
      const forged = await world.sign(action, KEYS.stranger);
      expect(await world.refusal(action, delegated.address, forged, stranger)).to.equal('ModuleBadSignature');
    });

    for (const bomb of ['GasBomb', 'ReturnBomb']) {
      it(`of a ${bomb} cost its capped gas and do nothing`, async () => {
        const world = await untouched();
        const address = await (await ethers.deployContract(bomb)).getAddress();
        const action = await ownedBy(world, address);
        const signature = await world.sign(action, KEYS.owner);
        const data = world.titlesContract.interface.encodeFunctionData('execute', [
          action,
          address,
          signature,
        ]);
        const { relayer, titlesAddress: to } = world;
        const sent = await relayer.sendTransaction({ to, data, gasLimit: 10_000_000 }).catch(() => null);
        const { gasUsed } = await receiptOf(sent?.hash);
        expect(Number(gasUsed)).to.be.lessThan(150_000 + 60_000);
        expect((await world.titlesContract.titleOf(CAR)).revision).to.equal(1n);
        // The registrar’s way out stays open.
        await world.act('title.reissued', { party: addressOf('heir') });
      });
    }

    it('of a contract are never refused for want of gas: the transaction fails as a whole', async () => {
      const world = await untouched();
      const wallet = await (await ethers.deployContract('OwnedWallet', [owner, 140_000])).getAddress();
      const action = await ownedBy(world, wallet);
      const signature = await world.sign(action, KEYS.owner);
      const data = world.titlesContract.interface.encodeFunctionData('execute', [action, wallet, signature]);
      const { titlesAddress: to } = world;
      const seen = new Set<string>();
      for (let gasLimit = 40_000; gasLimit < 400_000; gasLimit += 5_000) {
        await ethers.provider.call({ from: stranger, to, data, gasLimit }).then(
          () => seen.add('executed'),
          (error) => {
            const revert = revertDataOf(error);
            seen.add(
              revert === '0x'
                ? 'out of gas'
                : (world.titlesContract.interface.parseError(revert)?.name ?? ''),
            );
          },
        );
      }
      expect([...seen].filter((outcome) => outcome !== 'out of gas')).to.have.members([
        ...['LedgerInsufficientGas', 'executed'],
      ]);
    });
  });

  describe('bind', () => {
    async function unbound() {
      const all = await titled();
      const { deployer, authority, organisations, stranger } = all;
      const titles = (await ethers.deployContract('Titles', [organisations], deployer)) as unknown as Titles;
      const ledgerOf = async (named: unknown, asked: unknown = organisations) =>
        (await ethers.deployContract('Ledger', [
          ...[authority, asked, PSEUDONYM_KEY, named, ZeroAddress],
        ])) as unknown as Ledger;
      return { ...all, titles, ledgerOf, other: stranger };
    }

    it('is the deployer’s, once, to a ledger that names the module and asks the same organisations', async () => {
      const { titles, ledgerOf, ledger, titlesAddress, deployer, stranger, registrar, admin, authority } =
        await loadFixture(unbound);
      expect(await titles.ledger()).to.equal(ZeroAddress);
      const good = await ledgerOf(titles);
      for (const caller of [stranger, registrar, admin]) {
        await expect(as(titles, caller).bind(good))
          .to.be.revertedWithCustomError(titles, 'ModuleNotDeployer')
          .withArgs(caller.address);
      }
      const byDeployer = as(titles, deployer);
      await expect(byDeployer.bind(ledger))
        .to.be.revertedWithCustomError(titles, 'ModuleNotNamed')
        .withArgs(await ledger.getAddress(), titlesAddress);
      const nobodys = await ledgerOf(ZeroAddress);
      await expect(byDeployer.bind(nobodys))
        .to.be.revertedWithCustomError(titles, 'ModuleNotNamed')
        .withArgs(await nobodys.getAddress(), ZeroAddress);
      const others = await ethers.deployContract('Organisations', [authority, 0, 0]);
      const elsewhere = await ledgerOf(titles, others);
      await expect(byDeployer.bind(elsewhere))
        .to.be.revertedWithCustomError(titles, 'ModuleOrganisationsMismatch')
        .withArgs(await elsewhere.getAddress(), await others.getAddress());

      await expect(byDeployer.bind(good))
        .to.emit(titles, 'Bound')
        .withArgs(await good.getAddress());
      expect(await titles.ledger()).to.equal(await good.getAddress());
      const successor = await ledgerOf(titles);
      await expect(byDeployer.bind(successor))
        .to.be.revertedWithCustomError(titles, 'ModuleAlreadyBound')
        .withArgs(await good.getAddress());
    });

    it('comes before everything else', async () => {
      const { titles, actionOf } = await loadFixture(unbound);
      const action = await actionOf('title.issued');
      const registrar = await ethers.getImpersonatedSigner(addressOf('registrar'));
      const sent = as(titles, registrar).execute.staticCall(action, addressOf('registrar'), '0x');
      await expect(sent).to.be.revertedWithCustomError(titles, 'ModuleNotBound');
    });
  });

  it('says its EIP-712 domain by EIP-5267, and hashes by it', async () => {
    const { titlesContract, domain, actionOf, organisations, ledger } = await untouched();
    const [fields, name, version, chainId, verifyingContract, salt, extensions] =
      await titlesContract.eip712Domain();
    expect({ name, version, chainId, verifyingContract }).to.deep.equal(domain);
    expect([fields, salt, [...extensions]]).to.deep.equal(['0x0f', ZeroHash, []]);
    for (const kind of KIND_NAMES) {
      const action = await actionOf(kind, { subject: subjectOf(kind) });
      expect(await titlesContract.actionHash(action)).to.equal(titleActionHash(domain, action));
    }
    expect(await titlesContract.organisations()).to.equal(await organisations.getAddress());
    expect(await titlesContract.ledger()).to.equal(await ledger.getAddress());
    expect(await titlesContract.MAX_LIENS()).to.equal(8n);
    expect(await titlesContract.MAX_LIEN_TIME()).to.equal(BigInt(3660 * DAY));
    expect(await titlesContract.MAX_OFFER_TIME()).to.equal(BigInt(366 * DAY));
  });

  it('changes nothing that the ledger does not record: the zero subject, a closed ledger', async () => {
    const { titlesContract, ledger, directoryManager, actionOf, sign } = await untouched();
    for (const [subject, error] of [
      [ZeroHash, 'LedgerZeroSubject'],
      [CAR, 'LedgerIsClosed'],
    ] as const) {
      if (subject === CAR) await as(ledger, directoryManager).close();
      const action = await actionOf('title.issued', { subject });
      const signature = await sign(action, KEYS.registrar);
      await expect(
        titlesContract.execute(action, addressOf('registrar'), signature),
      ).to.be.revertedWithCustomError(ledger, error);
      expect((await titlesContract.titleOf(subject)).state).to.equal(0n);
    }
  });
});

async function receiptOf(hash: string | undefined) {
  const block = await ethers.provider.getBlock('latest');
  const receipt = await ethers.provider.getTransactionReceipt(hash ?? block?.transactions[0] ?? '');
  if (receipt === null) throw new Error('no receipt');
  return receipt;
}
