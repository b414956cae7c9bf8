import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Client } from '../../cli/client.ts';
import type { Context } from '../../cli/context.ts';
import { openJournal } from '../../cli/import/journal.ts';
import { keysFolder, writeKeystore } from '../../cli/keystore.ts';
import { createOutput } from '../../cli/output.ts';
import { openingName, resume, type Statement, state } from '../../cli/recalls/campaign.ts';
import { readSettings } from '../../cli/settings.ts';
import { openSigning, type Signing } from '../../cli/signing.ts';
import type { Attester } from '../api/fixture.ts';
import { type Beside, PASSWORD, type Ran, sharedBeside, vinculum } from './fixture.ts';

const MAKER = 'recall-maker.example';
const vinOf = (number: number): string => `WVWZZZ1JZXR${String(number).padStart(6, '0')}`;
const batch = (name: string): string => `batch:${MAKER}:${name}`;

describe('vinculum recall', function () {
  this.timeout(180_000);
  let beside: Beside;
  let maker: Attester;
  let signing: Signing;

  before(async () => {
    beside = await sharedBeside();
    const folder = keysFolder(beside.folder);
    for (const [name, roles] of [
      ['recaller', ['manufacturer', 'supplier']],
      ['remedier', ['workshop']],
    ] as const) {
      const attester = await beside.test.admit(name, roles);
      if (name === 'recaller') maker = attester;
      const opened = { name, secretKey: attester.key, organisation: attester.id };
      await writeKeystore(folder, opened, PASSWORD, { strength: 'light' });
    }
    const built = Array.from({ length: 8 }, (_, index) => {
      // Three with the first batch, two with serials of the second, the others with neither.
      const parts =
        index < 3
          ? [{ component: 'airbags', part: batch('B-1') }]
          : index < 5
            ? [{ component: 'airbags', part: `serial:${MAKER}:S-${index}`, batch: batch('B-2') }]
            : [{ component: 'airbags', part: batch('B-3') }];
      return beside.test.compose(maker, `vin:${vinOf(index)}`, {
        kind: 'vehicle.built',
        time: '2024-01-01',
        data: { manufacturerId: MAKER, productionDate: '2024-01-01', parts },
      } as never);
    });
    await beside.test.record(maker, built);
    const context: Context = {
      output: createOutput({ json: true }),
      options: { data: beside.folder },
      signal: new AbortController().signal,
      ask: undefined,
      settings: () => readSettings({ data: beside.folder }, {}),
    };
    signing = await openSigning(context, { keystore: 'recaller' });
  });

  const recall = (...args: string[]): Promise<Ran> =>
    vinculum(beside.folder, 'recall', ...args, '--keystore', 'recaller', '--json');
  const said = ['--title', 'Airbag may rupture', '--title', 'zh=安全气囊可能破裂', '--remedy', 'Replace it'];
  const open = (campaign: string, ...args: string[]) =>
    recall('open', campaign, ...said, '--component', 'airbags', ...args);
  const done = async (ran: Promise<Ran>) => {
    const { exit, stdout, stderr, json } = await ran;
    expect(exit, stdout + stderr).to.equal(0);
    return json;
  };
  const shown = (campaign: string) => done(recall('show', maker.id.toString(), campaign));
  const openings = async (campaign: string): Promise<number> => {
    const { body } = await beside.test.get(`/v1/recalls/${maker.id}/${campaign}`);
    return body.campaign?.entries.length ?? 0;
  };
  const told = (campaign: string) =>
    beside.test.until(async () => {
      const { body } = await beside.test.get(`/v1/recalls/${maker.id}/${campaign}`);
      return body.campaign.entries.every((entry: { told: boolean }) => entry.told);
    });

  it('shows who is affected, by what, and asks before anything is done', async () => {
    const found = await done(
      recall('affected', '--batch', batch('B-1'), '--serials', 'S-3..S-4', '--maker', MAKER),
    );
    expect(found.affected).to.equal(5);
    expect(found.byBasis).to.deep.equal({ batches: 3, serialRanges: 2 });
    const list = join(beside.folder, 'affected.txt');
    await done(recall('affected', '--batch', batch('B-1'), '-o', list));
    expect((await readFile(list, 'utf8')).trim().split('\n')).to.have.members(
      [0, 1, 2].map((n) => `vin:${vinOf(n)}`),
    );

    const dry = await done(open('R-DRY', '--batch', batch('B-1'), '--dry-run'));
    expect(dry).to.deep.include({ dryRun: true, affected: 3 });
    const asked = await open('R-DRY', '--batch', batch('B-1'));
    expect([asked.exit, asked.json.error.code]).to.deep.equal([2, 'recall.confirm']);
    expect(await openings('R-DRY')).to.equal(0);
  });

  it('opens, extends, remedies and closes a campaign; the report of each vehicle proves what it is', async () => {
    const opened = await done(open('R-1', '--batch', batch('B-1'), '--market', 'FR', '--yes'));
    expect(opened).to.deep.include({
      campaign: 'R-1',
      count: 3,
      alreadyThere: false,
      byBasis: { batches: 3 },
    });
    const again = await done(open('R-1', '--batch', batch('B-1'), '--market', 'FR', '--yes'));
    expect(again).to.deep.include({ digest: opened.digest, alreadyThere: true });
    const other = await open('R-1', '--batch', batch('B-2'), '--yes');
    expect([other.exit, other.json.error.code]).to.deep.equal([1, 'recall.campaignUsed']);
    const elsewhere = await beside.newFolder();
    await writeKeystore(
      keysFolder(elsewhere),
      { name: 'recaller', secretKey: maker.key, organisation: maker.id },
      PASSWORD,
      { strength: 'light' },
    );
    const used = await vinculum(
      elsewhere,
      ...[
        'recall',
        'open',
        'R-1',
        ...said,
        '--batch',
        batch('B-1'),
        '--yes',
        '--keystore',
        'recaller',
        '--json',
      ],
    );
    expect([used.exit, used.json.error.code]).to.deep.equal([5, 'recall.campaignUsed']);

    const extended = await done(recall('extend', 'R-1', '--serials', 'S-3..S-3', '--maker', MAKER, '--yes'));
    expect(extended.count).to.equal(1);
    const unknown = await recall('extend', 'R-0', '--batch', batch('B-1'), '--yes');
    expect(unknown.json.error.code).to.equal('recall.unknown');

    const remedy = (vin: string, ...args: string[]) =>
      vinculum(
        beside.folder,
        ...['recall', 'remedy', vin, '--attester', maker.id.toString(), '--campaign', 'R-1', ...args],
        ...['--keystore', 'remedier', '--json'],
      );
    const remedied = await done(remedy(vinOf(0), '--odometer', '41200', '--invoice', 'I-1'));
    expect(remedied.listedBy.map(({ digest }: { digest: string }) => digest)).to.deep.equal([opened.digest]);
    expect((await done(remedy(vinOf(0), '--odometer', '41200', '--invoice', 'I-1'))).alreadyThere).to.equal(
      true,
    );
    const invoice = join(beside.folder, 'invoice.pdf');
    await writeFile(invoice, 'Airbag replaced');
    const documented = ['--outcome', 'notNeeded', '--document', invoice];
    const examined = await done(remedy(vinOf(3), ...documented));
    expect((await done(remedy(vinOf(3), ...documented))).alreadyThere).to.equal(true);
    const missing = await remedy(vinOf(3), '--document', `${invoice}.none`);
    expect([missing.exit, missing.json.error.code]).to.deep.equal([2, 'submit.document']);
    const foreign = await remedy(vinOf(6));
    expect([foreign.exit, foreign.json.error.code]).to.deep.equal([5, 'recall.notListed']);
    await told('R-1');
    const { campaign, progress } = await shown('R-1');
    expect(campaign).to.deep.include({
      state: 'open',
      title: { en: 'Airbag may rupture', zh: '安全气囊可能破裂' },
    });
    expect(progress).to.deep.include({ affected: 4, remedied: 1, notNeeded: 1, open: 2, complete: true });

    const state = async (number: number) => {
      const file = join(beside.folder, `recall-${number}.json`);
      await vinculum(beside.folder, 'report', vinOf(number), '-o', file);
      const verified = await vinculum(beside.folder, 'verify', file, '--json');
      expect(verified.exit, verified.stdout).to.equal(0);
      // The same without network, under a block hash that the reader was told by others.
      const { ledgers } = JSON.parse(await readFile(file, 'utf8'));
      const offline = await vinculum(
        beside.folder,
        ...['verify', file, '--block-hash', ledgers[0].asOf.hash, '--json'],
      );
      expect(offline.exit, offline.stdout).to.equal(0);
      expect(offline.json.summary.recalls).to.deep.equal(verified.json.summary.recalls);
      const [found] = verified.json.summary.recalls.campaigns.filter(
        (one: { campaign: string }) => one.campaign === 'R-1',
      );
      return [found.state, found.by, found.outcome, found.closed];
    };
    expect(await state(0)).to.deep.equal(['remedied', 'set', 'remedied', null]);
    expect(await state(1)).to.deep.equal(['open', 'set', null, null]);
    expect(await state(3)).to.deep.equal(['remedied', 'set', 'notNeeded', null]);
    expect(await state(6)).to.deep.equal(['notAffected', null, null, null]);
    const file = join(beside.folder, 'recall-3.json');
    const { entries } = (await vinculum(beside.folder, 'verify', file, '--json')).json;
    const entry = entries.find(({ link }: { link: { digest: string } }) => link.digest === examined.digest);
    expect(entry.envelope.data.documents[0].mediaType).to.equal('application/pdf');

    await done(recall('close', 'R-1', '--yes'));
    expect((await done(recall('close', 'R-1', '--yes'))).alreadyThere).to.equal(true);
    // Closed is not remedied.
    expect(await state(1)).to.deep.equal(['open', 'set', null, 'completed']);
    const list = await done(recall('show', maker.id.toString()));
    expect(list.campaigns.find((one: { campaign: string }) => one.campaign === 'R-1').state).to.equal(
      'closed',
    );
    expect((await recall('close', 'R-0', '--yes')).json.error.code).to.equal('recall.unknown');
  });

  it('refuses what matches nothing or everything, unless that is meant, and what is no selection', async () => {
    const code = async (ran: Promise<Ran>) => (await ran).json.error?.code;
    expect(await code(open('R-2', '--batch', batch('B-9'), '--yes'))).to.equal('recall.matchesNothing');
    const all = ['B-1', 'B-2', 'B-3'].flatMap((name) => ['--batch', batch(name)]);
    expect(await code(open('R-2', ...all, '--yes'))).to.equal('recall.matchesEverything');
    for (const wrong of [
      [],
      ['--serials', 'S-1..S-10', '--maker', MAKER],
      ['--serials', 'S-9..S-1', '--maker', MAKER],
      ['--serials', 'S-1..S-2'],
      ['--part-number', 'P-1'],
      ['--batch', batch('B-1'), '--from', '2024-01-01'],
      ['--part-number', 'P-1', '--maker', MAKER, '--from', '2024-02-01', '--until', '2024-01-01'],
      ['--batch', `serial:${MAKER}:1`],
    ]) {
      expect(await code(open('R-2', ...wrong, '--yes')), wrong.join(' ')).to.equal('recall.selection');
    }
    const file = join(beside.folder, 'wrong.txt');
    await writeFile(file, `${vinOf(1)}\nno VIN\n`);
    expect(await code(open('R-2', '--vins', file, '--yes'))).to.equal('recall.vins');
    await writeFile(file, Buffer.from('\ufeffVIN', 'utf16le'));
    expect(await code(open('R-2', '--vins', file, '--yes'))).to.equal('recall.vins');
    expect(await openings('R-2')).to.equal(0);

    // About parts that are in no vehicle yet: the set of nobody, which every vehicle is provably not in.
    const empty = await done(open('R-EMPTY', '--batch', batch('B-9'), '--empty', '--yes'));
    expect(empty.count).to.equal(0);
    expect((await done(open('R-ALL', ...all, '--all', '--yes'))).count).to.equal(8);
    await writeFile(file, `\ufeff${vinOf(1)}\r\n\r\nvin:${vinOf(1)}\r\n${vinOf(2)}`);
    expect((await done(open('R-VINS', '--vins', file, '--yes'))).byBasis).to.deep.equal({ vins: 2 });
    await told('R-EMPTY');
    const report = join(beside.folder, 'empty.json');
    await vinculum(beside.folder, 'report', vinOf(7), '-o', report);
    const verified = await vinculum(beside.folder, 'verify', report, '--json');
    expect(verified.exit, verified.stdout).to.equal(0);
    const states = Object.fromEntries(
      verified.json.summary.recalls.campaigns.map((one: { campaign: string; state: string }) => [
        one.campaign,
        one.state,
      ]),
    );
    expect(states).to.include({ 'R-EMPTY': 'notAffected', 'R-ALL': 'open', 'R-VINS': 'notAffected' });
  });

  it('leaves exactly one campaign, wherever it is interrupted', async () => {
    const vehicles = [0, 1, 2].map((number) => `vin:${vinOf(number)}`);
    const failing = (fails: (path: string) => boolean, after = false): Client => {
      const guard = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
        if (!after && fails(path)) throw new Error('interrupted');
        const answer = await work();
        if (after && fails(path)) throw new Error('interrupted');
        return answer;
      };
      const { client } = signing;
      return {
        url: client.url,
        withToken: (token) => client.withToken(token),
        bytes: (path, request) => guard(path, () => client.bytes(path, request)),
        json: (path, schema, body) => guard(path, () => client.json(path, schema, body)),
      } as Client;
    };
    const places: [string, (path: string) => boolean, boolean][] = [
      ['before it is posted', (path) => path === '/v1/submissions', false],
      ['once it is posted', (path) => path === '/v1/submissions', true],
      ['while it is followed', (path) => path.startsWith('/v1/submissions/'), false],
      ['before the set is sent', (path) => path.startsWith('/v1/sets/'), false],
      ['once the set is sent', (path) => path.startsWith('/v1/sets/'), true],
    ];
    for (const [index, [name, fails, after]] of places.entries()) {
      const campaign = `R-I${index}`;
      const statement: Statement = {
        ...{ name: openingName(maker.id, campaign), kind: 'recall.opened', time: '2026-01-01' },
        data: {
          ...{ campaign, title: { en: 'Interrupted' }, component: 'airbags' },
          ...{ remedy: { en: 'Replace it' }, severity: 'safety' },
        },
        ...{ sealed: {}, selection: null, target: 'own' },
      };
      const folder = join(beside.folder, `interrupted-${index}`);
      const first = await openJournal(folder);
      const options = { journal: first, signal: new AbortController().signal };
      const interrupted = await state(
        { ...signing, client: failing(fails, after) },
        statement,
        vehicles,
        options,
      ).catch((error: Error) => error.message);
      expect(interrupted, name).to.equal('interrupted');
      await first.close();
      const second = await openJournal(folder);
      const run = { ...options, journal: second };
      const finished = await resume(signing, statement, run);
      expect(finished, name).to.deep.include({ resumed: true, count: 3 });
      expect((await resume(signing, statement, run)).alreadyThere, name).to.equal(true);
      await second.close();
      expect(await openings(campaign), name).to.equal(1);
      await told(campaign);
    }
    const { body } = await beside.test.get(`/v1/vehicles/${vinOf(0)}/report`);
    const own = body.ledgers[0].ownChains.find(
      ({ organisation }: { organisation: string }) => organisation === maker.id.toString(),
    );
    const digests = own.links.map(({ digest }: { digest: string }) => digest);
    expect(new Set(digests).size).to.equal(digests.length);
  });

  it('takes in, extended by the same again, what was built in since, and says where nothing was', async () => {
    await done(open('R-E', '--batch', batch('B-3'), '--yes'));
    const extend = (...args: string[]) => recall('extend', 'R-E', '--batch', batch('B-1'), ...args);
    const first = await done(extend('--yes'));
    expect(first).to.deep.include({ count: 3, alreadyThere: false });
    expect(await done(extend('--yes'))).to.deep.include({ digest: first.digest, alreadyThere: true });
    const next = (await beside.test.get(`/v1/organisations/${maker.id}/nonce`)).body;
    await beside.test.record(
      maker,
      [
        beside.test.compose(maker, `vin:${vinOf(8)}`, {
          kind: 'vehicle.built',
          time: '2024-01-02',
          data: {
            ...{ manufacturerId: MAKER, productionDate: '2024-01-02' },
            parts: [{ component: 'airbags', part: batch('B-1') }],
          },
        } as never),
      ],
      { nonce: BigInt(next.nonce) },
    );
    await beside.test.until(
      async () => (await done(recall('affected', '--batch', batch('B-1')))).affected === 4,
    );
    expect(await done(extend('--dry-run'))).to.deep.include({ dryRun: true, affected: 4 });
    expect(await done(extend('--yes'))).to.deep.include({ count: 4, alreadyThere: false });
    expect(await openings('R-E')).to.equal(3);
  });

  it('puts nothing on the ledger in a dry run, though an earlier run was interrupted', async () => {
    const args = ['R-CUT', '--batch', batch('B-1')] as const;
    const real = globalThis.fetch;
    globalThis.fetch = (input, init) =>
      String(input).endsWith('/v1/submissions')
        ? Promise.reject(new TypeError('fetch failed'))
        : real(input, init);
    try {
      expect((await open(...args, '--yes')).exit).not.to.equal(0);
    } finally {
      globalThis.fetch = real;
    }
    expect(await done(open(...args, '--dry-run'))).to.deep.equal({
      ...{ dryRun: true, campaign: 'R-CUT', earlier: 'begun' },
    });
    expect(await openings('R-CUT')).to.equal(0);
    expect(await done(open(...args, '--yes'))).to.deep.include({ resumed: true, count: 4 });
    expect(await openings('R-CUT')).to.equal(1);
  });
});
