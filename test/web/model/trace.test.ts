import { expect } from 'chai';
import * as fc from 'fast-check';
import {
  begun,
  beside,
  closed,
  type Direction,
  FOLD_FROM,
  type Look,
  likeness,
  type Picture,
  pictureOf,
  shortened,
  type Trace,
  type TraceThing,
  treeOf,
} from '../../../web/model/trace.ts';

const wide: Look = { across: true, boxWidth: 212, boxHeight: 52, layerGap: 64, boxGap: 12, perRow: 0 };
const narrow: Look = { across: false, boxWidth: 160, boxHeight: 52, layerGap: 44, boxGap: 10, perRow: 2 };

const thing = (id: string, depth: number, identifier: string | null, type = 'serial'): TraceThing => ({
  id,
  depth,
  identifier,
  type: identifier?.split(':')[0] ?? type,
  label: null,
});

/** Traces as a service could answer them: layers, edges between any of their things, rings, missing tiers. */
const traces: fc.Arbitrary<{ trace: Trace; direction: Direction }> = fc
  .record({
    sizes: fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 4 }),
    makers: fc.integer({ min: 1, max: 3 }),
    links: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.boolean()), { maxLength: 60 }),
    rings: fc.array(fc.array(fc.nat(), { minLength: 1, maxLength: 3 }), { maxLength: 2 }),
    gaps: fc.array(fc.nat(), { maxLength: 5 }),
    hidden: fc.nat({ max: 4 }),
    direction: fc.constantFrom('up' as const, 'down' as const),
  })
  .map(({ sizes, makers, links, rings, gaps, hidden, direction }) => {
    const things: TraceThing[] = [thing('s', 0, 'batch:a.example:B-1')];
    sizes.forEach((size, layer) => {
      for (let index = 0; index < size; index++) {
        const named = index >= hidden || layer === 0;
        things.push(
          thing(
            `t${layer}.${index}`,
            layer + 1,
            named ? `serial:m${index % makers}.example:P${layer}/${index}` : null,
          ),
        );
      }
    });
    const at = (index: number): TraceThing => things[index % things.length] as TraceThing;
    const layered = things.slice(1).map((own, index) => {
      const above = things.filter(({ depth }) => depth === own.depth - 1);
      return [above[index % above.length] as TraceThing, own] as const;
    });
    const [parent, child] = direction === 'down' ? ([0, 1] as const) : ([1, 0] as const);
    const edges = [
      ...layered.map((pair) => ({ parent: pair[parent].id, child: pair[child].id, until: null })),
      ...links.map(([from, to, ended]) => ({
        parent: at(from).id,
        child: at(to).id,
        until: ended ? '2026-01-01T00:00:00Z' : null,
      })),
    ].map((edge) => ({ ...edge, relation: 'part', from: null }));
    return {
      direction,
      trace: {
        start: 's',
        things,
        edges,
        missing: gaps.map((gap) => ({
          parent: at(gap).id,
          component: 'seats',
          supplier: null,
          reason: 'notDelivered',
        })),
        cycles: rings.map((ring) => ring.map((index) => at(index).id)),
        others: 0,
        truncated: false,
      },
    };
  });

const overlapping = ({ nodes }: Picture, { boxWidth, boxHeight }: Look): boolean =>
  nodes.some((one, index) =>
    nodes
      .slice(index + 1)
      .some((other) => Math.abs(one.x - other.x) < boxWidth && Math.abs(one.y - other.y) < boxHeight),
  );

