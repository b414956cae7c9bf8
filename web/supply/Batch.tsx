import { useState } from 'react';
import type { DeskProps } from '../acting/Desk.tsx';
import type { EntryPlace } from '../acting/entries.ts';
import { Facts, Focused } from '../acting/parts.tsx';
import type { Signed } from '../acting/session.ts';
import { type Enter, useEntry } from '../acting/useEntry.ts';
import { useVehicle } from '../acting/useVehicle.ts';
import { type BatchView, batchOf } from '../model/batch.ts';
import { factsOf, sealedFacts } from '../model/describe.ts';
import { type StepKind, steps } from '../model/supplyForms.ts';
import type { EntryView, ReportView } from '../model/view.ts';
import { useTongue } from '../page/context.ts';
import { KindIcon } from '../page/KindIcon.tsx';
import { Sign } from '../page/parts.tsx';
import { attesterName, findAttester, kindName } from '../texts/texts.ts';
import { EntryPanel } from './EntryPanel.tsx';
import { ListAgain } from './ListAgain.tsx';
import { RegisterForm } from './RegisterForm.tsx';
import { StepForm } from './StepForm.tsx';
import { Thing } from './Thing.tsx';
import { useSupplyWords } from './words.tsx';

type Props = DeskProps & Signed & { readonly id: string };

/** One batch: what its proven history says, and what this organisation adds to it. */
export function Batch(props: Props) {
  const { id, session, info } = props;
  const words = useSupplyWords();
  const thing = useVehicle(id, props);
  const enter = useEntry({ session, info }, thing.reload);
  return (
    <Thing
      thing={thing}
      name={(view) => nameOf(batchOf(view)) ?? words.batch.unnamed}
      onBack={() => props.onVehicle(null)}
      onChange={props.onChange}
      acting={<EntryPanel enter={enter} wallet={session.signer.by === 'wallet'} />}
    >
      {(view, place) => <Inside {...props} view={view} place={place} enter={enter} />}
    </Thing>
  );
}

function nameOf({ produced }: BatchView): string | null {
  const name = produced?.data.nameAtManufacturer;
  return typeof name === 'string' ? name : null;
}

type InsideProps = Props & {
  readonly view: ReportView;
  readonly place: EntryPlace | null;
  readonly enter: Enter;
};

function Inside(props: InsideProps) {
  const { view, place, enter, session } = props;
  const words = useSupplyWords();
  const batch = batchOf(view);
  const busy = enter.state.at !== 'idle' && enter.state.at !== 'refused';
  const own = batch.produced !== null && place !== null && isOwn(batch.produced, place.organisation);
  return (
    <>
      {batch.again.length === 0 ? null : (
        <p className="notice is-bad" role="alert" data-again={batch.again.length}>
          <Sign of="bad" />
          <span>{words.batch.again}</span>
        </p>
      )}
      {batch.state === 'none' ? (
        <p className="notice" data-batch="none">
          {words.batch.free}
        </p>
      ) : (
        <Summary view={view} batch={batch} proven={place !== null} />
      )}
      {place === null ? null : (
        <div key={enter.round} hidden={busy}>
          {batch.produced === null ? (
            <RegisterForm place={place} session={session} onDraft={enter.propose} />
          ) : (
            <Actions place={place} batch={batch} onDraft={enter.propose} onClear={enter.clear} />
          )}
        </div>
      )}
      {own && !busy && batch.count !== null && batch.produced !== null ? (
        <ListAgain api={props.api} session={session} produced={batch.produced} />
      ) : null}
    </>
  );
}

export function isOwn({ attester }: EntryView, organisation: bigint): boolean {
  return attester.slice(attester.lastIndexOf('/') + 1) === organisation.toString();
}

