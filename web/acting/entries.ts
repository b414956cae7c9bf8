import { toBase64Url } from '../../core/bytes.ts';
import type { Json } from '../../core/canonical.ts';
import { packEntries } from '../../core/chain/entry.ts';
import { type Submission, type SubmissionHash, submissionHash } from '../../core/chain/submission.ts';
import type { Address, LedgerAddress, OrganisationId } from '../../core/chain/types.ts';
import { type ComposedEntry, composeEntry, type Target } from '../../core/envelope/envelope.ts';

/** How long a signed submission may wait for the ledger, in seconds. */
const DEADLINE_SECONDS = 24 * 3600;

/** What an organisation states, before it is an entry. */
export type EntryDraft = {
  readonly kind: string;
  /** When it happened: a date, or an instant to the second. */
  readonly time: string;
  readonly data: Readonly<Record<string, Json>>;
  readonly sealed?: Readonly<Record<string, Json>>;
};

/** Where it goes: a history whose ledger and subject this browser has proven, or the organisation's own chain there. */
export type EntryPlace = {
  readonly ledger: LedgerAddress;
  readonly organisation: OrganisationId;
  readonly actor: Address;
  readonly target: Target;
};

/** An entry ready to be signed. */
export type PreparedEntry = {
  readonly draft: EntryDraft;
  readonly place: EntryPlace;
  readonly composed: ComposedEntry;
};

/**
 * Composes and validates an entry; nothing is signed yet.
 * @throws the `kind.*` codes for what the entry must not say, `envelope.time` `envelope.tooLarge`
 */
export function prepareEntry(draft: EntryDraft, place: EntryPlace): PreparedEntry {
  const composed = composeEntry(place.ledger, place.organisation, place.target, draft);
  return { draft, place, composed };
}

/** Entries that go into one submission: all to one ledger, by one organisation. */
export type PreparedEntries = readonly [PreparedEntry, ...PreparedEntry[]];

/** Their submission under a nonce, and its name. */
export function submissionOf(
  entries: PreparedEntries,
  nonce: bigint,
  now: number,
): { readonly submission: Submission; readonly hash: SubmissionHash } {
  const [{ place }] = entries;
  const submission = {
    organisation: place.organisation,
    entries: packEntries(entries.map(({ composed }) => composed.entry)),
    nonce,
    deadline: BigInt(now + DEADLINE_SECONDS),
  };
  return { submission, hash: submissionHash(place.ledger, submission) };
}

/** The body of `POST /v1/submissions`. */
export function requestOf(
  entries: PreparedEntries,
  submission: Submission,
  signature: Uint8Array,
): Readonly<Record<string, unknown>> {
  const [{ place }] = entries;
  return {
    submission: {
      organisation: submission.organisation.toString(),
      signer: place.actor,
      nonce: submission.nonce.toString(),
      deadline: submission.deadline.toString(),
      entries: toBase64Url(submission.entries),
      signature: toBase64Url(signature),
    },
    contents: entries.map(({ composed }) => ({
      block: toBase64Url(composed.block),
      key: toBase64Url(composed.key),
      disclosures: composed.disclosures,
    })),
  };
}
