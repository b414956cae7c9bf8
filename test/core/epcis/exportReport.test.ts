import { expect } from 'chai';
import fc from 'fast-check';
import type { Json } from '../../../core/canonical.ts';
import type { Content } from '../../../core/envelope/envelope.ts';
import { parseDocument } from '../../../core/epcis/document.ts';
import { eventHash } from '../../../core/epcis/eventHash.ts';
import { exportEpcis } from '../../../core/epcis/exportReport.ts';
import { mapEvent } from '../../../core/epcis/mapping.ts';
import { formatIdentifier, parseIdentifier } from '../../../core/identifiers/identifier.ts';
import type { Kind } from '../../../core/kinds/kind.ts';
import { kinds } from '../../../core/kinds/kinds.ts';
import { contentOf } from '../../../core/supply/statement.ts';
import { verify } from '../../../core/verify/verify.ts';
import { expectCode } from '../../expectCode.ts';
import { World } from '../verify/world.ts';
import { gs1Judge } from './documents.ts';

const BATCH = parseIdentifier('batch:volta.example:VB-77120');
const GTIN_BATCH = parseIdentifier('batch:id.gs1.org:01/04012345111118/10/LOT-7');
const PART = parseIdentifier('serial:id.gs1.org:01/04012345111118/21/9876');
const CAR = parseIdentifier('vin:1M8GDM9AXKP042788');

const SUBJECTS = { batch: GTIN_BATCH, vehicle: CAR, serial: PART } as const;
const EXPORTED: readonly Kind[] = Object.values<Kind>(kinds).filter(({ name }) =>
  /^(?:batch|part)\.|^vehicle\.built$/.test(name),
);

/** A world with one supplier and one verified history of some entries. */
async function historyOf(subject: ReturnType<typeof parseIdentifier>, contents: readonly Content[]) {
  const world = new World();
  world.clock = 1_800_000_000n;
  const supplier = world.admit(7n, 'Supplier', 'supplier');
  const links = contents.map((content) => world.record(supplier, subject, content));
  const report = world.report(formatIdentifier(subject));
  return { world, supplier, links, report, verification: await verify(report, world.trust, world.view) };
}

const exported = async (subject: ReturnType<typeof parseIdentifier>, contents: readonly Content[]) => {
  const { verification, report } = await historyOf(subject, contents);
  expect(verification.verdict).to.equal('verified');
  return exportEpcis(verification, report.createdAt);
};

/** What an import of a document says, without the names of its sources. */
function imported(document: unknown): { identifier: string; content: Content }[] {
  const { frame, events } = parseDocument(document);
  return events.flatMap((event, index) => {
    const { statements, problems } = mapEvent(event, `events[${index}]`, { frame });
    expect(problems).to.deep.equal([]);
    return statements.map(({ identifier, content }) => ({ identifier, content }));
  });
}

const exampleOf = (kind: Kind): Content => ({
  kind: kind.name,
  kindVersion: 1,
  time: '2024-03-01T10:00:00Z',
  data: kind.example.data as Record<string, Json>,
  sealed: kind.example.sealed as Record<string, Json>,
});

