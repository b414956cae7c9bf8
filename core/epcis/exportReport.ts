import { canonicalJson, type Json } from '../canonical.ts';
import { VinculumError } from '../errors.ts';
import { applyAmendments, sameAttester } from '../findings/amendments.ts';
import type { EffectiveEntry, OpenedEntry } from '../findings/openedEntry.ts';
import type { MappingProblem } from '../supply/statement.ts';
import { openedEntry } from '../verify/conclude.ts';
import type { Verification } from '../verify/result.ts';
import { eventHash } from './eventHash.ts';
import { checkDigitHolds, formatDigitalLink, type Gs1Key } from './gs1.ts';
import { ENTRY, EXPORTED_KINDS, NAMESPACE } from './ownEntry.ts';
import { uriOf } from './subject.ts';

/*
 * A verified history as an EPCIS 2.0 document: what became of batches and parts as events that any EPCIS repository takes,
 * each with its entry in an extension, so that an import of the document gives the same entries again. An amended entry is
 * written as corrected; one that was retracted, with an error declaration.
 */

export type EpcisExport = {
  /** The document, valid by the GS1 schema. */
  readonly document: Readonly<Record<string, Json>>;
  readonly events: number;
  /** Entries that are no events: by kind, and by what is sealed or missing. */
  readonly problems: readonly MappingProblem[];
};

type Fields = Readonly<Record<string, Json>>;

const CONTEXT = 'https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld';
const NAMESPACES = { vinculum: NAMESPACE, cbvmda: 'urn:epcglobal:cbv:mda:' };

/**
 * @param createdAt when the document is made, as the report says: seconds since 1970
 * @throws `export.notVerified` for a report whose verdict is another: what is not proven is not passed on
 */
export function exportEpcis(verification: Verification, createdAt: number): EpcisExport {
  if (verification.verdict !== 'verified') {
    throw new VinculumError(
      'export.notVerified',
      `The report is ${verification.verdict}: only a verified history is exported.`,
      { details: { verdict: verification.verdict } },
    );
  }
  const { identifier } = verification;
  const entries = verification.entries
    .filter(({ chain }) => typeof chain === 'string')
    .map((entry) => openedEntry(entry));
  const problems: MappingProblem[] = [];
  const { effective, findings } = applyAmendments(entries, sameAttester);
  const retracted = new Map(
    findings.flatMap(({ code, entries: chain }) =>
      code === 'entry.retracted' ? [[chain[0] ?? '', chain.at(-1) ?? '']] : [],
    ),
  );
  const known = new Set(effective.map(({ digest }) => digest));
  const events: Fields[] = [];
  for (const entry of effective) {
    const event = eventOf(entry, identifier);
    if (typeof event === 'string') problems.push(notExported(entry, event));
    else events.push(event);
  }
  for (const entry of entries) {
    if (entry.kind === 'amended' || known.has(entry.digest)) continue;
    const retraction = entries.find(({ digest }) => digest === retracted.get(entry.digest));
    const event = retraction === undefined ? null : eventOf(entry, identifier);
    if (event === null || retraction === undefined) problems.push(notExported(entry, entry.status));
    else if (typeof event === 'string') problems.push(notExported(entry, event));
    else {
      const declarationTime = instantOf(retraction.time);
      events.push({ ...event, errorDeclaration: { declarationTime, reason: 'did_not_occur' } });
    }
  }
  events.sort((left, right) => (String(left.eventTime) < String(right.eventTime) ? -1 : 1));
  return {
    document: {
      '@context': [CONTEXT, NAMESPACES],
      type: 'EPCISDocument',
      schemaVersion: '2.0',
      creationDate: new Date(createdAt * 1000).toISOString(),
      epcisBody: { eventList: events },
    },
    events: events.length,
    problems,
  };
}

function notExported(entry: OpenedEntry, why: string): MappingProblem {
  return { code: 'epcis.notExported', at: entry.digest, detail: `${entry.kind}: ${why}` };
}

