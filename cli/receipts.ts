import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { fromHex } from '../core/bytes.ts';
import { recoverOperator } from '../core/chain/receipt.ts';
import type { SubmissionHash } from '../core/chain/submission.ts';
import type { LedgerAddress } from '../core/chain/types.ts';
import { CommandError } from './exit.ts';

/* What an operator promises of a submission, by its signature (docs/protocol.md §10): kept by who was promised it. */

const hex = (bytes: number) => z.string().check(z.regex(new RegExp(`^0x[0-9a-f]{${bytes * 2}}$`)));
const receiptSchema = z.looseObject({
  submission: hex(32),
  receivedAt: z.int(),
  anchorBy: z.int(),
  operator: hex(20),
  signature: hex(65),
});
export type SignedReceipt = z.output<typeof receiptSchema>;

/**
 * @param hash of the submission that was handed in
 * @throws `submission.receipt` (exit 1) for what promises nothing of it
 */
export function readReceipt(ledger: LedgerAddress, value: unknown, hash: string): SignedReceipt {
  const parsed = receiptSchema.safeParse(value);
  if (parsed.success && parsed.data.submission === hash) {
    const { receivedAt, anchorBy, operator, signature } = parsed.data;
    const promise = {
      submission: hash as SubmissionHash,
      receivedAt: BigInt(Math.max(0, receivedAt)),
      anchorBy: BigInt(Math.max(0, anchorBy)),
    };
    if (recoverOperator(ledger, promise, fromHex(signature, 65)) === operator) return parsed.data;
  }
  throw new CommandError(
    'failed',
    'submission.receipt',
    `The service took the submission ${hash} without a signed promise to anchor it: use another service.`,
  );
}

/** Appends receipts to `receipts.ndjson` of a folder, one a line. */
export async function keepReceipts(folder: string, receipts: readonly SignedReceipt[]): Promise<void> {
  if (receipts.length === 0) return;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const text = receipts.map((receipt) => `${JSON.stringify(receipt)}\n`).join('');
  await appendFile(join(folder, 'receipts.ndjson'), text, { mode: 0o600 });
}
