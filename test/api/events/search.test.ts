import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { createEventNames } from '../../../api/events/names.ts';
import { recordDue } from '../../../api/events/record.ts';
import { createEvents } from '../../../api/events/search.ts';
import { createSecrets } from '../../../api/query/secrets.ts';
import type { Store, Transaction } from '../../../api/store/store.ts';
import { fromHex } from '../../../core/bytes.ts';
import type { Digest } from '../../../core/chain/types.ts';
import type { ComposedEntry } from '../../../core/envelope/envelope.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import type { AccessEntry } from '../../../core/privacy/accessLog.ts';
import { type Attester, type Reply, sharedService, type TestService } from '../fixture.ts';
import { signInAlone } from '../privacy/world.ts';
import { person } from '../titles/acting.ts';

const hashOf = (bytes = randomBytes(32)) => `ni:///sha-256;${bytes.toString('hex')}?ver=CBV2.0`;
const newBatch = () => `batch:search.example:B-${randomBytes(6).toString('hex')}`;

describe('POST /v1/events/search', function () {
  this.timeout(60_000);
  let test: TestService;
  let supplier: Attester;
  let maker: Attester;
  let curious: Attester;
  let tokens: Map<Attester, string>;
  before(async () => {
    test = await sharedService();
    supplier = await test.admit('Supplier of events', ['supplier']);
    maker = await test.admit('Maker of events', ['manufacturer']);
    curious = await test.admit('Curious of events', ['supplier']);
    tokens = new Map();
    for (const one of [supplier, maker, curious]) tokens.set(one, await test.signIn(one));
  });

  const produced = (by: Attester, batch: string, sealed: Record<string, string>): ComposedEntry =>
    test.compose(by, batch, {
      kind: 'batch.produced',
      time: '2024-03-01',
      data: {
        bizStep: 'commissioning',
        manufacturerId: 'search.example',
        batchId: batch.split(':')[2] ?? '',
        manufacturerPartId: 'P-1',
        nameAtManufacturer: 'Door',
        productionDate: '2024-03-01',
      },
      sealed,
    });
  const received = (by: Attester, batch: string, sealed: Record<string, string>): ComposedEntry =>
    test.compose(by, batch, {
      kind: 'batch.received',
      time: '2024-03-02',
      data: { bizStep: 'receiving', by: 'maker.example', accepted: true },
      sealed,
    });
  const search = (by: Attester, body: object): Promise<Reply> =>
    test.post('/v1/events/search', body, { token: tokens.get(by) });
  const found = async (by: Attester, hash: string) => {
    const reply = await search(by, { hashes: [hash] });
    expect(reply.status, reply.text).to.equal(200);
    return reply.body.hashes[0];
  };
  const own = (entry: ComposedEntry, identifier: string, more: object = {}) => ({
    digest: entry.entry.digest,
    identifier,
    kind: 'batch.produced',
    anchored: true,
    amended: null,
    ...more,
  });
  const nothing = (hash: string) => ({ hash, own: [], others: [] });
  async function logOf(batch: string): Promise<AccessEntry[]> {
    const subject = fromHex(test.subject(parseIdentifier(batch)), 32);
    const rows = await test.service.services.store.query<{ entry: AccessEntry }>(
      'SELECT entry FROM access_entries WHERE subject = $1 ORDER BY position',
      [subject],
    );
    return rows.map(({ entry }) => entry);
  }
  const erase = async (target: object) => {
    const options = { token: test.service.operatorToken };
    const planned = await test.post('/v1/erasures', { target, basis: 'request' }, options);
    const agreed = { target, basis: 'request', dryRun: false, plan: planned.body.plan.id };
    expect((await test.post('/v1/erasures', agreed, options)).status).to.equal(200);
  };
  /** Something is done while entries are not on the ledger, as after a reorganisation. */
  async function withoutLinks(entry: ComposedEntry, work: () => Promise<void>): Promise<void> {
    const { store } = test.service.services;
    const digest = fromHex(entry.entry.digest, 32);
    await store.execute(
      'CREATE TABLE links_aside AS SELECT * FROM links WHERE digest = $1'.replace(
        '$1',
        `'\\x${Buffer.from(digest).toString('hex')}'`,
      ),
    );
    await store.execute('DELETE FROM links WHERE digest = $1', [digest]);
    try {
      await work();
    } finally {
      await store.execute('INSERT INTO links SELECT * FROM links_aside');
      await store.execute('DROP TABLE links_aside');
    }
  }

  it('takes as many ids as it says, as long as they may be', async () => {
    const ids = Array.from({ length: 1_000 }, (_, index) => String(index).padStart(1_024, 'é'));
    const reply = await search(supplier, { ids });
    expect(reply.status, reply.text.slice(0, 300)).to.equal(200);
    expect(reply.body.ids).to.have.length(1_000);
    expect((await search(supplier, { ids: [...ids, 'one'] })).body.code).to.equal('request.invalid');
  });

  it('finds an organisation’s own entries by hash and by id, and says which are on the ledger', async () => {
    const [hash, batch] = [hashOf(), newBatch()];
    const entry = produced(supplier, batch, { eventId: 'urn:uuid:own-1', eventHash: hash });
    await test.record(supplier, [entry]);
    const reply = await search(supplier, {
      hashes: [hashOf(Buffer.alloc(32, 1)), hash, hash.replace(/;[0-9a-f]+/, (hex) => hex.toUpperCase())],
      ids: ['urn:uuid:own-1', 'urn:uuid:OWN-1'],
    });
    expect(reply.status, reply.text).to.equal(200);
    const answer = { hash, own: [own(entry, batch)], others: [] };
    expect(reply.body).to.deep.equal({
      hashes: [nothing(hashOf(Buffer.alloc(32, 1))), answer, answer],
      ids: [
        { id: 'urn:uuid:own-1', own: [own(entry, batch)] },
        { id: 'urn:uuid:OWN-1', own: [] },
      ],
      truncated: false,
    });
    expect(reply.headers.get('Cache-Control')).to.equal('private, no-store');
    await withoutLinks(entry, async () => {
      expect((await found(supplier, hash)).own).to.deep.equal([own(entry, batch, { anchored: false })]);
    });
  });

  it('tells two organisations of each other once both have the event on the ledger', async () => {
    const [hash, batch] = [hashOf(), newBatch()];
    const sent = produced(supplier, batch, { eventId: 'urn:uuid:a', eventHash: hash });
    await test.record(supplier, [sent]);
    expect(await found(maker, hash)).to.deep.equal(nothing(hash));
    const got = received(maker, batch, { eventId: 'their own id', eventHash: hash });
    await test.record(maker, [got]);
    expect((await found(maker, hash)).others).to.deep.equal([
      { organisation: supplier.id.toString(), digest: sent.entry.digest },
    ]);
    expect(await found(supplier, hash)).to.deep.equal({
      hash,
      own: [own(sent, batch)],
      others: [{ organisation: maker.id.toString(), digest: got.entry.digest }],
    });
    // By its id, an event finds one's own entry alone.
    const byId = await search(maker, { ids: ['urn:uuid:a', 'their own id'] });
    expect(byId.body.ids.map(({ own: { length } }: { own: object[] }) => length)).to.deep.equal([0, 1]);
    // Neither counts for the other while it is not on the ledger.
    await withoutLinks(got, async () => {
      expect((await found(maker, hash)).others).to.deep.equal([]);
      expect((await found(supplier, hash)).others).to.deep.equal([]);
    });
  });

  it('tells who guesses nothing: the same answer, by the same work, and nothing in the log', async () => {
    const [hash, unknown, batch] = [hashOf(), hashOf(), newBatch()];
    await test.record(supplier, [produced(supplier, batch, { eventId: 'urn:uuid:g', eventHash: hash })]);
    const guessed = await search(curious, { hashes: [hash], ids: ['urn:uuid:g'] });
    const missed = await search(curious, { hashes: [unknown], ids: ['urn:uuid:h'] });
    const same = (reply: Reply, of: string, id: string) => reply.text.replace(of, 'X').replace(id, 'Y');
    expect(same(guessed, hash, 'urn:uuid:g')).to.equal(same(missed, unknown, 'urn:uuid:h'));
    expect(guessed.headers.get('Content-Length')).to.equal(missed.headers.get('Content-Length'));
    expect(await logOf(batch)).to.deep.equal([]);

    const { store, keyring, pipeline } = test.service.services;
    const work: [string, number][] = [];
    const watched = (transaction: Transaction): Transaction => ({
      ...transaction,
      query: async (sql: string, parameters?: never) => {
        const rows = await transaction.query(sql, parameters);
        work.push([sql, rows.length]);
        return rows as never;
      },
      execute: (sql, parameters) => {
        work.push([sql, 0]);
        return transaction.execute(sql, parameters);
      },
    });
    const events = createEvents({
      store: {
        transaction: (run: (transaction: Transaction) => Promise<unknown>) =>
          store.transaction((transaction) => run(watched(transaction))),
      } as unknown as Store,
      secrets: createSecrets(keyring),
      names: createEventNames(keyring),
      ownLedger: () => pipeline.ownLedger(),
    });
    const worked = async (one: string) => {
      work.length = 0;
      await events.search(curious.id, { hashes: [one], ids: [] }, 'test');
      return [...work];
    };
    const before = await worked(unknown);
    expect(before).to.have.length(1);
    expect(await worked(hash)).to.deep.equal(before);
  });

  it('opens others’ entries to a guess only where it stands on the ledger, for all to hold against who made it', async () => {
    const [hash, batch] = [hashOf(), newBatch()];
    const entry = produced(supplier, batch, { eventHash: hash });
    await test.record(supplier, [entry]);
    const staked = produced(curious, newBatch(), { eventHash: hash });
    await test.record(curious, [staked]);
    expect((await found(curious, hash)).others).to.deep.equal([
      { organisation: supplier.id.toString(), digest: entry.entry.digest },
    ]);
    // And whoever was guessed is told who did it.
    expect((await found(supplier, hash)).others).to.deep.equal([
      { organisation: curious.id.toString(), digest: staked.entry.digest },
    ]);
  });

  it('logs each entry that it finds as a reading of its sealed name', async () => {
    const [hash, batch] = [hashOf(), newBatch()];
    const [sent, got] = [
      produced(supplier, batch, { eventId: 'urn:uuid:logged', eventHash: hash }),
      received(maker, batch, { eventHash: hash }),
    ];
    await test.record(supplier, [sent]);
    await test.record(maker, [got]);
    await search(supplier, { hashes: [hash], ids: ['urn:uuid:logged'] });
    const log = await logOf(batch);
    expect(
      log.map(({ reader, route, purpose, consent, shown }) => ({ reader, route, purpose, consent, shown })),
    ).to.deep.equal([
      {
        reader: `organisation:${supplier.id}`,
        route: 'searchEvents',
        purpose: 'attester',
        consent: null,
        shown: [{ digest: sent.entry.digest, fields: ['eventHash', 'eventId'] }],
      },
      {
        reader: `organisation:${supplier.id}`,
        route: 'searchEvents',
        purpose: 'match',
        consent: null,
        shown: [{ digest: got.entry.digest, fields: ['eventHash'] }],
      },
    ]);
  });

  it('finds one event under several ids by its hash', async () => {
    const [hash, batch] = [hashOf(), newBatch()];
    const entries = ['urn:uuid:first', 'urn:uuid:second'].map((eventId) =>
      produced(supplier, batch, { eventId, eventHash: hash }),
    );
    await test.record(supplier, entries);
    const digests = entries.map(({ entry }) => entry.digest);
    const ownOf = (answer: { own: { digest: string }[] }) => answer.own.map(({ digest }) => digest);
    expect(ownOf(await found(supplier, hash)).sort()).to.deep.equal([...digests].sort());
    const byId = await search(supplier, { ids: ['urn:uuid:first', 'urn:uuid:second'] });
    expect(byId.body.ids.flatMap(ownOf)).to.deep.equal(digests);
  });

  it('says what became of a corrected event, and finds the correction by the event that it was made from', async () => {
    const [wrong, right, batch] = [hashOf(), hashOf(), newBatch()];
    const entry = produced(supplier, batch, { eventHash: wrong });
    await test.record(supplier, [entry]);
    const amend = (data: object, sealed: Record<string, string> = {}) =>
      test.compose(supplier, batch, {
        kind: 'amended',
        time: '2024-03-05',
        data: {
          supersedes: entry.entry.digest,
          kind: 'batch.produced',
          kindVersion: 1,
          reason: 'other',
          ...data,
        },
        sealed,
      });
    const corrected = {
      bizStep: 'commissioning',
      manufacturerId: 'search.example',
      batchId: batch.split(':')[2] ?? '',
      manufacturerPartId: 'P-2',
      nameAtManufacturer: 'Door',
      productionDate: '2024-03-01',
    };
    const correction = amend({ time: '2024-03-01', data: corrected }, { eventHash: right });
    await test.record(supplier, [correction]);
    const digest = correction.entry.digest;
    expect((await found(supplier, wrong)).own).to.deep.equal([
      own(entry, batch, { amended: { digest, retracted: false } }),
    ]);
    expect((await found(supplier, right)).own).to.deep.equal([own(correction, batch, { kind: 'amended' })]);
    const retraction = amend({ retracted: true });
    await test.record(supplier, [retraction]);
    expect((await found(supplier, wrong)).own[0].amended).to.deep.equal({
      digest: retraction.entry.digest,
      retracted: true,
    });
  });

  it('forgets a name with its field, and all of them with the entry', async () => {
    const [hash, batch] = [hashOf(), newBatch()];
    const entry = produced(supplier, batch, { eventId: 'urn:uuid:gone', eventHash: hash });
    const { digest } = entry.entry;
    await test.record(supplier, [entry]);
    await test.record(maker, [received(maker, batch, { eventHash: hash })]);
    expect((await found(maker, hash)).others).to.have.length(1);
    await erase({ field: { digest, name: 'eventHash' } });
    expect(await found(supplier, hash)).to.deep.equal(nothing(hash));
    expect((await found(maker, hash)).others).to.deep.equal([]);
    const byId = async () => (await search(supplier, { ids: ['urn:uuid:gone'] })).body.ids[0].own;
    expect(await byId()).to.deep.equal([own(entry, batch)]);
    // Nor does it come back with the entry, handed in again.
    const again = await test.post('/v1/submissions', test.sign(supplier, [entry]));
    expect(again.body.code).to.equal('content.erased');
    expect(await found(supplier, hash)).to.deep.equal(nothing(hash));
    await erase({ entry: digest });
    expect(await byId()).to.deep.equal([]);
    const rows = await test.service.services.store.query('SELECT 1 AS one FROM events WHERE digest = $1', [
      fromHex(digest, 32),
    ]);
    expect(rows).to.deep.equal([]);
  });

  it('knows a name that comes later, with the entry handed in again', async () => {
    const [hash, batch] = [hashOf(), newBatch()];
    const entry = produced(supplier, batch, { eventId: 'urn:uuid:later', eventHash: hash });
    const closed = { ...entry, disclosures: [] } as ComposedEntry;
    await test.record(supplier, [closed]);
    expect(await found(supplier, hash)).to.deep.equal(nothing(hash));
    await test.record(supplier, [entry]);
    expect((await found(supplier, hash)).own.map(({ digest }: { digest: Digest }) => digest)).to.deep.equal([
      entry.entry.digest,
    ]);
  });

  it('names what was there before the table, once, and logs that it opened it', async () => {
    const [hash, batch] = [hashOf(), newBatch()];
    const entry = produced(supplier, batch, { eventId: 'urn:uuid:old', eventHash: hash, note: 'sealed too' });
    await test.record(supplier, [entry]);
    const { store, keyring, sealed } = test.service.services;
    const digest = fromHex(entry.entry.digest, 32);
    await store.execute('DELETE FROM events WHERE digest = $1', [digest]);
    await store.execute('INSERT INTO events_due VALUES ($1)', [digest]);
    const options = { store, sealed, secrets: createSecrets(keyring), names: createEventNames(keyring) };
    expect(await recordDue(options)).to.equal(1);
    expect(await recordDue(options)).to.equal(0);
    expect((await found(supplier, hash)).own).to.deep.equal([own(entry, batch)]);
    const [first] = await logOf(batch);
    expect(first).to.deep.include({
      reader: 'operator',
      route: 'nameEvents',
      shown: [{ digest: entry.entry.digest, fields: ['eventHash', 'eventId'] }],
    });
  });

  it('keeps neither hash nor id in the open', async () => {
    const hex = randomBytes(32).toString('hex');
    const [hash, id] = [`ni:///sha-256;${hex}?ver=CBV2.0`, `urn:uuid:${randomBytes(8).toString('hex')}`];
    await test.record(supplier, [produced(supplier, newBatch(), { eventId: id, eventHash: hash })]);
    const rows = await test.service.services.store.query<{ row: string }>(
      'SELECT row_to_json(events)::text AS row FROM events',
    );
    const text = rows.map(({ row }) => row).join('\n');
    expect(text).not.to.include(hex.slice(0, 16)).and.not.to.include(id);
  });

  it('is for signed-in organisations, counted by what is asked, up to 1,000 at once', async () => {
    expect((await test.post('/v1/events/search', { hashes: [hashOf()] })).status).to.equal(401);
    const alone = await signInAlone(test, person());
    const refused = await test.post('/v1/events/search', { hashes: [hashOf()] }, { token: alone });
    expect(refused.status, refused.text).to.be.oneOf([401, 403]);
    const remaining = (reply: Reply) =>
      Number(/"lookups"; r=(\d+)/.exec(reply.headers.get('RateLimit') ?? '')?.[1]);
    const one = remaining(await search(curious, { hashes: [hashOf()] }));
    const many = await search(curious, { hashes: Array.from({ length: 999 }, () => hashOf()), ids: ['x'] });
    expect(many.status, many.text).to.equal(200);
    expect(remaining(many)).to.equal(one - 1_000);
    for (const body of [
      {},
      { hashes: [] },
      { hashes: Array.from({ length: 1_000 }, () => hashOf()), ids: ['x'] },
      { ids: Array.from({ length: 1_001 }, () => 'x') },
      { hashes: ['ni:///sha-256;00?ver=CBV2.0'] },
      { hashes: [hashOf().replace('CBV2.0', 'CBV2.1')] },
      { ids: [''] },
    ]) {
      const reply = await search(curious, body);
      expect([reply.status, reply.body.code], JSON.stringify(body).slice(0, 80)).to.deep.equal([
        422,
        'request.invalid',
      ]);
    }
  });
});
