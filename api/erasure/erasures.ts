import { fromHex, type Hex } from '../../core/bytes.ts';
import type { Address, Digest } from '../../core/chain/types.ts';
import type { Basis } from '../../core/privacy/erasure.ts';
import type { Account } from '../keyring/keyring.ts';
import { Problem } from '../problem.ts';
import { insertRows } from '../store/rows.ts';
import type { Store, Transaction } from '../store/store.ts';
import { destroyRows, documentsOf, type Rewrite, rewriteTables, tablesOf } from './destroy.ts';
import type { Place } from './places.ts';
import { type Plan, type PlanSource, planErasure, type Target } from './plan.ts';
import {
  ERASURE_COLUMNS,
  type ErasureRow,
  isSigned,
  issueReceipt,
  itemName,
  type LedgerReceipt,
  receiptOf,
} from './receipt.ts';
import type { Register } from './register.ts';
import { holdContent } from './tombstones.ts';

export type Erased = {
  /** What was agreed to; nothing goes where everything was erased before. */
  readonly plan: Plan;
  /** For all of it, those from before included, in their order. */
  readonly receipts: readonly LedgerReceipt[];
};

/** Destroys content, and sees to it that it stays destroyed. */
export interface Erasures {
  /** What would go, and what would stay. Changes nothing. @throws `erasure.unknown` */
  plan(target: Target): Promise<Plan>;
  /**
   * Destroys what the plan of this id says, in every store, and fulfils once it is gone. Of what was erased before it
   * gives the receipts from then.
   * @throws `erasure.changed` where the plan has become another one since; `erasure.unknown`; `document.unavailable`
   *   before anything is destroyed; `erasure.pinned` when a part of it could not be destroyed yet: that is tried again
   */
  erase(target: Target, basis: Basis, agreed: Hex): Promise<Erased>;
  /** Receipts in the order in which they came in, after the one of this number. */
  list(after: bigint, limit: number): Promise<{ number: bigint; receipt: LedgerReceipt }[]>;
  /** The receipts of one entry. */
  of(digest: Digest): Promise<LedgerReceipt[]>;
  /** Takes note of what other processes erased, and goes on with what was interrupted. */
  catchUp(): Promise<void>;
  /** The places that content is destroyed in, beside the database. */
  readonly stores: readonly string[];
  /** Erasures that are not done in every store yet. */
  pending(): Promise<number>;
  close(): Promise<void>;
}

export type ErasuresOptions = PlanSource & {
  readonly store: Store;
  readonly operator: Account;
  /** Where content may be, beside the database. */
  readonly places: readonly Place[];
  /** The file of receipts; whoever opened it closes it. */
  readonly register: Register;
  /** The receipts that it has. */
  readonly known: readonly LedgerReceipt[];
  /** Told that what is shown has become less. */
  readonly onErased: () => void;
  /** Told of the entries that are gone, before the tables are written anew: what was derived of them goes too. */
  readonly beforeRewrite?: (digests: readonly Uint8Array[]) => Promise<void>;
  readonly rewrite?: Rewrite;
  readonly clock?: () => Date;
};

/**
 * Carries out what the file of receipts says and the store does not know: an erasure that was interrupted,
 * or one from before the store was restored from a backup. Only then may anything be served.
 * @throws `erasures.foreign`
 */
