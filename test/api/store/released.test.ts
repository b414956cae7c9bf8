import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { Encrypter } from 'age-encryption';
import { expect } from 'chai';
import { FIRST_LINE, frame, jsonFrame } from '../../../api/backup/frames.ts';
import { restore } from '../../../api/backup/restore.ts';
import { backedUpTables } from '../../../api/backup/tables.ts';
import { readConfig } from '../../../api/config.ts';
import { createNodes } from '../../../api/graph/nodes.ts';
import { type Keyring, openKeyring } from '../../../api/keyring/keyring.ts';
import { createSecrets } from '../../../api/query/secrets.ts';
import { createSets, type Sets } from '../../../api/query/sets.ts';
import { migrate, schemaVersion } from '../../../api/store/migrate.ts';
import { openPglite } from '../../../api/store/pglite.ts';
import { openPostgres } from '../../../api/store/postgres.ts';
import type { Store } from '../../../api/store/store.ts';
import { fromHex, toBase64Url, utf8 } from '../../../core/bytes.ts';
import type { Address, Digest, OrganisationId, Subject } from '../../../core/chain/types.ts';
import { type ComposedEntry, composeEntry } from '../../../core/envelope/envelope.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { verifyProof } from '../../../core/tree/proof.ts';
import { buildTree } from '../../../core/tree/tree.ts';
import { createSchema, onPostgres, temporaryFolder } from './stores.ts';

const migrationsFolder = new URL('../../../api/store/migrations/', import.meta.url);

/** Stores with these schemas are out there: each file stays as it is, and what is to change comes in a new one. */
const released = {
  '001-initial': '189efe022ad3135d5a95004cdb462bbf08f5f4ffdd11a26695383bd4da91b19c',
  '002-report-proofs': '13e041c227c96220ae443107bd7dc9f52c9096b49ec5272708bb5b39b1c27ee6',
  '003-titles': 'b9974dffc64eacfd7714bb78e8c95a0e6bc34403f99d9e98e0d57006a00020ca',
  '004-consents': '0fb224466a2aa390a82ec7c828e0f92ccc96a0ebfcbb0215b476c8aac573b856',
  '005-erasures': 'c6f92c22e7374a582772a9784e350c5b201d0080ecd628d4864a09fa4ab608d4',
  '006-revocations': '65e6b8fd94ad572424a5773651e9e24fdceca33af1f5b20f0738ec27ed953b76',
};

/** These are to be released next, and are among those above from then on. Until then a change goes with its digest. */
const next = {
  '007-sets': '9bd209acdd67dbb2b0f1096c66ce8fa5dc27cd3cf0f614e0644bd44994c7bf48',
  '008-graph': '81fbe289ff36fecc68a28d5fabdaca5818855f7184bce5e1807034e82a8807d8',
  '009-notices': '232a535144245d3cb6bee0d795bf685588f0ae72d58a80dc6ebb3ad062a77fce',
  '010-alerts': 'a14a30c5e1a890e82b827358eaee1d28f68ff549fb5e3479f8b0f972cd18a4a0',
  '011-scans': 'e70cfb48c226ed84126c6511e8417529e485479c3ca56e210447430bd2277559',
  '012-parts': 'c0858bf16a2ab4fe30d660b3b5323f43c1479f1ecb8fc135f8ac2af6089d5639',
  '013-events': '3800bd871e697b5dbfd61ee6ac0db777c8dabd0dd81a83a3108f29ddb58934e5',
  '014-watch': 'bf5d1dfeb1a3add8002d394654616fb2426291ced27325c41ad766c79021554e',
  '015-announcements': '6bb5369638b45a1a3b7d877ac95c7489dc0002675af78abd43485d78300545de',
  '016-made-sets': '0680e2c8872c12f43841a6b72f621f764333266edb7d8c11f82e6147cbd12b21',
  '017-scrapped': 'fa0a7191c80e78a5b14eb4536e0e859662349967c158741387690b6609d7c9f3',
  '018-handovers': 'b54edcc76362e4c744c9f6917089c83c6aaaf71c4ca3f8f52bbaecb8803916d7',
};

describe('migrations that were released', () => {
  it('are never changed again', async () => {
    const known = { ...released, ...next };
    expect(Object.keys(known)).to.have.length(schemaVersion);
    for (const [name, digest] of Object.entries(known)) {
      const text = (await readFile(new URL(`${name}.sql`, migrationsFolder), 'utf8')).replaceAll(
        '\r\n',
        '\n',
      );
      expect(createHash('sha256').update(text).digest('hex'), name).to.equal(digest);
    }
  });
});

