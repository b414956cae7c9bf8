import { expect } from 'chai';
import { id, toBeHex, ZeroAddress, ZeroHash } from 'ethers';
import {
  admitted,
  as,
  CONTROLLER_DELAY,
  DEFINED_KINDS,
  deployed,
  kinds,
  loadFixture,
  ODOMETER,
  PROFILE,
  RECALL,
  SERVICE,
  time,
  timestampOf,
} from './support/fixture.ts';
import { addressAsValue, afterChange, CHANGES } from './support/reference.ts';

const GRANTED = kinds(SERVICE, ODOMETER, RECALL);

describe('Organisations', () => {
  describe('admit', () => {
    it('gives numbers from 1 and starts the chain with controller, kinds and profile', async () => {
      const { organisations, registrar, controller, candidate } = await loadFixture(deployed);
      expect(await organisations.last()).to.equal(0n);
      for (const [number, owner] of [
        [1n, controller],
        [2n, candidate],
      ] as const) {
        expect(await as(organisations, registrar).admit.staticCall(owner, GRANTED, PROFILE)).to.equal(number);
        const sent = as(organisations, registrar).admit(owner, GRANTED, PROFILE);
        const timestamp = await timestampOf(sent);
        const links: [number, string][] = [
          [CHANGES.Admitted, addressAsValue(owner.address)],
          [CHANGES.KindsSet, toBeHex(GRANTED, 32)],
          [CHANGES.ProfileSet, PROFILE],
        ];
        const receipt = await (await sent).wait();
        const logged = receipt?.logs.map((log: never) => [
          ...(organisations.interface.parseLog(log)?.args ?? []),
        ]);
        expect(logged).to.deep.equal(links.map(([change, value]) => [number, BigInt(change), value]));
        const head = links.reduce((h, [change, value]) => afterChange(h, change, timestamp, value), ZeroHash);
        expect(await organisations.heads(number)).to.equal(head);
        expect(await organisations.last()).to.equal(number);
      }
      const organisation = await organisations.get(1n);
      expect(organisation.toObject()).to.deep.equal({
        controller: controller.address,
        suspended: false,
        candidate: ZeroAddress,
        acceptableAt: 0n,
        successor: 0n,
        kinds: GRANTED,
        profile: PROFILE,
      });
    });

    it('refuses a zero controller and undefined kinds', async () => {
      const { organisations, registrar, controller } = await loadFixture(deployed);
      await expect(
        as(organisations, registrar).admit(ZeroAddress, GRANTED, PROFILE),
      ).to.be.revertedWithCustomError(organisations, 'OrganisationsZeroAddress');
      await expect(as(organisations, registrar).admit(controller, GRANTED | kinds(1, 99), PROFILE))
        .to.be.revertedWithCustomError(organisations, 'OrganisationsUndefinedKinds')
        .withArgs(kinds(1, 99));
      expect(await organisations.last()).to.equal(0n);
    });
  });

  describe('what is linked', () => {
    it('every change of standing extends the head of its organisation, and no other', async () => {
      const { organisations, registrar, guardian, controller, candidate, others } =
        await loadFixture(admitted);
      const key = others[6];
      if (key === undefined) throw new Error('too few accounts');
      const untouched = await organisations.heads(2n);
      let head = await organisations.heads(1n);
      const byRegistrar = as(organisations, registrar);
      const byController = as(organisations, controller);
      const steps: [number, string, () => Promise<never>][] = [
        [CHANGES.KeyAdded, addressAsValue(key.address), () => byController.addKey(1n, key) as never],
        [CHANGES.KeyRevoked, addressAsValue(key.address), () => byController.revokeKey(1n, key) as never],
        [CHANGES.KeyAdded, addressAsValue(key.address), () => byController.addKey(1n, key) as never],
        [CHANGES.Suspended, ZeroHash, () => as(organisations, guardian).suspend(1n) as never],
        [CHANGES.Reinstated, ZeroHash, () => byRegistrar.reinstate(1n) as never],
        [
          CHANGES.KindsSet,
          toBeHex(kinds(SERVICE), 32),
          () => byRegistrar.setKinds(1n, kinds(SERVICE)) as never,
        ],
        [CHANGES.ProfileSet, id('new'), () => byRegistrar.setProfile(1n, id('new')) as never],
        [CHANGES.SuccessorSet, toBeHex(2n, 32), () => byRegistrar.setSuccessor(1n, 2n) as never],
      ];
      for (const [change, value, step] of steps) {
        const sent = step();
        await expect(sent).to.emit(organisations, 'Changed').withArgs(1n, change, value);
        head = afterChange(head, change, await timestampOf(sent), value);
        expect(await organisations.heads(1n)).to.equal(head);
      }
      await byController.proposeController(1n, candidate);
      expect(await organisations.heads(1n)).to.equal(head);
      await time.increase(CONTROLLER_DELAY);
      const accepted = as(organisations, candidate).acceptController(1n);
      const value = addressAsValue(candidate.address);
      await expect(accepted).to.emit(organisations, 'Changed').withArgs(1n, CHANGES.ControllerSet, value);
      head = afterChange(head, CHANGES.ControllerSet, await timestampOf(accepted), value);
      expect(await organisations.heads(1n)).to.equal(head);

      expect(await organisations.heads(2n)).to.equal(untouched);
      const { suspended, successor, kinds: granted, profile } = await organisations.get(1n);
      expect([suspended, successor, granted, profile]).to.deep.equal([false, 2n, kinds(SERVICE), id('new')]);
    });
  });

  describe('standing', () => {
    it('says all that the ledger needs', async () => {
      const { organisations, guardian, registrar, controller, signer } = await loadFixture(admitted);
      const standing = async (number: bigint, key: string) => [
        ...(await organisations.standing(number, key)),
      ];
      expect(await standing(1n, signer.address)).to.deep.equal([true, true, GRANTED]);
      expect(await standing(1n, controller.address)).to.deep.equal([true, false, GRANTED]);
      expect(await standing(3n, signer.address)).to.deep.equal([false, false, 0n]);
      await as(organisations, guardian).suspend(1n);
      expect(await standing(1n, signer.address)).to.deep.equal([false, true, GRANTED]);
      await as(organisations, registrar).reinstate(1n);
      expect(await standing(1n, signer.address)).to.deep.equal([true, true, GRANTED]);
    });
  });

  describe('suspend and reinstate', () => {
    it('refuse what is so already, and the unknown', async () => {
      const { organisations, guardian, registrar } = await loadFixture(admitted);
      await expect(as(organisations, registrar).reinstate(1n))
        .to.be.revertedWithCustomError(organisations, 'OrganisationsNotSuspended')
        .withArgs(1n);
      await as(organisations, guardian).suspend(1n);
      await expect(as(organisations, guardian).suspend(1n))
        .to.be.revertedWithCustomError(organisations, 'OrganisationsAlreadySuspended')
        .withArgs(1n);
    });
  });

  it('refuses every change of an unknown organisation', async () => {
    const { organisations, guardian, registrar, candidate } = await loadFixture(admitted);
    const byRegistrar = as(organisations, registrar);
    for (const unknown of [0n, 3n]) {
      for (const call of [
        () => as(organisations, guardian).suspend(unknown),
        () => as(organisations, guardian).cancelControllerChange(unknown),
        () => byRegistrar.reinstate(unknown),
        () => byRegistrar.setKinds(unknown, 0n),
        () => byRegistrar.setProfile(unknown, ZeroHash),
        () => byRegistrar.setSuccessor(unknown, 1n),
        () => byRegistrar.setSuccessor(1n, unknown),
        () => byRegistrar.recoverController(unknown, candidate),
        () => organisations.addKey(unknown, candidate),
        () => organisations.revokeKey(unknown, candidate),
        () => organisations.proposeController(unknown, candidate),
        () => organisations.acceptController(unknown),
      ]) {
        await expect(call())
          .to.be.revertedWithCustomError(organisations, 'OrganisationsUnknown')
          .withArgs(unknown);
      }
      expect(await organisations.heads(unknown)).to.equal(ZeroHash);
    }
  });

  describe('setKinds and defineKinds', () => {
    it('grant only what is defined, and what is defined stays so', async () => {
      const { organisations, registrar } = await loadFixture(admitted);
      const byRegistrar = as(organisations, registrar);
      expect(await organisations.definedKinds()).to.equal(DEFINED_KINDS);
      await expect(byRegistrar.setKinds(1n, GRANTED | kinds(33)))
        .to.be.revertedWithCustomError(organisations, 'OrganisationsUndefinedKinds')
        .withArgs(kinds(33));
      await expect(byRegistrar.defineKinds(kinds(33)))
        .to.emit(organisations, 'KindsDefined')
        .withArgs(DEFINED_KINDS | kinds(33));
      await byRegistrar.setKinds(1n, GRANTED | kinds(33));
      await byRegistrar.defineKinds(0n);
      expect(await organisations.definedKinds()).to.equal(DEFINED_KINDS | kinds(33));
      await byRegistrar.setKinds(1n, 0n);
    });

    it('may be a module’s: the right to ask it for that transition', async () => {
      const { organisations, registrar, signer } = await loadFixture(admitted);
      const rights = kinds(0, 15, 16, 31);
      await as(organisations, registrar).defineKinds(rights);
      await as(organisations, registrar).setKinds(1n, GRANTED | rights);
      const [, , granted] = await organisations.standing(1n, signer);
      expect(granted).to.equal(GRANTED | rights);
    });
  });

  describe('setSuccessor', () => {
    it('refuses the organisation itself', async () => {
      const { organisations, registrar } = await loadFixture(admitted);
      await expect(as(organisations, registrar).setSuccessor(1n, 1n))
        .to.be.revertedWithCustomError(organisations, 'OrganisationsOwnSuccessor')
        .withArgs(1n);
    });
  });

  describe('addKey and revokeKey', () => {
    it('are the controller’s alone, each key of one organisation', async () => {
      const { organisations, controller, signer, registrar, candidate } = await loadFixture(admitted);
      expect(await organisations.keys(1n, signer)).to.equal(true);
      for (const caller of [signer, registrar, candidate]) {
        for (const call of [
          () => as(organisations, caller).addKey(1n, candidate),
          () => as(organisations, caller).revokeKey(1n, signer),
        ]) {
          await expect(call())
            .to.be.revertedWithCustomError(organisations, 'OrganisationsNotController')
            .withArgs(1n, caller.address);
        }
      }
      await as(organisations, controller).revokeKey(1n, signer);
      expect(await organisations.keys(1n, signer)).to.equal(false);
      expect(await organisations.keys(2n, signer)).to.equal(true);
    });

    it('refuse a zero key, a key twice, an unknown key', async () => {
      const { organisations, controller, signer, candidate } = await loadFixture(admitted);
      const byController = as(organisations, controller);
      await expect(byController.addKey(1n, ZeroAddress)).to.be.revertedWithCustomError(
        organisations,
        'OrganisationsZeroAddress',
      );
      await expect(byController.addKey(1n, signer))
        .to.be.revertedWithCustomError(organisations, 'OrganisationsKeyAlreadyAdded')
        .withArgs(1n, signer.address);
      await expect(byController.revokeKey(1n, candidate))
        .to.be.revertedWithCustomError(organisations, 'OrganisationsUnknownKey')
        .withArgs(1n, candidate.address);
    });
  });

  describe('a change of controller', () => {
    it('waits for the delay and for the candidate', async () => {
      const { organisations, controller, candidate, stranger } = await loadFixture(admitted);
      expect(await organisations.controllerDelay()).to.equal(CONTROLLER_DELAY);
      const sent = as(organisations, controller).proposeController(1n, candidate);
      const acceptableAt = (await timestampOf(sent)) + CONTROLLER_DELAY;
      await expect(sent)
        .to.emit(organisations, 'ControllerProposed')
        .withArgs(1n, candidate.address, acceptableAt);
      const pending = await organisations.get(1n);
      expect([pending.candidate, pending.acceptableAt]).to.deep.equal([
        candidate.address,
        BigInt(acceptableAt),
      ]);

      await time.setNextBlockTimestamp(acceptableAt - 1);
      await expect(as(organisations, candidate).acceptController(1n))
        .to.be.revertedWithCustomError(organisations, 'OrganisationsTooEarly')
        .withArgs(1n, acceptableAt);
      await time.setNextBlockTimestamp(acceptableAt);
      await expect(as(organisations, stranger).acceptController(1n))
        .to.be.revertedWithCustomError(organisations, 'OrganisationsNotCandidate')
        .withArgs(1n, stranger.address);
      expect((await organisations.get(1n)).controller).to.equal(controller.address);
      await as(organisations, candidate).acceptController(1n);
      const done = await organisations.get(1n);
      expect([done.controller, done.candidate, done.acceptableAt]).to.deep.equal([
        candidate.address,
        ZeroAddress,
        0n,
      ]);
      await expect(as(organisations, candidate).acceptController(1n)).to.be.revertedWithCustomError(
        organisations,
        'OrganisationsNotCandidate',
      );
      await as(organisations, candidate).addKey(1n, stranger);
      await expect(as(organisations, controller).addKey(1n, controller)).to.be.revertedWithCustomError(
        organisations,
        'OrganisationsNotController',
      );
    });

    it('is accepted in the very second, not before', async () => {
      const { organisations, controller, candidate } = await loadFixture(admitted);
      const timestamp = await timestampOf(as(organisations, controller).proposeController(1n, candidate));
      await time.setNextBlockTimestamp(timestamp + CONTROLLER_DELAY);
      await as(organisations, candidate).acceptController(1n);
    });

    it('can come from the registrar when the controller is lost, with the same delay', async () => {
      const { organisations, registrar, candidate } = await loadFixture(admitted);
      await as(organisations, registrar).recoverController(1n, candidate);
      await expect(as(organisations, candidate).acceptController(1n)).to.be.revertedWithCustomError(
        organisations,
        'OrganisationsTooEarly',
      );
      await time.increase(CONTROLLER_DELAY);
      await as(organisations, candidate).acceptController(1n);
      expect((await organisations.get(1n)).controller).to.equal(candidate.address);
    });

    it('replaces the one proposed before, and its delay starts again', async () => {
      const { organisations, controller, candidate, stranger } = await loadFixture(admitted);
      await as(organisations, controller).proposeController(1n, candidate);
      await time.increase(CONTROLLER_DELAY);
      await as(organisations, controller).proposeController(1n, stranger);
      for (const [who, error] of [
        [candidate, 'OrganisationsNotCandidate'],
        [stranger, 'OrganisationsTooEarly'],
      ] as const) {
        await expect(as(organisations, who).acceptController(1n)).to.be.revertedWithCustomError(
          organisations,
          error,
        );
      }
    });

    it('is cancelled by the controller and by the guardian', async () => {
      const { organisations, controller, guardian, candidate, registrar } = await loadFixture(admitted);
      for (const by of [controller, guardian]) {
        await as(organisations, registrar).recoverController(1n, candidate);
        await expect(as(organisations, by).cancelControllerChange(1n))
          .to.emit(organisations, 'ControllerChangeCancelled')
          .withArgs(1n, candidate.address);
        await time.increase(CONTROLLER_DELAY);
        await expect(as(organisations, candidate).acceptController(1n)).to.be.revertedWithCustomError(
          organisations,
          'OrganisationsNotCandidate',
        );
        await expect(as(organisations, by).cancelControllerChange(1n))
          .to.be.revertedWithCustomError(organisations, 'OrganisationsNoControllerChange')
          .withArgs(1n);
      }
    });

    it('refuses a zero candidate', async () => {
      const { organisations, controller, registrar } = await loadFixture(admitted);
      for (const call of [
        () => as(organisations, controller).proposeController(1n, ZeroAddress),
        () => as(organisations, registrar).recoverController(1n, ZeroAddress),
      ]) {
        await expect(call()).to.be.revertedWithCustomError(organisations, 'OrganisationsZeroAddress');
      }
    });
  });
});
