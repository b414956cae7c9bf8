/** Writes the digests of the printed pages of the golden reports: `node scripts/vectors/pages.ts`, after raising LAYOUT. */
import { readFileSync, writeFileSync } from 'node:fs';
import { sha256 } from '@noble/hashes/sha2.js';
import { toHex } from '../../core/bytes.ts';
import { LAYOUT, renderReport } from '../../core/pdf/renderReport.ts';
import { languages } from '../../core/pdf/words.ts';

type Vector = {
  note: string;
  page: string;
  final: boolean;
  layout: number;
  reports: { report: string; pdf: Record<string, string> }[];
};

const file = new URL('../../test/vectors/reports.json', import.meta.url);
const vector = JSON.parse(readFileSync(file, 'utf8')) as Vector;
vector.note = vector.note.replace(/layout \d+/, `layout ${LAYOUT}`);
vector.layout = LAYOUT;
for (const golden of vector.reports) {
  for (const language of languages) {
    const pages = await renderReport(golden.report, { language, page: vector.page, final: vector.final });
    golden.pdf[language] = toHex(sha256(pages)).slice(2);
  }
}
writeFileSync(file, `${JSON.stringify(vector, null, 2)}\n`);
