import { keccak_256 } from '@noble/hashes/sha3.js';
import {
  concat,
  fromBase64Url,
  fromHex,
  fromUtf8,
  type Hex,
  toBase64Url,
  toHex,
  utf8,
  word,
} from '../bytes.ts';
import { recoverSigner, signHash } from '../chain/submission.ts';
import type { Address, LedgerAddress, OrganisationId } from '../chain/types.ts';
import { VinculumError } from '../errors.ts';
import { formatIdentifier, type Identifier, parseIdentifier } from '../identifiers/identifier.ts';
import { typedDataHash } from '../privacy/form.ts';

/*
 * What a maker prints on a part (docs/protocol.md §19): its identifier, signed. A code says that a key of that organisation
 * once signed this number; that the part in hand is the one that it was printed for, no code can say, for any code can be
 * copied.
 */

export type PartCode = {
  /** A serialised part, or a batch. */
  readonly identifier: Identifier;
  /** Who made it, and signs. */
  readonly organisation: OrganisationId;
  readonly ledger: LedgerAddress;
};

export type SignedPartCode = PartCode & {
  /** 65 bytes `r ‖ s ‖ v`. */
  readonly signature: Uint8Array;
  /** Whose key signed it, or null where the signature is none. */
  readonly signer: Address | null;
};

/** The typed data, under the ledger's own domain. */
export const partCodeTypes = {
  PartCode: [
    { name: 'identifier', type: 'string' },
    { name: 'organisation', type: 'uint64' },
  ],
} as const;

const PART_CODE_TYPE = keccak_256(
  utf8(`PartCode(${partCodeTypes.PartCode.map(({ name, type }) => `${type} ${name}`).join(',')})`),
);

const PREFIX = 'VN1';
const HEAD_BYTES = 8 + 8 + 20;
const MOST_CHARACTERS = 400;

export function partCodeHash({ identifier, organisation, ledger }: PartCode): Hex {
  const struct = keccak_256(
    concat(PART_CODE_TYPE, keccak_256(utf8(formatIdentifier(identifier))), word(organisation)),
  );
  return typedDataHash(ledger, struct);
}

/**
 * The text of a code: `VN1.<payload>.<signature>`, both in base64url; the payload is `u64(organisation) ‖ u64(chain id) ‖
 * ledger ‖ identifier as text`.
 * @throws `partCode.identifier` for what is no part and no batch, `partCode.number` where a number does not fit 64 bits
 */
export function signPartCode(code: PartCode, secretKey: Uint8Array): string {
  checkIdentifier(code.identifier);
  const { organisation, ledger } = code;
  const payload = concat(
    uint64(organisation),
    uint64(ledger.chainId),
    fromHex(ledger.address, 20),
    utf8(formatIdentifier(code.identifier)),
  );
  const signature = signHash(fromHex(partCodeHash(code), 32), secretKey);
  return `${PREFIX}.${toBase64Url(payload)}.${toBase64Url(signature)}`;
}

/**
 * A code from its text, or from an address that carries it in its fragment (`…#check=VN1.…`). Whether its signer speaks for
 * the maker is still to be found out.
 * @throws `partCode.malformed` `partCode.unknownVersion` `partCode.identifier`
 */
export function readPartCode(text: string): SignedPartCode {
  const code = fromAddress(text.trim());
  if (code.length > MOST_CHARACTERS) throw malformed('it is too long');
  const [prefix, payload, signed, ...more] = code.split('.');
  if (prefix !== PREFIX && /^VN[0-9]{1,3}$/.test(prefix ?? '')) {
    throw new VinculumError('partCode.unknownVersion', 'This part code is of a newer version.');
  }
  if (prefix !== PREFIX || payload === undefined || signed === undefined || more.length > 0) {
    throw malformed('it is not VN1, a payload and a signature');
  }
  const [bytes, signature] = [decoded(payload), decoded(signed)];
  if (bytes.length <= HEAD_BYTES) throw malformed('its payload is cut');
  if (signature.length !== 65) throw malformed('its signature is not 65 bytes');
  const numbers = new DataView(bytes.buffer, bytes.byteOffset);
  const organisation = numbers.getBigUint64(0) as OrganisationId;
  if (organisation === 0n) throw malformed('it names no organisation');
  const content: PartCode = {
    identifier: identifierOf(bytes.subarray(HEAD_BYTES)),
    organisation,
    ledger: { chainId: numbers.getBigUint64(8), address: toHex(bytes.subarray(16, HEAD_BYTES)) as Address },
  };
  return { ...content, signature, signer: recoverSigner(fromHex(partCodeHash(content), 32), signature) };
}

/** What a code looks like; of anything else it is not worth asking a service. */
export const PART_CODE_PATTERN = /^VN1\.[A-Za-z0-9_-]{50,200}\.[A-Za-z0-9_-]{87}$/;

/** The address that a printed code opens: the code is in the fragment, which no browser sends. */
export function partCodeAddress(origin: string, code: string): string {
  return `${origin.replace(/\/+$/, '')}/#check=${code}`;
}

function fromAddress(text: string): string {
  const at = text.indexOf('#check=');
  return at < 0 ? text : text.slice(at + '#check='.length);
}

function identifierOf(bytes: Uint8Array): Identifier {
  let identifier: Identifier;
  let text: string;
  try {
    text = fromUtf8(bytes);
    identifier = parseIdentifier(text);
  } catch (cause) {
    throw new VinculumError('partCode.identifier', 'The code names no part and no batch.', { cause });
  }
  if (formatIdentifier(identifier) !== text) {
    throw new VinculumError('partCode.identifier', 'The code’s identifier is not in its normal form.');
  }
  checkIdentifier(identifier);
  return identifier;
}

function checkIdentifier({ type }: Identifier): void {
  if (type === 'serial' || type === 'batch') return;
  throw new VinculumError('partCode.identifier', 'A part code names a serialised part or a batch.');
}

function uint64(value: bigint): Uint8Array {
  if (value < 0n || value >> 64n !== 0n) {
    throw new VinculumError('partCode.number', 'A part code holds numbers of 64 bits.');
  }
  return word(value).subarray(24);
}

function decoded(text: string): Uint8Array {
  try {
    return fromBase64Url(text);
  } catch (cause) {
    throw malformed('it is not base64url', cause);
  }
}

function malformed(why: string, cause?: unknown): VinculumError {
  return new VinculumError(
    'partCode.malformed',
    `This is no part code: ${why}. Scan or copy the whole of it.`,
    {
      cause,
    },
  );
}
