import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Request } from 'express';
import { ipKeyGenerator } from 'express-rate-limit';
import { fromHex, toHex } from '../../core/bytes.ts';
import { type ChangeNumber, type OrganisationChange, standingAt } from '../../core/chain/organisation.ts';
import { recoverSigner } from '../../core/chain/submission.ts';
import type { Address, OrganisationId } from '../../core/chain/types.ts';
import { isValidContractSignature } from '../accept/standing.ts';
import type { Rpc } from '../chain/rpc.ts';
import { OWN_REGISTER } from '../index/ledgers.ts';
import { Problem } from '../problem.ts';
import type { Store } from '../store/store.ts';
import type { Account, Caller, Person } from './caller.ts';
import { formatSignIn, parseSignIn, personalHash, type SignInPlace } from './signInMessage.ts';

const CHALLENGE_SECONDS = 600;
const MAX_KEYS = 100;

const prefixes = { session: 'vs_', apiKey: 'vk_' } as const;

export type ApiKey = {
  readonly id: string;
  readonly name: string;
  readonly createdBy: Address;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
};

export type AuthOptions = {
  readonly store: Store;
  readonly rpc: Rpc;
  readonly chainId: bigint;
  /** Known only once the service listens. */
  readonly publicUrl: () => string;
  readonly operatorToken: string;
  /** Turns addresses into names that say nothing outside of this service. */
  readonly callerSecret: Uint8Array;
  readonly sessionHours: number;
};

/** Who a session is of: an organisation’s key, or an account of its own. */
export type SignedIn = { readonly account: Account } | { readonly person: Person };

/**
 * Sign-in of organisations by their keys and of accounts by themselves, and what it is remembered by. Tokens are kept
 * as hashes only.
 */
export interface Auth {
  /**
   * Who is calling.
   * @throws `auth.invalid` for a token that is not, or no longer, valid; `auth.notInGoodStanding` `auth.unknownKey`
   *   when the organisation or the key has fallen since
   */
  identify(request: Request): Promise<Caller>;
  /** By whom a request is counted, before anything is looked up. */
  countedAs(request: Request): { key: string; account: boolean };
  /** The text to sign, as a key of an organisation, or as an account of its own. */
  challenge(
    organisation: OrganisationId | null,
    signer: Address,
  ): Promise<{ message: string; expiresAt: Date }>;
  /** @throws `auth.challenge` `auth.signature` `auth.notInGoodStanding` `auth.unknownKey` */
  openSession(
    message: string,
    signature: Uint8Array,
  ): Promise<{ token: string; expiresAt: Date; signedIn: SignedIn }>;
  /** @throws `auth.sessionRequired` for an API key, which goes on until it is revoked */
  closeSession(request: Request): Promise<void>;
  createKey(account: Account, name: string, expiresAt: Date | null): Promise<ApiKey & { key: string }>;
  listKeys(account: Account): Promise<ApiKey[]>;
  /** @throws `apiKey.unknown` */
  revokeKey(account: Account, id: string): Promise<void>;
  /** Forgets what has expired. */
  sweep(): Promise<void>;
}

type Credential = {
  organisation: bigint | null;
  signer: Uint8Array;
  change: number[] | null;
  value: Uint8Array[] | null;
  timestamp: bigint[] | null;
};

/** The record of an organisation beside a credential of its: one query a request. */
const RECORD = `LEFT JOIN LATERAL (
    SELECT array_agg(change ORDER BY position) AS change, array_agg(value::bytea ORDER BY position) AS value,
           array_agg(timestamp ORDER BY position) AS timestamp
    FROM organisation_links WHERE register = ${OWN_REGISTER} AND organisation_links.organisation = credential.organisation
  ) AS record ON true`;

