import { CarReader, CarWriter } from '@ipld/car';
import { CID } from 'multiformats/cid';
import { toBase64Url } from '../../../core/bytes.ts';
import { secureRandom } from '../../../core/envelope/block.ts';
import { isVinculumError } from '../../../core/errors.ts';
import { openDocument } from '../../../web/worker/documents.ts';
import type { Fate, OtherLie } from '../lie.ts';
import type { OperatorLie } from '../proxies.ts';
import type { System, UploadedDocument } from '../system.ts';

type Blocks = { cid: CID; bytes: Uint8Array }[];

async function unpack(car: Uint8Array): Promise<{ root: CID; blocks: Blocks }> {
  const reader = await CarReader.fromBytes(car);
  const blocks = (await Array.fromAsync(reader.blocks())) as unknown as Blocks;
  const [root] = (await reader.getRoots()) as unknown as CID[];
  if (root === undefined) throw new Error('a CAR without a root');
  return { root, blocks };
}

async function pack(root: CID, blocks: Blocks): Promise<Uint8Array> {
  const { writer, out } = CarWriter.create([root]);
  const parts = Array.fromAsync(out);
  for (const block of blocks) await writer.put(block);
  await writer.close();
  return Buffer.concat(await parts);
}

/** The CAR of the large document, with its blocks changed. */
async function carWith(
  system: System,
  change: (blocks: Blocks, root: CID) => Blocks | Promise<Blocks>,
): Promise<Uint8Array> {
  const answer = await fetch(`${system.test.url}/ipfs/${system.large.cid}?format=car`);
  const { root, blocks } = await unpack(new Uint8Array(await answer.arrayBuffer()));
  return pack(root, await change(blocks, root));
}

/** Opens a document as the page does, by the gateways named, the lying one first. */
async function open(
  system: System,
  document: UploadedDocument,
  block: NonNullable<OperatorLie['block']>,
  gateways: readonly string[] = [system.operator.url],
): Promise<{ fate: Fate; caughtBy: string }> {
  system.operator.lie = { block };
  try {
    const opened = await openDocument({ ...document, mediaType: 'application/pdf', gateways });
    return {
      fate: 'unchanged',
      caughtBy: opened.shows === 'pdf' ? 'the next gateway has it' : 'another content',
    };
  } catch (error) {
    if (!isVinculumError(error)) throw error;
    const withheld = error.code === 'document.missing' || error.code === 'document.blockMissing';
    return { fate: withheld ? 'incomplete' : 'refused', caughtBy: error.code };
  }
}

const by = 'IPFS node' as const;
const flipped = (bytes: Uint8Array): Uint8Array =>
  bytes.map((byte, index) => (index === 100 ? byte ^ 1 : byte));

/** What an IPFS node or gateway can do to a document. Envelopes come in the report, by their digest. */
export const documentLies: readonly OtherLie[] = [
  {
    lie: 'withholds a document',
    by,
    caughtBy: 'document.missing',
    fate: 'incomplete',
    run: (s) => open(s, s.small, () => null),
  },
  {
    lie: 'withholds one block of a document of many',
    by,
    caughtBy: 'document.blockMissing',
    fate: 'incomplete',
    run: async (s) => {
      const car = await carWith(s, (blocks) => blocks.filter((_, index) => index !== blocks.length - 1));
      return open(s, s.large, () => car);
    },
  },
  {
    lie: 'serves a document with one bit changed',
    by,
    caughtBy: 'document.otherContent',
    fate: 'refused',
    run: (s) => open(s, s.small, (_, bytes) => flipped(bytes)),
  },
  {
    lie: 'changes one bit in one block of many',
    by,
    caughtBy: 'document.otherContent',
    fate: 'refused',
    run: async (s) => {
      const car = await carWith(s, (blocks) =>
        blocks.map((block, index) => (index === 1 ? { ...block, bytes: flipped(block.bytes) } : block)),
      );
      return open(s, s.large, () => car);
    },
  },
  {
    lie: 'serves another document in its place',
    by,
    caughtBy: 'document.otherContent',
    fate: 'refused',
    run: async (s) => {
      const other = new Uint8Array(secureRandom(s.small.bytes));
      return open(s, s.small, () => other);
    },
  },
  {
    lie: 'serves the blocks of another document, each true to its own CID',
    by,
    caughtBy: 'document.blockMissing',
    fate: 'incomplete',
    run: async (s) => {
      const answer = await fetch(`${s.test.url}/ipfs/${s.small.cid}?format=car`);
      const car = new Uint8Array(await answer.arrayBuffer());
      return open(s, s.large, () => car);
    },
  },
  {
    lie: 'names another root in the archive of the document',
    by,
    caughtBy: 'the next gateway has it',
    fate: 'unchanged',
    run: async (s) => {
      const car = await carWith(s, (blocks) => blocks);
      const { blocks } = await unpack(car);
      const renamed = await pack(CID.parse(s.small.cid), blocks);
      return open(s, s.large, () => renamed);
    },
  },
  {
    lie: 'cuts a document off',
    by,
    caughtBy: 'document.malformed',
    fate: 'refused',
    run: (s) => open(s, s.large, (_, bytes) => bytes.subarray(0, bytes.length - 50_000)),
  },
  {
    lie: 'sends more than a document can have',
    by,
    caughtBy: 'document.tooLarge',
    fate: 'refused',
    run: (s) => open(s, s.small, () => new Uint8Array(1_000_000)),
  },
  {
    lie: 'alone among two gateways, serves another document',
    by,
    caughtBy: 'the next gateway has it',
    fate: 'unchanged',
    run: (s) => open(s, s.small, (_, bytes) => flipped(bytes), [s.operator.url, s.test.url]),
  },
  {
    lie: 'hands out another key for a document',
    by: 'operator',
    caughtBy: 'block.wrongKey',
    fate: 'refused',
    run: (s) => open(s, { ...s.small, key: toBase64Url(secureRandom(32)) }, (_, bytes) => bytes),
  },
];
