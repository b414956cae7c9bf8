import type { Response } from 'express';
import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config.ts';
import { Problem } from '../problem.ts';
import type { Store } from '../store/store.ts';

const HOUR = 3_600_000;
const FLUSH_MILLISECONDS = 2_000;
/** The bucket of all callers without an account together. */
const EVERYBODY = 'anonymous';

type Bucket = { used: number; unwritten: number };

/**
 * Counts how many identifiers a caller has had evaluated in this hour. Whoever can evaluate can link, so it is metered
 * however it is reached: by the subject, by the history, or by a search.
 */
export interface LookupMeter {
  /**
   * Takes `lookups` from the caller's allowance, all or none, and tells it in the RateLimit headers.
   * @throws `rateLimit.exceeded`
   */
  take(caller: Caller, lookups: number, response: Response): void;
  close(): Promise<void>;
}

/**
 * Counts in memory, and adds what was used to the store's totals every two seconds, which tells it theirs: replicas,
 * and a process and its predecessor, share an allowance to within what they use in that time.
 */
export function createLookupMeter(
  store: Store,
  rates: Config['rates'],
  clock: () => number = Date.now,
): LookupMeter {
  let windowStart = startOf(clock());
  let buckets = new Map<string, Bucket>();

  function bucketOf(key: string): Bucket {
    const found = buckets.get(key);
    if (found !== undefined) return found;
    const bucket = { used: 0, unwritten: 0 };
    buckets.set(key, bucket);
    return bucket;
  }

  function take(caller: Caller, lookups: number, response: Response): void {
    if (caller.operator) return;
    const now = clock();
    if (startOf(now) !== windowStart) {
      windowStart = startOf(now);
      buckets = new Map();
    }
    const seconds = Math.ceil((windowStart + HOUR - now) / 1000);
    const account = caller.account !== null;
    const limit = account ? rates.accountLookupsPerHour : rates.lookupsPerHour;
    const own = bucketOf(caller.key);
    const everybody = account ? null : bucketOf(EVERYBODY);
    const left = Math.min(
      limit - own.used,
      everybody === null ? Number.POSITIVE_INFINITY : rates.anonymousLookupsPerHour - everybody.used,
    );
    const granted = lookups <= left;
    if (granted) {
      for (const bucket of everybody === null ? [own] : [own, everybody]) {
        bucket.used += lookups;
        bucket.unwritten += lookups;
      }
    }
    const remaining = Math.max(0, granted ? left - lookups : left);
    response.append('RateLimit-Policy', `"lookups"; q=${limit}; w=${HOUR / 1000}`);
    response.append('RateLimit', `"lookups"; r=${remaining}; t=${seconds}`);
    if (granted) return;
    response.set('Retry-After', String(seconds));
    const remedy = account ? `Wait ${seconds} seconds.` : `Wait ${seconds} seconds, or sign in.`;
    throw new Problem(
      'rateLimit.exceeded',
      `${lookups} look-ups are more than the ${remaining} left. ${remedy}`,
      {
        extensions: { policy: 'lookups', remaining },
      },
    );
  }

  async function flush(): Promise<void> {
    const window = windowStart;
    const changed = [...buckets].filter(([, bucket]) => bucket.unwritten > 0);
    if (changed.length === 0) return;
    const written = changed.map(([, bucket]) => bucket.unwritten);
    const rows = await store.query<{ caller: string; used: number }>(
      `INSERT INTO lookups (caller, window_start, used)
       SELECT caller, $1, used FROM unnest($2::text[], $3::int4[]) AS source(caller, used)
       ON CONFLICT (caller, window_start) DO UPDATE SET used = lookups.used + excluded.used
       RETURNING caller, used`,
      [new Date(window), changed.map(([key]) => key), written],
    );
    const totals = new Map(rows.map((row) => [row.caller, row.used]));
    changed.forEach(([key, bucket], index) => {
      bucket.unwritten -= written[index] ?? 0;
      bucket.used = (totals.get(key) ?? 0) + bucket.unwritten;
    });
    await store.execute('DELETE FROM lookups WHERE window_start < $1', [new Date(window)]);
  }

  let flushing: Promise<void> = Promise.resolve();
  const write = () => {
    // A store that is down must not stop the counting: what was not written stays to be written.
    flushing = flushing.then(flush).catch(() => undefined);
    return flushing;
  };
  const timer = setInterval(write, FLUSH_MILLISECONDS);
  timer.unref();
  return {
    take,
    close: async () => {
      clearInterval(timer);
      await write();
    },
  };
}

function startOf(now: number): number {
  return now - (now % HOUR);
}
