// Runs a script of this project under a Node that can run it, with its packages installed.
//
//     node scripts/bootstrap.mjs [--quiet] SCRIPT [ARGUMENT…]
//
// Plain JavaScript without dependencies, because it must start on any Node and before anything is installed.
// An older Node fetches Node 24 once through npx and remembers where it lies. Packages are installed only under
// the new Node: an install by an older one silently leaves native packages out.

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { constants as osConstants, tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = realpathSync(resolve(dirname(fileURLToPath(import.meta.url)), '..'));
const cacheFolder = join(root, 'node_modules', '.cache', 'vinculum');
const stampFile = join(cacheFolder, 'installed');
const rememberedNodeFile = join(cacheFolder, 'node');
const runtimePackage = 'node@24';
// Set for the process under the new Node, so that it can never send itself round again.
const guard = 'VINCULUM_BOOTSTRAPPED';
const goodNodeHint = 'install Node 22.18 or newer from https://nodejs.org and run the command again';

/** A failure with one sentence that says what to do. */
class BootstrapError extends Error {}

/** Whether this version runs TypeScript as it is. */
export function isGoodNode(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major >= 24 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18);
}

/** What has to be installed: changes with the lock file and with Node's major version. */
export function stampOf(lockText, nodeVersion) {
  return createHash('sha256')
    .update(`${nodeVersion.split('.')[0]}\n`)
    .update(lockText)
    .digest('hex');
}

/** The packages that the lock file wants on this platform and that are not there in that version. */
export function missingPackages(lock, folder, platform) {
  const missing = [];
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path === '' || entry.link === true || !fits(entry, platform)) continue;
    // What is optional and for any platform may only serve another platform's package: only native ones are missed.
    if (entry.optional === true && !entry.os && !entry.cpu && !entry.libc) continue;
    let installed;
    try {
      installed = JSON.parse(readFileSync(join(folder, path, 'package.json'), 'utf8')).version;
    } catch {
      installed = undefined;
    }
    if (installed !== entry.version) missing.push(path.slice(path.lastIndexOf('node_modules/') + 13));
  }
  return missing;
}

function fits(entry, platform) {
  return (
    allows(entry.os, platform.os) && allows(entry.cpu, platform.cpu) && allows(entry.libc, platform.libc)
  );
}

/** npm's rule: a list of names of which one must match, or of names with `!` of which none may. */
function allows(list, value) {
  if (list === undefined || list.length === 0) return true;
  if (list.includes(`!${value}`)) return false;
  return list.includes(value) || list.every((name) => name.startsWith('!'));
}

function thisPlatform() {
  let libc;
  if (process.platform === 'linux') {
    process.report.excludeNetwork = true;
    libc = process.report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
  }
  return { os: process.platform, cpu: process.arch, libc };
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

/** `npm` or `npx` as a command line that runs under *this* Node, whatever its own first line says. */
function npmTool(name) {
  const candidates = [];
  const { npm_execpath: execPath } = process.env;
  if (execPath !== undefined && /npm-cli\.js$/.test(execPath))
    candidates.push(join(dirname(execPath), `${name}-cli.js`));
  const beside = dirname(process.execPath);
  candidates.push(join(beside, 'node_modules', 'npm', 'bin', `${name}-cli.js`));
  candidates.push(join(beside, '..', 'lib', 'node_modules', 'npm', 'bin', `${name}-cli.js`));
  const onPath = [];
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    candidates.push(join(folder, 'node_modules', 'npm', 'bin', `${name}-cli.js`));
    const command = join(folder, name);
    if (!existsSync(command)) continue;
    const target = realpathSync(command);
    if (/\.c?js$/.test(target)) candidates.push(target);
    else onPath.push(command);
  }
  const script = candidates.find((candidate) => existsSync(candidate));
  if (script !== undefined) return [process.execPath, script];
  if (onPath[0] !== undefined) return [onPath[0]];
  throw new BootstrapError(
    `npm was not found beside Node ${process.version} nor on the PATH: ${goodNodeHint}.`,
  );
}