export function createAuth(options: AuthOptions): Auth {
  const { store } = options;
  const place = (): SignInPlace => ({ publicUrl: options.publicUrl(), chainId: options.chainId });
  const operatorHash = hashOf(options.operatorToken);
  /** Tokens that were valid lately, for counting only. */
  const lately = new Map<string, string>();

  function addressKey(request: Request): string {
    const address = ipKeyGenerator(request.ip ?? 'unknown');
    return `address:${createHmac('sha256', options.callerSecret).update(address).digest('base64url').slice(0, 22)}`;
  }

  async function signedInBy(token: string): Promise<SignedIn | null> {
    const by = token.startsWith(prefixes.session)
      ? 'session'
      : token.startsWith(prefixes.apiKey)
        ? 'apiKey'
        : null;
    if (by === null) return null;
    const table =
      by === 'session'
        ? `SELECT organisation, signer FROM sessions WHERE token_hash = $1 AND expires_at > now()`
        : `SELECT organisation, created_by AS signer FROM api_keys
           WHERE key_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`;
    const [row] = await store.query<Credential>(
      `SELECT credential.organisation, credential.signer, record.* FROM (${table}) AS credential ${RECORD}`,
      [hashOf(token)],
    );
    if (row === undefined) return null;
    const signer = toHex(row.signer) as Address;
    if (row.organisation === null) return { person: { address: signer } };
    return { account: requireStanding(row.organisation as OrganisationId, signer, changesOf(row), by) };
  }

  async function recordOf(organisation: OrganisationId): Promise<OrganisationChange[]> {
    const [row] = await store.query<Credential>(
      `SELECT record.* FROM (SELECT $1::int8 AS organisation) AS credential ${RECORD}`,
      [organisation],
    );
    return row === undefined ? [] : changesOf(row);
  }

  async function signedInAs(organisation: OrganisationId | null, signer: Address): Promise<SignedIn> {
    if (organisation === null) return { person: { address: signer } };
    const account = requireStanding(organisation, signer, await recordOf(organisation), 'session');
    return { account };
  }

  return {
    async identify(request) {
      const token = bearerOf(request);
      if (token === null) return { account: null, person: null, operator: false, key: addressKey(request) };
      if (timingSafeEqual(hashOf(token), operatorHash)) {
        return { account: null, person: null, operator: true, key: 'operator' };
      }
      const signedIn = await signedInBy(token);
      if (signedIn === null) {
        throw new Problem('auth.invalid', 'The token is unknown, expired or revoked: sign in again.');
      }
      // Accounts cost nothing to make: who signs in with one is counted by the network address like anyone else.
      if ('person' in signedIn) {
        return { account: null, person: signedIn.person, operator: false, key: addressKey(request) };
      }
      const { account } = signedIn;
      const key = keyOf(account);
      if (lately.size > 10_000) lately.clear();
      lately.set(token, key);
      return { account, person: null, operator: false, key };
    },

    countedAs(request) {
      const header = request.get('Authorization');
      const token = header?.slice('Bearer '.length);
      if (token !== undefined && timingSafeEqual(hashOf(token), operatorHash)) {
        return { key: 'operator', account: true };
      }
      const key = token === undefined ? undefined : lately.get(token);
      return key === undefined ? { key: addressKey(request), account: false } : { key, account: true };
    },

    async challenge(organisation, signer) {
      const now = new Date(Math.floor(Date.now() / 1000) * 1000);
      const expiresAt = new Date(now.getTime() + CHALLENGE_SECONDS * 1000);
      const nonce = randomBytes(16).toString('hex');
      await store.execute('INSERT INTO sign_in_nonces (nonce, expires_at) VALUES ($1, $2)', [
        nonce,
        expiresAt,
      ]);
      const message = formatSignIn(place(), { organisation, signer, nonce, issuedAt: now, expiresAt });
      return { message, expiresAt };
    },

    async openSession(message, signature) {
      const signIn = parseSignIn(place(), message);
      if (signIn === null || signIn.expiresAt.getTime() <= Date.now()) {
        throw new Problem(
          'auth.challenge',
          'Ask for a new message, and sign it as it is, within ten minutes.',
        );
      }
      const hash = personalHash(message);
      const signed =
        recoverSigner(hash, signature) === signIn.signer ||
        (await isValidContractSignature(options.rpc, signIn.signer, toHex(hash), signature));
      if (!signed)
        throw new Problem('auth.signature', 'The signature is not by the account that the message names.');
      const signedIn = await signedInAs(signIn.organisation, signIn.signer);

      const token = prefixes.session + randomBytes(32).toString('base64url');
      const expiresAt = new Date(Date.now() + options.sessionHours * 3_600_000);
      await store.transaction(async (transaction) => {
        const used = await transaction.execute(
          'DELETE FROM sign_in_nonces WHERE nonce = $1 AND expires_at = $2',
          [signIn.nonce, signIn.expiresAt],
        );
        if (used !== 1)
          throw new Problem('auth.challenge', 'This message was used before: ask for a new one.');
        await transaction.execute(
          'INSERT INTO sessions (token_hash, signer, organisation, expires_at) VALUES ($1, $2, $3, $4)',
          [hashOf(token), fromHex(signIn.signer, 20), signIn.organisation, expiresAt],
        );
      });
      if ('account' in signedIn) lately.set(token, keyOf(signedIn.account));
      return { token, expiresAt, signedIn };
    },

    async closeSession(request) {
      const token = bearerOf(request);
      if (token === null) return;
      if (token.startsWith(prefixes.apiKey)) {
        throw new Problem('auth.sessionRequired', 'An API key is no session: revoke it, under a sign-in.');
      }
      lately.delete(token);
      await store.execute('DELETE FROM sessions WHERE token_hash = $1', [hashOf(token)]);
    },

    async createKey(account, name, expiresAt) {
      requireSession(account);
      const key = prefixes.apiKey + randomBytes(32).toString('base64url');
      const id = randomBytes(9).toString('base64url');
      const createdAt = new Date();
      await store.transaction(async (transaction) => {
        const [row] = await transaction.query<{ count: bigint }>(
          'SELECT count(*) AS count FROM api_keys WHERE organisation = $1 AND revoked_at IS NULL',
          [account.organisation],
        );
        if ((row?.count ?? 0n) >= BigInt(MAX_KEYS)) {
          throw new Problem(
            'auth.forbidden',
            `An organisation has at most ${MAX_KEYS} API keys: revoke one first.`,
          );
        }
        await transaction.execute(
          `INSERT INTO api_keys (id, key_hash, organisation, name, created_by, created_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)`,
          [id, hashOf(key), account.organisation, name, fromHex(account.signer, 20), createdAt, expiresAt],
        );
      });
      return { id, key, name, createdBy: account.signer, createdAt, expiresAt };
    },

    async listKeys(account) {
      requireSession(account);
      const rows = await store.query<{
        id: string;
        name: string;
        created_by: Uint8Array;
        created_at: Date;
        expires_at: Date | null;
      }>(
        `SELECT id, name, created_by, created_at, expires_at FROM api_keys
         WHERE organisation = $1 AND revoked_at IS NULL ORDER BY created_at, id`,
        [account.organisation],
      );
      return rows.map((row) => ({
        id: row.id,
        name: row.name,
        createdBy: toHex(row.created_by) as Address,
        createdAt: row.created_at,
        expiresAt: row.expires_at,
      }));
    },

    async revokeKey(account, id) {
      requireSession(account);
      const revoked = await store.execute(
        'UPDATE api_keys SET revoked_at = now() WHERE id = $1 AND organisation = $2 AND revoked_at IS NULL',
        [id, account.organisation],
      );
      if (revoked === 0) throw new Problem('apiKey.unknown', 'The organisation has no such API key.');
      lately.clear();
    },

    async sweep() {
      await store.execute('DELETE FROM sign_in_nonces WHERE expires_at < now()');
      await store.execute('DELETE FROM sessions WHERE expires_at < now()');
    },
  };
}

