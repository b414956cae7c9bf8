import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { fromBase64Url, toBase64Url } from '../../core/bytes.ts';
import { canonicalJson, type Json } from '../../core/canonical.ts';
import type { Digest } from '../../core/chain/types.ts';
import { encryptBlock, secureRandom } from '../../core/envelope/block.ts';
import { composeEntry, type Envelope, openEnvelope } from '../../core/envelope/envelope.ts';
import { VinculumError } from '../../core/errors.ts';
import { formatIdentifier, type Identifier } from '../../core/identifiers/identifier.ts';
import { isOpenContent, parseReport } from '../../core/report/report.ts';
import { type BuiltSet, createSetBuilder } from '../../core/tree/builder.ts';
import { readHeader } from '../chain.ts';
import { reportPath } from '../client.ts';
import { CommandError, usageError } from '../exit.ts';
import type { Journal, JournalRow, Plan } from '../import/journal.ts';
import { fileSize, isGzip, piecesOf, type ReadProgress } from '../import/rows.ts';
import { attesterOf, historiesOf } from '../locate.ts';
import type { Signing } from '../signing.ts';
import { subjectsOf } from '../subjects.ts';
import { signEntries } from '../submitter.ts';
import { type Anchoring, anchorPlan, nextNonce } from './anchoring.ts';
import { contentHash, readSerials, serialTexts } from './serials.ts';
import { uploadSet } from './upload.ts';

/** A batch as its maker states it. */
export type Registration = {
  readonly identifier: Identifier;
  readonly time: string;
  /** Whether the day was said; a day that was not is that of the first try, also when it is said again on a later one. */
  readonly dated: boolean;
  readonly data: Readonly<Record<string, Json>>;
  readonly sealed: Readonly<Record<string, Json>>;
  /** Serial numbers, a file; null where the parts have none. */
  readonly serials: string | null;
  /** How many there must be, where that was said. */
  readonly expect: number | null;
  readonly documents: readonly DocumentFile[];
};

export type DocumentFile = { readonly type: string; readonly file: string; readonly mediaType: string };

export type RegisterStage = 'reading' | 'hashing' | 'documents' | 'anchoring' | 'sending' | 'checking';

export type RegisterOptions = {
  readonly journal: Journal;
  readonly signal: AbortSignal;
  readonly onProgress?: (stage: RegisterStage, done: number, total?: number) => void;
};

export type Registered = {
  readonly identifier: string;
  readonly digest: string;
  readonly serials: number;
  readonly root: string | null;
  /** The same batch was there already, by an earlier run. */
  readonly alreadyThere: boolean;
  /** An earlier run that was interrupted was finished. */
  readonly resumed: boolean;
};

const PRODUCED = 96;
const DEFAULT_LINE_BYTES = 16;

/**
 * Puts a batch on the ledger and its serials with the service. What is signed is in the journal before it can exist anywhere
 * else, and stays there until the service has stored the serials: run again after an interruption it goes on where it was.
 * @throws `batch.changed` where the same batch was registered with other content, `batch.numberTaken` where the ledger has
 *   another batch of this number by the same organisation, `tree.duplicate`, the `serials.*` codes
 */
export async function registerBatch(
  signing: Signing,
  given: Registration,
  options: RegisterOptions,
): Promise<Registered> {
  return new RegisterRun(signing, given, options).run();
}

class RegisterRun {
  readonly #signing: Signing;
  readonly #given: Registration;
  readonly #options: RegisterOptions;
  readonly #name: string;

  constructor(signing: Signing, given: Registration, options: RegisterOptions) {
    this.#signing = signing;
    this.#given = given;
    this.#options = options;
    this.#name = formatIdentifier(given.identifier);
  }

  get #anchoring(): Anchoring {
    const { journal, signal } = this.#options;
    return { signing: this.#signing, journal, signal };
  }