/** An entry as an event, or why it is none. */
function eventOf(entry: EffectiveEntry | OpenedEntry, identifier: string): Fields | string {
  if (!EXPORTED_KINDS.has(entry.kind)) return 'no event says that';
  const said = saidBy(entry, identifier);
  if (typeof said === 'string') return said;
  const { eventId, eventHash: _, ...sealed } = entry.sealed;
  const keys = Object.entries(sealed).filter(
    ([name]) => !name.startsWith('key:') && !name.startsWith('document:'),
  );
  const event: Fields = {
    eventID: typeof eventId === 'string' && isUri(eventId) ? eventId : `urn:vinculum:entry:${entry.digest}`,
    ...said,
    eventTime: instantOf(entry.time),
    eventTimeZoneOffset: '+00:00',
  };
  const own = canonicalJson({
    event: eventHash(event, { namespaces: NAMESPACES }),
    identifier,
    kind: entry.kind,
    kindVersion: entry.kindVersion,
    time: entry.time,
    data: entry.data,
    // Keys of other entries and of documents open what the reader of the event was not given.
    sealed: Object.fromEntries(keys),
  });
  return { ...event, [ENTRY]: own };
}

function saidBy({ kind, data, sealed, time }: OpenedEntry, identifier: string): Fields | string {
  const uri = uriOf(identifier);
  const element = quantityElement(uri, sealed.quantity);
  const disposition = typeof data.disposition === 'string' ? { disposition: data.disposition } : {};
  const place = placeOf(sealed.location);
  const order =
    typeof sealed.orderNumber === 'string' && isUri(sealed.orderNumber)
      ? { bizTransactionList: [{ type: 'po', bizTransaction: sealed.orderNumber }] }
      : {};
  const by = { sourceList: parties('source', data.manufacturerId) };
  switch (kind) {
    case 'batch.produced': {
      const inputs = listOf(data.inputs).map(({ batch }) => inputElement(String(batch), sealed));
      const made = {
        bizStep: 'commissioning',
        ...disposition,
        ...by,
        ...order,
        ilmd: masterData(data, time),
      };
      if (inputs.length === 0) {
        return { type: 'ObjectEvent', action: 'ADD', quantityList: [element], ...made };
      }
      return {
        type: 'TransformationEvent',
        inputQuantityList: inputs,
        outputQuantityList: [element],
        ...made,
      };
    }
    case 'part.produced':
    case 'vehicle.built': {
      const named = listOf(data.parts).map(({ part }) => String(part));
      const { epcs } = split(named);
      const classes = [...new Set(named)].filter((text) => text.startsWith('batch:'));
      const made = { bizStep: kind === 'vehicle.built' ? 'assembling' : 'commissioning', ...by };
      if (epcs.length + classes.length === 0) {
        const ilmd = masterData(data, time);
        return {
          type: 'ObjectEvent',
          action: 'ADD',
          epcList: [uri],
          ...made,
          bizStep: 'commissioning',
          ilmd,
        };
      }
      return {
        type: 'TransformationEvent',
        ...(epcs.length === 0 ? {} : { inputEPCList: epcs }),
        ...(classes.length === 0
          ? {}
          : { inputQuantityList: classes.map((batch) => inputElement(batch, sealed)) }),
        outputEPCList: [uri],
        ...made,
        ilmd: masterData(data, time),
      };
    }
    case 'batch.shipped':
      return {
        type: 'ObjectEvent',
        action: 'OBSERVE',
        quantityList: [element],
        bizStep: 'shipping',
        ...disposition,
        ...place,
        ...order,
        sourceList: parties('source', data.from),
        ...(sealed.customer === undefined && data.to === undefined
          ? {}
          : { destinationList: parties('destination', data.to ?? sealed.customer) }),
      };
    case 'batch.received':
      return {
        type: 'ObjectEvent',
        action: 'OBSERVE',
        quantityList: [element],
        bizStep: 'receiving',
        ...disposition,
        ...place,
        ...order,
        destinationList: parties('destination', data.by),
      };
    case 'batch.quarantined':
    case 'batch.released': {
      const bizStep = kind === 'batch.quarantined' ? 'holding' : 'inspecting';
      return { type: 'ObjectEvent', action: 'OBSERVE', quantityList: [element], bizStep, ...disposition };
    }
    default: {
      const on = identifier.startsWith('serial:') && data.part === undefined;
      const parent = on ? sealed.vehicle : identifier;
      const part = on ? identifier : data.part;
      if (typeof parent !== 'string') return 'what it is mounted in is sealed';
      if (typeof part !== 'string') return 'the part has no identifier';
      const { epcs, classes } = split([part]);
      return {
        type: 'AssociationEvent',
        parentID: uriOf(parent),
        ...(epcs.length === 0
          ? { childQuantityList: classes.map((epcClass) => ({ epcClass })) }
          : { childEPCs: epcs }),
        action: kind === 'part.mounted' ? 'ADD' : 'DELETE',
        bizStep: kind === 'part.mounted' ? 'installing' : 'removing',
      };
    }
  }
}

