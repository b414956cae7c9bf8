import * as z from 'zod/mini';
import { fromBase64Url } from '../../core/bytes.ts';
import { isFault } from '../../core/csv/reader.ts';
import { cellsOf } from '../../core/csv/table.ts';
import { batchNamed, dayOf } from '../../core/csv/values.ts';
import { openEnvelope } from '../../core/envelope/envelope.ts';
import { isVinculumError } from '../../core/errors.ts';
import { formatIdentifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import { isOpenContent, parseReport } from '../../core/report/report.ts';
import type { Statement } from '../../core/supply/statement.ts';
import { type Client, reportPath } from '../client.ts';
import { concurrently } from '../http.ts';
import { type CsvFile, readCsv } from './csv.ts';

/*
 * What the service knows of parts and serials, to spare an importer what would be wrong. It is a hint: nobody relies on it,
 * and a service that says nothing hides nothing from who verifies.
 */

export type Facts = { readonly client: Client; readonly signal: AbortSignal };

const AT_ONCE = 8;
const KNOWN = 100_000;

type MadeOn = (statements: readonly Statement[]) => Promise<(identifier: string) => string | undefined>;

/**
 * The days on which parts and batches were made, by tables of batches and by the service.
 * @param batches tables whose word comes first
 */
export function madeOn({ client, signal }: Facts, batches: readonly CsvFile[]): MadeOn {
  const stated = new Map<string, string>();
  const known = new Map<string, string | undefined>();
  let read: Promise<void> | undefined;
  const readTables = async (): Promise<void> => {
    for (const { file, table, format } of batches) {
      for await (const { rows, heading } of readCsv(file, format, signal)) {
        if (heading !== null) continue;
        for (const row of rows) {
          if (isFault(row)) continue;
          const cells = cellsOf(table, row);
          const batch = cells.need('batch', (text) => batchNamed(text, cells.get('manufacturerId')));
          const day = cells.need('productionDate', dayOf);
          if (batch !== undefined && day !== undefined) stated.set(formatIdentifier(batch), day);
        }
      }
    }
  };
  return async (statements) => {
    read ??= readTables();
    await read;
    if (known.size > KNOWN) known.clear();
    const named = statements.flatMap(({ content: { data } }) => [data.part, data.batch]);
    const unknown = [...new Set(named)].filter(
      (thing): thing is string => typeof thing === 'string' && !stated.has(thing) && !known.has(thing),
    );
    const days = await concurrently(unknown, AT_ONCE, (thing) => dayByService(client, thing));
    for (const [index, thing] of unknown.entries()) known.set(thing, days[index]);
    return (identifier) => stated.get(identifier) ?? known.get(identifier);
  };
}

async function dayByService(client: Client, thing: string): Promise<string | undefined> {
  const answer = await client.bytes(reportPath(parseIdentifier(thing)), {
    headers: { accept: 'application/json' },
  });
  const report = parseReport(Buffer.from(answer.body).toString('utf8'));
  const days = Object.values(report.contents).flatMap((content): string[] => {
    if (!isOpenContent(content)) return [];
    try {
      const { kind, data } = openEnvelope(fromBase64Url(content.block), fromBase64Url(content.key));
      if (kind !== 'part.produced' && kind !== 'batch.produced') return [];
      return typeof data.productionDate === 'string' ? [data.productionDate] : [];
    } catch (error) {
      if (!isVinculumError(error)) throw error;
      return [];
    }
  });
  // Who says that it was made earliest is believed: a part must not be refused by anybody else.
  return days.sort()[0];
}

const listedSchema = z.looseObject({
  listed: z.array(z.looseObject({ serial: z.string(), batch: z.string() })),
});

/** Which of some serials batches of the same organisation list on the ledger. */
export function listedBy({ client }: Facts) {
  return async (serials: readonly string[]): Promise<ReadonlyMap<string, string>> => {
    const { listed } = await client.json('/v1/serials/listed', listedSchema, { serials });
    return new Map(listed.map(({ serial, batch }) => [serial, batch]));
  };
}
