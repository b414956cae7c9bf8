import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { decryptKeystore, encryptKeystore } from '../../core/keystore/keystore.ts';
import { type Attester, startTestService, type TestService } from '../api/fixture.ts';
import { Vehicle } from '../api/privacy/world.ts';
import { freshVin, type Person, person } from '../api/titles/acting.ts';
import {
  type Browsing,
  chromiumPath,
  desktop,
  hasChromium,
  type Look,
  phone,
  startBrowsing,
} from './support/browser.ts';
import { type Asked, giveWallet, type WalletOptions } from './support/wallet.ts';

const PASSWORD = 'correct horse battery';
const LIGHT = { N: 2 ** 12, r: 8, p: 1 };
const DAY = 86_400_000;

/** The day in so many days, as a date field takes it. */
const day = (days: number): string => new Date(Date.now() + days * DAY).toISOString().slice(0, 10);

/** What owners, buyers and registrars do, against the running service and its chain. */
describe('the pages of owner and registrar', function () {
  this.timeout(180_000);
  let test: TestService;
  let browsing: Browsing;
  let registrar: Attester;
  let police: Attester;
  let lender: Attester;
  let workshop: Attester;
  let complaints: string[] = [];

  before(async function () {
    if (!hasChromium) {
      console.log(`      skipped: no Chromium at ${chromiumPath} (apt-get install chromium fonts-noto-cjk)`);
      this.skip();
    }
    test = await startTestService();
    browsing = await startBrowsing();
    registrar = await test.admit('Registry of Aurora', ['registrar']);
    police = await test.admit('Aurora Police', ['police']);
    lender = await test.admit('Aurora Bank', ['lender']);
    workshop = await test.admit('Garage Lumen', ['workshop']);
  });
  after(async () => {
    await browsing?.close();
    await test?.stop();
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

  /** Somebody with a wallet, signed in. */
  async function withWallet(
    desk: string,
    key: Uint8Array,
    options: { look?: Look; organisation?: bigint; wallet?: WalletOptions } = {},
  ): Promise<{ page: Page; asked: Asked[] }> {
    const page = await blank(options.look);
    const asked = await giveWallet(page, key, options.wallet);
    await page.goto(`${test.url}/#/${desk}`);
    const connect = page.locator('.connect');
    await connect.waitFor();
    if (options.organisation !== undefined) {
      await connect.locator('input[inputmode="numeric"]').fill(options.organisation.toString());
    }
    await connect.locator('.way').first().getByRole('button').click();
    return { page, asked };
  }

  async function signedIn(page: Page): Promise<void> {
    await page.locator('.who').waitFor();
  }

  const open = async (page: Page, vin: string): Promise<void> => {
    await page.locator('.search input').fill(vin);
    await page.keyboard.press('Enter');
    await proven(page);
  };
  const proven = (page: Page): Promise<void> => page.locator('[data-proven="yes"]').waitFor();
  const part = (page: Page, name: string): Promise<void> =>
    page.locator('.parts-nav').getByRole('button', { name }).click();

  /** Reviews what was filled in, signs it, and waits until it stands in a block. */
  async function sign(page: Page): Promise<void> {
    await page.getByRole('button', { name: 'Review before signing' }).click();
    await page.getByRole('button', { name: 'Sign and send' }).click();
    await page.locator('.stages[data-state="anchored"], .stages[data-state="final"]').waitFor();
    await proven(page);
  }

  const sellable = (page: Page) => page.locator('.vehicle > .sellable').getAttribute('data-sellable');

  async function titled(owner: Person): Promise<Vehicle> {
    const vehicle = new Vehicle(test, freshVin());
    await vehicle.act(registrar, 'title.issued', {
      party: owner.address,
      sealed: { holderName: '王芳' },
    });
    return vehicle;
  }
  const vinOf = (vehicle: Vehicle): string => vehicle.target.identifier.value;
  const titleOf = async (vehicle: Vehicle) => (await test.get(`/v1/titles/${vehicle.subject}`)).body;

  describe('signing in', () => {
    it('with a wallet that announces itself shows what it signs, and locks', async () => {
      const owner = person();
      const { page, asked } = await withWallet('owner', owner.key, { wallet: { announced: 'Test Wallet' } });
      await signedIn(page);
      expect(asked).to.have.length(1);
      expect(String(asked[0]?.shown)).to.include('Sign in to Vinculum as this account.');
      expect(await page.locator('.who').textContent()).to.include(owner.address);
      await page.getByRole('button', { name: 'Lock', exact: true }).click();
      await page.locator('[data-over="locked"]').waitFor();
      expect(await page.locator('.who').count()).to.equal(0);
    });

    it('says that its owner declined, and signs in nobody', async () => {
      const { page } = await withWallet('owner', person().key, { wallet: { declines: true } });
      await page.locator('[data-code="wallet.refused"]').waitFor();
      expect(await page.locator('.who').count()).to.equal(0);
    });

    it('with a keystore file, refuses a wrong password, and keeps the key from storage and network', async () => {
      const owner = person();
      const path = join(tmpdir(), `vinculum-${process.pid}-key.json`);
      await writeFile(path, JSON.stringify(await encryptKeystore(owner.key, PASSWORD, { cost: LIGHT })));
      const page = await blank();
      const sent: string[] = [];
      page.on('request', (request) => sent.push(`${request.url()} ${request.postData() ?? ''}`));
      await page.goto(`${test.url}/#/owner`);
      await page.locator('.connect input[type="file"]').setInputFiles(path);
      await page.getByLabel('Its password').fill('wrong');
      await page.getByRole('button', { name: 'Open and sign in' }).click();
      await page.locator('[data-code="keystore.wrongPassword"]').waitFor();
      await page.getByLabel('Its password').fill(PASSWORD);
      await page.getByRole('button', { name: 'Open and sign in' }).click();
      await signedIn(page);
      const secret = Buffer.from(owner.key).toString('hex');
      const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
      expect(kept).not.to.include(secret);
      expect(sent.join('\n')).not.to.include(secret).and.not.to.include(PASSWORD);
    });

    it('makes a fresh key, which is in the saved file and nowhere else', async () => {
      const page = await blank();
      await page.goto(`${test.url}/#/owner`);
      await page.getByText('Make a new key').click();
      await page.getByLabel('Password for the file').fill(PASSWORD);
      await page.getByLabel('The password once more').fill('another password');
      await page.getByRole('button', { name: 'Make the key and save it' }).click();
      await page.getByText('The two are not the same.').waitFor();
      await page.getByLabel('The password once more').fill(PASSWORD);
      const saved = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Make the key and save it' }).click();
      const file = await readFile((await (await saved).path()) ?? '', 'utf8');
      await signedIn(page);
      const { address } = await decryptKeystore(file, PASSWORD);
      expect(await page.locator('.who').textContent()).to.include(address);
    });

    it('to a message for another place is refused before anything is signed', async () => {
      const page = await blank();
      const asked = await giveWallet(page, person().key);
      await page.route('**/v1/auth/challenge', async (route) => {
        const response = await route.fetch();
        const body = await response.json();
        body.message = body.message.replace(/^\S+ wants/, 'bank.example wants');
        await route.fulfill({ response, json: body });
      });
      await page.goto(`${test.url}/#/owner`);
      await page.getByRole('button', { name: 'Connect the wallet' }).click();
      await page.locator('[data-code="signIn.otherPlace"]').waitFor();
      expect(asked).to.deep.equal([]);
    });
  });

  it('sells a vehicle from one person to another: a wallet offers, a keystore file accepts', async () => {
    const [seller, buyer] = [person(), person()];
    const vehicle = await titled(seller);
    const { page, asked } = await withWallet('owner', seller.key);
    await signedIn(page);
    await page.locator(`[data-subject="${vehicle.subject}"]`).getByRole('button').click();
    await proven(page);
    expect(await sellable(page)).to.equal('yes');
    // The report opens beside: who leaves this page takes the key along.
    const report = page.getByRole('link', { name: 'Full report' });
    expect(await report.getAttribute('target')).to.equal('_blank');
    expect(await report.getAttribute('href')).to.match(new RegExp(`#id=${vinOf(vehicle)}$`));

    // What is missing is said before anything is signed.
    await page.getByRole('button', { name: 'Review before signing' }).click();
    expect(await page.locator('.field .fault').count()).to.equal(2);
    await page.getByLabel('Buyer’s key (address)').fill(buyer.address);
    await page.getByLabel('Until (that day included)').fill(day(7));
    await page.getByLabel('Price').fill('9900');
    await page.getByRole('button', { name: 'Review before signing' }).click();
    const review = page.locator('.act');
    expect(await review.textContent())
      .to.include(buyer.address)
      .and.include('9,900');
    await page.getByRole('button', { name: 'Sign and send' }).click();
    await page.locator('.stages[data-state="anchored"], .stages[data-state="final"]').waitFor();
    const { shown } = asked.at(-1) as { shown: { primaryType: string; message: Record<string, string> } };
    expect(shown.primaryType).to.equal('TitleAction');
    expect(shown.message).to.include({ kind: 1, party: buyer.address, organisation: '0', revision: '1' });
    await page.locator('.stages[data-state="final"]').waitFor({ timeout: 60_000 });
    expect(await page.locator('.stages .reached').count()).to.equal(5);
    expect((await titleOf(vehicle)).offer.buyer).to.equal(buyer.address);

    const path = join(tmpdir(), `vinculum-${process.pid}-buyer.json`);
    await writeFile(path, JSON.stringify(await encryptKeystore(buyer.key, PASSWORD, { cost: LIGHT })));
    const other = await blank({ ...phone, locale: 'zh-CN' });
    await other.goto(`${test.url}/#/owner`);
    await other.locator('.connect input[type="file"]').setInputFiles(path);
    await other.locator('.connect input[type="password"]').first().fill(PASSWORD);
    await other.locator('.connect form .primary').first().click();
    await signedIn(other);
    await other.locator(`[data-subject="${vehicle.subject}"]`).getByRole('button').click();
    await proven(other);
    await other.locator('.action-form[data-kind="title.accepted"] .primary').click();
    await other.locator('.act .primary').click();
    await other.locator('.stages[data-state="anchored"], .stages[data-state="final"]').waitFor();
    await other.locator('.parts-nav').waitFor();
    const title = await titleOf(vehicle);
    expect(title).to.include({ owner: buyer.address, tenure: 2, offer: null });

    // The buyer's report, for anybody: both owners, and that it may be sold.
    const reader = await blank();
    await reader.goto(`${test.url}/#id=${vinOf(vehicle)}`);
    await reader.locator('.verdict[data-verdict="verified"]').waitFor();
    expect(await reader.locator('#title [data-holder]').count()).to.equal(2);
    expect(await reader.locator('#title .sellable').getAttribute('data-sellable')).to.equal('yes');
    expect(await reader.locator('.entry .kind-icon').count()).to.equal(3);
  });

  it('withdraws an offer, and refuses what the title does not allow before it is signed', async () => {
    const seller = person();
    const vehicle = await titled(seller);
    const { page, asked } = await withWallet('owner', seller.key);
    await signedIn(page);
    await open(page, vinOf(vehicle));
    await page.getByLabel('Buyer’s key (address)').fill(seller.address);
    await page.getByLabel('Until (that day included)').fill(day(7));
    await page.getByRole('button', { name: 'Review before signing' }).click();
    await page.locator('[data-code="title.sameParty"]').waitFor();
    await page.getByLabel('Buyer’s key (address)').fill(person().address);
    await page.getByLabel('Until (that day included)').fill(day(400));
    await page.getByRole('button', { name: 'Review before signing' }).click();
    await page.locator('[data-code="title.badTime"]').waitFor();
    expect(asked).to.have.length(1);
    await page.getByLabel('Until (that day included)').fill(day(7));
    await sign(page);
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await page.getByText('The vehicle is on offer').waitFor();
    await sign(page);
    expect((await titleOf(vehicle)).offer).to.equal(null);
  });

  it('signs nothing where the service lies about the title', async () => {
    const owner = person();
    const vehicle = await titled(owner);
    const { page } = await withWallet('owner', owner.key);
    await signedIn(page);
    await page.route('**/report', async (route) => {
      const response = await route.fetch();
      const report = await response.json();
      report.ledgers[0].links.pop();
      await route.fulfill({ response, json: report });
    });
    await page.locator('.search input').fill(vinOf(vehicle));
    await page.keyboard.press('Enter');
    await page.locator('[data-proven="refuted"]').waitFor();
    expect(await page.locator('.action-form').count()).to.equal(0);
  });

  describe('consents', () => {
    let owner: Person;
    let vehicle: Vehicle;
    let invoice: string;

    before(async () => {
      owner = person();
      vehicle = await titled(owner);
      invoice = `R-${randomBytes(6).toString('hex')}`;
      await vehicle.service(workshop, { invoiceNumber: invoice, technician: 'Alex Muster' });
    });

    async function shareLink(page: Page): Promise<string> {
      await page.getByRole('button', { name: 'Sign and make the link' }).click();
      const link = (await page.locator('.share code').textContent()) ?? '';
      expect(link).to.match(/#share=[A-Za-z0-9_-]{43}$/);
      expect(await page.locator('.share .qr').count()).to.equal(1);
      return link;
    }

    it('as a share link show the sealed fields in another browser, counted, and no more once revoked', async () => {
      const { page, asked } = await withWallet('owner', owner.key);
      await signedIn(page);
      await open(page, vinOf(vehicle));
      await part(page, 'Who may look');
      const link = await shareLink(page);
      const { shown } = asked.at(-1) as { shown: { primaryType: string; message: Record<string, unknown> } };
      expect(shown.primaryType).to.equal('Consent');
      expect(shown.message).to.include({ purpose: 'purchase', tenure: '1' });

      const buyer = await blank();
      const urls: string[] = [];
      buyer.on('request', (request) => urls.push(request.url()));
      await buyer.goto(link);
      await buyer.locator('.verdict[data-verdict="verified"]').waitFor();
      expect(await buyer.locator('[data-shared="1"]').count()).to.equal(1);
      // The token is in no address: not in the bar, and in none that was asked for.
      const token = new URL(link).hash.replace('#share=', '');
      expect(buyer.url()).not.to.include(token);
      expect(urls.join('\n')).not.to.include(token);
      await buyer.locator('.entry[data-kind="service"] summary').first().click();
      await buyer.getByText(invoice).waitFor();
      await buyer.getByText('Alex Muster').waitFor();
      expect(await buyer.locator('.report-head').textContent()).to.include(vinOf(vehicle));

      // Opened again it is counted again; the owner sees how often.
      const again = await blank();
      await again.goto(link);
      await again.locator('[data-shared="2"]').waitFor();
      await page.getByRole('button', { name: 'Close', exact: true }).click();
      await part(page, 'Sell');
      await part(page, 'Who may look');
      const given = page.locator('[data-consent][data-state="good"]');
      await given.waitFor();
      expect(await given.textContent()).to.include('2 times');
      await given.getByRole('button', { name: 'Revoke' }).click();
      await page.locator('[data-consent][data-state="revoked"]').waitFor();

      const late = await blank();
      await late.goto(link);
      await late.locator('.failure[data-code="share.revoked"]').waitFor();
      expect(late.url()).not.to.include(token);
    });

    it('for an organisation by its name, for some fields', async () => {
      const { page, asked } = await withWallet('owner', owner.key);
      await signedIn(page);
      await open(page, vinOf(vehicle));
      await part(page, 'Who may look');
      await page.getByLabel('An organisation').check();
      const choice = page.getByLabel('Organisation', { exact: true });
      await choice.locator('option', { hasText: 'Aurora Bank' }).waitFor({ state: 'attached' });
      await choice.selectOption(lender.id.toString());
      await page.getByLabel('For what').selectOption('finance');
      await page.getByLabel('Only these fields').check();
      await page.getByLabel('Invoice').check();
      await page.getByRole('button', { name: 'Sign and give' }).click();
      await page.locator('[data-consent][data-state="good"]', { hasText: 'Aurora Bank' }).waitFor();
      const { shown } = asked.at(-1) as { shown: { message: Record<string, unknown> } };
      expect(shown.message).to.deep.include({
        organisation: lender.id.toString(),
        fields: ['invoiceNumber'],
        purpose: 'finance',
      });
      const token = await test.signIn(lender);
      const report = await test.get(`${vehicle.path}/report`, { token });
      const opened = Object.values(report.body.contents as Record<string, { disclosures?: string[] }>)
        .flatMap(({ disclosures = [] }) => disclosures)
        .map((text) => Buffer.from(text, 'base64url').toString());
      expect(opened.join()).to.include(invoice).and.not.to.include('Alex Muster');
    });

    it('are in the access log, which holds from one reading to the next, and shouts when an entry is gone', async () => {
      const { page } = await withWallet('owner', owner.key);
      await signedIn(page);
      await open(page, vinOf(vehicle));
      await part(page, 'Who looked');
      await page.locator('[data-log="holds"]').waitFor();
      const before = Number(await page.locator('[data-entries]').getAttribute('data-entries'));
      expect(before).to.be.at.least(3);
      expect(await page.locator('#access').locator('..').textContent()).to.include('share link');

      // Somebody looks, and it stands there; this device compares with the head that it kept.
      await test.get(`${vehicle.path}/report`, { token: await test.signIn(lender) });
      await page.getByRole('button', { name: 'Read the log again' }).click();
      await page.locator(`[data-entries="${before + 1}"]`).waitFor();
      expect(await page.locator('[data-log="holds"]').textContent()).to.include('Nothing was taken out');

      // An operator that takes the newest entry out, and signs for the rest, is caught by the head that was kept.
      const kept = await page.evaluate(() => localStorage.getItem('vinculum.accessHeads'));
      await page.evaluate((text) => {
        const heads = JSON.parse(text ?? '{}');
        for (const head of Object.values(heads) as { length: number }[]) head.length += 1;
        localStorage.setItem('vinculum.accessHeads', JSON.stringify(heads));
      }, kept);
      await page.getByRole('button', { name: 'Read the log again' }).click();
      await page.locator('[data-log="access.shortened"]').waitFor();
      await page.evaluate((text) => {
        const heads = JSON.parse(text ?? '{}');
        for (const head of Object.values(heads) as { head: string }[]) head.head = `0x${'ab'.repeat(32)}`;
        localStorage.setItem('vinculum.accessHeads', JSON.stringify(heads));
      }, kept);
      await page.getByRole('button', { name: 'Read the log again' }).click();
      await page.locator('[data-log="access.rewritten"]').waitFor();
      // What does not hold is not kept in the place of what did.
      expect(await page.evaluate(() => localStorage.getItem('vinculum.accessHeads'))).to.include('abababab');
    });

    it('let the owner read what is sealed, and that is in the log too', async () => {
      const { page } = await withWallet('owner', owner.key);
      await signedIn(page);
      await open(page, vinOf(vehicle));
      await part(page, 'Sealed details');
      await page.getByRole('button', { name: 'Open the report with sealed fields' }).click();
      await page.locator('.report .verdict[data-verdict="verified"]').waitFor();
      await page.locator('.entry[data-kind="service"] summary').first().click();
      await page.getByText(invoice).waitFor();
      expect((await vehicle.log()).at(-1)?.reader).to.equal(`account:${owner.address}`);
    });
  });

  it('disputes an entry, and the dispute stands beside it with its outcome', async () => {
    const owner = person();
    const vehicle = await titled(owner);
    const entry = await vehicle.service(workshop);
    const { digest } = entry.entry;
    const { page } = await withWallet('owner', owner.key);
    await signedIn(page);
    await open(page, vinOf(vehicle));
    await part(page, 'Dispute an entry');
    await page.getByLabel('Which entry').selectOption(digest);
    await page.getByLabel('Your statement').fill('It was another car.');
    await sign(page);
    await page.locator('.listing [data-dispute="open"]').waitFor();

    const beside = async (outcome: string): Promise<void> => {
      const reader = await blank();
      await reader.goto(`${test.url}/#id=${vinOf(vehicle)}`);
      await reader.locator('.verdict[data-verdict="verified"]').waitFor();
      await reader.locator(`.entry[data-digest="${digest}"] summary`).click();
      await reader.locator(`.beside[data-dispute="${outcome}"]`).waitFor();
      expect(await reader.locator('body').textContent()).not.to.include('It was another car.');
      await reader.close();
    };
    await beside('open');
    const answer = test.compose(workshop, vehicle.name, {
      kind: 'upheld',
      time: new Date().toISOString().slice(0, 10),
      data: { entry: digest, basis: 'recordsChecked' },
    });
    await test.record(workshop, [answer]);
    await beside('upheld');
  });

  describe('a report', () => {
    const erase = async (target: object): Promise<void> => {
      const body = { target, basis: 'request' };
      const operator = { token: test.service.operatorToken };
      const planned = await test.post('/v1/erasures', body, operator);
      expect(planned.status, planned.text).to.equal(200);
      const plan = planned.body.plan.id;
      const done = await test.post('/v1/erasures', { ...body, dryRun: false, plan }, operator);
      expect(done.status, done.text).to.equal(200);
    };

    it('names what was erased, with the receipt, and how many fields are sealed', async () => {
      const vehicle = await titled(person());
      const whole = await vehicle.service(workshop, { technician: 'Alex Muster' });
      const part = await vehicle.service(workshop, { technician: 'Alex Muster', invoiceNumber: 'R-7' });
      await erase({ entry: whole.entry.digest });
      await erase({ field: { digest: part.entry.digest, name: 'technician' } });
      const page = await blank();
      await page.goto(`${test.url}/#id=${vinOf(vehicle)}`);
      // An erased entry leaves nothing to check: existence is proven, and so is who destroyed it.
      await page.locator('.verdict[data-verdict="verified"], .verdict[data-verdict="incomplete"]').waitFor();
      const erased = page.locator(`.entry[data-digest="${whole.entry.digest}"]`);
      expect(await erased.getAttribute('data-status')).to.equal('erased');
      await erased.locator('summary').first().click();
      const receipt = erased.locator('[data-erased="request"]');
      await receipt.waitFor();
      const { operator } = (await test.get('/v1/directory')).body;
      expect(await receipt.textContent())
        .to.include(operator)
        .and.include('asked for by the person concerned');
      expect(await page.locator('.finding[data-code="entry.erased"]').textContent()).to.include(
        'Garage Lumen',
      );

      const open = page.locator(`.entry[data-digest="${part.entry.digest}"]`);
      await open.locator('summary').first().click();
      await open.locator('[data-erased="request"]').waitFor();
      expect(await open.locator('[data-sealed]').getAttribute('data-sealed')).to.equal('2');
      expect(await open.locator('[data-sealed]').getAttribute('data-opened')).to.equal('0');

      // The receipt's signature is looked at without a network too, once the page has been open for a moment.
      const path = join(tmpdir(), `vinculum-${process.pid}-erased.json`);
      await writeFile(path, (await test.get(`${vehicle.path}/report`)).text);
      const offline = await blank();
      await offline.goto(test.url);
      await offline.waitForTimeout(4_000);
      await offline.context().setOffline(true);
      await offline.locator('input[type="file"]').setInputFiles(path);
      await offline.locator(`.entry[data-digest="${whole.entry.digest}"][data-status="erased"]`).waitFor();
    });

    it('takes no receipt that another signed', async () => {
      const vehicle = await titled(person());
      const entry = await vehicle.service(workshop);
      await erase({ entry: entry.entry.digest });
      const page = await blank();
      await page.route('**/report', async (route) => {
        const response = await route.fetch();
        const report = await response.json();
        report.contents[entry.entry.digest].erased.operator = `0x${'ab'.repeat(20)}`;
        await route.fulfill({ response, json: report });
      });
      await page.goto(`${test.url}/#id=${vinOf(vehicle)}`);
      await page.locator('.verdict[data-verdict="incomplete"]').waitFor();
      const status = page.locator(`.entry[data-digest="${entry.entry.digest}"]`);
      expect(await status.getAttribute('data-status')).to.equal('withheld');
    });

    it('flags what a register states against the title', async () => {
      const vehicle = await titled(person());
      const stated = test.compose(registrar, vehicle.name, {
        kind: 'registration.holder',
        time: day(0),
        data: { market: 'FR', event: 'CHANG_TIT', action: 'change', contradicts: 'title.lienOpen' },
      });
      await test.record(registrar, [stated]);
      const page = await blank();
      await page.goto(`${test.url}/#id=${vinOf(vehicle)}`);
      await page.locator('.verdict[data-verdict="verified"]').waitFor();
      expect(await page.locator('.finding[data-code="registration.contradiction"]').count()).to.equal(1);
      const entry = page.locator(`.entry[data-digest="${stated.entry.digest}"]`);
      expect(await entry.locator('.badge').textContent()).to.include('At odds with the title');
      await entry.locator('summary').first().click();
      await entry.locator('[data-contradicts="title.lienOpen"]').waitFor();
    });
  });

  describe('the registrar', () => {
    /** An organisation at its page, with a keystore that says whose key it is. */
    async function desk(attester: Attester, look: Look = desktop): Promise<Page> {
      const page = await blank(look);
      const keystore = await encryptKeystore(attester.key, PASSWORD, { cost: LIGHT });
      const path = join(tmpdir(), `vinculum-${process.pid}-${attester.id}.json`);
      const ours = { 'x-vinculum': { organisation: attester.id.toString() } };
      await writeFile(path, JSON.stringify({ ...keystore, ...ours }));
      await page.goto(`${test.url}/#/registrar`);
      await page.locator('.connect input[type="file"]').setInputFiles(path);
      await page.locator('.connect input[type="password"]').fill(PASSWORD);
      await page.locator('.connect form .primary').click();
      await signedIn(page);
      return page;
    }
    const choose = (page: Page, kind: string): Promise<void> =>
      page.locator(`.kind[data-kind="${kind}"]`).click();
    const close = (page: Page): Promise<void> =>
      page.getByRole('button', { name: 'Close', exact: true }).click();

    it('issues a title, brands it, and sees only what its organisation may do', async () => {
      const owner = person();
      const vin = freshVin();
      const page = await desk(registrar);
      await page.getByText('Registry of Aurora').waitFor();
      await open(page, vin);
      expect(await page.locator('.kind[data-kind="title.stolen"]').count()).to.equal(0);
      expect(await page.locator('.kind[data-kind="title.scrapped"]').isDisabled()).to.equal(true);
      await choose(page, 'title.issued');
      await page.getByLabel('Owner’s key (address)').fill(owner.address);
      await page.getByLabel('Holder', { exact: true }).fill('王芳');
      await sign(page);
      await close(page);
      expect(await sellable(page)).to.equal('yes');
      await choose(page, 'title.branded');
      await page.getByLabel('Brand (AAMVA D20)').selectOption({ label: '01 · Flood' });
      await page.getByLabel('Jurisdiction', { exact: true }).fill('us-ca');
      await page.getByLabel('The jurisdiction’s own wording').fill('FLOOD');
      await page.getByRole('button', { name: 'Review before signing' }).click();
      expect(await page.locator('.act').textContent())
        .to.include('01 · Flood')
        .and.include('FLOOD');
      await page.getByRole('button', { name: 'Sign and send' }).click();
      await page.locator('.stages[data-state="anchored"], .stages[data-state="final"]').waitFor();
      const { subject } = new Vehicle(test, vin);
      expect((await test.get(`/v1/titles/${subject}`)).body).to.deep.include({
        owner: owner.address,
        brands: [1],
      });
    });

    it('a lien blocks a sale, is renewed, and stops blocking once it is released', async () => {
      const owner = person();
      const vehicle = await titled(owner);
      const page = await desk(lender);
      await open(page, vinOf(vehicle));
      expect(await page.locator('.kind').count()).to.equal(3);
      await choose(page, 'title.lienPlaced');
      await page.getByLabel('Until (that day included)').fill(day(100));
      await page.getByLabel('Contract number').fill('K-1');
      await sign(page);
      await close(page);
      expect(await sellable(page)).to.equal('no');
      await choose(page, 'title.lienRenewed');
      await page.getByLabel('Until (that day included)').fill(day(50));
      await page.getByRole('button', { name: 'Review before signing' }).click();
      await page.locator('[data-code="title.badTime"]').waitFor();
      await page.getByLabel('Until (that day included)').fill(day(200));
      await sign(page);
      await close(page);

      // The buyer sees who holds it, of which rank, until when.
      const reader = await blank();
      await reader.goto(`${test.url}/#id=${vinOf(vehicle)}`);
      await reader.locator('.verdict[data-verdict="verified"]').waitFor();
      const lien = reader.locator('#title [data-lien="open"]');
      expect(await lien.textContent())
        .to.include('Aurora Bank')
        .and.include('rank 1');
      expect(await reader.locator('#title .sellable').getAttribute('data-sellable')).to.equal('no');
      expect(await reader.locator('.finding[data-code="lien.open"]').count()).to.equal(1);

      await choose(page, 'title.lienReleased');
      await sign(page);
      expect(await sellable(page)).to.equal('yes');
    });

    it('the police report a theft and a recovery; the buyer reads the first above everything', async () => {
      const owner = person();
      const vehicle = await titled(owner);
      const page = await desk(police, phone);
      await open(page, vinOf(vehicle));
      await choose(page, 'title.stolen');
      await page.getByLabel('Report number').fill('PV-1');
      await sign(page);
      await close(page);
      expect(await sellable(page)).to.equal('no');
      const reader = await blank(phone);
      await reader.goto(`${test.url}/#id=${vinOf(vehicle)}`);
      await reader.locator('.verdict[data-verdict="verified"]').waitFor();
      expect(await reader.locator('.headline').getAttribute('data-headline')).to.equal('alert');
      expect(await reader.locator('.finding').first().getAttribute('data-code')).to.equal('title.stolen');
      await choose(page, 'title.recovered');
      await sign(page);
      expect(await sellable(page)).to.equal('yes');
    });

    it('re-issues, transfers, replaces the number, exports and scraps', async () => {
      const owner = person();
      const vehicle = await titled(owner);
      const page = await desk(registrar);
      await open(page, vinOf(vehicle));
      const [fresh, next] = [person(), person()];
      await choose(page, 'title.reissued');
      await page.getByLabel('Owner’s new key (address)').fill(fresh.address);
      await sign(page);
      await close(page);
      await choose(page, 'title.transferred');
      await page.getByLabel('New owner’s key (address)').fill(next.address);
      await sign(page);
      await close(page);
      expect(await titleOf(vehicle)).to.include({ owner: next.address, tenure: 3 });

      const other = freshVin();
      await choose(page, 'title.replaced');
      await page.getByLabel('The new number').fill('not a number');
      await page.getByRole('button', { name: 'Review before signing' }).click();
      await page.getByText('This is no number of a vehicle.').waitFor();
      await page.getByLabel('The new number').fill(other);
      await sign(page);
      await close(page);
      expect(await page.locator('.kind:not(:disabled)').count()).to.equal(0);

      // Both histories lead to each other.
      const reader = await blank();
      await reader.goto(`${test.url}/#id=${vinOf(vehicle)}`);
      await reader.locator('.verdict[data-verdict="verified"]').waitFor();
      await reader.locator('#title').getByRole('button', { name: other }).click();
      await reader.locator(`.report[data-identifier="vin:${other}"]`).waitFor();
      await reader.locator('.verdict[data-verdict="verified"]').waitFor();
      expect(
        await reader
          .locator('#title')
          .getByRole('button', { name: vinOf(vehicle) })
          .count(),
      ).to.equal(1);

      await page.getByRole('button', { name: 'Back to the list' }).click();
      await open(page, other);
      await choose(page, 'title.exported');
      await page.getByLabel('To which market (optional)').fill('BE');
      await sign(page);
      await close(page);
      await choose(page, 'title.scrapped');
      await sign(page);
      const { subject } = new Vehicle(test, other);
      expect((await test.get(`/v1/titles/${subject}`)).body.state).to.equal('scrapped');
    });

    it('proves the new number under the ledger’s own key', async () => {
      const vehicle = await titled(person());
      const other = parseIdentifier(freshVin());
      const page = await desk(registrar);
      await page.route('**/v1/subjects', async (route) => {
        const response = await route.fetch();
        const body = await response.json();
        body.results[1].transcript = body.results[0].transcript;
        await route.fulfill({ response, json: body });
      });
      await open(page, vinOf(vehicle));
      await choose(page, 'title.replaced');
      await page.getByLabel('The new number').fill(other.value);
      await page.getByRole('button', { name: 'Review before signing' }).click();
      await page.locator('[data-code="pseudonym.invalidTranscript"]').waitFor();
    });

    it('asks for the organisation’s number where the key does not say it, and refuses a stranger’s key', async () => {
      const { page } = await withWallet('registrar', registrar.key);
      await page.locator('[data-code="signIn.noOrganisation"]').waitFor();
      await page.getByLabel('Number of your organisation').fill(police.id.toString());
      await page.getByRole('button', { name: 'Connect the wallet' }).click();
      await page.locator('[data-code="auth.unknownKey"]').waitFor();
      await page.getByLabel('Number of your organisation').fill(registrar.id.toString());
      await page.getByRole('button', { name: 'Connect the wallet' }).click();
      await signedIn(page);
    });
  });

  describe('for everybody', () => {
    for (const [name, look] of [
      ['desktop, light, English', desktop],
      ['phone, dark, Chinese', { ...phone, scheme: 'dark', locale: 'zh-CN' }],
    ] as const) {
      it(`has no fault that axe finds, and fits: ${name}`, async () => {
        const owner = person();
        const vehicle = await titled(owner);
        await vehicle.service(workshop);
        const { page } = await withWallet('owner', owner.key, { look });
        const check = async (where: string, at = page): Promise<void> => {
          await at.evaluate(axe.source);
          const faults = await at.evaluate(async () => {
            const { violations } = await (
              window as unknown as {
                axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
              }
            ).axe.run();
            return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
          });
          expect(faults, where).to.deep.equal([]);
          const width = await at.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          expect(width, where).to.be.at.most(0);
        };
        await signedIn(page);
        await page.locator('.vehicles > li').first().waitFor();
        await check('my vehicles');
        await page.locator('.vehicles > li button').first().click();
        await proven(page);
        const parts = page.locator('.parts-nav button');
        for (const [index, where] of ['sell', 'consents', 'access', 'disputes', 'sealed'].entries()) {
          await parts.nth(index).click();
          await page.locator('.section h3').first().waitFor();
          await check(where);
        }
        await parts.first().click();
        await page.locator('.field input').first().fill(person().address);
        await page.locator('.field input[type="date"]').first().fill(day(7));
        await page.locator('.action-form .primary').click();
        await page.locator('.act').waitFor();
        await check('review');
        await page.locator('.act .primary').click();
        await page.locator('.stages').waitFor();
        await check('stages');
        const clerk = (await withWallet('registrar', registrar.key, { look, organisation: registrar.id }))
          .page;
        await signedIn(clerk);
        await clerk.locator('.search input').fill(vinOf(vehicle));
        await clerk.keyboard.press('Enter');
        await clerk.locator('[data-proven="yes"]').waitFor();
        await clerk.locator('.kind[data-kind="title.branded"]').click();
        await check('registrar', clerk);
      });
    }
  });
});
