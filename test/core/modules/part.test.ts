import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import * as fc from 'fast-check';
import { fromHex, type Hex } from '../../../core/bytes.ts';
import { foldLinks, type ModuleLink } from '../../../core/chain/link.ts';
import { recoverSigner } from '../../../core/chain/submission.ts';
import type { Address, Digest, OrganisationId, Subject } from '../../../core/chain/types.ts';
import { ZERO_SUBJECT } from '../../../core/chain/types.ts';
import { VinculumError } from '../../../core/errors.ts';
import {
  actionHash,
  moduleOf,
  type PartAction,
  partActionHash,
  partActionTypes,
} from '../../../core/modules/action.ts';
import {
  applyPartAction,
  foldPart,
  NO_PART,
  type Part,
  type PartKind,
  type PartStep,
  partKindOf,
  partKinds,
  partTransitions,
} from '../../../core/modules/part.ts';
import { type PartsFile, partVectors } from '../../../scripts/vectors/parts.ts';
import { expectCode } from '../../expectCode.ts';

const text = readFileSync(join(import.meta.dirname, '../../vectors/parts.json'), 'utf8');
const vectors = JSON.parse(text) as PartsFile;
const protocol = readFileSync(join(import.meta.dirname, '../../../docs/protocol.md'), 'utf8');
const kinds = Object.keys(partKinds) as PartKind[];
const module = {
  chainId: BigInt(vectors.domain.chainId),
  address: vectors.domain.verifyingContract as Address,
};

function readAction({ action }: PartsFile['steps'][number]): PartAction {
  return {
    kind: Number(action.kind),
    subject: action.subject as Subject,
    revision: BigInt(action.revision),
    deadline: BigInt(action.deadline),
    organisation: BigInt(action.organisation) as OrganisationId,
    vehicle: action.vehicle as Subject,
    digest: action.digest as Digest,
  };
}

describe('parts.json', () => {
  it('is what its generator writes, and has every kind', async () => {
    expect(await partVectors()).to.equal(text);
    expect([...new Set(vectors.steps.map(({ kind }) => kind))].sort()).to.deep.equal([...kinds].sort());
  });

  it('hashes every action as wallets do, and knows who signed it', () => {
    for (const step of vectors.steps) {
      const hash = partActionHash(module, readAction(step));
      expect(hash, step.kind).to.equal(step.actionHash);
      expect(actionHash(module, readAction(step))).to.equal(hash);
      expect(recoverSigner(fromHex(hash), fromHex(step.signature))).to.equal(step.actor);
    }
  });

  it('folds each part’s actions to what it is after each, and each chain’s links to its head', () => {
    const lives = new Map<string, PartStep[]>();
    const chains = new Map<string, ModuleLink[]>();
    for (const step of vectors.steps) {
      const action = readAction(step);
      const actor = step.actor as Address;
      const life = lives.get(action.subject) ?? [];
      life.push({ action, actor, at: BigInt(step.at), position: life.length });
      lives.set(action.subject, life);
      const { part, illegal } = foldPart(action.subject, life);
      expect(illegal, step.kind).to.equal(null);
      expect({ ...part, maker: part.maker.toString(), revision: part.revision.toString() }).to.deep.equal(
        step.part,
      );
      for (const [chain, head] of Object.entries(step.heads)) {
        const links = chains.get(chain) ?? [];
        links.push({
          kind: action.kind,
          module: module.address,
          actor,
          timestamp: BigInt(step.at),
          digest: action.digest,
          actionHash: step.actionHash as Hex,
        });
        chains.set(chain, links);
        expect(foldLinks(links), `${step.kind} ${chain}`).to.equal(head);
      }
    }
  });
});

describe('partActionHash', () => {
  it('commits to every member, to the chain and to the contract', () => {
    const [first] = vectors.steps;
    if (first === undefined) throw new Error('no step');
    const action = readAction(first);
    const other = `0x${'cd'.repeat(32)}`;
    const others: PartAction[] = [
      { ...action, kind: 17 },
      { ...action, subject: other as Subject },
      { ...action, revision: 9n },
      { ...action, deadline: 9n },
      { ...action, organisation: 9n as OrganisationId },
      { ...action, vehicle: other as Subject },
      { ...action, digest: other as Digest },
    ];
    expect(others).to.have.length(partActionTypes.PartAction.length);
    const hashes = [
      partActionHash(module, action),
      ...others.map((one) => partActionHash(module, one)),
      partActionHash({ ...module, chainId: 1n }, action),
      partActionHash({ ...module, address: `0x${'01'.repeat(20)}` as Address }, action),
    ];
    expect(new Set(hashes).size).to.equal(hashes.length);
    expect([0, 15, 16, 31, 32, -1].map(moduleOf)).to.deep.equal([
      'titles',
      'titles',
      'parts',
      'parts',
      undefined,
      undefined,
    ]);
  });
});

