import { type FormEvent, useCallback, useEffect, useId, useState } from 'react';
import { fromHex, toBase64Url, toHex } from '../../core/bytes.ts';
import type { Address, LedgerAddress, OrganisationId } from '../../core/chain/types.ts';
import { secureRandom } from '../../core/envelope/block.ts';
import { VinculumError } from '../../core/errors.ts';
import { ZERO_ADDRESS } from '../../core/modules/action.ts';
import {
  bearerOf,
  type Consent,
  type ConsentHash,
  checkConsentShape,
  consentHash,
  formatConsent,
  purposes,
  readConsent,
  ZERO_WORD,
} from '../../core/privacy/consent.ts';
import { readConsentReceipt } from '../../core/privacy/consentReceipt.ts';
import { useWords } from '../acting/context.ts';
import { endOfDay, today } from '../acting/forms.ts';
import { Choice, Facts, FailureNote, Field, Focused } from '../acting/parts.tsx';
import { type Answer, listOf, malformed, type Service, textOf } from '../acting/service.ts';
import { shareAddress } from '../model/location.ts';

import { useTongue } from '../page/context.ts';
import { Code } from '../page/parts.tsx';
import { short } from '../page/Title.tsx';
import { counted, localisedText, word } from '../texts/texts.ts';
import type { Failure } from '../worker/messages.ts';
import { failureOf } from '../worker/problem.ts';
import type { PartProps } from './MyVehicle.tsx';
import { QrCode } from './QrCode.tsx';

const DAY_MILLISECONDS = 86_400_000;
const USUAL_DAYS = 14;
const MOST_DAYS = 365;
const MOST_PAGES = 10;

type Given = {
  readonly hash: ConsentHash;
  readonly state: string;
  readonly organisation: string;
  readonly account: string;
  readonly bearer: string;
  readonly fields: readonly string[];
  readonly purpose: string;
  readonly until: number;
  readonly storedAt: string;
  readonly openings: { readonly count: number; readonly lastAt: string | null } | null;
};

/** A consent as it was signed. Its hash is made here: who revokes signs it, and must revoke what is shown. */
function readGiven(ledger: LedgerAddress, answer: Answer): Given {
  const { purpose, until, organisation, account, bearer, fields } = (answer.signed ?? {}) as Answer;
  const { count, lastAt } = (answer.openings ?? {}) as Answer;
  if (typeof until !== 'number' || !Array.isArray(fields)) throw malformed();
  const hash = consentHash(ledger, readConsent(answer.signed).consent);
  if (hash !== answer.hash) {
    throw new VinculumError('consent.otherHash', 'The service shows a consent under the name of another.');
  }
  return {
    hash,
    state: textOf(answer, 'state'),
    organisation: String(organisation),
    account: String(account),
    bearer: String(bearer),
    fields: fields.map(String),
    purpose: String(purpose),
    until,
    storedAt: textOf(answer, 'storedAt'),
    openings:
      typeof count === 'number' ? { count, lastAt: typeof lastAt === 'string' ? lastAt : null } : null,
  };
}

type Organisation = { readonly id: string; readonly name: string };

/** All organisations that could be named, by their names. */
function useOrganisations(service: Service): readonly Organisation[] {
  const { language, texts } = useTongue();
  const [found, setFound] = useState<readonly Answer[]>([]);
  useEffect(() => {
    let over = false;
    const run = async (): Promise<void> => {
      const all: Answer[] = [];
      let cursor: string | null = '';
      for (let page = 0; page < MOST_PAGES && cursor !== null; page++) {
        const answer: Answer = await service.get(
          `/v1/organisations${cursor === '' ? '' : `?cursor=${encodeURIComponent(cursor)}`}`,
        );
        all.push(...listOf(answer, 'organisations'));
        cursor = typeof answer.next === 'string' ? answer.next : null;
      }
      if (!over) setFound(all);
    };
    // Without the list an organisation is named by its number.
    run().catch(() => undefined);
    return () => {
      over = true;
    };
  }, [service]);
  return found.map(({ id, profile }) => {
    const { names } = (profile ?? {}) as { names?: never };
    const name = localisedText(names, language);
    return { id: String(id), name: name === '' ? texts.attesters.unnamed(String(id)) : name };
  });
}

