import { keccak_256 } from '@noble/hashes/sha3.js';
import { fromHex, type Hex, toHex, utf8, word } from '../bytes.ts';
import type { Address, Head, OrganisationId, Subject } from '../chain/types.ts';
import { VinculumError } from '../errors.ts';

export type BlockReference = { readonly number: bigint; readonly hash: Hex; readonly timestamp: bigint };

/**
 * One chain at one block, as far as the reader has reason to believe it: by RPC endpoints of its choice (below), or by
 * storage proofs against a trusted block hash.
 */
export interface ChainView {
  readonly chainId: bigint;
  /** The block at which everything is read. */
  readonly block: BlockReference;
  /** The newest block that can no longer be undone, if the source knows one. */
  readonly final: BlockReference | null;
  /** How many independent endpoints agreed. */
  readonly endpoints: number;
  directoryHead(directory: Address): Promise<Head>;
  codeHash(contract: Address): Promise<Hex>;
  pseudonymKey(ledger: Address): Promise<Hex>;
  /** The head of a subject's history; zero where it has none. */
  head(ledger: Address, subject: Subject): Promise<Head>;
  /** The head of an organisation's own chain. */
  ownHead(ledger: Address, organisation: OrganisationId): Promise<Head>;
  /** The head of an organisation's record of standing. */
  organisationHead(organisations: Address, organisation: OrganisationId): Promise<Head>;
}

/** A JSON-RPC endpoint: sends one request, gives its result, throws on an error. The caller sets time limits. */
export type RpcRequest = (method: string, params: readonly unknown[]) => Promise<unknown>;

/** The four bytes that choose a contract's function. */
export function selector(signature: string): Hex {
  return toHex(keccak_256(utf8(signature)).subarray(0, 4));
}

const SELECTORS = {
  directoryHead: selector('head()'),
  pseudonymKey: selector('pseudonymKey()'),
  head: selector('heads(bytes32)'),
  ownHead: selector('ownHeads(uint64)'),
  organisationHead: selector('heads(uint64)'),
};

function malformed(method: string, cause?: unknown): VinculumError {
  return new VinculumError('rpc.malformed', `An endpoint’s answer to ${method} is malformed.`, { cause });
}

function disagree(method: string, answers: readonly string[]): VinculumError {
  return new VinculumError('rpc.disagree', `The endpoints disagree on ${method}.`, {
    details: { method, answers },
  });
}

function readWord(method: string, value: unknown): Hex {
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{64}$/.test(value)) throw malformed(method);
  return value.toLowerCase() as Hex;
}

function readBlock(value: unknown): BlockReference {
  if (value === null) {
    throw new VinculumError('rpc.unknownBlock', 'An endpoint does not have this block (yet).');
  }
  const block = value as { number?: unknown; hash?: unknown; timestamp?: unknown } | null;
  const quantity = /^0x[0-9a-fA-F]{1,16}$/;
  if (
    typeof block?.number !== 'string' ||
    typeof block.timestamp !== 'string' ||
    !quantity.test(block.number) ||
    !quantity.test(block.timestamp)
  ) {
    throw malformed('eth_getBlockByNumber');
  }
  return {
    number: BigInt(block.number),
    hash: readWord('eth_getBlockByNumber', block.hash),
    timestamp: BigInt(block.timestamp),
  };
}

const quantity = (value: bigint): Hex => `0x${value.toString(16)}`;

/** An endpoint, and the words by which it knows the block that everything is read at. */
type Placed = { readonly request: RpcRequest; readonly block: unknown };

type Agree = (method: string, asked: unknown, read: (value: unknown) => string) => Promise<string>;

/** Asks all endpoints the same of one block, and takes only a unanimous answer. */
function unanimous(endpoints: readonly Placed[]): Agree {
  return async (method, asked, read) => {
    const answers = await Promise.all(
      endpoints.map(async ({ request, block }) => read(await request(method, [asked, block]))),
    );
    const [answer = ''] = answers;
    if (answers.some((other) => other !== answer)) {
      throw disagree(method, answers);
    }
    return answer;
  };
}

async function checkChain(endpoints: readonly RpcRequest[], chainId: bigint): Promise<void> {
  if (endpoints.length === 0) throw new VinculumError('rpc.none', 'Name at least one RPC endpoint.');
  await Promise.all(
    endpoints.map(async (request) => {
      const id = await request('eth_chainId', []);
      if (typeof id !== 'string' || !/^0x[0-9a-fA-F]{1,16}$/.test(id)) throw malformed('eth_chainId');
      if (BigInt(id) !== chainId) {
        throw new VinculumError('rpc.otherChain', `An endpoint serves chain ${BigInt(id)}, not ${chainId}.`);
      }
    }),
  );
}

