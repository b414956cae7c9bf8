import * as z from 'zod';
import { fromHex, toHex } from '../../core/bytes.ts';
import type { Address, Subject } from '../../core/chain/types.ts';
import { titleKinds } from '../../core/modules/title.ts';
import { cursor, seconds, subject as subjectSchema } from '../http/fields.ts';
import { defineRoute } from '../http/route.ts';
import { readTitle } from '../index/titles.ts';
import { actionHandedIn, HANDED_IN, identifiersOf } from '../privacy/handedIn.ts';
import { mayBeNamed, titleRecordsOf } from '../privacy/titleRecord.ts';
import { Problem } from '../problem.ts';
import { createSecrets } from '../query/secrets.ts';
import { type TitleView, titlesOf, titleView } from '../query/titles.ts';
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
  description:
    'With their identifiers, which nobody else is told, as far as the title came to its owner, or the offer to its buyer, ' +
    `by an action that was handed in here. At most ${MOST} of each.`,
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
    const offers = await offersTo(store, ledger, address, now);
    const offered = offers.map(({ title }) => title);
    const secrets = createSecrets(keyring);
    const records = await titleRecordsOf(
      store,
      ledger,
      owned.titles.map(({ subject }) => subject),
      secrets.blockKey,
    );
    const named = [
      ...owned.titles.map(({ subject }) => subject).filter((subject) => mayBeNamed(records.get(subject))),
      ...offers.filter(({ handedIn }) => handedIn).map(({ title }) => title.subject),
    ];
    const identifiers = await identifiersOf(store, secrets, [...new Set(named)]);
    const withName = (title: TitleView) => ({
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

/** SQL: the action by which the title of a row of `titles` was offered last. */
const OFFERED = `(SELECT offer.action_hash FROM titles AS offer
  WHERE offer.subject = titles.subject AND offer.ledger = titles.ledger AND offer.kind = ${titleKinds['title.offered']}
  ORDER BY offer.position DESC LIMIT 1)`;

/** The titles that are on offer to an account and may be accepted, or could be but for an obstacle. */
async function offersTo(store: Queryable, ledger: number, buyer: Address, now: bigint) {
  const rows = await store.query<{
    subject: Uint8Array;
    title: Parameters<typeof readTitle>[0];
    handed_in: boolean;
  }>(
    `SELECT subject, title, ${actionHandedIn(OFFERED)} AS handed_in FROM titles
     WHERE title -> 'offer' ->> 'buyer' = $1 AND ledger = $2 AND (title -> 'offer' ->> 'until')::numeric >= $3
       AND NOT EXISTS (SELECT 1 FROM titles later
         WHERE later.subject = titles.subject AND later.ledger = titles.ledger AND later.position > titles.position)
     ORDER BY subject LIMIT $4`,
    [toHex(fromHex(buyer, 20)), ledger, now, MOST],
  );
  return rows.map((row) => ({
    title: titleView(toHex(row.subject) as Subject, readTitle(row.title), now),
    handedIn: row.handed_in,
  }));
}

/** Most batches that an organisation is told of at once; the rest is in its own books, or a page further. */
const BATCHES = 200;

const batchView = z.strictObject({
  identifier: z.string(),
  subject: subjectSchema,
  state: z.enum(['quarantined', 'inTransit', 'received', 'produced', 'other']),
  latest: seconds.meta({ description: 'When the last of its entries was anchored' }),
  entries: z.int().min(1).meta({ description: 'All entries of its life, by whomever' }),
});

export const listMyBatches = defineRoute({
  method: 'get',
  path: '/v1/my/batches',
  name: 'listMyBatches',
  tag: 'Parts',
  summary: 'The batches of whose life your organisation handed something in here, the latest first.',
  description:
    'What it recorded without handing the content in is not counted: a number is told to who knew it. As the service reads the kinds of their entries (96 to 100), corrections not looked at. What can be checked is a ' +
    'batch’s report.',
  access: 'organisation',
  query: z.strictObject({ cursor: cursor.optional() }),
  responses: {
    200: {
      description: 'A page; `next` is the cursor of the one after it, null at the end',
      mediaType: 'application/json',
      schema: z.strictObject({ batches: z.array(batchView), next: z.string().nullable() }),
    },
  },
  problems: ['index.behind'],
  async handle({ caller, query }, { store, keyring, pipeline }) {
    if (caller.account === null) throw new Problem('auth.required', 'Sign in as an organisation.');
    const { organisation } = caller.account;
    const ledger = await pipeline.ownLedger();
    const before = query.cursor === undefined ? null : readCursor(query.cursor);
    const own = await store.query<{ subject: Uint8Array; latest: bigint }>(
      `SELECT subject, max(timestamp) AS latest FROM links
       WHERE organisation = $1 AND kind BETWEEN 96 AND 100 AND ledger = $2
       GROUP BY subject
       HAVING $3::int8 IS NULL OR (max(timestamp), subject) < ($3::int8, $4::bytea)
       ORDER BY latest DESC, subject DESC LIMIT $5`,
      [organisation, ledger, before?.latest ?? null, before?.subject ?? null, BATCHES + 1],
    );
    const page = own.slice(0, BATCHES);
    const rows = await store.query<{
      subject: Uint8Array;
      kind: number;
      timestamp: bigint;
      handed_in: boolean;
    }>(
      `SELECT subject, kind, timestamp, CASE WHEN organisation = $3 THEN ${HANDED_IN} ELSE false END AS handed_in
       FROM links WHERE subject = ANY($1::bytea[]) AND kind BETWEEN 96 AND 100 AND ledger = $2
       ORDER BY subject, position`,
      [page.map(({ subject }) => subject), ledger, organisation],
    );
    const known = new Set<Subject>();
    const lives = new Map<string, { kinds: number[]; latest: bigint }>();
    for (const { subject, kind, timestamp, handed_in: handedIn } of rows) {
      if (handedIn) known.add(toHex(subject) as Subject);
      const life = lives.get(toHex(subject)) ?? { kinds: [], latest: timestamp };
      life.kinds.push(kind);
      life.latest = timestamp;
      lives.set(toHex(subject), life);
    }
    const subjects = page.map(({ subject }) => toHex(subject) as Subject);
    const identifiers = await identifiersOf(store, createSecrets(keyring), [...known]);
    const batches = subjects.flatMap((subject) => {
      const identifier = identifiers.get(subject);
      const life = lives.get(subject);
      // A name that was erased is nobody's any more.
      if (!identifier?.startsWith('batch:') || life === undefined) return [];
      const { kinds, latest } = life;
      return [{ identifier, subject, state: stateOf(kinds), latest: Number(latest), entries: kinds.length }];
    });
    const last = page.at(-1);
    const next = own.length > BATCHES && last !== undefined ? writeCursor(last) : null;
    return { status: 200, headers: { 'Cache-Control': 'private, no-store' }, body: { batches, next } };
  },
});

/** What the kinds of a batch's entries come to, in their order. */
function stateOf(kinds: readonly number[]): z.infer<typeof batchView>['state'] {
  if (kinds.findLast((kind) => kind === 99 || kind === 100) === 99) return 'quarantined';
  const moved = kinds.findLast((kind) => kind === 97 || kind === 98);
  if (moved !== undefined) return moved === 97 ? 'inTransit' : 'received';
  return kinds.includes(96) ? 'produced' : 'other';
}

type Position = { readonly subject: Uint8Array; readonly latest: bigint };

function writeCursor({ subject, latest }: Position): string {
  return Buffer.from(`${latest}:${toHex(subject)}`).toString('base64url');
}

function readCursor(text: string): Position {
  const [, latest, subject] =
    /^(\d{1,15}):(0x[0-9a-f]{64})$/.exec(Buffer.from(text, 'base64url').toString('latin1')) ?? [];
  if (latest === undefined || subject === undefined) {
    throw new Problem('request.invalid', 'Use a cursor as the page before gave it.');
  }
  return { latest: BigInt(latest), subject: fromHex(subject, 32) };
}
