import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import { canonicalJson } from '../../core/canonical.ts';
import { MAX_ENTRIES, unpackEntries } from '../../core/chain/entry.ts';
import type { OrganisationId, Subject } from '../../core/chain/types.ts';
import { type ComposedEntry, composeEntry, MAX_LEAD_SECONDS } from '../../core/envelope/envelope.ts';
import { secondsOf } from '../../core/envelope/time.ts';
import { VinculumError } from '../../core/errors.ts';
import { type Identifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import { kindByName } from '../../core/kinds/kinds.ts';
import { type MappedRegistration, mapHistovecRow } from '../../core/registrations/histovec.ts';
import { readHeader } from '../chain.ts';
import { type Client, isDead, type Milestone, ServiceRefusal, type SubmissionStatus } from '../client.ts';
import { CommandError } from '../exit.ts';
import type { OpenLedger, WireTranscript } from '../ledger.ts';
import { attesterOf, historiesOf } from '../locate.ts';
import { follow, freeNonce, post, type Signed, type Signer, signAgain, signEntries } from '../submitter.ts';
import type { Journal, JournalRow, Plan } from './journal.ts';
import type { Line } from './rows.ts';

export type ImportOptions = {
  readonly client: Client;
  readonly ledger: OpenLedger;
  readonly signer: Signer;
  readonly journal: Journal;
  readonly signal: AbortSignal;
  /** Most entries of one submission; a vehicle's entries stay together. */
  readonly batch: number;
  /** How far submissions are followed. */
  readonly wait: Milestone;
  readonly errorsFile: string;
  readonly onProgress?: (counts: ImportCounts) => void;
};

export type ImportCounts = {
  /** Lines read. */
  rows: number;
  /** Vehicles, and their entries, that this run put on the ledger. */
  vehicles: number;
  entries: number;
  /** Of those: signed by an earlier run that was interrupted. */
  resumed: number;
  /** Vehicles that were there before. */
  alreadyThere: number;
  /** Rows that could not be imported. */
  errors: number;
  submissions: number;
  /** Signed and sent in this run, anchored or not. */
  sentEntries: number;
};

/** A row that could not be imported. */
export type RowError = {
  readonly line: number;
  readonly id?: string;
  readonly code: string;
  readonly path?: string;
  readonly message: string;
};

/** Vehicles whose identifiers are evaluated in one request. */
const GROUP = 250;
/** Submissions that may be posted at once, and entries posted in one request. */
const POSTS_AT_ONCE = 3;
const ENTRIES_IN_A_POST = 1_600;
/** Submissions that are signed and not known to be anchored: a file of any size needs only so much of the disk. */
const MOST_ON_THE_WAY = 128;

type Row = {
  readonly line: number;
  readonly identifier: Identifier;
  readonly mapped: MappedRegistration;
  readonly content: string;
};

const evaluatedSchema = z.looseObject({
  results: z.array(
    z.union([
      z.looseObject({
        subject: z.string(),
        transcript: z.looseObject({ evaluated: z.string(), proof: z.string() }),
      }),
      z.looseObject({ problem: z.looseObject({ code: z.string(), detail: z.optional(z.string()) }) }),
    ]),
  ),
});

/**
 * Puts the rows of a file on the ledger. What an earlier run began is finished first; rows that are there already are
 * passed over; a row that is wrong is noted in the errors file and the run goes on.
 * @throws {@link ServiceRefusal} when the service refuses a submission, `http.*` when it can't be reached: what was signed
 *   stays in the journal, and the next run sends it again
 */
export async function importRegistrations(
  lines: AsyncIterable<Line>,
  options: ImportOptions,
): Promise<ImportCounts> {
  const run = new ImportRun(options);
  try {
    await run.resume();
    await run.read(lines);
    await run.settle();
    return run.counts;
  } finally {
    await run.close();
  }
}

class ImportRun {
  readonly counts: ImportCounts = {
    rows: 0,
    vehicles: 0,
    entries: 0,
    resumed: 0,
    alreadyThere: 0,
    errors: 0,
    submissions: 0,
    sentEntries: 0,
  };
  readonly #options: ImportOptions;
  /** What this run has met, by identifier: the same vehicle twice in a file is one vehicle. */
  readonly #met = new Map<string, string>();
  #group: Row[] = [];
  /** The rows whose identifiers are being evaluated. */
  #ahead: { readonly group: readonly Row[]; readonly evaluated: Promise<readonly unknown[]> } | null = null;
  #open: { row: JournalRow; entries: ComposedEntry[] }[] = [];
  #openEntries = 0;
  #waiting: Signed[] = [];
  #waitingEntries = 0;
  readonly #posting = new Set<Promise<void>>();
  #failure: unknown;
  #nonce: bigint | undefined;
  #errors: FileHandle | undefined;

  constructor(options: ImportOptions) {
    this.#options = options;
  }

  /** Sends again what an earlier run may or may not have sent. */
  async resume(): Promise<void> {
    for (const plan of [...this.#options.journal.plans.values()]) {
      this.counts.resumed += plan.rows.length;
      await this.#enqueue(plan, entriesOf(plan));
    }
    await this.#flush();
  }

  async read(lines: AsyncIterable<Line>): Promise<void> {
    for await (const line of lines) {
      this.#check();
      this.counts.rows += 1;
      const row = await this.#readRow(line);
      if (row !== null) this.#group.push(row);
      if (this.#group.length >= GROUP) await this.#takeGroup();
    }
    await this.#takeGroup();
    await this.#takeGroup();
    await this.#closeSubmission();
    await this.#flush();
  }

  /** Follows what is on its way until no more than `most` submissions are; what can never arrive is signed anew. */
  async settle(most = 0): Promise<void> {
    const { client, journal, signal, wait } = this.#options;
    await this.#flush();
    while (journal.plans.size > most) {
      const oldest = [...journal.plans.keys()].slice(0, journal.plans.size - most);
      const lost: { hash: string; why: string }[] = [];
      await follow(client, oldest, wait, {
        signal,
        onSettled: async (status) => {
          if (isDead(status.state)) lost.push({ hash: status.hash, why: status.state });
          else await this.#anchored(status);
        },
        // A service that lost what it had accepted is sent it again.
        onUnknown: (hash) => void lost.push({ hash, why: 'unknown' }),
      });
      for (const { hash, why } of lost) {
        const plan = journal.plans.get(hash);
        if (plan === undefined) continue;
        if (why === 'unknown') await this.#enqueue(plan, entriesOf(plan));
        else await this.#renew(hash, why);
      }
      await this.#flush();
    }
  }

  /** Sends everything that is signed and waits for the answers. */
  async #flush(): Promise<void> {
    do {
      await this.#postWaiting();
      await this.#drain(0);
      this.#check();
    } while (this.#waiting.length > 0);
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#posting);
    await this.#errors?.close();
  }

  async #anchored(status: SubmissionStatus): Promise<void> {
    const plan = this.#options.journal.plans.get(status.hash);
    if (plan === undefined) return;
    await this.#options.journal.finish(status.hash);
    this.counts.vehicles += plan.rows.length;
    this.counts.entries += entriesOf(plan);
    this.counts.submissions += 1;
    this.#tell();
  }

  async #readRow(line: Line): Promise<Row | null> {
    let id: string | undefined;
    try {
      if (line.text === null) throw new VinculumError('import.lineTooLong', 'The line is longer than 4 MiB.');
      const value = parseLine(line.text);
      id = idOf(value);
      const mapped = mapHistovecRow(value);
      if (mapped.contents.length > MAX_ENTRIES) {
        throw new VinculumError(
          'import.tooManyEntries',
          `A vehicle has at most ${MAX_ENTRIES} entries at once.`,
        );
      }
      checkTimes(mapped);
      const identifier = parseIdentifier(mapped.identifier);
      const content = createHash('sha256').update(canonicalJson(value)).digest('hex');
      return this.#isNew(mapped.identifier, content)
        ? { line: line.number, identifier, mapped, content }
        : null;
    } catch (error) {
      await this.#rowError(line.number, id, error);
      return null;
    }
  }

  /** @throws `import.changed` */
  #isNew(identifier: string, content: string): boolean {
    const known = this.#options.journal.find(identifier);
    const before = known?.content ?? this.#met.get(identifier);
    if (before === undefined) {
      this.#met.set(identifier, content);
      return true;
    }
    if (before !== content) {
      throw new VinculumError(
        'import.changed',
        'This vehicle was imported with other content: submit what has changed as entries of its own.',
      );
    }
    if (known?.state !== 'planned') this.counts.alreadyThere += 1;
    this.#tell();
    return false;
  }

  /** Has the collected rows evaluated, and meanwhile works on those before them. */
  async #takeGroup(): Promise<void> {
    const group = this.#group;
    this.#group = [];
    const before = this.#ahead;
    this.#ahead = group.length === 0 ? null : { group, evaluated: this.#evaluate(group) };
    // A failure is met when its turn comes, not before.
    this.#ahead?.evaluated.catch(() => undefined);
    if (before !== null) await this.#work(before.group, await before.evaluated);
  }

  async #evaluate(group: readonly Row[]): Promise<readonly unknown[]> {
    const identifiers = group.map(({ mapped }) => mapped.identifier);
    return (await this.#options.client.json('/v1/subjects', evaluatedSchema, { identifiers })).results;
  }

  /** Checks and composes a group of rows. */
  async #work(group: readonly Row[], results: readonly unknown[]): Promise<void> {
    const { ledger } = this.#options;
    const rows: { row: Row; subject: Subject }[] = [];
    for (const [index, row] of group.entries()) {
      const result = results[index] as
        | { transcript?: WireTranscript; problem?: { code: string; detail?: string } }
        | undefined;
      try {
        if (result?.transcript === undefined) {
          const { code = 'service.malformed', detail = 'The service gave no transcript.' } =
            result?.problem ?? {};
          throw new VinculumError(code, detail);
        }
        rows.push({ row, subject: ledger.subject(row.identifier, result.transcript) });
      } catch (error) {
        // A false transcript is no fault of the row: somebody would have us write into another history.
        if (error instanceof VinculumError && error.code === 'pseudonym.invalidTranscript') {
          throw new CommandError('failed', error.code, `${row.mapped.identifier}: ${error.message}`, {
            cause: error,
          });
        }
        await this.#rowError(row.line, row.mapped.identifier, error);
      }
    }
    for (const { row, subject } of await this.#withoutRecorded(rows)) await this.#compose(row, subject);
    this.#tell();
  }

  /** Leaves out vehicles whose entries this organisation has written before, by another journal than this one. */
  async #withoutRecorded(rows: { row: Row; subject: Subject }[]): Promise<{ row: Row; subject: Subject }[]> {
    const { ledger, signer, journal } = this.#options;
    const recorded = await ledger.recorded(rows.map(({ subject }) => subject));
    if (recorded.size === 0) return rows;
    const latest = (await readHeader(ledger.rpc, 'latest'))?.number ?? 0;
    const histories = await historiesOf(ledger.rpc, ledger.address.address, [...recorded], latest);
    const fresh: { row: Row; subject: Subject }[] = [];
    const found: JournalRow[] = [];
    for (const item of rows) {
      const own = (histories.get(item.subject) ?? []).filter(
        (event) => attesterOf(event) === signer.organisation,
      );
      if (own.length === 0) fresh.push(item);
      else if (
        includesAll(
          own.map((event) => (event.event === 'accepted' ? -1 : event.link.kind)),
          kindsOf(item.row),
        )
      ) {
        found.push(journalRow(item.row));
        this.counts.alreadyThere += 1;
      } else {
        await this.#rowError(
          item.row.line,
          item.row.mapped.identifier,
          new VinculumError(
            'import.differs',
            `The ledger has ${own.length} entries of this vehicle by this organisation, and not all of this row’s: submit what is missing as entries of its own.`,
          ),
        );
      }
    }
    await journal.remember(found);
    return fresh;
  }

  async #compose(row: Row, subject: Subject): Promise<void> {
    const { ledger, signer, batch } = this.#options;
    let entries: ComposedEntry[];
    try {
      entries = row.mapped.contents.map((content) =>
        composeEntry(ledger.address, signer.organisation, { subject, identifier: row.identifier }, content),
      );
    } catch (error) {
      await this.#rowError(row.line, row.mapped.identifier, error);
      return;
    }
    if (this.#openEntries > 0 && this.#openEntries + entries.length > batch) await this.#closeSubmission();
    this.#open.push({ row: journalRow(row), entries });
    this.#openEntries += entries.length;
  }

  /** Signs what is composed and makes it durable: from here on it may be posted, and will be. */
  async #closeSubmission(): Promise<void> {
    const rows = this.#open;
    this.#open = [];
    this.#openEntries = 0;
    if (rows.length === 0) return;
    const entries = rows.flatMap((row) => row.entries);
    const signed = signEntries(this.#options.signer, entries, await this.#nextNonce());
    await this.#options.journal.plan({
      vinculum: 'import-plan/1',
      ...signed,
      rows: rows.map(({ row }) => row),
    });
    await this.#enqueue(signed, entries.length);
    if (this.#options.journal.plans.size >= MOST_ON_THE_WAY) await this.settle(MOST_ON_THE_WAY / 2);
  }

  async #nextNonce(): Promise<bigint> {
    const { client, signer, journal } = this.#options;
    if (this.#nonce === undefined) {
      let nonce = await freeNonce(client, signer.organisation);
      for (const { request } of journal.plans.values()) {
        const used = BigInt(request.submission.nonce) + 1n;
        if (used > nonce) nonce = used;
      }
      this.#nonce = nonce;
    }
    const nonce = this.#nonce;
    this.#nonce += 1n;
    return nonce;
  }

  async #enqueue(signed: Signed, entries: number): Promise<void> {
    this.#waiting.push(signed);
    this.#waitingEntries += entries;
    if (this.#waitingEntries >= ENTRIES_IN_A_POST) await this.#postWaiting();
  }

  async #postWaiting(): Promise<void> {
    const signed = this.#waiting;
    const entries = this.#waitingEntries;
    this.#waiting = [];
    this.#waitingEntries = 0;
    if (signed.length === 0) return;
    const posting = this.#post(signed)
      .then(() => {
        this.counts.sentEntries += entries;
        this.#tell();
      })
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#posting.delete(posting));
    this.#posting.add(posting);
    await this.#drain(POSTS_AT_ONCE - 1);
  }

  async #post(signed: readonly Signed[]): Promise<void> {
    const answers = await post(this.#options.client, signed);
    for (const [index, answer] of answers.entries()) {
      const hash = signed[index]?.hash;
      if (answer.accepted || hash === undefined) continue;
      const { code } = answer.problem;
      if (
        code === 'nonce.conflict' ||
        code === 'submission.expired' ||
        code === 'submission.deadlineTooSoon'
      ) {
        await this.#renew(hash, code);
      } else {
        throw new ServiceRefusal(answer.problem.status ?? 422, answer.problem, undefined);
      }
    }
  }

  /**
   * Signs the entries of a submission anew, once the first can never take effect: its nonce is used, or its deadline
   * has passed on the chain.
   */
  async #renew(hash: string, why: string): Promise<void> {
    const { journal, signer } = this.#options;
    const plan = journal.plans.get(hash);
    if (plan === undefined) return;
    await this.#untilDead(plan, why);
    if (await this.#isAnchored(plan)) {
      await journal.finish(hash);
      this.counts.vehicles += plan.rows.length;
      this.counts.entries += entriesOf(plan);
      return;
    }
    this.#nonce = undefined;
    const signed = signAgain(signer, plan.request, await this.#nextNonce());
    await journal.replace(hash, { vinculum: 'import-plan/1', ...signed, rows: plan.rows });
    await this.#enqueue(signed, entriesOf(plan));
  }

  /** A signed submission is out of our hands until the chain rules it out. */
  async #untilDead(plan: Plan, why: string): Promise<void> {
    const { ledger, signer, signal } = this.#options;
    const { nonce, deadline } = plan.request.submission;
    const WAIT_MILLISECONDS = 30_000;
    for (const started = Date.now(); ; ) {
      if (await ledger.nonceUsed(signer.organisation, BigInt(nonce))) return;
      const latest = await readHeader(ledger.rpc, 'latest');
      if (latest !== null && latest.timestamp > BigInt(deadline)) return;
      if (Date.now() - started > WAIT_MILLISECONDS) {
        throw new CommandError(
          'incomplete',
          'import.pending',
          `Submission ${plan.hash} can’t be anchored (${why}), but the chain doesn’t rule it out yet: run the import again later.`,
        );
      }
      await sleep(500, undefined, { signal });
    }
  }

  async #isAnchored(plan: Plan): Promise<boolean> {
    const { ledger } = this.#options;
    const entries = unpackEntries(Buffer.from(plan.request.submission.entries, 'base64url'));
    const latest = (await readHeader(ledger.rpc, 'latest'))?.number ?? 0;
    const subjects = [...new Set(entries.map((entry) => entry.subject))];
    const histories = await historiesOf(ledger.rpc, ledger.address.address, subjects, latest);
    const digests = new Set(
      [...histories.values()].flat().map((event) => (event.event === 'entry' ? event.link.digest : null)),
    );
    return entries.every((entry) => digests.has(entry.digest));
  }

  /** Waits until at most so many requests are under way. */
  async #drain(most: number): Promise<void> {
    while (this.#posting.size > most) await Promise.race(this.#posting);
  }

  #check(): void {
    this.#options.signal.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #tell(): void {
    this.#options.onProgress?.(this.counts);
  }

  async #rowError(line: number, id: string | undefined, error: unknown): Promise<void> {
    if (!(error instanceof VinculumError)) throw error;
    this.counts.errors += 1;
    const { path } = error.details;
    const rowError: RowError = {
      line,
      ...(id === undefined ? {} : { id }),
      code: error.code,
      ...(typeof path === 'string' ? { path } : {}),
      message: error.message,
    };
    if (this.#errors === undefined) {
      await mkdir(dirname(this.#options.errorsFile), { recursive: true, mode: 0o700 });
      this.#errors = await open(this.#options.errorsFile, 'w', 0o600);
    }
    await this.#errors.appendFile(`${JSON.stringify(rowError)}\n`);
  }
}

