import type * as z from 'zod';
import { ENTRY_BYTES, MAX_ENTRIES } from '../../core/chain/entry.ts';
import type { SignedSubmission } from '../../core/chain/submission.ts';
import type { Address, OrganisationId } from '../../core/chain/types.ts';
import { Problem } from '../problem.ts';
import { type SubmissionRequest, submissionRequestSchema } from './schema.ts';

/** One entry as it is packed: views into the submission's bytes. */
export interface PackedEntry {
  readonly kind: number;
  readonly subject: Buffer;
  readonly digest: Buffer;
}

export interface Content {
  readonly block: Buffer;
  readonly key: Buffer;
  readonly disclosures: readonly string[];
}

/** A request whose form is right; nothing of what it says is checked yet. */
export interface DecodedRequest {
  readonly submission: SignedSubmission;
  readonly entries: readonly PackedEntry[];
  readonly contents: readonly Content[];
}

const LARGEST_INT8 = 2n ** 63n - 1n;

/**
 * Reads a request.
 * @throws `submission.malformed` with the path of the fault, `submission.tooLarge`, `submission.unknownOrganisation`
 */
export function decodeRequest(request: SubmissionRequest, maxBytes: number): DecodedRequest {
  const parsed = submissionRequestSchema.safeParse(request);
  if (!parsed.success) throw formFault(parsed.error, 'submission');
  const { submission, contents } = parsed.data;
  const nonce = BigInt(submission.nonce);
  if (nonce >> 256n !== 0n) throw malformed('submission.nonce', 'a nonce has at most 256 bits');
  const deadline = BigInt(submission.deadline);
  if (deadline >> 64n !== 0n) throw malformed('submission.deadline', 'a deadline has at most 64 bits');
  const organisation = BigInt(submission.organisation);
  if (organisation > LARGEST_INT8) {
    throw new Problem('submission.unknownOrganisation', `No organisation has the number ${organisation}.`);
  }
  const packed = bytesOf(submission.entries, 'submission.entries');
  if (packed.length === 0 || packed.length % ENTRY_BYTES !== 0) {
    throw malformed('submission.entries', `entries are ${ENTRY_BYTES} bytes each, at least one`);
  }
  if (packed.length > MAX_ENTRIES * ENTRY_BYTES) {
    throw new Problem('submission.tooLarge', `A submission has at most ${MAX_ENTRIES} entries: split it.`);
  }
  const decoded = contents.map(({ block, key, disclosures }, index) => ({
    block: bytesOf(block, `contents.${index}.block`),
    key: bytesOf(key, `contents.${index}.key`),
    disclosures,
  }));
  if (decoded.reduce((sum, { block }) => sum + block.length, 0) > maxBytes) {
    throw new Problem(
      'submission.tooLarge',
      `The blocks of a submission have at most ${maxBytes} bytes: split it.`,
    );
  }
  return {
    submission: {
      organisation: organisation as OrganisationId,
      signer: submission.signer as Address,
      nonce,
      deadline,
      entries: packed,
      signature: bytesOf(submission.signature, 'submission.signature'),
    },
    entries: unpack(packed),
    contents: decoded,
  };
}

function unpack(packed: Buffer): PackedEntry[] {
  return Array.from({ length: packed.length / ENTRY_BYTES }, (_, index) => {
    const start = index * ENTRY_BYTES;
    return {
      kind: packed[start] ?? 0,
      subject: packed.subarray(start + 1, start + 33),
      digest: packed.subarray(start + 33, start + ENTRY_BYTES),
    };
  });
}

/** What was handed in; the first part of the codes of its faults. */
export type Handed = 'submission' | 'action';

/** Strict base64url: only the one spelling that encodes to itself. */
export function bytesOf(text: string, path: string, of: Handed = 'submission'): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) throw malformed(path, 'this is no base64url without padding', of);
  return bytes;
}

/** What is wrong with the form of a request: the first fault. */
export function formFault({ issues: [issue] }: z.core.$ZodError, of: Handed): Problem {
  const path = issue?.path.map(String).join('.') ?? '';
  // Numbers can be too big as well.
  if (issue?.code === 'too_big' && (issue.origin === 'string' || issue.origin === 'array')) {
    const most = String(issue.maximum);
    return new Problem(`${of}.tooLarge`, `${path} is too long: at most ${most}.`, { extensions: { path } });
  }
  return malformed(path, issue?.message ?? 'invalid', of);
}

function malformed(path: string, why: string, of: Handed = 'submission'): Problem {
  return new Problem(`${of}.malformed`, `${path}: ${why}.`, { extensions: { path } });
}
