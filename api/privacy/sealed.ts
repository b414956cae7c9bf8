import { fromHex, toHex } from '../../core/bytes.ts';
import { type Digest, type Subject, ZERO_SUBJECT } from '../../core/chain/types.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { Secrets } from '../query/secrets.ts';
import type { Store, Transaction } from '../store/store.ts';
import { groundsOf } from './grounds.ts';
import { Logged, type Showing } from './logged.ts';
import {
  envelopeOf,
  type Ground,
  OPERATOR_GROUND,
  type Opened,
  openable,
  SEALED,
  SEALED_COLUMNS,
  type SealedBlockRow,
} from './openable.ts';
import type { Reading } from './reader.ts';

/** A history, or a part of one, that a reader is about to be shown. */
export type Wanted = {
  /** As the envelopes state it. */
  readonly identifier: string;
  readonly subject: Subject;
  /** Only of these is anything opened. */
  readonly digests: ReadonlySet<Digest>;
};

/** Disclosures, by the digest of their entry, by subject. Only what a reader may see is here. */
export type Shown = ReadonlyMap<Subject, ReadonlyMap<Digest, readonly string[]>>;

/** Whether a field of an entry is to be shown. */
export type FieldFilter = (digest: Digest, name: string) => boolean;

/**
 * All that is sealed, for those who may see it. Nothing else opens a disclosure, and it never does without an entry in
 * the access log of the subject (docs/protocol.md §15), written in the transaction that must commit first.
 *
 * Who may see what:
 * - an attester what it sealed itself;
 * - a title's owner what concerns it: see `concernsOwner`;
 * - a grantee what a good consent covers of what concerns the owner, who cannot grant more than that;
 * - the operator everything, by its export alone.
 */
export interface SealedFields {
  show(reading: Reading, wanted: readonly Wanted[]): Promise<Shown>;
  /** As {@link show}, in a transaction of the caller, who hands nothing out before it is committed. */
  showWithin(transaction: Transaction, reading: Reading, wanted: readonly Wanted[]): Promise<Shown>;
  /**
   * The disclosures of entries whose reader the caller has found to be entitled to all that is sealed in them, such as the
   * parties to an alert; `purpose` says as what. They are logged with the chain that each stands in.
   * @param may says which fields of which entries the reader is entitled to, where that is not all of them
   */
  showChosen(
    reading: Reading,
    purpose: string,
    digests: readonly Digest[],
    may?: FieldFilter,
  ): Promise<ReadonlyMap<Digest, readonly string[]>>;
  /**
   * Logs that something else was shown that belongs to entries and is in none of their disclosures, such as what the holder
   * of an alert's link answered; nothing of it is handed out before. By the names of what was shown.
   */
  logOther(
    reading: Reading,
    purpose: string,
    subject: Subject,
    shown: ReadonlyMap<Digest, readonly string[]>,
  ): Promise<void>;
  /** The disclosures of entries, to the operator, by their digests; of all fields, or of those named. */
  showOperator(
    route: string,
    digests: readonly Digest[],
    names?: readonly string[],
  ): Promise<ReadonlyMap<Digest, readonly string[]>>;
}

export type SealedOptions = {
  readonly store: Store;
  readonly secrets: Secrets;
  readonly keyring: Pick<Keyring, 'unwrapDisclosure'>;
  /** The number of the ledger whose titles count. */
  readonly ownLedger: () => Promise<number>;
  readonly clock?: () => number;
};

