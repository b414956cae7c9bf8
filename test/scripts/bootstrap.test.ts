import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { explainNpmFailure, isGoodNode, missingPackages, stampOf } from '../../scripts/bootstrap.mjs';

const project = fileURLToPath(new URL('../..', import.meta.url));

interface Run {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
  readonly errors: string;
}

describe('bootstrap', () => {
  let root: string;

  /** A project of its own with no dependencies, so that its install needs no network. */
  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'vinculum-bootstrap-')));
    for (const folder of ['scripts', 'bin', 'cli', 'elsewhere']) mkdirSync(join(root, folder));
    for (const file of ['scripts/bootstrap.mjs', 'bin/vinculum'])
      copyFileSync(join(project, file), join(root, file));
    chmodSync(join(root, 'bin/vinculum'), 0o755);
    const manifest = { name: 'sample', version: '1.0.0', type: 'module' };
    writeFileSync(join(root, 'package.json'), JSON.stringify(manifest));
    const lock = { name: 'sample', version: '1.0.0', lockfileVersion: 3, packages: { '': manifest } };
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify(lock));
    const script = `
      const [exitCode = '0', ...rest]: string[] = process.argv.slice(2);
      const telemetry = process.env['HARDHAT_DISABLE_TELEMETRY'];
      if (exitCode === 'wait') process.on('SIGTERM', () => process.exit(9)) && setInterval(() => {}, 1000);
      console.log(JSON.stringify({ cwd: process.cwd(), rest, telemetry, version: process.version }));
      if (exitCode !== 'wait') process.exit(Number(exitCode));`;
    writeFileSync(join(root, 'scripts/sample.ts'), script);
    writeFileSync(join(root, 'cli/main.ts'), script);
  });

  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const launch = (command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess =>
    spawn(command, args, { cwd: join(root, 'elsewhere'), env: { ...process.env, ...env } });

  const finish = async (child: ChildProcess): Promise<Run> => {
    let output = '';
    let errors = '';
    child.stdout?.on('data', (text) => {
      output += String(text);
    });
    child.stderr?.on('data', (text) => {
      errors += String(text);
    });
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    return { code, signal, output, errors };
  };

  const bootstrap = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Run> =>
    finish(launch(process.execPath, [join(root, 'scripts/bootstrap.mjs'), ...args], env));

  /** This Node under an older one's version, as the bootstrap sees it. */
  const asOldNode = (): string => {
    const disguise = join(root, 'disguise.mjs');
    writeFileSync(disguise, "Object.defineProperty(process, 'version', { value: 'v20.20.2' });\n");
    return disguise;
  };

  const bootstrapUnderOldNode = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Run> =>
    finish(
      launch(process.execPath, ['--import', asOldNode(), join(root, 'scripts/bootstrap.mjs'), ...args], env),
    );

  /** An npm of our own, whose npx does what the test says. */
  const withNpx = (program: string): NodeJS.ProcessEnv => {
    mkdirSync(join(root, 'npm'));
    writeFileSync(join(root, 'npm/npm-cli.js'), '');
    writeFileSync(join(root, 'npm/npx-cli.js'), program);
    writeFileSync(join(root, 'npm/package.json'), '{"type":"commonjs"}');
    return { npm_execpath: join(root, 'npm/npm-cli.js') };
  };

  it('installs once, then runs the script with the arguments, the folder and the exit code of the caller', async () => {
    const first = await bootstrap(['scripts/sample.ts', '5', 'a b', '']);
    expect(first.code).to.equal(5);
    expect(JSON.parse(first.output)).to.deep.equal({
      cwd: join(root, 'elsewhere'),
      rest: ['a b', ''],
      telemetry: 'true',
      version: process.version,
    });
    const stamp = join(root, 'node_modules/.cache/vinculum/installed');
    const lockText = readFileSync(join(root, 'package-lock.json'), 'utf8');
    expect(readFileSync(stamp, 'utf8')).to.equal(stampOf(lockText, process.version));

    const again = await bootstrap(['scripts/sample.ts', '0'], { PATH: '' });
    expect(again.code).to.equal(0);
    expect(again.errors.trim().split('\n')).to.have.length(1);
  });

  it('says nothing of its own in the quiet form that the command line uses', async () => {
    await bootstrap(['scripts/sample.ts']);
    symlinkSync(join(root, 'bin/vinculum'), join(root, 'elsewhere/link'));
    const path = { PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}` };
    for (const command of [join(root, 'bin/vinculum'), join(root, 'elsewhere/link')]) {
      const run = await finish(launch(command, ['3', 'verify', 'a b'], path));
      expect(run.code).to.equal(3);
      expect(run.errors).to.equal('');
      expect(JSON.parse(run.output)).to.include({ cwd: join(root, 'elsewhere') });
      expect((JSON.parse(run.output) as { rest: string[] }).rest).to.deep.equal(['verify', 'a b']);
    }
  });

  it('hands signals to the script', async () => {
    const child = launch(process.execPath, [
      join(root, 'scripts/bootstrap.mjs'),
      'scripts/sample.ts',
      'wait',
    ]);
    const ended = finish(child);
    if (child.stdout !== null) await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect((await ended).code).to.equal(9);
  });

  it('goes through a remembered newer Node when this one is too old', async () => {
    mkdirSync(join(root, 'node_modules/.cache/vinculum'), { recursive: true });
    writeFileSync(join(root, 'node_modules/.cache/vinculum/node'), process.execPath);
    const run = await bootstrapUnderOldNode(['scripts/sample.ts', '4']);
    expect(run.code).to.equal(4);
    expect(JSON.parse(run.output)).to.include({ version: process.version });
  });

  it('gets a newer Node from npx and remembers it', async () => {
    const env = withNpx(
      `console.log(JSON.stringify([${JSON.stringify(process.execPath)}, '${process.version}']));`,
    );
    // The install itself goes through the real npm.
    mkdirSync(join(root, 'node_modules/.cache/vinculum'), { recursive: true });
    const lockText = readFileSync(join(root, 'package-lock.json'), 'utf8');
    writeFileSync(join(root, 'node_modules/.cache/vinculum/installed'), stampOf(lockText, process.version));
    const run = await bootstrapUnderOldNode(['scripts/sample.ts', '6'], env);
    expect(run.code).to.equal(6);
    expect(readFileSync(join(root, 'node_modules/.cache/vinculum/node'), 'utf8')).to.equal(process.execPath);
  });

  it('fails in a sentence when npx runs the old Node after all', async () => {
    const run = await bootstrapUnderOldNode(
      ['scripts/sample.ts'],
      withNpx("console.log(JSON.stringify(['/usr/bin/node', 'v20.20.2']));"),
    );
    expect(run.code).to.equal(1);
    expect(run.output).to.equal('');
    expect(run.errors)
      .to.match(/v20\.20\.2.*Node 22\.18/s)
      .and.not.match(/\n\s+at /);
  });

  it('fails in a sentence without a network', async () => {
    const run = await bootstrapUnderOldNode(
      ['scripts/sample.ts'],
      withNpx("console.error('npm error code ENOTFOUND'); process.exit(1);"),
    );
    expect(run.code).to.equal(1);
    expect(run.errors)
      .to.match(/ENOTFOUND/)
      .and.not.match(/\n\s+at /);
  });

  it('never goes round again', async () => {
    const run = await bootstrapUnderOldNode(['scripts/sample.ts'], { VINCULUM_BOOTSTRAPPED: '1' });
    expect(run.code).to.equal(1);
    expect(run.errors.trim().split('\n')).to.have.length(1);
  });

  it('fails in a sentence when there is no npm', async () => {
    // A Node that stands alone, as unpacked from an archive without its npm.
    const alone = join(root, 'alone');
    mkdirSync(alone);
    copyFileSync(process.execPath, join(alone, 'node'));
    rmSync(join(root, 'node_modules'), { recursive: true, force: true });
    const lock = { lockfileVersion: 3, packages: { 'node_modules/gone': { version: '1.0.0' } } };
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify(lock));
    const env = { PATH: alone, npm_execpath: '' };
    const run = await finish(
      launch(join(alone, 'node'), [join(root, 'scripts/bootstrap.mjs'), 'scripts/sample.ts'], env),
    );
    expect(run.code).to.equal(1);
    expect(run.errors)
      .to.match(/npm was not found/)
      .and.not.match(/\n\s+at /);
  });

  it('fails in a sentence when npm left a package out, and installs again the next time', async () => {
    const env = withNpx('');
    const lock = { lockfileVersion: 3, packages: { 'node_modules/native': { version: '1.0.0' } } };
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify(lock));
    const run = await bootstrap(['scripts/sample.ts'], env);
    expect(run.code).to.equal(1);
    expect(run.errors).to.match(/left out native/);
    expect(existsSync(join(root, 'node_modules/.cache/vinculum/installed'))).to.equal(false);
  });

  it('names a script that is not there', async () => {
    const run = await bootstrap(['scripts/nothing.ts']);
    expect(run.code).to.equal(1);
    expect(run.errors)
      .to.match(/no scripts\/nothing\.ts/)
      .and.not.match(/\n\s+at /);
  });

  describe('isGoodNode', () => {
    const cases: Readonly<Record<string, boolean>> = {
      'v20.20.2': false,
      'v22.17.9': false,
      'v22.18.0': true,
      'v23.5.0': false,
      'v23.6.0': true,
      'v24.0.0': true,
      'v26.1.0': true,
    };
    for (const [version, good] of Object.entries(cases)) {
      it(`${good ? 'takes' : 'refuses'} ${version}`, () => {
        expect(isGoodNode(version)).to.equal(good);
      });
    }
  });

  describe('missingPackages', () => {
    const platform = { os: 'linux', cpu: 'x64', libc: 'glibc' };
    const missing = (entry: object) => {
      const lock = { packages: { '': {}, 'node_modules/@scope/native': { version: '1.0.0', ...entry } } };
      return missingPackages(lock, root, platform);
    };

    it('wants what fits the platform, in the locked version', () => {
      const folder = join(root, 'node_modules/@scope/native');
      expect(missing({ os: ['linux'], cpu: ['x64'], libc: ['glibc'] })).to.deep.equal(['@scope/native']);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'package.json'), '{"version":"0.9.0"}');
      expect(missing({})).to.deep.equal(['@scope/native']);
      writeFileSync(join(folder, 'package.json'), '{"version":"1.0.0"}');
      expect(missing({})).to.deep.equal([]);
    });

    const foreign: readonly object[] = [
      { os: ['darwin'] },
      { os: ['!linux'] },
      { cpu: ['arm64'] },
      { os: ['linux'], libc: ['musl'] },
      { optional: true },
    ];
    for (const entry of foreign) {
      it(`does without a package with ${JSON.stringify(entry)}`, () => {
        expect(missing(entry)).to.deep.equal([]);
      });
    }

    it('reads a list of exclusions', () => {
      expect(missing({ os: ['!win32', '!darwin'] })).to.deep.equal(['@scope/native']);
    });
  });

  describe('explainNpmFailure', () => {
    const remedies: Readonly<Record<string, RegExp>> = {
      ENOTFOUND: /network/,
      EACCES: /write access/,
      ENOSPC: /disk is full/,
      EUSAGE: /completeLock/,
    };
    for (const [code, remedy] of Object.entries(remedies)) {
      it(`knows the remedy for ${code}`, () => {
        expect(explainNpmFailure(`npm error code ${code}\nnpm error more`, 'It')).to.match(remedy);
      });
    }

    it('quotes npm on anything else', () => {
      expect(explainNpmFailure('npm error something odd', 'It')).to.match(/something odd/);
    });
  });
});
