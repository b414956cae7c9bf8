import { type FormEvent, useState } from 'react';
import type { Hex } from '../../core/bytes.ts';
import { formatIdentifier } from '../../core/identifiers/identifier.ts';
import { brandCodes } from '../../core/kinds/brands.ts';
import { isOpen, type Lien, type TitleKind } from '../../core/modules/title.ts';
import { readableIdentifier } from '../model/vinFeedback.ts';
import { useTongue } from '../page/context.ts';
import type { Tongue } from '../texts/texts.ts';
import { word } from '../texts/texts.ts';
import type { Failure } from '../worker/messages.ts';
import { failureOf } from '../worker/problem.ts';
import type { Draft } from './compose.ts';
import { useWords } from './context.ts';
import { type Faults, type FieldName, type FormField, forms, readForm, today, type Values } from './forms.ts';
import { Choice, FailureNote, Field } from './parts.tsx';

type Props = {
  readonly kind: TitleKind;
  /** The entry that a dispute names. */
  readonly detail?: Hex;
  /** The liens that can be named. */
  readonly liens?: readonly Lien[];
  /** Proves the subject of another vehicle's number. */
  readonly resolve?: (identifier: string) => Promise<{ identifier: string; subject: Hex }>;
  readonly onDraft: (draft: Draft) => void;
  readonly onCancel?: () => void;
};

const CURRENCIES = ['EUR', 'USD', 'CNY', 'GBP', 'CHF', 'JPY'];

/** Asks for what an action of this kind says; what is sealed stands apart from what everybody will see. */
export function ActionForm({ kind, detail, liens = [], resolve, onDraft, onCancel }: Props) {
  const tongue = useTongue();
  const words = useWords();
  const fields = forms[kind];
  const [values, setValues] = useState<Values>(() => startOf(tongue, kind, liens));
  const [faults, setFaults] = useState<Faults>({});
  const [failure, setFailure] = useState<Failure | null>(null);
  const [busy, setBusy] = useState(false);
  const set = (name: FieldName, value: string): void => {
    setValues((before) => ({ ...before, [name]: value }));
    setFaults(({ [name]: _, ...others }) => others);
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const run = async (): Promise<void> => {
      setFailure(null);
      const number = fields.some(({ input }) => input === 'vehicle')
        ? readableIdentifier(values.number ?? '')
        : null;
      const resolved =
        number === null || resolve === undefined ? undefined : await resolve(formatIdentifier(number));
      const read = readForm(kind, values, Date.now(), {
        ...(detail === undefined ? {} : { detail }),
        ...(resolved === undefined ? {} : { resolved }),
      });
      setFaults(read.faults ?? {});
      if (read.draft !== null) onDraft(read.draft);
    };
    setBusy(true);
    run()
      .catch((error: unknown) => setFailure(failureOf(error)))
      .finally(() => setBusy(false));
  };
  const control = (field: FormField) => (
    <Control
      key={field.name}
      field={field}
      kind={kind}
      value={values[field.name] ?? ''}
      currency={values.currency ?? 'EUR'}
      fault={faults[field.name] === undefined ? null : words.form.faults[faults[field.name] ?? 'missing']}
      liens={liens}
      onChange={set}
    />
  );
  const hidden = fields.filter((field) => field.sealed);
  return (
    <form className="action-form" onSubmit={submit} noValidate data-kind={kind}>
      <p className="lead">{words.form.leads[kind]}</p>
      {fields.filter((field) => !field.sealed).map(control)}
      {hidden.length === 0 ? null : (
        <fieldset className="sealed-fields">
          <legend>{words.form.sealed}</legend>
          <p className="muted small">{words.form.sealedHint}</p>
          {hidden.map(control)}
        </fieldset>
      )}
      {failure === null ? null : <FailureNote failure={failure} />}
      <p className="actions">
        <button type="submit" className="primary" disabled={busy}>
          {words.form.review}
        </button>
        {onCancel === undefined ? null : (
          <button type="button" className="quiet" onClick={onCancel}>
            {words.act.cancel}
          </button>
        )}
      </p>
    </form>
  );
}

