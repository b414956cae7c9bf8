/*
 * Which font writes a character, how wide it is and how it is encoded. The fonts are those that every PDF reader brings
 * along: Helvetica and Courier for Latin (WinAnsi), STSong-Light for Chinese (Adobe-GB1). None is embedded.
 */

export type Face = 'regular' | 'bold' | 'mono';
/** The name of a font in a page's resources. */
export type FontName = 'Regular' | 'Bold' | 'Mono' | 'Chinese';

/** A stretch of text in one font. */
export type Run = {
  readonly font: FontName;
  /** As it stands in the content stream, in hexadecimal digits. */
  readonly hex: string;
  /** In thousandths of the font size. */
  readonly width: number;
};

/** Widths of the WinAnsi characters from 32 on, in thousandths, two base-36 digits each (Adobe's font metrics). */
const WIDTHS: Readonly<Record<'regular' | 'bold', string>> = {
  regular:
    '7q7q9vfgfgopij5b9999atg87q997q7qfgfgfgfgfgfgfgfgfgfg7q7qg8g8g8fgs7ijijk2k2ijgzlmk27qdwijfgn5k2lmijlmk2ijgzk2ijq8ijijgz7q7q7qd1fg99fgfgdwfgfg7qfgfg6666dw66n5fgfgfgfg99dw7qfgdwk2dwdwdw9a789ag87qfg7q66fg99rsfgfg99rsij99rs7qgz7q7q666699999qfgrs99rsdw99q87qdwdw7q99fgfgfgfg78fg99khaafgg899kh99b4g8999999fgex7q9999a5fgn6n6n6gzijijijijijijrsk2ijijijij7q7q7q7qk2k2lmlmlmlmlmg8lmk2k2k2k2ijijgzfgfgfgfgfgfgopdwfgfgfgfg7q7q7q7qfgfgfgfgfgfgfgg8gzfgfgfgfgdwfgdw',
  bold: '7q99d6fgfgopk26m9999atg87q997q7qfgfgfgfgfgfgfgfgfgfg9999g8g8g8gzr3k2k2k2k2ijgzlmk27qfgk2gzn5k2lmijlmk2ijgzk2ijq8ijijgz997q99g8fg99fggzfggzfg99gzgz7q7qfg7qopgzgzgzgzatfg99gzfglmfgfgdwat7satg87qfg7q7qfgdwrsfgfg99rsij99rs7qgz7q7q7q7qdwdw9qfgrs99rsfg99q87qdwfg7q99fgfgfgfg7sfg99khaafgg899kh99b4g8999999gzfg7q9999a5fgn6n6n6gzk2k2k2k2k2k2rsk2ijijijij7q7q7q7qk2k2lmlmlmlmlmg8lmk2k2k2k2ijijgzfgfgfgfgfgfgopfgfgfgfgfg7q7q7q7qgzgzgzgzgzgzgzg8gzgzgzgzgzfggzfg',
};
const MONO_WIDTH = 600;
const CHINESE_WIDTH = 1000;

/** WinAnsi's characters 0x80 to 0x9f; a space stands for none. */
const UPPER = '€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ';

const WIN_ANSI = new Map<string, number>();
for (let byte = 0x20; byte < 0x7f; byte++) WIN_ANSI.set(String.fromCharCode(byte), byte);
for (let byte = 0xa0; byte < 0x100; byte++) WIN_ANSI.set(String.fromCharCode(byte), byte);
[...UPPER].forEach((character, index) => {
  if (character !== ' ') WIN_ANSI.set(character, 0x80 + index);
});

/** What Adobe-GB1 draws for certain: Chinese and its punctuation, kana, Greek and Cyrillic. */
const CHINESE =
  /^[\u0391-\u03a9\u03b1-\u03c9\u0401\u0410-\u044f\u0451\u2460-\u249b\u3000-\u3017\u3041-\u3093\u30a1-\u30f6\u3105-\u3129\u3400-\u4dbf\u4e00-\u9fa5\uff01-\uff5e\uffe5]$/u;

function widthOf(byte: number, face: Face): number {
  if (face === 'mono') return MONO_WIDTH;
  const at = (byte - 0x20) * 2;
  return Number.parseInt(WIDTHS[face].slice(at, at + 2), 36);
}

/** The nearest text that the fonts have: other Latin letters lose their accents, anything else becomes a question mark. */
function drawable(character: string): string {
  if (WIN_ANSI.has(character) || CHINESE.test(character)) return character;
  const plain = character.normalize('NFKD').replace(/\p{M}/gu, '');
  return plain !== '' && [...plain].every((part) => WIN_ANSI.has(part) || CHINESE.test(part)) ? plain : '?';
}

/** The characters of a text as the fonts can write it; controls and line breaks become spaces. */
export function charactersOf(text: string): string[] {
  return [...text.replace(/\p{C}|\p{Z}/gu, ' ')].flatMap((character) => [...drawable(character)]);
}

export function isChinese(character: string): boolean {
  return CHINESE.test(character);
}

const FONT: Readonly<Record<Face, FontName>> = { regular: 'Regular', bold: 'Bold', mono: 'Mono' };

/** The runs of a text of drawable characters. */
export function runsOf(characters: readonly string[], face: Face): Run[] {
  const runs: { font: FontName; hex: string; width: number }[] = [];
  for (const character of characters) {
    const byte = WIN_ANSI.get(character);
    const run =
      byte === undefined
        ? {
            font: 'Chinese' as const,
            hex: character.charCodeAt(0).toString(16).padStart(4, '0'),
            width: CHINESE_WIDTH,
          }
        : { font: FONT[face], hex: byte.toString(16).padStart(2, '0'), width: widthOf(byte, face) };
    const last = runs.at(-1);
    if (last?.font === run.font) {
      last.hex += run.hex;
      last.width += run.width;
    } else runs.push(run);
  }
  return runs;
}

/** The width of a text in points. */
export function measure(characters: readonly string[], face: Face, size: number): number {
  return (runsOf(characters, face).reduce((sum, { width }) => sum + width, 0) * size) / 1000;
}

/** A line does not begin with these. */
const NOT_FIRST = /^[，。；：、！？）》】”’…,.;:!?)\]%]$/u;

/**
 * The lines of a paragraph: between words, between Chinese characters, and within a word that is longer than a line.
 */
export function wrap(text: string, face: Face, size: number, width: number): string[][] {
  const lines: string[][] = [];
  let line: string[] = [];
  let used = 0;
  const end = (): void => {
    while (line.at(-1) === ' ') line.pop();
    if (line.length > 0) lines.push(line);
    line = [];
    used = 0;
  };
  for (const piece of piecesOf(charactersOf(text))) {
    const needed = measure(piece, face, size);
    const closing = piece.length === 1 && NOT_FIRST.test(piece[0] ?? '');
    if (used + needed > width && line.length > 0 && !closing) end();
    if (needed > width) {
      for (const character of piece) {
        const wide = measure([character], face, size);
        if (used + wide > width && line.length > 0) end();
        line.push(character);
        used += wide;
      }
    } else if (line.length > 0 || piece[0] !== ' ') {
      line.push(...piece);
      used += needed;
    }
  }
  end();
  return lines;
}

/** Words, spaces, and each Chinese character by itself. */
function piecesOf(characters: readonly string[]): string[][] {
  const pieces: string[][] = [];
  let word: string[] = [];
  const end = (): void => {
    if (word.length > 0) pieces.push(word);
    word = [];
  };
  for (const character of characters) {
    if (character === ' ' || isChinese(character)) {
      end();
      pieces.push([character]);
    } else word.push(character);
  }
  end();
  return pieces;
}
