import { keccak_256 } from '@noble/hashes/sha3.js';
import { fromHex, type Hex, toHex } from '../bytes.ts';
import { VinculumError } from '../errors.ts';
import { decodeRlp, encodeRlp, type Rlp } from './rlp.ts';

/** What a block's header proves. */
export type Header = {
  readonly hash: Hex;
  readonly stateRoot: Hex;
  readonly number: bigint;
  readonly timestamp: bigint;
};

/**
 * How a chain family's header becomes its block hash. `ethereum`: keccak256 of the header's RLP (also anvil, OP stack).
 * `besu-qbft`: the same with the seals and the round left out of the extra data (Besu, QBFT §"Extra data").
 */
export type HeaderCodec = 'ethereum' | 'besu-qbft';

const STATE_ROOT = 3;
const NUMBER = 8;
const TIMESTAMP = 11;
const EXTRA_DATA = 12;

function malformed(why: string): VinculumError {
  return new VinculumError('proof.malformedHeader', `The block header is malformed: ${why}.`);
}

function integer(value: Rlp | undefined): bigint {
  if (!(value instanceof Uint8Array) || value.length > 8 || value[0] === 0) throw malformed('a number');
  return value.length === 0 ? 0n : BigInt(toHex(value));
}

/** QBFT: the extra data is RLP of [vanity, validators, vote, round, seals]; the hash is taken without the last two. */
function withoutSeals(fields: readonly Rlp[]): Rlp {
  const extra = fields[EXTRA_DATA];
  const parts = extra instanceof Uint8Array ? decodeRlp(extra) : null;
  if (parts === null || parts instanceof Uint8Array || parts.length !== 5)
    throw malformed('its QBFT extra data');
  const [vanity, validators, vote] = parts;
  if (vanity === undefined || validators === undefined || vote === undefined)
    throw malformed('its QBFT extra data');
  const sealed = encodeRlp([vanity, validators, vote, new Uint8Array(0), []]);
  return fields.map((field, index) => (index === EXTRA_DATA ? sealed : field));
}

/** Reads a header from its RLP. @throws `proof.malformedHeader` `proof.malformedRlp` */
export function readHeader(rlp: Uint8Array, codec: HeaderCodec = 'ethereum'): Header {
  const fields = decodeRlp(rlp);
  if (fields instanceof Uint8Array || fields.length < 15) throw malformed('it has fewer than 15 fields');
  const stateRoot = fields[STATE_ROOT];
  if (!(stateRoot instanceof Uint8Array) || stateRoot.length !== 32) throw malformed('its state root');
  const hashed = codec === 'besu-qbft' ? encodeRlp(withoutSeals(fields)) : rlp;
  return {
    hash: toHex(keccak_256(hashed)),
    stateRoot: toHex(stateRoot),
    number: integer(fields[NUMBER]),
    timestamp: integer(fields[TIMESTAMP]),
  };
}

/** The header's fields in order, by their JSON-RPC names; later forks only appended. */
const FIELDS = [
  ['parentHash', 32],
  ['sha3Uncles', 32],
  ['miner', 20],
  ['stateRoot', 32],
  ['transactionsRoot', 32],
  ['receiptsRoot', 32],
  ['logsBloom', 256],
  ['difficulty', 0],
  ['number', 0],
  ['gasLimit', 0],
  ['gasUsed', 0],
  ['timestamp', 0],
  ['extraData', -1],
  ['mixHash', 32],
  ['nonce', 8],
  ['baseFeePerGas', 0],
  ['withdrawalsRoot', 32],
  ['blobGasUsed', 0],
  ['excessBlobGas', 0],
  ['parentBeaconBlockRoot', 32],
  ['requestsHash', 32],
] as const;

/**
 * The RLP of a header from a node's JSON (`eth_getBlockByNumber`); `size` 0 marks numbers, −1 any bytes.
 * @throws `proof.malformedHeader` when a field is missing or the RLP does not have the block's hash (a chain family
 *   of another codec)
 */
export function encodeHeader(
  block: Readonly<Record<string, unknown>>,
  codec: HeaderCodec = 'ethereum',
): Uint8Array {
  const fields: Uint8Array[] = [];
  for (const [name, size] of FIELDS) {
    const value = block[name];
    if (value === undefined || value === null) {
      if (fields.length < 15) throw malformed(`it has no ${name}`);
      break;
    }
    if (typeof value !== 'string') throw malformed(name);
    if (size !== 0) fields.push(size > 0 ? fromHex(value, size) : fromHex(value));
    else {
      const digits = BigInt(value).toString(16);
      fields.push(
        value === '0x0' ? new Uint8Array(0) : fromHex(`0x${digits.length % 2 === 0 ? '' : '0'}${digits}`),
      );
    }
  }
  const rlp = encodeRlp(fields);
  if (readHeader(rlp, codec).hash !== block.hash)
    throw malformed('its fields do not hash to the block’s hash');
  return rlp;
}
