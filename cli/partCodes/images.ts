/** What a code is drawn as. */
export type Symbology = 'qr' | 'datamatrix';
export type Format = 'svg' | 'png';

/** Pixels of one module of a PNG: large enough for a label printer at 300 dpi to draw it as 0.5 mm. */
const PNG_SCALE = 6;
/** Modules of white around it: four are what QR demands, one Data Matrix. */
const QUIET = { qr: 4, datamatrix: 1 } as const;

/** Draws text as a QR code or a Data Matrix. */
export async function drawSymbol(text: string, symbol: Symbology, format: Format): Promise<Uint8Array> {
  // Large, and needed here alone.
  const { toBuffer, toSVG } = await import('bwip-js');
  const options = {
    bcid: symbol === 'qr' ? 'qrcode' : 'datamatrix',
    text,
    paddingwidth: QUIET[symbol],
    paddingheight: QUIET[symbol],
    ...(symbol === 'qr' ? { eclevel: 'M' } : {}),
  };
  if (format === 'svg') return Buffer.from(toSVG(options));
  return toBuffer({ ...options, scale: PNG_SCALE, backgroundcolor: 'FFFFFF' });
}
