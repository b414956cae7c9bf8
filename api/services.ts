import type { Address } from '../core/chain/types.ts';
import type { Alerts } from './alerts/alerts.ts';
import type { Auth } from './auth/auth.ts';
import type { Checks } from './authenticity/checks.ts';
import type { Watch } from './authenticity/watch.ts';
import type { Backups } from './backup/backups.ts';
import type { Rpc } from './chain/rpc.ts';
import type { Config } from './config.ts';
import type { Deployment } from './deployment.ts';
import type { DocumentStore } from './documents/documentStore.ts';
import type { Erasures } from './erasure/erasures.ts';
import type { Events } from './events/search.ts';
import type { Graph } from './graph/graph.ts';
import type { Log } from './http/log.ts';
import type { LookupMeter } from './http/lookupMeter.ts';
import type { Metrics } from './http/metrics.ts';
import type { Keyring } from './keyring/keyring.ts';
import type { Notices } from './notices/notices.ts';
import type { Subscriptions } from './notices/subscriptions.ts';
import type { Pipeline } from './pipeline.ts';
import type { AccessLogs } from './privacy/accessLog.ts';
import type { Consents } from './privacy/consents.ts';
import type { Revocations } from './privacy/revocations.ts';
import type { SealedFields } from './privacy/sealed.ts';
import type { Shares } from './privacy/shares.ts';
import type { Evaluator } from './pseudonym/evaluator.ts';
import type { Query } from './query/query.ts';
import type { Sets } from './query/sets.ts';
import type { CampaignBook } from './recalls/book.ts';
import type { Retention } from './retention/retention.ts';
import type { Store } from './store/store.ts';
import type { TakeAway } from './takeaway/takeaway.ts';

/** What the routes work with; the composition root makes it. */
export type Services = {
  readonly config: Config;
  readonly version: string;
  readonly deployment: Deployment;
  /** Who signs receipts. */
  readonly operator: Address;
  /** An endpoint of the chain that anyone may use; a reader does better with one of its own. */
  readonly publicRpc: () => string | null;
  /** Where people reach the service. */
  readonly publicUrl: () => string;
  readonly store: Store;
  readonly rpc: Rpc;
  readonly documents: DocumentStore;
  readonly pipeline: Pipeline;
  readonly evaluator: Evaluator;
  readonly keyring: Keyring;
  readonly query: Query;
  readonly sets: Sets;
  readonly graph: Graph;
  /** Entries by the events that they were made from. */
  readonly events: Events;
  /** All that is sealed: nothing else opens it, and it logs each showing. */
  readonly sealed: SealedFields;
  readonly consents: Consents;
  readonly revocations: Revocations;
  readonly shares: Shares;
  readonly accessLogs: AccessLogs;
  readonly alerts: Alerts;
  /** Whether a part is what it claims to be. */
  readonly checks: Checks;
  /** Looks at what is mounted. */
  readonly watch: Watch;
  /** Recall campaigns, as they stand on own chains. */
  readonly campaigns: CampaignBook;
  readonly notices: Notices;
  readonly subscriptions: Subscriptions;
  readonly takeAway: TakeAway;
  readonly auth: Auth;
  readonly meter: LookupMeter;
  readonly erasures: Erasures;
  readonly retention: Retention;
  readonly backups: Backups;
  readonly metrics: Metrics;
  readonly log: Log;
};
