import { useCallback, useEffect, useState } from 'react';
import type { DeskProps } from '../acting/Desk.tsx';
import type { EntryDraft, EntryPlace } from '../acting/entries.ts';
import { instantOf } from '../acting/forms.ts';
import { Choice, FailureNote, Focused } from '../acting/parts.tsx';
import { type Answer, listOf, malformed, textOf } from '../acting/service.ts';
import type { Signed } from '../acting/session.ts';
import { useEntry } from '../acting/useEntry.ts';
import { useTongue } from '../page/context.ts';
import { Sign } from '../page/parts.tsx';
import { localisedText, word } from '../texts/texts.ts';
import { EntryPanel } from './EntryPanel.tsx';
import { OwnPlace } from './OwnPlace.tsx';
import { RecallForm } from './RecallForm.tsx';
import { useAnswer } from './useAnswer.ts';
import { useSupplyWords } from './words.tsx';

type Props = DeskProps & Signed;

type Campaign = {
  readonly campaign: string;
  readonly title: Readonly<Record<string, string>>;
  readonly severity: string;
  readonly state: 'open' | 'closed' | 'withdrawn';
  readonly opened: string | null;
  readonly entries: readonly {
    readonly count: number | null;
    readonly set: string;
    readonly told: boolean;
  }[];
};

function readCampaign(answer: Answer): Campaign {
  const { title, opened, state } = answer;
  const known = (['open', 'closed', 'withdrawn'] as const).find((one) => one === state);
  if (known === undefined) throw malformed();
  return {
    campaign: textOf(answer, 'campaign'),
    title: (title ?? {}) as Readonly<Record<string, string>>,
    severity: textOf(answer, 'severity'),
    state: known,
    opened: typeof opened === 'string' ? opened : null,
    entries: listOf(answer, 'entries').map(({ count, set, told }) => ({
      count: typeof count === 'number' ? count : null,
      set: String(set),
      told: told === true,
    })),
  };
}

/** Any history proves which ledgers there are; that of a number that nobody has will do. */
const ANYTHING = 'batch:vinculum.invalid:none';

const POLL_MILLISECONDS = 3_000;

const signs = { open: 'caution', closed: 'good', withdrawn: 'waiting' } as const;

/** The organisation's campaigns with how far each has come, and the way to open, extend and close one. */
export function Recalls(props: Props) {
  const { session } = props;
  const words = useSupplyWords();
  const { texts } = useTongue();
  const [form, setForm] = useState<{ readonly extend: string | null } | null>(null);
  const [asked, setAsked] = useState(0);
  const { value, failure, again } = useAnswer(
    session.service,
    `/v1/recalls?organisation=${session.organisation ?? 0n}`,
    (answer) => listOf(answer, 'campaigns').map(readCampaign),
  );
  if (form !== null) {
    return (
      <RecallForm
        key={form.extend ?? ''}
        {...props}
        extend={form.extend}
        onBack={() => {
          setForm(null);
          again();
        }}
      />
    );
  }
  return (
    <section className="section" aria-labelledby="recalls">
      <h2 id="recalls">{words.recalls.heading}</h2>
      <p className="lead">{words.recalls.lead}</p>
      <p className="actions">
        <button type="button" className="primary" data-recall="new" onClick={() => setForm({ extend: null })}>
          {words.recalls.open}
        </button>
        <button
          type="button"
          className="quiet"
          onClick={() => {
            again();
            setAsked(asked + 1);
          }}
        >
          {words.recalls.again}
        </button>
      </p>
      {failure === null ? null : <FailureNote failure={failure} onRetry={again} />}
      {value === null && failure === null ? <p role="status">{texts.app.loading}</p> : null}
      {value !== null && value.length === 0 ? <p className="muted">{words.recalls.none}</p> : null}
      <ul className="campaigns">
        {(value ?? []).map((campaign) => (
          <li key={campaign.campaign} className="panel" data-campaign={campaign.campaign}>
            <CampaignCard
              {...props}
              asked={asked}
              campaign={campaign}
              onExtend={() => setForm({ extend: campaign.campaign })}
              onChanged={again}
            />
          </li>
        ))}
      </ul>
    </section>
  );
}

type Progress = {
  readonly affected: number;
  readonly remedied: number;
  readonly notNeeded: number;
  readonly open: number;
  readonly complete: boolean;
};

function readProgress(answer: Answer): Progress | null {
  if (answer.progress === null || typeof answer.progress !== 'object') return null;
  const progress = answer.progress as Answer;
  const count = (name: string): number =>
    typeof progress[name] === 'number' ? (progress[name] as number) : 0;
  return {
    affected: count('affected'),
    remedied: count('remedied'),
    notNeeded: count('notNeeded'),
    open: count('open'),
    complete: progress.complete === true,
  };
}

