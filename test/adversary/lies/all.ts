import type { Lie, OtherLie, ReportLie } from '../lie.ts';
import { alertLies } from './alerts.ts';
import { attesterLies } from './attesters.ts';
import { documentLies } from './documents.ts';
import { endpointLies } from './endpoints.ts';
import { fileLies } from './files.ts';
import { graphLies } from './graph.ts';
import { ledgerLies } from './ledgers.ts';
import { operatorLies } from './operator.ts';
import { partDeedLies } from './partDeeds.ts';
import { partLies, partStatementLies } from './parts.ts';
import { privacyLies } from './privacy.ts';
import { proofLies } from './proofs.ts';
import { recallLies } from './recalls.ts';
import { relayerLies } from './relayer.ts';
import { setLies } from './sets.ts';
import { statementLies } from './statements.ts';
import { titleDeedLies } from './titleDeeds.ts';
import { titleLies } from './titles.ts';

/** Lies told in a report, by who makes it, who keeps it, or whom the reader asks. Those of the ledgers come last. */
export const reportLies: readonly (readonly [string, readonly ReportLie[]])[] = [
  ['in a report', operatorLies],
  ['of a title, in a report', titleLies],
  ['of a safety part, in a report', partLies],
  ['by a storage proof', proofLies],
  ['by an endpoint of the chain', endpointLies],
  ['in a file', fileLies],
];

export const otherLies: readonly (readonly [string, readonly OtherLie[]])[] = [
  ['beside the report', statementLies],
  ['by an IPFS node', documentLies],
  ['by an attester', attesterLies],
  ['by a relayer', relayerLies],
  ['on a title', titleDeedLies],
  ['on a safety part', partDeedLies],
  ['of a safety part', partStatementLies],
  ['of the serials of a batch', setLies],
  ['of a recall', recallLies],
  ['of what is in what', graphLies],
  ['of an alert, or of a part code', alertLies],
  ['of what is private', privacyLies],
];

export const lastLies: readonly (readonly [string, readonly ReportLie[]])[] = [
  ['by a second ledger', ledgerLies],
];

export const allLies: readonly Lie[] = [...reportLies, ...lastLies, ...otherLies].flatMap(
  ([, lies]): readonly Lie[] => lies,
);
