export interface LockEntry {
  readonly version?: string;
  readonly link?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}
export function isGoodNode(version: string): boolean;
export function stampOf(lockText: string, nodeVersion: string): string;
export function missingPackages(
  lock: { readonly packages: Readonly<Record<string, LockEntry>> },
  folder: string,
  platform: { readonly os: string; readonly cpu: string; readonly libc: string | undefined },
): string[];
export function explainNpmFailure(output: string, doing: string): string;
