import type { ReactNode } from 'react';
import type { EntryPlace } from '../acting/entries.ts';
import { FailureNote } from '../acting/parts.tsx';
import type { Vehicle } from '../acting/useVehicle.ts';
import { Proven } from '../acting/VehicleView.tsx';
import { placeAddress } from '../model/location.ts';
import type { Settings } from '../model/settings.ts';
import type { ReportView } from '../model/view.ts';
import { shownIdentifier } from '../model/vinFeedback.ts';
import { useTongue } from '../page/context.ts';
import { TrustNotice } from '../page/Trust.tsx';
import { useSupplyWords } from './words.tsx';

type Props = {
  readonly thing: Vehicle;
  readonly name: (view: ReportView) => string;
  readonly onBack: () => void;
  readonly onChange: (change: Partial<Settings>) => void;
  /** The entry on its way: it stays to be seen while the history is fetched anew. */
  readonly acting: ReactNode;
  /** What the history says, and what can be done: only where this browser has proven it is there a place. */
  readonly children: (view: ReportView, place: EntryPlace | null) => ReactNode;
};

/** A batch, part or vehicle that an organisation adds to: what it is, and whether that is proven. */
export function Thing({ thing, name, onBack, onChange, acting, children }: Props) {
  const { texts } = useTongue();
  const words = useSupplyWords();
  const { state, trust, place, reload } = thing;
  const back = (
    <button type="button" className="quiet" onClick={onBack}>
      {words.thing.back}
    </button>
  );
  if (state.at === 'home' || state.at === 'loading') {
    return (
      <div className="panel loading" role="status" aria-busy="true">
        <p>{texts.loading.text}</p>
        <div className="skeleton" aria-hidden="true">
          <span />
          <span />
        </div>
      </div>
    );
  }
  if (state.at === 'failed') {
    return (
      <>
        {acting}
        <FailureNote failure={state.failure} onRetry={reload} />
        <p className="actions">{back}</p>
      </>
    );
  }
  const { view } = state;
  const shown = shownIdentifier(view.identifier);
  return (
    <article className="vehicle" data-thing={view.identifier}>
      <header className="vehicle-head">
        <div>
          <h2>{name(view)}</h2>
          <p className="vin muted breakable">{shown}</p>
        </div>
        <p className="actions">
          {view.absent ? null : (
            <a
              className="out"
              href={placeAddress(location.href, shown)}
              target="_blank"
              rel="noopener noreferrer"
            >
              {words.thing.report}
              <span className="hidden"> ({words.thing.newTab})</span>
            </a>
          )}
          {back}
        </p>
      </header>
      {trust === null || trust.state === 'firstUse' ? null : (
        <TrustNotice
          key={trust.state}
          trust={trust}
          onRely={(relied, from) =>
            onChange({ pin: { ...relied, since: Math.floor(Date.now() / 1000), from } })
          }
        />
      )}
      <Proven vehicle={thing} partly={words.thing.proven} />
      {acting}
      {children(view, place === null ? null : entryPlace(place))}
    </article>
  );
}

/** Where entries of this thing go. */
export function entryPlace({
  ledger,
  organisation,
  actor,
  subject,
  identifier,
}: NonNullable<Vehicle['place']>): EntryPlace {
  return { ledger, organisation, actor, target: { subject, identifier } };
}
