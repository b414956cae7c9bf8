import { setTimeout as sleep } from 'node:timers/promises';
import { toHex } from '../../core/bytes.ts';
import type { Digest } from '../../core/chain/types.ts';
import { kindByNumber } from '../../core/kinds/kinds.ts';
import type { Erased } from '../../core/privacy/erasure.ts';
import { type Rewrite, rewriteTables } from '../erasure/destroy.ts';
import type { Erasures } from '../erasure/erasures.ts';
import type { Item } from '../erasure/receipt.ts';
import type { Store } from '../store/store.ts';
import { daysFor, leastDays, type Policy } from './policy.ts';

/** What is past its time. */
export type Due = {
  /** Sealed fields and documents. */
  readonly fields: readonly (Item & { readonly kind: string; readonly days: number })[];
  /** Whether there are more of them than were looked at. */
  readonly more: boolean;
  readonly accessEntries: number;
  readonly consents: number;
  readonly apiKeys: number;
  readonly notices: number;
  readonly scans: number;
  readonly alertLinks: number;
};

export interface Retention {
  /** What would be destroyed now. Changes nothing. */
  due(): Promise<Due>;
  /** Destroys what is past its time, each field with a receipt, and says what it was. */
  run(): Promise<Due>;
}

export type RetentionOptions = {
  readonly store: Store;
  readonly policy: Policy;
  readonly erasures: Pick<Erasures, 'plan' | 'erase'>;
  readonly rewrite?: Rewrite;
  readonly clock?: () => Date;
  /** Most fields that are erased together, default 2,000. */
  readonly fieldsAtOnce?: number;
};

const DAY_SECONDS = 86_400;

/** The policy, carried out. */
export function createRetention({ store, policy, erasures, ...options }: RetentionOptions): Retention {
  const clock = options.clock ?? (() => new Date());
  const atOnce = options.fieldsAtOnce ?? 2_000;
  const now = () => Math.floor(clock().getTime() / 1000);
  const cutoff = (days: number) => now() - days * DAY_SECONDS;

  /** Sealed fields whose entry has been on the ledger for longer than their rule says. */
  async function dueFields(): Promise<Due['fields']> {
    const rows = await store.query<{ kind: number }>(
      'SELECT DISTINCT kind FROM links UNION SELECT DISTINCT kind FROM own_links ORDER BY kind',
    );
    const found: Due['fields'][number][] = [];
    for (const { kind: number } of rows) {
      const kind = kindByNumber(number)?.name;
      const days = kind === undefined ? null : leastDays(policy, kind);
      if (kind === undefined || days === null) continue;
      const held = await store.query<{ digest: Uint8Array; name: string; since: bigint }>(
        `SELECT disclosures.digest, disclosures.name, min(linked.timestamp)::int8 AS since
         FROM (
           SELECT digest, timestamp FROM links WHERE kind = $1 AND timestamp <= $2
           UNION ALL
           SELECT digest, timestamp FROM own_links WHERE kind = $1 AND timestamp <= $2
         ) AS linked
         JOIN disclosures ON disclosures.digest = linked.digest
         GROUP BY disclosures.digest, disclosures.name ORDER BY since, disclosures.digest, disclosures.name`,
        [number, cutoff(days)],
      );
      for (const { digest, name, since } of held) {
        const kept = daysFor(policy, kind, name);
        if (kept === null || Number(since) > cutoff(kept)) continue;
        found.push({ digest: toHex(digest) as Digest, what: `field:${name}`, kind, days: kept });
        if (found.length > atOnce) return found;
      }
    }
    return found;
  }

  /** A document goes with the last entries that hold its key; until then only their keys do. */
  async function withDocuments(fields: Due['fields']): Promise<Due['fields']> {
    const isKey = ({ what }: Item) => what.startsWith('field:document:');
    const nameOf = ({ what }: Item) => what.slice('field:'.length) as Erased;
    const names = [...new Set(fields.filter(isKey).map(nameOf))];
    const rows = await store.query<{ name: string; holders: bigint }>(
      `SELECT name, count(*) AS holders FROM disclosures
       WHERE name = ANY($1::text[]) AND name LIKE 'document:%' GROUP BY name`,
      [names],
    );
    const holders = new Map(rows.map(({ name, holders: count }) => [name, Number(count)]));
    const going = Map.groupBy(fields.filter(isKey), nameOf);
    return fields.map((field) => {
      if (!isKey(field)) return field;
      const name = nameOf(field);
      return going.get(name)?.length === holders.get(name) ? { ...field, what: name } : field;
    });
  }

  async function due(): Promise<Due> {
    const fields = await dueFields();
    return {
      fields: await withDocuments(fields.slice(0, atOnce)),
      more: fields.length > atOnce,
      accessEntries: await count(accessEntries(policy.accessLogDays)),
      consents: await count(consents(policy.consentDays)),
      apiKeys: await count(apiKeys(policy.apiKeyDays)),
      notices: await count(notices(policy.noticeDays)),
      scans: await count(scans(policy.scanDays)),
      alertLinks: await count(alertLinks(policy.alertLinkDays)),
    };
  }

  type Rows = { readonly from: string; readonly parameters: readonly (number | Date)[] } | null;

  /** All but the last of the old ones of each log: the rest of the log is folded on from that one's head. */
  const accessEntries = (days: number | null): Rows =>
    days === null
      ? null
      : { from: `access_entries WHERE at <= $1 AND entry <> 'null'::jsonb`, parameters: [cutoff(days)] };
  const consents = (days: number | null): Rows =>
    days === null
      ? null
      : {
          from: 'consents WHERE valid_until <= $1 OR revoked_at <= $2',
          parameters: [cutoff(days), new Date(cutoff(days) * 1000)],
        };
  const apiKeys = (days: number | null): Rows =>
    days === null
      ? null
      : {
          from: 'api_keys WHERE revoked_at <= $1 OR expires_at <= $1',
          parameters: [new Date(cutoff(days) * 1000)],
        };

  const scans = (days: number | null): Rows =>
    days === null ? null : { from: 'scans WHERE hour <= $1', parameters: [Math.floor(cutoff(days) / 3_600)] };
  const alertLinks = (days: number | null): Rows =>
    days === null
      ? null
      : {
          from: 'alert_links WHERE valid_until <= $1 OR replaced_at <= $2',
          parameters: [cutoff(days), new Date(cutoff(days) * 1000)],
        };
  const notices = (days: number | null): Rows =>
    days === null
      ? null
      : { from: 'notices WHERE posted_at <= $1', parameters: [new Date(cutoff(days) * 1000)] };

  async function count(rows: Rows): Promise<number> {
    if (rows === null) return 0;
    const [row] = await store.query<{ count: bigint }>(
      `SELECT count(*) AS count FROM ${rows.from}`,
      rows.parameters,
    );
    return Number(row?.count ?? 0n);
  }

  async function destroy(rows: Rows): Promise<number> {
    return rows === null ? 0 : store.execute(`DELETE FROM ${rows.from}`, rows.parameters);
  }

  return {
    due,
    async run() {
      const found = await due();
      if (found.fields.length > 0) {
        const target = { of: 'fields', items: found.fields } as const;
        const plan = await erasures.plan(target);
        await erasures.erase(target, 'retention', plan.id);
      }
      if (found.accessEntries > 0) await trimAccessLogs(store, cutoff(policy.accessLogDays ?? 0));
      if (found.consents > 0) await destroy(consents(policy.consentDays));
      if (found.apiKeys > 0) await destroy(apiKeys(policy.apiKeyDays));
      if (found.notices > 0) await destroy(notices(policy.noticeDays));
      if (found.scans > 0) await destroy(scans(policy.scanDays));
      if (found.alertLinks > 0) await destroy(alertLinks(policy.alertLinkDays));
      const touched = [
        ...(found.accessEntries > 0 ? ['access_entries'] : []),
        ...(found.consents > 0 ? ['consents'] : []),
        ...(found.notices > 0 ? ['notices'] : []),
        ...(found.scans > 0 ? ['scans'] : []),
        ...(found.alertLinks > 0 ? ['alert_links'] : []),
      ];
      if (touched.length > 0) await rewriteTables(store, touched, options.rewrite);
      return found;
    },
  };
}

