import { Choice, Field } from '../acting/parts.tsx';
import {
  type SupplyField,
  type SupplyForm,
  type SupplyValues,
  supplyForms,
  units,
} from '../model/supplyForms.ts';
import { useTongue } from '../page/context.ts';
import { type Tongue, word } from '../texts/texts.ts';
import { useSupplyWords } from './words.tsx';

type Props = {
  readonly form: SupplyForm;
  readonly values: SupplyValues;
  readonly faults: Readonly<Record<string, string>>;
  readonly onChange: (name: string, value: string) => void;
};

/** The fields of a form: what stands open first, then what is sealed. */
export function SupplyFields(props: Props) {
  const words = useSupplyWords();
  const fields = supplyForms[props.form];
  const sealed = fields.filter((field) => field.sealed);
  return (
    <>
      <div className="fields">
        {fields
          .filter((field) => !field.sealed)
          .map((field) => (
            <One key={field.name} {...props} field={field} />
          ))}
      </div>
      {sealed.length === 0 ? null : (
        <fieldset className="sealed-fields">
          <legend>{words.form.sealed}</legend>
          <p className="muted small">{words.form.sealedHint}</p>
          <div className="fields">
            {sealed.map((field) => (
              <One key={field.name} {...props} field={field} />
            ))}
          </div>
        </fieldset>
      )}
    </>
  );
}

function One({ form, field, values, faults, onChange }: Props & { readonly field: SupplyField }) {
  const tongue = useTongue();
  const words = useSupplyWords();
  const { name, input, required, options = [] } = field;
  const label = labelOf(tongue, words.form.labels, form, name);
  const named = required ? label : words.form.optional(label);
  const value = values[name] ?? '';
  const fault =
    faults[name] === undefined ? null : (words.form.faults[faults[name] as never] ?? faults[name]);
  const hint = words.form.hints[`${form}.${name}`] ?? words.form.hints[name];
  const common = { label: named, hint, fault, value, onChange: (text: string) => onChange(name, text) };
  switch (input) {
    case 'choice': {
      const all = tongue.texts.vocabulary.value as Readonly<Record<string, Readonly<Record<string, string>>>>;
      return (
        <Choice
          {...common}
          options={[
            { value: '', label: words.form.choose },
            ...options.map((option) => ({
              value: option,
              label: word(all[`${form}.${name}`] ?? {}, option),
            })),
          ]}
        />
      );
    }
    case 'yesNo':
      return (
        <Choice
          {...common}
          options={[
            { value: '', label: words.form.choose },
            { value: 'yes', label: words.form.accepted },
            { value: 'no', label: words.form.refused },
          ]}
        />
      );
    case 'quantity':
      return (
        <div className="amount">
          <Field {...common} />
          <Choice
            label={words.form.unit}
            value={values[`${name}.unit`] ?? 'C62'}
            options={units.map((unit) => ({ value: unit, label: words.form.units[unit] }))}
            onChange={(unit) => onChange(`${name}.unit`, unit)}
          />
        </div>
      );
    default:
      return (
        <Field
          {...common}
          type={input === 'date' ? 'date' : 'text'}
          long={input === 'long'}
          maxLength={input === 'long' ? 10_000 : 200}
          mono={input === 'party' || input === 'code'}
        />
      );
  }
}

/** What a field is called: as here, else as the report calls it. */
function labelOf(
  { texts }: Tongue,
  labels: Readonly<Partial<Record<string, string>>>,
  form: string,
  name: string,
): string {
  const { field, sealed } = texts.vocabulary;
  return labels[`${form}.${name}`] ?? labels[name] ?? word({ ...sealed, ...field }, name);
}
