import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { canonicalJson } from '../../core/canonical.ts';
import { MAX_ENTRIES } from '../../core/chain/entry.ts';
import type { OrganisationId, Subject } from '../../core/chain/types.ts';
import { type ComposedEntry, composeEntry, MAX_LEAD_SECONDS } from '../../core/envelope/envelope.ts';
import { secondsOf } from '../../core/envelope/time.ts';
import { VinculumError } from '../../core/errors.ts';
import { type Identifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import { kindByName } from '../../core/kinds/kinds.ts';
import { ZERO_ADDRESS } from '../../core/modules/action.ts';
import { NO_TITLE, titleKinds } from '../../core/modules/title.ts';
import { type MappedRegistration, mapHistovecRow } from '../../core/registrations/histovec.ts';
import {
  type Contradiction,
  detailOf,
  planRegistration,
  type RegistrationPlan,
  untilOf,
} from '../../core/registrations/titleSteps.ts';
import { requireAccepted } from '../accepted.ts';
import { readHeader } from '../chain.ts';
import { type Client, isDead, type Milestone, ServiceRefusal, type SubmissionStatus } from '../client.ts';
import { CommandError } from '../exit.ts';
import type { OpenLedger, WireTranscript } from '../ledger.ts';
import { attesterOf, historiesOf } from '../locate.ts';
import { keepReceipts } from '../receipts.ts';
import { follow, type Posted, post, type Signed, type Signer, signAgain, signEntries } from '../submitter.ts';
import { type Actor, hashOf, signDeed } from '../titles/sign.ts';
import { readRevisions } from '../titles/title.ts';
import type { ActionRequest } from '../titles/wire.ts';
import { carryOutActions } from './actions.ts';
import { entriesOf, evaluatedSchema, openNotes, RENEWED, untilDead, unusedNonce } from './again.ts';
import { isAnchored } from './anchored.ts';
import type { Holders } from './holders.ts';
import type { Journal, JournalRow, Plan } from './journal.ts';
import { divide } from './refused.ts';
import type { Line } from './rows.ts';

export type ImportOptions = {
  readonly client: Client;
  readonly ledger: OpenLedger;
  readonly signer: Signer;
  /** The same signer, before `Titles`. */
  readonly actor: Actor;
  /** Whose keys the titles are issued to. */
  readonly holders: Holders;
  readonly journal: Journal;
  readonly signal: AbortSignal;
  /** Most entries of one submission; a vehicle's entries stay together. */
  readonly batch: number;
  /** How far submissions are followed. */
  readonly wait: Milestone;
  readonly errorsFile: string;
  /** Where histories are noted that contradict what a title allows. */
  readonly contradictionsFile: string;
  readonly onProgress?: (counts: ImportCounts) => void;
};

export type ImportCounts = {
  /** Lines read. */
  rows: number;
  /** Vehicles, and their entries, that this run put on the ledger. */
  vehicles: number;
  entries: number;
  /** Executed on their titles. */
  actions: number;
  /** Of those: signed by an earlier run that was interrupted. */
  resumed: number;
  /** Vehicles that were there before. */
  alreadyThere: number;
  /** Rows that could not be imported. */
  errors: number;
  submissions: number;
  /** Entries and actions that are signed, anchored or not. */
  signed: number;
  /** Of all rows that were read, whenever they were imported: what their events became. */
  events: {
    /** Drove a title. */
    titles: number;
    /** Recorded as evidence only. */
    evidence: number;
    /** Histories that contradict what a title allows, and their contradictions by code. */
    contradicting: number;
    contradictions: Record<string, number>;
  };
  /** Vehicles whose title is another registrar's: all of their events are evidence. */
  titledElsewhere: number;
};

/** A row that could not be imported. */
export type RowError = {
  /** Absent where it was signed by an earlier run. */
  readonly line?: number;
  readonly id?: string;
  readonly code: string;
  readonly path?: string;
  readonly message: string;
};

/** A history that contradicts what a title allows, as it is noted. */
export type Contradicting = {
  readonly line: number;
  readonly identifier: string;
  readonly contradictions: readonly Contradiction[];
};

/** Vehicles whose identifiers are evaluated in one request. */
const GROUP = 250;
/** Submissions that may be posted at once, and entries posted in one request. */
const POSTS_AT_ONCE = 3;
const ENTRIES_IN_A_POST = 1_600;
/** Submissions that are signed and not known to be done with: a file of any size needs only so much of the disk. */
const MOST_ON_THE_WAY = 24;
const PAUSE_MILLISECONDS = 200;
/** Liens that lapsed by the register's clock stand on chain for so long at most, should they not be released before. */
const HORIZON_SECONDS = 7n * 86_400n;

type Row = {
  readonly line: number;
  readonly identifier: Identifier;
  readonly mapped: MappedRegistration;
  readonly plan: RegistrationPlan;
  readonly content: string;
};

/** A row that is to be written, and where: some of its actions may have been executed for an earlier import. */
type Fresh = {
  readonly row: Row;
  readonly subject: Subject;
  /** Entries are on the ledger already. */
  readonly recorded: boolean;
  /** Actions that the title has seen. */
  readonly revision: number;
};

/**
 * Puts the rows of a file on the ledger. What an earlier run began is finished first; rows that are there already are
 * passed over; a row that is wrong is noted in the errors file and the run goes on.
 * @throws {@link ServiceRefusal} when the service refuses all that would be sent, `http.*` when it can't be reached: what
 *   was signed and not refused stays in the journal, and the next run sends it again
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
    actions: 0,
    submissions: 0,
    signed: 0,
    events: { titles: 0, evidence: 0, contradicting: 0, contradictions: {} },
    titledElsewhere: 0,
  };
  readonly #options: ImportOptions;
  /** What this run has met, by identifier: the same vehicle twice in a file is one vehicle. */
  readonly #met = new Map<string, string>();
  #group: Row[] = [];
  /** The rows whose identifiers are being evaluated. */
  #ahead: { readonly group: readonly Row[]; readonly evaluated: Promise<readonly unknown[]> } | null = null;
  #open: { row: JournalRow; entries: ComposedEntry[]; actions: ActionRequest[] }[] = [];
  #openEntries = 0;
  #waiting: Signed[] = [];
  #waitingEntries = 0;
  readonly #posting = new Set<Promise<void>>();
  readonly #following = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  #failure: unknown;
  #nonce: bigint | undefined;
  #errors: FileHandle | undefined;
  #contradictions: FileHandle | undefined;
  readonly #now = BigInt(Math.floor(Date.now() / 1000));

  constructor(options: ImportOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal]);
  }

  /** Sends again what an earlier run may or may not have sent. */
  async resume(): Promise<void> {
    for (const plan of [...this.#options.journal.plans.values()]) {
      this.counts.resumed += plan.rows.length;
      this.counts.signed += entriesOf(plan) + plan.actions.length;
      await this.#enqueuePlan(plan);
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

  /** Waits until no more than `most` plans are on their way. */
  async settle(most = 0): Promise<void> {
    const { journal, signal } = this.#options;
    await this.#flush();
    while (journal.plans.size > most) {
      const idle = this.#following.size === 0;
      if (idle) this.#follow([...journal.plans.keys()]);
      await Promise.race([...this.#following, sleep(PAUSE_MILLISECONDS, undefined, { signal })]);
      await this.#flush();
    }
  }

  /** Follows plans that were posted, beside everything else, until all of them is on the ledger. */
  #follow(hashes: readonly string[]): void {
    const following = this.#see(hashes)
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#following.delete(following));
    this.#following.add(following);
  }

  /** What can never arrive is signed anew, and posted again. */
  async #see(hashes: readonly string[]): Promise<void> {
    const { client, journal, wait } = this.#options;
    const plans = hashes.flatMap((hash) => journal.plans.get(hash) ?? []);
    const acting: Promise<void>[] = [];
    const act = (plan: Plan, status?: SubmissionStatus): void => {
      const carried = this.#carryOut(plan, status);
      // A failure is met when its turn comes, not before.
      carried.catch(() => undefined);
      acting.push(carried);
    };
    for (const plan of plans) if (plan.request === null) act(plan);
    const lost: { hash: string; why: string }[] = [];
    await follow(
      client,
      plans.flatMap(({ hash, request }) => (request === null ? [] : [hash])),
      wait,
      {
        signal: this.#signal,
        onSettled: (status) => {
          const plan = journal.plans.get(status.hash);
          if (isDead(status.state)) lost.push({ hash: status.hash, why: status.state });
          else if (plan !== undefined) act(plan, status);
        },
        // A service that lost what it had accepted is sent it again.
        onUnknown: (hash) => void lost.push({ hash, why: 'unknown' }),
      },
    );
    for (const { hash, why } of lost) {
      const plan = journal.plans.get(hash);
      if (plan === undefined) continue;
      if (why === 'unknown') await this.#enqueuePlan(plan);
      else await this.#renew(hash, why);
    }
    await Promise.all(acting);
  }

  /** @param status what the service says of its submission, where nobody else was asked yet */
  async #carryOut(plan: Plan, status?: SubmissionStatus): Promise<void> {
    const { journal, client, ledger, signer, actor, wait } = this.#options;
    if (status !== undefined) await requireAccepted(ledger, signer.organisation, status, this.#signal);
    const options = {
      ...{ client, rpc: ledger.rpc, titles: actor.titles, signerOf: () => actor },
      ...{ wait, signal: this.#signal },
    };
    const { executed, failed } = await carryOutActions(plan.actions, options, (actions) =>
      journal.renewActions(plan.hash, actions),
    );
    for (const [subject, { code, message }] of failed) {
      await this.#rowError(undefined, identifierOf(plan, subject), new VinculumError(code, message));
    }
    this.counts.actions += executed;
    await this.#finish(plan);
    this.#tell();
  }

  async #finish(plan: Plan): Promise<void> {
    await this.#options.journal.finish(plan.hash);
    this.counts.vehicles += plan.rows.length;
    this.counts.entries += entriesOf(plan);
    if (plan.request !== null) this.counts.submissions += 1;
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
    this.#stop.abort();
    await Promise.allSettled([...this.#posting, ...this.#following]);
    await this.#errors?.close();
    await this.#contradictions?.close();
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
      const plan = planRegistration(mapped, this.#now);
      const isNew = this.#isNew(mapped.identifier, content);
      await this.#countPlan(line.number, plan);
      return isNew ? { line: line.number, identifier, mapped, plan, content } : null;
    } catch (error) {
      await this.#rowError(line.number, id, error);
      return null;
    }
  }

  /** Counts what the events of a history become, and notes what in it contradicts a title. */
  async #countPlan(line: number, { identifier, steps, contradictions }: RegistrationPlan): Promise<void> {
    const { events } = this.counts;
    for (const { via, content } of steps) {
      if (via === 'title') events.titles += content.data.original === undefined ? 0 : 1;
      else if (content.data.event !== undefined) events.evidence += 1;
    }
    if (contradictions.length === 0) return;
    events.contradicting += 1;
    for (const { code } of contradictions) {
      events.contradictions[code] = (events.contradictions[code] ?? 0) + 1;
    }
    const { contradictionsFile } = this.#options;
    this.#contradictions ??= await openNotes(contradictionsFile);
    const noted: Contradicting = { line, identifier, contradictions };
    await this.#contradictions.appendFile(`${JSON.stringify(noted)}\n`);
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
    for (const fresh of await this.#withoutRecorded(rows)) await this.#compose(fresh);
    this.#tell();
  }

  /**
   * Leaves out vehicles that are done, by another journal than this one. Of a vehicle whose entries are there and whose
   * title has seen the first of its actions, the rest is left to do.
   */
  async #withoutRecorded(rows: { row: Row; subject: Subject }[]): Promise<Fresh[]> {
    const { ledger, signer, actor, journal } = this.#options;
    const recorded = await ledger.recorded(rows.map(({ subject }) => subject));
    const untouched = { recorded: false, revision: 0 };
    if (recorded.size === 0) return rows.map((item) => ({ ...item, ...untouched }));
    const latest = (await readHeader(ledger.rpc, 'latest'))?.number ?? 0;
    const histories = await historiesOf(ledger.rpc, ledger.address.address, [...recorded], latest);
    const revisions = await readRevisions(
      ledger.rpc,
      actor.titles,
      rows.map(({ subject }) => subject),
    );
    const fresh: Fresh[] = [];
    const found: JournalRow[] = [];
    for (const [index, item] of rows.entries()) {
      const { row, subject } = item;
      const history = histories.get(subject) ?? [];
      const own = history.filter((event) => attesterOf(event) === signer.organisation);
      const revision = Number(revisions[index] ?? 0n);
      if (own.length === 0) {
        if (revision === 0) fresh.push({ ...item, ...untouched });
        else {
          // The registrar who issued it keeps it: what this register states stands beside it.
          this.counts.titledElsewhere += 1;
          fresh.push({ subject, row: { ...row, plan: evidenceOnly(row.mapped) }, ...untouched });
        }
        continue;
      }
      const entries = own.map((event) => (event.event === 'accepted' ? -1 : event.link.kind));
      const done = history.flatMap((event) =>
        event.event === 'entry' && 'actor' in event.link && event.link.actor === actor.address
          ? [event.link.kind]
          : [],
      );
      const wanted = actionKindsOf(row.plan);
      if (!includesAll(entries, entryKindsOf(row.plan))) {
        await this.#rowError(
          row.line,
          row.mapped.identifier,
          new VinculumError(
            'import.differs',
            `The ledger has ${own.length} entries of this vehicle by this organisation, and not all of this row’s: submit what is missing as entries of its own.`,
          ),
        );
      } else if (done.length < wanted.length && revision === done.length && startsWith(wanted, done)) {
        fresh.push({ ...item, recorded: true, revision });
      } else {
        found.push(journalRow(row));
        this.counts.alreadyThere += 1;
      }
    }
    await journal.remember(found);
    return fresh;
  }

  async #compose({ row, subject, recorded, revision }: Fresh): Promise<void> {
    const { ledger, signer, batch } = this.#options;
    const target = { subject, identifier: row.identifier };
    let entries: ComposedEntry[];
    let actions: ActionRequest[];
    try {
      const evidence = recorded ? [] : row.plan.steps.filter(({ via }) => via === 'evidence');
      entries = evidence.map(({ content }) =>
        composeEntry(ledger.address, signer.organisation, target, content),
      );
      actions = this.#signActions(row, target, revision);
    } catch (error) {
      await this.#rowError(row.line, row.mapped.identifier, error);
      return;
    }
    const plan = { row: journalRow(row, entries.length, subject), entries, actions };
    if (recorded) {
      await this.#planActions(plan);
      return;
    }
    if (this.#openEntries > 0 && this.#openEntries + entries.length > batch) await this.#closeSubmission();
    this.#open.push(plan);
    this.#openEntries += entries.length;
    this.counts.signed += entries.length + actions.length;
  }

  /** Signs what is still to be done on a title, all at once: each action names its place in the title's history. */
  #signActions(
    { plan, mapped }: Row,
    target: { readonly subject: Subject; readonly identifier: Identifier },
    revision: number,
  ): ActionRequest[] {
    const { actor, holders } = this.#options;
    const now = BigInt(Math.floor(Date.now() / 1000));
    return plan.steps
      .filter((step) => step.via === 'title')
      .map(({ act, content }, index) => {
        const place = BigInt(index);
        const deed = {
          kind: act.kind,
          party: 'holder' in act ? holders.key(mapped.identifier, act.holder).address : ZERO_ADDRESS,
          until: untilOf(act, place, now + HORIZON_SECONDS),
          detail: detailOf(act),
          content,
        };
        return index < revision ? null : signDeed(actor, target, place, deed, Number(now)).request;
      })
      .filter((request) => request !== null);
  }

  /** Makes a plan of actions alone durable. */
  async #planActions({ row, actions }: { row: JournalRow; actions: ActionRequest[] }): Promise<void> {
    const [first] = actions;
    if (first === undefined) return;
    const hash = hashOf(this.#options.actor.titles, first);
    await this.#options.journal.plan({
      vinculum: 'import-plan/1',
      hash,
      rows: [row],
      request: null,
      actions,
    });
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
      actions: rows.flatMap(({ actions }) => actions),
    });
    await this.#enqueue(signed, entries.length);
    if (this.#options.journal.plans.size >= MOST_ON_THE_WAY) await this.settle(MOST_ON_THE_WAY - 1);
  }

  async #nextNonce(): Promise<bigint> {
    const { client, signer, journal } = this.#options;
    const nonce = this.#nonce ?? (await unusedNonce(client, signer.organisation, journal));
    this.#nonce = nonce + 1n;
    return nonce;
  }

  async #enqueuePlan({ hash, request, rows }: Plan): Promise<void> {
    if (request === null) return;
    await this.#enqueue({ hash, request }, entriesOf({ rows }));
  }

  async #enqueue(signed: Signed, entries: number): Promise<void> {
    this.#waiting.push(signed);
    this.#waitingEntries += entries;
    if (this.#waitingEntries >= ENTRIES_IN_A_POST) await this.#postWaiting();
  }

  async #postWaiting(): Promise<void> {
    const signed = this.#waiting;
    this.#waiting = [];
    this.#waitingEntries = 0;
    if (signed.length === 0) return;
    const posting = this.#post(signed)
      .then(() => this.#follow(signed.map(({ hash }) => hash)))
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#posting.delete(posting));
    this.#posting.add(posting);
    await this.#drain(POSTS_AT_ONCE - 1);
  }

  async #post(signed: readonly Signed[]): Promise<void> {
    const { client, ledger, journal } = this.#options;
    let answers: Posted[];
    try {
      answers = await post(client, ledger.address, signed);
      await keepReceipts(
        journal.folder,
        answers.flatMap((answer) => (answer.accepted ? [answer.receipt] : [])),
      );
    } catch (error) {
      if (!(error instanceof ServiceRefusal) || error.status !== 413) throw error;
      // One of them alone may not be too large.
      if (signed.length > 1) for (const one of signed) await this.#post([one]);
      else for (const { hash } of signed) await this.#giveUp(hash, error);
      return;
    }
    for (const [index, answer] of answers.entries()) {
      const hash = signed[index]?.hash;
      if (answer.accepted || hash === undefined) continue;
      const refusal = new ServiceRefusal(answer.problem.status ?? 422, answer.problem, undefined);
      if (RENEWED.has(refusal.code)) await this.#renew(hash, refusal.code);
      else if (refusal.retryable) throw refusal;
      else await this.#giveUp(hash, refusal);
    }
  }

  /** Drops what the service will never take, tells of the rows that are at fault, and sends the others again. */
  async #giveUp(hash: string, refusal: ServiceRefusal): Promise<void> {
    const { journal, signer } = this.#options;
    const plan = journal.plans.get(hash);
    if (plan === undefined) throw refusal;
    await journal.drop(hash);
    const divided = divide(plan, refusal);
    // Where all that a plan says is refused, the next would be too: whole registers are of the same few kinds.
    if (divided === null || (divided.left.length === 0 && plan.rows.length > 1)) throw refusal;
    for (const { identifier } of divided.refused) await this.#rowError(undefined, identifier, refusal);
    this.#nonce = undefined;
    for (const left of divided.left) {
      const signed = signAgain(signer, left.request, await this.#nextNonce());
      await journal.plan({ vinculum: 'import-plan/1', ...left, ...signed });
      await this.#enqueue(signed, entriesOf(left));
    }
  }

  /**
   * Signs the entries of a submission anew, once the first can never take effect: its nonce is used, or its deadline
   * has passed on the chain.
   */
  async #renew(hash: string, why: string): Promise<void> {
    const { journal, ledger, signer, signal } = this.#options;
    const plan = journal.plans.get(hash);
    const request = plan?.request ?? null;
    if (plan === undefined || request === null) return;
    await untilDead(ledger, signer.organisation, { hash, request }, why, signal);
    if (await isAnchored(ledger, request.submission.entries, signer.organisation)) {
      await this.#carryOut(plan);
      return;
    }
    this.#nonce = undefined;
    const signed = signAgain(signer, request, await this.#nextNonce());
    await journal.replace(hash, {
      vinculum: 'import-plan/1',
      ...signed,
      rows: plan.rows,
      actions: plan.actions,
    });
    await this.#enqueue(signed, entriesOf(plan));
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

  async #rowError(line: number | undefined, id: string | undefined, error: unknown): Promise<void> {
    if (!(error instanceof VinculumError)) throw error;
    this.counts.errors += 1;
    const { path } = error.details;
    const rowError: RowError = {
      ...(line === undefined ? {} : { line }),
      ...(id === undefined ? {} : { id }),
      code: error.code,
      ...(typeof path === 'string' ? { path } : {}),
      message: error.message,
    };
    this.#errors ??= await openNotes(this.#options.errorsFile);
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

function journalRow(
  { mapped, content, plan }: Row,
  entries = plan.steps.length,
  subject?: Subject,
): JournalRow {
  const { identifier } = mapped;
  return { identifier, content, entries, ...(subject === undefined ? {} : { subject }) };
}

const entryKindsOf = ({ steps }: RegistrationPlan): number[] =>
  steps.flatMap(({ via, content }) => (via === 'evidence' ? [kindByName(content.kind)?.number ?? -1] : []));

const actionKindsOf = ({ steps }: RegistrationPlan): number[] =>
  steps.flatMap((step) => (step.via === 'title' ? [titleKinds[step.act.kind]] : []));

const startsWith = (list: readonly number[], beginning: readonly number[]): boolean =>
  beginning.every((kind, index) => list[index] === kind);

/** A history of which nothing may drive a title. */
function evidenceOnly({ identifier, contents }: MappedRegistration): RegistrationPlan {
  const steps = contents.map((content) => ({ via: 'evidence', content }) as const);
  return { identifier, steps, contradictions: [], title: NO_TITLE };
}

/** The row of a plan whose title a subject is. */
function identifierOf({ rows }: Plan, subject: Subject): string | undefined {
  return rows.find((row) => row.subject === subject)?.identifier;
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

/** Journals are kept apart by ledger and organisation: the same file may be imported into another ledger. */
export function journalName(ledger: OpenLedger['address'], organisation: OrganisationId): string {
  return `${ledger.chainId}-${ledger.address}-${organisation}`;
}
