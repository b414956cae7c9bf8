import * as z from 'zod/mini';
import { type Client, createClient } from '../client.ts';
import type { Context } from '../context.ts';
import { type Exit, usageError } from '../exit.ts';
import { hashEpcis, inFile } from '../import/epcis.ts';
import { fileSize } from '../import/rows.ts';
import { counted, type Output, printable } from '../output.ts';
import { unlock } from '../password.ts';
import { signIn } from '../session.ts';
import { requireUrl } from '../settings.ts';
import { organisationOf } from '../signing.ts';
import { nameOf } from './verify.ts';

export type FindEpcisOptions = {
  readonly hash?: readonly string[];
  readonly id?: readonly string[];
  readonly keystore?: string;
  readonly passwordFile?: string;
  readonly organisation?: string;
};

const digest = z.string().check(z.regex(/^0x[0-9a-f]{64}$/));
const ownSchema = z.looseObject({
  digest,
  identifier: z.nullable(z.string()),
  kind: z.string(),
  anchored: z.boolean(),
  amended: z.nullable(z.looseObject({ digest, retracted: z.boolean() })),
});
const othersSchema = z.looseObject({
  organisation: z.string().check(z.regex(/^[1-9][0-9]{0,19}$/)),
  digest,
});
const searchSchema = z.looseObject({
  hashes: z.array(
    z.looseObject({ hash: z.string(), own: z.array(ownSchema), others: z.array(othersSchema) }),
  ),
  ids: z.array(z.looseObject({ id: z.string(), own: z.array(ownSchema) })),
  truncated: z.boolean(),
});
const organisationSchema = z.looseObject({ profile: z.unknown() });

type Found = {
  readonly own: readonly z.infer<typeof ownSchema>[];
  readonly others: readonly z.infer<typeof othersSchema>[];
};
/** An event that was asked for: by its hash, or where that is null, by its id. */
type Asked = { readonly hash: string | null; readonly id: string | null };

/** As many as the service looks up at once. */
const AT_ONCE = 1_000;
const HASH = /^ni:\/\/\/sha-256;[0-9a-f]{64}\?ver=CBV2\.0$/;
const NOTHING: Found = { own: [], others: [] };

/**
 * Lists which events of a document are on the ledger, and by whom: one's own entries, and those of partners who stated the
 * same event.
 */
export async function findEpcisCommand(
  context: Context,
  file: string | undefined,
  options: FindEpcisOptions,
): Promise<Exit> {
  const { output, signal } = context;
  const settings = context.settings();
  const url = requireUrl(settings);
  const asked = await askedFor(file, options, signal);
  const { keystore } = options;
  if (keystore === undefined) throw usageError('keystore.unnamed', 'Say who asks: --keystore NAME.');
  const key = await unlock(keystore, {
    file: options.passwordFile,
    dataFolder: settings.folder,
    ask: context.ask,
  });
  const organisation = organisationOf(key, options.organisation);
  const client = await signIn(createClient(url, { signal }), key, organisation);
  const { find, truncated } = await search(client, asked, output);
  const events = asked.map((event) => ({ ...event, ...find(event) }));
  const isThere = ({ own, others }: Found) => others.length > 0 || own.some(({ anchored }) => anchored);
  const found = events.filter(isThere).length;
  output.value({ file: file ?? null, events, found, missing: events.length - found, truncated });
  const names = output.json ? new Map<string, string>() : await namesOf(client, events);
  for (const event of events) show(output, event, names);
  output.line(`${found} of ${counted(events.length, 'event')} on the ledger.`);
  if (truncated) output.note('There is more than the service tells at once: ask for fewer events.');
  return found === events.length && !truncated ? 'ok' : 'incomplete';
}

