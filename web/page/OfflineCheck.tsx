import { type FormEvent, useId, useState } from 'react';
import type { Hex } from '../../core/bytes.ts';
import type { ReportView } from '../model/view.ts';
import { lateTexts } from '../texts/late.ts';
import { useTongue } from './context.ts';

/** For whoever has a block hash of their own: the report's proof is checked under it, and nobody is asked. */
export function OfflineCheck({
  view,
  onCheck,
}: {
  view: ReportView;
  onCheck: (hashes: Record<string, Hex>) => void;
}) {
  const { format, language } = useTongue();
  const { offline } = lateTexts[language];
  const id = useId();
  const [hashes, setHashes] = useState<Readonly<Record<string, string>>>({});
  const [asked, setAsked] = useState(false);
  if (view.proofs.length === 0) return null;
  const given = view.proofs.map(
    ({ chainId }) => [chainId, (hashes[chainId] ?? '').trim().toLowerCase()] as const,
  );
  const faulty = given.some(([, hash]) => !/^0x[0-9a-f]{64}$/.test(hash));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setAsked(true);
    if (!faulty) onCheck(Object.fromEntries(given) as Record<string, Hex>);
  };
  return (
    <details className="fold no-print">
      <summary>{offline.heading}</summary>
      <form onSubmit={submit} noValidate>
        <p>{offline.lead}</p>
        {view.proofs.map(({ chainId, block, timestamp }) => (
          <div key={chainId}>
            <label htmlFor={id + chainId}>
              {view.proofs.length > 1 ? offline.chain(chainId) : offline.label}
            </label>
            <input
              id={id + chainId}
              className="mono"
              value={hashes[chainId] ?? ''}
              onChange={({ target }) => setHashes({ ...hashes, [chainId]: target.value })}
              placeholder="0x"
              spellCheck={false}
              autoComplete="off"
              aria-describedby={`${id}-hint`}
              aria-invalid={asked && faulty}
            />
            <p id={`${id}-hint`} className="muted small">
              {offline.header(format.number(block), format.moment(timestamp))}
            </p>
          </div>
        ))}
        {asked && faulty ? (
          <p className="fault" role="alert">
            {offline.fault}
          </p>
        ) : null}
        <p className="actions">
          <button type="submit" className="secondary">
            {offline.button}
          </button>
        </p>
      </form>
    </details>
  );
}
