import { readFile } from 'node:fs/promises';
import { isPdf, MAX_PDF_BYTES, type ReportPdf, readReportPdf } from '../core/pdf/attachment.ts';
import { usageError } from './exit.ts';

/** What a reader was given: a report, its print with the report attached, or a credential over its facts. */
export type Input =
  | { readonly kind: 'report'; readonly text: string }
  | { readonly kind: 'pdf'; readonly bytes: Uint8Array; readonly pdf: ReportPdf }
  | { readonly kind: 'credential'; readonly text: string };

/**
 * Reads a file by what is in it; its name says nothing.
 * @throws `report.file` `report.tooLarge` `pdf.malformed` `pdf.noReport`
 */
export async function readInput(file: string): Promise<Input> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw usageError('report.file', `${file} can’t be read: check the path.`, { cause });
  }
  if (isPdf(bytes)) return { kind: 'pdf', bytes, pdf: readReportPdf(bytes) };
  if (bytes.length > MAX_PDF_BYTES) throw usageError('report.tooLarge', `${file} is larger than any report.`);
  const text = new TextDecoder().decode(bytes);
  return { kind: isCredential(text) ? 'credential' : 'report', text };
}

function isCredential(text: string): boolean {
  if (!text.includes('"credentialSubject"')) return false;
  try {
    const value = JSON.parse(text) as { credentialSubject?: unknown; type?: unknown } | null;
    return value?.credentialSubject !== undefined && !('vinculum' in value);
  } catch {
    // A cut credential: whoever reads it as one says so.
    return /^\s*\{\s*"@context"/.test(text);
  }
}
