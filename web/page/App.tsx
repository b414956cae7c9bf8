import { Suspense, useCallback, useEffect, useMemo, useState } from 'react';
import { formatIdentifier } from '../../core/identifiers/identifier.ts';
import { createFormat } from '../format.ts';
import {
  type Desk,
  desks,
  type Opened,
  placeAddress,
  readBase,
  readMember,
  readPlace,
  reportAddress,
  takeToken,
} from '../model/location.ts';
import { localeOf, preferredUnit, type Settings } from '../model/settings.ts';
import { readableIdentifier, shownIdentifier } from '../model/vinFeedback.ts';
import { loadTexts, type Tongue } from '../texts/texts.ts';
import { TongueProvider } from './context.ts';
import { FailureView } from './Failure.tsx';
import { fetchReportParts, lazyPart } from './lazyPart.tsx';
import { Dialog, Sign } from './parts.tsx';
import { ReportPage } from './ReportPage.tsx';
import { Search } from './Search.tsx';
import { languageFor, loadSettings, storeSettings } from './settingsStore.ts';
import { useCheck } from './useCheck.ts';
import { type Source, useReader } from './useReader.ts';
import { useServiceInfo } from './useServiceInfo.ts';

const SettingsDialog = lazyPart(() => import('./Settings.tsx').then((part) => part.SettingsDialog));
// Only whoever acts loads what acting needs.
const deskPages = {
  owner: lazyPart(() => import('../owner/Owner.tsx').then((part) => part.Owner)),
  registrar: lazyPart(() => import('../registrar/Registrar.tsx').then((part) => part.Registrar)),
  supplier: lazyPart(() => import('../supply/Supplier.tsx').then((part) => part.Supplier)),
  manufacturer: lazyPart(() => import('../supply/Manufacturer.tsx').then((part) => part.Manufacturer)),
  check: lazyPart(() => import('../check/PartCheck.tsx').then((part) => part.PartCheck)),
} as const satisfies Record<Desk, unknown>;
const AlertLink = lazyPart(() => import('../supply/AlertLink.tsx').then((part) => part.AlertLink));

const preferences = navigator.languages;

function useSettings(): [Settings, (change: Partial<Settings>) => void] {
  const [settings, setSettings] = useState(loadSettings);
  const change = useCallback((part: Partial<Settings>) => {
    setSettings((before) => {
      const after = { ...before, ...part };
      storeSettings(after);
      return after;
    });
  }, []);
  return [settings, change];
}

export type Loaded = Pick<Tongue, 'language' | 'texts'>;