function listOf(value: Json | undefined): readonly Fields[] {
  return Array.isArray(value) ? (value as readonly Fields[]) : [];
}

/** Parts by themselves, and batches: EPCIS keeps them in different lists. */
function split(identifiers: readonly string[]): { epcs: string[]; classes: string[] } {
  const unique = [...new Set(identifiers)];
  return {
    epcs: unique.filter((text) => !text.startsWith('batch:')).map(uriOf),
    classes: unique.filter((text) => text.startsWith('batch:')).map(uriOf),
  };
}

/** A batch that went in, with how much of it where that is shown. */
function inputElement(batch: string, sealed: Fields): Fields {
  return quantityElement(
    uriOf(batch),
    listOf(sealed.inputQuantities).find((input) => input.batch === batch)?.quantity,
  );
}

function quantityElement(epcClass: string, quantity: Json | undefined): Fields {
  const { value, unit } = (quantity ?? {}) as { value?: string; unit?: string };
  const number = Number(value);
  // A number of JSON holds 15 digits for certain.
  if (
    value === undefined ||
    unit === undefined ||
    !Number.isFinite(number) ||
    value.replace('.', '').length > 15
  ) {
    return { epcClass };
  }
  return { epcClass, quantity: number, ...(unit === 'C62' ? {} : { uom: unit }) };
}

function masterData(data: Fields, time: string): Fields {
  const of: Record<string, Json> = {};
  const take = (name: string, value: Json | undefined): void => {
    if (typeof value === 'string') of[`cbvmda:${name}`] = value;
  };
  take('lotNumber', data.batchId);
  take('descriptionShort', data.nameAtManufacturer);
  if (data.productionDate !== time.slice(0, 10)) take('productionDate', data.productionDate);
  take('itemExpirationDate', data.expiryDate);
  return of;
}

function parties(role: 'source' | 'destination', party: Json | undefined): readonly Fields[] {
  const text = String(party);
  const key: Pick<Gs1Key, 'path'> = { path: ['417', text] };
  const uri =
    /^\d{13}$/.test(text) && checkDigitHolds(key) ? formatDigitalLink(key) : `urn:vinculum:party:${text}`;
  return [{ type: 'possessing_party', [role]: uri }];
}

function placeOf(location: Json | undefined): { bizLocation?: Fields } {
  return typeof location === 'string' && isUri(location) ? { bizLocation: { id: location } } : {};
}

/** Of RFC 3986 with something after the scheme, as every reader of EPCIS takes it; what is none stands in our own part. */
function isUri(text: string): boolean {
  return URI.test(text);
}

const PCHAR = "(?:[A-Za-z0-9\\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})";
const URI = new RegExp(
  `^[A-Za-z][A-Za-z0-9+.-]*:(?://[A-Za-z0-9\\-._~]+(?::\\d{1,5})?(?:/${PCHAR}*)*|/?${PCHAR}+(?:/${PCHAR}*)*)` +
    `(?:\\?(?:${PCHAR}|[/?])*)?(?:#(?:${PCHAR}|[/?])*)?$`,
);

const instantOf = (time: string): string => (time.length === 10 ? `${time}T00:00:00Z` : time);