export async function openErasures(options: ErasuresOptions): Promise<Erasures> {
  const { store, operator, places, onErased, register, known } = options;
  const clock = options.clock ?? (() => new Date());
  await record(store, await unknownOf(store, known, operator.address));
  await register.append(await missingOf(store, known));
  let noted = await lastNumber(store);
  /** What this process wrote to the file itself, until it comes by again from the store. */
  const own = new Set<string>();
  /** What is in the file and not in the store yet: what they name is still there. */
  let unrecorded: readonly LedgerReceipt[] = [];
  const inTurn = oneAfterTheOther();

  /** From the places outside and from the store's files. What cannot be reached now is tried again later. */
  async function complete(): Promise<void> {
    const rows = await store.query<ErasureRow>(
      `SELECT ${ERASURE_COLUMNS} FROM erasures WHERE NOT completed ORDER BY number`,
    );
    if (rows.length === 0) return;
    onErased();
    await destroyOutside(rows.map((row) => receiptOf(row).receipt));
    await options.beforeRewrite?.(rows.map(({ digest }) => digest));
    await rewriteTables(store, tablesOf(rows), options.rewrite);
    await store.execute('UPDATE erasures SET completed = true WHERE number = ANY($1::int8[])', [
      rows.map(({ number }) => number),
    ]);
  }

  async function destroyOutside(items: readonly { digest: string; what: string }[]): Promise<void> {
    const entries = items.filter(({ what }) => what === 'entry');
    for (const place of places) {
      for (const cid of documentsOf(items as never)) await place.destroyDocument(cid);
      for (const { digest } of entries) await place.destroyBlock(digest as Digest);
    }
  }

  /** Whatever came between the file and the store is tried again, until the store has it. */
  async function recordOwn(): Promise<void> {
    if (unrecorded.length === 0) return;
    await record(store, unrecorded);
    unrecorded = [];
  }

  async function catchUp(): Promise<void> {
    await recordOwn();
    const rows = await store.query<ErasureRow>(
      `SELECT ${ERASURE_COLUMNS} FROM erasures WHERE number > $1 ORDER BY number`,
      [noted],
    );
    const others = rows.map(receiptOf).filter(({ receipt }) => !own.delete(itemName(receipt)));
    if (others.length > 0) {
      onErased();
      await register.append(others);
      // Another process has destroyed it in the places that are common; this one's own are left.
      await destroyOutside(others.map(({ receipt }) => receipt));
    }
    noted = rows.at(-1)?.number ?? noted;
    await complete();
  }

  async function erase(target: Target, basis: Basis, agreed: Hex): Promise<Erased> {
    if (unrecorded.length > 0) await catchUp();
    const plan = await planErasure(options, target);
    if (plan.goes.length === 0) return { plan, receipts: plan.erased };
    if (plan.id !== agreed) {
      throw new Problem('erasure.changed', 'What there is to erase has changed: look at the plan again.', {
        extensions: { plan: plan.id },
      });
    }
    // A receipt must not speak of what cannot be reached.
    for (const place of places) await place.check();
    const erasedAt = BigInt(Math.floor(clock().getTime() / 1000));
    const receipts = plan.goes.map((item) => issueReceipt(operator, item.ledger, item, basis, erasedAt));
    for (const { receipt } of receipts) own.add(itemName(receipt));
    await register.append(receipts);
    unrecorded = receipts;
    await recordOwn();
    onErased();
    await complete();
    const after = await planErasure(options, target);
    return { plan, receipts: after.erased };
  }

  return {
    stores: places.map(({ name }) => name),
    plan: (target) => planErasure(options, target),
    erase: (target, basis, agreed) => inTurn(() => erase(target, basis, agreed)),
    async list(after, limit) {
      const rows = await store.query<ErasureRow>(
        `SELECT ${ERASURE_COLUMNS} FROM erasures WHERE number > $1 ORDER BY number LIMIT $2`,
        [after, limit],
      );
      return rows.map((row) => ({ number: row.number, receipt: receiptOf(row) }));
    },
    async of(digest) {
      const rows = await store.query<ErasureRow>(
        `SELECT ${ERASURE_COLUMNS} FROM erasures WHERE digest = $1 ORDER BY number`,
        [fromHex(digest, 32)],
      );
      return rows.map(receiptOf);
    },
    catchUp: () => inTurn(catchUp),
    async pending() {
      const [row] = await store.query<{ count: bigint }>(
        'SELECT count(*) AS count FROM erasures WHERE NOT completed',
      );
      return Number(row?.count ?? 0n) + unrecorded.length;
    },
    close: () => inTurn(() => Promise.resolve()),
  };
}