describe('pictureOf', () => {
  for (const [name, look] of [
    ['a wide page', wide],
    ['a narrow page', narrow],
  ] as const) {
    it(`has each thing in exactly one box, none of which overlap, on ${name}`, () => {
      fc.assert(
        fc.property(traces, fc.boolean(), ({ trace, direction }, unfolded) => {
          const folded = pictureOf(trace, direction, new Set(), look);
          const open = new Set(
            unfolded ? folded.nodes.filter(({ kind }) => kind === 'group').map(({ key }) => key) : [],
          );
          const picture = pictureOf(trace, direction, open, look);
          const drawn = picture.nodes.flatMap(({ things }) => things.map(({ id }) => id)).sort();
          expect(drawn).to.deep.equal(trace.things.map(({ id }) => id).sort());
          expect(overlapping(picture, look)).to.equal(false);
          for (const { x, y } of picture.nodes) {
            expect(x).to.be.within(0, picture.width - look.boxWidth);
            expect(y).to.be.within(0, picture.height - look.boxHeight);
          }
          const keys = new Set(picture.nodes.map(({ key }) => key));
          expect(keys.size).to.equal(picture.nodes.length);
          for (const { from, to } of picture.edges) expect(keys.has(from) && keys.has(to)).to.equal(true);
          expect(pictureOf(trace, direction, open, look)).to.deep.equal(picture);
        }),
        { numRuns: 150 },
      );
    });
  }

  it('draws every edge and every missing tier: none is dropped when boxes are folded', () => {
    fc.assert(
      fc.property(traces, ({ trace, direction }) => {
        const picture = pictureOf(trace, direction, new Set(), wide);
        const drawn = picture.edges.filter(({ relations }) => !relations.includes('missing'));
        expect(drawn.reduce((sum, { count }) => sum + count, 0)).to.equal(trace.edges.length);
        const tiers = new Set(trace.missing.map(({ parent }) => parent));
        const boxes = picture.nodes.filter(({ kind }) => kind === 'missing');
        expect(boxes.length).to.be.at.most(tiers.size);
        expect(boxes.length > 0).to.equal(tiers.size > 0);
      }),
      { numRuns: 100 },
    );
  });

  it('marks the rings that the service found, however they are folded', () => {
    fc.assert(
      fc.property(traces, ({ trace, direction }) => {
        const knots = new Set(trace.cycles.flat());
        for (const node of pictureOf(trace, direction, new Set(), wide).nodes) {
          expect(node.inCycle).to.equal(node.things.some(({ id }) => knots.has(id)));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('folds 250 vehicles of one kind into one box, and opens them some at a time', () => {
    const vehicles = Array.from({ length: 250 }, (_, index) =>
      thing(`v${index}`, 1, `vin:LKL12345${String(index).padStart(9, '0')}`),
    );
    const trace: Trace = {
      start: 's',
      things: [thing('s', 0, 'batch:a.example:B-1'), ...vehicles],
      edges: vehicles.map(({ id }) => ({
        parent: id,
        child: 's',
        relation: 'part',
        from: null,
        until: null,
      })),
      missing: [],
      cycles: [],
      others: 3,
      truncated: false,
    };
    const folded = pictureOf(trace, 'up', new Set(), wide);
    expect(folded.nodes).to.have.length(2);
    expect(folded.edges.map(({ count }) => count)).to.deep.equal([250]);
    const group = folded.nodes.find(({ kind }) => kind === 'group');
    const open = new Set([group?.key ?? '']);
    const once = pictureOf(trace, 'up', open, wide);
    expect(once.nodes).to.have.length(1 + 40 + 1);
    const rest = once.nodes.find(({ kind }) => kind === 'group');
    expect(rest?.things).to.have.length(210);
    const twice = pictureOf(trace, 'up', new Set([...open, rest?.key ?? '']), wide);
    expect(twice.nodes).to.have.length(1 + 80 + 1);
    expect(closed(new Set([...open, rest?.key ?? '']), group?.key ?? '').size).to.equal(0);
    expect(FOLD_FROM).to.be.at.most(250);
  });

  it('lays out five thousand things, each in one box, in few boxes', () => {
    const things = [thing('s', 0, 'batch:a.example:B-1')];
    for (let index = 0; index < 5000; index++) {
      things.push(
        thing(`t${index}`, 1 + (index % 4), `serial:m${index % 40}.example:P${index % 90}/${index}`),
      );
    }
    const edges = things.slice(5).map(({ id }, index) => ({
      parent: things[index]?.id ?? 's',
      child: id,
      relation: 'part',
      from: null,
      until: null,
    }));
    const { nodes } = pictureOf(
      { start: 's', things, edges, missing: [], cycles: [], others: 0, truncated: true },
      'down',
      new Set(),
      wide,
    );
    const shown = nodes.flatMap((node) => node.things.map(({ id }) => id));
    expect(shown.sort()).to.deep.equal(things.map(({ id }) => id).sort());
    expect(nodes.length).to.be.below(things.length / 4);
  });
});

describe('treeOf', () => {
  it('lists each thing that the start reaches once', () => {
    fc.assert(
      fc.property(traces, ({ trace, direction }) => {
        const listed: string[] = [];
        const visit = (branches: ReturnType<typeof treeOf>): void => {
          for (const { thing: one, branches: below } of branches) {
            listed.push(one.id);
            visit(below);
          }
        };
        visit(treeOf(trace, direction));
        expect([...listed].sort()).to.deep.equal(trace.things.map(({ id }) => id).sort());
      }),
      { numRuns: 100 },
    );
  });
});

describe('beside', () => {
  it('leads from every box to every other by arrow keys', () => {
    fc.assert(
      fc.property(traces, ({ trace, direction }) => {
        for (const look of [wide, narrow]) {
          const { nodes } = pictureOf(trace, direction, new Set(), look);
          const [start] = nodes;
          if (start === undefined) return;
          const reached = new Set([start.key]);
          const open = [start];
          for (let node = open.pop(); node !== undefined; node = open.pop()) {
            for (const way of ['left', 'right', 'up', 'down'] as const) {
              const next = beside(nodes, node, way, look.across);
              if (next === null || reached.has(next.key)) continue;
              reached.add(next.key);
              open.push(next);
            }
          }
          expect(reached.size).to.equal(nodes.length);
        }
      }),
      { numRuns: 80 },
    );
  });
});

describe('likeness', () => {
  it('is the maker and the part number, never the number of one thing', () => {
    expect(likeness(thing('a', 1, 'serial:volta.example:VB-77120-000431'))).to.equal(
      likeness(thing('b', 1, 'serial:volta.example:VB-77120-000999')),
    );
    expect(likeness(thing('a', 1, 'serial:bpnl1:P-7/N1'))).not.to.equal(
      likeness(thing('b', 1, 'serial:bpnl1:P-8/N1')),
    );
    expect(likeness(thing('a', 1, null))).to.equal('serial:?');
  });
});

describe('shortened', () => {
  it('keeps the end, by which numbers differ, and never grows', () => {
    expect(shortened('volta.example:VB-77120-000431', 16)).to.equal('volta…120-000431');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 2, max: 40 }), (text, most) => {
        expect([...shortened(text, most)].length).to.be.at.most(Math.max(most, 0));
      }),
    );
  });
});

describe('begun', () => {
  it('keeps the beginning, and never is wider than it may be', () => {
    expect(begun('Kunlun K3', 9)).to.equal('Kunlun K3');
    expect(begun('Brake discs 280 mm', 10)).to.equal('Brake dis…');
    expect(begun('驾驶员安全气囊', 8)).to.equal('驾驶员安…');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 2, max: 40 }), (name, most) => {
        expect([...begun(name, most)].length)
          .to.be.at.most(Math.max([...name].length, 1))
          .and.at.most(most);
      }),
    );
  });
});
