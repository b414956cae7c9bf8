import { fromHex, toHex } from '../../core/bytes.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import { recoverSigner } from '../../core/chain/submission.ts';
import type { Address, LedgerAddress, OrganisationId, Subject } from '../../core/chain/types.ts';
import {
  type Consent,
  type ConsentFault,
  type ConsentHash,
  type ConsentJson,
  consentHash,
  formatConsent,
  type Grantee,
  granteeOf,
  judgeConsent,
  readConsent,
  revocationHash,
} from '../../core/privacy/consent.ts';
import {
  type ConsentReceipt,
  type ConsentReceiptJson,
  consentReceiptHash,
} from '../../core/privacy/consentReceipt.ts';
import { isValidContractSignature } from '../accept/standing.ts';
import type { Rpc } from '../chain/rpc.ts';
import { OWN_REGISTER } from '../index/ledgers.ts';
import type { Account } from '../keyring/keyring.ts';
import { Problem } from '../problem.ts';
import type { Secrets } from '../query/secrets.ts';
import { isUniqueViolation, jsonParameter, type Queryable, type Store } from '../store/store.ts';
import { CONSENT_COLUMNS, type ConsentRow, type ConsentState, consentOf, stateOf } from './consentRows.ts';
import { identifiersOf } from './handedIn.ts';
import type { Reader } from './reader.ts';
import { type Revocations, wasRevoked } from './revocations.ts';
import { mayBeNamed, type TitleRecord, titleRecordsOf } from './titleRecord.ts';

/** A consent, and what it is worth now. */
export type ConsentView = {
  readonly hash: ConsentHash;
  readonly state: ConsentState;
  readonly signer: Address;
  readonly signed: ConsentJson;
  /** Which vehicle; null for a grantee while the consent is not good, and for whoever is neither, or not signed in. */
  readonly identifier: string | null;
  readonly storedAt: Date;
  readonly receipt: ConsentReceiptJson;
  readonly revocation: { readonly revokedAt: Date; readonly receipt: ConsentReceiptJson } | null;
  /** How often a share link was opened; null for another consent. */
  readonly openings: { readonly count: number; readonly lastAt: Date | null } | null;
};

export type ConsentPage = { readonly consents: readonly ConsentView[]; readonly next: ConsentPlace | null };
export type ConsentPlace = { readonly storedAt: Date; readonly hash: ConsentHash };

/** Who signs in with a key or an account. */
export type SignedInReader = Extract<Reader, { kind: 'organisation' } | { kind: 'account' }>;

/** Consents of titles' owners (docs/protocol.md §14). Whether one is good is found out anew each time. */
export interface Consents {
  /**
   * Keeps a signed consent. The same again gives what it is worth today.
   * One that was revoked and is not here any more, or not yet again, is not taken.
   * @param reader who hands it in: the vehicle is named to its signer alone
   * @throws the `consent.*` codes of core, `title.unknown`, `organisation.unknown`, `consent.bearerTaken`,
   *   `consent.tooMany`
   */
  give(json: unknown, reader: Reader): Promise<{ consent: ConsentView; isNew: boolean }>;
  /**
   * Revokes a consent, at once and for good: whoever revokes is its signer or the present owner.
   * @throws `consent.unknown` `consent.notRevoker`
   */
  revoke(hash: ConsentHash, signature: Uint8Array, reader: Reader): Promise<ConsentView>;
  /** A consent, for its signer and its grantee. @throws `consent.unknown` for anybody else */
  find(hash: ConsentHash, reader: SignedInReader): Promise<ConsentView>;
  /** Those that the reader signed, or those that were given to it; the newest first. */
  list(
    reader: SignedInReader,
    as: 'signer' | 'grantee',
    page: { readonly limit: number; readonly after: ConsentPlace | null; readonly subject: Subject | null },
  ): Promise<ConsentPage>;
}

