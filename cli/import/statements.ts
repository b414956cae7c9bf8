import { type FileHandle, rm } from 'node:fs/promises';
import { fromBase64Url } from '../../core/bytes.ts';
import { canonicalJson } from '../../core/canonical.ts';
import { MAX_ENTRIES } from '../../core/chain/entry.ts';
import type { Subject } from '../../core/chain/types.ts';
import {
  type ComposedEntry,
  composeEntry,
  MAX_LEAD_SECONDS,
  openEnvelope,
  openSealed,
} from '../../core/envelope/envelope.ts';
import { secondsOf } from '../../core/envelope/time.ts';
import { isVinculumError, VinculumError } from '../../core/errors.ts';
import { type Identifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import { isOpenContent, parseReport } from '../../core/report/report.ts';
import {
  contentOf,
  type MappingProblem,
  type Statement,
  type StatementSource,
} from '../../core/supply/statement.ts';
import { createSetBuilder } from '../../core/tree/builder.ts';
import { requireAccepted } from '../accepted.ts';
import {
  type Client,
  isDead,
  type Milestone,
  reportPath,
  type ServiceRefusal,
  type SubmissionStatus,
} from '../client.ts';
import { CommandError } from '../exit.ts';
import type { OpenLedger, WireTranscript } from '../ledger.ts';
import { uploadSet } from '../sets/upload.ts';
import { follow, type Signed, type Signer, signAgain, signEntries } from '../submitter.ts';
import { entriesOf, evaluatedSchema, openNotes, RENEWED, untilDead, unusedNonce } from './again.ts';
import { isAnchored } from './anchored.ts';
import { Fingerprints } from './fingerprints.ts';
import type { Journal, JournalRow, Plan, PlannedSet } from './journal.ts';
import { divide, refusalTo } from './refused.ts';
import { readLines } from './rows.ts';

/*
 * Puts statements on the ledger, whichever system they come from: nothing twice, and at any moment it can be interrupted
 * and run again. What one source says (an event, an asset, a row) is imported whole or not at all.
 */

/** What one source says. */
export type StatementGroup = {
  readonly source: StatementSource;
  /** Where it stands, for what is noted. */
  readonly at: string;
  /** SHA-256 of the source as it stands: what is read again under its name must be the same. */
  readonly content: string;
  readonly statements: readonly Statement[];
  readonly problems: readonly MappingProblem[];
  /** What of it no entry says, as it stands; noted once. */
  readonly aside?: Readonly<Record<string, unknown>>;
  /** Its only entry is the only one of its kind that one attester has on that subject: a batch is made once. */
  readonly once?: true;
  /** Of its only entry’s set, where it is large: a file with an identifier a line, deleted once it is handed over. */
  readonly membersFile?: string;
  /** Is told, instead of the errors file, why the source can’t be imported. */
  readonly onFailed?: (problems: readonly MappingProblem[]) => Promise<void>;
  /** Is told which entries are signed of the source; none where it is there already. */
  readonly onTaken?: (written: JournalRow['written'] & object) => void;
};

export type StatementOptions = {
  readonly client: Client;
  readonly ledger: OpenLedger;
  readonly signer: Signer;
  readonly journal: Journal;
  readonly signal: AbortSignal;
  /** Most entries of one submission; those of one source stay together as far as a submission holds them. */
  readonly batch: number;
  /** How far submissions are followed. */
  readonly wait: Milestone;
  /** Sources that could not be imported, and why. */
  readonly errorsFile: string;
  /** What was read and is not said, and what was there already under another name. */
  readonly notesFile: string;
  readonly onProgress?: (counts: StatementCounts) => void;
};

export type StatementCounts = {
  /** Sources read. */
  sources: number;
  /** Sources, and their entries, that this run put on the ledger. */
  imported: number;
  entries: number;
  /** Of those: signed by an earlier run that was interrupted. */
  resumed: number;
  /** Sources that were there before. */
  alreadyThere: number;
  /** Sources that are another one under another name: by their event hash. */
  duplicates: number;
  /** Sources of which nothing is said. */
  notMapped: number;
  /** Things noted, by code. */
  notes: Record<string, number>;
  /** Sources that could not be imported. */
  errors: number;
  submissions: number;
  /** Entries that are signed, anchored or not. */
  signed: number;
};

/** Sources that are looked at together, and identifiers evaluated in one request. */
const GROUP = 100;
const IDENTIFIERS_AT_ONCE = 250;
/** Submissions that are signed and not known to be anchored: a file of any size needs only so much of the disk. */
const MOST_ON_THE_WAY = 24;
/** Most characters of a submission's content, unless one entry alone has more. A service takes several times as much. */
const MOST_CHARACTERS = 8 * 1024 * 1024;
const KNOWN_SUBJECTS = 100_000;
/** Members that are handed over in one request; more go in chunks. */
const FEW_MEMBERS = 2_000;

type Target = 'own' | { readonly subject: Subject; readonly identifier: Identifier };
type Composed = { readonly index: number; readonly statement: Statement; readonly entry: ComposedEntry };
type Planned = { readonly row: JournalRow; readonly entries: ComposedEntry[]; readonly sets: PlannedSet[] };
/** What one entry of our own says of a subject. */
type OwnEntry = {
  readonly name: string | undefined;
  readonly entry: (JournalRow['written'] & object)[number];
  readonly data: Readonly<Record<string, unknown>>;
};

export class StatementImport {
  readonly counts: StatementCounts = {
    sources: 0,
    imported: 0,
    entries: 0,
    resumed: 0,
    alreadyThere: 0,
    duplicates: 0,
    notMapped: 0,
    notes: {},
    errors: 0,
    submissions: 0,
    signed: 0,
  };
  readonly #options: StatementOptions;
  /** What this run has met: by name its content, and where there is a hash, that too, and by hash its name. */
  readonly #seen = new Fingerprints();
  readonly #met = new Map<string, { content: string; hash: string | undefined }>();
  readonly #metHashes = new Map<string, string>();
  readonly #subjects = new Map<string, Subject>();
  #group: StatementGroup[] = [];
  /** Sources that are signed and on their way, by their rows. */
  readonly #sent = new Map<string, StatementGroup>();
  #open: Planned[] = [];
  #openEntries = 0;
  #openCharacters = 0;
  #nonce: bigint | undefined;
  #errors: FileHandle | undefined;
  #notes: FileHandle | undefined;

  /** The first answer by which the service refused something for good. */
  refusal: ServiceRefusal | undefined;

  constructor(options: StatementOptions) {
    this.#options = options;
  }

  /** Sends again what an earlier run may or may not have sent. */
  async resume(): Promise<void> {
    for (const plan of [...this.#options.journal.plans.values()]) {
      this.counts.resumed += plan.rows.length;
      this.counts.signed += entriesOf(plan);
      if (plan.request !== null) await this.#post({ hash: plan.hash, request: plan.request });
    }
  }

  /**
   * Takes what one source says.
   * @throws {@link ServiceRefusal} when the service refuses all that would be sent, `http.*` when it can't be reached: what
   *   was signed and not refused stays in the journal, and the next run sends it again
   */
  async take(group: StatementGroup): Promise<void> {
    this.#options.signal.throwIfAborted();
    this.counts.sources += 1;
    this.#group.push(group);
    if (this.#group.length >= GROUP) await this.#work();
  }

  /** Waits until all that was taken is anchored; what can never arrive is signed anew. */
  async settle(): Promise<void> {
    await this.#work();
    await this.#closeSubmission();
    await this.#follow(0);
  }

  async close(): Promise<void> {
    await this.#errors?.close();
    await this.#notes?.close();
  }

  /** What is known of a source: where it was imported, with all of the entries that it became. */
  find(source: StatementSource): JournalRow | null {
    const { journal } = this.#options;
    const named = journal.row({ identifier: nameOf(source) });
    return named ?? (source.hash === undefined ? null : journal.row({ hash: source.hash }));
  }

  /** Whether a source is known by this import, with this content or with another. */
  standing(source: StatementSource, content: string): 'same' | 'changed' | null {
    const name = nameOf(source);
    return this.#inJournal(name, content, source.hash) ?? this.#metBefore(name, content, source.hash);
  }

  /** Notes what is read and not said. */
  async note(problem: MappingProblem, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    this.counts.notes[problem.code] = (this.counts.notes[problem.code] ?? 0) + 1;
    this.#notes ??= await openNotes(this.#options.notesFile);
    await this.#notes.appendFile(`${JSON.stringify({ ...lineOf(problem), ...more })}\n`);
  }

  /** Counts a source that can’t be read, and is noted elsewhere. */
  refuse(): void {
    this.counts.sources += 1;
    this.counts.errors += 1;
  }

  /** Notes a source that could not be imported. */
  async error(at: string, source: StatementSource | undefined, error: unknown): Promise<void> {
    if (!(error instanceof VinculumError)) throw error;
    const { path } = error.details;
    const where = typeof path === 'string' && path !== '' ? path : at;
    await this.#fail([{ code: error.code, at: where, detail: error.message, ...(source && { source }) }]);
  }

  async #reject(group: StatementGroup, error: unknown): Promise<void> {
    const { at, source, onFailed } = group;
    if (onFailed === undefined) return this.error(at, source, error);
    if (!(error instanceof VinculumError)) throw error;
    await this.#fail([{ code: error.code, at, source, detail: error.message }], group);
  }

  async #fail(problems: readonly MappingProblem[], group?: StatementGroup): Promise<void> {
    this.counts.errors += 1;
    if (group?.onFailed !== undefined) return group.onFailed(problems);
    this.#errors ??= await openNotes(this.#options.errorsFile);
    for (const problem of problems) await this.#errors.appendFile(`${JSON.stringify(lineOf(problem))}\n`);
  }

  /** Looks at the collected sources, and composes what is new in them. */
  async #work(): Promise<void> {
    const groups = this.#group;
    this.#group = [];
    if (groups.length === 0) return;
    const fresh: StatementGroup[] = [];
    for (const group of groups) {
      try {
        if (await this.#isNew(group)) fresh.push(group);
      } catch (error) {
        await this.#reject(group, error);
      }
    }
    const failed = await this.#evaluate(fresh);
    const missing = await this.#withoutRecorded(fresh);
    for (const group of missing) {
      const fault = group.statements
        .map(({ identifier }) => failed.get(identifier))
        .find((found) => found !== undefined);
      if (fault !== undefined) await this.#reject(group, fault);
      else await this.#compose(group);
    }
    this.#options.onProgress?.(this.counts);
  }

  /** @throws `import.changed` `batch.numberUsed` */
  async #isNew(group: StatementGroup): Promise<boolean> {
    const { source, at, content, problems, statements, aside = {} } = group;
    const { journal } = this.#options;
    const name = nameOf(source);
    const met = this.#metBefore(name, content, source.hash);
    const before = this.#inJournal(name, content, source.hash) ?? met;
    if (before === 'changed') throw changed(group);
    if (before === 'same') {
      if (met !== null) {
        this.counts.duplicates += 1;
        if (source.system === 'csv') await this.note(sameRow(group));
      } else if (journal.isDone(name)) this.counts.alreadyThere += 1;
      this.#meet(name, content, source.hash);
      group.onTaken?.([]);
      return false;
    }
    const twin = source.hash === undefined ? undefined : this.#twin(source.hash, name);
    this.#meet(name, content, source.hash);
    if (twin !== undefined) {
      this.counts.duplicates += 1;
      await this.note({
        code: 'import.duplicate',
        at,
        source,
        detail: `the same as ${twin}, by its event hash: it is there once`,
      });
      return false;
    }
    if (source.hash !== undefined) this.#metHashes.set(source.hash, source.id);
    const errors = problems.filter(({ note }) => note !== true);
    for (const problem of problems.filter(({ note }) => note === true)) await this.note(problem);
    if (Object.keys(aside).length > 0) {
      await this.note({ code: 'import.aside', at, source }, { aside });
    }
    if (errors.length > 0) {
      await this.#fail(errors, group);
      return false;
    }
    if (statements.length === 0) {
      this.counts.notMapped += 1;
      return false;
    }
    return true;
  }

  #inJournal(name: string, content: string, hash: string | undefined): 'same' | 'changed' | null {
    const { journal } = this.#options;
    if (hash === undefined) return journal.matches(name, content);
    const row = journal.row({ identifier: name });
    if (row === null) return null;
    if (row.content !== content && row.hash !== hash) return 'changed';
    // Of a source that an interrupted run left in part, the rest is still to be said.
    return row.part === undefined ? 'same' : null;
  }

  #meet(name: string, content: string, hash: string | undefined): void {
    if (hash === undefined) this.#seen.set(name, content);
    else this.#met.set(name, { content, hash });
  }

  #metBefore(name: string, content: string, hash: string | undefined): 'same' | 'changed' | null {
    if (hash === undefined) return this.#seen.find(name, content);
    const met = this.#met.get(name);
    if (met === undefined) return null;
    return met.content === content || met.hash === hash ? 'same' : 'changed';
  }

  #twin(hash: string, own: string): string | undefined {
    const row = this.#options.journal.row({ hash });
    if (row === null || row.identifier === own) return this.#metHashes.get(hash);
    return row.identifier.slice(row.identifier.indexOf(':') + 1);
  }

  /** Learns the subjects of all identifiers, each by the operators' proof. @returns those that can't be evaluated */
  async #evaluate(groups: readonly StatementGroup[]): Promise<Map<string, VinculumError>> {
    const { client, ledger } = this.#options;
    const failed = new Map<string, VinculumError>();
    if (this.#subjects.size > KNOWN_SUBJECTS) this.#subjects.clear();
    const wanted = new Set(
      groups.flatMap(({ statements }) => statements.map(({ identifier }) => identifier)),
    );
    const unknown = [...wanted].filter((text) => text !== OWN && !this.#subjects.has(text));
    for (let start = 0; start < unknown.length; start += IDENTIFIERS_AT_ONCE) {
      const identifiers = unknown.slice(start, start + IDENTIFIERS_AT_ONCE);
      const { results } = await client.json('/v1/subjects', evaluatedSchema, { identifiers });
      for (const [index, text] of identifiers.entries()) {
        const result = results[index] as
          | { transcript?: WireTranscript; problem?: { code: string; detail?: string } }
          | undefined;
        try {
          if (result?.transcript === undefined) {
            const { code = 'service.malformed', detail = 'The service gave no transcript.' } =
              result?.problem ?? {};
            throw new VinculumError(code, detail);
          }
          this.#subjects.set(text, ledger.subject(parseIdentifier(text), result.transcript));
        } catch (error) {
          // A false transcript is no fault of the source: somebody would have us write into another history.
          if (isVinculumError(error, 'pseudonym.invalidTranscript')) {
            throw new CommandError('failed', error.code, `${text}: ${error.message}`, { cause: error });
          }
          if (!isVinculumError(error)) throw error;
          failed.set(text, error);
        }
      }
    }
    return failed;
  }

  /**
   * Leaves out what another journal than this one imported: of a new journal the ledger's own histories are asked, which
   * show their attester the names of the sources.
   */
  async #withoutRecorded(groups: readonly StatementGroup[]): Promise<readonly StatementGroup[]> {
    const { journal, ledger } = this.#options;
    const asked = journal.isNew ? groups : groups.filter(({ once }) => once === true);
    if (asked.length === 0) return groups;
    const texts = [
      ...new Set(asked.flatMap(({ statements }) => statements.map(({ identifier }) => identifier))),
    ];
    const subjects = texts.flatMap((text) => this.#subjects.get(text) ?? []);
    const recorded = await ledger.recorded(subjects);
    const own = new Map<string, readonly OwnEntry[]>();
    for (const text of texts) {
      const subject = this.#subjects.get(text);
      if (subject !== undefined && recorded.has(subject)) own.set(text, await this.#readOwn(text));
    }
    if (own.size === 0) return groups;
    const fresh: StatementGroup[] = [];
    const found: JournalRow[] = [];
    for (const group of groups) {
      const { source, content, statements } = group;
      const there = statements.flatMap(({ identifier, content: { kind } }) =>
        (own.get(identifier) ?? []).filter(({ entry, name }) => entry.kind === kind && name === source.id),
      );
      if (group.once === true && this.#isOther(group, own)) {
        await this.#reject(group, changed(group));
        continue;
      }
      if (there.length < statements.length) {
        // Of a source that is split over submissions some may be there; the rest would be told twice.
        if (there.length === 0) fresh.push(group);
        else {
          const text = `The ledger has ${there.length} of the ${statements.length} entries of this: submit what is missing as entries of its own.`;
          await this.#reject(group, new VinculumError('import.differs', text));
        }
        continue;
      }
      if (!(await this.#recoverSets(group, there))) {
        await this.#reject(group, changed(group));
        continue;
      }
      found.push(
        rowOf(
          source,
          content,
          there.map(({ entry }) => entry),
        ),
      );
      this.counts.alreadyThere += 1;
      group.onTaken?.([]);
    }
    await journal.remember(found);
    return fresh;
  }

  /**
   * Rebuilds the sets that entries on the ledger name, under their own keys, and hands over what the service may lack: whoever
   * signed them may have died before.
   * @returns whether the members are those of the entries
   */
  async #recoverSets(group: StatementGroup, there: readonly OwnEntry[]): Promise<boolean> {
    const { client, signal } = this.#options;
    const { membersFile } = group;
    for (const { identifier, members, content } of group.statements) {
      const file = members === undefined ? membersFile : undefined;
      if (members === undefined && file === undefined) continue;
      const own = there.find(({ entry }) => entry.identifier === identifier && entry.kind === content.kind);
      const serials = own?.data.serials as { serialsRoot?: unknown; treeKey?: unknown } | undefined;
      if (own === undefined || typeof serials?.treeKey !== 'string') return false;
      const builder = createSetBuilder(fromBase64Url(serials.treeKey), { expected: members?.length ?? 0 });
      for await (const member of file === undefined ? (members ?? []) : linesOf(file, signal)) {
        builder.add(parseIdentifier(member));
      }
      if (builder.finish().root !== serials.serialsRoot) return false;
      const texts = file === undefined ? (members ?? []) : linesOf(file, signal);
      await uploadSet(client, own.entry.digest, texts, { signal });
      if (file !== undefined) await rm(file, { force: true });
    }
    return true;
  }

  /** Whether our entry of that kind on the ledger says something else. */
  #isOther({ source, statements }: StatementGroup, own: ReadonlyMap<string, readonly OwnEntry[]>): boolean {
    return statements.some(({ identifier, content }) =>
      (own.get(identifier) ?? []).some(
        ({ entry, name, data }) =>
          entry.kind === content.kind &&
          (name !== source.id || comparable(data) !== comparable(content.data)),
      ),
    );
  }

  /** Our entries of a subject, but for those that we took back. */
  async #readOwn(text: string): Promise<OwnEntry[]> {
    const { client, signer } = this.#options;
    const answer = await client.bytes(reportPath(parseIdentifier(text)), {
      headers: { accept: 'application/json' },
    });
    const report = parseReport(Buffer.from(answer.body).toString('utf8'));
    const own: OwnEntry[] = [];
    const takenBack = new Set<unknown>();
    for (const [digest, content] of Object.entries(report.contents)) {
      if (!isOpenContent(content)) continue;
      try {
        const envelope = openEnvelope(fromBase64Url(content.block), fromBase64Url(content.key));
        if (envelope.organisation !== signer.organisation.toString()) continue;
        const { eventId } = openSealed(envelope, content.disclosures);
        const { kind, kindVersion, data } = envelope;
        if (kind === 'amended' && data.retracted === true) takenBack.add(data.supersedes);
        const name = typeof eventId === 'string' ? eventId : undefined;
        own.push({ name, entry: { identifier: text, kind, kindVersion, digest }, data });
      } catch (error) {
        // What can't be read is nobody's source.
        if (!isVinculumError(error)) throw error;
      }
    }
    return own.filter(({ entry }) => !takenBack.has(entry.digest));
  }

  async #compose(group: StatementGroup): Promise<void> {
    const { source, content, statements, membersFile } = group;
    const { ledger, signer, batch, journal } = this.#options;
    const name = nameOf(source);
    const there = journal.parts(name);
    const composed: Composed[] = [];
    try {
      if (there.some(({ part }) => part?.of !== statements.length)) {
        const text =
          'An earlier version read this otherwise, and was interrupted: submit what is missing as entries of its own.';
        throw new VinculumError('import.differs', text);
      }
      for (const [index, statement] of statements.entries()) {
        if (there.some((row) => isWithin(row, index))) continue;
        checkTime(statement.content.time);
        const target = this.#target(statement.identifier);
        const entry = composeEntry(ledger.address, signer.organisation, target, contentOf(statement));
        composed.push({ index, statement, entry });
      }
    } catch (error) {
      await this.#reject(group, error);
      return;
    }
    for (const some of piecesOf(composed, Math.min(MAX_ENTRIES, Math.max(batch, 1)))) {
      const characters = some.reduce((sum, { entry }) => sum + charactersOf(entry), 0);
      const isFull =
        this.#openEntries + some.length > batch || this.#openCharacters + characters > MOST_CHARACTERS;
      if (this.#openEntries > 0 && isFull) await this.#closeSubmission();
      const written = some.map(({ statement, entry }) => ({
        identifier: statement.identifier,
        kind: statement.content.kind,
        kindVersion: statement.content.kindVersion ?? 1,
        digest: entry.entry.digest,
      }));
      const row = rowOf(source, content, written);
      const from = some[0]?.index ?? 0;
      const isWhole = some.length === statements.length;
      this.#open.push({
        row: isWhole ? row : partOf(row, from, statements.length),
        entries: some.map(({ entry }) => entry),
        sets: some.flatMap(({ statement: { members }, entry }): PlannedSet[] => {
          const { digest } = entry.entry;
          if (membersFile !== undefined) return [{ digest, members: [], file: membersFile }];
          return members === undefined ? [] : [{ digest, members }];
        }),
      });
      this.#sent.set(this.#open.at(-1)?.row.identifier ?? '', group);
      this.#openEntries += some.length;
      this.#openCharacters += characters;
      this.counts.signed += some.length;
      group.onTaken?.(written);
    }
  }

  #target(text: string): Target {
    if (text === OWN) return 'own';
    const subject = this.#subjects.get(text);
    if (subject === undefined) throw new VinculumError('identifier.unknown', `${text} was not evaluated.`);
    return { subject, identifier: parseIdentifier(text) };
  }

  /** Signs what is composed and makes it durable: from here on it may be posted, and will be. */
  async #closeSubmission(): Promise<void> {
    const planned = this.#open;
    this.#open = [];
    this.#openEntries = 0;
    this.#openCharacters = 0;
    if (planned.length === 0) return;
    const { journal, signer } = this.#options;
    const entries = planned.flatMap((item) => item.entries);
    const signed = signEntries(signer, entries, await this.#nextNonce());
    await journal.plan({
      vinculum: 'import-plan/1',
      ...signed,
      rows: planned.map(({ row }) => row),
      actions: [],
      sets: planned.flatMap(({ sets }) => sets),
    });
    await this.#post(signed);
    if (journal.plans.size >= MOST_ON_THE_WAY) await this.#follow(MOST_ON_THE_WAY / 2);
  }

  async #nextNonce(): Promise<bigint> {
    const { client, signer, journal } = this.#options;
    const nonce = this.#nonce ?? (await unusedNonce(client, signer.organisation, journal));
    this.#nonce = nonce + 1n;
    return nonce;
  }

  async #post(signed: Signed): Promise<void> {
    const refusal = await refusalTo(this.#options, signed);
    if (refusal === null) return;
    if (RENEWED.has(refusal.code)) await this.#renew(signed.hash, refusal.code);
    else await this.#giveUp(signed.hash, refusal);
  }

  /** Drops what the service will never take, tells of the sources that are at fault, and sends the others again. */
  async #giveUp(hash: string, refusal: ServiceRefusal): Promise<void> {
    const { journal, signer } = this.#options;
    const plan = journal.plans.get(hash);
    if (plan === undefined) throw refusal;
    await journal.drop(hash);
    this.refusal ??= refusal;
    this.#nonce = undefined;
    const divided = divide(plan, refusal);
    if (divided === null) throw refusal;
    for (const row of divided.refused) {
      this.counts.signed -= row.entries;
      const group = this.#sent.get(row.identifier);
      this.#sent.delete(row.identifier);
      if (group !== undefined) await this.#reject(group, refusal);
      // An earlier run signed it: where this one reads it, it is tried again.
      else await this.note({ code: refusal.code, at: row.identifier, detail: refusal.message });
    }
    const kept = new Set(divided.left.flatMap(({ sets = [] }) => sets.map(({ file }) => file)));
    for (const { file } of plan.sets ?? []) {
      if (file !== undefined && !kept.has(file)) await rm(file, { force: true });
    }
    const again: Signed[] = [];
    for (const left of divided.left) {
      const signed = signAgain(signer, left.request, await this.#nextNonce());
      await journal.plan({ vinculum: 'import-plan/1', ...left, ...signed });
      again.push(signed);
    }
    for (const signed of again) await this.#post(signed);
  }

  async #follow(most: number): Promise<void> {
    const { client, journal, signal, wait } = this.#options;
    while (journal.plans.size > most) {
      const oldest = [...journal.plans.values()].slice(0, journal.plans.size - most);
      const lost: { hash: string; why: string }[] = [];
      await follow(
        client,
        oldest.map(({ hash }) => hash),
        wait,
        {
          signal,
          onSettled: async (status) => {
            const plan = journal.plans.get(status.hash);
            if (isDead(status.state)) lost.push({ hash: status.hash, why: status.state });
            else if (plan !== undefined) await this.#finish(plan, status);
          },
          // A service that lost what it had accepted is sent it again.
          onUnknown: (hash) => void lost.push({ hash, why: 'unknown' }),
        },
      );
      for (const { hash, why } of lost) {
        const plan = journal.plans.get(hash);
        if (plan === undefined || plan.request === null) continue;
        if (why === 'unknown') await this.#post({ hash, request: plan.request });
        else await this.#renew(hash, why);
      }
    }
  }

  /** @param status what the service says of it, where nobody else was asked yet */
  async #finish(plan: Plan, status?: SubmissionStatus): Promise<void> {
    const { journal, ledger, signer, signal } = this.#options;
    if (status !== undefined) await requireAccepted(ledger, signer.organisation, status, signal);
    for (const set of plan.sets ?? []) await this.#handOver(set);
    await journal.finish(plan.hash);
    for (const { identifier } of plan.rows) this.#sent.delete(identifier);
    for (const { file } of plan.sets ?? []) if (file !== undefined) await rm(file, { force: true });
    // Of parts of a source only the last of all completes it.
    const sources = new Set(plan.rows.map(({ identifier, part }) => part?.source ?? identifier));
    for (const source of sources) if (journal.isDone(source)) this.counts.imported += 1;
    this.counts.entries += entriesOf(plan);
    this.counts.submissions += 1;
    this.#options.onProgress?.(this.counts);
  }

  /** Gives the operator the members of an entry’s set, to prove what is in it and what is not. */
  async #handOver({ digest, members, file }: PlannedSet): Promise<void> {
    const { client, signal } = this.#options;
    if (file !== undefined || members.length > FEW_MEMBERS) {
      await uploadSet(client, digest, file === undefined ? members : linesOf(file, signal), { signal });
      return;
    }
    await client.bytes(`/v1/sets/${digest}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ members }),
    });
  }

  /** Signs the entries of a submission anew, once the first can never take effect. */
  async #renew(hash: string, why: string): Promise<void> {
    const { journal, signer, ledger, signal } = this.#options;
    const plan = journal.plans.get(hash);
    if (plan === undefined || plan.request === null) return;
    const { entries } = plan.request.submission;
    await untilDead(ledger, signer.organisation, { hash, request: plan.request }, why, signal);
    if (await isAnchored(ledger, entries, signer.organisation)) {
      await this.#finish(plan);
      return;
    }
    this.#nonce = undefined;
    const signed = signAgain(signer, plan.request, await this.#nextNonce());
    await journal.replace(hash, { ...plan, vinculum: 'import-plan/1', ...signed });
    await this.#post(signed);
  }
}

const OWN = 'organisation:own';

/** That a row was met in this run before. */
function sameRow({ at, source }: StatementGroup): MappingProblem {
  const detail =
    'the same row stands before it, and is there once: rows with a number each (column id) are told apart';
  return { code: 'import.duplicate', at, source, detail };
}

/** That a source says another thing than before under its name. */
function changed({ source, once }: StatementGroup): VinculumError {
  if (once === true) {
    return new VinculumError(
      'batch.numberUsed',
      `${source.id} is there with other content: a number names one batch. Amend that entry, or give this batch its own number.`,
    );
  }
  return new VinculumError(
    'import.changed',
    `${source.id} was imported with other content: declare the earlier one to be in error, or give this one a name of its own.`,
  );
}

/** What two statements of one batch must agree in: all that is public, of its serials the number. */
function comparable({ _sd: _, serials, ...data }: Readonly<Record<string, unknown>>): string {
  const count = (serials as { count?: unknown } | undefined)?.count;
  return canonicalJson({ ...data, ...(count === undefined ? {} : { serials: count }) });
}

const nameOf = ({ system, id, of }: StatementSource): string =>
  `${system}:${id}${of === undefined ? '' : `#${of}`}`;

function rowOf(
  source: StatementSource,
  content: string,
  written: JournalRow['written'] & object,
): JournalRow {
  return {
    identifier: nameOf(source),
    content,
    entries: written.length,
    ...(source.hash === undefined ? {} : { hash: source.hash }),
    written,
  };
}

/** What no submission holds whole goes by its first entry. */
function partOf(row: JournalRow, from: number, of: number): JournalRow {
  const { identifier: source } = row;
  return { ...row, identifier: from === 0 ? source : `${source}#${from}`, part: { source, from, of } };
}