/** Says in one sentence why npm failed and what to do. */
export function explainNpmFailure(output, doing) {
  const code = /npm (?:error|ERR!) code (\w+)/.exec(output)?.[1] ?? '';
  if (
    /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED)$/.test(
      code,
    )
  ) {
    return `${doing} failed because the package registry can't be reached (${code}): connect to the network, or set npm's "registry" or "proxy", and run the command again.`;
  }
  if (/^(EACCES|EPERM|EROFS)$/.test(code)) {
    return `${doing} failed because a folder can't be written (${code}): give yourself write access to ${root} and to npm's cache, and run the command again.`;
  }
  if (code === 'ENOSPC')
    return `${doing} failed because the disk is full: free 1 GB and run the command again.`;
  if (code === 'EUSAGE') {
    return `${doing} failed because package-lock.json does not match package.json: run "npm install" and "node scripts/completeLock.ts" under Node 24, and commit the lock file.`;
  }
  const last = output.trim().split('\n').slice(-8).join('\n');
  return `${doing} failed; npm said:\n${last}`;
}

/** The path of a Node that is new enough, fetched by npx if no earlier run did. */
function findNewNode() {
  try {
    const remembered = readFileSync(rememberedNodeFile, 'utf8');
    if (existsSync(remembered)) return remembered;
  } catch {
    // Nothing is remembered yet.
  }
  const started = Date.now();
  say(`Node ${process.version} is too old for this project: getting Node 24 through npx …`);
  // The platform's own package comes first: it needs no install script, so npm's `ignore-scripts` and npm 12,
  // which runs none, can't leave the old Node in its place. The version is checked all the same.
  const os = process.platform === 'win32' ? 'win' : process.platform;
  const packages = [`node-${os}-${process.arch}@24`, runtimePackage];
  let answers = '';
  let failure = '';
  for (const name of packages) {
    const [command, ...before] = npmTool('npx');
    const script = 'process.stdout.write(JSON.stringify([process.execPath, process.version]))';
    const result = spawnSync(command, [...before, '-y', '-p', name, '--', 'node', '-e', script], {
      cwd: tmpdir(),
      encoding: 'utf8',
    });
    if (result.status !== 0) {
      failure = `${result.stdout ?? ''}\n${result.stderr ?? result.error?.message ?? ''}`;
      // Only a platform without its own package is a reason to try the next name.
      if (!/code (E404|ETARGET|EBADPLATFORM)/.test(failure)) break;
      continue;
    }
    const [path, version] = JSON.parse(result.stdout.slice(result.stdout.indexOf('[')));
    if (isGoodNode(version)) {
      say(`Node ${version} is ready (${seconds(started)}).`);
      if (existsSync(join(root, 'node_modules'))) remember(rememberedNodeFile, path);
      return path;
    }
    answers = version;
  }
  if (answers !== '') {
    throw new BootstrapError(
      `npx was asked for Node 24 but ran Node ${answers} (npm's "ignore-scripts" setting does that): ${goodNodeHint}.`,
    );
  }
  throw new BootstrapError(explainNpmFailure(failure, 'Getting Node 24'));
}

function remember(file, text) {
  try {
    mkdirSync(cacheFolder, { recursive: true });
    writeFileSync(file, text);
  } catch {
    // Only a later start is slower for it.
  }
}

