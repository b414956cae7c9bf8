import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { toBase64Url } from '../../core/bytes.ts';
import { encryptBlock } from '../../core/envelope/block.ts';
import { parseReport, type Report } from '../../core/report/report.ts';
import { writePdf } from '../../scripts/demo/pdf.ts';
import { type Attester, startTestService, type TestService } from '../api/fixture.ts';
import {
  type Browsing,
  chromiumPath,
  desktop,
  hasChromium,
  phone,
  startBrowsing,
} from './support/browser.ts';

const VIN = '1M8GDM9AXKP042788';
const NEVER = 'WVWZZZ3CZEE140287';

/** What a buyer does, against the running service and its chain. */
describe('the page and the service', function () {
  this.timeout(120_000);
  let test: TestService;
  let browsing: Browsing;
  let workshop: Attester;

  before(async function () {
    if (!hasChromium) {
      console.log(`      skipped: no Chromium at ${chromiumPath} (apt-get install chromium fonts-noto-cjk)`);
      this.skip();
    }
    test = await startTestService();
    browsing = await startBrowsing();
    const maker = await test.admit('Aurora Werke', ['manufacturer']);
    workshop = await test.admit('Garage Lumen', ['workshop']);
    const token = await test.signIn(workshop);
    // A small document is one block; a large one is several, and comes as a CAR.
    const documents = await Promise.all(
      [writePdf('Invoice', '发票', ['Oil and filter']), new Uint8Array(randomBytes(2_500_000))].map(
        async (content) => {
          const key = new Uint8Array(randomBytes(32));
          const bytes = encryptBlock(content, key);
          const kept = await test.request('POST', '/v1/documents', {
            raw: { content: new Blob([new Uint8Array(bytes)]), type: 'application/octet-stream' },
            token,
          });
          expect(kept.status, kept.text).to.equal(201);
          return { cid: String(kept.body.cid), bytes: bytes.length, key: toBase64Url(key) };
        },
      ),
    );
    const reading = (value: number) => ({ value, unit: 'KMT' as const, source: 'workshop' as const });
    await test.record(maker, [
      test.compose(maker, VIN, {
        kind: 'vehicle.built',
        time: '2020-02-03',
        data: { brand: 'Aurora', model: 'A1', manufacturerId: 'aurora.example' },
      }),
    ]);
    await test.record(workshop, [
      test.compose(workshop, VIN, {
        kind: 'service',
        time: '2021-03-04',
        data: {
          type: 'scheduled',
          items: ['engineOil'],
          odometer: reading(21_000),
          documents: documents.map(({ cid, bytes }, index) => ({
            cid,
            bytes,
            mediaType: index === 0 ? 'application/pdf' : 'application/zip',
          })),
        },
        sealed: {
          technician: 'Alex Muster',
          ...Object.fromEntries(documents.map(({ cid, key }) => [`document:${cid}`, key])),
        },
      }),
      test.compose(workshop, VIN, {
        kind: 'odometer',
        time: '2022-03-04',
        data: { odometer: reading(9_000) },
      }),
    ]);
    await test.until(async () => {
      const { body } = await test.get('/readyz');
      return body.ready === true && body.index.finalBlock >= body.index.indexedBlock - 1;
    });
  });
  after(async () => {
    await browsing?.close();
    await test?.stop();
  });

  async function verdictOf(page: Page, verdict: string): Promise<void> {
    await page.locator(`.verdict[data-verdict="${verdict}"]`).waitFor({ timeout: 30_000 });
  }

  async function finalReport(token?: string): Promise<string> {
    let text = '';
    await test.until(async () => {
      text = (await test.get(`/v1/vehicles/${VIN}/report`, token === undefined ? {} : { token })).text;
      return (parseReport(text).ledgers[0]?.links.length ?? 0) === 3;
    });
    return text;
  }

  for (const [name, look] of [
    ['at a desk, in English', desktop],
    ['on a phone, in Chinese', { ...phone, locale: 'zh-CN' }],
  ] as const) {
    it(`shows a history and proves it, ${name}`, async () => {
      const page = await browsing.page(look);
      const complaints: string[] = [];
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      await page.goto(test.url);
      await page.getByRole('textbox').fill(VIN.toLowerCase());
      await page.keyboard.press('Enter');
      await verdictOf(page, 'verified');
      expect(await page.locator('.entry').count()).to.equal(3);
      expect(await page.locator('.finding[data-code="odometer.discrepancy"]').count()).to.equal(1);
      expect(await page.locator('.proof > li[data-outcome="passed"]').count()).to.equal(7);
      expect(complaints).to.deep.equal([]);
    });
  }

  it('proves that a VIN was never registered', async () => {
    const page = await browsing.page();
    await page.goto(`${test.url}/?id=${NEVER}`);
    await verdictOf(page, 'verified');
    expect(await page.locator('.headline').getAttribute('data-headline')).to.equal('absent');
  });

  it('opens documents of one block and of several, with the keys of a report that discloses them', async () => {
    const text = await finalReport(await test.signIn(workshop));
    const path = join(tmpdir(), `vinculum-${process.pid}-disclosed.json`);
    await writeFile(path, text);
    const page = await browsing.page();
    await page.goto(test.url);
    await page.locator('input[type="file"]').setInputFiles(path);
    await page.locator('.report').waitFor();
    await page.locator('.entry[data-kind="service"] summary').click();
    for (const shows of ['pdf', 'other']) {
      await page.locator('.documents button.secondary').first().click();
      await page.locator(`.document[data-document="${shows}"]`).waitFor();
    }
    expect(await page.locator('.document iframe').getAttribute('src')).to.match(/^blob:/);
    expect(await page.locator('.entry[data-kind="service"]').textContent()).to.include('Alex Muster');
  });

  it('does not open what stays sealed', async () => {
    const page = await browsing.page();
    await page.goto(`${test.url}/?id=${VIN}`);
    await verdictOf(page, 'verified');
    await page.locator('.entry[data-kind="service"] summary').click();
    expect(await page.locator('.documents button').count()).to.equal(0);
    expect(await page.locator('.entry[data-kind="service"]').textContent()).not.to.include('Alex Muster');
  });

  describe('a saved report', () => {
    const opened = async (name: string, content: string | Uint8Array, offline = false): Promise<Page> => {
      const path = join(tmpdir(), `vinculum-${process.pid}-${name}`);
      await writeFile(path, content);
      const page = await browsing.page();
      const { chainId, directory } = test.service.services.deployment;
      const pin = { chainId: chainId.toString(), directory, since: 1, from: 'you' };
      await page.addInitScript(
        (text) => localStorage.setItem('vinculum.settings', text),
        JSON.stringify({ pin }),
      );
      await page.goto(test.url);
      await page.waitForLoadState('networkidle');
      if (offline) await page.context().setOffline(true);
      await page.locator('input[type="file"]').setInputFiles(path);
      await page.locator('.report, .failure').waitFor({ timeout: 30_000 });
      return page;
    };
    /** The hash of the block that a report's proof is of, from the chain itself. */
    const trustedHash = async (report: Report): Promise<string> => {
      const page = await opened('block.json', JSON.stringify(report));
      await page.locator('.verdict[data-verdict="verified"]').waitFor({ timeout: 30_000 });
      await page.close();
      const { number } = report.ledgers[0]?.asOf ?? { number: 0 };
      const block = (await test.service.services.rpc.call('eth_getBlockByNumber', [
        `0x${number.toString(16)}`,
        false,
      ])) as { hash: string };
      return block.hash;
    };
    const underHash = async (page: Page, hash: string): Promise<void> => {
      await page.locator('#proof .fold', { hasText: 'without a network' }).locator('summary').click();
      await page.getByLabel('Block hash').fill(hash);
      await page.getByRole('button', { name: 'Check under this hash' }).click();
    };

    it('is proven without any network under a block hash, and refuses another', async () => {
      const text = await finalReport();
      const hash = await trustedHash(parseReport(text));
      const page = await opened('offline.json', text, true);
      await verdictOf(page, 'incomplete');
      await underHash(page, 'nonsense');
      expect(await page.locator('#proof [role="alert"]').count()).to.equal(1);
      await page.getByLabel('Block hash').fill(`0x${'ab'.repeat(32)}`);
      await page.getByRole('button', { name: 'Check under this hash' }).click();
      await page.locator('[data-reason="proof.otherBlock"]').waitFor();
      await page.getByLabel('Block hash').fill(hash);
      await page.getByRole('button', { name: 'Check under this hash' }).click();
      await verdictOf(page, 'verified');
    });

    it('that is altered is refuted without any network', async () => {
      const report = parseReport(await finalReport());
      const hash = await trustedHash(report);
      report.ledgers[0]?.links.pop();
      const page = await opened('altered.json', JSON.stringify(report), true);
      await underHash(page, hash);
      await verdictOf(page, 'refuted');
    });

    it('as a PDF is verified, and one with changed pages is refuted', async () => {
      const response = await fetch(`${test.url}/v1/vehicles/${VIN}/report.pdf?lang=en`);
      const pdf = new Uint8Array(await response.arrayBuffer());
      await verdictOf(await opened('report.pdf', pdf), 'verified');
      const forged = pdf.slice();
      // In the information of the file: every page is as it was, and so is the attachment.
      const at = Buffer.from(forged).indexOf('/Title');
      expect(at).to.be.greaterThan(0);
      forged[at + 9] = (forged[at + 9] ?? 0) ^ 1;
      const page = await opened('forged.pdf', forged);
      expect(await page.locator('.failure').count()).to.equal(0);
      await verdictOf(page, 'refuted');
      expect(await page.locator('[data-reason="pdf.mismatch"]').count()).to.equal(1);
    });
  });
});
