import { type FormEvent, useCallback, useState } from 'react';
import type { AlertStatus } from '../../core/alerts/alert.ts';
import { linkSecrets } from '../../core/alerts/link.ts';
import { toBase64Url, toHex } from '../../core/bytes.ts';
import type { Json } from '../../core/canonical.ts';
import type { Digest } from '../../core/chain/types.ts';
import { secureRandom } from '../../core/envelope/block.ts';
import { alertClassifications, alertSeverities } from '../../core/kinds/alert.ts';
import type { DeskProps } from '../acting/Desk.tsx';
import type { EntryDraft, EntryPlace } from '../acting/entries.ts';
import { endOfDay, instantOf, today } from '../acting/forms.ts';
import { Choice, Facts, FailureNote, Field, Focused } from '../acting/parts.tsx';
import { type Answer, listOf } from '../acting/service.ts';
import type { Signed } from '../acting/session.ts';
import { useEntry } from '../acting/useEntry.ts';
import {
  type AlertContent,
  type AlertRow,
  affectedOf,
  answersOpen,
  identifiersIn,
  openAlert,
  readAlertRow,
} from '../model/alerts.ts';
import { partOf } from '../model/build.ts';
import { factsOf, sealedFacts } from '../model/describe.ts';
import { QrCode } from '../owner/QrCode.tsx';
import { useTongue } from '../page/context.ts';
import { Code, Sign } from '../page/parts.tsx';
import { word } from '../texts/texts.ts';
import type { Failure } from '../worker/messages.ts';
import { failureOf } from '../worker/problem.ts';
import { EntryPanel } from './EntryPanel.tsx';
import { OwnPlace } from './OwnPlace.tsx';
import { Parts } from './Parts.tsx';
import { useAnswer } from './useAnswer.ts';
import { useSupplyWords } from './words.tsx';

type Props = DeskProps & Signed;

const boxes = ['in', 'out', 'raise'] as const;
type Box = (typeof boxes)[number];
const DAY_MILLISECONDS = 86_400_000;
const LINK_DAYS = 30;

/** Alerts between tiers: those that came, those that went out, and raising one. */
export function Alerts(props: Props) {
  const words = useSupplyWords();
  const [box, setBox] = useState<Box>('in');
  const [chosen, setChosen] = useState<string | null>(null);
  return (
    <section className="section" aria-labelledby="alerts">
      <h2 id="alerts">{words.alerts.heading}</h2>
      <p className="lead">{words.alerts.lead}</p>
      <Parts
        names={boxes}
        label={words.alerts.heading}
        words={words.alerts.boxes}
        part={box}
        onPart={(next) => {
          setChosen(null);
          setBox(next);
        }}
      />
      {box === 'raise' ? (
        <Raise {...props} onDone={() => setBox('out')} />
      ) : chosen === null ? (
        <List key={box} {...props} box={box} onChoose={setChosen} />
      ) : (
        <Detail key={chosen} {...props} box={box} reference={chosen} onBack={() => setChosen(null)} />
      )}
    </section>
  );
}

const signs = {
  raised: 'caution',
  acknowledged: 'neutral',
  accepted: 'good',
  declined: 'bad',
  closed: 'waiting',
} as const;

