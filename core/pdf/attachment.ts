import * as z from 'zod/mini';
import { equalBytes, fromUtf8 } from '../bytes.ts';
import { VinculumError } from '../errors.ts';
import { MAX_REPORT_CHARACTERS } from '../report/report.ts';
import {
  isDictionary,
  isStream,
  malformedPdf,
  type PdfDictionary,
  PdfFile,
  type PdfStream,
  type PdfValue,
  textOf,
} from './parse.ts';
import { ATTACHMENT, LAYOUT, type PageParameters, renderReport } from './renderReport.ts';
import { languages } from './words.ts';

/** Largest PDF that is read, in bytes. */
export const MAX_PDF_BYTES = MAX_REPORT_CHARACTERS + 64 * 1024 * 1024;

const MAX_NAMES = 10_000;
const MAX_TREE_DEPTH = 16;

/** A printed report as its file has it. What the pages say is not looked at. */
export type ReportPdf = {
  /** The text of the attached report: to be verified like any other. */
  readonly report: string;
  /** The layout that the file says its pages have. */
  readonly layout: string | null;
  /** What the file says its pages were made with. */
  readonly parameters: PageParameters | null;
};

const parametersSchema = z.strictObject({
  language: z.enum(languages),
  page: z.string().check(z.maxLength(1_000), z.regex(/^https?:\/\/[\x21-\x7e]+$/)),
  final: z.boolean(),
});

/** Whether a file is a PDF, by its first bytes. */
export function isPdf(bytes: Uint8Array): boolean {
  return String.fromCharCode(...bytes.subarray(0, 5)) === '%PDF-';
}

/**
 * The report that is attached to a PDF, as text.
 * @throws `pdf.malformed` (cut off, damaged, saved anew by another program) `pdf.noReport` (nothing of that name)
 */
export function reportFromPdf(bytes: Uint8Array): string {
  return readReportPdf(bytes).report;
}

/**
 * As {@link reportFromPdf}, with what the file says of its pages.
 * @param largest most bytes that the attached report may have
 */
export function readReportPdf(bytes: Uint8Array, largest = MAX_REPORT_CHARACTERS): ReportPdf {
  if (bytes.length > MAX_PDF_BYTES) throw malformedPdf('it is too large');
  if (!isPdf(bytes)) throw malformedPdf('it is no PDF');
  const file = new PdfFile(bytes);
  const stream = findAttachment(file);
  let report: string;
  try {
    report = fromUtf8(file.content(stream, largest));
  } catch (cause) {
    if (cause instanceof VinculumError && cause.code === 'pdf.malformed') throw cause;
    throw malformedPdf('the attached report is no text', cause);
  }
  const { information } = file;
  const fact = (name: string): string | null => textOf(file.resolve(information.get(name)));
  return { report, layout: fact('VinculumLayout'), parameters: readParameters(fact('VinculumPages')) };
}

/**
 * Whether the pages are those that the attached report gives: the file is made again and compared, byte for byte.
 * `otherLayout`: it was made by a version with another layout, and cannot be compared here.
 */
export async function comparePages(
  bytes: Uint8Array,
  { report, layout, parameters }: ReportPdf,
): Promise<'same' | 'different' | 'otherLayout'> {
  if (layout !== String(LAYOUT)) return layout === null ? 'different' : 'otherLayout';
  if (parameters === null) return 'different';
  return equalBytes(await renderReport(report, parameters), bytes) ? 'same' : 'different';
}

function readParameters(text: string | null): PageParameters | null {
  if (text === null) return null;
  try {
    return parametersSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

function findAttachment(file: PdfFile): PdfStream {
  const names = file.resolve(file.catalog.get('Names'));
  const tree = isDictionary(names) ? file.resolve(names.get('EmbeddedFiles')) : null;
  const found = isDictionary(tree) ? specificationsOf(file, tree) : [];
  if (found.length > 1) throw malformedPdf('two attachments have the name of the report');
  const [specification] = found;
  if (specification === undefined) {
    throw new VinculumError(
      'pdf.noReport',
      `The PDF has no attachment ${ATTACHMENT}: a print or a copy lost it.`,
    );
  }
  const files = file.dictionary(specification.get('EF'));
  const stream = file.resolve(files.get('UF') ?? files.get('F'));
  if (!isStream(stream)) throw malformedPdf('the attachment has no content');
  return stream;
}

/** The file specifications in a name tree that carry the report's name. */
function specificationsOf(file: PdfFile, tree: PdfDictionary): PdfDictionary[] {
  const found: PdfDictionary[] = [];
  let left = MAX_NAMES;
  const visit = (node: PdfDictionary, depth: number): void => {
    if (depth > MAX_TREE_DEPTH) throw malformedPdf('its list of attachments is nested too deep');
    const kids = file.resolve(node.get('Kids'));
    const names = file.resolve(node.get('Names'));
    for (const item of listOf(names)) {
      if (--left < 0) throw malformedPdf('it has too many attachments');
      const specification = file.resolve(item);
      if (isDictionary(specification) && nameOf(file, specification) === ATTACHMENT)
        found.push(specification);
    }
    for (const kid of listOf(kids)) {
      if (--left < 0) throw malformedPdf('it has too many attachments');
      visit(file.dictionary(kid), depth + 1);
    }
  };
  visit(tree, 0);
  return found;
}

function listOf(value: PdfValue): readonly PdfValue[] {
  return Array.isArray(value) ? value : [];
}

function nameOf(file: PdfFile, specification: PdfDictionary): string | null {
  return textOf(file.resolve(specification.get('UF') ?? specification.get('F')));
}