function keyOf(account: Account): string {
  return `organisation:${account.organisation}`;
}

/** An API key can't make others: whoever steals one must not outlive its revocation. */
function requireSession(account: Account): void {
  if (account.by !== 'session') {
    throw new Problem('auth.sessionRequired', 'API keys are managed under a sign-in, not by an API key.');
  }
}

/** A credential is worth what its organisation and its key are worth today. */
function requireStanding(
  organisation: OrganisationId,
  signer: Address,
  record: readonly OrganisationChange[],
  by: Account['by'],
): Account {
  const standing = standingAt(record);
  if (standing.status !== 'good') {
    throw new Problem('auth.notInGoodStanding', `Organisation ${organisation} is unknown or suspended.`);
  }
  if (!standing.signers.has(signer)) {
    throw new Problem(
      'auth.unknownKey',
      `${signer} is not, or no longer, a key of organisation ${organisation}.`,
    );
  }
  return { organisation, signer, standing, by };
}

function changesOf(row: Credential): OrganisationChange[] {
  return (row.change ?? []).map((change, index) => ({
    change: change as ChangeNumber,
    timestamp: row.timestamp?.[index] ?? 0n,
    value: toHex(row.value?.[index] ?? new Uint8Array(32)),
  }));
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** @throws `auth.invalid` for another scheme than Bearer */
function bearerOf(request: Request): string | null {
  const header = request.get('Authorization');
  if (header === undefined) return null;
  const token = /^Bearer ([\w.~+/-]{10,200}=*)$/i.exec(header)?.[1];
  if (token === undefined) throw new Problem('auth.invalid', 'Send Authorization: Bearer and the token.');
  return token;
}