function readOrEmpty(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Holds the right to install here; a second start waits for the first instead of installing over it. */
async function withInstallLock(action) {
  const lock = join(
    tmpdir(),
    `vinculum-install-${createHash('sha256').update(root).digest('hex').slice(0, 16)}`,
  );
  for (let waited = false; ; waited = true) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = Number(readOrEmpty(lock));
    if (holder > 0 && !isAlive(holder)) {
      rmSync(lock, { force: true });
      continue;
    }
    if (!waited) say(`Another start is installing the packages (process ${holder}): waiting for it …`);
    await new Promise((done) => setTimeout(done, 250));
  }
  try {
    await action();
  } finally {
    rmSync(lock, { force: true });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Makes `node_modules` what the lock file says, and does nothing when it already is. */
async function ensureInstalled() {
  const lockText = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const stamp = stampOf(lockText, process.version);
  if (readOrEmpty(stampFile) === stamp) return;
  await withInstallLock(async () => {
    const lock = JSON.parse(lockText);
    const platform = thisPlatform();
    // Packages may have come by `npm install`, or with another start that has just ended.
    if (missingPackages(lock, root, platform).length > 0) {
      install(Object.keys(lock.packages).length - 1);
      const missing = missingPackages(lock, root, platform);
      if (missing.length > 0) {
        throw new BootstrapError(
          `The install left out ${missing.slice(0, 5).join(', ')}${missing.length > 5 ? ' …' : ''}: this platform (${platform.os} ${platform.cpu}${platform.libc ? ` ${platform.libc}` : ''}) needs ${missing.length === 1 ? 'it' : 'them'}; check npm's "omit" setting and that the registry carries ${missing.length === 1 ? 'it' : 'them'}, remove node_modules and run the command again.`,
        );
      }
    }
    remember(stampFile, stamp);
    remember(rememberedNodeFile, process.execPath);
  });
}

function install(count) {
  try {
    accessSync(root, constants.W_OK);
  } catch {
    throw new BootstrapError(
      `The packages can't be installed because ${root} can't be written: give yourself write access to it, or clone the project elsewhere.`,
    );
  }
  const started = Date.now();
  const [command, ...before] = npmTool('npm');
  say(`Installing ${count} packages under Node ${process.version} (npm ci) …`);
  const result = spawnSync(
    command,
    [...before, 'ci', '--no-audit', '--no-fund', '--include=dev', '--include=optional', '--loglevel=error'],
    {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 64 << 20,
      env: { ...process.env, NODE_ENV: '' },
    },
  );
  if (result.status !== 0) {
    throw new BootstrapError(
      explainNpmFailure(
        `${result.stdout ?? ''}\n${result.stderr ?? ''}\n${result.error?.message ?? ''}`,
        'Installing the packages',
      ),
    );
  }
  say(`Packages are installed (${seconds(started)}).`);
}

/** Replaces this process by another where the system can, else stands in for it: same streams, signals, exit code. */
function become(command, args, env) {
  if (typeof process.execve === 'function' && process.platform !== 'win32') {
    process.execve(command, [command, ...args], env);
  }
  const child = spawn(command, args, { stdio: 'inherit', env });
  // A terminal sends Ctrl-C to both processes by itself: passing it on too would make it two.
  const terminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGBREAK']) {
    if (!(signal in osConstants.signals)) continue;
    process.on(signal, () => {
      if (!(terminal && (signal === 'SIGINT' || signal === 'SIGQUIT'))) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    say(
      `${command} could not be started (${error.code}): remove ${rememberedNodeFile} and run the command again.`,
    );
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    setTimeout(() => process.exit(128 + (osConstants.signals[signal] ?? 0)), 100);
  });
}

async function main(args) {
  const quiet = args[0] === '--quiet';
  const [script, ...rest] = quiet ? args.slice(1) : args;
  if (script === undefined)
    throw new BootstrapError('Usage: node scripts/bootstrap.mjs [--quiet] SCRIPT [ARGUMENT…]');
  const env = { ...process.env, HARDHAT_DISABLE_TELEMETRY: 'true' };

  if (!isGoodNode(process.version)) {
    if (process.env[guard] !== undefined) {
      rmSync(rememberedNodeFile, { force: true });
      throw new BootstrapError(
        `Node ${process.version} came back where Node 24 was asked for: ${goodNodeHint}.`,
      );
    }
    const node = findNewNode();
    become(node, [fileURLToPath(import.meta.url), ...args], {
      ...env,
      [guard]: '1',
      PATH: `${dirname(node)}${delimiter}${env.PATH ?? ''}`,
    });
    return;
  }

  delete env[guard];
  await ensureInstalled();
  const file = resolve(root, script);
  if (!existsSync(file))
    throw new BootstrapError(`There is no ${script} in ${root}: check the path against the README.`);
  if (!quiet) say(`Running ${script} under Node ${process.version}.`);
  become(process.execPath, [file, ...rest], env);
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main(process.argv.slice(2)).catch((error) => {
    say(error instanceof BootstrapError ? error.message : `Starting failed: ${error.stack ?? error}`);
    process.exitCode = 1;
  });
}
