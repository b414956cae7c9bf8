import { concat, toHex, utf8 } from '../bytes.ts';
import { PAGE } from './canvas.ts';

/** The parts of a PDF (ISO 32000) with one attachment. */
export type DocumentParts = {
  readonly title: string;
  /** BCP 47. */
  readonly language: string;
  /** Seconds since 1970. */
  readonly createdAt: number;
  readonly producer: string;
  /** Further entries of the information dictionary; names of letters. */
  readonly facts: Readonly<Record<string, string>>;
  /** Content streams, ASCII. */
  readonly pages: readonly string[];
  readonly attachment: {
    readonly name: string;
    readonly description: string;
    readonly mediaType: string;
    readonly content: Uint8Array;
  };
};

/** Text as PDF writes it in any language: UTF-16, big-endian, with its mark, in hexadecimal digits. */
function textString(text: string): string {
  let digits = 'feff';
  for (let index = 0; index < text.length; index++) {
    digits += text.charCodeAt(index).toString(16).padStart(4, '0');
  }
  return `<${digits}>`;
}

/** The last second that has a year of four digits. */
const LAST_SECOND = 253_402_300_799;

/** `D:20260102030405Z` */
function dateString(seconds: number): string {
  return `(D:${new Date(Math.min(seconds, LAST_SECOND) * 1000)
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace(/[-:T]/g, '')}Z)`;
}

/** `application/json` as a name: `/application#2Fjson`. */
function nameOf(text: string): string {
  return `/${text.replace(/[^A-Za-z0-9.-]/g, (character) => `#${toHex(utf8(character)).slice(2).toUpperCase()}`)}`;
}

const FONTS = {
  Regular: '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>',
  Bold: '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>',
  Mono: '<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>',
} as const;

/**
 * The bytes of a PDF: the same for the same parts, so that whoever has the attachment can make the pages again and
 * compare. Nothing is compressed.
 */
export function writeDocument(parts: DocumentParts): Uint8Array {
  const objects: (string | readonly Uint8Array[])[] = [];
  const add = (object: string | readonly Uint8Array[]): string => `${objects.push(object)} 0 R`;
  const stream = (dictionary: string, content: Uint8Array): string =>
    add([utf8(`<< ${dictionary}/Length ${content.length} >>\nstream\n`), content, utf8('\nendstream')]);

  const catalog = add('');
  const pages = add('');
  const { attachment } = parts;
  const fonts = Object.entries(FONTS).map(([name, font]) => `/${name} ${add(font)}`);
  const descriptor = add(
    '<< /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880] /ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >>',
  );
  const descendant = add(
    `<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 4 >> /DW 1000 /FontDescriptor ${descriptor} >>`,
  );
  const chinese = add(
    `<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H /DescendantFonts [${descendant}] >>`,
  );
  const resources = add(`<< /Font << ${fonts.join(' ')} /Chinese ${chinese} >> >>`);
  const kids = parts.pages.map((page) => {
    const content = stream('', utf8(page));
    return add(
      `<< /Type /Page /Parent ${pages} /MediaBox [0 0 ${PAGE.width} ${PAGE.height}] /Resources ${resources} /Contents ${content} >>`,
    );
  });
  const created = dateString(parts.createdAt);
  const file = stream(
    `/Type /EmbeddedFile /Subtype ${nameOf(attachment.mediaType)} /Params << /Size ${attachment.content.length} /CreationDate ${created} /ModDate ${created} >> `,
    attachment.content,
  );
  const name = textString(attachment.name);
  const specification = add(
    `<< /Type /Filespec /F ${name} /UF ${name} /Desc ${textString(attachment.description)} /AFRelationship /Source /EF << /F ${file} /UF ${file} >> >>`,
  );
  const facts = Object.entries(parts.facts).map(([key, value]) => `${nameOf(key)} ${textString(value)}`);
  const information = add(
    `<< /Title ${textString(parts.title)} /Producer ${textString(parts.producer)} /CreationDate ${created} ${facts.join(' ')} >>`,
  );
  objects[0] = `<< /Type /Catalog /Pages ${pages} /Lang (${parts.language}) /ViewerPreferences << /DisplayDocTitle true >> /Names << /EmbeddedFiles << /Names [${name} ${specification}] >> >> /AF [${specification}] >>`;
  objects[1] = `<< /Type /Pages /Kids [${kids.join(' ')}] /Count ${kids.length} >>`;
  return assemble(objects, catalog, information);
}

function assemble(
  objects: readonly (string | readonly Uint8Array[])[],
  catalog: string,
  information: string,
): Uint8Array {
  // The second line tells file transfer programs that this is no text.
  const chunks: Uint8Array[] = [utf8('%PDF-1.7\n'), new Uint8Array([0x25, 0xe2, 0xe3, 0xcf, 0xd3, 0x0a])];
  let size = chunks.reduce((total, { length }) => total + length, 0);
  const put = (...parts: readonly Uint8Array[]): void => {
    for (const part of parts) {
      chunks.push(part);
      size += part.length;
    }
  };
  const offsets = objects.map((object, index) => {
    const offset = size;
    put(utf8(`${index + 1} 0 obj\n`));
    put(...(typeof object === 'string' ? [utf8(object)] : object), utf8('\nendobj\n'));
    return offset;
  });
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  put(
    utf8(
      `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}trailer\n<< /Size ${objects.length + 1} /Root ${catalog} /Info ${information} >>\nstartxref\n${size}\n%%EOF\n`,
    ),
  );
  return concat(...chunks);
}
