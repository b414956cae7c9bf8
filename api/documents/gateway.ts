import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Request, type Response, Router } from 'express';
import type { CID } from 'multiformats/cid';
import { toHex } from '../../core/bytes.ts';
import { contentErased, erasedOf, isDocumentErased } from '../erasure/tombstones.ts';
import { Problem } from '../problem.ts';
import type { Store } from '../store/store.ts';
import { type ByteRange, type CarOptions, car } from './car.ts';
import { type DocumentStore, parseCid } from './documentStore.ts';
import { getBlock } from './envelopeBlocks.ts';

export interface GatewayOptions {
  readonly store: Store;
  readonly documents: DocumentStore;
}

const rawType = 'application/vnd.ipld.raw';
const carType = 'application/vnd.ipld.car';
const rawCodec = 0x55;
const sha256 = 0x12;

/** The empty block, which has its content in its CID: the gateway specification's probe. */
const probe = 'bafkqaaa';

/**
 * The IPFS trustless gateway: `GET` and `HEAD /ipfs/{cid}`, for envelope blocks and for blocks of documents, as a raw
 * block or as a CAR. It hands out nothing that the reader cannot check against the CID, and so nothing deserialised.
 * An envelope block goes out as it is stored: checking it is the reader's part, and the audit's.
 *
 * Failures go to the application's error handler as a `Problem`.
 */
export function gatewayRouter({ store, documents }: GatewayOptions): Router {
  const read = async (cid: CID): Promise<Uint8Array | undefined> => {
    if (cid.multihash.code !== sha256) return undefined;
    const envelope = cid.code === rawCodec ? await getBlock(store, cid.multihash.digest) : undefined;
    return envelope ?? documents.block(cid);
  };

  const router = Router();

  router.use('/ipfs', (_request, response, next) => {
    // Public, immutable and checked by its reader: any page may fetch it, and show none of it as its own.
    response.set({
      'Access-Control-Allow-Origin': '*',
      'Access-Control-Expose-Headers': 'Content-Length, Etag, X-Ipfs-Path, X-Ipfs-Roots',
      'X-Content-Type-Options': 'nosniff',
    });
    response.vary('Accept');
    next();
  });

  router.get('/ipfs/:cid', async (request, response) => {
    const { cid: text } = request.params;
    const cid = parseCid(text);
    const format = formatOf(request);
    const root = text === probe ? new Uint8Array() : await read(cid);
    if (root === undefined) {
      if (await wasErased(store, cid)) throw contentErased({ cid: text });
      throw missing(cid, request);
    }
    if (format.type === 'raw') sendRaw(request, response, text, root);
    else {
      const readFrom = (wanted: CID) => (wanted.equals(cid) ? Promise.resolve(root) : read(wanted));
      await sendCar(request, response, text, format, () => car(cid, readFrom, format));
    }
  });

  // A document is a file: there is nothing below it.
  router.get('/ipfs/:cid/*path', (request) => {
    parseCid(String(request.params.cid));
    throw new Problem('block.unknown', 'A document has no paths. Ask for its CID alone.');
  });

  return router;
}

type Format = { readonly type: 'raw' } | ({ readonly type: 'car'; readonly tag: string } & CarOptions);

function sendRaw(request: Request, response: Response, cid: string, bytes: Uint8Array): void {
  setHeaders(request, response, cid, 'raw', `"${cid}.raw"`);
  response.setHeader('Content-Type', rawType);
  response.setHeader('Content-Disposition', `attachment; filename="${cid}.bin"`);
  if (isHeld(request, response)) return void response.status(304).end();
  response.setHeader('Content-Length', bytes.length);
  response.end(bytes); // to HEAD, Node sends the headers only
}

async function sendCar(
  request: Request,
  response: Response,
  cid: string,
  format: Format & { type: 'car' },
  content: () => AsyncIterable<Uint8Array>,
): Promise<void> {
  setHeaders(request, response, cid, 'car', `W/"${cid}.car.${format.tag}"`);
  response.setHeader('Content-Type', `${carType}; version=1; order=dfs; dups=n`);
  response.setHeader('Content-Disposition', `attachment; filename="${cid}.car"`);
  if (isHeld(request, response)) return void response.status(304).end();
  if (request.method === 'HEAD') return void response.end();
  try {
    await pipeline(Readable.from(content(), { objectMode: false }), response);
  } catch (error) {
    // The status is out. A stream that ends without its last chunk is all that can still tell the reader.
    if (!response.headersSent) throw error;
    response.destroy();
  }
}

