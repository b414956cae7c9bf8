// Completes package-lock.json with the other platforms' optional packages.
//
//     node scripts/completeLock.ts [--check]
//
// A registry that lacks some platform's build of a package makes npm drop it from the lock file, and then
// `npm ci` refuses the lock everywhere. A stub (version and platform, no address, no hash) is enough for npm to
// know that the package exists and is not for this machine.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface LockPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface Lock {
  readonly packages: Readonly<Record<string, LockPackage>>;
}

export interface MissingOptional {
  readonly parent: string;
  readonly name: string;
  readonly wanted: string;
}

const systems = new Map([
  ['darwin', 'darwin'],
  ['macos', 'darwin'],
  ['linux', 'linux'],
  ['win32', 'win32'],
  ['windows', 'win32'],
  ['android', 'android'],
  ['freebsd', 'freebsd'],
  ['netbsd', 'netbsd'],
  ['openbsd', 'openbsd'],
  ['sunos', 'sunos'],
  ['aix', 'aix'],
  ['openharmony', 'openharmony'],
  ['fsevents', 'darwin'],
]);

const processors = new Map([
  ['x64', 'x64'],
  ['amd64', 'x64'],
  ['arm64', 'arm64'],
  ['arm', 'arm'],
  ['armv7', 'arm'],
  ['ia32', 'ia32'],
  ['ppc64', 'ppc64'],
  ['riscv64', 'riscv64'],
  ['s390x', 's390x'],
  ['loong64', 'loong64'],
  ['mips64el', 'mips64el'],
]);

const libraries = new Map([
  ['gnu', 'glibc'],
  ['musl', 'musl'],
]);

/** The platform that an optional package is for, read off its name. */
export function platformOf(name: string): { os?: string[]; cpu?: string[]; libc?: string[] } {
  const platform: { os?: string[]; cpu?: string[]; libc?: string[] } = {};
  for (const word of name.slice(name.indexOf('/') + 1).split(/[-_.]/)) {
    const os = systems.get(word);
    const cpu = processors.get(word);
    const libc = libraries.get(word);
    if (os !== undefined) platform.os = [os];
    if (cpu !== undefined) platform.cpu = [cpu];
    if (libc !== undefined) platform.libc = [libc];
  }
  return platform;
}

/** Every optional dependency that no package in the lock file satisfies. */
export function missingOptionals(lock: Lock): MissingOptional[] {
  const missing: MissingOptional[] = [];
  for (const [parent, entry] of Object.entries(lock.packages)) {
    for (const [name, wanted] of Object.entries(entry.optionalDependencies ?? {})) {
      if (!isResolved(lock, parent, name)) missing.push({ parent, name, wanted });
    }
  }
  return missing;
}

/** Node's own look-up: beside the parent first, then every `node_modules` above it. */
function isResolved(lock: Lock, parent: string, name: string): boolean {
  for (let folder = parent; folder !== ''; folder = above(folder)) {
    if (lock.packages[`${folder}/node_modules/${name}`] !== undefined) return true;
  }
  return lock.packages[`node_modules/${name}`] !== undefined;
}

const above = (folder: string): string => folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')));

/** The lock file with a stub for each missing optional package; the given one is left as it is. */
export function completed<T extends Lock>(lock: T): T {
  const stubs: Record<string, LockPackage> = {};
  for (const { parent, name, wanted } of missingOptionals(lock)) {
    if (!/^\d+\.\d+\.\d+/.test(wanted)) {
      throw new Error(
        `${parent} wants ${name}@${wanted}: a stub needs an exact version; add the package to the lock by hand.`,
      );
    }
    const platform = platformOf(name);
    if (platform.os === undefined) {
      throw new Error(
        `${parent} wants ${name}@${wanted}, whose platform its name doesn't say; add the package to the lock by hand.`,
      );
    }
    const dev = lock.packages[parent]?.dev === true ? { dev: true } : {};
    stubs[`node_modules/${name}`] = { version: wanted, ...dev, optional: true, ...orderedPlatform(platform) };
  }
  const packages = { ...lock.packages, ...stubs };
  const sorted = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
  return { ...lock, packages: sorted };
}

function orderedPlatform(platform: ReturnType<typeof platformOf>): LockPackage {
  const { os, cpu, libc } = platform;
  return { ...(cpu && { cpu }), ...(libc && { libc }), ...(os && { os }) };
}

/** What is wrong with a lock file, as sentences; empty when nothing is. */
export function lockProblems(text: string): string[] {
  const lock = JSON.parse(text) as Lock;
  const problems: string[] = [];
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (entry.resolved !== undefined && entry.link !== true)
      problems.push(`${path} names an address (resolved).`);
  }
  const addresses = new Set(text.match(/https?:\/\/[^"\s]*(?:registry|npmjs|\.tgz)[^"\s]*/g) ?? []);
  for (const address of addresses) problems.push(`The registry's address ${address} is in the lock file.`);
  for (const { parent, name } of missingOptionals(lock)) {
    problems.push(`${parent}'s optional package ${name} is missing: run node scripts/completeLock.ts.`);
  }
  return problems;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = fileURLToPath(new URL('../package-lock.json', import.meta.url));
  const text = readFileSync(file, 'utf8');
  if (!process.argv.includes('--check')) {
    const lock = JSON.parse(text) as Lock;
    const missing = missingOptionals(lock);
    writeFileSync(file, `${JSON.stringify(completed(lock), null, 2)}\n`);
    console.log(`package-lock.json: ${missing.length} optional packages of other platforms added.`);
  }
  const problems = lockProblems(readFileSync(file, 'utf8'));
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
