import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { type SubmissionRequest, submissionRequestSchema } from '../../cli/client.ts';
import {
  type ActionRequest,
  actionRequestSchema,
  type PartRequest,
  partRequestSchema,
} from '../../cli/titles/wire.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import type { LedgerAddress } from '../../core/chain/types.ts';

/*
 * What loading the demo will do, written down before any of it is done: every encrypted document and every signed
 * submission. A load that was broken off sends the very same again, and nothing is on the ledger twice.
 */

const submission = z.object({
  by: z.string(),
  hash: z.string(),
  request: z.custom<SubmissionRequest>((value) => submissionRequestSchema.safeParse(value).success),
});

const action = z.custom<ActionRequest>((value) => actionRequestSchema.safeParse(value).success);

const part = z.custom<PartRequest>((value) => partRequestSchema.safeParse(value).success);

const planSchema = z.object({
  version: z.literal(3),
  seed: z.string(),
  /** The ledger and its organisations' numbers: a plan is for these only. */
  ledger: z.string(),
  organisations: z.record(z.string(), z.string()),
  documents: z.array(z.object({ by: z.string(), cid: z.string(), bytes: z.string() })),
  submissions: z.array(submission),
  /** The first action on each title, before anything is recorded of the vehicle; and what follows once all is. */
  issues: z.array(action),
  actions: z.array(action),
  /** What is done with parts, in the order in which it is: on the line, before anything else is recorded; and later. */
  built: z.array(part),
  parts: z.array(part),
  /** What follows the actions. */
  answers: z.array(submission),
  /** Members of the sets that entries name the roots of. */
  sets: z.array(z.object({ by: z.string(), digest: z.string(), members: z.array(z.string()) })),
  entries: z.int(),
});
export type DemoPlan = z.infer<typeof planSchema>;
export type PlannedSubmission = DemoPlan['submissions'][number];

const markerSchema = z.object({
  seed: z.string(),
  ledger: z.string(),
  entries: z.int(),
  submissions: z.int(),
  actions: z.int(),
  documents: z.int(),
  showcase: z.object({
    clean: z.string(),
    discrepancy: z.string(),
    recall: z.string(),
    absent: z.string(),
    titles: z.object({
      mine: z
        .array(
          z.object({ vin: z.string(), keystore: z.string(), state: z.enum(['free', 'lien', 'offered']) }),
        )
        .readonly(),
      buyer: z.string(),
      stolen: z.string(),
      branded: z.string(),
      disputed: z.string(),
      replaced: z.string(),
    }),
    stolenPart: z.string(),
    recalled: z.object({ keystore: z.string(), batch: z.string() }),
  }),
  loadedAt: z.string(),
});
/** Says that the demo is on the ledger, whole and final. */
export type DemoMarker = z.infer<typeof markerSchema>;

const demoFolder = (dataFolder: string): string => join(dataFolder, 'demo');
const planFile = (dataFolder: string): string => join(demoFolder(dataFolder), 'plan.json');
const markerFile = (dataFolder: string): string => join(demoFolder(dataFolder), 'loaded.json');

/** The plan of a load that did not come to its end, or null; a damaged one is none. */
export async function readPlan(dataFolder: string): Promise<DemoPlan | null> {
  return readJson(planFile(dataFolder), planSchema);
}

export async function writePlan(dataFolder: string, plan: DemoPlan): Promise<void> {
  await writeDurably(demoFolder(dataFolder), planFile(dataFolder), plan);
}

/** What is known of the demo where it is on this ledger already, or null. */
export async function loadedDemo(dataFolder: string, ledger: LedgerAddress): Promise<DemoMarker | null> {
  const marker = await readJson(markerFile(dataFolder), markerSchema);
  return marker?.ledger === formatLedgerId(ledger) ? marker : null;
}

/** Marks the demo as loaded, and forgets the plan: it holds the envelopes' keys. */
export async function writeMarker(dataFolder: string, marker: DemoMarker): Promise<void> {
  await writeDurably(demoFolder(dataFolder), markerFile(dataFolder), marker);
  await rm(planFile(dataFolder), { force: true });
}

async function readJson<T extends z.ZodType>(file: string, schema: T): Promise<z.output<T> | null> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

async function writeDurably(folder: string, file: string, value: unknown): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = `${file}.part`;
  const handle = await open(draft, 'w', 0o600);
  try {
    await handle.writeFile(JSON.stringify(value));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
}