describe('applyPartAction', () => {
  const WORKSHOP = `0x${'a0'.repeat(20)}` as Address;
  const PART = `0x${'11'.repeat(32)}` as Subject;
  const CARS = [`0x${'c1'.repeat(32)}`, `0x${'c2'.repeat(32)}`] as unknown as readonly [Subject, Subject];
  const act = (kind: number, part: Part, change: Partial<PartAction> = {}): PartAction => ({
    kind,
    subject: PART,
    revision: part.revision,
    deadline: 1_000n,
    organisation: 7n as OrganisationId,
    vehicle: ZERO_SUBJECT,
    digest: `0x${'22'.repeat(32)}` as Digest,
    ...change,
  });
  const apply = (part: Part, action: PartAction, at = 500n) => applyPartAction(part, action, WORKSHOP, at);
  const states: Readonly<Record<string, Part>> = {
    none: NO_PART,
    free: { state: 'free', maker: 1n as OrganisationId, revision: 1n, vehicle: null },
    mounted: { state: 'mounted', maker: 1n as OrganisationId, revision: 2n, vehicle: CARS[0] },
    stolen: { state: 'stolen', maker: 1n as OrganisationId, revision: 2n, vehicle: null },
    'stolen in a vehicle': { state: 'stolen', maker: 1n as OrganisationId, revision: 3n, vehicle: CARS[0] },
    scrapped: { state: 'scrapped', maker: 1n as OrganisationId, revision: 2n, vehicle: null },
  };

  it('has the rows of the table in docs/protocol.md §17', () => {
    const section = protocol.slice(protocol.indexOf('## 17.'));
    const rows = [...section.matchAll(/^\| (\d+) \| `(safetyPart\.[a-z]+)` \| ([^|]+) \| ([^|]+) \|/gm)];
    expect(rows.map(([, number, name]) => [name, Number(number)])).to.deep.equal(Object.entries(partKinds));
    for (const [, , name, from = '', vehicle = ''] of rows) {
      const transition = partTransitions[name as PartKind];
      const named = ['none', 'free', 'mounted', 'stolen'].filter((state) => from.includes(state));
      expect(transition.from, name).to.deep.equal(named);
      expect(transition.vehicle === null, name).to.equal(vehicle.trim() === 'zero');
    }
  });

  for (const [name, part] of Object.entries(states)) {
    it(`from ${name}: what the table allows, and nothing else`, async () => {
      for (const kind of kinds) {
        const transition = partTransitions[kind];
        const uses = transition.vehicle !== null;
        const action = act(partKinds[kind], part, uses ? { vehicle: CARS[0] } : {});
        if (!transition.from.includes(part.state)) {
          await expectCode('part.wrongState', () => apply(part, action));
          continue;
        }
        if (transition.vehicle === 'present' && part.vehicle === null) {
          await expectCode('part.notThere', () => apply(part, action));
          continue;
        }
        const next = apply(part, action);
        expect(next.revision).to.equal(part.revision + 1n);
        if (transition.to !== 'asBefore') expect(next.state, kind).to.equal(transition.to);
        if (!uses) expect(next.vehicle, kind).to.equal(part.vehicle);
      }
    });
  }

  it('checks in the contract’s order', async () => {
    const part = states.mounted as Part;
    const codes: readonly (readonly [string, Partial<PartAction>, bigint?])[] = [
      ['part.unknownKind', { kind: 22, vehicle: CARS[1] }, 2_000n],
      ['part.unusedField', { kind: 19, vehicle: CARS[1] }, 2_000n],
      ['part.expired', { revision: 0n }, 1_001n],
      ['part.wrongRevision', { revision: 9n, organisation: 0n as OrganisationId }],
      ['part.notEntitled', { organisation: 0n as OrganisationId, kind: 16 }],
      ['part.wrongState', { kind: 17, vehicle: ZERO_SUBJECT }],
    ];
    for (const [code, change, at] of codes) {
      await expectCode(code, () =>
        apply(
          part,
          act(18, part, {
            vehicle: CARS[0],
            ...(change.kind === 16 ? { vehicle: ZERO_SUBJECT } : {}),
            ...change,
          }),
          at,
        ),
      );
    }
    const free = states.free as Part;
    for (const vehicle of [ZERO_SUBJECT, PART]) {
      await expectCode('part.badVehicle', () => apply(free, act(17, free, { vehicle })));
    }
    await expectCode('part.notThere', () => apply(part, act(18, part, { vehicle: CARS[1] })));
    expect(partKindOf(15)).to.equal(undefined);
    await expectCode('part.notEntitled', () =>
      applyPartAction(free, act(17, free, { vehicle: CARS[0] }), WORKSHOP, 1n, { entitled: () => false }),
    );
  });

  it('holds in every life: in one vehicle at most, scrapped for ever, stolen never mounted', () => {
    const deed = fc.tuple(fc.constantFrom(...kinds), fc.constantFrom(...CARS), fc.boolean());
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 40 }), (deeds) => {
        let part = NO_PART;
        for (const [kind, vehicle, odd] of deeds) {
          const uses = partTransitions[kind].vehicle !== null;
          const action = act(partKinds[kind], part, { vehicle: uses !== odd ? vehicle : ZERO_SUBJECT });
          let next: Part;
          try {
            next = apply(part, action);
          } catch (error) {
            if (!(error instanceof VinculumError)) throw error;
            continue;
          }
          expect(part.state).not.to.equal('scrapped');
          if (next.vehicle !== part.vehicle) {
            expect(kind).to.be.oneOf(['safetyPart.mounted', 'safetyPart.removed']);
            expect(part.vehicle === null || next.vehicle === null).to.equal(true);
          }
          if (kind === 'safetyPart.mounted') expect(part.state).to.equal('free');
          if (next.state === 'mounted') expect(next.vehicle).not.to.equal(null);
          if (next.state === 'free') expect(next.vehicle).to.equal(null);
          if (part.maker !== 0n) expect(next.maker).to.equal(part.maker);
          part = next;
        }
      }),
    );
  });
});
