import { sha256 } from '@noble/hashes/sha2.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import * as z from 'zod/mini';
import { concat, fromHex, type Hex, toHex, utf8, word } from '../bytes.ts';
import { canonicalJson } from '../canonical.ts';
import { addressOfKey, recoverSigner, signHash } from '../chain/submission.ts';
import type { Address, LedgerAddress, Subject } from '../chain/types.ts';
import { VinculumError } from '../errors.ts';
import { fieldName, hex, isDistinct, readStrictly, seconds, signatureText, typedDataHash } from './form.ts';

/** Who was shown something: an organisation, an account, whoever held a consent's share link, or the operator. */
export const readerText = z
  .string()
  .check(
    z.regex(/^(?:organisation:[1-9][0-9]{0,19}|account:0x[0-9a-f]{40}|bearer:0x[0-9a-f]{64}|operator)$/),
  );

/** One showing of sealed content of a subject, as it stands in the log (docs/protocol.md §15). */
export const accessEntrySchema = z.strictObject({
  /** Seconds since 1970. */
  at: seconds,
  /** The name of the consent it was shown under, or null where none was needed. */
  consent: z.nullable(hex(32)),
  /** Place in the log, from 0. */
  position: seconds,
  /** The consent's purpose, or what the reader was shown it for: one word. */
  purpose: z.string().check(z.regex(/^[A-Za-z][A-Za-z0-9.-]{0,63}$/)),
  reader: readerText,
  /** By what it was read: the name of a route or a command, never an address with a token in it. */
  route: z.string().check(z.regex(/^[\x20-\x7e]{1,200}$/)),
  shown: z
    .array(
      z.strictObject({
        digest: hex(32),
        fields: z.array(fieldName).check(z.minLength(1), z.maxLength(10_000), z.refine(isDistinct)),
      }),
    )
    .check(z.minLength(1), z.maxLength(100_000)),
});
export type AccessEntry = z.infer<typeof accessEntrySchema>;

/** What a log leads to: 32 bytes that commit to the whole of it. */
export type AccessHead = Hex & { readonly __brand: 'AccessHead' };

export const ZERO_ACCESS_HEAD = `0x${'00'.repeat(32)}` as AccessHead;

const DOMAIN = utf8('vinculum/access/1');

/** The head after `entry`: `SHA-256("vinculum/access/1" ‖ head ‖ SHA-256(canonical JSON of the entry))`. */
export function nextAccessHead(head: AccessHead, entry: AccessEntry): AccessHead {
  return toHex(sha256(concat(DOMAIN, fromHex(head, 32), sha256(utf8(canonicalJson(entry)))))) as AccessHead;
}

/**
 * The head that a log leads to, its entries in their order.
 * @param from the first entry's position, where the log is folded on from `head`
 * @throws `access.position` for an entry that does not stand where it says
 */
export function foldAccess(
  entries: Iterable<AccessEntry>,
  head: AccessHead = ZERO_ACCESS_HEAD,
  from = 0,
): AccessHead {
  let next = head;
  let position = from;
  for (const entry of entries) {
    if (entry.position !== position) {
      throw new VinculumError('access.position', `Entry ${position} of the access log is not there.`, {
        details: { position },
      });
    }
    next = nextAccessHead(next, entry);
    position += 1;
  }
  return next;
}

/** What the operator signs of a subject's log. */
export type AccessState = {
  readonly subject: Subject;
  /** How many entries the log has. */
  readonly length: bigint;
  readonly head: AccessHead;
  /** When it was signed, seconds since 1970. */
  readonly at: bigint;
};

/** The typed data of a log's head, under the ledger's own domain. */
export const accessHeadTypes = {
  AccessHead: [
    { name: 'subject', type: 'bytes32' },
    { name: 'length', type: 'uint64' },
    { name: 'head', type: 'bytes32' },
    { name: 'at', type: 'uint64' },
  ],
} as const;

const ACCESS_TYPE = keccak_256(utf8('AccessHead(bytes32 subject,uint64 length,bytes32 head,uint64 at)'));

export function accessHeadHash(ledger: LedgerAddress, state: AccessState): Hex {
  const struct = keccak_256(
    concat(
      ACCESS_TYPE,
      fromHex(state.subject, 32),
      word(state.length),
      fromHex(state.head, 32),
      word(state.at),
    ),
  );
  return typedDataHash(ledger, struct);
}

/** Who signed the head, or null where the signature is none. */
export function recoverAccessOperator(
  ledger: LedgerAddress,
  state: AccessState,
  signature: Uint8Array,
): Address | null {
  return recoverSigner(fromHex(accessHeadHash(ledger, state), 32), signature);
}

/** A signed head as JSON. */
export const accessHeadSchema = z.strictObject({
  subject: hex(32),
  length: seconds,
  head: hex(32),
  at: seconds,
  operator: hex(20),
  signature: signatureText,
});
export type AccessHeadJson = z.infer<typeof accessHeadSchema>;

/** Signs a head with the operator’s key. */
export function signAccessHead(
  ledger: LedgerAddress,
  state: AccessState,
  secretKey: Uint8Array,
): AccessHeadJson {
  const signature = signHash(fromHex(accessHeadHash(ledger, state), 32), secretKey);
  const { subject, head } = state;
  return {
    subject,
    length: Number(state.length),
    head,
    at: Number(state.at),
    operator: addressOfKey(secretKey),
    signature: toHex(signature),
  };
}

/**
 * A signed head from JSON, its signature checked to be the operator's that it names; whether that is the operator one
 * deals with is the reader's to say.
 * @throws `access.malformed` `access.signature`
 */
export function readAccessHead(ledger: LedgerAddress, value: unknown): AccessState & { operator: Address } {
  const json = readStrictly(accessHeadSchema, value, 'access.malformed', 'head of an access log');
  const state: AccessState = {
    subject: json.subject as Subject,
    length: BigInt(json.length),
    head: json.head as AccessHead,
    at: BigInt(json.at),
  };
  if (recoverAccessOperator(ledger, state, fromHex(json.signature)) !== json.operator) {
    throw new VinculumError('access.signature', 'The head is not signed by the operator that it names.');
  }
  return { ...state, operator: json.operator as Address };
}

/** Entries of an access log from JSON. @throws `access.malformed` */
export function readAccessEntries(value: unknown): AccessEntry[] {
  return readStrictly(z.array(accessEntrySchema), value, 'access.malformed', 'access log');
}

/**
 * Holds a whole log to heads that were signed of it, those kept from earlier included: it must fold through each of them.
 * @throws `access.position`; `access.shortened` where a head speaks of more entries than there are; `access.rewritten`
 *   where the log at a head's length leads elsewhere. The head's place in `heads` is in the details.
 */
export function checkAccessLog(
  entries: readonly AccessEntry[],
  heads: readonly Pick<AccessState, 'length' | 'head'>[],
): void {
  const reached: AccessHead[] = [ZERO_ACCESS_HEAD];
  let head = ZERO_ACCESS_HEAD;
  entries.forEach((entry, position) => {
    head = foldAccess([entry], head, position);
    reached.push(head);
  });
  heads.forEach((signed, index) => {
    const found = reached[Number(signed.length)];
    if (found === signed.head) return;
    const code = found === undefined ? 'access.shortened' : 'access.rewritten';
    throw new VinculumError(code, 'The access log is not the one that this head was signed of.', {
      details: { index, length: Number(signed.length) },
    });
  });
}
