import { readFileSync } from 'node:fs';
import * as z from 'zod/mini';
import type { Json } from '../../core/canonical.ts';
import type { Address } from '../../core/chain/types.ts';
import { secondsOf } from '../../core/envelope/time.ts';
import { isVinculumError } from '../../core/errors.ts';
import { usageError } from '../exit.ts';
import { keysFolder, showKeystore } from '../keystore.ts';

/** What the envelope of an action says, as options give it. */
export type ContentOptions = {
  /** When it happened; now, where nothing is said. */
  readonly time?: string;
  /** `name=value`, again for more; a value that is JSON is taken as such. */
  readonly set?: readonly string[];
  readonly seal?: readonly string[];
  /** A file with `{"time"?, "data"?, "sealed"?}`. */
  readonly content?: string;
};

type Members = Readonly<Record<string, Json>>;
export type Said = { readonly time: string; readonly data: Members; readonly sealed: Members };

const members = z.record(z.string(), z.json());
const contentSchema = z.strictObject({
  time: z.optional(z.string()),
  data: z.optional(members),
  sealed: z.optional(members),
});

/**
 * What is said: by the file, then by options over it.
 * @param data what the command itself says, where nobody says otherwise
 * @throws `title.content` `title.field` `envelope.time`
 */
export function said(options: ContentOptions, data: Readonly<Record<string, Json | undefined>>): Said {
  const file = options.content === undefined ? {} : readContent(options.content);
  const time = options.time ?? file.time ?? instantOf(Math.floor(Date.now() / 1000));
  secondsOf(time);
  const own = Object.entries(data).filter((member): member is [string, Json] => member[1] !== undefined);
  return {
    time,
    data: { ...Object.fromEntries(own), ...(file.data as Members), ...fieldsOf(options.set) },
    sealed: { ...(file.sealed as Members), ...fieldsOf(options.seal) },
  };
}

function readContent(path: string): z.infer<typeof contentSchema> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw usageError('title.content', `${path} can’t be read, or is not JSON.`, { cause });
  }
  const parsed = contentSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw usageError('title.content', `${path} should be {"time", "data", "sealed"}, each if need be.`);
}

function fieldsOf(given: readonly string[] = []): Record<string, Json> {
  return Object.fromEntries(
    given.map((text): [string, Json] => {
      const at = text.indexOf('=');
      if (at < 1) throw usageError('title.field', `A field is given as name=value, not ${text}.`);
      return [text.slice(0, at), jsonOrText(text.slice(at + 1))];
    }),
  );
}

/** JSON where it is an object, a list, a number or a truth value; else the text itself. */
function jsonOrText(text: string): Json {
  if (!/^(?:[[{"]|-?\d+(?:\.\d+)?$|true$|false$)/.test(text)) return text;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

export function instantOf(seconds: number | bigint): string {
  return new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z');
}

const SPANS: Readonly<Record<string, number>> = { h: 3_600, d: 86_400, w: 7 * 86_400 };

/**
 * The last second of something: `2027-01-31` (the whole day), an instant, or from now on: `12h`, `30d`, `8w`, `5y`.
 * @throws `title.until`
 */
export function untilOption(text: string, now: number = Date.now() / 1000): bigint {
  const span = /^([1-9]\d{0,4})([hdwy])$/.exec(text);
  if (span !== null) {
    const [, count = '', unit = ''] = span;
    if (unit !== 'y') return BigInt(Math.floor(now) + Number(count) * (SPANS[unit] ?? 0));
    const end = new Date(now * 1000);
    end.setUTCFullYear(end.getUTCFullYear() + Number(count));
    return BigInt(Math.floor(end.getTime() / 1000));
  }
  try {
    const seconds = secondsOf(text);
    return text.includes('T') ? seconds : seconds + 86_399n;
  } catch (cause) {
    const remedy = 'An end is written 30d, 8w, 5y, 2027-01-31 or 2027-01-31T12:00:00Z.';
    throw usageError('title.until', remedy, { cause });
  }
}

/** An account: its address, or the name of a key in the data folder. @throws `title.party` */
export async function partyOption(text: string, dataFolder: string): Promise<Address> {
  if (/^0x[0-9a-fA-F]{40}$/.test(text)) return text.toLowerCase() as Address;
  try {
    return (await showKeystore(keysFolder(dataFolder), text)).address;
  } catch (cause) {
    if (!isVinculumError(cause)) throw cause;
    const remedy = `${text} is neither an address (0x and 40 hexadecimal digits) nor a key here: vinculum keys new NAME makes one.`;
    throw usageError('title.party', remedy, { cause });
  }
}
