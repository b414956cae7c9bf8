import { expect } from 'chai';
import fc from 'fast-check';
import type { Json } from '../../../core/canonical.ts';
import type { EffectiveEntry } from '../../../core/findings/openedEntry.ts';
import { currentParts } from '../../../core/findings/recalls.ts';
import { madeFacts, statedEdges } from '../../../core/supply/stated.ts';

const CAR = 'van:maker.example:1';
let next = 0;

function entry(kind: string, time: string, data: object, more: Partial<EffectiveEntry> = {}): EffectiveEntry {
  next += 1;
  return {
    digest: `0x${next.toString(16).padStart(64, '0')}`,
    kind,
    kindVersion: 1,
    organisation: '3',
    time,
    anchoredAt: next,
    position: next,
    status: 'proven',
    data: data as Record<string, Json>,
    sealed: {},
    amendedBy: null,
    superseded: [],
    ...more,
  };
}

const edgesOf = (identifier: string, ...entries: EffectiveEntry[]) =>
  statedEdges(identifier, entries).map(({ digest: _, organisation: __, ...edge }) => edge);

const part = fc.constantFrom(
  'serial:a.example:1',
  'serial:a.example:2',
  'batch:a.example:B',
  'batch:a.example:C',
);
const place = fc.record({ component: fc.constant('brakes'), position: fc.constantFrom('L', 'R') });
const event = fc.oneof(
  fc.record({ kind: fc.constant('vehicle.built'), parts: fc.array(fc.tuple(part, place), { maxLength: 3 }) }),
  fc.record({
    kind: fc.constantFrom('part.mounted', 'part.removed'),
    parts: fc.array(fc.tuple(part, place), { minLength: 1, maxLength: 1 }),
    named: fc.boolean(),
  }),
);

describe('statedEdges', () => {
  it('leaves open exactly the parts that a report says are in the vehicle now', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 12 }), (events) => {
        const entries = events.map((one, index) => {
          const time = `2026-01-${String(index + 1).padStart(2, '0')}`;
          const parts = one.parts.map(([name, where]) => ({ ...where, part: name }));
          if (one.kind === 'vehicle.built') return entry(one.kind, time, { parts });
          const [{ part: name, ...where }] = parts as [{ part: string; component: string; position: string }];
          // A mount without a name states nothing that an edge could end.
          const named = one.kind === 'part.mounted' || ('named' in one && one.named);
          return entry(one.kind, time, { ...where, ...(named ? { part: name } : {}) });
        });
        const open = statedEdges(CAR, entries).filter(({ until }) => until === undefined);
        const serials = new Set(
          open.map(({ child }) => child).filter((child) => child.startsWith('serial:')),
        );
        const { parts } = currentParts(entries);
        const current = parts.map((one) => one.part);
        expect([...serials].sort()).to.deep.equal(
          current.filter((name) => name.startsWith('serial:')).sort(),
        );
        const batches = (names: readonly string[]) =>
          names.filter((name) => name.startsWith('batch:')).sort();
        expect(batches(open.map(({ child }) => child))).to.deep.equal(batches(current));
      }),
    );
  });

  it('ends the edge of the part that is named, or of what was in the place', () => {
    const brakes = (position: string) => ({ component: 'brakes', position });
    const edges = edgesOf(
      CAR,
      entry('vehicle.built', '2026-01-01', {
        parts: [
          { ...brakes('L'), part: 'serial:a.example:1', batch: 'batch:a.example:B' },
          { ...brakes('R'), part: 'batch:a.example:B' },
        ],
      }),
      entry('part.removed', '2026-01-02', { ...brakes('R') }),
      entry('part.removed', '2026-01-03', { ...brakes('R'), part: 'serial:a.example:1' }),
      entry('part.removed', '2026-01-04', { ...brakes('L') }),
    );
    expect(edges).to.deep.equal([
      {
        parent: CAR,
        child: 'serial:a.example:1',
        relation: 'builtFrom',
        from: '2026-01-01',
        until: '2026-01-03',
      },
      { parent: 'batch:a.example:B', child: 'serial:a.example:1', relation: 'memberOf' },
      {
        parent: CAR,
        child: 'batch:a.example:B',
        relation: 'builtFrom',
        from: '2026-01-01',
        until: '2026-01-02',
      },
    ]);
  });

  it('names the entry that scrapped a part where it was in something, and none where it was not', () => {
    const [here, gone] = ['serial:a.example:1', 'serial:a.example:2'];
    const removal = entry('part.removed', '2026-01-02', {
      component: 'brakes',
      part: here,
      fate: 'scrapped',
    });
    const scrapped = (...entries: EffectiveEntry[]) =>
      statedEdges(CAR, [
        entry('vehicle.built', '2026-01-01', { parts: [{ component: 'brakes', part: here }] }),
        ...entries,
      ]).map(({ child, scrappedBy }) => [child, scrappedBy]);
    expect(scrapped(removal)).to.deep.equal([[here, removal.digest]]);
    expect(scrapped({ ...removal, amendedBy: '0xaa' })).to.deep.equal([[here, removal.digest]]);
    expect(scrapped({ ...removal, data: { ...removal.data, fate: 'reused' } })).to.deep.equal([
      [here, undefined],
    ]);
    expect(scrapped({ ...removal, data: { ...removal.data, part: gone } })).to.deep.equal([
      [here, undefined],
    ]);
  });

  it('takes a safety part from the vehicle’s chain, and its batch from its own', () => {
    const serial = 'serial:a.example:1';
    const mounted = entry(
      'safetyPart.mounted',
      '2026-01-02',
      { component: 'airbags', batch: 'batch:a.example:B' },
      { identifier: serial },
    );
    expect(
      edgesOf(
        CAR,
        mounted,
        entry('safetyPart.removed', '2026-01-03', { component: 'airbags' }, { identifier: serial }),
      ),
    ).to.deep.equal([
      { parent: CAR, child: serial, relation: 'mounted', from: '2026-01-02', until: '2026-01-03' },
      { parent: 'batch:a.example:B', child: serial, relation: 'memberOf' },
    ]);
    expect(edgesOf(serial, mounted)).to.deep.equal([
      { parent: 'batch:a.example:B', child: serial, relation: 'memberOf' },
    ]);
  });

  it('names the last amendment as what states an edge, and reads what its reader may see of sealed lines', () => {
    const amended = entry(
      'batch.produced',
      '2026-01-01',
      { inputs: [{ batch: 'batch:b.example:1' }] },
      {
        amendedBy: '0xaa',
        sealed: {
          bom: [{ identifier: 'batch:c.example:1', source: 'x' }, { source: 'y' }],
          usedIn: { customers: [], parents: [{ identifier: CAR, source: 'z' }] },
        },
      },
    );
    const edges = statedEdges('batch:a.example:1', [amended]);
    expect(
      edges.map(({ parent, child, relation, digest }) => [parent, child, relation, digest]),
    ).to.deep.equal([
      ['batch:a.example:1', 'batch:b.example:1', 'madeOf', '0xaa'],
      ['batch:a.example:1', 'batch:c.example:1', 'madeOf', '0xaa'],
      [CAR, 'batch:a.example:1', 'builtFrom', '0xaa'],
    ]);
  });
});

