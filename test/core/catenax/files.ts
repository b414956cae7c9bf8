import { readFileSync } from 'node:fs';
import { formatLedgerId, parseLedgerId } from '../../../core/chain/ledgerId.ts';
import type { OrganisationId, Subject } from '../../../core/chain/types.ts';
import { composeEntry, openEnvelope, openSealed } from '../../../core/envelope/envelope.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { contentOf, type Statement } from '../../../core/supply/statement.ts';
import type { Verification, VerifiedEntry } from '../../../core/verify/result.ts';
import { sharedFile } from '../../shared.ts';

const IMPORTS = 'catena-x/imports';

/** A file of the shared data, parsed; null after one line where it is not here. */
export function importFile(name: string): unknown {
  const path = sharedFile(`${IMPORTS}/${name}`);
  return path === null ? null : JSON.parse(readFileSync(path, 'utf8'));
}

export const COMPANIES = ['import-test-data-CML1_v0.0.14.json', 'import-test-data-2BR4_v1.0.1.json'] as const;
export const SUPPLIER = 'validImportFile.json';
export const VALID = ['validImportFile.json', 'validImportFile-onlyAsBuiltAsset.json'] as const;
export const INVALID = {
  'invalidImportFile.json': 'catenax.malformed',
  'invalidImportFileBadStructure.json': 'catenax.malformed',
  'invalidImportFile-notSupportedAspect.json': 'catenax.unknownAspect',
} as const;

const ledger = parseLedgerId(`eip155:31337:0x${'12'.repeat(20)}`);
const ORGANISATION = 7n as OrganisationId;

/**
 * What a verification finds in a history of one entry: this statement’s, composed, encrypted and opened again.
 * @param opened whether the reader was given the disclosures of what is sealed
 */
export function verificationOf(statement: Statement, { opened = true } = {}): Verification {
  const identifier = parseIdentifier(statement.identifier, { overrideCheckDigit: true });
  const subject = `0x${'34'.repeat(32)}` as Subject;
  const content = contentOf(statement);
  const composed = composeEntry(ledger, ORGANISATION, { subject, identifier }, content);
  const envelope = openEnvelope(composed.block, composed.key);
  const disclosures = opened ? composed.disclosures : [];
  const sealed = openSealed(envelope, disclosures);
  const { kind, digest } = composed.entry;
  const entry: VerifiedEntry = {
    ledger: formatLedgerId(ledger),
    chain: subject,
    position: 0,
    link: { kind, organisation: ORGANISATION, timestamp: 1_800_000_000n, digest },
    status: 'proven',
    envelope,
    sealed,
    seals: { digests: composed.disclosures.length, opened: disclosures.length },
  };
  return {
    verdict: 'verified',
    identifier: statement.identifier,
    subjects: [],
    asOf: [],
    steps: [],
    entries: [entry],
    organisations: [],
    titles: [],
    parts: [],
    effective: [],
    effectiveOwn: [],
    unreadable: [],
    retracted: [],
    findings: [],
    summary: null,
  };
}
