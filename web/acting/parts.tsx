import { type HTMLInputTypeAttribute, type ReactNode, useEffect, useId, useRef } from 'react';
import { useTongue } from '../page/context.ts';
import { Sign } from '../page/parts.tsx';
import type { Failure } from '../worker/messages.ts';
import { useWords } from './context.ts';

/** What went wrong, in place, with its stable code. */
export function FailureNote({ failure, onRetry }: { failure: Failure; onRetry?: (() => void) | undefined }) {
  const { texts } = useTongue();
  const words = useWords();
  const { code, message = '', requestId } = failure;
  const known = words.failures[code] ?? texts.failure.texts[code];
  return (
    <div className="notice is-bad" role="alert" data-code={code}>
      <Sign of="bad" />
      <div>
        <p>{known ?? texts.failure.other}</p>
        {known === undefined && message !== '' ? <p className="muted breakable">{message}</p> : null}
        <p className="muted small">
          {texts.failure.code(code)}
          {requestId === undefined ? '' : ` · ${texts.failure.request(requestId)}`}
        </p>
        {onRetry === undefined ? null : (
          <p className="actions">
            <button type="button" className="secondary" onClick={onRetry}>
              {texts.failure.retry}
            </button>
          </p>
        )}
      </div>
    </div>
  );
}

type FieldProps = {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly fault?: string | null | undefined;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly type?: HTMLInputTypeAttribute;
  readonly inputMode?: 'numeric' | 'text';
  readonly autoComplete?: string;
  readonly mono?: boolean;
  readonly long?: boolean;
  readonly min?: string;
  readonly max?: string;
  readonly maxLength?: number;
};

/** A labelled field that says what is wrong with it. */
export function Field(props: FieldProps) {
  const { label, hint, fault = null, value, onChange, long = false } = props;
  const id = useId();
  const described = [hint === undefined ? '' : `${id}-hint`, fault === null ? '' : `${id}-fault`]
    .filter((part) => part !== '')
    .join(' ');
  const common = {
    id,
    value,
    className: props.mono === true ? 'mono' : '',
    autoComplete: props.autoComplete ?? 'off',
    spellCheck: false,
    maxLength: props.maxLength ?? 2000,
    'aria-invalid': fault !== null,
    ...(described === '' ? {} : { 'aria-describedby': described }),
  };
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {long ? (
        <textarea {...common} rows={4} onChange={({ target }) => onChange(target.value)} />
      ) : (
        <input
          {...common}
          type={props.type ?? 'text'}
          inputMode={props.inputMode}
          min={props.min}
          max={props.max}
          onChange={({ target }) => onChange(target.value)}
        />
      )}
      {hint === undefined ? null : (
        <p id={`${id}-hint`} className="muted small">
          {hint}
        </p>
      )}
      {fault === null ? null : (
        <p id={`${id}-fault`} className="fault small" role="alert">
          {fault}
        </p>
      )}
    </div>
  );
}

export type Option = { readonly value: string; readonly label: string };

export function Choice(props: {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly fault?: string | null | undefined;
  readonly value: string;
  readonly options: readonly Option[];
  readonly onChange: (value: string) => void;
}) {
  const { label, hint, fault = null, value, options, onChange } = props;
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        value={value}
        aria-invalid={fault !== null}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        onChange={({ target }) => onChange(target.value)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
      {hint === undefined ? null : (
        <p id={`${id}-hint`} className="muted small">
          {hint}
        </p>
      )}
      {fault === null ? null : (
        <p className="fault small" role="alert">
          {fault}
        </p>
      )}
    </div>
  );
}

export function FileField(props: {
  readonly label: string;
  readonly chosen: string | null;
  readonly fault: string | null;
  readonly accept?: string;
  readonly hint?: string;
  readonly disabled?: boolean;
  readonly onFile: (file: File) => void;
}) {
  const hint = useId();
  return (
    <div className="field">
      <span className="file-row">
        <label className="file-button secondary">
          {props.label}
          <input
            type="file"
            accept={props.accept ?? 'application/json,.json'}
            disabled={props.disabled ?? false}
            aria-invalid={props.fault !== null}
            aria-describedby={props.hint === undefined ? undefined : hint}
            onChange={(event) => {
              const file = event.target.files?.[0];
              if (file !== undefined) props.onFile(file);
            }}
          />
        </label>
        <span className="muted breakable">{props.chosen ?? ''}</span>
      </span>
      {props.hint === undefined ? null : (
        <p id={hint} className="muted small">
          {props.hint}
        </p>
      )}
      {props.fault === null ? null : (
        <p className="fault small" role="alert">
          {props.fault}
        </p>
      )}
    </div>
  );
}

/** Names and values, one below the other. */
export function Facts({ rows }: { rows: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="rows">
      {rows.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A part of the page that takes the focus when it appears, so that whoever does not see it is taken along. */
export function Focused({
  className,
  label,
  children,
}: {
  className: string;
  label: string;
  children: ReactNode;
}) {
  const box = useRef<HTMLElement | null>(null);
  useEffect(() => {
    box.current?.focus({ preventScroll: true });
    box.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  return (
    <section ref={box} className={className} tabIndex={-1} aria-label={label}>
      {children}
    </section>
  );
}
