import { fromHex, type Hex } from '../../core/bytes.ts';
import type { Address } from '../../core/chain/types.ts';
import { encodeHeader, type Header, type HeaderCodec, readHeader } from '../../core/proof/header.ts';
import { isRecord, malformed, type Rpc, RpcRefusal } from './rpc.ts';

/** Which storage slots of which contracts. */
export type Slots = ReadonlyMap<Address, ReadonlySet<Hex>>;

/** What a chain gave of its state at one block (EIP-1186). Nothing of it is believed: whoever uses it walks it. */
export type StateRead = {
  readonly header: Header;
  /** RLP of the header. */
  readonly encodedHeader: Uint8Array;
  /** The trie nodes on the way to some of what was asked for, each once. */
  nodes(slots: Slots): Uint8Array[];
};

export interface StateProofs {
  readonly codec: HeaderCodec;
  /**
   * Proofs of these slots at the head of the chain.
   * @throws the `chain.*` codes, `proof.malformedHeader` where the chain's headers are of another family
   */
  read(slots: Slots): Promise<StateRead>;
}

/** What one `eth_getProof` may ask for; geth refuses more than 1,024. */
const MAX_SLOTS = 1_000;
const TIMEOUT_MILLISECONDS = 30_000;

type Waiting = {
  readonly slots: Slots;
  readonly resolve: (read: StateRead) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * Storage proofs of one chain. A node walks its whole state for a proof, however few slots are asked for (the embedded
 * one takes some 50 ms at 10,000 slots, and as long for 100 of them as for one), so there is one pass at a time, and
 * whoever comes meanwhile shares the next.
 */
export function createStateProofs(rpc: Rpc, codec: HeaderCodec): StateProofs {
  let waiting: Waiting[] = [];
  let running = false;

  async function run(): Promise<void> {
    running = true;
    while (waiting.length > 0) {
      const taken = takeSome(waiting);
      waiting = waiting.slice(taken.length);
      try {
        const read = await pass(rpc, codec, union(taken));
        for (const { resolve } of taken) resolve(read);
      } catch (error) {
        for (const { reject } of taken) reject(error);
      }
    }
    running = false;
  }

  return {
    codec,
    read: (slots) =>
      new Promise((resolve, reject) => {
        waiting.push({ slots, resolve, reject });
        if (!running) void run();
      }),
  };
}

/** As many as fit one pass, and at least one. */
function takeSome(waiting: readonly Waiting[]): Waiting[] {
  const taken: Waiting[] = [];
  let total = 0;
  for (const item of waiting) {
    for (const slots of item.slots.values()) total += slots.size;
    if (taken.length > 0 && total > MAX_SLOTS) break;
    taken.push(item);
  }
  return taken;
}

function union(items: readonly Waiting[]): Map<Address, Set<Hex>> {
  const all = new Map<Address, Set<Hex>>();
  for (const { slots } of items) {
    for (const [contract, wanted] of slots) {
      const known = all.get(contract) ?? new Set<Hex>();
      for (const slot of wanted) known.add(slot);
      all.set(contract, known);
    }
  }
  return all;
}

type Proven = { readonly account: readonly Uint8Array[]; readonly slots: Map<Hex, readonly Uint8Array[]> };

async function pass(rpc: Rpc, codec: HeaderCodec, slots: Slots): Promise<StateRead> {
  const block = await rpc.call('eth_getBlockByNumber', ['latest', false]);
  if (!isRecord(block)) throw malformed('a block is no object');
  const encodedHeader = encodeHeader(block, codec);
  const questions = [...slots].flatMap(([contract, wanted]) =>
    chunks([...wanted], MAX_SLOTS).map((keys) => ({ contract, keys })),
  );
  const answers = await rpc.batch(
    questions.map(({ contract, keys }) => ({
      method: 'eth_getProof',
      params: [contract, keys, block.number],
    })),
    { timeoutMilliseconds: TIMEOUT_MILLISECONDS },
  );
  const proven = new Map<Address, Proven>();
  for (const [index, { contract, keys }] of questions.entries()) {
    const answer = answers[index];
    if (answer instanceof RpcRefusal) throw answer;
    const { account, storage } = readAnswer(answer, keys.length);
    const entry = proven.get(contract) ?? { account, slots: new Map() };
    keys.forEach((key, position) => {
      entry.slots.set(key, storage[position] ?? []);
    });
    proven.set(contract, entry);
  }
  return {
    header: readHeader(encodedHeader, codec),
    encodedHeader,
    nodes: (wanted) => nodesOf(proven, wanted),
  };
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let start = 0; start === 0 || start < items.length; start += size)
    parts.push(items.slice(start, start + size));
  return parts;
}

function readAnswer(answer: unknown, count: number): { account: Uint8Array[]; storage: Uint8Array[][] } {
  if (!isRecord(answer) || !Array.isArray(answer.storageProof) || answer.storageProof.length !== count) {
    throw malformed('a storage proof is not as it should be');
  }
  return {
    account: readNodes(answer.accountProof),
    storage: answer.storageProof.map((item) => readNodes(isRecord(item) ? item.proof : undefined)),
  };
}

function readNodes(value: unknown): Uint8Array[] {
  if (!Array.isArray(value)) throw malformed('a proof is no list');
  return value.map((node) => {
    if (typeof node !== 'string' || !/^0x(?:[0-9a-fA-F]{2})+$/.test(node))
      throw malformed('a node of a proof');
    return fromHex(node);
  });
}

function nodesOf(proven: ReadonlyMap<Address, Proven>, wanted: Slots): Uint8Array[] {
  const nodes = new Map<string, Uint8Array>();
  const add = (list: readonly Uint8Array[]): void => {
    for (const node of list) {
      // A node of an empty trie: nobody looks it up.
      if (node.length > 1) nodes.set(Buffer.from(node).toString('latin1'), node);
    }
  };
  for (const [contract, slots] of wanted) {
    const proof = proven.get(contract);
    if (proof === undefined) continue;
    add(proof.account);
    for (const slot of slots) add(proof.slots.get(slot) ?? []);
  }
  return [...nodes.values()];
}
