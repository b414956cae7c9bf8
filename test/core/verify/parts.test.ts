import { expect } from 'chai';
import fc from 'fast-check';
import type { Address, Digest, OrganisationId, Subject } from '../../../core/chain/types.ts';
import { ZERO_SUBJECT } from '../../../core/chain/types.ts';
import { formatIdentifier, type Identifier } from '../../../core/identifiers/identifier.ts';
import { applyPartAction, NO_PART, type Part, type PartKind, partKinds } from '../../../core/modules/part.ts';
import type { Report, ReportLink, ReportPartAction } from '../../../core/report/report.ts';
import type { Verification } from '../../../core/verify/result.ts';
import { AIRBAG, BELT, PartWorld, partWorld } from './partWorld.ts';
import { failures } from './titledWorld.ts';
import { CAR, OTHER_CAR } from './world.ts';

type PartLink = Extract<ReportLink, { module: string }>;

function section(report: Report): Report['ledgers'][number] {
  const [only] = report.ledgers;
  if (only === undefined) throw new Error('no section');
  return only;
}

function linkAt(report: Report, position: number): PartLink {
  const found = section(report).links[position];
  if (found === undefined || !('module' in found)) throw new Error('no module’s link');
  return found;
}

function shownParts(report: Report): NonNullable<Report['ledgers'][number]['parts']> {
  const { parts } = section(report);
  if (parts === undefined) throw new Error('no parts');
  return parts;
}

const codes = (result: Verification): string[] => result.findings.map(({ code }) => code);
const alerts = (result: Verification): string[] =>
  result.findings.filter(({ severity }) => severity === 'alert').map(({ code }) => code);

