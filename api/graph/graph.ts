import { setImmediate as turn } from 'node:timers/promises';
import type { OrganisationId } from '../../core/chain/types.ts';
import { factsOf, type Log } from '../http/log.ts';
import type { Keyring } from '../keyring/keyring.ts';
import { Problem } from '../problem.ts';
import type { Secrets } from '../query/secrets.ts';
import type { Store } from '../store/store.ts';
import { type Affected, type AffectedQuery, affected } from './affected.ts';
import type { Nodes } from './nodes.ts';
import { type Trace, type TraceQuery, trace } from './trace.ts';
import { refreshDue, refreshEntries, type WriteContext } from './write.ts';

/**
 * Who asks the graph. Public statements show the way down to anyone who names a thing; the way up ends, for an
 * organisation, in what it stated something of itself. An authority sees every end; what was sealed answers nobody but who
 * sealed it.
 */
export type Asker = { readonly organisation: OrganisationId; readonly authority: boolean };

/** What is in what, of the entries that are on the ledger and whose content is here. */
export interface Graph {
  trace(query: TraceQuery, asker: Asker): Promise<Trace>;
  /**
   * What ranges and part numbers lead to is searched for one question of an organisation at a time.
   * @throws `recall.matchesNothing` `recall.matchesEverything` `recall.busy`
   */
  affected(query: AffectedQuery, asker: Asker): Promise<Affected>;
  /** Takes in what has changed. @returns how many histories are left, where that takes longer than it may */
  settle(milliseconds?: number): Promise<number>;
  /** Takes in, now, that the content of these entries is gone. */
  forget(digests: readonly Uint8Array[]): Promise<void>;
  /** Something may have changed. */
  ring(): void;
  close(): Promise<void>;
}

export type GraphOptions = {
  readonly store: Store;
  readonly keyring: Pick<Keyring, 'wrap' | 'unwrap'>;
  readonly secrets: Secrets;
  readonly nodes: Nodes;
  readonly log?: Log;
  /** How often it looks for changes that nobody told of, default 2,000. */
  readonly pollMilliseconds?: number;
};

/** As long as a question waits for what is on the ledger to be in the graph. */
const PATIENCE_MILLISECONDS = 5_000;
const POLL_MILLISECONDS = 2_000;

export function createGraph(options: GraphOptions): Graph {
  const { store } = options;
  const log = options.log ?? (() => undefined);
  const context: WriteContext = options;
  let closed = false;
  let working: Promise<void> | null = null;
  let again = false;
  /** Whose ranges and part numbers are being looked for: it can take seconds for each. */
  const searching = new Set<OrganisationId>();

  async function work(): Promise<void> {
    while (!closed && (await refreshDue(context)) > 0) await turn();
  }

  function ring(): void {
    if (closed) return;
    again = true;
    working ??= (async () => {
      while (again && !closed) {
        again = false;
        await work().catch((error: unknown) => log('warn', 'graph.failed', factsOf(error)));
      }
      working = null;
    })();
  }
  const timer = setInterval(ring, options.pollMilliseconds ?? POLL_MILLISECONDS);
  timer.unref();
  ring();

  async function settle(milliseconds = PATIENCE_MILLISECONDS): Promise<number> {
    const end = Date.now() + milliseconds;
    for (;;) {
      if ((await refreshDue(context)) === 0) {
        // Others may be at some of them.
        const left = await dueOf(store);
        if (left === 0) return 0;
      }
      if (Date.now() >= end || closed) return dueOf(store);
      await turn();
    }
  }

  return {
    settle,
    ring,
    forget: (digests) => refreshEntries(context, digests),
    async trace(query, asker) {
      const behind = await settle();
      return { ...(await trace(options, query, asker)), behind };
    },
    async affected(query, asker) {
      const searches = (query.serialRanges ?? []).length + (query.partNumbers ?? []).length > 0;
      if (searches && searching.has(asker.organisation)) {
        throw new Problem(
          'recall.busy',
          'Wait for the answer to the search before this one, then ask again.',
        );
      }
      if (searches) searching.add(asker.organisation);
      try {
        const behind = await settle();
        return { ...(await affected(options, query, asker)), behind };
      } finally {
        if (searches) searching.delete(asker.organisation);
      }
    },
    async close() {
      closed = true;
      clearInterval(timer);
      await working;
    },
  };
}

async function dueOf(store: Store): Promise<number> {
  const [row] = await store.query<{ count: bigint }>('SELECT count(*) AS count FROM graph_due');
  return Number(row?.count ?? 0n);
}
