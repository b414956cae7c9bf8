import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { SignedDesk } from '../model/location.ts';
import type { Settings } from '../model/settings.ts';
import { useTongue } from '../page/context.ts';
import { Code } from '../page/parts.tsx';
import type { ServiceState } from '../page/useServiceInfo.ts';
import { type ActingTexts, loadActingTexts } from '../texts/acting.ts';
import { Connect } from './Connect.tsx';
import { useWords, WordsProvider } from './context.ts';
import { createService } from './service.ts';
import { lock, type Session, type Signed } from './session.ts';

/** What the page of the owner or the registrar is given by the page around it. */
export type DeskProps = {
  readonly api: string;
  readonly service: ServiceState;
  readonly settings: Settings;
  readonly onChange: (change: Partial<Settings>) => void;
  /** The vehicle that the address names. */
  readonly id: string | null;
  readonly onVehicle: (identifier: string | null) => void;
};

type Props = DeskProps & {
  readonly desk: SignedDesk;
  readonly children: (signed: Signed) => ReactNode;
};

/** The frame of both pages: their words, the way in, who is signed in, and the way out. */
export function Desk(props: Props) {
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
      <Inside {...props} />
    </WordsProvider>
  );
}

function Inside({ desk, api, service, children }: Props) {
  const words = useWords();
  const { texts } = useTongue();
  const [session, setSession] = useState<Session | null>(null);
  const [over, setOver] = useState<'locked' | 'changed' | 'expired' | null>(null);
  const present = useRef<Session | null>(null);
  present.current = session;
  const end = useCallback((why: 'locked' | 'changed' | 'expired') => {
    if (present.current !== null) lock(present.current);
    setSession(null);
    setOver(why);
  }, []);
  // Whoever leaves the page takes the key along.
  useEffect(() => () => (present.current === null ? undefined : lock(present.current)), []);
  useEffect(() => {
    if (session === null) return;
    session.signer.onGone(() => end('changed'));
    const left = session.expiresAt - Date.now();
    const timer = setTimeout(() => end('expired'), Math.min(left, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  }, [session, end]);
  const client = useMemo(() => createService(api), [api]);
  const info = service.state === 'known' ? service.info : null;
  const own = words.desk[desk];
  return (
    <div className="desk" data-desk={desk}>
      <header className="desk-head">
        <h1>{own.heading}</h1>
        {session === null ? <p className="lead">{own.lead}</p> : null}
      </header>
      {over === null || session !== null ? null : (
        <p className="notice" role="status" data-over={over}>
          {words.desk.over[over]}
        </p>
      )}
      {service.state === 'asking' ? (
        <p role="status">{texts.app.loading}</p>
      ) : info === null || info.ledger === null || info.titles === null ? (
        <p className="notice is-caution" role="alert">
          {words.desk.noTitles}
        </p>
      ) : session === null ? (
        <Connect desk={desk} service={client} rpc={info.rpc} onSession={setSession} />
      ) : (
        <>
          <div className="who no-print">
            <p>
              <span className="strong">
                {session.organisation === null
                  ? words.desk.account
                  : words.desk.organisation(session.organisation.toString())}
              </span>{' '}
              <Code>{session.signer.account}</Code>{' '}
              <span className="muted">{words.desk.by[session.signer.by]}</span>
            </p>
            <button type="button" className="secondary" onClick={() => end('locked')}>
              {words.desk.lock}
            </button>
          </div>
          {children({ session, info })}
        </>
      )}
    </div>
  );
}
