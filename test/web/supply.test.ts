import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { type Attester, startTestService, type TestService } from '../api/fixture.ts';
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
