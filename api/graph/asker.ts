import { kinds, kindsOfRoles } from '../../core/kinds/kinds.ts';
import type { Account } from '../auth/caller.ts';
import { Problem } from '../problem.ts';
import type { Asker } from './graph.ts';

const AUTHORITY = kindsOfRoles(['authority']);
const MAKING = [kinds['vehicle.built'], kinds['batch.produced']];

/**
 * Who asks, as the graph answers it. An authority has all rights of that role and makes nothing itself: rights are all that
 * the ledger has of roles, and a maker that has many of them must not see its rivals' vehicles.
 * @throws `auth.required`
 */
export function askerOf(account: Account | null): Asker {
  if (account === null) throw new Problem('auth.required', 'Sign in as an organisation first.');
  const { organisation, standing } = account;
  const may = (number: number): boolean => ((standing.kinds >> BigInt(number)) & 1n) === 1n;
  const authority =
    standing.status === 'good' &&
    (standing.kinds & AUTHORITY) === AUTHORITY &&
    !MAKING.some(({ number }) => may(number));
  return { organisation, authority };
}
