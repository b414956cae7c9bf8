import * as z from 'zod';
import { fromHex, toHex } from '../../core/bytes.ts';
import type { Address, Subject } from '../../core/chain/types.ts';
import { defineRoute } from '../http/route.ts';
import { readTitle } from '../index/titles.ts';
import { identifiersOf } from '../privacy/consents.ts';
import { Problem } from '../problem.ts';
import { createSecrets } from '../query/secrets.ts';
import { titlesOf, titleView } from '../query/titles.ts';
import type { Queryable } from '../store/store.ts';
import { titleSchema } from './titles.ts';

/** Most vehicles, and most offers, that one account is told of: keys are fresh for each vehicle. */
const MOST = 200;

const named = z.strictObject({
  identifier: z.string().nullable().meta({ description: 'Null where it is not known here' }),
  title: titleSchema,
});

export const listMyVehicles = defineRoute({
  method: 'get',
  path: '/v1/my/vehicles',
  name: 'listMyVehicles',
  tag: 'Privacy',
  summary: 'The vehicles whose title the signed-in account holds, and those that are on offer to it.',
  description: `With their identifiers, which nobody else is told. At most ${MOST} of each.`,
  access: 'account',
  responses: {
    200: {
      description: 'Vehicles owned (an ended title stays its last owner’s), and open offers',
      mediaType: 'application/json',
      schema: z.strictObject({ account: z.string(), vehicles: z.array(named), offers: z.array(named) }),
    },
  },
  problems: ['index.behind'],
  async handle({ caller }, { store, keyring, pipeline }) {
    if (caller.person === null) throw new Problem('auth.required', 'Sign in with the account alone.');
    const { address } = caller.person;
    const ledger = await pipeline.ownLedger();
    const now = BigInt(Math.floor(Date.now() / 1000));
    const owned = await titlesOf(store, ledger, address, { after: null, limit: MOST }, now);
    const offered = await offersTo(store, ledger, address, now);
    const titles = [...owned.titles, ...offered];
    const subjects = [...new Set(titles.map(({ subject }) => subject as Subject))];
    const identifiers = await identifiersOf(store, createSecrets(keyring), subjects);
    const withName = (title: (typeof titles)[number]) => ({
      identifier: identifiers.get(title.subject) ?? null,
      title,
    });
    return {
      status: 200,
      headers: { 'Cache-Control': 'private, no-store' },
      body: { account: address, vehicles: owned.titles.map(withName), offers: offered.map(withName) },
    };
  },
});

/** The titles that are on offer to an account and may be accepted, or could be but for an obstacle. */
async function offersTo(store: Queryable, ledger: number, buyer: Address, now: bigint) {
  const rows = await store.query<{ subject: Uint8Array; title: Parameters<typeof readTitle>[0] }>(
    `SELECT subject, title FROM titles
     WHERE title -> 'offer' ->> 'buyer' = $1 AND ledger = $2 AND (title -> 'offer' ->> 'until')::numeric >= $3
       AND NOT EXISTS (SELECT 1 FROM titles later
         WHERE later.subject = titles.subject AND later.ledger = titles.ledger AND later.position > titles.position)
     ORDER BY subject LIMIT $4`,
    [toHex(fromHex(buyer, 20)), ledger, now, MOST],
  );
  return rows.map((row) => titleView(toHex(row.subject) as Subject, readTitle(row.title), now));
}
