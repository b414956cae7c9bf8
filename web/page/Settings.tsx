import { type FormEvent, useId, useState } from 'react';
import { endpointFault, readBase } from '../model/location.ts';
import { type DistanceUnit, type Language, languages, type Settings, type Theme } from '../model/settings.ts';
import { formatDirectory, parseDirectory } from '../model/trust.ts';
import { settingsEn } from '../texts/settings.en.ts';
import { settingsZh } from '../texts/settings.zh.ts';
import { languageNames } from '../texts/texts.ts';
import { useTongue } from './context.ts';
import { Dialog } from './parts.tsx';

type Props = {
  readonly settings: Settings;
  readonly onSave: (settings: Settings) => void;
  readonly onClose: () => void;
};

/** The reader's choices: language and units, whom to ask, how old is too old, and what is relied on. */
export function SettingsDialog({ settings, onSave, onClose }: Props) {
  const { texts, format, language: spoken } = useTongue();
  const words = spoken === 'zh' ? settingsZh : settingsEn;
  const id = useId();
  const [language, setLanguage] = useState<Language | null>(settings.language);
  const [unit, setUnit] = useState<DistanceUnit | null>(settings.unit);
  const [theme, setTheme] = useState<Theme>(settings.theme);
  const [endpoints, setEndpoints] = useState(settings.endpoints.join('\n'));
  const [hours, setHours] = useState(String(settings.maxAgeHours));
  const [directory, setDirectory] = useState(settings.pin === null ? '' : formatDirectory(settings.pin));
  const [api, setApi] = useState(settings.api ?? '');
  const [asked, setAsked] = useState(false);

  const lines = endpoints.split('\n').map((line) => line.trim());
  const urls = lines.filter((line) => line !== '');
  const faults = lines.flatMap((line, index) => {
    const fault = line === '' ? null : endpointFault(line, location.protocol);
    const number = format.number(index + 1);
    if (fault === null) return [];
    return [fault === 'address' ? words.endpointAddress(number) : words.endpointInsecure(number)];
  });
  const age = Number(hours);
  const ageFault = !Number.isInteger(age) || age < 1 || age > 87_600;
  const named = parseDirectory(directory);
  const directoryFault = directory.trim() !== '' && named === null;
  const base = api.trim() === '' ? null : readBase(api.trim());
  const apiFault = api.trim() !== '' && base === null;
  const faulty = faults.length > 0 || ageFault || directoryFault || apiFault;

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setAsked(true);
    if (faulty) return;
    const { pin } = settings;
    const same = pin !== null && named !== null && formatDirectory(pin) === formatDirectory(named);
    const chosen = named === null ? null : { ...named, since: Math.floor(Date.now() / 1000), from: 'you' };
    onSave({
      language,
      unit,
      theme,
      endpoints: [...new Set(urls)],
      maxAgeHours: age,
      pin: same ? pin : chosen,
      api: base,
    });
    onClose();
  };
  const fault = (name: string, text: string | false) =>
    text === false ? null : (
      <p id={`${id}-${name}-fault`} className="fault" role="alert">
        {text}
      </p>
    );

  return (
    <Dialog heading={words.heading} onClose={onClose}>
      <form className="settings" onSubmit={submit} noValidate>
        <p className="muted">{words.lead}</p>
        <div className="settings-row">
          <div>
            <label htmlFor={`${id}-language`}>{words.language}</label>
            <select
              id={`${id}-language`}
              value={language ?? ''}
              onChange={({ target }) => setLanguage(languages.find((one) => one === target.value) ?? null)}
            >
              <option value="">{words.automatic}</option>
              {languages.map((one) => (
                <option key={one} value={one} lang={one}>
                  {languageNames[one]}
                </option>
              ))}
            </select>
          </div>
          <div>
            <label htmlFor={`${id}-unit`}>{words.unit}</label>
            <select
              id={`${id}-unit`}
              value={unit ?? ''}
              onChange={({ target }) =>
                setUnit((['KMT', 'SMI'] as const).find((one) => one === target.value) ?? null)
              }
            >
              <option value="">{words.automatic}</option>
              <option value="KMT">{texts.odometer.kilometres}</option>
              <option value="SMI">{texts.odometer.miles}</option>
            </select>
          </div>
          <div>
            <label htmlFor={`${id}-theme`}>{words.theme}</label>
            <select
              id={`${id}-theme`}
              value={theme}
              onChange={({ target }) =>
                setTheme(
                  (['system', 'light', 'dark'] as const).find((one) => one === target.value) ?? 'system',
                )
              }
            >
              {(['system', 'light', 'dark'] as const).map((one) => (
                <option key={one} value={one}>
                  {words.themes[one]}
                </option>
              ))}
            </select>
          </div>
        </div>

        <label htmlFor={`${id}-endpoints`}>{words.endpoints}</label>
        <textarea
          id={`${id}-endpoints`}
          rows={3}
          spellCheck={false}
          value={endpoints}
          onChange={({ target }) => setEndpoints(target.value)}
          placeholder="https://"
          aria-describedby={`${id}-endpoints-hint ${id}-endpoints-fault`}
          aria-invalid={faults.length > 0}
        />
        {fault('endpoints', faults.length > 0 && faults.join(' '))}
        <p id={`${id}-endpoints-hint`} className="muted small">
          {urls.length === 0 ? `${words.endpointsNone} ` : ''}
          {words.endpointsHint}
        </p>

        <label htmlFor={`${id}-age`}>{words.age}</label>
        <p className="inline">
          <input
            id={`${id}-age`}
            type="number"
            min={1}
            max={87_600}
            value={hours}
            onChange={({ target }) => setHours(target.value)}
            aria-describedby={`${id}-age-hint ${id}-age-fault`}
            aria-invalid={ageFault}
          />{' '}
          <span id={`${id}-age-hint`}>
            {words.hours} <span className="muted">{words.ageHint}</span>
          </span>
        </p>
        {fault('age', ageFault && words.ageFault)}

        <label htmlFor={`${id}-directory`}>{words.directory}</label>
        <p className="inline">
          <input
            id={`${id}-directory`}
            className="mono"
            value={directory}
            onChange={({ target }) => setDirectory(target.value)}
            spellCheck={false}
            autoComplete="off"
            aria-describedby={`${id}-directory-hint ${id}-directory-fault`}
            aria-invalid={directoryFault}
          />
          {directory === '' ? null : (
            <button type="button" className="quiet" onClick={() => setDirectory('')}>
              {words.forget}
            </button>
          )}
        </p>
        {fault('directory', directoryFault && words.directoryFault)}
        <p id={`${id}-directory-hint`} className="muted small">
          {directory === '' ? `${words.directoryNone} ` : ''}
          {words.directoryHint}
        </p>

        <label htmlFor={`${id}-api`}>{words.api}</label>
        <input
          id={`${id}-api`}
          type="url"
          value={api}
          onChange={({ target }) => setApi(target.value)}
          spellCheck={false}
          placeholder={location.origin}
          aria-describedby={`${id}-api-hint ${id}-api-fault`}
          aria-invalid={apiFault}
        />
        {fault('api', apiFault && words.apiFault)}
        <p id={`${id}-api-hint`} className="muted small">
          {words.apiHint}
        </p>

        <p className="actions">
          <button type="submit" className="primary" aria-disabled={asked && faulty}>
            {words.save}
          </button>
        </p>
      </form>
    </Dialog>
  );
}
