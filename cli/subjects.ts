import * as z from 'zod/mini';
import type { Subject } from '../core/chain/types.ts';
import { formatIdentifier, type Identifier } from '../core/identifiers/identifier.ts';
import type { Client } from './client.ts';
import { CommandError, usageError } from './exit.ts';
import type { OpenLedger } from './ledger.ts';

const evaluatedSchema = z.looseObject({
  results: z.array(
    z.looseObject({
      transcript: z.optional(z.looseObject({ evaluated: z.string(), proof: z.string() })),
      problem: z.optional(z.looseObject({ code: z.string(), detail: z.optional(z.string()) })),
    }),
  ),
});

/**
 * The subjects of identifiers by the operators' transcripts, each checked under the key that stands on the ledger: nothing is
 * signed for another history than the one that is meant.
 * @throws `pseudonym.invalidTranscript` (exit 1) for a false transcript, the service's codes for what it refuses
 */
export async function subjectsOf(
  client: Client,
  ledger: OpenLedger,
  identifiers: readonly Identifier[],
): Promise<Subject[]> {
  const { results } = await client.json('/v1/subjects', evaluatedSchema, {
    identifiers: identifiers.map(formatIdentifier),
  });
  return identifiers.map((identifier, index) => {
    const { transcript, problem } = results[index] ?? {};
    if (transcript === undefined) {
      const { code = 'service.malformed', detail = 'The service gave no transcript.' } = problem ?? {};
      throw usageError(code, `${formatIdentifier(identifier)}: ${detail}`);
    }
    try {
      return ledger.subject(identifier, transcript);
    } catch (cause) {
      const code = 'pseudonym.invalidTranscript';
      const text = `The service’s proof for ${formatIdentifier(identifier)} is false: nothing was signed.`;
      throw new CommandError('failed', code, text, { cause });
    }
  });
}
