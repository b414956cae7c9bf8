import { CarWriter } from '@ipld/car';
import { expect } from 'chai';
import { importer } from 'ipfs-unixfs-importer';
import { fixedSize } from 'ipfs-unixfs-importer/chunker';
import { CID } from 'multiformats/cid';
import { fileOfCar } from '../../../web/worker/unixfs.ts';
import { expectCode } from '../../expectCode.ts';

type Blocks = { readonly root: string; readonly blocks: ReadonlyMap<string, Uint8Array> };

/** A file as the documents' store cuts it up. */
async function cut(bytes: Uint8Array, chunkSize: number): Promise<Blocks> {
  const blocks = new Map<string, Uint8Array>();
  const store = {
    put: async (cid: CID, block: Uint8Array) => {
      blocks.set(cid.toString(), block);
      return cid;
    },
  };
  let root = '';
  const options = { profile: 'unixfs-v1-2025', chunker: fixedSize({ chunkSize }) } as const;
  for await (const { cid } of importer([{ content: bytes }], store as never, options)) root = cid.toString();
  return { root, blocks };
}

async function carOf({ root, blocks }: Blocks): Promise<Uint8Array> {
  const { writer, out } = CarWriter.create([CID.parse(root)]);
  const parts: Uint8Array[] = [];
  const reading = (async () => {
    for await (const part of out) parts.push(part);
  })();
  for (const [cid, bytes] of blocks) await writer.put({ cid: CID.parse(cid), bytes });
  await writer.close();
  await reading;
  return new Uint8Array(Buffer.concat(parts));
}

const content = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7 + (index >> 8)) & 0xff);

describe('fileOfCar', () => {
  it('joins a file of many blocks on several levels, and counts them', async () => {
    for (const chunkSize of [200, 1000, 262_144]) {
      const parts = await cut(content, chunkSize);
      const { bytes, blocks } = fileOfCar(await carOf(parts), parts.root, content.length);
      expect(Buffer.from(bytes).equals(Buffer.from(content))).to.equal(true);
      expect(blocks).to.equal(parts.blocks.size);
    }
  });

  it('takes a repeated block once', async () => {
    const parts = await cut(new Uint8Array(5000), 1000);
    expect(parts.blocks.size).to.equal(2);
    expect(fileOfCar(await carOf(parts), parts.root, 5000).bytes).to.have.length(5000);
  });

  it('refuses another content, a missing block, a cut file, and one larger than it says', async () => {
    const parts = await cut(content, 1000);
    const car = await carOf(parts);
    const altered = car.slice();
    altered[altered.length - 5] = (altered.at(-5) ?? 0) ^ 1;
    const refused = (code: string, bytes: Uint8Array, most = content.length, root = parts.root) =>
      expectCode(code, () => fileOfCar(bytes, root, most));
    await refused('document.otherContent', altered);
    await refused('document.malformed', car.subarray(0, car.length - 7));
    await refused('document.tooLarge', car, content.length - 1);
    const [first = ''] = [...parts.blocks.keys()].filter((cid) => cid !== parts.root);
    const less = new Map([...parts.blocks].filter(([cid]) => cid !== first));
    await refused('document.blockMissing', await carOf({ root: parts.root, blocks: less }));
    await refused('document.blockMissing', car, content.length, `bafkrei${'a'.repeat(52)}`);
    await refused('document.unsupportedCid', car, 9, 'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG');
  });

  it('never does anything but refuse bytes that are no CAR', () => {
    for (let seed = 0; seed < 400; seed++) {
      const bytes = Uint8Array.from({ length: seed }, (_, index) => (index * seed * 31 + 11) & 0xff);
      expect(() => fileOfCar(bytes, `bafkrei${'a'.repeat(52)}`, 1000)).to.throw();
    }
  });
});
