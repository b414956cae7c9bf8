import { type FormEvent, type ReactNode, useCallback, useEffect, useId, useRef, useState } from 'react';
import type { Json } from '../../core/canonical.ts';
import type { DeskProps } from '../acting/Desk.tsx';
import type { EntryDraft, EntryPlace } from '../acting/entries.ts';
import { instantOf } from '../acting/forms.ts';
import { Choice, Facts, FailureNote, Field, Focused } from '../acting/parts.tsx';
import { type Answer, malformed } from '../acting/service.ts';
import type { Signed } from '../acting/session.ts';
import { useEntry } from '../acting/useEntry.ts';
import { components } from '../model/build.ts';
import {
  basisFields,
  type CampaignValues,
  type NumberRow,
  type RangeRow,
  readBasis,
  readCampaign,
  severities,
} from '../model/recall.ts';
import { shownIdentifier } from '../model/vinFeedback.ts';
import { useTongue } from '../page/context.ts';
import { Sign } from '../page/parts.tsx';
import { counted, word } from '../texts/texts.ts';
import type { Failure } from '../worker/messages.ts';
import { failureOf } from '../worker/problem.ts';
import type { ListRead } from '../worker/setMessages.ts';
import { Bar } from './Bar.tsx';
import { EntryPanel } from './EntryPanel.tsx';
import { ListPicker, type Picked } from './ListPicker.tsx';
import { Members } from './members.ts';
import { OwnPlace } from './OwnPlace.tsx';
import { useSupplyWords } from './words.tsx';

type Props = DeskProps & Signed & { readonly extend: string | null; readonly onBack: () => void };

/** What the dry run came to. */
type DryRun = {
  readonly query: Readonly<Record<string, Json>>;
  readonly count: number;
  readonly byBasis: Readonly<Record<string, number>>;
  readonly others: number;
  readonly behind: number;
  readonly vehicles: readonly string[];
  readonly cursor: string | null;
};

function readPage(answer: Answer): Omit<DryRun, 'query'> {
  const { count, byBasis, others, behind, vehicles, cursor } = answer;
  if (typeof count !== 'number' || !Array.isArray(vehicles)) throw malformed();
  return {
    count,
    byBasis: (byBasis ?? {}) as Readonly<Record<string, number>>,
    others: typeof others === 'number' ? others : 0,
    behind: typeof behind === 'number' ? behind : 0,
    vehicles: vehicles.map(String),
    cursor: typeof cursor === 'string' ? cursor : null,
  };
}

const SHOWN = 12;

const EMPTY: CampaignValues = {
  campaign: '',
  titleEn: '',
  titleZh: '',
  remedyEn: '',
  remedyZh: '',
  component: 'other',
  severity: 'safety',
  authorityReference: '',
  markets: '',
  description: '',
};

