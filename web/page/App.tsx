import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { Hex } from '../../core/bytes.ts';
import type { Address } from '../../core/chain/types.ts';
import { formatIdentifier } from '../../core/identifiers/identifier.ts';
import { createFormat } from '../format.ts';
import { placeAddress, readBase, readPlace, reportAddress } from '../model/location.ts';
import { localeOf, preferredUnit, type Settings } from '../model/settings.ts';
import {
  decideTrust,
  type Named,
  readServiceInfo,
  type ServiceInfo,
  type TrustState,
} from '../model/trust.ts';
import { readableIdentifier, shownIdentifier } from '../model/vinFeedback.ts';
import { loadTexts, type Tongue } from '../texts/texts.ts';
import { TongueProvider } from './context.ts';
import { FailureView } from './Failure.tsx';
import { Dialog, Sign } from './parts.tsx';
import { ReportPage } from './ReportPage.tsx';
import { Search } from './Search.tsx';
import { SettingsDialog } from './Settings.tsx';
import { languageFor, loadSettings, storeSettings } from './settingsStore.ts';
import { type Source, useReader } from './useReader.ts';

const INFO_MILLISECONDS = 15_000;
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

type Info = { readonly state: 'asking' } | { readonly state: 'known'; readonly info: ServiceInfo | null };

/** What the service says of its ledger; asked once for each service. */
function useServiceInfo(api: string): Info {
  const [known, setKnown] = useState<{ api: string; info: ServiceInfo | null } | null>(null);
  useEffect(() => {
    let over = false;
    const ask = async (): Promise<ServiceInfo | null> => {
      const response = await fetch(`${api}/v1/directory`, {
        credentials: 'omit',
        referrerPolicy: 'no-referrer',
        signal: AbortSignal.timeout(INFO_MILLISECONDS),
      });
      return response.ok ? readServiceInfo(await response.json()) : null;
    };
    ask().then(
      (info) => over || setKnown({ api, info }),
      () => over || setKnown({ api, info: null }),
    );
    return () => {
      over = true;
    };
  }, [api]);
  return known?.api === api ? { state: 'known', info: known.info } : { state: 'asking' };
}

export type Loaded = Pick<Tongue, 'language' | 'texts'>;

