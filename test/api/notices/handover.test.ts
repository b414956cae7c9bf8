import { expect } from 'chai';
import { type Attester, sharedService, type TestService } from '../fixture.ts';
import { signInAlone, Vehicle } from '../privacy/world.ts';
import { boxOf } from '../recalls/world.ts';
import { person } from '../titles/acting.ts';

describe('notices of titles', function () {
  this.timeout(120_000);
  let test: TestService;
  let registrar: Attester;

  before(async () => {
    test = await sharedService();
    registrar = await test.admit('Registry of handovers', ['registrar', 'authority']);
  });

  it('tell whose key a register has taken a title from, each time, and nobody else', async () => {
    const [ann, thief, buyer] = [person(), person(), person()];
    const [annsToken, thiefsToken, buyersToken] = [
      await signInAlone(test, ann),
      await signInAlone(test, thief),
      await signInAlone(test, buyer),
    ];
    const vehicle = new Vehicle(test);
    await vehicle.act(registrar, 'title.issued', { party: ann.address });
    const first = await vehicle.act(registrar, 'title.reissued', { party: thief.address });
    const box = (token: string) => boxOf(test, token, 'title.ownerChanged');
    const has = (token: string, count: number) =>
      test.until(async () => (await box(token)).length === count, 30_000);
    await has(annsToken, 1);
    const [notice] = await box(annsToken);
    expect(notice).to.deep.include({ entry: first });
    expect(notice.content).to.deep.equal({
      ...{ vehicle: vehicle.name, subject: vehicle.subject, how: 'reissued', by: registrar.id.toString() },
      entry: first,
    });
    const second = await vehicle.act(registrar, 'title.transferred', { party: ann.address });
    await has(thiefsToken, 1);
    expect((await box(thiefsToken))[0]).to.deep.include({ entry: second });
    // A sale is the owner's own doing.
    await vehicle.sell(ann, buyer);
    await vehicle.act(registrar, 'title.reissued', { party: ann.address });
    await has(buyersToken, 1);
    expect([(await box(annsToken)).length, (await box(thiefsToken)).length]).to.deep.equal([1, 1]);
  });
});
