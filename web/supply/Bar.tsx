import { useId } from 'react';

/** How far something has come; without an end in sight it says only that it goes on. */
export function Bar(props: {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  readonly text?: string;
}) {
  const { label, done, total, text = '' } = props;
  const id = useId();
  return (
    <div className="bar">
      <span id={id} className="strong">
        {label}
      </span>
      <progress aria-labelledby={id} {...(total > 0 ? { value: done, max: total } : {})} />
      <span className="muted small">{text}</span>
    </div>
  );
}
