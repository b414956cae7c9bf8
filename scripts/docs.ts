/** Writes the tables in the docs that come from the code: `node scripts/docs.ts`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { settings } from '../api/config.ts';

const OPERATIONS = new URL('../docs/operations.md', import.meta.url);

/** The Markdown table of all settings, as `docs/operations.md` shows them. */
export function settingsTable(): string {
  const rows = Object.entries(settings).map(([name, { description }]) => `| \`${name}\` | ${description} |`);
  return ['| variable | |', '|---|---|', ...rows].join('\n');
}

/** `docs/operations.md` with its table as the code has it. */
export function renderedOperations(): { path: string; current: string; wanted: string } {
  const current = readFileSync(OPERATIONS, 'utf8');
  const wanted = current.replace(
    /<!-- settings -->[\s\S]*<!-- \/settings -->/,
    () => `<!-- settings -->\n${settingsTable()}\n<!-- /settings -->`,
  );
  return { path: fileURLToPath(OPERATIONS), current, wanted };
}

if (import.meta.main) {
  const { path, current, wanted } = renderedOperations();
  if (current !== wanted) writeFileSync(path, wanted);
}
