import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as z from 'zod/mini';
import type { Kind } from '../core/kinds/kind.ts';
import { kinds, moduleKinds } from '../core/kinds/kinds.ts';

export const schemaFolder = join(import.meta.dirname, '..', 'docs', 'schemas');

function jsonSchemaOf(schema: z.ZodMiniType): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', unrepresentable: 'any' });
  return rest;
}

/** The JSON Schema of an envelope's `data` for one kind: its public fields, and `_sd` for the sealed ones. */
export function kindSchema(kind: Kind): Record<string, unknown> {
  const { properties, ...rest } = jsonSchemaOf(kind.public);
  const sealedDigest = { type: 'string', pattern: '^[A-Za-z0-9_-]{43}$' };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:vinculum:kind:${kind.name}:${kind.version}`,
    title: kind.name,
    description: kind.description,
    ...rest,
    properties: {
      ...(properties as object),
      _sd: {
        description: 'Digests of the sealed fields, sorted.',
        type: 'array',
        items: sealedDigest,
        uniqueItems: true,
      },
    },
    examples: [kind.example.data],
    $defs: {
      sealed: {
        description:
          'The value of each sealed field, by name; a name that ends in `:*` stands for all names with that beginning.',
        type: 'object',
        properties: Object.fromEntries(
          Object.entries(kind.sealed).map(([name, schema]) => [name, jsonSchemaOf(schema)]),
        ),
        examples: [kind.example.sealed],
      },
    },
    'x-vinculum': {
      number: kind.number,
      version: kind.version,
      subjects: kind.subjects,
      roles: kind.roles,
    },
  };
}

/** File name → content, for every kind. */
export function schemaFiles(): Map<string, string> {
  return new Map(
    Object.values<Kind>({ ...moduleKinds, ...kinds }).map((kind) => [
      `${kind.name}.v${kind.version}.json`,
      `${JSON.stringify(kindSchema(kind), null, 2)}\n`,
    ]),
  );
}

/** Names of the files in docs/schemas that are missing, stale or no kind's. */
export function staleSchemas(folder = schemaFolder): string[] {
  const wanted = schemaFiles();
  const present = readdirSync(folder);
  return [
    ...present.filter((name) => !wanted.has(name)),
    ...[...wanted]
      .filter(([name, content]) => {
        return !present.includes(name) || readFileSync(join(folder, name), 'utf8') !== content;
      })
      .map(([name]) => name),
  ];
}

function writeSchemas(folder = schemaFolder): void {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) if (!schemaFiles().has(name)) rmSync(join(folder, name));
  for (const [name, content] of schemaFiles()) writeFileSync(join(folder, name), content);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeSchemas();
  console.log(`${schemaFiles().size} schemas in docs/schemas.`);
}
