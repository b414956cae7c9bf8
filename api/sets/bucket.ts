import { type Identifier, parseIdentifier } from '../../core/identifiers/identifier.ts';

/*
 * What is kept of a bucket: two bytes, how many siblings; the siblings, 32 bytes each; and lines of text: what most members
 * begin with (`serial:volta.example:`), then a line for each member, without that beginning, or whole behind a tab.
 */

export type Bucket = { readonly siblings: Uint8Array; readonly members: readonly string[] };

export function decodeBucket(bytes: Uint8Array): Bucket {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = 2 + buffer.readUInt16BE(0) * 32;
  const [beginning = '', ...lines] = buffer.toString('latin1', end).split('\n');
  const members = lines.map((line) => (line.startsWith('\t') ? line.slice(1) : beginning + line));
  return { siblings: bytes.subarray(2, end), members };
}

/** Members were normalised when they came: a required check digit was the registrar's affair. */
export function parseMember(text: string): Identifier {
  return parseIdentifier(text, { overrideCheckDigit: true });
}

/** The parts of a text that {@link parseMember} has made: nothing is left to check. */
export function splitMember(text: string): Identifier {
  const first = text.indexOf(':');
  const second = text.indexOf(':', first + 1);
  const [scope, value] =
    second < 0 ? ['', text.slice(first + 1)] : [text.slice(first + 1, second), text.slice(second + 1)];
  return { type: text.slice(0, first), scope, value } as Identifier;
}
