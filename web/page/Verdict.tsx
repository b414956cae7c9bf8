import type { Check } from '../../core/verify/result.ts';
import type { Judgement, Reservation, Source, Trouble } from '../model/judgement.ts';
import type { Light } from '../model/lights.ts';
import type { TrustState } from '../model/trust.ts';
import { formatDirectory } from '../model/trust.ts';
import type { ReportView } from '../model/view.ts';
import type { Tongue } from '../texts/texts.ts';
import { useTongue } from './context.ts';
import { Sign, useNow } from './parts.tsx';
import type { CheckState } from './useReader.ts';

type Props = {
  readonly view: ReportView;
  readonly check: CheckState;
  readonly judgement: Judgement | null;
  readonly trust: TrustState | null;
  readonly onCheck: () => void;
  readonly onProof: () => void;
  readonly onSave: () => void;
  /** Where the service makes the report's other forms; null for a file. */
  readonly takeAway: string | null;
};

/** Whether the report can be relied on, in one box; green only for what this browser has proven itself. */
export function Verdict({ view, check, judgement, trust, onCheck, onProof, onSave, takeAway }: Props) {
  const { texts, language } = useTongue();
  const light: Light = judgement?.light ?? 'neutral';
  const running = check.state === 'running' || check.state === 'idle';
  return (
    <div
      className={`verdict is-${light}`}
      data-verdict={judgement?.verdict ?? check.state}
      data-light={light}
    >
      <div className="verdict-head" role="status">
        <Sign of={running ? 'running' : light} />
        <div>
          <p className="verdict-word">
            {judgement === null
              ? check.state === 'failed'
                ? texts.verdict.unchecked
                : texts.verdict.checking
              : texts.verdict[judgement.verdict]}
          </p>
          <p>{judgement === null ? <Unfinished check={check} /> : sentence(texts, judgement, view.absent)}</p>
        </div>
      </div>
      {judgement === null ? null : <Reasons judgement={judgement} check={check} />}
      {judgement === null ? null : <Basis judgement={judgement} check={check} trust={trust} />}
      <p className="actions no-print">
        <button type="button" className="secondary" onClick={onProof}>
          {texts.verdict.how}
        </button>
        {running ? null : (
          <button type="button" className="quiet" onClick={onCheck}>
            {texts.verdict.again}
          </button>
        )}
        <button type="button" className="quiet" onClick={onSave} title={texts.report.saveHint}>
          {texts.report.save}
        </button>
        {takeAway === null ? (
          <button type="button" className="quiet" onClick={() => window.print()}>
            {texts.report.print}
          </button>
        ) : (
          <>
            <a href={`${takeAway}/report.pdf?lang=${language}`}>{texts.report.pdf}</a>
            <a href={`${takeAway}/credential`}>{texts.report.credential}</a>
          </>
        )}
      </p>
    </div>
  );
}

function Unfinished({ check }: { check: CheckState }) {
  const { texts } = useTongue();
  if (check.state === 'failed') {
    return texts.failure.texts[check.failure.code] ?? texts.failure.other;
  }
  const waiting = check.state === 'running' ? check.waiting : null;
  return (
    <>
      {texts.verdict.checkingText}
      {waiting === null ? '' : ` ${texts.verdict.waiting(hostOf(waiting))}`}
    </>
  );
}

function sentence(texts: Tongue['texts'], { verdict, light }: Judgement, absent: boolean): string {
  const { good, goodAbsent, caution, cautionAbsent, incompleteText, refutedText } = texts.verdict;
  if (verdict === 'refuted') return refutedText;
  if (verdict === 'incomplete') return incompleteText;
  if (light === 'good') return absent ? goodAbsent : good;
  return absent ? cautionAbsent : caution;
}

export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}

export function checkText({ texts }: Tongue, check: Check): string {
  const known = texts.proof.check[check.code];
  return known ?? `${texts.proof.other} (${check.code})`;
}

export function troubleText({ texts }: Tongue, trouble: Trouble): string {
  const { code, endpoint = '', found = '', expected = '' } = trouble;
  const known = texts.trouble as unknown as Record<string, (...parts: string[]) => string>;
  if (code.startsWith('proof.malformed') || code === 'proof.missingNode')
    return texts.trouble['proof.broken']();
  const say = code === 'other' || code === 'someone' ? undefined : known[code];
  const who = endpoint === '' && code.startsWith('rpc.') ? texts.trouble.someone : hostOf(endpoint);
  return typeof say === 'function'
    ? say(who, shorten(found), shorten(expected))
    : texts.trouble.other(code, hostOf(endpoint));
}

/** A directory in a sentence: whole in the proof and in the settings. */
function shortDirectory(pin: Parameters<typeof formatDirectory>[0]): string {
  return formatDirectory(pin).replace(/0x(.{6}).*(.{4})$/, '0x$1…$2');
}

function isoDay(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}

/** Hashes in a sentence: their two ends. */
function shorten(text: string): string {
  return text.replace(/0x([0-9a-f]{6})[0-9a-f]{54}([0-9a-f]{4})/g, '0x$1…$2');
}

