import { type FormEvent, useState } from 'react';
import type { EntryDraft, EntryPlace } from '../acting/entries.ts';
import { today } from '../acting/forms.ts';
import { Choice } from '../acting/parts.tsx';
import type { BatchView } from '../model/batch.ts';
import { readSupplyForm, type StepKind, type SupplyValues } from '../model/supplyForms.ts';
import { useTongue } from '../page/context.ts';
import { SupplyFields } from './SupplyFields.tsx';
import { useSupplyWords } from './words.tsx';

type Props = {
  readonly kind: StepKind;
  readonly place: EntryPlace;
  readonly batch: BatchView;
  readonly onDraft: (draft: EntryDraft) => void;
  readonly onCancel: () => void;
};

/** A step in the life of a batch: shipped, received, quarantined, released. */
export function StepForm({ kind, batch, onDraft, onCancel }: Props) {
  const words = useSupplyWords();
  const { format, texts } = useTongue();
  const [values, setValues] = useState<SupplyValues>({
    time: today(Date.now()),
    ...(kind === 'batch.shipped' && batch.state === 'held' && batch.holder !== null
      ? { from: batch.holder }
      : {}),
    ...(kind === 'batch.received' && batch.holder !== null && batch.state === 'inTransit'
      ? { by: batch.holder }
      : {}),
  });
  const [faults, setFaults] = useState<Readonly<Record<string, string>>>({});
  const shipped = batch.steps.findLast((step) => step.kind === 'batch.shipped');
  const [ended, setEnded] = useState(batch.quarantines[0]?.digest ?? '');
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const read = readSupplyForm(kind, values, Date.now());
    setFaults(read.faults ?? {});
    if (read.faults !== null) return;
    const { time, data, sealed } = read;
    const answered =
      kind === 'batch.received' && shipped !== undefined && batch.state === 'inTransit'
        ? { shipped: shipped.digest }
        : kind === 'batch.released' && ended !== ''
          ? { quarantined: ended }
          : {};
    onDraft({ kind, time, data: { ...data, ...answered }, sealed });
  };
  return (
    <form className="action-form" onSubmit={submit} noValidate>
      <p className="muted">{words.batch.leads[kind]}</p>
      {kind === 'batch.released' && batch.quarantines.length > 1 ? (
        <Choice
          label={words.batch.which}
          value={ended}
          options={batch.quarantines.map(({ digest, time, data }) => ({
            value: digest,
            label: `${format.time(time)} · ${
              (texts.vocabulary.value['batch.quarantined.reason'] as Readonly<Record<string, string>>)[
                String(data.reason)
              ] ?? ''
            }`,
          }))}
          onChange={setEnded}
        />
      ) : null}
      <SupplyFields
        form={kind}
        values={values}
        faults={faults}
        onChange={(name, value) => setValues((before) => ({ ...before, [name]: value }))}
      />
      <p className="actions">
        <button type="submit" className="primary">
          {words.form.review}
        </button>
        <button type="button" className="secondary" onClick={onCancel}>
          {words.form.cancel}
        </button>
      </p>
    </form>
  );
}
