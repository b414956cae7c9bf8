import { expect } from 'chai';
import {
  type AuthenticityState,
  type CodeFacts,
  judgePart,
  type PartFacts,
} from '../../../core/authenticity/judge.ts';
import { formatPlace, leastDistance, parsePlace } from '../../../core/authenticity/places.ts';
import {
  flagsOf,
  MOST_PLACES_A_MONTH,
  MOST_SCANS_A_DAY,
  type Scans,
} from '../../../core/authenticity/scans.ts';
import type { OrganisationId } from '../../../core/chain/types.ts';
import { expectRefusal } from '../../refusal.ts';

const maker = 8n as OrganisationId;
const other = 9n as OrganisationId;
const good: CodeFacts = { organisation: maker, ledger: 'known', key: 'active', standing: 'good' };
const facts: PartFacts = {
  code: good,
  makers: [{ organisation: maker, by: 'set' }],
  notInSets: false,
  scrapped: false,
  stolen: false,
  mounted: 0,
  recalls: 0,
  quarantines: 0,
};
const state = (changes: Partial<PartFacts>): AuthenticityState => judgePart({ ...facts, ...changes }).state;
const ofCode = (changes: Partial<CodeFacts>): AuthenticityState => state({ code: { ...good, ...changes } });

describe('what a part is', () => {
  it('genuine: its maker says that it made it, and signed its code', () => {
    expect(judgePart(facts)).to.deep.equal({ state: 'genuine', reasons: ['maker.inSet'] });
    expect(judgePart({ ...facts, code: null })).to.deep.equal({
      state: 'genuine',
      reasons: ['maker.inSet', 'code.none'],
    });
  });

  it('forged: no signature, a key that never was one, another maker’s part', () => {
    expect(ofCode({ key: 'none' })).to.equal('forged');
    expect(ofCode({ key: 'foreign' })).to.equal('forged');
    expect(ofCode({ standing: 'unknown' })).to.equal('forged');
    // A key of another organisation, good in itself, replayed on this maker's number.
    expect(ofCode({ organisation: other })).to.equal('forged');
    expect(judgePart({ ...facts, code: { ...good, organisation: other } }).reasons).to.include(
      'code.otherMaker',
    );
  });

  it('unknown: a revoked key, a suspended or foreign register, nobody who made it, or several', () => {
    expect(ofCode({ key: 'revoked' })).to.equal('unknown');
    expect(ofCode({ standing: 'suspended' })).to.equal('unknown');
    expect(ofCode({ ledger: 'other', key: 'foreign', standing: 'unknown' })).to.equal('unknown');
    expect(state({ makers: [] })).to.equal('unknown');
    expect(judgePart({ ...facts, makers: [], notInSets: true }).reasons).to.include('maker.notInSets');
    const both = [...facts.makers, { organisation: other, by: 'entry' } as const];
    expect(judgePart({ ...facts, makers: both })).to.deep.include({ state: 'unknown' });
    expect(judgePart({ ...facts, makers: both }).reasons).to.include('maker.contradiction');
  });

  it('unknown: where something may be kept back from whoever judges, or a release may be of others', () => {
    for (const [name, reason] of [
      ['incomplete', 'history.incomplete'],
      ['releaseSealed', 'part.releaseSealed'],
    ] as const) {
      const judged = judgePart({ ...facts, [name]: true });
      expect(judged).to.deep.equal({ state: 'unknown', reasons: [reason, 'maker.inSet'] });
      expect(state({ [name]: true, stolen: true })).to.equal('stolen');
      expect(state({ [name]: true, code: { ...good, key: 'foreign' } })).to.equal('forged');
    }
    expect(judgePart({ ...facts, makers: [], incomplete: true }).reasons).not.to.include('maker.unknown');
  });

  it('the gravest counts, and all are told', () => {
    const all = { stolen: true, scrapped: true, recalls: 1, quarantines: 1, mounted: 1 };
    const order = ['forged', 'stolen', 'scrapped', 'recalled', 'recalled', 'mounted'] as const;
    const left: Record<string, unknown> = { ...all, code: { ...good, key: 'foreign' } };
    const undone = [
      ['code', good],
      ['stolen', false],
      ['scrapped', false],
      ['recalls', 0],
      ['quarantines', 0],
    ] as const;
    for (const [index, expected] of order.entries()) {
      expect(state(left)).to.equal(expected);
      const [name, value] = undone[index] ?? ['mounted', 0];
      left[name] = value;
    }
    expect(state(left)).to.equal('genuine');
    expect(judgePart({ ...facts, ...all }).reasons).to.deep.equal([
      'part.stolen',
      'part.scrapped',
      'part.recalled',
      'part.quarantined',
      'part.mounted',
      'maker.inSet',
    ]);
  });
});

