/**
 * SHA-256 (FIPS 180-4) on 32-bit words, for the millions of small hashes of a set tree: nothing is allocated, and a hash
 * goes on from a state that many messages share. Words are big-endian numbers, as the standard draws them.
 */

/** The first 32 bits of the fractional parts of a root of each of the first primes, cube or square. */
function fractions(count: number, root: (prime: number) => number): Int32Array {
  const words = new Int32Array(count);
  for (let candidate = 2, found = 0; found < count; candidate++) {
    let prime = true;
    for (let factor = 2; factor * factor <= candidate; factor++) prime &&= candidate % factor !== 0;
    if (!prime) continue;
    const value = root(candidate);
    words[found] = Math.floor((value - Math.floor(value)) * 2 ** 32) | 0;
    found += 1;
  }
  return words;
}

const K = fractions(64, Math.cbrt);

/** The state that every hash begins with. */
export const INITIAL: Int32Array = fractions(8, Math.sqrt);

const W = new Int32Array(64);

/**
 * One step of the hash: `into[at …]` = the state `from[start …]` after the block of 16 words in `block`. Both may be the
 * same place.
 */
export function compress(
  from: Int32Array,
  start: number,
  block: Int32Array,
  into: Int32Array,
  at: number,
): void {
  for (let i = 0; i < 16; i++) W[i] = block[i] as number;
  for (let i = 16; i < 64; i++) {
    const x = W[i - 15] as number;
    const y = W[i - 2] as number;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    W[i] = ((W[i - 16] as number) + s0 + (W[i - 7] as number) + s1) | 0;
  }
  const s = from;
  let a = s[start] as number;
  let b = s[start + 1] as number;
  let c = s[start + 2] as number;
  let d = s[start + 3] as number;
  let e = s[start + 4] as number;
  let f = s[start + 5] as number;
  let g = s[start + 6] as number;
  let h = s[start + 7] as number;
  const [a0, b0, c0, d0, e0, f0, g0, h0] = [a, b, c, d, e, f, g, h];
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (K[i] as number) + (W[i] as number)) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  into[at] = a0 + a;
  into[at + 1] = b0 + b;
  into[at + 2] = c0 + c;
  into[at + 3] = d0 + d;
  into[at + 4] = e0 + e;
  into[at + 5] = f0 + f;
  into[at + 6] = g0 + g;
  into[at + 7] = h0 + h;
}
