import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { noticeKinds } from '../../api/notices/notices.ts';
import { noticeWords } from '../../cli/commands/notices.ts';
import { keysFolder, type NewKeystore, writeKeystore } from '../../cli/keystore.ts';
import type { Attester } from '../api/fixture.ts';
import { Vehicle } from '../api/privacy/world.ts';
import { freshVin, type Person, person } from '../api/titles/acting.ts';
import { type Beside, PASSWORD, sharedBeside, vinculum } from './fixture.ts';

const MAKER = 'notice-maker.example';

describe('vinculum notices and subscription', function () {
  this.timeout(120_000);
  let beside: Beside;
  let maker: Attester;
  let fleet: Attester;
  let owner: Person;
  const [mine, fleets] = [freshVin(), freshVin()] as const;

  before(async () => {
    beside = await sharedBeside();
    maker = await beside.test.admit('notice maker', ['manufacturer']);
    fleet = await beside.test.admit('notice fleet', ['workshop']);
    owner = person();
    const folder = keysFolder(beside.folder);
    const write = (name: string, secretKey: Uint8Array, organisation?: bigint) =>
      writeKeystore(
        folder,
        { name, secretKey, ...(organisation === undefined ? {} : { organisation }) } as NewKeystore,
        PASSWORD,
        { strength: 'light' },
      );
    await write('notice-maker', maker.key, maker.id);
    await write('notice-fleet', fleet.key, fleet.id);
    await write('notice-owner', owner.key);
    const registrar = await beside.test.admit('notice registrar', ['registrar']);
    await new Vehicle(beside.test, mine).act(registrar, 'title.issued', { party: owner.address });
    const built = [mine, fleets].map((vin) =>
      beside.test.compose(maker, `vin:${vin}`, {
        kind: 'vehicle.built',
        time: '2024-01-01',
        data: {
          ...{ manufacturerId: MAKER, productionDate: '2024-01-01' },
          parts: [{ component: 'brakes', part: `batch:${MAKER}:N-1` }],
        },
      } as never),
    );
    await beside.test.record(maker, built);
  });

  const say = async (...args: string[]) => {
    const { exit, stdout, stderr, json } = await vinculum(beside.folder, ...args, '--json');
    expect(exit, stdout + stderr).to.equal(0);
    return json;
  };

  it('has words for every kind of notice', () => {
    expect(Object.keys(noticeWords)).to.have.members([...noticeKinds]);
  });

  it('tells an owner, and a fleet that has subscribed, of a recall; and of nothing once it was read', async () => {
    const list = join(beside.folder, 'fleet.txt');
    await writeFile(list, `# our cars\n${fleets}\n\n${fleets}\n`);
    expect(await say('subscription', 'add', '--file', list, '--keystore', 'notice-fleet')).to.deep.equal({
      named: 1,
      added: 1,
    });
    const { subscriptions } = await say('subscription', 'list', '--keystore', 'notice-fleet');
    expect(subscriptions.map(({ identifier }: { identifier: string }) => identifier)).to.deep.equal([
      `vin:${fleets}`,
    ]);
    await say(
      ...['recall', 'open', 'N-1', '--title', 'Brakes', '--remedy', 'Replace', '--component', 'brakes'],
      ...['--batch', `batch:${MAKER}:N-1`, '--all', '--yes', '--keystore', 'notice-maker'],
    );
    for (const [key, vin] of [
      ['notice-owner', mine],
      ['notice-fleet', fleets],
    ] as const) {
      let told: { kind: string; content: unknown }[] = [];
      await beside.test.until(async () => {
        told = (await say('notices', '--keystore', key)).notices;
        return told.length > 0;
      }, 60_000);
      expect(told.map(({ kind }) => kind)).to.deep.equal(['recall.opened']);
      expect(JSON.stringify(told[0])).to.include(vin);
      const shown = await vinculum(beside.folder, 'notices', '--keystore', key, '--read');
      expect(shown.stdout).to.include('recall opened').and.to.include(vin).and.to.include('Brakes');
      expect((await say('notices', '--unread', '--keystore', key)).notices).to.deep.equal([]);
    }
    await say('subscription', 'remove', fleets, '--keystore', 'notice-fleet');
    expect((await say('subscription', 'list', '--keystore', 'notice-fleet')).subscriptions).to.deep.equal([]);
  });

  it('refuses to subscribe to nothing, and to what is no identifier', async () => {
    const code = async (...args: string[]) =>
      (await vinculum(beside.folder, ...args, '--keystore', 'notice-fleet', '--json')).json.error.code;
    expect(await code('subscription', 'add')).to.equal('subscription.none');
    expect(await code('subscription', 'add', '--file', join(beside.folder, 'none.txt'))).to.equal(
      'subscription.file',
    );
    expect(await code('subscription', 'add', 'vin:')).to.match(/^(identifier|vin)\./);
  });
});