function isWithin({ part, entries }: JournalRow, index: number): boolean {
  return part !== undefined && part.from <= index && index < part.from + entries;
}

/** Cuts entries into pieces that follow one another without a gap, each no more than a submission should hold. */
function piecesOf(composed: readonly Composed[], most: number): Composed[][] {
  const pieces: Composed[][] = [];
  let characters = 0;
  for (const item of composed) {
    const last = pieces.at(-1);
    const own = charactersOf(item.entry);
    const follows = last?.at(-1)?.index === item.index - 1;
    if (follows && last.length < most && characters + own <= MOST_CHARACTERS) {
      last.push(item);
      characters += own;
    } else {
      pieces.push([item]);
      characters = own;
    }
  }
  return pieces;
}

/** How long an entry's content is as it is sent. */
function charactersOf({ block, disclosures }: ComposedEntry): number {
  return disclosures.reduce((sum, text) => sum + text.length, Math.ceil((block.length * 4) / 3));
}

/** What lies ahead can't have happened: the ledger's block would be earlier than the event. */
function checkTime(time: string): void {
  const now = BigInt(Math.floor(Date.now() / 1000));
  if (secondsOf(time) > now + MAX_LEAD_SECONDS) {
    throw new VinculumError('import.future', `${time} has not come yet.`);
  }
}

/** A problem as a line of a file: who said it, where, what. */
function lineOf({ source, note: _, ...problem }: MappingProblem): Record<string, unknown> {
  return {
    ...problem,
    ...(source === undefined ? {} : { id: source.id, ...(source.hash && { hash: source.hash }) }),
  };
}

async function* linesOf(file: string, signal: AbortSignal): AsyncGenerator<string> {
  for await (const { text } of readLines(file, undefined, signal)) if (text !== null) yield text;
}
