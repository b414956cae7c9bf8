import { type FormEvent, useState } from 'react';
import { VinculumError } from '../../core/errors.ts';
import type { EntryPlace } from '../acting/entries.ts';
import { FailureNote } from '../acting/parts.tsx';
import type { Session } from '../acting/session.ts';
import type { Enter } from '../acting/useEntry.ts';
import { readSupplyForm, type SupplyValues } from '../model/supplyForms.ts';
import { useTongue } from '../page/context.ts';
import type { Failure } from '../worker/messages.ts';
import { failureOf } from '../worker/problem.ts';
import { type Stored, storeDocument } from './documents.ts';
import { ListPicker, type Picked } from './ListPicker.tsx';
import { SupplyFields } from './SupplyFields.tsx';
import { useSupplyWords } from './words.tsx';

type Props = {
  readonly place: EntryPlace;
  readonly session: Session;
  readonly onDraft: Enter['propose'];
};

/** Registers a batch: what it is, the root of its serials, and its certificates as documents. */
export function RegisterForm({ place, session, onDraft }: Props) {
  const words = useSupplyWords();
  const { texts } = useTongue();
  const [values, setValues] = useState<SupplyValues>({});
  const [faults, setFaults] = useState<Readonly<Record<string, string>>>({});
  const [picked, setPicked] = useState<Picked | null>(null);
  const [chosen, setChosen] = useState(false);
  const [files, setFiles] = useState<readonly File[]>([]);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  if (place.target === 'own') return null;
  const { scope, value } = place.target.identifier;

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const read = readSupplyForm('batch.produced', values, Date.now());
    const without = chosen && picked === null;
    setFaults({ ...(read.faults ?? {}), ...(without ? { list: words.list.unread } : {}) });
    if (read.faults !== null || without) return;
    setBusy(true);
    setFailure(null);
    try {
      const documents: Stored[] = [];
      for (const file of files) documents.push(await storeDocument(session.service, file));
      const { time, data, sealed } = read;
      const list = picked?.list;
      onDraft(
        {
          kind: 'batch.produced',
          time,
          data: {
            ...data,
            manufacturerId: scope,
            batchId: value,
            ...(list === undefined
              ? {}
              : { serials: { serialsRoot: list.root, count: list.count, treeKey: list.treeKey } }),
            ...(documents.length === 0
              ? {}
              : { documents: documents.map(({ cid, mediaType, bytes }) => ({ cid, mediaType, bytes })) }),
          },
          sealed: {
            ...sealed,
            ...Object.fromEntries(documents.map(({ cid, key }) => [`document:${cid}`, key])),
          },
        },
        place,
        picked === null
          ? undefined
          : (digest, tell, signal) =>
              picked.members.upload({ api: session.service.url, token: session.token, digest }, tell, signal),
      );
    } catch (error) {
      setFailure(failureOf(error instanceof Error ? error : new VinculumError('page.failed', '')));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form className="panel action-form" onSubmit={(event) => void submit(event)} noValidate>
      <h3>{words.batch.register}</h3>
      <p className="muted">{words.batch.registerLead}</p>
      <SupplyFields
        form="batch.produced"
        values={values}
        faults={faults}
        onChange={(name, text) => setValues((before) => ({ ...before, [name]: text }))}
      />
      <section className="form-part" aria-labelledby="serials">
        <h4 id="serials">{words.batch.serials}</h4>
        <ListPicker
          of="serial"
          maker={scope}
          treeKey={null}
          fault={faults.list ?? null}
          onPicked={(next) => {
            setChosen(true);
            setPicked(next);
          }}
        />
      </section>
      <section className="form-part" aria-labelledby="certificates">
        <h4 id="certificates">{words.batch.certificates}</h4>
        <p className="muted small">{words.batch.certificatesHint}</p>
        <label className="file-button secondary">
          {words.batch.addCertificate}
          <input
            type="file"
            multiple
            onChange={(event) => {
              const added = [...(event.target.files ?? [])];
              event.target.value = '';
              setFiles((before) => [...before, ...added].slice(0, 20));
            }}
          />
        </label>
        <ul className="listing">
          {files.map((file, index) => (
            <li key={`${file.name} ${file.size}`} className="in-row">
              <span className="breakable">{file.name}</span>
              <button
                type="button"
                className="quiet small"
                onClick={() => setFiles((before) => before.filter((_, at) => at !== index))}
              >
                {words.form.remove}
                <span className="hidden"> {file.name}</span>
              </button>
            </li>
          ))}
        </ul>
      </section>
      {failure === null ? null : <FailureNote failure={failure} />}
      <p className="actions">
        <button type="submit" className="primary" disabled={busy}>
          {words.form.review}
        </button>
      </p>
      <p role="status" className="muted">
        {busy ? (files.length === 0 ? texts.app.loading : words.batch.storing) : ''}
      </p>
    </form>
  );
}
