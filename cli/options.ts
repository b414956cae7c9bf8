import { type Command, InvalidArgumentError, Option } from 'commander';
import { progression } from './client.ts';

/* Options that several commands take. */

export function signingOptions(command: Command, keystore?: string): Command {
  return command
    .option('--keystore <name>', 'the key that signs', keystore)
    .addOption(passwordOption())
    .option('--organisation <number>', 'the organisation that the key signs for, where it does not say')
    .addOption(rpcOption())
    .addOption(directoryOption());
}

export function readingOptions(command: Command): Command {
  return command.addOption(rpcOption()).addOption(directoryOption());
}

export function passwordOption(): Option {
  return new Option(
    '--password-file <file>',
    'the key’s password (default: VINCULUM_PASSWORD_FILE, else you are asked)',
  );
}

export function rpcOption(): Option {
  return new Option(
    '--rpc <url>',
    'an endpoint of the chain that you choose; give it again for more, which must agree (default: that of the local service)',
  ).argParser((url: string, before: readonly string[] | undefined) => [...(before ?? []), url]);
}

export function directoryOption(): Option {
  return new Option(
    '--directory <chain:address>',
    'the directory of ledgers that you rely on (default: that of the local deployment)',
  );
}

export function waitOption(description: string): Option {
  return new Option('--wait <state>', description).choices(progression);
}

/** An option that may be given again. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

export function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,9}$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a number from ${least} to ${most}.`);
  };
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

export function duration(text: string): number {
  const match = /^(\d{1,9})([smhd]?)$/.exec(text);
  if (match === null) throw new InvalidArgumentError('Expected a time such as 90s, 15m, 24h or 7d.');
  return Number(match[1]) * (UNITS[match[2] || 's'] ?? 1);
}
