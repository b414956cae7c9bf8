import { useState } from 'react';
import type { GradedReading } from '../../core/findings/summary.ts';
import { type ChartPoint, layOut } from '../model/chart.ts';
import { readingText } from '../model/describe.ts';
import type { ReportView } from '../model/view.ts';
import { attesterName, findAttester, type Tongue, word } from '../texts/texts.ts';
import { useTongue } from './context.ts';
import { Section, useWidth } from './parts.tsx';

const HEIGHT = 260;

/** The distance over time: every reading with its grade and source, as a picture and as a table. */
export function Odometer({ view, onEntry }: { view: ReportView; onEntry: (digest: string) => void }) {
  const tongue = useTongue();
  const { texts } = tongue;
  const { odometer } = texts;
  const readings = view.summary?.odometer.readings ?? [];
  return (
    <Section id="odometer" heading={odometer.heading}>
      {readings.length === 0 ? (
        <p>{odometer.none}</p>
      ) : (
        <>
          <Picture readings={readings} view={view} />
          <details className="fold">
            <summary>{odometer.table}</summary>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a table wider than the screen scrolls by keyboard too */}
            <section className="scroll" tabIndex={0} aria-label={odometer.caption}>
              <table>
                <caption className="hidden">{odometer.caption}</caption>
                <thead>
                  <tr>
                    <th scope="col">{odometer.date}</th>
                    <th scope="col">{odometer.reading}</th>
                    <th scope="col">{odometer.source}</th>
                    <th scope="col">{odometer.grade}</th>
                    <th scope="col">{odometer.by}</th>
                  </tr>
                </thead>
                <tbody>
                  {readings.map((reading, index) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: readings never move
                    <tr key={index} data-grade={reading.grade}>
                      <td>
                        <button type="button" className="link" onClick={() => onEntry(reading.entry)}>
                          {tongue.format.time(reading.time)}
                        </button>
                      </td>
                      <td className="number">{readingText(tongue, reading.reading)}</td>
                      <td>{word(texts.vocabulary.source, reading.reading.source)}</td>
                      <td>
                        <span className={`grade grade-${reading.grade}`}>
                          {odometer.grades[reading.grade]}
                        </span>
                      </td>
                      <td>{byOf(tongue, view, reading)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </section>
          </details>
        </>
      )}
    </Section>
  );
}

function byOf(tongue: Tongue, view: ReportView, reading: GradedReading): string {
  const entry = view.entries.find(({ digest }) => digest === reading.entry);
  const attester = findAttester(view.attesters, entry?.attester ?? reading.organisation);
  return attesterName(tongue, attester) || reading.organisation;
}

function Picture({ readings, view }: { readings: readonly GradedReading[]; view: ReportView }) {
  const tongue = useTongue();
  const { texts, format } = tongue;
  const [box, width] = useWidth();
  const [chosen, setChosen] = useState<GradedReading | null>(null);
  const latest = view.summary?.odometer.latest ?? null;
  const shown = chosen ?? latest;
  const frame = { width: Math.max(width, 200), height: HEIGHT, left: 46, right: 14, top: 16, bottom: 26 };
  const chart = layOut(readings, frame, format);
  const times = readings.map(({ time }) => time).sort();
  const grades = [...new Set(readings.map(({ grade }) => grade))];
  const describedBy = texts.odometer.chart(
    format.number(readings.length),
    format.date(times[0] ?? ''),
    format.date(times.at(-1) ?? ''),
    latest === null ? '' : format.distance(latest.kilometres),
  );
  return (
    <figure className="chart">
      <div ref={box}>
        {width === 0 ? null : (
          <svg
            width={frame.width}
            height={HEIGHT}
            viewBox={`0 0 ${frame.width} ${HEIGHT}`}
            role="img"
            aria-label={describedBy}
            onPointerLeave={() => setChosen(null)}
          >
            <g className="axis">
              {chart.yTicks.map(({ y, label }) => (
                <g key={y}>
                  <line x1={frame.left} x2={frame.width - frame.right} y1={y} y2={y} />
                  <text x={frame.left - 8} y={y + 4} textAnchor="end">
                    {label}
                  </text>
                </g>
              ))}
              {chart.xTicks.map(({ x, year }) => (
                <g key={year}>
                  <line
                    className="tick"
                    x1={x}
                    x2={x}
                    y1={HEIGHT - frame.bottom}
                    y2={HEIGHT - frame.bottom + 4}
                  />
                  <text x={x} y={HEIGHT - 8} textAnchor="middle">
                    {year}
                  </text>
                </g>
              ))}
            </g>
            {chart.lines.map((line) => (
              <polyline
                key={line[0]?.reading.entry}
                className="line"
                points={line.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')}
              />
            ))}
            {chart.breaks.map(([from, to]) => (
              <line
                key={to.reading.entry}
                className="line-broken"
                x1={from.x}
                y1={from.y}
                x2={to.x}
                y2={to.y}
              />
            ))}
            {inFront(chart.points).map((point, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: readings never move
              <g key={index} onPointerEnter={() => setChosen(point.reading)}>
                <circle className="target" cx={point.x} cy={point.y} r="14" />
                <Mark point={point} chosen={point.reading === chosen} />
              </g>
            ))}
          </svg>
        )}
      </div>
      <figcaption>
        <span className="chart-point" aria-hidden="true">
          {shown === null
            ? texts.odometer.choose
            : texts.odometer.point(
                readingText(tongue, shown.reading),
                format.date(shown.time),
                word(texts.vocabulary.source, shown.reading.source),
                byOf(tongue, view, shown),
                texts.odometer.grades[shown.grade],
              )}
        </span>
        <span className="legend">
          {grades.map((grade) => (
            <span key={grade} className={`grade grade-${grade}`}>
              {texts.odometer.grades[grade]}
            </span>
          ))}
        </span>
      </figcaption>
    </figure>
  );
}

/** What stands out is drawn over what does not. */
function inFront(points: readonly ChartPoint[]): ChartPoint[] {
  const rank = ({ reading: { grade } }: ChartPoint): number =>
    grade === 'discrepancy' ? 2 : grade === 'consistent' ? 0 : 1;
  return [...points].sort((left, right) => rank(left) - rank(right));
}

/** A shape of its own for each grade. */
function Mark({ point: { x, y, reading }, chosen }: { point: ChartPoint; chosen: boolean }) {
  const name = `mark mark-${reading.grade}${chosen ? ' chosen' : ''}`;
  const size = chosen ? 7 : 5;
  switch (reading.grade) {
    case 'discrepancy':
      return (
        <path
          className={name}
          d={`M${x} ${y - size - 2}l${size + 2} ${size + 2}l${-size - 2} ${size + 2}l${-size - 2} ${-size - 2}z`}
        />
      );
    case 'replaced':
    case 'rollover':
      return <path className={name} d={`M${x} ${y - size - 1}l${size + 1} ${2 * size}h${-2 * size - 2}z`} />;
    case 'superseded':
      return (
        <path
          className={name}
          d={`M${x - size} ${y - size}l${2 * size} ${2 * size}M${x + size} ${y - size}l${-2 * size} ${2 * size}`}
        />
      );
    default:
      return <circle className={name} cx={x} cy={y} r={size} />;
  }
}
