import { fromUtf8, utf8 } from '../bytes.ts';
import { canonicalJson, type Json, parseCanonicalJson } from '../canonical.ts';
import type { Entry } from '../chain/entry.ts';
import { formatLedgerId } from '../chain/ledgerId.ts';
import {
  type LedgerAddress,
  type LedgerId,
  type OrganisationId,
  type Subject,
  ZERO_SUBJECT,
} from '../chain/types.ts';
import { VinculumError } from '../errors.ts';
import { formatIdentifier, type Identifier, subjectTypeOf } from '../identifiers/identifier.ts';
import type { Kind } from '../kinds/kind.ts';
import { kindByName, kindByNumber } from '../kinds/kinds.ts';
import {
  isPublicField,
  missingFields,
  validateData,
  validateSealed,
  validateShown,
} from '../kinds/validate.ts';
import {
  digestOf,
  encryptBlock,
  KEY_BYTES,
  MAX_BLOCK_BYTES,
  openBlock,
  type Random,
  secureRandom,
} from './block.ts';
import { type Disclosure, openDisclosures, sealData } from './disclosure.ts';
import { secondsOf } from './time.ts';

/** The JSON document an entry stands for (docs/protocol.md §5). */
export type Envelope = {
  readonly vinculum: 1;
  readonly ledger: LedgerId;
  readonly subject: Subject;
  /** `type:scope:value`, or `organisation:<id>` on an organisation's own chain. */
  readonly identifier: string;
  readonly kind: string;
  readonly kindVersion: number;
  /** The attester's number in decimal. */
  readonly organisation: string;
  /** When it happened: a date, or an instant in UTC to the second. */
  readonly time: string;
  readonly data: Readonly<Record<string, Json>>;
};

/** What a signer says happened; everything else of an envelope follows from whom and where. */
export type Content = {
  readonly kind: string;
  readonly kindVersion?: number;
  readonly time: string;
  readonly data: Readonly<Record<string, Json>>;
  /** Fields that only disclosures open: those that the kind seals, and any public one that the signer would rather seal. */
  readonly sealed?: Readonly<Record<string, Json>>;
};

/** An entry ready to be signed, with what the operator needs to store and serve it. */
export type ComposedEntry = {
  readonly entry: Entry;
  readonly block: Uint8Array;
  /** Opens the block; never leaves the signer and the operator but in a report. */
  readonly key: Uint8Array;
  readonly disclosures: readonly Disclosure[];
};

/** Whose history an entry joins: a subject under its identifier, or the attester's own chain. */
export type Target = { readonly subject: Subject; readonly identifier: Identifier } | 'own';

/** An event may be dated this much after the block that anchors it: calendars begin their day earlier than UTC. */
export const MAX_LEAD_SECONDS = 86_400n;

/**
 * Builds, validates and encrypts one entry.
 * @throws the `kind.*` codes when the content does not satisfy its kind, `kind.subject` when the kind is not for
 *   such a subject, `envelope.time`, `envelope.tooLarge`
 */
export function composeEntry(
  ledger: LedgerAddress,
  organisation: OrganisationId,
  target: Target,
  content: Content,
  random: Random = secureRandom,
): ComposedEntry {
  const kind = known(kindByName(content.kind));
  const kindVersion = content.kindVersion ?? 1;
  const sealed = content.sealed ?? {};
  for (const [name, value] of Object.entries(sealed)) validateSealed(kind.name, kindVersion, name, value);
  const { data, disclosures } = sealData(content.data, sealed, random);
  // Whatever of it is sealed, it must be a whole entry of its kind.
  validateData(kind.name, kindVersion, mergeFields(kind.name, kindVersion, content.data, sealed).data);
  const envelope: Envelope = {
    vinculum: 1,
    ledger: formatLedgerId(ledger),
    subject: target === 'own' ? ZERO_SUBJECT : target.subject,
    identifier: target === 'own' ? `organisation:${organisation}` : formatIdentifier(target.identifier),
    kind: kind.name,
    kindVersion,
    organisation: organisation.toString(),
    time: content.time,
    data,
  };
  checkSubjectType(kind.name, target === 'own' ? 'own' : subjectTypeOf(target.identifier));
  validateEnvelope(envelope);
  const key = random(KEY_BYTES);
  const block = encryptBlock(utf8(canonicalJson(envelope)), key, random);
  if (block.length > MAX_BLOCK_BYTES) {
    throw new VinculumError(
      'envelope.tooLarge',
      'A block is at most 1 MiB: put larger content into a document.',
    );
  }
  return {
    entry: { kind: kind.number, subject: envelope.subject, digest: digestOf(block) },
    block,
    key,
    disclosures,
  };
}

