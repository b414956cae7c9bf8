import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import type { Json } from '../../core/canonical.ts';
import { formatIdentifier, type Identifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import type { Context } from '../context.ts';
import { mediaTypeOf } from '../documents.ts';
import { type Exit, usageError } from '../exit.ts';
import { journalName } from '../import/importer.ts';
import { openJournal } from '../import/journal.ts';
import { count, counted } from '../output.ts';
import { type DocumentFile, type RegisterStage, type Registration, registerBatch } from '../sets/register.ts';
import { openSigning, type SigningOptions } from '../signing.ts';

export type RegisterOptions = SigningOptions & {
  readonly serials?: string;
  readonly partNumber?: string;
  readonly name?: string;
  readonly date?: string;
  readonly start?: string;
  readonly expires?: string;
  readonly plant?: string;
  readonly country?: string;
  readonly drawing?: string;
  readonly origin?: string;
  readonly carbonFootprint?: string;
  readonly quantity?: string;
  readonly input?: readonly string[];
  readonly customer?: string;
  readonly order?: string;
  readonly certificate?: readonly string[];
  readonly attributes?: string;
  readonly expect?: number;
};

const STAGES: Readonly<Record<RegisterStage, string>> = {
  reading: 'Reading serials',
  hashing: 'Computing the root',
  documents: 'Sending documents',
  anchoring: 'Waiting for the ledger',
  sending: 'Sending serials',
  checking: 'The service checks',
};

export async function registerBatchCommand(
  context: Context,
  text: string,
  options: RegisterOptions,
): Promise<Exit> {
  const { output, signal } = context;
  const started = performance.now();
  const given = await registrationOf(text, options);
  const signing = await openSigning(context, options);
  const folder = join(
    context.settings().folder,
    'imports',
    `${journalName(signing.ledger.address, signing.signer.organisation)}-batches`,
  );
  const journal = await openJournal(folder);
  let bar = output.progress(STAGES.reading);
  let shown: RegisterStage = 'reading';
  try {
    const registered = await registerBatch(signing, given, {
      journal,
      signal,
      onProgress: (stage, done, total) => {
        if (stage !== shown) {
          bar.end();
          bar = output.progress(STAGES[stage]);
          shown = stage;
        }
        bar.update(done, total);
      },
    });
    bar.end();
    const seconds = Math.round((performance.now() - started) / 100) / 10;
    output.value({ ...registered, seconds, peakBytes: process.resourceUsage().maxRSS * 1024 });
    const { identifier, digest, serials, root, alreadyThere, resumed } = registered;
    if (alreadyThere) {
      output.line(`${identifier} is there already: entry ${digest}.`);
      return 'ok';
    }
    output.line(
      `${resumed ? 'Finished' : 'Registered'} ${identifier}${serials === 0 ? '' : ` with ${counted(serials, 'serial')}`} in ${count(seconds)} s.`,
    );
    output.line(`  entry ${digest}`);
    if (root !== null)
      output.line(`  root  ${root}: each serial can be proven to be in it, and any other not to be`);
    return 'ok';
  } catch (error) {
    bar.end();
    const begun = [...journal.plans.values()].some(({ rows }) =>
      rows.some(({ identifier }) => identifier === formatIdentifier(given.identifier)),
    );
    if (begun) {
      output.note(
        `It is signed and kept in ${folder}. Run the same command again: it continues, and nothing is doubled.`,
      );
    }
    throw error;
  } finally {
    await journal.close();
  }
}

const record = z.record(z.string(), z.json());
const attributesSchema = z.strictObject({ data: z.optional(record), sealed: z.optional(record) });

/** @throws `batch.*`, before anything is asked or sent */
async function registrationOf(text: string, options: RegisterOptions): Promise<Registration> {
  const identifier = batchOf(text);
  const further = options.attributes === undefined ? {} : await attributesOf(options.attributes);
  const { data = {}, sealed = {} } = further as z.output<typeof attributesSchema>;
  const partNumber = options.partNumber ?? data.manufacturerPartId;
  if (partNumber === undefined) {
    throw usageError('batch.partNumber', 'Say what sort of part it is: --part-number NUMBER.');
  }
  const said = options.date ?? data.productionDate;
  const date = said === undefined ? new Date().toISOString().slice(0, 10) : String(said);
  const fields = {
    drawing: options.drawing,
    origin: options.origin,
    plant: options.plant,
    country: options.country,
    productionStart: options.start,
    expiryDate: options.expires,
    carbonFootprint:
      options.carbonFootprint === undefined ? undefined : { value: options.carbonFootprint, unit: 'KGM' },
    inputs: options.input?.map((batch) => ({ batch: formatIdentifier(batchOf(batch)) })),
  };
  const secrets = {
    quantity: options.quantity === undefined ? undefined : quantityOf(options.quantity),
    customer: options.customer,
    orderNumber: options.order,
  };
  return {
    identifier,
    time: date,
    dated: said !== undefined,
    data: {
      bizStep: 'commissioning',
      manufacturerId: identifier.scope,
      batchId: identifier.value,
      nameAtManufacturer: String(options.name ?? data.nameAtManufacturer ?? partNumber),
      ...(data as Record<string, Json>),
      ...defined(fields),
      manufacturerPartId: partNumber as Json,
      ...(options.name === undefined ? {} : { nameAtManufacturer: options.name }),
      productionDate: date,
    },
    sealed: { ...(sealed as Record<string, Json>), ...defined(secrets) },
    serials: options.serials ?? null,
    expect: options.expect ?? null,
    documents: (options.certificate ?? []).map(documentOf),
  };
}

function defined(fields: Readonly<Record<string, unknown>>): Record<string, Json> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Record<
    string,
    Json
  >;
}

