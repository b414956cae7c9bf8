import type { Address } from '../../core/chain/types.ts';
import { readBase } from './location.ts';

export const languages = ['en', 'zh'] as const;
export type Language = (typeof languages)[number];
export type DistanceUnit = 'KMT' | 'SMI';
export type Theme = 'system' | 'light' | 'dark';

/** The directory of ledgers that this reader relies on, once it has been seen. */
export type Pin = {
  readonly chainId: string;
  readonly directory: Address;
  /** Seconds since 1970. */
  readonly since: number;
  /** Who named it: a service's address, a report file, or the reader. */
  readonly from: string;
};

/** The reader's choices, kept on this device and sent to nobody. */
export type Settings = {
  readonly language: Language | null;
  readonly unit: DistanceUnit | null;
  readonly theme: Theme;
  /** Another service than the one that serves the page. */
  readonly api: string | null;
  /** The reader's own RPC endpoints, which must all agree; none: the service's own. */
  readonly endpoints: readonly string[];
  /** How old the block of a verdict may be and still be green, in hours. */
  readonly maxAgeHours: number;
  readonly pin: Pin | null;
};

export const defaultSettings: Settings = {
  language: null,
  unit: null,
  theme: 'system',
  api: null,
  endpoints: [],
  maxAgeHours: 24,
  pin: null,
};

/** Settings from their stored text; whatever is not as it should be falls back to the default. */
export function readSettings(text: string | null): Settings {
  let stored: unknown = null;
  try {
    stored = text === null ? null : JSON.parse(text);
  } catch {
    // Somebody else's text, or half of one: the defaults stand.
  }
  if (stored === null || typeof stored !== 'object') return defaultSettings;
  const given = stored as Readonly<Record<string, unknown>>;
  const oneOf = <T extends string>(value: unknown, values: readonly T[]): T | null =>
    values.find((candidate) => candidate === value) ?? null;
  const hours = Number(given.maxAgeHours);
  return {
    language: oneOf(given.language, languages),
    unit: oneOf(given.unit, ['KMT', 'SMI'] as const),
    theme: oneOf(given.theme, ['system', 'light', 'dark'] as const) ?? 'system',
    api: typeof given.api === 'string' ? readBase(given.api) : null,
    endpoints: Array.isArray(given.endpoints)
      ? given.endpoints
          .filter((url): url is string => typeof url === 'string' && URL.canParse(url))
          .slice(0, 10)
      : [],
    maxAgeHours: Number.isFinite(hours) && hours >= 1 && hours <= 87_600 ? Math.round(hours) : 24,
    pin: readPin(given.pin),
  };
}

function readPin(value: unknown): Pin | null {
  const { chainId, directory, since, from } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof chainId !== 'string' || !/^[1-9]\d{0,19}$/.test(chainId)) return null;
  if (typeof directory !== 'string' || !/^0x[0-9a-f]{40}$/.test(directory)) return null;
  if (typeof since !== 'number' || typeof from !== 'string') return null;
  return { chainId, directory: directory as Address, since, from };
}

/** The language of somebody who has chosen none: Chinese for any Chinese, else English. */
export function preferredLanguage(preferences: readonly string[]): Language {
  for (const tag of preferences) {
    if (/^zh\b/i.test(tag)) return 'zh';
    if (/^en\b/i.test(tag)) return 'en';
  }
  return 'en';
}

/** The locale for dates and numbers: the browser's own variant of the language where it has one. */
export function localeOf(language: Language, preferences: readonly string[]): string {
  if (language === 'zh') return 'zh-CN';
  return preferences.find((tag) => /^en\b/i.test(tag)) ?? 'en-GB';
}

/** Miles where roads are signed in miles. */
export function preferredUnit(preferences: readonly string[]): DistanceUnit {
  return /-(US|GB|LR|MM)\b/i.test(preferences[0] ?? '') ? 'SMI' : 'KMT';
}
