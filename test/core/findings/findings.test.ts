import { expect } from 'chai';
import fc from 'fast-check';
import type { Json } from '../../../core/canonical.ts';
import { findingCodes } from '../../../core/findings/finding.ts';
import { deriveFindings } from '../../../core/findings/findings.ts';
import type { OpenedEntry } from '../../../core/findings/openedEntry.ts';
import { kindNames, kinds } from '../../../core/kinds/kinds.ts';
import { amend, codesOf, findingsOf, history, named, read, type Sketch } from './history.ts';

const fr = (kind: string, time: string, says: Record<string, unknown>) => ({
  kind: `registration.${kind}`,
  time,
  data: { market: 'FR', event: 'X', ...says },
});
const lien = (time: string, action: string, more = {}) => fr('lien', time, { action, ...more });
const holder = (time: string, action: string) => fr('holder', time, { action });
const step = (time: string, action: string) => fr('procedure', time, { procedure: 'damagedVehicle', action });

const summaryOf = (entries: OpenedEntry[], options = {}) => deriveFindings(entries, options).summary;

describe('deriveFindings', () => {
  it('says nothing of an empty history but that no recall chain was read', () => {
    const { findings, summary } = deriveFindings([]);
    expect(findings.map(({ code }) => code)).to.deep.equal(['recall.unknown']);
    expect(summary.entries.total).to.equal(0);
    expect(summary.holders).to.equal(0);
    expect(summary.firstTime).to.equal(null);
  });

  it('puts the gravest findings first', () => {
    const entries = history(
      { kind: 'usage', time: '2020-01-01', data: { usage: 'taxi' } },
      { kind: 'accident', time: '2021-01-01', data: { severity: 'severe' } },
      { kind: 'accident', time: '2022-01-01', data: { severity: 'moderate' } },
    );
    expect(codesOf(entries)).to.deep.equal([
      'damage.accident alert',
      'damage.accident warning',
      'usage.taxi notice',
    ]);
  });

  it('gives the same answer for every order of the same entries, and never fails on valid ones', () => {
    const pool = kindNames.filter((name) => name !== 'amended');
    const entry = fc.record({
      kind: fc.constantFrom(...pool),
      day: fc.integer({ min: 1, max: 28 }),
      year: fc.integer({ min: 2000, max: 2024 }),
      status: fc.constantFrom('proven' as const, 'proven' as const, 'withheld' as const, 'erased' as const),
    });
    fc.assert(
      fc.property(entry, fc.array(entry, { maxLength: 30 }), fc.nat(), (first, others, seed) => {
        const entries = history(
          ...[first, ...others].map(({ kind, day, year, status }) => ({
            kind,
            time: `${year}-03-${String(day).padStart(2, '0')}`,
            status,
            data: status === 'proven' ? kinds[kind].example.data : {},
          })),
          amend(named('e0'), first.kind, kinds[first.kind].example.data),
        );
        const shuffled = entries
          .map((item, index) => ({ item, rank: (index * 7919 + seed) % 101 }))
          .sort((left, right) => left.rank - right.rank)
          .map(({ item }) => item);
        expect(deriveFindings(shuffled)).to.deep.equal(deriveFindings(entries));
      }),
    );
  });

  describe('what is not proven', () => {
    it('counts for nothing and is reported, one finding a sort', () => {
      const entries = history(
        { kind: 'accident', time: '', status: 'withheld', data: {} },
        { kind: 'accident', time: '', status: 'withheld', data: {} },
        { kind: 'claim', time: '', status: 'erased', data: {} },
        { kind: 'claim', time: '', status: 'void', data: {} },
        { kind: '200', time: '', status: 'unknownKind', data: {} },
        { kind: 'sale', time: '', status: 'refuted', data: {} },
      );
      expect(codesOf(entries)).to.deep.equal([
        'entry.refuted alert',
        'entry.withheld warning',
        'entry.erased warning',
        'entry.void notice',
        'entry.unknownKind notice',
      ]);
      const withheld = findingsOf(entries).find(({ code }) => code === 'entry.withheld');
      expect(withheld?.entries).to.deep.equal([named('e0'), named('e1')]);
      const summary = summaryOf(entries);
      expect(summary.accidents).to.equal(0);
      expect(summary.entries).to.deep.equal({
        total: 6,
        proven: 0,
        withheld: 2,
        erased: 1,
        void: 1,
        unknownKind: 1,
        refuted: 1,
      });
    });
  });

  describe('amendments', () => {
    const accident = (severity: string, more = {}) => ({
      kind: 'accident',
      time: '2022-01-01',
      data: { severity },
      ...more,
    });

    it('put the corrected value in place of the original', () => {
      const entries = history(accident('severe'), amend(named('e0'), 'accident', { severity: 'minor' }));
      expect(codesOf(entries)).to.deep.equal(['damage.accident notice', 'entry.amended information']);
      expect(findingsOf(entries)[0]?.entries).to.deep.equal([named('e0'), named('e1')]);
    });

    it('can be amended: the latest counts, named by the original or by the amendment before it', () => {
      for (const target of ['e0', 'e1']) {
        const entries = history(
          accident('severe'),
          amend(named('e0'), 'accident', { severity: 'minor' }),
          amend(named(target), 'accident', { severity: 'moderate' }),
        );
        expect(codesOf(entries, 'damage')).to.deep.equal(['damage.accident warning']);
      }
    });

    it('can correct the time, and so the order', () => {
      const corrected = { odometer: { value: 50_001, unit: 'KMT', source: 'workshop' } };
      const entries = history(
        read('2022-01-01', 60_001),
        read('2022-05-01', 50_001),
        amend(named('e1'), 'odometer', corrected, { corrected: '2021-05-01' }),
      );
      expect(codesOf(entries, 'odometer')).to.deep.equal([]);
      expect(summaryOf(entries).firstTime).to.equal('2021-05-01');
    });

    it('can retract an entry', () => {
      const entries = history(accident('severe'), amend(named('e0'), 'accident', null));
      expect(codesOf(entries)).to.deep.equal(['entry.retracted information']);
      expect(summaryOf(entries).accidents).to.equal(0);
    });

    it('can stand in for an original that is void or withheld', () => {
      const entries = history(
        accident('severe', { status: 'void', data: {}, time: '?' }),
        amend(named('e0'), 'accident', { severity: 'minor' }),
      );
      expect(codesOf(entries, 'damage')).to.deep.equal(['damage.accident notice']);
      expect(summaryOf(entries).entries.void).to.equal(1);
    });

    it('count only from the attester or its registered successor', () => {
      const entries = history(
        accident('severe'),
        amend(named('e0'), 'accident', { severity: 'minor' }, { organisation: '2' }),
      );
      expect(codesOf(entries)).to.deep.equal(['damage.accident alert', 'entry.amendmentIgnored notice']);
      const succeeded = { maySupersede: (original: string, by: string) => original === '1' && by === '2' };
      expect(codesOf(entries, '', succeeded)).to.deep.equal([
        'damage.accident notice',
        'entry.amended information',
      ]);
    });

    const ignored: [string, OpenedEntry[]][] = [
      [
        'unknownEntry',
        history(accident('severe'), amend(named('elsewhere'), 'accident', { severity: 'minor' })),
      ],
      ['otherKind', history(accident('severe'), amend(named('e0'), 'usage', { usage: 'taxi' }))],
      ['notLater', history(amend(named('e1'), 'accident', { severity: 'minor' }), accident('severe'))],
      ['unknownEntry', history(accident('severe'), amend(named('e1'), 'accident', { severity: 'minor' }))],
      [
        'unknownEntry',
        history(
          accident('severe'),
          amend(named('e2'), 'accident', { severity: 'minor' }),
          amend(named('e1'), 'accident', { severity: 'minor' }),
        ),
      ],
    ];
    for (const [why, entries] of ignored) {
      it(`change nothing where they are out of place: ${why}`, () => {
        const found = findingsOf(entries).filter(({ code }) => code === 'entry.amendmentIgnored');
        expect(found[0]?.details.why).to.equal(why);
        expect(codesOf(entries, 'damage')).to.deep.equal(['damage.accident alert']);
      });
    }
  });

  describe('liens, oppositions, seizures', () => {
    it('stand until they are released', () => {
      const entries = history(lien('2020-01-01', 'registered'), lien('2022-01-01', 'released'));
      expect(codesOf(entries)).to.deep.equal([]);
      expect(codesOf(entries.slice(0, 1))).to.deep.equal(['lien.open alert']);
      expect(summaryOf(entries.slice(0, 1)).liens).to.deep.equal([
        {
          entry: named('e0'),
          since: '2020-01-01',
          reference: null,
          expires: null,
          type: null,
          holder: null,
          rank: null,
        },
      ]);
    });

    it('are told apart by their reference', () => {
      const entries = history(
        lien('2020-01-01', 'registered', { reference: 'A' }),
        lien('2020-02-01', 'registered', { reference: 'B' }),
        lien('2021-01-01', 'released', { reference: 'B' }),
      );
      expect(summaryOf(entries).liens.map(({ reference }) => reference)).to.deep.equal(['A']);
    });

    it('end one by one without a reference, the oldest first; oppositions of a type all at once', () => {
      const liens = history(
        lien('2020-01-01', 'registered'),
        lien('2020-02-01', 'registered'),
        lien('2021-01-01', 'released'),
      );
      expect(summaryOf(liens).liens.map(({ since }) => since)).to.deep.equal(['2020-02-01']);
      const opposed = (time: string, action: string) => fr('opposition', time, { action, type: 'transfer' });
      const oppositions = history(opposed('2020-01-01', 'entered'), opposed('2020-02-01', 'entered'));
      expect(codesOf(oppositions)).to.deep.equal(['opposition.open alert']);
      expect(findingsOf(oppositions)[0]?.entries).to.deep.equal([named('e0'), named('e1')]);
      const lifted = history(
        opposed('2020-01-01', 'entered'),
        opposed('2020-02-01', 'entered'),
        opposed('2020-03-01', 'lifted'),
      );
      expect(codesOf(lifted)).to.deep.equal([]);
    });

    it('may be known only from a renewal or an end', () => {
      expect(codesOf(history(lien('2020-01-01', 'renewed')))).to.deep.equal(['lien.open alert']);
      expect(codesOf(history(lien('2020-01-01', 'released')))).to.deep.equal([
        'lien.releasedWithoutEntry notice',
      ]);
      expect(codesOf(history(fr('seizure', '2020-01-01', { action: 'lifted' })))).to.deep.equal([
        'history.contradiction information',
      ]);
    });

    it('expire on their day, later when renewed', () => {
      const entries = history(
        lien('2020-01-01', 'registered', { expires: '2022-01-01' }),
        lien('2021-12-01', 'renewed', { expires: '2024-01-01' }),
      );
      const first = entries.slice(0, 1);
      expect(codesOf(first, 'lien', { asOf: '2022-01-01' })).to.deep.equal(['lien.open alert']);
      expect(codesOf(first, 'lien', { asOf: '2022-01-02T08:00:00Z' })).to.deep.equal(['lien.expired notice']);
      expect(codesOf(entries, 'lien', { asOf: '2023-12-31' })).to.deep.equal(['lien.open alert']);
      expect(summaryOf(first, { asOf: '2022-01-02' }).liens).to.deep.equal([]);
    });

    it('are a warning where they are old and nobody stated when they end', () => {
      expect(
        codesOf(history(lien('1989-01-01', 'registered')), 'lien', { asOf: '2024-01-01' }),
      ).to.deep.equal(['lien.open warning']);
    });

    it('contradict a transfer under them, each once', () => {
      const sold = (time: string) => ({ kind: 'sale', time, data: { type: 'private', condition: 'used' } });
      const entries = history(
        fr('seizure', '2020-01-01', { action: 'entered' }),
        sold('2020-02-01'),
        holder('2020-02-02', 'change'),
        fr('seizure', '2020-03-01', { action: 'lifted' }),
        sold('2020-04-01'),
      );
      expect(codesOf(entries)).to.deep.equal(['history.contradiction warning']);
      expect(findingsOf(entries)[0]?.details).to.deep.equal({
        rule: 'transferUnderCharge',
        charge: 'registration.seizure',
        since: '2020-01-01',
        time: '2020-02-01',
      });
    });
  });

  describe('the damaged-vehicle procedure', () => {
    const cases: [string, string[], 'open' | 'cleared', string[]][] = [
      ['a declaration', ['declared'], 'open', ['damage.procedure alert']],
      ['the first report', ['declared', 'firstReport'], 'open', ['damage.procedure alert']],
      [
        'the second report',
        ['declared', 'firstReport', 'secondReport'],
        'cleared',
        ['damage.procedure notice'],
      ],
      [
        'a lifting after a declaration',
        ['declared', 'opposed', 'lifted'],
        'open',
        ['damage.procedure alert'],
      ],
      ['a lifting of a mere opposition', ['opposed', 'lifted'], 'cleared', ['damage.procedure notice']],
      [
        'a second declaration',
        ['declared', 'secondReport', 'declared'],
        'open',
        ['damage.procedure alert', 'damage.procedure notice'],
      ],
    ];
    for (const [name, steps, state, codes] of cases) {
      it(`is ${state} after ${name}`, () => {
        const entries = history(...steps.map((action, index) => step(`2020-0${index + 1}-01`, action)));
        expect(summaryOf(entries).procedure?.state).to.equal(state);
        expect(codesOf(entries)).to.deep.equal(codes);
      });
    }
  });

  describe('holders', () => {
    it('are those who came to hold the vehicle; giving up and returning count for none', () => {
      const entries = history(
        holder('2000-01-01', 'firstRegistration'),
        holder('2001-01-01', 'ceded'),
        holder('2001-01-02', 'boughtByDealer'),
        holder('2001-02-01', 'change'),
        holder('2002-01-01', 'lessee'),
        holder('2003-01-01', 'reRegistration'),
      );
      expect(summaryOf(entries).holders).to.equal(3);
    });

    it('are one more where the registry says that its file begins later', () => {
      const entries = history(
        { kind: 'vehicle.registered', time: '1990-01-01', data: { registry: { fileUncertain: true } } },
        holder('2001-02-01', 'change'),
      );
      expect(summaryOf(entries).holders).to.equal(2);
      expect(codesOf(entries, 'registry')).to.deep.equal(['registry.uncertain information']);
    });
  });

  describe('withdrawn and exported', () => {
    const withdrawn = fr('withdrawn', '2010-01-01', { reason: 'voluntary' });
    const exported = fr('exported', '2011-01-01', { destination: 'BE' });

    it('hold until the vehicle is registered again', () => {
      expect(codesOf(history(withdrawn, exported))).to.deep.equal([
        'vehicle.withdrawn alert',
        'vehicle.exported warning',
      ]);
      expect(summaryOf(history(withdrawn, exported)).exported).to.deep.equal({
        since: '2011-01-01',
        entry: named('e1'),
      });
      expect(codesOf(history(withdrawn, exported, holder('2012-01-01', 'reRegistration')))).to.deep.equal([]);
    });
  });

  describe('what a registry states', () => {
    it('of theft, certificate and check digit is found', () => {
      const data = {
        registry: { vehicleStolen: true, certificateStolen: true, certificateCancelled: true },
        checkDigitOverride: { reason: 'imported' },
      };
      expect(codesOf(history({ kind: 'vehicle.registered', time: '2000-01-01', data }))).to.deep.equal([
        'theft.reported alert',
        'certificate.stolen warning',
        'certificate.cancelled warning',
        'checkDigit.overridden notice',
      ]);
      const denied = { registry: { vehicleStolen: false, fileUncertain: false } };
      expect(
        codesOf(history({ kind: 'vehicle.registered', time: '2000-01-01', data: denied })),
      ).to.deep.equal([]);
    });

    it('of another identifier is found and summed up', () => {
      const to = 'registration:FR:FR000001';
      const entries = history({
        kind: 'vehicle.linked',
        time: '2000-01-01',
        data: { to, relation: 'reissuedFrom', reason: 'rebuilt' },
      });
      expect(codesOf(entries)).to.deep.equal(['identity.linked notice']);
      expect(summaryOf(entries).links).to.deep.equal([to]);
    });
  });

  describe('claims, usage, brands, inspections', () => {
    it('counts a claim once, with all entries that name it', () => {
      const entries = history(
        { kind: 'claim', time: '2020-01-01', data: { type: 'hail', status: 'opened' } },
        { kind: 'claim', time: '2020-02-01', data: { type: 'hail', status: 'settled', opened: named('e0') } },
        { kind: 'claim', time: '2021-01-01', data: { type: 'glass', status: 'rejected' } },
      );
      expect(summaryOf(entries).claims).to.equal(2);
      expect(codesOf(entries)).to.deep.equal(['claim.recorded notice', 'claim.recorded information']);
      expect(findingsOf(entries)[0]?.entries).to.deep.equal([named('e0'), named('e1')]);
    });

    it('alerts on a total loss and its brand', () => {
      const data = { type: 'collision', status: 'settled', totalLoss: true, titleBrands: ['11', '24'] };
      const entries = history({ kind: 'claim', time: '2020-01-01', data });
      expect(codesOf(entries)).to.deep.equal([
        'claim.recorded alert',
        'title.brand alert',
        'title.brand information',
      ]);
      expect(summaryOf(entries).brands[0]).to.deep.equal({
        code: '11',
        name: 'Salvage',
        entries: [named('e0')],
      });
    });

    it('notes every use but a private one', () => {
      const used = (time: string, usage: string) => ({ kind: 'usage', time, data: { usage } });
      const entries = history(
        used('2019-01-01', 'private'),
        used('2020-01-01', 'rental'),
        used('2021-01-01', 'police'),
      );
      expect(codesOf(entries)).to.deep.equal(['usage.rental notice', 'usage.police notice']);
      expect(summaryOf(entries).usages).to.deep.equal(['rental', 'police']);
    });

    it('warns of a failed inspection until one of its sort passes', () => {
      const inspected = (time: string, result: string, type = 'periodic') => ({
        kind: 'inspection',
        time,
        data: { type, result },
      });
      expect(codesOf(history(inspected('2020-01-01', 'failed')))).to.deep.equal([
        'inspection.failed warning',
      ]);
      const passed = history(inspected('2020-01-01', 'failed'), inspected('2020-02-01', 'passed'));
      expect(codesOf(passed)).to.deep.equal([]);
      const other = history(
        inspected('2020-01-01', 'failed'),
        inspected('2020-02-01', 'passed', 'emissions'),
      );
      expect(codesOf(other)).to.deep.equal(['inspection.failed warning']);
    });

    it('shows that an attester stands by its entry', () => {
      const data = { entry: named('e0'), basis: 'recordsChecked' };
      const entries = history(
        { kind: 'accident', time: '2020-01-01', data: { severity: 'minor' } },
        { kind: 'upheld', time: '2020-02-01', data },
      );
      expect(codesOf(entries, 'entry')).to.deep.equal(['entry.upheld information']);
    });
  });

  describe('recalls', () => {
    const opened = (affected: 'in' | 'out' | 'unknown', more = {}) => {
      const { batches, serialRanges, ...data } = kinds['recall.opened'].example.data;
      return history({
        kind: 'recall.opened',
        time: '2023-01-01',
        organisation: '9',
        affected,
        digest: named('campaign'),
        data: { ...data, ...more },
      });
    };
    const remedied = {
      kind: 'recall.remedied',
      time: '2023-06-01',
      data: { attester: '9', campaign: 'R-2025-014', outcome: 'remedied' },
    };

    it('are open for a vehicle in the set, until remedied', () => {
      expect(codesOf([], '', { own: opened('in') })).to.deep.equal(['recall.open alert']);
      expect(codesOf([], '', { own: opened('in', { severity: 'service' }) })).to.deep.equal([
        'recall.open notice',
      ]);
      expect(codesOf(history(remedied), '', { own: opened('in') })).to.deep.equal([
        'recall.remedied information',
      ]);
      const states = (entries: OpenedEntry[], affected: 'in' | 'out' | 'unknown') =>
        summaryOf(entries, { own: opened(affected), recallAttesters: ['9'] }).recalls.campaigns.map(
          ({ state, by }) => [state, by],
        );
      expect(states([], 'in')).to.deep.equal([['open', 'set']]);
      expect(states([], 'out')).to.deep.equal([['notAffected', null]]);
      expect(states([], 'unknown')).to.deep.equal([['unknown', null]]);
      expect(states(history(remedied), 'in')).to.deep.equal([['remedied', 'set']]);
    });

    it('are not remedied by a remedy of another campaign, of another attester, or before the campaign', () => {
      const wrong = [
        { ...remedied, data: { ...remedied.data, campaign: 'R-2' } },
        { ...remedied, data: { ...remedied.data, attester: '8' } },
        { ...remedied, time: '2022-12-31' },
      ];
      for (const entry of wrong) {
        expect(codesOf(history(entry), 'recall.open', { own: opened('in') })).to.deep.equal([
          'recall.open alert',
        ]);
      }
    });

    it('say nothing to a vehicle that is proven out, and that they know nothing without proof', () => {
      expect(codesOf([], '', { own: opened('out') })).to.deep.equal([]);
      expect(codesOf([], '', { own: opened('unknown') })).to.deep.equal(['recall.unknown warning']);
    });

    it('match the parts that the vehicle has now', () => {
      const batch = 'batch:safir.example:AB-2024-07';
      const serial = (number: string) => `serial:safir.example:${number}`;
      const built = (part: Record<string, unknown>) => ({
        kind: 'vehicle.built',
        time: '2020-01-01',
        data: { manufacturerId: 'kunlun.example', parts: [{ component: 'airbags', ...part }] },
      });
      const campaign = {
        own: opened('out', {
          batches: [batch],
          serialRanges: [{ manufacturerId: 'safir.example', from: 'AB-0100', to: 'AB-0199' }],
        }),
      };
      const open = (...entries: Sketch[]) => codesOf(history(...entries), 'recall', campaign);
      expect(open(built({ part: batch }))).to.deep.equal(['recall.open alert']);
      expect(open(built({ part: serial('X'), batch }))).to.deep.equal(['recall.open alert']);
      expect(open(built({ part: serial('AB-0150') }))).to.deep.equal(['recall.open alert']);
      const known = 'batch:safir.example:AB-2019-01';
      expect(open(built({ part: serial('AB-0200'), batch: known }))).to.deep.equal([]);
      expect(open(built({ part: serial('AB-01500'), batch: known }))).to.deep.equal([]);
      expect(open(built({ part: 'serial:other.example:AB-0150' }))).to.deep.equal([]);
      const removed = {
        kind: 'part.removed',
        time: '2021-01-01',
        data: { component: 'airbags', part: serial('AB-0150'), reason: 'defect' },
      };
      const mounted = (part: string) => ({
        kind: 'part.mounted',
        time: '2021-01-02',
        data: { component: 'airbags', part, batch: known },
      });
      expect(open(built({ part: serial('AB-0150') }), removed, mounted(serial('AB-0300')))).to.deep.equal([]);
      expect(open(built({ part: serial('AB-0300') }), mounted(serial('AB-0199')))).to.deep.equal([
        'recall.open alert',
      ]);
    });

    it('take in what an extension adds, and drop what is withdrawn', () => {
      const extended = {
        ...history({
          kind: 'recall.extended',
          time: '2023-02-01',
          organisation: '9',
          affected: 'in' as const,
          data: kinds['recall.extended'].example.data,
        })[0],
        digest: named('extension'),
      } as OpenedEntry;
      const own = [...opened('out'), extended];
      expect(findingsOf([], { own })[0]?.entries).to.deep.equal([named('extension')]);
      const closed = (reason: string) =>
        history({
          kind: 'recall.closed',
          time: '2024-01-01',
          organisation: '9',
          digest: named('closing'),
          data: { campaign: 'R-2025-014', reason },
        });
      expect(codesOf([], '', { own: [...own, ...closed('withdrawn')] })).to.deep.equal([]);
      expect(codesOf([], '', { own: [...own, ...closed('completed')] })).to.deep.equal(['recall.open alert']);
    });

    it('are not known, rather than not the vehicle’s, while the batch or the number of a part of that maker is not', () => {
      const part = (name: string, more: Record<string, unknown> = {}) =>
        history({
          kind: 'part.mounted',
          time: '2021-01-02',
          data: { component: 'airbags', part: name, ...more },
        });
      const states = (entries: OpenedEntry[], listed: Record<string, unknown>) =>
        summaryOf(entries, { own: opened('out', listed), recallAttesters: ['9'] }).recalls.campaigns.map(
          ({ state }) => state,
        )[0];
      const batches = ['batch:safir.example:AB-2024-07'];
      expect(states(part('serial:safir.example:1'), { batches })).to.equal('unknown');
      expect(states(part('serial:other.example:1'), { batches })).to.equal('notAffected');
      expect(
        states(part('serial:safir.example:1', { batch: 'batch:safir.example:X' }), { batches }),
      ).to.equal('notAffected');
      // An article that its name tells is no other article.
      const gs1 = (article: string, more: string) => `id.gs1.org:01/${article}/${more}`;
      const ofGs1 = { batches: [`batch:${gs1('04012345111118', '10/B-1')}`] };
      expect(states(part(`serial:${gs1('04012345111118', '21/9')}`), ofGs1)).to.equal('unknown');
      expect(states(part(`serial:${gs1('04012345222227', '21/9')}`), ofGs1)).to.equal('notAffected');
      const numbered = (more = {}) => ({
        partNumbers: [{ manufacturerId: 'safir.example', partNumber: 'SF-21', ...more }],
      });
      const plain = part('serial:safir.example:1', { batch: 'batch:safir.example:X' });
      const named = part('serial:safir.example:1', { manufacturerPartId: 'SF-21' });
      expect(states(named, numbered())).to.equal('open');
      expect(states(named, numbered({ from: '2020-05-01', until: '2020-06-30' })), 'no date').to.equal(
        'unknown',
      );
      expect(states(named, numbered({ from: '2021-01-03' })), 'made after').to.equal('notAffected');
      expect(states(plain, numbered()), 'no number').to.equal('unknown');
      expect(states(part('serial:safir.example:1', { manufacturerPartId: 'SF-22' }), numbered())).to.equal(
        'notAffected',
      );
      const partner = 'bpnl00000003cml1';
      const ofPartner = { partNumbers: [{ manufacturerId: 'BPNL00000003CML1', partNumber: 'A/1' }] };
      expect(states(part(`serial:${partner}:A%2F1/7`), ofPartner)).to.equal('open');
      expect(states(part(`serial:${partner}:A-1/7`), ofPartner)).to.equal('notAffected');

      const [doubt] = findingsOf(part('serial:safir.example:1'), { own: opened('out', { batches }) });
      expect([doubt?.severity, doubt?.details.set, doubt?.details.parts]).to.deep.equal([
        'notice',
        'out',
        [{ part: 'serial:safir.example:1', reason: 'noBatch' }],
      ]);
      const mounted = [
        ...part('serial:safir.example:1'),
        ...part('batch:safir.example:B-1'),
        ...history({ kind: 'part.mounted', time: '2021-02-02', data: { component: 'glass' } }),
      ];
      expect(summaryOf(mounted).recalls.parts).to.deep.equal({ compared: 2, withoutBatch: 1, unnamed: 1 });
    });

    it('count among the unnamed the parts whose mounting is erased, withheld or sealed', () => {
      const mounting = { kind: 'part.mounted', time: '2021-02-02', data: {} };
      const unnamed = (...sketches: Sketch[]) => summaryOf(history(...sketches)).recalls.parts.unnamed;
      expect(unnamed({ ...mounting, status: 'erased' }, { ...mounting, status: 'withheld' })).to.equal(2);
      expect(unnamed({ ...mounting, status: 'void' })).to.equal(0);
      const retracted = amend(named('e0'), 'part.mounted', null, { organisation: '1' });
      expect(unnamed({ ...mounting, status: 'erased' }, retracted)).to.equal(0);
      const [sealed] = history({ ...mounting, data: { component: 'glass' } });
      const closed = { ...sealed, data: {}, missing: ['component'] } as OpenedEntry;
      expect(summaryOf([closed]).recalls.parts.unnamed).to.equal(1);
    });

    it('match safety parts, by the batch that the history says of them', () => {
      const part = 'serial:safir.example:AB-1';
      const batch = 'batch:safir.example:AB-2024-07';
      const mounted = (more: Partial<Sketch> = {}): Sketch => ({
        kind: 'safetyPart.mounted',
        time: '2021-01-02',
        organisation: '4',
        identifier: part,
        data: { component: 'airbags' },
        ...more,
      });
      const built = {
        kind: 'vehicle.built',
        time: '2020-01-01',
        data: { manufacturerId: 'kunlun.example', parts: [{ component: 'airbags', part, batch }] },
      };
      const codes = (...entries: Sketch[]) =>
        codesOf(history(...entries), 'recall', { own: opened('out', { batches: [batch] }) });
      expect(codes(mounted())).to.deep.equal(['recall.unknown notice']);
      expect(codes(built, mounted())).to.deep.equal(['recall.open alert']);
      const removed = mounted({
        kind: 'safetyPart.removed',
        time: '2022-01-02',
        data: { component: 'airbags', reason: 'recall' },
      });
      expect(codes(built, mounted(), removed)).to.deep.equal([]);
      expect(summaryOf(history(built, mounted())).recalls.parts.compared).to.equal(1);
    });

    it('stand by their extensions alone, and are one however often they are opened', () => {
      const extension = (more: Partial<Sketch> = {}) =>
        history({
          kind: 'recall.extended',
          time: '2023-02-01',
          organisation: '9',
          affected: 'in',
          digest: named('extension'),
          data: kinds['recall.extended'].example.data,
          ...more,
        });
      const campaigns = (own: OpenedEntry[], entries: OpenedEntry[] = []) =>
        summaryOf(entries, { own, recallAttesters: ['9'] }).recalls.campaigns;
      // Its opening is withheld, or was taken back.
      expect(campaigns(extension()).map(({ state, severity }) => [state, severity])).to.deep.equal([
        ['open', 'unknown'],
      ]);
      expect(codesOf([], '', { own: extension() })).to.deep.equal(['recall.open warning']);
      const again = opened('in').map((entry) => ({ ...entry, digest: named('again'), position: 7 }));
      expect(campaigns([...opened('out'), ...again]).map(({ state, by }) => [state, by])).to.deep.equal([
        ['open', 'set'],
      ]);
      // By a batch alone, with a set of nobody.
      const batches = ['batch:safir.example:AB-2024-07'];
      const byBatch = extension({
        affected: 'out',
        data: { ...kinds['recall.extended'].example.data, batches },
      });
      const holding = history({
        kind: 'part.mounted',
        time: '2021-01-02',
        data: { component: 'airbags', part: batches[0] ?? '' },
      });
      expect(campaigns([...opened('out'), ...byBatch], holding)[0]).to.deep.include({
        state: 'open',
        by: 'part',
        entries: [named('extension')],
      });
    });

    it('are remedied only after they listed the vehicle; a remedy that counts for nothing is named', () => {
      const extended = history({
        kind: 'recall.extended',
        time: '2023-09-01',
        organisation: '9',
        affected: 'in',
        data: kinds['recall.extended'].example.data,
      });
      const fault = (entry: Sketch, own: OpenedEntry[]) =>
        findingsOf(history(entry), { own, recallAttesters: ['9'] })
          .filter(({ code }) => code === 'recall.remedyIgnored')
          .map(({ severity, details }) => [severity, details.reason])[0];
      expect(fault(remedied, opened('in'))).to.equal(undefined);
      expect(fault(remedied, opened('out'))).to.deep.equal(['notice', 'notListed']);
      expect(fault(remedied, [...opened('out'), ...extended])).to.deep.equal(['notice', 'beforeListed']);
      const other = (data: Record<string, Json>) => ({ ...remedied, data: { ...remedied.data, ...data } });
      expect(fault(other({ attester: '8' }), opened('in'))).to.deep.equal([
        'information',
        'attesterNotShown',
      ]);
      expect(fault(other({ campaign: 'R-3' }), opened('in'))).to.deep.equal(['notice', 'unknownCampaign']);
      const states = (own: OpenedEntry[]) =>
        summaryOf(history(remedied), { own, recallAttesters: ['9'] }).recalls.campaigns.map(
          ({ state }) => state,
        );
      expect(states([...opened('out'), ...extended])).to.deep.equal(['open']);
      // The opening listed it already: the extension opens nothing anew.
      expect(states([...opened('in'), ...extended])).to.deep.equal(['remedied']);
      const [state] = summaryOf(history(other({ outcome: 'notNeeded' })), { own: opened('in') }).recalls
        .campaigns;
      expect([state?.state, state?.outcome]).to.deep.equal(['remedied', 'notNeeded']);
    });

    it('stay open when they are closed, and are not withdrawn before they are opened', () => {
      const closing = (reason: string, anchoredAt?: number) =>
        history({
          kind: 'recall.closed',
          time: '2024-01-01',
          organisation: '9',
          data: { campaign: 'R-2025-014', reason },
        }).map((entry) => (anchoredAt === undefined ? entry : { ...entry, anchoredAt }));
      const state = (own: OpenedEntry[]) =>
        summaryOf([], { own, recallAttesters: ['9'] }).recalls.campaigns.map((found) => [
          found.state,
          found.closed,
        ])[0];
      expect(state([...opened('in'), ...closing('completed')])).to.deep.equal(['open', 'completed']);
      expect(state([...opened('in'), ...closing('superseded')])).to.deep.equal(['open', 'superseded']);
      const [first] = opened('in');
      const at = first?.anchoredAt ?? 0;
      expect(state([...opened('in'), ...closing('withdrawn', at + 10)])).to.deep.equal([
        'notAffected',
        'withdrawn',
      ]);
      expect(state([...opened('in'), ...closing('withdrawn', at - 10)])).to.deep.equal(['open', 'withdrawn']);
    });

    it('are unknown where authorities’ chains were read and no maker’s, and open all the same by theirs', () => {
      const found = (own: OpenedEntry[]) =>
        codesOf([], 'recall', { own, recallAttesters: ['9'], recallMakers: [] });
      expect(found(opened('in'))).to.deep.equal(['recall.open alert', 'recall.unknown information']);
      expect(found(opened('out'))).to.deep.equal(['recall.unknown information']);
      expect(summaryOf([], { recallAttesters: ['9'], recallMakers: [] }).recalls).to.deep.include({
        attesters: ['9'],
        makers: [],
      });
    });

    it('are unknown where no attester’s chain was read', () => {
      expect(codesOf([], '', { recallAttesters: [] })).to.deep.equal(['recall.unknown information']);
    });
  });

  describe('gaps and contradictions', () => {
    const serviced = (time: string, more = {}) => ({
      kind: 'service',
      time,
      data: { type: 'scheduled', items: [] },
      ...more,
    });

    it('names the years without any entry, up to the end of what is known', () => {
      const entries = history(serviced('2010-01-01'), serviced('2013-01-01'), serviced('2018-01-01'));
      expect(findingsOf(entries, { asOf: '2023-01-01' }).map(({ details }) => details)).to.deep.equal([
        { from: '2013-01-01', to: '2018-01-01', years: 5 },
        { from: '2018-01-01', to: '2023-01-01', years: 5 },
      ]);
    });

    it('sees one vehicle in two countries on one day', () => {
      const entries = history(
        serviced('2020-05-01', { country: 'FR' }),
        serviced('2020-05-01T15:00:00Z', { country: 'PL', organisation: '2' }),
        serviced('2020-05-02', { country: 'DE' }),
      );
      expect(findingsOf(entries).map(({ details }) => details)).to.deep.equal([
        { rule: 'twoPlaces', day: '2020-05-01', places: ['FR', 'PL'] },
      ]);
    });

    it('sees a life before production and after the end of life', () => {
      const built = {
        kind: 'vehicle.built',
        time: '2020-06-01',
        data: { manufacturerId: 'kunlun.example', productionDate: '2020-05-20' },
      };
      const before = findingsOf(history(serviced('2020-05-01'), built));
      expect(before.map(({ details }) => details.rule)).to.deep.equal(['beforeProduction']);
      const ended = fr('withdrawn', '2020-05-01', { reason: 'endOfLife' });
      const after = findingsOf(history(ended, serviced('2021-01-01')));
      expect(after.map(({ details }) => details.rule ?? null)).to.deep.equal([null, 'afterEndOfLife']);
    });
  });

  it('keeps every finding plain JSON, with evidence in the history', () => {
    const entries = history(
      ...kindNames
        .filter((name) => !['amended', 'upheld'].includes(name))
        .map((kind) => ({
          kind,
          time: '2020-01-01',
          data: kinds[kind].example.data as Record<string, unknown>,
        })),
    );
    const { findings, summary } = deriveFindings(entries, { own: entries });
    const digests = new Set(entries.map(({ digest }) => digest));
    for (const finding of findings) {
      for (const digest of finding.entries) expect(digests.has(digest), finding.code).to.equal(true);
      expect(
        finding.code.startsWith('usage.') || findingCodes.some((code) => code === finding.code),
      ).to.equal(true);
    }
    const plain = (value: unknown): Json => JSON.parse(JSON.stringify(value)) as Json;
    expect(plain(findings)).to.deep.equal(findings);
    expect(plain(summary)).to.deep.equal(summary);
  });
});
