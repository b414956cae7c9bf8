import { resolve } from 'node:path';
import * as z from 'zod';
import { VinculumError } from '../core/errors.ts';
import type { HeaderCodec } from '../core/proof/header.ts';
import type { Rewrite } from './erasure/destroy.ts';
import { defaultRetention, type Policy, parsePolicy } from './retention/policy.ts';

/** A number in an environment variable. */
const integer = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .refine((value) => value >= least && value <= most);

const url = (...protocols: string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol.slice(0, -1)));

const flag = z.enum(['true', 'false', '1', '0']).transform((text) => text === 'true' || text === '1');

interface Setting<T extends z.ZodType = z.ZodType> {
  readonly schema: T;
  /** What a correct value is, to complete "… must be". */
  readonly wanted: string;
  readonly description: string;
}

const setting = <T extends z.ZodType>(schema: T, wanted: string, description: string): Setting<T> => ({
  schema,
  wanted,
  description,
});

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;

/** Every environment variable of the service. */
export const settings = {
  VINCULUM_DATA: setting(z.string().min(1).default('.vinculum'), 'a folder', 'The data folder'),
  HOST: setting(z.string().min(1).default('127.0.0.1'), 'an address to listen on', 'Address to listen on'),
  PORT: setting(integer(0, 65_535).default(4400), 'a port, 0 to 65535', 'Port to listen on; 0: any free one'),
  PUBLIC_URL: setting(
    url('http', 'https').optional(),
    'an http or https address',
    'The address that people use; a sign-in message names it. Default: the address listened on',
  ),
  TRUST_PROXY: setting(
    z.string().default('none'),
    'none, a number of proxies, or addresses separated by commas',
    'Which reverse proxies may say who the caller is (X-Forwarded-For)',
  ),
  DATABASE_URL: setting(
    url('postgres', 'postgresql').optional(),
    'a postgres:// address',
    'A PostgreSQL server; without it the embedded store in the data folder is used',
  ),
  RPC_URL: setting(
    url('http', 'https').optional(),
    'an http or https address',
    'The JSON-RPC endpoint of the chain; without it the embedded chain is started',
  ),
  HEADER_CODEC: setting(
    z.enum(['ethereum', 'besu-qbft']).default('ethereum'),
    'ethereum or besu-qbft',
    'How the chain’s headers hash, for storage proofs: ethereum (also most layer 2 chains), or besu-qbft',
  ),
  DEPLOYMENT_FILE: setting(
    z.string().min(1).optional(),
    'a file',
    'Where the contracts are (JSON, as the deployment writes it). Default: deployment.json in the data folder',
  ),
  RELAY_KEY: setting(
    z
      .string()
      .regex(/^0x[0-9a-fA-F]{64}$/)
      .optional(),
    '0x and 64 hexadecimal digits',
    'Private key of the account that pays for transactions; with RPC_URL only. Default: one in the data folder',
  ),
  KUBO_RPC_URL: setting(
    url('http', 'https').optional(),
    'an http or https address',
    'A Kubo node for blocks and documents; without it they are kept in the data folder',
  ),
  DOCUMENT_MAX_BYTES: setting(
    integer(1, Number.MAX_SAFE_INTEGER).default(256 * MEBIBYTE),
    'a number of bytes',
    'Largest document that is accepted',
  ),
  SUBMISSION_MAX_BYTES: setting(
    integer(KIBIBYTE, 1024 * MEBIBYTE).default(32 * MEBIBYTE),
    'a number of bytes',
    'Largest request of submissions',
  ),
  REQUESTS_PER_MINUTE: setting(
    integer(1, 1_000_000_000).default(600),
    'a number',
    'Requests a minute from one address without an account',
  ),
  ACCOUNT_REQUESTS_PER_MINUTE: setting(
    integer(1, 1_000_000_000).default(60_000),
    'a number',
    'Requests a minute from one account',
  ),
  BLOCKS_PER_MINUTE: setting(
    integer(1, 1_000_000_000).default(60_000),
    'a number',
    'Encrypted blocks a minute from one address: an audit reads them all',
  ),
  LOOKUPS_PER_HOUR: setting(
    integer(1, 1_000_000_000).default(120),
    'a number',
    'Identifiers an hour that one address may evaluate without an account',
  ),
  ANONYMOUS_LOOKUPS_PER_HOUR: setting(
    integer(1, 1_000_000_000).default(20_000),
    'a number',
    'Identifiers an hour that all callers without an account may evaluate together',
  ),
  ACCOUNT_LOOKUPS_PER_HOUR: setting(
    integer(1, 1_000_000_000).default(1_000_000),
    'a number',
    'Identifiers an hour that one account may evaluate',
  ),
  CREDENTIAL_HOURS: setting(
    integer(1, 720).default(24),
    'a number of hours, 1 to 720',
    'How long a credential is valid',
  ),
  SESSION_HOURS: setting(
    integer(1, 720).default(12),
    'a number of hours, 1 to 720',
    'How long a sign-in lasts',
  ),
  ERASURES_FILE: setting(
    z.string().min(1).optional(),
    'a file',
    'The receipts of erasures and the revocations of consents, a line each; keep copies apart from the backups: a restore needs it. Default: erasures.ndjson in the data folder',
  ),
  ERASURE_KUBO_URLS: setting(
    z
      .string()
      .transform((text) => text.split(',').map((entry) => entry.trim()))
      .refine((urls) => urls.every((entry) => /^https?:\/\//.test(entry) && URL.canParse(entry)))
      .default([]),
    'http or https addresses separated by commas',
    'Further Kubo nodes that hold copies of blocks and documents: what is erased is destroyed there, too',
  ),
  ERASURE_REWRITE: setting(
    z.enum(['full', 'vacuum']).default('full'),
    'full or vacuum',
    'What follows an erasure in the database: full writes the tables anew (VACUUM FULL: each is locked meanwhile); vacuum leaves that to the administrator of a large PostgreSQL',
  ),
  RETENTION: setting(
    z
      .string()
      .transform((text) => parsePolicy(text))
      .refine((policy) => policy !== null)
      .optional(),
    'none, or rules such as claim=3650d,registration.*=3650d,service/technician=1095d,usage=keep,accessLog=1095d',
    'How long sealed fields are kept, by kind and field, from their day on the ledger; and entries of access logs (accessLog), consents that are over (consents), API keys that no longer work (apiKeys), notices (notices), counts of checked part codes (scans) and links to alerts that have expired (alertLinks). Default: docs/privacy.md',
  ),
  RETENTION_HOURS: setting(
    integer(0, 8_760).default(24),
    'a number of hours, 0 to 8760',
    'How often what is past its time is erased; 0: never by itself',
  ),
  ACCESS_LOG: setting(flag.default(true), 'true or false', 'Whether each request is logged, a JSON line'),
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;

export type Config = {
  readonly dataFolder: string;
  readonly host: string;
  readonly port: number;
  readonly publicUrl: string | undefined;
  /** As Express takes it: false, a number of hops, or addresses. */
  readonly trustProxy: false | number | readonly string[];
  readonly databaseUrl: string | undefined;
  readonly rpcUrl: string | undefined;
  readonly headerCodec: HeaderCodec;
  readonly deploymentFile: string;
  readonly relayKey: string | undefined;
  readonly kuboRpcUrl: string | undefined;
  readonly limits: {
    readonly documentBytes: number;
    readonly submissionBytes: number;
    /** Of a question about a long list. */
    readonly listBytes: number;
    /** Of every other JSON body. */
    readonly jsonBytes: number;
  };
  readonly rates: {
    readonly requestsPerMinute: number;
    readonly accountRequestsPerMinute: number;
    readonly blocksPerMinute: number;
    readonly lookupsPerHour: number;
    readonly anonymousLookupsPerHour: number;
    readonly accountLookupsPerHour: number;
  };
  readonly credentialHours: number;
  readonly sessionHours: number;
  readonly accessLog: boolean;
  readonly erasuresFile: string;
  readonly erasureKuboUrls: readonly string[];
  readonly erasureRewrite: Rewrite;
  readonly retention: Policy;
  readonly retentionHours: number;
};

const shape = Object.fromEntries(
  Object.entries(settings).map(([name, { schema }]) => [name, schema]),
) as unknown as { [Name in SettingName]: (typeof settings)[Name]['schema'] };
const schema = z.object(shape);

/**
 * The service's configuration from environment variables; an empty variable counts as absent.
 * @throws `config.invalid` with one sentence that names the variable and what it must be
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.keys(settings).flatMap((name) => {
      const value = environment[name]?.trim();
      return value === undefined || value === '' ? [] : [[name, value]];
    }),
  );
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    const name = String(parsed.error.issues[0]?.path[0]) as SettingName;
    throw invalid(name, `${name} must be ${settings[name].wanted}.`);
  }
  const values = parsed.data;
  if (values.RELAY_KEY !== undefined && values.RPC_URL === undefined) {
    throw invalid('RELAY_KEY', 'RELAY_KEY is for a chain of your own: set RPC_URL too, or remove it.');
  }
  const dataFolder = resolve(values.VINCULUM_DATA);
  return {
    dataFolder,
    host: values.HOST,
    port: values.PORT,
    publicUrl: values.PUBLIC_URL?.replace(/\/+$/, ''),
    trustProxy: readTrustProxy(values.TRUST_PROXY),
    databaseUrl: values.DATABASE_URL,
    rpcUrl: values.RPC_URL,
    headerCodec: values.HEADER_CODEC,
    deploymentFile: resolve(values.DEPLOYMENT_FILE ?? `${dataFolder}/deployment.json`),
    relayKey: values.RELAY_KEY,
    kuboRpcUrl: values.KUBO_RPC_URL,
    limits: {
      documentBytes: values.DOCUMENT_MAX_BYTES,
      submissionBytes: values.SUBMISSION_MAX_BYTES,
      listBytes: 4 * MEBIBYTE,
      jsonBytes: 256 * KIBIBYTE,
    },
    rates: {
      requestsPerMinute: values.REQUESTS_PER_MINUTE,
      blocksPerMinute: values.BLOCKS_PER_MINUTE,
      accountRequestsPerMinute: values.ACCOUNT_REQUESTS_PER_MINUTE,
      lookupsPerHour: values.LOOKUPS_PER_HOUR,
      anonymousLookupsPerHour: values.ANONYMOUS_LOOKUPS_PER_HOUR,
      accountLookupsPerHour: values.ACCOUNT_LOOKUPS_PER_HOUR,
    },
    credentialHours: values.CREDENTIAL_HOURS,
    sessionHours: values.SESSION_HOURS,
    accessLog: values.ACCESS_LOG,
    erasuresFile: resolve(values.ERASURES_FILE ?? `${dataFolder}/erasures.ndjson`),
    erasureKuboUrls: values.ERASURE_KUBO_URLS,
    erasureRewrite: values.ERASURE_REWRITE,
    retention: values.RETENTION ?? defaultPolicy(),
    retentionHours: values.RETENTION_HOURS,
  };
}

/** `true` is not offered: it would let every caller choose its own address, and so its own limit. */
function readTrustProxy(text: string): Config['trustProxy'] {
  if (text === 'none') return false;
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  const addresses = text.split(',').map((address) => address.trim());
  const address = /^(loopback|linklocal|uniquelocal|[0-9a-fA-F:.]{2,45}(\/\d{1,3})?)$/;
  if (addresses.every((entry) => address.test(entry))) return addresses;
  throw invalid('TRUST_PROXY', `TRUST_PROXY must be ${settings.TRUST_PROXY.wanted}.`);
}

function defaultPolicy(): Policy {
  const policy = parsePolicy(defaultRetention);
  if (policy === null) throw new TypeError('the default policy is one');
  return policy;
}

function invalid(name: SettingName, sentence: string): VinculumError {
  return new VinculumError('config.invalid', sentence, { details: { name } });
}
