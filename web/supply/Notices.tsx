import { useState } from 'react';
import { FailureNote } from '../acting/parts.tsx';
import { type Answer, listOf, malformed, type Service, textOf } from '../acting/service.ts';
import { readableIdentifier, shownIdentifier } from '../model/vinFeedback.ts';
import { useTongue } from '../page/context.ts';
import { Sign } from '../page/parts.tsx';
import { counted, localisedText } from '../texts/texts.ts';
import type { Failure } from '../worker/messages.ts';
import { failureOf } from '../worker/problem.ts';
import { useAnswer } from './useAnswer.ts';
import { useSupplyWords } from './words.tsx';

type Notice = {
  readonly number: number;
  readonly kind: string;
  readonly about: string;
  readonly content: Readonly<Record<string, unknown>>;
  readonly postedAt: string;
  readonly read: boolean;
};

function readNotice(answer: Answer): Notice {
  const { number, content, readAt } = answer;
  if (typeof number !== 'number') throw malformed();
  return {
    number,
    kind: textOf(answer, 'kind'),
    about: textOf(answer, 'about'),
    content: content !== null && typeof content === 'object' ? (content as Notice['content']) : {},
    postedAt: textOf(answer, 'postedAt'),
    read: typeof readAt === 'string',
  };
}

/** What this organisation or owner was told: the newest first. */
export function Notices({ service, onOpen }: { service: Service; onOpen: (identifier: string) => void }) {
  const words = useSupplyWords();
  const tongue = useTongue();
  const { texts, format, language } = tongue;
  const { value, failure, again } = useAnswer(service, '/v1/notices?limit=100', (answer) => ({
    list: listOf(answer, 'notices').map(readNotice),
    unread: typeof answer.unread === 'number' ? answer.unread : 0,
    more: answer.more === true,
  }));
  const [failed, setFailed] = useState<Failure | null>(null);
  const readAll = (upTo: number): void => {
    setFailed(null);
    service.post('/v1/notices/read', { upTo }).then(again, (error: unknown) => setFailed(failureOf(error)));
  };
  const newest = value?.list[0]?.number;
  return (
    <section className="section" aria-labelledby="notices">
      <h2 id="notices">{words.notices.heading}</h2>
      <p className="lead">{words.notices.lead}</p>
      {[failure, failed].map((one) =>
        one === null ? null : <FailureNote key={one.code} failure={one} onRetry={again} />,
      )}
      {value === null && failure === null ? <p role="status">{texts.app.loading}</p> : null}
      {value !== null && value.list.length === 0 ? <p className="muted">{words.notices.none}</p> : null}
      <p className="actions">
        {value === null || value.unread === 0 || newest === undefined ? null : (
          <>
            <span className="strong">
              {counted(tongue, value.unread, (count, one) => words.notices.unread(count, one))}
            </span>
            <button type="button" className="secondary" onClick={() => readAll(newest)}>
              {words.notices.readAll}
            </button>
          </>
        )}
        <button type="button" className="quiet" onClick={again}>
          {words.recalls.again}
        </button>
      </p>
      <ul className="listing">
        {(value?.list ?? []).map((notice) => {
          const thing = thingOf(notice);
          const title = localisedText(notice.content.title as never, language);
          return (
            <li key={notice.number} data-notice={notice.kind} className={notice.read ? '' : 'unread'}>
              <span>
                <Sign of={notice.read ? 'waiting' : 'neutral'} />{' '}
                <span className="strong">{words.notices.kinds[notice.kind] ?? notice.kind}</span>{' '}
                <span className="muted small">{format.time(notice.postedAt)}</span>
                {notice.read ? null : <span className="hidden"> ({words.notices.new})</span>}
              </span>
              {title === '' ? null : <span>{title}</span>}
              {thing === null ? (
                <span className="muted small breakable">{notice.about}</span>
              ) : (
                <button type="button" className="link breakable" onClick={() => onOpen(thing)}>
                  {shownIdentifier(thing)}
                </button>
              )}
            </li>
          );
        })}
      </ul>
      {value?.more === true ? <p className="muted small">{words.notices.more}</p> : null}
    </section>
  );
}

/** The thing that a notice is about, where it names one. */
function thingOf({ about, content }: Notice): string | null {
  const named = [content.identifier, content.batch, content.vehicle, content.part, about].find(
    (one) => typeof one === 'string' && readableIdentifier(one) !== null,
  );
  return typeof named === 'string' ? named : null;
}