export function createSealedFields(options: SealedOptions): SealedFields {
  const { store, secrets, keyring } = options;
  const clock = options.clock ?? Date.now;
  const now = (): bigint => BigInt(Math.floor(clock() / 1000));

  async function showWithin(
    transaction: Transaction,
    { reader, route }: Reading,
    wanted: readonly Wanted[],
  ): Promise<Shown> {
    if (reader.kind === 'anyone' || reader.kind === 'operator' || wanted.length === 0) return new Map();
    const ledger = await options.ownLedger();
    const at = now();
    const grounds = await groundsOf({ transaction, secrets, ledger, at }, reader, wanted);
    if (grounds === null) return new Map();
    const opened = await openable({ transaction, secrets, at }, reader, grounds, wanted);
    return logAndOpen(transaction, keyring, { reader, route }, opened, { at, ledger });
  }

  async function showAll(
    by: Pick<Showing, 'reader' | 'route'>,
    ground: Ground,
    digests: readonly Digest[],
    may: FieldFilter = () => true,
  ): Promise<ReadonlyMap<Digest, readonly string[]>> {
    const ledger = await options.ownLedger();
    const shown = await store.transaction(async (transaction) => {
      const rows = await transaction.query<SealedBlockRow>(
        `SELECT blocks.digest, blocks.body, block_keys.wrapped AS key, ${SEALED_COLUMNS}
         FROM ${SEALED} JOIN blocks ON blocks.digest = sealed.digest
           JOIN block_keys ON block_keys.digest = sealed.digest`,
        [digests.map((digest) => fromHex(digest, 32))],
      );
      const everything = rows.map((row): Opened => {
        const subject = envelopeOf(row, secrets)?.subject ?? ZERO_SUBJECT;
        const digest = toHex(row.digest) as Digest;
        const chosen = row.names.filter((name) => may(digest, name));
        const fields = chosen.map((name) => ({ name, ground }));
        return { subject, digest, row, fields };
      });
      return logAndOpen(transaction, keyring, by, everything, { at: now(), ledger });
    });
    return new Map([...shown.values()].flatMap((entries) => [...entries]));
  }

  return {
    showWithin,

    async show(reading, wanted) {
      const { kind } = reading.reader;
      // Nothing is ever open to anyone: they cost no transaction.
      if (kind === 'anyone' || kind === 'operator' || wanted.length === 0) return new Map();
      // On the embedded store a query outside of the open transaction would wait for it: what is known only there comes first.
      await options.ownLedger();
      return store.transaction((transaction) => showWithin(transaction, reading, wanted));
    },

    async showChosen({ reader, route }, purpose, digests, may) {
      if (reader.kind === 'anyone' || reader.kind === 'operator') return new Map();
      return showAll({ reader, route }, { consent: null, purpose }, digests, may);
    },

    async logOther({ reader, route }, purpose, subject, shown) {
      if (reader.kind === 'anyone') throw new TypeError('nothing is shown to anyone');
      const when = { at: now(), ledger: await options.ownLedger() };
      await store.transaction((transaction) =>
        Logged.write(transaction, [{ subject, reader, route, consent: null, purpose, shown }], when),
      );
    },

    showOperator: (route, digests, names) =>
      showAll(
        { reader: { kind: 'operator' }, route },
        OPERATOR_GROUND,
        digests,
        names === undefined ? undefined : (_, name) => names.includes(name),
      ),
  };
}

/** Writes what is about to be shown to the log, and opens it. */
async function logAndOpen(
  transaction: Transaction,
  keyring: Pick<Keyring, 'unwrapDisclosure'>,
  by: Pick<Showing, 'reader' | 'route'>,
  opened: readonly Opened[],
  when: { readonly at: bigint; readonly ledger: number },
): Promise<Shown> {
  const showings = new Map<string, Showing & { readonly shown: Map<Digest, string[]> }>();
  for (const { subject, digest, fields } of opened) {
    for (const { name, ground } of fields) {
      const key = `${subject}/${ground.consent ?? ground.purpose}`;
      const showing = showings.get(key) ?? { subject, ...by, ...ground, shown: new Map() };
      showings.set(key, showing);
      showing.shown.set(digest, [...(showing.shown.get(digest) ?? []), name]);
    }
  }
  const logged = await Logged.write(transaction, [...showings.values()], when);
  const shown = new Map<Subject, Map<Digest, readonly string[]>>();
  for (const { subject, digest, row, fields } of opened) {
    const disclosures = fields.map(({ name }) => {
      const wrapped = row.wrapped[row.names.indexOf(name)];
      if (wrapped === undefined) throw new TypeError('a field without its disclosure');
      return keyring.unwrapDisclosure(logged, { digest, name, wrapped });
    });
    const entries = shown.get(subject) ?? new Map<Digest, readonly string[]>();
    shown.set(subject, entries.set(digest, disclosures));
  }
  return shown;
}
