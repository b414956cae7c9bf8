import { concat, lengthPrefixed } from '../../core/bytes.ts';
import { type Identifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import type { Keyring } from '../keyring/keyring.ts';

/** A thing as the database names it: a UUID as text, in lower case. */
export type Node = string & { readonly __brand: 'Node' };

/**
 * Names things (vehicles, batches, serialised parts) for the tables of the supply graph: the first 16 bytes of
 * HMAC-SHA-256 over `lp(type) ‖ lp(scope) ‖ lp(value)` under a key of the keyring. Whoever reads the database without the
 * keyring learns nothing from them, and two operators' names for one thing have nothing in common. A name takes about
 * 2 µs, where the pseudonym of protocol §1 takes a round of the evaluator.
 */
export interface Nodes {
  nodeOf(identifier: Identifier): Node;
  /** The same of an identifier as envelopes carry it. @throws as {@link parseIdentifier} */
  nodeOfText(identifier: string): Node;
}

export function createNodes(keyring: Pick<Keyring, 'lookup'>): Nodes {
  const nodeOf = ({ type, scope, value }: Identifier): Node => {
    const message = concat(lengthPrefixed(type), lengthPrefixed(scope), lengthPrefixed(value));
    const hex = Buffer.from(keyring.lookup(message).subarray(0, 16)).toString('hex');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') as Node;
  };
  return { nodeOf, nodeOfText: (text) => nodeOf(parseIdentifier(text, { overrideCheckDigit: true })) };
}
