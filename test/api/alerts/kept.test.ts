import { randomBytes } from 'node:crypto';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { expect } from 'chai';
import { restore } from '../../../api/backup/restore.ts';
import { readConfig } from '../../../api/config.ts';
import { startService } from '../../../api/server.ts';
import { linkSecrets, signAlertLink, signLinkAnswer } from '../../../core/alerts/link.ts';
import { toBase64Url } from '../../../core/bytes.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { signPartCode } from '../../../core/partCode/partCode.ts';
import { type Attester, startTestService, TestService } from '../fixture.ts';
import { answered, freshReference, putOnLedger, raised } from './world.ts';

/** Backups have alerts, links and scans; erasures and the retention take them away for good. */
describe('alerts, links and scans that are kept', function () {
  this.timeout(240_000);
  let test: TestService;
  let scratch: string;
  let [from, to]: Attester[] = [];
  let tokens: string[] = [];

  before(async () => {
    test = await startTestService({ DATABASE_URL: '' });
    scratch = await mkdtemp(join(tmpdir(), 'vinculum-alerts-'));
    from = await test.admit('Kept alerts', ['supplier']);
    to = await test.admit('Keeper of alerts', ['supplier']);
    tokens = [await test.signIn(from), await test.signIn(to)];
  });
  after(async () => {
    await test?.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  const count = async (service: TestService, table: string): Promise<number> => {
    const rows = await service.service.services.store.query(`SELECT * FROM ${table}`);
    return rows.length;
  };

  it('are restored, but for what was erased since; and go by the retention', async () => {
    if (!from || !to) throw new TypeError('not admitted');
    const [supplier, customer] = [from, to];
    const [fromToken = '', toToken = ''] = tokens;
    const kept = { attester: supplier, reference: freshReference() };
    const gone = { attester: supplier, reference: freshReference() };
    await putOnLedger(test, supplier, fromToken, '/v1/alerts', [
      raised(test, supplier, kept.reference, { recipient: customer.id.toString() }),
    ]);
    const entry = raised(test, supplier, gone.reference, { customer: 'outside.example' });
    await putOnLedger(test, supplier, fromToken, '/v1/alerts', [entry]);
    await putOnLedger(test, customer, toToken, `/v1/alerts/${kept.reference}/answers`, [
      answered(test, customer, kept, 'accepted'),
    ]);
    const { opener, secretKey, holder, bearer } = linkSecrets(randomBytes(32));
    const now = BigInt(Math.floor(Date.now() / 1000));
    const link = signAlertLink(
      test.ledger,
      { alert: entry.entry.digest, holder, bearer, from: now, until: now + 86_400n },
      supplier.key,
    );
    const { body: made } = await test.post('/v1/alerts/links', link, { token: fromToken });
    const secrets = { opener: toBase64Url(opener), visitor: toBase64Url(randomBytes(32)) };
    const secret = `S-${randomBytes(8).toString('hex')}`;
    const answer = signLinkAnswer(
      test.ledger,
      { link: made.hash, status: 'accepted', reason: secret, by: secret, at: now },
      secretKey,
    );
    const said = await test.post(`/v1/alerts/${gone.reference}/answers`, { ...secrets, answer });
    expect(said.status, said.text).to.equal(202);
    const code = signPartCode(
      {
        identifier: parseIdentifier('serial:kept.example:1'),
        organisation: supplier.id,
        ledger: test.ledger,
      },
      supplier.key,
    );
    await test.post('/v1/checks', { code, place: { country: 'FR' } });

    const identity = await generateX25519Identity();
    const response = await fetch(`${test.url}/v1/operator/backup`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${test.service.operatorToken}`,
      },
      body: JSON.stringify({ recipients: [await identityToRecipient(identity)] }),
    });
    const file = join(scratch, 'backup.age');
    await writeFile(file, new Uint8Array(await response.arrayBuffer()));

    const { erasures } = test.service.services;
    const target = { of: 'entry', digest: entry.entry.digest } as const;
    const plan = await erasures.plan(target);
    await erasures.erase(target, 'request', plan.id);
    expect(await count(test, 'alerts')).to.equal(1);
    expect(await count(test, 'alert_links')).to.equal(0);
    const open = await test.post('/v1/alerts/open', secrets);
    expect([open.status, open.body.code]).to.deep.equal([404, 'alert.linkUnknown']);

    const receipts = join(scratch, 'erasures.ndjson');
    await copyFile(test.service.config.erasuresFile, receipts);
    const config = readConfig({ VINCULUM_DATA: join(scratch, 'restored'), PORT: '0' });
    await restore({ file, secret: { identity }, config, erasures: receipts });
    const other = new TestService(await startService(config), async () => undefined, []);
    try {
      expect(await count(other, 'alerts')).to.equal(1);
      expect(await count(other, 'alert_answers')).to.equal(1);
      expect(await count(other, 'alert_links')).to.equal(0);
      expect(await count(other, 'scans')).to.equal(1);
      const token = await other.signIn(customer);
      const { body } = await other.get(`/v1/alerts/${kept.reference}`, { token });
      expect([body.state, body.answers.length]).to.deep.equal(['accepted', 1]);
    } finally {
      await other.stop();
    }
    // Nothing that a database file shows of an alert, its link or a scan is in plain text.
    for (const table of ['alerts', 'alert_answers', 'scans', 'watch_due']) {
      const text = JSON.stringify(
        await test.service.services.store.query(`SELECT * FROM ${table}`),
        (_, value) => (typeof value === 'bigint' ? String(value) : value),
      );
      for (const plain of [secret, 'kept.example', 'Cracks', 'outside.example'])
        expect(text).not.to.include(plain);
    }
    const { createRetention } = await import('../../../api/retention/retention.ts');
    const { parsePolicy } = await import('../../../api/retention/policy.ts');
    const policy = parsePolicy('scans=400d,alertLinks=1d');
    if (policy === null) throw new TypeError('no policy');
    const clock = () => new Date(Date.now() + 401 * 86_400_000);
    const { store } = test.service.services;
    const due = await createRetention({ store, erasures, policy, clock }).run();
    expect([due.scans, due.alertLinks]).to.deep.equal([1, 0]);
    expect(await count(test, 'scans')).to.equal(0);
  });
});
