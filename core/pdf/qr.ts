import { generate } from 'lean-qr';
import type { Canvas, Colour } from './canvas.ts';

const BLACK: Colour = [0, 0, 0];

/** Draws a code that opens an address, as wide as given, without its quiet zone. */
export function drawCode(canvas: Canvas, x: number, y: number, width: number, text: string): void {
  const code = generate(text);
  const module = width / code.size;
  for (let row = 0; row < code.size; row++) {
    for (let column = 0; column < code.size; ) {
      let end = column;
      while (end < code.size && code.get(end, row)) end++;
      // Neighbours are drawn as one, so that no hairline shows between them.
      if (end > column)
        canvas.rectangle(x + column * module, y + row * module, (end - column) * module, module, BLACK);
      column = end + 1;
    }
  }
}
