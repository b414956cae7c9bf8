import { performance } from 'node:perf_hooks';
import { fromHex, type Hex, toHex, utf8 } from '../../core/bytes.ts';
import { openDisclosure } from '../../core/envelope/disclosure.ts';
import { holdErasures, refusalOf } from '../erasure/tombstones.ts';
import { columnsOfAction } from '../index/actions.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { AcceptedEntry, PipelineCounters } from '../pipeline.ts';
import { Problem } from '../problem.ts';
import { insertRows } from '../store/rows.ts';
import type { Store, Transaction } from '../store/store.ts';
import { actionConflict, entryOf, type ValidAction } from './actions.ts';
import type { Receipt } from './schema.ts';
import { toDigest, toSubject, type ValidEntry, type ValidSubmission } from './validate.ts';

/**
 * What became of what was to be stored: when it was; or it was here before, or the ledger has it already,
 * and then the database says more.
 */
export type Stored = { readonly storedAt: Date } | 'known' | 'anchored';

export interface Acceptance {
  readonly handed: ValidSubmission | ValidAction;
  readonly receivedAt: Date;
  readonly receipt: Receipt;
}

export interface WriterOptions {
  readonly store: Store;
  readonly keyring: Keyring;
  /** The number in the index of the ledger that is written to. */
  readonly ownLedger: () => Promise<number>;
  readonly clock: () => Date;
  readonly counters: PipelineCounters;
  readonly onAccept?:
    | ((transaction: Transaction, entries: readonly AcceptedEntry[]) => Promise<void>)
    | undefined;
}

/** As many as go well into one transaction. */
const MAX_ENTRIES_AT_ONCE = 4_096;
const ATTEMPTS = 5;

/**
 * Stores accepted submissions and actions: content, wrapped keys and the submission itself take effect together. Those that come
 * in while a transaction is under way go together into the next one, so that single entries cost little.
 */
