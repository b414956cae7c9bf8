import { type FormEvent, useEffect, useState } from 'react';
import {
  type LinkStatus,
  linkSecrets,
  linkStatuses,
  readAlertLink,
  signLinkAnswer,
} from '../../core/alerts/link.ts';
import { fromBase64Url, toBase64Url } from '../../core/bytes.ts';
import { parseLedgerId } from '../../core/chain/ledgerId.ts';
import type { LedgerAddress } from '../../core/chain/types.ts';
import { secureRandom } from '../../core/envelope/block.ts';
import { VinculumError } from '../../core/errors.ts';
import { WordsProvider } from '../acting/context.ts';
import { Facts, FailureNote, Field } from '../acting/parts.tsx';
import { type Answer, createService, malformed, textOf } from '../acting/service.ts';
import { type AlertContent, openAlert } from '../model/alerts.ts';
import { factsOf, sealedFacts } from '../model/describe.ts';
import { useTongue } from '../page/context.ts';
import { Sign } from '../page/parts.tsx';
import { type ActingTexts, loadActingTexts } from '../texts/acting.ts';
import type { Failure } from '../worker/messages.ts';
import { failureOf } from '../worker/problem.ts';
import { useSupplyWords, Worded } from './words.tsx';

type Props = { readonly api: string; readonly token: string };

/** The page of a company that is not on the network: one alert, opened by a link, and its answer. */
export function AlertLink(props: Props) {
  const { language } = useTongue();
  const [words, setWords] = useState<ActingTexts | null>(null);
  useEffect(() => {
    let over = false;
    loadActingTexts(language).then(
      (texts) => over || setWords(texts),
      () => undefined,
    );
    return () => {
      over = true;
    };
  }, [language]);
  if (words === null) return <div className="panel loading" aria-busy="true" />;
  return (
    <WordsProvider value={words}>
      <Worded>
        <Inside {...props} />
      </Worded>
    </WordsProvider>
  );
}

type Opened = {
  readonly reference: string;
  readonly attester: string;
  readonly state: string;
  readonly until: number;
  readonly due: number | null;
  readonly openings: number;
  readonly ledger: LedgerAddress;
  readonly hash: string;
  readonly content: AlertContent;
  readonly answered: string | null;
};

/** What this device opens a link with again: kept here, since the first device that opens a link is the only one. */
function visitorOf(holder: string): string {
  const name = `vinculum.alert.${holder}`;
  try {
    const known = localStorage.getItem(name);
    if (known !== null) return known;
    const fresh = toBase64Url(secureRandom(32));
    localStorage.setItem(name, fresh);
    return fresh;
  } catch {
    return toBase64Url(secureRandom(32));
  }
}

/**
 * The content is unchanged, by whom it says, and the link is for it and for this key. Whether the entry stands on the
 * ledger is the service's word: no history is at hand here to prove it by.
 */
function readOpened(answer: Answer, holder: string): Opened {
  const link = (answer.link ?? {}) as Answer;
  const reference = textOf(answer, 'reference');
  const content = openAlert({ reference, entry: String(link.alert) }, (answer.content ?? {}) as Answer);
  const ledger = parseLedgerId(content.envelope.ledger);
  const { hash, link: signed } = readAlertLink(ledger, link);
  if (signed.holder !== holder) {
    throw new VinculumError('alert.linkMalformed', 'The service answered with another link.');
  }
  const { until, due, openings } = answer;
  if (typeof until !== 'number' || typeof openings !== 'number') throw malformed();
  const held = (answer.answer ?? null) as Answer | null;
  const status = ((held?.signed ?? {}) as Answer).status;
  return {
    reference,
    attester: content.envelope.organisation,
    state: textOf(answer, 'state'),
    until,
    due: typeof due === 'number' ? due : null,
    openings,
    ledger,
    hash,
    content,
    answered: typeof status === 'string' ? status : null,
  };
}

