import { VinculumError } from '../../core/errors.ts';
import {
  type Identifier,
  parseIdentifier,
  type SubjectType,
  subjectTypeOf,
} from '../../core/identifiers/identifier.ts';
import { similarVins } from '../../core/identifiers/vin.ts';
import { Problem } from '../problem.ts';
import type { Services } from '../services.ts';

/**
 * An identifier as somebody typed it, normalised. A VIN that is none is refused with what it may have been meant for.
 * @throws the `vin.*` and `identifier.*` codes
 */
export function readIdentifier(text: string, options: { overrideCheckDigit?: boolean } = {}): Identifier {
  try {
    return parseIdentifier(text, options);
  } catch (error) {
    if (!(error instanceof VinculumError) || !error.code.startsWith('vin.')) throw error;
    const didYouMean = similarVins(text.replace(/^vin:/, ''));
    const details = didYouMean.length === 0 ? error.details : { ...error.details, didYouMean };
    throw new VinculumError(error.code, error.message, { details });
  }
}

/** What a look-up asks, beside its allowance. */
type Lookup = Pick<Services, 'evaluator' | 'query'>;

/**
 * An identifier to look up, of one of these types of subjects. A required check digit that does not hold is accepted
 * where a registrar has registered that very vehicle.
 * @param take takes one look-up from the caller's allowance. Called once, before the identifier is evaluated for anything,
 *   also for that question
 */
export async function readKnownIdentifier(
  text: string,
  types: readonly SubjectType[],
  services: Lookup,
  take: () => void,
): Promise<Identifier> {
  const { identifier, doubt } = readOrDoubt(text);
  requireType(identifier, types);
  take();
  if (doubt !== null && !(await services.query.isRecorded(services.evaluator.subject(identifier))))
    throw doubt;
  return identifier;
}

/** An identifier, or why it is refused. */
export type ReadIdentifier = { readonly identifier: Identifier } | { readonly refused: VinculumError };

/**
 * Several, in the same order.
 * @param take takes look-ups for those of which it must be asked whether they are known, before that is; null where the
 *   caller has paid for all of them
 */
export async function readKnownIdentifiers(
  texts: readonly string[],
  services: Lookup,
  take: ((lookups: number) => void) | null,
): Promise<ReadIdentifier[]> {
  const read = texts.map((text) => refusing(() => readOrDoubt(text)));
  const doubted = read.filter((one) => 'doubt' in one && one.doubt !== null).length;
  if (doubted > 0) take?.(doubted);
  const results: ReadIdentifier[] = [];
  for (const one of read) {
    const isRefused =
      'doubt' in one &&
      one.doubt !== null &&
      !(await services.query.isRecorded(services.evaluator.subject(one.identifier)));
    results.push(isRefused ? { refused: one.doubt } : one);
  }
  return results;
}

type Doubted = { readonly identifier: Identifier; readonly doubt: VinculumError | null };

/** One of a list, that is no reason to refuse the others. */
export function readOrRefuse(text: string, options: { overrideCheckDigit?: boolean } = {}): ReadIdentifier {
  return refusing(() => ({ identifier: readIdentifier(text, options) }));
}

function refusing<Read>(read: () => Read): Read | { readonly refused: VinculumError } {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof VinculumError)) throw error;
    return { refused: error };
  }
}

/** @throws `request.invalid` */
export function requireType(identifier: Identifier, types: readonly SubjectType[]): void {
  if (types.includes(subjectTypeOf(identifier))) return;
  throw new Problem(
    'request.invalid',
    `Here is a ${types.join(' or ')} to be named, not a ${identifier.type}.`,
  );
}

/** An identifier, and why it would be none but for a registrar who has said that it is. */
function readOrDoubt(text: string): Doubted {
  try {
    return { identifier: readIdentifier(text), doubt: null };
  } catch (error) {
    if (!(error instanceof VinculumError) || error.code !== 'vin.checkDigit') throw error;
    return { identifier: readIdentifier(text, { overrideCheckDigit: true }), doubt: error };
  }
}