export function App({ first }: { first: Loaded }) {
  const [settings, change] = useSettings();
  const [place, setPlace] = useState(() => readPlace(location.href));
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
  const starting = state.at === 'home' && place.id !== null && !asksForApi;

  // ── What the reader opens ──────────────────────────────────────────────────────────────────────────────────────

  const go = useCallback((identifier: string | null) => {
    history.pushState(
      null,
      '',
      placeAddress(location.href, identifier === null ? null : shownIdentifier(identifier)),
    );
    setPlace(readPlace(location.href));
    scrollTo({ top: 0 });
  }, []);

  useEffect(() => {
    const follow = (): void => setPlace(readPlace(location.href));
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
      const source: Source = { kind: 'service', identifier: written, url: reportAddress(api, written) };
      if (identifier === null) fail(source, { code: 'identifier.unreadable', details: {} });
      else open(source);
    },
    [api, open, fail],
  );
  useEffect(() => {
    if (place.id === null) home();
    else if (!asksForApi) lookUp(place.id);
  }, [place.id, asksForApi, lookUp, home]);

  const openFile = useCallback((file: File) => open({ kind: 'file', name: file.name, file }), [open]);

  useEffect(() => {
    const over = (event: DragEvent): void => {
      if (event.dataTransfer?.types.includes('Files') !== true) return;
      event.preventDefault();
      setDropping(true);
    };
    const leave = (event: DragEvent): void => {
      if (event.relatedTarget === null) setDropping(false);
    };
    const drop = (event: DragEvent): void => {
      event.preventDefault();
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
  }, [openFile]);

  // ── Whom to believe, and the check ─────────────────────────────────────────────────────────────────────────────

  const info = service.state === 'known' ? service.info : null;
  const report = state.at === 'report' ? state : null;
  const named: Named | null = useMemo(() => {
    if (report === null) return null;
    if (report.source.kind === 'file') {
      const { chainId, address } = report.view.directory;
      return { chainId, directory: address as Address, from: 'file' };
    }
    if (service.state === 'asking') return null;
    const { directory } = report.view;
    return info === null
      ? { chainId: directory.chainId, directory: directory.address as Address, from: 'file' }
      : { chainId: info.chainId, directory: info.directory, from: new URL(api).host };
  }, [report, service.state, info, api]);
  // A first use stays one for as long as its report is shown, though the directory is kept from then on.
  const firstUse = useRef<TrustState | null>(null);
  const trust = useMemo((): TrustState | null => {
    if (named === null) return null;
    const decided = decideTrust(settings.pin, named, Math.floor(Date.now() / 1000));
    const before = firstUse.current;
    if (decided.state === 'pinned' && before !== null && before.pin?.since === decided.pin?.since)
      return before;
    firstUse.current = decided.state === 'firstUse' ? decided : null;
    return decided;
  }, [named, settings.pin]);

  useEffect(() => {
    if (trust?.state === 'firstUse' && settings.pin === null) change({ pin: trust.pin });
  }, [trust, settings.pin, change]);

  const { check } = reader;
  const runCheck = useCallback(
    (trustedHashes: Readonly<Record<string, Hex>> | null) => {
      if (trust === null) return;
      const own = settings.endpoints.length > 0;
      const endpoints = own ? settings.endpoints : info?.rpc === null || info === null ? [] : [info.rpc];
      check({
        trust: trust.trust,
        endpoints,
        operatorOnly: !own,
        trustedHashes,
        freshSince: Math.floor(Date.now() / 1000) - settings.maxAgeHours * 3600,
      });
    },
    [trust, settings.endpoints, settings.maxAgeHours, info, check],
  );
  const settled = service.state === 'known' && trust !== null;
  const basis = JSON.stringify([trust?.trust, settings.endpoints, settings.maxAgeHours, info?.rpc]);
  const checkedFor = useRef<unknown>(null);
  useEffect(() => {
    if (report === null || !settled) return;
    const key = `${report.view.createdAt} ${basis}`;
    if (report.check.state !== 'idle' && checkedFor.current === key) return;
    checkedFor.current = key;
    runCheck(null);
  }, [report, settled, basis, runCheck]);

  // ── The frame ──────────────────────────────────────────────────────────────────────────────────────────────────

  const title = report === null ? texts.app.title : `${shownIdentifier(report.view.identifier)} · Vinculum`;
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
    if (place.id === null) home();
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
        {state.at === 'home' && !starting ? (
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
        {state.at === 'loading' || starting ? (
          <div className="panel loading" role="status" aria-busy="true">
            <h1>
              {'source' in state && state.source.kind === 'file'
                ? texts.loading.file
                : texts.loading.title(place.id ?? '')}
            </h1>
            <p className="muted">{texts.loading.text}</p>
            <div className="skeleton" aria-hidden="true">
              <span />
              <span />
              <span />
            </div>
          </div>
        ) : null}
        {state.at === 'failed' ? (
          <>
            <FailureView
              failure={state.failure}
              offline={offline}
              onRetry={
                state.source.kind === 'service' && state.failure.code !== 'identifier.unreadable'
                  ? () => open(state.source)
                  : null
              }
              onHome={goHome}
            />
            <div className="open-file">{fileButton}</div>
          </>
        ) : null}
        {report === null ? null : (
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
        <p>
          <a href={`${api}/docs`}>{texts.app.docs}</a>
        </p>
      </footer>
      {dialog ? (
        <SettingsDialog settings={settings} onSave={change} onClose={() => setDialog(false)} />
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