/** Receipts of the file that the store does not know. @throws `erasures.foreign` for another operator's */
async function unknownOf(
  store: Store,
  known: readonly LedgerReceipt[],
  operator: Address,
): Promise<LedgerReceipt[]> {
  const unknown: LedgerReceipt[] = [];
  for (const group of groupsOf(known, 1_000)) {
    const rows = await store.query<{ digest: Uint8Array; what: string }>(
      'SELECT digest, what FROM erasures WHERE (digest, what) IN (SELECT * FROM unnest($1::bytea[], $2::text[]))',
      [group.map(({ receipt }) => fromHex(receipt.digest, 32)), group.map(({ receipt }) => receipt.what)],
    );
    const found = new Set(rows.map(({ digest, what }) => itemName({ digest: hexOf(digest), what })));
    unknown.push(...group.filter(({ receipt }) => !found.has(itemName(receipt))));
  }
  requireOwn(unknown, operator);
  return unknown;
}

/** @throws `erasures.foreign` unless this operator signed all of them */
export function requireOwn(receipts: readonly LedgerReceipt[], operator: Address): void {
  for (const entry of receipts) {
    if (entry.receipt.operator === operator && isSigned(entry)) continue;
    throw new Problem(
      'erasures.foreign',
      'The file of erasures has a receipt that is not signed by this operator: put back its own.',
      { extensions: { operator: entry.receipt.operator, digest: entry.receipt.digest } },
    );
  }
}

/** Receipts of the store that the file does not have: other processes', or of before the file was lost. */
async function missingOf(store: Store, known: readonly LedgerReceipt[]): Promise<LedgerReceipt[]> {
  const inFile = new Set(known.map(({ receipt }) => itemName(receipt)));
  const missing: LedgerReceipt[] = [];
  let after = 0n;
  for (;;) {
    const rows = await store.query<ErasureRow>(
      `SELECT ${ERASURE_COLUMNS} FROM erasures WHERE number > $1 ORDER BY number LIMIT 1000`,
      [after],
    );
    const last = rows.at(-1);
    if (last === undefined) return missing;
    missing.push(...rows.map(receiptOf).filter(({ receipt }) => !inFile.has(itemName(receipt))));
    after = last.number;
  }
}

/** Makes receipts known to the store, and destroys what they name in it. */
async function record(store: Store, receipts: readonly LedgerReceipt[]): Promise<void> {
  for (const group of groupsOf(receipts, 1_000)) {
    await store.transaction(async (transaction) => {
      await holdContent(transaction);
      await insertErasures(transaction, group);
      await destroyRows(transaction, group.map(({ receipt }) => receipt) as never);
    });
  }
}

/** Of two receipts for the same, by two processes at once, the first stays. */
export async function insertErasures(
  transaction: Transaction,
  receipts: readonly LedgerReceipt[],
  completed = false,
): Promise<void> {
  const [row] = await transaction.query<{ last: bigint }>(
    'SELECT coalesce(max(number), 0)::int8 AS last FROM erasures',
  );
  let number = row?.last ?? 0n;
  const first = new Map(receipts.toReversed().map((entry) => [itemName(entry.receipt), entry]));
  const rows = receipts
    .filter((entry) => first.get(itemName(entry.receipt)) === entry)
    .map(({ ledger, receipt }) => ({
      number: ++number,
      digest: fromHex(receipt.digest, 32),
      what: receipt.what,
      ledger,
      basis: receipt.basis,
      erased_at: receipt.erasedAt,
      operator: fromHex(receipt.operator, 20),
      signature: fromHex(receipt.signature),
      completed,
    }));
  await insertRows(
    transaction,
    'erasures',
    {
      number: 'int8',
      digest: 'bytea',
      what: 'text',
      ledger: 'text',
      basis: 'text',
      erased_at: 'int8',
      operator: 'bytea',
      signature: 'bytea',
      completed: 'boolean',
    },
    rows,
    { onConflict: '(digest, what) DO NOTHING' },
  );
}

async function lastNumber(store: Store): Promise<bigint> {
  const [row] = await store.query<{ last: bigint }>(
    'SELECT coalesce(max(number), 0)::int8 AS last FROM erasures',
  );
  return row?.last ?? 0n;
}

function* groupsOf<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}

const hexOf = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`;

/** Runs what it is given one at a time, in order. */
function oneAfterTheOther(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };
}
