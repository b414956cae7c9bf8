import type { Report } from '../../core/report/report.ts';
import type { OperatorLie, RpcLie } from './proxies.ts';
import type { ReaderName, ReadOptions } from './reader.ts';
import type { System } from './system.ts';

export type Teller =
  | 'operator'
  | 'relayer'
  | 'IPFS node'
  | 'RPC endpoint'
  | 'attester'
  | 'authority'
  | 'owner'
  | 'grantee'
  | 'forger';

/**
 * What becomes of a lie. `refuted` and `incomplete` are verdicts; `refused`: no verdict, and a code that says why;
 * `stale`: true of an old block, told as of that block, and never green; `unchanged`: nothing that a reader acts on comes
 * from it; `warned`: the verdict stands, and a finding tells of it and of who answers for it; `void`: the entry counts for
 * nothing and harms nobody; `skipped` and `reverted`: the ledger takes no part of it; `proven`: what its teller signed
 * proves it; `uncaught`: nothing here can.
 */
export type Fate =
  | 'refuted'
  | 'incomplete'
  | 'refused'
  | 'stale'
  | 'unchanged'
  | 'warned'
  | 'void'
  | 'skipped'
  | 'reverted'
  | 'proven'
  | 'uncaught';

/** One lie, and what catches it: a row of docs/threat-model.md. */
export type Lie = {
  /** Unique; the document names it so. */
  readonly lie: string;
  readonly by: Teller;
  /** Step and code of the check that catches it, or what else does. */
  readonly caughtBy: string;
  readonly fate: Fate;
};

export type ReportTelling = {
  /** Changes the honest report before it reaches the reader; may return another in its place, or its text. */
  readonly tell?: (report: Report, system: System) => unknown;
  /** What is asked about; by default the car. */
  readonly vin?: string;
};

/** A lie in a report, told to each of some readers through the proxies. */
export type ReportLie = Lie &
  ReportTelling & {
    readonly readers?: readonly ReaderName[];
    readonly operator?: (system: System) => OperatorLie;
    readonly rpc?: (system: System) => RpcLie | Promise<RpcLie>;
    readonly reading?: (system: System) => ReadOptions | Promise<ReadOptions>;
    /** Codes of findings that the reader is told all the same. */
    readonly stillFound?: readonly string[];
  };

/** A lie that is no report's: it says itself what became of it. */
export type OtherLie = Lie & {
  readonly run: (system: System) => Promise<{ readonly fate: Fate; readonly caughtBy: string }>;
};
