import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Contract, ContractFactory, type InterfaceAbi, JsonRpcProvider, Wallet } from 'ethers';
import type { EmbeddedRole } from '../../api/embeddedChain.ts';
import { fromBase64Url, toBase64Url, toHex } from '../../core/bytes.ts';
import { type Entry, packEntries } from '../../core/chain/entry.ts';
import type { SignedSubmission } from '../../core/chain/submission.ts';
import type { Address, Digest, OrganisationId, Subject } from '../../core/chain/types.ts';
import { encryptBlock, secureRandom } from '../../core/envelope/block.ts';
import type { ComposedEntry, Content } from '../../core/envelope/envelope.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { parseReport, type Report } from '../../core/report/report.ts';
import { buildTree, type SetTree } from '../../core/tree/tree.ts';
import type { Trust } from '../../core/verify/verify.ts';
import { type Attester, startTestService, type TestService } from '../api/fixture.ts';
import { SafetyPart, targetOf } from '../api/parts/acting.ts';
import type { Signed as SignedAction } from '../api/titles/acting.ts';
import { OperatorProxy, RpcProxy } from './proxies.ts';
import { loadTitles, type Titled } from './titled.ts';

/** The vehicle that lies are told about: built, registered, serviced, crashed, claimed, corrected, under recall. */
export const CAR = 'WVWZZZ1JZXW000217';
/** Of the same maker and service history, without an accident. */
export const OTHER_CAR = 'WVWZZZ3CZEE140287';
/** Built and registered, nothing else; under recall too. */
export const THIRD_CAR = 'VF1AAAAA164321012';
/** Has a title: sold once, and since then under a lien, branded and stolen. */
export const TITLED_CAR = 'WVWZZZ1KZ6W123456';
/** The number that a stolen vehicle under a lien had, and the one that it got. */
export const OLD_NUMBER = 'WVWZZZ1KZ7W200001';
export const NEW_NUMBER = 'WVWZZZ1KZ7W200002';
/** Two safety parts are in it, one of which is stolen since. */
export const PARTED_CAR = 'WVWZZZ1KZ8W300001';
export const AIRBAG = 'serial:safir.example:AB-ADVERSARY-1';
export const BELT = 'serial:safir.example:SB-ADVERSARY-1';
/** Known to nobody. */
export const NEVER = 'VF3WC5FS9AW055905';

export type UploadedDocument = { readonly cid: string; readonly key: string; readonly bytes: number };

/** An honest system under load, everything that stands between it and its readers, and what an adversary needs. */
export type System = {
  readonly test: TestService;
  readonly trust: Trust;
  readonly operator: OperatorProxy;
  readonly rpc: RpcProxy;
  readonly chain: ChainAccounts;
  readonly folder: string;
  readonly maker: Attester;
  readonly registry: Attester;
  readonly workshop: Attester;
  readonly inspector: Attester;
  readonly insurer: Attester;
  /** Suspended since it attested. */
  readonly garage: Attester;
  /** Digests of the car’s entries by what they are. */
  readonly entries: Readonly<Record<EntryName, Digest>>;
  readonly small: UploadedDocument;
  /** Larger than 1 MiB: many blocks. */
  readonly large: UploadedDocument;
  /** The car’s report before the accident was recorded: honest at its time. */
  readonly older: Report;
  /** The report of the car with parts before one of them was reported stolen, likewise. */
  readonly olderParts: Report;
  readonly titled: Titled;
  readonly car: typeof CAR;
  /** What the service itself answers, past the proxy. */
  honest(vin: string): Promise<Report>;
  stop(): Promise<void>;
};

export type EntryName =
  | 'built'
  | 'registered'
  | 'service'
  | 'typo'
  | 'garage'
  | 'accident'
  | 'claim'
  | 'correction'
  | 'upheld'
  | 'recall';

const odometer = (time: string, value: number, source = 'workshop'): Content => ({
  kind: 'odometer',
  time,
  data: { odometer: { value, unit: 'KMT', source } },
});

const artifactOf: Readonly<Record<string, string>> = {
  GasBomb: 'test/contracts/harness/Signers.sol',
  OwnedWallet: 'test/contracts/harness/Signers.sol',
};

function artifact(name: string): { readonly abi: InterfaceAbi; readonly bytecode: string } {
  const source = artifactOf[name] ?? `contracts/${name}.sol`;
  return JSON.parse(readFileSync(new URL(`../../artifacts/${source}/${name}.json`, import.meta.url), 'utf8'));
}