export type ConsentOptions = {
  readonly store: Store;
  readonly rpc: Rpc;
  readonly ledger: LedgerAddress;
  readonly ownLedger: () => Promise<number>;
  readonly operator: Account;
  readonly secrets: Secrets;
  readonly revocations: Revocations;
  readonly clock?: () => number;
};

/** Most good consents of one tenure. */
const MOST_CONSENTS = 1_000;

export function createConsents(options: ConsentOptions): Consents {
  const { store, ledger, secrets } = options;
  const clock = options.clock ?? Date.now;
  const now = (): Date => new Date(Math.floor(clock() / 1000) * 1000);

  async function titleOf(from: Queryable, subject: Subject): Promise<TitleRecord | undefined> {
    const titles = await titleRecordsOf(from, await options.ownLedger(), [subject], secrets.blockKey);
    return titles.get(subject);
  }

  async function rowOf(hash: ConsentHash): Promise<ConsentRow | undefined> {
    const [row] = await store.query<ConsentRow>(`SELECT ${CONSENT_COLUMNS} FROM consents WHERE hash = $1`, [
      fromHex(hash, 32),
    ]);
    return row;
  }

  /** Who of several accounts signed a hash, by its key or as a contract (ERC-1271); else whose key it was, if any. */
  async function signerOf(
    hash: Uint8Array,
    signature: Uint8Array,
    candidates: readonly (Address | null)[],
  ): Promise<Address | null> {
    const recovered = recoverSigner(hash, signature);
    const named = candidates.filter((candidate) => candidate !== null);
    if (recovered !== null && named.includes(recovered)) return recovered;
    for (const candidate of new Set(named)) {
      if (await isValidContractSignature(options.rpc, candidate, toHex(hash), signature)) return candidate;
    }
    return recovered;
  }

  function receipt(consent: ConsentHash, state: ConsentReceipt['state'], at: Date): ConsentReceiptJson {
    const seconds = Math.floor(at.getTime() / 1000);
    const hash = consentReceiptHash(ledger, { consent, state, at: BigInt(seconds) });
    const { address, sign } = options.operator;
    return { consent, state, at: seconds, operator: address, signature: toHex(sign(fromHex(hash, 32))) };
  }

  async function views(
    rows: readonly ConsentRow[],
    mayName: (row: ConsentRow, state: ConsentState) => boolean,
  ): Promise<ConsentView[]> {
    if (rows.length === 0) return [];
    const subjects = [...new Set(rows.map((row) => toHex(row.subject) as Subject))];
    const titles = await titleRecordsOf(store, await options.ownLedger(), subjects, secrets.blockKey);
    const names = await identifiersOf(store, secrets, subjects);
    const at = BigInt(Math.floor(clock() / 1000));
    return rows.map((row) => {
      const subject = toHex(row.subject) as Subject;
      const state = stateOf(row, titles.get(subject), at);
      const named = mayName(row, state) && mayBeNamed(titles.get(subject), consentOf(row).consent.tenure);
      return viewOf(row, state, named ? (names.get(subject) ?? null) : null);
    });
  }

  /** For whoever hands something in: a signature is handed on, so what only its signer may know takes a sign-in. */
  async function handedView(row: ConsentRow, reader: Reader): Promise<ConsentView> {
    const signedIn = reader.kind === 'account' && isSigner(row, reader);
    const [view] = await views([row], () => signedIn);
    if (view === undefined) throw new TypeError('a row has a view');
    return signedIn ? view : granteesView(view);
  }

  async function requireGrantee(grantee: Grantee): Promise<void> {
    if (grantee.type !== 'organisation') return;
    // A number that nobody has yet will be somebody's whom the owner does not mean.
    const known =
      grantee.organisation < 2n ** 63n &&
      (
        await store.query(
          'SELECT 1 AS one FROM organisation_links WHERE register = $1 AND organisation = $2 AND position = 0',
          [OWN_REGISTER, grantee.organisation],
        )
      ).length > 0;
    if (!known) {
      throw new Problem('organisation.unknown', `Organisation ${grantee.organisation} was never admitted.`);
    }
  }

  async function insert(
    hash: ConsentHash,
    signed: ConsentJson,
    consent: Consent,
    signer: Address,
  ): Promise<void> {
    const storedAt = now();
    const { organisation, account, bearer } = granteeColumns(granteeOf(consent));
    await store.transaction(async (transaction) => {
      if (await wasRevoked(transaction, hash)) throw fault('consent.revoked');
      const subject = fromHex(consent.subject, 32);
      const [row] = await transaction.query<{ count: bigint }>(
        `SELECT count(*) AS count FROM consents
         WHERE subject = $1 AND tenure = $2 AND revocation IS NULL AND valid_until >= $3`,
        [subject, consent.tenure, BigInt(storedAt.getTime() / 1000)],
      );
      if ((row?.count ?? 0n) >= BigInt(MOST_CONSENTS)) {
        throw new Problem('consent.tooMany', `At most ${MOST_CONSENTS} are kept: revoke some first.`);
      }
      await transaction.execute(
        `INSERT INTO consents (hash, subject, tenure, signer, organisation, account, bearer, valid_from, valid_until,
           consent, receipt, stored_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (hash) DO NOTHING`,
        [
          ...[fromHex(hash, 32), subject, consent.tenure, fromHex(signer, 20)],
          ...[organisation, account, bearer, consent.from, consent.until],
          ...[jsonParameter(signed), jsonParameter(receipt(hash, 'stored', storedAt)), storedAt],
        ],
      );
    });
  }

  return {
    async give(json, reader) {
      const { consent, signature } = readConsent(json);
      const hash = consentHash(ledger, consent);
      const known = await rowOf(hash);
      if (known !== undefined) return { consent: await handedView(known, reader), isNew: false };
      const title = await titleOf(store, consent.subject);
      if (title === undefined) throw new Problem('title.unknown', 'This vehicle has no title here.');
      const signer = await signerOf(fromHex(hash, 32), signature, [title.owner]);
      if (signer === null) throw fault('consent.signature');
      const judged = judgeConsent(consent, signer, title, BigInt(Math.floor(clock() / 1000)));
      if (judged !== 'good' && judged !== 'consent.notYet') throw fault(judged);
      await requireGrantee(granteeOf(consent));
      try {
        await insert(hash, formatConsent(consent, signature), consent, signer);
      } catch (error) {
        if (!isUniqueViolation(error)) throw error;
        throw new Problem('consent.bearerTaken', 'Draw another token: each share link has its own.');
      }
      const stored = await rowOf(hash);
      if (stored === undefined) throw new Problem('internal', 'what was stored is not there');
      return { consent: await handedView(stored, reader), isNew: true };
    },

    async revoke(hash, signature, reader) {
      const row = await rowOf(hash);
      if (row === undefined) throw unknown();
      const { consent, signer } = consentOf(row);
      const title = await titleOf(store, consent.subject);
      const entitled = [signer, title?.owner ?? null];
      const revoker = await signerOf(fromHex(revocationHash(ledger, hash), 32), signature, entitled);
      if (revoker === null || !entitled.includes(revoker)) {
        throw new Problem(
          'consent.notRevoker',
          'It is for its signer and for the present owner to revoke it.',
        );
      }
      // The first revocation is the one that counts.
      if (row.revocation === null) {
        await options.revocations.add({
          ledger: formatLedgerId(ledger),
          consent: hash,
          revoker,
          signature: toHex(signature),
          receipt: receipt(hash, 'revoked', now()),
        });
      }
      const revoked = await rowOf(hash);
      if (revoked === undefined) throw unknown();
      return handedView(revoked, reader);
    },

    async find(hash, reader) {
      const row = await rowOf(hash);
      if (row === undefined || !(isSigner(row, reader) || isGrantee(row, reader))) throw unknown();
      const [view] = await views([row], (_, state) => isSigner(row, reader) || state === 'good');
      if (view === undefined) throw unknown();
      return isSigner(row, reader) ? view : granteesView(view);
    },

    async list(reader, as, { limit, after, subject }) {
      const value = reader.kind === 'organisation' ? reader.organisation : fromHex(reader.account, 20);
      // Organisations give none: the owner of a title is an account.
      if (as === 'signer' && reader.kind === 'organisation') return { consents: [], next: null };
      const column = as === 'signer' ? 'signer' : reader.kind;
      const rows = await store.query<ConsentRow>(
        `SELECT ${CONSENT_COLUMNS} FROM consents
         WHERE ${column} = $1 AND ($2::bytea IS NULL OR subject = $2)
           AND ($3::timestamptz IS NULL OR (stored_at, hash) < ($3, $4::bytea))
         ORDER BY stored_at DESC, hash DESC LIMIT $5`,
        [
          value,
          subject === null ? null : fromHex(subject, 32),
          after?.storedAt ?? null,
          after === null ? null : fromHex(after.hash, 32),
          limit + 1,
        ],
      );
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      const found = await views(page, (_, state) => as === 'signer' || state === 'good');
      return {
        consents: as === 'signer' ? found : found.map(granteesView),
        next:
          rows.length > limit && last !== undefined
            ? { storedAt: last.stored_at, hash: toHex(last.hash) as ConsentHash }
            : null,
      };
    },
  };
}

