import { useState } from 'react';
import type { Hex } from '../../core/bytes.ts';
import { ActionForm } from '../acting/ActionForm.tsx';
import type { Place } from '../acting/compose.ts';
import { useWords } from '../acting/context.ts';
import { Choice } from '../acting/parts.tsx';
import type { Act } from '../acting/useAct.ts';
import { describe } from '../model/describe.ts';
import { everything, filtered } from '../model/timeline.ts';
import type { EntryView, ReportView } from '../model/view.ts';
import { useTongue } from '../page/context.ts';
import { attesterName, findAttester, type Tongue, word } from '../texts/texts.ts';

function lineOf(tongue: Tongue, view: ReportView, entry: EntryView): string {
  const { title, qualifier } = describe(tongue, entry);
  const when = entry.time === '' ? tongue.format.moment(entry.anchoredAt) : tongue.format.date(entry.time);
  const who = attesterName(tongue, findAttester(view.attesters, entry.attester));
  return [when, title, qualifier, who].filter((part) => part !== '').join(' · ');
}

/** Disputing an entry, and what became of earlier disputes. */
export function Disputes({ place, view, act }: { place: Place; view: ReportView; act: Act }) {
  const tongue = useTongue();
  const { texts, format } = tongue;
  const words = useWords();
  const entries = filtered(view.entries, everything).filter(({ kind }) => kind !== 'title.disputed');
  const [chosen, setChosen] = useState('');
  const disputed = view.entries.filter(({ disputes }) => disputes.length > 0);
  const busy = act.state.at !== 'idle' && act.state.at !== 'refused';
  return (
    <section className="section" aria-labelledby="disputes">
      <h3 id="disputes">{words.disputes.heading}</h3>
      <p className="lead">{words.disputes.lead}</p>
      {disputed.length === 0 ? null : (
        <ul className="listing">
          {disputed.flatMap((entry) =>
            entry.disputes.map((dispute) => (
              <li key={dispute.digest} data-dispute={dispute.outcome}>
                <p className="strong">{lineOf(tongue, view, entry)}</p>
                <p className="muted">
                  {format.moment(dispute.anchoredAt)}
                  {dispute.reason === null
                    ? ''
                    : ` · ${word(texts.vocabulary.value['title.disputed.reason'], dispute.reason)}`}
                </p>
                <p>{texts.timeline.dispute.outcome[dispute.outcome]}</p>
              </li>
            )),
          )}
        </ul>
      )}
      {busy ? null : (
        <>
          <Choice
            label={words.disputes.entry}
            value={chosen}
            options={[
              { value: '', label: words.disputes.choose },
              ...entries.map((entry) => ({ value: entry.digest, label: lineOf(tongue, view, entry) })),
            ]}
            onChange={setChosen}
          />
          {chosen === '' ? null : (
            <ActionForm
              key={chosen}
              kind="title.disputed"
              detail={chosen as Hex}
              onDraft={(draft) => act.propose(draft, place)}
            />
          )}
        </>
      )}
    </section>
  );
}
