import { readFile, rename, writeFile } from 'node:fs/promises';
import * as z from 'zod';
import type { Hex } from '../core/bytes.ts';
import type { Address } from '../core/chain/types.ts';
import { VinculumError } from '../core/errors.ts';

/** Where the contracts of a ledger are. */
export type Deployment = {
  readonly chainId: bigint;
  readonly authority: Address;
  readonly organisations: Address;
  /** The module of kinds 0–15. */
  readonly titles: Address;
  /** The module of kinds 16–31; zero: the ledger is older than it, and has none. */
  readonly parts: Address;
  readonly ledger: Address;
  readonly directory: Address;
  readonly ledgerCodeHash: Hex;
  /** The block of the first contract: nothing of ours is in an earlier one. */
  readonly firstBlock: number;
};

const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/)
  .transform((text) => text.toLowerCase() as Address);

const schema = z.object({
  chainId: z
    .string()
    .regex(/^[1-9][0-9]{0,19}$/)
    .transform(BigInt),
  authority: address,
  organisations: address,
  titles: address,
  parts: address.default(() => `0x${'0'.repeat(40)}` as Address),
  ledger: address,
  directory: address,
  ledgerCodeHash: z
    .string()
    .regex(/^0x[0-9a-fA-F]{64}$/)
    .transform((text) => text.toLowerCase() as Hex),
  firstBlock: z.int().min(0),
});

/** The deployment that a file names, or null if there is no file. @throws `deployment.malformed` */
export async function readDeployment(file: string): Promise<Deployment | null> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new VinculumError(
      'deployment.malformed',
      `${file} does not say where the contracts are: write it anew by scripts/deploy.ts.`,
      { cause },
    );
  }
}

export async function writeDeployment(file: string, deployment: Deployment): Promise<void> {
  const text = JSON.stringify({ ...deployment, chainId: deployment.chainId.toString() }, null, 2);
  await writeFile(`${file}.part`, `${text}\n`, { mode: 0o644 });
  await rename(`${file}.part`, file);
}
