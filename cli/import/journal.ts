import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { isVinculumError } from '../../core/errors.ts';
import { lockFolder } from '../../host/lock.ts';
import { type SubmissionRequest, submissionRequestSchema } from '../client.ts';
import { CommandError } from '../exit.ts';
import { type ActionRequest, actionRequestSchema } from '../titles/wire.ts';
import { Fingerprints } from './fingerprints.ts';

/*
 * What an import has done, on disk, so that it can be interrupted at any moment and nothing is doubled or lost.
 *
 *   <folder>/lock          who imports now
 *   <folder>/plans/*.json  what is signed and may have been posted: a submission, and the actions on the titles of its
 *                          rows; each written before any of it is posted
 *   <folder>/done.ndjson   rows of which all was anchored, appended after it was
 *
 * A row is in `plans` from before anything of it can exist anywhere, and until it is in `done`. What is posted twice is one
 * submission, or one action, because the very same signed bytes are sent.
 */

const rowSchema = z.strictObject({
  /** The subject's identifier, normalised; of a statement its source, `epcis:<event id>`. */
  identifier: z.string(),
  /** SHA-256 of the row's canonical JSON. */
  content: z.string(),
  entries: z.int(),
  /** Its vehicle's, where the title has to be acted on. */
  subject: z.optional(z.string()),
  /** Of a statement: the event hash of its source, and the entries that it became. */
  hash: z.optional(z.string()),
  written: z.optional(
    z.array(
      z.strictObject({ identifier: z.string(), kind: z.string(), kindVersion: z.int(), digest: z.string() }),
    ),
  ),
  /** Of a source that no submission holds whole: its name, the first of its entries here, and how many it has in all. */
  part: z.optional(z.strictObject({ source: z.string(), from: z.int(), of: z.int() })),
});
/** A row of the imported file: which vehicle, and with which content. */
export type JournalRow = z.infer<typeof rowSchema>;

const planSchema = z.strictObject({
  vinculum: z.literal('import-plan/1'),
  hash: z.string().check(z.regex(/^0x[0-9a-f]{64}$/)),
  replaces: z.optional(z.string()),
  rows: z.array(rowSchema),
  request: z.nullable(submissionRequestSchema),
  actions: z._default(z.array(actionRequestSchema), []),
  sets: z.optional(
    z.array(
      z.strictObject({ digest: z.string(), members: z.array(z.string()), file: z.optional(z.string()) }),
    ),
  ),
});
export type Plan = {
  readonly vinculum: 'import-plan/1';
  /** Of its submission; where all entries are on the ledger already, of its first action. */
  readonly hash: string;
  /** The plan that this one is the same entries as, signed anew. */
  readonly replaces?: string | undefined;
  readonly rows: readonly JournalRow[];
  readonly request: SubmissionRequest | null;
  /** Of all rows, those of one title in their order; they are handed in once the submission is anchored. */
  readonly actions: readonly ActionRequest[];
  /** Members of the sets whose roots its entries name; they are handed over once the submission is anchored. */
  readonly sets?: readonly PlannedSet[] | undefined;
};

/** The members of one entry's set, as they are or, of large sets, in a file of one identifier a line. */
export type PlannedSet = {
  readonly digest: string;
  readonly members: readonly string[];
  readonly file?: string | undefined;
};

