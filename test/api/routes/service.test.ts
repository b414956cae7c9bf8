import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { readConfig } from '../../../api/config.ts';
import { startService } from '../../../api/server.ts';
import { fromBase64Url } from '../../../core/bytes.ts';
import { canonicalJson } from '../../../core/canonical.ts';
import { digestOf, openBlock } from '../../../core/envelope/block.ts';
import { expectCode } from '../../expectCode.ts';
import { type Attester, sharedService, type TestService } from '../fixture.ts';

describe('the service', () => {
  let test: TestService;
  let workshop: Attester;
  before(async function () {
    this.timeout(60_000);
    test = await sharedService();
    workshop = await test.admit('Listed workshop', ['workshop']);
  });

  it('is healthy, and ready when all its parts are', async () => {
    expect((await test.get('/healthz')).body).to.include({ status: 'ok' });
    const { status, body } = await test.get('/readyz');
    expect(status).to.equal(200);
    expect(body).to.deep.include({
      ready: true,
      store: { ok: true },
      chain: { ok: true },
      documents: { ok: true },
    });
    expect(body.index).to.include({ ok: true, leading: true });
  });

  it('counts by route template, never by address', async () => {
    await test.get('/v1/vehicles/VF1DD000000000001');
    const { text, headers } = await test.get('/metrics');
    expect(headers.get('Content-Type')).to.match(/^text\/plain/);
    expect(text).to.match(
      /vinculum_http_request_seconds_count\{method="GET",route="\/v1\/vehicles\/\{id\}",status="200"\} \d+/,
    );
    expect(text).to.match(/^vinculum_indexed_block \d+$/m);
    expect(text).to.match(/^vinculum_pipeline_total\{what="acceptedSubmissions"\} \d+$/m);
    expect(text).not.to.include('VF1DD000000000001');
  });

  it('says where its ledger is', async () => {
    const { body } = await test.get('/v1/directory');
    const { deployment } = test.service.services;
    expect(body).to.include({ chainId: deployment.chainId.toString(), ledgerAddress: deployment.ledger });
    expect(body.links).to.have.length(1);
    expect(body.links[0]).to.include({
      change: 'added',
      ledger: deployment.ledger,
      pseudonymKey: body.pseudonymKey,
    });
    expect(body.rpc).to.equal(`${test.url}/rpc`);
  });

  it('lists organisations a page at a time', async () => {
    await test.admit('Another listed workshop', ['workshop']);
    const ids: string[] = [];
    let path = '/v1/organisations?limit=2';
    for (;;) {
      const { body } = await test.get(path);
      ids.push(...body.organisations.map(({ id }: { id: string }) => id));
      if (body.next === null) break;
      path = `/v1/organisations?limit=2&cursor=${body.next}`;
    }
    expect(ids).to.deep.equal(ids.map((_, index) => String(index + 1)));
    expect(ids).to.include(workshop.id.toString());
  });

  it('tells an organisation’s standing and its whole record', async () => {
    const { body } = await test.get(`/v1/organisations/${workshop.id}`);
    expect(body).to.deep.include({ id: workshop.id.toString(), status: 'good', signers: [workshop.signer] });
    expect(body.kinds).to.include('service').and.not.include('claim');
    expect(body.record.map(({ change }: { change: string }) => change)).to.deep.equal([
      'admitted',
      'kindsSet',
      'profileSet',
      'keyAdded',
    ]);
    expect(body.profile.names.en).to.equal('Listed workshop');
  });

  it('knows no organisation that was never admitted', async () => {
    for (const path of ['/v1/organisations/99999', '/v1/organisations/99999/nonce']) {
      const reply = await test.get(path);
      expect(reply.status).to.equal(404);
      expect(reply.body.code).to.equal('organisation.unknown');
    }
    expect((await test.get('/v1/organisations/0')).body.code).to.equal('request.invalid');
  });

  it('keeps no profile but the one on the ledger', async () => {
    const raw = { content: '{"names":{"en":"Impostor"}}', type: 'application/json' };
    const reply = await test.request('PUT', `/v1/organisations/${workshop.id}/profile`, { raw });
    expect(reply.status).to.equal(422);
    expect(reply.body.code).to.equal('profile.mismatch');
    const large = { content: 'x'.repeat(70_000), type: 'application/json' };
    const refused = await test.request('PUT', `/v1/organisations/${workshop.id}/profile`, { raw: large });
    expect(refused.body.code).to.equal('request.tooLarge');
  });

  it('forgets no report that it has made for a profile that is here already', async () => {
    const { body } = await test.get(`/v1/organisations/${workshop.id}`);
    const raw = { content: canonicalJson(body.profile), type: 'application/json' };
    const report = async (): Promise<string> =>
      (await test.get('/v1/vehicles/VF1DD000000000009/report')).text;
    const before = await report();
    // The time of making is told to the second.
    await sleep(1_100);
    const kept = await test.request('PUT', `/v1/organisations/${workshop.id}/profile`, { raw });
    expect(kept.status).to.equal(200);
    expect(await report()).to.equal(before);
  });

  it('exports to its operator every key and block, and each opens its block', async () => {
    const data = { odometer: { value: 5, unit: 'KMT', source: 'workshop' } };
    const entry = test.compose(workshop, 'VF1DD000000000002', {
      kind: 'odometer',
      time: '2024-01-01',
      data,
      sealed: { operatorName: 'Dana' },
    });
    await test.record(workshop, [entry]);
    const token = test.service.operatorToken;
    const lines = async (what: string): Promise<Record<string, unknown>[]> => {
      const { text, headers, status } = await test.get(`/v1/operator/export/${what}`, { token });
      expect(status).to.equal(200);
      expect(headers.get('Content-Type')).to.match(/^application\/x-ndjson/);
      return text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    };
    const keys = await lines('keys');
    const blocks = new Map(
      (await lines('blocks')).map(({ digest, block }) => [digest, fromBase64Url(String(block))]),
    );
    expect(keys).to.deep.include({
      digest: entry.entry.digest,
      key: Buffer.from(entry.key).toString('base64url'),
      disclosures: [...entry.disclosures],
    });
    for (const { digest, key } of keys) {
      const block = blocks.get(digest);
      expect(block === undefined ? '' : digestOf(block)).to.equal(digest);
      if (block !== undefined) openBlock(block, fromBase64Url(String(key)));
    }
    // A profile is a block too, without a key: it is public.
    expect(blocks.size).to.be.greaterThan(keys.length);
    expect((await test.get('/v1/operator/export/keys')).body.code).to.equal('auth.required');
  });

  it('keeps its operator’s token and its keys to their owner', async () => {
    for (const file of ['operator-token', 'keyring.json']) {
      const { mode } = await stat(join(test.service.config.dataFolder, file));
      expect(mode & 0o777, file).to.equal(0o600);
    }
  });

  it('serves its page with nothing from elsewhere, and no script in the markup', async () => {
    const page = await test.get('/');
    expect(page.status).to.equal(200);
    const policy = page.headers.get('Content-Security-Policy') ?? '';
    expect(policy).to.include("script-src 'self';").and.not.include('unsafe');
    // Readers choose whom they ask: the one directive that is open.
    expect(policy.split('; ').filter((directive) => directive.includes('*'))).to.deep.equal([
      'connect-src *',
    ]);
    expect(page.text).not.to.match(/<script(?![^>]*\ssrc="\.\/assets\/)/);
    expect(page.text).not.to.match(/ on\w+="|style="|https?:\/\//);
    const [, script = ''] = /src="\.(\/assets\/[^"]+)"/.exec(page.text) ?? [];
    const asset = await test.get(script);
    expect(asset.status).to.equal(200);
    expect(asset.headers.get('Cache-Control')).to.include('immutable');
    expect((await test.get('/assets/../index.html')).status).to.equal(404);
    expect((await test.get('/assets/none.js')).body.code).to.equal('request.unknownRoute');
  });

  it('is alone on its data folder', () => expectCode('data.inUse', () => startService(test.service.config)));

  it('says so when its port is taken, and leaves nothing open', async function () {
    this.timeout(60_000);
    const port = new URL(test.url).port;
    const folder = await mkdtemp(join(tmpdir(), 'vinculum-port-'));
    const config = readConfig({ VINCULUM_DATA: folder, PORT: port });
    try {
      await expectCode('listen.portInUse', () => startService(config));
      const second = await startService(config, { nextFreePort: true });
      try {
        expect(Number(new URL(second.url).port)).to.be.greaterThan(Number(port));
      } finally {
        await second.stop();
      }
      const third = await startService({ ...config, port: 0 });
      expect(third.services.deployment).to.deep.equal(second.services.deployment);
      await third.stop();
      await third.stop();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
