import { type Finding, severities } from '../../core/findings/finding.ts';
import { findingText } from '../model/findingText.ts';
import { severityLight } from '../model/lights.ts';
import type { ReportView } from '../model/view.ts';
import { counted } from '../texts/texts.ts';
import { useTongue } from './context.ts';
import { Section, Sign } from './parts.tsx';

/** The findings, the gravest first, each with the way to the entries that it rests on. */
export function Findings({
  view,
  onEntries,
}: {
  view: ReportView;
  onEntries: (digests: readonly string[]) => void;
}) {
  const { texts } = useTongue();
  return (
    <Section id="findings" heading={texts.findings.heading}>
      {view.findings.length === 0 ? <p>{texts.findings.none}</p> : null}
      {severities.map((severity) => {
        const found = view.findings.filter((finding) => finding.severity === severity);
        if (found.length === 0) return null;
        return (
          <div key={severity} className="findings" data-severity={severity}>
            <h3>{texts.findings.severity[severity]}</h3>
            <ul>
              {found.map((finding) => (
                <Item
                  key={`${finding.code} ${finding.entries.join()} ${JSON.stringify(finding.details)}`}
                  finding={finding}
                  view={view}
                  onEntries={onEntries}
                />
              ))}
            </ul>
          </div>
        );
      })}
    </Section>
  );
}

function Item(props: {
  finding: Finding;
  view: ReportView;
  onEntries: (digests: readonly string[]) => void;
}) {
  const tongue = useTongue();
  const { finding, view } = props;
  const { title, text } = findingText(tongue, finding, view.attesters);
  const inHistory = new Set(view.entries.map(({ digest }) => digest));
  const entries = [...new Set(finding.entries)].filter((digest) => inHistory.has(digest));
  return (
    <li className={`finding is-${severityLight[finding.severity]}`} data-code={finding.code}>
      <Sign of={severityLight[finding.severity]} />
      <div>
        <p className="finding-title">{title}</p>
        <p>{text}</p>
        {entries.length === 0 ? null : (
          <button type="button" className="quiet small no-print" onClick={() => props.onEntries(entries)}>
            {counted(tongue, entries.length, tongue.texts.findings.evidence)}
            <span className="hidden">: {title}</span>
          </button>
        )}
      </div>
    </li>
  );
}
