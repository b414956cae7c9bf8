import { fromHex, type Hex, toHex } from '../../core/bytes.ts';
import type { Queryable } from '../store/store.ts';
import type { LedgerAddedEvent } from './logs.ts';

/*
 * The ledgers of the directory that are on the chain of the index. Number 0 is the one that the store was made for; any
 * other is 1 + its place in the directory: a rebuilt index numbers them as before. A contract of organisations is a
 * register; its number is that of the first ledger that takes its attesters from it.
 */

/** The register of the ledger that the store was made for, and of every successor of it that this operator writes to. */
export const OWN_REGISTER = 0;

export interface IndexedLedger {
  readonly number: number;
  readonly register: number;
  readonly address: Hex;
  readonly organisations: Hex;
  /** `behind`: its past is still being read. `unreadable`: its logs do not lead to its heads. */
  readonly state: 'followed' | 'behind' | 'unreadable';
}

/** What the store was made for. */
export interface FirstLedger {
  readonly chainId: bigint;
  readonly address: Hex;
  readonly organisations: Hex;
}

/** SQL: a cursor's ledger and what it says of it. */
export const behindName = (number: number) => `ledger:${number}`;
export const unreadableName = (number: number) => `unreadable:${number}`;

/** All of them as the tables have them, the first one first and the others in the directory's order. */
export async function readLedgers(store: Queryable, first: FirstLedger): Promise<IndexedLedger[]> {
  const rows = await store.query<{
    number: number;
    register: number;
    ledger: Uint8Array;
    organisations: Uint8Array;
  }>(
    `SELECT number, register, ledger, organisations FROM directory_links
     WHERE number IS NOT NULL AND number > 0 ORDER BY number`,
  );
  const states = await readStates(store);
  return [
    {
      ledger: fromHex(first.address, 20),
      organisations: fromHex(first.organisations, 20),
      number: 0,
      register: 0,
    },
    ...rows,
  ].map(({ number, register, ledger, organisations }) => ({
    number,
    register,
    address: toHex(ledger),
    organisations: toHex(organisations),
    state: states.get(number) ?? 'followed',
  }));
}

/** The ledgers that cannot be shown now, by number. */
export async function readStates(store: Queryable): Promise<Map<number, 'behind' | 'unreadable'>> {
  const rows = await store.query<{ name: string }>(
    `SELECT name FROM cursors WHERE name LIKE 'ledger:%' OR name LIKE 'unreadable:%' ORDER BY name`,
  );
  return new Map(
    rows.map(({ name }) => {
      const [what, number] = name.split(':');
      return [Number(number), what === 'ledger' ? 'behind' : 'unreadable'];
    }),
  );
}

/** Numbers of a ledger that the directory lists; null where it is on another chain. */
export interface LedgerNumbers {
  readonly number: number;
  readonly register: number;
}

/** Numbers newly listed ledgers after those that are known. */
export function numberLedgers(
  known: readonly Pick<IndexedLedger, 'number' | 'register' | 'address' | 'organisations'>[],
  added: readonly LedgerAddedEvent[],
  chainId: bigint,
): Map<LedgerAddedEvent, LedgerNumbers> {
  const all = [...known];
  const numbers = new Map<LedgerAddedEvent, LedgerNumbers>();
  for (const event of added) {
    if (event.chainId !== chainId) continue;
    const [address, organisations] = [toHex(event.ledger), toHex(event.organisations)];
    const number = all.find((ledger) => ledger.address === address)?.number ?? 1 + Number(event.index);
    const register = all.find((ledger) => ledger.organisations === organisations)?.register ?? number;
    all.push({ number, register, address, organisations });
    numbers.set(event, { number, register });
  }
  return numbers;
}
