import { useState } from 'react';
import { isOpen, obstaclesOf, type TitleKind } from '../../core/modules/title.ts';
import { ActionForm } from '../acting/ActionForm.tsx';
import { ActPanel } from '../acting/ActPanel.tsx';
import type { Place } from '../acting/compose.ts';
import { useWords } from '../acting/context.ts';
import type { DeskProps } from '../acting/Desk.tsx';
import type { Signed } from '../acting/session.ts';
import { type Act, useAct } from '../acting/useAct.ts';
import { useVehicle } from '../acting/useVehicle.ts';
import { VehicleView } from '../acting/VehicleView.tsx';
import type { ReportView } from '../model/view.ts';
import { useTongue } from '../page/context.ts';
import { short } from '../page/Title.tsx';
import { AccessLog } from './AccessLog.tsx';
import { Consents } from './Consents.tsx';
import { Disputes } from './Disputes.tsx';
import { SealedReport } from './SealedReport.tsx';

type Props = DeskProps & Signed & { readonly id: string };

const parts = ['sell', 'consents', 'access', 'disputes', 'sealed'] as const;
type Part = (typeof parts)[number];

/** One vehicle: for its owner, or for the buyer that it is on offer to. */
export function MyVehicle(props: Props) {
  const { id, session, info } = props;
  const words = useWords();
  const vehicle = useVehicle(id, props);
  const act = useAct({ session, info }, vehicle.reload);
  const [part, setPart] = useState<Part>('sell');
  return (
    <VehicleView
      vehicle={vehicle}
      onBack={() => props.onVehicle(null)}
      onVehicle={props.onVehicle}
      onChange={props.onChange}
      acting={<ActPanel act={act} wallet={session.signer.by === 'wallet'} />}
    >
      {(place, view) => {
        const owner = place.title.owner === place.actor;
        const shown = owner ? part : 'sell';
        return (
          <>
            {owner ? (
              <nav className="chips parts-nav" aria-label={words.vehicle.parts}>
                {parts.map((one) => (
                  <button
                    key={one}
                    type="button"
                    className="chip"
                    aria-pressed={part === one}
                    onClick={() => {
                      act.clear();
                      setPart(one);
                    }}
                  >
                    {words.vehicle.partNames[one]}
                  </button>
                ))}
              </nav>
            ) : null}
            {shown === 'sell' ? <Selling place={place} act={act} /> : null}
            {shown === 'consents' ? (
              <Consents place={place} view={view} session={session} info={info} />
            ) : null}
            {shown === 'access' ? (
              <AccessLog place={place} view={view} session={session} info={info} />
            ) : null}
            {shown === 'disputes' ? <Disputes place={place} view={view} act={act} /> : null}
            {shown === 'sealed' ? <SealedReport {...props} view={view} /> : null}
          </>
        );
      }}
    </VehicleView>
  );
}

/** Offer, withdraw, accept: whichever the title allows this account. */
function Selling({ place, act }: { place: Place; act: Act }) {
  const words = useWords();
  const { format, texts } = useTongue();
  const { title, actor } = place;
  const now = BigInt(Math.floor(Date.now() / 1000));
  const { offer } = title;
  const open = offer !== null && isOpen(offer, now);
  const busy = act.state.at !== 'idle' && act.state.at !== 'refused';
  const form = (kind: TitleKind) => (
    <ActionForm key={kind} kind={kind} onDraft={(draft) => act.propose(draft, place)} />
  );
  const obstacles = obstaclesOf(title, now);
  if (busy) return null;
  if (title.owner === actor) {
    return (
      <section className="section" aria-labelledby="selling">
        <h3 id="selling">{offer === null ? words.sell.heading : words.sell.offered}</h3>
        {offer === null ? (
          obstacles.length === 0 ? (
            form('title.offered')
          ) : (
            <p>{words.sell.barred}</p>
          )
        ) : (
          <>
            <p>
              {open
                ? texts.title.offerOpen(short(offer.buyer), format.moment(Number(offer.until)))
                : texts.title.offerExpired(format.moment(Number(offer.until)))}
            </p>
            {form('title.withdrawn')}
          </>
        )}
      </section>
    );
  }
  if (offer !== null && offer.buyer === actor) {
    return (
      <section className="section" aria-labelledby="buying">
        <h3 id="buying">{words.sell.toYou}</h3>
        <p>{words.sell.toYouText(format.moment(Number(offer.until)))}</p>
        {!open ? (
          <p>{words.sell.over}</p>
        ) : obstacles.length > 0 ? (
          <p className="fault">{words.sell.barredBuyer}</p>
        ) : (
          form('title.accepted')
        )}
      </section>
    );
  }
  return (
    <section className="section" aria-labelledby="none">
      <h3 id="none">{words.sell.notYours}</h3>
      <p>{words.sell.notYoursText}</p>
    </section>
  );
}

export type PartProps = Pick<Signed, 'session' | 'info'> & {
  readonly place: Place;
  readonly view: ReportView;
};
