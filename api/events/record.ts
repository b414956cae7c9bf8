import { setTimeout as sleep } from 'node:timers/promises';
import { fromHex, toHex } from '../../core/bytes.ts';
import type { Digest } from '../../core/chain/types.ts';
import { openDisclosure } from '../../core/envelope/disclosure.ts';
import { kindByName } from '../../core/kinds/kinds.ts';
import { holdErasures } from '../erasure/tombstones.ts';
import type { AcceptedEntry } from '../pipeline.ts';
import { envelopeOf } from '../privacy/openable.ts';
import type { SealedFields } from '../privacy/sealed.ts';
import type { Secrets } from '../query/secrets.ts';
import { insertRows } from '../store/rows.ts';
import type { Store, Transaction } from '../store/store.ts';
import { type EventField, type EventNames, eventFields } from './names.ts';

/** An entry of which something is sealed. */
type Named = {
  readonly kind: number;
  readonly subject: Uint8Array;
  readonly digest: Uint8Array;
  readonly organisation: bigint;
  readonly sealed: Readonly<Record<string, unknown>>;
};

const columns = {
  name: 'uuid',
  organisation: 'int8',
  digest: 'bytea',
  field: 'text',
  kind: 'int2',
  subject: 'bytea',
} as const;

/** Notes the events of entries by name, in the transaction that keeps their disclosures. */
export function recordEvents(
  transaction: Transaction,
  entries: readonly AcceptedEntry[],
  names: EventNames,
): Promise<void> {
  return insert(
    transaction,
    entries.map(({ kind, subject, digest, envelope, sealed }) => ({
      kind,
      subject: fromHex(subject, 32),
      digest: fromHex(digest, 32),
      organisation: BigInt(envelope.organisation),
      sealed,
    })),
    names,
  );
}

async function insert(transaction: Transaction, entries: readonly Named[], names: EventNames): Promise<void> {
  const rows = entries.flatMap(({ sealed, organisation, ...entry }) =>
    eventFields.flatMap((field) => {
      const value = sealed[field];
      // Owners and buyers search nothing.
      if (typeof value !== 'string' || organisation === 0n) return [];
      return [{ ...entry, organisation, field, name: names.nameOf(field, value) }];
    }),
  );
  if (rows.length === 0) return;
  await insertRows(transaction, 'events', columns, rows, { onConflict: 'DO NOTHING' });
}

const AT_ONCE = 200;
const ROUTE = 'nameEvents';

export type DueOptions = {
  readonly store: Store;
  readonly secrets: Secrets;
  readonly sealed: Pick<SealedFields, 'showOperator'>;
  readonly names: EventNames;
};

/**
 * Notes the events of the next entries from before there was a table of them. What is sealed is opened for that, by the
 * operator, and each opening is in the access log.
 * @returns how many entries were seen to
 */
export async function recordDue({ store, secrets, sealed, names }: DueOptions): Promise<number> {
  const due = await store.query<{ digest: Uint8Array }>(
    'SELECT digest::bytea AS digest FROM events_due ORDER BY digest LIMIT $1',
    [AT_ONCE],
  );
  if (due.length === 0) return 0;
  const digests = due.map(({ digest }) => digest);
  const shown = await sealed.showOperator(
    ROUTE,
    digests.map((digest) => toHex(digest) as Digest),
    eventFields,
  );
  await store.transaction(async (transaction) => {
    // What was erased since it was opened is not noted.
    await holdErasures(transaction);
    const rows = await transaction.query<{
      digest: Uint8Array;
      body: Uint8Array;
      key: Uint8Array;
      names: EventField[];
    }>(
      `SELECT blocks.digest::bytea AS digest, body, wrapped AS key,
         ARRAY(SELECT name FROM disclosures WHERE disclosures.digest = blocks.digest AND name = ANY($2::text[])) AS names
       FROM blocks JOIN block_keys ON block_keys.digest = blocks.digest WHERE blocks.digest = ANY($1::bytea[])`,
      [digests, [...eventFields]],
    );
    const entries = rows.flatMap((row): Named[] => {
      const envelope = envelopeOf(row, secrets);
      const kind = envelope === null ? undefined : kindByName(envelope.kind);
      if (envelope === null || kind === undefined) return [];
      const opened = (shown.get(toHex(row.digest) as Digest) ?? []).map((one) => openDisclosure(one));
      return [
        {
          kind: kind.number,
          subject: fromHex(envelope.subject, 32),
          digest: row.digest,
          organisation: BigInt(envelope.organisation),
          sealed: Object.fromEntries(
            opened
              .filter(({ name }) => row.names.includes(name as EventField))
              .map(({ name, value }) => [name, value]),
          ),
        },
      ];
    });
    await insert(transaction, entries, names);
    await transaction.execute('DELETE FROM events_due WHERE digest = ANY($1::bytea[])', [digests]);
  });
  return due.length;
}

const PAUSE_MILLISECONDS = 30_000;

/** Sees to all entries from before there was a table of events; after a failure it goes on a while later. */
export function startNaming(
  options: DueOptions,
  onError: (error: unknown) => void,
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const { signal } = stopping;
  const working = (async () => {
    while (!signal.aborted) {
      try {
        if ((await recordDue(options)) === 0) return;
      } catch (error) {
        onError(error);
        await sleep(PAUSE_MILLISECONDS, undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await working;
    },
  };
}
