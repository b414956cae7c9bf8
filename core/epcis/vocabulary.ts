/*
 * The words of EPCIS and the Core Business Vocabulary: as JSON has them (`receiving`), as URNs of CBV 1 and as addresses.
 */

/** Prefix → namespace, from a document's `@context`. */
export type NamespaceContext = Readonly<Record<string, string>>;

/** A field that takes words of the vocabulary. */
export type TermField =
  | 'bizStep'
  | 'disposition'
  | 'businessTransaction'
  | 'sourceOrDestination'
  | 'errorReason'
  | 'measurement'
  | 'alert'
  | 'component'
  | 'any';

const CBV = 'https://ref.gs1.org/cbv/';
const GS1 = 'https://gs1.org/voc/';

/** Where the bare words of a field live. */
const HOME: Readonly<Record<Exclude<TermField, 'any'>, string>> = {
  bizStep: `${CBV}BizStep-`,
  disposition: `${CBV}Disp-`,
  businessTransaction: `${CBV}BTT-`,
  sourceOrDestination: `${CBV}SDT-`,
  errorReason: `${CBV}ER-`,
  measurement: GS1,
  alert: GS1,
  component: `${CBV}Comp-`,
};

const URNS: readonly (readonly [string, string])[] = [
  ['urn:epcglobal:cbv:bizstep:', HOME.bizStep],
  ['urn:epcglobal:cbv:disp:', HOME.disposition],
  ['urn:epcglobal:cbv:btt:', HOME.businessTransaction],
  ['urn:epcglobal:cbv:sdt:', HOME.sourceOrDestination],
  ['urn:epcglobal:cbv:er:', HOME.errorReason],
];

/** Prefixes of the EPCIS context itself. */
const CURIES: readonly (readonly [string, string])[] = [
  ['cbv:', CBV],
  ['gs1:', GS1],
  ['epcis:', 'https://ref.gs1.org/epcis/'],
];

/** A word in full; text that is none of the vocabulary's is left as it is. */
export function expandTerm(field: TermField, text: string): string {
  for (const [urn, home] of URNS) if (text.startsWith(urn)) return home + text.slice(urn.length);
  for (const [prefix, home] of CURIES) if (text.startsWith(prefix)) return home + text.slice(prefix.length);
  if (field === 'any' || text.includes(':')) return text;
  return HOME[field] + text;
}

/** A word as JSON has it: bare; null for one of another vocabulary. */
export function bareTerm(field: Exclude<TermField, 'any'>, text: string): string | null {
  const full = expandTerm(field, text.trim());
  return full.startsWith(HOME[field]) ? full.slice(HOME[field].length) : null;
}

/** Prefixes that need no declaration. */
const KNOWN: NamespaceContext = {
  cbv: CBV,
  gs1: GS1,
  epcis: 'https://ref.gs1.org/epcis/',
  cbvmda: 'urn:epcglobal:cbv:mda',
};

/** The prefixes that a `@context` declares: an address, an object, or a list of both. Addresses are not fetched. */
export function namespacesOf(context: unknown): NamespaceContext {
  const namespaces: Record<string, string> = Object.create(null);
  for (const item of Array.isArray(context) ? context : [context]) {
    if (typeof item !== 'object' || item === null) continue;
    for (const [prefix, target] of Object.entries(item)) {
      const uri = typeof target === 'string' ? target : (target as { '@id'?: unknown } | null)?.['@id'];
      if (typeof uri === 'string' && !prefix.startsWith('@')) namespaces[prefix] = uri;
    }
  }
  return namespaces;
}

/** `{namespace}local` of a prefixed name; a name without a declared prefix is left as it is. */
export function resolveName(name: string, namespaces: NamespaceContext): string {
  const colon = name.indexOf(':');
  if (colon < 0) return name;
  const prefix = name.slice(0, colon);
  const namespace = namespaces[prefix] ?? (Object.hasOwn(KNOWN, prefix) ? KNOWN[prefix] : undefined);
  return namespace === undefined ? name : `{${namespace}}${name.slice(colon + 1)}`;
}