function known(kind: Kind | undefined): Kind {
  if (kind === undefined) throw new VinculumError('kind.unknown', 'No kind has this name or number.');
  return kind;
}

function checkSubjectType(kind: string, type: string): void {
  const { subjects } = known(kindByName(kind));
  if (!(subjects as readonly string[]).includes(type)) {
    throw new VinculumError(
      'kind.subject',
      `An entry of kind ${kind} belongs to: ${subjects.join(', ')}; not ${type}.`,
    );
  }
}

const MEMBERS = [
  'data',
  'identifier',
  'kind',
  'kindVersion',
  'ledger',
  'organisation',
  'subject',
  'time',
  'vinculum',
];

/** Digests of sealed fields: sorted, each once, 32 bytes in base64url. */
function checkSealedDigests(digests: Json): void {
  const valid =
    Array.isArray(digests) &&
    digests.length > 0 &&
    digests.every(
      (digest, index) =>
        typeof digest === 'string' &&
        /^[A-Za-z0-9_-]{43}$/.test(digest) &&
        (index === 0 || String(digests[index - 1]) < digest),
    );
  if (!valid) {
    throw new VinculumError(
      'envelope.malformed',
      'data._sd lists the digests of sealed fields, sorted, each once.',
    );
  }
}

/** Time and kind of an envelope; of sealed fields only the digests, they are checked as they are disclosed. */
function validateEnvelope(envelope: Envelope): void {
  secondsOf(envelope.time);
  const { _sd, ...data } = envelope.data;
  if (_sd !== undefined) checkSealedDigests(_sd);
  validateShown(envelope.kind, envelope.kindVersion, data, sealedCount(envelope));
}

/** How many sealed fields an envelope has, by their digests. */
export function sealedCount(envelope: Pick<Envelope, 'data'>): number {
  const { _sd } = envelope.data;
  return Array.isArray(_sd) ? _sd.length : 0;
}

/** What a reader knows of an entry's fields. */
export type ReadableFields = {
  /** The public fields, without `_sd`, with those that the signer sealed and disclosures opened. */
  readonly data: Readonly<Record<string, Json>>;
  /** The open fields that the kind seals. */
  readonly sealed: Readonly<Record<string, Json>>;
  /** Public fields that the kind demands and that are still sealed: with any, the entry counts for nothing. */
  readonly missing: readonly string[];
};

function mergeFields(
  kind: string,
  version: number,
  { _sd, ...shown }: Readonly<Record<string, Json>>,
  opened: Readonly<Record<string, Json>>,
): Omit<ReadableFields, 'missing'> {
  const isPublic = ([name]: readonly [string, Json]): boolean => isPublicField(kind, version, name);
  const fields = Object.entries(opened);
  return {
    data: { ...shown, ...Object.fromEntries(fields.filter(isPublic)) },
    sealed: Object.fromEntries(fields.filter((field) => !isPublic(field))),
  };
}

/** The fields of an entry as a reader takes them, with what disclosures opened (checked by {@link openSealed}). */
export function readableFields(envelope: Envelope, opened: Readonly<Record<string, Json>>): ReadableFields {
  const { kind, kindVersion } = envelope;
  const fields = mergeFields(kind, kindVersion, envelope.data, opened);
  return { ...fields, missing: missingFields(kind, kindVersion, fields.data) };
}

