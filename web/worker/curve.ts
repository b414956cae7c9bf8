import type { secp256k1 as Curve } from '@noble/curves/secp256k1.js';
import { VinculumError } from '../../core/errors.ts';

/*
 * The curve of Ethereum's signatures, for workers: the build puts this module in its place (vite.config.ts). A reader
 * needs it for receipts of erasures alone, which few reports carry; so it is fetched for those, not for everybody.
 */

let held: typeof Curve | null = null;

/** To be awaited before anything is signed or a signature is looked at. @throws `page.partMissing` */
export async function loadCurve(): Promise<void> {
  try {
    held ??= (await import('@noble/curves/secp256k1.js')).secp256k1;
  } catch (cause) {
    throw new VinculumError('page.partMissing', 'A part of the page can’t be loaded.', { cause });
  }
}

export const secp256k1 = new Proxy({} as typeof Curve, {
  get: (_, name) => {
    if (held === null) throw new TypeError('the curve was not loaded');
    return held[name as keyof typeof Curve];
  },
});
