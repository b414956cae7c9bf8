import { charactersOf, type Face, measure, runsOf } from './glyphs.ts';

/** A4, in points. */
export const PAGE = { width: 595, height: 842 } as const;

export type Colour = readonly [red: number, green: number, blue: number];
export type TextStyle = {
  readonly face?: Face;
  readonly size?: number;
  readonly colour?: Colour;
  readonly align?: 'left' | 'right' | 'centre';
};

const INK: Colour = [0.1, 0.1, 0.12];

/** Numbers of at most two decimals: the same file, byte for byte, wherever it is made. */
function number(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** One page, drawn from its upper left corner. */
export class Canvas {
  readonly #operators: string[] = [];

  /** The content stream: ASCII. */
  content(): string {
    return this.#operators.join('\n');
  }

  /** One line of text with its baseline at `y`. @returns its width */
  text(x: number, y: number, text: string | readonly string[], style: TextStyle = {}): number {
    const { face = 'regular', size = 10, colour = INK, align = 'left' } = style;
    const characters = typeof text === 'string' ? charactersOf(text) : text;
    const width = measure(characters, face, size);
    const left = align === 'right' ? x - width : align === 'centre' ? x - width / 2 : x;
    const runs = runsOf(characters, face).map(({ font, hex }) => {
      // There is one weight of Chinese only: bold is drawn with an outline.
      const outlined = font === 'Chinese' && face === 'bold';
      const mode = `${outlined ? `2 Tr ${number(size / 40)} w` : '0 Tr'}`;
      return `${mode} /${font} ${number(size)} Tf <${hex}> Tj`;
    });
    const [red, green, blue] = colour.map(number);
    this.#add(
      `q ${red} ${green} ${blue} rg ${red} ${green} ${blue} RG BT`,
      `${number(left)} ${number(PAGE.height - y)} Td`,
      ...runs,
      'ET Q',
    );
    return width;
  }

  line(x1: number, y1: number, x2: number, y2: number, colour: Colour, width = 0.75): void {
    const [from, to] = [this.#point(x1, y1), this.#point(x2, y2)];
    this.#add(`q ${colour.map(number).join(' ')} RG ${number(width)} w ${from} m ${to} l S Q`);
  }

  rectangle(x: number, y: number, width: number, height: number, fill: Colour): void {
    const corner = this.#point(x, y + height);
    this.#add(`q ${fill.map(number).join(' ')} rg ${corner} ${number(width)} ${number(height)} re f Q`);
  }

  /** A square that stands on its edge, or on its corner. */
  mark(x: number, y: number, radius: number, colour: Colour, shape: 'square' | 'diamond'): void {
    if (shape === 'square') {
      this.rectangle(x - radius, y - radius, radius * 2, radius * 2, colour);
      return;
    }
    const reach = radius * 1.8;
    const corners = [
      this.#point(x, y - reach),
      this.#point(x + reach, y),
      this.#point(x, y + reach),
      this.#point(x - reach, y),
    ];
    const [first, ...others] = corners;
    const path = others.map((corner) => `${corner} l`).join(' ');
    this.#add(`q ${colour.map(number).join(' ')} rg ${first} m ${path} f Q`);
  }

  #point(x: number, y: number): string {
    return `${number(x)} ${number(PAGE.height - y)}`;
  }

  #add(...operators: string[]): void {
    this.#operators.push(...operators);
  }
}
