import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import type { Report } from '../../core/report/report.ts';
import type { Context } from '../context.ts';
import { describeDifference } from '../difference.ts';
import { type Exit, usageError } from '../exit.ts';
import { fetchReport } from './report.ts';
import { placeText, type Verified, type VerifyOptions, verifyReport } from './verify.ts';

type Lie = {
  readonly title: string;
  /** Changes a copy; false where the report has too few entries for it. */
  readonly tell: (report: Report) => boolean;
};

const LIES: readonly Lie[] = [
  {
    title: 'one byte of a stored envelope is flipped',
    tell: (report) => {
      for (const content of Object.values(report.contents)) {
        if (!('block' in content)) continue;
        const bytes = Buffer.from(content.block, 'base64url');
        const middle = bytes.length >> 1;
        bytes[middle] = (bytes[middle] ?? 0) ^ 1;
        content.block = bytes.toString('base64url');
        return true;
      }
      return false;
    },
  },
  {
    title: 'an entry is left out',
    tell: (report) => {
      const links = longest(report);
      if (links === undefined || links.length < 1) return false;
      links.splice(links.length >> 1, 1);
      return true;
    },
  },
  {
    title: 'two entries are swapped',
    tell: (report) => {
      const links = longest(report);
      const [first, second] = links ?? [];
      if (links === undefined || first === undefined || second === undefined) return false;
      links[0] = second;
      links[1] = first;
      return true;
    },
  },
  {
    title: 'an entry is dated back by a day',
    tell: (report) => {
      const link = longest(report)?.at(-1);
      if (link === undefined) return false;
      link.timestamp -= 86_400;
      return true;
    },
  },
  {
    title: 'the history is told as another vehicle’s',
    tell: (report) => {
      report.identifier = 'vin:WVWZZZ1JZXW000001';
      return true;
    },
  },
];

function longest(report: Report): Report['ledgers'][number]['links'] | undefined {
  return [...report.ledgers].sort((left, right) => right.links.length - left.links.length)[0]?.links;
}

/** What `npm start` notes of its demo data. */
const markerSchema = z.looseObject({ showcase: z.looseObject({ discrepancy: z.string() }) });

/** Lies about a real history in every way that matters, and shows each caught. Only copies in memory are changed. */
export async function demoTamper(
  context: Context,
  identifier: string | undefined,
  options: VerifyOptions,
): Promise<Exit> {
  const { output } = context;
  const { style } = output;
  const { report } = await fetchReport(context, identifier ?? (await exampleIdentifier(context)));
  if (report.ledgers.every(({ links }) => links.length < 2)) {
    throw usageError(
      'demo.tooShort',
      `${report.identifier} has fewer than two entries: name a vehicle with a longer history.`,
    );
  }
  const honest = await verifyReport(context, report, options);
  output.line(`${style.bold(report.identifier)}, as the service tells it: ${verdictText(context, honest)}`);
  const told = [];
  let caught = honest.verdict !== 'refuted';
  for (const lie of LIES) {
    const copy = structuredClone(report);
    if (!lie.tell(copy)) continue;
    const verified = await verifyReport(context, copy, options);
    caught &&= verified.verdict === 'refuted';
    const failed = verified.verification.steps.flatMap((step) =>
      step.checks
        .filter(({ outcome }) => outcome === 'failed')
        .map((check) => ({ step: step.step, ...check })),
    );
    const differences = verified.differences.flatMap((located) => located.differences);
    told.push({ lie: lie.title, verdict: verified.verdict, failed, differences });
    output.line();
    output.line(`Suppose ${lie.title}: ${verdictText(context, verified)}`);
    for (const check of failed) {
      output.line(`  step ${check.step}, ${check.code}: ${placeText(check.at)}`);
      if (check.expected !== undefined) output.line(`    expected ${check.expected}`);
      if (check.found !== undefined) output.line(`    found    ${check.found}`);
    }
    for (const difference of differences) output.line(`    → ${describeDifference(difference)}`);
  }
  output.value({ identifier: report.identifier, verdict: honest.verdict, lies: told, caught });
  output.line();
  output.line(
    caught
      ? style.good('Every lie was caught, by this machine alone. Nothing was changed but copies in memory.')
      : style.bad('A lie went unnoticed: that must not be. Please report it.'),
  );
  return caught ? 'ok' : 'failed';
}

function verdictText({ output: { style } }: Context, { verdict }: Verified): string {
  const paint = { verified: style.good, incomplete: style.warn, refuted: style.bad }[verdict];
  return paint(style.bold(verdict));
}

/** A vehicle of the demo data that `npm start` loaded. @throws `demo.noExample` */
async function exampleIdentifier(context: Context): Promise<string> {
  try {
    const text = await readFile(join(context.settings().folder, 'demo', 'loaded.json'), 'utf8');
    return markerSchema.parse(JSON.parse(text)).showcase.discrepancy;
  } catch (cause) {
    throw usageError('demo.noExample', 'Name a vehicle: vinculum demo tamper VIN', { cause });
  }
}