function CampaignCard(
  props: Props & {
    readonly campaign: Campaign;
    /** How often the reader asked for everything anew. */
    readonly asked: number;
    readonly onExtend: () => void;
    readonly onChanged: () => void;
  },
) {
  const { campaign, asked, session, info, onExtend, onChanged } = props;
  const words = useSupplyWords();
  const tongue = useTongue();
  const { format, texts } = tongue;
  const { value, failure, again } = useAnswer(
    session.service,
    `/v1/recalls/${session.organisation ?? 0n}/${encodeURIComponent(campaign.campaign)}`,
    readProgress,
  );
  const enter = useEntry({ session, info }, () => {
    again();
    onChanged();
  });
  useEffect(() => {
    if (asked > 0) again();
  }, [asked, again]);
  // As long as lists are on their way the numbers change by themselves.
  const settled = value === null || value.complete;
  useEffect(() => {
    if (settled) return;
    const timer = setInterval(() => {
      again();
      onChanged();
    }, POLL_MILLISECONDS);
    return () => clearInterval(timer);
  }, [settled, again, onChanged]);
  const [closing, setClosing] = useState(false);
  const [reason, setReason] = useState('completed');
  const [draft, setDraft] = useState<EntryDraft | null>(null);
  const { propose } = enter;
  const onPlace = useCallback(
    (place: EntryPlace) => {
      if (draft === null) return;
      propose(draft, place);
      setDraft(null);
    },
    [draft, propose],
  );
  const busy = enter.state.at !== 'idle' && enter.state.at !== 'refused';
  const missing = campaign.entries.some(({ set }) => set === 'missing');
  const reasons = texts.vocabulary.value['recall.closed.reason'] as Readonly<Record<string, string>>;
  return (
    <>
      <h3>
        <Sign of={signs[campaign.state]} />{' '}
        {localisedText(campaign.title, tongue.language) || campaign.campaign}
      </h3>
      <p className="muted">
        {campaign.campaign} · {word(texts.vocabulary.value['recall.opened.severity'], campaign.severity)} ·{' '}
        {words.recalls.states[campaign.state]}
        {campaign.opened === null ? '' : ` · ${format.time(campaign.opened)}`}
      </p>
      {failure === null ? null : <FailureNote failure={failure} onRetry={again} />}
      {value === null ? null : <ProgressBar progress={value} />}
      <p className="muted small">
        {campaign.entries.every(({ told }) => told) ? words.recalls.told : words.recalls.notTold}
      </p>
      {missing ? (
        <p className="fault small">
          <Sign of="caution" /> {words.recalls.missing}
        </p>
      ) : null}
      <EntryPanel
        enter={enter}
        wallet={session.signer.by === 'wallet'}
        onDone={() => {
          enter.clear();
          setClosing(false);
        }}
      />
      {campaign.state !== 'open' || busy ? null : (
        <>
          <p className="actions">
            <button type="button" className="secondary" onClick={onExtend}>
              {words.recalls.extend}
            </button>
            <button
              type="button"
              className="secondary"
              aria-expanded={closing}
              onClick={() => setClosing(!closing)}
            >
              {words.recalls.close}
            </button>
          </p>
          {closing ? (
            <Focused className="closing" label={words.recalls.close}>
              <p className="muted">{words.recalls.closeLead}</p>
              <Choice
                label={words.form.labels.reason ?? ''}
                value={reason}
                options={Object.entries(reasons).map(([value_, label]) => ({ value: value_, label }))}
                onChange={setReason}
              />
              <p className="actions">
                <button
                  type="button"
                  className="primary"
                  onClick={() =>
                    setDraft({
                      kind: 'recall.closed',
                      time: instantOf(Date.now()),
                      data: { campaign: campaign.campaign, reason },
                    })
                  }
                >
                  {words.form.review}
                </button>
              </p>
              {draft === null ? null : <OwnPlace {...props} by={ANYTHING} onPlace={onPlace} />}
            </Focused>
          ) : null}
        </>
      )}
    </>
  );
}

/** How many of a campaign’s vehicles are remedied, drawn and said. */
function ProgressBar({ progress }: { readonly progress: Progress }) {
  const words = useSupplyWords();
  const { format } = useTongue();
  const { affected, remedied, notNeeded, open, complete } = progress;
  const done = remedied + notNeeded;
  const share = (count: number): string => `${affected === 0 ? 0 : (100 * count) / affected}%`;
  return (
    <div className="campaign-progress" data-remedied={remedied} data-affected={affected}>
      <div
        className="campaign-bar"
        role="progressbar"
        aria-label={words.recalls.progress}
        aria-valuemin={0}
        aria-valuemax={affected}
        aria-valuenow={done}
        aria-valuetext={words.recalls.done(format.number(done), format.number(affected))}
      >
        <span className="is-remedied" style={{ width: share(remedied) }} />
        <span className="is-not-needed" style={{ width: share(notNeeded) }} />
      </div>
      <p>
        <span className="strong">{words.recalls.done(format.number(done), format.number(affected))}</span>{' '}
        <span className="muted small">
          {words.recalls.counts(format.number(remedied), format.number(notNeeded), format.number(open))}
        </span>
      </p>
      {complete ? null : <p className="muted small">{words.recalls.incomplete}</p>}
    </div>
  );
}
