import { toHex } from '../../core/bytes.ts';
import type { Address, Digest, OrganisationId, Subject } from '../../core/chain/types.ts';
import {
  isPartAction,
  type ModuleAction,
  moduleOf,
  type PartAction,
  type TitleAction,
} from '../../core/modules/action.ts';
import type { ExecutedEvent } from './logs.ts';

/*
 * Actions of the modules as the tables have them: those of `Titles` and of `Parts` in the same columns, the vehicle of a
 * part's action as its `detail`. The view `actions` is of both.
 */

/** The columns of an action that was executed, in `titles` and in `parts`. */
export const actionColumns = {
  action_hash: 'bytea',
  action_subject: 'bytea',
  action_revision: 'int8',
  kind: 'int2',
  deadline: 'numeric',
  organisation: 'int8',
  party: 'bytea',
  until: 'numeric',
  detail: 'bytea',
  digest: 'bytea',
  actor: 'bytea',
  block_number: 'int8',
  log_index: 'int4',
  transaction_hash: 'bytea',
} as const;

export function rowOfAction(event: ExecutedEvent) {
  return {
    action_hash: event.actionHash,
    action_subject: event.subject,
    action_revision: event.revision,
    kind: event.kind,
    deadline: event.deadline,
    organisation: event.organisation,
    party: event.party,
    until: event.until,
    detail: event.detail,
    digest: event.digest,
    actor: event.actor,
    block_number: event.blockNumber,
    log_index: event.logIndex,
    transaction_hash: event.transactionHash,
  };
}

/** An action in columns: what all have, and what only those of `Titles` have a meaning of their own for. */
type Columns = {
  readonly kind: number;
  readonly subject: Uint8Array;
  readonly revision: bigint;
  readonly deadline: bigint;
  readonly organisation: bigint;
  readonly party: Uint8Array;
  readonly until: bigint;
  readonly detail: Uint8Array;
  readonly digest: Uint8Array;
};

const commonOf = (row: Columns) => ({
  kind: row.kind,
  subject: toHex(row.subject) as Subject,
  revision: row.revision,
  deadline: row.deadline,
  organisation: row.organisation as OrganisationId,
  digest: toHex(row.digest) as Digest,
});

export function titleActionOf(row: Columns): TitleAction {
  return {
    ...commonOf(row),
    party: toHex(row.party) as Address,
    until: row.until,
    detail: toHex(row.detail),
  };
}

export function partActionOf(row: Columns): PartAction {
  return { ...commonOf(row), vehicle: toHex(row.detail) as Subject };
}

/** The action that a row or an event is of, by its kind. */
export function actionOfColumns(row: Columns): ModuleAction {
  return moduleOf(row.kind) === 'parts' ? partActionOf(row) : titleActionOf(row);
}

const NOBODY = Buffer.alloc(20);

/** What a table has of an action in columns that mean something else for each module. */
export function columnsOfAction(action: ModuleAction) {
  const bytes = (hex: string) => Buffer.from(hex.slice(2), 'hex');
  if (isPartAction(action)) return { party: NOBODY, until: 0n, detail: bytes(action.vehicle) };
  return { party: bytes(action.party), until: action.until, detail: bytes(action.detail) };
}

/** The columns of an action in `actions t`. */
export const ACTION_FIELDS =
  't.kind, t.action_subject, t.action_revision, t.deadline, t.organisation, t.party, t.until, t.detail, t.digest';

export interface ActionFields {
  readonly kind: number;
  readonly action_subject: Uint8Array;
  readonly action_revision: bigint;
  readonly deadline: string;
  readonly organisation: bigint;
  readonly party: Uint8Array;
  readonly until: string;
  readonly detail: Uint8Array;
  readonly digest: Uint8Array;
}

export function actionOfFields(row: ActionFields): ModuleAction {
  return actionOfColumns({
    ...row,
    subject: row.action_subject,
    revision: row.action_revision,
    deadline: BigInt(row.deadline),
    until: BigInt(row.until),
  });
}
