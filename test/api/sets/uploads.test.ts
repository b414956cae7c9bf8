import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { createNodes } from '../../../api/graph/nodes.ts';
import { asProblem } from '../../../api/problem.ts';
import { createSecrets } from '../../../api/query/secrets.ts';
import { createSets } from '../../../api/query/sets.ts';
import { createKeeper, type SetEntry } from '../../../api/sets/keeper.ts';
import { createUploads } from '../../../api/sets/uploads.ts';
import type { Store } from '../../../api/store/store.ts';
import { fromHex, type Hex, toBase64Url } from '../../../core/bytes.ts';
import type { Digest } from '../../../core/chain/types.ts';
import type { ComposedEntry } from '../../../core/envelope/envelope.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { verifyProof } from '../../../core/tree/proof.ts';
import { buildTree } from '../../../core/tree/tree.ts';
import { type Attester, sharedService, type TestService } from '../fixture.ts';

const CHUNK = 1_000;

describe('sets in chunks', () => {
  let test: TestService;
  let supplier: Attester;
  let token: string;
  let batches = 0;

  before(async function () {
    this.timeout(60_000);
    test = await sharedService();
    supplier = await test.admit('Chunks', ['supplier']);
    token = await test.signIn(supplier);
  });

  const serialsOf = (batch: number, count: number): string[] =>
    Array.from({ length: count }, (_, index) => `serial:chunks.example:B${batch}-${index}`);

  type Batch = {
    readonly entry: ComposedEntry;
    readonly serials: readonly string[];
    readonly key: Buffer;
    readonly root: Hex;
  };

  /** A batch on the ledger whose envelope names the root of so many serials. */
  async function produced(count: number, named = count): Promise<Batch> {
    const number = ++batches;
    const serials = serialsOf(number, count);
    const key = randomBytes(32);
    const { root } = buildTree(
      key,
      serials.map((serial) => parseIdentifier(serial)),
    );
    const entry = test.compose(supplier, `batch:chunks.example:B${number}`, {
      kind: 'batch.produced',
      time: '2024-01-19',
      data: {
        bizStep: 'commissioning',
        manufacturerId: 'chunks.example',
        manufacturerPartId: 'C-1',
        batchId: `B${number}`,
        nameAtManufacturer: 'Cell',
        productionDate: '2024-01-19',
        serials: { serialsRoot: root, count: named, treeKey: toBase64Url(key) },
      },
    });
    await test.record(supplier, [entry]);
    return { entry, serials, key, root };
  }

  const place = ({ entry }: Batch): string => `/v1/sets/${entry.entry.digest}`;
  const put = (batch: Batch, number: number, lines: readonly string[], by = token) =>
    test.request('PUT', `${place(batch)}/chunks/${number}`, {
      raw: { content: lines.join('\n'), type: 'text/plain' },
      token: by,
    });
  const complete = (batch: Batch, chunks: number) =>
    test.post(`${place(batch)}/complete`, { chunks }, { token });
  const state = async (batch: Batch) => (await test.get(place(batch), { token })).body;
  const chunk = (batch: Batch, number: number) => batch.serials.slice(number * CHUNK, (number + 1) * CHUNK);
  const listed = async (serial: string): Promise<string[]> => {
    const [, maker, number] = serial.split(':');
    const { body } = await test.get(`/v1/serials/${maker}/${number}/batches`);
    return body.batches.map(({ identifier }: { identifier: string }) => identifier);
  };
  const rows = async (table: string, batch: Batch): Promise<number> => {
    const found = await test.service.services.store.query(`SELECT 1 FROM ${table} WHERE digest = $1`, [
      fromHex(batch.entry.entry.digest, 32),
    ]);
    return found.length;
  };

  it('come in any order, again, and are shown only when they are whole', async function () {
    this.timeout(30_000);
    const batch = await produced(4_500);
    expect(await state(batch)).to.deep.include({ state: 'absent', count: 4_500, members: 0, chunks: [] });
    for (const number of [3, 0, 4, 0])
      expect((await put(batch, number, chunk(batch, number))).status).to.equal(200);
    expect(await state(batch)).to.deep.include({
      state: 'receiving',
      members: 2_500,
      chunks: [
        [0, 0],
        [3, 4],
      ],
    });
    const early = await complete(batch, 5);
    expect(early.body).to.include({ status: 409, code: 'set.incomplete' });
    expect(early.body.missing).to.deep.equal([[1, 2]]);
    expect(await listed(batch.serials[7] ?? '')).to.deep.equal([]);
    expect(await rows('serials', batch)).to.equal(0);
    for (const number of [2, 1]) await put(batch, number, chunk(batch, number));
    const done = await complete(batch, 5);
    expect(done.body).to.deep.include({ state: 'stored', members: 4_500, problem: null });
    expect(await rows('set_chunks', batch)).to.equal(0);
    expect(await rows('serials', batch)).to.equal(4_500);
    for (const index of [0, 7, 999, 1_000, 4_499]) {
      expect(await listed(batch.serials[index] ?? '')).to.deep.equal([`batch:chunks.example:B${batches}`]);
    }
    expect(await listed('serial:chunks.example:other')).to.deep.equal([]);

    // Again: nothing happens.
    expect((await put(batch, 0, chunk(batch, 1))).body.state).to.equal('stored');
    expect((await complete(batch, 1)).body.state).to.equal('stored');
    expect(await rows('set_chunks', batch)).to.equal(0);
  });

  it('prove of one bucket each, and give all members back', async function () {
    this.timeout(30_000);
    const batch = await produced(3_000);
    for (const number of [0, 1, 2]) await put(batch, number, chunk(batch, number));
    await complete(batch, 3);
    const { sets } = test.service.services;
    const digest = batch.entry.entry.digest;
    const content = { block: toBase64Url(batch.entry.block), key: toBase64Url(batch.entry.key) };
    expect(await rows('set_buckets', batch)).to.be.within(12, 32);
    for (const serial of [batch.serials[0], batch.serials[2_999], 'serial:chunks.example:other']) {
      const identifier = parseIdentifier(serial ?? '');
      const proof = await sets.prove(digest, content, identifier);
      const expected = batch.serials.includes(serial ?? '') ? 'in' : 'out';
      expect(verifyProof(batch.root, batch.key, identifier, proof)).to.equal(expected);
    }
    expect(await sets.prove(digest, content, parseIdentifier('vin:VF1AA000000000010'))).to.equal(null);
    const found: string[] = [];
    for await (const some of sets.members(digest)) found.push(...some);
    expect(found.sort()).to.deep.equal([...batch.serials].sort());
  });

  it('are refused with a code where they are not the set, and may be given anew', async function () {
    this.timeout(30_000);
    const batch = await produced(2_000);
    await put(batch, 0, chunk(batch, 0));
    await put(batch, 1, [...chunk(batch, 1).slice(1), 'serial:chunks.example:foreign']);
    const mismatch = await complete(batch, 2);
    expect(mismatch.body.state).to.equal('failed');
    expect(mismatch.body.problem.code).to.equal('set.mismatch');
    expect(await rows('set_chunks', batch)).to.equal(0);
    expect(await rows('set_buckets', batch)).to.equal(0);
    expect(await listed(batch.serials[3] ?? '')).to.deep.equal([]);

    const [first = '', ...others] = chunk(batch, 1);
    await put(batch, 0, chunk(batch, 0));
    await put(batch, 1, [batch.serials[5] ?? '', ...others]);
    const duplicate = (await complete(batch, 2)).body;
    expect(duplicate.problem.code).to.equal('tree.duplicate');
    expect(duplicate.problem.facts).to.deep.equal({
      duplicates: 1,
      members: [{ identifier: batch.serials[5], chunks: [0, 1] }],
    });

    await put(batch, 0, chunk(batch, 0));
    await put(batch, 1, ['serial:chunks.example:a b', ...others]);
    expect((await complete(batch, 2)).body.problem).to.deep.include({ code: 'identifier.value' });
    await put(batch, 0, chunk(batch, 0));
    await put(batch, 1, ['vin:VF1AA000000000010', ...others]);
    expect((await complete(batch, 2)).body.problem.facts).to.deep.include({ chunk: 1, line: 1 });

    await put(batch, 1, [first, ...others]);
    expect(await state(batch)).to.deep.include({ state: 'receiving', problem: null, members: 1_000 });
    await put(batch, 0, chunk(batch, 0));
    expect((await complete(batch, 2)).body.state).to.equal('stored');
  });

  it('can be begun anew, and stay once they are stored', async () => {
    const batch = await produced(2_000);
    await put(batch, 1, chunk(batch, 1));
    const abandon = () => test.request('DELETE', `${place(batch)}/chunks`, { token });
    expect((await abandon()).body).to.deep.include({ state: 'absent', chunks: [] });
    await put(batch, 0, chunk(batch, 0));
    await put(batch, 1, chunk(batch, 1));
    expect((await complete(batch, 2)).body.state).to.equal('stored');
    expect((await abandon()).body.state).to.equal('stored');
    expect(await listed(batch.serials[0] ?? '')).to.have.length(1);
  });

  it('are for the attester alone, of entries that name a set', async () => {
    const batch = await produced(10);
    const stranger = await test.signIn(await test.admit('Stranger', ['supplier']));
    expect((await put(batch, 0, batch.serials, stranger)).body.code).to.equal('auth.forbidden');
    expect((await test.get(place(batch), { token: stranger })).body.code).to.equal('auth.forbidden');
    expect((await test.get(place(batch))).body.code).to.equal('auth.required');
    const unknown = await test.request('PUT', `/v1/sets/0x${'cd'.repeat(32)}/chunks/0`, {
      raw: { content: 'serial:a:b', type: 'text/plain' },
      token,
    });
    expect(unknown.body.code).to.equal('set.unknownEntry');
  });

  it('are bounded', async () => {
    const batch = await produced(10);
    const long = 'x'.repeat(300);
    for (const lines of [[''], ['', 'serial:a:b'], ['serial:a:ü'], ['serial:a:b\r'], [long]]) {
      expect((await put(batch, 0, lines)).body.code, JSON.stringify(lines)).to.equal('set.malformed');
    }
    const many = Array.from({ length: 50_001 }, (_, index) => `serial:a:${index}`);
    expect((await put(batch, 0, many)).body.code).to.equal('set.malformed');
    expect((await put(batch, 0, many.slice(0, 11))).body.code).to.equal('set.tooMany');
    expect(
      (await put(batch, 0, ['x'.repeat(200)].concat(Array(30_000).fill('y'.repeat(200))))).body.code,
    ).to.equal('request.tooLarge');
    expect((await put(batch, 99_999, batch.serials)).body.code).to.equal('set.tooMany');
    expect((await put(batch, -1, batch.serials)).body.code).to.equal('request.invalid');
    expect((await test.post(`${place(batch)}/complete`, { chunks: -1 }, { token })).body.code).to.equal(
      'request.invalid',
    );
    // An envelope that says another number than its root has.
    const wrong = await produced(10, 11);
    await put(wrong, 0, wrong.serials);
    expect((await complete(wrong, 1)).body.problem.code).to.equal('set.mismatch');
    const huge = await produced(10, 20_000_000);
    expect((await put(huge, 0, huge.serials)).body.code).to.equal('set.tooLarge');
  });

  it('are gone on with by another process when one dies while it checks', async function () {
    this.timeout(30_000);
    const { store, keyring } = test.service.services;
    const batch = await produced(3_000);
    for (const number of [0, 1, 2]) await put(batch, number, chunk(batch, number));
    const nodes = createNodes(keyring);
    const keeper = createKeeper({ store, keyring, nodes, secrets: createSecrets(keyring) });
    let written = 0;
    // Dies after the first buckets were written.
    const dying = createUploads({
      store,
      keyring,
      keeper: {
        ...keeper,
        write: async (entry: SetEntry, buckets) => {
          await keeper.write(entry, buckets.slice(0, 3));
          written += 3;
          throw new Error('killed');
        },
      },
    });
    const digest = batch.entry.entry.digest as Digest;
    expect((await dying.complete(supplier.id, digest, 3)).state).to.equal('checking');
    expect(written).to.equal(3);
    expect(await rows('set_buckets', batch)).to.equal(3);
    expect(await rows('sets', batch)).to.equal(0);
    expect(await listed(batch.serials[0] ?? '')).to.deep.equal([]);
    expect((await put(batch, 0, chunk(batch, 0))).body.code).to.equal('set.checking');

    await test.service.services.sets.sweep();
    await test.until(async () => (await state(batch)).state === 'stored');
    expect(await rows('serials', batch)).to.equal(3_000);
    const proof = await test.service.services.sets.prove(
      digest,
      { block: toBase64Url(batch.entry.block), key: toBase64Url(batch.entry.key) },
      parseIdentifier(batch.serials[1_234] ?? ''),
    );
    expect(verifyProof(batch.root, batch.key, parseIdentifier(batch.serials[1_234] ?? ''), proof)).to.equal(
      'in',
    );
  });

  it('come in one request without a moment at which they could be thrown away', async function () {
    this.timeout(30_000);
    const { store, keyring, sets: others } = test.service.services;
    for (const count of [1_000, 2_500]) {
      const batch = await produced(count);
      const digest = batch.entry.entry.digest as Digest;
      // Whenever something was written, somebody says that it is to be thrown away.
      const codes = new Set<string>();
      const meddling: Store = {
        ...store,
        transaction: async (work, options) => {
          const result = await store.transaction(work, options);
          await others.abandon(supplier.id, digest).catch((error) => codes.add(asProblem(error).code));
          return result;
        },
      };
      const secrets = createSecrets(keyring);
      const sets = createSets({ store: meddling, keyring, secrets, nodes: createNodes(keyring) });
      await sets.put(supplier.id, digest, batch.serials);
      expect([...codes]).to.deep.equal(count > 2_000 ? ['set.checking'] : []);
      expect(await rows('serials', batch)).to.equal(count);
      const content = { block: toBase64Url(batch.entry.block), key: toBase64Url(batch.entry.key) };
      for (const index of [0, 499, count - 1]) {
        const identifier = parseIdentifier(batch.serials[index] ?? '');
        const proof = await sets.prove(digest, content, identifier);
        expect(verifyProof(batch.root, batch.key, identifier, proof)).to.equal('in');
      }
      await sets.close();
    }
  });

  it('in one request are refused before they are looked at, where they are not as many as the entry says', async () => {
    const whole = async (batch: Batch, members: readonly string[]) => {
      const { status, body } = await test.request('PUT', place(batch), { token, body: { members } });
      return [status, body.code];
    };
    const batch = await produced(3_000);
    for (const members of [batch.serials.slice(1), batch.serials.slice(0, 3)]) {
      expect(await whole(batch, members)).to.deep.equal([422, 'set.mismatch']);
    }
    expect(await rows('set_uploads', batch)).to.equal(0);
    const twice = [...batch.serials, batch.serials[7] ?? ''];
    expect(await whole(batch, twice)).to.deep.equal([422, 'tree.duplicate']);
    const foreign = [...batch.serials.slice(1), 'serial:chunks.example:foreign'];
    expect(await whole(batch, foreign)).to.deep.equal([422, 'set.mismatch']);
    expect(await rows('set_buckets', batch)).to.equal(0);
    expect(await whole(batch, batch.serials)).to.deep.equal([200, undefined]);
    const huge = await produced(10, 1_000_000_000);
    expect(await whole(huge, huge.serials)).to.deep.equal([413, 'set.tooLarge']);
  });

  it('are thrown away when nobody has touched them for a week', async () => {
    const batch = await produced(2_000);
    await put(batch, 0, chunk(batch, 0));
    const { store, sets } = test.service.services;
    await sets.sweep();
    expect(await rows('set_chunks', batch)).to.equal(1);
    await store.execute(`UPDATE set_uploads SET touched_at = now() - interval '8 days' WHERE digest = $1`, [
      fromHex(batch.entry.entry.digest, 32),
    ]);
    await sets.sweep();
    expect(await rows('set_chunks', batch)).to.equal(0);
    expect(await state(batch)).to.deep.include({ state: 'absent' });
  });

  it('leave others their turn while they are checked', async function () {
    this.timeout(60_000);
    const batch = await produced(20_000);
    const lines = (number: number) => batch.serials.slice(number * 5_000, (number + 1) * 5_000);
    for (const number of [0, 1, 2, 3]) await put(batch, number, lines(number));
    let answered = 0;
    let done = false;
    const finished = complete(batch, 4).then((reply) => {
      done = true;
      return reply;
    });
    while (!done) {
      expect((await test.get('/healthz')).status).to.equal(200);
      if (!done) answered += 1;
    }
    expect((await finished).body.state).to.equal('stored');
    expect(answered).to.be.at.least(3);
  });

  it('hold nothing in the clear', async () => {
    const batch = await produced(2_500);
    await put(batch, 0, chunk(batch, 0));
    const { store } = test.service.services;
    const digest = fromHex(batch.entry.entry.digest, 32);
    const [row] = await store.query<{ wrapped: Uint8Array }>(
      'SELECT wrapped FROM set_chunks WHERE digest = $1',
      [digest],
    );
    expect(Buffer.from(row?.wrapped ?? []).includes('chunks.example')).to.equal(false);
    await put(batch, 1, chunk(batch, 1));
    await put(batch, 2, chunk(batch, 2));
    await complete(batch, 3);
    for (const { wrapped } of await store.query<{ wrapped: Uint8Array }>(
      'SELECT wrapped FROM set_buckets WHERE digest = $1',
      [digest],
    )) {
      expect(Buffer.from(wrapped).includes('chunks')).to.equal(false);
    }
  });
});