type Granted = { readonly link: string | null; readonly consent: Given };

/** Whom the owner lets see what is sealed: giving, listing, revoking. */
export function Consents({ place, view, session, info }: PartProps) {
  const words = useWords();
  const { service, signer } = session;
  const { ledger, subject } = place;
  const [list, setList] = useState<readonly Given[] | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [granted, setGranted] = useState<Granted | null>(null);
  const [busy, setBusy] = useState('');
  const organisations = useOrganisations(service);

  const load = useCallback(async () => {
    try {
      const answer = await service.get(`/v1/consents?as=signer&subject=${subject}`);
      setList(listOf(answer, 'consents').map((one) => readGiven(ledger, one)));
    } catch (error) {
      setFailure(failureOf(error));
    }
  }, [service, subject, ledger]);
  useEffect(() => void load(), [load]);

  /** Nothing is said to be stored, or revoked, but on the operator's signed word. */
  const receiptOf = (answer: Answer, state: 'stored' | 'revoked', hash: string): void => {
    const given = state === 'stored' ? answer.receipt : ((answer.revocation ?? {}) as Answer).receipt;
    const receipt = readConsentReceipt(ledger, given);
    const other = info.operator !== null && receipt.operator !== info.operator;
    if (receipt.consent !== hash || receipt.state !== state || other) {
      throw new VinculumError('consent.receipt', 'The receipt is not for this consent.');
    }
  };

  const act = (name: string, run: () => Promise<void>): void => {
    setBusy(name);
    setFailure(null);
    // Looked at again whatever comes: it may be stored though its answer was lost.
    run()
      .catch((error: unknown) => setFailure(failureOf(error)))
      .then(load)
      .finally(() => setBusy(''));
  };
  const give = (consent: Consent, token: Uint8Array | null): void =>
    act('give', async () => {
      checkConsentShape(consent);
      const signature = await signer.sign({ of: 'consent', ledger, consent });
      const answer = await service.post('/v1/consents', formatConsent(consent, fromHex(signature)));
      const stored = readGiven(ledger, answer);
      receiptOf(answer, 'stored', consentHash(ledger, consent));
      setGranted({
        consent: stored,
        link: token === null ? null : shareAddress(location.href, toBase64Url(token)),
      });
    });
  const revoke = (consent: Given): void =>
    act(consent.hash, async () => {
      const signature = await signer.sign({ of: 'revocation', ledger, consent: consent.hash });
      const answer = await service.post(`/v1/consents/${consent.hash}/revocation`, { signature });
      receiptOf(answer, 'revoked', consent.hash);
      setGranted((before) => (before?.consent.hash === consent.hash ? null : before));
    });

  return (
    <section className="section" aria-labelledby="consents">
      <h3 id="consents">{words.consents.heading}</h3>
      <p className="lead">{words.consents.lead}</p>
      {failure === null ? null : <FailureNote failure={failure} />}
      {granted === null ? (
        <Form
          place={place}
          view={view}
          organisations={organisations}
          busy={busy === 'give'}
          wallet={signer.by === 'wallet'}
          onGive={give}
        />
      ) : (
        <GrantedPanel granted={granted} onDone={() => setGranted(null)} />
      )}
      <h4>{words.consents.given}</h4>
      {list !== null && list.length === 0 ? <p className="muted">{words.consents.none}</p> : null}
      <ul className="listing">
        {(list ?? []).map((consent) => (
          <One
            key={consent.hash}
            consent={consent}
            organisations={organisations}
            busy={busy !== ''}
            onRevoke={() => revoke(consent)}
          />
        ))}
      </ul>
    </section>
  );
}

type FormProps = Pick<PartProps, 'place' | 'view'> & {
  readonly organisations: readonly Organisation[];
  readonly busy: boolean;
  readonly wallet: boolean;
  readonly onGive: (consent: Consent, token: Uint8Array | null) => void;
};

const grantees = ['link', 'organisation', 'account'] as const;
type Grantee = (typeof grantees)[number];

