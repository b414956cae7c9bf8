import { expect } from 'chai';
import fc from 'fast-check';
import { parseDocument, parseFrame } from '../../../core/epcis/document.ts';
import { DocumentScanner, MAX_EVENT_LENGTH, parseEventText } from '../../../core/epcis/stream.ts';
import { expectCode } from '../../expectCode.ts';
import { documentOf, gs1Judge, sharedDocuments } from './documents.ts';

const event = {
  type: 'ObjectEvent',
  eventTime: '2024-03-01T10:00:00Z',
  eventTimeZoneOffset: '+01:00',
  action: 'OBSERVE',
  epcList: ['urn:epc:id:sgtin:4012345.011111.9876'],
};

const accepts = (value: unknown): boolean => {
  try {
    parseDocument(value);
    return true;
  } catch (error) {
    expect((error as { code?: unknown }).code).to.be.oneOf(['epcis.invalid', 'epcis.notEpcis']);
    return false;
  }
};

/** Values to put in the place of another: of other types, almost right, empty. */
const GARBAGE: readonly unknown[] = [
  null,
  0,
  -1,
  1.5,
  true,
  '',
  'x',
  'urn:x:y',
  'not a uri',
  '2024-13-01T00:00:00Z',
  '2024-01-01T00:00:00Z',
  '+15:00',
  'urn:epcglobal:cbv:bizstep:shipping',
  [],
  {},
  [null],
  ['x'],
  [{}],
];

type Path = readonly (string | number)[];

function placesIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Object.entries(value).flatMap(([name, item]) =>
    placesIn(item, [...path, Array.isArray(value) ? Number(name) : name]),
  );
  return [path, ...inner];
}

function changed(
  value: unknown,
  [step, ...rest]: Path,
  change: (fields: Record<string, unknown>, name: string) => void,
): unknown {
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>;
  const name = String(step);
  if (rest.length === 0) change(copy, name);
  else copy[name] = changed(copy[name], rest, change);
  return copy;
}

describe('an EPCIS document', () => {
  it('of those that GS1 publishes is accepted, all 47 with their 56 events', function () {
    const documents = sharedDocuments('gs1-examples');
    if (documents === null) this.skip();
    expect(documents.length).to.equal(47);
    const events = documents.flatMap(({ value }) => parseDocument(value).events);
    expect(events.length).to.equal(56);
  });

  it('is judged as the GS1 schema judges it, also with any one value changed or taken away', async function () {
    this.timeout(120_000);
    const judge = await gs1Judge();
    const documents = sharedDocuments('gs1-examples');
    if (judge === null || documents === null) this.skip();
    const refused = { both: 0 };
    for (const { name, value } of documents) expect(judge(value), name).to.equal(true);
    fc.assert(
      fc.property(
        fc.constantFrom(...documents),
        fc.nat(100_000),
        fc.option(fc.constantFrom(...GARBAGE), { nil: undefined }),
        ({ name, value }, place, garbage) => {
          // Nothing of master data, or of an extension, is read by its form.
          const places = placesIn(value).filter(
            (path) => path.length > 0 && path[0] !== 'epcisHeader' && path[0] !== '@context',
          );
          const path = places[place % places.length] ?? [];
          const other = changed(value, path, (fields, member) => {
            if (garbage !== undefined) fields[member] = garbage;
            else if (Array.isArray(fields)) fields.splice(Number(member), 1);
            else delete fields[member];
          });
          const verdict = judge(other);
          if (!verdict) refused.both += 1;
          expect(accepts(other), `${name}: ${path.join('.')} = ${JSON.stringify(garbage)}`).to.equal(verdict);
        },
      ),
      { numRuns: 3000 },
    );
    expect(refused.both).to.be.greaterThan(500);
  });

  it('is refused with the path of the fault', async () => {
    const faults: [unknown, string][] = [
      [{ ...event, eventTime: '2024-02-30T00:00:00Z' }, 'events[0].eventTime'],
      [
        { ...event, quantityList: [{ epcClass: 'urn:x:y', quantity: '5' }] },
        'events[0].quantityList[0].quantity',
      ],
      [{ ...event, bizStep: 'urn:epcglobal:cbv:bizstep:shipping' }, 'events[0].bizStep'],
      [{ ...event, ilmd: { 'ex:a': 1 } }, 'events[0].ilmd'],
    ];
    for (const [value, path] of faults) {
      const error = await expectCode('epcis.invalid', () => parseDocument(documentOf([value])));
      expect((error as unknown as { details: object }).details).to.deep.equal({ path });
    }
    await expectCode('epcis.notEpcis', () => parseFrame({ type: 'Report' }));
    await expectCode('epcis.notEpcis', () => parseFrame(null));
    await expectCode('epcis.invalid', () => parseDocument(documentOf([null])));
  });

  it('names its prefixes, and what is none of the events’', () => {
    const { namespaces, ignored } = parseFrame({
      ...documentOf([], { ex: 'https://ns.example.com/', deep: { '@id': 'https://deep.example.com/' } }),
      'ex:ignoreFields': ['ex:hash'],
    });
    expect(namespaces.ex).to.equal('https://ns.example.com/');
    expect(namespaces.deep).to.equal('https://deep.example.com/');
    expect(namespaces.constructor).to.equal(undefined);
    expect(ignored).to.deep.equal(['ex:hash']);
  });
});