  async run(): Promise<Registered> {
    const { journal } = this.#options;
    const before = journal.row({ identifier: this.#name });
    if (before !== null) return this.#again(before);

    const treeKey = secureRandom(32);
    const { built, content } = await this.#read(treeKey);
    const found = await this.#onLedger();
    if (found !== null) return this.#recover(found, content, built?.count ?? 0);

    const documents = await this.#uploadDocuments();
    const entry = await this.#compose(treeKey, built, documents);
    const row: JournalRow = {
      identifier: this.#name,
      content,
      entries: 1,
      written: [
        { identifier: this.#name, kind: 'batch.produced', kindVersion: 1, digest: entry.entry.digest },
      ],
    };
    const signed = signEntries(this.#signing.signer, [entry], await nextNonce(this.#anchoring));
    await journal.plan({ vinculum: 'import-plan/1', ...signed, rows: [row], actions: [] });
    return this.#finish({ vinculum: 'import-plan/1', ...signed, rows: [row], actions: [] }, false);
  }

  /** The batch is in the journal: done, or begun. */
  async #again(row: JournalRow): Promise<Registered> {
    const { journal } = this.#options;
    if ((await this.#content()) !== row.content) {
      const what = journal.find(this.#name)?.state === 'done' ? 'was registered' : 'is being registered';
      throw new CommandError(
        'failed',
        'batch.changed',
        `${this.#name} ${what} with other content: a batch number names one batch. Give another one its own number; a correction is an entry “amended”.`,
      );
    }
    const plan = [...journal.plans.values()].find(({ rows }) =>
      rows.some((one) => one.identifier === this.#name),
    );
    if (plan !== undefined) return this.#finish(plan, true);
    const digest = row.written?.[0]?.digest ?? '';
    // A service that was restored from a backup may have lost them.
    const stored = await this.#send(digest, 0);
    return { identifier: this.#name, digest, serials: 0, root: null, alreadyThere: stored, resumed: !stored };
  }

  /** Reads the serials: what set they are, and what the whole registration is known by. */
  async #read(treeKey: Uint8Array): Promise<{ built: BuiltSet | null; content: string }> {
    const { serials: file, expect, identifier } = this.#given;
    if (file === null) return { built: null, content: await this.#contentOf('') };
    const { signal, onProgress } = this.#options;
    const progress: ReadProgress = { totalBytes: await fileSize(file), readBytes: 0 };
    const packed = (await isGzip(file)) ? 4 : 1;
    const builder = createSetBuilder(treeKey, {
      expected: Math.ceil((progress.totalBytes * packed) / DEFAULT_LINE_BYTES),
    });
    const hash = contentHash();
    const options = { maker: identifier.scope, signal, progress };
    for await (const some of readSerials(file, options, (bytes) => hash.update(bytes))) {
      for (const { identifier: serial } of some) builder.add(serial);
      onProgress?.('reading', progress.readBytes, progress.totalBytes);
    }
    if (builder.count === 0) throw usageError('serials.empty', `${file} has no serial number.`);
    if (expect !== null && builder.count !== expect) {
      throw usageError(
        'serials.count',
        `${file} has ${builder.count} serial numbers; ${expect} were expected. Nothing was sent.`,
      );
    }
    onProgress?.('hashing', builder.count, builder.count);
    const built = await this.#finishBuilding(builder, file);
    return { built, content: await this.#contentOf(hash.digest()) };
  }

  async #finishBuilding(builder: ReturnType<typeof createSetBuilder>, file: string): Promise<BuiltSet> {
    try {
      return builder.finish();
    } catch (error) {
      if (!(error instanceof VinculumError) || error.code !== 'tree.duplicate') throw error;
      throw await this.#nameDuplicates(error, file);
    }
  }

  /** Reads the file once more, to say which numbers stand in which lines. */
  async #nameDuplicates(error: VinculumError, file: string): Promise<VinculumError> {
    const { places, duplicates } = error.details as {
      places: readonly (readonly [number, number])[];
      duplicates: number;
    };
    const named = places.slice(0, 20);
    const wanted = new Set(named.flat());
    const lines = new Map<number, { line: number; text: string }>();
    let index = 0;
    const { signal } = this.#options;
    for await (const some of readSerials(file, { maker: this.#given.identifier.scope, signal })) {
      for (const { identifier, line } of some) {
        if (wanted.has(index)) lines.set(index, { line, text: formatIdentifier(identifier) });
        index += 1;
      }
    }
    const members = named.map(([first, again]) => ({
      identifier: lines.get(again)?.text ?? '',
      lines: [lines.get(first)?.line ?? 0, lines.get(again)?.line ?? 0],
    }));
    const shown = members
      .slice(0, 3)
      .map(({ identifier, lines: at }) => `${identifier} (lines ${at.join(', ')})`);
    return new CommandError(
      'usage',
      'tree.duplicate',
      `${duplicates} serial numbers of ${file} stand in it before: ${shown.join('; ')}${duplicates > 3 ? ' …' : ''}. Nothing was sent.`,
      { details: { duplicates, members } },
    );
  }

  /** What the registration is known by, without building its tree. */
  async #content(): Promise<string> {
    const { serials: file } = this.#given;
    if (file === null) return this.#contentOf('');
    const hash = contentHash();
    for await (const piece of piecesOf(file, this.#options.signal)) hash.update(piece);
    return this.#contentOf(hash.digest());
  }

  async #contentOf(serials: string): Promise<string> {
    const { sealed, documents, dated } = this.#given;
    const { time, data } = dated ? this.#given : this.#onDay('');
    const files: Json[] = [];
    for (const { type, file } of documents) files.push({ type, content: await this.#hashOf(file) });
    const all = { time, data, sealed, documents: files, serials } as unknown as Json;
    return createHash('sha256').update(canonicalJson(all)).digest('hex');
  }

  async #hashOf(file: string): Promise<string> {
    try {
      return createHash('sha256')
        .update(await readFile(file))
        .digest('hex');
    } catch (cause) {
      throw usageError('batch.document', `The document ${file} can’t be read: check the path.`, { cause });
    }
  }

  /** The batch's entry of this organisation on the ledger, which another journal knows of; null for none. */
  async #onLedger(): Promise<Digest | null> {
    const { client, ledger, signer } = this.#signing;
    const [subject] = await subjectsOf(client, ledger, [this.#given.identifier]);
    if (subject === undefined || !(await ledger.recorded([subject])).has(subject)) return null;
    const latest = (await readHeader(ledger.rpc, 'latest'))?.number ?? 0;
    const histories = await historiesOf(ledger.rpc, ledger.address.address, [subject], latest);
    for (const event of histories.get(subject) ?? []) {
      if (event.event !== 'entry' || event.link.kind !== PRODUCED) continue;
      if (attesterOf(event) === signer.organisation) return event.link.digest as Digest;
    }
    return null;
  }

  /** The batch is on the ledger and not in the journal: it is the same, and its serials may be missing, or another. */
  async #recover(digest: Digest, content: string, count: number): Promise<Registered> {
    const { client } = this.#signing;
    const { serials: file, identifier } = this.#given;
    const answer = await client.bytes(reportPath(identifier), { headers: { accept: 'application/json' } });
    const report = parseReport(Buffer.from(answer.body).toString('utf8'));
    const opened = report.contents[digest];
    const envelope = isOpenContent(opened)
      ? openEnvelope(fromBase64Url(opened.block), fromBase64Url(opened.key))
      : null;
    const set = setNamedBy(envelope);
    if (!this.#states(envelope) || (set === null) !== (file === null)) throw this.#numberTaken();
    if (set !== null && file !== null) {
      const builder = createSetBuilder(fromBase64Url(set.treeKey), { expected: count });
      const { signal } = this.#options;
      for await (const some of readSerials(file, { maker: identifier.scope, signal })) {
        for (const { identifier: serial } of some) builder.add(serial);
      }
      if (builder.finish().root !== set.serialsRoot) throw this.#numberTaken();
    }
    const uploaded = await this.#upload(digest, set);
    const row: JournalRow = {
      identifier: this.#name,
      content,
      entries: 1,
      written: [{ identifier: this.#name, kind: 'batch.produced', kindVersion: 1, digest }],
    };
    await this.#options.journal.remember([row]);
    return {
      identifier: this.#name,
      digest,
      serials: set?.count ?? 0,
      root: set?.serialsRoot ?? null,
      alreadyThere: uploaded,
      resumed: !uploaded,
    };
  }

  /** Whether an envelope says of the batch what is said now, as far as it is public. */
  #states(envelope: Envelope | null): boolean {
    if (envelope === null) return false;
    const { time, data } = this.#given.dated ? this.#given : this.#onDay(envelope.time);
    if (envelope.time !== time) return false;
    const { _sd: _, serials: __, documents: ___, ...stated } = envelope.data;
    return canonicalJson(stated as Json) === canonicalJson(data as Json);
  }

  /** What is said of the batch, on another day. */
  #onDay(day: string): Pick<Registration, 'time' | 'data'> {
    return { time: day, data: { ...this.#given.data, productionDate: day } };
  }

  #numberTaken(): CommandError {
    return new CommandError(
      'failed',
      'batch.numberTaken',
      `The ledger has a batch ${this.#name} by your organisation with other content: a batch number names one batch.`,
    );
  }

  async #compose(treeKey: Uint8Array, built: BuiltSet | null, documents: UploadedDocument[]) {
    const { client, ledger, signer } = this.#signing;
    const { identifier, time, data, sealed } = this.#given;
    const [subject] = await subjectsOf(client, ledger, [identifier]);
    if (subject === undefined) throw new CommandError('unreachable', 'service.malformed', 'No subject came.');
    const listed = documents.map(({ type, cid, mediaType, bytes }) => ({ type, cid, mediaType, bytes }));
    const set =
      built === null
        ? {}
        : { serials: { serialsRoot: built.root, count: built.count, treeKey: toBase64Url(treeKey) } };
    return composeEntry(
      ledger.address,
      signer.organisation,
      { subject, identifier },
      {
        kind: 'batch.produced',
        time,
        data: { ...data, ...set, ...(listed.length === 0 ? {} : { documents: listed }) },
        sealed: {
          // Pieces, unless it was said otherwise: what is shipped and used later is held against it.
          ...(built === null ? {} : { quantity: { value: String(built.count), unit: 'C62' } }),
          ...sealed,
          ...Object.fromEntries(documents.map(({ cid, key }) => [`document:${cid}`, key])),
        },
      },
    );
  }

  /** From what is signed to what is stored. */
  async #finish(first: Plan, resumed: boolean): Promise<Registered> {
    const { journal, onProgress } = this.#options;
    onProgress?.('anchoring', 0);
    const plan = await anchorPlan(this.#anchoring, first);
    const [content] = plan.request?.contents ?? [];
    const envelope =
      content === undefined ? null : openEnvelope(fromBase64Url(content.block), fromBase64Url(content.key));
    const set = setNamedBy(envelope);
    const digest = plan.rows[0]?.written?.[0]?.digest ?? '';
    await this.#upload(digest, set);
    await journal.finish(plan.hash);
    return {
      identifier: this.#name,
      digest,
      serials: set?.count ?? 0,
      root: set?.serialsRoot ?? null,
      alreadyThere: false,
      resumed,
    };
  }

  /** @returns whether the serials were stored before */
  async #upload(digest: string, set: NamedSerials | null): Promise<boolean> {
    return set === null ? true : this.#send(digest, set.count);
  }

  async #send(digest: string, count: number): Promise<boolean> {
    const { serials: file, identifier } = this.#given;
    if (file === null) return true;
    const { signal, onProgress } = this.#options;
    const texts = serialTexts(file, { maker: identifier.scope, signal });
    const { alreadyThere } = await uploadSet(this.#signing.client, digest, texts, {
      signal,
      onProgress: (members, state) => onProgress?.(state, members, count === 0 ? undefined : count),
    });
    return alreadyThere;
  }

  /** Encrypts each document under a key of its own, which is on the disk first: a second run sends the same bytes. */
  async #uploadDocuments(): Promise<UploadedDocument[]> {
    const { documents } = this.#given;
    const { journal, onProgress } = this.#options;
    const { client } = this.#signing;
    const uploaded: UploadedDocument[] = [];
    for (const [index, { type, file, mediaType }] of documents.entries()) {
      onProgress?.('documents', index, documents.length);
      const content = await readFile(file);
      const hash = createHash('sha256').update(content).digest('hex');
      const name = createHash('sha256').update(`${this.#name}\n${hash}`).digest('hex').slice(0, 32);
      const { key, nonce } = await secretsOf(join(journal.folder, `document-${name}.json`));
      const block = encryptBlock(content, fromBase64Url(key), () => fromBase64Url(nonce));
      const answer = await client.bytes('/v1/documents', {
        method: 'POST',
        headers: { 'content-type': 'application/octet-stream' },
        body: new Uint8Array(block),
      });
      const { cid, bytes } = uploadedSchema.parse(JSON.parse(Buffer.from(answer.body).toString('utf8')));
      uploaded.push({ type, cid, bytes, mediaType, key });
    }
    return uploaded;
  }
}

type UploadedDocument = {
  readonly type: string;
  readonly cid: string;
  readonly bytes: number;
  readonly mediaType: string;
  readonly key: string;
};

const uploadedSchema = z.looseObject({ cid: z.string(), bytes: z.int() });
const secretsSchema = z.strictObject({ key: z.string(), nonce: z.string() });

/** Key and nonce of a document, made with the first look and the same ever after. */
async function secretsOf(file: string): Promise<z.output<typeof secretsSchema>> {
  try {
    return secretsSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    const made = { key: toBase64Url(secureRandom(32)), nonce: toBase64Url(secureRandom(12)) };
    const draft = `${file}.part`;
    await writeFile(draft, JSON.stringify(made), { mode: 0o600, flush: true });
    await rename(draft, file);
    return made;
  }
}

type NamedSerials = { readonly serialsRoot: string; readonly count: number; readonly treeKey: string };

function setNamedBy(envelope: Envelope | null): NamedSerials | null {
  return (envelope?.data.serials as NamedSerials | undefined) ?? null;
}
