import { toBase64Url } from '../../core/bytes.ts';
import type { Json } from '../../core/canonical.ts';
import type { Digest, LedgerAddress, OrganisationId, Subject } from '../../core/chain/types.ts';
import { digestOf, encryptBlock, KEY_BYTES, type Random, secureRandom } from '../../core/envelope/block.ts';
import { cidOf } from '../../core/envelope/cid.ts';
import { type ComposedEntry, composeEntry, type Target } from '../../core/envelope/envelope.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import type { Demo, DemoContent } from './demo.ts';
import { mediaTypeOf, renderDocument } from './document.ts';

/** Where the demo is written: a ledger, the numbers of its organisations there, and its subjects. */
export type DemoPlace = {
  readonly ledger: LedgerAddress;
  readonly organisations: ReadonlyMap<string, OrganisationId>;
  /** The subject of an identifier, given as text. */
  readonly subjectOf: (identifier: string) => Subject;
};

export type ComposedContent = {
  readonly by: string;
  readonly kind: string;
  readonly label?: string;
  readonly composed: ComposedEntry;
};

/** An encrypted document, ready to be uploaded by the organisation that lists it. */
export type ComposedDocument = { readonly by: string; readonly cid: string; readonly bytes: Uint8Array };

export type ComposedDemo = {
  /** The history of each subject, and of each organisation's own chain, in order. */
  readonly histories: readonly (readonly ComposedContent[])[];
  readonly documents: readonly ComposedDocument[];
  /** What stands for {@link later} texts: entries by their labels. */
  readonly known: Known;
};

/** Entries by their labels: their digest, and the key that opens them, in base64url. */
export type Known = Map<string, { readonly digest: Digest; readonly key: string }>;

/** Every identifier whose subject is needed to compose the demo, each once. */
export function identifiersOf(demo: Demo): string[] {
  const successors = demo.titles.flatMap(({ acts }) => acts.flatMap(({ successor }) => successor ?? []));
  const named = [...demo.batches, ...demo.parts, ...demo.vehicles, ...demo.safetyParts];
  return [...new Set(named.map(({ identifier }) => identifier).concat(successors))];
}

/**
 * Validates, encrypts and binds every entry of the demo; what one entry says of another is filled in.
 * @throws the codes of {@link composeEntry}
 */
export function composeDemo(demo: Demo, place: DemoPlace, random: Random = secureRandom): ComposedDemo {
  const known: Known = new Map();
  const documents: ComposedDocument[] = [];
  const resolveMembers = resolverOf(place, known);

  const compose = (content: DemoContent, target: Target): ComposedContent => {
    const attached = content.documents.map((document) => {
      const key = random(KEY_BYTES);
      const bytes = encryptBlock(renderDocument(document), key, random);
      // A file of one chunk is its only block, so that its CID is the block's.
      const cid = cidOf(digestOf(bytes));
      documents.push({ by: content.by, cid, bytes });
      return {
        listed: { cid, mediaType: mediaTypeOf(document), bytes: bytes.length },
        key: toBase64Url(key),
      };
    });
    const data = resolveMembers(content.data);
    const sealed = resolveMembers(content.sealed);
    for (const { listed, key } of attached) sealed[`document:${listed.cid}`] = key;
    const composed = composeEntry(
      place.ledger,
      numberOf(place, content.by),
      target,
      {
        kind: content.kind,
        time: content.time,
        data: attached.length === 0 ? data : { ...data, documents: attached.map(({ listed }) => listed) },
        sealed,
      },
      random,
    );
    const { by, kind, label } = content;
    if (label === undefined) return { by, kind, composed };
    known.set(label, { digest: composed.entry.digest, key: toBase64Url(composed.key) });
    return { by, kind, label, composed };
  };

  // Batches before the vehicles that name them, and campaigns before their remedies.
  const own = new Map<string, ComposedContent[]>();
  const batches = demo.batches.map((batch) => composeHistory(batch.identifier, batch.contents));
  for (const { organisation, contents } of [...demo.campaigns, ...demo.alerts]) {
    const chain = own.get(organisation) ?? [];
    own.set(organisation, chain);
    for (const content of contents) chain.push(compose(content, 'own'));
  }
  const rest = [...demo.vehicles, ...demo.parts].map((subject) =>
    composeHistory(subject.identifier, subject.contents),
  );
  return { histories: [...batches, ...own.values(), ...rest], documents, known };

  function composeHistory(text: string, contents: readonly DemoContent[]): ComposedContent[] {
    const identifier = parseIdentifier(text);
    const subject = place.subjectOf(text);
    return contents.map((content) => compose(content, { subject, identifier }));
  }
}

type Members = Readonly<Record<string, Json>>;

/** Fills in what is only known once entries are composed. */
export function resolverOf(place: DemoPlace, known: Known): (members: Members) => Record<string, Json> {
  const resolveText = (text: string): string => {
    const match = /^(key:)?@(digest|key|organisation):(.+)$/s.exec(text);
    if (match === null) return text;
    const [, prefix = '', what, name = ''] = match;
    if (what === 'organisation') return prefix + String(numberOf(place, name));
    const entry = known.get(name);
    if (entry === undefined) throw new Error(`nothing is called "${name}" yet`);
    return prefix + (what === 'digest' ? entry.digest : entry.key);
  };
  const resolve = (value: Json): Json => {
    if (typeof value === 'string') return resolveText(value);
    if (Array.isArray(value)) return value.map(resolve);
    if (value !== null && typeof value === 'object') return resolveMembers(value as Record<string, Json>);
    return value;
  };
  const resolveMembers = (members: Members): Record<string, Json> =>
    Object.fromEntries(Object.entries(members).map(([name, value]) => [resolveText(name), resolve(value)]));
  return resolveMembers;
}

export function numberOf(place: DemoPlace, name: string): OrganisationId {
  const number = place.organisations.get(name);
  if (number === undefined) throw new Error(`no organisation is called "${name}"`);
  return number;
}
