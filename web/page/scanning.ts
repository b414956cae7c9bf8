/** The browser's own reader of codes, where it has one; not in TypeScript's library yet. */
export type Detector = {
  detect(source: HTMLVideoElement): Promise<readonly { readonly rawValue: string }[]>;
};
export type DetectorMaker = {
  new (options: { formats: readonly string[] }): Detector;
  getSupportedFormats(): Promise<readonly string[]>;
};

export function detectorMaker(): DetectorMaker | null {
  const { BarcodeDetector } = globalThis as { BarcodeDetector?: DetectorMaker };
  return BarcodeDetector ?? null;
}

export function canScan(): boolean {
  return detectorMaker() !== null && typeof navigator.mediaDevices?.getUserMedia === 'function';
}
