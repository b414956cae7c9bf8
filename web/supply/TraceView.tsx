import { type FormEvent, useState } from 'react';
import { formatIdentifier } from '../../core/identifiers/identifier.ts';
import { FailureNote, Field } from '../acting/parts.tsx';
import type { Service } from '../acting/service.ts';
import type { Direction, Trace } from '../model/trace.ts';
import { readableIdentifier } from '../model/vinFeedback.ts';
import { useTongue } from '../page/context.ts';
import { Sign } from '../page/parts.tsx';
import { counted, word } from '../texts/texts.ts';
import type { Failure } from '../worker/messages.ts';
import { failureOf } from '../worker/problem.ts';
import { Parts } from './Parts.tsx';
import { readTrace } from './readTrace.ts';
import { TraceList } from './TraceList.tsx';
import { TracePicture } from './TracePicture.tsx';
import { useSupplyWords } from './words.tsx';

const directions = ['down', 'up'] as const satisfies readonly Direction[];
const looks = ['picture', 'list'] as const;

type Found = { readonly trace: Trace; readonly direction: Direction };

/** Traces a thing: what it is made of, down to the last tier; or what it is in, up to the vehicles. */
export function TraceView({ service }: { readonly service: Service }) {
  const words = useSupplyWords();
  const { texts } = useTongue();
  const [text, setText] = useState('');
  const [at, setAt] = useState('');
  const [direction, setDirection] = useState<Direction>('down');
  const [asked, setAsked] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [found, setFound] = useState<Found | null>(null);
  const [look, setLook] = useState<(typeof looks)[number]>('picture');
  const identifier = readableIdentifier(text.trim());

  const run = async (written: string, way: Direction): Promise<void> => {
    const read = readableIdentifier(written.trim());
    setAsked(true);
    if (read === null) return;
    setBusy(true);
    setFailure(null);
    try {
      const answer = await service.post('/v1/traces', {
        identifier: formatIdentifier(read),
        direction: way,
        ...(at === '' ? {} : { at }),
      });
      setFound({ trace: readTrace(answer), direction: way });
    } catch (error) {
      setFailure(failureOf(error));
      setFound(null);
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    void run(text, direction);
  };
  const goOn = (next: string): void => {
    setText(next);
    void run(next, direction);
  };
  return (
    <section className="section" aria-labelledby="trace">
      <h2 id="trace">{words.trace.heading}</h2>
      <p className="lead">{words.trace.lead}</p>
      <form className="panel action-form" onSubmit={submit} noValidate>
        <Field
          label={words.trace.thing}
          hint={words.trace.thingHint}
          value={text}
          onChange={setText}
          mono
          maxLength={200}
          fault={asked && identifier === null ? words.trace.thingFault : null}
        />
        <fieldset className="radios">
          <legend>{words.trace.direction}</legend>
          {directions.map((one) => (
            <label key={one} className="check">
              <input
                type="radio"
                name="direction"
                checked={direction === one}
                onChange={() => setDirection(one)}
              />
              {words.trace.directions[one]}
            </label>
          ))}
        </fieldset>
        <Field
          label={words.form.optional(words.trace.at)}
          hint={words.trace.atHint}
          type="date"
          value={at}
          onChange={setAt}
        />
        <p className="actions">
          <button type="submit" className="primary" disabled={busy}>
            {words.trace.go}
          </button>
          <span role="status" className="muted">
            {busy ? texts.app.loading : ''}
          </span>
        </p>
      </form>
      {failure === null ? null : <FailureNote failure={failure} />}
      {found === null ? null : (
        <div className="trace" data-trace={found.trace.things.length} aria-busy={busy}>
          <Summary {...found} />
          <Parts
            names={looks}
            label={words.trace.look}
            words={words.trace.looks}
            part={look}
            onPart={setLook}
          />
          {look === 'picture' ? (
            <TracePicture key={`${found.trace.start} ${found.direction}`} {...found} onTrace={goOn} />
          ) : (
            <TraceList {...found} onTrace={goOn} />
          )}
        </div>
      )}
    </section>
  );
}

/** What came of it, in one paragraph and as many warnings as there are reasons for. */
function Summary({ trace, direction }: Found) {
  const tongue = useTongue();
  const words = useSupplyWords();
  const { format } = tongue;
  const { things, missing, cycles, others, truncated } = trace;
  const counts = new Map<string, number>();
  for (const { type, depth } of things) if (depth > 0) counts.set(type, (counts.get(type) ?? 0) + 1);
  const tiers = Math.max(0, ...things.map(({ depth }) => depth));
  const said = [...counts].map(
    ([type, count]) => `${word(words.trace.types, type)}: ${format.number(count)}`,
  );
  return (
    <div className="trace-summary">
      <p role="status">
        <span className="strong">
          {things.length <= 1
            ? words.trace.nothing[direction]
            : words.trace.found(format.list(said), format.number(tiers))}
        </span>
      </p>
      <ul className="notes">
        {cycles.length === 0 ? null : (
          <li className="is-bad" data-cycles={cycles.length}>
            <Sign of="bad" /> {counted(tongue, cycles.length, words.trace.cycles)}
          </li>
        )}
        {missing.length === 0 ? null : (
          <li data-missing={missing.length}>
            <Sign of="caution" /> {counted(tongue, missing.length, words.trace.missing)}
          </li>
        )}
        {others === 0 ? null : (
          <li data-others={others}>
            <Sign of="neutral" /> {counted(tongue, others, words.trace.others)}
          </li>
        )}
        {truncated ? (
          <li>
            <Sign of="caution" /> {words.trace.truncated(format.number(things.length))}
          </li>
        ) : null}
      </ul>
      <p className="muted small">{words.trace.asRead}</p>
    </div>
  );
}
