import { fromHex, toHex } from '../../core/bytes.ts';
import type { Address, LedgerId } from '../../core/chain/types.ts';
import type { ConsentHash } from '../../core/privacy/consent.ts';
import type { Register } from '../erasure/register.ts';
import { Problem } from '../problem.ts';
import { insertRows } from '../store/rows.ts';
import type { Store, Transaction } from '../store/store.ts';
import { isReceiptedBy, type Revocation, type StoredRevocation } from './revocation.ts';

/**
 * A consent that was revoked stays revoked, whatever is restored: revocations are in the file that outlives backups
 * before they are answered, and in a table of their own, beside the consents.
 */
export interface Revocations {
  /** Fulfils once the revocation is on the disk and in force. Of several of one consent the first stays. */
  add(revocation: Revocation): Promise<void>;
  /** Takes note of what was revoked by other processes. */
  catchUp(): Promise<void>;
  /** Fulfils once a note that is being taken is. */
  close(): Promise<void>;
}

export type RevocationsOptions = {
  readonly store: Store;
  readonly ledger: LedgerId;
  readonly operator: Address;
  readonly register: Register;
  /** What the file has. */
  readonly known: readonly Revocation[];
};

/**
 * Puts into force what the file says and the store does not know, and into the file what only the store knows. Only then
 * may anything be served.
 * @throws `erasures.foreign`
 */
export async function openRevocations(options: RevocationsOptions): Promise<Revocations> {
  const { store, ledger, operator, register, known } = options;
  const unknown = await unknownOf(store, known);
  requireOwnRevocations(unknown, operator);
  await recordRevocations(store, [...unknown, ...(await unlistedOf(store, ledger))]);
  const inFile = new Set<string>(known.map(({ consent }) => consent));
  const listed = await listedAfter(store, 0n);
  await register.appendRevocations(listed.found.filter(({ consent }) => !inFile.has(consent)));
  let noted = listed.last;
  /** What this process wrote to the file itself, until it comes by again from the store. */
  const own = new Set<string>();
  let last: Promise<unknown> = Promise.resolve();

  async function catchUp(): Promise<void> {
    const { found, last: number } = await listedAfter(store, noted);
    await register.appendRevocations(found.filter(({ consent }) => !own.has(consent)));
    for (const { consent } of found) own.delete(consent);
    noted = number;
  }

  return {
    async add(revocation) {
      own.add(revocation.consent);
      await register.appendRevocations([revocation]);
      await recordRevocations(store, [revocation], 'these');
    },
    catchUp() {
      const done = last.then(catchUp);
      last = done.catch(() => undefined);
      return done;
    },
    async close() {
      await last;
    },
  };
}

/** Any number, the same in all versions. */
const advisoryLock = 8_643_201_179n;

/**
 * Whether a consent was revoked, though it is not here. Nothing is revoked between the question and the end of the
 * transaction.
 */
export async function wasRevoked(transaction: Transaction, consent: ConsentHash): Promise<boolean> {
  await transaction.query('SELECT pg_advisory_xact_lock_shared($1)', [advisoryLock]);
  const rows = await transaction.query('SELECT 1 AS one FROM revocations WHERE consent = $1', [
    fromHex(consent, 32),
  ]);
  return rows.length > 0;
}

/**
 * Makes revocations known to the store, and puts them into force. Doing it again does nothing.
 * @param inForce only these, or also whatever else the store knows
 */
export async function recordRevocations(
  store: Store,
  revocations: readonly Revocation[],
  inForce: 'these' | 'all' = 'all',
): Promise<void> {
  const first = new Map(revocations.toReversed().map((one) => [one.consent, one]));
  const kept = revocations.filter((one) => first.get(one.consent) === one);
  await store.transaction(async (transaction) => {
    await transaction.query('SELECT pg_advisory_xact_lock($1)', [advisoryLock]);
    const [row] = await transaction.query<{ last: bigint }>(
      'SELECT coalesce(max(number), 0)::int8 AS last FROM revocations',
    );
    let number = row?.last ?? 0n;
    await insertRows(
      transaction,
      'revocations',
      { number: 'int8', consent: 'bytea', ledger: 'text', revocation: 'jsonb', revoked_at: 'timestamptz' },
      kept.map(({ ledger, consent, revoker, signature, receipt }) => ({
        number: ++number,
        consent: fromHex(consent, 32),
        ledger,
        revocation: { revoker, signature, receipt } satisfies StoredRevocation,
        revoked_at: new Date(receipt.at * 1000),
      })),
      { onConflict: '(consent) DO NOTHING' },
    );
    // Waits for showings under them that have begun.
    await transaction.execute(
      `UPDATE consents SET revocation = known.revocation, revoked_at = known.revoked_at FROM revocations AS known
       WHERE known.consent = consents.hash AND consents.revocation IS NULL
         AND ($1::bytea[] IS NULL OR consents.hash = ANY($1::bytea[]))`,
      [inForce === 'all' ? null : kept.map(({ consent }) => fromHex(consent, 32))],
    );
  });
}

/** @throws `erasures.foreign` unless this operator signed the receipts of all of them */
export function requireOwnRevocations(revocations: readonly Revocation[], operator: Address): void {
  const foreign = revocations.find((revocation) => !isReceiptedBy(revocation, operator));
  if (foreign === undefined) return;
  throw new Problem(
    'erasures.foreign',
    'The file of erasures has a revocation whose receipt is not signed by this operator: put back its own.',
    { extensions: { operator: foreign.receipt.operator, consent: foreign.consent } },
  );
}

const AT_ONCE = 1_000;

/** Revocations of the file that the store does not know. */
async function unknownOf(store: Store, known: readonly Revocation[]): Promise<Revocation[]> {
  const unknown: Revocation[] = [];
  for (let start = 0; start < known.length; start += AT_ONCE) {
    const group = known.slice(start, start + AT_ONCE);
    const rows = await store.query<{ consent: Uint8Array }>(
      'SELECT consent FROM revocations WHERE consent = ANY($1::bytea[])',
      [group.map(({ consent }) => fromHex(consent, 32))],
    );
    const found = new Set<string>(rows.map(({ consent }) => toHex(consent)));
    unknown.push(...group.filter(({ consent }) => !found.has(consent)));
  }
  return unknown;
}

/** Revocations of consents that were stored before there was a list of them. */
async function unlistedOf(store: Store, ledger: LedgerId): Promise<Revocation[]> {
  const rows = await store.query<{ hash: Uint8Array; revocation: StoredRevocation }>(
    `SELECT hash, revocation FROM consents WHERE revocation IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM revocations WHERE consent = hash) ORDER BY revoked_at, hash`,
  );
  return rows.map(({ hash, revocation }) => ({
    ledger,
    consent: toHex(hash) as ConsentHash,
    ...revocation,
  }));
}

async function listedAfter(store: Store, after: bigint): Promise<{ found: Revocation[]; last: bigint }> {
  const found: Revocation[] = [];
  let last = after;
  for (;;) {
    const rows = await store.query<{
      number: bigint;
      consent: Uint8Array;
      ledger: string;
      revocation: StoredRevocation;
    }>(
      `SELECT number, consent, ledger, revocation FROM revocations WHERE number > $1 ORDER BY number LIMIT ${AT_ONCE}`,
      [last],
    );
    const end = rows.at(-1);
    if (end === undefined) return { found, last };
    for (const { consent, ledger, revocation } of rows) {
      found.push({
        ledger: ledger as LedgerId,
        consent: toHex(consent) as ConsentHash,
        ...revocation,
      });
    }
    last = end.number;
  }
}
