import * as z from 'zod/mini';
import { fromHex } from '../../core/bytes.ts';
import { type Digest, type Subject, ZERO_SUBJECT } from '../../core/chain/types.ts';
import { type Envelope, openEnvelope } from '../../core/envelope/envelope.ts';
import { VinculumError } from '../../core/errors.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { isPartAction, type ModuleAction } from '../../core/modules/action.ts';
import { foldPart, type PartHistory } from '../../core/modules/part.ts';
import { foldTitle, type TitleHistory } from '../../core/modules/titleHistory.ts';
import { judgeBlock } from '../../core/verify/entries.ts';
import type { EntryStatus } from '../../core/verify/result.ts';
import { type Client, ServiceRefusal } from '../client.ts';
import type { ExportedKey } from '../exports.ts';
import type { WireTranscript } from '../ledger.ts';
import { createTranscriptVerifier } from '../pseudonyms.ts';
import { actionOfEntry } from './actions.ts';
import type { FetchedBlock } from './blocks.ts';
import type { Problem } from './problems.ts';
import type { AuditedEntry, RebuiltLedger, Step } from './rebuild.ts';

/** What the audit says of an entry: as `verify` does, and `stored` where the block is right but was not opened. */
export type AuditStatus = EntryStatus | 'stored';

export type JudgedEntry = AuditedEntry & {
  readonly status: AuditStatus;
  readonly code?: string;
  readonly envelope?: Envelope;
  /** What was asked of the module, of an entry that it wrote. */
  readonly action?: ModuleAction;
};

export type JudgedChain = {
  readonly subject: Subject;
  /** What the envelopes say the subject is called; null where none was opened. */
  readonly identifier: string | null;
  /** Whether that identifier's pseudonym is the subject, by the operators' proof. */
  readonly pseudonym: 'proven' | 'unchecked' | 'refuted';
  readonly entries: readonly JudgedEntry[];
  /** Its title, as its actions come to; without any it is none. */
  readonly title: TitleHistory;
  /** What it is as a part, likewise. */
  readonly part: PartHistory;
};

export type Contents = {
  readonly blocks: ReadonlyMap<Digest, FetchedBlock>;
  /** Absent: nothing is opened. */
  readonly keys: ReadonlyMap<string, ExportedKey> | null;
  /** The entries whose content was destroyed, by a receipt. */
  readonly erased: ReadonlySet<Digest>;
};

const evaluatedSchema = z.looseObject({
  results: z.array(
    z.looseObject({ transcript: z.optional(z.looseObject({ evaluated: z.string(), proof: z.string() })) }),
  ),
});
const EVALUATED_AT_ONCE = 250;

/** Gives the operators' transcripts of identifiers; they prove themselves, whoever hands them out. */
export type Transcripts = (identifiers: readonly string[]) => Promise<(WireTranscript | null)[]>;

export function transcriptsOf(client: Client): Transcripts {
  return async (identifiers) => {
    const body = { identifiers };
    const { results } = await client.json('/v1/subjects', evaluatedSchema, body);
    return identifiers.map((_, index) => results[index]?.transcript ?? null);
  };
}

/** What the actions of a ledger's modules come to. */
export type Folded = {
  readonly titles: ReadonlyMap<Subject, TitleHistory>;
  readonly parts: ReadonlyMap<Subject, PartHistory>;
};

