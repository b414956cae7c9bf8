import { type FormEvent, Suspense, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { batchesNamed } from '../../core/authenticity/fromReports.ts';
import type { AuthenticityReason, AuthenticityState } from '../../core/authenticity/judge.ts';
import { knownCountries } from '../../core/authenticity/places.ts';
import { formatIdentifier } from '../../core/identifiers/identifier.ts';
import type { DeskProps } from '../acting/Desk.tsx';
import { Choice, Field } from '../acting/parts.tsx';
import { createService } from '../acting/service.ts';
import { judge as judgeReport } from '../model/judgement.ts';
import type { Light } from '../model/lights.ts';
import { placeAddress, reportAddress } from '../model/location.ts';
import {
  type Asked,
  type Judged,
  judge,
  NO_SURROUNDINGS,
  readAsked,
  readSurroundings,
  readTold,
  reportOf,
  type Surroundings,
  type Told,
  type Verified,
} from '../model/partCheck.ts';
import { shownIdentifier } from '../model/vinFeedback.ts';
import { useTongue } from '../page/context.ts';
import { lazyPart } from '../page/lazyPart.tsx';
import { Sign, useNow } from '../page/parts.tsx';
import { canScan } from '../page/scanning.ts';
import { useCheck } from '../page/useCheck.ts';
import { useReader } from '../page/useReader.ts';
import { type CheckTexts, loadCheckTexts } from '../texts/check.ts';
import { attesterName } from '../texts/texts.ts';
import type { Failure } from '../worker/messages.ts';
import { failureOf } from '../worker/problem.ts';

const Scan = lazyPart(() => import('../page/Scan.tsx').then((part) => part.Scan));

/** Most batches whose reports are fetched and verified for one part. */
const MOST_BATCHES = 4;

/** A part check for anyone: a code or a number in, what it is out, as far as this browser can prove it. */
export function PartCheck(props: DeskProps) {
  const { language } = useTongue();
  const [words, setWords] = useState<CheckTexts | null>(null);
  useEffect(() => {
    let over = false;
    loadCheckTexts(language).then(
      (texts) => over || setWords(texts),
      () => undefined,
    );
    return () => {
      over = true;
    };
  }, [language]);
  if (words === null) return <div className="panel loading" aria-busy="true" />;
  return <Inside {...props} words={words} />;
}

type InsideProps = DeskProps & { readonly words: CheckTexts };

function Inside(props: InsideProps) {
  const { id, words, onVehicle } = props;
  const { texts, language } = useTongue();
  const [text, setText] = useState(id ?? '');
  const [maker, setMaker] = useState('');
  const [country, setCountry] = useState('');
  const [vehicle, setVehicle] = useState('');
  // Where somebody stands, and in front of which vehicle, is in no address: it is forgotten with the page.
  const [around, setAround] = useState<Surroundings>(NO_SURROUNDINGS);
  const [fault, setFault] = useState<string | null>(null);
  const [scanning, setScanning] = useState(false);
  const asked = useMemo((): { readonly found: Asked | null; readonly code: string | null } => {
    if (id === null) return { found: null, code: null };
    try {
      return { found: readAsked(id), code: null };
    } catch (error) {
      return { found: null, code: failureOf(error).code };
    }
  }, [id]);
  const bare = text.trim() !== '' && !/^(?:VN\d|serial:|batch:)|#check=/.test(text.trim());
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    try {
      const read = readAsked(text, maker);
      setAround(readSurroundings(country, vehicle));
      setFault(null);
      onVehicle(read.of === 'code' ? read.text : formatIdentifier(read.identifier));
    } catch (error) {
      setFault(failureOf(error).code);
    }
  };
  const ofVehicle = fault === 'check.vehicle';
  const shown = ofVehicle ? null : (fault ?? asked.code);
  const countries = useMemo(() => namesOfCountries(language), [language]);
  return (
    <div className="desk" data-desk="check">
      <header className="desk-head">
        <h1>{words.heading}</h1>
        {asked.found === null ? <p className="lead">{words.lead}</p> : null}
      </header>
      <form className="search" onSubmit={submit} noValidate>
        <Field
          label={words.field}
          hint={words.hint}
          value={text}
          mono
          maxLength={1000}
          onChange={(next) => {
            setText(next);
            setFault(null);
          }}
          fault={shown === null ? null : (words.faults[shown] ?? words.faults['check.number'])}
        />
        {bare ? (
          <Field
            label={words.maker}
            hint={words.makerHint}
            value={maker}
            mono
            maxLength={64}
            onChange={setMaker}
          />
        ) : null}
        <div className="pair">
          <Choice
            label={words.country}
            hint={words.countryHint}
            value={country}
            options={[{ value: '', label: words.noCountry }, ...countries]}
            onChange={setCountry}
          />
          <Field
            label={words.vehicle}
            hint={words.vehicleHint}
            value={vehicle}
            mono
            maxLength={100}
            onChange={(next) => {
              setVehicle(next);
              setFault(null);
            }}
            fault={ofVehicle ? (words.faults['check.vehicle'] ?? null) : null}
          />
        </div>
        <p className="actions">
          <button type="submit" className="primary">
            {words.go}
          </button>
          {canScan() ? (
            <button type="button" className="secondary" onClick={() => setScanning(true)}>
              {texts.search.scan}
            </button>
          ) : null}
        </p>
      </form>
      {asked.found === null ? (
        <Explained words={words} />
      ) : (
        <Result key={`${id} ${JSON.stringify(around)}`} {...props} asked={asked.found} around={around} />
      )}
      {scanning ? (
        <Suspense fallback={null}>
          <Scan
            lead={words.scanning}
            find={(found) => {
              try {
                readAsked(found);
                return found;
              } catch {
                return null;
              }
            }}
            onFound={(found) => {
              setScanning(false);
              setText(found);
              const read = readAsked(found);
              onVehicle(read.of === 'code' ? read.text : formatIdentifier(read.identifier));
            }}
            onClose={() => setScanning(false)}
          />
        </Suspense>
      ) : null}
    </div>
  );
}

