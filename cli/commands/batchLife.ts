import * as z from 'zod/mini';
import { mapBatch } from '../../core/csv/batches.ts';
import { mapStep } from '../../core/csv/steps.ts';
import { inputsText } from '../../core/csv/values.ts';
import type { EffectiveEntry } from '../../core/findings/openedEntry.ts';
import { formatIdentifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import { custodyOf } from '../../core/supply/custody.ts';
import { type MadeFacts, madeFacts, massBalance } from '../../core/supply/massBalance.ts';
import { Amounts, measureOf, type Quantity, quantityFrom } from '../../core/supply/measure.ts';
import { entriesOf, hidingIn, producedOf } from '../batches/read.ts';
import { amountCells, now, quantityText, type Recorded, record, rowOf } from '../batches/record.ts';
import type { Client, Milestone } from '../client.ts';
import type { Context } from '../context.ts';
import { CommandError, type Exit, usageError } from '../exit.ts';
import { counted } from '../output.ts';
import { openSigning, type SigningOptions } from '../signing.ts';
import { openReader, type VerifiedReportOptions } from './verifiedReport.ts';

type StepOptions = SigningOptions & {
  readonly time?: string;
  readonly quantity?: string;
  readonly note?: string;
  readonly id?: string;
  readonly wait: Milestone;
  /** Cells by column, of what the step asks for. */
  readonly [cell: string]: unknown;
};

export const shipBatch = step('shipped', (options, maker) => ({
  from: text(options.from) ?? maker,
  to: text(options.to),
  lot: text(options.lot),
  customer: text(options.customer),
  orderNumber: text(options.order),
  location: text(options.location),
}));

export const receiveBatch = step('received', (options) => ({
  to: text(options.by),
  lot: text(options.lot),
  shipped: text(options.shipment),
  accepted: options.refused === true ? 'no' : 'yes',
  orderNumber: text(options.order),
  location: text(options.location),
  description: text(options.description),
}));

export const quarantineBatch = step('quarantined', (options) => ({
  reason: text(options.reason),
  description: text(options.description),
  reportNumber: text(options.report),
}));

export const releaseBatch = step('released', (options) => ({
  outcome: text(options.outcome),
  quarantined: text(options.ends),
  description: text(options.description),
  reportNumber: text(options.report),
}));

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function step(
  name: string,
  cellsOf: (options: StepOptions, maker: string) => Readonly<Record<string, string | undefined>>,
) {
  return async (context: Context, batch: string, options: StepOptions): Promise<Exit> => {
    const { scope } = batchNamed(batch);
    const { note, id } = options;
    const at = (time: string) =>
      rowOf(
        {
          ...{ batch, step: name, time, note, id },
          ...amountCells(options.quantity),
          ...cellsOf(options, scope),
        },
        mapStep,
      );
    const time = options.time ?? now();
    const row = at(time);
    const signing = await openSigning(context, options);
    try {
      const retimed = options.time === undefined ? at : undefined;
      const recorded = await record(context, signing, [row], options.wait, 'steps', retimed);
      show(context, recorded, options.wait);
      return 'ok';
    } catch (error) {
      if (options.time === undefined) {
        context.output.note(
          `To say the very same again, and nothing twice: the same command with --time ${time}.`,
        );
      }
      throw error;
    }
  };
}

function show({ output }: Context, recorded: readonly Recorded[], wait: Milestone): void {
  output.value({ entries: recorded, state: wait });
  for (const { identifier, kind, digest, alreadyThere } of recorded) {
    output.line(`${kind} of ${identifier}: ${alreadyThere ? 'there already' : wait}`);
    if (digest !== undefined) output.line(`  entry ${digest}`);
  }
}

function batchNamed(name: string) {
  const identifier = parseIdentifier(name);
  if (identifier.type !== 'batch')
    throw usageError('batch.identifier', `${name} is no batch: batch:maker:number.`);
  return identifier;
}

export type SplitOptions = SigningOptions & {
  readonly into: readonly string[];
  readonly time?: string;
  readonly wait: Milestone;
};

/** Makes several batches of one, each with a quantity; together no more than is left of it. */
export async function splitBatch(context: Context, name: string, options: SplitOptions): Promise<Exit> {
  const batch = formatIdentifier(batchNamed(name));
  const parts = options.into.map(assignment);
  const read = await openReader(context, options);
  const entries = entriesOf((await read(batch)).verification);
  const produced = producedOf(batch, entries);
  refuseSerials(batch, produced.data);
  const sum = new Amounts();
  for (const { quantity } of parts) sum.add(quantity);
  const made = quantityFrom(produced.sealed.quantity);
  if (made !== undefined) {
    for (const quantity of sum.list()) {
      const [asked, there] = [measureOf(quantity), measureOf(made)];
      if (asked.dimension === there.dimension && asked.amount <= there.amount) continue;
      throw new CommandError(
        'usage',
        'balance.exceeded',
        `${quantity.value} ${quantity.unit} can’t come out of ${made.value} ${made.unit}.`,
      );
    }
  }
  const rows = parts.map(({ batch: part, quantity }) =>
    rowOf(
      {
        ...describedBy(produced.data),
        ...{ batch: part, origin: 'split', quantity: quantity.value, unit: quantity.unit },
        inputs: inputsText([{ batch, quantity }]),
      },
      (cells) => at(mapBatch(cells), options.time),
    ),
  );
  const signing = await openSigning(context, options);
  show(context, await record(context, signing, rows, options.wait, 'batches'), options.wait);
  return 'ok';
}

export type MergeOptions = SigningOptions & {
  readonly from: readonly string[];
  readonly time?: string;
  readonly wait: Milestone;
};

/** Makes one batch of several of the same part, whose quantities add up. */
export async function mergeBatches(context: Context, name: string, options: MergeOptions): Promise<Exit> {
  const batch = formatIdentifier(batchNamed(name));
  const parts = options.from.map(assignment);
  const read = await openReader(context, options);
  const produced: EffectiveEntry[] = [];
  for (const part of parts)
    produced.push(producedOf(part.batch, entriesOf((await read(part.batch)).verification)));
  const [first] = produced;
  if (first === undefined || parts.length < 2) {
    throw usageError('batch.few', 'Say of which batches: --from BATCH=QUANTITY, at least twice.');
  }
  const numbers = new Set(produced.map(({ data }) => `${data.manufacturerId} ${data.manufacturerPartId}`));
  if (numbers.size > 1) {
    throw usageError('batch.differentParts', `They are not the same part: ${[...numbers].join('; ')}.`);
  }
  for (const [index, { data }] of produced.entries()) refuseSerials(parts[index]?.batch ?? '', data);
  const sum = new Amounts();
  for (const { quantity } of parts) sum.add(quantity);
  const [whole, ...others] = sum.list();
  if (whole === undefined || others.length > 0) {
    throw usageError(
      'balance.unitMismatch',
      'What is merged is measured alike: pieces with pieces, mass with mass.',
    );
  }
  // What differs between them is true of neither whole.
  const shared = Object.entries(describedBy(first.data)).filter(([column, value]) =>
    produced.every(({ data }) => describedBy(data)[column] === value),
  );
  const latest = produced
    .map(({ data }) => String(data.productionDate))
    .sort()
    .at(-1);
  const row = rowOf(
    {
      ...Object.fromEntries(shared),
      ...{ batch, origin: 'merge', quantity: whole.value, unit: whole.unit, productionDate: latest },
      inputs: inputsText(parts),
    },
    (cells) => at(mapBatch(cells), options.time),
  );
  const signing = await openSigning(context, options);
  show(context, await record(context, signing, [row], options.wait, 'batches'), options.wait);
  return 'ok';
}

/** The same said of another time: when the batch came to be, which is not when its parts were made. */
function at(mapping: ReturnType<typeof mapBatch>, time: string | undefined): ReturnType<typeof mapBatch> {
  if (time === undefined) return mapping;
  return {
    ...mapping,
    statements: mapping.statements.map((one) => ({ ...one, content: { ...one.content, time } })),
  };
}

function assignment(given: string): { batch: string; quantity: Quantity } {
  const [, name = '', quantity = ''] = /^(.*)=([^=]+)$/.exec(given) ?? [];
  if (quantity === '')
    throw usageError('input.assignment', `${given}: write it as batch:maker:number=QUANTITY.`);
  return { batch: formatIdentifier(batchNamed(name)), quantity: quantityText(quantity) };
}

function refuseSerials(batch: string, data: Readonly<Record<string, unknown>>): void {
  if (data.serials === undefined) return;
  throw usageError(
    'batch.serialised',
    `${batch} lists its serials: register what comes of it with its own, by batch register --origin split --input ${batch} --serials FILE.`,
  );
}

const COPIED = [
  'manufacturerId',
  'manufacturerPartId',
  'nameAtManufacturer',
  'productionDate',
  'expiryDate',
  'plant',
  'country',
  'drawing',
] as const;

/** What is true of a batch and of every part of it, as cells. */
function describedBy(data: Readonly<Record<string, unknown>>): Record<string, string | undefined> {
  const footprint = (data.carbonFootprint ?? {}) as { value?: string };
  return {
    ...Object.fromEntries(COPIED.map((name) => [name, text(data[name])])),
    carbonFootprint: footprint.value,
  };
}

/** Who has how much of a batch, as far as the reader may see. */
export async function showBatch(
  context: Context,
  name: string,
  options: VerifiedReportOptions,
): Promise<Exit> {
  const { output } = context;
  const batch = formatIdentifier(batchNamed(name));
  const { verification } = await (await openReader(context, options))(batch);
  const custody = custodyOf(batch, entriesOf(verification), hidingIn(verification));
  output.value(custody);
  output.line(batch);
  for (const { party, has, uncertain } of custody.holders) {
    const known = has.length === 0 ? 'an unknown quantity' : has.map(quantityLine).join(', ');
    output.line(`  ${party} has ${known}${uncertain && has.length > 0 ? ', as far as it is shown' : ''}`);
  }
  for (const { from, to, lot, left, refused } of custody.inTransit) {
    const named = lot === undefined ? '' : ` (consignment ${lot})`;
    const what = left === null ? 'an unknown quantity' : quantityLine(left);
    output.line(
      `  ${what} ${refused ? 'refused, from' : 'on the way from'} ${from}${to === undefined ? '' : ` to ${to}`}${named}`,
    );
  }
  const { whole, quantities } = custody.quarantined;
  if (whole) output.line('  all of it is in quarantine');
  for (const quantity of quantities) output.line(`  ${quantityLine(quantity)} in quarantine`);
  for (const quantity of custody.scrapped) output.line(`  ${quantityLine(quantity)} scrapped`);
  for (const { code, digest, party, quantity } of custody.notices) {
    const of = [
      party,
      quantity === undefined ? undefined : quantityLine(quantity),
      digest === '' ? undefined : digest,
    ];
    output.note(
      `${code}${of.some((one) => one !== undefined) ? ': ' : ''}${of.filter((one) => one !== undefined).join(', ')}`,
    );
  }
  return custody.notices.length === 0 ? 'ok' : 'incomplete';
}

const quantityLine = ({ value, unit }: Quantity): string =>
  PIECES.has(unit) ? `${value} pieces` : `${value} ${unit}`;
const PIECES = new Set(['C62', 'H87', 'EA']);

export type BalanceOptions = VerifiedReportOptions & { readonly most: number };

const traceSchema = z.looseObject({
  things: z.array(z.looseObject({ identifier: z.string() })),
});

/**
 * The auditor's check: what batches were made of, down to the last tier, and what was made of them, each from its own
 * verified history. The service only says where to look: whatever it leaves out is missing, not balanced.
 */
export async function balanceBatches(
  context: Context,
  names: readonly string[],
  options: BalanceOptions,
): Promise<Exit> {
  const { output, signal } = context;
  const read = await openReader(context, options);
  const open = names.map((name) => formatIdentifier(batchNamed(name)));
  const asked = new Set(open);
  const facts: MadeFacts[] = [];
  const unread: { readonly thing: string; readonly code: string }[] = [];
  const bar = output.progress('Verifying histories');
  const enqueue = (things: Iterable<string>): void => {
    for (const thing of things) {
      if (asked.has(thing)) continue;
      asked.add(thing);
      open.push(thing);
    }
  };
  for (const start of [...open]) enqueue(await usersOf(read.client, start, options));
  for (let index = 0; index < open.length && index < options.most; index++) {
    signal.throwIfAborted();
    const thing = open[index] ?? '';
    bar.update(index, open.length);
    try {
      const { verification } = await read(thing);
      const found = madeFacts(thing, entriesOf(verification));
      facts.push(...found);
      enqueue(found.flatMap(({ inputs }) => inputs.map(({ batch }) => batch)));
    } catch (error) {
      if (!(error instanceof CommandError) || error.code !== 'export.notVerified') throw error;
      unread.push({ thing, code: 'balance.notVerified' });
    }
  }
  bar.end();
  if (open.length > options.most) unread.push({ thing: open[options.most] ?? '', code: 'balance.tooMany' });
  const { batches, problems, verdict } = massBalance(facts);
  const all = [...problems, ...unread];
  const judged = verdict === 'balanced' && unread.length > 0 ? 'unknown' : verdict;
  output.value({ verdict: judged, things: facts.length, batches, problems: all });
  output.line(`${counted(facts.length, 'history', 'histories')} verified: ${judged}`);
  for (const { batch, made, used, left, verdict: own } of batches) {
    const of = made === null ? 'an unknown quantity' : quantityLine(made);
    output.line(
      `  ${batch}: ${quantityLine(used)} of ${of} used${left === null ? '' : `, ${quantityLine(left)} left`}: ${own}`,
    );
  }
  for (const problem of all) {
    const { code, thing } = problem;
    const { other, quantity, reason } = problem as (typeof problems)[number];
    const more = [other, quantity === undefined ? undefined : quantityLine(quantity), reason];
    output.line(`  ${code} ${[thing, ...more.filter((one) => one !== undefined)].join(', ')}`);
  }
  if (judged === 'exceeded') return 'failed';
  return judged === 'unknown' ? 'incomplete' : 'ok';
}

/** What a batch went into, one step up, as far as the service says and the asker may know. */
async function usersOf(client: Client, batch: string, options: BalanceOptions): Promise<string[]> {
  if (options.keystore === undefined) return [];
  const body = { identifier: batch, direction: 'up', depth: 1 };
  const { things } = await client.json('/v1/traces', traceSchema, body);
  return things.map(({ identifier }) => identifier).filter((thing) => thing !== batch);
}