describe('a store of schema 6', function () {
  this.timeout(120_000);
  const ledger = { chainId: 31337n, address: `0x${'11'.repeat(20)}` as Address };
  const maker = 7n as OrganisationId;

  type Batch = {
    readonly composed: ComposedEntry;
    readonly serials: readonly string[];
    readonly key: Buffer;
  };

  function batchOf(name: string, count: number): Batch {
    const serials = Array.from({ length: count }, (_, index) => `serial:early.example:${name}-${index}`);
    const key = randomBytes(32);
    const { root } = buildTree(
      key,
      serials.map((serial) => parseIdentifier(serial)),
    );
    const identifier = parseIdentifier(`batch:early.example:${name}`);
    const subject = `0x${createHash('sha256').update(name).digest('hex')}` as Subject;
    const composed = composeEntry(
      ledger,
      maker,
      { identifier, subject },
      {
        kind: 'batch.produced',
        time: '2024-01-19',
        data: {
          bizStep: 'commissioning',
          manufacturerId: 'early.example',
          manufacturerPartId: 'C-1',
          batchId: name,
          nameAtManufacturer: 'Cell',
          productionDate: '2024-01-19',
          serials: { serialsRoot: root, count, treeKey: toBase64Url(key) },
        },
      },
    );
    return { composed, serials, key };
  }

  /** An accepted entry, on the ledger. */
  async function insertEntry(store: Store, keyring: Keyring, { composed }: Batch): Promise<void> {
    const { entry, block, key } = composed;
    const digest = fromHex(entry.digest, 32);
    const subject = fromHex(entry.subject, 32);
    const name = Buffer.from(entry.digest.slice(2, 10), 'hex').readUInt16BE();
    await store.execute('INSERT INTO blocks (digest, body) VALUES ($1, $2)', [digest, block]);
    await store.execute('INSERT INTO block_keys (digest, wrapped) VALUES ($1, $2)', [
      digest,
      keyring.wrap('blockKey', key, digest),
    ]);
    await store.execute(
      `INSERT INTO links (ledger, subject, position, kind, organisation, timestamp, digest, head, block_number,
         log_index, transaction_hash) VALUES (0, $1, 0, 96, $2, 1, $3, $3, 1, $4, $3)`,
      [subject, maker, digest, name],
    );
  }

  /** What version 6 kept of a set. */
  async function insertSet(store: Store, keyring: Keyring, { composed, serials }: Batch): Promise<void> {
    const digest = fromHex(composed.entry.digest, 32);
    const wrapped = keyring.wrap('identifier', utf8(serials.join('\n')), digest);
    await store.execute('INSERT INTO sets (digest, organisation, wrapped) VALUES ($1, $2, $3)', [
      digest,
      maker,
      wrapped,
    ]);
    for (const serial of serials.slice(0, 5)) {
      await store.execute('INSERT INTO serials (serial, batch, digest) VALUES ($1, $2, $3)', [
        createHash('sha256').update(serial).digest(),
        fromHex(composed.entry.subject, 32),
        digest,
      ]);
    }
  }

  function setsOn(store: Store, keyring: Keyring): Sets {
    return createSets({ store, keyring, secrets: createSecrets(keyring), nodes: createNodes(keyring) });
  }

  async function expectStored(sets: Sets, { composed, serials, key }: Batch): Promise<void> {
    const digest = composed.entry.digest as Digest;
    while ((await sets.status(maker, digest)).state === 'checking') {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(await sets.status(maker, digest)).to.deep.include({ state: 'stored', members: serials.length });
    const content = { block: toBase64Url(composed.block), key: toBase64Url(composed.key) };
    const { root } = buildTree(
      key,
      serials.map((serial) => parseIdentifier(serial)),
    );
    const identifier = parseIdentifier(serials[3] ?? '');
    const proof = await sets.prove(digest, content, identifier);
    expect(verifyProof(root, key, identifier, proof)).to.equal('in');
    expect((await sets.batchesOf(identifier)).map((found) => found.digest)).to.deep.equal([digest]);
  }

  /** From a store without tables to the present one, by way of 6; what it had counts, and it takes more. */
  async function expectUpgrade(store: Store): Promise<void> {
    const { folder, remove } = await temporaryFolder();
    try {
      const keyring = await openKeyring(folder);
      expect(await migrate(store, 6)).to.deep.equal([1, 2, 3, 4, 5, 6]);
      const [few, many, later] = [batchOf('FEW', 10), batchOf('MANY', 3_000), batchOf('LATER', 10)];
      for (const batch of [few, many, later]) await insertEntry(store, keyring, batch);
      for (const batch of [few, many]) await insertSet(store, keyring, batch);
      expect(await migrate(store)).to.have.length(schemaVersion - 6);
      const sets = setsOn(store, keyring);
      await sets.sweep();
      await expectStored(sets, few);
      await expectStored(sets, many);
      await sets.put(maker, later.composed.entry.digest as Digest, later.serials);
      await expectStored(sets, later);
      const [left] = await store.query<{ chunks: bigint; uploads: bigint }>(
        'SELECT (SELECT count(*) FROM set_chunks) AS chunks, (SELECT count(*) FROM set_uploads) AS uploads',
      );
      expect(left).to.deep.equal({ chunks: 0n, uploads: 0n });
      await sets.close();
    } finally {
      await remove();
    }
  }

  it('keeps its sets, packed anew, and takes others, on PGlite', async () => {
    const { folder, remove } = await temporaryFolder();
    const store = await openPglite(join(folder, 'store'));
    try {
      await expectUpgrade(store);
    } finally {
      await store.close();
      await remove();
    }
  });

  onPostgres(() => {
    it('keeps its sets, packed anew, and takes others', async () => {
      const schema = await createSchema();
      const store = await openPostgres(schema.url);
      try {
        await expectUpgrade(store);
      } finally {
        await store.close();
        await schema.drop();
      }
    });
  });

  it('comes back from its backup with its sets', async () => {
    const { folder, remove } = await temporaryFolder();
    try {
      const keyring = await openKeyring(join(folder));
      const before = await openPglite(join(folder, 'before'));
      await migrate(before, 6);
      const batch = batchOf('KEPT', 2_500);
      await insertEntry(before, keyring, batch);
      await insertSet(before, keyring, batch);
      const file = join(folder, 'backup.age');
      await writeFile(file, await backupOf(before, folder));
      await before.close();

      const erasures = join(folder, 'erasures.ndjson');
      await writeFile(erasures, '');
      const target = join(folder, 'restored');
      const config = readConfig({ VINCULUM_DATA: target, PORT: '0' });
      const restored = await restore({ file, secret: { passphrase: 'six' }, erasures, config });
      expect(restored).to.deep.include({ rows: 9, leftOut: 0, damaged: [] });
      const after = await openPglite(join(target, 'store'));
      const sets = setsOn(after, await openKeyring(target));
      await sets.sweep();
      await expectStored(sets, batch);
      await sets.close();
      await after.close();
    } finally {
      await remove();
    }
  });

  /** A backup as version 6 wrote it, of a service whose chain is elsewhere. */
  async function backupOf(store: Store, folder: string): Promise<Uint8Array> {
    const frames: Uint8Array[] = [Buffer.from(FIRST_LINE)];
    frames.push(
      jsonFrame('header', {
        vinculum: 'backup/1',
        createdAt: '2026-11-21T06:00:00.000Z',
        schema: 6,
        ledger: `eip155:31337:${ledger.address}`,
        chain: 'rpc',
        bytes: 0,
      }),
    );
    const tables: Record<string, number> = {};
    await store.transaction(async (transaction) => {
      for (const table of await backedUpTables(transaction)) {
        const rows = await transaction.query<{ row: string }>(
          `SELECT row_to_json(t)::text AS row FROM "${table}" AS t`,
        );
        tables[table] = rows.length;
        frames.push(jsonFrame('table', { name: table }));
        const text = rows.map(({ row }) => row).join('\n');
        if (rows.length > 0) frames.push(frame('rows', await promisify(deflate)(text)));
      }
    });
    frames.push(jsonFrame('file', { path: 'keyring.json' }));
    frames.push(frame('bytes', await readFile(join(folder, 'keyring.json'))));
    frames.push(jsonFrame('end', { tables, files: 1, documents: 0, damaged: [] }));
    const encrypter = new Encrypter();
    encrypter.setScryptWorkFactor(4);
    encrypter.setPassphrase('six');
    return encrypter.encrypt(Buffer.concat(frames));
  }
});
