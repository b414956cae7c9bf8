import { concat, fromUtf8, lengthPrefixed, utf8 } from '../../core/bytes.ts';
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
  /** A maker, by its name in any case. */
  nodeOfMaker(manufacturerId: string): Node;
  /** A maker's part number. */
  nodeOfNumber(manufacturerId: string, partNumber: string): Node;
  /** An identifier's text as the table `things` keeps it. */
  wrapped(node: Node, identifier: string): Uint8Array;
  /** @throws `keyring.unwrap` */
  identifierOf(node: Node, wrapped: Uint8Array): string;
}

type Beginning = { readonly type: string; readonly scope: string; readonly beginning: Uint8Array };

export function createNodes(keyring: Pick<Keyring, 'lookup' | 'wrap' | 'unwrap'>): Nodes {
  // Neighbours in a list nearly always share type and scope.
  let last: Beginning = { type: '', scope: '', beginning: new Uint8Array() };
  const nodeOf = ({ type, scope, value }: Identifier): Node => {
    if (type !== last.type || scope !== last.scope) {
      last = { type, scope, beginning: concat(lengthPrefixed(type), lengthPrefixed(scope)) };
    }
    return uuidOf(keyring.lookup(concat(last.beginning, lengthPrefixed(value))));
  };
  // No identifier is of such a type.
  const nodeOfName = (type: string, scope: string, value: string): Node =>
    uuidOf(keyring.lookup(concat(lengthPrefixed(type), lengthPrefixed(scope), lengthPrefixed(value))));
  return {
    nodeOf,
    nodeOfText: (text) => nodeOf(parseIdentifier(text, { overrideCheckDigit: true })),
    nodeOfMaker: (maker) => nodeOfName('maker', maker.toLowerCase(), ''),
    nodeOfNumber: (maker, number) => nodeOfName('partNumber', maker.toLowerCase(), number),
    wrapped: (node, identifier) => keyring.wrap('identifier', utf8(identifier), nodeBytes(node)),
    identifierOf: (node, wrapped) => fromUtf8(keyring.unwrap('identifier', wrapped, nodeBytes(node))),
  };
}

/** A node as the context of what is wrapped for it. */
export function nodeBytes(node: Node): Uint8Array {
  return Buffer.from(node.replaceAll('-', ''), 'hex');
}

/** The first 16 bytes as PostgreSQL writes a UUID. */
function uuidOf(bytes: Uint8Array): Node {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, 16).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as Node;
}
