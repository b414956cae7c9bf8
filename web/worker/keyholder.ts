import { keccak_256 } from '@noble/hashes/sha3.js';
import { alertLinkHash } from '../../core/alerts/link.ts';
import { concat, fromHex, toHex, utf8 } from '../../core/bytes.ts';
import { addressOfKey, signHash, submissionHash } from '../../core/chain/submission.ts';
import { secureRandom } from '../../core/envelope/block.ts';
import { VinculumError } from '../../core/errors.ts';
import { decryptKeystore, encryptKeystore } from '../../core/keystore/keystore.ts';
import { titleActionHash } from '../../core/modules/action.ts';
import { consentHash, revocationHash } from '../../core/privacy/consent.ts';
import type { Signable } from '../acting/typedData.ts';
import { loadCurve } from './curve.ts';
import type { KeyNews, KeyOrder } from './keyMessages.ts';
import { failureOf } from './problem.ts';

/*
 * Holds one key for as long as this worker lives, and signs what has a meaning here: never a bare hash. The page ends
 * the worker to forget the key.
 */

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<{ number: number; order: KeyOrder }>) => void) | null;
  postMessage(news: KeyNews): void;
};

let held: Uint8Array | null = null;

scope.onmessage = ({ data: { number, order } }) => {
  obey(order).then(
    (answer) => scope.postMessage({ number, ok: true, ...answer }),
    (error: unknown) => scope.postMessage({ number, ok: false, failure: failureOf(error) }),
  );
};

type KeyAnswer = Omit<Extract<KeyNews, { ok: true }>, 'number' | 'ok'>;

async function obey(order: KeyOrder): Promise<KeyAnswer> {
  await loadCurve();
  switch (order.type) {
    case 'open': {
      const { secretKey, address } = await decryptKeystore(order.file, order.password);
      held = secretKey;
      return { account: address, organisation: organisationOf(order.file) };
    }
    case 'make': {
      const secretKey = freshKey();
      const file = JSON.stringify(await encryptKeystore(secretKey, order.password));
      held = secretKey;
      return { account: addressOfKey(secretKey), file };
    }
    case 'sign':
      if (held === null) throw new VinculumError('keystore.locked', 'There is no key here.');
      return { signature: toHex(signHash(hashOf(order.signable), held)) };
  }
}

/** The organisation that a keystore of ours says it signs for. */
function organisationOf(file: string): string | null {
  const { 'x-vinculum': ours } = JSON.parse(file) as { 'x-vinculum'?: { organisation?: unknown } };
  const number = ours?.organisation;
  return typeof number === 'string' && /^[1-9]\d{0,18}$/.test(number) ? number : null;
}

function freshKey(): Uint8Array {
  for (;;) {
    const secretKey = secureRandom(32);
    try {
      addressOfKey(secretKey);
      return secretKey;
    } catch {
      // Not below the group's order: once in 2^128.
    }
  }
}

function hashOf(signable: Signable): Uint8Array {
  switch (signable.of) {
    case 'text': {
      const text = utf8(signable.text);
      return keccak_256(concat(utf8(`\u0019Ethereum Signed Message:\n${text.length}`), text));
    }
    case 'submission':
      return fromHex(submissionHash(signable.ledger, signable.submission), 32);
    case 'action':
      return fromHex(titleActionHash(signable.titles, signable.action), 32);
    case 'consent':
      return fromHex(consentHash(signable.ledger, signable.consent), 32);
    case 'alertLink':
      return fromHex(alertLinkHash(signable.ledger, signable.link), 32);
    case 'revocation':
      return fromHex(revocationHash(signable.ledger, signable.consent), 32);
  }
}