/** The countries that a place can be, by their names in the reader's language. */
function namesOfCountries(language: string): { value: string; label: string }[] {
  const names = new Intl.DisplayNames([language], { type: 'region', fallback: 'code' });
  return knownCountries
    .map((code) => ({ value: code, label: names.of(code) ?? code }))
    .sort((left, right) => left.label.localeCompare(right.label, language));
}

function Explained({ words }: { readonly words: CheckTexts }) {
  return (
    <div className="promises">
      {words.explained.map(([heading, text]) => (
        <div key={heading}>
          <h2>{heading}</h2>
          <p>{text}</p>
        </div>
      ))}
    </div>
  );
}

const lights: Readonly<Record<AuthenticityState, Light>> = {
  genuine: 'good',
  unknown: 'caution',
  mounted: 'caution',
  recalled: 'bad',
  scrapped: 'bad',
  stolen: 'bad',
  forged: 'bad',
};

/** What speaks for a part; every other reason speaks against it, or is only said. */
const GOOD: ReadonlySet<AuthenticityReason> = new Set(['maker.produced', 'maker.inSet']);

/** Why it is not known what could be. */
const UNSURE: ReadonlySet<AuthenticityReason> = new Set(['history.incomplete', 'part.releaseSealed']);

/** A good word is green only where it is proven here. */
function signOf(reason: AuthenticityReason, proven: boolean): Light {
  if (reason === 'code.none') return 'neutral';
  if (!GOOD.has(reason)) return 'caution';
  return proven ? 'good' : 'neutral';
}

type Found = Verified | 'failed';

