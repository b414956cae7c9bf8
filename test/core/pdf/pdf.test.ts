import { readFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import { sha256 } from '@noble/hashes/sha2.js';
import { expect } from 'chai';
import fc from 'fast-check';
import PDFDocument from 'pdfkit';
import { concat, type Hex, toHex, utf8 } from '../../../core/bytes.ts';
import type { Address } from '../../../core/chain/types.ts';
import { reportDigest } from '../../../core/credential/facts.ts';
import { isVinculumError } from '../../../core/errors.ts';
import { findingCodes } from '../../../core/findings/finding.ts';
import { kinds, moduleKinds } from '../../../core/kinds/kinds.ts';
import { comparePages, readReportPdf, reportFromPdf } from '../../../core/pdf/attachment.ts';
import { charactersOf, measure, wrap } from '../../../core/pdf/glyphs.ts';
import { PdfFile } from '../../../core/pdf/parse.ts';
import { LAYOUT, type PageParameters, renderReport } from '../../../core/pdf/renderReport.ts';
import { languages, words } from '../../../core/pdf/words.ts';
import { offlineViews } from '../../../core/proof/reportProof.ts';
import { parseReport } from '../../../core/report/report.ts';
import { verify } from '../../../core/verify/verify.ts';
import { expectCode } from '../../expectCode.ts';
import { titledWorld } from '../verify/titledWorld.ts';
import { CAR } from '../verify/world.ts';

type Vector = {
  readonly trust: { readonly chainId: string; readonly directory: Address };
  readonly page: string;
  readonly final: boolean;
  readonly layout: number;
  readonly reports: readonly {
    readonly name: string;
    readonly blockHash: Hex;
    readonly report: string;
    readonly pdf: Readonly<Record<'en' | 'zh', string>>;
  }[];
};

const vector = JSON.parse(
  readFileSync(new URL('../../vectors/reports.json', import.meta.url), 'utf8'),
) as Vector;
const text = vector.reports[0]?.report ?? '';
const parameters: PageParameters = { language: 'en', page: vector.page, final: vector.final };

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const bytesOf = (content: string): Uint8Array => new Uint8Array(Buffer.from(content, 'latin1'));

describe('the vectors of reports', () => {
  for (const { name, blockHash, report } of vector.reports) {
    it(`${name}: verifies offline under its block hash`, async () => {
      const chainId = BigInt(vector.trust.chainId);
      const parsed = parseReport(report);
      const views = offlineViews(parsed, new Map([[chainId, blockHash]]));
      const result = await verify(parsed, { chainId, directory: vector.trust.directory }, views);
      expect(result.verdict).to.equal('verified');
      expect(result.asOf[0]?.final).to.equal(true);
    });
  }
});

describe('renderReport', () => {
  // Whoever changes what the pages say raises LAYOUT, or honest files of the version before look forged.
  for (const { name, report, pdf } of vector.reports) {
    for (const language of languages) {
      it(`${name}: gives the same bytes everywhere, ${language}`, async () => {
        expect(LAYOUT).to.equal(vector.layout);
        const bytes = await renderReport(report, { ...parameters, language });
        expect(toHex(sha256(bytes))).to.equal(`0x${pdf[language]}`);
      });
    }
  }

  it('states block, head and report on its pages, and calls itself a claim', async () => {
    const bytes = await renderReport(text, parameters);
    const shown = shownText(bytes);
    expect(shown).to.include(words.en.claim);
    expect(shown).to.include(reportDigest(text).slice(2));
    expect(shown).to.include(vector.reports[0]?.blockHash);
    expect(shown).to.include(parameters.page);
    expect(shown).to.include('Odometer discrepancy');
  });

  it('prints a report that no chain has proven as one with gaps', async () => {
    const { proofs: _, ...unproven } = JSON.parse(text);
    const shown = shownText(await renderReport(JSON.stringify(unproven), parameters));
    expect(shown).to.include(words.en.verdict.incomplete);
    expect(shown).not.to.include(words.en.verdict.verified);
  });

  it('prints a report that its own proof contradicts as refuted', async () => {
    const lied = JSON.parse(text);
    lied.ledgers[0].links.pop();
    const shown = shownText(await renderReport(JSON.stringify(lied), parameters));
    expect(shown).to.include(words.en.verdict.refuted);
  });

  it('states what the title is, what stands against a sale, and who acted', async () => {
    const report = JSON.stringify(titledWorld().report(CAR));
    const shown = shownText(await renderReport(report, parameters));
    for (const said of [
      'held by its owner',
      words.en.obstacle.stolen,
      words.en.finding['title.stolen'],
      words.en.kind['title.lienPlaced'],
      words.en.owner,
      'Banque Exemple',
      'Salvage, US-CA, SALVAGE',
    ]) {
      expect(shown).to.include(said);
    }
    // Who the owner is, and what was paid, stays sealed on paper too.
    expect(shown).not.to.match(/Alice|9900/);
  });

  it('survives times that no calendar has', async () => {
    const lied = { ...JSON.parse(text), createdAt: Number.MAX_SAFE_INTEGER };
    lied.ledgers[0].asOf.timestamp = Number.MAX_SAFE_INTEGER;
    expect(latin1(await renderReport(JSON.stringify(lied), parameters)).slice(0, 5)).to.equal('%PDF-');
  });

  it('has words for every finding and every kind, in every language', () => {
    for (const language of languages) {
      expect(Object.keys(words[language].finding).sort()).to.deep.equal([...findingCodes].sort());
      for (const name of [...Object.keys(kinds), ...Object.keys(moduleKinds)])
        expect(words[language].kind, `${language} ${name}`).to.have.property(name);
      expect(words[language].limit).to.have.length(words.en.limit.length);
    }
  });
});

describe('glyphs', () => {
  it('measures as an independent program does', () => {
    const other = new PDFDocument();
    for (const [face, font] of [
      ['regular', 'Helvetica'],
      ['bold', 'Helvetica-Bold'],
      ['mono', 'Courier'],
    ] as const) {
      other.font(font).fontSize(10);
      fc.assert(
        fc.property(
          fc.string({ unit: fc.integer({ min: 0x20, max: 0x17f }).map((code) => String.fromCharCode(code)) }),
          (sample) => {
            const characters = charactersOf(sample);
            // Without kerning: each character by itself.
            const expected = characters.reduce((sum, character) => sum + other.widthOfString(character), 0);
            expect(measure(characters, face, 10)).to.be.closeTo(expected, 0.001);
          },
        ),
      );
    }
  });

  it('draws what the fonts have, letters without their accents, and a question mark for the rest', () => {
    expect(charactersOf('Škoda Łódź č 流明 é €').join('')).to.equal('Škoda ?ódz c 流明 é €');
    expect(charactersOf('a\u0000b\nc\u202ed😀').join('')).to.equal('a b c d?');
  });

  it('breaks lines within their width, wherever they come from', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.integer({ min: 40, max: 400 }),
        (sample, width) => {
          const lines = wrap(sample, 'regular', 9, width);
          for (const line of lines) {
            // A closing sign may hang over the end.
            expect(measure(line, 'regular', 9)).to.be.at.most(width + 9 * 12);
          }
          const joined = lines.flat().filter((character) => character !== ' ');
          expect(joined).to.deep.equal(charactersOf(sample).filter((character) => character !== ' '));
        },
      ),
    );
  });
});

