import { performance } from 'node:perf_hooks';
import { fromHex, type Hex, toHex, utf8 } from '../../core/bytes.ts';
import type { SubmissionHash } from '../../core/chain/submission.ts';
import { openDisclosure } from '../../core/envelope/disclosure.ts';
import { holdErasures, refusalOf } from '../erasure/tombstones.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { AcceptedEntry, PipelineCounters } from '../pipeline.ts';
import { Problem } from '../problem.ts';
import { insertRows } from '../store/rows.ts';
import type { Store, Transaction } from '../store/store.ts';
import type { Receipt } from './schema.ts';
import { toDigest, toSubject, type ValidEntry, type ValidSubmission } from './validate.ts';

/**
 * What became of a submission that was to be stored: when it was; or it was here before, or the ledger has it already,
 * and then the database says more.
 */
export type Stored = { readonly storedAt: Date } | 'known' | 'anchored';

export interface Acceptance {
  readonly submission: ValidSubmission;
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
 * Stores accepted submissions: content, wrapped keys and the submission itself take effect together. Those that come
 * in while a transaction is under way go together into the next one, so that single entries cost little.
 */
export class Writer {
  readonly #options: WriterOptions;
  readonly #queue: { readonly acceptance: Acceptance; settle: PromiseWithResolvers<Stored> }[] = [];
  #running: Promise<void> | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** @throws `nonce.conflict` when another live or anchored submission has the nonce */
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
        entries += acceptance.submission.entries.length;
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
    const taken = await nonceHolders(transaction, acceptances, ledger);
    const accepted = await acceptedNonces(transaction, acceptances, ledger);
    const fresh: Acceptance[] = [];
    const outcomes = acceptances.map((acceptance): Stored | Problem => {
      const { hash } = acceptance.submission;
      const name = nonceName(acceptance.submission.submission);
      if (taken.hashes.has(hash)) return 'known';
      const holder = accepted.get(name)?.hash ?? taken.live.get(name);
      if (holder !== undefined && holder !== hash) return conflict(acceptance, holder);
      const refusal = refusals.get(hash);
      if (refusal !== undefined) return refusal;
      taken.hashes.add(hash);
      taken.live.set(name, hash);
      fresh.push(acceptance);
      return accepted.has(name) ? 'anchored' : { storedAt };
    });
    if (fresh.length > 0) await this.#insert(transaction, fresh, accepted, ledger, storedAt);
    return outcomes;
  }

