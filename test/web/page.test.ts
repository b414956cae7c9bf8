import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import { expect } from 'chai';
import type { Locator, Page } from 'playwright-core';
import { formatIdentifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import type { Report } from '../../core/report/report.ts';
import { buildWeb, scriptSizes } from '../../scripts/buildWeb.ts';
import type { World } from '../core/verify/world.ts';
import {
  type Browsing,
  chromiumPath,
  desktop,
  hasChromium,
  type Look,
  phone,
  startBrowsing,
} from './support/browser.ts';
import { type DemoWorld, demoWorld } from './support/demoWorld.ts';
import { type Served, serveWorld } from './support/worldServer.ts';

const VIN = '1M8GDM9AXKP042788';

describe('the scripts of the page', () => {
  before(async function () {
    this.timeout(60_000);
    await buildWeb();
  });

  it('stay below 200 kB compressed for the first view of a report', async () => {
    const scripts = await scriptSizes();
    // The page, its worker, and the words of one language.
    for (const language of ['en', 'zh']) {
      const words = scripts.find(({ file }) => file.startsWith(`${language}-`));
      const loaded = scripts.filter(
        (script) => script.first || script === words || words?.imports.includes(script.file),
      );
      expect(loaded.map(({ file }) => file.replace(/-.*/, ''))).to.include.members([
        'index',
        'reader',
        'worker',
        language,
      ]);
      expect(loaded.reduce((sum, { gzip }) => sum + gzip, 0)).to.be.below(200_000);
    }
  });

  it('of the owner’s and the registrar’s pages are loaded by nobody else', async () => {
    const acting = /^(Owner|Registrar|VehicleView|acting\.|keyholder|secp256k1)/;
    const scripts = (await scriptSizes()).filter(({ file }) => acting.test(file));
    expect(scripts.length).to.be.at.least(6);
    expect(scripts.filter(({ first }) => first)).to.deep.equal([]);
  });
});

describe('the page', function () {
  this.timeout(60_000);
  let browsing: Browsing;
  let demo: DemoWorld;
  let world: World;
  let served: Served;
  /** What a browser complained of, and where it called. */
  let complaints: string[] = [];

  before(async function () {
    this.timeout(120_000);
    if (!hasChromium) {
      console.log(`      skipped: no Chromium at ${chromiumPath} (apt-get install chromium fonts-noto-cjk)`);
      this.skip();
    }
    await buildWeb();
    demo = demoWorld();
    world = demo.world;
    served = await serveWorld(world, demo.documents);
    browsing = await startBrowsing();
  });
  after(async function () {
    this.timeout(30_000);
    await browsing?.close();
    await served?.close();
  });
  beforeEach(() => {
    complaints = [];
    for (const name of Object.keys(served.behaviour))
      delete served.behaviour[name as keyof typeof served.behaviour];
  });
  afterEach(() => expect(complaints).to.deep.equal([]));

  async function visit(path: string, look: Look = desktop, settings?: object): Promise<Page> {
    const page = await browsing.page(look);
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (/Content Security Policy|Refused to/.test(message.text())) complaints.push(message.text());
    });
    if (settings !== undefined) {
      await page.addInitScript((text) => {
        if (localStorage.getItem('vinculum.settings') === null)
          localStorage.setItem('vinculum.settings', text);
      }, JSON.stringify(settings));
    }
    await page.goto(served.url + path);
    await page.locator('main').waitFor();
    return page;
  }

  const settled =
    '.verdict[data-verdict="verified"], .verdict[data-verdict="incomplete"], .verdict[data-verdict="refuted"]';

  async function verdictOf(page: Page): Promise<{ verdict: string; light: string; reasons: string[] }> {
    const box = page.locator(settled);
    await box.waitFor();
    return {
      verdict: (await box.getAttribute('data-verdict')) ?? '',
      light: (await box.getAttribute('data-light')) ?? '',
      reasons: await box
        .locator('[data-reason]')
        .evaluateAll((items) => items.map((item) => item.getAttribute('data-reason') ?? '')),
    };
  }

  const lookUp = async (id: string, look?: Look, settings?: object): Promise<Page> =>
    visit(`/?id=${id}`, look, settings);

  const textOf = async (found: Locator): Promise<string> => (await found.textContent()) ?? '';

  describe('search', () => {
    it('says at every keystroke what it makes of the text', async () => {
      const page = await visit('/');
      const field = page.getByRole('textbox');
      const feedback = page.locator('.feedback');
      const cases: [string, string][] = [
        ['1M8GDM', 'typing'],
        [VIN, 'ready'],
        [VIN.toLowerCase(), 'ready'],
        ['１Ｍ８ＧＤＭ９ＡＸＫＰ０４２７８８', 'ready'],
        ['1M8 GDM9AX-KP042788', 'ready'],
        ['IM8GDM9AXKP042788', 'vin.character'],
        ['1M8GDM9AXKPO42788', 'vin.character'],
        ['1M8GDM9AXKP04278Q', 'vin.character'],
        [VIN.slice(0, 16), 'typing'],
        [`${VIN}0`, 'vin.length'],
        ['车辆识别代号', 'vin.notAscii'],
        ['1M8GDM9AXKP042789', 'vin.checkDigit'],
        ['00000000000000000', 'vin.placeholder'],
        [`https://cars.example/?vin=${VIN}`, 'address'],
      ];
      for (const [text, state] of cases) {
        await field.fill(text);
        expect(await feedback.getAttribute('data-feedback'), text).to.equal(state);
        expect(await field.inputValue()).to.equal(text);
      }
      await field.fill('');
      expect(await feedback.getAttribute('data-feedback')).to.equal('empty');
    });

    it('goes nowhere with what is no VIN, and marks the field', async () => {
      const page = await visit('/');
      await page.getByRole('textbox').fill('1M8GDM9AXKP04278');
      await page.keyboard.press('Enter');
      expect(await page.getByRole('textbox').getAttribute('aria-invalid')).to.equal('true');
      expect(page.url()).to.equal(`${served.url}/`);
    });

    it('offers “did you mean” and the VIN in an address, and takes neither by itself', async () => {
      const page = await visit('/');
      const field = page.getByRole('textbox');
      for (const text of ['IM8GDM9AXKPO42788', `https://cars.example/${VIN}/photos`]) {
        await field.fill(text);
        await page.getByRole('button', { name: VIN, exact: true }).click();
        expect(await field.inputValue()).to.equal(VIN);
      }
    });

    it('finds a vehicle by keyboard alone, and leaves the VIN out of what a host is sent', async () => {
      const page = await visit('/');
      const asked: string[] = [];
      page.on('request', (request) => asked.push(request.url()));
      await page.getByRole('textbox').focus();
      await page.keyboard.type(demo.demo.showcase.clean.toLowerCase());
      await page.keyboard.press('Enter');
      await verdictOf(page);
      expect(page.url()).to.equal(`${served.url}/#id=${demo.demo.showcase.clean}`);
      await page.goBack();
      await page.locator('.home').waitFor();
      await page.goForward();
      await verdictOf(page);
      expect(
        asked.filter(
          (url) => !url.startsWith(served.url) && !url.startsWith(served.rpcUrl) && !url.startsWith('blob:'),
        ),
      ).to.deep.equal([]);
    });
  });

  describe('a report', () => {
    it('is green once the browser has proven it, with block, time, finality and whose endpoint', async () => {
      const page = await lookUp(demo.demo.showcase.clean);
      expect(await verdictOf(page)).to.deep.equal({ verdict: 'verified', light: 'good', reasons: [] });
      const outcomes = await page
        .locator('.proof > li')
        .evaluateAll((items) =>
          items.map((item) => [item.getAttribute('data-step'), item.getAttribute('data-outcome')]),
        );
      expect(outcomes).to.deep.equal(
        ['subject', 'ledgers', 'completeness', 'entries', 'attesters', 'disclosures', 'findings'].map(
          (step) => [step, 'passed'],
        ),
      );
      const basis = await textOf(page.locator('.basis'));
      expect(basis).to.include('100').and.include('final').and.include('operator');
      expect(await page.locator('[data-trust="firstUse"]').count()).to.equal(1);
      expect(await page.locator('.headline').getAttribute('data-headline')).to.be.oneOf(['clean', 'notice']);
    });

    it('is never green on the service’s word: without a chain nothing is', async () => {
      const page = await lookUp(demo.demo.showcase.clean, desktop, { endpoints: ['http://127.0.0.1:9/'] });
      await page.locator('.verdict').waitFor();
      const lights: (string | null)[] = [await page.locator('.verdict').getAttribute('data-light')];
      lights.push((await verdictOf(page)).light);
      expect(lights).not.to.include('good');
    });

    it('shows a discrepancy first, in the chart, and in a table with sources', async () => {
      const page = await lookUp(demo.demo.showcase.discrepancy);
      await verdictOf(page);
      expect(await page.locator('.headline').getAttribute('data-headline')).to.equal('alert');
      expect(await page.locator('.finding').first().getAttribute('data-code')).to.equal(
        'odometer.discrepancy',
      );
      expect(await page.locator('.chart svg').getAttribute('aria-label')).to.match(/\d+ odometer readings/);
      await page.getByText('All readings as a table').click();
      const rows = page.locator('#odometer tbody tr');
      expect(await rows.count()).to.be.greaterThan(5);
      expect(await page.locator('#odometer tr[data-grade="discrepancy"]').count()).to.be.greaterThan(0);
      await page.locator('.finding').first().getByRole('button').click();
      await page.waitForFunction(() => document.querySelectorAll('.entry > details[open]').length === 2);
    });

    it('says as clearly what is open and what is not known', async () => {
      const page = await lookUp(demo.demo.showcase.recall);
      await verdictOf(page);
      expect(await page.locator('[data-recall="open"]').count()).to.equal(1);
      expect(await page.locator('.finding[data-code="recall.open"]').count()).to.equal(1);
      expect(await page.locator('.knowledge .tile').count()).to.equal(2);
      expect(await page.locator('.knowledge .tile').last().locator('li').count()).to.be.greaterThan(0);
    });

    it('proves for itself that a campaign lists one vehicle, and that none lists another', async () => {
      const checksOf = async (page: Page): Promise<string[]> => {
        await page.locator('[data-step="findings"] summary').first().click();
        await page.locator('[data-step="findings"] .checks').waitFor();
        const checks = page.locator('[data-step="findings"] [data-check^="recall."]');
        return checks.evaluateAll((items) => items.map((item) => item.getAttribute('data-check') ?? ''));
      };
      const listed = await lookUp(demo.demo.showcase.recall);
      expect(await verdictOf(listed)).to.include({ verdict: 'verified', light: 'good' });
      expect(await checksOf(listed)).to.include('recall.inSet');
      const clean = await lookUp(demo.demo.showcase.clean);
      expect(await verdictOf(clean)).to.include({ verdict: 'verified', light: 'good' });
      const checks = await checksOf(clean);
      expect(checks).to.include('recall.notInSet');
      expect(checks).to.not.include('recall.inSet');
      expect(await clean.locator('[data-recall="notAffected"]').count()).to.be.greaterThan(0);
    });

    it('filters the timeline by group, attester and documents, and turns it round', async () => {
      const page = await lookUp(demo.demo.showcase.clean);
      const entries = page.locator('.entry');
      await verdictOf(page);
      const all = await entries.count();
      await page.locator('.filters .chip').nth(1).click();
      const some = await entries.count();
      expect(some).to.be.greaterThan(0).and.below(all);
      await page.getByRole('button', { name: 'Clear the filter' }).click();
      await page.getByLabel('Only with documents').check();
      const documented = await entries.count();
      expect(documented).to.be.greaterThan(0).and.below(all);
      await page.getByLabel('Only with documents').uncheck();
      const first = await entries.first().getAttribute('data-digest');
      await page.getByRole('button', { name: 'Oldest first' }).click();
      expect(await entries.last().getAttribute('data-digest')).to.equal(first);
      await page.getByLabel('Attested by').selectOption({ index: 1 });
      expect(await entries.count()).to.be.below(all);
    });

    it('shows the evidence of an entry and of a check', async () => {
      const page = await lookUp(demo.demo.showcase.clean);
      await verdictOf(page);
      await page.locator('.entry summary').first().click();
      await page.locator('.entry').first().getByText('Evidence').click();
      const evidence = await textOf(page.locator('.entry .evidence').first());
      expect(evidence)
        .to.match(/0x[0-9a-f]{64}/)
        .and.match(/bafkrei/);
      await page.locator('[data-step="completeness"] summary').click();
      await page.locator('[data-step="completeness"] [data-check="head.subject"]').waitFor();
      await page.locator('[data-step="entries"] summary').click();
      await page.locator('[data-step="entries"] [data-check="entry.proven"]').nth(5).waitFor();
    });

    it('opens documents in place, checked against their CIDs', async () => {
      const page = await lookUp(demo.demo.showcase.clean);
      await verdictOf(page);
      await page.getByLabel('Only with documents').check();
      await page.locator('.entry summary').first().click();
      const open = page.locator('.documents button').first();
      await open.click();
      await page.locator('.document').first().waitFor();
      expect(await page.locator('.document').first().getAttribute('data-document')).to.be.oneOf([
        'pdf',
        'image',
      ]);
    });

    it('throws a document away that is another', async () => {
      served.behaviour.document = (_cid, bytes) =>
        bytes.map((byte, index) => (index === 90 ? byte ^ 1 : byte));
      const page = await lookUp(demo.demo.showcase.clean);
      await verdictOf(page);
      await page.getByLabel('Only with documents').check();
      await page.locator('.entry summary').first().click();
      await page.locator('.documents button').first().click();
      await page.locator('.documents .fault').first().waitFor();
      expect(await page.locator('.document').count()).to.equal(0);
    });

    it('says which parts and batches there are, and follows them', async () => {
      const page = await lookUp(demo.demo.showcase.recall);
      await verdictOf(page);
      await page.locator('.parts button', { hasText: 'batch:' }).first().click();
      await page.locator('[data-identifier^="batch:"]').waitFor();
      expect((await verdictOf(page)).verdict).to.equal('verified');
    });

    it('of many entries is shown in parts', async () => {
      const page = await lookUp(demo.demo.showcase.clean);
      await verdictOf(page);
      const all = Number((await textOf(page.locator('.chip .count').first())).replace(/\D/g, ''));
      expect(await page.locator('.entry').count()).to.equal(Math.min(all, 40));
    });
  });

  describe('a VIN without a history', () => {
    it('is an answer in its own right, and proven', async () => {
      const page = await lookUp(demo.demo.showcase.absent);
      expect(await verdictOf(page)).to.include({ verdict: 'verified', light: 'good' });
      expect(await page.locator('.headline').getAttribute('data-headline')).to.equal('absent');
      expect(await textOf(page.locator('.headline'))).to.include('Proven');
      expect(await page.locator('.entry').count()).to.equal(0);
    });

    it('is refuted when a history is kept back', async () => {
      served.behaviour.report = (report) => {
        for (const section of report.ledgers) section.links = [];
        return report;
      };
      const page = await lookUp(demo.demo.showcase.clean);
      expect(await verdictOf(page)).to.include({ verdict: 'refuted', light: 'bad' });
      expect(await page.locator('[data-step="completeness"]').getAttribute('data-outcome')).to.equal(
        'failed',
      );
    });
  });

  describe('an operator that lies', () => {
    const lies: [string, (report: Report) => void, string][] = [
      ['leaves out an entry', ({ ledgers }) => void ledgers[0]?.links.splice(2, 1), 'completeness'],
      ['leaves out the newest entry', ({ ledgers }) => void ledgers[0]?.links.pop(), 'completeness'],
      [
        'swaps the contents of two entries',
        (report) => {
          const [one = '', other = ''] = report.ledgers[0]?.links.map(({ digest }) => digest) ?? [];
          const { contents } = report;
          [contents[one], contents[other]] = [contents[other] as never, contents[one] as never];
        },
        'entries',
      ],
      [
        'proves another number',
        (report) => {
          const section = report.ledgers[0];
          const other = world.report(formatIdentifier(parseIdentifier(demo.demo.showcase.recall))).ledgers[0];
          if (section !== undefined && other !== undefined) {
            section.transcript = other.transcript;
            section.subject = other.subject;
            section.links = other.links;
          }
        },
        'subject',
      ],
      ['leaves a ledger out', (report) => void report.ledgers.splice(0), 'ledgers'],
      [
        'invents an attester’s name',
        (report) => {
          const [organisation] = report.ledgers[0]?.organisations ?? [];
          if (organisation !== undefined) organisation.profile = '{"names":{"en":"Trusted Motors"}}';
        },
        'attesters',
      ],
    ];
    for (const [what, lie, step] of lies) {
      it(`${what}: refuted, with the step`, async () => {
        served.behaviour.report = (report) => {
          lie(report);
          return report;
        };
        const page = await lookUp(demo.demo.showcase.clean);
        expect(await verdictOf(page)).to.include({ verdict: 'refuted', light: 'bad' });
        expect(await page.locator(`[data-step="${step}"]`).getAttribute('data-outcome')).to.equal('failed');
        expect(await page.locator('.headline').getAttribute('data-headline')).to.equal('refuted');
      });
    }

    it('proves "not in the recall" by a proof that leads to another root: refuted', async () => {
      served.behaviour.report = (report) => {
        for (const content of Object.values(report.contents)) {
          if (!('setProof' in content) || content.setProof === undefined) continue;
          const { siblings, leaf } = content.setProof as { siblings: string[]; leaf: string | null };
          Object.assign(content, { setProof: { siblings: [...siblings, 'A'.repeat(43)], leaf } });
        }
        return report;
      };
      const page = await lookUp(demo.demo.showcase.recall);
      expect(await verdictOf(page)).to.include({ verdict: 'refuted', light: 'bad' });
      expect(await page.locator('[data-step="findings"]').getAttribute('data-outcome')).to.equal('failed');
    });

    it('withholds an entry: incomplete, and the entry keeps its place', async () => {
      served.behaviour.report = (report) => {
        const digest = report.ledgers[0]?.links[1]?.digest ?? '';
        report.contents[digest] = { withheld: 'no' };
        return report;
      };
      const page = await lookUp(demo.demo.showcase.clean);
      expect(await verdictOf(page)).to.include({ verdict: 'incomplete', light: 'caution' });
      expect(await page.locator('.entry[data-status="withheld"]').count()).to.equal(1);
      expect(await page.locator('.finding[data-code="entry.withheld"]').count()).to.equal(1);
    });

    it('says that it cannot show a ledger: incomplete, with what stands there', async () => {
      served.behaviour.report = (report) => {
        const [section] = report.ledgers.splice(0);
        if (section !== undefined) {
          const { ledger, subject, transcript } = section;
          report.unread = [{ ledger, reason: 'behind', subject, transcript }];
        }
        return report;
      };
      const page = await lookUp(demo.demo.showcase.clean);
      expect(await verdictOf(page)).to.include({ verdict: 'incomplete', light: 'caution' });
      expect(await page.locator('.headline').getAttribute('data-headline')).to.equal('unread');
      await page.locator('[data-step="completeness"] summary').click();
      await page.locator('[data-check="head.unread"]').waitFor();
    });

    it('answers with another vehicle: not even shown', async () => {
      served.behaviour.report = () => world.report(demo.demo.showcase.recall);
      const page = await lookUp(demo.demo.showcase.clean);
      await page.locator('.failure').waitFor();
      expect(await page.locator('.failure').getAttribute('data-code')).to.equal('report.otherIdentifier');
    });
  });

  describe('endpoints', () => {
    const at = async (endpoints: readonly string[], more: object = {}) => {
      const page = await lookUp(demo.demo.showcase.clean, desktop, { endpoints, ...more });
      return { page, ...(await verdictOf(page)) };
    };

    it('of the reader’s choice must agree, and are named as such', async () => {
      const { verdict, light, page } = await at([await served.endpoint(), await served.endpoint()]);
      expect({ verdict, light }).to.deep.equal({ verdict: 'verified', light: 'good' });
      expect(await textOf(page.locator('.basis'))).to.include('2 endpoints of your choice');
    });

    it('that disagree on a block prove nothing', async () => {
      const { verdict, light, reasons } = await at([
        await served.endpoint(),
        await served.endpoint({ blockHash: `0x${'ee'.repeat(32)}` }),
      ]);
      expect({ verdict, light }).to.deep.equal({ verdict: 'incomplete', light: 'caution' });
      expect(reasons).to.include('rpc.disagree');
    });

    it('that are down, of another chain, or no endpoints at all are named', async () => {
      const honest = await served.endpoint();
      const cases: [string, string][] = [
        ['http://127.0.0.1:9/', 'rpc.unreachable'],
        [await served.endpoint({ chainId: 1n }), 'rpc.otherChain'],
        [await served.endpoint({ garbage: true }), 'rpc.malformed'],
        [`${served.url}/v1/directory`, 'rpc.status'],
      ];
      for (const [endpoint, code] of cases) {
        const { verdict, reasons } = await at([honest, endpoint]);
        expect(verdict, code).to.equal('incomplete');
        expect(reasons).to.include(code);
      }
    });

    it('that are slow are waited for, and the page says for whom', async () => {
      const slow = await served.endpoint({ slow: 3_500 });
      const page = await lookUp(demo.demo.showcase.absent, desktop, { endpoints: [slow] });
      await page.locator('.verdict', { hasText: new URL(slow).host }).waitFor({ timeout: 15_000 });
      await page.close();
    }).timeout(30_000);

    it('whose newest block is old, or not final, take the green away', async () => {
      const old = await at([await served.endpoint({ age: 3 * 86_400 })]);
      expect(old).to.include({ verdict: 'verified', light: 'caution' });
      expect(old.reasons).to.include('asOf.stale');
      const patient = await at([await served.endpoint({ age: 3 * 86_400 })], { maxAgeHours: 100 });
      // The entries are younger than that chain's final block: only its age was forgiven.
      expect(patient.reasons).to.deep.equal(['asOf.notFinal']);
      const open = await at([await served.endpoint({ final: false })]);
      expect(open).to.include({ verdict: 'verified', light: 'caution' });
      expect(open.reasons).to.deep.equal(['asOf.notFinal']);
    });

    it('none: nothing is proven, and the page says what to do', async () => {
      served.behaviour.directory = { rpc: null };
      const { verdict, reasons } = await at([]);
      expect(verdict).to.equal('incomplete');
      expect(reasons).to.include('rpc.none');
    });

    it('are chosen in the settings, kept on the device, and checked there', async () => {
      const page = await lookUp(demo.demo.showcase.clean);
      await verdictOf(page);
      await page.getByRole('button', { name: 'Settings' }).click();
      const field = page.getByLabel('Your own RPC endpoints');
      await field.fill('not an address');
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      expect(await page.locator('dialog .fault').count()).to.be.greaterThan(0);
      await field.fill(`${await served.endpoint()}\n${await served.endpoint()}`);
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      await page.locator('.basis', { hasText: '2 endpoints of your choice' }).waitFor();
      await page.reload();
      await page.locator('.basis', { hasText: '2 endpoints of your choice' }).waitFor();
    });
  });

  describe('the directory', () => {
    it('is pinned at first use, and a change of it is a loud warning', async () => {
      const page = await lookUp(demo.demo.showcase.clean);
      expect((await verdictOf(page)).light).to.equal('good');
      await page.reload();
      expect((await verdictOf(page)).light).to.equal('good');
      expect(await page.locator('[data-trust="firstUse"]').count()).to.equal(0);
      served.behaviour.directory = { directory: `0x${'ab'.repeat(20)}` };
      served.behaviour.report = (report) => {
        report.directory.address = `0x${'ab'.repeat(20)}`;
        return report;
      };
      await page.reload();
      await page.locator('[data-trust="changed"]').waitFor();
      expect(await verdictOf(page)).to.include({ verdict: 'refuted', light: 'bad' });
    });

    it('of the reader’s own choosing refutes a service with another', async () => {
      const pin = { chainId: '4242', directory: `0x${'d7'.repeat(20)}`, since: 1, from: 'you' };
      const page = await lookUp(demo.demo.showcase.clean, desktop, { pin });
      expect(await verdictOf(page)).to.include({ verdict: 'refuted' });
      expect(await page.locator('[data-trust="changed"]').count()).to.equal(1);
    });
  });

  describe('a report file', () => {
    const file = async (name: string, content: string | Uint8Array): Promise<string> => {
      const path = join(tmpdir(), `vinculum-${process.pid}-${name}`);
      await writeFile(path, content);
      return path;
    };
    const openFile = async (path: string, settings?: object): Promise<Page> => {
      const page = await visit('/', desktop, settings);
      await page.locator('input[type="file"]').setInputFiles(path);
      return page;
    };
    const pin = () => ({ chainId: '4242', directory: world.directory, since: 1, from: 'you' });

    it('is saved by the page and verified again from the file', async () => {
      const page = await lookUp(demo.demo.showcase.clean);
      await verdictOf(page);
      const downloading = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Save this report' }).click();
      const path = await (await downloading).path();
      await page.goto(served.url);
      await page.locator('input[type="file"]').setInputFiles(path);
      expect(await verdictOf(page)).to.include({ verdict: 'verified', light: 'good' });
    });

    it('does not vouch for its own directory', async () => {
      const path = await file('report.json', JSON.stringify(world.report(demo.demo.showcase.clean)));
      const page = await openFile(path);
      const { verdict, reasons } = await verdictOf(page);
      expect(verdict).to.equal('incomplete');
      expect(reasons).to.include('trust.fromReport');
      await page.locator('[data-trust="fromReport"] button').click();
      await page.locator('.verdict[data-light="good"]').waitFor();
    });

    it('that is altered is refuted', async () => {
      const report = world.report(demo.demo.showcase.clean);
      const [first] = report.ledgers[0]?.links ?? [];
      if (first !== undefined) first.timestamp += 1;
      const page = await openFile(await file('altered.json', JSON.stringify(report)), { pin: pin() });
      expect(await verdictOf(page)).to.include({ verdict: 'refuted', light: 'bad' });
    });

    it('that is none gets its own error, by a stable code', async function () {
      this.timeout(60_000);
      const whole = JSON.stringify(world.report(demo.demo.showcase.clean));
      const cases: [string, string | Uint8Array, string][] = [
        ['cut.json', whole.slice(0, whole.length / 2), 'report.invalidJson'],
        ['empty.json', '', 'report.invalidJson'],
        ['version.json', whole.replace('report/1', 'report/9'), 'report.unknownVersion'],
        ['other.json', '{"hello":"world"}', 'report.malformed'],
        ['deep.json', '['.repeat(200_000) + ']'.repeat(200_000), 'report.malformed'],
        [
          'deepInside.json',
          whole.replace('"contents":{', `"contents":{"x":${'['.repeat(50_000)}${']'.repeat(50_000)},`),
          'report.malformed',
        ],
        ['huge.json', new Uint8Array(97 * 1024 * 1024).fill(32), 'report.tooLarge'],
        ['photo.png', new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0, 1, 2]), 'report.invalidJson'],
        ['cut.pdf', '%PDF-1.7\n1 0 obj', 'pdf.malformed'],
        [
          'credential.json',
          '{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"]}',
          'report.isCredential',
        ],
      ];
      const page = await visit('/');
      for (const [name, content, code] of cases) {
        await page.locator('input[type="file"]').setInputFiles(await file(name, content));
        await page.locator(`.failure[data-code="${code}"]`).waitFor({ timeout: 20_000 });
      }
    });

    it('can be dropped on the page', async () => {
      const text = JSON.stringify(world.report(demo.demo.showcase.clean));
      const page = await visit('/', desktop, { pin: pin() });
      await page.evaluate((content) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([content], 'dropped.json', { type: 'application/json' }));
        document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
      }, text);
      expect(await verdictOf(page)).to.include({ verdict: 'verified' });
    });

    it('is checked when nothing answers: incomplete, with what is missing', async () => {
      const path = await file('offline.json', JSON.stringify(world.report(demo.demo.showcase.clean)));
      const page = await visit('/', desktop, { pin: pin() });
      await page.waitForLoadState('networkidle');
      await page.context().setOffline(true);
      await page.locator('.notice').waitFor();
      await page.locator('input[type="file"]').setInputFiles(path);
      const { verdict } = await verdictOf(page);
      expect(verdict).to.equal('incomplete');
      expect(await page.locator('.entry').count()).to.be.greaterThan(0);
    });
  });

  describe('when something is wrong', () => {
    const failureOf = async (page: Page): Promise<string | null> => {
      await page.locator('.failure').waitFor();
      return page.locator('.failure').getAttribute('data-code');
    };

    it('names what the service answered, with what to do', async () => {
      const cases: [number, string, Record<string, unknown>][] = [
        [429, 'rateLimit.exceeded', { retryAfter: 900 }],
        [503, 'index.behind', {}],
        [500, 'internal', {}],
        [422, 'vin.checkDigit', {}],
      ];
      for (const [status, code, more] of cases) {
        served.behaviour.problem = { status, body: { code, detail: 'x', requestId: 'request-1' }, ...more };
        const page = await lookUp(demo.demo.showcase.clean);
        expect(await failureOf(page)).to.equal(code);
        expect(await textOf(page.locator('.failure'))).to.include('request-1');
        await page.close();
      }
    });

    it('recovers by “try again”', async () => {
      served.behaviour.problem = { status: 503, body: { code: 'index.behind' } };
      const page = await lookUp(demo.demo.showcase.clean);
      await failureOf(page);
      delete served.behaviour.problem;
      await page.getByRole('button', { name: 'Try again' }).click();
      expect((await verdictOf(page)).verdict).to.equal('verified');
    });

    it('tells offline from a service that is down, and garbage from both', async () => {
      const page = await visit('/');
      await page.waitForLoadState('networkidle');
      await page.context().setOffline(true);
      await page.getByRole('textbox').fill(demo.demo.showcase.clean);
      await page.keyboard.press('Enter');
      expect(await failureOf(page)).to.equal('service.unreachable');
      expect(await textOf(page.locator('.failure h1'))).to.equal('You are offline');
      const down = await visit(`/?id=${demo.demo.showcase.clean}`, desktop, { api: 'http://127.0.0.1:9' });
      expect(await failureOf(down)).to.equal('service.unreachable');
      expect(await textOf(down.locator('.failure h1'))).not.to.equal('You are offline');
      const other = await visit(`/?id=${demo.demo.showcase.clean}`, desktop, { api: served.rpcUrl });
      expect(await failureOf(other)).to.equal('service.notOurs');
    });

    it('shows that it is loading, and an address that names no VIN', async () => {
      served.behaviour.slow = 1_500;
      const page = await lookUp(demo.demo.showcase.clean);
      await page.locator('.loading').waitFor();
      expect((await verdictOf(page)).verdict).to.equal('verified');
      expect(await failureOf(await lookUp('nonsense'))).to.equal('identifier.unreadable');
    });
  });

  describe('from another host', () => {
    it('asks before it reads from the service that a link proposes, and then verifies', async () => {
      const elsewhere = await serveWorld(world, demo.documents);
      try {
        const page = await visit(`/?id=${demo.demo.showcase.clean}&api=${encodeURIComponent(elsewhere.url)}`);
        await page.locator('dialog').waitFor();
        expect(await page.locator('.verdict').count()).to.equal(0);
        await page.getByRole('button', { name: 'Use it' }).click();
        expect(await verdictOf(page)).to.include({ verdict: 'verified', light: 'good' });
      } finally {
        await elsewhere.close();
      }
    });
  });

  describe('a scanner', () => {
    it('is offered where the browser can read codes, and nowhere else', async () => {
      const plain = await visit('/');
      expect(await plain.getByRole('button', { name: 'Scan a code' }).count()).to.equal(0);
      const page = await browsing.page();
      await page.addInitScript((vin) => {
        Object.assign(globalThis, {
          BarcodeDetector: class {
            static async getSupportedFormats() {
              return ['code_39', 'qr_code'];
            }
            async detect() {
              return [{ rawValue: `I${vin}` }];
            }
          },
        });
        const stream = document.createElement('canvas').captureStream(5);
        Object.defineProperty(navigator, 'mediaDevices', { value: { getUserMedia: async () => stream } });
        HTMLMediaElement.prototype.play = async () => undefined;
      }, VIN);
      await page.goto(served.url);
      await page.getByRole('button', { name: 'Scan a code' }).click();
      await page.waitForFunction((vin) => document.querySelector('input')?.value === vin, VIN);
    });
  });

  describe('language, units and looks', () => {
    it('follow the browser, and the reader’s choice', async () => {
      const page = await lookUp(demo.demo.showcase.discrepancy, { ...desktop, locale: 'zh-CN' });
      await verdictOf(page);
      expect(await page.locator('html').getAttribute('lang')).to.equal('zh-CN');
      expect(await textOf(page.locator('.headline'))).to.match(/\p{Script=Han}/u);
      expect(await textOf(page.locator('.finding-title').first())).to.include('公里');
      await page.locator('#language').selectOption('en');
      await page.locator('html[lang="en"]').waitFor();
      await page.reload();
      await verdictOf(page);
      expect(await page.locator('html').getAttribute('lang')).to.equal('en');
      const american = await lookUp(demo.demo.showcase.discrepancy, { ...desktop, locale: 'en-US' });
      await verdictOf(american);
      expect(await textOf(american.locator('.finding-title').first())).to.include('mi');
    });

    it('choose kilometres or miles', async () => {
      const page = await lookUp(
        demo.demo.showcase.discrepancy,
        { ...desktop, locale: 'en-US' },
        { unit: 'KMT' },
      );
      await verdictOf(page);
      expect(await textOf(page.locator('.finding-title').first())).to.include('km');
    });
  });

  describe('for everybody', () => {
    const looks: [string, Look][] = [
      ['desktop, light, English', desktop],
      ['desktop, dark, Chinese', { ...desktop, scheme: 'dark', locale: 'zh-CN' }],
      ['phone, light, Chinese', { ...phone, locale: 'zh-CN' }],
      ['phone, dark, English', { ...phone, scheme: 'dark' }],
    ];
    const check = async (page: Page, what: string): Promise<void> => {
      await page.evaluate(axe.source);
      const violations = await page.evaluate(async () => {
        const { axe: runner } = globalThis as unknown as { axe: typeof axe };
        const { violations: found } = await runner.run(document, {
          runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
        });
        return found.map(
          ({ id, nodes }) =>
            `${id}: ${nodes
              .slice(0, 3)
              .map(({ html }) => html.slice(0, 160))
              .join(' | ')}`,
        );
      });
      expect(violations, what).to.deep.equal([]);
      const wide = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(wide, `${what}: wider than the screen`).to.be.at.most(0);
    };

    for (const [name, look] of looks) {
      it(`has no fault that axe finds, and fits: ${name}`, async function () {
        this.timeout(120_000);
        const home = await visit('/', look);
        await check(home, 'start page');
        await home.getByRole('textbox').fill('IM8GDM9AXKPO42788');
        await check(home, 'a fault in the field');
        await home.locator('.top-actions button').click();
        await home.locator('dialog').waitFor();
        await check(home, 'settings');
        await home.close();

        const page = await lookUp(demo.demo.showcase.discrepancy, look);
        await verdictOf(page);
        await check(page, 'report');
        for (const summary of await page
          .locator(
            '#odometer summary, .proof > li:nth-child(4) summary, .attesters li:first-child summary, .entry:nth-child(2) summary',
          )
          .all()) {
          await summary.click();
        }
        await page.locator('.entry .evidence summary').first().click();
        await check(page, 'report, unfolded');
        await page.close();

        served.behaviour.report = (report) => {
          report.ledgers[0]?.links.pop();
          return report;
        };
        const refuted = await lookUp(demo.demo.showcase.recall, look);
        await verdictOf(refuted);
        await check(refuted, 'refuted');
        await refuted.close();
        delete served.behaviour.report;

        const absent = await lookUp(demo.demo.showcase.absent, look);
        await verdictOf(absent);
        await check(absent, 'absent');
        await absent.close();

        served.behaviour.problem = { status: 500, body: { code: 'internal' } };
        const failed = await lookUp(demo.demo.showcase.clean, look);
        await failed.locator('.failure').waitFor();
        await check(failed, 'failure');
        await failed.close();
      });
    }

    it('can be reached and worked by keyboard', async () => {
      const page = await lookUp(demo.demo.showcase.clean);
      await verdictOf(page);
      await page.keyboard.press('Tab');
      expect(await page.evaluate(() => document.activeElement?.className)).to.equal('skip');
      await page.keyboard.press('Enter');
      expect(await page.evaluate(() => document.activeElement?.id)).to.equal('main');
      await page.locator('.proof summary').first().focus();
      await page.keyboard.press('Enter');
      expect(await page.locator('.proof > li:first-child > details').getAttribute('open')).not.to.equal(null);
    });
  });
});