/** A recall in three steps: what is at fault, which vehicles that reaches (nothing is signed yet), what the campaign says. */
export function RecallForm(props: Props) {
  const { session, info, api, extend, onBack } = props;
  const { service } = session;
  const words = useSupplyWords();
  const tongue = useTongue();
  const { texts } = tongue;
  const enter = useEntry({ session, info }, () => undefined);
  const [dry, setDry] = useState<DryRun | null>(null);
  const [list, setList] = useState<ListRead | null>(null);
  const [busy, setBusy] = useState(false);
  const [gathered, setGathered] = useState(0);
  const [moved, setMoved] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [draft, setDraft] = useState<EntryDraft | null>(null);
  const members = useRef<Members | null>(null);
  useEffect(() => () => members.current?.end(), []);

  const ask = async (query: Readonly<Record<string, Json>>): Promise<void> => {
    setBusy(true);
    setFailure(null);
    setDry(null);
    setList(null);
    setDraft(null);
    setMoved(false);
    try {
      setDry({ query, ...readPage(await service.post('/v1/recalls/affected', query)) });
    } catch (error) {
      setFailure(failureOf(error));
      setDry({ query, count: 0, byBasis: {}, others: 0, behind: 0, vehicles: [], cursor: null });
    } finally {
      setBusy(false);
    }
  };
  /**
   * The whole list, page by page, and its root. What is signed is what the dry run showed: if the vehicles have changed
   * since, the dry run is shown anew.
   */
  const gather = async (from: DryRun): Promise<void> => {
    setBusy(true);
    setFailure(null);
    try {
      const all = [...from.vehicles];
      let same = true;
      for (let { cursor } = from; same && cursor !== null; ) {
        setGathered(all.length);
        const page = readPage(await service.post('/v1/recalls/affected', { ...from.query, cursor }));
        same = page.count === from.count;
        all.push(...page.vehicles);
        cursor = page.cursor;
      }
      if (!same || all.length !== from.count) {
        await ask(from.query);
        setMoved(true);
        return;
      }
      members.current?.end();
      members.current = new Members();
      setList(await members.current.take(all));
    } catch (error) {
      setFailure(failureOf(error));
    } finally {
      setBusy(false);
    }
  };
  const compose = (data: Readonly<Record<string, Json>>, sealed: Readonly<Record<string, Json>>): void => {
    if (dry === null || list === null) return;
    setDraft({
      kind: extend === null ? 'recall.opened' : 'recall.extended',
      time: instantOf(Date.now()),
      data: {
        ...data,
        ...basisFields(dry.query),
        affectedRoot: list.root,
        affectedCount: list.count,
        treeKey: list.treeKey,
      },
      sealed,
    });
  };
  const { propose } = enter;
  const token = session.token;
  const onPlace = useCallback(
    (place: EntryPlace) => {
      const holder = members.current;
      if (draft === null || holder === null) return;
      propose(draft, place, (digest, tell, signal) => holder.upload({ api, token, digest }, tell, signal));
      setDraft(null);
    },
    [draft, propose, api, token],
  );
  const acting = enter.state.at !== 'idle' && enter.state.at !== 'refused';
  const sent = enter.state.at === 'sent' ? enter.state : null;
  return (
    <section className="section" aria-labelledby="recall-form">
      <p className="actions">
        <button type="button" className="quiet" onClick={onBack}>
          {words.thing.back}
        </button>
      </p>
      <h2 id="recall-form">{extend === null ? words.recalls.open : words.recalls.extendOf(extend)}</h2>
      <EntryPanel enter={enter} wallet={session.signer.by === 'wallet'} kept={false} onDone={onBack} />
      {sent?.handing?.state === 'done' ? (
        <p className="notice" role="status" data-recall="done">
          {words.recalls.afterwards}
        </p>
      ) : null}
      <div hidden={acting}>
        <Step number={1} heading={words.recalls.steps.basis}>
          <BasisForm onAsk={(query) => void ask(query)} busy={busy} />
        </Step>
        {failure === null ? null : (
          <>
            <FailureNote failure={failure} />
            {failure.code === 'recall.matchesEverything' && dry !== null ? (
              <p className="actions">
                <button
                  type="button"
                  className="secondary"
                  data-all="yes"
                  onClick={() => void ask({ ...dry.query, all: true })}
                >
                  {words.recalls.allTheSame}
                </button>
              </p>
            ) : null}
          </>
        )}
        {busy ? (
          <p role="status" className="muted">
            {texts.app.loading}
          </p>
        ) : null}
        {dry === null || failure !== null ? null : (
          <Step number={2} heading={words.recalls.steps.dry}>
            {moved ? <p className="fault">{words.recalls.moved}</p> : null}
            <DryRunView dry={dry} />
            {list !== null || dry.count === 0 ? null : busy ? (
              <Bar label={words.recalls.gathering} done={gathered} total={dry.count} />
            ) : (
              <p className="actions">
                <button type="button" className="primary" data-confirm="yes" onClick={() => void gather(dry)}>
                  {counted(tongue, dry.count, words.recalls.confirm)}
                </button>
              </p>
            )}
          </Step>
        )}
        {list === null || failure !== null ? null : (
          <Step number={3} heading={words.recalls.steps.campaign}>
            <CampaignForm extend={extend} onDone={compose} />
            {draft === null || dry?.vehicles[0] === undefined ? null : (
              <OwnPlace {...props} by={dry.vehicles[0]} onPlace={onPlace} />
            )}
          </Step>
        )}
      </div>
    </section>
  );
}

function Step({ number, heading, children }: { number: number; heading: string; children: ReactNode }) {
  const { format } = useTongue();
  return (
    <Focused className="panel recall-step" label={heading}>
      <h3>
        <span className="step-number" aria-hidden="true">
          {format.number(number)}
        </span>
        {heading}
      </h3>
      {children}
    </Focused>
  );
}