describe('exportEpcis', () => {
  let judge: ((value: unknown) => boolean) | null;
  before(async () => {
    judge = await gs1Judge();
  });
  const valid = (document: unknown): void => {
    expect(() => parseDocument(document)).not.to.throw();
    if (judge !== null) expect(judge(document)).to.equal(true);
  };

  for (const kind of EXPORTED) {
    it(`writes ${kind.name} as an event that the GS1 schema admits, and an import reads the same entry`, async () => {
      const subject =
        SUBJECTS[(kind.subjects.includes('vehicle') ? 'vehicle' : kind.subjects[0]) as keyof typeof SUBJECTS];
      const content = exampleOf(kind);
      const { document, events, problems } = await exported(subject, [content]);
      expect({ events, problems }).to.deep.equal({ events: 1, problems: [] });
      valid(document);
      const { 'key:*': _, ...sealed } = content.sealed ?? {};
      const open = Object.fromEntries(Object.entries(sealed).filter(([name]) => !name.startsWith('key:')));
      expect(imported(document)).to.deep.equal([
        { identifier: formatIdentifier(subject), content: { ...content, sealed: open } },
      ]);
    });
  }

  it('is stable: an export of what an import of an export gives is the same document but for its source', async () => {
    const contents = [
      'batch.produced',
      'batch.shipped',
      'batch.received',
      'batch.quarantined',
      'batch.released',
    ].map((name, index) => ({
      ...exampleOf(EXPORTED.find((kind) => kind.name === name) as Kind),
      time: index === 0 ? '2024-01-19' : `2024-02-0${index}T10:00:00Z`,
    }));
    for (const subject of [BATCH, GTIN_BATCH]) {
      const first = await exported(subject, contents);
      valid(first.document);
      const { frame, events } = parseDocument(first.document);
      const again = events.map((event, index) => {
        const [statement] = mapEvent(event, `events[${index}]`, { frame }).statements;
        if (statement === undefined) throw new Error('nothing was said');
        return contentOf(statement);
      });
      const second = await exported(subject, again);
      expect(second.document.epcisBody).to.deep.equal(first.document.epcisBody);
    }
  });

  it('says the same to a reader who knows nothing of the extension', async () => {
    const content = exampleOf(EXPORTED.find(({ name }) => name === 'batch.produced') as Kind);
    const { document } = await exported(GTIN_BATCH, [content]);
    const { events } = parseDocument(document);
    const [{ 'vinculum:entry': _, ...event }] = events as unknown as [Record<string, unknown>];
    const { statements } = mapEvent(event as never, 'events[0]', parseDocument(document));
    const read = statements[0]?.content;
    expect(statements[0]?.identifier).to.equal(formatIdentifier(GTIN_BATCH));
    expect(read?.data).to.deep.include({
      bizStep: 'commissioning',
      manufacturerId: 'volta.example',
      productionDate: '2024-01-19',
    });
    expect(read?.sealed).to.deep.include({ quantity: { value: '500', unit: 'C62' } });
  });

  it('is read anew where somebody changed an event, and for a subject that it does not name', async () => {
    const content = exampleOf(EXPORTED.find(({ name }) => name === 'batch.shipped') as Kind);
    const { document } = await exported(GTIN_BATCH, [content]);
    const { frame, events } = parseDocument(document);
    const [event] = events as unknown as [Record<string, unknown>];
    const changed = {
      ...event,
      quantityList: [{ epcClass: 'https://id.gs1.org/01/04012345111118/10/LOT-7', quantity: 1 }],
    };
    const stale = mapEvent(changed as never, 'events[0]', { frame });
    expect(stale.problems.map(({ code }) => code)).to.include('epcis.entryStale');
    expect(stale.statements[0]?.content.sealed?.quantity).to.deep.equal({ value: '1', unit: 'C62' });

    const { 'vinculum:entry': text, ...rest } = event;
    for (const lie of [
      { identifier: 'vin:1M8GDM9AXKP042788' },
      { kind: 'accident' },
      { kind: 'constructor' },
    ]) {
      const entry = { ...(JSON.parse(String(text)) as object), ...lie, event: eventHash(rest, frame) };
      const lied = mapEvent({ ...rest, 'vinculum:entry': JSON.stringify(entry) } as never, 'events[0]', {
        frame,
      });
      expect(lied.problems.map(({ code }) => code)).to.include('epcis.entryStale');
      expect(lied.statements.map(({ identifier }) => identifier)).to.deep.equal([
        formatIdentifier(GTIN_BATCH),
      ]);
    }
  });

  it('writes what was corrected as corrected, and what was retracted with an error declaration', async () => {
    const shipped = EXPORTED.find(({ name }) => name === 'batch.shipped') as Kind;
    const world = new World();
    world.clock = 1_800_000_000n;
    const supplier = world.admit(7n, 'Supplier', 'supplier');
    const first = world.record(supplier, GTIN_BATCH, exampleOf(shipped));
    const second = world.record(supplier, GTIN_BATCH, {
      ...exampleOf(shipped),
      time: '2024-03-02T10:00:00Z',
    });
    const amend = (supersedes: string, more: Record<string, Json>) =>
      world.record(supplier, GTIN_BATCH, {
        kind: 'amended',
        time: '2024-03-05T10:00:00Z',
        data: { supersedes, kind: 'batch.shipped', kindVersion: 1, reason: 'other', ...more },
      });
    amend(first.digest, { data: { bizStep: 'shipping', from: 'other.example' } });
    amend(second.digest, { retracted: true });
    const report = world.report(formatIdentifier(GTIN_BATCH));
    const { document, events } = exportEpcis(await verify(report, world.trust, world.view), report.createdAt);
    expect(events).to.equal(2);
    valid(document);
    const [corrected, retracted] = parseDocument(document).events as unknown as Record<string, unknown>[];
    expect(corrected?.sourceList).to.deep.equal([
      { type: 'possessing_party', source: 'urn:vinculum:party:other.example' },
    ]);
    expect(retracted?.errorDeclaration).to.deep.equal({
      declarationTime: '2024-03-05T10:00:00Z',
      reason: 'did_not_occur',
    });
    expect(retracted?.eventID).to.equal(`urn:vinculum:entry:${second.digest}`);
  });

  it('names what is no event, and refuses what is not verified', async () => {
    const odometer = {
      kind: 'odometer',
      time: '2024-01-01',
      data: { odometer: { value: 1, unit: 'KMT', source: 'workshop' } },
    };
    const { events, problems } = await exported(CAR, [odometer]);
    expect({ events, codes: problems.map(({ code }) => code) }).to.deep.equal({
      events: 0,
      codes: ['epcis.notExported'],
    });
    const { verification, report } = await historyOf(CAR, [odometer]);
    await expectCode('export.notVerified', () =>
      exportEpcis({ ...verification, verdict: 'incomplete' }, report.createdAt),
    );
  });

  it('keeps any valid shipping as it is', async () => {
    const text = fc.stringMatching(/^[ -~]{1,40}$/);
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          from: fc.stringMatching(/^[A-Za-z0-9.-]{1,20}$/),
          disposition: fc.constantFrom('active', 'in_transit'),
        }),
        fc.record(
          {
            quantity: fc.record({
              value: fc.stringMatching(/^(0|[1-9]\d{0,14})(\.\d{1,9})?$/),
              unit: fc.constantFrom('KGM', 'LTR'),
            }),
            orderNumber: text,
            location: text,
            note: text,
          },
          { requiredKeys: [] },
        ),
        fc.constantFrom('2024-02-29', '2024-12-31T23:59:59Z'),
        async (data, sealed, time) => {
          const content = {
            kind: 'batch.shipped',
            kindVersion: 1,
            time,
            data: { bizStep: 'shipping', ...data },
            sealed,
          };
          const { document } = await exported(GTIN_BATCH, [content]);
          valid(document);
          expect(imported(document)).to.deep.equal([{ identifier: formatIdentifier(GTIN_BATCH), content }]);
        },
      ),
      {
        numRuns: 25,
        examples: [
          ...['A:#', 'A:', 'a:b#c#d', 'a://[', 'urn:epc:id:sgln:4012345.00001.0', 'https://id.gs1.org/4?a#b'],
        ].map((location): [{ from: string; disposition: 'active' }, { location: string }, '2024-02-29'] => [
          { from: 'A', disposition: 'active' },
          { location },
          '2024-02-29',
        ]),
      },
    );
  });
});
