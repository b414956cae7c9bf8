import { readFile } from 'node:fs/promises';
import * as z from 'zod/mini';
import { formatIdentifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import type { Client } from '../client.ts';
import type { Context } from '../context.ts';
import { type Exit, usageError } from '../exit.ts';
import { count, counted, type Output, printable } from '../output.ts';
import { signIn, signInAccount } from '../session.ts';
import { openPlace, organisationOf } from '../signing.ts';
import { type ActingOptions, requireKeystore } from '../titles/acting.ts';

/** What a notice tells, by its kind. */
export const noticeWords = {
  'recall.opened': 'recall opened',
  'recall.extended': 'recall extended',
  'recall.closed': 'recall closed',
  'recall.unlisted': 'no longer listed in a recall',
  'batch.quarantined': 'batch held back',
  'batch.released': 'batch released',
  'alert.raised': 'alert received',
  'alert.answered': 'alert answered',
  'alert.due': 'an answer to an alert is due soon',
  'alert.overdue': 'an answer to an alert is overdue',
  'alert.linkAnswered': 'a company off the network answered an alert',
  'part.mountedTwice': 'one part mounted in two places',
  'part.unknown': 'a part that nobody made was mounted',
  'part.beforeMade': 'a part was mounted before it was made',
  'part.scrapped': 'a scrapped part was mounted',
  'code.cloned': 'a code was probably copied',
  'title.ownerChanged': 'the vehicle has another owner’s key',
} as const;

const noticeSchema = z.looseObject({
  number: z.int(),
  kind: z.string(),
  about: z.string(),
  content: z.unknown(),
  postedAt: z.string(),
  readAt: z.nullable(z.string()),
});
const pageSchema = z.looseObject({ notices: z.array(noticeSchema), unread: z.int(), more: z.boolean() });
type Notice = z.output<typeof noticeSchema>;

export type NoticesOptions = ActingOptions & {
  readonly unread?: boolean;
  readonly after?: number;
  readonly limit: number;
  readonly read?: boolean;
};

/** Whose box it is: an organisation's where the key, or the command, names one; else the key's own, as an owner's. */
async function openBox(context: Context, options: ActingOptions): Promise<Client> {
  const { anonymous, key } = await openPlace(context, requireKeystore(options));
  return options.organisation === undefined && key.organisation === null
    ? signInAccount(anonymous, key)
    : signIn(anonymous, key, organisationOf(key, options.organisation));
}

/** What an organisation or an owner was told: the newest first, or the oldest first after a number. */
export async function listNotices(context: Context, options: NoticesOptions): Promise<Exit> {
  const { output } = context;
  const client = await openBox(context, options);
  const { after, limit, unread } = options;
  const query = new URLSearchParams({
    limit: String(limit),
    ...(after === undefined ? {} : { after: String(after) }),
    ...(unread === true ? { unread: 'true' } : {}),
  });
  const page = await client.json(`/v1/notices?${query}`, pageSchema);
  output.value(page);
  if (page.notices.length === 0) output.line('Nothing.');
  for (const notice of page.notices) showNotice(output, notice);
  if (page.more) output.line(after === undefined ? 'There are older ones.' : 'There are newer ones.');
  if (page.unread > 0) output.line(`${counted(page.unread, 'notice')} unread in all.`);
  if (options.read === true && page.notices.length > 0) {
    const { read } = await client.json('/v1/notices/read', z.looseObject({ read: z.int() }), {
      numbers: page.notices.map(({ number }) => number),
    });
    output.line(`${count(read)} marked as read.`);
  }
  return 'ok';
}

function showNotice(output: Output, { number, kind, about, content, postedAt, readAt }: Notice): void {
  const what = (noticeWords as Readonly<Record<string, string>>)[kind] ?? kind;
  const { vehicle, batch, part, identifier, title } = (content ?? {}) as Readonly<Record<string, unknown>>;
  const thing = [identifier, vehicle, batch, part].find((one) => typeof one === 'string');
  const { en } = (typeof title === 'object' && title !== null ? title : {}) as Readonly<
    Record<string, unknown>
  >;
  const said = [thing ?? about, ...(typeof en === 'string' ? [en] : [])].map((one) => printable(String(one)));
  const fresh = readAt === null ? output.style.bold('new') : '   ';
  output.line(`${String(number).padStart(6)}  ${fresh}  ${postedAt.slice(0, 16).replace('T', ' ')}  ${what}`);
  output.line(`             ${said.join(' · ')}`);
}

export type SubscribeOptions = ActingOptions & { readonly file?: string };

/** Most identifiers in one request. */
const AT_ONCE = 1_000;

/** Asks for notices of vehicles, batches or parts. */
export async function subscribe(
  context: Context,
  given: readonly string[],
  options: SubscribeOptions,
): Promise<Exit> {
  const { output } = context;
  const identifiers = await identifiersOf(given, options);
  const client = await openBox(context, options);
  const bar = output.progress('Subscribing');
  let added = 0;
  try {
    for (let at = 0; at < identifiers.length; at += AT_ONCE) {
      bar.update(at, identifiers.length);
      const some = identifiers.slice(at, at + AT_ONCE);
      const answer = await client.json('/v1/subscriptions', z.looseObject({ added: z.int() }), {
        identifiers: some,
      });
      added += answer.added;
    }
  } finally {
    bar.end();
  }
  output.value({ named: identifiers.length, added });
  output.line(`Subscribed to ${count(added)}; ${count(identifiers.length - added)} were there already.`);
  return 'ok';
}

/** Asks for no more notices of them. */
export async function unsubscribe(
  context: Context,
  given: readonly string[],
  options: SubscribeOptions,
): Promise<Exit> {
  const { output } = context;
  const identifiers = await identifiersOf(given, options);
  const client = await openBox(context, options);
  for (const identifier of identifiers) {
    await client.bytes(`/v1/subscriptions/${encodeURIComponent(identifier)}`, { method: 'DELETE' });
  }
  output.value({ removed: identifiers.length });
  output.line(`Not subscribed to any more: ${count(identifiers.length)}.`);
  return 'ok';
}

const subscriptionsSchema = z.looseObject({
  subscriptions: z.array(z.looseObject({ identifier: z.string(), since: z.string() })),
  count: z.int(),
  next: z.nullable(z.string()),
});

/** What an organisation has subscribed to. */
export async function listSubscriptions(context: Context, options: ActingOptions): Promise<Exit> {
  const { output } = context;
  const client = await openBox(context, options);
  const found: z.output<typeof subscriptionsSchema>['subscriptions'] = [];
  let next: string | null = '';
  while (next !== null) {
    const query: string = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`;
    const page: z.output<typeof subscriptionsSchema> = await client.json(
      `/v1/subscriptions?limit=1000${query}`,
      subscriptionsSchema,
    );
    found.push(...page.subscriptions);
    next = page.next;
  }
  output.value({ subscriptions: found });
  output.line(`Subscribed to ${counted(found.length, 'thing')}:`);
  for (const { identifier, since } of found)
    output.line(`  ${printable(identifier)}  since ${since.slice(0, 10)}`);
  return 'ok';
}

/** Those named, and those of a file, one a line. @throws the codes of `parseIdentifier`, `subscription.none`, `subscription.file` */
async function identifiersOf(given: readonly string[], { file }: SubscribeOptions): Promise<string[]> {
  const text =
    file === undefined
      ? ''
      : await readFile(file, 'utf8').catch((cause) => {
          throw usageError('subscription.file', `${file} can’t be read: check the path.`, { cause });
        });
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const named = [...given, ...lines.filter((line) => line !== '' && !line.startsWith('#'))];
  if (named.length === 0)
    throw usageError('subscription.none', 'Name what to subscribe to, or a --file of it.');
  // A check digit that does not hold is for the service to judge: a registrar may have registered the vehicle so.
  return [
    ...new Set(named.map((one) => formatIdentifier(parseIdentifier(one, { overrideCheckDigit: true })))),
  ];
}
