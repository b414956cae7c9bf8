import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { canonicalJson, type Json } from '../../core/canonical.ts';
import { mapTwins } from '../../core/catenax/mapTwins.ts';
import { type CatenaxFile, readCatenax } from '../../core/catenax/readFile.ts';
import type { Twin } from '../../core/catenax/twin.ts';
import { VinculumError } from '../../core/errors.ts';
import type { Mapping, MappingProblem } from '../../core/supply/statement.ts';
import { CommandError } from '../exit.ts';
import { piecesOf, type ReadProgress } from './rows.ts';
import type { StatementGroup, StatementImport } from './statements.ts';

/*
 * Files of Catena-X twins. Twins name each other by id, so that all of them are read before any is stated, and a file that is
 * malformed is refused before anything of it is sent.
 */

/** Twins are linked in memory: a file of more is split by its maker. */
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * Reads a file of twins, plain or gzip.
 * @throws `catenax.*` `quantity.invalid` when it is refused, with every fault in the details; `import.file` `import.corrupt`
 *   `import.tooLarge` `import.encoding`
 */
export async function readCatenaxFile(
  file: string,
  signal: AbortSignal,
  options: { readonly named?: boolean; readonly progress?: ReadProgress } = {},
): Promise<CatenaxFile> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of piecesOf(file, signal, options.progress)) {
    bytes += part.length;
    if (bytes > MAX_BYTES) {
      throw new CommandError('usage', 'import.tooLarge', `${file} is larger than 256 MiB: split it.`);
    }
    parts.push(part);
  }
  try {
    return readCatenax(parse(Buffer.concat(parts)), options.named === true ? basename(file) : undefined);
  } catch (error) {
    throw inFile(file, error);
  }
}

/** @throws `import.encoding` `catenax.malformed` */
function parse(bytes: Buffer): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new VinculumError('import.encoding', 'The file is not in UTF-8: write it anew in that encoding.', {
      cause,
    });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new VinculumError('catenax.malformed', 'The file is not JSON.', { cause });
  }
}

/** Links the twins of all files, and makes what they say ready to be stated. @throws `bom.cycle` `catenax.sameNumber` */
export function linkFiles(files: readonly CatenaxFile[], known: readonly Twin[]): Required<Mapping> {
  try {
    return mapTwins(
      files.flatMap(({ twins }) => twins),
      { known },
    );
  } catch (error) {
    if (!(error instanceof VinculumError)) throw error;
    throw new CommandError('usage', error.code, error.message, { cause: error, details: error.details });
  }
}

/** Hands every asset to the import, with what is to be named of it, and waits until all is there. */
export async function importCatenax(
  files: readonly CatenaxFile[],
  mapping: Required<Mapping>,
  run: StatementImport,
): Promise<void> {
  const problems = new Map<string, MappingProblem[]>();
  for (const problem of [...files.flatMap((file) => file.problems), ...mapping.problems]) {
    const at = /^.*?assets\[\d+\]/.exec(problem.at)?.[0] ?? '';
    problems.set(at, [...(problems.get(at) ?? []), problem]);
  }
  const statements = new Map(mapping.statements.map((statement) => [statement.identifier, statement]));
  for (const { at, id, twin } of files.flatMap((file) => file.assets)) {
    const statement = twin === null ? undefined : statements.get(twin.identifier);
    const group: StatementGroup = {
      // What says nothing here may go by one id in several files.
      source: statement?.source ?? { system: 'catenax', id: id ?? at, of: at },
      at,
      content: createHash('sha256')
        .update(canonicalJson((statement?.content ?? null) as Json))
        .digest('hex'),
      statements: statement === undefined ? [] : [statement],
      problems: problems.get(at) ?? [],
    };
    await run.take(group);
  }
  for (const problem of problems.get('') ?? []) await run.note(problem);
  await run.settle();
}

function inFile(file: string, error: unknown): unknown {
  if (!(error instanceof VinculumError)) return error;
  return new CommandError('usage', error.code, `${file}: ${error.message}`, {
    cause: error,
    details: error.details,
  });
}
