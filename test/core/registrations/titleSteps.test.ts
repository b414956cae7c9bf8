import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Address, Digest, OrganisationId, Subject } from '../../../core/chain/types.ts';
import { validateData } from '../../../core/kinds/validate.ts';
import type { TitleAction } from '../../../core/modules/action.ts';
import { applyTitleAction, NO_TITLE, type Title, titleKinds } from '../../../core/modules/title.ts';
import { histovecEventTypes, mapHistovecRow } from '../../../core/registrations/histovec.ts';
import {
  detailOf,
  planRegistration,
  type RegistrationPlan,
  type RegistrationStep,
  type TitleAct,
  untilOf,
} from '../../../core/registrations/titleSteps.ts';
import { sharedFile } from '../../shared.ts';

const NOW = BigInt(Date.parse('2026-11-21T00:00:00Z') / 1000);

/** The plan of a vehicle first registered on 1 February 2001, with events as `YYYY-MM-DD TYPE`. */
function plan(...events: string[]): RegistrationPlan {
  return planRegistration(
    mapHistovecRow({
      id: 'FR900001',
      attributes: { marque: 'ESSAI', date_premiere_immat: '01/02/2001' },
      events: events.map((event) => {
        const [day = '', type = ''] = event.split(' ');
        return { date: `${day}T10:00:00.000Z`, type };
      }),
    }),
    NOW,
  );
}

/** What a plan does, a word for each step: the kind of an action, or the event of an entry and what it contradicts. */
const told = ({ steps }: RegistrationPlan): string[] =>
  steps.map((step) => {
    if (step.via === 'title') return step.act.kind;
    const { event = step.content.kind, contradicts } = step.content.data;
    return contradicts === undefined ? String(event) : `${event} !${contradicts}`;
  });
const acts = ({ steps }: RegistrationPlan): TitleAct[] =>
  steps.flatMap((step) => (step.via === 'title' ? [step.act] : []));

/** The register's code of a step; a lapse, and a title taken over, have none. */
const eventOf = ({ content }: RegistrationStep): unknown =>
  content.data.event ?? (content.data.original as { code?: string } | undefined)?.code;

