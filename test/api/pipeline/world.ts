import { randomBytes } from 'node:crypto';
import { keccak256, Wallet } from 'ethers';
import type { SubmissionRequest, SubmissionState, SubmissionStatus } from '../../../api/accept/schema.ts';
import { type Keyring, temporaryKeyring } from '../../../api/keyring/keyring.ts';
import { createPipeline, type Pipeline, type PipelineOptions } from '../../../api/pipeline.ts';
import { createEvaluator, type Evaluator } from '../../../api/pseudonym/evaluator.ts';
import type { Store } from '../../../api/store/store.ts';
import { fromBase64Url, fromHex, toBase64Url, toHex } from '../../../core/bytes.ts';
import { packEntries } from '../../../core/chain/entry.ts';
import { addressOfKey, type SubmissionHash, signSubmission } from '../../../core/chain/submission.ts';
import type { Address, LedgerAddress, OrganisationId } from '../../../core/chain/types.ts';
import { type ComposedEntry, type Content, composeEntry } from '../../../core/envelope/envelope.ts';
import { type Identifier, normaliseIdentifier } from '../../../core/identifiers/identifier.ts';
import { kindNames, kinds } from '../../../core/kinds/kinds.ts';
import { anvilKeys, deployer, startChain, type TestChain } from './chain.ts';

export interface Organisation {
  readonly id: OrganisationId;
  readonly key: Uint8Array;
  readonly signer: Address;
}

/** The contracts on a chain, two organisations, and the operator's secrets. */
export interface World {
  readonly chain: TestChain;
  readonly ledger: LedgerAddress;
  readonly organisations: Address;
  /** The ledger's module of kinds 0–15. */
  readonly titles: Address;
  readonly parts: Address;
  readonly directory: Address;
  readonly firstBlock: number;
  readonly keyring: Keyring;
  readonly evaluator: Evaluator;
  readonly workshop: Organisation;
  readonly registrar: Organisation;
  /** One more organisation with one key. */
  admit(kinds: bigint): Promise<Organisation>;
  /** What the registrar, guardian and every controller do. */
  organisationsCall(method: string, ...parameters: unknown[]): Promise<void>;
  deploy(name: string, ...parameters: unknown[]): Promise<Address>;
  /** The same world as seen from another ledger, of the same organisations if not said otherwise; not listed yet. */
  addLedger(options?: { readonly organisations?: Address; readonly key?: Uint8Array }): Promise<World>;
  /** Lists this world’s ledger in the directory. */
  list(): Promise<void>;
  /** Relays submissions as a stranger would, and mines them. */
  relay(...requests: readonly SubmissionRequest[]): Promise<void>;
  /** Uses the relayer's next nonce for something else. */
  stealNonce(): Promise<void>;
  /** The chain has lost what was sent before: nonces are asked for again. */
  forgetNonces(): void;
  ledgerCall(method: string, ...parameters: unknown[]): Promise<void>;
  titlesCall(method: string, ...parameters: unknown[]): Promise<void>;
  partsCall(method: string, ...parameters: unknown[]): Promise<void>;
  directoryCall(method: string, ...parameters: unknown[]): Promise<void>;
  stop(): Promise<void>;
}

const allKinds = kindNames.reduce((bitmap, name) => bitmap | (1n << BigInt(kinds[name].number)), 0n);

/** The rights to ask `Titles` for each of its transitions. */
export const TITLE_RIGHTS = 0xffffn;
/** The rights to act in the module `Parts`. */
export const PART_RIGHTS = 0x3f0000n;

