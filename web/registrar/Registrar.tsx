import { useEffect, useState } from 'react';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import {
  type Lien,
  obstaclesOf,
  openLiens,
  type Title,
  type TitleKind,
  titleKinds,
  transitions,
} from '../../core/modules/title.ts';
import { ActionForm } from '../acting/ActionForm.tsx';
import { ActPanel } from '../acting/ActPanel.tsx';
import type { Place } from '../acting/compose.ts';
import { useWords } from '../acting/context.ts';
import { Desk, type DeskProps } from '../acting/Desk.tsx';
import { Focused } from '../acting/parts.tsx';
import type { Service } from '../acting/service.ts';
import type { Session, Signed } from '../acting/session.ts';
import { type Act, useAct } from '../acting/useAct.ts';
import { resolve, useVehicle } from '../acting/useVehicle.ts';
import { VehicleView } from '../acting/VehicleView.tsx';
import { useTongue } from '../page/context.ts';
import { KindIcon } from '../page/KindIcon.tsx';
import { Search } from '../page/Search.tsx';
import { kindName, localisedText } from '../texts/texts.ts';

/** The registrar's page, and that of whoever else has a right in titles: lenders, police, authorities. */
export function Registrar(props: DeskProps) {
  return (
    <Desk desk="registrar" {...props}>
      {(signed) => <Inside {...props} {...signed} />}
    </Desk>
  );
}

/** What an organisation may ask of titles; for showing only, the ledger itself enforces it. */
type Rights = { readonly name: string; readonly kinds: readonly TitleKind[] } | null;

function useRights({ service, organisation }: Session): Rights {
  const { language } = useTongue();
  const [found, setFound] = useState<Readonly<Record<string, unknown>> | null>(null);
  useEffect(() => {
    let over = false;
    service.get(`/v1/organisations/${organisation}`).then(
      (answer) => over || setFound(answer),
      () => undefined,
    );
    return () => {
      over = true;
    };
  }, [service, organisation]);
  if (found === null) return null;
  const { names } = (found.profile ?? {}) as { names?: never };
  const kinds = Array.isArray(found.kinds) ? (found.kinds as unknown[]) : [];
  return {
    name: localisedText(names, language),
    kinds: (Object.keys(titleKinds) as TitleKind[]).filter((kind) => kinds.includes(kind)),
  };
}

function Inside(props: DeskProps & Signed) {
  const words = useWords();
  const rights = useRights(props.session);
  return (
    <>
      {rights === null || rights.name === '' ? null : <p className="strong">{rights.name}</p>}
      {rights !== null && rights.kinds.length === 0 ? (
        <p className="notice is-caution">{words.registrar.noRights}</p>
      ) : null}
      {props.id === null ? (
        <section className="section" aria-labelledby="find">
          <h2 id="find">{words.registrar.find}</h2>
          <p className="lead">{words.registrar.findLead}</p>
          <Search start="" onSearch={props.onVehicle} />
        </section>
      ) : (
        <Vehicle key={props.id} {...props} id={props.id} rights={rights} />
      )}
    </>
  );
}

function Vehicle(props: DeskProps & Signed & { readonly id: string; readonly rights: Rights }) {
  const { id, session, info, rights } = props;
  const vehicle = useVehicle(id, props);
  const act = useAct({ session, info }, vehicle.reload);
  return (
    <VehicleView
      vehicle={vehicle}
      onBack={() => props.onVehicle(null)}
      onVehicle={props.onVehicle}
      onChange={props.onChange}
      acting={<ActPanel act={act} wallet={session.signer.by === 'wallet'} />}
    >
      {(place) => <Actions place={place} act={act} rights={rights} service={session.service} />}
    </VehicleView>
  );
}

const ORDER: readonly TitleKind[] = [
  'title.issued',
  'title.transferred',
  'title.reissued',
  'title.lienPlaced',
  'title.lienRenewed',
  'title.lienReleased',
  'title.branded',
  'title.stolen',
  'title.recovered',
  'title.replaced',
  'title.exported',
  'title.scrapped',
];

/** Why the title does not allow an action now, if it does not; what the form decides is left to it. */
function whyNot(kind: TitleKind, title: Title, liens: readonly Lien[], now: bigint): string | null {
  const { from, guards, by } = transitions[kind];
  if (!from.includes(title.state)) return title.state === 'none' ? 'noTitle' : 'state';
  for (const guard of guards) {
    if (guard === 'sellable' && obstaclesOf(title, now).length > 0) return 'barred';
    if (guard === 'stolen' && !title.stolen) return 'notStolen';
    if (guard === 'notStolen' && title.stolen) return 'stolen';
  }
  return by === 'lienHolder' && liens.length === 0 ? 'noLien' : null;
}

function Actions(props: {
  readonly place: Place;
  readonly act: Act;
  readonly rights: Rights;
  readonly service: Service;
}) {
  const tongue = useTongue();
  const words = useWords();
  const { place, act, rights, service } = props;
  const { title, organisation } = place;
  const [chosen, setChosen] = useState<TitleKind | null>(null);
  const now = BigInt(Math.floor(Date.now() / 1000));
  const liens = openLiens(title, now);
  const own = liens.filter(({ holder }) => holder === organisation);
  const offered = ORDER.filter((kind) => rights === null || rights.kinds.includes(kind));
  const busy = act.state.at !== 'idle' && act.state.at !== 'refused';
  if (busy) return null;
  return (
    <section className="section" aria-labelledby="actions">
      <h3 id="actions">{words.registrar.actions}</h3>
      <ul className="kinds">
        {offered.map((kind) => {
          // A successor renews and releases too: then the ledger decides.
          const why = whyNot(kind, title, liens, now);
          return (
            <li key={kind}>
              <button
                type="button"
                className="kind"
                aria-pressed={chosen === kind}
                disabled={why !== null}
                data-kind={kind}
                onClick={() => {
                  act.clear();
                  setChosen(kind);
                }}
              >
                <KindIcon kind={kind} />
                <span>
                  {words.kinds[kind]}
                  {why === null ? null : (
                    <span className="muted small why">
                      {words.registrar.why[why] ?? kindName(tongue, kind)}
                    </span>
                  )}
                </span>
              </button>
            </li>
          );
        })}
      </ul>
      {chosen === null || whyNot(chosen, title, liens, now) !== null ? null : (
        <Focused key={chosen} className="panel" label={words.kinds[chosen]}>
          <h4>{words.kinds[chosen]}</h4>
          <ActionForm
            key={chosen}
            kind={chosen}
            liens={chosen === 'title.lienPlaced' ? liens : own.length > 0 ? own : liens}
            resolve={(identifier) => resolve(service, parseIdentifier(identifier), place)}
            onDraft={(draft) => act.propose(draft, place)}
            onCancel={() => setChosen(null)}
          />
        </Focused>
      )}
    </section>
  );
}