export class Writer {
  readonly #options: WriterOptions;
  readonly #queue: { readonly acceptance: Acceptance; settle: PromiseWithResolvers<Stored> }[] = [];
  #running: Promise<void> | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /**
   * @throws `nonce.conflict` when another live or anchored submission has the nonce, `title.conflict` when another action
   *   has the place in the title
   */
  store(acceptance: Acceptance): Promise<Stored> {
    const settle = Promise.withResolvers<Stored>();
    this.#queue.push({ acceptance, settle });
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return settle.promise;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      let entries = 0;
      let count = 0;
      for (const { acceptance } of this.#queue) {
        entries += acceptance.handed.valid.length;
        if (count > 0 && entries > MAX_ENTRIES_AT_ONCE) break;
        count += 1;
      }
      const started = performance.now();
      await this.#write(this.#queue.splice(0, count));
      this.#options.counters.milliseconds.store += performance.now() - started;
    }
  }

  async #write(
    group: readonly { acceptance: Acceptance; settle: PromiseWithResolvers<Stored> }[],
  ): Promise<void> {
    try {
      const outcomes = await this.#inTransaction(group.map(({ acceptance }) => acceptance));
      for (const [index, { settle }] of group.entries()) {
        const outcome = outcomes[index];
        if (outcome instanceof Problem) settle.reject(outcome);
        else settle.resolve(outcome ?? 'known');
      }
    } catch (error) {
      // One submission's failure must not be another's.
      if (group.length > 1) for (const item of group) await this.#write([item]);
      else group[0]?.settle.reject(error);
    }
  }

  async #inTransaction(acceptances: readonly Acceptance[]): Promise<(Stored | Problem)[]> {
    const ledger = await this.#options.ownLedger();
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#options.store.transaction((transaction) =>
          this.#storeAll(transaction, acceptances, ledger),
        );
      } catch (error) {
        const busy = error instanceof Problem && error.code === 'store.busy';
        if (!busy || attempt >= ATTEMPTS) throw error;
      }
    }
  }

  async #storeAll(
    transaction: Transaction,
    acceptances: readonly Acceptance[],
    ledger: number,
  ): Promise<(Stored | Problem)[]> {
    const storedAt = this.#options.clock();
    await holdErasures(transaction);
    const refusals = await refusalsOf(transaction, acceptances);
    const taken = await placeHolders(transaction, acceptances, ledger);
    const accepted = await acceptedPlaces(transaction, acceptances, ledger);
    const fresh: Acceptance[] = [];
    const outdone: Uint8Array[] = [];
    const outcomes = acceptances.map((acceptance): Stored | Problem => {
      const { hash } = acceptance.handed;
      const place = placeOf(acceptance.handed);
      if (taken.hashes.has(hash)) return 'known';
      const live = taken.live.get(place);
      const holder = accepted.get(place)?.hash ?? (live?.yields === true ? undefined : live?.hash);
      if (holder !== undefined && holder !== hash) return conflict(acceptance, holder);
      const refusal = refusals.get(hash);
      if (refusal !== undefined) return refusal;
      if (live !== undefined && live.hash !== hash) outdone.push(fromHex(live.hash, 32));
      taken.hashes.add(hash);
      taken.live.set(place, { hash, yields: false });
      fresh.push(acceptance);
      return accepted.has(place) ? 'anchored' : { storedAt };
    });
    if (outdone.length > 0) await giveWay(transaction, outdone, storedAt);
    if (fresh.length > 0) await this.#insert(transaction, fresh, accepted, ledger, storedAt);
    return outcomes;
  }

  async #insert(
    transaction: Transaction,
    fresh: readonly Acceptance[],
    accepted: ReadonlyMap<string, AcceptedPlace>,
    ledger: number,
    now: Date,
  ): Promise<void> {
    const inserted = await insertRows(
      transaction,
      'submissions',
      {
        hash: 'bytea',
        ledger: 'int4',
        organisation: 'int8',
        nonce: 'numeric',
        signer: 'bytea',
        deadline: 'int8',
        entries: 'bytea',
        signature: 'bytea',
        contract_signature: 'boolean',
        subject: 'bytea',
        revision: 'int8',
        party: 'bytea',
        until: 'int8',
        detail: 'bytea',
        state: 'text',
        received_at: 'timestamptz',
        stored_at: 'timestamptz',
        anchored_at: 'timestamptz',
        block_number: 'int8',
        block_hash: 'bytea',
        transaction_hash: 'bytea',
        receipt: 'jsonb',
      },
      fresh.map(({ handed, receivedAt, receipt }) => {
        // It may have come to the ledger by another way already: then only its content was missing here.
        const anchor = accepted.get(placeOf(handed));
        return {
          hash: fromHex(handed.hash, 32),
          ledger,
          ...('action' in handed ? columnsOfValid(handed) : columnsOfSubmission(handed)),
          contract_signature: handed.contractSignature,
          state: anchor === undefined ? 'stored' : 'anchored',
          received_at: receivedAt,
          stored_at: now,
          anchored_at: anchor === undefined ? null : now,
          block_number: anchor?.blockNumber ?? null,
          block_hash: anchor?.blockHash ?? null,
          transaction_hash: anchor?.transaction ?? null,
          receipt,
        };
      }),
      { onConflict: 'DO NOTHING' },
    );
    if (inserted < fresh.length) {
      throw new Problem(
        'store.busy',
        'The same submission, or its nonce, came in by another process just now.',
      );
    }
    const entries = fresh.flatMap(({ handed }) => handed.valid);
    await insertRows(
      transaction,
      'blocks',
      { digest: 'bytea', body: 'bytea', stored_at: 'timestamptz' },
      entries.map(({ digest, content }) => ({ digest, body: content.block, stored_at: now })),
      { onConflict: 'DO NOTHING' },
    );
    const others = fresh.flatMap(({ handed }) =>
      'action' in handed && handed.other !== null ? [handed.other] : [],
    );
    await this.#insertSecrets(transaction, entries, others);
    if (accepted.size > 0) {
      await transaction.execute('DELETE FROM missing_blocks WHERE digest = ANY($1::bytea[])', [
        entries.map(({ digest }) => digest),
      ]);
    }
    await this.#options.onAccept?.(transaction, entries.map(toAcceptedEntry));
  }

  async #insertSecrets(
    transaction: Transaction,
    entries: readonly ValidEntry[],
    others: readonly { readonly subject: Uint8Array; readonly identifier: string }[],
  ): Promise<void> {
    const { keyring } = this.#options;
    await insertRows(
      transaction,
      'block_keys',
      { digest: 'bytea', wrapped: 'bytea' },
      entries.map(({ digest, content }) => ({
        digest,
        wrapped: keyring.wrap('blockKey', content.key, digest),
      })),
      { onConflict: 'DO NOTHING' },
    );
    const disclosures = entries.flatMap(({ digest, content }) =>
      content.disclosures.map((disclosure) => ({
        digest,
        name: openDisclosure(disclosure).name,
        wrapped: keyring.wrap('disclosure', utf8(disclosure), digest),
      })),
    );
    if (disclosures.length > 0) {
      await insertRows(
        transaction,
        'disclosures',
        { digest: 'bytea', name: 'text', wrapped: 'bytea' },
        disclosures,
        { onConflict: 'DO NOTHING' },
      );
    }
    const identifiers = new Map(others.map((other) => [toHex(other.subject) as string, other]));
    for (const { subject, envelope } of entries) {
      if (!envelope.identifier.startsWith('organisation:')) {
        identifiers.set(envelope.subject, { subject, identifier: envelope.identifier });
      }
    }
    if (identifiers.size > 0) {
      await insertRows(
        transaction,
        'identifiers',
        { subject: 'bytea', wrapped: 'bytea' },
        Array.from(identifiers.values(), ({ subject, identifier }) => ({
          subject,
          wrapped: keyring.wrap('identifier', utf8(identifier), subject),
        })),
        { onConflict: 'DO NOTHING' },
      );
    }
  }
}