function BasisForm({
  onAsk,
  busy,
}: {
  onAsk: (query: Readonly<Record<string, Json>>) => void;
  busy: boolean;
}) {
  const words = useSupplyWords();
  const id = useId();
  const [things, setThings] = useState('');
  const [ranges, setRanges] = useState<readonly RangeRow[]>([]);
  const [numbers, setNumbers] = useState<readonly NumberRow[]>([]);
  const [picked, setPicked] = useState<Picked | null>(null);
  const [next, setNext] = useState(1);
  const [faults, setFaults] = useState<Readonly<Record<string, string>>>({});
  const said = (name: string): string | null => {
    const fault = faults[name];
    return fault === undefined
      ? null
      : ((words.recalls.faults as Readonly<Record<string, string>>)[fault] ?? fault);
  };
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const vehicles = picked === null ? [] : await picked.members.members();
    const read = readBasis({ things, ranges, numbers, vehicles });
    setFaults(read.faults ?? {});
    if (read.query !== null) onAsk(read.query);
  };
  return (
    <form className="action-form" onSubmit={(event) => void submit(event)} noValidate>
      <p className="muted">{words.recalls.basisLead}</p>
      <Field
        label={words.recalls.things}
        hint={words.alerts.aboutHint}
        value={things}
        onChange={setThings}
        long
        maxLength={200_000}
        fault={said('things') ?? said('all')}
      />
      {ranges.map((row) => {
        const put = (part: Partial<RangeRow>): void =>
          setRanges((before) => before.map((one) => (one.key === row.key ? { ...one, ...part } : one)));
        return (
          <fieldset key={row.key} className="sealed-fields basis">
            <legend>{words.recalls.range}</legend>
            <div className="fields">
              <Field
                label={words.batches.maker}
                value={row.manufacturerId}
                mono
                onChange={(manufacturerId) => put({ manufacturerId })}
                fault={said(`range:${row.key}`)}
              />
              <Field label={words.recalls.first} value={row.from} mono onChange={(from) => put({ from })} />
              <Field label={words.recalls.last} value={row.to} mono onChange={(to) => put({ to })} />
            </div>
            <RemoveButton
              onRemove={() => setRanges((before) => before.filter(({ key }) => key !== row.key))}
            />
          </fieldset>
        );
      })}
      {numbers.map((row) => {
        const put = (part: Partial<NumberRow>): void =>
          setNumbers((before) => before.map((one) => (one.key === row.key ? { ...one, ...part } : one)));
        return (
          <fieldset key={row.key} className="sealed-fields basis">
            <legend>{words.recalls.number}</legend>
            <div className="fields">
              <Field
                label={words.batches.maker}
                value={row.manufacturerId}
                mono
                onChange={(manufacturerId) => put({ manufacturerId })}
                fault={said(`number:${row.key}`)}
              />
              <Field
                label={words.form.labels.manufacturerPartId ?? ''}
                value={row.partNumber}
                mono
                onChange={(partNumber) => put({ partNumber })}
              />
              <Field
                label={words.form.optional(words.recalls.madeFrom)}
                type="date"
                value={row.from}
                onChange={(from) => put({ from })}
              />
              <Field
                label={words.form.optional(words.recalls.madeUntil)}
                type="date"
                value={row.until}
                onChange={(until) => put({ until })}
              />
            </div>
            <RemoveButton
              onRemove={() => setNumbers((before) => before.filter(({ key }) => key !== row.key))}
            />
          </fieldset>
        );
      })}
      <p className="actions">
        <button
          type="button"
          className="secondary"
          onClick={() => {
            setRanges((before) => [...before, { key: next, manufacturerId: '', from: '', to: '' }]);
            setNext(next + 1);
          }}
        >
          {words.recalls.addRange}
        </button>
        <button
          type="button"
          className="secondary"
          onClick={() => {
            setNumbers((before) => [
              ...before,
              { key: next, manufacturerId: '', partNumber: '', from: '', until: '' },
            ]);
            setNext(next + 1);
          }}
        >
          {words.recalls.addNumber}
        </button>
      </p>
      <section className="form-part" aria-labelledby={`${id}-vins`}>
        <h4 id={`${id}-vins`}>{words.recalls.vins}</h4>
        <ListPicker of="vehicle" maker="" treeKey={null} fault={null} onPicked={setPicked} />
      </section>
      <p className="actions">
        <button type="submit" className="primary" disabled={busy}>
          {words.recalls.dry}
        </button>
        <span className="muted small">{words.recalls.dryHint}</span>
      </p>
    </form>
  );
}

