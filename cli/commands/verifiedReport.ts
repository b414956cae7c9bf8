import { formatIdentifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import { parseReport, type Report } from '../../core/report/report.ts';
import type { Verification } from '../../core/verify/result.ts';
import { type Client, createClient, reportPath } from '../client.ts';
import type { Context } from '../context.ts';
import { CommandError } from '../exit.ts';
import { requireUrl } from '../settings.ts';
import { openSigning, type SigningOptions } from '../signing.ts';
import { verifyReport } from './verify.ts';

/** Who asks, and whom is trusted; without a key the report shows what anybody may see. */
export type VerifiedReportOptions = Omit<SigningOptions, 'keystore'> & { readonly keystore?: string };

export type VerifiedHistory = {
  readonly identifier: string;
  readonly report: Report;
  readonly verification: Verification;
};

/** Fetches histories and verifies them, each time as {@link fetchVerified} does; the key is opened once. */
export type Reader = ((text: string) => Promise<VerifiedHistory>) & { readonly client: Client };

export async function openReader(context: Context, options: VerifiedReportOptions): Promise<Reader> {
  const { keystore } = options;
  const client =
    keystore === undefined
      ? createClient(requireUrl(context.settings()), { signal: context.signal })
      : (await openSigning(context, { ...options, keystore })).client;
  return Object.assign((text: string) => readVerified(context, client, text, options), { client });
}

/**
 * Fetches a history and verifies it.
 * @throws `report.otherIdentifier`; `export.notVerified` unless it is verified, whole and against the chain
 */
export async function fetchVerified(
  context: Context,
  text: string,
  options: VerifiedReportOptions,
): Promise<VerifiedHistory> {
  // What is no identifier is said before anybody is asked for a password.
  parseIdentifier(text, { overrideCheckDigit: true });
  return (await openReader(context, options))(text);
}

async function readVerified(
  context: Context,
  client: Client,
  text: string,
  options: VerifiedReportOptions,
): Promise<VerifiedHistory> {
  const identifier = parseIdentifier(text, { overrideCheckDigit: true });
  const answer = await client.bytes(reportPath(identifier), { headers: { accept: 'application/json' } });
  const report = parseReport(Buffer.from(answer.body).toString('utf8'));
  const expected = formatIdentifier(identifier);
  if (report.identifier !== expected) {
    throw new CommandError(
      'failed',
      'report.otherIdentifier',
      `The service answered with another report than ${expected}’s.`,
    );
  }
  const { verification, verdict } = await verifyReport(context, report, options);
  if (verdict !== 'verified') {
    throw new CommandError(
      'failed',
      'export.notVerified',
      `The report is ${verdict}: only a verified history is exported.`,
    );
  }
  return { identifier: expected, report, verification };
}
