import { type FormEvent, useState } from 'react';
import { FailureNote, Field } from '../acting/parts.tsx';
import { type Answer, listOf, malformed, type Service, textOf } from '../acting/service.ts';
import { readableIdentifier } from '../model/vinFeedback.ts';
import { useTongue } from '../page/context.ts';
import { Sign } from '../page/parts.tsx';
import { useAnswer } from './useAnswer.ts';
import { useSupplyWords } from './words.tsx';

/** Names a batch, whether it is there already or is to be registered. */
export function OpenBatch({ onOpen }: { readonly onOpen: (identifier: string) => void }) {
  const words = useSupplyWords();
  const [maker, setMaker] = useState('');
  const [number, setNumber] = useState('');
  const [asked, setAsked] = useState(false);
  const wrongMaker = !/^[A-Za-z0-9.-]{1,64}$/.test(maker.trim());
  const wrongNumber =
    number.trim() === '' || readableIdentifier(`batch:${wrongMaker ? 'x' : maker.trim()}:${number}`) === null;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setAsked(true);
    if (!wrongMaker && !wrongNumber) onOpen(`batch:${maker.trim()}:${number}`);
  };
  return (
    <section className="section" aria-labelledby="open-batch">
      <h2 id="open-batch">{words.batches.open}</h2>
      <p className="lead">{words.batches.openLead}</p>
      <form className="action-form panel" onSubmit={submit} noValidate>
        <div className="pair">
          <Field
            label={words.batches.maker}
            hint={words.batches.makerHint}
            value={maker}
            onChange={setMaker}
            mono
            maxLength={64}
            fault={asked && wrongMaker ? words.form.faults.party : null}
          />
          <Field
            label={words.batches.number}
            hint={words.batches.numberHint}
            value={number}
            onChange={setNumber}
            mono
            maxLength={64}
            fault={asked && wrongNumber ? words.batches.numberFault : null}
          />
        </div>
        <p className="actions">
          <button type="submit" className="primary">
            {words.batches.go}
          </button>
        </p>
      </form>
    </section>
  );
}

type Row = {
  readonly identifier: string;
  readonly state: 'quarantined' | 'inTransit' | 'received' | 'produced' | 'other';
  /** Seconds since 1970. */
  readonly latest: number;
  readonly entries: number;
};

function readRow(answer: Answer): Row {
  const { state, latest, entries } = answer;
  if (typeof latest !== 'number' || typeof entries !== 'number') throw malformed();
  const known = ['quarantined', 'inTransit', 'received', 'produced'] as const;
  return {
    identifier: textOf(answer, 'identifier'),
    state: known.find((one) => one === state) ?? 'other',
    latest,
    entries,
  };
}

/** Never green: what a list says is the service’s word. */
const signs = {
  quarantined: 'bad',
  inTransit: 'neutral',
  received: 'neutral',
  produced: 'neutral',
  other: 'neutral',
} as const;

/** The batches that this organisation has attested something of, the latest first, as the service reads them. */
export function Batches({ service, onOpen }: { service: Service; onOpen: (identifier: string) => void }) {
  const words = useSupplyWords();
  const { texts, format } = useTongue();
  const { value, failure, again } = useAnswer(service, '/v1/my/batches', (answer) =>
    listOf(answer, 'batches').map(readRow),
  );
  return (
    <section className="section" aria-labelledby="my-batches">
      <h2 id="my-batches">{words.batches.heading}</h2>
      <p className="muted small">{words.batches.asRead}</p>
      {failure === null ? null : <FailureNote failure={failure} onRetry={again} />}
      {value === null && failure === null ? <p role="status">{texts.app.loading}</p> : null}
      {value !== null && value.length === 0 ? <p className="muted">{words.batches.none}</p> : null}
      <ul className="vehicles">
        {(value ?? []).map(({ identifier, state, latest, entries }) => (
          <li key={identifier} data-batch={identifier}>
            <span>
              <span className="mono strong breakable">{identifier.replace(/^batch:/, '')}</span>
              <br />
              <span className="muted">
                <Sign of={signs[state]} /> {words.batches.states[state]} ·{' '}
                {words.batches.latest(format.moment(latest), format.number(entries), entries === 1)}
              </span>
            </span>
            <button type="button" className="secondary" onClick={() => onOpen(identifier)}>
              {words.batches.show}
              <span className="hidden"> {identifier}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
