/**
 * Event hashes (CBV 2.0) beside epcis2.js, in one run: how many of the reference's vectors each matches, and events a
 * second; and how fast, and in how much memory, a large document is read. epcis2.js 2.7.3 (Apache-2.0) is no dependency of
 * this project: one of its own, `fs@0.0.1-security`, is a placeholder that not every registry has, and it brings 69
 * packages, among them HTTP clients that are no longer maintained. Install it in a folder of its own and name that folder:
 *
 *   VINCULUM_PEERS=/path/to/folder node bench/epcis.ts
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parseDocument, parseEvent } from '../core/epcis/document.ts';
import { eventHash } from '../core/epcis/eventHash.ts';
import { mapEvent } from '../core/epcis/mapping.ts';
import { DocumentScanner, parseEventText } from '../core/epcis/stream.ts';
import { sharedFile } from '../test/shared.ts';
import { median, table } from './table.ts';

type Fields = Record<string, unknown>;
type Peer = { readonly name: string; hash(event: Fields, vector: Vector): string };
type Vector = {
  readonly frame: ReturnType<typeof parseDocument>['frame'];
  readonly events: readonly Fields[];
  readonly expected: readonly string[];
};

function vectorsOf(folder: string): Vector[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jsonld'))
    .map((name) => {
      const { frame, events } = parseDocument(JSON.parse(readFileSync(join(folder, name), 'utf8')));
      const hashes = readFileSync(join(folder, name.replace('.jsonld', '.hashes')), 'utf8');
      return { frame, events: events as unknown as Fields[], expected: hashes.trim().split(/\s+/) };
    });
}

const ours: Peer = { name: 'Vinculum', hash: (event, { frame }) => eventHash(event, frame) };

/** epcis2.js as its documentation says to use it: the event, and the prefixes of its document. */
function epcis2(): Peer | null {
  const folder = process.env.VINCULUM_PEERS;
  if (folder === undefined || !existsSync(join(folder, 'node_modules', 'epcis2.js'))) return null;
  const library = createRequire(join(folder, 'index.js'))('epcis2.js') as {
    eventToHashedId(event: Fields, context: Fields, throwError: boolean): string;
  };
  return {
    name: 'epcis2.js 2.7.3',
    hash: (event, { frame }) => library.eventToHashedId(event, { ...frame.namespaces }, false),
  };
}

/** How many hashes of all documents are among the expected, each document as a set. */
function matches(peer: Peer, vectors: readonly Vector[]): number {
  return vectors.reduce((sum, vector) => {
    const left = [...vector.expected];
    for (const event of vector.events) {
      const place = left.indexOf(attempt(() => peer.hash(structuredClone(event), vector)));
      if (place >= 0) left.splice(place, 1);
    }
    return sum + vector.expected.length - left.length;
  }, 0);
}

function attempt(work: () => string): string {
  try {
    return work();
  } catch {
    return '';
  }
}

function perSecond(peer: Peer, vectors: readonly Vector[]): number {
  const events = vectors.flatMap((vector) => vector.events.map((event) => ({ event, vector })));
  const round = (): number => {
    const start = performance.now();
    let hashed = 0;
    while (performance.now() - start < 400) {
      for (const { event, vector } of events) attempt(() => peer.hash(event, vector));
      hashed += events.length;
    }
    return (hashed * 1000) / (performance.now() - start);
  };
  round();
  return median([round(), round(), round(), round(), round()]);
}

const LARGE = 100_000;

/** A document of many events in pieces, never there as a whole. */
function* largeDocument(): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  const head =
    '{"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],"type":"EPCISDocument",';
  yield encoder.encode(
    `${head}"schemaVersion":"2.0","creationDate":"2024-01-01T00:00:00Z","epcisBody":{"eventList":[`,
  );
  for (let start = 0; start < LARGE; start += 500) {
    const events = Array.from({ length: 500 }, (_, index) => ({
      eventID: `urn:uuid:${start + index}`,
      type: 'ObjectEvent',
      eventTime: '2024-01-01T00:00:00Z',
      eventTimeZoneOffset: '+01:00',
      action: 'OBSERVE',
      bizStep: 'shipping',
      disposition: 'in_transit',
      quantityList: [{ epcClass: `urn:epc:class:lgtin:4012345.011111.${start + index}`, quantity: 20 }],
      readPoint: { id: 'urn:epc:id:sgln:4012345.00005.0' },
      bizTransactionList: [{ type: 'po', bizTransaction: `urn:epcglobal:cbv:bt:4012345000009:${start}` }],
    }));
    const text = JSON.stringify(events).slice(1, -1);
    yield encoder.encode(start === 0 ? text : `,${text}`);
  }
  yield encoder.encode(']}}');
}

function benchLarge(): string {
  let bytes = 0;
  let statements = 0;
  let peak = 0;
  const frame = { namespaces: {}, ignored: [] };
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const start = performance.now();
  const scanner = new DocumentScanner((text, index) => {
    const event = parseEvent(parseEventText(text, 'event'), 'event');
    statements += mapEvent(event, `events[${index}]`, { frame }).statements.length;
    if (index % 1000 === 0) peak = Math.max(peak, process.memoryUsage().heapUsed - before);
  });
  for (const piece of largeDocument()) {
    bytes += piece.length;
    scanner.push(piece);
  }
  scanner.end();
  const seconds = (performance.now() - start) / 1000;
  if (statements !== LARGE) throw new Error(`${statements} of ${LARGE} events were mapped`);
  return table(
    ['a document of', 'MB', 'seconds: read, check, hash, map', 'events a second', 'MB of heap at most'],
    [
      [
        `${LARGE.toLocaleString('en-US')} events`,
        Math.round(bytes / 1e6),
        Number(seconds.toFixed(1)),
        Math.round(LARGE / seconds),
        Math.round(peak / 1e6),
      ],
    ],
  );
}

export async function benchEpcis(): Promise<string> {
  const parts = [benchLarge()];
  const folder = sharedFile('epcis/event-hash');
  if (folder !== null) {
    const vectors = vectorsOf(folder);
    const all = vectors.reduce((sum, { expected }) => sum + expected.length, 0);
    const peer = epcis2();
    const rows = [ours, ...(peer === null ? [] : [peer])].map((each) => [
      each.name,
      `${matches(each, vectors)} of ${all}`,
      Math.round(perSecond(each, vectors)),
    ]);
    const absent = peer === null ? '\n\nepcis2.js was not at hand: see the head of `bench/epcis.ts`.' : '';
    parts.push(`${table(['event hash', 'vectors matched', 'events a second'], rows)}${absent}`);
  }
  return parts.join('\n\n');
}

if (import.meta.main) console.log(await benchEpcis());