describe('verify, parts', () => {
  it('shows what is in a vehicle, on its chain and on the parts’ own', async () => {
    const world = partWorld();
    const car = await world.verify();
    expect(failures(car)).to.deep.equal([]);
    expect(car.verdict).to.equal('verified');
    expect(car.summary?.safetyParts).to.have.length(2);
    expect(car.summary?.safetyParts[0]).to.include({
      identifier: AIRBAG,
      component: 'airbags',
      position: 'DRIVER',
      since: '2023-02-01',
      state: 'mounted',
    });
    expect(car.summary?.part).to.equal(null);
    const airbag = await world.verify(AIRBAG);
    expect(airbag.verdict).to.equal('verified');
    expect(airbag.summary?.safetyParts).to.deep.equal([]);
    expect(airbag.summary?.part).to.deep.equal({
      state: 'mounted',
      maker: '1',
      vehicle: world.subjectOf(world.car),
      since: '2023-02-01',
    });
    expect(codes(airbag)).to.include('safetyPart.mounted');
  });

  it('no longer shows what was removed, and shows it where it was mounted next', async () => {
    const world = partWorld();
    world.do('safetyPart.removed', { time: '2023-03-01' });
    world.do('safetyPart.mounted', { vehicle: world.other, time: '2023-03-02' });
    const car = await world.verify();
    expect(car.verdict).to.equal('verified');
    expect(car.summary?.safetyParts.map(({ identifier }) => identifier)).to.deep.equal([BELT]);
    const other = await world.verify(OTHER_CAR);
    expect(other.verdict).to.equal('verified');
    expect(other.summary?.safetyParts.map(({ identifier }) => identifier)).to.deep.equal([AIRBAG]);
  });

  it('alerts to a part that was stolen or scrapped since, of which the vehicle’s own chain says nothing', async () => {
    for (const kind of ['safetyPart.stolen', 'safetyPart.scrapped'] as const) {
      const world = partWorld();
      world.do(kind, { time: '2023-04-01' });
      const car = await world.verify();
      expect(car.verdict).to.equal('verified');
      expect(alerts(car)).to.deep.equal([kind]);
      expect(car.findings.find(({ code }) => code === kind)?.details).to.include({ identifier: AIRBAG });
      expect(alerts(await world.verify(AIRBAG))).to.deep.equal([kind]);
      if (kind === 'safetyPart.scrapped') continue;
      world.do('safetyPart.recovered', { time: '2023-05-01' });
      expect(alerts(await world.verify())).to.deep.equal([]);
    }
  });

  it('keeps what the actions say where the envelope is withheld or erased', async () => {
    const world = partWorld();
    const report = world.report(CAR);
    const { digest } = linkAt(report, 0);
    report.contents[digest] = { withheld: 'not here' };
    const result = await world.check(report);
    expect(result.verdict).to.equal('incomplete');
    const [airbag] = result.summary?.safetyParts ?? [];
    expect(airbag).to.include({ identifier: null, state: 'mounted', part: world.subjectOf(world.airbag) });
    // The belt was compared with the campaigns; of the airbag nothing can be said.
    expect(result.summary?.recalls.parts).to.deep.equal({ compared: 1, withoutBatch: 1, unnamed: 1 });
  });

  it('is voided by an envelope that names another part than the action, or another vehicle', async () => {
    const lying = new PartWorld();
    lying.do('safetyPart.registered');
    lying.do('safetyPart.mounted', { as: lying.belt });
    const part = await lying.verify();
    expect(part.verdict).to.equal('verified');
    expect(part.entries[0]).to.include({ status: 'void', code: 'envelope.unbound' });
    expect(part.summary?.safetyParts[0]).to.include({ identifier: null, state: 'mounted' });
    const elsewhere = new PartWorld();
    elsewhere.do('safetyPart.registered');
    elsewhere.do('safetyPart.mounted', { named: `vin:${OTHER_CAR}` });
    const vehicle = await elsewhere.verify();
    expect(vehicle.entries[0]).to.include({ status: 'void', code: 'envelope.unbound' });
    // Undisclosed, nobody can tell: what counts is the action all the same.
    const sealed = elsewhere.report(CAR);
    for (const content of Object.values(sealed.contents)) {
      if ('disclosures' in content) content.disclosures = [];
    }
    expect((await elsewhere.check(sealed)).entries[0]).to.include({ status: 'proven' });
  });

  it('takes a part’s number in its one form only: another one would dodge what names the part', async () => {
    for (const [scope, value] of [
      ['SAFIR.example', 'AB-0002231'],
      ['safir.example', 'AB-0002231 '],
      ['no maker', 'AB-0002231'],
    ]) {
      const world = new PartWorld();
      world.do('safetyPart.registered');
      world.do('safetyPart.mounted', { as: { type: 'serial', scope, value } as Identifier });
      const result = await world.verify();
      expect(result.verdict).to.equal('verified');
      expect(result.entries[0]).to.include({ status: 'void', code: 'envelope.unbound' });
      expect(result.summary?.safetyParts[0]).to.include({ identifier: null, state: 'mounted' });
    }
  });

  it('does not need the sealed vehicle, and shows its number to nobody by itself', async () => {
    const world = partWorld();
    const report = world.report(AIRBAG);
    for (const content of Object.values(report.contents)) {
      if ('disclosures' in content) content.disclosures = [];
    }
    const result = await world.check(report);
    expect(result.verdict).to.equal('verified');
    const shown = result.entries.flatMap(({ envelope, sealed }) => [envelope, sealed]);
    expect(JSON.stringify(shown)).not.to.include(CAR);
  });

  describe('refutes or leaves incomplete', () => {
    const lies: Readonly<
      Record<string, { readonly tell: (report: Report, world: PartWorld) => void; readonly code: string }>
    > = {
      'a part’s history left out': {
        tell: (report) => void shownParts(report).splice(0, 1),
        code: 'findings part.historyMissing',
      },
      'all parts left out': {
        tell: (report) => {
          delete section(report).parts;
        },
        code: 'findings part.historyMissing',
      },
      'a theft left out of a part’s history': {
        tell: (report) => void shownParts(report)[0]?.links.pop(),
        code: 'completeness head.part',
      },
      'a mounting hidden from the vehicle': {
        tell: (report) => void section(report).links.pop(),
        code: 'completeness head.subject',
      },
      'a transcript left out': {
        tell: (report) => {
          for (const part of shownParts(report)) part.transcripts = [];
        },
        code: 'entries part.transcriptMissing',
      },
      'a transcript of another part': {
        tell: (report) => {
          const [airbag, belt] = shownParts(report);
          const [other] = belt?.transcripts ?? [];
          if (airbag === undefined || other === undefined) throw new Error('two parts');
          airbag.transcripts = [{ ...other, identifier: AIRBAG }];
        },
        code: 'entries pseudonym.invalidTranscript',
      },
      'an action left out': {
        tell: (report) => {
          delete linkAt(report, 0).action;
        },
        code: 'entries action.missing',
      },
      'an action left out of a part’s history': {
        tell: (report) => {
          const [link] = shownParts(report)[0]?.links ?? [];
          if (link !== undefined && 'module' in link) delete link.action;
        },
        code: 'entries action.missing',
      },
      'another vehicle in an action': {
        tell: (report) => {
          (linkAt(report, 0).action as ReportPartAction).vehicle = `0x${'ee'.repeat(32)}`;
        },
        code: 'entries action.hash',
      },
      'an action of Titles for one of Parts': {
        tell: (report) => {
          const link = linkAt(report, 0);
          const { vehicle: _, ...action } = link.action as ReportPartAction;
          link.action = { ...action, party: `0x${'00'.repeat(20)}`, until: 0, detail: ZERO_SUBJECT };
        },
        code: 'entries action.missing',
      },
    };
    for (const [lie, { tell, code }] of Object.entries(lies)) {
      it(lie, async () => {
        const world = partWorld();
        world.do('safetyPart.stolen');
        const report = world.report(CAR);
        expect((await world.check(report)).verdict).to.equal('verified');
        tell(report, world);
        const result = await world.check(report);
        expect(result.verdict).to.be.oneOf(['refuted', 'incomplete']);
        expect(failures(result)).to.include(code);
      });
    }
  });

  it('refutes what `Parts` never executed, on the part’s chain and on the vehicle’s', async () => {
    const world = partWorld();
    // Mounted a second time without having been removed.
    world.do('safetyPart.mounted', { vehicle: world.other });
    for (const text of [AIRBAG, OTHER_CAR, CAR]) {
      const result = await world.verify(text);
      expect(result.verdict, text).to.equal('refuted');
      expect(failures(result), text).to.include('findings part.illegal');
    }
    const other = await world.verify(OTHER_CAR);
    expect(other.entries[0]).to.include({ status: 'refuted', code: 'part.illegal' });
  });

  it('refutes an entry on the vehicle’s chain that the part’s own does not have', async () => {
    const world = partWorld();
    const subject = world.subjectOf(world.airbag);
    world.chains.set(subject, (world.chains.get(subject) ?? []).slice(0, 1));
    const result = await world.verify();
    expect(result.verdict).to.equal('refuted');
    expect(failures(result)).to.include('findings part.illegal');
  });

  it('refutes a part’s kind that an organisation attests', async () => {
    const world = partWorld();
    const digest = linkAt(world.report(AIRBAG), 0).digest;
    world.anchor(2n as OrganisationId, world.subjectOf(world.airbag), 17, digest as Digest);
    const result = await world.verify(AIRBAG);
    expect(result.verdict).to.equal('refuted');
    expect(failures(result)).to.include('entries link.module');
  });

  it('agrees with the state machine in every life', async () => {
    const world = new PartWorld();
    const kinds = Object.keys(partKinds) as PartKind[];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(...kinds), fc.boolean()), { maxLength: 12 }),
        fc.integer({ min: 1, max: 1_000_000_000 }),
        async (deeds, serial) => {
          const part = { ...world.airbag, value: `S${serial}-${world.clock}` } as typeof world.airbag;
          const subject = world.subjectOf(part);
          let model: Part = NO_PART;
          for (const [kind, second] of deeds) {
            const vehicle = second ? world.other : world.car;
            const uses = kind === 'safetyPart.mounted' || kind === 'safetyPart.removed';
            const action = {
              kind: partKinds[kind],
              subject,
              revision: model.revision,
              deadline: 1n << 60n,
              organisation: world.actorOf(kind),
              vehicle: uses ? world.subjectOf(vehicle) : (ZERO_SUBJECT as Subject),
              digest: ZERO_SUBJECT as string as Digest,
            };
            try {
              model = applyPartAction(model, action, `0x${'ac'.repeat(20)}` as Address, 0n);
            } catch {
              continue;
            }
            world.do(kind, { part, vehicle });
          }
          const result = await world.verify(formatIdentifier(part));
          expect(result.verdict).to.equal('verified');
          expect(result.summary?.part?.state ?? 'none').to.equal(model.state);
          expect(result.summary?.part?.vehicle ?? null).to.equal(model.vehicle);
        },
      ),
      { numRuns: 20 },
    );
    for (const text of [CAR, OTHER_CAR]) {
      const result = await world.verify(text);
      expect(result.verdict).to.equal('verified');
      const here = world.subjectOf(text === CAR ? world.car : world.other);
      const there = result.parts.filter(({ part }) => part.vehicle === here).map(({ subject }) => subject);
      expect(result.summary?.safetyParts.map(({ part }) => part)).to.deep.equal(there);
    }
  });
});
