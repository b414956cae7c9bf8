import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Express, Request, Response } from 'express';
import { methodNotAllowed } from '../http/mount.ts';
import { Problem } from '../problem.ts';

/** Where the build of the reader's page puts its files. */
export const pageFolder = fileURLToPath(new URL('../../web/dist/', import.meta.url));

/**
 * What the reader's page may do: its own files, blobs that it made itself, and connections to wherever its reader wants:
 * whoever verifies chooses whom to ask, so `connect-src` alone is open.
 */
export const readerPolicy =
  "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' blob:; " +
  "frame-src blob:; connect-src *; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The style of the description of the interface (`/docs`), which is a page of its own. */
const docsStyle = fileURLToPath(new URL('./docs.css', import.meta.url));

/** From the best to the plainest; the build leaves the compressed files beside the plain ones. */
const encodings = [
  { name: 'br', suffix: '.br' },
  { name: 'gzip', suffix: '.gz' },
] as const;

type PageFile = {
  readonly type: string;
  readonly etag: string;
  readonly plain: Buffer;
  readonly compressed: ReadonlyMap<string, Buffer>;
};

async function readPageFiles(folder: string): Promise<ReadonlyMap<string, PageFile>> {
  const files = new Map<string, PageFile>();
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const present = new Set(names);
  for (const name of names) {
    const type = types[extname(name)];
    if (type === undefined) continue;
    const plain = await readFile(folder + name);
    const compressed = new Map<string, Buffer>();
    for (const encoding of encodings) {
      const file = name + encoding.suffix;
      if (present.has(file)) compressed.set(encoding.name, await readFile(folder + file));
    }
    const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`;
    files.set(name.replaceAll('\\', '/'), { type, etag, plain, compressed });
  }
  return files;
}

/**
 * Serves the reader's page from its built files, read once. `/` is the page whatever its query; an asset's name holds
 * the digest of its content, and so it never changes.
 */
export async function mountPage(app: Express, folder = pageFolder): Promise<void> {
  const files = await readPageFiles(folder);
  const style = await readFile(docsStyle, 'utf8');
  app.get('/docs.css', (_request, response) => {
    response.locals.route = '/docs.css';
    response.set('Cache-Control', 'no-cache').type('text/css; charset=utf-8').send(style);
  });
  app.route('/docs.css').all(methodNotAllowed(['GET', 'HEAD']));
  const serve = (path: string, nameOf: (request: Request) => string, cache: string): void => {
    app.get(path, (request, response) => {
      response.locals.route = path;
      const file = files.get(nameOf(request));
      if (file !== undefined) send(request, response, file, cache);
      else if (files.size === 0)
        throw new Problem('page.notBuilt', 'Run "npm run build:web" and start again.');
      else throw new Problem('request.unknownRoute', 'The page has no such file.');
    });
    app.route(path).all(methodNotAllowed(['GET', 'HEAD']));
  };
  serve('/', () => 'index.html', 'no-cache');
  serve('/icon.svg', () => 'icon.svg', 'no-cache');
  serve('/assets/:file', ({ params }) => `assets/${params.file}`, 'public, max-age=31536000, immutable');
}

function send(request: Request, response: Response, file: PageFile, cache: string): void {
  const encoding = encodings.find(
    ({ name }) => file.compressed.has(name) && request.acceptsEncodings(name) === name,
  );
  response.set({
    'Content-Security-Policy': readerPolicy,
    'Permissions-Policy': 'camera=(self), geolocation=(), microphone=()',
    'Cache-Control': cache,
    'Content-Type': file.type,
    ETag: file.etag,
  });
  response.vary('Accept-Encoding');
  if (request.fresh) {
    response.status(304).end();
    return;
  }
  if (encoding !== undefined) response.set('Content-Encoding', encoding.name);
  response.send(file.compressed.get(encoding?.name ?? '') ?? file.plain);
}