function setHeaders(request: Request, response: Response, cid: string, format: string, etag: string): void {
  response.setHeader('Cache-Control', 'public, max-age=29030400, immutable');
  response.setHeader('Etag', etag);
  response.setHeader('X-Ipfs-Path', `/ipfs/${cid}`);
  response.setHeader('X-Ipfs-Roots', cid);
  if (request.query.format === undefined) {
    response.setHeader('Content-Location', `${request.baseUrl}/ipfs/${cid}?format=${format}`);
  }
}

/** Whether the client has it already. What a CID names never changes, so that not even `no-cache` is a reason to resend. */
function isHeld(request: Request, response: Response): boolean {
  const opaque = (tag: string) => tag.trim().replace(/^W\//, '');
  const mine = opaque(String(response.getHeader('Etag')));
  const held = (request.get('If-None-Match') ?? '').split(',').map(opaque);
  return held.includes(mine) || held.includes('*');
}

/** Whether it is not here because it was destroyed: nobody need look for it elsewhere. */
async function wasErased(store: Store, cid: CID): Promise<boolean> {
  if (cid.multihash.code !== sha256) return false;
  const { digest } = cid.multihash;
  const entry = cid.code === rawCodec && (await erasedOf(store, [digest])).get(toHex(digest))?.has('entry');
  return entry === true || isDocumentErased(store, cid.toString());
}

function missing(cid: CID, request: Request): Problem {
  const onlyIfCached = /(^|,)\s*only-if-cached\s*(,|$)/i.test(request.get('Cache-Control') ?? '');
  return onlyIfCached
    ? new Problem('block.notCached', `Block ${cid} is not here.`)
    : new Problem('block.unknown', `Block ${cid} is not here. Ask another operator or an IPFS gateway.`);
}

/** The representation that is asked for: the `format` parameter comes before the `Accept` header. */
function formatOf(request: Request): Format {
  const offer = accepted(request);
  const wanted = request.query.format ?? offer?.format;
  if (wanted === 'raw') return { type: 'raw' };
  if (wanted !== 'car') {
    throw new Problem(
      'request.notAcceptable',
      'Only verifiable formats: ask for ?format=raw or ?format=car.',
    );
  }
  const scope = text(request, 'dag-scope') ?? 'all';
  if (!['block', 'entity', 'all'].includes(scope)) {
    throw new Problem('request.malformed', 'dag-scope is block, entity or all.');
  }
  for (const [name, offered] of [
    ['version', ['1']],
    ['order', ['dfs', 'unk']],
    ['dups', ['n']],
  ] as const) {
    const value =
      text(request, `car-${name}`) ?? (offer?.format === 'car' ? offer.parameters.get(name) : undefined);
    if (value !== undefined && !(offered as readonly string[]).includes(value)) {
      throw new Problem('request.notAcceptable', `Only car-${name}=${offered[0]} is offered.`);
    }
  }
  const bytes = text(request, 'entity-bytes');
  return {
    type: 'car',
    // entity-bytes implies dag-scope=entity; a document is all its own entity.
    rootOnly: scope === 'block' && bytes === undefined,
    range: bytes === undefined ? undefined : rangeOf(bytes),
    tag: [scope, bytes ?? ''].join('.').replaceAll('*', 'end').replaceAll(':', '_'),
  };
}

interface Accepted {
  readonly format: 'raw' | 'car';
  readonly parameters: ReadonlyMap<string, string>;
}

/** The verifiable format that `Accept` names and prefers. A wildcard names none: it asks for what a browser can show. */
function accepted(request: Request): Accepted | undefined {
  const offers = (request.get('Accept') ?? '').split(',').flatMap((part) => {
    const [type, ...rest] = part.split(';').map((word) => word.trim().toLowerCase());
    const format = type === rawType ? 'raw' : type === carType ? 'car' : undefined;
    const parameters = new Map(rest.map((word) => [word.split('=')[0] ?? '', word.split('=')[1] ?? '']));
    const quality = Number(parameters.get('q') ?? 1);
    return format === undefined || !(quality > 0) ? [] : [{ format, parameters, quality } as const];
  });
  return offers.toSorted((one, other) => other.quality - one.quality)[0];
}

function text(request: Request, name: string): string | undefined {
  const value = request.query[name];
  if (value === undefined || typeof value === 'string') return value;
  throw new Problem('request.malformed', `Give ${name} once.`);
}

function rangeOf(value: string): ByteRange {
  const match = /^(-?\d{1,18}):(\*|-?\d{1,18})$/.exec(value);
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new Problem('request.malformed', 'entity-bytes is from:to, for instance 0:1023 or -1024:*.');
  }
  return { from: BigInt(match[1]), to: match[2] === '*' ? undefined : BigInt(match[2]) };
}
