import { Canvas, type Colour, PAGE, type TextStyle } from './canvas.ts';
import { type Face, wrap } from './glyphs.ts';

export const MARGIN = 48;
export const WIDTH = PAGE.width - 2 * MARGIN;
const BOTTOM = PAGE.height - 56;

export const GREY: Colour = [0.38, 0.4, 0.44];
export const RULE: Colour = [0.8, 0.82, 0.85];

/** A column of a table: where it begins and how wide it is. */
export type Column = { readonly x: number; readonly width: number };
export type Cell = { readonly text: string; readonly style?: TextStyle };

/** Pages that are filled from the top, one after the other. */
export class Flow {
  readonly pages: Canvas[] = [];
  #y = 0;
  readonly #tabular: (() => void)[] = [];

  constructor() {
    this.#turn();
  }

  get canvas(): Canvas {
    const page = this.pages.at(-1);
    if (page === undefined) throw new TypeError('there is always a page');
    return page;
  }

  /** Where the next thing begins, from the top of the page. */
  get y(): number {
    return this.#y;
  }

  space(height: number): void {
    this.#y += height;
  }

  /** Turns the page unless so much fits. */
  ensure(height: number): void {
    if (this.#y + height <= BOTTOM) return;
    this.#turn();
    for (const repeat of this.#tabular) repeat();
  }

  /** A paragraph. @returns its height */
  paragraph(text: string, style: TextStyle & { readonly x?: number; readonly width?: number } = {}): number {
    const { face = 'regular', size = 10, x = MARGIN, width = WIDTH } = style;
    const from = this.#y;
    const leading = size * 1.4;
    for (const line of wrap(text, face, size, width)) {
      this.ensure(leading);
      this.canvas.text(x, this.#y + size, line, style);
      this.#y += leading;
    }
    return this.#y - from;
  }

  heading(text: string): void {
    this.ensure(64);
    this.#y += 14;
    this.canvas.text(MARGIN, this.#y + 12, text, { face: 'bold', size: 13 });
    this.#y += 18;
    this.canvas.line(MARGIN, this.#y, MARGIN + WIDTH, this.#y, RULE);
    this.#y += 6;
  }

  /** A row of cells, each wrapped in its column. */
  row(columns: readonly Column[], cells: readonly Cell[], size = 9): void {
    const lines = cells.map(({ text, style }, index) =>
      wrap(text, style?.face ?? ('regular' satisfies Face), size, columns[index]?.width ?? WIDTH),
    );
    const leading = size * 1.35;
    const height = Math.max(1, ...lines.map(({ length }) => length)) * leading;
    // A row taller than a page is cut into lines; any other stays whole.
    this.ensure(Math.min(height, BOTTOM - MARGIN - 60));
    const top = this.#y;
    lines.forEach((cell, index) => {
      let y = top;
      for (const line of cell) {
        if (y + leading > PAGE.height - 40) break;
        this.canvas.text(columns[index]?.x ?? MARGIN, y + size, line, { ...cells[index]?.style, size });
        y += leading;
      }
    });
    this.#y = top + Math.min(height, BOTTOM - top);
    this.#y += 3;
  }

  /** Draws the heading of a table now, and again on every page that it continues on. */
  table(heading: () => void, body: () => void): void {
    heading();
    this.#tabular.push(heading);
    body();
    this.#tabular.pop();
  }

  #turn(): void {
    this.pages.push(new Canvas());
    this.#y = MARGIN;
  }
}