/** @throws `epcis.*` for a file that is no EPCIS document, `epcis.nothing`, `epcis.hash` */
async function askedFor(
  file: string | undefined,
  { hash: hashes = [], id: ids = [] }: FindEpcisOptions,
  signal: AbortSignal,
): Promise<Asked[]> {
  const wrong = hashes.find((hash) => !HASH.test(hash));
  if (wrong !== undefined) {
    throw usageError(
      'epcis.hash',
      `An event hash is ni:///sha-256;<64 digits of 0–9, a–f>?ver=CBV2.0, not ${wrong}.`,
    );
  }
  const named: Asked[] = [
    ...hashes.map((hash) => ({ hash, id: null })),
    ...ids.map((id) => ({ hash: null, id })),
  ];
  if (file === undefined) {
    if (named.length > 0) return named;
    throw usageError('epcis.nothing', 'Name a document, or an event by --hash or --id.');
  }
  await fileSize(file);
  try {
    return [...(await hashEpcis(file, signal)), ...named];
  } catch (error) {
    throw inFile(file, error);
  }
}

async function search(
  client: Client,
  asked: readonly Asked[],
  output: Output,
): Promise<{ readonly find: (event: Asked) => Found; readonly truncated: boolean }> {
  const hashes = new Set(asked.flatMap(({ hash }) => (hash === null ? [] : [hash])));
  const ids = new Set(asked.flatMap(({ hash, id }) => (hash === null && id !== null ? [id] : [])));
  const queue: readonly (readonly ['hashes' | 'ids', string])[] = [
    ...Array.from(hashes, (hash) => ['hashes', hash] as const),
    ...Array.from(ids, (id) => ['ids', id] as const),
  ];
  const byHash = new Map<string, Found>();
  const byId = new Map<string, Found>();
  let truncated = false;
  const bar = output.progress('Looking up');
  try {
    for (let start = 0; start < queue.length; start += AT_ONCE) {
      const part = queue.slice(start, start + AT_ONCE);
      const of = (list: 'hashes' | 'ids') => part.flatMap(([of, value]) => (of === list ? [value] : []));
      const answer = await client.json('/v1/events/search', searchSchema, {
        hashes: of('hashes'),
        ids: of('ids'),
      });
      for (const { hash, own, others } of answer.hashes) byHash.set(hash, { own, others });
      for (const { id, own } of answer.ids) byId.set(id, { own, others: [] });
      truncated ||= answer.truncated;
      bar.update(Math.min(start + AT_ONCE, queue.length), queue.length);
    }
  } finally {
    bar.end();
  }
  return {
    find: ({ hash, id }) => (hash === null ? byId.get(id ?? '') : byHash.get(hash)) ?? NOTHING,
    truncated,
  };
}

/** What the organisations that were found call themselves. */
async function namesOf(client: Client, events: readonly Found[]): Promise<ReadonlyMap<string, string>> {
  const numbers = new Set(events.flatMap(({ others }) => others.map(({ organisation }) => organisation)));
  const names = new Map<string, string>();
  for (const number of numbers) {
    const { profile } = await client.json(`/v1/organisations/${number}`, organisationSchema);
    const name = nameOf(profile);
    if (name !== undefined) names.set(number, name);
  }
  return names;
}

function show(output: Output, event: Asked & Found, names: ReadonlyMap<string, string>): void {
  const { style } = output;
  const { hash, id, own, others } = event;
  output.line([hash, id].flatMap((text) => (text === null ? [] : [printable(text)])).join('  '));
  for (const { digest: entry, identifier, kind, anchored, amended } of own) {
    const about = `${kind} of ${printable(identifier ?? 'something that is not known here any more')}`;
    const remarks = [
      ...(anchored ? [] : [style.warn('not on the ledger (yet)')]),
      ...(amended === null
        ? []
        : [style.warn(`${amended.retracted ? 'retracted' : 'corrected'} by ${amended.digest}`)]),
    ];
    output.line(`  yours: ${about}, entry ${entry}${remarks.map((remark) => `, ${remark}`).join('')}`);
  }
  for (const { organisation, digest: entry } of others) {
    const name = names.get(organisation);
    const whose = `organisation ${organisation}${name === undefined ? '' : ` (${printable(name)})`}`;
    output.line(`  by ${whose}: entry ${entry}`);
  }
  if (own.length === 0 && others.length === 0) output.line(`  ${style.dim('not found')}`);
}