function parseLine(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new VinculumError('import.invalidJson', 'The line is not JSON.', { cause });
  }
}

function idOf(value: unknown): string | undefined {
  const id = (value as { id?: unknown } | null)?.id;
  return typeof id === 'string' ? id.slice(0, 100) : undefined;
}

/** What lies ahead can't have happened: the ledger's block would be earlier than the event. */
function checkTimes({ contents }: MappedRegistration): void {
  const now = BigInt(Math.floor(Date.now() / 1000));
  for (const [index, { time }] of contents.entries()) {
    if (secondsOf(time) <= now + MAX_LEAD_SECONDS) continue;
    throw new VinculumError('import.future', `${time} has not come yet.`, {
      details: { path: index === 0 ? 'attributes.date_premiere_immat' : `events (${time})` },
    });
  }
}

function journalRow({ mapped, content }: Row): JournalRow {
  return { identifier: mapped.identifier, content, entries: mapped.contents.length };
}

function kindsOf(row: Row): number[] {
  return row.mapped.contents.map(({ kind }) => kindByName(kind)?.number ?? -1);
}

/** Whether `all` holds every one of `wanted`, as often. */
function includesAll(all: readonly number[], wanted: readonly number[]): boolean {
  const left = new Map<number, number>();
  for (const kind of all) left.set(kind, (left.get(kind) ?? 0) + 1);
  return wanted.every((kind) => {
    const count = left.get(kind) ?? 0;
    left.set(kind, count - 1);
    return count > 0;
  });
}

function entriesOf(plan: Plan): number {
  return plan.rows.reduce((sum, row) => sum + row.entries, 0);
}

/** Journals are kept apart by ledger and organisation: the same file may be imported into another ledger. */
export function journalName(ledger: OpenLedger['address'], organisation: OrganisationId): string {
  return `${ledger.chainId}-${ledger.address}-${organisation}`;
}