  async #insert(
    transaction: Transaction,
    fresh: readonly Acceptance[],
    accepted: ReadonlyMap<string, AcceptedNonce>,
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
        state: 'text',
        received_at: 'timestamptz',
        stored_at: 'timestamptz',
        anchored_at: 'timestamptz',
        block_number: 'int8',
        block_hash: 'bytea',
        transaction_hash: 'bytea',
        receipt: 'jsonb',
      },
      fresh.map(({ submission: { submission, hash, contractSignature }, receivedAt, receipt }) => {
        // It may have come to the ledger by another way already: then only its content was missing here.
        const anchor = accepted.get(nonceName(submission));
        return {
          hash: fromHex(hash, 32),
          ledger,
          organisation: submission.organisation,
          nonce: submission.nonce,
          signer: fromHex(submission.signer, 20),
          deadline: submission.deadline,
          entries: submission.entries,
          signature: submission.signature,
          contract_signature: contractSignature,
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
    const entries = fresh.flatMap(({ submission }) => submission.valid);
    await insertRows(
      transaction,
      'blocks',
      { digest: 'bytea', body: 'bytea', stored_at: 'timestamptz' },
      entries.map(({ digest, content }) => ({ digest, body: content.block, stored_at: now })),
      { onConflict: 'DO NOTHING' },
    );
    await this.#insertSecrets(transaction, entries);
    if (accepted.size > 0) {
      await transaction.execute('DELETE FROM missing_blocks WHERE digest = ANY($1::bytea[])', [
        entries.map(({ digest }) => digest),
      ]);
    }
    await this.#options.onAccept?.(transaction, entries.map(toAcceptedEntry));
  }

  async #insertSecrets(transaction: Transaction, entries: readonly ValidEntry[]): Promise<void> {
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
    const identifiers = new Map<string, { subject: Uint8Array; identifier: string }>();
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

const nonceName = ({ organisation, nonce }: { organisation: bigint; nonce: bigint }) =>
  `${organisation}:${nonce}`;

function conflict({ submission }: Acceptance, holder: Hex): Problem {
  const { organisation, nonce } = submission.submission;
  return new Problem(
    'nonce.conflict',
    `Nonce ${nonce} of organisation ${organisation} belongs to another submission: sign again with a free one.`,
    { extensions: { organisation, nonce, holder } },
  );
}

/** What cannot be stored because it was erased, by submission. */
async function refusalsOf(
  transaction: Transaction,
  acceptances: readonly Acceptance[],
): Promise<ReadonlyMap<SubmissionHash, Problem>> {
  const offered = acceptances.map(({ submission: { hash, valid } }) => ({
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
  const refusals = new Map<SubmissionHash, Problem>();
  for (const { hash, contents } of offered) {
    const refusal = await refusalOf(transaction, contents);
    if (refusal !== null) refusals.set(hash, refusal);
  }
  return refusals;
}

/** The submissions with these hashes, and the live ones with these nonces. */
async function nonceHolders(
  transaction: Transaction,
  acceptances: readonly Acceptance[],
  ledger: number,
): Promise<{ hashes: Set<SubmissionHash>; live: Map<string, Hex> }> {
  const submissions = acceptances.map(({ submission }) => submission);
  const rows = await transaction.query<{
    hash: Uint8Array;
    organisation: bigint;
    nonce: string;
    live: boolean;
  }>(
    `SELECT hash, organisation, nonce, state NOT IN ('expired', 'conflicted') AS live FROM submissions
     WHERE hash = ANY($1::bytea[])
        OR (state NOT IN ('expired', 'conflicted') AND ledger = $4
            AND (organisation, nonce) IN (SELECT * FROM unnest($2::int8[], $3::numeric[])))`,
    [
      submissions.map(({ hash }) => fromHex(hash, 32)),
      submissions.map(({ submission }) => submission.organisation),
      submissions.map(({ submission }) => submission.nonce),
      ledger,
    ],
  );
  const hashes = new Set<SubmissionHash>();
  const live = new Map<string, Hex>();
  for (const row of rows) {
    const hash = toHex(row.hash) as SubmissionHash;
    hashes.add(hash);
    if (row.live) live.set(`${row.organisation}:${row.nonce}`, hash);
  }
  return { hashes, live };
}

interface AcceptedNonce {
  readonly hash: Hex;
  readonly blockNumber: bigint;
  readonly blockHash: Uint8Array | null;
  readonly transaction: Uint8Array;
}

/** Which of these nonces the ledger has used up, and for what. */
async function acceptedNonces(
  transaction: Transaction,
  acceptances: readonly Acceptance[],
  ledger: number,
): Promise<Map<string, AcceptedNonce>> {
  const rows = await transaction.query<{
    organisation: bigint;
    nonce: string;
    submission_hash: Uint8Array;
    block_number: bigint;
    hash: Uint8Array | null;
    transaction_hash: Uint8Array;
  }>(
    `SELECT a.organisation, a.nonce, a.submission_hash, a.block_number, b.hash, a.transaction_hash
     FROM accepted a LEFT JOIN chain_blocks b ON b.number = a.block_number
     WHERE a.ledger = $3 AND (a.organisation, a.nonce) IN (SELECT * FROM unnest($1::int8[], $2::numeric[]))`,
    [
      acceptances.map(({ submission }) => submission.submission.organisation),
      acceptances.map(({ submission }) => submission.submission.nonce),
      ledger,
    ],
  );
  return new Map(
    rows.map((row) => [
      `${row.organisation}:${row.nonce}`,
      {
        hash: toHex(row.submission_hash),
        blockNumber: row.block_number,
        blockHash: row.hash,
        transaction: row.transaction_hash,
      },
    ]),
  );
}
