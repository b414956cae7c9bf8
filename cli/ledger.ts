import { fromBase64Url, fromHex, toHex, word } from '../core/bytes.ts';
import { type DirectoryLink, foldDirectory } from '../core/chain/directory.ts';
import { parseLedgerId } from '../core/chain/ledgerId.ts';
import {
  type Address,
  type LedgerAddress,
  type OrganisationId,
  type Subject,
  ZERO_HEAD,
} from '../core/chain/types.ts';
import type { Identifier } from '../core/identifiers/identifier.ts';
import { selector } from '../core/verify/chainView.ts';
import type { Trust } from '../core/verify/verify.ts';
import { decodeDirectoryLog, readHeader, readLogs, readWords } from './chain.ts';
import { CommandError } from './exit.ts';
import { createTranscriptVerifier } from './pseudonyms.ts';
import type { Rpc } from './rpc.ts';

export const selectors = {
  directoryHead: selector('head()'),
  heads: selector('heads(bytes32)'),
  ownHeads: selector('ownHeads(uint64)'),
  organisationHeads: selector('heads(uint64)'),
  pseudonymKey: selector('pseudonymKey()'),
  nonceUsed: selector('nonceUsed(uint64,uint256)'),
} as const;

/** The directory's list at a block, proven by its head there. @throws `directory.head` (exit 1) */
export async function readDirectory(
  rpc: Rpc,
  trust: Trust,
  block: number,
  onProgress?: (blocks: number) => void,
): Promise<DirectoryLink[]> {
  const logs = await readLogs(rpc, { address: trust.directory }, { from: 0, to: block }, onProgress);
  const links = logs.map(decodeDirectoryLog).flatMap((event) => (event === null ? [] : [event.link]));
  const [head] = await readWords(rpc, [{ to: trust.directory, data: selectors.directoryHead }], block);
  if (head !== foldDirectory(links)) {
    throw new CommandError(
      'failed',
      'directory.head',
      'The directory’s logs do not lead to its head on chain.',
      {
        details: { expected: head, found: foldDirectory(links) },
      },
    );
  }
  return links;
}

/** A ledger that is open to writing, as the chain has it, with what a signer must check before signing for it. */
export type OpenLedger = {
  readonly address: LedgerAddress;
  readonly organisations: Address;
  /** The subject of an identifier by the operators' transcript. @throws `pseudonym.invalidTranscript` */
  subject(identifier: Identifier, transcript: WireTranscript): Subject;
  /** The subjects among these that have any entry now. */
  recorded(subjects: readonly Subject[]): Promise<Set<Subject>>;
  /** Whether the ledger has used up a nonce. */
  nonceUsed(organisation: OrganisationId, nonce: bigint): Promise<boolean>;
  readonly rpc: Rpc;
};

export type WireTranscript = { readonly evaluated: string; readonly proof: string };

/**
 * Opens a ledger for signing: it is in the reader's own directory, not closed, and its pseudonym key is read from chain.
 * @throws `ledger.notInDirectory` `ledger.closed` `ledger.pseudonymKey`, all exit 1: a service that names such a ledger
 *   is not to be signed for
 */
export async function openLedger(rpc: Rpc, trust: Trust, ledgerId: string): Promise<OpenLedger> {
  const address = parseLedgerId(ledgerId);
  const block = await readHeader(rpc, 'latest');
  const links = await readDirectory(rpc, trust, block?.number ?? 0);
  const added = links.filter((link) => link.change === 'added');
  const index = added.findIndex(
    (link) => link.chainId === address.chainId && link.ledger === address.address,
  );
  const record = added[index];
  if (record === undefined || address.chainId !== trust.chainId) {
    throw refuse(
      'ledger.notInDirectory',
      `The service writes to ${ledgerId}, which your directory does not list.`,
    );
  }
  if (links.some((link) => link.change === 'closed' && link.index === BigInt(index))) {
    throw refuse('ledger.closed', `${ledgerId} is closed to writing: use a service of its successor.`);
  }
  const [key] = await readWords(
    rpc,
    [{ to: address.address, data: selectors.pseudonymKey }],
    block?.number ?? 0,
  );
  if (key !== record.pseudonymKey) {
    throw refuse(
      'ledger.pseudonymKey',
      'The ledger’s pseudonym key is not the one that the directory records.',
    );
  }
  const verifier = await createTranscriptVerifier(fromHex(record.pseudonymKey, 32));
  const latest = async (): Promise<number> => (await readHeader(rpc, 'latest'))?.number ?? 0;
  return {
    address,
    rpc,
    organisations: record.organisations,
    subject: (identifier, transcript) =>
      verifier.verify(identifier, {
        evaluated: fromBase64Url(transcript.evaluated),
        proof: fromBase64Url(transcript.proof),
      }),
    async recorded(subjects) {
      const calls = subjects.map((subject) => ({
        to: address.address,
        data: selectors.heads + subject.slice(2),
      }));
      const heads = await readWords(rpc, calls, await latest());
      return new Set(subjects.filter((_, position) => heads[position] !== ZERO_HEAD));
    },
    async nonceUsed(organisation, nonce) {
      const data = selectors.nonceUsed + hex(word(organisation)) + hex(word(nonce));
      const [used] = await readWords(rpc, [{ to: address.address, data }], await latest());
      return BigInt(used ?? '0x0') === 1n;
    },
  };
}

function refuse(code: string, message: string): CommandError {
  return new CommandError('failed', code, message);
}

function hex(bytes: Uint8Array): string {
  return toHex(bytes).slice(2);
}
