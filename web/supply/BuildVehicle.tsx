import { type FormEvent, useId, useState } from 'react';
import type { DeskProps } from '../acting/Desk.tsx';
import type { EntryPlace } from '../acting/entries.ts';
import { Choice, Field } from '../acting/parts.tsx';
import type { Service } from '../acting/service.ts';
import type { Signed } from '../acting/session.ts';
import { type Enter, useEntry } from '../acting/useEntry.ts';
import { useVehicle } from '../acting/useVehicle.ts';
import {
  components,
  faultsOf,
  type MissingRow,
  missingReasons,
  type PartRow,
  readBuild,
  rowsOfText,
  type VehicleValues,
} from '../model/build.ts';
import { vehicleName } from '../model/facts.ts';
import { useTongue } from '../page/context.ts';
import { Sign } from '../page/parts.tsx';
import { counted, word } from '../texts/texts.ts';
import { EntryPanel } from './EntryPanel.tsx';
import { Thing } from './Thing.tsx';
import { type PartCheck, usePartChecks } from './usePartChecks.ts';
import { useSupplyWords } from './words.tsx';

type Props = DeskProps & Signed & { readonly id: string };

/** One vehicle: what stands of it, and its `vehicle.built` with the parts that are in it. */
export function BuildVehicle(props: Props) {
  const { id, session, info } = props;
  const words = useSupplyWords();
  const thing = useVehicle(id, props);
  const enter = useEntry({ session, info }, thing.reload);
  const busy = enter.state.at !== 'idle' && enter.state.at !== 'refused';
  return (
    <Thing
      thing={thing}
      name={(view) => {
        const name = vehicleName(view);
        return name === '' ? words.build.unnamed : name;
      }}
      onBack={() => props.onVehicle(null)}
      onChange={props.onChange}
      acting={<EntryPanel enter={enter} wallet={session.signer.by === 'wallet'} />}
    >
      {(view, place) => {
        const built = view.entries.find(
          ({ kind, status, retracted }) => kind === 'vehicle.built' && status === 'proven' && !retracted,
        );
        if (built !== undefined) {
          const parts = Array.isArray(built.data.parts) ? built.data.parts.length : 0;
          return (
            <p className="notice" data-built="yes">
              {words.build.already(parts)}
            </p>
          );
        }
        return place === null ? null : (
          <div key={enter.round} hidden={busy}>
            <BuildForm place={place} service={session.service} onDraft={enter.propose} />
          </div>
        );
      }}
    </Thing>
  );
}

const EMPTY: VehicleValues = {
  brand: '',
  model: '',
  year: '',
  productionDate: '',
  fuelType: '',
  plant: '',
  manufacturerId: '',
  orderNumber: '',
};
const names = Object.keys(EMPTY) as (keyof VehicleValues)[];

