import * as z from 'zod/mini';
import type { Json } from '../canonical.ts';
import { resolveName } from './vocabulary.ts';

/*
 * An event can't say all that an entry does. What an export writes therefore carries its entry whole, as the text of one
 * extension, with the hash of the event without it: whoever changes the event makes the extension stale.
 */

export const NAMESPACE = 'urn:vinculum:epcis:';
export const ENTRY = 'vinculum:entry';
/** The extension's name in full. */
export const ENTRY_NAME = resolveName(ENTRY, { vinculum: NAMESPACE });

/** The kinds that an export writes as events; no other is taken from one. */
export const EXPORTED_KINDS: ReadonlySet<string> = new Set([
  'vehicle.built',
  'batch.produced',
  'batch.shipped',
  'batch.received',
  'batch.quarantined',
  'batch.released',
  'part.produced',
  'part.mounted',
  'part.removed',
]);

const json = z.record(z.string(), z.json());
const ownEntrySchema = z.strictObject({
  /** Hash of the event without this extension. */
  event: z.string(),
  identifier: z.string().check(z.maxLength(256)),
  kind: z.string(),
  kindVersion: z.int(),
  time: z.string(),
  data: json,
  sealed: json,
});

export type OwnEntry = {
  readonly event: string;
  readonly identifier: string;
  readonly kind: string;
  readonly kindVersion: number;
  readonly time: string;
  readonly data: Readonly<Record<string, Json>>;
  readonly sealed: Readonly<Record<string, Json>>;
};

/** The entry that an extension holds, null where it holds none. */
export function ownEntryOf(value: unknown): OwnEntry | null {
  if (typeof value !== 'string') return null;
  try {
    return ownEntrySchema.parse(JSON.parse(value)) as OwnEntry;
  } catch {
    return null;
  }
}
