import * as z from 'zod/mini';
import { VinculumError } from '../errors.ts';
import type { Kind } from './kind.ts';
import { type KindData, type KindName, kindByName } from './kinds.ts';

function kindOf(name: string, version: number): Kind {
  const kind = kindByName(name);
  if (kind === undefined) {
    throw new VinculumError('kind.unknown', 'No kind has this name: use one of docs/protocol.md §6.', {
      details: { kind: name },
    });
  }
  if (kind.version !== version) {
    throw new VinculumError('kind.unknownVersion', `Of ${name} only version ${kind.version} is known here.`, {
      details: { kind: name, version },
    });
  }
  return kind;
}

/** The issue that lies deepest: of a union it is the branch that came furthest. */
function deepest(issues: readonly z.core.$ZodIssue[], base: readonly PropertyKey[] = []): Fault {
  const faults = issues.map((issue): Fault => {
    const path = [...base, ...issue.path];
    if (issue.code === 'invalid_union' && issue.errors.length > 0) {
      const inner = deepest(issue.errors.flat(), path);
      if (inner.path.length > path.length) return inner;
    }
    if (issue.code === 'unrecognized_keys') {
      return { path: [...path, issue.keys[0] ?? ''], expected: 'no such member' };
    }
    return { path, expected: expectation(issue) };
  });
  const [first = { path: base, expected: 'something else' }, ...rest] = faults;
  return rest.reduce((best, fault) => (fault.path.length > best.path.length ? fault : best), first);
}

type Fault = { readonly path: readonly PropertyKey[]; readonly expected: string };

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected;
    case 'invalid_value':
      return `one of ${issue.values.slice(0, 60).map(String).join(', ')}`;
    case 'too_big':
      return `at most ${issue.maximum}`;
    case 'too_small':
      return `at least ${issue.minimum}`;
    case 'invalid_format':
      return issue.format === 'regex' ? `text like ${issue.pattern}` : issue.format;
    default:
      return 'a valid value';
  }
}

/** `data.odometer.value`, `data.parts[3].part`; a member of a hostile name is cut short. */
function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return `${text}${text === '' ? '' : '.'}${String(step).slice(0, 80)}`;
  }, '');
}

/** Zod's records drop a member called `__proto__` without a word, where every other unknown member is refused. */
function hidesMember(value: unknown): boolean {
  const open = [value];
  const seen = new Set<unknown>();
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== 'object' || next === null || seen.has(next)) continue;
    seen.add(next);
    if (Object.hasOwn(next, '__proto__')) return true;
    for (const member of Object.values(next)) open.push(member);
  }
  return false;
}

function parse(schema: z.ZodMiniType, value: unknown, root: string, kind: string): unknown {
  const result = schema.safeParse(value);
  if (result.success) {
    if (hidesMember(value)) throw invalid(kind, root, 'without a member called __proto__');
    return result.data;
  }
  const fault = deepest(result.error.issues, [root]);
  throw invalid(kind, pathText(fault.path), fault.expected);
}

function invalid(kind: string, path: string, expected: string): VinculumError {
  return new VinculumError('kind.invalidData', `${kind}: ${path} should be ${expected}.`, {
    details: { kind, path, expected },
  });
}

/**
 * Checks the public fields of an entry (the envelope's `data` without `_sd`) against the schema of its kind.
 * An `amended` entry is checked down into the corrected fields that it carries.
 * @throws `kind.unknown` `kind.unknownVersion`, and `kind.invalidData` with the path of the fault in its details
 */
export function validateData<Name extends KindName>(
  kind: Name,
  version: number,
  data: unknown,
): KindData<Name>;
export function validateData(kind: string, version: number, data: unknown): Record<string, unknown>;
export function validateData(kind: string, version: number, data: unknown): Record<string, unknown> {
  const valid = parse(kindOf(kind, version).public, data, 'data', kind) as Record<string, unknown>;
  if (kind === 'amended') validateAmendment(valid as KindData<'amended'>);
  return valid;
}

function validateAmendment(data: KindData<'amended'>): void {
  if ((data.data === undefined) === (data.retracted === undefined)) {
    throw invalid('amended', 'data.data', 'given, or else `retracted`');
  }
  validateCorrection(data);
}

