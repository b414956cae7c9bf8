import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { fromBase64Url } from '../../core/bytes.ts';
import type { Json } from '../../core/canonical.ts';
import { MAX_ENTRIES } from '../../core/chain/entry.ts';
import { parseLedgerId } from '../../core/chain/ledgerId.ts';
import { submissionHash } from '../../core/chain/submission.ts';
import type { LedgerAddress, OrganisationId } from '../../core/chain/types.ts';
import { type ComposedEntry, composeEntry, type Target } from '../../core/envelope/envelope.ts';
import { isVinculumError } from '../../core/errors.ts';
import { formatIdentifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import { requireAccepted } from '../accepted.ts';
import {
  type Client,
  createClient,
  hasReached,
  isDead,
  type Milestone,
  ServiceRefusal,
  type SubmissionRequest,
  submissionRequestSchema,
} from '../client.ts';
import type { Context } from '../context.ts';
import { readDocument, uploadDocuments } from '../documents.ts';
import { CommandError, type Exit, usageError } from '../exit.ts';
import { journalName } from '../import/importer.ts';
import { counted } from '../output.ts';
import { keepReceipts } from '../receipts.ts';
import type { Rpc } from '../rpc.ts';
import { requireUrl, rpcUrls } from '../settings.ts';
import { openService, openSigning, type Signing, type SigningOptions } from '../signing.ts';
import { freeNonce, post, type Signed, signEntries, waitFor } from '../submitter.ts';
import { showStatus } from './status.ts';

export type SubmitOptions = Omit<SigningOptions, 'keystore'> & {
  readonly keystore?: string;
  readonly wait?: Milestone;
};

const json = z.record(z.string(), z.json());
const entrySchema = z.strictObject({
  /** `organisation:own` for the organisation's own chain. */
  identifier: z.string().check(z.maxLength(256)),
  kind: z.string(),
  kindVersion: z.optional(z.int()),
  time: z.string(),
  data: json,
  sealed: z.optional(json),
  /** Files, by their paths beside this file; encrypted, uploaded, and listed in the entry. */
  documents: z.optional(
    z.array(z.union([z.string(), z.strictObject({ path: z.string(), mediaType: z.optional(z.string()) })])),
  ),
});
const listSchema = z.union([z.array(entrySchema), z.strictObject({ entries: z.array(entrySchema) })]);
type EntryInput = z.infer<typeof entrySchema>;

const directorySchema = z.looseObject({ ledger: z.string() });

export async function submitCommand(context: Context, file: string, options: SubmitOptions): Promise<Exit> {
  const value = await readJson(file);
  const signed = submissionRequestSchema.safeParse(value);
  if (signed.success) return handIn(context, signed.data, options);

  const parsed = listSchema.safeParse(value);
  if (!parsed.success) {
    const path = parsed.error.issues[0]?.path.map(String).join('.') ?? '';
    throw usageError(
      'submit.malformed',
      `${file} is neither a signed submission nor a list of {identifier, kind, time, data, sealed, documents}${path === '' ? '' : ` (see ${path})`}.`,
    );
  }
  const entries = Array.isArray(parsed.data) ? parsed.data : parsed.data.entries;
  if (entries.length === 0 || entries.length > MAX_ENTRIES) {
    throw usageError(
      'submission.entries',
      `A submission has 1 to ${MAX_ENTRIES} entries; ${file} has ${entries.length}.`,
    );
  }
  if (options.keystore === undefined)
    throw usageError('submit.keystore', 'Say which key signs: --keystore NAME.');
  const signing = await openSigning(context, { ...options, keystore: options.keystore });
  const composed = await composeAll(signing, entries, file);
  const nonce = await freeNonce(signing.client, signing.signer.organisation);
  const handedIn = signEntries(signing.signer, composed, nonce);
  return send(
    context,
    signing.client,
    { ...signing, organisation: signing.signer.organisation },
    handedIn,
    options.wait,
  );
}

/** A submission that was signed elsewhere. */
async function handIn(context: Context, request: SubmissionRequest, options: SubmitOptions): Promise<Exit> {
  const settings = context.settings();
  const client = createClient(requireUrl(settings), { signal: context.signal });
  const place = await placeOf(context, client, options);
  const { submission } = request;
  const organisation = BigInt(submission.organisation) as OrganisationId;
  const hash = submissionHash(place.address, {
    organisation,
    entries: fromBase64Url(submission.entries),
    nonce: BigInt(submission.nonce),
    deadline: BigInt(submission.deadline),
  });
  const { address, rpc } = place;
  return send(context, client, { ledger: { address, rpc }, organisation }, { hash, request }, options.wait);
}

/** The ledger that a service writes to; where the reader has an endpoint and a directory, checked there. */
async function placeOf(
  context: Context,
  client: Client,
  options: SubmitOptions,
): Promise<{ readonly address: LedgerAddress; readonly rpc: Rpc | null }> {
  if (rpcUrls(context.settings(), options.rpc).length > 0)
    return (await openService(context, options)).ledger;
  const { ledger } = await client.json('/v1/directory', directorySchema);
  return { address: parseLedgerId(ledger), rpc: null };
}

/** Where a submission belongs, and who can say that it is there. */
type Belonging = {
  readonly ledger: { readonly address: LedgerAddress; readonly rpc: Rpc | null };
  readonly organisation: OrganisationId;
};

async function send(
  context: Context,
  client: Client,
  { ledger: { address, rpc }, organisation }: Belonging,
  signed: Signed,
  wait: Milestone | undefined,
): Promise<Exit> {
  const { output, signal } = context;
  const [answer] = await post(client, address, [signed]);
  if (answer === undefined || !answer.accepted) {
    const problem = answer?.problem ?? { code: 'service.malformed' };
    throw new ServiceRefusal(problem.status ?? 422, problem, undefined);
  }
  const folder = join(context.settings().folder, 'imports', journalName(address, organisation));
  await keepReceipts(folder, [answer.receipt]);
  const status = await waitFor(client, signed.hash, wait, signal);
  if (rpc !== null) await requireAccepted({ address, rpc }, organisation, status, signal);
  else if (hasReached(status.state, 'anchored')) {
    output.note(
      'No endpoint of the chain was given: that it is anchored is the service’s word alone (--rpc URL).',
    );
  }
  output.value({ entries: signed.request.contents.length, ...status });
  output.line(`Handed in ${counted(signed.request.contents.length, 'entry', 'entries')}.`);
  showStatus(output, status);
  if (wait === undefined) output.line(`How far it comes: vinculum status ${signed.hash} --wait final`);
  return isDead(status.state) ? 'failed' : 'ok';
}

const evaluatedSchema = z.looseObject({
  results: z.array(
    z.looseObject({
      transcript: z.optional(z.looseObject({ evaluated: z.string(), proof: z.string() })),
      problem: z.optional(z.looseObject({ code: z.string(), detail: z.optional(z.string()) })),
    }),
  ),
});

/** Composes every entry; the first that is wrong is named by its place in the list, and nothing is signed. */
async function composeAll(
  signing: Signing,
  entries: readonly EntryInput[],
  file: string,
): Promise<ComposedEntry[]> {
  const { client, ledger, signer } = signing;
  const identifiers = entries.map((entry, index) =>
    entry.identifier === 'organisation:own'
      ? null
      : at(index, () => parseIdentifier(entry.identifier, { overrideCheckDigit: true })),
  );
  const subjects = identifiers.filter((identifier) => identifier !== null);
  const overrideCheckDigit = entries.some(({ data }) => data.checkDigitOverride !== undefined);
  const { results } =
    subjects.length === 0
      ? { results: [] }
      : await client.json('/v1/subjects', evaluatedSchema, {
          identifiers: subjects.map(formatIdentifier),
          ...(overrideCheckDigit ? { overrideCheckDigit } : {}),
        });
  let next = 0;
  const targets = identifiers.map((identifier, index): Target => {
    if (identifier === null) return 'own';
    const result = results[next++];
    const transcript = result?.transcript;
    if (transcript === undefined) {
      const { code = 'service.malformed', detail = 'no transcript' } = result?.problem ?? {};
      throw usageError(code, `Entry ${index + 1}: ${detail}`);
    }
    return { identifier, subject: at(index, () => ledger.subject(identifier, transcript)) };
  });
  const composed: ComposedEntry[] = [];
  for (const [index, entry] of entries.entries()) {
    const read = await Promise.all(
      (entry.documents ?? []).map((document) => {
        const { path, mediaType } =
          typeof document === 'string' ? { path: document, mediaType: undefined } : document;
        return readDocument(join(file, '..', path), mediaType);
      }),
    );
    const documents = await uploadDocuments(client, read);
    const target = targets[index] ?? 'own';
    const content = {
      kind: entry.kind,
      ...(entry.kindVersion === undefined ? {} : { kindVersion: entry.kindVersion }),
      time: entry.time,
      data: { ...(entry.data as Record<string, Json>), ...documents.data },
      sealed: { ...(entry.sealed as Record<string, Json> | undefined), ...documents.sealed },
    };
    composed.push(at(index, () => composeEntry(ledger.address, signer.organisation, target, content)));
  }
  return composed;
}

function at<T>(index: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isVinculumError(error)) throw error;
    throw new CommandError('usage', error.code, `Entry ${index + 1}: ${error.message}`, {
      cause: error,
      details: { ...error.details, entry: index },
    });
  }
}

async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw usageError('submit.file', `${file} can’t be read: check the path.`, { cause });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw usageError('submit.invalidJson', `${file} is not JSON.`, { cause });
  }
}
