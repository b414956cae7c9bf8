import { useEffect, useState } from 'react';
import { useWords } from '../acting/context.ts';
import { Desk, type DeskProps } from '../acting/Desk.tsx';
import { FailureNote } from '../acting/parts.tsx';
import { listOf } from '../acting/service.ts';
import type { Signed } from '../acting/session.ts';
import { shownIdentifier } from '../model/vinFeedback.ts';
import { useTongue } from '../page/context.ts';
import { Sign } from '../page/parts.tsx';
import { Search } from '../page/Search.tsx';
import { Notices } from '../supply/Notices.tsx';
import { Worded } from '../supply/words.tsx';
import type { Failure } from '../worker/messages.ts';
import { failureOf } from '../worker/problem.ts';
import { MyVehicle } from './MyVehicle.tsx';

/** The owner's page: my vehicles, selling and buying, consents, the access log, disputes. */
export function Owner(props: DeskProps) {
  return (
    <Desk desk="owner" {...props}>
      {(signed) =>
        props.id === null ? (
          <MyVehicles signed={signed} onVehicle={props.onVehicle} />
        ) : (
          <MyVehicle key={props.id} {...props} {...signed} id={props.id} />
        )
      }
    </Desk>
  );
}

type Owned = {
  readonly identifier: string | null;
  readonly subject: string;
  readonly state: string;
  readonly obstacles: readonly string[] | null;
  readonly offered: boolean;
};

function readOwned(found: Readonly<Record<string, unknown>>): Owned {
  const { identifier, title } = found;
  const { subject, state, sellable, offer } = (title ?? {}) as Readonly<Record<string, unknown>>;
  const { obstacles } = (sellable ?? {}) as { obstacles?: unknown };
  return {
    identifier: typeof identifier === 'string' ? identifier : null,
    subject: String(subject),
    state: String(state),
    obstacles: Array.isArray(obstacles) ? obstacles.map(String) : null,
    offered: offer !== null && offer !== undefined,
  };
}

type Lists = { readonly owned: readonly Owned[]; readonly offers: readonly Owned[] };

function MyVehicles({ signed, onVehicle }: { signed: Signed; onVehicle: (id: string) => void }) {
  const words = useWords();
  const { texts } = useTongue();
  const { service } = signed.session;
  const [lists, setLists] = useState<Lists | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [asked, setAsked] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again whenever somebody asks
  useEffect(() => {
    let over = false;
    setFailure(null);
    service.get('/v1/my/vehicles').then(
      (answer) => {
        if (over) return;
        setLists({
          owned: listOf(answer, 'vehicles').map(readOwned),
          offers: listOf(answer, 'offers').map(readOwned),
        });
      },
      (error: unknown) => over || setFailure(failureOf(error)),
    );
    return () => {
      over = true;
    };
  }, [service, asked]);
  return (
    <>
      <section className="section" aria-labelledby="mine">
        <h2 id="mine">{words.mine.heading}</h2>
        {failure === null ? null : (
          <FailureNote failure={failure} onRetry={() => setAsked((before) => before + 1)} />
        )}
        {lists === null && failure === null ? <p role="status">{texts.app.loading}</p> : null}
        {lists !== null && lists.owned.length === 0 ? <p className="muted">{words.mine.none}</p> : null}
        <Vehicles list={lists?.owned ?? []} onVehicle={onVehicle} />
      </section>
      {lists === null || lists.offers.length === 0 ? null : (
        <section className="section" aria-labelledby="offers">
          <h2 id="offers">{words.mine.offers}</h2>
          <p className="lead">{words.mine.offersLead}</p>
          <Vehicles list={lists.offers} onVehicle={onVehicle} />
        </section>
      )}
      <Worded>
        <Notices service={service} onOpen={onVehicle} />
      </Worded>
      <section className="section" aria-labelledby="another">
        <h2 id="another">{words.mine.another}</h2>
        <p className="lead">{words.mine.anotherLead}</p>
        <Search start="" onSearch={onVehicle} />
      </section>
    </>
  );
}

function Vehicles({ list, onVehicle }: { list: readonly Owned[]; onVehicle: (id: string) => void }) {
  const words = useWords();
  const { texts } = useTongue();
  return (
    <ul className="vehicles">
      {list.map(({ identifier, subject, state, obstacles, offered }) => {
        // The service's word: without the green sign of what is proven, and nothing where it says nothing.
        const may = obstacles?.length === 0;
        const states = texts.title.states as Readonly<Record<string, string>>;
        return (
          <li key={subject} data-subject={subject}>
            <span>
              <span className="vin strong breakable">
                {identifier === null ? words.mine.unnamed : shownIdentifier(identifier)}
              </span>
              <br />
              <span className="muted">
                <Sign of={may || obstacles === null ? 'neutral' : 'caution'} />{' '}
                {may ? texts.title.sellable : (states[state] ?? state)}
                {offered ? ` · ${words.mine.onOffer}` : ''}
                {may || obstacles === null || state !== 'held' ? '' : ` · ${texts.title.notSellable}`}
              </span>
            </span>
            {identifier === null ? null : (
              <button type="button" className="secondary" onClick={() => onVehicle(identifier)}>
                {words.mine.open}
                <span className="hidden"> {shownIdentifier(identifier)}</span>
              </button>
            )}
          </li>
        );
      })}
    </ul>
  );
}
