import type { Hex } from '../bytes.ts';
import type { Address, Head } from '../chain/types.ts';
import { VinculumError } from '../errors.ts';
import type { ChainView } from '../verify/chainView.ts';
import type { HeadName } from '../verify/headClaims.ts';
import { type HeaderCodec, readHeader } from './header.ts';
import { accountAt, mappingSlot, NO_CODE, storageAt } from './state.ts';
import { trieNodes } from './trie.ts';

/** Where the contracts keep what readers prove; promised by `ILedger`, `IDirectory` and `IOrganisations`. */
export const SLOTS = {
  directoryHead: 1n,
  pseudonymKey: 3n,
  heads: 4n,
  ownHeads: 5n,
  organisationHeads: 1n,
} as const;

/** The slot of a head in its contract. */
export function slotOf(head: HeadName): Hex {
  switch (head.of) {
    case 'directory':
      return plainSlot(SLOTS.directoryHead);
    case 'subject':
      return mappingSlot(head.subject, SLOTS.heads);
    case 'ownChain':
      return mappingSlot(head.organisation, SLOTS.ownHeads);
    case 'organisation':
      return mappingSlot(head.organisation, SLOTS.organisationHeads);
  }
}

/** State of one chain at one block: the header, and the trie nodes on the way to everything that was asked. */
export type StateProof = {
  readonly chainId: bigint;
  readonly codec: HeaderCodec;
  /** RLP of the block's header. */
  readonly header: Uint8Array;
  readonly nodes: readonly Uint8Array[];
};

/** The slot that holds a number 0–63 as a 32-byte key. */
export function plainSlot(slot: bigint): Hex {
  return `0x${slot.toString(16).padStart(64, '0')}`;
}

/**
 * A view of a chain by storage proofs (EIP-1186), checked against a block hash that the reader trusts: no network.
 * @param final whether the reader knows that block to be final
 * @throws `proof.otherBlock` when the header is not that block's; reading throws the `proof.*` codes
 */
export function proofView(proof: StateProof, trustedHash: Hex, final: boolean): ChainView {
  const header = readHeader(proof.header, proof.codec);
  if (header.hash !== trustedHash) {
    throw new VinculumError('proof.otherBlock', 'The proof is of another block than the one you trust.', {
      details: { expected: trustedHash, found: header.hash },
    });
  }
  const nodes = trieNodes(proof.nodes);
  const read = async (contract: Address, slot: Hex): Promise<Hex> =>
    storageAt(accountAt(header.stateRoot, contract, nodes), slot, nodes);
  const readHead = async (contract: Address, head: HeadName): Promise<Head> =>
    (await read(contract, slotOf(head))) as Head;
  const block = { number: header.number, hash: header.hash, timestamp: header.timestamp };
  return {
    chainId: proof.chainId,
    block,
    final: final ? block : null,
    endpoints: 0,
    directoryHead: (directory) => readHead(directory, { of: 'directory' }),
    codeHash: async (contract) => accountAt(header.stateRoot, contract, nodes)?.codeHash ?? NO_CODE,
    pseudonymKey: (ledger) => read(ledger, plainSlot(SLOTS.pseudonymKey)),
    head: (ledger, subject) => readHead(ledger, { of: 'subject', subject }),
    ownHead: (ledger, organisation) => readHead(ledger, { of: 'ownChain', organisation }),
    organisationHead: (organisations, organisation) =>
      readHead(organisations, { of: 'organisation', organisation }),
  };
}
