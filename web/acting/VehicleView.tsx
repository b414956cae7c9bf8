import type { ReactNode } from 'react';
import { vehicleName } from '../model/facts.ts';
import { placeAddress } from '../model/location.ts';
import type { Settings } from '../model/settings.ts';
import type { ReportView } from '../model/view.ts';
import { shownIdentifier } from '../model/vinFeedback.ts';
import { useTongue } from '../page/context.ts';
import { Sign } from '../page/parts.tsx';
import { Sellable, TitleCard } from '../page/Title.tsx';
import { TrustNotice } from '../page/Trust.tsx';
import type { Place } from './compose.ts';
import { useWords } from './context.ts';
import { FailureNote } from './parts.tsx';
import type { Vehicle } from './useVehicle.ts';

type Props = {
  readonly vehicle: Vehicle;
  readonly onBack: () => void;
  readonly onVehicle: (identifier: string) => void;
  readonly onChange: (change: Partial<Settings>) => void;
  /** The action on its way: it stays to be seen while the report is fetched anew. */
  readonly acting: ReactNode;
  /** What can be done with it; only with what this browser has proven. */
  readonly children: (place: Place, view: ReportView) => ReactNode;
};

/** A vehicle that somebody acts on: what it is, that it is proven, what its title says, and then what can be done. */
export function VehicleView({ vehicle, onBack, onVehicle, onChange, acting, children }: Props) {
  const { texts } = useTongue();
  const words = useWords();
  const { state, trust, place, reload } = vehicle;
  const back = (
    <button type="button" className="quiet" onClick={onBack}>
      {words.vehicle.back}
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
  const name = vehicleName(view);
  const title =
    view.titles.find(({ ledger }) => place === null || ledger.endsWith(place.ledger.address)) ?? null;
  return (
    <article className="vehicle" data-vehicle={view.identifier}>
      <header className="vehicle-head">
        <div>
          <h2>{name === '' ? texts.report.vehicle : name}</h2>
          <p className="vin muted breakable">{shownIdentifier(view.identifier)}</p>
        </div>
        <p className="actions">
          {/* Elsewhere: whoever leaves this page takes the key along. */}
          <a
            className="out"
            href={placeAddress(location.href, shownIdentifier(view.identifier))}
            target="_blank"
            rel="noopener noreferrer"
          >
            {words.vehicle.report}
            <span className="hidden"> ({words.vehicle.newTab})</span>
          </a>
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
      <Proven vehicle={vehicle} />
      {title === null ? (
        <p className="notice">{texts.title.none}</p>
      ) : (
        <>
          <Sellable title={title} proven={place !== null} />
          <details className="fold title-fold">
            <summary>{words.vehicle.title}</summary>
            <TitleCard title={title} view={view} onEntry={null} onSearch={onVehicle} />
          </details>
        </>
      )}
      {acting}
      {place === null ? null : children(place, view)}
    </article>
  );
}

/**
 * Whether what stands here is proven: nobody acts on less.
 * @param partly said where the history is proven and the findings are not all good
 */
export function Proven({ vehicle, partly }: { vehicle: Vehicle; partly?: string }) {
  const { texts, format } = useTongue();
  const words = useWords();
  const { state, judgement, place, barred, runCheck } = vehicle;
  const check = state.at === 'report' ? state.check : null;
  if (vehicle.refreshing || check === null || check.state === 'idle' || check.state === 'running') {
    return (
      <p className="proven" role="status" data-proven="checking">
        <Sign of="running" /> {texts.verdict.checking}
      </p>
    );
  }
  if (place === null || judgement === null) {
    return (
      <div className="notice is-bad" role="alert" data-proven={barred ?? 'failed'}>
        <Sign of="bad" />
        <div>
          <p>{words.vehicle.barred[barred ?? 'unproven']}</p>
          <p className="actions">
            <button type="button" className="secondary" onClick={() => runCheck(null)}>
              {texts.verdict.again}
            </button>
          </p>
        </div>
      </div>
    );
  }
  const { asOf, light } = judgement;
  const full = judgement.verdict === 'verified' && light === 'good';
  return (
    <p className="proven" role="status" data-proven="yes">
      <Sign of={full ? 'good' : 'neutral'} />{' '}
      {full ? words.vehicle.proven : (partly ?? words.vehicle.titleProven)}{' '}
      {asOf === null ? null : (
        <span className="muted">
          {texts.proof.block} {format.number(Number(asOf.block.number))},{' '}
          {format.moment(Number(asOf.block.timestamp))}
        </span>
      )}
    </p>
  );
}
