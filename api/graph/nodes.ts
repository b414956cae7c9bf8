import { concat, lengthPrefixed } from '../../core/bytes.ts';
import { type Identifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import type { Keyring } from '../keyring/keyring.ts';

/** A thing as the database names it: a UUID as text, in lower case. */
export type Node = string & { readonly __brand: 'Node' };

/**
 * Names things (vehicles, batches, serialised parts) for the tables of the supply graph: the first 16 bytes of
 * HMAC-SHA-256 over `lp(type) ‖ lp(scope) ‖ lp(value)` under a key of the keyring. Whoever reads the database without the
 * keyring learns nothing from them, and two operators' names for one thing have nothing in common. A name takes some
 * microseconds, where the pseudonym of docs/protocol.md §1 takes a round of the evaluator.
 */
export interface Nodes {
  nodeOf(identifier: Identifier): Node;
  /** The same of an identifier's text, as envelopes carry it. @throws as {@link parseIdentifier} */
  nodeOfText(identifier: string): Node;
}

export function createNodes(keyring: Pick<Keyring, 'lookup'>): Nodes {
  // Neighbours in a list nearly always share type and scope.
  let last = { type: '', scope: '', beginning: new Uint8Array() };
  const nodeOf = ({ type, scope, value }: Identifier): Node => {
    if (type !== last.type || scope !== last.scope) {
      last = { type, scope, beginning: concat(lengthPrefixed(type), lengthPrefixed(scope)) };
    }
    return uuidOf(keyring.lookup(concat(last.beginning, lengthPrefixed(value))));
  };
  return { nodeOf, nodeOfText: (text) => nodeOf(parseIdentifier(text, { overrideCheckDigit: true })) };
}

/** The first 16 bytes as PostgreSQL writes a UUID. */
function uuidOf(bytes: Uint8Array): Node {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, 16).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as Node;
}