/** @param opened the token of a link that the page was opened with, which is no longer in the address */
export function App({ first, opened }: { first: Loaded; opened: Opened | null }) {
  const [settings, change] = useSettings();
  const [place, setPlace] = useState(() => readPlace(location.href));
  const [link, setLink] = useState(opened);
  const share = link?.of === 'share' ? link.token : null;
  const [dialog, setDialog] = useState(false);
  const [offline, setOffline] = useState(!navigator.onLine);
  const [dropping, setDropping] = useState(false);
  const reader = useReader();
  const { state } = reader;

  const wantedLanguage = languageFor(settings);
  const [loaded, setLoaded] = useState(first);
  useEffect(() => {
    let over = false;
    // Without a network the page stays in the language that it has.
    loadTexts(wantedLanguage).then(
      (texts) => over || setLoaded({ language: wantedLanguage, texts }),
      () => undefined,
    );
    return () => {
      over = true;
    };
  }, [wantedLanguage]);
  const { language } = loaded;
  const tongue = useMemo((): Tongue => {
    const locale = localeOf(loaded.language, preferences);
    const unit = settings.unit ?? preferredUnit([locale, ...preferences]);
    return { ...loaded, format: createFormat(locale, unit) };
  }, [loaded, settings.unit]);
  const { texts } = tongue;

  const proposed = place.api === null ? null : readBase(place.api);
  const api = settings.api ?? location.origin;
  const asksForApi = proposed !== null && proposed !== api;
  const service = useServiceInfo(api);
  /** An address that names a vehicle never shows the start page first. */
  const starting =
    state.at === 'home' && (place.id !== null || share !== null) && link?.of !== 'alert' && !asksForApi;

  // A saved report may be opened from here when the network is gone.
  const waits = state.at === 'home' && !starting;
  useEffect(() => {
    if (waits) void fetchReportParts();
  }, [waits]);

  // ── What the reader opens ──────────────────────────────────────────────────────────────────────────────────────

  const go = useCallback((identifier: string | null, desk: Desk | null = null) => {
    const id = identifier === null ? null : shownIdentifier(identifier);
    history.pushState(null, '', placeAddress(location.href, id, desk));
    setPlace(readPlace(location.href));
    setLink(null);
    scrollTo({ top: 0 });
  }, []);

  useEffect(() => {
    const follow = (): void => {
      setLink(removeToken());
      setPlace(readPlace(location.href));
    };
    addEventListener('popstate', follow);
    addEventListener('hashchange', follow);
    const online = (): void => setOffline(!navigator.onLine);
    addEventListener('online', online);
    addEventListener('offline', online);
    return () => {
      removeEventListener('popstate', follow);
      removeEventListener('hashchange', follow);
      removeEventListener('online', online);
      removeEventListener('offline', online);
    };
  }, []);

  const { open, home, fail } = reader;
  const lookUp = useCallback(
    (text: string) => {
      const identifier = readableIdentifier(text);
      const written = identifier === null ? text : formatIdentifier(identifier);
      const url = reportAddress(api, written, readMember(location.href));
      const source: Source = { kind: 'service', identifier: written, url };
      if (identifier === null) fail(source, { code: 'identifier.unreadable', details: {} });
      else open(source);
    },
    [api, open, fail],
  );
  useEffect(() => {
    if (share !== null) {
      if (!asksForApi) open({ kind: 'share', token: share, url: `${api}/v1/shares/open` });
    } else if (place.id === null || place.desk !== null || link !== null) home();
    else if (!asksForApi) lookUp(place.id);
  }, [link, share, place.id, place.desk, asksForApi, api, lookUp, open, home]);

  const Acting = place.desk === null || link !== null ? null : deskPages[place.desk];
  const alert = link?.of === 'alert' ? link.token : null;
  const aside = Acting !== null || alert !== null;

  const openFile = useCallback((file: File) => open({ kind: 'file', name: file.name, file }), [open]);

  useEffect(() => {
    const over = (event: DragEvent): void => {
      if (event.dataTransfer?.types.includes('Files') !== true || event.target instanceof HTMLInputElement)
        return;
      event.preventDefault();
      if (aside) return;
      setDropping(true);
    };
    const leave = (event: DragEvent): void => {
      if (event.relatedTarget === null) setDropping(false);
    };
    const drop = (event: DragEvent): void => {
      if (event.target instanceof HTMLInputElement) return;
      event.preventDefault();
      if (aside) return;
      setDropping(false);
      const file = event.dataTransfer?.files[0];
      if (file !== undefined) openFile(file);
    };
    addEventListener('dragover', over);
    addEventListener('dragleave', leave);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragover', over);
      removeEventListener('dragleave', leave);
      removeEventListener('drop', drop);
    };
  }, [openFile, aside]);

  // ── Whom to believe, and the check ─────────────────────────────────────────────────────────────────────────────

  const report = state.at === 'report' ? state : null;
  const { trust, runCheck } = useCheck(reader, { service, api, settings, onChange: change });

  // ── The frame ──────────────────────────────────────────────────────────────────────────────────────────────────

  const title =
    place.desk !== null
      ? `${texts.app.desks[place.desk]} · Vinculum`
      : report === null
        ? texts.app.title
        : `${shownIdentifier(report.view.identifier)} · Vinculum`;
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
    document.title = title;
  }, [language, title]);
  useEffect(() => {
    document.documentElement.dataset.theme = settings.theme;
  }, [settings.theme]);

  const fileButton = (
    <label className="file-button secondary">
      {texts.home.openFile}
      <input
        type="file"
        accept="application/json,.json,application/pdf"
        onChange={(event) => {
          const file = event.target.files?.[0];
          event.target.value = '';
          if (file !== undefined) openFile(file);
        }}
      />
    </label>
  );
  const goHome = (): void => {
    if (place.id === null && place.desk === null && link === null) home();
    else go(null);
  };
  const search = (identifier: string): void => {
    if (place.id === shownIdentifier(identifier)) lookUp(identifier);
    else go(identifier);
  };

  return (
    <TongueProvider value={tongue}>
      <button type="button" className="skip" onClick={() => document.getElementById('main')?.focus()}>
        {texts.app.skip}
      </button>
      <header className="top no-print">
        <button type="button" className="brand" onClick={goHome} aria-label={texts.app.home}>
          <img src="./icon.svg" alt="" width="28" height="28" />
          <span>Vinculum</span>
        </button>
        <div className="top-actions">
          <label className="hidden" htmlFor="language">
            {texts.app.languageLabel}
          </label>
          <select
            id="language"
            value={language}
            onChange={({ target }) => change({ language: target.value === 'zh' ? 'zh' : 'en' })}
          >
            <option value="en" lang="en">
              English
            </option>
            <option value="zh" lang="zh-CN">
              中文
            </option>
          </select>
          <button type="button" className="quiet" onClick={() => setDialog(true)}>
            {texts.app.settings}
          </button>
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        {Acting === null ? null : (
          <Suspense fallback={<div className="panel loading" role="status" aria-busy="true" />}>
            <Acting
              key={place.desk}
              api={api}
              service={service}
              settings={settings}
              onChange={change}
              id={place.id}
              onVehicle={(identifier) => go(identifier, place.desk)}
            />
          </Suspense>
        )}
        {alert === null ? null : (
          <Suspense fallback={<div className="panel loading" role="status" aria-busy="true" />}>
            <AlertLink key={alert} api={api} token={alert} />
          </Suspense>
        )}
        {aside ? null : state.at === 'home' && !starting ? (
          <div className="home">
            <h1>{texts.home.heading}</h1>
            <p className="lead">{texts.home.lead}</p>
            <Search key="home" start="" onSearch={search} />
            {offline ? (
              <div className="notice is-caution" role="status">
                <p className="strong">{texts.failure.offlineTitle}</p>
                <p>{texts.failure.offline}</p>
              </div>
            ) : null}
            <div className="promises">
              {texts.home.promises.map(([heading, text]) => (
                <div key={heading}>
                  <h2>{heading}</h2>
                  <p>{text}</p>
                </div>
              ))}
            </div>
            <div className="open-file">
              {fileButton}
              <p className="muted small">{texts.home.openFileHint}</p>
            </div>
            <nav aria-label={texts.home.desks}>
              <ul className="doors">
                {desks.map((desk) => (
                  <li key={desk}>
                    <a href={`#/${desk}`}>{texts.app.desks[desk]}</a>
                    <span className="muted small">{texts.home.doors[desk]}</span>
                  </li>
                ))}
              </ul>
            </nav>
          </div>
        ) : (
          <div className="again no-print">
            <Search
              key={place.id ?? 'file'}
              start={'source' in state && state.source.kind === 'file' ? '' : (place.id ?? '')}
              compact
              onSearch={search}
            />
          </div>
        )}
        {!aside && (state.at === 'loading' || starting) ? (
          <div className="panel loading" role="status" aria-busy="true">
            <h1>
              {'source' in state && state.source.kind === 'file'
                ? texts.loading.file
                : share === null
                  ? texts.loading.title(place.id ?? '')
                  : texts.share.loading}
            </h1>
            <p className="muted">{texts.loading.text}</p>
            <div className="skeleton" aria-hidden="true">
              <span />
              <span />
              <span />
            </div>
          </div>
        ) : null}
        {!aside && state.at === 'failed' ? (
          <>
            <FailureView
              failure={state.failure}
              offline={offline}
              onRetry={
                state.source.kind !== 'file' && state.failure.code !== 'identifier.unreadable'
                  ? () => open(state.source)
                  : null
              }
              onHome={goHome}
            />
            <div className="open-file">{fileButton}</div>
          </>
        ) : null}
        {report === null || aside ? null : (
          <ReportPage
            key={report.view.identifier}
            reader={reader}
            state={report}
            settings={settings}
            trust={trust}
            gateways={[api]}
            onCheck={runCheck}
            onSearch={search}
            onRely={(relied, from) =>
              change({ pin: { ...relied, since: Math.floor(Date.now() / 1000), from } })
            }
          />
        )}
      </main>
      <footer className="foot no-print">
        <p>{texts.app.footer}</p>
        <p className="foot-links">
          {desks.map((desk) => (
            <a key={desk} href={`#/${desk}`} aria-current={place.desk === desk ? 'page' : undefined}>
              {texts.app.desks[desk]}
            </a>
          ))}
          <a href={`${api}/docs`}>{texts.app.docs}</a>
        </p>
      </footer>
      {dialog ? (
        <Suspense fallback={null}>
          <SettingsDialog settings={settings} onSave={change} onClose={() => setDialog(false)} />
        </Suspense>
      ) : null}
      {asksForApi && proposed !== null ? (
        <Dialog heading={texts.api.proposedTitle} onClose={() => setPlace({ ...place, api: null })}>
          <p className="breakable">{texts.api.proposed(proposed)}</p>
          <p className="actions">
            <button type="button" className="primary" onClick={() => setPlace({ ...place, api: null })}>
              {texts.api.stay}
            </button>
            <button type="button" className="secondary" onClick={() => change({ api: proposed })}>
              {texts.api.use}
            </button>
          </p>
        </Dialog>
      ) : null}
      {dropping ? (
        <div className="dropping" aria-hidden="true">
          <Sign of="neutral" />
          {texts.home.drop}
        </div>
      ) : null}
    </TongueProvider>
  );
}

/** Takes the token of a link out of the address, where there is one. */
export function removeToken(): Opened | null {
  const taken = takeToken(location.href);
  if (taken === null) return null;
  history.replaceState(null, '', taken.address);
  return { of: taken.of, token: taken.token };
}
