import type { Json } from '../canonical.ts';
import type { Content } from '../envelope/envelope.ts';

/*
 * What a company's own systems say of its supply chain, in one form: tables, EPCIS events and Catena-X twins are read into
 * statements by pure functions, and statements become entries. Whatever a mapper cannot say is named, never dropped.
 */

export type SourceSystem = 'csv' | 'epcis' | 'catenax';

/** Where a statement comes from, in the terms of its system. */
export type StatementSource = {
  readonly system: SourceSystem;
  /** The event's, asset's or row's own name: what makes it the same one when it is read again. */
  readonly id: string;
  /** Whose it is, where several may go by one name: the twins of two companies. */
  readonly of?: string;
  /** The event hash of CBV 2.0, `ni:///sha-256;…?ver=CBV2.0`: an identifier to match partners by, no proof of content. */
  readonly hash?: string;
};

/** One entry to be: what is said, and of which subject. */
export type Statement = {
  /** The subject's identifier as text, normalised; `organisation:own` for the attester's own chain. */
  readonly identifier: string;
  readonly content: Content;
  readonly source: StatementSource;
  /**
   * The members of the set whose root the content states (serials of a batch), as identifiers: the operator is given them
   * after the entry, to prove what is in the set and what is not.
   */
  readonly members?: readonly string[];
};

/** That one thing is, or was, in another: identifiers as text, normalised. */
export type SupplyEdge = {
  readonly parent: string;
  readonly child: string;
  readonly relation: 'builtFrom' | 'mounted' | 'madeOf' | 'memberOf';
  /** A date or an instant in UTC; absent where the source does not say. */
  readonly from?: string;
  readonly until?: string;
  readonly source: StatementSource;
};

/** Something that was read and is not said, and why. */
export type MappingProblem = {
  /** `epcis.*`, `catenax.*`, `csv.*`, or the code of the rule that refused it. */
  readonly code: string;
  /** Where in the source: a path (`events[3].epcList[0]`), a row and column. */
  readonly at: string;
  readonly source?: StatementSource;
  /** In words, for people. */
  readonly detail?: string;
  /** It only names what no entry says: the rest stands. Without it nothing of this source is imported. */
  readonly note?: true;
};

export type Mapping = {
  readonly statements: readonly Statement[];
  readonly edges?: readonly SupplyEdge[];
  readonly problems: readonly MappingProblem[];
};

/**
 * The content of a statement with its source among the sealed fields (`eventId`, `eventHash`), so that partners find the
 * event again and nobody else learns of it: an event hash of few unknowns can be guessed.
 */
export function contentOf({ content, source }: Statement): Content {
  const named: Record<string, Json> = { eventId: source.id };
  if (source.hash !== undefined) named.eventHash = source.hash;
  return { ...content, sealed: { ...content.sealed, ...named } };
}