/** What an amendment says of its original, as far as it says it: some of it may be sealed. */
function validateCorrection({ kind, kindVersion, data }: Partial<KindData<'amended'>>): void {
  if (kind === 'amended') throw invalid('amended', 'data.kind', 'the kind of the original entry');
  if (kind === undefined || kindVersion === undefined) return;
  kindOf(kind, kindVersion);
  if (data === undefined) return;
  try {
    validateData(kind, kindVersion, data);
  } catch (error) {
    if (!(error instanceof VinculumError) || error.code !== 'kind.invalidData') throw error;
    const { path, expected } = error.details;
    throw invalid('amended', `data.${String(path)}`, String(expected));
  }
}

/**
 * The public fields that a kind demands and `data` does not have: sealed, where the entry is valid (docs/protocol.md
 * §5). An amendment that neither corrects nor retracts lacks its `data`.
 * @throws `kind.unknown` `kind.unknownVersion`
 */
export function missingFields(
  kind: string,
  version: number,
  data: Readonly<Record<string, unknown>>,
): string[] {
  const { shape } = kindOf(kind, version).public;
  const missing = Object.entries(shape as Readonly<Record<string, z.ZodMiniType>>)
    .filter(([name, schema]) => schema._zod.optin !== 'optional' && !Object.hasOwn(data, name))
    .map(([name]) => name);
  const silent = kind === 'amended' && data.data === undefined && data.retracted === undefined;
  return silent ? [...missing, 'data'] : missing;
}

/**
 * Checks what an entry shows of its public fields where the signer may have sealed some of them: as {@link validateData},
 * but as many that the kind demands may be missing as there are digests that can stand for them.
 * @param seals how many digests of sealed fields nothing has opened
 * @throws as {@link validateData}
 */
export function validateShown(
  kind: string,
  version: number,
  data: Readonly<Record<string, unknown>>,
  seals: number,
): void {
  const missing = missingFields(kind, version, data);
  if (missing.length === 0 || missing.length > seals) {
    validateData(kind, version, data);
    return;
  }
  const { public: whole } = kindOf(kind, version);
  const sealed = missing.filter((name) => whole.shape[name]?._zod.optin !== 'optional');
  const schema = z.partial(whole, Object.fromEntries(sealed.map((name) => [name, true as const])));
  const valid = parse(schema, data, 'data', kind) as Partial<KindData<'amended'>>;
  if (kind !== 'amended') return;
  if (valid.data !== undefined && valid.retracted !== undefined) {
    throw invalid('amended', 'data.data', 'given, or else `retracted`');
  }
  validateCorrection(valid);
}

/** The schema of a sealed field, undefined where the kind has no such field. */
export function sealedSchema(kind: Kind, name: string): z.ZodMiniType | undefined {
  if (name.endsWith(':*')) return undefined;
  if (Object.hasOwn(kind.sealed, name)) return kind.sealed[name];
  const colon = name.indexOf(':');
  const pattern = `${name.slice(0, colon)}:*`;
  return colon > 0 && name.length > colon + 1 && Object.hasOwn(kind.sealed, pattern)
    ? kind.sealed[pattern]
    : undefined;
}

/** Whether the schema of a kind shows this field to everybody; a signer may seal it all the same. */
export function isPublicField(kind: string, version: number, name: string): boolean {
  return Object.hasOwn(kindOf(kind, version).public.shape, name);
}

/**
 * Checks one sealed field of an entry by its name: one that the kind seals, or a public one that the signer sealed.
 * @throws `kind.unknown` `kind.unknownVersion`, and `kind.invalidData` for a field the kind does not have or a wrong value
 */
export function validateSealed(kind: string, version: number, name: string, value: unknown): unknown {
  const of = kindOf(kind, version);
  const schema = isPublicField(kind, version, name)
    ? (of.public.shape[name] as z.ZodMiniType)
    : sealedSchema(of, name);
  const path = `sealed.${name.slice(0, 80)}`;
  // No field's value is `undefined`, whatever an optional field's schema says of a missing one.
  if (schema === undefined || value === undefined) throw invalid(kind, path, 'no such field');
  return parse(schema, value, path, kind);
}
