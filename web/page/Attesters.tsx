import { isAccountKey } from '../model/attesterKey.ts';
import type { ReportView } from '../model/view.ts';
import { attesterName, counted, word } from '../texts/texts.ts';
import { useTongue } from './context.ts';
import { Code, Section } from './parts.tsx';

/** Who attested, what each is, and its standing: today and over time. */
export function Attesters({ view }: { view: ReportView }) {
  const tongue = useTongue();
  const { texts, format } = tongue;
  const { attesters } = texts;
  return (
    <Section id="attesters" heading={attesters.heading} lead={attesters.lead}>
      <ul className="attesters">
        {view.attesters
          .filter(({ id }) => !isAccountKey(id))
          .map((attester) => (
            <li key={attester.key} data-attester={attester.id}>
              <details className="fold">
                <summary>
                  <span className="strong">{attesterName(tongue, attester)}</span>{' '}
                  <span className="muted">
                    {[
                      ...attester.roles.map((role) => word(texts.vocabulary.role, role)),
                      ...(attester.country === null ? [] : [format.country(attester.country)]),
                      counted(tongue, attester.entries, attesters.entries),
                    ].join(' · ')}
                  </span>{' '}
                  <span className={attester.standing === 'good' ? 'badge is-plain' : 'badge is-caution'}>
                    {attesters.standing[attester.standing]}
                  </span>
                </summary>
                <p className="strong">{attesters.record}</p>
                <ol className="record">
                  {attester.changes.map((change, index) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: a record only grows
                    <li key={index}>
                      {format.moment(change.timestamp)}: {attesters.changes[change.change] ?? change.change}
                      {change.change.startsWith('key') ? (
                        <>
                          {' '}
                          <Code>{`0x${change.value.slice(26)}`}</Code>
                        </>
                      ) : null}
                    </li>
                  ))}
                </ol>
              </details>
            </li>
          ))}
      </ul>
    </Section>
  );
}
