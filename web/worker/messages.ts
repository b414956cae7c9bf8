import type { Hex } from '../../core/bytes.ts';
import type { Address } from '../../core/chain/types.ts';
import type { Outcome, StepName, Verification } from '../../core/verify/result.ts';
import type { Source, Trouble } from '../model/judgement.ts';
import type { ReportView } from '../model/view.ts';

/** Why something did not work, for the page to put into words. */
export type Failure = {
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** Of an answer of the service: its own sentence and request id. */
  readonly message?: string;
  readonly requestId?: string;
};

/** What the service says of a share link that it opened. */
export type Shared = {
  readonly purpose: string;
  /** Seconds since 1970, included. */
  readonly until: number;
  /** How many times it was opened, this one counted. */
  readonly openings: number;
};

export type Pages = 'same' | 'different' | 'otherLayout';

export type CheckOrder = {
  readonly trust: { readonly chainId: string; readonly directory: Address };
  readonly endpoints: readonly string[];
  readonly operatorOnly: boolean;
  /** Block hashes that the reader vouches for, by chain: then nothing is asked of the network. */
  readonly trustedHashes: Readonly<Record<string, Hex>> | null;
  /** A storage proof of an older block than this (seconds since 1970) is not worth taking while endpoints answer. */
  readonly freshSince: number;
};

/** What the page asks of the worker. `run` tells answers to a question that nobody asks any longer. */
export type Order =
  | {
      readonly type: 'fetch';
      readonly run: number;
      readonly url: string;
      readonly identifier: string;
      /** Of whoever is signed in. */
      readonly token: string | null;
    }
  /** Opens a share link: the token goes in the body, never in an address. */
  | { readonly type: 'share'; readonly run: number; readonly url: string; readonly token: string }
  | { readonly type: 'open'; readonly run: number; readonly file: Blob }
  /** `check` tells the news of this one from those of an earlier one, which may end later. */
  | { readonly type: 'check'; readonly run: number; readonly check: number; readonly order: CheckOrder }
  | { readonly type: 'save'; readonly run: number }
  | {
      readonly type: 'document';
      readonly run: number;
      readonly cid: string;
      readonly key: string;
      readonly bytes: number;
      readonly mediaType: string;
      readonly gateways: readonly string[];
    };

export type CheckResult = {
  readonly verification: Verification;
  readonly view: ReportView;
  readonly sources: readonly Source[];
  readonly troubles: readonly Trouble[];
  readonly milliseconds: number;
};

export type OpenedDocument = {
  readonly cid: string;
  /** What the bytes are, by their own beginning; null for anything that the page does not show. */
  readonly shows: 'image' | 'pdf' | null;
  readonly content: Blob;
  /** How many blocks were checked against their digests. */
  readonly blocks: number;
};

/** What the worker tells. */
export type News =
  | {
      readonly type: 'read';
      readonly run: number;
      readonly view: ReportView;
      /** Of a PDF: whether its pages are those that the attached report gives. */
      readonly pages: Pages | null;
      readonly shared: Shared | null;
    }
  | {
      readonly type: 'step';
      readonly run: number;
      readonly check: number;
      readonly step: StepName;
      readonly outcome: Outcome;
    }
  | { readonly type: 'waiting'; readonly run: number; readonly check: number; readonly endpoint: string }
  | { readonly type: 'checked'; readonly run: number; readonly check: number; readonly result: CheckResult }
  | { readonly type: 'failed'; readonly run: number; readonly check?: number; readonly failure: Failure }
  | { readonly type: 'saved'; readonly run: number; readonly file: Blob }
  | { readonly type: 'document'; readonly run: number; readonly document: OpenedDocument }
  | {
      readonly type: 'documentFailed';
      readonly run: number;
      readonly cid: string;
      readonly failure: Failure;
    };
