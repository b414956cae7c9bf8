import { expect } from 'chai';
import { headClaims, movedHeads } from '../../../core/verify/headClaims.ts';
import { verify } from '../../../core/verify/verify.ts';
import { partWorld } from './partWorld.ts';
import { TitledWorld } from './titledWorld.ts';
import { CAR, OTHER_CAR, sampleWorld, type World } from './world.ts';

function replacedWorld(): World {
  const world = new TitledWorld();
  world.issue();
  world.replace();
  return world;
}

describe('headClaims', () => {
  const worlds: [string, World, string][] = [
    ['with own chains', sampleWorld().world, CAR],
    ['with mounted parts', partWorld(), CAR],
    ['whose title was carried over', replacedWorld(), OTHER_CAR],
  ];
  for (const [name, world, car] of worlds) {
    it(`names every head that verification asks for, and no other: of a report ${name}`, async () => {
      const report = world.report(car);
      const asked = new Set<string>();
      await verify(report, world.trust, async (chainId) => {
        const view = await world.view(chainId);
        if (view === null) return null;
        return {
          ...view,
          directoryHead: (contract) => {
            asked.add(`${contract} directory`);
            return view.directoryHead(contract);
          },
          head: (contract, subject) => {
            asked.add(`${contract} subject ${subject}`);
            return view.head(contract, subject);
          },
          ownHead: (contract, organisation) => {
            asked.add(`${contract} ownChain ${organisation}`);
            return view.ownHead(contract, organisation);
          },
          organisationHead: (contract, organisation) => {
            asked.add(`${contract} organisation ${organisation}`);
            return view.organisationHead(contract, organisation);
          },
        };
      });
      const claims = headClaims(report, world.trust);
      const named = claims.map(({ contract, head }) => [contract, ...Object.values(head)].join(' '));
      expect(named).to.have.members([...asked]);
      const view = await world.view(world.chainId);
      expect(view && (await movedHeads(view, claims))).to.deep.equal([]);
    });
  }

  it('tells of a mounted part’s head where nothing else moved', async () => {
    const world = partWorld();
    const claims = headClaims(world.report(CAR), world.trust);
    world.do('safetyPart.stolen', { time: '2023-04-01' });
    const view = await world.view(world.chainId);
    const moved = view === null ? [] : await movedHeads(view, claims);
    expect(moved.map(({ claim }) => claim.head)).to.deep.equal([
      { of: 'subject', subject: world.subjectOf(world.airbag) },
    ]);
    expect(moved[0]?.now).not.to.equal(moved[0]?.claim.told);
  });
});
