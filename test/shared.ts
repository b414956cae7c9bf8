import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder of third-party data, beside the project or where VINCULUM_SHARED says; it is not part of the project. */
export const sharedFolder =
  process.env.VINCULUM_SHARED ?? fileURLToPath(new URL('../../shared/data', import.meta.url));

/**
 * Path of a shared data file, or null after one clear line where the whole folder is not on this machine.
 * @throws where the folder is here, or is said to be, and the file is not: a test that could run must not be skipped
 */
export function sharedFile(name: string): string | null {
  const path = `${sharedFolder}/${name}`;
  if (existsSync(path)) return path;
  if (process.env.VINCULUM_SHARED !== undefined || existsSync(sharedFolder)) {
    throw new Error(`The shared data in ${sharedFolder} has no ${name}.`);
  }
  console.warn(`      skipped: shared data ${name} is not here (set VINCULUM_SHARED to its folder)`);
  return null;
}

/** A golden vector of `test/vectors/`, checked by Solidity and TypeScript alike. */
export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`vectors/${name}`, import.meta.url), 'utf8')) as T;
}
