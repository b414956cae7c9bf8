import * as z from 'zod/mini';
import type { Subject } from '../../core/chain/types.ts';
import {
  type Client,
  type ProblemDocument,
  ServiceRefusal,
  type SubmissionState,
  submissionStates,
} from '../client.ts';

/* The service's routes for actions of modules, as the command line uses them. */

const hex = (bytes: number) => z.string().check(z.regex(new RegExp(`^0x[0-9a-f]{${bytes * 2}}$`)));
const base64url = z.string().check(z.regex(/^[A-Za-z0-9_-]*$/));
const decimal = z.string().check(z.regex(/^(0|[1-9][0-9]{0,77})$/));

/** A signed action with its content, as it is handed in. */
export const actionRequestSchema = z.strictObject({
  action: z.strictObject({
    kind: z.int(),
    subject: hex(32),
    revision: z.int(),
    deadline: z.int(),
    organisation: decimal,
    party: hex(20),
    until: z.int(),
    detail: hex(32),
    digest: hex(32),
  }),
  actor: hex(20),
  signature: base64url,
  block: base64url,
  key: base64url,
  disclosures: z.readonly(z.array(base64url)),
});
export type ActionRequest = z.infer<typeof actionRequestSchema>;

/** The same of an action on a part. */
export const partRequestSchema = z.strictObject({
  ...actionRequestSchema.shape,
  action: z.strictObject({
    kind: z.int(),
    subject: hex(32),
    revision: z.int(),
    deadline: z.int(),
    organisation: decimal,
    vehicle: hex(32),
    digest: hex(32),
  }),
});
export type PartRequest = z.infer<typeof partRequestSchema>;

/** Whose actions they are. */
export type ModuleName = 'titles' | 'parts';

export const actionStatusSchema = z.looseObject({
  hash: hex(32),
  state: z.enum(submissionStates),
  block: z.optional(z.looseObject({ number: z.int(), hash: hex(32) })),
  transaction: z.optional(hex(32)),
  problem: z.optional(z.string()),
});
export type ActionStatus = z.infer<typeof actionStatusSchema>;

export type { SubmissionState };

const problemSchema = z.looseObject({ code: z.string() });
const handedInSchema = z.looseObject({
  results: z.array(
    z.union([z.looseObject({ action: actionStatusSchema }), z.looseObject({ problem: problemSchema })]),
  ),
});

export type Handed = { readonly status: ActionStatus } | { readonly problem: ProblemDocument };

/** Hands actions in; each is answered for itself, in the same order. The very same again does no harm. */
export async function handIn(
  client: Client,
  actions: readonly (ActionRequest | PartRequest)[],
  module: ModuleName = 'titles',
): Promise<Handed[]> {
  const { results } = await client.json(`/v1/${module}/actions`, handedInSchema, { actions });
  return actions.map((_, index): Handed => {
    const result = results[index];
    if (result !== undefined && 'action' in result) return { status: result.action as ActionStatus };
    const { problem } = (result ?? { problem: { code: 'service.malformed' } }) as {
      problem: ProblemDocument;
    };
    return { problem };
  });
}

/** The state of an action. @throws `action.unknown` (404) */
export function actionStatus(
  client: Client,
  hash: string,
  module: ModuleName = 'titles',
): Promise<ActionStatus> {
  return client.json(`/v1/${module}/actions/${hash}`, actionStatusSchema);
}

const titleSchema = z.looseObject({ revision: z.int(), nextRevision: z.int() });
export type ServedTitle = z.infer<typeof titleSchema>;

/** What the service says of a title, or of a part. */
export function servedTitle(
  client: Client,
  subject: Subject,
  module: ModuleName = 'titles',
): Promise<ServedTitle> {
  return client.json(`/v1/${module}/${subject}`, titleSchema);
}

export function refusalOf(problem: ProblemDocument): ServiceRefusal {
  return new ServiceRefusal(problem.status ?? 422, problem, undefined);
}
