import { createReadStream, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import * as z from 'zod/mini';
import { parseLedgerId } from '../../core/chain/ledgerId.ts';
import type { Digest, LedgerId } from '../../core/chain/types.ts';
import { VinculumError } from '../../core/errors.ts';
import { readRevocation } from '../../core/privacy/consent.ts';
import {
  checkErasureReceipt,
  type ErasureReceipt,
  erasureReceiptSchema,
  readErasureReceipt,
} from '../../core/privacy/erasure.ts';
import { type Client, ServiceRefusal } from '../client.ts';
import { usageError } from '../exit.ts';
import { concurrently } from '../http.ts';

/** Gives receipts for what was erased of an entry. They prove who signed them, whoever hands them out. */
export type ErasureSource = (digest: Digest) => Promise<readonly ErasureReceipt[]>;

const AT_ONCE = 16;
const answerSchema = z.looseObject({ receipts: z.array(erasureReceiptSchema) });

/** The service's. One that does not know of erasures has none. */
export function servedErasures(client: Client): ErasureSource {
  return async (digest) => {
    try {
      return (await client.json(`/v1/erasures/${digest}`, answerSchema)).receipts;
    } catch (error) {
      if (error instanceof ServiceRefusal && error.status === 404) return [];
      throw error;
    }
  };
}

/** Those of an operator's file of receipts (erasures.ndjson). @throws `export.file` `export.malformed` */
export async function readErasures(file: string): Promise<ErasureSource> {
  if (!existsSync(file)) throw usageError('export.file', `${file} is not there: check the path.`);
  const known = new Map<string, ErasureReceipt[]>();
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    number += 1;
    try {
      const { ledger: _, ...value } = JSON.parse(line) as Record<string, unknown>;
      // Revocations of consents are in the same file; an audit of entries has no use for them.
      if ('consent' in value) {
        readRevocation({ consent: value.consent, signature: value.signature });
        continue;
      }
      const receipt = readErasureReceipt(value);
      known.set(receipt.digest, [...(known.get(receipt.digest) ?? []), receipt]);
    } catch (cause) {
      throw usageError(
        'export.malformed',
        `Line ${number} of ${file} is no receipt of an erasure and no revocation.`,
        {
          cause,
        },
      );
    }
  }
  return async (digest) => known.get(digest) ?? [];
}

/** Which of these entries were erased whole, by a receipt that is signed as it says. */
export async function erasedAmong(
  source: ErasureSource,
  ledger: LedgerId,
  digests: readonly Digest[],
): Promise<ReadonlySet<Digest>> {
  const erased = new Set<Digest>();
  await concurrently(digests, AT_ONCE, async (digest) => {
    const receipts = await source(digest);
    if (receipts.some((receipt) => receipt.what === 'entry' && isReceipt(ledger, receipt, digest))) {
      erased.add(digest);
    }
  });
  return erased;
}

function isReceipt(ledger: LedgerId, receipt: ErasureReceipt, digest: Digest): boolean {
  try {
    checkErasureReceipt(parseLedgerId(ledger), receipt, digest);
    return true;
  } catch (error) {
    if (error instanceof VinculumError) return false;
    throw error;
  }
}