describe('reportFromPdf', () => {
  let pdf: Uint8Array;
  before(async () => {
    pdf = await renderReport(text, parameters);
  });

  it('gives the very text that was printed', () => {
    expect(reportFromPdf(pdf)).to.equal(text);
    expect(readReportPdf(pdf)).to.deep.equal({ report: text, layout: String(LAYOUT), parameters });
  });

  it('reads what another program writes, compressed', async () => {
    const other = new PDFDocument();
    const chunks: Uint8Array[] = [];
    other.on('data', (chunk: Uint8Array) => chunks.push(chunk));
    const ended = new Promise((resolve) => other.on('end', resolve));
    other.text('A copy');
    other.file(Buffer.from('something else'), { name: 'another.txt' });
    other.file(Buffer.from(text), { name: 'report.json' });
    other.end();
    await ended;
    const bytes = concat(...chunks);
    expect(reportFromPdf(bytes)).to.equal(text);
    expect(await comparePages(bytes, readReportPdf(bytes))).to.equal('different');
  });

  for (const [what, code, make] of [
    ['nothing', 'pdf.malformed', () => new Uint8Array()],
    ['a report that is no PDF', 'pdf.malformed', () => utf8(text)],
    ['a file without its end', 'pdf.malformed', () => pdf.subarray(0, pdf.length - 7)],
    ['half a file', 'pdf.malformed', () => pdf.subarray(0, pdf.length / 2)],
    [
      'a PDF without attachments',
      'pdf.noReport',
      () => edited('/Names << /EmbeddedFiles', '/Namez << /EmbeddedFiles'),
    ],
    [
      'an attachment of another name',
      'pdf.noReport',
      () => edited(utf16('report.json'), utf16('repost.json')),
    ],
    ['an encrypted file', 'pdf.malformed', () => edited('/Root 1 0 R', '/Root 1 0 R /Encrypt << >>')],
    ['tables in a circle', 'pdf.malformed', () => edited('/Root 1 0 R', `/Root 1 0 R /Prev ${startOf(pdf)}`)],
    ['an object elsewhere than its table says', 'pdf.malformed', () => edited('1 0 obj', '2 0 obj')],
    ['a table of objects in a stream', 'pdf.malformed', () => edited('\nxref\n', '\nxrxf\n')],
    ['deep nesting', 'pdf.malformed', () => edited('/Type /Catalog', `/X ${'['.repeat(500)}`)],
    [
      'a stream beyond the end',
      'pdf.malformed',
      () => edited(`/Length ${utf8(text).length} `, '/Length 999999999 '),
    ],
    [
      'a filter that nobody asked for',
      'pdf.malformed',
      () => edited('/Type /EmbeddedFile', '/Type /EmbeddedFile /Filter /LZWDecode'),
    ],
  ] as const) {
    it(`refuses ${what}: ${code}`, () => expectCode(code, () => reportFromPdf(make())));
  }

  it('refuses an attachment that unpacks to more than any report has', async () => {
    const bomb = attaching(deflateSync(Buffer.alloc(20_000_000)), '/Filter /FlateDecode ');
    await expectCode('pdf.malformed', () => readReportPdf(bomb, 1_000_000));
  });

  it('refuses a compressed attachment that is cut off or damaged', async () => {
    const packed = deflateSync(utf8(text));
    expect(reportFromPdf(attaching(packed, '/Filter /FlateDecode '))).to.equal(text);
    await expectCode('pdf.malformed', () =>
      reportFromPdf(attaching(packed.subarray(0, packed.length - 40), '/Filter /FlateDecode ')),
    );
    await expectCode('pdf.malformed', () =>
      reportFromPdf(
        attaching(
          packed.map((byte, index) => (index === 50 ? byte ^ 255 : byte)),
          '/Filter /FlateDecode ',
        ),
      ),
    );
  });

  it('refuses an attachment that is no text', () =>
    expectCode('pdf.malformed', () => reportFromPdf(attaching(new Uint8Array([0xff, 0xfe, 0xc0]), ''))));

  it('never fails otherwise than by its codes, whatever is changed', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(pdf.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (changes) => {
          const altered = pdf.slice();
          for (const [at, byte] of changes) altered[at] = byte;
          try {
            readReportPdf(altered);
          } catch (error) {
            expect(isVinculumError(error), String(error)).to.equal(true);
            expect((error as { code: string }).code).to.match(/^pdf\.(malformed|noReport)$/);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  /** The file with one text replaced, and its table of objects made anew. */
  function edited(from: string, to: string): Uint8Array {
    const content = latin1(pdf);
    expect(content).to.include(from);
    return retabled(content.replaceAll(from, () => to));
  }

  /** The file with another attachment. */
  function attaching(content: Uint8Array, filter: string): Uint8Array {
    const whole = latin1(pdf);
    const start = whole.indexOf(text.slice(0, 40));
    const size = utf8(text).length;
    const before = whole.slice(0, start).replace(`/Length ${size} `, `${filter}/Length ${content.length} `);
    const replaced = before.replace(
      />> \/Length \d+ >>\nstream\n$/,
      `>> ${filter}/Length ${content.length} >>\nstream\n`,
    );
    return retabled(replaced + latin1(content) + whole.slice(start + size));
  }
});

/** Where the table of objects begins. */
function startOf(bytes: Uint8Array): number {
  return latin1(bytes).lastIndexOf('\nxref\n') + 1;
}

/** Writes the offsets of the objects anew: a forger would. */
function retabled(content: string): Uint8Array {
  const table = content.lastIndexOf('\nxref\n') + 1;
  if (table === 0) return bytesOf(content);
  const offsets = [...content.slice(0, table).matchAll(/\n(\d+) 0 obj\n/g)].map(({ index }) => index + 1);
  const entries = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  const rest = content
    .slice(content.indexOf('trailer', table))
    .replace(/startxref\n\d+/, `startxref\n${table}`);
  return bytesOf(
    `${content.slice(0, table)}xref\n0 ${offsets.length + 1}\n0000000000 65535 f \n${entries}${rest}`,
  );
}

function utf16(name: string): string {
  return Buffer.from(name, 'utf16le').swap16().toString('hex');
}

/** The Latin text of all pages. */
function shownText(bytes: Uint8Array): string {
  const content = latin1(bytes);
  return [...content.matchAll(/ET Q|<((?:[0-9a-f]{2})+)> Tj/g)]
    .map(([, hex]) => (hex === undefined ? '\n' : Buffer.from(hex, 'hex').toString('latin1')))
    .join('')
    .replaceAll('\n', ' ');
}

describe('comparePages', () => {
  let pdf: Uint8Array;
  before(async () => {
    pdf = await renderReport(text, { ...parameters, language: 'zh' });
  });

  it('finds the pages as they must be', async () => {
    expect(await comparePages(pdf, readReportPdf(pdf))).to.equal('same');
  });

  it('finds a changed page', async () => {
    const content = latin1(pdf);
    const forged = bytesOf(content.replace('0 Tr /Bold 22 Tf <56463', '0 Tr /Bold 22 Tf <56473'));
    expect(forged).not.to.deep.equal(pdf);
    expect(await comparePages(forged, readReportPdf(forged))).to.equal('different');
  });

  it('finds pages that were put over the honest ones by an update at the end', async () => {
    const page = [...latin1(pdf).matchAll(/\n(\d+) 0 obj\n<< \/Length/g)][0];
    const number = Number(page?.[1]);
    const update = `${number} 0 obj\n<< /Length 0 >>\nstream\n\nendstream\nendobj\n`;
    const at = pdf.length;
    const table = `xref\n${number} 1\n${String(at).padStart(10, '0')} 00000 n \ntrailer\n<< /Size 99 /Root 1 0 R /Info ${informationOf(pdf)} /Prev ${startOf(pdf)} >>\nstartxref\n${at + update.length}\n%%EOF\n`;
    const forged = concat(pdf, utf8(update + table));
    const read = readReportPdf(forged);
    expect(read.report).to.equal(text);
    expect(await comparePages(forged, read)).to.equal('different');
  });

  it('finds another report behind the same pages', async () => {
    const other = vector.reports[1]?.report ?? '';
    const theirs = await renderReport(other, parameters);
    expect(await comparePages(theirs, { ...readReportPdf(theirs), report: text })).to.equal('different');
  });

  it('cannot compare what another layout made, and says so', async () => {
    const read = readReportPdf(pdf);
    expect(await comparePages(pdf, { ...read, layout: String(LAYOUT + 1) })).to.equal('otherLayout');
    expect(await comparePages(pdf, { ...read, layout: null })).to.equal('different');
    expect(await comparePages(pdf, { ...read, parameters: null })).to.equal('different');
  });

  it('finds every single changed byte', async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(fc.nat(pdf.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const altered = pdf.slice();
        altered[at] = (altered[at] ?? 0) ^ change;
        try {
          expect(await comparePages(altered, readReportPdf(altered))).not.to.equal('same');
        } catch (error) {
          if (!isVinculumError(error)) throw error;
        }
      }),
      { numRuns: 80 },
    );
  });

  function informationOf(bytes: Uint8Array): string {
    expect(new PdfFile(bytes).information.has('VinculumReport')).to.equal(true);
    return /\/Info (\d+ 0 R)/.exec(latin1(bytes))?.[1] ?? '';
  }
});
