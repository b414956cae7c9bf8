import { generate } from 'lean-qr';
import { useMemo } from 'react';

/** Modules of white around a code, so that a camera finds it. */
const QUIET = 4;

/** A QR code, drawn without help from anybody: what it says is a secret. */
export function QrCode({ text, label }: { text: string; label: string }) {
  const { size, path } = useMemo(() => {
    const code = generate(text);
    let drawn = '';
    for (let row = 0; row < code.size; row++) {
      for (let column = 0; column < code.size; ) {
        let end = column;
        while (end < code.size && code.get(end, row)) end += 1;
        if (end > column) drawn += `M${column} ${row}h${end - column}v1H${column}z`;
        column = Math.max(end, column + 1);
      }
    }
    return { size: code.size, path: drawn };
  }, [text]);
  const whole = size + 2 * QUIET;
  return (
    <svg className="qr" role="img" aria-label={label} viewBox={`${-QUIET} ${-QUIET} ${whole} ${whole}`}>
      <rect x={-QUIET} y={-QUIET} width={whole} height={whole} className="qr-paper" />
      <path d={path} className="qr-ink" />
    </svg>
  );
}
