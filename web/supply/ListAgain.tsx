import { useState } from 'react';
import type { Session } from '../acting/session.ts';
import type { Handing } from '../acting/useEntry.ts';
import type { EntryView } from '../model/view.ts';
import { useTongue } from '../page/context.ts';
import { failureOf } from '../worker/problem.ts';
import { HandingOver } from './EntryPanel.tsx';
import { ListPicker, type Picked } from './ListPicker.tsx';
import { useSupplyWords } from './words.tsx';

type Props = { readonly api: string; readonly session: Session; readonly produced: EntryView };

/** Hands the members of a batch’s set over once more, or goes on where it was cut off: by the same file. */
export function ListAgain({ api, session, produced }: Props) {
  const words = useSupplyWords();
  const { format } = useTongue();
  const [picked, setPicked] = useState<Picked | null>(null);
  const [handing, setHanding] = useState<Handing | null>(null);
  const { serialsRoot, treeKey } = (produced.data.serials ?? {}) as Readonly<Record<string, string>>;
  const maker = String(produced.data.manufacturerId ?? '').toLowerCase();
  const differs = picked !== null && picked.list.root !== serialsRoot;
  const upload = (): void => {
    if (picked === null) return;
    setHanding({ state: 'running', done: 0, total: 0 });
    picked.members
      .upload(
        { api, token: session.token, digest: produced.digest },
        (done, total) => setHanding({ state: 'running', done, total }),
        new AbortController().signal,
      )
      .then(
        () => setHanding({ state: 'done' }),
        (error: unknown) => setHanding({ state: 'failed', failure: failureOf(error) }),
      );
  };
  return (
    <details className="fold panel again-list">
      <summary>{words.list.again}</summary>
      <p className="muted">{words.list.againLead}</p>
      <ListPicker
        of="serial"
        maker={maker}
        treeKey={treeKey ?? null}
        fault={differs ? words.list.otherRoot(format.number(picked.list.count)) : null}
        onPicked={(next) => {
          setHanding(null);
          setPicked(next);
        }}
      />
      {picked === null || differs || handing !== null ? null : (
        <p className="actions">
          <button type="button" className="primary" onClick={upload}>
            {words.list.upload}
          </button>
        </p>
      )}
      {handing === null ? null : <HandingOver handing={handing} onAgain={upload} />}
    </details>
  );
}
