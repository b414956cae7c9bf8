import { fromHex, toHex } from '../../core/bytes.ts';
import type { Address, Subject } from '../../core/chain/types.ts';
import type { Node, Nodes } from '../graph/nodes.ts';
import { CONSENT_COLUMNS, type ConsentRow, consentOf, stateOf } from '../privacy/consentRows.ts';
import { actionHandedIn, identifiersOf } from '../privacy/handedIn.ts';
import { mayBeNamed, titleRecordsOf } from '../privacy/titleRecord.ts';
import type { Secrets } from '../query/secrets.ts';
import type { Queryable } from '../store/store.ts';
import type { Recipient } from './notices.ts';
import type { Subscriptions } from './subscriptions.ts';

/** A vehicle as a campaign lists it. */
export type Vehicle = { readonly identifier: string; readonly node: Node; readonly subject: Subject };

/** Whom something about a vehicle concerns. */
export type Told = {
  readonly told: readonly Recipient[];
  /** The number that it goes by now, where a registrar has replaced the one that it is listed under. */
  readonly knownAs: string | null;
};

export type RecipientOptions = {
  readonly ledger: number;
  readonly secrets: Secrets;
  readonly nodes: Nodes;
  readonly subscriptions: Pick<Subscriptions, 'to'>;
  /** Seconds since 1970. */
  readonly at: bigint;
};

/** The owners of vehicles, whoever has their consent, and who subscribes to them: also under a number that came later. */
export async function recipientsOf(
  from: Queryable,
  vehicles: readonly Vehicle[],
  { ledger, secrets, nodes, subscriptions, at }: RecipientOptions,
): Promise<Map<Node, Told>> {
  const { successors, standing } = await presentTitles(
    from,
    ledger,
    vehicles.map(({ subject }) => subject),
  );
  const subjects = [...new Set([...vehicles.map(({ subject }) => subject), ...successors.values()])];
  const records = await titleRecordsOf(from, ledger, subjects, secrets.blockKey);
  // Who made itself the owner of a pseudonym is not told which vehicle it is, nor whom that one consents to.
  const titles = new Map([...records].filter(([, record]) => mayBeNamed(record)));
  const consents = await from.query<ConsentRow>(
    `SELECT ${CONSENT_COLUMNS} FROM consents
     WHERE subject = ANY($1::bytea[]) AND bearer IS NULL AND revocation IS NULL`,
    [bytesOf(subjects)],
  );
  const names = await identifiersOf(from, secrets, [...new Set(successors.values())]);
  const nodesOf = ({ node, subject }: Vehicle): Node[] => {
    const name = names.get(successors.get(subject) ?? subject);
    return name === undefined ? [node] : [node, nodes.nodeOfText(name)];
  };
  const subscribed = await subscriptions.to(from, vehicles.flatMap(nodesOf));
  return new Map(
    vehicles.map((vehicle): [Node, Told] => {
      const { node, subject } = vehicle;
      const now = successors.get(subject) ?? subject;
      const title = standing.has(now) ? titles.get(now) : undefined;
      const consented = consents.filter((row) => {
        const of = toHex(row.subject) as Subject;
        return (of === subject || of === now) && stateOf(row, titles.get(of), at) === 'good';
      });
      return [
        node,
        {
          told: [
            ...(title === undefined ? [] : [{ account: title.owner as Address }]),
            ...consented.map(granteeOf),
            ...nodesOf(vehicle).flatMap((name) =>
              (subscribed.get(name) ?? []).map((organisation) => ({ organisation })),
            ),
          ],
          knownAs: names.get(now) ?? null,
        },
      ];
    }),
  );
}

function granteeOf(row: ConsentRow): Recipient {
  const { organisation, account } = consentOf(row).consent;
  return organisation === 0n ? { account } : { organisation };
}

/** A number is hardly ever replaced twice. */
const MOST_REPLACEMENTS = 16;

/** Under which subject each title goes on that was replaced; and which titles are somebody's now. */
async function presentTitles(
  from: Queryable,
  ledger: number,
  subjects: readonly Subject[],
): Promise<{ successors: Map<Subject, Subject>; standing: Set<Subject> }> {
  const successors = new Map<Subject, Subject>();
  const standing = new Set<Subject>();
  let ends = new Map(subjects.map((subject) => [subject, [subject]]));
  for (let hop = 0; hop <= MOST_REPLACEMENTS && ends.size > 0; hop++) {
    const rows = await from.query<{
      subject: Uint8Array;
      state: string;
      detail: Uint8Array;
      handed_in: boolean;
    }>(
      `SELECT DISTINCT ON (subject) subject, state, detail, ${actionHandedIn('titles.action_hash')} AS handed_in
       FROM titles WHERE ledger = $1 AND subject = ANY($2::bytea[]) ORDER BY subject, position DESC`,
      [ledger, bytesOf([...ends.keys()])],
    );
    const next = new Map<Subject, Subject[]>();
    for (const { subject, state, detail, handed_in } of rows) {
      const end = toHex(subject) as Subject;
      if (state === 'held' || state === 'exported') standing.add(end);
      // As any other word on a pseudonym, that it is now another counts only where it was handed in here.
      if (state !== 'replaced' || !handed_in) continue;
      const follower = toHex(detail) as Subject;
      const begun = ends.get(end) ?? [];
      for (const one of begun) successors.set(one, follower);
      next.set(follower, [...(next.get(follower) ?? []), ...begun]);
    }
    ends = next;
  }
  return { successors, standing };
}

const bytesOf = (subjects: readonly Subject[]): Uint8Array[] =>
  subjects.map((subject) => fromHex(subject, 32));