function startOf(tongue: Tongue, kind: TitleKind, liens: readonly Lien[]): Values {
  const fields = forms[kind];
  const has = (name: FieldName): boolean => fields.some((field) => field.name === name);
  const choice = fields.find(({ input, required }) => input === 'choice' && required);
  const first = choice === undefined ? undefined : optionsOf(tongue, kind, choice.name)[0]?.[0];
  return {
    ...(has('time') ? { time: today(Date.now()) } : {}),
    ...(has('rank') ? { rank: String(freeRank(liens)) } : {}),
    ...(has('lien') && liens[0] !== undefined ? { lien: String(liens[0].number) } : {}),
    ...(has('brand')
      ? { brand: String(Number(brandCodes.find((code) => code === '11') ?? brandCodes[0])) }
      : {}),
    ...(choice === undefined || first === undefined ? {} : { [choice.name]: first }),
  };
}

function freeRank(liens: readonly Lien[]): number {
  const now = BigInt(Math.floor(Date.now() / 1000));
  const taken = new Set(liens.filter((lien) => isOpen(lien, now)).map(({ rank }) => rank));
  let rank = 1;
  while (taken.has(rank)) rank += 1;
  return rank;
}

/** The values of an enumeration with their words, as the timeline has them. */
function optionsOf({ texts }: Tongue, kind: TitleKind, name: FieldName): [string, string][] {
  const vocabulary = texts.vocabulary.value as Readonly<Record<string, Readonly<Record<string, string>>>>;
  return Object.entries(vocabulary[`${kind}.${name}`] ?? {});
}

function Control(props: {
  readonly field: FormField;
  readonly kind: TitleKind;
  readonly value: string;
  readonly currency: string;
  readonly fault: string | null;
  readonly liens: readonly Lien[];
  readonly onChange: (name: FieldName, value: string) => void;
}) {
  const tongue = useTongue();
  const words = useWords();
  const { texts, format } = tongue;
  const { field, kind, value, fault, liens, onChange } = props;
  const { name, input, required } = field;
  const change = (text: string): void => onChange(name, text);
  const named = labelOf(tongue, words.form.labels, kind, name);
  const label = required || field.sealed ? named : words.form.optional(named);
  const hints = words.form.hints as Readonly<Record<string, string>>;
  const hint = hints[`${kind}.${name}`] ?? hints[input] ?? hints[name];
  const none = { value: '', label: words.form.notStated };
  switch (input) {
    case 'choice': {
      const options = optionsOf(tongue, kind, name).map(([key, text]) => ({ value: key, label: text }));
      return (
        <Choice
          label={label}
          value={value}
          fault={fault}
          options={required ? options : [none, ...options]}
          onChange={change}
        />
      );
    }
    case 'brand':
      return (
        <Choice
          label={label}
          hint={hint}
          value={value}
          fault={fault}
          options={brandCodes.map((code) => ({
            value: String(Number(code)),
            label: `${code} · ${word(texts.vocabulary.brand, code)}`,
          }))}
          onChange={change}
        />
      );
    case 'lien':
      return (
        <Choice
          label={label}
          value={value}
          fault={fault}
          options={liens.map((lien) => ({
            value: String(lien.number),
            label: words.form.lien(
              format.number(lien.number),
              texts.title.rank(format.number(lien.rank)),
              format.moment(Number(lien.until)),
            ),
          }))}
          onChange={change}
        />
      );
    case 'amount':
      return (
        <div className="amount">
          <Field
            label={label}
            hint={hint}
            value={value}
            fault={fault}
            onChange={change}
            inputMode="numeric"
          />
          <Choice
            label={words.form.labels.currency}
            value={props.currency}
            options={CURRENCIES.map((code) => ({ value: code, label: code }))}
            onChange={(code) => onChange('currency', code)}
          />
        </div>
      );
    default:
      return (
        <Field
          label={label}
          hint={hint}
          value={value}
          fault={fault}
          onChange={change}
          type={input === 'date' ? 'date' : 'text'}
          {...(input === 'number' ? { inputMode: 'numeric' as const } : {})}
          mono={input === 'account' || input === 'vehicle'}
          long={input === 'long'}
          maxLength={input === 'long' ? 10_000 : 200}
        />
      );
  }
}

/** What a field is called: as here, else as the report calls it. */
function labelOf(
  { texts }: Tongue,
  labels: Readonly<Partial<Record<string, string>>>,
  kind: TitleKind,
  name: FieldName,
): string {
  const { field, sealed } = texts.vocabulary;
  return (
    labels[`${kind}.${name}`] ??
    labels[name] ??
    word({ ...sealed, ...field }, name === 'price' ? 'amount' : name)
  );
}
