import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as z from 'zod/mini';
import type { Address, LedgerAddress, Subject } from '../core/chain/types.ts';
import { VinculumError } from '../core/errors.ts';
import {
  type AccessEntry,
  type AccessHead,
  type AccessHeadJson,
  accessEntrySchema,
  accessHeadSchema,
  foldAccess,
  readAccessHead,
} from '../core/privacy/accessLog.ts';
import type { Client } from './client.ts';
import { CommandError } from './exit.ts';
import { keysFolder } from './keystore.ts';

/* The access log of a vehicle as its owner checks it: against the head that the operator signs, and the one kept before. */

const headText = z.string().check(z.regex(/^0x[0-9a-f]{64}$/));
const pageSchema = z.looseObject({
  tenure: z.int(),
  from: z.looseObject({ position: z.int(), head: headText }),
  entries: z.array(accessEntrySchema),
  next: z.nullable(z.int()),
  state: accessHeadSchema,
});

export type ServedLog = {
  readonly tenure: number;
  /** Where this owner's part begins. */
  readonly from: { readonly position: number; readonly head: AccessHead };
  readonly entries: readonly AccessEntry[];
  readonly state: AccessHeadJson;
};

/** Fetches the whole of an owner's part of a log. */
export async function fetchAccessLog(client: Client, subject: Subject): Promise<ServedLog> {
  const entries: AccessEntry[] = [];
  let first: z.infer<typeof pageSchema> | undefined;
  let last: z.infer<typeof pageSchema> | undefined;
  for (let next: number | null = -1; next !== null; ) {
    const query: string = first === undefined ? '' : `?tenure=${first.tenure}&from=${next}`;
    last = await client.json(`/v1/access-log/${subject}${query}`, pageSchema);
    first ??= last;
    entries.push(...last.entries);
    if (last.next !== null && last.next <= next)
      throw rewritten('access.position', 'It goes round in circles.');
    next = last.next;
  }
  if (first === undefined || last === undefined) throw new TypeError('one page at least');
  const { position, head } = first.from;
  return { tenure: first.tenure, from: { position, head: head as AccessHead }, entries, state: last.state };
}

/** What is kept of a log: the head that the operator signed last. */
const keptSchema = z.strictObject({ tenure: z.int(), state: accessHeadSchema });
export type Kept = z.infer<typeof keptSchema>;

/**
 * Checks a log: its entries lead from where the owner's part begins to the signed head, the head is this subject's, and the
 * log goes on from the head that was kept before, of the same operator.
 * @throws `access.position` `access.rewritten` `access.shortened` `access.signature` `access.otherOperator`, all exit 1
 */
export function checkServedLog(
  ledger: LedgerAddress,
  subject: Subject,
  { from, entries, state }: ServedLog,
  kept: Kept | null,
): void {
  let signed: ReturnType<typeof readAccessHead>;
  let position = from.position;
  const heads = new Map<number, string>([[position, from.head]]);
  try {
    signed = readAccessHead(ledger, state);
    let head = from.head;
    for (const entry of entries) {
      head = foldAccess([entry], head, position);
      position += 1;
      heads.set(position, head);
    }
  } catch (error) {
    if (!(error instanceof VinculumError)) throw error;
    throw rewritten(error.code, error.message);
  }
  if (signed.subject !== subject)
    throw rewritten('access.signature', 'The signed head is another vehicle’s.');
  if (Number(signed.length) !== position || heads.get(position) !== signed.head) {
    throw rewritten('access.rewritten', 'The entries do not lead to the head that the operator signed.');
  }
  if (kept === null) return;
  if (kept.state.operator !== signed.operator) {
    const text = `The head is signed by ${signed.operator}; before it was ${kept.state.operator}.`;
    throw rewritten('access.otherOperator', text);
  }
  const before = kept.state.length;
  if (before > position) {
    throw rewritten('access.shortened', `The log had ${before} entries, and has ${position} now.`);
  }
  const then = heads.get(before);
  // A head from before this owner's part begins is of a time that the log does not show any more.
  if (before >= from.position && then !== kept.state.head) {
    throw rewritten(
      'access.rewritten',
      `The first ${before} entries are not those that the head was signed of which you kept: one was taken out or altered.`,
    );
  }
}

function rewritten(code: string, message: string): CommandError {
  return new CommandError('failed', code, message);
}

/** Heads are kept beside the keystores: `<data>/keys/access/<account>-<subject>.json`. */
const keptFile = (dataFolder: string, account: Address, subject: Subject): string =>
  join(keysFolder(dataFolder), 'access', `${account}-${subject}.json`);

/** @throws `access.kept` for a damaged file */
export async function readKept(dataFolder: string, account: Address, subject: Subject): Promise<Kept | null> {
  const file = keptFile(dataFolder, account, subject);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return keptSchema.parse(JSON.parse(text));
  } catch (cause) {
    const remedy = `${file} is damaged: restore it from a backup, or remove it and begin anew.`;
    throw new CommandError('usage', 'access.kept', remedy, { cause });
  }
}

export async function keep(
  dataFolder: string,
  account: Address,
  subject: Subject,
  kept: Kept,
): Promise<void> {
  const file = keptFile(dataFolder, account, subject);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.part`, `${JSON.stringify(kept)}\n`, { mode: 0o600 });
  await rename(`${file}.part`, file);
}
