import { expect } from 'chai';
import fc from 'fast-check';
import {
  affectedVehicles,
  buildGraph,
  cycleProblems,
  cyclesOf,
  missingTiers,
  pathTo,
  walkDown,
  walkUp,
} from '../../../core/supply/graph.ts';
import type { SupplyEdge } from '../../../core/supply/statement.ts';

type Relation = SupplyEdge['relation'];
const edge = (
  parent: string,
  relation: Relation,
  child: string,
  times: Pick<SupplyEdge, 'from' | 'until'> = {},
): SupplyEdge => ({
  parent,
  child,
  relation,
  ...times,
  source: { system: 'catenax', id: `${parent}>${child}` },
});

const names = (reached: readonly { readonly thing: string }[]) => reached.map(({ thing }) => thing).sort();

describe('a supply graph', () => {
  // Steel goes into two batches of pedals; one pedal is in a door box, the box in two cars one after the other.
  const edges = [
    edge('batch:p:1', 'madeOf', 'batch:steel:9'),
    edge('batch:p:2', 'madeOf', 'batch:steel:9'),
    edge('batch:p:1', 'memberOf', 'serial:p:a'),
    edge('serial:box:1', 'builtFrom', 'serial:p:a'),
    edge('vin:A', 'builtFrom', 'serial:box:1', { from: '2024-01-01', until: '2025-06-01T12:00:00Z' }),
    edge('van:m:B', 'mounted', 'serial:box:1', { from: '2025-06-01T12:00:00Z' }),
    edge('vin:C', 'builtFrom', 'batch:p:2'),
    edge('vin:D', 'builtFrom', 'batch:other:1'),
  ];
  const graph = buildGraph(edges);

  it('leads from a batch up to every vehicle that it ever reached, through the members of batches', () => {
    expect(affectedVehicles(graph, ['batch:steel:9'])).to.deep.equal(['van:m:B', 'vin:A', 'vin:C']);
    expect(affectedVehicles(graph, ['batch:p:1'])).to.deep.equal(['van:m:B', 'vin:A']);
    expect(affectedVehicles(graph, ['batch:p:2'])).to.deep.equal(['vin:C']);
    expect(affectedVehicles(graph, ['batch:nobody:1'])).to.deep.equal([]);
  });

  it('tells what was so at a time; an end is no longer in', () => {
    const at = (time: string) => affectedVehicles(graph, ['serial:p:a'], { at: time });
    expect(at('2023-12-31')).to.deep.equal([]);
    expect(at('2024-01-01')).to.deep.equal(['vin:A']);
    expect(at('2025-06-01T11:59:59Z')).to.deep.equal(['vin:A']);
    expect(at('2025-06-01T12:00:00Z')).to.deep.equal(['van:m:B']);
  });

  it('leads down to the last tier, by a part’s batch too', () => {
    expect(names(walkDown(graph, ['vin:A']))).to.deep.equal(
      ['batch:p:1', 'batch:steel:9', 'serial:box:1', 'serial:p:a', 'vin:A'].sort(),
    );
  });

  it('shows the way that it went', () => {
    const way = pathTo(walkUp(graph, ['batch:steel:9']), 'vin:A');
    expect(way.map(({ parent, child }) => `${child}→${parent}`)).to.deep.equal([
      'batch:steel:9→batch:p:1',
      'serial:p:a→batch:p:1',
      'serial:p:a→serial:box:1',
      'serial:box:1→vin:A',
    ]);
  });

  it('names what is in itself, and still ends', () => {
    const knotted = buildGraph([
      ...edges,
      edge('batch:steel:9', 'madeOf', 'serial:box:1'),
      edge('serial:x:1', 'builtFrom', 'serial:x:1'),
    ]);
    // A pedal belongs to a batch, it is not built into it: only what is built in makes a cycle.
    expect(cyclesOf(knotted)).to.deep.equal([['serial:x:1']]);
    const cyclic = buildGraph([
      edge('serial:a:1', 'builtFrom', 'serial:b:1'),
      edge('serial:b:1', 'builtFrom', 'serial:c:1'),
      edge('serial:c:1', 'builtFrom', 'serial:a:1'),
      edge('vin:A', 'builtFrom', 'serial:b:1'),
    ]);
    expect(cycleProblems(cyclic).map(({ code, at }) => [code, at])).to.deep.equal([
      ['bom.cycle', 'serial:a:1 serial:b:1 serial:c:1'],
    ]);
    expect(affectedVehicles(cyclic, ['serial:a:1'])).to.deep.equal(['vin:A']);
    expect(cyclesOf(graph)).to.deep.equal([]);
  });

  it('names a tier of which nobody said anything, with the reason', () => {
    const stated = new Set(['batch:p:1', 'batch:p:2', 'serial:p:a', 'serial:box:1']);
    const found = missingTiers(
      graph,
      (thing) => stated.has(thing),
      ({ child }) => (child.startsWith('batch:steel') ? 'confidential' : 'notDelivered'),
    );
    expect(found.map(({ code, at, detail }) => [code, at, detail])).to.deep.equal([
      ['bom.missing', 'batch:steel:9', 'confidential'],
      ['bom.missing', 'batch:other:1', 'notDelivered'],
    ]);
  });

  it('goes two hundred thousand tiers deep', () => {
    const deep = Array.from({ length: 200_000 }, (_, index) =>
      edge(index === 0 ? 'vin:TOP' : `serial:d:${index}`, 'builtFrom', `serial:d:${index + 1}`),
    );
    const chain = buildGraph(deep);
    expect(cyclesOf(chain)).to.deep.equal([]);
    expect(affectedVehicles(chain, ['serial:d:200000'])).to.deep.equal(['vin:TOP']);
  }).timeout(60_000);

  describe('of any edges', () => {
    const thing: fc.Arbitrary<string> = fc.constantFrom(
      'vin:A',
      'van:m:B',
      'serial:s:1',
      'serial:s:2',
      'batch:b:1',
      'batch:b:2',
      'batch:b:3',
    );
    const relation = fc.constantFrom<Relation>('builtFrom', 'mounted', 'madeOf', 'memberOf');
    const anyEdges = fc.array(
      fc.tuple(thing, relation, thing).map(([parent, of, child]) => edge(parent, of, child)),
      { maxLength: 14 },
    );

    it('goes up exactly as the least set that holds the start and is closed under the steps', () => {
      fc.assert(
        fc.property(anyEdges, thing, (some, start) => {
          const closed = new Set([start]);
          for (let before = -1; before !== closed.size; ) {
            before = closed.size;
            for (const { parent, relation: of, child } of some) {
              if (of === 'memberOf' ? closed.has(parent) : closed.has(child)) {
                closed.add(of === 'memberOf' ? child : parent);
              }
            }
          }
          expect(names(walkUp(buildGraph(some), [start]))).to.deep.equal([...closed].sort());
        }),
      );
    });

    it('goes down from there to here wherever it goes up from here to there', () => {
      fc.assert(
        fc.property(anyEdges, thing, thing, (some, here, there) => {
          const graph = buildGraph(some);
          const up = names(walkUp(graph, [here])).includes(there);
          expect(names(walkDown(graph, [there])).includes(here)).to.equal(up);
        }),
      );
    });

    it('names as cycles exactly the things that reach themselves through what is built in', () => {
      fc.assert(
        fc.property(anyEdges, (some) => {
          const built = some.filter(({ relation: of }) => of !== 'memberOf');
          const graph = buildGraph(some);
          const inItself = graph.things.filter((one) =>
            built
              .filter(({ parent }) => parent === one)
              .some(({ child }) => names(walkDown(buildGraph(built), [child])).includes(one)),
          );
          expect(cyclesOf(graph).flat().sort()).to.deep.equal(inItself.sort());
        }),
      );
    });
  });
});