function Inside({ api, token }: Props) {
  const words = useSupplyWords();
  const tongue = useTongue();
  const { texts, format } = tongue;
  const [opened, setOpened] = useState<Opened | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [asked, setAsked] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again whenever somebody asks
  useEffect(() => {
    let over = false;
    const open = async (): Promise<Opened> => {
      const secrets = linkSecrets(fromBase64Url(token));
      const answer = await createService(api).post('/v1/alerts/open', {
        opener: toBase64Url(secrets.opener),
        visitor: visitorOf(secrets.holder),
      });
      return readOpened(answer, secrets.holder);
    };
    setFailure(null);
    open().then(
      (found) => over || setOpened(found),
      (error: unknown) => over || setFailure(failureOf(error)),
    );
    return () => {
      over = true;
    };
  }, [api, token, asked]);
  return (
    <div className="desk" data-alert-link={opened?.state ?? 'opening'}>
      <header className="desk-head">
        <h1>{words.alertLink.heading}</h1>
        <p className="lead">{words.alertLink.lead}</p>
      </header>
      {failure === null ? null : (
        <FailureNote failure={failure} onRetry={() => setAsked((before) => before + 1)} />
      )}
      {opened === null ? (
        failure === null ? (
          <p role="status">{texts.app.loading}</p>
        ) : null
      ) : (
        <>
          <div className="panel">
            <Facts
              rows={[
                [words.alerts.raisedBy, words.alerts.by(opened.attester)],
                ...factsOf(
                  tongue,
                  opened.content.envelope.kind,
                  opened.content.envelope.data,
                  'reference',
                ).map(({ label, value }) => [label, value] as const),
                ...sealedFacts(tongue, opened.content.sealed).map(
                  ({ label, value }) => [label, value] as const,
                ),
                [words.alerts.linkUntil, format.moment(opened.until)],
                [words.alerts.linkOpenings, format.number(opened.openings)],
              ]}
            />
            <p className="muted small">
              <Sign of="neutral" /> {words.alertLink.checked}
            </p>
          </div>
          <LinkAnswerForm
            api={api}
            token={token}
            opened={opened}
            onSent={() => setAsked((before) => before + 1)}
          />
        </>
      )}
    </div>
  );
}

function LinkAnswerForm(props: Props & { opened: Opened; onSent: () => void }) {
  const { api, token, opened, onSent } = props;
  const words = useSupplyWords();
  const { texts } = useTongue();
  const [status, setStatus] = useState<LinkStatus>('acknowledged');
  const [reason, setReason] = useState('');
  const [by, setBy] = useState('');
  const [asked, setAsked] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const wrongReason = status === 'declined' && reason.trim() === '';
  const wrongBy = by.trim() === '' || by.length > 200;
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setAsked(true);
    if (wrongReason || wrongBy) return;
    setBusy(true);
    setFailure(null);
    try {
      const { opener, secretKey, holder } = linkSecrets(fromBase64Url(token));
      const answer = signLinkAnswer(
        opened.ledger,
        {
          link: opened.hash as never,
          status,
          reason: reason.trim().replaceAll(/\s+/g, ' '),
          by: by.trim(),
          at: BigInt(Math.floor(Date.now() / 1000)),
        },
        secretKey,
      );
      await createService(api).post(`/v1/alerts/${opened.reference}/answers`, {
        opener: toBase64Url(opener),
        visitor: visitorOf(holder),
        answer,
      });
      onSent();
    } catch (error) {
      setFailure(failureOf(error));
    } finally {
      setBusy(false);
    }
  };
  const said = opened.answered;
  return (
    <section className="section" aria-labelledby="link-answer">
      <h2 id="link-answer">{words.alerts.answer}</h2>
      {said === null ? null : (
        <p className="notice" role="status" data-answered={said}>
          <Sign of="good" /> {words.alertLink.answered(words.alerts.statuses[said as LinkStatus] ?? said)}
        </p>
      )}
      {said === 'accepted' || said === 'declined' || opened.state === 'closed' ? null : (
        <form className="panel action-form" onSubmit={(event) => void submit(event)} noValidate>
          <fieldset className="radios">
            <legend>{words.alertLink.what}</legend>
            {linkStatuses
              .filter((one) => one !== said)
              .map((one) => (
                <label key={one} className="check">
                  <input
                    type="radio"
                    name="status"
                    checked={status === one}
                    onChange={() => setStatus(one)}
                  />
                  <span>
                    <span className="strong">{words.alerts.doing[one]}</span>{' '}
                    <span className="muted small">{words.alerts.leads[one]}</span>
                  </span>
                </label>
              ))}
          </fieldset>
          <Field
            label={words.alertLink.by}
            hint={words.alertLink.byHint}
            value={by}
            onChange={setBy}
            maxLength={200}
            fault={asked && wrongBy ? words.form.faults.missing : null}
          />
          <Field
            label={status === 'declined' ? words.alerts.reason : words.form.optional(words.alerts.reason)}
            value={reason}
            onChange={setReason}
            long
            maxLength={2000}
            fault={asked && wrongReason ? words.form.faults.missing : null}
          />
          <p className="muted small">{words.alertLink.signed}</p>
          {failure === null ? null : <FailureNote failure={failure} />}
          <p className="actions">
            <button type="submit" className="primary" disabled={busy}>
              {words.alertLink.send}
            </button>
            <span role="status" className="muted">
              {busy ? texts.app.loading : ''}
            </span>
          </p>
        </form>
      )}
    </section>
  );
}