describe('planRegistration', () => {
  it('issues a title at the first registration and transfers it at each change of holder', () => {
    const planned = plan(
      '2001-02-01 IMMAT_NORMALE',
      '2004-05-01 DECLARATION_CESSION',
      '2004-05-09 CHANG_TIT_NORMAL',
    );
    expect(told(planned)).to.deep.equal([
      'vehicle.registered',
      'title.issued',
      'DECLARATION_CESSION',
      'title.transferred',
    ]);
    expect(acts(planned)).to.deep.equal([
      { kind: 'title.issued', holder: 1 },
      { kind: 'title.transferred', holder: 2 },
    ]);
    expect(planned.contradictions).to.deep.equal([]);
  });

  it('keeps the register’s own codes and times in what it hands to titles', () => {
    const [, issued] = plan('2001-02-01 IMMAT_NORMALE').steps;
    expect(issued?.content).to.deep.include({ kind: 'title.issued', time: '2001-02-01' });
    expect(issued?.content.data).to.deep.include({
      market: 'FR',
      reason: 'firstRegistration',
      original: { system: 'FR-SIV', code: 'IMMAT_NORMALE' },
      statedAt: '2001-02-01T10:00:00Z',
    });
  });

  it('issues a title by the vehicle’s own record where the file begins in the middle, or holds no event', () => {
    expect(told(plan())).to.deep.equal(['vehicle.registered', 'title.issued']);
    const planned = plan('2004-05-09 CHANG_TIT_NORMAL');
    expect(told(planned)).to.deep.equal(['vehicle.registered', 'title.issued', 'title.transferred']);
    expect(planned.steps[1]?.content.time).to.equal('2001-02-01');
  });

  describe('liens', () => {
    it('last five years to the end of the day, and lapse by an action of their own', () => {
      const planned = plan('2003-03-04 INSCRIPTION_GAGE', '2009-01-01 CHANG_TIT_NORMAL');
      expect(acts(planned)).to.deep.equal([
        { kind: 'title.issued', holder: 1 },
        { kind: 'title.lienPlaced', rank: 1, expires: '2008-03-04' },
        { kind: 'title.lienReleased', lien: 1 },
        { kind: 'title.transferred', holder: 2 },
      ]);
      expect(planned.steps[3]?.content.time).to.equal('2008-03-04');
      expect(planned.contradictions).to.deep.equal([]);
    });

    it('stay open where the five years are not over at the import', () => {
      const planned = plan('2024-02-29 INSCRIPTION_GAGE');
      expect(acts(planned).at(-1)).to.deep.equal({
        kind: 'title.lienPlaced',
        rank: 1,
        expires: '2029-02-28',
      });
      expect(planned.title.liens).to.have.length(1);
    });

    it('are renewed and released oldest first, each under a rank of its own', () => {
      const planned = plan(
        '2003-03-04 INSCRIPTION_GAGE',
        '2004-03-04 INSCRIPTION_GAGE',
        '2005-01-01 PROROG_GAGE',
        '2006-01-01 RADIATION_GAGE',
        '2007-01-01 RADIATION_GAGE',
      );
      expect(acts(planned).slice(1)).to.deep.equal([
        { kind: 'title.lienPlaced', rank: 1, expires: '2008-03-04' },
        { kind: 'title.lienPlaced', rank: 2, expires: '2009-03-04' },
        { kind: 'title.lienRenewed', lien: 1, expires: '2013-03-04' },
        { kind: 'title.lienReleased', lien: 1 },
        { kind: 'title.lienReleased', lien: 2 },
      ]);
    });

    it('may be released on their last day, not after', () => {
      expect(plan('2003-03-04 INSCRIPTION_GAGE', '2008-03-04 RADIATION_GAGE').contradictions).to.deep.equal(
        [],
      );
      const late = plan('2003-03-04 INSCRIPTION_GAGE', '2008-03-05 RADIATION_GAGE');
      expect(late.contradictions.map(({ code }) => code)).to.deep.equal(['title.noSuchLien']);
    });
  });

  describe('records as evidence that says so, and goes on after', () => {
    const contradicting: readonly [string, string[], string[]][] = [
      [
        'a sale under a lien',
        ['2003-03-04 INSCRIPTION_GAGE', '2004-01-01 CHANG_TIT_NORMAL', '2009-01-01 CHANG_TIT_NORMAL'],
        ['CHANG_TIT_NORMAL title.lienOpen'],
      ],
      [
        'a declared sale under a lien',
        ['2003-03-04 INSCRIPTION_GAGE', '2004-01-01 DECLARATION_CESSION', '2004-01-02 DECLARATION_ACHAT'],
        ['DECLARATION_CESSION title.lienOpen', 'DECLARATION_ACHAT title.lienOpen'],
      ],
      ['a release without a lien', ['2004-01-01 RADIATION_GAGE'], ['RADIATION_GAGE title.noSuchLien']],
      ['a renewal without a lien', ['2004-01-01 PROROG_GAGE'], ['PROROG_GAGE title.noSuchLien']],
      [
        'an export under a lien',
        ['2003-03-04 INSCRIPTION_GAGE', '2004-01-01 SORTIE_TERRITOIRE'],
        ['SORTIE_TERRITOIRE title.lienOpen'],
      ],
      [
        'a sale of what was exported',
        ['2003-03-04 SORTIE_TERRITOIRE', '2004-01-01 CHANG_TIT_NORMAL'],
        ['CHANG_TIT_NORMAL title.wrongState'],
      ],
      [
        'a second first registration',
        ['2001-02-01 IMMAT_NORMALE', '2004-01-01 IMMAT_NORMALE_PREM_VO'],
        ['IMMAT_NORMALE_PREM_VO title.wrongState'],
      ],
      [
        'a sale under an opposition',
        ['2003-03-04 INSCRIRE_OTCI', '2004-01-01 CHANG_TIT_NORMAL'],
        ['CHANG_TIT_NORMAL registration.underOpposition'],
      ],
      [
        'a sale under a seizure',
        [
          '2003-03-04 INSCRIRE_DVS',
          '2004-01-01 DECLARATION_ACHAT',
          '2004-01-02 LEVER_DVS',
          '2004-01-03 CHANG_TIT_NORMAL',
        ],
        ['DECLARATION_ACHAT registration.underSeizure'],
      ],
      [
        'a sale before the second expert report',
        [
          '2012-03-04 INSCRIRE_OVE',
          '2012-04-01 PREM_RAP_VE',
          '2012-05-01 CHANG_TIT_NORMAL',
          '2012-06-01 SEC_RAP_VE',
          '2012-07-01 CHANG_TIT_NORMAL',
        ],
        ['CHANG_TIT_NORMAL registration.underProcedure'],
      ],
      [
        'what is lifted and was never entered',
        ['2004-01-01 LEVER_OTCI', '2004-01-02 LEVER_DVS', '2004-01-03 RENOUV_DVS', '2004-01-04 LEVER_OVE'],
        ['LEVER_OTCI', 'LEVER_DVS', 'RENOUV_DVS', 'LEVER_OVE'].map(
          (event) => `${event} registration.neverEntered`,
        ),
      ],
    ];
    for (const [what, events, expected] of contradicting) {
      it(what, () => {
        const planned = plan(...events);
        expect(planned.contradictions.map(({ event, code }) => `${event} ${code}`)).to.deep.equal(expected);
        const flagged = told(planned).filter((text) => text.includes('!'));
        expect(flagged).to.deep.equal(expected.map((text) => text.replace(' ', ' !')));
      });
    }
  });

  it('issues a title anew when an exported vehicle comes back', () => {
    expect(told(plan('2003-03-04 SORTIE_TERRITOIRE', '2005-01-01 REIMMAT_ETRANGER')).slice(1)).to.deep.equal([
      'title.issued',
      'title.exported',
      'title.issued',
    ]);
  });

  it('brands nothing: no code of D20 says what the procedure for a damaged vehicle says', () => {
    const planned = plan(
      '2012-03-04 DEC_VE',
      '2012-03-05 INSCRIRE_OVE',
      '2012-04-01 PREM_RAP_VE',
      '2012-06-01 SEC_RAP_VE',
    );
    expect(acts(planned)).to.have.length(1);
    expect(planned.title.brands).to.deep.equal([]);
  });

  it('leaves nothing out, and what it asks of titles they execute at the import (any history)', () => {
    const history = fc.array(
      fc.record({
        type: fc.constantFrom(...histovecEventTypes),
        day: fc.integer({ min: -9000, max: 20_700 }),
      }),
      { maxLength: 25 },
    );
    fc.assert(
      fc.property(history, (events) => {
        const mapped = mapHistovecRow({
          id: 'FR900001',
          attributes: { date_premiere_immat: '01/02/1980' },
          events: events.map(({ type, day }) => ({ type, date: new Date(day * 86_400_000).toISOString() })),
        });
        const planned = planRegistration(mapped, NOW);
        const stated = planned.steps.flatMap((step) => {
          const event = eventOf(step);
          return event === undefined ? [] : [[event, step.content.time]];
        });
        expect(stated).to.deep.equal(mapped.contents.slice(1).map(({ data, time }) => [data.event, time]));
        for (const { content } of planned.steps)
          validateData(content.kind, content.kindVersion, content.data);
        const unstated = planned.steps.filter((step) => eventOf(step) === undefined);
        expect(unstated.filter(({ via }) => via === 'evidence')).to.have.length(1);
        const title = onChain(planned);
        expect(title.state).to.equal(planned.title.state);
        expect(title.tenure).to.equal(planned.title.tenure);
        expect(title.liens.map(({ number, rank }) => [number, rank])).to.deep.equal(
          planned.title.liens.map(({ number, rank }) => [number, rank]),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('divides the published histories without leaving anything out', function () {
    const file = sharedFile('histovec-registrations.ndjson.gz');
    if (file === null) return this.skip();
    const counts: Record<string, number> = {};
    const add = (name: string): void => {
      counts[name] = (counts[name] ?? 0) + 1;
    };
    for (const line of gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n')) {
      const planned = planRegistration(mapHistovecRow(JSON.parse(line)), NOW);
      expect(onChain(planned).state).to.equal(planned.title.state);
      for (const step of planned.steps) {
        add(step.via === 'title' ? step.act.kind : 'evidence');
        if (eventOf(step) !== undefined) add(`event by ${step.via}`);
      }
      for (const { code } of planned.contradictions) add(code);
    }
    expect(counts).to.deep.equal({
      'event by title': 4342,
      'event by evidence': 2850,
      // And what the register says of each vehicle.
      evidence: 5381,
      'title.issued': 2531,
      'title.transferred': 2636,
      'title.lienPlaced': 140,
      'title.lienRenewed': 1,
      // 11 of them by an event; the others lapsed.
      'title.lienReleased': 140,
      'title.exported': 3,
      'title.lienOpen': 111,
      'title.noSuchLien': 27,
      'title.wrongState': 11,
      'registration.neverEntered': 11,
      'registration.underOpposition': 3,
      'registration.underProcedure': 3,
    });
  });
});

const REGISTRAR = 1n as OrganisationId;

/** Executes a plan's actions all at once, as an import does, with liens that end no earlier than in a week. */
function onChain(planned: RegistrationPlan): Title {
  const horizon = NOW + 7n * 86_400n;
  let title = NO_TITLE;
  for (const act of acts(planned)) {
    const action: TitleAction = {
      kind: titleKinds[act.kind],
      subject: `0x${'11'.repeat(32)}` as Subject,
      revision: title.revision,
      deadline: NOW,
      organisation: REGISTRAR,
      party: `0x${('holder' in act ? act.holder : 0).toString(16).padStart(40, '0')}` as Address,
      until: untilOf(act, title.revision, horizon),
      detail: detailOf(act),
      digest: `0x${'22'.repeat(32)}` as Digest,
    };
    title = applyTitleAction(title, action, `0x${'ff'.repeat(20)}` as Address, NOW);
  }
  return title;
}
