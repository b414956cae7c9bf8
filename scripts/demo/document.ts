import { drawCar } from './drawing.ts';
import { writePdf } from './pdf.ts';
import { writePng } from './png.ts';

/** A document by what is on it; {@link renderDocument} makes the file. */
export type DemoDocument =
  | {
      readonly type: 'pdf';
      readonly title: string;
      /** The same in Chinese. */
      readonly subtitle: string;
      readonly lines: readonly string[];
    }
  | {
      readonly type: 'photo';
      /** Of the paint, 0xRRGGBB. */
      readonly paint: number;
      /** Where the damage is, from the front (0) to the rear (1); absent: none. */
      readonly damage?: number;
      readonly night: boolean;
    };

export function mediaTypeOf(document: DemoDocument): string {
  return document.type === 'pdf' ? 'application/pdf' : 'image/png';
}

/** The bytes of the file. */
export function renderDocument(document: DemoDocument): Uint8Array {
  if (document.type === 'pdf') return writePdf(document.title, document.subtitle, document.lines);
  return writePng(drawCar(document));
}
