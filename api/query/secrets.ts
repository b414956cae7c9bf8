import { fromUtf8 } from '../../core/bytes.ts';
import type { Keyring } from '../keyring/keyring.ts';

/**
 * What the store keeps wrapped, opened again; each only in its place. Disclosures of sealed fields are not here: they
 * are opened against an entry in the access log alone, by `api/privacy/sealed.ts`.
 */
export interface Secrets {
  blockKey(digest: Uint8Array, wrapped: Uint8Array): Uint8Array;
  identifier(subject: Uint8Array, wrapped: Uint8Array): string;
}

export function createSecrets(keyring: Pick<Keyring, 'unwrap'>): Secrets {
  return {
    blockKey: (digest, wrapped) => keyring.unwrap('blockKey', wrapped, digest),
    identifier: (subject, wrapped) => fromUtf8(keyring.unwrap('identifier', wrapped, subject)),
  };
}