describe('DocumentScanner', () => {
  /** Reads a document in pieces of some size. */
  const read = (text: string | Uint8Array, size: number): { frame: unknown; events: unknown[] } => {
    const events: unknown[] = [];
    const scanner = new DocumentScanner((part, index) =>
      events.push(parseEventText(part, `events[${index}]`)),
    );
    const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
    for (let start = 0; start < bytes.length; start += size)
      scanner.push(bytes.subarray(start, start + size));
    return { frame: scanner.end(), events };
  };

  it('reads what JSON.parse reads, in pieces of any size', function () {
    const documents = [...(sharedDocuments('gs1-examples') ?? []), ...(sharedDocuments('event-hash') ?? [])];
    if (documents.length === 0) this.skip();
    for (const { name, value } of documents) {
      const { epcisBody: body } = value as { epcisBody: Record<string, never> };
      const results = body.queryResults as { resultsBody: { eventList: unknown[] } } | undefined;
      for (const [size, text] of [
        [1, JSON.stringify(value)],
        [7, JSON.stringify(value, null, 2)],
        [1_000_000, JSON.stringify(value)],
      ] as const) {
        const { frame, events } = read(text, size);
        expect(events, name).to.deep.equal(results?.resultsBody.eventList ?? body.eventList);
        expect(frame, name).to.deep.equal(
          JSON.parse(JSON.stringify(value), (key, item) => (key === 'eventList' ? [] : item)),
        );
      }
    }
  });

  it('reads any texts in events, and lists of events elsewhere as nothing of its own', () => {
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(fc.string(), fc.json())),
        fc.integer({ min: 1, max: 50 }),
        (list, size) => {
          const document = { other: { eventList: [1] }, epcisBody: { 'a"b\\': 1, eventList: list, z: '"]' } };
          const { events, frame } = read(JSON.stringify(document), size);
          expect(events).to.deep.equal(JSON.parse(JSON.stringify(list)));
          expect(frame).to.deep.equal({ ...document, epcisBody: { ...document.epcisBody, eventList: [] } });
        },
      ),
    );
  });

  it('refuses what is not JSON, wherever it breaks', async () => {
    const text = JSON.stringify(documentOf([event, event]));
    for (let end = 0; end < text.length; end += 3) {
      await expectCode('epcis.malformed', () => read(text.slice(0, end), 64));
    }
    for (const broken of [
      text.replace('},{"type":"ObjectEvent"', '}{"type":"ObjectEvent"'),
      text.replace('},{"type":"ObjectEvent"', '},,{"type":"ObjectEvent"'),
      text.replace('}]}}', '},]}}'),
      text.replace('"eventList":[', '"eventList":[1,'),
      `${text}}`,
      text.replace('"epcisBody":{', '"epcisBody":{"eventList":[],'),
      '{"epcisBody":'.repeat(100),
      `{"epcisBody":{"eventList":[${'{"a":['.repeat(100)}`,
    ]) {
      await expectCode('epcis.malformed', () => read(broken, 50));
    }
  });

  it('refuses other encodings than UTF-8', async () => {
    const text = JSON.stringify(documentOf([{ ...event, 'ex:name': '昆仑' }]));
    const utf16 = new Uint8Array(Buffer.from(`\ufeff${text}`, 'utf16le'));
    await expectCode('epcis.encoding', () => read(utf16, 100));
    await expectCode('epcis.encoding', () => read(new Uint8Array(Buffer.from(text, 'utf16le')), 100));
    const gb18030 = Uint8Array.from([...Buffer.from('{"a":"'), 0xc0, 0xa5, 0xc2, 0xd8, ...Buffer.from('"}')]);
    await expectCode('epcis.encoding', () => read(gb18030, 100));
    expect(read(`\ufeff${text}`, 5).events).to.have.length(1);
  });

  it('keeps no more of a document than its largest event', async () => {
    const scanner = new DocumentScanner(() => undefined);
    const piece = new TextEncoder().encode('x'.repeat(1024 * 1024));
    scanner.push(new TextEncoder().encode('{"epcisBody":{"eventList":[{"a":"'));
    await expectCode('epcis.tooLarge', () => {
      for (let size = 0; size <= MAX_EVENT_LENGTH; size += piece.length) scanner.push(piece);
    });
  });
});