export interface Journal {
  readonly folder: string;
  /** What is known of a vehicle: imported, or signed and on its way. */
  find(identifier: string): { readonly content: string; readonly state: 'done' | 'planned' } | null;
  /** Whether a row is known with this content, or with another. */
  matches(identifier: string, content: string): 'same' | 'changed' | null;
  /** Whether all of a row was anchored. */
  isDone(identifier: string): boolean;
  /**
   * All that is known of a row, by its identifier or by its event hash; `part` where some of it is missing. Of a compact
   * journal only what is on its way, and nothing that is in parts.
   */
  row(name: { readonly identifier: string } | { readonly hash: string }): JournalRow | null;
  /** The parts of a source that no submission holds whole, as far as they are known, in its order. */
  parts(identifier: string): readonly JournalRow[];
  /** Whether nothing was imported yet, as far as this journal knows. */
  readonly isNew: boolean;
  /** Submissions that may have been posted and are not known to be anchored. */
  readonly plans: ReadonlyMap<string, Plan>;
  /** Makes a signed submission durable; only then may it be posted. */
  plan(plan: Plan): Promise<void>;
  /** Exchanges a submission that can never be anchored for the same entries, signed anew. */
  replace(hash: string, plan: Plan): Promise<void>;
  /** Exchanges actions that can never be executed for the same, signed anew. */
  renewActions(hash: string, actions: readonly ActionRequest[]): Promise<void>;
  /** All of it is anchored. */
  finish(hash: string): Promise<void>;
  /** Forgets what the service has refused for good: it was never anywhere. */
  drop(hash: string): Promise<void>;
  /** Rows that were found on the ledger already. */
  remember(rows: readonly JournalRow[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * @param options.compact of rows that are done only fingerprints are kept in memory: 17 bytes for each of ten million
 * @throws `import.running` when another import uses the folder, `import.journal` when it is damaged
 */
export async function openJournal(
  folder: string,
  options: { readonly compact?: boolean } = {},
): Promise<Journal> {
  const plansFolder = join(folder, 'plans');
  await mkdir(plansFolder, { recursive: true, mode: 0o700 });
  const unlock = await lock(folder);
  try {
    const compact = options.compact === true;
    const done = new Map<string, JournalRow>();
    const seen = new Fingerprints();
    const plans = new Map<string, Plan>();
    const planned = new Map<string, JournalRow>();
    const byHash = new Map<string, string>();
    const partNames = new Map<string, Set<string>>();
    const name = (row: JournalRow) => {
      const { identifier, hash, part } = row;
      if (hash !== undefined) byHash.set(hash, part?.source ?? identifier);
      if (part === undefined) return;
      partNames.set(part.source, (partNames.get(part.source) ?? new Set()).add(identifier));
    };
    const partsOf = (identifier: string): JournalRow[] => {
      const names = [...(partNames.get(identifier) ?? [])];
      const parts = names.flatMap((part) => done.get(part) ?? planned.get(part) ?? []);
      return parts.sort((left, right) => (left.part?.from ?? 0) - (right.part?.from ?? 0));
    };
    const rowNamed = (identifier: string): JournalRow | null => {
      const parts = partsOf(identifier);
      return parts.length > 0 ? joined(parts) : (done.get(identifier) ?? planned.get(identifier) ?? null);
    };
    const take = (row: JournalRow) => {
      if (compact) {
        seen.set(row.identifier, row.content);
        return;
      }
      done.set(row.identifier, row);
      name(row);
    };
    const isDone = (row: Pick<JournalRow, 'identifier' | 'content'>) =>
      compact ? seen.find(row.identifier, row.content) === 'same' : done.has(row.identifier);
    const doneFile = join(folder, 'done.ndjson');
    const kept = await readDone(doneFile, take);
    const isNew = done.size + seen.size === 0;
    const add = (plan: Plan) => {
      plans.set(plan.hash, plan);
      for (const row of plan.rows) planned.set(row.identifier, row);
      for (const row of plan.rows) name(row);
    };
    const drop = (plan: Plan) => {
      plans.delete(plan.hash);
      for (const row of plan.rows) planned.delete(row.identifier);
    };
    const found: Plan[] = [];
    for (const name of await readdir(plansFolder)) {
      const file = join(plansFolder, name);
      // A draft was never posted: only the rename made it a plan.
      if (name.endsWith('.part')) await rm(file, { force: true });
      else if (name.endsWith('.json')) found.push(await readPlan(file));
    }
    const fileOf = (hash: string) => join(plansFolder, `${hash}.json`);
    const replaced = new Set(found.map((plan) => plan.replaces));
    for (const plan of found) {
      if (replaced.has(plan.hash)) await rm(fileOf(plan.hash), { force: true });
      // Anchored and noted as done, but killed before the plan was removed.
      else if (plan.rows.every(isDone)) await rm(fileOf(plan.hash), { force: true });
      else add(plan);
    }
    const appendix = await open(doneFile, 'a', 0o600);
    // A line that a crash cut off is not there: what it said is still in `plans`. Windows cuts no handle that appends.
    await truncate(doneFile, kept);

    const append = async (rows: readonly JournalRow[]) => {
      if (rows.length === 0) return;
      await appendix.appendFile(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
      await appendix.datasync();
      for (const row of rows) take(row);
    };

    return {
      folder,
      plans,
      find(identifier) {
        const imported = done.get(identifier);
        if (imported !== undefined) return { content: imported.content, state: 'done' };
        const row = planned.get(identifier);
        return row === undefined ? null : { content: row.content, state: 'planned' };
      },
      matches(identifier, content) {
        const known = rowNamed(identifier);
        if (known === null) return compact ? seen.find(identifier, content) : null;
        if (known.content !== content) return 'changed';
        return known.part === undefined ? 'same' : null;
      },
      isDone(identifier) {
        const parts = partsOf(identifier);
        if (parts.length === 0) return done.has(identifier) || (compact && !planned.has(identifier));
        return joined(parts)?.part === undefined && parts.every((part) => done.has(part.identifier));
      },
      row(by) {
        const identifier = 'hash' in by ? byHash.get(by.hash) : by.identifier;
        return identifier === undefined ? null : rowNamed(identifier);
      },
      parts: partsOf,
      isNew: isNew && found.length === 0,
      async plan(plan) {
        await writeDurably(plansFolder, fileOf(plan.hash), JSON.stringify(plan));
        add(plan);
      },
      async replace(hash, plan) {
        const old = plans.get(hash);
        const renewed: Plan = { ...plan, replaces: hash };
        await writeDurably(plansFolder, fileOf(plan.hash), JSON.stringify(renewed));
        if (old !== undefined) drop(old);
        add(renewed);
        if (hash !== plan.hash) await rm(fileOf(hash), { force: true });
      },
      async renewActions(hash, actions) {
        const plan = plans.get(hash);
        if (plan === undefined) return;
        const renewed: Plan = { ...plan, actions };
        await writeDurably(plansFolder, fileOf(hash), JSON.stringify(renewed));
        plans.set(hash, renewed);
      },
      async finish(hash) {
        const plan = plans.get(hash);
        if (plan === undefined) return;
        await append(plan.rows);
        drop(plan);
        await rm(fileOf(hash), { force: true });
      },
      async drop(hash) {
        const plan = plans.get(hash);
        if (plan === undefined) return;
        drop(plan);
        await rm(fileOf(hash), { force: true });
      },
      remember: append,
      async close() {
        await appendix.close();
        await unlock();
      },
    };
  } catch (error) {
    await unlock();
    throw error;
  }
}

/** A source of its parts; it has a `part` itself as long as some are missing. */
function joined(parts: readonly JournalRow[]): JournalRow | null {
  const [first] = parts;
  if (first?.part === undefined) return null;
  const { content, hash, part } = first;
  const entries = parts.reduce((sum, row) => sum + row.entries, 0);
  return {
    identifier: part.source,
    content,
    entries,
    ...(hash === undefined ? {} : { hash }),
    written: parts.flatMap(({ written = [] }) => written),
    ...(entries === part.of ? {} : { part }),
  };
}

/** Reads what is done, line by line; gives the length of the whole lines. */
async function readDone(file: string, take: (row: JournalRow) => void): Promise<number> {
  let rest = Buffer.alloc(0);
  let kept = 0;
  try {
    for await (const piece of createReadStream(file, {
      highWaterMark: 256 * 1024,
    }) as AsyncIterable<Buffer>) {
      const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
      const end = bytes.lastIndexOf(0x0a) + 1;
      for (const line of bytes.subarray(0, end).toString('utf8').split('\n')) {
        if (line === '') continue;
        const row = rowSchema.safeParse(parseJson(line));
        if (!row.success) throw damaged(file);
        take(row.data);
      }
      rest = Buffer.from(bytes.subarray(end));
      kept += end;
    }
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return 0;
    throw error;
  }
  return kept;
}

async function readPlan(file: string): Promise<Plan> {
  const plan = planSchema.safeParse(parseJson(await readFile(file, 'utf8')));
  if (!plan.success) throw damaged(file);
  return plan.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function damaged(file: string): CommandError {
  return new CommandError(
    'failed',
    'import.journal',
    `${file} is damaged. Keep a copy, then move its folder away: the import then asks the ledger what is there already.`,
  );
}

/** Written whole and on the disk, with its name, when this returns. */
async function writeDurably(folder: string, file: string, text: string): Promise<void> {
  const draft = `${file}.${randomUUID()}.part`;
  const handle = await open(draft, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
  await syncFolder(folder);
}

async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle;
  try {
    handle = await open(folder, 'r');
  } catch {
    // Windows opens no folders; its renames are durable by themselves.
    return;
  }
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** One import at a time: two would sign the same vehicles. */
async function lock(folder: string): Promise<() => Promise<void>> {
  try {
    const held = await lockFolder(folder);
    return () => held.release();
  } catch (error) {
    if (!isVinculumError(error, 'lock.held')) throw error;
    const text = `Another import for this organisation is running: wait for it, or stop it. ${error.message}`;
    throw new CommandError('usage', 'import.running', text, { cause: error, details: error.details });
  }
}