function Result(props: InsideProps & { readonly asked: Asked; readonly around: Surroundings }) {
  const { asked, around, api, words } = props;
  const { texts } = useTongue();
  const [told, setTold] = useState<Told | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [again, setAgain] = useState(0);
  const [own, setOwn] = useState<Found | null>(null);
  const [batches, setBatches] = useState<ReadonlyMap<string, Found>>(new Map());
  const [vehicle, setVehicle] = useState<Found | null>(null);
  const identifier = formatIdentifier(asked.identifier);
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again whenever somebody asks
  useEffect(() => {
    let over = false;
    setFailure(null);
    createService(api)
      .post('/v1/checks', { ...(asked.of === 'code' ? { code: asked.text } : { identifier }), ...around })
      .then(
        (answer) => over || setTold(readTold(answer)),
        (error: unknown) => over || setFailure(failureOf(error)),
      );
    return () => {
      over = true;
    };
  }, [api, asked, around, identifier, again]);
  // What the service names, and what the part's own history does: a batch that is left out could be held back.
  const named = useMemo(
    () => [
      ...new Set([
        ...(told?.sets ?? []),
        ...(own === null || own === 'failed' ? [] : batchesNamed(reportOf(own))),
      ]),
    ],
    [told, own],
  );
  const wanted = useMemo(() => named.slice(0, MOST_BATCHES), [named]);
  const noteOwn = useCallback((found: Found) => setOwn(found), []);
  const noteBatch = useCallback(
    (batch: string, found: Found) => setBatches((before) => new Map([...before, [batch, found]])),
    [],
  );
  const noteVehicle = useCallback((found: Found) => setVehicle(found), []);
  const done =
    own !== null &&
    told !== null &&
    wanted.every((batch) => batches.has(batch)) &&
    (around.vehicle === undefined || vehicle !== null);
  const judged = useMemo((): Judged | 'refuted' | null => {
    if (!done || told === null || own === null || own === 'failed') return null;
    const held = wanted.map((batch) => batches.get(batch) ?? 'failed');
    try {
      return judge(asked, told, { own, batches: held, unread: named.length - held.length, vehicle });
    } catch {
      return 'refuted';
    }
  }, [done, told, own, batches, vehicle, asked, wanted, named]);
  const reports = [own, ...batches.values()].filter(
    (one): one is Verified => one !== null && one !== 'failed',
  );
  if (failure !== null) {
    return (
      <div className="notice is-bad" role="alert" data-code={failure.code}>
        <Sign of="bad" />
        <div>
          <p>{texts.failure.texts[failure.code] ?? words.faults[failure.code] ?? texts.failure.other}</p>
          <p className="muted small">{texts.failure.code(failure.code)}</p>
          <p className="actions">
            <button type="button" className="secondary" onClick={() => setAgain(again + 1)}>
              {texts.failure.retry}
            </button>
          </p>
        </div>
      </div>
    );
  }
  return (
    <>
      <Verifier {...props} identifier={identifier} onDone={noteOwn} />
      {around.vehicle === undefined ? null : (
        <Verifier {...props} identifier={around.vehicle} onDone={noteVehicle} />
      )}
      {told === null
        ? null
        : wanted.map((batch) => (
            <Verifier
              key={batch}
              {...props}
              identifier={batch}
              member={told.sets.includes(batch) ? identifier : null}
              onDone={(found) => noteBatch(batch, found)}
            />
          ))}
      {told === null ? (
        <div className="panel loading" role="status" aria-busy="true">
          <p>{words.asking}</p>
          <div className="skeleton" aria-hidden="true">
            <span />
            <span />
          </div>
        </div>
      ) : (
        <Verdict
          {...props}
          identifier={identifier}
          told={told}
          judged={judged}
          done={done}
          reports={reports}
        />
      )}
    </>
  );
}

/** Fetches a report and verifies it, beside: nothing of it is shown here. */
function Verifier(
  props: DeskProps & {
    readonly identifier: string;
    /** Of a batch: the serial whose place in its sets is to be shown. */
    readonly member?: string | null;
    readonly onDone: (found: Found) => void;
  },
) {
  const { api, identifier, member = null, settings, onDone } = props;
  const reader = useReader();
  const { state, open } = reader;
  const { trust } = useCheck(reader, props);
  const now = useNow();
  const tell = useRef(onDone);
  tell.current = onDone;
  useEffect(
    () => open({ kind: 'service', identifier, url: reportAddress(api, identifier, member) }),
    [api, identifier, member, open],
  );
  const check = state.at === 'report' ? state.check : null;
  useEffect(() => {
    if (state.at === 'failed' || check?.state === 'failed') tell.current('failed');
    else if (check?.state === 'done' && trust !== null) {
      const { verification, view, troubles } = check.result;
      const judgement = judgeReport(verification, {
        troubles,
        fromReport: trust.state === 'fromReport',
        directoryChanged: trust.state === 'changed',
        pages: null,
        now,
        maxAgeSeconds: settings.maxAgeHours * 3600,
      });
      tell.current({ verification, view, judgement });
    }
  }, [state.at, check, trust, now, settings.maxAgeHours]);
  return null;
}

type VerdictProps = InsideProps & {
  readonly asked: Asked;
  readonly identifier: string;
  readonly told: Told;
  readonly judged: Judged | 'refuted' | null;
  readonly done: boolean;
  /** Those that were verified: they name the organisations. */
  readonly reports: readonly Verified[];
};

type Proof = 'running' | 'no' | 'partly' | 'yes' | 'refuted';

const PROOF_SIGNS: Readonly<Record<Proof, Light | 'running'>> = {
  running: 'running',
  no: 'caution',
  partly: 'caution',
  yes: 'good',
  refuted: 'bad',
};

function proofOf(found: VerdictProps['judged'], done: boolean): Proof {
  if (found === 'refuted') return 'refuted';
  if (found === null) return done ? 'no' : 'running';
  return found.reasons.includes('history.incomplete') ? 'partly' : 'yes';
}

