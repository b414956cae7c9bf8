import { fromHex, toHex } from '../../core/bytes.ts';
import type { Subject } from '../../core/chain/types.ts';
import { type Identifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import { bearerOf } from '../../core/privacy/consent.ts';
import type { Pipeline } from '../pipeline.ts';
import { Problem, type ProblemCode } from '../problem.ts';
import type { Query } from '../query/query.ts';
import type { Secrets } from '../query/secrets.ts';
import type { Queryable, Store } from '../store/store.ts';
import { CONSENT_COLUMNS, type ConsentRow, type ConsentState, consentOf, stateOf } from './consentRows.ts';
import { identifiersOf } from './handedIn.ts';
import type { SealedFields } from './sealed.ts';
import { mayBeNamed, titleRecordsOf } from './titleRecord.ts';

/** What a share link opens. */
export type OpenedShare = {
  readonly identifier: string;
  readonly subject: Subject;
  readonly consent: string;
  readonly purpose: string;
  /** Its last second, seconds since 1970. */
  readonly until: number;
  /** This opening included. */
  readonly openings: number;
  /** The report with what the consent covers, as JSON text. */
  readonly report: string;
};

/** Share links: consents for whoever holds a token. */
export interface Shares {
  /**
   * Opens the share link of a token, counts the opening, and logs what it shows.
   * @throws `share.unknown` `share.notYet` `share.expired` `share.revoked` `share.ended`
   */
  open(token: Uint8Array, route: string): Promise<OpenedShare>;
}

export type ShareOptions = {
  readonly store: Store;
  readonly secrets: Secrets;
  readonly sealed: SealedFields;
  readonly query: Pick<Query, 'openedReport'>;
  readonly pipeline: Pick<Pipeline, 'ownLedger'>;
  readonly clock?: () => number;
};

export function createShares(options: ShareOptions): Shares {
  const { store, secrets, sealed, query, pipeline } = options;
  const clock = options.clock ?? Date.now;

  /** The consent of a token while it is good; locked, where asked in a transaction that is to count. */
  async function goodConsent(from: Queryable, bearer: Uint8Array, ledger: number, lock: '' | ' FOR UPDATE') {
    const [row] = await from.query<ConsentRow>(
      `SELECT ${CONSENT_COLUMNS} FROM consents WHERE bearer = $1${lock}`,
      [bearer],
    );
    if (row === undefined) {
      throw new Problem('share.unknown', 'No share link has this token: copy the whole link.');
    }
    const subject = toHex(row.subject) as Subject;
    const titles = await titleRecordsOf(from, ledger, [subject], secrets.blockKey);
    const state = stateOf(row, titles.get(subject), BigInt(Math.floor(clock() / 1000)));
    if (state !== 'good') throw refused[state]();
    return { row, ...consentOf(row), named: mayBeNamed(titles.get(subject)) };
  }

  return {
    async open(token, route) {
      const bearer = fromHex(bearerOf(token), 32);
      const ledger = await pipeline.ownLedger();
      const { hash, consent, named } = await goodConsent(store, bearer, ledger, '');
      const { subject, purpose, until } = consent;
      const name = named ? (await identifiersOf(store, secrets, [subject])).get(subject) : undefined;
      if (name === undefined) {
        throw new Problem('share.unknown', 'Which vehicle it is for is not known here.');
      }
      const identifier: Identifier = parseIdentifier(name, { overrideCheckDigit: true });
      let openings = 0;
      const report = await query.openedReport(identifier, (wanted) =>
        store.transaction(async (transaction) => {
          const { row } = await goodConsent(transaction, bearer, ledger, ' FOR UPDATE');
          await transaction.execute(
            'UPDATE consents SET openings = openings + 1, opened_at = $2 WHERE hash = $1',
            [row.hash, new Date(clock())],
          );
          openings = Number(row.openings) + 1;
          return sealed.showWithin(transaction, { reader: { kind: 'bearer', consent: hash }, route }, [
            wanted,
          ]);
        }),
      );
      const { text } = report;
      return {
        identifier: name,
        subject,
        consent: hash,
        purpose,
        until: Number(until),
        openings,
        report: text,
      };
    },
  };
}

const problemOf = (code: ProblemCode, detail: string) => () => new Problem(code, detail);

const refused: Readonly<Record<Exclude<ConsentState, 'good'>, () => Problem>> = {
  notYet: problemOf('share.notYet', 'The link’s time has not begun.'),
  expired: problemOf('share.expired', 'The link’s time is over: ask the owner for another.'),
  revoked: problemOf('share.revoked', 'The owner has revoked the link.'),
  ended: problemOf('share.ended', 'The vehicle has another owner since: the link ended with that.'),
};