function batchOf(text: string): Identifier {
  const identifier = parseIdentifier(text);
  if (identifier.type !== 'batch') {
    throw usageError('batch.identifier', `Name the batch as batch:maker:number, not ${text}.`);
  }
  return identifier;
}

/** `500`, `12.5KGM`. @throws `quantity.invalid` for what is negative or no number */
function quantityOf(text: string): Json {
  const match = /^(\d{1,15}(?:\.\d{1,9})?)\s?([A-Z][A-Z0-9]{1,2})?$/.exec(text);
  if (match === null) {
    throw usageError(
      'quantity.invalid',
      `A quantity is a number that is not negative, such as 500 or 12.5KGM, not ${text}.`,
    );
  }
  const [, value = '', unit = 'C62'] = match;
  if (value.includes('.') && ['C62', 'H87', 'EA'].includes(unit)) {
    throw usageError('quantity.invalid', `There are no ${value} pieces: give whole ones, or a unit.`);
  }
  return { value: value.replace(/^0+(?=\d)/, ''), unit };
}

const TYPES: Readonly<Record<string, string>> = {
  material: 'materialCertificate',
  conformity: 'conformityCertificate',
  inspection: 'inspectionReport',
  safety: 'safetyDataSheet',
  carbon: 'carbonFootprintDeclaration',
  drawing: 'drawing',
  delivery: 'deliveryNote',
  photo: 'photo',
  other: 'other',
};

function documentOf(text: string): DocumentFile {
  const [, name = '', file = ''] = /^([A-Za-z]+)=(.+)$/.exec(text) ?? [];
  const type = TYPES[name] ?? Object.values(TYPES).find((one) => one === name);
  if (type === undefined) {
    throw usageError(
      'batch.certificate',
      `Write a certificate as TYPE=FILE, with one of the types ${Object.keys(TYPES).join(', ')}.`,
    );
  }
  return { type, file, mediaType: mediaTypeOf(file) };
}

async function attributesOf(file: string): Promise<z.output<typeof attributesSchema>> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw usageError('batch.attributes', `${file} can’t be read as JSON.`, { cause });
  }
  const parsed = attributesSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw usageError('batch.attributes', `${file} is not {"data": {…}, "sealed": {…}}.`);
}
