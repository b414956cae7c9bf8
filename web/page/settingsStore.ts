import { readPlace } from '../model/location.ts';
import { type Language, preferredLanguage, readSettings, type Settings } from '../model/settings.ts';

const STORE = 'vinculum.settings';

export function loadSettings(): Settings {
  try {
    return readSettings(localStorage.getItem(STORE));
  } catch {
    // A browser that keeps nothing: the settings last as long as the page.
    return readSettings(null);
  }
}

export function storeSettings(settings: Settings): void {
  try {
    localStorage.setItem(STORE, JSON.stringify(settings));
  } catch {
    // As above.
  }
}

/** The reader's choice, else what the link says, else the browser's. */
export function languageFor({ language }: Pick<Settings, 'language'>): Language {
  const asked = readPlace(location.href).language;
  const fromLink = asked === 'zh' || asked === 'en' ? asked : null;
  return language ?? fromLink ?? preferredLanguage(navigator.languages);
}
