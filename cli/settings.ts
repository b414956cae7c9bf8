import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod/mini';
import type { Address } from '../core/chain/types.ts';
import type { Trust } from '../core/verify/verify.ts';
import { CommandError, usageError } from './exit.ts';

const address = z.string().check(z.regex(/^0x[0-9a-fA-F]{40}$/));
const decimal = z.union([z.string().check(z.regex(/^[1-9][0-9]{0,19}$/)), z.int().check(z.gte(1))]);

/** What a running service leaves in its data folder (`service.json`), so that commands beside it find everything. */
const serviceFileSchema = z.looseObject({
  url: z.string(),
  rpcUrl: z.string(),
  chainId: decimal,
  directory: address,
  ledger: z.optional(address),
});

export type LocalService = {
  readonly url: string;
  readonly rpcUrl: string;
  readonly trust: Trust;
};

export type GlobalOptions = {
  readonly url?: string;
  readonly data?: string;
  readonly json?: boolean;
};

type Environment = Readonly<Record<string, string | undefined>>;

/** The data folder: `--data`, VINCULUM_DATA, `.vinculum` here, or that of this installation. */
export function dataFolder(options: GlobalOptions, environment: Environment = process.env): string {
  const named = options.data ?? nonEmpty(environment.VINCULUM_DATA);
  if (named !== undefined) return resolve(named);
  const here = resolve('.vinculum');
  return existsSync(here) ? here : fileURLToPath(new URL('../.vinculum', import.meta.url));
}

/**
 * The service that was started on this data folder, or null where none was.
 * @throws `settings.serviceFile`
 */
export function localService(folder: string): LocalService | null {
  const file = join(folder, 'service.json');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return null;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const parsed = serviceFileSchema.safeParse(value);
  if (!parsed.success) {
    throw usageError('settings.serviceFile', `${file} is damaged: start the service again (npm start).`);
  }
  const { url, rpcUrl, chainId, directory } = parsed.data;
  return {
    url: trimUrl(url),
    rpcUrl,
    trust: { chainId: BigInt(chainId), directory: directory.toLowerCase() as Address },
  };
}

/** Everything that tells a command where things are. */
export type Settings = {
  readonly folder: string;
  readonly local: LocalService | null;
  /** The service to talk to, if one is known. */
  readonly url: string | null;
};

export function readSettings(options: GlobalOptions, environment: Environment = process.env): Settings {
  const folder = dataFolder(options, environment);
  const local = localService(folder);
  const named = options.url ?? nonEmpty(environment.VINCULUM_URL);
  return { folder, local, url: named === undefined ? (local?.url ?? null) : checkUrl(named) };
}

/** @throws `settings.noService` */
export function requireUrl(settings: Settings): string {
  if (settings.url !== null) return settings.url;
  throw usageError(
    'settings.noService',
    `No service is known: start one (npm start), or name one with --url or VINCULUM_URL. (Looked for ${join(settings.folder, 'service.json')}.)`,
  );
}

/** RPC endpoints: those named, else that of the local service. */
export function rpcUrls(settings: Settings, named: readonly string[] | undefined): string[] {
  if (named !== undefined && named.length > 0) return named.map(checkUrl);
  return settings.local === null ? [] : [settings.local.rpcUrl];
}

export type TrustAnchor = { readonly trust: Trust; readonly source: 'option' | 'data folder' };

/**
 * The directory that the reader relies on: named by `--directory`, or that of the local deployment. Never one that a
 * report or a service names: whoever could choose it could show another world.
 */
export function trustAnchor(settings: Settings, directory: string | undefined): TrustAnchor | null {
  if (directory !== undefined) return { trust: parseDirectory(directory), source: 'option' };
  return settings.local === null ? null : { trust: settings.local.trust, source: 'data folder' };
}

/** As {@link trustAnchor}. @throws `settings.noDirectory` */
export function requireTrustAnchor(settings: Settings, directory: string | undefined): TrustAnchor {
  const anchor = trustAnchor(settings, directory);
  if (anchor !== null) return anchor;
  throw usageError(
    'settings.noDirectory',
    'Which ledgers there are is for you to say, not for a report or a service: name the directory with --directory CHAIN:ADDRESS, or run this beside the service’s data folder (--data).',
  );
}

/** @throws `settings.noRpc` */
export function requireRpc(settings: Settings, named: readonly string[] | undefined): string[] {
  const urls = rpcUrls(settings, named);
  if (urls.length > 0) return urls;
  throw usageError('settings.noRpc', 'Name an endpoint of the chain: --rpc URL.');
}

/** `chainId:address`, with or without `eip155:` in front. */
export function parseDirectory(text: string): Trust {
  const match = /^(?:eip155:)?([1-9][0-9]{0,19}):(0x[0-9a-fA-F]{40})$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) {
    throw usageError('settings.directory', 'A directory is written CHAIN:ADDRESS, such as 31337:0x5fbd….');
  }
  return { chainId: BigInt(match[1]), directory: match[2].toLowerCase() as Address };
}

/** @throws `settings.url` */
export function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw usageError('settings.url', `${text} is no http or https address.`);
  }
  return trimUrl(text);
}

/** The operator's token in the data folder: only who can read the folder is the operator. @throws `settings.noToken` */
export function operatorToken(settings: Settings): string {
  const file = join(settings.folder, 'operator-token');
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new CommandError(
      'usage',
      'settings.noToken',
      `Only the operator may do this: its token is expected in ${file}; name the service’s data folder with --data.`,
      { cause },
    );
  }
}

function trimUrl(text: string): string {
  return text.replace(/\/+$/, '');
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text.trim();
}
