import { createCipheriv, createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { sharedFile } from '../../shared.ts';

export interface CidVector {
  readonly name: string;
  readonly content: Uint8Array;
  readonly cid: string;
}

/** IPIP-0499's vectors of the profile unixfs-v1-2025, or undefined where the shared data is absent. */
export function cidVectors(): CidVector[] | undefined {
  const path = sharedFile('ipfs-cid-vectors.json');
  if (path === null) return undefined;
  const { vectors } = JSON.parse(readFileSync(path, 'utf8')) as {
    vectors: { content?: string; seed?: string; bytes?: number; cid: string }[];
  };
  return vectors.map(({ content, seed, bytes, cid }) =>
    content === undefined
      ? { name: `${bytes} bytes of ${seed}`, content: keystream(seed ?? '', bytes ?? 0), cid }
      : { name: content, content: Buffer.from(content), cid },
  );
}

/** ChaCha20 with key = SHA-256(seed), over zeros; counter and nonce zero. */
export function keystream(seed: string, bytes: number): Uint8Array {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('chacha20', key, Buffer.alloc(16)).update(Buffer.alloc(bytes));
}
