import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { fromHex, type Hex, toHex } from '../../core/bytes.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import { recoverSigner, type SubmissionHash, submissionHash } from '../../core/chain/submission.ts';
import type {
  Address,
  Digest,
  LedgerAddress,
  LedgerId,
  OrganisationId,
  Subject,
} from '../../core/chain/types.ts';
import { KEY_BYTES, MAX_BLOCK_BYTES } from '../../core/envelope/block.ts';
import { checkBinding, type Envelope, openSealed, parseEnvelope } from '../../core/envelope/envelope.ts';
import { VinculumError } from '../../core/errors.ts';
import { formatIdentifier, type Identifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import { checkDigit, type Vin } from '../../core/identifiers/vin.ts';
import { kindByNumber } from '../../core/kinds/kinds.ts';
import type { Rpc } from '../chain/rpc.ts';
import { Problem } from '../problem.ts';
import type { Evaluator } from '../pseudonym/evaluator.ts';
import type { Queryable } from '../store/store.ts';
import type { Content, DecodedRequest, Handed, PackedEntry } from './decode.ts';
import { digestOf, openBlock } from './open.ts';
import { chainStanding, isValidContractSignature, type StandingCache } from './standing.ts';

export interface ValidationContext {
  readonly store: Queryable;
  readonly rpc: Rpc;
  readonly ledger: LedgerAddress;
  readonly organisations: Hex;
  /** The ledger’s number in the index. */
  readonly ownLedger: () => Promise<number>;
  readonly evaluator: Evaluator;
  readonly standings: StandingCache;
  /** Seconds since 1970. */
  readonly now: bigint;
  readonly minimumLeadSeconds: number;
  readonly maximumLeadSeconds: number;
  /** Told how long the content took, in milliseconds. */
  readonly onWork: (milliseconds: number) => void;
}

/** An entry that was opened and found to be what it claims. */
export interface ValidEntry extends PackedEntry {
  readonly content: Content;
  readonly envelope: Envelope;
  readonly sealed: Readonly<Record<string, unknown>>;
}

export interface ValidSubmission extends DecodedRequest {
  readonly hash: SubmissionHash;
  /** Whether a contract vouches for the signature, not a key. */
  readonly contractSignature: boolean;
  readonly valid: readonly ValidEntry[];
}

const RESERVED_KINDS = (1n << 32n) - 1n;
const ZERO = Buffer.alloc(32);

/** Its name on the chain. */
export function hashOf(ledger: LedgerAddress, { submission }: DecodedRequest): SubmissionHash {
  return submissionHash(ledger, submission);
}

/**
 * Checks everything that the ledger will check, and everything that a reader will: cheap first, so that nonsense costs
 * little. Reads, and changes nothing.
 */
export async function validate(
  request: DecodedRequest,
  hash: SubmissionHash,
  context: ValidationContext,
): Promise<ValidSubmission> {
  checkDeadline(request.submission.deadline, context);
  checkKinds(request.entries);
  const { signer, signature } = request.submission;
  const contractSignature = await checkSignature(signer, signature, hash, context);
  await checkOpen(context);
  await checkStanding(
    request.submission,
    request.entries.map(({ kind }) => kind),
    context,
  );
  const valid = await openContents(request, context);
  await checkOverrides(valid, context.store);
  return { ...request, hash, contractSignature, valid };
}

export function checkDeadline(deadline: bigint, context: ValidationContext, of: Handed = 'submission'): void {
  const { now, minimumLeadSeconds, maximumLeadSeconds } = context;
  if (deadline < now) {
    throw new Problem(`${of}.expired`, 'The deadline has passed: sign again with a later one.');
  }
  if (deadline < now + BigInt(minimumLeadSeconds)) {
    throw new Problem(
      `${of}.deadlineTooSoon`,
      `The deadline must be at least ${minimumLeadSeconds} seconds away: sign again with a later one.`,
    );
  }
  if (deadline > now + BigInt(maximumLeadSeconds)) {
    throw new Problem(
      `${of}.deadlineTooFar`,
      `The deadline may be at most ${maximumLeadSeconds} seconds away: sign again with an earlier one.`,
    );
  }
}

/** Of kinds only, what needs no look at the organisation. */
function checkKinds(entries: readonly PackedEntry[]): void {
  for (const [index, { kind }] of entries.entries()) {
    if (kind < 32) throw kindNotAllowed(index, kind, 'it belongs to a module of the ledger');
    if (kindByNumber(kind) === undefined) {
      throw new VinculumError('kind.unknown', `Entry ${index} is of kind ${kind}, which is not known here.`, {
        details: { entry: index, kind },
      });
    }
  }
}

function kindNotAllowed(entry: number, kind: number, why: string): Problem {
  const name = kindByNumber(kind)?.name ?? String(kind);
  return new Problem('submission.kindNotAllowed', `Entry ${entry} is of kind ${name}: ${why}.`, {
    extensions: { entry, kind: name },
  });
}

/** @returns whether a contract vouches for the signature, not a key */
export async function checkSignature(
  signer: Address,
  signature: Uint8Array,
  hash: Hex,
  { rpc }: ValidationContext,
  of: Handed = 'submission',
): Promise<boolean> {
  if (recoverSigner(fromHex(hash, 32), signature) === signer) return false;
  if (await isValidContractSignature(rpc, signer, hash, signature)) return true;
  throw new Problem(
    `${of}.signature`,
    `The signature is not that of ${signer} over this ${of}, for this chain and contract.`,
    { extensions: { hash } },
  );
}

/** A closed ledger takes nothing any more: there is no promise to give. */
export async function checkOpen({ standings, store, ledger, ownLedger }: ValidationContext): Promise<void> {
  const closedAt = await standings.closedAt(store, await ownLedger());
  if (closedAt === null) return;
  throw new Problem(
    'ledger.closed',
    `${formatLedgerId(ledger)} is closed to writing since ${closedAt}: sign for its successor, and hand in to a service of it.`,
    { extensions: { closedAt } },
  );
}

/** Whether the signer is a key of an organisation in good standing that may do all of these kinds. */
export async function checkStanding(
  { organisation, signer }: { readonly organisation: OrganisationId; readonly signer: Address },
  wanted: readonly number[],
  context: ValidationContext,
  of: Handed = 'submission',
): Promise<void> {
  const signerBytes = fromHex(signer, 20);
  const indexed = await context.standings.get(context.store, organisation, signerBytes);
  // What a module's right allows is to ask the module, never to attest.
  const usable = (kinds: bigint) => (of === 'submission' ? kinds & ~RESERVED_KINDS : kinds);
  const first = (kinds: bigint) => wanted.findIndex((kind) => ((usable(kinds) >> BigInt(kind)) & 1n) === 0n);
  if (indexed.known && !indexed.suspended && indexed.key === 'active' && first(indexed.kinds) < 0) return;

  // The index may be behind what the organisation just did.
  const current = await chainStanding(context.rpc, context.organisations, organisation, signerBytes);
  if (!current.inGoodStanding) {
    throw indexed.known
      ? new Problem(`${of}.suspended`, `Organisation ${organisation} is suspended: ask the registrar.`)
      : new Problem(
          `${of}.unknownOrganisation`,
          `No organisation in good standing has the number ${organisation}.`,
        );
  }
  if (!current.isKey) {
    throw indexed.key === 'revoked'
      ? new Problem(`${of}.revokedKey`, `The key ${signer} was revoked: sign with another.`)
      : new Problem(
          `${of}.unknownKey`,
          `${signer} is no key of organisation ${organisation}: its controller can add it.`,
        );
  }
  const refused = first(current.kinds);
  const kind = wanted[refused];
  if (kind === undefined) return;
  if (of === 'submission') {
    throw kindNotAllowed(refused, kind, `organisation ${organisation} may not attest it`);
  }
  const name = kindByNumber(kind)?.name ?? String(kind);
  throw new Problem('action.kindNotAllowed', `Organisation ${organisation} has no right to ${name}.`, {
    extensions: { kind: name },
  });
}

async function openContents(request: DecodedRequest, context: ValidationContext): Promise<ValidEntry[]> {
  const work = new Work(context.onWork);
  const byDigest = new Map<string, number>();
  for (const [index, { digest }] of request.entries.entries()) {
    const name = digest.toString('latin1');
    const other = byDigest.get(name);
    if (other !== undefined) {
      throw new Problem('submission.duplicateEntry', `Entries ${other} and ${index} have the same digest.`, {
        extensions: { entry: index },
      });
    }
    byDigest.set(name, index);
  }
  const contents = new Array<Content | undefined>(request.entries.length);
  for (const [index, content] of request.contents.entries()) {
    if (work.isDue) await work.pause();
    checkSize(content, `contents[${index}].block`, `contents.${index}.key`);
    const entry = byDigest.get(digestOf(content.block).toString('latin1'));
    if (entry === undefined) {
      throw new Problem(
        'block.digestMismatch',
        `The SHA-256 of contents[${index}].block is no entry's digest.`,
        {
          extensions: { content: index },
        },
      );
    }
    if (contents[entry] !== undefined) {
      throw new Problem('submission.contentTwice', `The content of entry ${entry} is there twice.`, {
        extensions: { entry },
      });
    }
    contents[entry] = content;
  }
  const ledger = formatLedgerId(context.ledger);
  const valid: ValidEntry[] = [];
  for (const [index, entry] of request.entries.entries()) {
    if (work.isDue) await work.pause();
    const content = contents[index];
    if (content === undefined) {
      throw new Problem('submission.contentMissing', `Entry ${index} comes without its block and key.`, {
        extensions: { entry: index },
      });
    }
    try {
      valid.push(openEntry(entry, content, request.submission.organisation, ledger, context));
    } catch (error) {
      if (!(error instanceof VinculumError)) throw error;
      const details = { ...error.details, entry: index };
      throw new VinculumError(error.code, `Entry ${index}: ${error.message}`, { cause: error, details });
    }
  }
  work.end();
  return valid;
}

/** As long as content is looked at without a pause: whoever else waits for this thread waits no longer. */
const TURN_MILLISECONDS = 3;

class Work {
  #since = performance.now();
  readonly #onWork: (milliseconds: number) => void;

  constructor(onWork: (milliseconds: number) => void) {
    this.#onWork = onWork;
  }

  get isDue(): boolean {
    return performance.now() - this.#since >= TURN_MILLISECONDS;
  }

  async pause(): Promise<void> {
    this.end();
    await turn();
    this.#since = performance.now();
  }

  end(): void {
    this.#onWork(performance.now() - this.#since);
  }
}

export function checkSize(
  { block, key }: Content,
  blockPath: string,
  keyPath: string,
  of: Handed = 'submission',
): void {
  if (block.length > MAX_BLOCK_BYTES) {
    throw new Problem('block.tooLarge', `${blockPath} is larger than 1 MiB: put content into documents.`);
  }
  if (key.length !== KEY_BYTES) {
    throw new Problem(`${of}.malformed`, `${keyPath} must be ${KEY_BYTES} bytes.`, {
      extensions: { path: keyPath },
    });
  }
}

/** Opens an entry and checks that its envelope belongs to it, to this ledger and to who signed. */
export function openEntry(
  entry: PackedEntry,
  content: Content,
  organisation: OrganisationId,
  ledger: LedgerId,
  { evaluator, now }: ValidationContext,
): ValidEntry {
  const envelope = parseEnvelope(openBlock(content.block, content.key));
  const own = entry.subject.equals(ZERO);
  const subject = toSubject(entry.subject);
  const identifier = own ? `organisation:${organisation}` : normalised(envelope.identifier);
  if (typeof identifier !== 'string' && evaluator.subject(identifier) !== subject) {
    throw new VinculumError(
      'subject.mismatch',
      'The subject is not the pseudonym of the envelope’s identifier: evaluate it again.',
      { details: { subject } },
    );
  }
  checkBinding(envelope, {
    ledger,
    subject,
    identifier: typeof identifier === 'string' ? identifier : formatIdentifier(identifier),
    kind: entry.kind,
    organisation,
    timestamp: now,
  });
  return { ...entry, content, envelope, sealed: openSealed(envelope, content.disclosures) };
}

export const toSubject = (bytes: Uint8Array): Subject => toHex(bytes) as Subject;
export const toDigest = (bytes: Uint8Array): Digest => toHex(bytes) as Digest;

/** A required check digit that does not hold is judged later, by `checkOverrides`. */
export function normalised(text: string): Identifier {
  const identifier = parseIdentifier(text, { overrideCheckDigit: true });
  if (formatIdentifier(identifier) !== text) {
    throw new VinculumError(
      'identifier.notNormalised',
      'The envelope’s identifier is not in its normal form.',
    );
  }
  return identifier;
}

/**
 * A VIN whose required check digit does not hold has a history only from the entry in which a registrar says why: here,
 * or before.
 */
export async function checkOverrides(entries: readonly ValidEntry[], store: Queryable): Promise<void> {
  const doubtful = entries
    .map((entry, index) => ({ ...entry, index }))
    .filter(({ envelope }) => isDoubtful(envelope));
  if (doubtful.length === 0) return;
  const explained = new Set(
    doubtful.filter(({ envelope }) => explains(envelope)).map(({ envelope }) => envelope.subject),
  );
  const open = doubtful.filter(({ envelope }) => !explained.has(envelope.subject));
  const known = await store.query<{ subject: Uint8Array }>(
    'SELECT subject FROM identifiers WHERE subject = ANY($1::bytea[])',
    [open.map(({ subject }) => subject)],
  );
  for (const { subject } of known) explained.add(toSubject(subject));
  const wrong = open.find(({ envelope }) => !explained.has(envelope.subject));
  if (wrong !== undefined) {
    throw new VinculumError(
      'vin.checkDigit',
      `Entry ${wrong.index}: the VIN's check digit (9th character) does not hold: look for a typing error.`,
      { details: { entry: wrong.index } },
    );
  }
}

function explains({ kind, data }: Envelope): boolean {
  return kind === 'vehicle.registered' && data.checkDigitOverride !== undefined;
}

/** Of an identifier that is in its normal form. */
function isDoubtful({ identifier }: Envelope): boolean {
  return identifier.startsWith('vin:') && checkDigit(identifier.slice('vin:'.length) as Vin) === 'invalid';
}