function List({
  session,
  box,
  onChoose,
}: Props & { box: 'in' | 'out'; onChoose: (reference: string) => void }) {
  const words = useSupplyWords();
  const { texts, format } = useTongue();
  const { value, failure, again } = useAnswer(session.service, `/v1/alerts?box=${box}`, (answer) =>
    listOf(answer, 'alerts').map(readAlertRow),
  );
  return (
    <>
      {failure === null ? null : <FailureNote failure={failure} onRetry={again} />}
      {value === null && failure === null ? <p role="status">{texts.app.loading}</p> : null}
      {value !== null && value.length === 0 ? <p className="muted">{words.alerts.none[box]}</p> : null}
      <ul className="vehicles">
        {(value ?? []).map((alert) => (
          <li key={alert.reference} data-alert={alert.state}>
            <span>
              <span className="strong">
                <Sign of={signs[alert.state]} /> {words.alerts.states[alert.state]}
              </span>{' '}
              <span className="muted">
                {box === 'in'
                  ? words.alerts.from(alert.attester)
                  : alert.recipient === null
                    ? words.alerts.offNetwork
                    : words.alerts.to(alert.recipient)}
                {' · '}
                {alert.raisedAt === null ? words.alerts.onItsWay : format.moment(alert.raisedAt)}
              </span>
              {alert.due === null ? null : (
                <>
                  <br />
                  <span className={alert.overdue ? 'fault small' : 'muted small'}>
                    {words.alerts.due(format.moment(alert.due))}
                    {alert.overdue ? ` · ${words.alerts.overdue}` : ''}
                  </span>
                </>
              )}
              {alert.link?.answer !== null && alert.link?.answer?.recorded === false ? (
                <>
                  <br />
                  <span className="fault small">{words.alerts.linkAnswered}</span>
                </>
              ) : null}
            </span>
            <button type="button" className="secondary" onClick={() => onChoose(alert.reference)}>
              {words.alerts.open}
              <span className="hidden"> {alert.reference}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

type Shown = { readonly row: AlertRow; readonly content: AlertContent };

function readShown(reference: string, answer: Answer): Shown {
  const row = readAlertRow(answer);
  const contents = (answer.contents ?? {}) as Readonly<Record<string, Answer>>;
  const content = openAlert({ ...row, reference }, contents[row.entry] ?? {});
  return { row, content };
}

/** One alert: what it says, how far it went, and what this party may answer. */
function Detail(props: Props & { box: 'in' | 'out'; reference: string; onBack: () => void }) {
  const { box, reference, session, info, onBack } = props;
  const words = useSupplyWords();
  const { texts, format } = useTongue();
  const asked = useAnswer(session.service, `/v1/alerts/${reference}`, (answer) =>
    readShown(reference, answer),
  );
  const enter = useEntry({ session, info }, asked.again);
  const [status, setStatus] = useState<AlertStatus | null>(null);
  const [drafts, setDrafts] = useState<readonly EntryDraft[] | null>(null);
  const { value, failure } = asked;
  const back = (
    <button type="button" className="quiet" onClick={onBack}>
      {words.thing.back}
    </button>
  );
  const { propose } = enter;
  const onPlace = useCallback(
    (place: EntryPlace) => {
      if (drafts === null) return;
      propose(drafts, place);
      setDrafts(null);
    },
    [drafts, propose],
  );
  if (value === null) {
    return (
      <>
        {failure === null ? (
          <p role="status">{texts.app.loading}</p>
        ) : (
          <FailureNote failure={failure} onRetry={asked.again} />
        )}
        <p className="actions">{back}</p>
      </>
    );
  }
  const { row, content } = value;
  const affected = affectedOf(content);
  const open = answersOpen(row, box === 'in' ? 'recipient' : 'raiser');
  const busy = enter.state.at !== 'idle' && enter.state.at !== 'refused';
  const alertOf = { attester: row.attester, reference: row.reference };
  const answer = (said: { status: AlertStatus; reason: string; recipients: readonly string[] }): void => {
    setDrafts(draftsOf(said, alertOf, content));
  };
  const record = (): void => {
    if (row.link?.answer === null || row.link === null) return;
    const { signed } = row.link.answer;
    setDrafts([
      {
        kind: 'alert.answered',
        time: instantOf(Date.now()),
        data: { status: signed.status ?? 'acknowledged' },
        sealed: { alert: alertOf, linkAnswer: { link: row.link.signed, answer: signed } },
      },
    ]);
  };
  const [by] = affected;
  const tiers = Object.entries(row.tiers);
  return (
    <>
      <p className="actions">{back}</p>
      <div className="panel alert-detail" data-alert={row.state}>
        <h3>
          <Sign of={signs[row.state]} /> {words.alerts.states[row.state]}
        </h3>
        <AlertFacts row={row} content={content} box={box} />
        {row.answers.length === 0 ? null : (
          <ol className="steps-list">
            {row.answers.map((one) => (
              <li key={`${one.at} ${one.status}`}>
                <span className="strong">{words.alerts.statuses[one.status]}</span>{' '}
                <span className="muted small">
                  {format.moment(one.at)} ·{' '}
                  {one.byLink ? words.alerts.byLink : words.alerts.by(one.organisation)}
                </span>
              </li>
            ))}
          </ol>
        )}
        {row.pending.length === 0 ? null : (
          <p className="muted">
            {words.alerts.pending(format.list(row.pending.map((one) => words.alerts.statuses[one])))}
          </p>
        )}
        {tiers.length === 0 ? null : (
          <p data-tiers={tiers.length}>
            {words.alerts.tiers}{' '}
            {format.list(
              tiers.map(
                ([state, count]) => `${word(words.alerts.states, state)}: ${format.number(count ?? 0)}`,
              ),
            )}
          </p>
        )}
        <p className="muted small">{words.alerts.checked}</p>
      </div>
      <EntryPanel enter={enter} wallet={session.signer.by === 'wallet'} />
      {drafts !== null && !busy && by !== undefined ? (
        <OwnPlace {...props} by={by} onPlace={onPlace} />
      ) : null}
      {busy ? null : (
        <>
          {box === 'out' && row.recipient === null ? (
            <LinkPart {...props} row={row} onRecord={record} onMade={asked.again} />
          ) : null}
          {open.length === 0 ? null : (
            <section className="section" aria-label={words.alerts.answer}>
              <h3>{words.alerts.answer}</h3>
              <p className="actions">
                {open.map((one) => (
                  <button
                    key={one}
                    type="button"
                    className="secondary"
                    aria-pressed={status === one}
                    data-answer={one}
                    onClick={() => {
                      enter.clear();
                      setDrafts(null);
                      setStatus(one);
                    }}
                  >
                    {words.alerts.doing[one]}
                  </button>
                ))}
              </p>
              {status === null || !open.includes(status) ? null : (
                <AnswerForm key={status} status={status} onAnswer={answer} />
              )}
            </section>
          )}
        </>
      )}
    </>
  );
}

function draftsOf(
  said: { readonly status: AlertStatus; readonly reason: string; readonly recipients: readonly string[] },
  alert: Readonly<Record<string, Json>>,
  { envelope, sealed }: AlertContent,
): readonly EntryDraft[] {
  const time = instantOf(Date.now());
  const { status, reason, recipients } = said;
  const description = reason === '' ? {} : { description: reason };
  if (status !== 'forwarded') {
    return [{ kind: 'alert.answered', time, data: { status }, sealed: { alert, ...description } }];
  }
  const { severity = 'major', classification = 'alert' } = envelope.data;
  const about = Object.fromEntries(
    ['affectedBatches', 'affectedSerials', 'description'].flatMap((name) =>
      sealed[name] === undefined ? [] : [[name, sealed[name]]],
    ),
  );
  const raised = recipients.map((recipient) => {
    const reference = toHex(secureRandom(16));
    const draft: EntryDraft = {
      kind: 'alert.raised',
      time,
      data: { reference, classification, severity },
      sealed: { ...about, ...description, recipient, alert },
    };
    return { reference, draft };
  });
  return [
    ...raised.map(({ draft }) => draft),
    {
      kind: 'alert.answered',
      time,
      data: { status },
      sealed: { alert, forwardedAs: raised.map(({ reference }) => reference) },
    },
  ];
}

function AlertFacts({ row, content, box }: Shown & { box: 'in' | 'out' }) {
  const tongue = useTongue();
  const words = useSupplyWords();
  const { format } = tongue;
  const { envelope, sealed } = content;
  const { alert: _alert, recipient: _recipient, linkAnswer: _answer, ...said } = sealed;
  return (
    <Facts
      rows={[
        box === 'in'
          ? [words.alerts.raisedBy, words.alerts.by(row.attester)]
          : [
              words.alerts.raisedFor,
              row.recipient === null ? words.alerts.offNetwork : words.alerts.by(row.recipient),
            ],
        ...factsOf(tongue, envelope.kind, envelope.data, 'reference').map(
          ({ label, value }) => [label, value] as const,
        ),
        ...sealedFacts(tongue, said).map(({ label, value }) => [label, value] as const),
        [words.alerts.raisedAt, row.raisedAt === null ? words.alerts.onItsWay : format.moment(row.raisedAt)],
      ]}
    />
  );
}

function AnswerForm(props: {
  readonly status: AlertStatus;
  readonly onAnswer: (said: { status: AlertStatus; reason: string; recipients: readonly string[] }) => void;
}) {
  const { status, onAnswer } = props;
  const words = useSupplyWords();
  const [reason, setReason] = useState('');
  const [to, setTo] = useState('');
  const [asked, setAsked] = useState(false);
  const recipients = identifiersIn(to);
  const wrongTo =
    status === 'forwarded' &&
    (recipients.length === 0 || recipients.some((one) => !/^[1-9]\d{0,18}$/.test(one)));
  const wrongReason = status === 'declined' && reason.trim() === '';
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setAsked(true);
    if (!wrongTo && !wrongReason) onAnswer({ status, reason: reason.trim(), recipients });
  };
  return (
    <Focused className="panel" label={words.alerts.doing[status]}>
      <form className="action-form" onSubmit={submit} noValidate>
        <p className="muted">{words.alerts.leads[status]}</p>
        {status === 'forwarded' ? (
          <Field
            label={words.alerts.recipients}
            hint={words.alerts.recipientsHint}
            value={to}
            onChange={setTo}
            fault={asked && wrongTo ? words.alerts.recipientsFault : null}
          />
        ) : null}
        <Field
          label={status === 'declined' ? words.alerts.reason : words.form.optional(words.alerts.reason)}
          value={reason}
          onChange={setReason}
          long
          maxLength={2000}
          fault={asked && wrongReason ? words.form.faults.missing : null}
        />
        <p className="actions">
          <button type="submit" className="primary">
            {words.form.review}
          </button>
        </p>
      </form>
    </Focused>
  );
}

/** Raises an alert for one or several customers or suppliers; for nobody on the network, a link comes after. */
function Raise(props: Props & { readonly onDone: () => void }) {
  const { session, info, onDone } = props;
  const words = useSupplyWords();
  const enter = useEntry({ session, info }, () => undefined);
  const [to, setTo] = useState('');
  const [outsider, setOutsider] = useState('');
  const [about, setAbout] = useState('');
  const [severity, setSeverity] = useState<string>('major');
  const [classification, setClassification] = useState<string>('alert');
  const [description, setDescription] = useState('');
  const [due, setDue] = useState('');
  const [asked, setAsked] = useState(false);
  const [drafts, setDrafts] = useState<readonly EntryDraft[] | null>(null);
  const recipients = identifiersIn(to);
  const affected = identifiersIn(about);
  const customer = outsider.trim();
  const nobody = recipients.length === 0 && customer === '';
  const wrongTo = nobody || recipients.some((one) => !/^[1-9]\d{0,18}$/.test(one)) || recipients.length > 100;
  const wrongOutsider = customer !== '' && !/^[A-Za-z0-9.-]{1,64}$/.test(customer);
  const wrongAbout = affected.length === 0 || affected.some((one) => partOf(one) === null);
  const wrongDue = due !== '' && due < today(Date.now());
  const busy = enter.state.at !== 'idle' && enter.state.at !== 'refused';
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setAsked(true);
    if (wrongTo || wrongOutsider || wrongAbout || wrongDue) return;
    const named = affected.map((one) => partOf(one) ?? one);
    const batches = named.filter((one) => one.startsWith('batch:'));
    const serials = named.filter((one) => one.startsWith('serial:'));
    const sealed = {
      ...(batches.length === 0 ? {} : { affectedBatches: batches }),
      ...(serials.length === 0 ? {} : { affectedSerials: serials }),
      ...(description.trim() === '' ? {} : { description: description.trim() }),
      ...(due === '' ? {} : { due }),
    };
    const whom: readonly Readonly<Record<string, Json>>[] = [
      ...recipients.map((recipient) => ({ recipient })),
      ...(customer === '' ? [] : [{ customer }]),
    ];
    setDrafts(
      whom.map((one) => ({
        kind: 'alert.raised',
        time: instantOf(Date.now()),
        data: { reference: toHex(secureRandom(16)), classification, severity },
        sealed: { ...sealed, ...one },
      })),
    );
  };
  const { propose } = enter;
  const onPlace = useCallback(
    (place: EntryPlace) => {
      if (drafts === null) return;
      propose(drafts, place);
      setDrafts(null);
    },
    [drafts, propose],
  );
  return (
    <>
      <EntryPanel enter={enter} wallet={session.signer.by === 'wallet'} onDone={onDone} />
      {enter.state.at === 'sent' ? (
        <p className="actions">
          <button type="button" className="secondary" onClick={onDone}>
            {words.alerts.toOut}
          </button>
        </p>
      ) : null}
      {drafts !== null && !busy && affected[0] !== undefined ? (
        <OwnPlace {...props} by={partOf(affected[0]) ?? affected[0]} onPlace={onPlace} />
      ) : null}
      {busy ? null : (
        <form className="panel action-form" onSubmit={submit} noValidate>
          <p className="muted">{words.alerts.raiseLead}</p>
          <Field
            label={words.alerts.about}
            hint={words.alerts.aboutHint}
            value={about}
            onChange={setAbout}
            long
            maxLength={200_000}
            fault={asked && wrongAbout ? words.alerts.aboutFault : null}
          />
          <Field
            label={words.form.optional(words.alerts.recipients)}
            hint={words.alerts.recipientsOff}
            value={to}
            onChange={setTo}
            fault={asked && wrongTo ? (nobody ? words.alerts.nobody : words.alerts.recipientsFault) : null}
          />
          <Field
            label={words.form.optional(words.alerts.outsider)}
            hint={words.alerts.outsiderHint}
            value={outsider}
            onChange={setOutsider}
            mono
            maxLength={64}
            fault={asked && wrongOutsider ? words.form.faults.party : null}
          />
          <div className="pair">
            <Choice
              label={words.alerts.classification}
              value={classification}
              options={alertClassifications.map((value) => ({
                value,
                label: words.alerts.classifications[value],
              }))}
              onChange={setClassification}
            />
            <Choice
              label={words.alerts.severity}
              value={severity}
              options={alertSeverities.map((value) => ({ value, label: words.alerts.severities[value] }))}
              onChange={setSeverity}
            />
            <Field
              label={words.form.optional(words.alerts.dueDay)}
              type="date"
              value={due}
              onChange={setDue}
              fault={asked && wrongDue ? words.alerts.dueFault : null}
            />
          </div>
          <Field
            label={words.form.optional(words.alerts.description)}
            value={description}
            onChange={setDescription}
            long
            maxLength={10_000}
          />
          <p className="muted small">{words.alerts.sealed}</p>
          <p className="actions">
            <button type="submit" className="primary">
              {words.form.review}
            </button>
          </p>
        </form>
      )}
    </>
  );
}

/** The link for a company that is not on the network: made and signed here, its token kept nowhere. */
function LinkPart(props: Props & { row: AlertRow; onRecord: () => void; onMade: () => void }) {
  const { row, session, info, onRecord, onMade } = props;
  const words = useSupplyWords();
  const { format } = useTongue();
  const [until, setUntil] = useState(() => today(Date.now() + LINK_DAYS * DAY_MILLISECONDS));
  const [made, setMade] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const { link } = row;
  const make = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (info.ledger === null) return;
    setBusy(true);
    setFailure(null);
    try {
      const token = secureRandom(32);
      const { holder, bearer } = linkSecrets(token);
      const ledger = { chainId: BigInt(info.chainId), address: info.ledger };
      const from = BigInt(Math.floor(Date.now() / 1000));
      const signed = { alert: row.entry as Digest, holder, bearer, from, until: endOfDay(until) };
      const signature = await session.signer.sign({ of: 'alertLink', ledger, link: signed });
      await session.service.post('/v1/alerts/links', {
        ...signed,
        from: Number(signed.from),
        until: Number(signed.until),
        signature,
      });
      const url = new URL(location.href);
      url.search = '';
      url.hash = `#alert=${toBase64Url(token)}`;
      setMade(url.href);
      onMade();
    } catch (error) {
      setFailure(failureOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <section className="section" aria-label={words.alerts.link}>
      <h3>{words.alerts.link}</h3>
      {link === null ? (
        <p className="muted">{words.alerts.linkNone}</p>
      ) : (
        <Facts
          rows={[
            [words.alerts.linkUntil, format.moment(link.until)],
            [words.alerts.linkOpenings, format.number(link.openings)],
            [
              words.alerts.linkAnswer,
              link.answer === null
                ? words.alerts.linkNoAnswer
                : `${word(words.alerts.statuses, link.answer.signed.status)}${
                    link.answer.signed.by === '' ? '' : ` · ${String(link.answer.signed.by)}`
                  }${link.answer.signed.reason === '' ? '' : ` · ${String(link.answer.signed.reason)}`}`,
            ],
          ]}
        />
      )}
      {link !== null && link.answer !== null && !link.answer.recorded ? (
        <p className="actions">
          <button type="button" className="primary" data-record="link" onClick={onRecord}>
            {words.alerts.record}
          </button>
          <span className="muted small">{words.alerts.recordHint}</span>
        </p>
      ) : null}
      {made === null ? (
        <form className="action-form" onSubmit={(event) => void make(event)} noValidate>
          <Field
            label={words.alerts.linkUntil}
            hint={words.alerts.linkHint}
            type="date"
            min={today(Date.now())}
            value={until}
            onChange={setUntil}
          />
          <p className="actions">
            <button type="submit" className="secondary" disabled={busy || !/^\d{4}-/.test(until)}>
              {link === null ? words.alerts.makeLink : words.alerts.makeAnother}
            </button>
          </p>
        </form>
      ) : (
        <Focused className="panel" label={words.alerts.linkMade}>
          <p className="strong">{words.alerts.linkMade}</p>
          <p className="muted">{words.alerts.linkOnce}</p>
          <p data-link="alert">
            <Code>{made}</Code>
          </p>
          <QrCode text={made} label={words.alerts.link} />
        </Focused>
      )}
      {failure === null ? null : <FailureNote failure={failure} />}
    </section>
  );
}
