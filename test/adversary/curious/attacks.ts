import { createHmac, hash } from 'node:crypto';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { createVoprf } from '../../../api/pseudonym/voprf.ts';
import { concat, utf8 } from '../../../core/bytes.ts';
import { inputOf } from './world.ts';

/** A way of making bytes of a VIN that might stand somewhere. Each is without the operator's secret. */
export type Attack = { readonly name: string; readonly derive: (vin: string) => Iterable<Uint8Array> };

const of = (algorithm: string) => (bytes: Uint8Array | string) => hash(algorithm, bytes, 'buffer');
const sha256 = of('sha256');
const keccak = (bytes: Uint8Array | string) => keccak_256(typeof bytes === 'string' ? utf8(bytes) : bytes);

const ripemd160 = of('ripemd160');

function twice(vin: string): Uint8Array[] {
  const once = sha256(vin);
  return [sha256(once), ripemd160(once)];
}

/** The same input, made by writing over the last one's end: a VIN is its last field, and always as long. */
const template = Buffer.from(inputOf('0'.repeat(17)));
function quickInputOf(vin: string): Uint8Array {
  template.write(vin, template.length - vin.length, 'latin1');
  return template;
}

/** Cheap enough for every candidate: the hashes that people use of a VIN, and the protocol's own input without its key. */
export const quick: readonly Attack[] = [
  { name: 'SHA-256', derive: (vin) => [sha256(vin)] },
  { name: 'SHA-256 of vin:…', derive: (vin) => [sha256(`vin:${vin}`)] },
  { name: 'SHA-256 of lower case', derive: (vin) => [sha256(vin.toLowerCase())] },
  { name: 'SHA-256 twice, RIPEMD-160', derive: twice },
  { name: 'SHA-1', derive: (vin) => [of('sha1')(vin)] },
  { name: 'SHA3-256', derive: (vin) => [of('sha3-256')(vin)] },
  { name: 'SHA-256 of the protocol’s input', derive: (vin) => [sha256(quickInputOf(vin))] },
  {
    name: 'Keccak-256, and as an address',
    derive: (vin) => {
      const word = keccak(vin);
      return [word, word.subarray(12)];
    },
  },
];

const spelt = (vin: string): string[] => [
  vin,
  vin.toLowerCase(),
  `vin:${vin}`,
  `vin::${vin}`,
  `VIN:${vin}`,
  `urn:vin:${vin}`,
  `${vin}\n`,
  `"${vin}"`,
  vin.padEnd(32, '\0'),
  vin.padStart(32, '\0'),
  [...vin].reverse().join(''),
  `${vin.slice(0, 3)}-${vin.slice(3, 9)}-${vin.slice(9)}`,
];

const hashes = [
  sha256,
  keccak,
  of('sha3-256'),
  of('sha1'),
  of('sha512'),
  of('blake2s256'),
  of('ripemd160'),
  of('sm3'),
];

/** Every spelling under every hash, alone and with everything public mixed in; for fewer candidates. */
export function broad(salts: readonly Uint8Array[]): Attack[] {
  return [
    {
      name: 'every spelling under every hash',
      *derive(vin) {
        for (const text of spelt(vin)) {
          for (const digest of hashes) {
            const word = digest(text);
            yield word;
            if (word.length === 32) yield word.subarray(12);
            yield sha256(word);
            yield keccak(word);
          }
        }
        yield keccak(inputOf(vin));
        yield of('sha512')(inputOf(vin));
        yield keccak(of('sha512')(inputOf(vin)));
      },
    },
    {
      name: 'salted with what is public',
      *derive(vin) {
        for (const text of [utf8(vin), utf8(`vin:${vin}`), inputOf(vin)]) {
          for (const salt of salts) {
            for (const digest of [sha256, keccak]) {
              yield digest(concat(salt, text));
              yield digest(concat(text, salt));
            }
            yield createHmac('sha256', salt).update(text).digest();
            yield createHmac('sha256', text).update(salt).digest();
            yield createHmac('sha512', salt).update(text).digest();
          }
        }
      },
    },
    {
      name: 'a set’s positions and leaves without its key',
      *derive(vin) {
        const element = concat(lengthPrefixed('vin'), lengthPrefixed(''), lengthPrefixed(vin));
        for (const key of [new Uint8Array(32), ...salts]) {
          const position = createHmac('sha256', key).update(element).digest();
          yield position;
          yield sha256(concat(new Uint8Array([0]), position));
        }
      },
    },
    {
      name: 'plain, in other writings',
      *derive(vin) {
        for (const text of [vin, vin.toLowerCase()]) {
          const bytes = Buffer.from(text);
          yield bytes;
          yield Buffer.from(text, 'utf16le');
          yield Buffer.from(bytes.toString('hex'));
          yield Buffer.from(bytes.toString('hex').toUpperCase());
          // Base64 of a text with the VIN somewhere in it begins at one of three places.
          for (const before of ['', 'x', 'xx']) {
            const encoded = Buffer.from(`${before}${text}`).toString('base64').replace(/=+$/, '');
            yield Buffer.from(encoded.slice(before === '' ? 0 : 4, before === '' ? 20 : 20));
          }
          yield Buffer.from([...bytes].reverse());
          yield Buffer.from(
            [...text].map((character) => String.fromCharCode(character.charCodeAt(0) + 0xfee0)).join(''),
          );
          yield Buffer.from(bytes.map((byte) => byte ^ 0xff));
        }
      },
    },
  ];
}

const lengthPrefixed = (text: string): Uint8Array => concat(new Uint8Array([0, text.length]), utf8(text));

/** The group elements of the pseudonym function, and its values under keys that somebody might have been careless with. */
export async function pseudonymous(salts: readonly Uint8Array[]): Promise<Attack[]> {
  const careless = [
    scalar(1),
    scalar(2),
    ...[...salts, utf8('vinculum/subject'), new Uint8Array(32)].map((salt) =>
      reduced(hash('sha256', salt, 'buffer')),
    ),
  ];
  const functions = await Promise.all(careless.map((key) => createVoprf(key)));
  return [
    {
      name: 'HashToGroup, and the function under careless keys',
      *derive(vin) {
        const input = inputOf(vin);
        for (const [index, voprf] of functions.entries()) {
          const element = voprf.hashToGroup(input);
          if (index === 0) {
            yield element;
            yield sha256(element);
            yield keccak(element);
          }
          const evaluated = voprf.evaluate(element);
          const output = voprf.output(input, evaluated);
          yield evaluated;
          yield output;
          yield keccak(output);
          yield keccak(evaluated);
          yield sha256(output);
        }
      },
    },
  ];
}

function scalar(value: number): Uint8Array {
  const bytes = new Uint8Array(32);
  bytes[0] = value;
  return bytes;
}

/** A scalar of the group: the upper bits are cleared. */
function reduced(bytes: Uint8Array): Uint8Array {
  const scalarBytes = Uint8Array.from(bytes);
  scalarBytes[31] = (scalarBytes[31] ?? 0) & 0x0f;
  return scalarBytes;
}