describe('madeFacts', () => {
  it('says what makers say of the thing, and when it was made', () => {
    const facts = madeFacts([
      entry('part.produced', '2026-02-03', {
        manufacturerId: 'a.example',
        manufacturerPartId: 'P-1',
        productionDate: '2026-02-01',
      }),
      entry('vehicle.built', '2026-02-03', { manufacturerId: 'b.example' }),
      entry('part.mounted', '2026-02-03', { manufacturerId: 'c.example' }),
      entry('safetyPart.registered', '2026-02-03', { component: 'airbags' }),
    ]);
    expect(
      facts.map(({ manufacturerId, manufacturerPartId, day, kind }) => [
        manufacturerId,
        manufacturerPartId,
        day,
        kind,
      ]),
    ).to.deep.equal([
      ['a.example', 'P-1', '2026-02-01', 'part.produced'],
      ['b.example', undefined, '2026-02-03', 'vehicle.built'],
    ]);
  });

  it('names the entries that a batch’s set was handed over with, as long as corrections keep it', () => {
    const set = (root: string) => ({
      manufacturerId: 'a.example',
      serials: { serialsRoot: root, count: 1, treeKey: 'k' },
    });
    const corrected = (was: string, is: string) =>
      madeFacts([
        entry('batch.produced', '2026-02-03', set(is), {
          digest: '0x01',
          amendedBy: '0x03',
          superseded: [
            { ...entry('batch.produced', '2026-02-01', set(was)), digest: '0x01' },
            { ...entry('batch.produced', '2026-02-02', set(is)), digest: '0x02' },
          ],
        }),
      ]).map(({ digest, holders }) => [digest, holders]);
    expect(corrected('0xaa', '0xaa')).to.deep.equal([['0x03', ['0x01', '0x02', '0x03']]]);
    expect(corrected('0xbb', '0xaa')).to.deep.equal([['0x03', ['0x02', '0x03']]]);
  });
});
