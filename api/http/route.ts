import type { Request, Response } from 'express';
import type * as z from 'zod';
import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config.ts';
import type { Services } from '../services.ts';

/**
 * Who may call: anyone; a signed-in organisation; a signed-in account of its own (an owner, a buyer, a grantee); either
 * of these two; or the operator by the token in the data folder.
 */
export type Access = 'anyone' | 'organisation' | 'account' | 'signedIn' | 'operator';

type Schema = z.core.$ZodType;
type OutputOf<T> = T extends Schema ? z.core.output<T> : undefined;

export type BodyDefinition<B extends Schema = Schema> =
  | {
      readonly kind: 'json';
      readonly schema: B;
      readonly limit: keyof Config['limits'];
      /** The handler validates by this schema itself, and says so with codes of its own. */
      readonly checkedByHandler?: true;
    }
  /** The handler reads the request itself, as it comes. */
  | {
      readonly kind: 'stream';
      readonly mediaTypes: readonly string[];
      readonly limit: keyof Config['limits'];
    };

export type ResponseDefinition = {
  readonly description: string;
  /** Absent: no content. */
  readonly mediaType?: string;
  readonly schema?: Schema;
};

export type Input<P = unknown, Q = unknown, B = unknown> = {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly caller: Caller;
  readonly request: Request;
  readonly response: Response;
};

export type Answer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
} & (
  | { readonly body: unknown }
  | { readonly text: string; readonly mediaType: string }
  | { readonly stream: AsyncIterable<string | Uint8Array>; readonly mediaType: string }
  | { readonly empty: true }
);

/**
 * One route, described once: what it takes is validated by this description, and the OpenAPI document is made of it.
 * Paths are written as OpenAPI writes them: `/v1/vehicles/{id}`.
 */
export type RouteDefinition<
  P extends Schema | undefined = Schema | undefined,
  Q extends Schema | undefined = Schema | undefined,
  B extends Schema | undefined = Schema | undefined,
> = {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  readonly path: string;
  readonly name: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description?: string;
  readonly access: Access;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: BodyDefinition<B extends Schema ? B : Schema>;
  readonly responses: Readonly<Record<number, ResponseDefinition>>;
  /** The codes of its own failures; those of every route are added to the document by themselves. */
  readonly problems: readonly string[];
  /** Not counted among a caller's requests. */
  readonly uncounted?: true;
  /** Described here, answered by a router of its own. */
  readonly elsewhere?: true;
  handle(input: Input<OutputOf<P>, OutputOf<Q>, OutputOf<B>>, services: Services): Promise<Answer>;
};

export type Route = RouteDefinition;

export const tags = {
  Subjects: 'Identifiers and the subjects that they stand for.',
  Submissions: 'Signed entries on their way to the ledger.',
  Documents: 'Encrypted documents and blocks, by CID.',
  Titles: 'Who owns a vehicle, what stands against its sale, and the actions that change it.',
  Vehicles: 'Histories of vehicles.',
  Parts: 'Histories of part batches and serialised parts.',
  Alerts: 'What is wrong with batches and parts, from company to company.',
  'Supply chain': 'What is in what: up to the vehicles, down to the last tier, and whom a fault reaches.',
  Claims: 'Search for insurers.',
  Privacy: 'Owners’ consents, share links, and the log of who was shown what is sealed.',
  Recalls: 'Campaigns, and how far they have come.',
  Notices: 'What each organisation and each owner is told, and what fleets want to be told of.',
  Organisations: 'Who attests.',
  Access: 'Sign-in and API keys.',
  Service: 'Health, metrics and this description.',
  Erasure: 'What was destroyed, for good, and the receipts for it.',
  Operator: 'For whoever runs the service.',
} as const;
export type Tag = keyof typeof tags;

/** Keeps the exact types of the schemas for the handler, and forgets them for the table. */
export function defineRoute<
  P extends Schema | undefined = undefined,
  Q extends Schema | undefined = undefined,
  B extends Schema | undefined = undefined,
>(definition: RouteDefinition<P, Q, B>): Route {
  return definition as unknown as Route;
}