const lower = (left: BlockReference, right: BlockReference): BlockReference =>
  right.number < left.number ? right : left;

/**
 * One block and the newest final one, by endpoints that must agree on the chain and on both blocks, their times included.
 * @param number which block; the newest that all endpoints have, if not given
 * @throws `rpc.none` `rpc.otherChain` `rpc.disagree` `rpc.unknownBlock` `rpc.malformed`, and whatever a request throws
 */
export async function agreedBlocks(
  endpoints: readonly RpcRequest[],
  chainId: bigint,
  number?: bigint,
): Promise<{ block: BlockReference; final: BlockReference | null }> {
  await checkChain(endpoints, chainId);
  const ask = (tag: string): Promise<BlockReference[]> =>
    Promise.all(
      endpoints.map(async (request) => readBlock(await request('eth_getBlockByNumber', [tag, false]))),
    );
  // Taken whole from what all say of this number: a single endpoint must not date a block of the others.
  const agreeOn = async (wanted: bigint): Promise<BlockReference> => {
    const blocks = await ask(quantity(wanted));
    for (const member of ['number', 'hash', 'timestamp'] as const) {
      if (new Set(blocks.map((found) => found[member])).size > 1) {
        throw disagree(
          'eth_getBlockByNumber',
          blocks.map((found) => String(found[member])),
        );
      }
    }
    const [agreed] = blocks;
    if (agreed?.number !== wanted) throw malformed('eth_getBlockByNumber');
    return agreed;
  };
  const block = await agreeOn(number ?? (await ask('latest')).reduce(lower).number);
  // A chain without finality, or a node that does not know it, answers null or an error: nothing is final there.
  const finals = await ask('finalized').catch(() => null);
  const final = finals === null ? null : await agreeOn(finals.reduce(lower).number);
  return { block, final };
}

/**
 * Names the block by its hash (EIP-1898) where the endpoint knows that: read by its number, a chain that reorganises in
 * between would tell of another block than the one that was agreed on, and make an honest report look like a lie.
 */
async function placed(request: RpcRequest, { number, hash }: BlockReference): Promise<Placed> {
  const block = { blockHash: hash, requireCanonical: true };
  const known = await request('eth_getCode', [NOBODY, block]).then(
    (code) => typeof code === 'string',
    () => false,
  );
  return { request, block: known ? block : quantity(number) };
}

const NOBODY = `0x${'00'.repeat(20)}`;

/**
 * A view by one or more endpoints, which must agree on the chain, on the block's hash and on every answer. A block that is
 * no longer the chain's makes reading fail, where the endpoint can be asked by hash.
 * @throws `rpc.none` `rpc.otherChain` `rpc.disagree` `rpc.malformed`, and whatever a request throws
 */
export async function rpcView(endpoints: readonly RpcRequest[], chainId: bigint): Promise<ChainView> {
  const { block, final } = await agreedBlocks(endpoints, chainId);
  const agree = unanimous(await Promise.all(endpoints.map((request) => placed(request, block))));
  const call = (to: Address, data: string): Promise<string> =>
    agree('eth_call', { to, data }, (value) => readWord('eth_call', value));
  return {
    chainId,
    block,
    final,
    endpoints: endpoints.length,
    directoryHead: async (directory) => (await call(directory, SELECTORS.directoryHead)) as Head,
    codeHash: async (contract) =>
      (await agree('eth_getCode', contract, (value) => {
        if (typeof value !== 'string') throw malformed('eth_getCode');
        return toHex(keccak_256(fromHex(value)));
      })) as Hex,
    pseudonymKey: async (ledger) => (await call(ledger, SELECTORS.pseudonymKey)) as Hex,
    head: async (ledger, subject) => (await call(ledger, SELECTORS.head + subject.slice(2))) as Head,
    ownHead: async (ledger, organisation) =>
      (await call(ledger, SELECTORS.ownHead + toHex(word(organisation)).slice(2))) as Head,
    organisationHead: async (organisations, organisation) =>
      (await call(organisations, SELECTORS.organisationHead + toHex(word(organisation)).slice(2))) as Head,
  };
}
