import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { fromHex, toBase64Url } from '../../../core/bytes.ts';
import { encryptBlock } from '../../../core/envelope/block.ts';
import type { ComposedEntry } from '../../../core/envelope/envelope.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { pseudonymInput } from '../../../core/pseudonym/pseudonym.ts';
import { buildTree } from '../../../core/tree/tree.ts';
import { filesBelow } from '../../api/erasure/garage.ts';
import { type Attester, startTestService, type TestService } from '../../api/fixture.ts';
import { Vehicle } from '../../api/privacy/world.ts';
import { person, seconds } from '../../api/titles/acting.ts';

/** A model of which a million may exist: the curious try them all. */
export const MODEL = 'WVWZZZ1JZXW';
export const CANDIDATES = 1_000_000;
export const candidate = (serial: number): string => MODEL + serial.toString().padStart(6, '0');

/** A vehicle that is on the ledger, with what is in its entries and on no chain. */
export type Recorded = {
  readonly vin: string;
  readonly entries: readonly ComposedEntry[];
  readonly owner: string;
  readonly photo: Uint8Array;
};

export type World = {
  readonly test: TestService;
  readonly vehicles: readonly Recorded[];
  /** The blocks of all entries, as a block store has them. */
  readonly blocks: readonly Uint8Array[];
  /** Everything public, by where it stands. */
  readonly parts: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  /** What the curious know of the chain and might mix into a hash. */
  readonly salts: readonly Uint8Array[];
};

const VEHICLES = 12;

/** Twelve vehicles of the model, with owners, liens, services, claims, documents, a recall; their numbers drawn. */
export async function openWorld(): Promise<World> {
  const test = await startTestService();
  try {
    return await fill(test);
  } catch (error) {
    await test.stop();
    throw error;
  }
}

async function fill(test: TestService): Promise<World> {
  const maker = await test.admit('Maker', ['manufacturer', 'supplier']);
  const registrar = await test.admit('Registrar', ['registrar', 'insurer', 'workshop', 'lender']);
  const token = await test.signIn(registrar);
  const serials = new Set<number>();
  while (serials.size < VEHICLES) serials.add(randomBytes(4).readUInt32LE() % CANDIDATES);
  const vehicles: Recorded[] = [];
  for (const serial of serials) vehicles.push(await record(test, registrar, token, candidate(serial)));
  await recall(test, maker, vehicles);
  await test.service.chain?.devnet.snapshot();
  const blocks = await blocksOf(test);
  const chain = await chainOf(test);
  const documents = await documentsOf(test);
  return {
    test,
    vehicles,
    blocks,
    parts: [...chain.parts, { name: 'blocks', bytes: Buffer.concat(blocks) }, ...documents],
    salts: chain.salts,
  };
}

async function record(test: TestService, by: Attester, token: string, vin: string): Promise<Recorded> {
  const name = `Ada Example of ${vin}`;
  const photo = Buffer.concat([Buffer.from(`photo of ${vin} `), Buffer.alloc(2_000, 7)]);
  const key = randomBytes(32);
  const raw = { content: new Uint8Array(encryptBlock(photo, key)), type: 'application/octet-stream' };
  const { body } = await test.request('POST', '/v1/documents', { raw, token });
  const document = { cid: body.cid, mediaType: 'image/png', bytes: photo.length };
  const entries = [
    test.compose(by, `vin:${vin}`, {
      kind: 'vehicle.registered',
      time: '2020-01-31',
      data: { market: 'FR', brand: 'Essai', model: 'One' },
      sealed: { plate: 'AA-123-BB', holderName: name },
    }),
    test.compose(by, `vin:${vin}`, {
      kind: 'service',
      time: '2024-05-31',
      data: {
        type: 'scheduled',
        items: ['engineOil'],
        odometer: { value: 12_000, unit: 'KMT', source: 'workshop' },
        documents: [document],
      },
      sealed: { technician: name, [`document:${body.cid}`]: toBase64Url(key) },
    }),
    test.compose(by, `vin:${vin}`, {
      kind: 'claim',
      time: '2024-06-01',
      data: { type: 'collision', status: 'settled' },
      sealed: { claimant: name, amount: { amount: '8400.00', currency: 'EUR' } },
    }),
  ];
  await test.record(by, entries);
  const vehicle = new Vehicle(test, vin);
  const owner = person();
  await vehicle.act(by, 'title.issued', { party: owner.address });
  await vehicle.act(by, 'title.lienPlaced', { until: seconds() + 86_400n, detail: rank(1) });
  return { vin, entries, owner: name, photo };
}