function reservationText(tongue: Tongue, reservation: Reservation): string {
  const { texts, format } = tongue;
  const said = texts.verdict.reservation;
  switch (reservation.code) {
    case 'asOf.stale':
      return said.stale(format.duration(reservation.age), format.duration(reservation.limit));
    case 'asOf.notFinal':
      return said.notFinal;
    case 'asOf.none':
      return said.none;
    case 'trust.fromReport':
      return said.fromReport;
    case 'trust.changed':
      return said.changed;
    case 'pdf.mismatch':
      return said.pagesDiffer;
    case 'pdf.otherLayout':
      return said.pagesUnknown;
    case 'trouble':
      return troubleText(tongue, reservation.trouble);
  }
}

/** What failed, what is missing, and what takes the green away. */
function Reasons({ judgement, check }: { judgement: Judgement; check: CheckState }) {
  const tongue = useTongue();
  const { texts } = tongue;
  if (check.state !== 'done') return null;
  const checks = check.result.verification.steps.flatMap(({ step, checks: all }) =>
    all.filter(({ outcome }) => outcome !== 'passed').map((one) => ({ ...one, step })),
  );
  const failed = checks.filter(({ outcome }) => outcome === 'failed');
  const listed = failed.length > 0 ? failed : checks;
  const lines = new Map<string, number>();
  for (const one of listed) {
    const line = checkText(tongue, one);
    lines.set(line, (lines.get(line) ?? 0) + 1);
  }
  // That nothing was read says why nothing else could be: the trouble itself is enough.
  const unread = judgement.reservations.some(({ code }) => code === 'trouble') && failed.length === 0;
  return (
    <>
      {judgement.reservations.length === 0 ? null : (
        <ul className="reasons">
          {judgement.reservations
            .filter(({ code }) => code !== 'asOf.none' || !unread)
            .map((reservation) => {
              const text = reservationText(tongue, reservation);
              const reason = reservation.code === 'trouble' ? reservation.trouble.code : reservation.code;
              return (
                <li key={text} data-reason={reason}>
                  {text}
                </li>
              );
            })}
        </ul>
      )}
      {lines.size === 0 || unread ? null : (
        <>
          <p className="reasons-head">
            {failed.length > 0 ? texts.verdict.failedSteps : texts.verdict.missingChecks}
          </p>
          <ul className="reasons">
            {[...lines].slice(0, 6).map(([line, times]) => (
              <li key={line}>
                {line}
                {times > 1 ? ` (×${tongue.format.number(times)})` : ''}
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

/** The block, its time, whether it is final; whose endpoints; which directory. */
function Basis(props: { judgement: Judgement; check: CheckState; trust: TrustState | null }) {
  const { texts, format } = useTongue();
  const now = useNow();
  const { asOf } = props.judgement;
  if (props.check.state !== 'done') return null;
  const { sources } = props.check.result;
  const { verdict } = texts;
  const { seen, hints } = sourcesText(texts, format.number, sources);
  const { pin, state } = props.trust ?? {};
  return (
    <div className="basis">
      {asOf === null ? null : (
        <p>
          {verdict.asOf(
            format.number(Number(asOf.block.number)),
            format.moment(Number(asOf.block.timestamp)),
            format.ago(Number(asOf.block.timestamp), now),
          )}
          {' · '}
          {asOf.final ? verdict.final : verdict.notFinal}
        </p>
      )}
      <p>{seen}</p>
      <details className="fold">
        <summary>{texts.trust.heading}</summary>
        {hints.map((hint) => (
          <p key={hint}>{hint}</p>
        ))}
        {props.trust === null || pin === null || pin === undefined ? null : state === 'firstUse' ? (
          <p className="breakable" data-trust="firstUse">
            {texts.trust.firstUse(props.trust.named.from, shortDirectory(pin))}
          </p>
        ) : (
          <p className="breakable">
            {verdict.directoryPinned(shortDirectory(pin), format.date(isoDay(pin.since)))}
          </p>
        )}
      </details>
    </div>
  );
}

/** Who was asked, in a sentence, and what would make it stronger. */
function sourcesText(
  texts: Tongue['texts'],
  number: (value: number) => string,
  sources: readonly Source[],
): { seen: string; hints: string[] } {
  const { rpc, one, oneHint, operator, operatorHint, hash, proof, none } = texts.verdict.sources;
  const [first] = sources;
  if (first === undefined) return { seen: none, hints: [] };
  if (sources.every(({ by }) => by === 'hash')) return { seen: hash, hints: [] };
  const proven = sources.every(({ by }) => by === 'proof') ? [proof] : [];
  if (first.operatorOnly) return { seen: operator, hints: [...proven, operatorHint] };
  const fewest = Math.min(...sources.map(({ endpoints }) => endpoints.length));
  return fewest > 1
    ? { seen: rpc(number(fewest)), hints: proven }
    : { seen: one, hints: [...proven, oneHint] };
}
