import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { keysFolder, writeKeystore, writePassword } from '../../cli/keystore.ts';
import { run } from '../../cli/program.ts';
import { fromHex } from '../../core/bytes.ts';
import type { Subject } from '../../core/chain/types.ts';
import { type Attester, startTestService, type TestService } from '../api/fixture.ts';

export type Ran = {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The JSON document that a command with `--json` wrote. */
  // biome-ignore lint/suspicious/noExplicitAny: each test says what it expects of it
  readonly json: any;
};

export const PASSWORD = 'correct horse battery';

/** Runs a command in this process, as `bin/vinculum` would. */
export async function vinculum(folder: string, ...args: string[]): Promise<Ran> {
  const [stdout, stderr] = [new Captured(), new Captured()];
  const exit = await run([...args, '--data', folder], { stdout, stderr, environment: {}, ask: undefined });
  return { exit, stdout: stdout.text, stderr: stderr.text, json: jsonOf(stdout.text) };
}

/** Starts a command in a process of its own, to be killed. */
export function spawnVinculum(folder: string, ...args: string[]): ChildProcess {
  const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
  return spawn(process.execPath, [main, ...args, '--data', folder], { stdio: ['ignore', 'pipe', 'pipe'] });
}

class Captured extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A service with a registry, and a data folder of the command line beside it. */
export type Beside = {
  readonly test: TestService;
  readonly registry: Attester;
  readonly folder: string;
  /** Another data folder for the same service: a command line that remembers nothing. */
  newFolder(): Promise<string>;
  stop(): Promise<void>;
};

export async function startBeside(environment: Parameters<typeof startTestService>[0] = {}): Promise<Beside> {
  const test = await startTestService(environment);
  const registry = await test.admit('Registry', ['registrar']);
  const folders: string[] = [];
  const newFolder = async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vinculum-cli-'));
    folders.push(folder);
    await mkdir(keysFolder(folder), { recursive: true });
    await writePassword(keysFolder(folder), PASSWORD);
    const keystore = { name: 'registry', secretKey: registry.key, organisation: registry.id };
    await writeKeystore(keysFolder(folder), keystore, PASSWORD, { strength: 'light' });
    const { deployment } = test.service.services;
    const service = {
      url: test.url,
      rpcUrl: test.service.rpcUrl,
      chainId: deployment.chainId.toString(),
      directory: deployment.directory,
      ledger: deployment.ledger,
    };
    await writeFile(join(folder, 'service.json'), JSON.stringify(service));
    await writeFile(join(folder, 'operator-token'), `${test.service.operatorToken}\n`);
    return folder;
  };
  return {
    test,
    registry,
    folder: await newFolder(),
    newFolder,
    async stop() {
      await test.stop();
      for (const folder of folders) await rm(folder, { recursive: true, force: true });
    },
  };
}

let shared: Promise<Beside> | undefined;

/** One service for all files of a run. A test that changes what is stored puts it back. */
export function sharedBeside(): Promise<Beside> {
  shared ??= startBeside();
  return shared;
}

after('the service of the command line', async () => {
  await (await shared)?.stop();
});

const EVENTS = [
  'IMMAT_NORMALE',
  'DECLARATION_CESSION',
  'CHANG_TIT_NORMAL',
  'INSCRIPTION_GAGE',
  'RADIATION_GAGE',
];

/** Rows as a registry publishes them: vehicles from number `first` on, with none to four events each. */
export function registryRows(first: number, count: number) {
  return Array.from({ length: count }, (_, index) => {
    const number = first + index;
    const events = EVENTS.slice(0, number % 5).map((type, year) => ({
      type,
      date: `${2001 + year}-06-0${1 + (number % 9)}T22:00:00.000Z`,
    }));
    return {
      id: `FR${number.toString().padStart(8, '0')}`,
      attributes: { marque: 'ESSAI', date_premiere_immat: '01/02/2001', vin: 'VF1********00001' },
      events: events.reverse(),
      answers: { is_incertain: 'NON' },
    };
  });
}

/** What a row's events become, from none to four: entries of evidence, and actions on its title. */
const BECOMES = [
  // The title is issued by what the registry says of the vehicle.
  { entries: 1, actions: 1 },
  { entries: 1, actions: 1 },
  { entries: 2, actions: 1 },
  { entries: 2, actions: 2 },
  // The lien has lapsed since.
  { entries: 2, actions: 4 },
] as const;

const becomes = ({ events }: ReturnType<typeof registryRows>[number]) => BECOMES[events.length] ?? BECOMES[0];

export function entriesOf(rows: ReturnType<typeof registryRows>): number {
  return rows.reduce((sum, row) => sum + becomes(row).entries, 0);
}

export function actionsOf(rows: ReturnType<typeof registryRows>): number {
  return rows.reduce((sum, row) => sum + becomes(row).actions, 0);
}

export async function writeRows(folder: string, name: string, rows: readonly unknown[]): Promise<string> {
  const file = join(folder, name);
  const text = rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n');
  await writeFile(file, name.endsWith('.gz') ? gzipSync(text) : text);
  return file;
}

/** Does something while a row of the index is gone. */
export async function withoutLink<T>(
  { test }: Beside,
  { subject, position }: { subject: Subject; position: number },
  work: () => Promise<T>,
): Promise<T> {
  const { store, query } = test.service.services;
  const where = 'WHERE subject = $1 AND position = $2';
  const parameters = [fromHex(subject, 32), position];
  const [row = {}] = await store.query<Record<string, never>>(`SELECT * FROM links ${where}`, parameters);
  await store.execute(`DELETE FROM links ${where}`, parameters);
  // What was asked for lately is remembered.
  query.forget();
  try {
    return await work();
  } finally {
    query.forget();
    const columns = Object.keys(row);
    const values = columns.map((_, index) => `$${index + 1}`).join(', ');
    await store.execute(`INSERT INTO links (${columns.join(', ')}) VALUES (${values})`, Object.values(row));
  }
}