/** Green only once this browser has proven it, of what can no longer be undone, and not for what was probably copied. */
function lightOf(state: AuthenticityState, found: VerdictProps['judged'], flagged: boolean): Light {
  if (found === 'refuted') return 'bad';
  const green = found?.green === true && !flagged;
  return lights[state] === 'good' && !green ? 'caution' : lights[state];
}

/** What it is, in one word; why, each reason with who says so; and what no check can show. */
function Verdict({ asked, identifier, told, judged: found, done, reports, words, api }: VerdictProps) {
  const tongue = useTongue();
  const refuted = found === 'refuted';
  const judged = refuted ? null : found;
  const { state, reasons } = judged ?? told;
  const light = lightOf(state, found, told.flags.length > 0);
  const word = words.states[state];
  const unsure = reasons.some((reason) => UNSURE.has(reason)) && state === 'unknown';
  const report = placeAddress(location.href, shownIdentifier(identifier));
  const attesters = reports.flatMap(({ view }) => view.attesters);
  const makers = [...new Set(told.facts.makers.map(({ organisation }) => organisation.toString()))];
  const proof = proofOf(found, done);
  const codeProven = judged?.codeProven === true;
  return (
    <section className="check-result" aria-label={words.result}>
      <div className={`sellable is-${light}`} role="status" data-state={state} data-proven={proof}>
        <Sign of={light} />
        <div>
          <p className="sellable-word">{judged === null ? words.told(word[0]) : word[0]}</p>
          <p>{unsure ? words.unsure : word[1]}</p>
          <p className="muted small" data-green={judged?.green === true ? 'yes' : 'no'}>
            <Sign of={PROOF_SIGNS[proof]} /> {words.proofs[proof]}
            {judged !== null && !judged.green && proof === 'yes' ? ` ${words.notGreen}` : ''}
          </p>
        </div>
      </div>
      {refuted ? (
        <p className="notice is-bad" role="alert" data-code="check.refuted">
          <Sign of="bad" />
          <span>{words.refuted}</span>
        </p>
      ) : null}
      {judged?.differs === true ? (
        <p className="notice is-bad" role="alert" data-differs={told.state}>
          <Sign of="bad" />
          <span>{words.differs(words.states[told.state][0], words.states[state][0])}</span>
        </p>
      ) : null}
      {told.flags.map((flag) => (
        <p key={flag} className="notice is-caution" data-flag={flag}>
          <span className="strong">{words.flags[flag]}</span>
          <span>{words.flagText}</span>
        </p>
      ))}
      <div className="panel">
        <p className="mono breakable strong">{shownIdentifier(identifier)}</p>
        <ul className="check-reasons">
          {reasons.map((reason) => {
            const proven = judged?.proven.has(reason) === true;
            return (
              <li key={reason} data-reason={reason} data-by={proven ? 'browser' : 'service'}>
                <Sign of={signOf(reason, proven)} />
                <span>
                  {words.reasons[reason]}{' '}
                  <span className={proven ? 'fine small' : 'muted small'}>
                    {proven ? words.by.browser : done ? words.by.service : ''}
                  </span>
                </span>
              </li>
            );
          })}
          {asked.code === null || reasons.some((reason) => reason.startsWith('code.')) ? null : (
            <li data-reason="code.good" data-by={codeProven ? 'browser' : 'service'}>
              <Sign of={codeProven ? 'good' : 'neutral'} />
              <span>
                {words.codeGood(
                  attesterName(
                    tongue,
                    attesters.find((one) => one.id === asked.code.organisation.toString()),
                  ) || words.organisation(asked.code.organisation.toString()),
                )}
              </span>
            </li>
          )}
        </ul>
        {makers.length === 0 ? null : (
          <p className="muted small">
            {words.maker_}{' '}
            {makers
              .map((number) => {
                const name = attesterName(
                  tongue,
                  attesters.find((one) => one.id === number),
                );
                return name === '' ? words.organisation(number) : name;
              })
              .join(', ')}
          </p>
        )}
        {told.recalls.length === 0 ? null : (
          <p className="muted small">
            {words.campaigns} {told.recalls.map(({ campaign }) => campaign).join(', ')}
          </p>
        )}
        <p className="actions">
          <a className="out" href={report}>
            {words.report}
          </a>
          {api === location.origin ? null : <span className="muted small">{new URL(api).host}</span>}
        </p>
      </div>
      <p className="muted small">{asked.of === 'code' ? words.limit.code : words.limit.number}</p>
    </section>
  );
}
