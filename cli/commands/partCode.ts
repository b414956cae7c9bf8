import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import {
  batchesNamed,
  factsFromReports,
  provenReasons,
  type VerifiedReport,
} from '../../core/authenticity/fromReports.ts';
import { type AuthenticityReason, type AuthenticityState, judgePart } from '../../core/authenticity/judge.ts';
import type { OrganisationId } from '../../core/chain/types.ts';
import { isVinculumError } from '../../core/errors.ts';
import { formatIdentifier, type Identifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import {
  partCodeAddress,
  readPartCode,
  type SignedPartCode,
  signPartCode,
} from '../../core/partCode/partCode.ts';
import { parseReport } from '../../core/report/report.ts';
import { type Client, createClient, reportPath } from '../client.ts';
import type { Context } from '../context.ts';
import { CommandError, type Exit, usageError } from '../exit.ts';
import { counted, type Output, printable } from '../output.ts';
import { drawSymbol, type Format, type Symbology } from '../partCodes/images.ts';
import { requireUrl } from '../settings.ts';
import { openSigning, type SigningOptions } from '../signing.ts';
import { verifyReport } from './verify.ts';

export type MakeOptions = Omit<SigningOptions, 'keystore'> & {
  readonly keystore?: string;
  readonly batch?: string;
  readonly out?: string;
  readonly svg?: boolean;
  readonly png?: boolean;
  readonly symbol: Symbology;
  readonly page?: string;
  readonly bare?: boolean;
};

/** Most identifiers in a file: an image each. */
const MOST_CODES = 100_000;

export async function makePartCodes(
  context: Context,
  identifier: string | undefined,
  options: MakeOptions,
): Promise<Exit> {
  if ((identifier === undefined) === (options.batch === undefined)) {
    throw usageError('partCode.identifier', 'Name one part or batch, or a file of them with --batch FILE.');
  }
  const format: Format | null = options.svg === true ? 'svg' : options.png === true ? 'png' : null;
  if (options.svg === true && options.png === true)
    throw usageError('partCode.format', 'Say --svg or --png.');
  if (format !== null && options.out === undefined) {
    throw usageError('partCode.out', 'Say where the images go: --out FOLDER.');
  }
  const identifiers =
    options.batch === undefined ? [parseIdentifier(identifier ?? '')] : await readIdentifiers(options.batch);
  if (options.keystore === undefined) {
    throw usageError('keystore.unnamed', 'Say which key signs: --keystore NAME.');
  }
  const { client, signer } = await openSigning(context, { ...options, keystore: options.keystore });
  const { ledger, organisation, secretKey } = signer;
  const { output, signal } = context;
  const page = options.page ?? client.url;
  const made: { identifier: string; code: string; text: string; file?: string }[] = [];
  const folder = options.out;
  if (folder !== undefined) await mkdir(folder, { recursive: true });
  const progress = output.progress('Codes');
  for (const [index, one] of identifiers.entries()) {
    signal.throwIfAborted();
    const code = signPartCode({ identifier: one, organisation, ledger }, secretKey);
    const text = options.bare === true ? code : partCodeAddress(page, code);
    const name = formatIdentifier(one);
    if (format === null || folder === undefined) made.push({ identifier: name, code, text });
    else {
      const file = join(folder, `${fileNameOf(one)}.${format}`);
      await writeFile(file, await drawSymbol(text, options.symbol, format));
      made.push({ identifier: name, code, text, file });
    }
    progress.update(index + 1, identifiers.length);
  }
  progress.end();
  output.value(made);
  if (format !== null) output.line(`${counted(made.length, 'code')} in ${folder}.`);
  else for (const { text } of made) output.line(text);
  return 'ok';
}

/** Each identifier has one, and no two the same: what a file system might take for something else is escaped. */
function fileNameOf(identifier: Identifier): string {
  return formatIdentifier(identifier).replaceAll(
    /[^A-Za-z0-9._-]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

async function readIdentifiers(file: string): Promise<Identifier[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw usageError('import.file', `${file} can’t be read: check the path.`, { cause });
  }
  const lines = text
    .split(/\r?\n/)
    .map((line, index) => ({ line: line.trim(), number: index + 1 }))
    .filter(({ line }) => line !== '');
  if (lines.length === 0 || lines.length > MOST_CODES) {
    throw usageError(
      'partCode.file',
      `${file} has ${lines.length} identifiers: 1 to ${MOST_CODES} are drawn at once.`,
    );
  }
  const seen = new Set<string>();
  return lines.map(({ line, number }) => {
    try {
      const identifier = parseIdentifier(line);
      const name = formatIdentifier(identifier);
      if (seen.has(name)) throw usageError('partCode.duplicate', `${name} stands in the file twice.`);
      seen.add(name);
      return identifier;
    } catch (error) {
      if (!isVinculumError(error)) throw error;
      throw usageError(error.code, `${file}, line ${number}: ${error.message}`, { cause: error });
    }
  });
}

export type CheckOptions = Pick<SigningOptions, 'rpc' | 'directory'> & {
  readonly vehicle?: string;
  readonly country?: string;
};

const count = z.int().check(z.gte(0));
const answerSchema = z.looseObject({
  identifier: z.string(),
  state: z.string(),
  reasons: z.array(z.string()),
  flags: z.array(z.string()),
  code: z.nullable(
    z.looseObject({
      organisation: z.string().check(z.regex(/^[1-9][0-9]{0,19}$/)),
      ledger: z.enum(['known', 'other']),
      key: z.enum(['active', 'revoked', 'foreign', 'none']),
      standing: z.enum(['good', 'suspended', 'unknown']),
    }),
  ),
  sets: z.array(z.looseObject({ batch: z.string() })),
  facts: z.looseObject({
    notInSets: z.boolean(),
    scrapped: z.boolean(),
    stolen: z.boolean(),
    mounted: count,
    recalls: count,
    quarantines: count,
  }),
  recalls: z.array(z.looseObject({ organisation: z.string(), campaign: z.string() })),
});

const EXITS: Readonly<Record<AuthenticityState, Exit>> = {
  genuine: 'ok',
  unknown: 'incomplete',
  mounted: 'failed',
  recalled: 'failed',
  scrapped: 'failed',
  stolen: 'failed',
  forged: 'failed',
};

/** Most batches whose reports are fetched and verified for one part. */
const MOST_BATCHES = 16;

/**
 * What a code or a number is worth: makers, sets, key and the part's own chain by verified reports, at the reader's own
 * endpoint; the rest by the service's word, and said to be that.
 */
export async function checkPartCode(context: Context, text: string, options: CheckOptions): Promise<Exit> {
  const isCode = /(?:^|#check=)VN\d+\./.test(text.trim());
  const code: SignedPartCode | null = isCode ? readPartCode(text) : null;
  const identifier = code?.identifier ?? parseIdentifier(text);
  const vehicle =
    options.vehicle === undefined ? null : parseIdentifier(options.vehicle, { overrideCheckDigit: true });
  const client = createClient(requireUrl(context.settings()), { signal: context.signal });
  const told = await client.json('/v1/checks', answerSchema, {
    ...(code === null ? { identifier: formatIdentifier(identifier) } : { code: text.trim() }),
    ...(vehicle === null ? {} : { vehicle: formatIdentifier(vehicle) }),
    ...(options.country === undefined ? {} : { place: { country: options.country.toUpperCase() } }),
  });
  if (told.identifier !== formatIdentifier(identifier)) {
    throw new CommandError('failed', 'report.otherIdentifier', 'The service answers for another part.');
  }
  const read = (of: Identifier, member?: Identifier) => readReport(context, client, of, options, member);
  const own = await read(identifier);
  const listing = new Set(told.sets.map(({ batch }) => batch));
  const named = [...new Set([...listing, ...batchesNamed(own)])];
  const batches: ReadReport[] = [];
  for (const batch of named.slice(0, MOST_BATCHES)) {
    batches.push(await read(parseIdentifier(batch), listing.has(batch) ? identifier : undefined));
  }
  const around = vehicle === null ? null : await read(vehicle);
  const found = factsFromReports(
    identifier,
    code,
    {
      own,
      batches,
      unread: named.length - batches.length,
      ...(around === null ? {} : { vehicle: around }),
    },
    {
      ...told.facts,
      code:
        told.code === null
          ? null
          : {
              organisation: BigInt(told.code.organisation) as OrganisationId,
              ledger: told.code.ledger,
              key: told.code.key,
              standing: told.code.standing,
            },
    },
  );
  const { state, reasons } = judgePart(found.facts);
  const proven = provenReasons(reasons, found.verified);
  const { output } = context;
  const { style } = output;
  const reports = [own, ...batches, ...(around === null ? [] : [around])];
  output.value({
    identifier: told.identifier,
    state,
    reasons,
    flags: told.flags,
    verified: found.verified,
    reports: reports.map(({ name, verdict, why }) => ({ identifier: name, verdict, why })),
    recalls: told.recalls,
    service: { state: told.state, reasons: told.reasons },
  });
  const good = state === 'genuine';
  output.line(`${printable(told.identifier)}: ${good ? style.good(state) : style.bad(state)}`);
  for (const reason of reasons) {
    output.line(`  ${SENTENCES[reason]}${proven.has(reason) ? '' : style.dim(' (as the service says)')}`);
  }
  showDoubts(output, reports);
  for (const { organisation, campaign } of told.recalls) {
    output.line(`  campaign ${printable(campaign)} of organisation ${organisation}`);
  }
  for (const flag of told.flags) output.line(`  ${style.warn(flag)}: this code may have been copied`);
  if (good)
    output.line('A code can be copied: that this is the part that it was printed for, no code can show.');
  return EXITS[state];
}

type ReadReport = VerifiedReport & {
  readonly name: string;
  /** The codes of what could not be checked; empty where it is verified. */
  readonly why: readonly string[];
};

/** @throws `report.otherIdentifier`; `check.refuted` for one that is not what the ledger holds */
async function readReport(
  context: Context,
  client: Client,
  identifier: Identifier,
  options: CheckOptions,
  member?: Identifier,
): Promise<ReadReport> {
  const name = formatIdentifier(identifier);
  const asked = member === undefined ? undefined : formatIdentifier(member);
  const path = `${reportPath(identifier)}${asked === undefined ? '' : `?serial=${encodeURIComponent(asked)}`}`;
  const answer = await client.bytes(path, { headers: { accept: 'application/json' } });
  const report = parseReport(Buffer.from(answer.body).toString('utf8'));
  if (report.identifier !== name || report.member !== asked) {
    throw new CommandError('failed', 'report.otherIdentifier', 'The service answers with another report.');
  }
  const { verification, verdict, reservations } = await verifyReport(context, report, options);
  if (verdict === 'refuted') {
    const text = `What the service says of ${name} is not what the ledger holds.`;
    throw new CommandError('failed', 'check.refuted', text);
  }
  const checks = [...reservations, ...verification.steps.flatMap((step) => step.checks)];
  const doubts = checks.filter(({ outcome }) => outcome !== 'passed').map(({ code }) => code);
  return { name, report, verification, verdict, why: [...new Set(doubts)] };
}

/** What keeps a report from being verified, and so the part from being genuine. */
function showDoubts(output: Output, reports: readonly ReadReport[]): void {
  for (const { name, verdict, why } of reports) {
    if (verdict !== 'verified') output.line(`  ${printable(name)} is ${verdict}: ${why.join(', ')}`);
  }
}

const SENTENCES: Readonly<Record<AuthenticityReason, string>> = {
  'code.none': 'no code was shown: this is about the number alone',
  'code.signature': 'the code’s signature is none',
  'code.otherLedger': 'the code is for another ledger than this service’s',
  'code.foreignKey': 'the key that signed it never was one of the organisation that it names',
  'code.revokedKey': 'the key that signed it was revoked: nobody can tell when it signed',
  'code.suspended': 'the organisation that signed it is suspended',
  'code.unknownOrganisation': 'nobody has the organisation’s number that the code names',
  'code.otherMaker': 'another organisation made it than the one that signed the code',
  'maker.produced': 'its maker says so in an entry of its own',
  'maker.inSet': 'its maker’s batch provably holds it',
  'maker.contradiction': 'several organisations say that they made it',
  'maker.unknown': 'nobody says that they made it',
  'maker.notInSets': 'its maker lists all parts of its batches, and not this one',
  'part.scrapped': 'it was scrapped',
  'part.stolen': 'it was reported stolen',
  'part.mounted': 'it is mounted in another vehicle',
  'part.recalled': 'a recall campaign names it, or its batch',
  'part.quarantined': 'it, or its batch, must not be used until it is released',
  'part.releaseSealed': 'it, or its batch, was held back, and what of it was released is sealed',
  'history.incomplete': 'not every history that could speak against it could be verified',
};
