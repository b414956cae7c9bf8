import { useEffect, useId, useRef, useState } from 'react';
import { FailureNote, FileField } from '../acting/parts.tsx';
import { csvOf } from '../model/csv.ts';
import type { ListOf } from '../model/listFile.ts';
import { useTongue } from '../page/context.ts';
import { Code, Sign, saveBlob } from '../page/parts.tsx';
import { counted } from '../texts/texts.ts';
import type { Failure } from '../worker/messages.ts';
import { failureOf } from '../worker/problem.ts';
import type { ListRead } from '../worker/setMessages.ts';
import { Bar } from './Bar.tsx';
import { Members, type Telling } from './members.ts';
import { useSupplyWords } from './words.tsx';

/** A list that was read, and the worker that holds its members. */
export type Picked = { readonly list: ListRead; readonly members: Members };

type Props = {
  readonly of: ListOf;
  readonly maker: string;
  /** Of a set that is anchored already: its key, so that the same root comes out. */
  readonly treeKey: string | null;
  readonly fault: string | null;
  /** Null while there is no list that may be used. */
  readonly onPicked: (picked: Picked | null) => void;
};

/** Chooses a file of serials or vehicles, reads it here, and says of every row that it can't use why. */
export function ListPicker({ of, maker, treeKey, fault, onPicked }: Props) {
  const words = useSupplyWords();
  const tongue = useTongue();
  const { format } = tongue;
  const id = useId();
  const [file, setFile] = useState<File | null>(null);
  const [telling, setTelling] = useState<Telling | null>(null);
  const [list, setList] = useState<ListRead | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [without, setWithout] = useState(false);
  const members = useRef<Members | null>(null);
  useEffect(
    () => () => {
      if (members.current?.handed === false) members.current.end();
    },
    [],
  );

  const pick = (picked: ListRead | null): void => {
    onPicked(picked === null || members.current === null ? null : { list: picked, members: members.current });
  };
  const read = async (chosen: File): Promise<void> => {
    members.current?.end();
    const own = new Members();
    members.current = own;
    setFile(chosen);
    setList(null);
    setFailure(null);
    setWithout(false);
    pick(null);
    setTelling({ type: 'reading', done: 0, total: chosen.size, members: 0 });
    try {
      const found = await own.read({ file: chosen, of, maker, treeKey }, setTelling);
      if (members.current !== own) return;
      setList(found);
      if (found.faults === 0) pick(found);
    } catch (error) {
      const failed = failureOf(error);
      if (members.current === own && failed.code !== 'page.left') setFailure(failed);
    } finally {
      if (members.current === own) setTelling(null);
    }
  };
  const saveFaults = (): void => {
    if (list === null) return;
    const rows = list.faulty.map(({ row, text, fault: why }) => [String(row), words.list.faults[why], text]);
    const csv = csvOf([[words.list.row, words.list.why, words.list.text], ...rows]);
    saveBlob(new Blob([csv], { type: 'text/csv' }), 'vinculum-rows.csv');
  };

  return (
    <div className="list-picker">
      <FileField
        label={words.list.choose[of]}
        hint={words.list.hint[of]}
        accept=".csv,.txt,.tsv,text/csv,text/plain"
        chosen={file?.name ?? null}
        fault={fault}
        onFile={(chosen) => void read(chosen)}
      />
      {telling === null ? null : (
        <Bar
          label={telling.type === 'reading' ? words.list.reading : words.list.hashing}
          done={telling.done}
          total={telling.done === telling.total && telling.type === 'hashing' ? 0 : telling.total}
          text={telling.type === 'reading' ? words.list.found(format.number(telling.members)) : ''}
        />
      )}
      {failure === null ? null : <FailureNote failure={failure} />}
      {list === null ? null : (
        <div className="list-read" role="status" data-list={list.faults === 0 ? 'good' : 'faulty'}>
          <p>
            <Sign of={list.faults === 0 ? 'good' : 'caution'} />{' '}
            <span className="strong">{words.list.members[of](format.number(list.count))}</span>{' '}
            <span className="muted">
              {words.list.read(format.number(Math.max(1, Math.round(list.milliseconds / 1000))))}
              {list.encoding === 'utf-8' ? '' : ` · ${list.encoding.toUpperCase()}`}
              {list.column === null ? '' : ` · ${words.list.column(list.column)}`}
            </span>
          </p>
          <p className="muted small breakable">
            {list.first} … {list.last}
          </p>
          <p className="small">
            {words.list.root} <Code>{list.root}</Code>
          </p>
          {list.faults === 0 ? null : (
            <>
              <p className="fault">
                {counted(tongue, list.faults, (count, one) => words.list.faulty(count, one))}
              </p>
              <details className="fold">
                <summary>{words.list.show}</summary>
                <table className="rows-table">
                  <thead>
                    <tr>
                      <th>{words.list.row}</th>
                      <th>{words.list.why}</th>
                      <th>{words.list.text}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {list.faulty.slice(0, 20).map((one) => (
                      <tr key={`${one.row} ${one.text}`}>
                        <td>{format.number(one.row)}</td>
                        <td>{words.list.faults[one.fault]}</td>
                        <td>
                          <code>{one.text}</code>
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
                <p className="actions">
                  <button type="button" className="secondary" onClick={saveFaults}>
                    {words.list.save}
                  </button>
                </p>
              </details>
              <label className="check" htmlFor={`${id}-without`}>
                <input
                  id={`${id}-without`}
                  type="checkbox"
                  checked={without}
                  onChange={({ target }) => {
                    setWithout(target.checked);
                    pick(target.checked ? list : null);
                  }}
                />
                {words.list.without}
              </label>
            </>
          )}
        </div>
      )}
    </div>
  );
}