function Summary(props: { readonly view: ReportView; readonly batch: BatchView; readonly proven: boolean }) {
  const { view, batch, proven } = props;
  const tongue = useTongue();
  const words = useSupplyWords();
  const { format } = tongue;
  const { produced, state, holder, count, steps: done } = batch;
  const light = state === 'quarantined' ? 'bad' : state === 'inTransit' || !proven ? 'neutral' : 'good';
  const facts =
    produced === null
      ? []
      : factsOf(tongue, produced.kind, produced.data, 'serials').map(
          ({ label, value }) => [label, value] as const,
        );
  const hidden =
    produced === null
      ? []
      : sealedFacts(tongue, produced.sealed).map(({ label, value }) => [label, value] as const);
  return (
    <section className="section" aria-label={words.batch.heading}>
      <div className={`sellable is-${light}`} data-state={state}>
        <Sign of={light} />
        <div>
          <p className="sellable-word">{words.batch.states[state]}</p>
          <p>
            {holder === null
              ? words.batch.holderUnknown
              : words.batch.holder[state === 'inTransit' ? 'to' : 'at'](holder)}
          </p>
        </div>
      </div>
      <div className="panel">
        <Facts
          rows={[
            ...facts,
            ...hidden,
            [words.batch.count, count === null ? words.batch.countNone : format.number(count)],
            ...(produced === null || produced.documents.length === 0
              ? []
              : [[words.batch.documents, format.number(produced.documents.length)] as const]),
          ]}
        />
      </div>
      {done.length === 0 ? null : (
        <ol className="listing steps-list">
          {done.map((step) => (
            <li key={step.digest} data-step={step.kind}>
              <span>
                <KindIcon kind={step.kind} />
                <span className="strong">{kindName(tongue, step.kind)}</span>{' '}
                <span className="muted">
                  {format.time(step.time)} ·{' '}
                  {attesterName(tongue, findAttester(view.attesters, step.attester))}
                </span>
              </span>
              <span className="muted small">
                {[...factsOf(tongue, step.kind, step.data), ...sealedFacts(tongue, step.sealed)]
                  .map(({ label, value }) => `${label}: ${value}`)
                  .join(' · ')}
              </span>
            </li>
          ))}
        </ol>
      )}
      {view.seals.opened < view.seals.digests ? <p className="muted small">{words.batch.sealed}</p> : null}
    </section>
  );
}

function Actions(props: {
  readonly place: EntryPlace;
  readonly batch: BatchView;
  readonly onDraft: Enter['propose'];
  readonly onClear: () => void;
}) {
  const tongue = useTongue();
  const words = useSupplyWords();
  const { place, batch, onDraft, onClear } = props;
  const [chosen, setChosen] = useState<StepKind | null>(null);
  const whyNot = (kind: StepKind): string | null =>
    kind === 'batch.released' && batch.quarantines.length === 0
      ? words.batch.why.notQuarantined
      : kind === 'batch.shipped' && batch.quarantines.length > 0
        ? words.batch.why.quarantined
        : null;
  return (
    <section className="section" aria-labelledby="batch-actions">
      <h3 id="batch-actions">{words.batch.actions}</h3>
      <ul className="kinds">
        {steps.map((kind) => {
          const why = whyNot(kind);
          return (
            <li key={kind}>
              <button
                type="button"
                className="kind"
                aria-pressed={chosen === kind}
                disabled={why !== null}
                data-kind={kind}
                onClick={() => {
                  onClear();
                  setChosen(kind);
                }}
              >
                <KindIcon kind={kind} />
                <span>
                  {words.batch.steps[kind]}
                  {why === null ? null : <span className="muted small why">{why}</span>}
                </span>
              </button>
            </li>
          );
        })}
      </ul>
      {chosen === null || whyNot(chosen) !== null ? null : (
        <Focused key={chosen} className="panel" label={kindName(tongue, chosen)}>
          <h4>{words.batch.steps[chosen]}</h4>
          <StepForm
            kind={chosen}
            place={place}
            batch={batch}
            onDraft={(draft) => onDraft(draft, place)}
            onCancel={() => setChosen(null)}
          />
        </Focused>
      )}
    </section>
  );
}
