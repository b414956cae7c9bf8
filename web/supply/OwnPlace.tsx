import { useEffect, useRef } from 'react';
import type { DeskProps } from '../acting/Desk.tsx';
import type { EntryPlace } from '../acting/entries.ts';
import { FailureNote } from '../acting/parts.tsx';
import type { Signed } from '../acting/session.ts';
import { useVehicle } from '../acting/useVehicle.ts';
import { Proven } from '../acting/VehicleView.tsx';
import { shownIdentifier } from '../model/vinFeedback.ts';
import { useTongue } from '../page/context.ts';
import { entryPlace } from './Thing.tsx';
import { useSupplyWords } from './words.tsx';

/**
 * The organisation's own chain, in a ledger that this browser has proven: by the history of a thing that the entry is about,
 * so that nobody signs for a ledger on the service's word.
 */
export function OwnPlace(
  props: DeskProps & Signed & { readonly by: string; readonly onPlace: (place: EntryPlace) => void },
) {
  const { by, onPlace } = props;
  const words = useSupplyWords();
  const { texts } = useTongue();
  const thing = useVehicle(by, props);
  const told = useRef(false);
  const { place, state } = thing;
  useEffect(() => {
    if (place === null || told.current) return;
    told.current = true;
    onPlace({ ...entryPlace(place), target: 'own' });
  }, [place, onPlace]);
  if (state.at === 'failed') return <FailureNote failure={state.failure} onRetry={thing.reload} />;
  return (
    <div className="own-place">
      <p className="muted small breakable">{words.entry.provenBy(shownIdentifier(by))}</p>
      {state.at === 'report' ? (
        <Proven vehicle={thing} partly={words.thing.proven} />
      ) : (
        <p role="status">{texts.app.loading}</p>
      )}
    </div>
  );
}