function RemoveButton({ onRemove }: { readonly onRemove: () => void }) {
  const words = useSupplyWords();
  return (
    <p className="actions">
      <button type="button" className="quiet small" onClick={onRemove}>
        {words.form.remove}
      </button>
    </p>
  );
}

/** How many vehicles a fault reaches, by what; and the first of them. */
function DryRunView({ dry }: { readonly dry: DryRun }) {
  const tongue = useTongue();
  const words = useSupplyWords();
  const { format } = tongue;
  const rows = Object.entries(dry.byBasis)
    .filter(([, count]) => count > 0)
    .map(([basis, count]) => [word(words.recalls.bases, basis), format.number(count)] as const);
  return (
    <div className="dry-run" role="status" data-dry={dry.count}>
      <p className="dry-count">
        <span className="big-number">{format.number(dry.count)}</span>{' '}
        {counted(tongue, dry.count, words.recalls.vehicles)}
      </p>
      <Facts rows={rows} />
      {dry.others === 0 ? null : (
        <p>
          <Sign of="neutral" /> {counted(tongue, dry.others, words.recalls.others)}
        </p>
      )}
      {dry.behind === 0 ? null : (
        <p className="fault">
          <Sign of="caution" /> {counted(tongue, dry.behind, words.recalls.behind)}
        </p>
      )}
      <details className="fold">
        <summary>{words.recalls.which}</summary>
        <ul className="columns mono small">
          {dry.vehicles.slice(0, SHOWN).map((vehicle) => (
            <li key={vehicle} className="breakable">
              {shownIdentifier(vehicle)}
            </li>
          ))}
          {dry.count > SHOWN ? (
            <li className="muted">{words.trace.more(format.number(dry.count - SHOWN))}</li>
          ) : null}
        </ul>
      </details>
    </div>
  );
}

function CampaignForm(props: {
  readonly extend: string | null;
  readonly onDone: (data: Readonly<Record<string, Json>>, sealed: Readonly<Record<string, Json>>) => void;
}) {
  const { extend, onDone } = props;
  const words = useSupplyWords();
  const { texts } = useTongue();
  const [values, setValues] = useState<CampaignValues>({ ...EMPTY, campaign: extend ?? '' });
  const [faults, setFaults] = useState<Readonly<Record<string, string>>>({});
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const read = readCampaign(values, extend !== null);
    setFaults(read.faults ?? {});
    if (read.faults === null) onDone(read.data, read.sealed);
  };
  const field = (
    name: keyof CampaignValues,
    options: { optional?: boolean; long?: boolean; mono?: boolean } = {},
  ) => (
    <Field
      label={
        options.optional === true
          ? words.form.optional(words.recalls.labels[name])
          : words.recalls.labels[name]
      }
      hint={words.recalls.hints[name]}
      value={values[name]}
      long={options.long === true}
      mono={options.mono === true}
      maxLength={options.long === true ? 10_000 : 200}
      fault={
        faults[name] === undefined
          ? null
          : ((words.recalls.campaignFaults as Readonly<Record<string, string>>)[faults[name]] ?? '')
      }
      onChange={(value) => setValues((before) => ({ ...before, [name]: value }))}
    />
  );
  return (
    <form className="action-form" onSubmit={submit} noValidate>
      {extend === null ? (
        <div className="fields">
          {field('campaign', { mono: true })}
          <Choice
            label={words.recalls.labels.severity}
            value={values.severity}
            options={severities.map((value) => ({
              value,
              label: word(texts.vocabulary.value['recall.opened.severity'], value),
            }))}
            onChange={(severity) => setValues((before) => ({ ...before, severity }))}
          />
          <Choice
            label={words.recalls.labels.component}
            value={values.component}
            options={components.map((value) => ({ value, label: word(texts.vocabulary.component, value) }))}
            onChange={(component) => setValues((before) => ({ ...before, component }))}
          />
          {field('titleEn')}
          {field('titleZh', { optional: true })}
          {field('remedyEn')}
          {field('remedyZh', { optional: true })}
          {field('authorityReference', { optional: true, mono: true })}
          {field('markets', { optional: true, mono: true })}
        </div>
      ) : null}
      <fieldset className="sealed-fields">
        <legend>{words.form.sealed}</legend>
        {field('description', { optional: true, long: true })}
      </fieldset>
      <p className="actions">
        <button type="submit" className="primary">
          {words.form.review}
        </button>
      </p>
    </form>
  );
}
