import { Suspense, useEffect, useId, useRef, useState } from 'react';
import { isAccountKey } from '../model/attesterKey.ts';
import { actionFacts, describe, factsOf, readingOf, readingText, sealedFacts } from '../model/describe.ts';
import { statusLight } from '../model/lights.ts';
import { countGroups, everything, filtered, groups, type TimelineFilter } from '../model/timeline.ts';
import type { EntryView, ReportView } from '../model/view.ts';
import { attesterName, findAttester, word } from '../texts/texts.ts';
import { useTongue } from './context.ts';
import type { OpenDocument } from './Documents.tsx';
import { KindIcon } from './KindIcon.tsx';
import { reportPart } from './lazyPart.tsx';
import { Code, Section, Sign } from './parts.tsx';

const Beside = reportPart(() => import('./Beside.tsx').then((part) => part.Beside));

// Only for whoever opens an entry that has some.
const Documents = reportPart(() => import('./Documents.tsx').then((part) => part.Documents));

const PAGE = 40;

export type Wanted = { readonly digests: readonly string[]; readonly at: number };

type Props = {
  readonly view: ReportView;
  /** Entries that another part of the page wants to be seen. */
  readonly wanted: Wanted | null;
  readonly onEntry: (digest: string) => void;
  readonly open: OpenDocument;
};

/** Every entry of the history, with filters. */
export function Timeline({ view, wanted, onEntry, open }: Props) {
  const tongue = useTongue();
  const { texts, format } = tongue;
  const { timeline } = texts;
  const [filter, setFilter] = useState<TimelineFilter>(everything);
  const [most, setMost] = useState(PAGE);
  const list = useRef<HTMLOListElement | null>(null);
  const select = useId();
  const counts = countGroups(view.entries);
  const shown = filtered(view.entries, filter);
  const narrowed = filter.group !== 'all' || filter.attester !== null || filter.withDocuments;
  const change = (part: Partial<TimelineFilter>): void => {
    setFilter((before) => ({ ...before, ...part }));
    setMost(PAGE);
  };

  useEffect(() => {
    if (wanted === null) return;
    setFilter(everything);
    const all = filtered(view.entries, everything);
    const places = wanted.digests.map((digest) => all.findIndex((entry) => entry.digest === digest));
    setMost((before) => Math.max(before, ...places.map((place) => place + 1)));
    const [first] = [...wanted.digests].sort(
      (left, right) =>
        (places[wanted.digests.indexOf(left)] as number) - (places[wanted.digests.indexOf(right)] as number),
    );
    // The list is drawn anew before it is scrolled.
    const timer = setTimeout(() => {
      for (const digest of wanted.digests) {
        list.current?.querySelector(`[data-digest="${digest}"] > details`)?.setAttribute('open', '');
      }
      const target = list.current?.querySelector<HTMLElement>(`[data-digest="${first}"] summary`);
      target?.scrollIntoView({ block: 'start' });
      target?.focus({ preventScroll: true });
    }, 30);
    return () => clearTimeout(timer);
  }, [wanted, view.entries]);

  return (
    <Section id="timeline" heading={timeline.heading}>
      <fieldset className="filters no-print">
        <legend className="hidden">{timeline.filter}</legend>
        <div className="chips">
          {groups
            .filter((group) => group === 'all' || counts[group] > 0)
            .map((group) => (
              <button
                key={group}
                type="button"
                className="chip"
                aria-pressed={filter.group === group}
                onClick={() => change({ group })}
              >
                {timeline.groups[group]} <span className="count">{format.number(counts[group])}</span>
              </button>
            ))}
        </div>
        <div className="filter-row">
          <label htmlFor={select}>{timeline.attester}</label>
          <select
            id={select}
            value={filter.attester ?? ''}
            onChange={(event) => change({ attester: event.target.value === '' ? null : event.target.value })}
          >
            <option value="">{timeline.everyone}</option>
            {view.attesters
              .filter(({ entries }) => entries > 0)
              .map((attester) => (
                <option key={attester.key} value={attester.key}>
                  {attesterName(tongue, attester)} ({format.number(attester.entries)})
                </option>
              ))}
          </select>
          <label className="check">
            <input
              type="checkbox"
              checked={filter.withDocuments}
              onChange={(event) => change({ withDocuments: event.target.checked })}
            />
            {timeline.documents}
          </label>
          <button
            type="button"
            className="quiet small"
            onClick={() => change({ newestFirst: !filter.newestFirst })}
          >
            {filter.newestFirst ? timeline.oldest : timeline.newest}
          </button>
        </div>
      </fieldset>
      <p className="muted" role="status">
        {timeline.shown(format.number(shown.length), format.number(view.entries.length))}
        {narrowed ? (
          <>
            {' · '}
            <button
              type="button"
              className="link"
              onClick={() => change({ group: 'all', attester: null, withDocuments: false })}
            >
              {timeline.clear}
            </button>
          </>
        ) : null}
      </p>
      {shown.length === 0 ? <p>{timeline.none}</p> : null}
      <ol className="timeline" ref={list}>
        {shown.slice(0, most).map((entry) => (
          <Entry
            key={entry.ledger + entry.digest + entry.position}
            entry={entry}
            view={view}
            onEntry={onEntry}
            open={open}
          />
        ))}
      </ol>
      {shown.length > most ? (
        <p className="actions">
          <button type="button" className="secondary" onClick={() => setMost(most + PAGE * 5)}>
            {timeline.more(format.number(Math.min(PAGE * 5, shown.length - most)))}
          </button>
        </p>
      ) : null}
    </Section>
  );
}

