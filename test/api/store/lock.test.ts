import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { asProblem } from '../../../api/problem.ts';
import { lockDataFolder } from '../../../api/store/lock.ts';
import { temporaryFolder } from './stores.ts';

const module = new URL('../../../api/store/lock.ts', import.meta.url).href;

async function holdInAnotherProcess(folder: string): Promise<ChildProcess> {
  const script = `
    const { lockDataFolder } = await import(${JSON.stringify(module)});
    await lockDataFolder(process.argv[1]);
    console.log('held');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

const codeOf = async (promise: Promise<unknown>) =>
  promise.then(
    () => 'none',
    (error: unknown) => asProblem(error).code,
  );

describe('lockDataFolder', function () {
  this.timeout(20_000);
  let folder: string;
  let remove: () => Promise<void>;
  let path: string;
  beforeEach(async () => {
    ({ folder, remove } = await temporaryFolder());
    path = join(folder, 'lock');
  });
  afterEach(() => remove());

  async function forge(changes: Record<string, unknown>): Promise<void> {
    const lock = await lockDataFolder(folder);
    const holder = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    await lock.release();
    await writeFile(path, JSON.stringify({ ...holder, ...changes }));
  }

  it('creates the folder for its owner only, and leaves nothing behind when released', async () => {
    const inner = join(folder, 'new', 'data');
    const lock = await lockDataFolder(inner);
    expect((await stat(inner)).mode & 0o777).to.equal(0o700);
    await lock.release();
    await lock.release();
    expect(await readdir(inner)).to.deep.equal([]);
  });

  it('refuses a second holder, in this process and in another', async () => {
    const lock = await lockDataFolder(folder);
    expect(await codeOf(lockDataFolder(folder))).to.equal('data.inUse');
    await lock.release();
    const child = await holdInAnotherProcess(folder);
    expect(await codeOf(lockDataFolder(folder))).to.equal('data.inUse');
    child.kill('SIGTERM');
    await once(child, 'exit');
  });

  it('takes over from a process that was killed', async () => {
    const child = await holdInAnotherProcess(folder);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(existsSync(path)).to.equal(true);
    const lock = await lockDataFolder(folder);
    expect(await readdir(folder)).to.deep.equal(['lock']);
    await lock.release();
  });

  it('is not deceived by a process id that was given to another process', async () => {
    await forge({ startedAt: '1' });
    await (await lockDataFolder(folder)).release();
  });

  it('takes over what is no lock at all', async () => {
    await writeFile(path, '{"pid":');
    await (await lockDataFolder(folder)).release();
  });

  it('believes a holder on another machine while its heartbeat is fresh', async () => {
    await forge({ host: 'elsewhere' });
    expect(await codeOf(lockDataFolder(folder))).to.equal('data.inUse');
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(path, longAgo, longAgo);
    await (await lockDataFolder(folder)).release();
  });

  it('gives a stale lock to exactly one of many', async () => {
    await forge({ startedAt: '1' });
    const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => lockDataFolder(folder)));
    const held = outcomes.filter((outcome) => outcome.status === 'fulfilled');
    expect(held.length).to.equal(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(asProblem(outcome.reason).code).to.equal('data.inUse');
    }
    expect(await readdir(folder)).to.deep.equal(['lock']);
    await held[0]?.value.release();
  });
});