function toAcceptedEntry({ kind, subject, digest, envelope, sealed }: ValidEntry): AcceptedEntry {
  return { kind, subject: toSubject(subject), digest: toDigest(digest), envelope, sealed };
}

function columnsOfSubmission({ submission }: ValidSubmission) {
  return {
    organisation: submission.organisation,
    nonce: submission.nonce,
    signer: fromHex(submission.signer, 20),
    deadline: submission.deadline,
    entries: submission.entries,
    signature: submission.signature,
    subject: null,
    revision: null,
    party: null,
    until: null,
    detail: null,
  };
}

function columnsOfValid({ action, actor, signature }: ValidAction) {
  return {
    organisation: action.organisation,
    nonce: null,
    signer: fromHex(actor, 20),
    deadline: action.deadline,
    entries: entryOf(action),
    signature,
    subject: fromHex(action.subject, 32),
    revision: action.revision,
    ...columnsOfAction(action),
  };
}

/** What no two that are alive may share: a nonce of an organisation, or a place in a title. */
function placeOf(handed: ValidSubmission | ValidAction): string {
  if ('action' in handed) return actionPlace(handed.action.subject, handed.action.revision);
  const { organisation, nonce } = handed.submission;
  return noncePlace(organisation, nonce);
}
const noncePlace = (organisation: bigint, nonce: bigint | string) => `${organisation}:${nonce}`;
const actionPlace = (subject: Hex, revision: bigint) => `${subject}:${revision}`;

function conflict({ handed }: Acceptance, holder: Hex): Problem {
  if ('action' in handed) return actionConflict(handed.action, holder);
  const { organisation, nonce } = handed.submission;
  return new Problem(
    'nonce.conflict',
    `Nonce ${nonce} of organisation ${organisation} belongs to another submission: sign again with a free one.`,
    { extensions: { organisation, nonce, holder } },
  );
}

/** Actions that the module has refused, and that are not on their way, end where another takes their place. */
async function giveWay(transaction: Transaction, hashes: readonly Uint8Array[], now: Date): Promise<void> {
  const ended = await transaction.execute(
    `UPDATE submissions SET state = 'conflicted', ended_at = $2
     WHERE hash = ANY($1::bytea[]) AND state = 'stored' AND transaction_hash IS NULL`,
    [hashes, now],
  );
  if (ended < hashes.length) throw new Problem('store.busy', 'An action is tried again just now.');
}

/** What cannot be stored because it was erased, by submission. */
async function refusalsOf(
  transaction: Transaction,
  acceptances: readonly Acceptance[],
): Promise<ReadonlyMap<Hex, Problem>> {
  const offered = acceptances.map(({ handed: { hash, valid } }) => ({
    hash,
    contents: valid.map(({ digest, content }) => ({
      digest,
      names: content.disclosures.map((disclosure) => openDisclosure(disclosure).name),
    })),
  }));
  // Almost always there is nothing: one look for all of them.
  if (
    (await refusalOf(
      transaction,
      offered.flatMap(({ contents }) => contents),
    )) === null
  )
    return new Map();
  const refusals = new Map<Hex, Problem>();
  for (const { hash, contents } of offered) {
    const refusal = await refusalOf(transaction, contents);
    if (refusal !== null) refusals.set(hash, refusal);
  }
  return refusals;
}

interface Holder {
  readonly hash: Hex;
  /** Whether another one may take its place. */
  readonly yields: boolean;
}

