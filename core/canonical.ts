import { VinculumError } from './errors.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** Deeper documents are refused: nothing of ours is, and recursion is bounded. */
const MAX_DEPTH = 32;

function serialise(value: unknown, depth: number): string {
  if (depth > MAX_DEPTH) throw new VinculumError('json.tooDeep', `JSON is nested at most ${MAX_DEPTH} deep.`);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value))
      throw new VinculumError('json.notANumber', 'JSON has no NaN and no infinity.');
    return JSON.stringify(value);
  }
  if (typeof value === 'string') {
    if (!value.isWellFormed())
      throw new VinculumError('json.loneSurrogate', 'A text has half a surrogate pair.');
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map((item) => serialise(item, depth + 1)).join(',')}]`;
  if (typeof value === 'object') {
    // The default sort compares UTF-16 code units, as RFC 8785 §3.2.3 asks.
    const members = Object.entries(value).filter(([, item]) => item !== undefined);
    members.sort(([left], [right]) => (left < right ? -1 : 1));
    return `{${members.map(([name, item]) => `${serialise(name, depth)}:${serialise(item, depth + 1)}`).join(',')}}`;
  }
  throw new VinculumError('json.unsupported', `JSON has no ${typeof value}.`);
}

/**
 * The canonical text of a JSON value (RFC 8785). Members that are `undefined` are left out.
 * @throws `json.tooDeep` `json.notANumber` `json.loneSurrogate` `json.unsupported`
 */
export function canonicalJson(value: unknown): string {
  return serialise(value, 0);
}

/**
 * The value of a text that must be canonical JSON already: duplicate names, spaces, escapes and other spellings of
 * the same value are refused, so that equal content means equal bytes.
 * @throws `json.invalid` `json.notCanonical` `json.tooDeep`
 */
export function parseCanonicalJson(text: string): Json {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (cause) {
    throw new VinculumError('json.invalid', 'The text is not JSON.', { cause });
  }
  if (canonicalJson(value) !== text) {
    throw new VinculumError('json.notCanonical', 'The JSON is not in canonical form (RFC 8785).');
  }
  return value;
}
