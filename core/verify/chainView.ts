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

function readWord(method: string, value: unknown): Hex {
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{64}$/.test(value)) throw malformed(method);
  return value.toLowerCase() as Hex;
}

function readBlock(value: unknown): BlockReference {
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

/**
 * A view by one or more endpoints, which must agree on the chain, on the block's hash and on every answer.
 * @throws `rpc.otherChain` `rpc.disagree` `rpc.malformed`, and whatever a request throws
 */
export async function rpcView(endpoints: readonly RpcRequest[], chainId: bigint): Promise<ChainView> {
  const first = endpoints[0];
  if (first === undefined) throw new VinculumError('rpc.none', 'Name at least one RPC endpoint.');
  for (const request of endpoints) {
    const id = await request('eth_chainId', []);
    if (typeof id !== 'string' || !/^0x[0-9a-fA-F]{1,16}$/.test(id)) throw malformed('eth_chainId');
    if (BigInt(id) !== chainId) {
      throw new VinculumError('rpc.otherChain', `An endpoint serves chain ${BigInt(id)}, not ${chainId}.`);
    }
  }

  /** The newest block that all endpoints have: the lowest of their heads. */
  const heads = await Promise.all(
    endpoints.map(async (request) => readBlock(await request('eth_getBlockByNumber', ['latest', false]))),
  );
  const lowest = heads.reduce((low, block) => (block.number < low.number ? block : low));
  const agree = async (
    method: string,
    params: readonly unknown[],
    read: (value: unknown) => string,
  ): Promise<string> => {
    const answers = await Promise.all(endpoints.map(async (request) => read(await request(method, params))));
    const answer = answers[0] ?? '';
    if (answers.some((other) => other !== answer)) {
      throw new VinculumError(
        'rpc.disagree',
        `The endpoints disagree on ${method} at block ${lowest.number}.`,
        {
          details: { method, answers },
        },
      );
    }
    return answer;
  };
  await agree('eth_getBlockByNumber', [quantity(lowest.number), false], (value) => readBlock(value).hash);

  const finals = await Promise.all(
    endpoints.map(async (request) => {
      const value = await request('eth_getBlockByNumber', ['finalized', false]).catch(() => null);
      return value === null ? null : readBlock(value);
    }),
  );
  const final = finals.reduce((low, block) =>
    low === null || block === null ? null : block.number < low.number ? block : low,
  );
  if (final !== null) {
    await agree('eth_getBlockByNumber', [quantity(final.number), false], (value) => readBlock(value).hash);
  }

  const tag = quantity(lowest.number);
  const call = (to: Address, data: string): Promise<string> =>
    agree('eth_call', [{ to, data }, tag], (value) => readWord('eth_call', value));
  return {
    chainId,
    block: lowest,
    final: final ?? null,
    endpoints: endpoints.length,
    directoryHead: async (directory) => (await call(directory, SELECTORS.directoryHead)) as Head,
    codeHash: async (contract) =>
      (await agree('eth_getCode', [contract, tag], (value) => {
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
