import { useEffect, useState } from 'react';
import { useWords } from '../acting/context.ts';
import type { DeskProps } from '../acting/Desk.tsx';
import { FailureNote } from '../acting/parts.tsx';
import type { Signed } from '../acting/session.ts';
import { reportAddress } from '../model/location.ts';
import type { ReportView } from '../model/view.ts';
import { useTongue } from '../page/context.ts';
import { ReportPage } from '../page/ReportPage.tsx';
import { useCheck } from '../page/useCheck.ts';
import { useReader } from '../page/useReader.ts';

type Props = DeskProps & Signed & { readonly view: ReportView };

/** The report with what is sealed, as its owner may see it. Each look stands in the access log: it is asked for. */
export function SealedReport(props: Props) {
  const words = useWords();
  const [wanted, setWanted] = useState(false);
  if (wanted) return <Opened {...props} />;
  return (
    <section className="section" aria-labelledby="sealed-report">
      <h3 id="sealed-report">{words.sealed.heading}</h3>
      <p>{words.sealed.lead}</p>
      <p className="actions">
        <button type="button" className="primary" onClick={() => setWanted(true)}>
          {words.sealed.open}
        </button>
      </p>
    </section>
  );
}

function Opened({ api, view, session, settings, service, onChange, onVehicle }: Props) {
  const { texts } = useTongue();
  const reader = useReader();
  const { state, open } = reader;
  const { trust, runCheck } = useCheck(reader, { service, api, settings, onChange });
  const { identifier } = view;
  const { token } = session;
  useEffect(
    () => open({ kind: 'service', identifier, url: reportAddress(api, identifier), token }),
    [open, identifier, api, token],
  );
  if (state.at === 'failed') return <FailureNote failure={state.failure} />;
  if (state.at !== 'report') return <p role="status">{texts.app.loading}</p>;
  return (
    <ReportPage
      reader={reader}
      state={state}
      settings={settings}
      trust={trust}
      gateways={[api]}
      onCheck={runCheck}
      onSearch={onVehicle}
      onRely={(relied, from) => onChange({ pin: { ...relied, since: Math.floor(Date.now() / 1000), from } })}
    />
  );
}
