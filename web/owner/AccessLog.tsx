import { useEffect, useState } from 'react';
import { VinculumError } from '../../core/errors.ts';
import type { AccessEntry } from '../../core/privacy/accessLog.ts';
import { useWords } from '../acting/context.ts';
import { FailureNote } from '../acting/parts.tsx';
import type { Service } from '../acting/service.ts';
import { type CheckedLog, checkLog, keepHead, keptHead } from '../model/accessLog.ts';
import { describe } from '../model/describe.ts';
import type { ReportView } from '../model/view.ts';
import { useTongue } from '../page/context.ts';
import { Code, Sign } from '../page/parts.tsx';
import { short } from '../page/Title.tsx';
import type { ActingTexts } from '../texts/acting.ts';
import { attesterName, counted, findAttester, type Tongue, word } from '../texts/texts.ts';
import type { Failure } from '../worker/messages.ts';
import { failureOf } from '../worker/problem.ts';
import type { PartProps } from './MyVehicle.tsx';

/** Most entries that are read at once: more is a matter for the command line. */
const MOST_PAGES = 50;
const SHOWN = 30;

/** A log that is not the one it was: shown as loudly as anything here. */
const TAKEN = ['access.shortened', 'access.rewritten'];

async function readPages(service: Service, subject: string): Promise<Readonly<Record<string, unknown>>[]> {
  const pages: Readonly<Record<string, unknown>>[] = [];
  let from: number | null = null;
  do {
    const page: Readonly<Record<string, unknown>> = await service.get(
      `/v1/access-log/${subject}${from === null ? '' : `?from=${from}`}`,
    );
    pages.push(page);
    from = typeof page.next === 'number' ? page.next : null;
    // Part of a log does not lead to the head of all of it.
    if (from !== null && pages.length === MOST_PAGES) {
      throw new VinculumError('access.tooLong', 'The log is too long for the page.');
    }
  } while (from !== null);
  return pages;
}

/** Who was shown what is sealed: folded here, and held to what the operator signed before. */
export function AccessLog({ place, view, session, info }: PartProps) {
  const words = useWords();
  const { texts } = useTongue();
  const { service } = session;
  const { subject, ledger, actor } = place;
  const { operator } = info;
  const [log, setLog] = useState<CheckedLog | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [asked, setAsked] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again whenever somebody asks
  useEffect(() => {
    let over = false;
    const run = async (): Promise<CheckedLog> => {
      const checked = checkLog(ledger, subject, await readPages(service, subject), keptHead(subject, actor));
      // Kept only once it holds: a log that does not must go on being held to the old head.
      if (!over) keepHead(subject, actor, checked.head);
      return checked;
    };
    setFailure(null);
    run().then(
      (checked) => over || setLog(checked),
      (error: unknown) => {
        if (over) return;
        setLog(null);
        setFailure(failureOf(error));
      },
    );
    return () => {
      over = true;
    };
  }, [service, subject, actor, asked]);
  const taken = failure !== null && TAKEN.includes(failure.code);
  return (
    <section className="section" aria-labelledby="access">
      <h3 id="access">{words.access.heading}</h3>
      <p className="lead">{words.access.lead}</p>
      {taken ? (
        <div className="notice is-bad loud" role="alert" data-log={failure.code}>
          <Sign of="bad" />
          <div>
            <p className="loud-word">{words.access.taken}</p>
            <p>{words.access.takenText[failure.code === 'access.shortened' ? 'shortened' : 'rewritten']}</p>
            <p className="muted small">{texts.failure.code(failure.code)}</p>
          </div>
        </div>
      ) : failure === null ? null : (
        <FailureNote failure={failure} onRetry={() => setAsked((before) => before + 1)} />
      )}
      {log === null ? (
        failure === null ? (
          <p role="status">{texts.app.loading}</p>
        ) : null
      ) : (
        <Read log={log} view={view} stranger={operator !== null && operator !== log.operator} />
      )}
      <p className="actions">
        <button type="button" className="secondary" onClick={() => setAsked((before) => before + 1)}>
          {words.access.again}
        </button>
      </p>
      <p className="muted small">{words.access.limit}</p>
    </section>
  );
}

function Read({ log, view, stranger }: { log: CheckedLog; view: ReportView; stranger: boolean }) {
  const tongue = useTongue();
  const { format } = tongue;
  const words = useWords();
  const [most, setMost] = useState(SHOWN);
  const { entries, since, head, operator } = log;
  const newest = [...entries].reverse();
  return (
    <>
      <p className="proven" role="status" data-log="holds">
        <Sign of={stranger ? 'caution' : 'good'} />{' '}
        {since.kept === null
          ? words.access.first
          : words.access.holds(format.moment(since.kept.at), format.number(since.added))}
      </p>
      {stranger ? <p className="fault">{words.access.stranger}</p> : null}
      {entries.length === 0 ? <p className="muted">{words.access.none}</p> : null}
      <ol className="listing" data-entries={entries.length}>
        {newest.slice(0, most).map((entry) => (
          <Shown key={entry.position} entry={entry} view={view} />
        ))}
      </ol>
      {entries.length > most ? (
        <p className="actions">
          <button type="button" className="secondary" onClick={() => setMost(most * 4)}>
            {tongue.texts.timeline.more(format.number(Math.min(most * 3, entries.length - most)))}
          </button>
        </p>
      ) : null}
      <details className="fold evidence">
        <summary>{words.access.head}</summary>
        <p>{words.access.headText(format.number(head.length), format.moment(head.at))}</p>
        <Code>{head.head}</Code>
        <p>
          {words.access.operator} <Code>{operator}</Code>
        </p>
      </details>
    </>
  );
}

function readerText(tongue: Tongue, words: ActingTexts, view: ReportView, reader: string): string {
  const [sort, name = ''] = reader.split(/:(.*)/s);
  switch (sort) {
    case 'organisation':
      return attesterName(tongue, findAttester(view.attesters, name)) || tongue.texts.attesters.unnamed(name);
    case 'account':
      return words.access.account(short(name));
    case 'bearer':
      return words.access.bearer;
    default:
      return words.access.operatorItself;
  }
}

function Shown({ entry, view }: { entry: AccessEntry; view: ReportView }) {
  const tongue = useTongue();
  const { texts, format } = tongue;
  const words = useWords();
  const { vocabulary } = texts;
  const count = entry.shown.reduce((sum, { fields }) => sum + fields.length, 0);
  const purposes = { ...texts.purposes, ...words.access.grounds } as Readonly<Record<string, string>>;
  const names = { ...vocabulary.sealed, ...vocabulary.field };
  return (
    <li data-position={entry.position}>
      <p>
        <span className="muted">{format.moment(entry.at)}</span>{' '}
        <span className="strong">{readerText(tongue, words, view, entry.reader)}</span>
      </p>
      <p>
        {word(purposes, entry.purpose)} · {counted(tongue, count, words.access.fields)}
      </p>
      <details className="fold">
        <summary>{words.access.what}</summary>
        <ul className="plain">
          {entry.shown.map(({ digest, fields }) => {
            const named = view.entries.find((one) => one.digest === digest);
            const title = named === undefined ? short(digest) : describe(tongue, named).title;
            return (
              <li key={digest}>
                {title}:{' '}
                {format.list(
                  fields.map((field) =>
                    field.startsWith('document:') ? words.access.document : word(names, field),
                  ),
                )}
              </li>
            );
          })}
        </ul>
      </details>
    </li>
  );
}
