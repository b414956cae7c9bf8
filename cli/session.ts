import { keccak_256 } from '@noble/hashes/sha3.js';
import * as z from 'zod/mini';
import { concat, toHex, utf8 } from '../core/bytes.ts';
import { signHash } from '../core/chain/submission.ts';
import type { OrganisationId } from '../core/chain/types.ts';
import type { Client } from './client.ts';
import { CommandError } from './exit.ts';
import type { OpenKey } from './password.ts';

const challengeSchema = z.looseObject({ message: z.string().check(z.maxLength(4000)) });
const sessionSchema = z.looseObject({ token: z.string().check(z.regex(/^[\w.~+/=-]{10,200}$/)) });
const anything = z.unknown();

/**
 * Signs in as an organisation (EIP-4361) and gives the client under the session. Callers without an account may look up
 * few identifiers an hour and ask for few blocks a minute.
 * @throws `session.otherHost` when the service asks to sign a message for another place
 */
export async function signIn(client: Client, key: OpenKey, organisation: OrganisationId): Promise<Client> {
  const signedIn = await openSession(client, key, organisation);
  // The service counts by the account from the first request on that it knows the token of.
  await signedIn.json('/v1/auth/keys', anything);
  return signedIn;
}

/**
 * Signs in with an account of its own: an owner's, a buyer's or a grantee's.
 * @throws as {@link signIn}
 */
export function signInAccount(client: Client, key: OpenKey): Promise<Client> {
  return openSession(client, key, null);
}

async function openSession(
  client: Client,
  key: OpenKey,
  organisation: OrganisationId | null,
): Promise<Client> {
  const { message } = await client.json('/v1/auth/challenge', challengeSchema, {
    ...(organisation === null ? {} : { organisation: organisation.toString() }),
    signer: key.address,
  });
  checkMessage(client.url, message, key, organisation);
  const { token } = await client.json('/v1/auth/session', sessionSchema, {
    message,
    signature: toHex(signHash(personalHash(message), key.secretKey)),
  });
  return client.withToken(token);
}

/** A service must not get a signature with which it could sign in elsewhere. */
function checkMessage(url: string, message: string, key: OpenKey, organisation: OrganisationId | null): void {
  const lines = message.split('\n');
  const host = (lines[0] ?? '').split(' ')[0];
  if (host !== new URL(url).host) {
    throw new CommandError(
      'failed',
      'session.otherHost',
      `The service at ${url} asks to sign in to ${host}: nothing was signed. If that is its right name, use it with --url.`,
    );
  }
  const who = organisation === null ? 'this account' : `organisation ${organisation}`;
  const says =
    (lines[1] ?? '').toLowerCase() === key.address && lines.includes(`Sign in to Vinculum as ${who}.`);
  if (!says) {
    throw new CommandError(
      'failed',
      'session.otherMessage',
      'The service asks to sign something else: nothing was signed.',
    );
  }
}

/** What a wallet signs of a text (EIP-191). */
function personalHash(message: string): Uint8Array {
  const bytes = utf8(message);
  return keccak_256(concat(utf8(`\u0019Ethereum Signed Message:\n${bytes.length}`), bytes));
}
