import type { GradedReading } from '../../core/findings/summary.ts';
import type { Format } from '../format.ts';
import { sortTime } from './timeline.ts';

export type ChartPoint = {
  readonly x: number;
  readonly y: number;
  readonly reading: GradedReading;
};

export type Chart = {
  readonly points: readonly ChartPoint[];
  /** Through the readings that count, in order; broken where an instrument began anew. */
  readonly lines: readonly (readonly ChartPoint[])[];
  /** From each discrepancy's reading before to its own. */
  readonly breaks: readonly (readonly [ChartPoint, ChartPoint])[];
  readonly xTicks: readonly { readonly x: number; readonly year: number }[];
  readonly yTicks: readonly { readonly y: number; readonly label: string }[];
};

export type Frame = {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
};

/** A round step of 1, 2 or 5 that cuts a range into about so many. */
export function niceStep(range: number, pieces: number): number {
  const rough = Math.max(range / pieces, 1e-9);
  const power = 10 ** Math.floor(Math.log10(rough));
  const [step = 10] = [1, 2, 5, 10].filter((candidate) => candidate * power >= rough);
  return step * power;
}

/** Where each reading lies on the chart. */
export function layOut(readings: readonly GradedReading[], frame: Frame, format: Format): Chart {
  const timed = readings.map((reading) => ({ reading, at: sortTime({ time: reading.time, anchoredAt: 0 }) }));
  const times = timed.map(({ at }) => at);
  const first = Math.min(...times);
  const last = Math.max(...times);
  const pad = Math.max((last - first) * 0.02, 86_400 * 30);
  const [from, to] = [first - pad, last + pad];
  const highest = Math.max(1, ...readings.map(({ kilometres }) => format.inUnit(kilometres)));
  const step = niceStep(highest, 4);
  const top = Math.ceil(highest / step) * step;
  const inner = {
    width: frame.width - frame.left - frame.right,
    height: frame.height - frame.top - frame.bottom,
  };
  const xOf = (seconds: number): number => frame.left + ((seconds - from) / (to - from)) * inner.width;
  const yOf = (value: number): number => frame.top + (1 - value / top) * inner.height;

  const points = timed.map(({ reading, at }) => ({
    x: xOf(at),
    y: yOf(format.inUnit(reading.kilometres)),
    reading,
  }));
  const lines: ChartPoint[][] = [];
  for (const point of points) {
    const { grade } = point.reading;
    if (grade === 'superseded' || grade === 'exempt') continue;
    const line = lines.at(-1);
    if (line === undefined || grade === 'replaced' || grade === 'rollover') lines.push([point]);
    else line.push(point);
  }
  const breaks = lines.flatMap((line) =>
    line.flatMap((point, index) => {
      const before = line[index - 1];
      return before !== undefined && point.reading.grade === 'discrepancy' ? [[before, point] as const] : [];
    }),
  );
  const [firstYear, lastYear] = [
    new Date(from * 1000).getUTCFullYear() + 1,
    new Date(to * 1000).getUTCFullYear(),
  ];
  const yearStep = Math.max(
    1,
    Math.ceil((lastYear - firstYear + 1) / Math.max(2, Math.floor(inner.width / 64))),
  );
  const xTicks: { x: number; year: number }[] = [];
  for (let year = firstYear; year <= lastYear; year += yearStep) {
    xTicks.push({ x: xOf(Date.UTC(year, 0, 1) / 1000), year });
  }
  const yTicks: { y: number; label: string }[] = [];
  for (let value = 0; value <= top + step / 2; value += step) {
    yTicks.push({ y: yOf(value), label: format.axis(format.fromUnit(value)) });
  }
  return { points, lines, breaks, xTicks, yTicks };
}
