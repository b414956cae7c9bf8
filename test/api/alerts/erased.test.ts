import { randomBytes } from 'node:crypto';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { expect } from 'chai';
import { restore } from '../../../api/backup/restore.ts';
import { readConfig } from '../../../api/config.ts';
import { startService } from '../../../api/server.ts';
import { type LinkStatus, linkSecrets, signAlertLink, signLinkAnswer } from '../../../core/alerts/link.ts';
import { fromHex, toBase64Url } from '../../../core/bytes.ts';
import type { ComposedEntry } from '../../../core/envelope/envelope.ts';
import { type Attester, startTestService, TestService } from '../fixture.ts';
import { answered, freshReference, putOnLedger, raised } from './world.ts';

type Row = Readonly<Record<string, unknown>>;

/** What is sealed in an alert stands in its tables again: erased there, it is erased here, and out of every backup. */
describe('alerts of which something was erased', function () {
  this.timeout(240_000);
  let test: TestService;
  let scratch: string;
  let backup: string;
  let identity: string;
  let [from, to, last]: Attester[] = [];
  const tokens = new Map<Attester, string>();
  const entries = new Map<string, ComposedEntry>();
  const references = new Map<string, string>();

  const named = (name: string) => {
    const entry = entries.get(name);
    if (entry === undefined) throw new TypeError(name);
    return entry.entry.digest;
  };
  const who = () => {
    if (!from || !to || !last) throw new TypeError('not admitted');
    return { from, to, last };
  };
  const put = async (name: string, by: Attester, path: string, entry: ComposedEntry): Promise<void> => {
    entries.set(name, entry);
    await putOnLedger(test, by, tokens.get(by) ?? '', path, [entry]);
  };
  const raise = async (name: string, by: Attester, sealed: Row) => {
    const reference = freshReference();
    references.set(name, reference);
    await put(name, by, '/v1/alerts', raised(test, by, reference, sealed));
    return { attester: by, reference };
  };
  const answer = (
    name: string,
    by: Attester,
    alert: { attester: Attester; reference: string },
    status: string,
    sealed: Row = {},
  ) => put(name, by, `/v1/alerts/${alert.reference}/answers`, answered(test, by, alert, status, sealed));

  /** An alert for a company off the network, answered through its link, and attested. */
  const linked = async (name: string, status: LinkStatus) => {
    const { from } = who();
    const alert = await raise(name, from, { customer: `${name}.example` });
    const { opener, secretKey, holder, bearer } = linkSecrets(randomBytes(32));
    const now = BigInt(Math.floor(Date.now() / 1000));
    const link = signAlertLink(
      test.ledger,
      { alert: named(name), holder, bearer, from: now, until: now + 86_400n },
      from.key,
    );
    const { body } = await test.post('/v1/alerts/links', link, { token: tokens.get(from) });
    const said = signLinkAnswer(
      test.ledger,
      { link: body.hash, status, reason: `Reason of ${name}`, by: `Person of ${name}`, at: now },
      secretKey,
    );
    const given = await test.post(`/v1/alerts/${alert.reference}/answers`, {
      ...{ opener: toBase64Url(opener), visitor: toBase64Url(randomBytes(32)) },
      answer: said,
    });
    expect(given.status, given.text).to.equal(202);
    await answer(`${name} attested`, from, alert, status, { linkAnswer: { link, answer: said } });
  };

  before(async () => {
    test = await startTestService({ DATABASE_URL: '' });
    scratch = await mkdtemp(join(tmpdir(), 'vinculum-erased-alerts-'));
    from = await test.admit('Raises what is erased', ['supplier']);
    to = await test.admit('Passes on what is erased', ['supplier']);
    last = await test.admit('Is told of what is erased', ['manufacturer']);
    for (const one of [from, to, last]) tokens.set(one, await test.signIn(one));
    await makeAll();
    await test.service.services.alerts.tell();
    const secret = await generateX25519Identity();
    identity = secret;
    const response = await fetch(`${test.url}/v1/operator/backup`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${test.service.operatorToken}`,
      },
      body: JSON.stringify({ recipients: [await identityToRecipient(secret)] }),
    });
    backup = join(scratch, 'backup.age');
    await writeFile(backup, new Uint8Array(await response.arrayBuffer()));
  });
  after(async () => {
    await test?.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  const makeAll = async (): Promise<void> => {
    const { from, to, last } = who();
    const first = await raise('first', from, { recipient: to.id.toString(), due: '2099-01-01' });
    await answer('acknowledged', to, first, 'acknowledged');
    await raise('below', to, {
      recipient: last.id.toString(),
      alert: { attester: from.id.toString(), reference: first.reference },
      disclosed: true,
    });
    await answer('forwarded', to, first, 'forwarded', { forwardedAs: [references.get('below')] });
    const secret = await raise('secret', from, { recipient: last.id.toString() });
    await answer('silent', last, secret, 'accepted');
    await linked('whole', 'accepted');
    await linked('field', 'declined');
    await linked('kept', 'accepted');
  };

  const tables = ['alerts', 'alert_answers', 'alert_links', 'notices'] as const;
  const rowsOf = async (service: TestService, table: (typeof tables)[number], digest: string) =>
    service.service.services.store.query<Row>(
      `SELECT * FROM ${table} WHERE ${table === 'alert_links' ? 'alert' : 'digest'} = $1`,
      [fromHex(digest as `0x${string}`, 32)],
    );
  const erase = async (name: string, field: string | null): Promise<void> => {
    const { erasures } = test.service.services;
    const digest = named(name);
    const target =
      field === null ? ({ of: 'entry', digest } as const) : ({ of: 'field', digest, name: field } as const);
    const plan = await erasures.plan(target);
    expect(plan.goes, `${name} ${field}`).to.have.length(1);
    await erasures.erase(target, 'request', plan.id);
  };

  /** What has to be so after all that was erased, here and where a backup from before was restored. */
  const expectErased = async (service: TestService): Promise<void> => {
    const { from, to } = who();
    const one = async (table: (typeof tables)[number], name: string): Promise<Row | undefined> =>
      (await rowsOf(service, table, named(name)))[0];
    expect(await one('alerts', 'first')).to.include({ due: null, reminded_at: null, overdue_at: null });
    expect(await one('notices', 'first'), 'the notices that say until when').to.equal(undefined);
    expect(await one('alerts', 'below')).to.include({
      ...{ passes_attester: null, passes_reference: null, disclosed: false },
    });
    expect((await one('alert_answers', 'forwarded'))?.forwards).to.have.length(0);
    expect(await one('alerts', 'secret'), 'nothing says for whom it was').to.equal(undefined);
    expect(await one('notices', 'secret')).to.equal(undefined);
    expect(await one('alert_answers', 'silent'), 'nothing says which alert it answers').to.equal(undefined);
    expect(await one('alert_links', 'whole')).to.include({ answer: null, answered_at: null });
    expect(await one('alert_links', 'field')).to.include({ answer: null, answered_at: null });
    expect((await one('alert_links', 'kept'))?.answer).not.to.equal(null);

    const token = await service.signIn(from);
    const see = async (name: string) =>
      (await service.get(`/v1/alerts/${references.get(name)}`, { token })).body;
    expect(await see('first')).to.deep.include({ state: 'acknowledged', due: null, tiers: [] });
    expect((await see('secret')).code).to.equal('alert.unknown');
    const [whole, field, kept] = [await see('whole'), await see('field'), await see('kept')];
    expect([whole.state, whole.link.answer]).to.deep.equal(['raised', null]);
    expect([field.state, field.link.answer]).to.deep.equal(['declined', null]);
    expect(kept.link.answer.signed.by).to.equal('Person of kept');
    const other = { token: await service.signIn(to) };
    expect((await service.get(`/v1/alerts/${references.get('below')}`, other)).body.passesOn).to.equal(null);
  };

  it('have it in no table', async () => {
    const { from } = who();
    expect((await rowsOf(test, 'notices', named('first'))).length).to.be.at.least(1);
    expect((await rowsOf(test, 'notices', named('secret'))).length).to.be.at.least(1);
    await erase('first', 'due');
    await erase('below', 'alert');
    await erase('below', 'disclosed');
    await erase('forwarded', 'forwardedAs');
    await erase('secret', 'recipient');
    await erase('silent', 'alert');
    await erase('whole attested', null);
    await erase('field attested', 'linkAnswer');
    await expectErased(test);
    const { body } = await test.get('/v1/notices?limit=200', { token: tokens.get(from) });
    expect(JSON.stringify(body)).not.to.include(references.get('secret'));
  });

  it('have it in no table that is restored from before', async () => {
    const receipts = join(scratch, 'erasures.ndjson');
    await copyFile(test.service.config.erasuresFile, receipts);
    const config = readConfig({ VINCULUM_DATA: join(scratch, 'restored'), PORT: '0' });
    await restore({ file: backup, secret: { identity }, config, erasures: receipts });
    const restored = new TestService(await startService(config), async () => undefined, []);
    try {
      await expectErased(restored);
    } finally {
      await restored.stop();
    }
  });
});
