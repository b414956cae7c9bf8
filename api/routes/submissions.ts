import * as z from 'zod';
import type { SubmissionHash } from '../../core/chain/submission.ts';
import {
  MAX_BATCH,
  type SubmissionRequest,
  submissionRequestSchema,
  submissionStatusSchema,
} from '../accept/schema.ts';
import { toldFailure } from '../http/failure.ts';
import { givenHex, problem } from '../http/fields.ts';
import { requestIdOf } from '../http/headers.ts';
import { defineRoute } from '../http/route.ts';
import { Problem } from '../problem.ts';

const AT_ONCE = 16;

/** In a list, what is no submission is answered as such beside the others. */
const submissionsBody = z.union([
  submissionRequestSchema,
  z.strictObject({
    submissions: z
      .array(z.union([submissionRequestSchema, z.unknown()]))
      .min(1)
      .max(MAX_BATCH),
  }),
]);

const results = z.strictObject({
  results: z.array(
    z.union([z.strictObject({ submission: submissionStatusSchema }), z.strictObject({ problem })]),
  ),
});

export const acceptSubmissions = defineRoute({
  method: 'post',
  path: '/v1/submissions',
  name: 'acceptSubmissions',
  tag: 'Submissions',
  summary: 'Hand in signed entries, one submission or several.',
  description:
    'Everything is validated before the answer, which says how far the submission has come and carries the ' +
    'operator’s signed promise. The same submission again gives its state today. Several are answered each for itself.',
  access: 'anyone',
  body: { kind: 'json', schema: submissionsBody, limit: 'submissionBytes', checkedByHandler: true },
  responses: {
    202: {
      description: 'Accepted: stored, and on its way to the ledger. Of several: all of them',
      mediaType: 'application/json',
      schema: z.union([submissionStatusSchema, results]),
    },
    207: { description: 'Of several, not all were accepted', mediaType: 'application/json', schema: results },
  },
  problems: [
    'submission.malformed',
    'submission.tooLarge',
    'submission.expired',
    'submission.deadlineTooSoon',
    'submission.deadlineTooFar',
    'submission.signature',
    'submission.unknownOrganisation',
    'submission.suspended',
    'submission.unknownKey',
    'submission.revokedKey',
    'submission.kindNotAllowed',
    'submission.duplicateEntry',
    'content.erased',
    'submission.contentMissing',
    'submission.contentTwice',
    'subject.mismatch',
    'ledger.closed',
    'nonce.conflict',
    'recall.campaignUsed',
    'block.digestMismatch',
    'block.wrongKey',
    'block.corrupt',
    'envelope.malformed',
    'envelope.unbound',
    'envelope.time',
    'kind.unknown',
    'kind.unknownVersion',
    'kind.invalidData',
    'kind.subject',
    'disclosure.unknown',
    'chain.unavailable',
  ],
  async handle({ body, response }, { pipeline, log }) {
    const requestId = requestIdOf(response);
    const batch = batchOf(body);
    if (batch === null) return { status: 202, body: await pipeline.accept(body as SubmissionRequest) };
    const answers: ({ submission: unknown } | { problem: unknown })[] = [];
    for (let start = 0; start < batch.length; start += AT_ONCE) {
      const group = batch.slice(start, start + AT_ONCE).map(async (request) => {
        try {
          return { submission: await pipeline.accept(request) };
        } catch (error) {
          return { problem: toldFailure(error, requestId, { log }).toJson(requestId) };
        }
      });
      answers.push(...(await Promise.all(group)));
    }
    const refused = answers.some((answer) => 'problem' in answer);
    return { status: refused ? 207 : 202, body: { results: answers } };
  },
});

/** The submissions of a list, or null for a single one, whose form `accept` judges. */
function batchOf(body: unknown): readonly SubmissionRequest[] | null {
  if (body === null || typeof body !== 'object' || !('submissions' in body)) return null;
  const { submissions, ...others } = body;
  if (!Array.isArray(submissions) || submissions.length === 0 || Object.keys(others).length > 0) {
    throw new Problem('submission.malformed', 'A list is {"submissions": […]}, of at least one.');
  }
  if (submissions.length > MAX_BATCH) {
    throw new Problem('submission.tooLarge', `Send at most ${MAX_BATCH} submissions at once.`);
  }
  return submissions as SubmissionRequest[];
}

export const getSubmission = defineRoute({
  method: 'get',
  path: '/v1/submissions/{hash}',
  name: 'getSubmission',
  tag: 'Submissions',
  summary: 'How far a submission has come, with the time and the evidence of each state.',
  access: 'anyone',
  params: z.strictObject({ hash: givenHex(32) }),
  responses: {
    200: { description: 'Its state', mediaType: 'application/json', schema: submissionStatusSchema },
  },
  problems: ['submission.unknown'],
  async handle({ params }, { pipeline }) {
    const status = await pipeline.status(params.hash as SubmissionHash);
    if (status === null)
      throw new Problem('submission.unknown', 'Nothing with this hash was handed in here.');
    return { status: 200, body: status };
  },
});