function Form({ place, view, organisations, busy, wallet, onGive }: FormProps) {
  const words = useWords();
  const { texts } = useTongue();
  const id = useId();
  const [grantee, setGrantee] = useState<Grantee>('link');
  const [organisation, setOrganisation] = useState('');
  const [account, setAccount] = useState('');
  const [purpose, setPurpose] = useState<string>('purchase');
  const [until, setUntil] = useState(() => today(Date.now() + USUAL_DAYS * DAY_MILLISECONDS));
  const [every, setEvery] = useState(true);
  const [fields, setFields] = useState<readonly string[]>([]);
  const [asked, setAsked] = useState(false);

  const documents = view.entries.flatMap((entry) => entry.documents.map(({ cid }) => `document:${cid}`));
  const choices: (readonly [string, string])[] = [
    ...Object.entries(texts.vocabulary.sealed),
    ...[...new Set(documents)].map(
      (name, index) => [name, words.consents.document(String(index + 1))] as const,
    ),
  ];
  const number = organisation.trim();
  const faults = {
    organisation: grantee === 'organisation' && !/^[1-9]\d{0,18}$/.test(number),
    account: grantee === 'account' && !/^0x[0-9a-fA-F]{40}$/.test(account.trim()),
    until: !/^\d{4}-\d\d-\d\d$/.test(until) || until < today(Date.now()),
    fields: !every && fields.length === 0,
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setAsked(true);
    if (Object.values(faults).some((fault) => fault)) return;
    const token = grantee === 'link' ? secureRandom(32) : null;
    onGive(
      {
        subject: place.subject,
        tenure: place.title.tenure,
        organisation: (grantee === 'organisation' ? BigInt(number) : 0n) as OrganisationId,
        account: grantee === 'account' ? (account.trim().toLowerCase() as Address) : ZERO_ADDRESS,
        bearer: token === null ? ZERO_WORD : bearerOf(token),
        entries: [],
        fields: every ? [] : [...fields],
        purpose: purposes.find((one) => one === purpose) ?? 'other',
        from: BigInt(Math.floor(Date.now() / 1000)),
        until: endOfDay(until),
        salt: toHex(secureRandom(32)),
      },
      token,
    );
  };
  return (
    <form className="action-form panel" onSubmit={submit} noValidate>
      <fieldset className="radios">
        <legend>{words.consents.to}</legend>
        {grantees.map((one) => (
          <label key={one} className="check">
            <input
              type="radio"
              name={`${id}-to`}
              checked={grantee === one}
              onChange={() => setGrantee(one)}
            />
            {words.consents.grantees[one]}
          </label>
        ))}
      </fieldset>
      {grantee === 'link' ? <p className="muted small">{words.consents.linkHint}</p> : null}
      {grantee === 'organisation' ? (
        <>
          {organisations.length === 0 ? null : (
            <Choice
              label={words.consents.organisation}
              value={organisation}
              options={[
                { value: '', label: words.consents.choose },
                ...organisations.map(({ id: value, name }) => ({ value, label: `${name} (${value})` })),
              ]}
              onChange={setOrganisation}
            />
          )}
          <Field
            label={words.consents.number}
            value={organisation}
            onChange={setOrganisation}
            inputMode="numeric"
            fault={asked && faults.organisation ? words.connect.organisationFault : null}
          />
        </>
      ) : null}
      {grantee === 'account' ? (
        <Field
          label={words.consents.account}
          value={account}
          onChange={setAccount}
          mono
          fault={asked && faults.account ? words.form.faults.account : null}
        />
      ) : null}
      <div className="pair">
        <Choice
          label={words.consents.purpose}
          value={purpose}
          options={purposes.map((one) => ({ value: one, label: texts.purposes[one] }))}
          onChange={setPurpose}
        />
        <Field
          label={words.consents.until}
          type="date"
          value={until}
          min={today(Date.now())}
          max={today(Date.now() + MOST_DAYS * DAY_MILLISECONDS)}
          onChange={setUntil}
          fault={asked && faults.until ? words.form.faults.past : null}
        />
      </div>
      <fieldset className="radios">
        <legend>{words.consents.fields}</legend>
        <label className="check">
          <input type="radio" name={`${id}-fields`} checked={every} onChange={() => setEvery(true)} />
          {words.consents.every}
        </label>
        <label className="check">
          <input type="radio" name={`${id}-fields`} checked={!every} onChange={() => setEvery(false)} />
          {words.consents.some}
        </label>
      </fieldset>
      {every ? null : (
        <fieldset className="choices">
          <legend className="hidden">{words.consents.some}</legend>
          {choices.map(([name, label]) => (
            <label key={name} className="check">
              <input
                type="checkbox"
                checked={fields.includes(name)}
                onChange={({ target }) =>
                  setFields((before) =>
                    target.checked ? [...before, name] : before.filter((one) => one !== name),
                  )
                }
              />
              {label}
            </label>
          ))}
          {asked && faults.fields ? (
            <p className="fault small" role="alert">
              {words.consents.fieldsFault}
            </p>
          ) : null}
        </fieldset>
      )}
      <p className="muted small">{words.consents.limit}</p>
      <p className="actions">
        <button type="submit" className="primary" disabled={busy}>
          {grantee === 'link' ? words.consents.makeLink : words.consents.give}
        </button>
      </p>
      <p role="status" className="muted">
        {busy ? (wallet ? words.act.askWallet : words.act.signing) : ''}
      </p>
    </form>
  );
}

