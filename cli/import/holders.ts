import { createHmac, randomBytes } from 'node:crypto';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { addressOfKey } from '../../core/chain/submission.ts';
import type { Address } from '../../core/chain/types.ts';
import { isVinculumError } from '../../core/errors.ts';
import type { Context } from '../context.ts';
import { keysFolder, writeKeystore } from '../keystore.ts';
import { passwordFor, unlock } from '../password.ts';

/*
 * Keys that a registrar keeps for holders who have none yet: a fresh one for each holder of each vehicle, derived from
 * one secret, so that nothing but the secret must be kept. Nobody without the secret can tell that two of their
 * addresses belong together. A holder who comes with a key of their own gets the title by `title reissue`.
 *
 *   key = 1 + HMAC-SHA-512(secret, "vinculum/holder/1" 0x00 ledger 0x00 identifier 0x00 number) mod (n - 1)
 */

export type HolderKey = { readonly address: Address; readonly secretKey: Uint8Array };

export interface Holders {
  /** The key of a vehicle's holder, counted from 1 as its title changed hands. */
  key(identifier: string, holder: number): HolderKey;
}

const ORDER = secp256k1.Point.Fn.ORDER;

/** @param ledger as `eip155:<chain id>:<address>` */
export function deriveHolders(secret: Uint8Array, ledger: string): Holders {
  return {
    key(identifier, holder) {
      // No identifier holds a zero character: the text says one thing only.
      const text = ['vinculum/holder/1', ledger, identifier, String(holder)].join('\0');
      const number = BigInt(`0x${createHmac('sha512', secret).update(text).digest('hex')}`);
      const scalar = 1n + (number % (ORDER - 1n));
      const secretKey = Uint8Array.from(Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex'));
      return { address: addressOfKey(secretKey), secretKey };
    },
  };
}

/**
 * Opens the keystore whose key is the secret of the holders' keys; makes it where there is none, under the password that
 * the signing key's comes from.
 * @throws the `keystore.*` and `password.*` codes
 */
export async function openHolders(
  context: Context,
  name: string,
  options: { readonly passwordFile?: string },
  ledger: string,
): Promise<Holders> {
  const { folder } = context.settings();
  const source = { file: options.passwordFile, dataFolder: folder, ask: context.ask };
  try {
    return deriveHolders((await unlock(name, source)).secretKey, ledger);
  } catch (error) {
    if (!isVinculumError(error, 'keystore.unknown')) throw error;
  }
  const password = await passwordFor(name, source);
  const secretKey = secp256k1.utils.randomSecretKey(randomBytes(48));
  const label = 'Secret of the keys that this registrar keeps for holders';
  const { file } = await writeKeystore(keysFolder(folder), { name, secretKey, label }, password);
  context.output.note(
    `Made the key ${name} in ${file}: all keys of holders follow from it. Back it up before the titles are worth something.`,
  );
  return deriveHolders(secretKey, ledger);
}
