import { VinculumError } from './errors.ts';

/** Hex as the protocol writes it: lower case, `0x` in front. */
export type Hex = `0x${string}`;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

const NIBBLE = new Int8Array(128).fill(-1);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  NIBBLE[digit.charCodeAt(0)] = value;
  NIBBLE[digit.toUpperCase().charCodeAt(0)] = value;
}

export function toHex(bytes: Uint8Array): Hex {
  let text = '0x';
  for (const byte of bytes) text += HEX[byte];
  return text as Hex;
}

/**
 * Bytes of a `0x` hex string of either case.
 * @param length required number of bytes, if given
 * @throws `bytes.invalidHex`
 */
export function fromHex(text: string, length?: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(0, (text.length - 2) >> 1));
  let valid =
    text.startsWith('0x') && text.length % 2 === 0 && (length === undefined || bytes.length === length);
  for (let index = 0; valid && index < bytes.length; index++) {
    const high = NIBBLE[text.charCodeAt(2 + index * 2)] ?? -1;
    const low = NIBBLE[text.charCodeAt(3 + index * 2)] ?? -1;
    valid = high >= 0 && low >= 0;
    bytes[index] = high * 16 + low;
  }
  if (!valid) {
    const size = length === undefined ? 'whole bytes' : `${length} bytes`;
    throw new VinculumError('bytes.invalidHex', `Expected 0x and ${size} of hexadecimal digits.`);
  }
  return bytes;
}

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const SEXTET = new Int8Array(128).fill(-1);
for (let value = 0; value < 64; value++) SEXTET[BASE64URL.charCodeAt(value)] = value;

export function toBase64Url(bytes: Uint8Array): string {
  let text = '';
  for (let index = 0; index < bytes.length; index += 3) {
    const left = bytes.length - index;
    const group = ((bytes[index] ?? 0) << 16) | ((bytes[index + 1] ?? 0) << 8) | (bytes[index + 2] ?? 0);
    text += BASE64URL.charAt(group >> 18) + BASE64URL.charAt((group >> 12) & 63);
    if (left > 1) text += BASE64URL.charAt((group >> 6) & 63);
    if (left > 2) text += BASE64URL.charAt(group & 63);
  }
  return text;
}

/**
 * Bytes of base64url without padding; refuses any other spelling of the same bytes.
 * @throws `bytes.invalidBase64Url`
 */
export function fromBase64Url(text: string): Uint8Array {
  const tail = text.length % 4;
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let valid = tail !== 1;
  let bits = 0;
  let held = 0;
  let written = 0;
  for (let index = 0; valid && index < text.length; index++) {
    const sextet = SEXTET[text.charCodeAt(index)] ?? -1;
    valid = sextet >= 0;
    held = ((held << 6) | sextet) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[written++] = (held >> bits) & 0xff;
    }
  }
  if (!valid || (held & ((1 << bits) - 1)) !== 0) {
    throw new VinculumError('bytes.invalidBase64Url', 'Expected base64url without padding.');
  }
  return bytes;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** @throws `bytes.invalidUtf8` */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new VinculumError('bytes.invalidUtf8', 'The bytes are not UTF-8.', { cause });
  }
}

/** `lp(text)` of the protocol: two bytes of length, big-endian, then the UTF-8 bytes. */
export function lengthPrefixed(text: string): Uint8Array {
  const bytes = utf8(text);
  if (bytes.length > 0xffff) {
    throw new VinculumError('bytes.tooLong', 'A length-prefixed field holds at most 65,535 bytes.');
  }
  return concat(new Uint8Array([bytes.length >> 8, bytes.length & 0xff]), bytes);
}

/** A 32-byte big-endian word, as `abi.encode` lays out numbers. */
export function word(value: bigint): Uint8Array {
  if (value < 0n || value >> 256n !== 0n) {
    throw new VinculumError('bytes.outOfRange', 'The number does not fit 256 bits.');
  }
  const bytes = new Uint8Array(32);
  let rest = value;
  for (let index = 31; rest > 0n; index--) {
    bytes[index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}
