import { hash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fromBase64Url } from '../../core/bytes.ts';
import { canonicalJson } from '../../core/canonical.ts';
import type { RowMapping } from '../../core/csv/statements.ts';
import { Cells, type TableName } from '../../core/csv/table.ts';
import { quantityOf } from '../../core/csv/values.ts';
import { openEnvelope } from '../../core/envelope/envelope.ts';
import type { Quantity } from '../../core/supply/measure.ts';
import type { MappingProblem } from '../../core/supply/statement.ts';
import type { Milestone } from '../client.ts';
import type { Context } from '../context.ts';
import { CommandError, usageError } from '../exit.ts';
import { journalName } from '../import/importer.ts';
import { type Journal, openJournal } from '../import/journal.ts';
import { StatementImport } from '../import/statements.ts';
import type { Signing } from '../signing.ts';

/*
 * What is said of batches on the command line is said as a row of a table would: by the same rules, and in the same journal,
 * so that a command that was interrupted and is given again adds nothing.
 */

export type Recorded = {
  readonly identifier: string;
  readonly kind: string;
  /** Absent where it was there already. */
  readonly digest?: string;
  readonly alreadyThere: boolean;
};

/** A row of a table, as options say it. @throws the code of the first rule that it breaks */
export function rowOf(
  cells: Readonly<Record<string, string | undefined>>,
  map: (cells: Cells) => RowMapping,
) {
  const said = Object.entries(cells).filter((cell): cell is [string, string] => cell[1] !== undefined);
  const mapping = map(new Cells(0, Object.fromEntries(said)));
  const [problem] = mapping.problems.filter(({ note }) => note !== true);
  if (problem !== undefined) {
    const column = /column (.*)$/.exec(problem.at)?.[1];
    throw usageError(
      problem.code,
      `${column === undefined ? '' : `${column}: `}${problem.detail ?? problem.code}.`,
    );
  }
  return mapping;
}

/**
 * Puts rows on the ledger and waits for them.
 * @param at the same said of another time, where nobody said which: what an interrupted command has signed is then finished,
 *   and not said again
 * @throws the code of what refuses the first of them
 */
export async function record(
  context: Context,
  signing: Signing,
  given: readonly RowMapping[],
  wait: Milestone,
  table: TableName,
  at?: (time: string) => RowMapping,
): Promise<Recorded[]> {
  const { ledger, signer } = signing;
  const folder = join(
    context.settings().folder,
    'imports',
    `${journalName(ledger.address, signer.organisation)}-csv`,
  );
  const journal = await openJournal(folder, { compact: true });
  const [errorsFile, notesFile] = ['errors', 'notes'].map((name) => join(folder, `command.${name}.ndjson`));
  const run = new StatementImport({
    ...signing,
    journal,
    signal: context.signal,
    batch: 200,
    wait,
    errorsFile: errorsFile ?? '',
    notesFile: notesFile ?? '',
  });
  try {
    const begun = at === undefined ? undefined : begunIn(journal, at);
    const rows = begun === undefined ? given : [begun];
    await run.resume();
    const digests = new Map<string, string>();
    const failed: MappingProblem[] = [];
    for (const { source, statements } of rows) {
      await run.take({
        source,
        at: source.id,
        content: hash('sha256', canonicalJson(statements.map(({ content }) => content))),
        statements,
        problems: [],
        ...(table === 'batches' ? { once: true } : {}),
        onFailed: async (problems) => void failed.push(...problems),
        onTaken: (written) => {
          for (const { digest } of written) digests.set(source.id, digest);
        },
      });
    }
    await run.settle();
    const [problem] = failed;
    if (problem !== undefined && run.refusal?.code === problem.code) throw run.refusal;
    if (problem !== undefined) throw new CommandError('failed', problem.code, problem.detail ?? problem.code);
    return rows.flatMap(({ source, statements }) =>
      statements.map(({ identifier, content: { kind } }): Recorded => {
        const digest = digests.get(source.id);
        return {
          identifier,
          kind,
          ...(digest === undefined ? {} : { digest }),
          alreadyThere: digest === undefined,
        };
      }),
    );
  } finally {
    await run.close();
    await journal.close();
    if (notesFile !== undefined) await rm(notesFile, { force: true });
  }
}

/** What an earlier command signed and did not see through, if it is the same but for its time. */
function begunIn({ plans }: Journal, at: (time: string) => RowMapping): RowMapping | undefined {
  for (const { request, rows } of plans.values()) {
    const names = new Set(rows.map(({ identifier }) => identifier));
    for (const { block, key } of request?.contents ?? []) {
      const { time } = openEnvelope(fromBase64Url(block), fromBase64Url(key));
      const row = at(time);
      if (names.has(`${row.source.system}:${row.source.id}`)) return row;
    }
  }
  return undefined;
}

/** `200`, `12.5KGM`, `12.5 KGM`. @throws `quantity.invalid` */
export function quantityText(text: string): Quantity {
  const [, value = '', unit] = /^([^A-Za-z\s]*)\s*([A-Za-z][A-Za-z0-9]*)?$/.exec(text.trim()) ?? [];
  return quantityOf(value, unit);
}

/** The cells of a quantity. */
export function amountCells(text: string | undefined): { quantity?: string; unit?: string } {
  if (text === undefined) return {};
  const { value, unit } = quantityText(text);
  return { quantity: value, unit };
}

export const now = (): string => new Date().toISOString().replace(/\.\d+Z$/, 'Z');
