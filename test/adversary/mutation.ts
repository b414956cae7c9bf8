import { fromBase64Url, toBase64Url } from '../../core/bytes.ts';

/** Where a value stands in a document. */
export type Path = readonly (string | number)[];

/** Every value of a document but the whole, by its path. */
export function pathsOf(value: unknown, path: Path = []): Path[] {
  const here = path.length === 0 ? [] : [path];
  if (value === null || typeof value !== 'object') return here;
  const inner = Object.entries(value).flatMap(([name, item]) =>
    pathsOf(item, [...path, Array.isArray(value) ? Number(name) : name]),
  );
  return [...here, ...inner];
}

function at(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, name) => (value as Record<string, unknown> | null | undefined)?.[name],
    root,
  );
}

function put(root: unknown, path: Path, value: unknown): void {
  const holder = at(root, path.slice(0, -1));
  const name = path.at(-1);
  // An earlier change of the same stroke may have put something else there.
  if (typeof holder !== 'object' || holder === null || name === undefined) return;
  (holder as Record<string | number, unknown>)[name] = value;
}

/** Those that leave the document one of its form, mostly: they reach what is proven. */
export const subtle = [
  'swap',
  'graft',
  'flipBit',
  'flipCharacter',
  'duplicate',
  'move',
  'truncate',
  'delete',
] as const;
/** Those that seldom do: they reach whoever reads the form. */
export const gross = ['number', 'null', 'text', 'empty', 'huge'] as const;
export type Mutation = (typeof subtle)[number] | (typeof gross)[number];

/** How one mutation is done: `a` and `b` choose places in the document, `n` a character, bit or amount. */
export type Strike = { readonly how: Mutation; readonly a: number; readonly b: number; readonly n: number };

/**
 * Changes a document in place, in one spot.
 * @param others documents of the same form, to graft parts from: what an adversary really has
 */
export function strike(root: unknown, others: readonly unknown[], { how, a, b, n }: Strike): void {
  const paths = pathsOf(root);
  const path = paths[a % paths.length];
  if (path === undefined) return;
  const value = at(root, path);
  const holder = at(root, path.slice(0, -1)) as Record<string, unknown> | unknown[];
  const name = path.at(-1) ?? '';
  switch (how) {
    case 'delete':
      if (Array.isArray(holder)) holder.splice(Number(name), 1);
      else delete holder[name];
      return;
    case 'duplicate':
      if (Array.isArray(holder)) holder.splice(n % (holder.length + 1), 0, structuredClone(value));
      else holder[`${name}${n % 10}`] = structuredClone(value);
      return;
    case 'move':
      if (Array.isArray(holder)) holder.splice(n % holder.length, 0, ...holder.splice(Number(name), 1));
      return;
    case 'swap': {
      const form = formOf(value);
      const alike = paths.filter((other) => formOf(at(root, other)) === form);
      const other = alike[b % alike.length] ?? path;
      const theirs = structuredClone(at(root, other));
      put(root, other, structuredClone(value));
      put(root, path, theirs);
      return;
    }
    case 'graft': {
      const theirs = at(others[b % others.length], path);
      if (theirs !== undefined) put(root, path, structuredClone(theirs));
      return;
    }
    case 'flipCharacter':
      if (typeof value === 'string' && value.length > 0) put(root, path, flipCharacter(value, n));
      else if (typeof value === 'number') put(root, path, value + (n % 2 === 0 ? 1 : -1));
      return;
    case 'flipBit':
      if (typeof value === 'string') put(root, path, flipBit(value, n));
      return;
    case 'truncate':
      if (typeof value === 'string') put(root, path, value.slice(0, n % (value.length + 1)));
      else if (Array.isArray(value)) value.splice(n % (value.length + 1));
      return;
    case 'number':
      put(root, path, [0, -1, 1.5, 2 ** 31, 2 ** 53, 1e300][n % 6]);
      return;
    case 'null':
      put(root, path, null);
      return;
    case 'text':
      put(root, path, ['', 'x', '0x', '\u0000', '𝒳', '__proto__', '-1', '9'.repeat(78)][n % 8]);
      return;
    case 'empty':
      put(root, path, n % 2 === 0 ? [] : {});
      return;
    case 'huge':
      put(root, path, typeof value === 'string' ? value.repeat(50) : Array(500).fill(value));
      return;
  }
}

/** Values of one form can stand in for each other without the document becoming another sort of document. */
function formOf(value: unknown): string {
  if (typeof value === 'string') return /^0x[0-9a-f]+$/.test(value) ? `hex ${value.length}` : 'text';
  if (Array.isArray(value)) return 'list';
  return value !== null && typeof value === 'object' ? Object.keys(value).sort().join() : typeof value;
}

function flipCharacter(text: string, n: number): string {
  const index = n % text.length;
  const other = text[index] === 'a' ? 'b' : 'a';
  return text.slice(0, index) + other + text.slice(index + 1);
}

/** One bit of the bytes that a text of hex or base64url stands for; a text of something else stays. */
function flipBit(text: string, n: number): string {
  if (/^0x[0-9a-f]+$/.test(text)) {
    const index = 2 + (n % (text.length - 2));
    const digit = Number.parseInt(text[index] ?? '0', 16) ^ (1 << (n % 4));
    return text.slice(0, index) + digit.toString(16) + text.slice(index + 1);
  }
  try {
    const bytes = fromBase64Url(text);
    const index = n % Math.max(1, bytes.length);
    bytes[index] = (bytes[index] ?? 0) ^ (1 << (n % 8));
    return toBase64Url(bytes);
  } catch {
    return text;
  }
}