/** Judges every entry of every subject; what is not as it should be goes to `problems`. */
export async function judgeHistories(
  ledger: RebuiltLedger,
  { titles, parts }: Folded,
  contents: Contents,
  transcripts: Transcripts | null,
  problems: Problem[],
  step: Step,
): Promise<JudgedChain[]> {
  const named = new Map<Subject, string>();
  for (const subject of ledger.histories.keys()) {
    const identifier = identifierIn(ledger, subject, contents);
    if (identifier !== null) named.set(subject, identifier);
  }
  const pseudonyms = await provePseudonyms(ledger, named, contents, transcripts, problems, step);
  const judged: JudgedChain[] = [];
  for (const [subject, entries] of ledger.histories) {
    if (judged.length % 50 === 0) {
      step('Judging entries', judged.length, ledger.histories.size);
      await new Promise(setImmediate);
    }
    const identifier = named.get(subject) ?? null;
    const pseudonym = pseudonyms.get(subject) ?? 'unchecked';
    const place = { ledger: ledger.ledger, subject, identifier: identifier ?? '' };
    const results = entries.map((entry): JudgedEntry => {
      const action = actionOfEntry(ledger.actions, entry);
      const asked = action === null ? {} : { action };
      const result = { ...judge(entry, { ...place, action }, contents), ...asked };
      if (pseudonym === 'refuted' && result.status === 'proven') {
        return { ...result, status: 'void', code: 'subject.pseudonym' };
      }
      return result;
    });
    for (const entry of results) noteEntry(ledger, entry, contents, problems);
    const title = titles.get(subject) ?? foldTitle(subject, []);
    const part = parts.get(subject) ?? foldPart(subject, []);
    judged.push({ subject, identifier, pseudonym, entries: results, title, part });
  }
  return judged;
}

/** Judges every entry of the organisations' own chains. */
export function judgeOwnChains(
  ledger: RebuiltLedger,
  contents: Contents,
  problems: Problem[],
): JudgedEntry[] {
  return [...ledger.ownChains].flatMap(([organisation, entries]) => {
    const place = {
      ledger: ledger.ledger,
      subject: ZERO_SUBJECT,
      identifier: `organisation:${organisation}`,
    };
    return entries.map((entry) => {
      const result = judge(entry, place, contents);
      noteEntry(ledger, result, contents, problems);
      return result;
    });
  });
}

function judge(
  entry: AuditedEntry,
  place: Parameters<typeof judgeBlock>[1],
  { blocks, keys, erased }: Contents,
): JudgedEntry {
  const { digest } = entry.link;
  const fetched = blocks.get(digest);
  if (fetched === undefined || fetched.state === 'missing') {
    if (erased.has(digest)) return { ...entry, status: 'erased' };
    return { ...entry, status: 'withheld', code: 'block.missing' };
  }
  if (fetched.state === 'altered') return { ...entry, status: 'refuted', code: 'entry.digest' };
  if (keys === null) return { ...entry, status: 'stored' };
  const exported = keys.get(digest);
  if (exported === undefined) return { ...entry, status: 'withheld', code: 'key.missing' };
  return { ...entry, ...judgeBlock(entry.link, place, fetched.block, exported.key) };
}

const HARMLESS: ReadonlySet<AuditStatus> = new Set(['proven', 'stored', 'erased']);

function noteEntry(
  ledger: RebuiltLedger,
  entry: JudgedEntry,
  { blocks }: Contents,
  problems: Problem[],
): void {
  if (HARMLESS.has(entry.status)) return;
  const { link, chain, position, block, transaction } = entry;
  const fetched = blocks.get(link.digest);
  problems.push({
    outcome: entry.status === 'refuted' ? 'failed' : 'incomplete',
    code: entry.code ?? `entry.${entry.status}`,
    at: {
      position,
      kind: link.kind,
      digest: link.digest,
      ...(typeof chain === 'string' ? { subject: chain } : { organisation: chain.organisation.toString() }),
      ...('organisation' in link ? { attester: link.organisation.toString() } : {}),
      ledger: ledger.ledger,
      block,
      transaction,
    },
    ...(fetched?.state === 'altered' ? { expected: link.digest, found: fetched.found } : {}),
    detail: entry.status,
  });
}

/**
 * What the first envelope that opens says a subject is called: of its own entries their identifier, of one that its title
 * was carried over by the number that it goes on under. What was mounted in it has its part's envelope, and says nothing.
 */
