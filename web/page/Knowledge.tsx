import { findingText } from '../model/findingText.ts';
import { headlineOf, knownLines, unknownLines } from '../model/knowledge.ts';
import { severityLight } from '../model/lights.ts';
import type { ReportView } from '../model/view.ts';
import { useTongue } from './context.ts';
import { Sign } from './parts.tsx';

const SHOWN = 4;

/** The sentence above everything else, and the points that it rests on. */
export function Headline({ view, refuted, proven }: { view: ReportView; refuted: boolean; proven: boolean }) {
  const tongue = useTongue();
  const { texts, format } = tongue;
  const { knowledge } = texts;
  const { headline } = knowledge;
  const kind = headlineOf(view);
  const serious = view.findings.filter(({ severity }) => severity === 'alert');
  const doubtful = view.findings.filter(({ severity }) => severity === 'warning');
  const wrong = [...serious, ...doubtful];
  const unsure = kind === 'warning' || kind === 'unread';
  const light = refuted || kind === 'alert' ? 'bad' : unsure ? 'caution' : 'neutral';
  return (
    <div className={`headline is-${light}`} data-headline={refuted ? 'refuted' : kind}>
      <p className="headline-word">{refuted ? headline.refuted : headline[kind]}</p>
      {refuted ? null : (
        <p className="headline-proof">{proven ? headline.proven : texts.findings.unproven}</p>
      )}
      {kind === 'absent' && !refuted ? (
        <p className="headline-text">
          {proven ? <span className="strong">{headline.absentProven} </span> : null}
          {headline.absentText}
        </p>
      ) : null}
      {wrong.length === 0 || refuted ? null : (
        <>
          <h2 className="hidden">{knowledge.wrong}</h2>
          <ul>
            {wrong.slice(0, SHOWN).map((finding) => (
              <li key={finding.code + finding.entries.join()}>
                <Sign of={severityLight[finding.severity]} />
                <span>{findingText(tongue, finding, view.attesters).title}</span>
              </li>
            ))}
          </ul>
          {wrong.length > SHOWN ? <p>{knowledge.more(format.number(wrong.length - SHOWN))}</p> : null}
        </>
      )}
    </div>
  );
}

/** What is known of the vehicle and, as clearly, what is not. */
export function Knowledge({ view, refuted }: { view: ReportView; refuted: boolean }) {
  const tongue = useTongue();
  const { knowledge } = tongue.texts;
  if (view.absent) return null;
  const columns = [
    [knowledge.known, knownLines(tongue, view)],
    [knowledge.unknown, unknownLines(tongue, view)],
  ] as const;
  return (
    <div className={refuted ? 'knowledge doubted' : 'knowledge'}>
      {columns.map(([heading, lines]) => (
        <div key={heading} className="tile">
          <h2>{heading}</h2>
          <ul className="plain">
            {lines.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </div>
      ))}
    </div>
  );
}
