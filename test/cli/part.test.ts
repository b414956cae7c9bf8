import { join } from 'node:path';
import { expect } from 'chai';
import { foldParts } from '../../cli/audit/parts.ts';
import type { Problem } from '../../cli/audit/problems.ts';
import { rebuildLedger } from '../../cli/audit/rebuild.ts';
import { readHeader } from '../../cli/chain.ts';
import { keysFolder, writeKeystore } from '../../cli/keystore.ts';
import { readDirectory } from '../../cli/ledger.ts';
import { createRpc } from '../../cli/rpc.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { type Beside, PASSWORD, type Ran, sharedBeside, vinculum } from './fixture.ts';

const CAR = 'WVWZZZ1JZXP000001';
const OTHER = 'WVWZZZ1JZXP000002';
const partOf = (number: number): string => `serial:safir.example:CLI-${number}`;

describe('vinculum part', function () {
  this.timeout(120_000);
  let beside: Beside;

  before(async () => {
    beside = await sharedBeside();
    for (const [name, role] of [
      ['airbags', 'supplier'],
      ['fitter', 'workshop'],
      ['part-police', 'police'],
    ] as const) {
      const { id, key } = await beside.test.admit(name, [role]);
      const opened = { name, secretKey: key, organisation: id };
      await writeKeystore(keysFolder(beside.folder), opened, PASSWORD, { strength: 'light' });
    }
  });

  const as = (keystore: string, ...args: string[]): Promise<Ran> =>
    vinculum(beside.folder, 'part', ...args, '--keystore', keystore, '--json');
  const show = async (part: string) => (await vinculum(beside.folder, 'part', 'show', part, '--json')).json;
  const all = async (...commands: readonly (readonly [string, ...string[]])[]): Promise<void> => {
    for (const [keystore, ...args] of commands) {
      const ran = await as(keystore, ...args);
      expect(ran.exit, `${args.join(' ')}: ${ran.stdout}${ran.stderr}`).to.equal(0);
      expect(ran.json.state).to.equal('anchored');
    }
  };

  it('registers, mounts, removes and scraps; the chain says the same as the service', async () => {
    const part = partOf(1);
    expect(await show(part)).to.include({ state: 'none', mountable: false });
    await all(['airbags', 'register', part, '--component', 'airbags', '--name', 'Driver airbag']);
    expect(await show(part)).to.include({ state: 'free', mountable: true });
    await all(['fitter', 'mount', part, CAR, '--component', 'airbags', '--position', 'DRIVER']);
    const subject = beside.test.subject(parseIdentifier(CAR));
    expect(await show(part)).to.include({ state: 'mounted', vehicle: subject, revision: '2' });
    const file = join(beside.folder, 'car.json');
    await vinculum(beside.folder, 'report', CAR, '-o', file);
    const history = await vinculum(beside.folder, 'verify', file);
    expect(history.exit, history.stderr).to.equal(0);
    expect(history.stdout).to.include('Safety parts in it now').and.to.include(part);
    await all(
      ['fitter', 'remove', part, CAR, '--reason', 'recall'],
      ['fitter', 'scrap', part, '--reason', 'recall'],
    );
    expect(await show(part)).to.include({ state: 'scrapped', vehicle: null });
    const { body } = await beside.test.get(`/v1/parts/${beside.test.subject(parseIdentifier(part))}`);
    expect(body).to.include({ state: 'scrapped', revision: 4 });
  });

  it('reports a theft, until when nobody mounts it', async () => {
    const part = partOf(2);
    await all(['airbags', 'register', part], ['part-police', 'steal', part]);
    const refused = await as('fitter', 'mount', part, CAR);
    expect(refused.exit).not.to.equal(0);
    expect(refused.json.error.code).to.equal('part.wrongState');
    await all(['part-police', 'recover', part], ['fitter', 'mount', part, CAR]);
  });

  it('signs nothing that the part’s state does not allow, or that names no part or vehicle', async () => {
    const part = partOf(3);
    const code = async (...args: string[]): Promise<string> => (await as('fitter', ...args)).json.error.code;
    expect(await code('mount', part, CAR)).to.equal('part.wrongState');
    await all(['airbags', 'register', part], ['fitter', 'mount', part, CAR]);
    expect(await code('mount', part, OTHER)).to.equal('part.wrongState');
    expect(await code('remove', part, OTHER)).to.equal('part.notThere');
    expect(await code('mount', CAR, CAR)).to.equal('part.notSerial');
    expect(await code('mount', part, part)).to.equal('part.noVehicle');
    expect(await code('register', partOf(4))).to.equal('action.kindNotAllowed');
  });

  it('are folded by an audit from the module’s logs, on both chains; what it can’t have executed refutes', async () => {
    const { test } = beside;
    const { chainId, directory } = test.service.services.deployment;
    const rpc = createRpc(test.service.rpcUrl);
    const { number = 0 } = (await readHeader(rpc, 'latest')) ?? {};
    const [record] = await readDirectory(rpc, { chainId, directory }, number);
    if (record?.change !== 'added') throw new TypeError('no ledger');
    const problems: Problem[] = [];
    const rebuilt = await rebuildLedger(rpc, record, number, problems, () => undefined);
    const part = test.subject(parseIdentifier(partOf(2)));
    const car = test.subject(parseIdentifier(CAR));
    expect(foldParts(rebuilt, problems).get(part)?.part).to.include({ state: 'mounted', vehicle: car });
    expect(problems).to.deep.equal([]);
    // Without its theft it could not have been recovered; without its own mounting it is not in the vehicle.
    const history = rebuilt.histories.get(part) ?? [];
    for (const [left, found] of [
      [1, 'part.wrongRevision'],
      [history.length - 1, 'part.notInItsChain'],
    ] as const) {
      const histories = new Map([...rebuilt.histories, [part, history.filter((_, index) => index !== left)]]);
      const told: Problem[] = [];
      foldParts({ ...rebuilt, histories }, told);
      expect(told.map((problem) => [problem.code, problem.found])).to.deep.equal([['part.illegal', found]]);
    }
  });
});
