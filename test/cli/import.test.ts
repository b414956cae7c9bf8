import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { deriveHolders } from '../../cli/import/holders.ts';
import { keysFolder, openKeystore, writeKeystore } from '../../cli/keystore.ts';
import { fromHex } from '../../core/bytes.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import {
  actionsOf,
  type Beside,
  entriesOf,
  PASSWORD,
  registryRows,
  sharedBeside,
  spawnVinculum,
  vinculum,
  writeRows,
} from './fixture.ts';

describe('vinculum import registrations', function () {
  this.timeout(120_000);
  let beside: Beside;
  before(async () => {
    beside = await sharedBeside();
  });

  const importing = (folder: string, file: string, ...args: string[]) =>
    vinculum(folder, 'import', 'registrations', file, '--json', ...args);

  /** How often each row's vehicle is on the ledger, in entries. */
  const linksOf = async (rows: ReturnType<typeof registryRows>): Promise<number[]> => {
    const { store } = beside.test.service.services;
    return Promise.all(
      rows.map(async ({ id }) => {
        const subject = beside.test.subject(parseIdentifier(`registration:FR:${id}`));
        const found = await store.query('SELECT 1 AS one FROM links WHERE subject = $1', [
          fromHex(subject, 32),
        ]);
        return found.length;
      }),
    );
  };
  const expectedLinks = (rows: ReturnType<typeof registryRows>) =>
    rows.map((row) => entriesOf([row]) + actionsOf([row]));

  it('puts every vehicle and event on the ledger, and a second run adds nothing', async () => {
    const rows = registryRows(1000, 60);
    const file = await writeRows(beside.folder, 'plain.ndjson.gz', rows);
    const first = await importing(beside.folder, file, '--batch', '37');
    expect(first.exit, first.stderr).to.equal(0);
    expect(first.json).to.include({
      rows: 60,
      vehicles: 60,
      entries: entriesOf(rows),
      actions: actionsOf(rows),
      alreadyThere: 0,
      errors: 0,
    });
    expect(first.json.submissions).to.be.greaterThan(2);
    expect(await linksOf(rows)).to.deep.equal(expectedLinks(rows));

    const second = await importing(beside.folder, file);
    expect(second.json).to.include({
      vehicles: 0,
      entries: 0,
      actions: 0,
      alreadyThere: 60,
      submissions: 0,
      errors: 0,
    });
    expect(second.exit).to.equal(0);
    expect(await linksOf(rows)).to.deep.equal(expectedLinks(rows));
  });

  it('adds nothing where the journal is lost either: the ledger is asked', async () => {
    const rows = registryRows(1100, 20);
    await importing(beside.folder, await writeRows(beside.folder, 'lost.ndjson', rows.slice(0, 15)));
    const elsewhere = await beside.newFolder();
    const again = await importing(elsewhere, await writeRows(elsewhere, 'lost.ndjson', rows));
    expect(again.json).to.include({ vehicles: 5, alreadyThere: 15, errors: 0 });
    expect(await linksOf(rows)).to.deep.equal(expectedLinks(rows));
    const third = await importing(elsewhere, join(elsewhere, 'lost.ndjson'));
    expect(third.json).to.include({ vehicles: 0, alreadyThere: 20 });
  });

  it('writes a vehicle that another organisation has written of', async () => {
    const workshop = await beside.test.admit('Workshop', ['workshop']);
    const [row] = registryRows(1153, 1) as [ReturnType<typeof registryRows>[number]];
    const data = { work: ['oilChange'], odometer: { value: 1, unit: 'KMT', source: 'workshop' } };
    const content = { kind: 'odometer', time: '2024-01-01', data: { odometer: data.odometer } };
    const entry = beside.test.compose(workshop, `registration:FR:${row.id}`, content as never);
    await beside.test.record(workshop, [entry]);
    const imported = await importing(beside.folder, await writeRows(beside.folder, 'other.ndjson', [row]));
    expect(imported.json, imported.stderr).to.include({ vehicles: 1, alreadyThere: 0 });
    expect(await linksOf([row])).to.deep.equal([1 + entriesOf([row]) + actionsOf([row])]);
  });

  it('does the rest on a title where the journal was lost on the way', async () => {
    const [row] = registryRows(1174, 1) as [ReturnType<typeof registryRows>[number]];
    const file = await writeRows(beside.folder, 'rest.ndjson', [row]);
    // The service takes two of the four actions, and the import is killed.
    const folder = await beside.newFolder();
    const { pipeline } = beside.test.service.services;
    const { acceptAction } = pipeline;
    let taken = 0;
    pipeline.acceptAction = (request) =>
      taken++ < 2 ? acceptAction.call(pipeline, request) : new Promise(() => undefined);
    try {
      const child = spawnVinculum(folder, 'import', 'registrations', file);
      const exited = once(child, 'exit');
      await beside.test.until(async () => (await linksOf([row]))[0] === 4, 60_000);
      child.kill('SIGKILL');
      await exited;
    } finally {
      pipeline.acceptAction = acceptAction;
    }
    const again = await importing(await beside.newFolder(), file);
    expect(again.json, again.stderr).to.include({ vehicles: 1, entries: 0, actions: 2, errors: 0 });
    expect(await linksOf([row])).to.deep.equal(expectedLinks([row]));
  });

  it('leaves the title to another registrar who issued it, and records every event beside it', async () => {
    const [row] = registryRows(1188, 1) as [ReturnType<typeof registryRows>[number]];
    const id = `registration:FR:${row.id}`;
    const other = await beside.test.admit('Other registry', ['registrar']);
    const keystore = { name: 'other', secretKey: other.key, organisation: other.id };
    await writeKeystore(keysFolder(beside.folder), keystore, PASSWORD, { strength: 'light' });
    const issued = await vinculum(
      beside.folder,
      'title',
      'issue',
      id,
      '--to',
      'other',
      '--keystore',
      'other',
    );
    expect(issued.exit, issued.stderr).to.equal(0);
    const file = await writeRows(beside.folder, 'titled.ndjson', [row]);
    const imported = await importing(beside.folder, file);
    expect(imported.json, imported.stderr).to.include({
      vehicles: 1,
      actions: 0,
      titledElsewhere: 1,
      errors: 0,
    });
    expect(await linksOf([row])).to.deep.equal([1 + 1 + row.events.length]);
  });

  it('issues titles to a key of their own each, which the registrar can find again', async () => {
    const rows = registryRows(1220, 5);
    await importing(beside.folder, await writeRows(beside.folder, 'holders.ndjson', rows));
    const { secretKey } = await openKeystore(keysFolder(beside.folder), 'holders', PASSWORD);
    const holders = deriveHolders(secretKey, formatLedgerId(beside.test.ledger));
    const owners = await Promise.all(
      rows.map(async ({ id }) => {
        const shown = await vinculum(beside.folder, 'title', 'show', `registration:FR:${id}`, '--json');
        return shown.json.owner;
      }),
    );
    // Numbers that end in 3 or 4 changed hands once.
    const expected = rows.map(({ id, events }) =>
      holders.key(`registration:FR:${id}`, events.length > 2 ? 2 : 1),
    );
    expect(owners).to.deep.equal(expected.map(({ address }) => address));
    expect(new Set(owners).size).to.equal(5);

    // The holder comes for the key, or the registrar gives the title to the holder's own.
    const id = `registration:FR:${rows[3]?.id}`;
    const taken = await vinculum(beside.folder, 'keys', 'holder', 'her-own', id, '--json');
    expect(taken.json, taken.stderr).to.include({ address: owners[3] });
    const offer = ['title', 'offer', id, '--to', 'registry', '--until', '1d', '--keystore', 'her-own'];
    expect((await vinculum(beside.folder, ...offer)).exit).to.equal(0);
    await vinculum(beside.folder, 'title', 'reissue', id, '--to', 'registry', '--keystore', 'registry');
    const gone = await vinculum(beside.folder, 'keys', 'holder', 'again', id, '--json');
    expect(gone.json.error.code).to.equal('keystore.notHolder');
  });

  it('records what a title does not allow as evidence that says so, and lists the vehicles', async () => {
    const [good, sold, released] = registryRows(1230, 3) as [never, never, never] as ReturnType<
      typeof registryRows
    >;
    const event = (date: string, type: string) => ({ date: `${date}T22:00:00.000Z`, type });
    const rows = [
      good,
      { ...sold, events: [event('2003-01-01', 'INSCRIPTION_GAGE'), event('2004-01-01', 'CHANG_TIT_NORMAL')] },
      { ...released, events: [event('2004-01-01', 'RADIATION_GAGE')] },
    ] as ReturnType<typeof registryRows>;
    const file = await writeRows(beside.folder, 'contradicting.ndjson', rows);
    const noted = join(beside.folder, 'contradictions.ndjson');
    const imported = await importing(beside.folder, file, '--contradictions', noted);
    expect(imported.exit, imported.stderr).to.equal(0);
    expect(imported.json.events).to.deep.equal({
      titles: 1,
      evidence: 2,
      contradicting: 2,
      contradictions: { 'title.lienOpen': 1, 'title.noSuchLien': 1 },
    });
    const list = (await readFile(noted, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(list.map(({ line, identifier }) => [line, identifier])).to.deep.equal([
      [2, `registration:FR:${sold?.id}`],
      [3, `registration:FR:${released?.id}`],
    ]);
    expect(list[0].contradictions).to.deep.equal([
      { code: 'title.lienOpen', event: 'CHANG_TIT_NORMAL', time: '2004-01-01' },
    ]);
    // A second run has nothing to do, and lists the same.
    const again = await importing(beside.folder, file, '--contradictions', noted);
    expect(again.json).to.deep.include({ vehicles: 0, events: imported.json.events });
  });

  it('notes each wrong row with line, code and path, and goes on', async () => {
    const [good, unknownEvent, badDate, badId, repeated, future] = registryRows(1205, 6).map((row) =>
      structuredClone(row),
    ) as ReturnType<typeof registryRows>;
    const third = { ...repeated, events: [] };
    Object.assign(unknownEvent?.events[0] ?? {}, { type: 'CHANG_TIT_NORMAL' });
    const rows = [
      good,
      { ...unknownEvent, events: [{ date: '2001-06-01T22:00:00.000Z', type: 'LUNAR_LANDING' }] },
      { ...badDate, attributes: { ...badDate?.attributes, date_premiere_immat: '31/02/2001' } },
      '{"cut": off',
      '[]',
      { ...badId, id: 'FR 車' },
      repeated,
      { ...third, attributes: { ...third.attributes, marque: 'AUTRE' } },
      { ...future, events: [{ date: '2201-06-01T22:00:00.000Z', type: 'CHANG_TIT_NORMAL' }] },
    ];
    const file = await writeRows(beside.folder, 'wrong.ndjson', rows);
    const errorsFile = join(beside.folder, 'errors.ndjson');
    const imported = await importing(beside.folder, file, '--errors', errorsFile);
    expect(imported.exit).to.equal(1);
    expect(imported.json).to.include({ rows: 9, vehicles: 2, errors: 7 });
    const errors = (await readFile(errorsFile, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const noted = new Map(errors.map(({ line, code, path }) => [line, [code, path]]));
    expect(noted.get(2)).to.deep.equal(['registration.unknownEvent', 'events[0].type']);
    expect(noted.get(3)).to.deep.equal(['registration.invalidDate', 'attributes.date_premiere_immat']);
    expect(noted.get(4)?.[0]).to.equal('import.invalidJson');
    expect(noted.get(5)?.[0]).to.equal('registration.invalidRow');
    expect(noted.has(6)).to.equal(true);
    expect(noted.get(8)?.[0]).to.equal('import.changed');
    expect(noted.get(9)?.[0]).to.equal('import.future');
    // Corrected, the rest follows; what was imported stays as it is.
    const corrected = await writeRows(beside.folder, 'wrong.ndjson', [good, unknownEvent, badDate, repeated]);
    const second = await importing(beside.folder, corrected, '--errors', errorsFile);
    expect(second.json).to.include({ vehicles: 2, alreadyThere: 2, errors: 0 });
    expect(existsSync(errorsFile)).to.equal(false);
  });

  it('continues after a kill at any moment, and doubles nothing', async () => {
    const rows = registryRows(2000, 400);
    const folder = await beside.newFolder();
    const file = await writeRows(folder, 'killed.ndjson', rows);
    const imports = join(folder, 'imports');
    for (const delay of [0, 40, 120, 250]) {
      const child = spawnVinculum(folder, 'import', 'registrations', file, '--batch', '25', '--json');
      const ended = once(child, 'exit');
      // From the first signed submission on, anything may be under way.
      await beside.test.until(async () => child.exitCode !== null || (await plansIn(imports)) > 0, 60_000);
      await new Promise((resolve) => setTimeout(resolve, delay));
      child.kill('SIGKILL');
      await ended;
    }
    const last = await importing(folder, file, '--batch', '25');
    expect(last.exit, last.stderr).to.equal(0);
    expect(last.json.errors).to.equal(0);
    expect(await plansIn(imports)).to.equal(0);
    expect(await linksOf(rows)).to.deep.equal(expectedLinks(rows));
  });

  it('ends cleanly at Ctrl-C and says how to continue', async () => {
    const rows = registryRows(3000, 300);
    const folder = await beside.newFolder();
    const file = await writeRows(folder, 'interrupted.ndjson', rows);
    const child = spawnVinculum(folder, 'import', 'registrations', file, '--batch', '25');
    const exited = once(child, 'exit');
    let said = '';
    child.stderr?.on('data', (part) => {
      said += part;
    });
    await beside.test.until(
      async () => child.exitCode !== null || (await plansIn(join(folder, 'imports'))) > 0,
      60_000,
    );
    child.kill('SIGINT');
    expect((await exited)[0]).to.equal(130);
    expect(said).to.contain('again');
    const last = await importing(folder, file);
    expect(last.exit, last.stderr).to.equal(0);
    expect(await linksOf(rows)).to.deep.equal(expectedLinks(rows));
  });

  it('signs again what lost its nonce to another submission', async () => {
    const rows = registryRows(4000, 30);
    const folder = await beside.newFolder();
    const file = await writeRows(folder, 'conflict.ndjson', rows);
    const child = spawnVinculum(folder, 'import', 'registrations', file, '--url', 'http://127.0.0.1:1');
    expect((await once(child, 'exit'))[0]).to.equal(4);

    // A journal of an import that was killed between signing and posting, whose nonce was then used elsewhere.
    const { test, registry } = beside;
    const nonce = BigInt((await test.get(`/v1/organisations/${registry.id}/nonce`)).body.nonce);
    const planned = await importedPlan(folder, file, rows.length);
    const entry = test.compose(registry, 'registration:FR:FR99999999', {
      kind: 'vehicle.registered',
      time: '2001-01-01',
      data: { market: 'FR' },
    });
    const posted = await test.post('/v1/submissions', test.sign(registry, [entry], { nonce }));
    expect(posted.status, posted.text).to.equal(202);
    await test.until(
      async () =>
        (await test.get(`/v1/submissions/${posted.body.hash}`)).body.state === 'anchored' ||
        (await test.get(`/v1/submissions/${posted.body.hash}`)).body.state === 'final',
    );
    expect(planned).to.equal(1);
    const last = await importing(folder, file);
    expect(last.exit, last.stderr).to.equal(0);
    expect(last.json).to.include({ vehicles: 30, resumed: 30, errors: 0 });
    expect(await linksOf(rows)).to.deep.equal(expectedLinks(rows));
  });

  /** Kills an import right after its plan is durable and before it is posted: the service is stopped in between. */
  async function importedPlan(folder: string, file: string, vehicles: number): Promise<number> {
    const { service } = beside.test;
    const { accept } = service.services.pipeline;
    // The service takes nothing for a moment: what is signed stays in the journal.
    service.services.pipeline.accept = () =>
      Promise.reject(Object.assign(new Error('busy'), { code: 'busy' }));
    try {
      const child = spawnVinculum(folder, 'import', 'registrations', file, '--batch', String(vehicles * 5));
      const exited = once(child, 'exit');
      await beside.test.until(async () => (await plansIn(join(folder, 'imports'))) > 0, 60_000);
      child.kill('SIGKILL');
      await exited;
    } finally {
      service.services.pipeline.accept = accept;
    }
    return plansIn(join(folder, 'imports'));
  }

  it('refuses a service that writes to a ledger of another directory', async () => {
    const file = await writeRows(beside.folder, 'foreign.ndjson', registryRows(5000, 1));
    const { chainId } = beside.test.ledger;
    const foreign = `${chainId}:0x${'12'.repeat(20)}`;
    const refused = await importing(beside.folder, file, '--directory', foreign);
    expect(refused.exit).to.not.equal(0);
    expect(await linksOf(registryRows(5000, 1))).to.deep.equal([0]);
  });

  it('needs a file that is there, and a key that is there', async () => {
    const missing = await importing(beside.folder, '/nowhere.ndjson');
    expect([missing.exit, missing.json.error.code]).to.deep.equal([2, 'import.file']);
    const file = await writeRows(beside.folder, 'nobody.ndjson', registryRows(5001, 1));
    const nobody = await importing(beside.folder, file, '--keystore', 'nobody');
    expect([nobody.exit, nobody.json.error.code]).to.deep.equal([2, 'keystore.unknown']);
  });

  it('is refused for an organisation that may not attest these kinds', async () => {
    const folder = await beside.newFolder();
    const workshop = await beside.test.admit('Garage', ['workshop']);
    await rm(join(folder, 'keys', 'registry.json'));
    const keystore = { name: 'registry', secretKey: workshop.key, organisation: workshop.id };
    await writeKeystore(join(folder, 'keys'), keystore, 'correct horse battery', { strength: 'light' });
    const file = await writeRows(folder, 'refused.ndjson', registryRows(5100, 2));
    const refused = await importing(folder, file);
    expect([refused.exit, refused.json.error.code]).to.deep.equal([5, 'submission.kindNotAllowed']);
    expect(await linksOf(registryRows(5100, 2))).to.deep.equal([0, 0]);
  });
});

async function plansIn(imports: string): Promise<number> {
  let count = 0;
  for (const name of await readdir(imports).catch(() => [])) {
    const plans = await readdir(join(imports, name, 'plans')).catch(() => []);
    count += plans.filter((plan) => plan.endsWith('.json')).length;
  }
  return count;
}