/**
 * Destroys the entries of access logs from before a time, in seconds. Of each log the last of them stays as a row
 * without its entry, `null`: its head is what the rest is folded on from, and what a head that the owner keeps is held to.
 */
async function trimAccessLogs(store: Store, before: number): Promise<void> {
  await store.transaction(async (transaction) => {
    await transaction.execute(
      `DELETE FROM access_entries USING (
         SELECT subject, max(position) AS position FROM access_entries WHERE at <= $1 GROUP BY subject
       ) AS last
       WHERE access_entries.subject = last.subject AND access_entries.position < last.position`,
      [before],
    );
    await transaction.execute(
      `UPDATE access_entries SET entry = 'null'::jsonb WHERE at <= $1 AND entry <> 'null'::jsonb`,
      [before],
    );
  });
}

/** Repeats the retention until stopped; what fails is said, and tried again the next time. */
export function repeatRetention(
  retention: Retention,
  hours: number,
  hold: () => Promise<boolean>,
  onRun: (due: Due) => void,
  onError: (error: unknown) => void,
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const running = (async () => {
    let pause = FIRST_MILLISECONDS;
    while (hours > 0) {
      await sleep(pause, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      pause = hours * 3_600_000;
      try {
        // Of several processes one does it.
        if (!(await hold())) {
          pause = Math.min(pause, OTHER_MILLISECONDS);
          continue;
        }
        const due = await retention.run();
        onRun(due);
        if (due.more) pause = FIRST_MILLISECONDS;
      } catch (error) {
        onError(error);
      }
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

const FIRST_MILLISECONDS = 60_000;
/** Whoever does it may die. */
const OTHER_MILLISECONDS = 3_600_000;
