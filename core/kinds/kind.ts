import * as z from 'zod/mini';
import type { SubjectType } from '../identifiers/identifier.ts';
import { documents } from './fields.ts';
import type { Role } from './roles.ts';

/** One sort of thing that can happen: its number on chain, its schema, and who may attest it on what. */
export type Kind<Name extends string = string, Public extends z.ZodMiniObject = z.ZodMiniObject> = {
  /** 0–255; those below 32 are modules’, and only a transition there writes them. */
  readonly number: number;
  readonly name: Name;
  readonly version: number;
  /** One sentence for the reader of the schema. */
  readonly description: string;
  /** What it can happen to; `own` is the attester's own chain. */
  readonly subjects: readonly SubjectType[];
  /** The roles of organisations that a registrar grants this kind to; none where an owner acts. */
  readonly roles: readonly Role[];
  /** Schema of the envelope's `data` without `_sd`; unknown members are refused. */
  readonly public: Public;
  /** Schema of each sealed field; a name that ends in `:*` stands for all names with that beginning. */
  readonly sealed: Readonly<Record<string, z.ZodMiniType>>;
  readonly example: {
    readonly data: z.infer<Public>;
    readonly sealed: Readonly<Record<string, unknown>>;
  };
};

/** Keeps the literal name and the exact schema in the type. */
export function defineKind<const Name extends string, Public extends z.ZodMiniObject>(
  kind: Kind<Name, Public>,
): Kind<Name, Public> {
  return kind;
}

type Documented<Shape extends z.core.$ZodShape> = Shape & {
  documents: z.ZodMiniExactOptional<typeof documents>;
};

/** The schema of a kind's public fields; every kind may list documents. */
export function publicFields<Shape extends z.core.$ZodShape>(shape: Shape) {
  const fields: Documented<Shape> = { ...shape, documents: z.exactOptional(documents) };
  return z.strictObject(fields);
}
