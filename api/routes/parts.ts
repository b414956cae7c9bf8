import * as z from 'zod';
import type { Subject } from '../../core/chain/types.ts';
import { address, blockReference, decimal, givenHex, ledgerId, subject } from '../http/fields.ts';
import { defineRoute } from '../http/route.ts';
import { partNow } from '../query/parts.ts';
import { acceptActions, getAction } from './actions.ts';

/** The state machine's own refusals, which the module of the ledger gives too. */
const partProblems = [
  'part.conflict',
  'part.unknownKind',
  'part.unusedField',
  'part.wrongRevision',
  'part.wrongState',
  'part.badVehicle',
  'part.notThere',
];

export const acceptPartActions = acceptActions({
  module: 'parts',
  path: '/v1/parts/actions',
  name: 'acceptPartActions',
  tag: 'Parts',
  summary: 'Hand in signed actions on safety parts with their envelopes, one or several.',
  what: { one: 'part', of: 'part', conflict: 'part.conflict' },
  problems: partProblems,
});

export const getPartAction = getAction({
  module: 'parts',
  path: '/v1/parts/actions/{hash}',
  name: 'getPartAction',
  tag: 'Parts',
  summary: 'How far an action on a part has come, with the time and the evidence of each state.',
});

const state = z.enum(['none', 'free', 'mounted', 'stolen', 'scrapped']);

export const getPart = defineRoute({
  method: 'get',
  path: '/v1/parts/{subject}',
  name: 'getPart',
  tag: 'Parts',
  summary: 'May this part be mounted now, and if not, why? What it is, as of the last block that was read.',
  description:
    'By the subject (`POST /v1/subjects`). As the service reads it: what can be checked is the part’s report, or the ' +
    'module itself. A part that was never registered is answered too: its state is none. `vehicle` is a subject, which ' +
    'says nothing of the vehicle to who does not know its number.',
  access: 'anyone',
  params: z.strictObject({ subject: givenHex(32) }),
  responses: {
    200: {
      description: 'The part',
      mediaType: 'application/json',
      schema: z.strictObject({
        subject,
        state,
        maker: decimal.nullable().meta({ description: 'The organisation that registered it' }),
        vehicle: subject.nullable().meta({ description: 'Where it is' }),
        revision: z.int().meta({ description: 'How many actions it has seen' }),
        mountable: z.boolean(),
        ledger: ledgerId,
        parts: address.meta({ description: 'The module that keeps it' }),
        nextRevision: z
          .int()
          .meta({ description: 'What the next action signs: the revision after all that waits here' }),
        next: z
          .strictObject({ state, vehicle: subject.nullable() })
          .meta({ description: 'What it is after all that waits here' }),
        asOf: blockReference,
        elsewhere: z
          .array(z.strictObject({ ledger: ledgerId, state, vehicle: subject.nullable() }))
          .meta({ description: 'Other ledgers of the directory whose modules know this part' }),
      }),
    },
  },
  problems: ['index.behind'],
  async handle({ params }, { deployment, pipeline, store }) {
    const place = {
      number: await pipeline.ownLedger(),
      ledger: { chainId: deployment.chainId, address: deployment.ledger },
      module: deployment.parts,
    };
    const now = BigInt(Math.floor(Date.now() / 1000));
    const part = await partNow(store, place, params.subject as Subject, now);
    return { status: 200, headers: { 'Cache-Control': 'no-store' }, body: part };
  },
});
