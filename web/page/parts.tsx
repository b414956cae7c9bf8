import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import type { Light } from '../model/lights.ts';
import { useTongue } from './context.ts';

/** A drawn sign, so that nothing is told by colour alone. */
export function Sign({ of }: { of: Light | 'running' | 'waiting' }) {
  const paths: Record<typeof of, ReactNode> = {
    good: <path d="M6 12.5l4 4 8-9" />,
    caution: (
      <>
        <path d="M12 7v6.5" />
        <path d="M12 17v.2" />
      </>
    ),
    bad: <path d="M7.5 7.5l9 9M16.5 7.5l-9 9" />,
    neutral: (
      <>
        <path d="M12 11v6" />
        <path d="M12 7v.2" />
      </>
    ),
    running: <path d="M12 6v6l4 2" />,
    waiting: <path d="M8 12h8" />,
  };
  return (
    <svg className={`sign sign-${of}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <circle cx="12" cy="12" r="10.5" />
      <g>{paths[of]}</g>
    </svg>
  );
}

/** A hash or address: whole for whoever copies it, cut at its end by the layout only. */
export function Code({ children }: { children: string }) {
  const { texts } = useTongue();
  const [copied, setCopied] = useState(false);
  const copy = (): void => {
    navigator.clipboard
      ?.writeText(children)
      .then(() => {
        setCopied(true);
        setTimeout(() => setCopied(false), 1500);
      })
      .catch(() => undefined);
  };
  return (
    <span className="code">
      <code>{children}</code>
      {typeof navigator.clipboard === 'undefined' ? null : (
        <button type="button" className="quiet small" onClick={copy}>
          {copied ? texts.app.copied : texts.app.copy}
        </button>
      )}
    </span>
  );
}

/** A labelled block of the report that its navigation can jump to. */
export function Section(props: { id: string; heading: string; lead?: string; children?: ReactNode }) {
  const label = useId();
  return (
    <section id={props.id} className="section" aria-labelledby={label}>
      <h2 id={label} tabIndex={-1}>
        {props.heading}
      </h2>
      {props.lead === undefined ? null : <p className="lead">{props.lead}</p>}
      {props.children}
    </section>
  );
}

/** The width of an element, as the layout gives it. */
export function useWidth(): [React.RefObject<HTMLDivElement | null>, number] {
  const box = useRef<HTMLDivElement | null>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [box, width];
}

/** The present time, by the minute. */
export function useNow(): number {
  const [now, setNow] = useState(() => Math.floor(Date.now() / 1000));
  useEffect(() => {
    const timer = setInterval(() => setNow(Math.floor(Date.now() / 1000)), 30_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** A modal of the platform's own: focus, Escape and the background are its work. */
export function Dialog(props: { heading: string; onClose: () => void; children: ReactNode }) {
  const { texts } = useTongue();
  const dialog = useRef<HTMLDialogElement | null>(null);
  const label = useId();
  useEffect(() => {
    const element = dialog.current;
    if (element !== null && !element.open) element.showModal();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={label} onClose={props.onClose}>
      <div className="dialog-head">
        <h2 id={label}>{props.heading}</h2>
        <button type="button" className="quiet" onClick={props.onClose}>
          {texts.app.close}
        </button>
      </div>
      {props.children}
    </dialog>
  );
}

/** Gives a blob to the reader as a file. */
export function saveBlob(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