function Entry({
  entry,
  view,
  onEntry,
  open,
}: {
  entry: EntryView;
  view: ReportView;
  onEntry: Props['onEntry'];
  open: OpenDocument;
}) {
  const tongue = useTongue();
  const { texts, format } = tongue;
  const { timeline } = texts;
  const [unfolded, setUnfolded] = useState(false);
  const { title, qualifier, facts } = describe(tongue, entry);
  const attester = findAttester(view.attesters, entry.attester);
  const light = statusLight[entry.status];
  const name = attesterName(tongue, attester);
  const reading = readingOf(entry);
  return (
    <li
      className={entry.retracted ? 'entry gone' : 'entry'}
      data-digest={entry.digest}
      data-status={entry.status}
      data-kind={entry.kind}
    >
      <details onToggle={(event) => setUnfolded(event.currentTarget.open)}>
        <summary>
          <span className="entry-when">
            {entry.time === '' ? format.moment(entry.anchoredAt) : format.time(entry.time)}
          </span>
          <span className="entry-what">
            <span className="entry-title">
              <KindIcon kind={entry.kind} />
              {title}
              {qualifier === '' ? '' : ` · ${qualifier}`}
            </span>
            <span className="entry-by">{name}</span>
            {reading === null || entry.kind === 'odometer' ? null : (
              <span className="entry-reading">{readingText(tongue, reading)}</span>
            )}
            {entry.status === 'proven' ? null : (
              <span className={`badge is-${light}`}>
                <Sign of={light} /> {timeline.status[entry.status]}
              </span>
            )}
            {entry.amended === null ? null : <span className="badge is-neutral">{timeline.corrected}</span>}
            {entry.retracted ? <span className="badge is-caution">{timeline.retracted}</span> : null}
            {entry.disputes.map(({ digest, outcome }) => (
              <span key={digest} className={`badge is-${outcome === 'open' ? 'caution' : 'neutral'}`}>
                {timeline.dispute.badge[outcome]}
              </span>
            ))}
            {entry.data.contradicts === undefined ? null : (
              <span className="badge is-caution">{timeline.contradicts}</span>
            )}
            {entry.documents.length === 0 ? null : (
              <span className="badge is-plain">
                {timeline.documentsHeading} {format.number(entry.documents.length)}
              </span>
            )}
          </span>
        </summary>
        {unfolded ? (
          <div className="entry-body">
            {entry.status === 'proven' ? null : <p>{timeline.statusText[entry.status]}</p>}
            <Suspense fallback={null}>
              <Beside entry={entry} view={view} onEntry={onEntry} />
            </Suspense>
            <dl>
              {[...actionFacts(tongue, entry), ...facts].map(({ name: field, label, value, code }) => (
                <div key={field}>
                  <dt>{label}</dt>
                  <dd>{code === true ? <Code>{value}</Code> : value}</dd>
                </div>
              ))}
              {sealedFacts(tongue, entry.sealed).map(({ name: field, label, value }) => (
                <div key={`sealed ${field}`}>
                  <dt>
                    {label} <span className="muted">({timeline.opened})</span>
                  </dt>
                  <dd>{value}</dd>
                </div>
              ))}
            </dl>
            {entry.amended === null ? null : <Correction entry={entry} />}
            {entry.amends === null || !view.entries.some(({ digest }) => digest === entry.amends) ? null : (
              <p>
                <button type="button" className="link" onClick={() => onEntry(entry.amends ?? '')}>
                  {timeline.corrects}
                </button>
              </p>
            )}
            {entry.closed === 0 ? null : (
              <p className="muted" data-sealed={entry.seals.digests} data-opened={entry.seals.opened}>
                {timeline.seals(format.number(entry.seals.digests), format.number(entry.seals.opened))}{' '}
                {timeline.sealedText}
              </p>
            )}
            {entry.documents.length === 0 ? null : (
              <Suspense fallback={null}>
                <Documents entry={entry} open={open} />
              </Suspense>
            )}
            <Evidence
              entry={entry}
              name={name}
              roles={(attester?.roles ?? []).map((role) => word(texts.vocabulary.role, role))}
            />
          </div>
        ) : null}
      </details>
    </li>
  );
}