/**
 * Decrypts and parses a block; the result is an envelope of a known kind whose data satisfies the kind's schema.
 * @throws the `block.*`, `json.*` and `kind.*` codes, `envelope.malformed`, `envelope.time`
 */
export function openEnvelope(block: Uint8Array, key: Uint8Array): Envelope {
  return parseEnvelope(openBlock(block, key));
}

/**
 * The envelope of a block that was decrypted already.
 * @throws as {@link openEnvelope}, without the `block.*` codes
 */
export function parseEnvelope(plaintext: Uint8Array): Envelope {
  const value = parseCanonicalJson(fromUtf8(plaintext));
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new VinculumError('envelope.malformed', 'An envelope is a JSON object.');
  }
  const members = value as Readonly<Record<string, Json>>;
  const names = Object.keys(members);
  const texts = ['identifier', 'kind', 'ledger', 'organisation', 'subject', 'time'];
  if (
    names.length !== MEMBERS.length ||
    !MEMBERS.every((name, index) => names[index] === name) ||
    members.vinculum !== 1 ||
    !Number.isSafeInteger(members.kindVersion) ||
    !texts.every((name) => typeof members[name] === 'string') ||
    members.data === null ||
    typeof members.data !== 'object' ||
    Array.isArray(members.data)
  ) {
    throw new VinculumError(
      'envelope.malformed',
      `An envelope has exactly the members ${MEMBERS.join(', ')}.`,
    );
  }
  const envelope = members as unknown as Envelope;
  validateEnvelope(envelope);
  return envelope;
}

/** What an envelope must say to belong to a link. */
export type Binding = {
  readonly ledger: LedgerId;
  readonly subject: Subject;
  readonly identifier: string;
  readonly kind: number;
  readonly organisation: OrganisationId;
  /** The link's timestamp, or the clock while a submission is being accepted. */
  readonly timestamp: bigint;
};

/**
 * Checks that an envelope belongs where its digest was anchored: a digest copied from elsewhere is void.
 * @throws `envelope.unbound` naming the member that differs, `kind.subject`
 */
export function checkBinding(envelope: Envelope, binding: Binding): void {
  const expected: Readonly<Record<string, string>> = {
    ledger: binding.ledger,
    subject: binding.subject,
    identifier: binding.identifier,
    kind: known(kindByNumber(binding.kind)).name,
    organisation: binding.organisation.toString(),
  };
  for (const [member, value] of Object.entries(expected)) {
    const found = envelope[member as keyof Envelope];
    if (found !== value) {
      throw new VinculumError('envelope.unbound', `The envelope’s ${member} is not the entry’s.`, {
        details: { member },
      });
    }
  }
  if (secondsOf(envelope.time) > binding.timestamp + MAX_LEAD_SECONDS) {
    throw new VinculumError('envelope.unbound', 'The event is dated after the block that anchors it.', {
      details: { member: 'time' },
    });
  }
  const type = envelope.identifier.slice(0, envelope.identifier.indexOf(':'));
  const vehicle = type === 'vin' || type === 'registration' || type === 'chassis' || type === 'van';
  checkSubjectType(envelope.kind, vehicle ? 'vehicle' : type === 'organisation' ? 'own' : type);
}

/**
 * The sealed fields that disclosures open, each valid for its kind, and the entry with them as far as it is open. Public
 * fields that the signer sealed are among them; {@link readableFields} puts them in their place.
 * @throws the `disclosure.*` codes and `kind.invalidData`
 */
export function openSealed(envelope: Envelope, disclosures: readonly string[]): Record<string, Json> {
  const { kind, kindVersion } = envelope;
  const opened = openDisclosures(envelope.data, disclosures);
  const names = Object.keys(opened);
  for (const name of names) validateSealed(kind, kindVersion, name, opened[name]);
  const { data } = mergeFields(kind, kindVersion, envelope.data, opened);
  validateShown(kind, kindVersion, data, sealedCount(envelope) - names.length);
  return opened;
}
