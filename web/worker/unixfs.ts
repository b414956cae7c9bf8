import { sha256 } from '@noble/hashes/sha2.js';
import { base32 } from 'multiformats/bases/base32';
import { concat, equalBytes } from '../../core/bytes.ts';
import { VinculumError } from '../../core/errors.ts';

/*
 * A file out of a CAR of its UnixFS blocks, checked from the root down: every block is the one that its CID names, and
 * the root's CID is the one that the envelope lists.
 */

const RAW = 0x55;
const DAG_PB = 0x70;
const CID_BYTES = 36;
/** Deeper than any file of this profile: 174 links a level and 1 MiB a leaf reach 900 TiB in five. */
const MOST_LEVELS = 8;

function malformed(why: string): VinculumError {
  return new VinculumError('document.malformed', `The document’s blocks are malformed: ${why}.`);
}

/** Reads numbers and fields of the formats below, within bounds. */
class Reader {
  readonly bytes: Uint8Array;
  offset = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get done(): boolean {
    return this.offset >= this.bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 49; shift += 7) {
      const byte = this.bytes[this.offset++];
      if (byte === undefined) throw malformed('a number is cut off');
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw malformed('a number is too large');
  }

  take(length: number): Uint8Array {
    if (length > this.bytes.length - this.offset) throw malformed('a block is cut off');
    this.offset += length;
    return this.bytes.subarray(this.offset - length, this.offset);
  }
}

/** A CIDv1 in base32 with sha2-256, as bytes. @throws `document.unsupportedCid` */
export function cidBytes(cid: string): { bytes: Uint8Array; codec: number } {
  try {
    const bytes = base32.decode(cid);
    const [version, codec = 0, hash, length] = bytes;
    const known = codec === RAW || codec === DAG_PB;
    if (bytes.length === CID_BYTES && version === 1 && known && hash === 0x12 && length === 32) {
      return { bytes, codec };
    }
  } catch {
    // falls through to the one error below
  }
  throw new VinculumError(
    'document.unsupportedCid',
    'The document is stored in a form that this page can’t read.',
  );
}

/** Whether a block is the one that a CID names. */
export function isBlockOf(cid: Uint8Array, block: Uint8Array): boolean {
  return equalBytes(sha256(block), cid.subarray(4));
}

/** The blocks of a CARv1, each checked against its CID. @throws `document.malformed` `document.otherContent` */
function readCar(car: Uint8Array): Map<string, Uint8Array> {
  const reader = new Reader(car);
  reader.take(reader.varint());
  const blocks = new Map<string, Uint8Array>();
  while (!reader.done) {
    const section = new Reader(reader.take(reader.varint()));
    const cid = section.take(CID_BYTES);
    const block = section.take(section.bytes.length - CID_BYTES);
    if (!isBlockOf(cid, block)) {
      throw new VinculumError('document.otherContent', 'A block is not the one that its CID names.');
    }
    blocks.set(base32.encode(cid), block);
  }
  return blocks;
}

type Node = { readonly links: readonly Uint8Array[]; readonly data: Uint8Array };

/** The fields of a protobuf message, the bytes ones as bytes. */
function* fields(bytes: Uint8Array): Generator<{ number: number; value: number | Uint8Array }> {
  const reader = new Reader(bytes);
  while (!reader.done) {
    const tag = reader.varint();
    const type = tag & 7;
    if (type === 0) yield { number: tag >>> 3, value: reader.varint() };
    else if (type === 2) yield { number: tag >>> 3, value: reader.take(reader.varint()) };
    else throw malformed('a field of an unknown sort');
  }
}

/** A dag-pb node that holds a UnixFS file. */
function readNode(block: Uint8Array): Node {
  const links: Uint8Array[] = [];
  let data = new Uint8Array();
  let isFile = false;
  for (const { number, value } of fields(block)) {
    if (!(value instanceof Uint8Array)) throw malformed('a node');
    if (number === 2) {
      for (const link of fields(value)) {
        if (link.number === 1 && link.value instanceof Uint8Array) links.push(link.value);
      }
    } else if (number === 1) {
      for (const field of fields(value)) {
        if (field.number === 1) isFile = field.value === 2 || field.value === 0;
        if (field.number === 2 && field.value instanceof Uint8Array) data = new Uint8Array(field.value);
      }
    }
  }
  if (!isFile) throw malformed('it is no file');
  return { links, data };
}

/**
 * The bytes of a file by its CID.
 * @param most larger files are refused
 * @throws `document.malformed` `document.otherContent` `document.blockMissing` `document.tooLarge`
 */
export function fileOfCar(
  car: Uint8Array,
  root: string,
  most: number,
): { bytes: Uint8Array; blocks: number } {
  const blocks = readCar(car);
  let size = 0;
  const used = new Set<string>();
  const read = (cid: Uint8Array, level: number): Uint8Array[] => {
    const name = base32.encode(cid);
    const { codec } = cidBytes(name);
    const block = blocks.get(name);
    if (block === undefined) {
      throw new VinculumError('document.blockMissing', 'A block of the document is missing.', {
        details: { cid: name },
      });
    }
    used.add(name);
    const { links, data } = codec === RAW ? { links: [], data: block } : readNode(block);
    size += data.length;
    if (size > most) {
      throw new VinculumError('document.tooLarge', 'The document is larger than it says.', {
        details: { most },
      });
    }
    if (level === 0 && links.length > 0) throw malformed('it is nested too deep');
    return [data, ...links.flatMap((link) => read(link, level - 1))];
  };
  const bytes = concat(...read(cidBytes(root).bytes, MOST_LEVELS));
  return { bytes, blocks: used.size };
}