/** The corrected value stands above; here is what it was before, and who changed it when. */
function Correction({ entry }: { entry: EntryView }) {
  const tongue = useTongue();
  const { texts, format } = tongue;
  if (entry.amended === null) return null;
  const reason = word(texts.vocabulary.value['amended.reason'], entry.amended.reason);
  return (
    <div className="superseded">
      <p>{texts.timeline.correction(reason, format.moment(entry.amended.anchoredAt))}</p>
      {entry.superseded.map((before) => (
        <div key={before.digest}>
          <p className="strong">{texts.timeline.before}</p>
          <dl>
            <div>
              <dt>{texts.vocabulary.field.time}</dt>
              <dd>{format.time(before.time)}</dd>
            </div>
            {factsOf(tongue, entry.kind, before.data).map(({ name, label, value }) => (
              <div key={name}>
                <dt>{label}</dt>
                <dd>
                  <s>{value}</s>
                </dd>
              </div>
            ))}
          </dl>
        </div>
      ))}
    </div>
  );
}

function Evidence({ entry, name, roles }: { entry: EntryView; name: string; roles: readonly string[] }) {
  const { texts, format } = useTongue();
  const { proof, attesters } = texts;
  return (
    <details className="fold evidence">
      <summary>{texts.timeline.details}</summary>
      <dl>
        <div>
          <dt>{proof.attester}</dt>
          <dd>
            {name}
            {roles.length === 0 ? '' : ` (${format.list(roles)})`}
            {isAccountKey(entry.attester) ? '' : `, ${attesters.standingThen[entry.standingThen]}`}
          </dd>
        </div>
        <div>
          <dt>{proof.anchored}</dt>
          <dd>
            {format.moment(entry.anchoredAt)}
            {entry.block === null ? '' : ` · ${proof.block} ${format.number(entry.block)}`}
          </dd>
        </div>
        <div>
          <dt>{proof.status}</dt>
          <dd>
            {texts.timeline.status[entry.status]}
            {entry.code === null ? '' : ` (${entry.code})`}
          </dd>
        </div>
        <div>
          <dt>{proof.at.position}</dt>
          <dd>{format.number(entry.position + 1)}</dd>
        </div>
        <div>
          <dt>{proof.at.digest}</dt>
          <dd>
            <Code>{entry.digest}</Code>
          </dd>
        </div>
        <div>
          <dt>{proof.cid}</dt>
          <dd>
            <Code>{entry.cid}</Code>
          </dd>
        </div>
        {entry.transaction === null ? null : (
          <div>
            <dt>{proof.transaction}</dt>
            <dd>
              <Code>{entry.transaction}</Code>
            </dd>
          </div>
        )}
        <div>
          <dt>{proof.data}</dt>
          <dd>
            <pre>{JSON.stringify(entry.data, null, 2)}</pre>
          </dd>
        </div>
      </dl>
    </details>
  );
}