/** Those with these hashes, and the live ones in these places. */
async function placeHolders(
  transaction: Transaction,
  acceptances: readonly Acceptance[],
  ledger: number,
): Promise<{ hashes: Set<Hex>; live: Map<string, Holder> }> {
  const { submissions, actions } = split(acceptances);
  const rows = await transaction.query<{
    hash: Uint8Array;
    organisation: bigint;
    nonce: string | null;
    subject: Uint8Array | null;
    revision: bigint | null;
    live: boolean;
    yields: boolean;
  }>(
    // Each part by an index of its own.
    `SELECT hash, organisation, nonce, subject, revision, state NOT IN ('expired', 'conflicted') AS live,
            nonce IS NULL AND state = 'stored' AND problem IS NOT NULL AND transaction_hash IS NULL AS yields
     FROM (
       SELECT s.* FROM submissions s WHERE s.hash = ANY($1::bytea[])
       UNION ALL
       SELECT s.* FROM unnest($2::int8[], $3::numeric[]) AS wanted(organisation, nonce) JOIN submissions s
         ON s.ledger = $4 AND s.organisation = wanted.organisation AND s.nonce = wanted.nonce
         AND s.state NOT IN ('expired', 'conflicted')
       UNION ALL
       SELECT s.* FROM unnest($5::bytea[], $6::int8[]) AS wanted(subject, revision) JOIN submissions s
         ON s.ledger = $4 AND s.subject = wanted.subject AND s.revision = wanted.revision
         AND s.state NOT IN ('expired', 'conflicted')
     ) AS found`,
    [
      acceptances.map(({ handed }) => fromHex(handed.hash, 32)),
      submissions.map(({ organisation }) => organisation),
      submissions.map(({ nonce }) => nonce),
      ledger,
      actions.map(({ subject }) => fromHex(subject, 32)),
      actions.map(({ revision }) => revision),
    ],
  );
  const hashes = new Set<Hex>();
  const live = new Map<string, Holder>();
  for (const { organisation, nonce, subject, revision, yields, ...row } of rows) {
    const hash = toHex(row.hash);
    hashes.add(hash);
    if (!row.live) continue;
    if (nonce !== null) live.set(noncePlace(organisation, nonce), { hash, yields });
    else if (subject !== null && revision !== null) {
      live.set(actionPlace(toHex(subject), revision), { hash, yields });
    }
  }
  return { hashes, live };
}

function split(acceptances: readonly Acceptance[]) {
  const all = acceptances.map(({ handed }) => handed);
  return {
    submissions: all.flatMap((handed) => ('action' in handed ? [] : [handed.submission])),
    actions: all.flatMap((handed) => ('action' in handed ? [handed.action] : [])),
  };
}

interface AcceptedPlace {
  readonly hash: Hex;
  readonly blockNumber: bigint;
  readonly blockHash: Uint8Array | null;
  readonly transaction: Uint8Array;
}

/** Which of these places are taken on the chain, and by what. */
async function acceptedPlaces(
  transaction: Transaction,
  acceptances: readonly Acceptance[],
  ledger: number,
): Promise<Map<string, AcceptedPlace>> {
  const { submissions, actions } = split(acceptances);
  type Row = {
    readonly taken_by: Uint8Array;
    readonly block_number: bigint;
    readonly hash: Uint8Array | null;
    readonly transaction_hash: Uint8Array;
  };
  const placed = ({ taken_by: by, block_number: blockNumber, hash, transaction_hash: sent }: Row) => ({
    hash: toHex(by),
    blockNumber,
    blockHash: hash,
    transaction: sent,
  });
  const nonces =
    submissions.length === 0
      ? []
      : await transaction.query<Row & { organisation: bigint; nonce: string }>(
          `SELECT a.organisation, a.nonce, a.submission_hash AS taken_by, a.block_number, b.hash, a.transaction_hash
           FROM accepted a LEFT JOIN chain_blocks b ON b.number = a.block_number
           WHERE a.ledger = $3 AND (a.organisation, a.nonce) IN (SELECT * FROM unnest($1::int8[], $2::numeric[]))`,
          [
            submissions.map(({ organisation }) => organisation),
            submissions.map(({ nonce }) => nonce),
            ledger,
          ],
        );
  const executed =
    actions.length === 0
      ? []
      : await transaction.query<Row & { subject: Uint8Array; revision: bigint }>(
          `SELECT t.action_subject AS subject, t.action_revision AS revision, t.action_hash AS taken_by, t.block_number, b.hash,
                  t.transaction_hash
           FROM actions t LEFT JOIN chain_blocks b ON b.number = t.block_number
           WHERE t.ledger = $3 AND (t.action_subject, t.action_revision) IN (SELECT * FROM unnest($1::bytea[], $2::int8[]))`,
          [
            actions.map(({ subject }) => fromHex(subject, 32)),
            actions.map(({ revision }) => revision),
            ledger,
          ],
        );
  return new Map([
    ...nonces.map((row) => [noncePlace(row.organisation, row.nonce), placed(row)] as const),
    ...executed.map((row) => [actionPlace(toHex(row.subject), row.revision), placed(row)] as const),
  ]);
}
