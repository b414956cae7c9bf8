import * as z from 'zod';
import type { ActionHash } from '../../core/modules/action.ts';
import { moduleOf } from '../../core/modules/action.ts';
import {
  type ActionRequest,
  type ActionStatus,
  actionSchemas,
  MAX_ACTIONS,
  type ModuleName,
} from '../accept/actionSchema.ts';
import { toldFailure } from '../http/failure.ts';
import { givenHex, problem } from '../http/fields.ts';
import { requestIdOf } from '../http/headers.ts';
import { defineRoute, type Tag } from '../http/route.ts';
import { Problem } from '../problem.ts';

/*
 * How actions come in and what became of them, for each module: the same way, with the members and the refusals of its
 * own state machine.
 */

const SUBJECTS_AT_ONCE = 16;

type ModuleRoute = {
  readonly module: ModuleName;
  readonly path: string;
  readonly name: string;
  readonly tag: Tag;
  readonly summary: string;
};

/** Why an action may be refused, whatever its module. */
const refusals = [
  'ledger.closed',
  'subject.mismatch',
  'block.digestMismatch',
  'block.wrongKey',
  'block.corrupt',
  'content.erased',
  'envelope.malformed',
  'envelope.unbound',
  'envelope.time',
  'kind.unknown',
  'kind.unknownVersion',
  'kind.invalidData',
  'kind.subject',
  'disclosure.unknown',
  'chain.unavailable',
];

/** @param what the module's words for what it keeps, what that is of, and the code of a place that is taken */
export function acceptActions({
  module,
  what,
  problems,
  ...route
}: ModuleRoute & {
  readonly what: { readonly one: string; readonly of: string; readonly conflict: string };
  readonly problems: readonly string[];
}) {
  const { request, status } = actionSchemas[module];
  /** In a list, what is no action is answered as such beside the others. */
  const body = z.union([
    request,
    z.strictObject({
      actions: z
        .array(z.union([request, z.unknown()]))
        .min(1)
        .max(MAX_ACTIONS),
    }),
  ]);
  const results = z.strictObject({
    results: z.array(z.union([z.strictObject({ action: status }), z.strictObject({ problem })])),
  });
  return defineRoute({
    method: 'post',
    ...route,
    description:
      `Everything is validated before the answer: as the module will, on each ${what.one} as it is and with what waits for ` +
      'it already. The answer says how far the action has come and carries the operator’s signed promise. The same ' +
      `action again gives its state today; another one for the same revision is a ${what.conflict}. Several are answered ` +
      `each for itself, those of one ${what.of} in the order in which they stand.`,
    access: 'anyone',
    body: { kind: 'json', schema: body, limit: 'submissionBytes', checkedByHandler: true },
    responses: {
      202: {
        description: 'Accepted: stored, and on its way to the module. Of several: all of them',
        mediaType: 'application/json',
        schema: z.union([status, results]),
      },
      207: {
        description: 'Of several, not all were accepted',
        mediaType: 'application/json',
        schema: results,
      },
    },
    problems: [
      'action.malformed',
      'action.tooLarge',
      'action.expired',
      'action.deadlineTooSoon',
      'action.deadlineTooFar',
      'action.signature',
      'action.unknownOrganisation',
      'action.suspended',
      'action.unknownKey',
      'action.revokedKey',
      'action.kindNotAllowed',
      ...problems,
      ...refusals,
    ],
    async handle({ body: given, response }, { pipeline, log }) {
      const requestId = requestIdOf(response);
      const batch = batchOf(given);
      if (batch === null) {
        return { status: 202, body: await pipeline.acceptAction(given as ActionRequest, module) };
      }
      const answers = new Array<{ action: unknown } | { problem: unknown }>(batch.length);
      const queues = [...Map.groupBy(batch.entries(), ([, one]) => subjectOf(one)).values()];
      const work = Array.from({ length: Math.min(SUBJECTS_AT_ONCE, queues.length) }, async () => {
        for (let queue = queues.shift(); queue !== undefined; queue = queues.shift()) {
          for (const [index, one] of queue) {
            answers[index] = await pipeline.acceptAction(one, module).then(
              (action: ActionStatus) => ({ action }),
              (error: unknown) => ({ problem: toldFailure(error, requestId, { log }).toJson(requestId) }),
            );
          }
        }
      });
      await Promise.all(work);
      const refused = answers.some((answer) => 'problem' in answer);
      return { status: refused ? 207 : 202, body: { results: answers } };
    },
  });
}

/** Whose order a request must keep; what has no subject keeps none. */
function subjectOf(request: ActionRequest): unknown {
  const given: unknown = (request as { action?: { subject?: unknown } } | null)?.action?.subject;
  return typeof given === 'string' ? given.toLowerCase() : request;
}

/** The actions of a list, or null for a single one, whose form `acceptAction` judges. */
function batchOf(body: unknown): readonly ActionRequest[] | null {
  if (body === null || typeof body !== 'object' || !('actions' in body)) return null;
  const { actions, ...others } = body;
  if (!Array.isArray(actions) || actions.length === 0 || Object.keys(others).length > 0) {
    throw new Problem('action.malformed', 'A list is {"actions": […]}, of at least one.');
  }
  if (actions.length > MAX_ACTIONS) {
    throw new Problem('action.tooLarge', `Send at most ${MAX_ACTIONS} actions at once.`);
  }
  return actions as ActionRequest[];
}

export function getAction({ module, ...route }: ModuleRoute) {
  return defineRoute({
    method: 'get',
    ...route,
    description: 'Also of one that came to the module by another way: it is here once a block has it.',
    access: 'anyone',
    params: z.strictObject({ hash: givenHex(32) }),
    responses: {
      200: {
        description: 'Its state',
        mediaType: 'application/json',
        schema: actionSchemas[module].status,
      },
    },
    problems: ['action.unknown'],
    async handle({ params }, { pipeline }) {
      const status = await pipeline.actionStatus(params.hash as ActionHash);
      if (status === null || moduleOf(status.action.kind) !== module) {
        throw new Problem('action.unknown', 'No action with this hash was handed in here or executed.');
      }
      return { status: 200, body: status };
    },
  });
}
