import { keccak_256 } from '@noble/hashes/sha3.js';
import { type Hex, toHex } from '../../core/bytes.ts';
import type { Account } from '../keyring/keyring.ts';

/** A transaction of type 2 (EIP-1559), as far as the relay needs it. */
export interface RelayTransaction {
  readonly chainId: bigint;
  readonly nonce: number;
  readonly maxPriorityFeePerGas: bigint;
  readonly maxFeePerGas: bigint;
  readonly gasLimit: number;
  readonly to: Uint8Array;
  readonly data: Uint8Array;
}

export interface SignedTransaction {
  readonly hash: Hex;
  readonly raw: Uint8Array;
}

const TYPE = Buffer.from([2]);

export function signTransaction(transaction: RelayTransaction, account: Account): SignedTransaction {
  const fields = [
    number(transaction.chainId),
    number(transaction.nonce),
    number(transaction.maxPriorityFeePerGas),
    number(transaction.maxFeePerGas),
    number(transaction.gasLimit),
    string(transaction.to),
    number(0),
    string(transaction.data),
    list([]), // access list
  ];
  const signature = Buffer.from(account.sign(keccak_256(Buffer.concat([TYPE, list(fields)]))));
  const parity = (signature[64] ?? 27) - 27;
  const raw = Buffer.concat([
    TYPE,
    list([
      ...fields,
      number(parity),
      integer(signature.subarray(0, 32)),
      integer(signature.subarray(32, 64)),
    ]),
  ]);
  return { hash: toHex(keccak_256(raw)), raw };
}

// RLP, as in the Ethereum yellow paper, appendix B.

function number(value: bigint | number): Buffer {
  const hex = value.toString(16);
  return integer(Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex'));
}

/** A number has no leading zeros, and zero no bytes at all. */
function integer(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length && bytes[start] === 0) start += 1;
  return string(bytes.subarray(start));
}

function string(bytes: Uint8Array): Buffer {
  if (bytes.length === 1 && (bytes[0] ?? 0) < 0x80) return Buffer.from(bytes);
  return Buffer.concat([prefix(0x80, bytes.length), bytes]);
}

function list(items: readonly Buffer[]): Buffer {
  const body = Buffer.concat(items);
  return Buffer.concat([prefix(0xc0, body.length), body]);
}

function prefix(base: number, length: number): Buffer {
  if (length <= 55) return Buffer.from([base + length]);
  const hex = length.toString(16);
  const size = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.from([base + 55 + size.length]), size]);
}
