import { Suspense, useEffect, useState } from 'react';
import type { Hex } from '../../core/bytes.ts';
import { vehicleName } from '../model/facts.ts';
import { judge } from '../model/judgement.ts';
import type { Settings } from '../model/settings.ts';
import type { TrustState } from '../model/trust.ts';
import { shownIdentifier } from '../model/vinFeedback.ts';
import { useTongue } from './context.ts';
import type { OpenDocument } from './Documents.tsx';
import { Facts } from './Facts.tsx';
import { Findings } from './Findings.tsx';
import { Headline, Knowledge } from './Knowledge.tsx';
import { fetchReportParts, reportPart } from './lazyPart.tsx';
import { Section, saveBlob, useNow } from './parts.tsx';
import { SharedNotice } from './SharedNotice.tsx';
import { Timeline, type Wanted } from './Timeline.tsx';
import { Title } from './Title.tsx';
import { TrustNotice } from './Trust.tsx';
import type { Reader, ReaderState } from './useReader.ts';
import { Verdict } from './Verdict.tsx';

// What stands at the foot of a report comes after what is read first.
const Odometer = reportPart(() => import('./Odometer.tsx').then((part) => part.Odometer));
const Attesters = reportPart(() => import('./Evidence.tsx').then((part) => part.Attesters));
const Evidence = reportPart(() => import('./Evidence.tsx').then((part) => part.Evidence));

type Props = {
  readonly reader: Reader;
  readonly state: Extract<ReaderState, { at: 'report' }>;
  readonly settings: Settings;
  readonly trust: TrustState | null;
  readonly gateways: readonly string[];
  readonly onCheck: (hashes: Readonly<Record<string, Hex>> | null) => void;
  readonly onSearch: (identifier: string) => void;
  readonly onRely: Parameters<typeof TrustNotice>[0]['onRely'];
};

/** A report: what it comes to, whether it is proven, and everything behind both. */
export function ReportPage(props: Props) {
  const { reader, state, settings, trust, gateways, onSearch } = props;
  const { texts, format } = useTongue();
  const now = useNow();
  const [wanted, setWanted] = useState<Wanted | null>(null);
  const { view, check, source, shared } = state;
  const settled = check.state === 'done' || check.state === 'failed';
  useEffect(() => {
    if (settled) void fetchReportParts();
  }, [settled]);
  const judgement =
    check.state === 'done' && trust !== null
      ? judge(check.result.verification, {
          troubles: check.result.troubles,
          fromReport: trust.state === 'fromReport',
          directoryChanged: trust.state === 'changed',
          pages: state.pages,
          now,
          maxAgeSeconds: settings.maxAgeHours * 3600,
        })
      : null;
  const refuted = judgement?.verdict === 'refuted';
  const proven = judgement?.verdict === 'verified';
  const shown = shownIdentifier(view.identifier);
  const name = vehicleName(view);
  const isVehicle = /^(vin|registration|chassis):/.test(view.identifier);

  const showEntries = (digests: readonly string[]): void => setWanted({ digests, at: Date.now() });
  const showEntry = (digest: string): void => showEntries([digest]);
  const jump = (id: string): void => {
    const heading = document.querySelector<HTMLElement>(`#${id} > h2`);
    heading?.scrollIntoView({ block: 'start' });
    heading?.focus({ preventScroll: true });
  };
  const open: OpenDocument = ({ cid, key, bytes, mediaType }) =>
    reader.document({ cid, key: key ?? '', bytes, mediaType, gateways });
  const save = async (): Promise<void> => {
    const file = await reader.save();
    saveBlob(file, `vinculum-${shown.replace(/[^A-Za-z0-9-]+/g, '-')}.json`);
  };
  const sections = [
    ['findings', texts.findings.heading],
    ...(isVehicle ? ([['title', texts.title.heading]] as const) : []),
    ['odometer', texts.odometer.heading],
    ['facts', texts.facts.heading],
    ['timeline', texts.timeline.heading],
    ['attesters', texts.attesters.heading],
    ['proof', texts.proof.heading],
  ] as const;

  return (
    <article className="report" data-identifier={view.identifier}>
      <header className="report-head">
        <h1>{name === '' ? (isVehicle ? texts.report.vehicle : texts.report.part) : name}</h1>
        <p className="vin breakable">{shown}</p>
        {source.kind === 'file' ? (
          <p className="muted small breakable">
            {texts.report.fileName(source.name)} · {texts.report.from(format.moment(view.createdAt))}
          </p>
        ) : null}
      </header>
      {shared === null ? null : <SharedNotice shared={shared} view={view} />}
      {trust === null || trust.state === 'firstUse' ? null : (
        <TrustNotice key={trust.state} trust={trust} onRely={props.onRely} />
      )}
      <Headline view={view} refuted={refuted} proven={proven} />
      <Verdict
        view={view}
        check={check}
        judgement={judgement}
        trust={trust}
        onCheck={() => props.onCheck(null)}
        onProof={() => jump('proof')}
        onSave={save}
        takeAway={source.kind === 'service' && isVehicle ? source.url.replace(/\/report$/, '') : null}
      />
      <Knowledge view={view} refuted={refuted} />
      {view.absent ? null : (
        <nav className="jumps no-print" aria-label={texts.report.sections}>
          {sections.map(([id, heading]) => (
            <button key={id} type="button" className="chip" onClick={() => jump(id)}>
              {heading}
            </button>
          ))}
        </nav>
      )}
      {view.absent ? null : (
        <div className={refuted ? 'doubted' : ''}>
          <Findings view={view} onEntries={showEntries} />
          {isVehicle ? <Title view={view} proven={proven} onEntry={showEntry} onSearch={onSearch} /> : null}
          {isVehicle ? (
            <Suspense fallback={<Section id="odometer" heading={texts.odometer.heading} />}>
              <Odometer view={view} onEntry={showEntry} />
            </Suspense>
          ) : null}
          {isVehicle ? <Facts view={view} onEntry={showEntry} onSearch={onSearch} /> : null}
          <Timeline view={view} wanted={wanted} onEntry={showEntry} open={open} />
          <Suspense fallback={<Section id="attesters" heading={texts.attesters.heading} />}>
            <Attesters view={view} />
          </Suspense>
        </div>
      )}
      <Suspense fallback={<Section id="proof" heading={texts.proof.heading} />}>
        <Evidence view={view} check={check} onCheck={props.onCheck} />
      </Suspense>
    </article>
  );
}