/** Contracts and transactions by accounts that the service does not use. */
export class ChainAccounts {
  readonly #test: TestService;
  readonly #provider: JsonRpcProvider;
  readonly #nonces = new Map<EmbeddedRole, number>();
  /** The organisations of which the deployer's account is a key. */
  readonly #keys = new Set<OrganisationId>();

  constructor(test: TestService) {
    this.#test = test;
    const options = { staticNetwork: true, pollingInterval: 20, cacheTimeout: -1 };
    this.#provider = new JsonRpcProvider(test.service.rpcUrl, Number(test.ledger.chainId), options);
  }

  get #chain() {
    const { chain } = this.#test.service;
    if (chain === null) throw new TypeError('the harness runs on the embedded chain');
    return chain;
  }

  async #next(role: EmbeddedRole): Promise<number> {
    const known = this.#nonces.get(role);
    const nonce = known ?? (await this.#provider.getTransactionCount(this.#chain.address(role)));
    this.#nonces.set(role, nonce + 1);
    return nonce;
  }

  #wallet(role: EmbeddedRole): Wallet {
    return new Wallet(this.#chain.secretKey(role), this.#provider);
  }

  async deploy(name: string, ...parameters: unknown[]): Promise<Address> {
    const { abi, bytecode } = artifact(name);
    const nonce = await this.#next('deployer');
    const contract = await new ContractFactory(abi, bytecode, this.#wallet('deployer')).deploy(
      ...parameters,
      {
        nonce,
      },
    );
    this.#chain.devnet.nudge();
    await contract.waitForDeployment();
    return (await contract.getAddress()).toLowerCase() as Address;
  }

  /** Sends a call and gives its logs, by name; a revert is thrown. */
  async send(
    role: EmbeddedRole,
    [name, address]: readonly [string, Address],
    method: string,
    values: readonly unknown[],
    options: { gasLimit?: number } = {},
  ): Promise<{ block: number; timestamp: number; events: { name: string; values: unknown[] }[] }> {
    const abi: InterfaceAbi = artifact(name).abi;
    const contract = new Contract(address, abi, this.#wallet(role));
    const nonce = await this.#next(role);
    const sent = await contract.getFunction(method)(...values, { nonce, ...options });
    this.#chain.devnet.nudge();
    const receipt = await sent.wait();
    const block = await this.#provider.getBlock(receipt.blockNumber);
    const events = receipt.logs.flatMap((log: { topics: string[]; data: string }) => {
      const parsed = contract.interface.parseLog(log);
      return parsed === null ? [] : [{ name: parsed.name, values: [...parsed.args] }];
    });
    return { block: receipt.blockNumber, timestamp: block?.timestamp ?? 0, events };
  }

  /** Relays signed submissions as anybody may, and says what became of each. */
  async relay(
    submissions: readonly SignedSubmission[],
    options: { ledger?: Address; gasLimit?: number } = {},
  ): Promise<{ outcomes: string[]; timestamp: number }> {
    const ledger = options.ledger ?? this.#test.ledger.address;
    const packed = submissions.map((one) => [
      one.organisation,
      one.signer,
      one.nonce,
      one.deadline,
      toHex(one.entries),
      toHex(one.signature),
    ]);
    const gasLimit = options.gasLimit ?? 15_000_000;
    const sent = await this.send('deployer', ['Ledger', ledger], 'recordSigned', [packed], { gasLimit });
    await this.#indexed(sent.block);
    const outcomes = sent.events.flatMap(({ name, values }) =>
      name === 'Accepted' ? ['Accepted'] : name === 'Skipped' ? [`Skipped ${String(values[3])}`] : [],
    );
    return { outcomes, timestamp: sent.timestamp };
  }

  #indexed(block: number): Promise<void> {
    return this.#test.until(() => this.#test.service.services.pipeline.progress().indexedBlock >= block);
  }

  /** Writes entries to the ledger as a key of the organisation may by itself, without any service. */
  async record({ id }: Attester, entries: readonly Entry[]): Promise<void> {
    const key = this.#chain.address('deployer');
    if (!this.#keys.has(id)) await this.#test.change('registrar', 'addKey', id, key);
    this.#keys.add(id);
    const ledger = ['Ledger', this.#test.ledger.address] as const;
    const sent = await this.send('deployer', ledger, 'record', [id, toHex(packEntries(entries))]);
    await this.#indexed(sent.block);
  }

  /** Has `Titles` execute an action, as anybody may; a revert is thrown. */
  async execute(
    { action, request: { actor, signature } }: SignedAction,
    titles = this.#test.service.services.deployment.titles,
  ): Promise<void> {
    const values = [action, actor, toHex(fromBase64Url(signature))];
    const sent = await this.send('deployer', ['Titles', titles], 'execute', values, { gasLimit: 2_000_000 });
    await this.#indexed(sent.block);
  }

  async mine(blocks: number): Promise<void> {
    for (let turn = 0; turn < blocks; turn += 1) await this.call('evm_mine', []);
    const latest = await this.#provider.getBlockNumber();
    await this.#indexed(latest);
  }

  call(method: string, params: unknown[]): Promise<unknown> {
    return this.#provider.send(method, params);
  }

  stop(): void {
    this.#provider.destroy();
  }
}

/** Mounts two parts; one is reported stolen from there: its own chain goes on, and no other. */
async function loadParts(
  test: TestService,
  { maker, workshop, police }: { maker: Attester; workshop: Attester; police: Attester },
  honest: System['honest'],
): Promise<Report> {
  const vehicle = targetOf(test, PARTED_CAR);
  const [airbag, belt] = [new SafetyPart(test, AIRBAG), new SafetyPart(test, BELT)];
  for (const part of [airbag, belt]) {
    await part.act(maker, 'safetyPart.registered');
    await part.act(workshop, 'safetyPart.mounted', { vehicle });
  }
  const before = await honest(PARTED_CAR);
  await airbag.act(police, 'safetyPart.stolen');
  return before;
}

/** Starts the service and loads the history that the lies are about. */
export async function startSystem(): Promise<System> {
  const operator = await OperatorProxy.listening();
  const test = await startTestService({ PUBLIC_URL: operator.url });
  operator.service = test.url;
  const chain = new ChainAccounts(test);
  const maker = await test.admit('Aurora Werke', ['manufacturer']);
  const registry = await test.admit('Registre Central', ['registrar']);
  const workshop = await test.admit('Garage Lumen', ['workshop']);
  const inspector = await test.admit('Contrôle Nord', ['inspector']);
  const insurer = await test.admit('Assurances Ponant', ['insurer']);
  const garage = await test.admit('Garage Ombre', ['workshop']);

  // Nodes forget old states: what older reports are read under must not lie too far back.
  const titled = await loadTitles(test, registry, honest);
  const olderParts = await loadParts(test, { maker, workshop, police: titled.police }, honest);
  const upload = async (size: number): Promise<UploadedDocument> => {
    const key = secureRandom(32);
    const content = new Uint8Array(randomBytes(size));
    content.set([0x25, 0x50, 0x44, 0x46, 0x2d]);
    const encrypted = encryptBlock(content, key);
    const reply = await test.request('POST', '/v1/documents', {
      raw: { content: Buffer.from(encrypted), type: 'application/octet-stream' },
      token: await test.signIn(workshop),
    });
    if (reply.status !== 201) throw new Error(reply.text);
    return { cid: reply.body.cid, key: toBase64Url(key), bytes: encrypted.length };
  };
  const small = await upload(900);
  const large = await upload(2_500_000);

  const entries = {} as Record<EntryName, Digest>;
  const compose = (name: EntryName | null, by: Attester, on: string, content: Content): ComposedEntry => {
    const composed = test.compose(by, on, content);
    if (name !== null) entries[name] = composed.entry.digest;
    return composed;
  };
  const built = (brand: string): Content => ({
    kind: 'vehicle.built',
    time: '2019-03-01',
    data: { brand, model: 'A1', manufacturerId: 'aurora.example' },
  });
  const registered: Content = { kind: 'vehicle.registered', time: '2019-04-02', data: { market: 'FR' } };
  await test.record(maker, [
    compose('built', maker, CAR, built('Aurora')),
    compose(null, maker, OTHER_CAR, built('Aurora')),
    compose(null, maker, THIRD_CAR, built('Aurora')),
  ]);
  await test.record(registry, [
    compose('registered', registry, CAR, registered),
    compose(null, registry, OTHER_CAR, registered),
    compose(null, registry, THIRD_CAR, registered),
  ]);
  const listed = ({ cid, bytes }: UploadedDocument, mediaType: string) => ({ cid, bytes, mediaType });
  await test.record(workshop, [
    compose('service', workshop, CAR, {
      kind: 'service',
      time: '2020-04-01',
      data: {
        type: 'scheduled',
        items: ['engineOil'],
        odometer: { value: 15_000, unit: 'KMT', source: 'workshop' },
        documents: [listed(small, 'application/pdf'), listed(large, 'application/pdf')],
      },
      sealed: {
        invoiceNumber: 'R-2020-77',
        [`document:${small.cid}`]: small.key,
        [`document:${large.cid}`]: large.key,
      },
    }),
    compose(null, workshop, OTHER_CAR, odometer('2020-04-01', 14_000)),
  ]);
  await test.record(inspector, [
    compose('typo', inspector, CAR, odometer('2021-04-01', 3_100, 'inspection')),
    compose(null, inspector, OTHER_CAR, odometer('2021-04-02', 33_000, 'inspection')),
  ]);
  await test.record(garage, [compose('garage', garage, CAR, odometer('2022-04-01', 46_000))]);
  const older = await honest(CAR);
  await test.record(insurer, [
    compose('accident', insurer, CAR, {
      kind: 'accident',
      time: '2022-08-14',
      data: { severity: 'severe', areas: ['front'], structural: true, market: 'FR' },
      sealed: { location: 'A7, km 112' },
    }),
  ]);
  await test.record(insurer, [
    compose('claim', insurer, CAR, {
      kind: 'claim',
      time: '2022-09-30',
      data: { type: 'collision', status: 'settled', accident: entries.accident },
      sealed: { amount: { amount: '8400.00', currency: 'EUR' } },
    }),
  ]);
  await test.record(inspector, [
    compose('correction', inspector, CAR, {
      kind: 'amended',
      time: '2022-10-01',
      data: {
        supersedes: entries.typo,
        kind: 'odometer',
        kindVersion: 1,
        reason: 'typo',
        data: { odometer: { value: 31_000, unit: 'KMT', source: 'inspection' } },
      },
    }),
  ]);
  await test.record(insurer, [
    compose('upheld', insurer, CAR, {
      kind: 'upheld',
      time: '2022-11-01',
      data: { entry: entries.accident, basis: 'documentsChecked' },
    }),
  ]);
  const { treeKey, tree } = recallSet();
  await test.record(maker, [
    compose('recall', maker, 'own', {
      kind: 'recall.opened',
      time: '2023-11-01',
      data: {
        campaign: 'R-2023-001',
        title: { en: 'Brake hose', zh: '制动软管' },
        component: 'brakes',
        remedy: { en: 'Replace it', zh: '更换' },
        severity: 'safety',
        affectedRoot: tree.root,
        affectedCount: tree.count,
        treeKey: toBase64Url(treeKey),
      },
    }),
  ]);
  const members = [CAR, THIRD_CAR].map((vin) => `vin:${vin}`);
  const kept = await test.request('PUT', `/v1/sets/${entries.recall}`, {
    body: { members },
    token: await test.signIn(maker),
  });
  if (kept.status !== 200) throw new Error(kept.text);
  await test.change('guardian', 'suspend', garage.id);
  // The history is final once a final block is later than all of it: blocks count seconds.
  await sleep(1_100);
  await chain.mine(4);

  async function honest(vin: string): Promise<Report> {
    const reply = await test.get(`/v1/vehicles/${vin}/report`);
    if (reply.status !== 200) throw new Error(reply.text);
    return parseReport(reply.text);
  }

  const { chainId, directory } = test.service.services.deployment;
  const folder = await mkdtemp(join(tmpdir(), 'vinculum-adversary-'));
  const rpc = await RpcProxy.before(test.service.rpcUrl);
  return {
    ...{ test, chain, folder, operator, rpc, entries, small, large, older, olderParts, titled, honest },
    ...{ maker, registry, workshop, inspector, insurer, garage },
    car: CAR,
    trust: { chainId, directory },
    async stop() {
      operator.stop();
      rpc.stop();
      chain.stop();
      await test.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export const subjectOf = ({ test }: System, vin: string): Subject => test.subject(parseIdentifier(vin));

/**
 * The set of the recall, under a key that gives the other car a path of its own: where two paths end at one leaf, a
 * proof serves both vehicles, each with its own truth, and borrowing it is no lie.
 */
function recallSet(): { treeKey: Uint8Array; tree: SetTree } {
  const [car, other, third] = [CAR, OTHER_CAR, THIRD_CAR].map((vin) => parseIdentifier(vin));
  if (car === undefined || other === undefined || third === undefined) throw new TypeError('three cars');
  for (;;) {
    const treeKey = secureRandom(32);
    const tree = buildTree(treeKey, [car, third]);
    if (JSON.stringify(tree.prove(car)) !== JSON.stringify(tree.prove(other))) return { treeKey, tree };
  }
}
