import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { signPartCode } from '../../core/partCode/partCode.ts';
import { type Attester, startTestService, type TestService } from '../api/fixture.ts';
import { Vehicle } from '../api/privacy/world.ts';
import { freshVin, person } from '../api/titles/acting.ts';
import {
  type Browsing,
  chromiumPath,
  desktop,
  hasChromium,
  type Look,
  phone,
  startBrowsing,
} from './support/browser.ts';
import { type Asked, giveWallet } from './support/wallet.ts';

/** What suppliers and makers do, against the running service and its chain. */
describe('the pages of suppliers and makers', function () {
  this.timeout(180_000);
  let test: TestService;
  let browsing: Browsing;
  let folder: string;
  let supplier: Attester;
  let complaints: string[] = [];

  before(async function () {
    if (!hasChromium) {
      console.log(`      skipped: no Chromium at ${chromiumPath} (apt-get install chromium fonts-noto-cjk)`);
      this.skip();
    }
    test = await startTestService();
    browsing = await startBrowsing();
    folder = await mkdtemp(join(tmpdir(), 'vinculum-supply-'));
    supplier = await test.admit('Volta Cells', ['supplier']);
  });
  after(async () => {
    await browsing?.close();
    await test?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    complaints = [];
  });
  afterEach(() => expect(complaints).to.deep.equal([]));

  async function blank(look: Look = desktop): Promise<Page> {
    const page = await browsing.page(look);
    page.setDefaultTimeout(30_000);
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (/Content Security Policy|Refused to/.test(message.text())) complaints.push(message.text());
    });
    return page;
  }

  /** Somebody with a key of an organisation in a wallet, signed in. */
  async function signedIn(
    desk: string,
    attester: Attester,
    look: Look = desktop,
  ): Promise<{ page: Page; asked: Asked[] }> {
    const page = await blank(look);
    const asked = await giveWallet(page, attester.key);
    await page.goto(`${test.url}/#/${desk}`);
    const connect = page.locator('.connect');
    await connect.locator('input[inputmode="numeric"]').fill(attester.id.toString());
    await connect.locator('.way').first().getByRole('button').click();
    await page.locator('.who').waitFor();
    return { page, asked };
  }

  async function openBatch(page: Page, maker: string, number: string): Promise<void> {
    await page.getByLabel('Maker').fill(maker);
    await page.getByLabel('Batch number').fill(number);
    await page.getByRole('button', { name: 'Open', exact: true }).first().click();
    await proven(page);
  }

  const proven = (page: Page): Promise<void> => page.locator('[data-proven="yes"]').waitFor();
  const anchored = (page: Page): Promise<void> =>
    page.locator('.stages[data-state="anchored"], .stages[data-state="final"]').waitFor();

  async function sign(page: Page): Promise<void> {
    await page.getByRole('button', { name: 'Review before signing' }).click();
    await page.getByRole('button', { name: 'Sign and send' }).click();
    await anchored(page);
    await proven(page);
  }

  const handed = (page: Page): Promise<void> => page.locator('[data-handed="yes"]').waitFor();

  const file = async (name: string, content: string | Uint8Array): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, content);
    return path;
  };

  const serials = (count: number): string =>
    Array.from({ length: count }, (_, index) => `VB-${String(index).padStart(6, '0')}`).join('\n');

  describe('the supplier', () => {
    it('registers a batch from a file, with a certificate, and the service proves each serial', async () => {
      const { page, asked } = await signedIn('supplier', supplier);
      await openBatch(page, 'volta.example', 'B-1');
      expect(await page.locator('[data-batch="none"]').count()).to.equal(1);
      await page.getByLabel('What it is').fill('Traction battery 77 kWh');
      await page.getByLabel('Part number').fill('VB-77120');
      await page.getByLabel('Produced on (last day)').fill('2026-01-19');
      await page.getByLabel(/^Carbon footprint/).fill('5120,5');
      await page.getByLabel('Quantity (optional)').fill('2 000');
      await page
        .locator('.list-picker input[type="file"]')
        .setInputFiles(await file('serials.txt', serials(2000)));
      await page.locator('[data-list="good"]').waitFor();
      await page
        .locator('.form-part .file-button input[multiple]')
        .setInputFiles(await file('conformity.pdf', '%PDF-1.7 conformity'));
      await sign(page);
      await handed(page);
      expect(asked.at(-1)?.method).to.equal('eth_signTypedData_v4');
      expect(asked.at(-1)?.shown).to.have.property('primaryType', 'Submission');

      const there = (await test.get('/v1/serials/volta.example/VB-001999/batches')).body;
      expect(there.batches.map((one: { identifier: string }) => one.identifier)).to.deep.equal([
        'batch:volta.example:B-1',
      ]);
      expect(await page.locator('[data-state="held"]').count()).to.equal(1);
      await page.getByRole('button', { name: 'Back' }).click();
      await page.locator('[data-batch="batch:volta.example:B-1"]').waitFor();
      const mine = await test.get('/v1/my/batches', { token: await test.signIn(supplier) });
      expect(mine.body.batches).to.have.length(1);
      expect(mine.body.batches[0].state).to.equal('produced');
    });

    it('is sent once, also when the answer is lost on the way and it is sent again', async () => {
      const { page, asked } = await signedIn('supplier', supplier);
      await openBatch(page, 'volta.example', 'B-LOST');
      await page.getByLabel('What it is').fill('Traction battery 77 kWh');
      await page.getByLabel('Part number').fill('VB-77120');
      await page.getByLabel('Produced on (last day)').fill('2026-01-19');
      await page.getByRole('button', { name: 'Review before signing' }).click();
      await page.getByRole('button', { name: 'Cancel' }).click();
      expect(await page.getByLabel('Part number').inputValue()).to.equal('VB-77120');
      let lost = 0;
      await page.route('**/v1/submissions', async (route) => {
        await route.fetch();
        lost += 1;
        await route.abort('connectionreset');
      });
      await page.getByRole('button', { name: 'Review before signing' }).click();
      await page.getByRole('button', { name: 'Sign and send' }).click();
      await page.locator('.panel.act [role="alert"]').waitFor();
      expect(lost).to.equal(1);
      await page.unroute('**/v1/submissions');
      const signed = asked.length;
      await page.getByRole('button', { name: 'Sign and send' }).click();
      await anchored(page);
      await proven(page);
      expect(asked, 'nothing is signed anew').to.have.length(signed);
      expect(await page.locator('[data-again]').count()).to.equal(0);
    });

    it('says of each row that it can’t use why, and goes on without them only when asked to', async () => {
      const { page } = await signedIn('supplier', supplier);
      await openBatch(page, 'volta.example', 'B-2');
      const rows = [
        'id;serial',
        '1;A-1',
        '2;A-2',
        '3;A-1',
        '4;',
        '5;序号',
        '6;"A-6',
        `7;${'x'.repeat(70)}`,
        '8;A-8',
      ];
      await page
        .locator('.list-picker input[type="file"]')
        .setInputFiles(await file('mixed.csv', `\ufeff${rows.join('\r\n')}`));
      await page.locator('[data-list="faulty"]').waitFor();
      await page.getByText('Which, and why').click();
      const told = await page.locator('.rows-table tbody tr').allTextContents();
      expect(told).to.have.length(5);
      await page.getByLabel('What it is').fill('Cell');
      await page.getByLabel('Part number').fill('C-1');
      await page.getByLabel('Produced on (last day)').fill('2026-01-19');
      await page.getByRole('button', { name: 'Review before signing' }).click();
      await page.getByText('Read the list to its end').waitFor();
      expect(await page.locator('.act').count()).to.equal(0);
      await page.getByLabel('Leave these rows out').check();
      await sign(page);
      await handed(page);
      for (const [serial, batches] of [
        ['A-8', 1],
        ['A-6', 0],
      ] as const) {
        const { body } = await test.get(`/v1/serials/volta.example/${serial}/batches`);
        expect(body.batches, serial).to.have.length(batches);
      }
    });

    it('ships, holds back and releases a batch; what is not allowed is said before', async () => {
      const { page } = await signedIn('supplier', supplier);
      const cells = await test.admit('Cella', ['supplier']);
      const produced = test.compose(cells, 'batch:volta.example:B-3', {
        kind: 'batch.produced',
        time: '2026-01-19',
        data: {
          bizStep: 'commissioning',
          manufacturerId: 'volta.example',
          manufacturerPartId: 'C-1',
          batchId: 'B-3',
          nameAtManufacturer: 'Cell',
          productionDate: '2026-01-19',
        },
      });
      await test.record(cells, [produced]);
      await openBatch(page, 'volta.example', 'B-3');
      const kind = (name: string) => page.locator(`.kind[data-kind="batch.${name}"]`);
      expect(await kind('released').isDisabled()).to.equal(true);
      await kind('quarantined').click();
      await page.getByLabel('Reason').selectOption('defectSuspected');
      await sign(page);
      await page.locator('.sellable[data-state="quarantined"]').waitFor();
      await page.getByRole('button', { name: 'Close' }).click();
      expect(await kind('shipped').isDisabled()).to.equal(true);
      await kind('released').click();
      await page.getByLabel('Outcome').selectOption('usable');
      await sign(page);
      await page.locator('.sellable[data-state="held"]').waitFor();
      await page.getByRole('button', { name: 'Close' }).click();
      await kind('shipped').click();
      await page.getByLabel('To (its identifier) (optional)').fill('kunlun.example');
      await sign(page);
      await page.locator('.sellable[data-state="inTransit"]').waitFor();
      expect(await page.locator('.sellable').textContent()).to.include('kunlun.example');
      const history = await test.get('/v1/batches/volta.example/B-3');
      expect(history.status).to.equal(200);
      expect(parseIdentifier('batch:volta.example:B-3').type).to.equal('batch');
    });
  });

  describe('the manufacturer', () => {
    let maker: Attester;
    const [first, second, third] = [freshVin(), freshVin(), freshVin()];
    const part = async (page: Page, name: string): Promise<void> =>
      page.locator(`.parts-nav [data-part="${name}"]`).first().click();

    const built = (vin: string, parts: readonly string[]) =>
      test.compose(maker, vin, {
        kind: 'vehicle.built',
        time: '2026-02-01',
        data: {
          brand: 'Kunlun',
          model: 'K3',
          manufacturerId: 'kunlun.example',
          productionDate: '2026-02-01',
          parts: parts.map((one) => ({ component: 'airbags', part: one })),
        },
      });

    const owner = person();

    before(async () => {
      maker = await test.admit('Kunlun Motors', ['manufacturer']);
      const registrar = await test.admit('Registry', ['registrar']);
      await new Vehicle(test, second).act(registrar, 'title.issued', { party: owner.address });
      const bag = await test.admit('Safir', ['supplier']);
      await test.record(bag, [
        test.compose(bag, 'batch:safir.example:AB-7', {
          kind: 'batch.produced',
          time: '2026-01-10',
          data: {
            bizStep: 'commissioning',
            manufacturerId: 'safir.example',
            manufacturerPartId: 'AB',
            batchId: 'AB-7',
            nameAtManufacturer: 'Airbag inflator',
            productionDate: '2026-01-10',
          },
        }),
      ]);
      await test.record(maker, [
        built(second, ['batch:safir.example:AB-7']),
        built(third, ['batch:safir.example:AB-8']),
      ]);
    });

    it('builds a vehicle from a table of parts, and warns of what nobody made', async () => {
      const { page } = await signedIn('manufacturer', maker);
      await part(page, 'build');
      await page.locator('.search input').fill(first);
      await page.keyboard.press('Enter');
      await proven(page);
      await page.getByLabel('Brand').fill('Kunlun');
      await page.getByLabel('Model', { exact: true }).fill('K3');
      await page.getByLabel('Produced on').fill('2026-02-01');
      await page.getByLabel(/^Maker/).fill('kunlun.example');
      const table = [
        'part;component;position',
        'batch:safir.example:AB-7;airbags;DRIVER',
        'serial:nobody.example:X-1;brakes;FRONT',
        'serial:nobody.example:X-1;brakes;REAR',
      ];
      await page
        .locator('.part-rows ~ .actions input[type="file"]')
        .first()
        .setInputFiles(await file('bom.csv', table.join('\n')));
      await page.locator('[data-row="twice"]').waitFor();
      await page.locator('[data-row="twice"]').getByRole('button', { name: 'Remove' }).click();
      await page.locator('[data-row="genuine"]').waitFor();
      await page.locator('[data-row="unknown"]').waitFor();
      await page.getByRole('button', { name: 'Review before signing' }).click();
      await page.getByText('Take them out, or say that they are in it.').waitFor();
      await page.getByLabel('They are in the vehicle all the same').check();
      await page.getByRole('button', { name: 'Name a missing tier' }).click();
      await sign(page);
      await page.locator('[data-built="yes"]').waitFor();
    });

    it('traces a batch up to the vehicles that it went into, as a picture and as a list', async () => {
      const { page } = await signedIn('manufacturer', maker);
      await page.getByLabel('What', { exact: true }).fill('batch:safir.example:AB-7');
      await page.getByLabel('Up: what it went into').check();
      await test.until(async () => {
        await page.getByRole('button', { name: 'Trace it' }).click();
        await page.locator('.trace[aria-busy="false"]').waitFor();
        return (await page.locator('.trace').getAttribute('data-trace')) === '3';
      });
      expect(await page.locator('.trace-box[data-type="vin"]').count()).to.equal(2);
      await page.locator('.trace-box.is-start').focus();
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Enter');
      const said = page.locator('.trace-node');
      await said.waitFor();
      expect([first, second].some(async (vin) => (await said.textContent())?.includes(vin))).to.equal(true);
      await page.keyboard.press('Escape');
      await said.waitFor({ state: 'detached' });
      await page.locator('[data-part="list"]').click();
      const listed = await page.locator('.trace-list').textContent();
      for (const vin of [first, second]) expect(listed).to.include(vin);
      expect(listed).not.to.include(third);
      await accessible(page);
    });

    /** Whoever owns the second vehicle, once they were told of something. */
    async function ownerSignedIn(): Promise<{ page: Page }> {
      const owners = await blank();
      await giveWallet(owners, owner.key);
      await owners.goto(`${test.url}/#/owner`);
      await owners.locator('.connect .way').first().getByRole('button').click();
      await owners.locator('.who').waitFor();
      await test.until(async () => {
        await owners.locator('#notices').waitFor();
        if ((await owners.locator('[data-notice]').count()) > 0) return true;
        await owners.getByRole('button', { name: 'Ask again' }).click();
        return false;
      });
      return { page: owners };
    }

    it('turns a bad batch into the exact list, and each vehicle proves whether it is on it', async () => {
      const { page, asked } = await signedIn('manufacturer', maker);
      await part(page, 'recalls');
      await page.locator('[data-recall="new"]').click();
      await page.getByRole('button', { name: 'Dry run' }).click();
      await page.getByText('Name what is at fault').waitFor();
      await page.getByLabel('Batches and parts').fill('batch:safir.example:AB-7');
      await page.getByRole('button', { name: 'Dry run' }).click();
      await page.locator('[data-dry="2"]').waitFor();
      expect(asked).to.have.length(1);
      await page.locator('[data-confirm]').click();
      await page.getByLabel('Campaign number').fill('R-2026-001');
      await page.getByLabel('What is wrong, in English').fill('Inflator may rupture');
      await page.getByLabel('What is wrong, in Chinese (optional)').fill('气体发生器可能破裂');
      await page.getByLabel('Remedy, in English').fill('Replace it');
      await page.getByRole('button', { name: 'Review before signing' }).click();
      await page.getByRole('button', { name: 'Cancel' }).click();
      expect(await page.getByLabel('Remedy, in English').inputValue()).to.equal('Replace it');
      expect(await page.locator('.own-place').count()).to.equal(0);
      await page.getByRole('button', { name: 'Review before signing' }).click();
      await page.getByRole('button', { name: 'Sign and send' }).click();
      await anchored(page);
      await page.locator('[data-recall="done"]').waitFor();
      await page.getByRole('button', { name: 'Close', exact: true }).click();
      const card = page.locator('[data-campaign="R-2026-001"]');
      await test.until(async () => {
        await page.getByRole('button', { name: 'Ask again' }).click();
        return (await card.locator('.campaign-progress').getAttribute('data-affected')) === '2';
      });
      await accessible(page);

      const reader = await blank();
      for (const [vin, state] of [
        [second, 'open'],
        [third, 'notAffected'],
      ] as const) {
        await reader.goto(`${test.url}/?id=${vin}`);
        await reader.locator('.verdict[data-verdict="verified"]').waitFor();
        const found = reader.locator(`[data-recall="${state}"]`);
        expect(await found.count(), vin).to.equal(1);
        await reader.locator('.recall-proofs summary').click();
        const listed = state === 'open' ? 'in' : 'out';
        await reader.locator(`.recall-proofs [data-list="${listed}"]`).waitFor();
        await reader.locator(`[data-statement="${state === 'open' ? 'others' : 'none'}"]`).waitFor();
      }

      const { page: owners } = await ownerSignedIn();
      await owners.locator('[data-notice="recall.opened"]').getByRole('button').click();
      await proven(owners);
      expect(await owners.locator('.vehicle').getAttribute('data-vehicle')).to.equal(`vin:${second}`);

      await card.getByRole('button', { name: 'Close the campaign' }).click();
      await card.getByRole('button', { name: 'Review before signing' }).click();
      await card.getByRole('button', { name: 'Sign and send' }).click();
      await anchored(page);
      await page.getByText('R-2026-001').first().waitFor();
    });
  });

  describe('alerts', () => {
    it('go from tier to tier: raised, taken note of, declined with a reason', async () => {
      const customer = await test.admit('Orbit Cars', ['manufacturer']);
      const { page } = await signedIn('supplier', supplier);
      await page.locator('[data-part="alerts"]').click();
      await page.locator('[data-part="raise"]').click();
      await page.getByLabel('Batches and parts').fill('batch:volta.example:B-1');
      await page.getByLabel(/^To whom/).fill(customer.id.toString());
      await page.getByLabel('What is wrong (optional)').fill('Separator too thin');
      await page.getByRole('button', { name: 'Review before signing' }).click();
      await page.getByRole('button', { name: 'Sign and send' }).click();
      await anchored(page);

      const { page: other } = await signedIn('manufacturer', customer);
      await other.locator('[data-part="alerts"]').click();
      await test.until(async () => {
        await other.locator('[data-part="out"]').click();
        await other.locator('[data-part="in"]').click();
        await other.locator('.vehicles [data-alert], .desk p.muted').first().waitFor();
        return (await other.locator('.vehicles [data-alert]').count()) === 1;
      });
      await other.locator('[data-alert] button').click();
      await other.getByText('Separator too thin').waitFor();
      await accessible(other);
      await other.locator('[data-answer="declined"]').click();
      await other.getByRole('button', { name: 'Review before signing' }).click();
      await other.getByText('This is needed.').waitFor();
      await other.getByLabel('Why').fill('Not built in by us');
      await other.getByRole('button', { name: 'Review before signing' }).click();
      await other.getByRole('button', { name: 'Sign and send' }).click();
      await anchored(other);
      await other.locator('.alert-detail[data-alert="declined"]').waitFor();
    });

    it('reach a company that is not on the network by a link, whose answer is recorded', async () => {
      const { page } = await signedIn('supplier', supplier);
      await page.locator('[data-part="alerts"]').click();
      await page.locator('[data-part="raise"]').click();
      await page.getByLabel('Batches and parts').fill('batch:volta.example:B-1');
      await page.getByLabel(/^Or a company/).fill('remote-parts.example');
      await page.getByLabel('What is wrong (optional)').fill('For outsiders');
      await page.getByRole('button', { name: 'Review before signing' }).click();
      await page.getByRole('button', { name: 'Sign and send' }).click();
      await anchored(page);
      await page.getByRole('button', { name: 'To the alerts that you raised' }).click();
      await page.locator('[data-alert="raised"] button').first().click();
      await page.getByRole('button', { name: 'Sign and make the link' }).click();
      const link = (await page.locator('[data-link="alert"] code').textContent()) ?? '';
      expect(link).to.match(/#alert=[A-Za-z0-9_-]{43}$/);

      const outside = await blank(phone);
      const sent: string[] = [];
      outside.on('request', (request) => sent.push(`${request.url()} ${request.postData() ?? ''}`));
      await outside.goto(link);
      await outside.getByText('For outsiders').waitFor();
      expect(outside.url()).not.to.include('alert=');
      await outside.getByLabel('Your name and company').fill('A. Smith, Remote Parts');
      await outside.getByText('Accept', { exact: true }).click();
      await accessible(outside);
      await outside.getByRole('button', { name: 'Sign and send' }).click();
      await outside.locator('[data-answered="accepted"]').waitFor();
      const token = link.slice(link.indexOf('=') + 1);
      expect(sent.join('\n')).not.to.include(token);

      await page.getByRole('button', { name: 'Back' }).click();
      await page.locator('[data-alert="raised"] button').first().click();
      await page.locator('[data-record="link"]').click();
      await page.getByRole('button', { name: 'Sign and send' }).click();
      await anchored(page);
      await page.locator('.alert-detail[data-alert="accepted"]').waitFor();
    });
  });

  describe('the part check', () => {
    const result = (page: Page, state: string) =>
      page.locator(`.check-result .sellable[data-state="${state}"][data-proven="yes"]`);

    it('proves for anyone that a part is on its maker’s list, by its number and by its code', async () => {
      const page = await blank();
      await page.goto(`${test.url}/#/check`);
      await page.getByLabel('Code or number').fill('VB-000007');
      await page.getByLabel('Maker of the part').fill('volta.example');
      await page.getByRole('button', { name: 'Check it' }).click();
      await result(page, 'genuine').waitFor();
      await page.locator('[data-reason="maker.inSet"][data-by="browser"]').waitFor();
      await accessible(page);

      const code = signPartCode(
        {
          identifier: parseIdentifier('serial:volta.example:VB-000007'),
          organisation: supplier.id,
          ledger: test.ledger,
        },
        supplier.key,
      );
      const scanned = await blank(phone);
      await scanned.goto(`${test.url}/#check=${code}`);
      await result(scanned, 'genuine').waitFor();
      await scanned.locator('[data-reason="code.good"][data-by="browser"]').waitFor();
      await accessible(scanned);
    });

    it('says of a forged code, of a number that nobody made, and of what is no number, what they are', async () => {
      const page = await blank();
      const forged = signPartCode(
        {
          identifier: parseIdentifier('serial:volta.example:VB-000008'),
          organisation: supplier.id,
          ledger: test.ledger,
        },
        randomBytes(32),
      );
      await page.goto(`${test.url}/#check=${forged}`);
      await result(page, 'forged').waitFor();
      await page.locator('[data-reason="code.foreignKey"]').waitFor();
      await page.goto(`${test.url}/#/check?id=serial:nobody.example:Q-1`);
      await result(page, 'unknown').waitFor();
      await page.getByLabel('Code or number').fill('VN1.abc.def');
      await page.getByRole('button', { name: 'Check it' }).click();
      await page.getByText('This is no part code').waitFor();
    });

    it('is green only once the browser has proven it: not before, not without, not with something kept back', async () => {
      const green = (page: Page) => page.locator('.check-result .sellable.is-good');
      const proven = await blank();
      let go = (): void => {};
      const wait = new Promise<void>((resolve) => {
        go = resolve;
      });
      await proven.route('**/v1/serials/**', async (route) => {
        await wait;
        await route.continue();
      });
      await proven.goto(`${test.url}/#/check?id=serial:volta.example:VB-000011`);
      const before = proven.locator('.check-result .sellable[data-proven="running"]');
      await before.waitFor();
      expect(await before.getAttribute('data-state')).to.equal('genuine');
      expect(await green(proven).count()).to.equal(0);
      expect(await before.textContent()).to.include('says the service');
      expect(await proven.locator('.check-result .sign-good').count()).to.equal(0);
      go();
      await result(proven, 'genuine').waitFor();
      await green(proven).waitFor();

      const without = await blank();
      await without.route('**/v1/serials/**', (route) => route.abort());
      await without.goto(`${test.url}/#/check?id=serial:volta.example:VB-000011`);
      await without.locator('.sellable[data-state="genuine"][data-proven="no"]').waitFor();
      expect(await green(without).count()).to.equal(0);

      const blind = await blank();
      await blind.route('**/v1/batches/**', async (route) => {
        const response = await route.fetch();
        const { contents, ...rest } = await response.json();
        const withheld = Object.keys(contents).map((digest) => [digest, { withheld: 'not here' }]);
        await route.fulfill({ response, json: { ...rest, contents: Object.fromEntries(withheld) } });
      });
      await blind.goto(`${test.url}/#/check?id=serial:volta.example:VB-000011`);
      await blind.locator('.sellable[data-state="unknown"][data-proven="partly"]').waitFor();
      await blind.locator('[data-reason="history.incomplete"]').waitFor();
      expect(await blind.locator('[data-differs]').count()).to.equal(0);
    });

    it('flags a code that is shown in two far places, and asks in which vehicle it is', async () => {
      const code = signPartCode(
        {
          identifier: parseIdentifier('serial:volta.example:VB-000012'),
          organisation: supplier.id,
          ledger: test.ledger,
        },
        supplier.key,
      );
      const shown = async (country: string, look: Look, language: 'en' | 'zh') => {
        const page = await blank(look);
        const sent: { place?: object; vehicle?: string }[] = [];
        page.on('request', (request) => {
          if (request.url().endsWith('/v1/checks')) sent.push(request.postDataJSON());
        });
        await page.goto(`${test.url}/#/check`);
        await page.locator('#language').selectOption(language);
        const [field, vehicle] =
          language === 'en' ? ['Code or number', 'In which vehicle'] : ['零件的码', '装在哪辆车'];
        await page.getByLabel(field).fill(code);
        await page.locator('form.search select').selectOption(country);
        await page.getByLabel(vehicle).fill('batch:volta.example:B-1');
        await page.locator('form.search button[type="submit"]').click();
        await page.locator('form.search .fault').waitFor();
        const vin = freshVin();
        await page.getByLabel(vehicle).fill(vin);
        await page.locator('form.search button[type="submit"]').click();
        await result(page, 'genuine').waitFor();
        await accessible(page);
        expect(sent.at(-1)).to.deep.include({ place: { country }, vehicle: `vin:${vin}` });
        expect(page.url()).not.to.include(vin);
        return page;
      };
      const here = await shown('FR', desktop, 'en');
      expect(await here.locator('[data-flag]').count()).to.equal(0);
      const there = await shown('AU', phone, 'zh');
      await there.locator('[data-flag="cloned.farApart"]').waitFor();
      expect(await there.locator('.check-result .sellable.is-good').count()).to.equal(0);
    });

    it('does not follow a service that calls a proven part stolen, or a stolen one genuine', async () => {
      const page = await blank();
      await page.route('**/v1/checks', async (route) => {
        const response = await route.fetch();
        const body = await response.json();
        await route.fulfill({
          response,
          json: { ...body, state: 'stolen', facts: { ...body.facts, stolen: true } },
        });
      });
      await page.goto(`${test.url}/#/check?id=serial:volta.example:VB-000009`);
      await page.locator('[data-differs="stolen"]').waitFor();
      await result(page, 'genuine').waitFor();
    });
  });

  describe('each page', () => {
    for (const [name, look] of [
      ['a desk', desktop],
      ['a phone', phone],
    ] as const) {
      it(`is accessible and fits the screen of ${name}, in both languages`, async () => {
        for (const language of ['en', 'zh'] as const) {
          const { page } = await signedIn('supplier', supplier, look);
          await page.locator('#language').selectOption(language);
          await page.locator('[data-batch]').first().waitFor();
          await accessible(page);
          await page.locator('[data-batch] button').first().click();
          await proven(page);
          await accessible(page);
        }
      });
    }
  });

  /** No violation of WCAG 2.2 AA that axe knows, and nothing beside the screen. */
  async function accessible(page: Page): Promise<void> {
    await page.evaluate(axe.source);
    const violations = await page.evaluate(async () => {
      const { axe: engine } = window as unknown as { axe: typeof axe };
      const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
      const found = await engine.run(document, { runOnly: tags });
      return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
    });
    expect(violations).to.deep.equal([]);
    const beside = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    expect(beside, 'scrolls sideways').to.equal(false);
  }
});