/** Why a consent is not taken. */
const faults = {
  'consent.signature': 'No signature of this consent can be read: sign it under the ledger’s own domain.',
  'consent.formerOwner': 'The title is another owner’s by now.',
  'consent.notOwner': 'It is not signed by the title’s owner, or under another ledger’s domain.',
  'consent.tenure': 'It names another tenure than the title’s present one.',
  'consent.revoked': 'It was revoked.',
  'consent.expired': 'Its time is over.',
} as const satisfies Readonly<Record<Exclude<ConsentFault, 'consent.notYet'>, string>>;

const fault = (code: keyof typeof faults) => new Problem(code, faults[code]);

const unknown = () => new Problem('consent.unknown', 'No such consent is known here, for this account.');

function granteeColumns(grantee: Grantee): {
  organisation: OrganisationId | null;
  account: Uint8Array | null;
  bearer: Uint8Array | null;
} {
  return {
    organisation: grantee.type === 'organisation' ? grantee.organisation : null,
    account: grantee.type === 'account' ? fromHex(grantee.account, 20) : null,
    bearer: grantee.type === 'bearer' ? fromHex(grantee.bearer, 32) : null,
  };
}

function isSigner(row: ConsentRow, reader: SignedInReader): boolean {
  return reader.kind === 'account' && toHex(row.signer) === reader.account;
}

function isGrantee(row: ConsentRow, reader: SignedInReader): boolean {
  const grantee = granteeOf(consentOf(row).consent);
  return reader.kind === 'organisation'
    ? grantee.type === 'organisation' && grantee.organisation === reader.organisation
    : grantee.type === 'account' && grantee.account === reader.account;
}

function viewOf(row: ConsentRow, state: ConsentState, identifier: string | null): ConsentView {
  const { hash, signer, consent } = consentOf(row);
  const isShare = granteeOf(consent).type === 'bearer';
  return {
    hash,
    state,
    signer,
    signed: row.consent,
    identifier,
    storedAt: row.stored_at,
    receipt: row.receipt,
    revocation:
      row.revocation === null || row.revoked_at === null
        ? null
        : { revokedAt: row.revoked_at, receipt: row.revocation.receipt },
    openings: isShare ? { count: Number(row.openings), lastAt: row.opened_at } : null,
  };
}

/** A grantee is not told how often others looked. */
function granteesView(view: ConsentView): ConsentView {
  return { ...view, openings: null };
}
