import { sha256 } from '@noble/hashes/sha2.js';
import { fromBase64Url, fromUtf8, toBase64Url, utf8 } from '../bytes.ts';
import type { Json } from '../canonical.ts';
import { VinculumError } from '../errors.ts';
import { type Random, secureRandom } from './block.ts';

/** Opens one sealed field: `base64url(JSON [salt, name, value])` (SD-JWT, RFC 9901 §4.2.1). */
export type Disclosure = string & { readonly __brand: 'Disclosure' };

const SALT_BYTES = 16;
const RESERVED = new Set(['_sd', '...', '_sd_alg']);

/** `base64url(SHA-256(ASCII of the disclosure))`: what the envelope shows of a sealed field. */
export function disclosureDigest(disclosure: string): string {
  return toBase64Url(sha256(utf8(disclosure)));
}

export function sealField(name: string, value: Json, random: Random = secureRandom): Disclosure {
  if (RESERVED.has(name))
    throw new VinculumError('disclosure.reservedName', `No field can be named ${name}.`);
  const salt = toBase64Url(random(SALT_BYTES));
  return toBase64Url(utf8(JSON.stringify([salt, name, value]))) as Disclosure;
}

/** @throws `disclosure.malformed` */
export function openDisclosure(disclosure: string): { name: string; value: Json } {
  let parts: unknown;
  try {
    parts = JSON.parse(fromUtf8(fromBase64Url(disclosure)));
  } catch (cause) {
    throw new VinculumError('disclosure.malformed', 'This is no disclosure of a sealed field.', { cause });
  }
  if (
    !Array.isArray(parts) ||
    parts.length !== 3 ||
    typeof parts[0] !== 'string' ||
    typeof parts[1] !== 'string'
  ) {
    throw new VinculumError('disclosure.malformed', 'A disclosure is [salt, name, value].');
  }
  if (RESERVED.has(parts[1])) {
    throw new VinculumError('disclosure.reservedName', `No field can be named ${parts[1]}.`);
  }
  return { name: parts[1], value: parts[2] as Json };
}

/** `data` with its sealed fields replaced by their sorted digests, and what opens them. */
export function sealData(
  data: Readonly<Record<string, Json>>,
  sealed: Readonly<Record<string, Json>>,
  random: Random = secureRandom,
): { data: Record<string, Json>; disclosures: Disclosure[] } {
  const disclosures = Object.entries(sealed).map(([name, value]) => {
    if (Object.hasOwn(data, name))
      throw new VinculumError('disclosure.twice', `The field ${name} is public already.`);
    return sealField(name, value, random);
  });
  if (disclosures.length === 0) return { data: { ...data }, disclosures };
  return { data: { ...data, _sd: disclosures.map(disclosureDigest).sort() }, disclosures };
}

/**
 * The sealed fields that disclosures open, each checked against the digests in `data._sd`.
 * @throws `disclosure.unknown` for one whose digest is not there, `disclosure.twice` for a name opened twice
 */
export function openDisclosures(
  data: Readonly<Record<string, Json>>,
  disclosures: readonly string[],
): Record<string, Json> {
  const digests = new Set(Array.isArray(data._sd) ? (data._sd as readonly Json[]) : []);
  const opened: Record<string, Json> = Object.create(null);
  for (const disclosure of disclosures) {
    if (!digests.has(disclosureDigest(disclosure))) {
      throw new VinculumError('disclosure.unknown', 'A disclosure opens no sealed field of this envelope.');
    }
    const { name, value } = openDisclosure(disclosure);
    if (name in opened || Object.hasOwn(data, name))
      throw new VinculumError('disclosure.twice', `The field ${name} is opened twice.`);
    opened[name] = value;
  }
  return opened;
}