export async function createWorld(chain?: TestChain): Promise<World> {
  const running = chain ?? (await startChain());
  const keyring = temporaryKeyring({ relayerKey: fromHex(anvilKeys[1], 32) });
  const evaluator = await createEvaluator({ secretKey: keyring.pseudonymKey });
  const account = deployer(running);
  const firstBlock = (await running.blockNumber()) + 1;
  const owner = await account.signer.getAddress();
  const authority = await account.deploy('AccessManager', owner);
  const organisations = await account.deploy(
    'Organisations',
    ...[await authority.getAddress(), 0, allKinds | TITLE_RIGHTS | PART_RIGHTS],
  );
  const deployLedger = async (of: string, key: Uint8Array) => {
    const titles = await account.deploy('Titles', of);
    const parts = await account.deploy('Parts', of);
    const modules = [await titles.getAddress(), await parts.getAddress()];
    const ledger = await account.deploy('Ledger', await authority.getAddress(), of, key, ...modules);
    for (const module of [titles, parts]) {
      await account.send(module.bind?.(await ledger.getAddress()) ?? Promise.reject(new Error('no bind')));
    }
    return { ledger, titles, parts };
  };
  const { ledger, titles, parts } = await deployLedger(
    await organisations.getAddress(),
    keyring.pseudonymPublicKey,
  );
  const directory = await account.deploy('Directory', await authority.getAddress());
  type Contracts = Readonly<Record<'ledger' | 'titles' | 'parts', typeof ledger>>;
  const lower = async (contract: { getAddress(): Promise<string> }) =>
    (await contract.getAddress()).toLowerCase() as Address;
  const callOf =
    (contract: typeof ledger) =>
    async (method: string, ...parameters: unknown[]) =>
      account.send(contract[method]?.(...parameters) ?? Promise.reject(new Error(`no ${method}`)));
  const organisationsCall = callOf(organisations);
  const directoryCall = callOf(directory);

  let last = 0n;
  const admit = async (kindsOfIt: bigint): Promise<Organisation> => {
    last += 1n;
    const key = randomBytes(32);
    await organisationsCall('admit', owner, kindsOfIt, randomBytes(32));
    await organisationsCall('addKey', last, addressOfKey(key));
    return { id: last as OrganisationId, key, signer: addressOfKey(key) };
  };
  const workshop = await admit(allKinds);
  const registrar = await admit(allKinds);
  const common = {
    chain: running,
    directory: await lower(directory),
    firstBlock,
    keyring,
    evaluator,
    workshop,
    registrar,
    admit,
    organisationsCall,
    directoryCall,
    stealNonce: () =>
      account.send(new Wallet(anvilKeys[1], account.provider).sendTransaction({ to: owner, value: 1n })),
    deploy: async (name: string, ...parameters: unknown[]) =>
      lower(await account.deploy(name, ...parameters)),
    forgetNonces: () => account.signer.reset(),
    async stop() {
      account.close();
      await running.stop();
    },
  };
  const seenFrom = async (contracts: Contracts, of: Address, key: Uint8Array): Promise<World> => {
    const address = await lower(contracts.ledger);
    const ledgerCall = callOf(contracts.ledger);
    return {
      ...common,
      ledger: { chainId: running.chainId, address },
      titles: await lower(contracts.titles),
      titlesCall: callOf(contracts.titles),
      parts: await lower(contracts.parts),
      partsCall: callOf(contracts.parts),
      organisations: of,
      ledgerCall,
      relay: (...requests) =>
        ledgerCall(
          'recordSigned',
          requests.map(({ submission }) => ({
            ...submission,
            entries: fromBase64Url(submission.entries),
            signature: fromBase64Url(submission.signature),
          })),
          { gasLimit: 16_000_000 },
        ),
      async addLedger(options = {}) {
        const added = await deployLedger(options.organisations ?? of, options.key ?? key);
        return seenFrom(added, options.organisations ?? of, options.key ?? key);
      },
      async list() {
        const code = keccak256(await account.provider.getCode(address));
        await directoryCall('add', running.chainId, address, of, code, key);
      },
    };
  };
  return seenFrom({ ledger, titles, parts }, await lower(organisations), keyring.pseudonymPublicKey);
}

/** A VIN of a maker where no check digit is required. */
export function vinOf(index: number): Identifier {
  const value = `WVWZZZ1JZ${String(index).padStart(8, '0')}`;
  return normaliseIdentifier({ type: 'vin', value });
}

