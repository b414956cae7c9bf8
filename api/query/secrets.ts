import { fromUtf8 } from '../../core/bytes.ts';
import type { Keyring } from '../keyring/keyring.ts';

/** What the store keeps wrapped, opened again; each only in its place. */
export interface Secrets {
  blockKey(digest: Uint8Array, wrapped: Uint8Array): Uint8Array;
  disclosure(digest: Uint8Array, wrapped: Uint8Array): string;
  identifier(subject: Uint8Array, wrapped: Uint8Array): string;
}

export function createSecrets(keyring: Keyring): Secrets {
  return {
    blockKey: (digest, wrapped) => keyring.unwrap('blockKey', wrapped, digest),
    disclosure: (digest, wrapped) => fromUtf8(keyring.unwrap('disclosure', wrapped, digest)),
    identifier: (subject, wrapped) => fromUtf8(keyring.unwrap('identifier', wrapped, subject)),
  };
}