/** A link is shown once: its secret is kept nowhere. */
function GrantedPanel({ granted, onDone }: { granted: Granted; onDone: () => void }) {
  const words = useWords();
  const { format } = useTongue();
  const { link, consent } = granted;
  return (
    <Focused className="panel act" label={words.consents.stored}>
      <h4>{words.consents.stored}</h4>
      <p>{words.consents.storedText(format.time(consent.storedAt))}</p>
      {link === null ? null : (
        <div className="share" data-share={consent.hash}>
          <p className="strong">{words.consents.link}</p>
          <p>{words.consents.linkOnce}</p>
          <Code>{link}</Code>
          <QrCode text={link} label={words.consents.qr} />
        </div>
      )}
      <p className="actions">
        <button type="button" className="secondary" onClick={onDone}>
          {words.act.done}
        </button>
      </p>
    </Focused>
  );
}

function One(props: {
  consent: Given;
  organisations: readonly Organisation[];
  busy: boolean;
  onRevoke: () => void;
}) {
  const tongue = useTongue();
  const { texts, format } = tongue;
  const words = useWords();
  const { consent, organisations, busy, onRevoke } = props;
  const { organisation, account, bearer, fields, state, openings } = consent;
  const to =
    bearer !== ZERO_WORD
      ? words.consents.grantees.link
      : organisation !== '0'
        ? (organisations.find(({ id }) => id === organisation)?.name ?? texts.attesters.unnamed(organisation))
        : words.access.account(short(account));
  const names = { ...texts.vocabulary.sealed, ...texts.vocabulary.field };
  const states = words.consents.states as Readonly<Record<string, string>>;
  const good = state === 'good' || state === 'notYet';
  return (
    <li data-consent={consent.hash} data-state={state}>
      <p>
        <span className="strong">{to}</span>{' '}
        <span className={`badge is-${good ? 'good' : 'plain'}`}>{states[state] ?? state}</span>
      </p>
      <Facts
        rows={[
          [words.consents.purpose, word(texts.purposes, consent.purpose)],
          [words.consents.ends, format.moment(consent.until)],
          [
            words.consents.fields,
            fields.length === 0
              ? words.consents.every
              : format.list(
                  fields.map((name) =>
                    name.startsWith('document:') ? words.access.document : word(names, name),
                  ),
                ),
          ],
          ...(openings === null
            ? []
            : [
                [
                  words.consents.openings,
                  `${counted(tongue, openings.count, words.consents.opened)}${
                    openings.lastAt === null ? '' : ` · ${format.time(openings.lastAt)}`
                  }`,
                ] as const,
              ]),
        ]}
      />
      {good ? (
        <p className="actions">
          <button type="button" className="secondary" disabled={busy} onClick={onRevoke}>
            {words.consents.revoke}
            <span className="hidden"> {to}</span>
          </button>
        </p>
      ) : null}
    </li>
  );
}
