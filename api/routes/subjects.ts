import { setImmediate as pause } from 'node:timers/promises';
import * as z from 'zod';
import { toBase64Url, toHex } from '../../core/bytes.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import { formatIdentifier, type Identifier } from '../../core/identifiers/identifier.ts';
import { mayAttest } from '../auth/caller.ts';
import { failureOf } from '../http/failure.ts';
import { givenIdentifier, hex, ledgerId, problem, subject, transcript } from '../http/fields.ts';
import { requestIdOf } from '../http/headers.ts';
import {
  readIdentifier,
  readKnownIdentifier,
  readKnownIdentifiers,
  readOrRefuse,
} from '../http/identifiers.ts';
import { defineRoute } from '../http/route.ts';
import { Problem } from '../problem.ts';
import type { Services } from '../services.ts';

const MAX_BATCH = 1_000;
/** Each takes some half a millisecond: others get their turn in between. */
const AT_ONCE = 25;

const anySubject = ['vehicle', 'batch', 'serial', 'software'] as const;

const overrideCheckDigit = z
  .boolean()
  .optional()
  .meta({ description: 'A registrar’s decision: take a VIN whose required check digit does not hold' });

const evaluated = { identifier: z.string(), subject, transcript };
const place = { pseudonymKey: hex(32), ledger: ledgerId };

export const evaluateSubjects = defineRoute({
  method: 'post',
  path: '/v1/subjects',
  name: 'evaluateSubjects',
  tag: 'Subjects',
  summary: 'The subject of an identifier, with the proof that it is this and no other.',
  description:
    'One identifier, or a list of up to 1,000, in any spelling; also a VIN whose required check digit does not hold, once a ' +
    'registrar has registered that very vehicle. Check the transcript against the ledger’s pseudonym ' +
    'key before signing anything about the subject. Metered by the identifier.',
  access: 'anyone',
  body: {
    kind: 'json',
    limit: 'jsonBytes',
    schema: z.union([
      z.strictObject({ identifier: givenIdentifier, overrideCheckDigit }),
      z.strictObject({ identifiers: z.array(givenIdentifier).min(1).max(MAX_BATCH), overrideCheckDigit }),
    ]),
  },
  responses: {
    200: {
      description: 'The subject; of a list, each with its subject or its problem, in the same order',
      mediaType: 'application/json',
      schema: z.union([
        z.strictObject({ ...evaluated, ...place }),
        z.strictObject({
          ...place,
          results: z.array(z.union([z.strictObject(evaluated), z.strictObject({ problem })])),
        }),
      ]),
    },
  },
  problems: [
    'vin.empty',
    'vin.notAscii',
    'vin.length',
    'vin.character',
    'vin.placeholder',
    'vin.checkDigit',
    'identifier.type',
    'identifier.scope',
    'identifier.value',
    'identifier.isVin',
    'auth.forbidden',
  ],
  async handle({ body, caller, response }, services) {
    const override = body.overrideCheckDigit === true;
    if (override && !(caller.account !== null && mayAttest(caller.account.standing, 'vehicle.registered'))) {
      throw new Problem('auth.forbidden', 'Only a signed-in registrar overrides a check digit.');
    }
    const ledger = formatLedgerId({
      chainId: services.deployment.chainId,
      address: services.deployment.ledger,
    });
    const common = { pseudonymKey: toHex(services.evaluator.publicKey), ledger };
    const take = (lookups: number) => services.meter.take(caller, lookups, response);
    if ('identifier' in body) {
      const identifier = override
        ? readIdentifier(body.identifier, { overrideCheckDigit: true })
        : await readKnownIdentifier(body.identifier, anySubject, services, () => take(1));
      if (override) take(1);
      return { status: 200, body: { ...evaluate(services, identifier), ...common } };
    }
    take(body.identifiers.length);
    const read = override
      ? body.identifiers.map((text) => readOrRefuse(text, { overrideCheckDigit: true }))
      : await readKnownIdentifiers(body.identifiers, services, null);
    const results: unknown[] = [];
    for (const [index, one] of read.entries()) {
      // In a list, one that is no identifier is no reason to refuse the others.
      results.push(
        'refused' in one
          ? { problem: failureOf(one.refused).toJson(requestIdOf(response)) }
          : evaluate(services, one.identifier),
      );
      if (index % AT_ONCE === AT_ONCE - 1) await pause();
    }
    return { status: 200, body: { ...common, results } };
  },
});

function evaluate(services: Services, identifier: Identifier) {
  const { subject, transcript } = services.evaluator.evaluate(identifier);
  services.metrics.lookups(1);
  return {
    identifier: formatIdentifier(identifier),
    subject,
    transcript: { evaluated: toBase64Url(transcript.evaluated), proof: toBase64Url(transcript.proof) },
  };
}