function BuildForm(props: {
  readonly place: EntryPlace;
  readonly service: Service;
  readonly onDraft: Enter['propose'];
}) {
  const { place, service, onDraft } = props;
  const words = useSupplyWords();
  const tongue = useTongue();
  const { vocabulary } = tongue.texts;
  const id = useId();
  const [values, setValues] = useState(EMPTY);
  const [faults, setFaults] = useState<Readonly<Record<string, string>>>({});
  const [rows, setRows] = useState<readonly PartRow[]>([]);
  const [missing, setMissing] = useState<readonly MissingRow[]>([]);
  const [asked, setAsked] = useState(false);
  const [sure, setSure] = useState(false);
  const [next, setNext] = useState(1);
  const checks = usePartChecks(service, rows);
  const rowFaults = faultsOf(rows);
  const warned = rows.filter(({ part }) => checks.get(part.trim())?.grave === true).length;
  const waiting = rows.some(({ key, part }) => !rowFaults.has(key) && checks.get(part.trim()) === undefined);
  const options = components.map((code) => ({ value: code, label: word(vocabulary.component, code) }));

  const add = (more: readonly PartRow[]): void => {
    setRows((before) => [...before, ...more]);
    setNext((before) => before + more.length);
    setSure(false);
  };
  const change = (key: number, part: Partial<PartRow>): void => {
    setRows((before) => before.map((row) => (row.key === key ? { ...row, ...part } : row)));
    setSure(false);
  };
  const take = (text: string): void => add(rowsOfText(text, vocabulary.component, next));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setAsked(true);
    const read = readBuild(values, rows, missing, Date.now());
    setFaults(read.faults ?? {});
    if (read.faults !== null || rowFaults.size > 0 || (warned > 0 && !sure)) return;
    onDraft({ kind: 'vehicle.built', time: read.time, data: read.data, sealed: read.sealed }, place);
  };
  return (
    <form className="panel action-form" onSubmit={submit} noValidate>
      <h3>{words.build.heading}</h3>
      <p className="muted">{words.build.lead}</p>
      <div className="fields">
        {names.map((name) => (
          <Field
            key={name}
            label={
              name === 'brand' || name === 'model' || name === 'productionDate' || name === 'manufacturerId'
                ? words.build.labels[name]
                : words.form.optional(words.build.labels[name])
            }
            value={values[name]}
            type={name === 'productionDate' ? 'date' : 'text'}
            mono={name === 'manufacturerId' || name === 'plant'}
            maxLength={200}
            fault={
              faults[name] === undefined
                ? null
                : ((words.build.faults as Readonly<Record<string, string>>)[faults[name]] ?? '')
            }
            onChange={(value) => setValues((before) => ({ ...before, [name]: value }))}
          />
        ))}
      </div>
      <section className="form-part" aria-labelledby={`${id}-parts`}>
        <h4 id={`${id}-parts`}>{words.build.parts}</h4>
        <p className="muted small">{words.build.partsHint}</p>
        <ol className="part-rows">
          {rows.map((row, index) => {
            const fault = rowFaults.get(row.key);
            const check = fault === undefined ? checks.get(row.part.trim()) : undefined;
            const number = tongue.format.number(index + 1);
            return (
              <li key={row.key} data-row={check?.state ?? fault ?? 'asking'}>
                <Field
                  label={words.build.part(number)}
                  value={row.part}
                  mono
                  maxLength={200}
                  fault={
                    (asked || row.part !== '') && fault !== undefined ? words.build.rowFaults[fault] : null
                  }
                  onChange={(part) => change(row.key, { part })}
                />
                <Choice
                  label={words.build.component}
                  value={row.component}
                  options={options}
                  onChange={(component) => change(row.key, { component })}
                />
                <Field
                  label={words.build.position}
                  value={row.position}
                  maxLength={64}
                  onChange={(position) => change(row.key, { position })}
                />
                <p className="row-end">
                  <PartState check={check} waiting={fault === undefined} />
                  <button
                    type="button"
                    className="quiet small"
                    onClick={() => setRows((before) => before.filter(({ key }) => key !== row.key))}
                  >
                    {words.form.remove}
                    <span className="hidden"> {number}</span>
                  </button>
                </p>
              </li>
            );
          })}
        </ol>
        <p className="actions">
          <button
            type="button"
            className="secondary"
            onClick={() => add([{ key: next, component: 'other', part: '', position: '', batch: '' }])}
          >
            {words.build.addPart}
          </button>
          <label className="file-button secondary">
            {words.build.addFile}
            <input
              type="file"
              accept=".csv,.txt,.tsv,text/csv,text/plain"
              onChange={(event) => {
                const file = event.target.files?.[0];
                event.target.value = '';
                void file?.text().then(take);
              }}
            />
          </label>
        </p>
      </section>
      <section className="form-part" aria-labelledby={`${id}-missing`}>
        <h4 id={`${id}-missing`}>{words.build.missing}</h4>
        <p className="muted small">{words.build.missingHint}</p>
        <ol className="part-rows">
          {missing.map((row) => {
            const put = (part: Partial<MissingRow>): void =>
              setMissing((before) => before.map((one) => (one.key === row.key ? { ...one, ...part } : one)));
            return (
              <li key={row.key}>
                <Choice
                  label={words.build.component}
                  value={row.component}
                  options={options}
                  onChange={(component) => put({ component })}
                />
                <Choice
                  label={words.build.reason}
                  value={row.reason}
                  options={missingReasons.map((code) => ({
                    value: code,
                    label: word(vocabulary.missingTier, code),
                  }))}
                  onChange={(reason) => put({ reason })}
                />
                <Field
                  label={words.form.optional(words.build.supplier)}
                  value={row.supplier}
                  mono
                  maxLength={64}
                  onChange={(supplier) => put({ supplier })}
                />
                <p className="row-end">
                  <button
                    type="button"
                    className="quiet small"
                    onClick={() => setMissing((before) => before.filter(({ key }) => key !== row.key))}
                  >
                    {words.form.remove}
                  </button>
                </p>
              </li>
            );
          })}
        </ol>
        <p className="actions">
          <button
            type="button"
            className="secondary"
            onClick={() => {
              setMissing((before) => [
                ...before,
                { key: next, component: 'other', supplier: '', reason: 'notDelivered' },
              ]);
              setNext((before) => before + 1);
            }}
          >
            {words.build.addMissing}
          </button>
        </p>
      </section>
      {warned === 0 ? null : (
        <div className="notice is-caution" role="alert" data-warned={warned}>
          <p className="strong">{counted(tongue, warned, words.build.warned)}</p>
          <label className="check">
            <input type="checkbox" checked={sure} onChange={({ target }) => setSure(target.checked)} />
            {words.build.sure}
          </label>
          {asked && !sure ? <p className="fault small">{words.build.sureFault}</p> : null}
        </div>
      )}
      <p className="actions">
        <button type="submit" className="primary">
          {words.form.review}
        </button>
        <span role="status" className="muted">
          {waiting ? words.build.checking : ''}
        </span>
      </p>
    </form>
  );
}

/** What is known of a part before it is built in. */
function PartState({ check, waiting }: { readonly check: PartCheck | undefined; readonly waiting: boolean }) {
  const words = useSupplyWords();
  if (check === undefined) {
    return waiting ? <span className="muted small">{words.build.checking}</span> : <span />;
  }
  return (
    <span className={check.grave ? 'small fault' : 'small muted'}>
      <Sign of={check.grave ? 'caution' : 'neutral'} />{' '}
      {check.words.map((one) => words.build.states[one] ?? one).join(' · ')}
    </span>
  );
}
