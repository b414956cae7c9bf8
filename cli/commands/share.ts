import { writeFile } from 'node:fs/promises';
import * as z from 'zod/mini';
import { toBase64Url } from '../../core/bytes.ts';
import { secureRandom } from '../../core/envelope/block.ts';
import { bearerOf, type Purpose } from '../../core/privacy/consent.ts';
import { parseReport } from '../../core/report/report.ts';
import { createClient } from '../client.ts';
import { listConsents } from '../consents.ts';
import type { Context } from '../context.ts';
import { type Exit, usageError } from '../exit.ts';
import { counted, printable } from '../output.ts';
import { requireUrl } from '../settings.ts';
import type { ActingOptions } from '../titles/acting.ts';
import { instantOf } from '../titles/fields.ts';
import { grant, NO_GRANTEE, openParty, showConsent } from './consent.ts';

export type CreateShareOptions = ActingOptions & {
  readonly purpose: Purpose;
  readonly until: string;
  readonly entry?: readonly string[];
  readonly field?: readonly string[];
};

/** Makes a link that opens the full report, for one buyer. The token is nowhere kept: who loses the link makes another. */
export async function createShare(context: Context, id: string, options: CreateShareOptions): Promise<Exit> {
  const token = secureRandom(32);
  const { view, identifier, acting } = await grant(context, id, options, {
    ...NO_GRANTEE,
    bearer: bearerOf(token),
  });
  const link = `${acting.client.url}/#share=${toBase64Url(token)}`;
  const { output } = context;
  output.value({ link, ...view });
  output.line(`This link shows the full report of ${identifier} to whoever has it:`);
  output.line();
  output.line(`  ${link}`);
  output.line();
  output.line(`It works until ${instantOf(view.signed.until)}, or until you sell the vehicle or say:`);
  output.line(`  vinculum share revoke ${view.hash} --keystore ${acting.key.name}`);
  output.line('What was read by then can’t be unread.');
  return 'ok';
}

export async function listShares(context: Context, options: ActingOptions): Promise<Exit> {
  const views = await listConsents(await openParty(context, options), 'signer');
  const links = views.filter(({ openings }) => openings !== null);
  context.output.value(links);
  if (links.length === 0) context.output.line('There are no share links.');
  for (const view of links) showConsent(context.output, view);
  return 'ok';
}

const openedSchema = z.looseObject({
  identifier: z.string(),
  purpose: z.string(),
  until: z.int(),
  openings: z.int(),
  report: z.unknown(),
});

/** Opens a share link, the whole address or its token alone. */
export async function openShare(
  context: Context,
  link: string,
  options: { readonly output?: string },
): Promise<Exit> {
  const { token, url } = readLink(link);
  const client = createClient(url ?? requireUrl(context.settings()), { signal: context.signal });
  const opened = await client.json('/v1/shares/open', openedSchema, { token });
  const text = JSON.stringify(opened.report);
  const report = parseReport(text);
  const { output } = context;
  if (options.output === undefined) {
    output.value(opened);
    output.line(text);
    return 'ok';
  }
  await writeFile(options.output, `${text}\n`, { mode: 0o600 });
  const { report: _report, ...facts } = opened;
  output.value({ ...facts, file: options.output });
  output.line(`Full report of ${printable(report.identifier)} in ${options.output}: it is not for others.`);
  output.line(`  opened        ${counted(opened.openings, 'time')}; the owner sees it`);
  output.line(`  until         ${instantOf(opened.until)}`);
  output.line(`Check it: vinculum verify ${options.output}`);
  return 'ok';
}

const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** @throws `share.link` */
function readLink(link: string): { readonly token: string; readonly url: string | null } {
  if (TOKEN.test(link)) return { token: link, url: null };
  const url = URL.canParse(link) ? new URL(link) : null;
  const token = new URLSearchParams(url?.hash.slice(1) ?? '').get('share') ?? '';
  if (url === null || !/^https?:$/.test(url.protocol) || !TOKEN.test(token)) {
    throw usageError('share.link', 'A share link ends in #share= and 43 letters: copy the whole of it.');
  }
  return { token, url: url.origin };
}
