import { toHex } from '../../core/bytes.ts';
import type { ModuleAction } from '../../core/modules/action.ts';
import { type ReportLink, type ReportOrganisation, reportAction } from '../../core/report/report.ts';

/** A row of `links` or `own_links`. */
export type LinkRow = {
  readonly kind: number;
  readonly organisation: bigint | null;
  readonly module?: Uint8Array | null;
  readonly actor?: Uint8Array | null;
  readonly action_hash?: Uint8Array | null;
  readonly timestamp: bigint;
  readonly digest: Uint8Array;
  readonly block_number: bigint;
  readonly transaction_hash: Uint8Array;
};

/** @param action what a module's link stands for, where the index knows it */
export function reportLink(row: LinkRow, action?: ModuleAction): ReportLink {
  const anchor = { block: Number(row.block_number), transaction: toHex(row.transaction_hash) };
  const common = { kind: row.kind, timestamp: Number(row.timestamp), digest: toHex(row.digest), ...anchor };
  if (row.organisation !== null) return { ...common, organisation: row.organisation.toString() };
  const { module, actor, action_hash: actionHash } = row;
  if (!module || !actor || !actionHash) throw new TypeError('a link is of an organisation or of a module');
  return {
    ...common,
    module: toHex(module),
    actor: toHex(actor),
    actionHash: toHex(actionHash),
    ...(action === undefined ? {} : { action: reportAction(action) }),
  };
}

export type ChangeRow = {
  readonly organisation: bigint;
  readonly change: number;
  readonly value: Uint8Array;
  readonly timestamp: bigint;
};

export function reportChange(row: ChangeRow): ReportOrganisation['changes'][number] {
  return { change: row.change, timestamp: Number(row.timestamp), value: toHex(row.value) };
}

export type DirectoryRow = {
  readonly change: 'added' | 'closed';
  readonly ledger_index: bigint;
  readonly chain_id: string | null;
  readonly ledger: Uint8Array | null;
  readonly organisations: Uint8Array | null;
  readonly code_hash: Uint8Array | null;
  readonly pseudonym_key: Uint8Array | null;
  readonly closed_at: string | null;
};

const EMPTY = new Uint8Array();

export function directoryLink(row: DirectoryRow) {
  if (row.change === 'closed') {
    return {
      change: 'closed' as const,
      index: row.ledger_index.toString(),
      closedAt: row.closed_at ?? '0',
    };
  }
  return {
    change: 'added' as const,
    chainId: row.chain_id ?? '',
    ledger: toHex(row.ledger ?? EMPTY),
    organisations: toHex(row.organisations ?? EMPTY),
    codeHash: toHex(row.code_hash ?? EMPTY),
    pseudonymKey: toHex(row.pseudonym_key ?? EMPTY),
  };
}
