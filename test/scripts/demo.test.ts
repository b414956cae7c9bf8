import { inflateSync } from 'node:zlib';
import { expect } from 'chai';
import { fromBase64Url } from '../../core/bytes.ts';
import { openBlock } from '../../core/envelope/block.ts';
import { secondsOf } from '../../core/envelope/time.ts';
import { parseIdentifier, subjectTypeOf } from '../../core/identifiers/identifier.ts';
import { checkDigit, isVin, type Vin } from '../../core/identifiers/vin.ts';
import { kindByName, kindNames } from '../../core/kinds/kinds.ts';
import { roles } from '../../core/kinds/roles.ts';
import { buildTree } from '../../core/tree/tree.ts';
import type { DemoContent } from '../../scripts/demo/demo.ts';
import { renderDocument } from '../../scripts/demo/document.ts';
import { generateDemo } from '../../scripts/demo/generate.ts';
import { demoRandom } from '../../scripts/demo/random.ts';
import { schedule } from '../../scripts/demo/schedule.ts';
import { vinOf } from '../../scripts/demo/vins.ts';
import { composeForTest, findingsOf, openAll } from './demo.support.ts';

describe('demo', () => {
  const demo = generateDemo('vinculum');
  const composed = composeForTest(demo);
  const histories = openAll(demo, composed);
  const subjects = [...demo.vehicles, ...demo.batches, ...demo.parts];
  const contents: DemoContent[] = [...subjects, ...demo.campaigns, ...demo.alerts].flatMap((subject) => [
    ...subject.contents,
  ]);
  const codesOf = (identifier: string): string[] =>
    findingsOf(demo, histories, identifier).findings.map(({ code }) => code);

  describe('demoRandom', () => {
    it('gives the same numbers for the same seed, and others for another', () => {
      const draw = (seed: string) => Array.from({ length: 50 }, demoRandom(seed).unit);
      expect(draw('a')).to.deep.equal(draw('a'));
      expect(draw('a')).not.to.deep.equal(draw('b'));
      expect(new Set(draw('a')).size).to.equal(50);
    });

    it('stays within what is asked for', () => {
      const random = demoRandom('range');
      const drawn = Array.from({ length: 2000 }, () => random.integer(3, 7));
      expect(new Set(drawn)).to.deep.equal(new Set([3, 4, 5, 6, 7]));
      expect(random.bytes(32)).to.have.length(32);
    });

    it('gives forks streams of their own', () => {
      const one = demoRandom('seed');
      const other = demoRandom('seed');
      other.unit();
      expect(one.fork('x').unit()).to.equal(other.fork('x').unit());
      expect(one.fork('x').unit()).not.to.equal(one.fork('y').unit());
    });
  });

  describe('vinOf', () => {
    it('makes check digits that hold where they must', () => {
      expect(checkDigit(vinOf('LKN', 'AC1B3', 2016, 'H', 123_456))).to.equal('valid');
      expect(checkDigit(vinOf('5KX', 'CR4G2', 2016, 'T', 123_456))).to.equal('valid');
      expect(vinOf('W7R', 'ZZZL1', 2016, 'E', 1).charAt(8)).to.equal('Z');
    });
  });

  describe('renderDocument', () => {
    it('makes PDFs whose cross-reference table points at the objects', () => {
      const file = Buffer.from(
        renderDocument({ type: 'pdf', title: 'A (test)', subtitle: '车辆', lines: ['one', 'two'] }),
      ).toString('latin1');
      expect(file.startsWith('%PDF-1.4\n')).to.equal(true);
      const start = Number(/startxref\n(\d+)\n%%EOF\n$/.exec(file)?.[1]);
      const [, ...entries] = file.slice(start).split('\n').slice(2, 11);
      entries.forEach((entry, index) => {
        const offset = Number(entry.slice(0, 10));
        expect(file.slice(offset)).to.match(new RegExp(`^${index + 1} 0 obj`));
      });
      const [, length, stream] = /\/Length (\d+) >>\nstream\n([\s\S]*?)\nendstream/.exec(file) ?? [];
      expect(stream).to.have.length(Number(length));
      expect(stream).to.contain('(A \\(test\\)) Tj').and.to.contain('<8f668f86>');
    });

    it('makes PNGs that unpack to their pixels', () => {
      const file = Buffer.from(renderDocument({ type: 'photo', paint: 0xff0000, damage: 0.5, night: false }));
      expect(file.subarray(1, 4).toString('latin1')).to.equal('PNG');
      const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)];
      const length = file.readUInt32BE(33);
      const rows = inflateSync(file.subarray(41, 41 + length));
      expect(rows).to.have.length(height * (width * 3 + 1));
      expect(file.subarray(-8, -4).toString('latin1')).to.equal('IEND');
    });
  });

  describe('generateDemo', () => {
    it('gives the same world for the same seed, and another for another', () => {
      expect(JSON.stringify(generateDemo('vinculum'))).to.equal(JSON.stringify(demo));
      expect(generateDemo('other').showcase).not.to.deep.equal(demo.showcase);
    });

    it('has some 200 vehicles of some 20 entries', () => {
      expect(demo.vehicles.length).to.be.within(190, 220);
      const entries = demo.vehicles.reduce((sum, vehicle) => sum + vehicle.contents.length, 0);
      expect(entries / demo.vehicles.length).to.be.within(17, 26);
    });

    it('names organisations of every role in two languages, each with entries that its roles allow', () => {
      expect(demo.organisations.length).to.be.at.least(12);
      expect(new Set(demo.organisations.flatMap((organisation) => organisation.roles))).to.deep.equal(
        new Set(roles),
      );
      const byName = new Map(demo.organisations.map((organisation) => [organisation.name, organisation]));
      for (const { names } of demo.organisations) {
        expect(names.en).to.match(/^[ -~]+$/);
        expect(names.zh).to.match(/\p{Script=Han}/u);
      }
      for (const content of contents) {
        const allowed: readonly string[] = kindByName(content.kind)?.roles ?? [];
        const given = byName.get(content.by)?.roles ?? [];
        expect(
          given.some((role) => allowed.includes(role)),
          `${content.by} ${content.kind}`,
        ).to.equal(true);
      }
    });

    it('has entries of every kind', () => {
      expect(new Set(contents.map(({ kind }) => kind))).to.deep.equal(new Set(kindNames));
    });

    it('gives every subject a valid identifier of its own, and the absent VIN to none', () => {
      const identifiers = subjects.map(({ identifier }) => identifier);
      expect(new Set(identifiers).size).to.equal(identifiers.length);
      for (const vehicle of demo.vehicles) {
        const identifier = parseIdentifier(vehicle.identifier);
        expect(subjectTypeOf(identifier)).to.equal('vehicle');
        if (identifier.type === 'vin') expect(checkDigit(identifier.value as Vin)).not.to.equal('invalid');
      }
      const { absent } = demo.showcase;
      expect(isVin(absent)).to.equal(true);
      expect(checkDigit(absent as Vin)).to.equal('valid');
      expect(JSON.stringify({ ...demo, showcase: {} })).not.to.contain(absent);
    });

    it('tells each life in order, within its days', () => {
      for (const { identifier, contents: life } of demo.vehicles) {
        const times = life.map(({ time }) => secondsOf(time));
        expect(times, identifier).to.deep.equal([...times].sort((left, right) => Number(left - right)));
        expect((life.at(-1)?.time ?? '9') < '2026-07', identifier).to.equal(true);
      }
    });

    it('builds vehicles of parts that their batches hold, each part in one vehicle', () => {
      const taken = new Set<string>();
      const serials = new Map(demo.batches.map((batch) => [batch.identifier, new Set(batch.serials)]));
      for (const content of contents.filter(({ kind }) => kind === 'vehicle.built')) {
        for (const { part, batch } of content.data.parts as { part: string; batch?: string }[]) {
          if (batch === undefined) {
            expect(serials.has(part), part).to.equal(true);
            continue;
          }
          expect(serials.get(batch)?.has(part), part).to.equal(true);
          expect(taken.has(part), part).to.equal(false);
          taken.add(part);
        }
      }
    });

    it('lists in each campaign exactly the vehicles that its batches went into', () => {
      for (const { organisation, sets, contents: entries } of demo.campaigns) {
        for (const { label, treeKey, vehicles } of sets) {
          const entry = entries.find((candidate) => candidate.label === label);
          const batches = entry?.data.batches as string[];
          const built = demo.vehicles.filter(({ contents: [first] }) => {
            const parts = (first?.data.parts ?? []) as { part: string; batch?: string }[];
            return (
              first?.by === organisation && parts.some(({ part, batch }) => batches.includes(batch ?? part))
            );
          });
          expect(new Set(vehicles)).to.deep.equal(new Set(built.map(({ identifier }) => identifier)));
          const tree = buildTree(
            fromBase64Url(treeKey),
            vehicles.map((vehicle) => parseIdentifier(vehicle)),
          );
          expect(entry?.data.affectedRoot).to.equal(tree.root);
          expect(entry?.data.affectedCount).to.equal(vehicles.length).and.to.be.above(2);
        }
      }
    });
  });

  describe('composeDemo', () => {
    it('composes every content, with nothing left to be filled in', () => {
      const entries = composed.histories.flat();
      expect(entries).to.have.length(contents.length);
      expect(new Set(entries.map((entry) => entry.composed.entry.digest)).size).to.equal(entries.length);
      for (const history of histories.values()) expect(JSON.stringify(history)).not.to.contain('@');
    });

    it('encrypts documents under keys that stand in sealed fields', () => {
      expect(composed.documents.length).to.be.above(100);
      const byCid = new Map(composed.documents.map((document) => [document.cid, document.bytes]));
      let opened = 0;
      for (const { composed: entry } of composed.histories.flat()) {
        for (const disclosure of entry.disclosures) {
          const [, name, value] = JSON.parse(Buffer.from(disclosure, 'base64url').toString()) as string[];
          if (name === undefined || value === undefined || !name.startsWith('document:')) continue;
          const file = openBlock(byCid.get(name.slice(9)) ?? new Uint8Array(), fromBase64Url(value));
          expect(Buffer.from(file.subarray(0, 4)).toString('latin1')).to.be.oneOf(['%PDF', '\x89PNG']);
          opened += 1;
        }
      }
      expect(opened).to.equal(composed.documents.length);
    });
  });

  describe('schedule', () => {
    const bundles = schedule(composed.histories, 300);

    it('puts every entry into one bundle of its attester', () => {
      const entries = bundles.flatMap((bundle) => bundle.entries);
      const all = new Set(composed.histories.flat());
      expect(entries.every((entry) => all.has(entry))).to.equal(true);
      expect(new Set(entries).size).to.equal(all.size);
      expect(entries).to.have.length(contents.length);
      for (const { by, entries: some } of bundles) {
        expect(some.length).to.be.within(1, 300);
        expect(some.every((entry) => entry.by === by)).to.equal(true);
      }
    });

    it('keeps the order of every history, but for links, which come together', () => {
      const place = new Map(bundles.flatMap(({ entries }) => entries).map((entry, index) => [entry, index]));
      for (const history of composed.histories) {
        const places = history
          .filter(({ kind }) => kind !== 'vehicle.linked')
          .map((entry) => place.get(entry) ?? -1);
        expect(places).to.deep.equal([...places].sort((left, right) => left - right));
      }
      const withLinks = bundles.filter(({ entries }) =>
        entries.some(({ kind }) => kind === 'vehicle.linked'),
      );
      expect(withLinks).to.have.length(1);
    });
  });

  describe('showcase', () => {
    const grave = (identifier: string) =>
      findingsOf(demo, histories, identifier).findings.filter(
        ({ severity }) => severity === 'alert' || severity === 'warning',
      );

    it('has a clean vehicle with a long history and nothing against it', () => {
      const identifier = `vin:${demo.showcase.clean}`;
      const { findings, summary } = findingsOf(demo, histories, identifier);
      expect(findings.map(({ code }) => code)).to.deep.equal([]);
      expect(summary.entries.proven).to.be.above(25);
      expect(summary.odometer.readings.length).to.be.above(15);
      expect(summary.recalls.campaigns.map(({ state }) => state)).to.deep.equal([
        'notAffected',
        'notAffected',
      ]);
    });

    it('has an odometer discrepancy that names both readings and their sources', () => {
      const found = grave(`vin:${demo.showcase.discrepancy}`);
      expect(found.map(({ code, severity }) => [code, severity])).to.deep.equal([
        ['odometer.discrepancy', 'alert'],
      ]);
      expect(found[0]?.details).to.nested.include({
        'before.source': 'inspection',
        'reading.source': 'dealer',
        direction: 'drop',
      });
    });

    it('has an open recall whose set lists the vehicle', () => {
      const found = grave(`vin:${demo.showcase.recall}`);
      expect(found.map(({ code }) => code)).to.deep.equal(['recall.open']);
      expect(found[0]?.details).to.include({ campaign: 'KL-2025-07', by: 'set' });
    });
  });

  describe('stories', () => {
    const expected: Readonly<Record<string, readonly string[]>> = {
      'recall remedied': ['recall.remedied'],
      'procedure cleared': ['damage.procedure', 'damage.accident', 'claim.recorded'],
      'procedure open': ['damage.procedure'],
      lien: ['lien.open'],
      taxi: ['usage.taxi'],
      rental: ['usage.rental'],
      police: ['usage.police', 'title.brand'],
      'import in miles': ['odometer.unitChange', 'registry.uncertain'],
      'total loss': ['claim.recorded', 'title.brand', 'vehicle.withdrawn'],
      rebuilt: ['title.brand'],
      flood: ['title.brand', 'claim.recorded'],
      'theft recovered': ['title.brand', 'claim.recorded'],
      stolen: ['opposition.open'],
      seizure: ['seizure.open'],
      exported: ['vehicle.exported'],
      withdrawn: ['vehicle.withdrawn'],
      'instrument replaced': ['odometer.replaced'],
      amended: ['entry.amended', 'odometer.amended'],
      upheld: ['entry.upheld', 'inspection.failed'],
      're-registered': ['identity.linked'],
    };
    for (const [story, codes] of Object.entries(expected)) {
      it(`finds ${codes.join(', ')} in "${story}"`, () => {
        const tellers = demo.vehicles.filter((vehicle) => vehicle.story === story);
        expect(tellers.length).to.be.above(0);
        for (const { identifier } of tellers) expect(codesOf(identifier)).to.include.members([...codes]);
      });
    }

    it('finds no discrepancy and no contradiction where none is told', () => {
      for (const { identifier, story } of demo.vehicles) {
        const codes = codesOf(identifier);
        expect(codes.includes('odometer.discrepancy'), identifier).to.equal(story === 'discrepancy');
        expect(codes, `${identifier} ${story}`).not.to.include('history.contradiction');
        expect(codes, identifier).not.to.include('entry.amendmentIgnored');
        expect(codes, identifier).not.to.include('lien.releasedWithoutEntry');
      }
    });

    it('leaves recalls open and remedied, in both campaigns', () => {
      const states = demo.vehicles.flatMap(({ identifier }) =>
        findingsOf(demo, histories, identifier).summary.recalls.campaigns.map(
          ({ campaign, state }) => `${campaign} ${state}`,
        ),
      );
      for (const campaign of ['KL-2025-07', 'AW-2022-03']) {
        expect(states).to.include(`${campaign} remedied`).and.to.include(`${campaign} open`);
      }
    });
  });
});