export const serviceOf = (kilometres: number): Content => ({
  kind: 'service',
  time: '2024-05-31',
  data: {
    odometer: { value: kilometres, unit: 'KMT', source: 'workshop' },
    type: 'scheduled',
    items: ['engineOil', 'oilFilter'],
  },
  sealed: { invoiceNumber: `R-${kilometres}` },
});

export function compose(
  world: World,
  identifier: Identifier | 'own',
  content: Content,
  organisation = world.workshop,
): ComposedEntry {
  const target =
    identifier === 'own' ? identifier : { subject: world.evaluator.subject(identifier), identifier };
  return composeEntry(world.ledger, organisation.id, target, content);
}

export interface Signing {
  readonly organisation?: Organisation;
  readonly nonce?: bigint;
  readonly deadline?: bigint;
}

export const nowSeconds = () => BigInt(Math.floor(Date.now() / 1000));

/** Signs entries as a client would. */
export function request(
  world: World,
  entries: readonly ComposedEntry[],
  signing: Signing = {},
): SubmissionRequest {
  const organisation = signing.organisation ?? world.workshop;
  const signed = signSubmission(
    world.ledger,
    {
      organisation: organisation.id,
      entries: packEntries(entries.map(({ entry }) => entry)),
      nonce: signing.nonce ?? BigInt(toHex(randomBytes(8))),
      deadline: signing.deadline ?? nowSeconds() + 3600n,
    },
    organisation.key,
  );
  return {
    submission: {
      organisation: signed.organisation.toString(),
      signer: signed.signer,
      nonce: signed.nonce.toString(),
      deadline: signed.deadline.toString(),
      entries: toBase64Url(signed.entries),
      signature: toBase64Url(signed.signature),
    },
    contents: entries.map(({ block, key, disclosures }) => ({
      block: toBase64Url(block),
      key: toBase64Url(key),
      disclosures: [...disclosures],
    })),
  };
}

/** A submission of services, one for each of so many vehicles. */
export function services(world: World, count: number, signing: Signing = {}, first = 0): SubmissionRequest {
  const entries = Array.from({ length: count }, (_, index) =>
    compose(world, vinOf(first + index), serviceOf(10_000 + index), signing.organisation),
  );
  return request(world, entries, signing);
}

/** A pipeline in the world; blocks are mined when it nudges, and all but the last `depth` are final. */
export function pipelineIn(world: World, store: Store, options: Partial<PipelineOptions> = {}): Pipeline {
  const { chain } = world;
  return createPipeline({
    store,
    rpc: chain.rpc,
    ledger: world.ledger,
    organisations: world.organisations,
    titles: world.titles,
    parts: world.parts,
    directory: world.directory,
    firstBlock: world.firstBlock,
    evaluator: world.evaluator,
    keyring: world.keyring,
    finality: async () => BigInt(Math.max(0, (await chain.blockNumber()) - 3)),
    nudge: () => void chain.mine(),
    ...options,
    limits: { pollMilliseconds: 20, ...options.limits },
    indexer: { patienceMilliseconds: 200, checkMilliseconds: 0, ...options.indexer },
  });
}

/** Waits until a submission is in one of these states. */
export async function until(
  pipeline: Pipeline,
  hash: string,
  ...states: SubmissionState[]
): Promise<SubmissionStatus> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const status = await pipeline.status(hash as SubmissionHash);
    if (status !== null && states.includes(status.state)) return status;
    if (Date.now() > deadline) {
      throw new Error(`still ${JSON.stringify(status)}; ${JSON.stringify(pipeline.progress())}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Forgets everything but the schema. */
export async function empty(store: Store): Promise<void> {
  const tables = await store.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'migrations'`,
  );
  await store.execute(`TRUNCATE ${tables.map(({ name }) => `"${name}"`).join(', ')} CASCADE`);
}
