import * as z from 'zod/mini';
import { toHex } from '../../core/bytes.ts';
import { secureRandom } from '../../core/envelope/block.ts';
import type { ComposedEntry } from '../../core/envelope/envelope.ts';
import { type Client, isDead, type Milestone } from '../client.ts';
import type { Context } from '../context.ts';
import { CommandError } from '../exit.ts';
import type { Signing } from '../signing.ts';
import { freeNonce, signEntries, waitFor } from '../submitter.ts';

/* Alerts as the service takes and gives them (docs/protocol.md §18). */

const reference = z.string().check(z.regex(/^0x[0-9a-f]{32}$/));
const digest = z.string().check(z.regex(/^0x[0-9a-f]{64}$/));

export type TierView = {
  reference: string;
  state: string | null;
  forwards: TierView[];
  disclosed?: { recipient: string | null; entry: string } | undefined;
};
const tier: z.ZodMiniType<TierView> = z.lazy(() =>
  z.looseObject({
    reference,
    state: z.nullable(z.string()),
    forwards: z.array(tier),
    disclosed: z.optional(z.looseObject({ recipient: z.nullable(z.string()), entry: digest })),
  }),
) as z.ZodMiniType<TierView>;

const heldAnswer = z.looseObject({ signed: z.looseObject({ status: z.string() }), recorded: z.boolean() });

const linkView = z.looseObject({ hash: digest, until: z.int(), openings: z.int(), link: z.unknown() });

const alertSchema = z.looseObject({
  reference,
  attester: z.string(),
  recipient: z.nullable(z.string()),
  entry: digest,
  raisedAt: z.nullable(z.int()),
  state: z.enum(['raised', 'acknowledged', 'accepted', 'declined', 'closed']),
  due: z.nullable(z.int()),
  overdue: z.boolean(),
  passesOn: z.nullable(z.looseObject({ attester: z.string(), reference })),
  answers: z.array(
    z.looseObject({
      status: z.string(),
      organisation: z.string(),
      at: z.int(),
      entry: digest,
      byLink: z.boolean(),
    }),
  ),
  pending: z.array(z.looseObject({ status: z.string(), entry: digest })),
  tiers: z.array(tier),
  link: z.nullable(z.extend(linkView, { answer: z.nullable(z.looseObject({ recorded: z.boolean() })) })),
});
export type AlertView = z.infer<typeof alertSchema>;

const contentSchema = z.looseObject({
  block: z.string(),
  key: z.string(),
  disclosures: z.array(z.string()),
});
export type AlertContent = z.infer<typeof contentSchema>;
const detailSchema = z.extend(alertSchema, {
  contents: z.record(z.string(), contentSchema),
  link: z.nullable(z.extend(linkView, { answer: z.nullable(heldAnswer) })),
});
export type AlertDetail = z.infer<typeof detailSchema>;

const pageSchema = z.looseObject({ alerts: z.array(alertSchema), next: z.nullable(z.string()) });

export async function listAlerts(client: Client, box: 'in' | 'out'): Promise<AlertView[]> {
  const found: AlertView[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: z.infer<typeof pageSchema> = await client.json(
      `/v1/alerts?box=${box}${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
      pageSchema,
    );
    found.push(...page.alerts);
    cursor = page.next;
  }
  return found;
}

export function findAlert(client: Client, name: string): Promise<AlertDetail> {
  return client.json(`/v1/alerts/${name}`, detailSchema);
}

const handedInSchema = z.looseObject({
  submission: z.looseObject({ hash: z.string() }),
  references: z.array(reference),
});

/**
 * Signs entries of alerts as one submission, hands them in, and follows them.
 * @throws the service's refusals; `alert.notAnchored` (exit 1) where the ledger does not take them
 */
export async function handInAlerts(
  context: Context,
  { client, signer }: Signing,
  path: string,
  entries: readonly ComposedEntry[],
  wait: Milestone,
): Promise<{ readonly hash: string; readonly state: string }> {
  const signed = signEntries(signer, entries, await freeNonce(client, signer.organisation));
  await client.json(path, handedInSchema, signed.request);
  const { state } = await waitFor(client, signed.hash, wait, context.signal);
  if (isDead(state)) {
    throw new CommandError('failed', 'alert.notAnchored', `The ledger did not take it: it is ${state}.`, {
      details: { submission: signed.hash },
    });
  }
  return { hash: signed.hash, state };
}

export const freshReference = (): string => toHex(secureRandom(16));

export const openedSchema = z.looseObject({
  reference,
  attester: z.string(),
  raisedAt: z.int(),
  state: z.string(),
  due: z.nullable(z.int()),
  until: z.int(),
  openings: z.int(),
  link: z.unknown(),
  content: contentSchema,
  answer: z.nullable(heldAnswer),
});
export const answeredSchema = z.looseObject({ answer: heldAnswer });
export const linkSchema = z.looseObject({ hash: digest, until: z.int() });
