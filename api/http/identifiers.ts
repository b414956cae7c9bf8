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

/**
 * An identifier to look up, of one of these types of subjects. A required check digit that does not hold is accepted
 * where a registrar has registered that very vehicle.
 */
export async function readKnownIdentifier(
  text: string,
  types: readonly SubjectType[],
  services: Services,
): Promise<Identifier> {
  const identifier = await readIdentifierOrOverridden(text, services);
  if (!types.includes(subjectTypeOf(identifier))) {
    throw new Problem(
      'request.invalid',
      `Here is a ${types.join(' or ')} to be named, not a ${identifier.type}.`,
    );
  }
  return identifier;
}

async function readIdentifierOrOverridden(text: string, services: Services): Promise<Identifier> {
  try {
    return readIdentifier(text);
  } catch (error) {
    if (!(error instanceof VinculumError) || error.code !== 'vin.checkDigit') throw error;
    const overridden = readIdentifier(text, { overrideCheckDigit: true });
    if (await services.query.isRecorded(services.evaluator.subject(overridden))) return overridden;
    throw error;
  }
}