function identifierIn(
  { actions, histories }: RebuiltLedger,
  subject: Subject,
  contents: Contents,
  but?: ReadonlySet<string>,
): string | null {
  for (const entry of histories.get(subject) ?? []) {
    const { link } = entry;
    const action = actionOfEntry(actions, entry);
    const other = action !== null && action.subject !== subject;
    if (other && isPartAction(action)) continue;
    const fetched = contents.blocks.get(link.digest);
    const exported = contents.keys?.get(link.digest);
    if (fetched?.state !== 'stored' || exported === undefined) continue;
    try {
      const { identifier, data } = openEnvelope(fetched.block, exported.key);
      const named = other ? data.to : identifier;
      if (typeof named === 'string' && but?.has(named) !== true) return named;
    } catch (error) {
      if (!(error instanceof VinculumError)) throw error;
    }
  }
  return null;
}

/** Checks that each subject is the pseudonym of the identifier that its envelopes name. May correct `named`. */
async function provePseudonyms(
  ledger: RebuiltLedger,
  named: Map<Subject, string>,
  contents: Contents,
  transcripts: Transcripts | null,
  problems: Problem[],
  step: Step,
): Promise<Map<Subject, JudgedChain['pseudonym']>> {
  const proven = new Map<Subject, JudgedChain['pseudonym']>();
  if (transcripts === null) return proven;
  const verifier = await createTranscriptVerifier(fromHex(ledger.record.pseudonymKey, 32));
  const tried = new Map<Subject, Set<string>>();
  let open = [...named];
  let done = 0;
  while (open.length > 0) {
    const next: [Subject, string][] = [];
    for (let start = 0; start < open.length; start += EVALUATED_AT_ONCE) {
      const group = open.slice(start, start + EVALUATED_AT_ONCE);
      const handed = await transcriptsOrNone(
        transcripts,
        group.map(([, identifier]) => identifier),
      );
      for (const [index, [subject, identifier]] of group.entries()) {
        const transcript = handed?.[index] ?? null;
        const evaluated = transcript === null ? null : subjectOf(verifier, identifier, transcript);
        if (evaluated === null) continue;
        if (evaluated === subject) {
          proven.set(subject, 'proven');
          continue;
        }
        // An envelope from elsewhere was opened first: another entry may name the subject rightly.
        const names = tried.get(subject) ?? new Set();
        tried.set(subject, names.add(identifier));
        const other = identifierIn(ledger, subject, contents, names);
        if (other === null) refute(ledger, subject, identifier, proven, problems);
        else {
          named.set(subject, other);
          next.push([subject, other]);
        }
      }
      done += group.length;
      step('Proving pseudonyms', done, named.size);
      if (handed === null) return proven;
    }
    open = next;
  }
  return proven;
}

function refute(
  ledger: RebuiltLedger,
  subject: Subject,
  identifier: string,
  proven: Map<Subject, JudgedChain['pseudonym']>,
  problems: Problem[],
): void {
  proven.set(subject, 'refuted');
  problems.push({
    outcome: 'incomplete',
    code: 'subject.pseudonym',
    at: { subject, ledger: ledger.ledger },
    detail: `its entries say ${identifier}, whose pseudonym is another: they are void`,
  });
}

/** Null: the transcript proves nothing under this ledger's key. It may be another ledger's. */
function subjectOf(
  verifier: Awaited<ReturnType<typeof createTranscriptVerifier>>,
  identifier: string,
  transcript: WireTranscript,
): Subject | null {
  try {
    return verifier.verify(parseIdentifier(identifier, { overrideCheckDigit: true }), {
      evaluated: Buffer.from(transcript.evaluated, 'base64url'),
      proof: Buffer.from(transcript.proof, 'base64url'),
    });
  } catch (error) {
    if (error instanceof VinculumError) return null;
    throw error;
  }
}

/** Whoever has no account may evaluate few identifiers: what can't be had now stays unchecked, and is said so. */
async function transcriptsOrNone(
  transcripts: Transcripts,
  identifiers: readonly string[],
): Promise<(WireTranscript | null)[] | null> {
  try {
    return await transcripts(identifiers);
  } catch (error) {
    if (error instanceof ServiceRefusal) return null;
    throw error;
  }
}
