import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { keysFolder, writeKeystore } from '../../cli/keystore.ts';
import type { Attester } from '../api/fixture.ts';

import { sharedFile } from '../shared.ts';
import { type Beside, PASSWORD, type Ran, startBeside, vinculum } from './fixture.ts';

const okay = sharedFile('catena-x/edc_alert_okay.json');
const catenaX = (name: string): string => join(dirname(okay ?? ''), name);

describe('alerts from the command line', function () {
  this.timeout(180_000);
  let beside: Beside;
  let outsider: string;
  /** The shipment to a company that is not on the network. */
  let abroad: string;
  const attesters = new Map<string, Attester>();

  before(async () => {
    beside = await startBeside();
    outsider = await beside.newFolder();
    const folder = keysFolder(beside.folder);
    for (const [name, role] of [
      ['cells', 'supplier'],
      ['packs', 'supplier'],
      ['cars', 'manufacturer'],
      ['rival', 'supplier'],
    ] as const) {
      const attester = await beside.test.admit(name, [role]);
      attesters.set(name, attester);
      await writeKeystore(folder, { name, secretKey: attester.key, organisation: attester.id }, PASSWORD, {
        strength: 'light',
      });
    }
    // First of all: the command line takes the next free numbers after these.
    await shipBatches();
  });

  const shipBatches = async (): Promise<void> => {
    const { test } = beside;
    const [cells, packs, cars] = ['cells', 'packs', 'cars'].map((name) => attesters.get(name));
    if (!cells || !packs || !cars) throw new TypeError();
    const made = (by: Attester, on: string, maker: string, inputs: readonly string[] = []) =>
      test.compose(by, on, {
        kind: 'batch.produced',
        time: '2025-01-01',
        data: {
          bizStep: 'commissioning',
          manufacturerId: maker,
          manufacturerPartId: 'P',
          batchId: on.slice(on.lastIndexOf(':') + 1),
          nameAtManufacturer: 'Part',
          productionDate: '2025-01-01',
          ...(inputs.length === 0 ? {} : { inputs: inputs.map((batch) => ({ batch })) }),
        },
      });
    const pack = 'batch:packs.example:P-1';
    await test.record(cells, [made(cells, 'batch:cells.example:C-1', 'cells.example')]);
    await test.record(packs, [made(packs, pack, 'packs.example', ['batch:cells.example:C-1'])]);
    const shipped = test.compose(packs, pack, {
      kind: 'batch.shipped',
      time: '2025-01-02',
      data: { bizStep: 'shipping', from: 'packs.example' },
      sealed: { customer: 'cars.example' },
    });
    const away = test.compose(packs, pack, {
      kind: 'batch.shipped',
      time: '2025-01-03',
      data: { bizStep: 'shipping', from: 'packs.example' },
      sealed: { customer: 'abroad.example' },
    });
    await test.record(packs, [shipped, away]);
    abroad = away.entry.digest;
    await test.record(cars, [
      test.compose(cars, pack, {
        kind: 'batch.received',
        time: '2025-01-04',
        data: { bizStep: 'receiving', by: 'cars.example', accepted: true, shipped: shipped.entry.digest },
      }),
    ]);
  };
  after(() => beside?.stop());

  const idOf = (name: string): string => String(attesters.get(name)?.id);
  const as = (keystore: string, ...args: string[]): Promise<Ran> =>
    vinculum(beside.folder, ...args, '--keystore', keystore, '--json');
  const done = async (keystore: string, ...args: string[]) => {
    const ran = await as(keystore, ...args);
    expect(ran.exit, `${args.join(' ')}: ${ran.stdout}${ran.stderr}`).to.equal(0);
    return ran.json;
  };
  const raise = async (...more: string[]): Promise<string> =>
    (
      await done(
        'cells',
        'alert',
        'raise',
        '--to',
        idOf('packs'),
        '--batch',
        'batch:cells.example:C-1',
        ...more,
      )
    ).alerts[0].reference;

  it('are raised, listed, shown once each entry is found on the ledger, and answered', async () => {
    const reference = await raise('--description', 'Thin', '--due', '7d', '--severity', 'critical');
    const [listed] = await done('packs', 'alert', 'list');
    expect(listed).to.include({ reference, state: 'raised' });
    expect(await done('packs', 'alert', 'show', reference)).to.deep.include({
      verified: true,
      state: 'raised',
    });
    await done('packs', 'alert', 'answer', reference, 'acknowledged');
    const refused = await as('packs', 'alert', 'answer', reference, 'declined');
    expect([refused.exit, refused.json.error.code]).to.deep.equal([5, 'alert.reasonMissing']);
    await done('packs', 'alert', 'answer', reference, 'declined', '--reason', 'Not built in');
    const shown = await done('cells', 'alert', 'show', reference);
    expect(shown).to.include({ state: 'declined', verified: true });
    expect(shown.reasons.at(-1).reason).to.equal('Not built in');
    await done('cells', 'alert', 'answer', reference, 'closed');
    expect((await done('packs', 'alert', 'show', reference)).state).to.equal('closed');
    const again = await as('packs', 'alert', 'answer', reference, 'accepted');
    expect(again.json.error.code).to.equal('alert.wrongState');
  });

  it('are passed on to whom one’s own entries say that the batch was shipped', async () => {
    const reference = await raise('--description', 'Thin');
    const none = await as('cars', 'alert', 'forward', reference, '--to-customers');
    expect(none.json.error.code).to.equal('alert.unknown');
    // Whoever reads the history can say that the shipment came to them: the customer whom the shipper names stays.
    const [rival] = [attesters.get('rival')];
    if (rival === undefined) throw new TypeError();
    await beside.test.record(rival, [
      beside.test.compose(rival, 'batch:packs.example:P-1', {
        kind: 'batch.received',
        time: '2025-01-04',
        data: { bizStep: 'receiving', by: 'rival.example', accepted: true, shipped: abroad },
      }),
    ]);
    const asked = await as('packs', 'alert', 'forward', reference, '--to-customers', '--disclose');
    expect([asked.exit, asked.json.error.code]).to.deep.equal([2, 'alert.confirm']);
    const passed = await done(
      'packs',
      'alert',
      'forward',
      reference,
      '--to-customers',
      '--disclose',
      '--yes',
    );
    expect(
      passed.alerts
        .map(({ recipient, customer }: { recipient?: string; customer?: string }) => recipient ?? customer)
        .sort(),
    ).to.deep.equal([idOf('cars'), 'abroad.example'].sort());
    const [there] = await done('cars', 'alert', 'list');
    const shown = await done('cars', 'alert', 'show', there.reference);
    expect(shown.verified).to.equal(true);
    // Who raised the first one is for who passed it on: it stands in none of what is shown.
    expect(JSON.stringify(shown)).not.to.include(reference);
    expect(shown.sealed).not.to.have.any.keys('alert');
    expect((await done('packs', 'alert', 'show', there.reference)).sealed.alert.reference).to.equal(
      reference,
    );
    await done('cars', 'alert', 'answer', there.reference, 'accepted');
    const up = await done('cells', 'alert', 'show', reference);
    expect(up.state).to.equal('acknowledged');
    expect(
      up.tiers.map(({ state, disclosed }: { state: string; disclosed?: { recipient: string } }) => [
        state,
        disclosed?.recipient ?? null,
      ]),
    ).to.have.deep.members([
      ['accepted', idOf('cars')],
      ['raised', null],
    ]);
  });

  it('reach a company off the network by a link, whose answer counts once it is attested', async () => {
    const { alerts } = await done(
      'cells',
      'alert',
      'raise',
      '--customer',
      'abroad.example',
      '--description',
      'Thin',
    );
    const [{ reference }] = alerts;
    const { link } = await done('cells', 'alert', 'link', reference, '--until', '30d');
    const opened = await vinculum(outsider, 'alert', 'open', link, '--json');
    expect([opened.exit, opened.json.sealed.description], opened.stdout + opened.stderr).to.deep.equal([
      0,
      'Thin',
    ]);
    const elsewhere = await vinculum(beside.folder, 'alert', 'open', link, '--json');
    expect([elsewhere.exit, elsewhere.json.error.code]).to.deep.equal([5, 'alert.linkTaken']);
    const said = await vinculum(
      outsider,
      ...['alert', 'open', link, '--answer', 'accepted', '--reason', 'Held.', '--by', 'Ms Abroad', '--json'],
    );
    expect(said.json.answer).to.deep.include({ recorded: false });
    expect((await done('cells', 'alert', 'show', reference)).state).to.equal('raised');
    await done('cells', 'alert', 'record', reference);
    const shown = await done('cells', 'alert', 'show', reference);
    expect([shown.state, shown.answers[0].byLink]).to.deep.equal(['accepted', true]);
    expect((await vinculum(outsider, 'alert', 'open', link, '--json')).json.answer.recorded).to.equal(true);
    const cut = await vinculum(outsider, 'alert', 'open', link.slice(0, -4), '--json');
    expect([cut.exit, cut.json.error.code]).to.deep.equal([2, 'alert.link']);
  });

  it('come from notifications of Catena-X and go as such; one with a wrong partner is refused with the reason', async function () {
    if (okay === null) return void this.skip();
    const wrong = await as(
      'cells',
      'alert',
      'import',
      catenaX('edc_notification_wrong_bpn.json'),
      '--to',
      idOf('packs'),
    );
    expect([wrong.exit, wrong.json.error.code]).to.deep.equal([2, 'notification.partner']);
    expect(wrong.json.error.path).to.equal('header.senderBPN');
    for (const name of ['edc_alert_okay.json', 'edc_notification_okay.json']) {
      const given = JSON.parse(await readFile(catenaX(name), 'utf8'));
      const { alerts } = await done('cells', 'alert', 'import', catenaX(name), '--to', idOf('packs'));
      const [{ reference }] = alerts;
      const file = join(beside.folder, name);
      const { senderBPN, recipientBPN } = given.header;
      const bpns = ['--sender', senderBPN, '--recipient-bpn', recipientBPN];
      await done('packs', 'alert', 'export', reference, ...bpns, '-o', file);
      const written = JSON.parse(await readFile(file, 'utf8'));
      expect(written.content).to.deep.equal(given.content);
      expect(written.header).to.deep.equal({
        ...given.header,
        senderAddress: beside.test.url,
        targetDate: '2099-03-11T22:44:06Z',
      });
    }
    const bad = join(beside.folder, 'bad.json');
    for (const [change, code] of [
      [{ severity: 'BAD' }, 'notification.severity'],
      [{ classification: 'QM' }, 'notification.classification'],
      [{ recipientBPN: 'BPNS00000003AXS3' }, 'notification.partner'],
      [{ notificationId: '1' }, 'notification.id'],
      [{ targetDate: '2099-02-30T00:00:00Z' }, 'notification.targetDate'],
    ] as const) {
      const given = JSON.parse(await readFile(catenaX('edc_alert_okay.json'), 'utf8'));
      await writeFile(bad, JSON.stringify({ ...given, header: { ...given.header, ...change } }));
      const ran = await as('cells', 'alert', 'import', bad, '--to', idOf('packs'));
      expect(ran.json.error.code).to.equal(code);
    }
  });
});