const rank = (value: number) => `0x${value.toString(16).padStart(64, '0')}` as `0x${string}`;

/** A campaign whose envelope commits to the vehicles. */
async function recall(test: TestService, maker: Attester, vehicles: readonly Recorded[]): Promise<void> {
  const treeKey = randomBytes(32);
  const members = vehicles.map(({ vin }) => parseIdentifier(vin));
  const tree = buildTree(treeKey, members);
  const campaign = test.compose(maker, 'own', {
    kind: 'recall.opened',
    time: '2025-01-10',
    data: {
      campaign: 'R-1',
      title: { en: 'Airbag', zh: '安全气囊' },
      component: 'airbags',
      remedy: { en: 'Replace', zh: '更换' },
      severity: 'safety',
      affectedRoot: tree.root,
      affectedCount: tree.count,
      treeKey: toBase64Url(treeKey),
    },
  });
  await test.record(maker, [campaign]);
}

/** What an IPFS node has of entries. */
async function blocksOf(test: TestService): Promise<Uint8Array[]> {
  const rows = await test.service.services.store.query<{ body: Uint8Array }>(
    'SELECT body FROM blocks JOIN block_keys USING (digest) ORDER BY digest',
  );
  return rows.map(({ body }) => body);
}

/** What an IPFS node has of documents, with the names. */
async function documentsOf(test: TestService): Promise<World['parts']> {
  const files = await filesBelow(join(test.service.config.dataFolder, 'documents'));
  return Promise.all(
    files.map(async (file) => ({
      name: 'documents',
      bytes: Buffer.concat([Buffer.from(file.slice(file.lastIndexOf('documents'))), await readFile(file)]),
    })),
  );
}

type Log = { readonly address: string; readonly topics: readonly string[]; readonly data: string };
type Transaction = { readonly from: string; readonly to: string | null; readonly input: string };
type Block = { readonly hash: string; readonly transactions: readonly Transaction[] };
type Dump = {
  readonly accounts: Readonly<
    Record<string, { readonly code: string; readonly storage: Readonly<Record<string, string>> }>
  >;
};

/** Everything that a node of the chain has: all logs, all calldata, all words of storage, all code. */
async function chainOf(test: TestService): Promise<{ parts: World['parts']; salts: Uint8Array[] }> {
  const { rpc, deployment } = test.service.services;
  const last = Number(await rpc.call('eth_blockNumber', []));
  const quantity = (value: number) => `0x${value.toString(16)}`;
  const blocks: Block[] = [];
  for (let number = 0; number <= last; number += 1) {
    blocks.push((await rpc.call('eth_getBlockByNumber', [quantity(number), true])) as Block);
  }
  const logs = (await rpc.call('eth_getLogs', [{ fromBlock: '0x0', toBlock: 'latest' }])) as Log[];
  const dumped = (await rpc.call('anvil_dumpState', [])) as string;
  const { accounts } = JSON.parse(gunzipSync(fromHex(dumped)).toString('utf8')) as Dump;
  const bytes = (texts: readonly string[]) => Buffer.concat(texts.map((text) => fromHex(even(text))));
  const parts = [
    {
      name: 'calldata',
      bytes: bytes(
        blocks.flatMap(({ transactions }) =>
          transactions.flatMap(({ from, to, input }) => [from, to ?? '0x', input]),
        ),
      ),
    },
    { name: 'logs', bytes: bytes(logs.flatMap(({ address, topics, data }) => [address, ...topics, data])) },
    {
      name: 'storage',
      bytes: bytes(
        Object.values(accounts).flatMap(({ storage }) =>
          Object.entries(storage).flatMap(([slot, value]) => [word(slot), word(value)]),
        ),
      ),
    },
    { name: 'accounts', bytes: bytes(Object.keys(accounts)) },
  ];
  const salts = [
    test.service.services.keyring.pseudonymPublicKey,
    fromHex(deployment.ledger),
    fromHex(deployment.directory),
    fromHex(deployment.organisations),
    fromHex(word(quantity(Number(deployment.chainId)))),
    Buffer.from(deployment.chainId.toString()),
    fromHex(blocks[0]?.hash ?? '0x'),
    Buffer.from('vinculum'),
  ];
  return { parts, salts };
}

const even = (text: string): string => (text.length % 2 === 0 ? text : `0x0${text.slice(2)}`);
const word = (text: string): string => `0x${text.slice(2).padStart(64, '0')}`;

/** The input of the pseudonym function, which anybody can compute. */
export const inputOf = (vin: string): Uint8Array =>
  pseudonymInput({ type: 'vin', scope: '', value: vin } as ReturnType<typeof parseIdentifier>);