describe('what scans show', () => {
  const scan = (hour: number, place: string | null, count = 1): Scans => ({
    hour,
    place: place === null ? null : parsePlace(place),
    count,
  });

  it('nothing, for a part on its way around the world', () => {
    const way = [scan(0, 'CZ'), scan(30, 'FR'), scan(60, '31,121'), scan(90, 'US'), scan(2000, 'BR')];
    expect(flagsOf(way)).to.deep.equal([]);
    expect(flagsOf([scan(5, 'BR'), scan(5, 'BR', 80), scan(6, null, 10)])).to.deep.equal([]);
  });

  it('two far places within a time in which nothing travels so far', () => {
    expect(flagsOf([scan(10, '48,2'), scan(11, '31,121')])).to.deep.equal(['cloned.farApart']);
    expect(flagsOf([scan(11, '31,121'), scan(10, 'FR')])).to.deep.equal(['cloned.farApart']);
    expect(flagsOf([scan(10, '48,2'), scan(30, '31,121')])).to.deep.equal([]);
    // Neighbours, or places that may touch, are never far, however quick.
    expect(flagsOf([scan(10, 'FR'), scan(10, 'DE'), scan(10, '48,2'), scan(10, '50,8')])).to.deep.equal([]);
    expect(flagsOf([scan(10, 'FR'), scan(10, 'XX')])).to.deep.equal([]);
    // Others in between do not hide it.
    const hidden = [
      scan(10, '48,2'),
      ...Array.from({ length: 50 }, () => scan(10, null)),
      scan(11, '31,121'),
    ];
    expect(flagsOf(hidden)).to.deep.equal(['cloned.farApart']);
  });

  it('far too many within a day, or in too many places within a month', () => {
    expect(flagsOf([scan(0, 'FR', MOST_SCANS_A_DAY)])).to.deep.equal([]);
    expect(flagsOf([scan(0, 'FR', MOST_SCANS_A_DAY), scan(23, null)])).to.deep.equal(['cloned.tooOften']);
    expect(flagsOf([scan(0, 'FR', MOST_SCANS_A_DAY), scan(24, null)])).to.deep.equal([]);
    const around = (hours: number) =>
      Array.from({ length: MOST_PLACES_A_MONTH + 1 }, (_, index) => scan(index * hours, `48,${index}`));
    expect(flagsOf(around(30))).to.deep.equal(['cloned.tooOften']);
    expect(flagsOf(around(60))).to.deep.equal([]);
  });

  it('places are countries or cells, and the distance is the least that it can be', () => {
    for (const text of ['FR', '48,2', '-90,-180', '89,179'])
      expect(formatPlace(parsePlace(text))).to.equal(text);
    for (const text of ['fr', 'FRA', '48.5,2', '90,0', '0,180', '48,2,1', '']) {
      expectRefusal(() => parsePlace(text), 'scan.place');
    }
    expectRefusal(() => formatPlace({ cell: { latitude: 1.5, longitude: 2 } }), 'scan.place');
    expect(leastDistance(parsePlace('48,2'), parsePlace('40,-74'))).to.be.within(5_500, 5_900);
    expect(leastDistance(parsePlace('0,179'), parsePlace('0,-180'))).to.equal(0);
    expect(leastDistance(parsePlace('FR'), parsePlace('CN'))).to.be.greaterThan(3_000);
  });
});
