import { expect } from 'chai';
import fc from 'fast-check';
import type { Json } from '../../../core/canonical.ts';
import { addressOfKey } from '../../../core/chain/submission.ts';
import type { Digest } from '../../../core/chain/types.ts';
import { openDisclosure } from '../../../core/envelope/disclosure.ts';
import type { Content } from '../../../core/envelope/envelope.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import type { Kind } from '../../../core/kinds/kind.ts';
import { kinds } from '../../../core/kinds/kinds.ts';
import { type Erasure, type ErasureReceipt, signErasure } from '../../../core/privacy/erasure.ts';
import { type OpenContent, type Report, readReport } from '../../../core/report/report.ts';
import type { Verification } from '../../../core/verify/result.ts';
import { verify } from '../../../core/verify/verify.ts';
import { expectCode } from '../../expectCode.ts';
import { CAR, OTHER_CAR, reading, sampleWorld, type World } from './world.ts';

const operatorKey = new Uint8Array(32).fill(7);
const operator = addressOfKey(operatorKey);

const check = (world: World, report: Report): Promise<Verification> =>
  verify(readReport(report), world.trust, world.view);

function failures(result: Verification): string[] {
  return result.steps.flatMap(({ step, checks }) =>
    checks.flatMap((one) => (one.outcome === 'passed' ? [] : [`${step} ${one.code}`])),
  );
}

function contentOf(report: Report, digest: string): OpenContent {
  const content = report.contents[digest];
  if (content === undefined || !('block' in content)) throw new Error('no such content');
  return content;
}

const found = (result: Verification, code: string) => result.findings.filter((one) => one.code === code);

describe('verify, of what is private', () => {
  const accident: Content = {
    kind: 'accident',
    time: '2022-09-01',
    data: { severity: 'severe', areas: ['front'] },
    sealed: { location: 'Lyon', note: 'night' },
  };

  function crashed(content: Content = accident) {
    const sample = sampleWorld();
    const { world, workshop, car } = sample;
    const link = world.record(workshop, car, content);
    return { ...sample, ledger: { chainId: world.chainId, address: world.ledger }, digest: link.digest };
  }

  describe('an erased entry', () => {
    const { world, ledger, digest } = crashed();
    const receiptOf = (change: Partial<Erasure> = {}, key = operatorKey, on = ledger): ErasureReceipt =>
      signErasure(on, { digest, what: 'entry', basis: 'request', erasedAt: 1_700_009_000n, ...change }, key);
    const erasedBy = (receipt: ErasureReceipt): Report => {
      const report = world.report(CAR);
      report.contents[digest] = { erased: receipt };
      return report;
    };

    it('is shown as such, and everything else is still verified', async () => {
      const before = await check(world, world.report(CAR));
      expect(found(before, 'damage.accident')).to.have.length(1);
      const result = await check(world, erasedBy(receiptOf()));
      expect(result.verdict).to.equal('verified');
      expect(failures(result)).to.deep.equal([]);
      const [entry] = result.entries.filter(({ status }) => status === 'erased');
      expect(entry?.link.digest).to.equal(digest);
      expect(entry?.code).to.equal('entry.erased');
      expect(entry).not.to.have.property('envelope');
      expect(entry?.erasure).to.deep.equal(receiptOf());
      expect(entry?.sealed).to.deep.equal({});
      expect(entry?.seals).to.deep.equal({ digests: 0, opened: 0 });
      expect(result.entries.filter(({ status }) => status === 'proven')).to.have.length(5);
    });

    it('counts for nothing and is named, with kind, attester, eraser and basis: who erases an accident is seen', async () => {
      const result = await check(world, erasedBy(receiptOf()));
      expect(found(result, 'damage.accident')).to.deep.equal([]);
      expect(result.summary?.accidents).to.equal(0);
      expect(found(result, 'entry.erased')).to.deep.equal([
        {
          code: 'entry.erased',
          severity: 'warning',
          entries: [digest],
          details: {
            count: 1,
            kinds: ['accident'],
            named: [
              {
                digest,
                kind: 'accident',
                organisation: '2',
                operator,
                basis: 'request',
                erasedAt: 1_700_009_000,
              },
            ],
          },
        },
      ]);
    });

    it('warns of what somebody might want gone, and notes the rest apart', async () => {
      const sample = crashed({
        kind: 'service',
        time: '2022-09-01',
        data: { type: 'scheduled', items: ['engineOil'] },
      });
      const report = sample.world.report(CAR);
      for (const { digest: each } of report.ledgers[0]?.links ?? []) {
        const erasure: Erasure = { digest: each as Digest, what: 'entry', basis: 'retention', erasedAt: 5n };
        report.contents[each] = { erased: signErasure(sample.ledger, erasure, operatorKey) };
      }
      const result = await check(sample.world, report);
      expect(
        found(result, 'entry.erased').map(({ severity, details }) => [severity, details.kinds]),
      ).to.deep.equal([
        ['warning', ['odometer', 'service']],
        ['notice', ['vehicle.built']],
      ]);
      // The maker is known from the link alone: erasing what it built does not free the report from its campaigns.
      expect(result.summary?.recalls.attesters).to.deep.equal(['1']);
      report.ledgers[0]?.ownChains.splice(0);
      expect(failures(await check(sample.world, report))).to.deep.equal(['findings ownChain.leftOut']);
    });

    for (const [lie, receipt] of [
      ['a receipt of another entry', () => receiptOf({ digest: `0x${'66'.repeat(32)}` as Digest })],
      [
        'another entry’s receipt renamed',
        () => ({ ...receiptOf({ digest: `0x${'66'.repeat(32)}` as Digest }), digest }),
      ],
      ['a receipt of another ledger', () => receiptOf({}, operatorKey, { ...ledger, chainId: 1n })],
      [
        'a receipt in another operator’s name',
        () => ({ ...receiptOf({}, new Uint8Array(32).fill(8)), operator }),
      ],
      ['a receipt of one field for the whole', () => receiptOf({ what: 'field:note' })],
      ['a receipt of a document for the whole', () => receiptOf({ what: `document:b${'a'.repeat(58)}` })],
      ['a receipt dated anew', () => ({ ...receiptOf(), erasedAt: 5 })],
      ['a receipt on another basis', () => ({ ...receiptOf(), basis: 'legalDuty' as const })],
      ['no signature', () => ({ ...receiptOf(), signature: `0x${'00'.repeat(65)}` })],
    ] as const) {
      it(`is withheld, and the report incomplete, with ${lie}`, async () => {
        const result = await check(world, erasedBy(receipt()));
        expect(result.verdict).to.equal('incomplete');
        expect(failures(result)).to.deep.equal(['entries erasure.receipt']);
        expect(result.entries.find(({ link }) => link.digest === digest)?.status).to.equal('withheld');
      });
    }

    it('hides nothing of the chain: leaving the erased link out is refuted', async () => {
      const report = erasedBy(receiptOf());
      report.ledgers[0]?.links.pop();
      expect((await check(world, report)).verdict).to.equal('refuted');
    });

    it('is read strictly: a receipt with a further member, or beside a block, makes no report', async () => {
      const report = world.report(CAR);
      const given = contentOf(report, digest);
      for (const content of [
        { erased: { ...receiptOf(), more: 1 } },
        { erased: receiptOf(), withheld: 'x' },
        { ...given, erased: receiptOf() },
        { erased: null },
      ]) {
        await expectCode('report.malformed', () =>
          readReport({ ...report, contents: { ...report.contents, [digest]: content } }),
        );
      }
    });
  });

  describe('erased parts of an entry', () => {
    const { world, ledger, digest } = crashed();
    const partly = (...receipts: readonly ErasureReceipt[]): Report => {
      const report = world.report(CAR);
      const content = contentOf(report, digest);
      content.erasures = [...receipts];
      content.disclosures = content.disclosures.filter((text) => openDisclosure(text).name !== 'location');
      return report;
    };
    const receiptOf = (what: Erasure['what'], of: Digest = digest): ErasureReceipt =>
      signErasure(ledger, { digest: of, what, basis: 'objection', erasedAt: 5n }, operatorKey);

    it('are stated beside what is still there', async () => {
      const receipt = receiptOf('field:location');
      const result = await check(world, partly(receipt));
      expect(result.verdict).to.equal('verified');
      const entry = result.entries.find(({ link }) => link.digest === digest);
      expect(entry?.status).to.equal('proven');
      expect(entry?.sealed).to.deep.equal({ note: 'night' });
      expect(entry?.seals).to.deep.equal({ digests: 2, opened: 1 });
      expect(entry?.erasures).to.deep.equal([receipt]);
      expect(found(result, 'damage.accident')).to.have.length(1);
    });

    for (const [lie, receipt] of [
      ['of another entry', receiptOf('field:location', `0x${'66'.repeat(32)}` as Digest)],
      ['of the whole entry, which is there', receiptOf('entry')],
      ['of a field that the same content opens', receiptOf('field:note')],
      ['by another', { ...receiptOf('field:location'), operator: addressOfKey(new Uint8Array(32).fill(8)) }],
    ] as const) {
      it(`are disregarded ${lie}, and the report is incomplete`, async () => {
        const result = await check(world, partly(receipt));
        expect(result.verdict).to.equal('incomplete');
        expect(failures(result)).to.deep.equal(['disclosures erasure.receipt']);
        const entry = result.entries.find(({ link }) => link.digest === digest);
        expect(entry).not.to.have.property('erasures');
        expect(entry?.status).to.equal('proven');
      });
    }
  });

  describe('an entry whose demanded fields are sealed', () => {
    const sealed: Content = { ...accident, data: {}, sealed: { ...accident.sealed, ...accident.data } };
    const { world, digest } = crashed(sealed);
    const closed = (): Report => {
      const report = world.report(CAR);
      contentOf(report, digest).disclosures = [];
      return report;
    };

    it('is proven, counts for nothing while it is closed, and is named with kind and attester', async () => {
      const result = await check(world, closed());
      expect(result.verdict).to.equal('verified');
      const entry = result.entries.find(({ link }) => link.digest === digest);
      expect(entry).to.deep.include({ status: 'proven', sealed: {}, seals: { digests: 4, opened: 0 } });
      expect(found(result, 'damage.accident')).to.deep.equal([]);
      expect(found(result, 'entry.sealed')).to.deep.equal([
        {
          code: 'entry.sealed',
          severity: 'notice',
          entries: [digest],
          details: {
            count: 1,
            kinds: ['accident'],
            named: [{ digest, kind: 'accident', organisation: '2', missing: ['severity'] }],
          },
        },
      ]);
    });

    it('counts as if nothing had been sealed once it is open', async () => {
      const result = await check(world, world.report(CAR));
      const plain = crashed();
      const expected = await check(plain.world, plain.world.report(CAR));
      expect(found(result, 'entry.sealed')).to.deep.equal([]);
      const severities = (one: Verification) => one.findings.map(({ code, severity }) => [code, severity]);
      expect(severities(result)).to.deep.equal(severities(expected));
      const entry = result.entries.find(({ link }) => link.digest === digest);
      expect(entry?.seals).to.deep.equal({ digests: 4, opened: 4 });
      expect(entry?.sealed).to.include({ severity: 'severe', location: 'Lyon' });
    });

    it('is refuted with a disclosure of another value', async () => {
      const report = closed();
      const other = crashed({ ...sealed, sealed: { severity: 'minor' } });
      contentOf(report, digest).disclosures = [
        ...contentOf(other.world.report(CAR), other.digest).disclosures,
      ];
      const result = await check(world, report);
      expect(result.verdict).to.equal('refuted');
      expect(failures(result)).to.deep.equal(['disclosures disclosure.unknown']);
      expect(found(result, 'entry.sealed')).to.have.length(1);
    });

    it('is corrected by an amendment that is open, and corrects nothing by one that is closed', async () => {
      const sample = crashed(sealed);
      const amendment = (data: Record<string, Json>, hidden?: Record<string, Json>): Content => ({
        kind: 'amended',
        time: '2022-10-01',
        data: { supersedes: sample.digest, kind: 'accident', kindVersion: 1, reason: 'other', ...data },
        ...(hidden === undefined ? {} : { sealed: hidden }),
      });
      const without = (...digests: readonly string[]): Report => {
        const report = sample.world.report(CAR);
        for (const one of digests) contentOf(report, one).disclosures = [];
        return report;
      };
      const correction = { data: { severity: 'minor' } };
      const hidden = sample.world.record(sample.workshop, sample.car, amendment({}, correction)).digest;
      const nothing = await check(sample.world, without(sample.digest, hidden));
      expect(nothing.verdict).to.equal('verified');
      expect(found(nothing, 'entry.sealed')[0]?.entries).to.deep.equal([sample.digest, hidden]);
      expect(found(nothing, 'entry.amended')).to.deep.equal([]);

      const opened = await check(sample.world, without(sample.digest));
      expect(found(opened, 'entry.amended')).to.have.length(1);
      expect(found(opened, 'damage.accident')[0]?.details).to.include({ severity: 'minor' });

      sample.world.record(sample.workshop, sample.car, amendment(correction));
      const corrected = await check(sample.world, without(sample.digest, hidden));
      expect(found(corrected, 'damage.accident')[0]?.details).to.include({ severity: 'minor' });
      expect(found(corrected, 'entry.sealed')[0]?.entries).to.deep.equal([sample.digest, hidden]);
    });

    it('leads from a correction to what it corrects, though its own correction is sealed', async () => {
      const sample = crashed();
      const amend = (supersedes: string, more: Partial<Content>): string => {
        const data = { supersedes, kind: 'accident', kindVersion: 1, reason: 'typo', ...more.data };
        const amendment = { kind: 'amended', time: '2022-10-01', ...more, data };
        return sample.world.record(sample.workshop, sample.car, amendment).digest;
      };
      const middle = amend(sample.digest, { sealed: { data: { severity: 'moderate' } } });
      amend(middle, { data: { data: { severity: 'minor' } } });
      const report = sample.world.report(CAR);
      contentOf(report, middle).disclosures = [];
      const result = await check(sample.world, report);
      expect(found(result, 'entry.amendmentIgnored')).to.deep.equal([]);
      expect(found(result, 'damage.accident')[0]?.details).to.include({ severity: 'minor' });
    });

    it('never breaks a rule: any fields of any kinds, sealed and closed', async () => {
      const onVehicle: readonly Kind[] = Object.values(kinds).filter(
        ({ subjects, number }) => number >= 32 && (subjects as readonly string[]).includes('vehicle'),
      );
      const pick = fc.constantFrom(...onVehicle).chain((kind) =>
        fc.record({
          kind: fc.constant(kind),
          sealed: fc.subarray(Object.keys(kind.example.data as object)),
          open: fc.boolean(),
        }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(pick, { minLength: 1, maxLength: 8 }), async (picks) => {
          const sample = sampleWorld();
          const shut: string[] = [];
          for (const { kind, sealed: names, open } of picks) {
            const fields = Object.entries(kind.example.data as Record<string, Json>);
            const { digest: each } = sample.world.record(sample.maker, sample.car, {
              kind: kind.name,
              time: '2022-09-01',
              data: Object.fromEntries(fields.filter(([name]) => !names.includes(name))),
              sealed: Object.fromEntries(fields.filter(([name]) => names.includes(name))),
            });
            if (!open) shut.push(each);
          }
          const report = sample.world.report(CAR);
          for (const each of shut) contentOf(report, each).disclosures = [];
          const result = await check(sample.world, report);
          expect(result.entries.map(({ status }) => status)).to.deep.equal(
            result.entries.map(() => 'proven'),
          );
          expect(result.verdict).to.equal('verified');
          for (const { link, seals } of result.entries) {
            if (shut.includes(link.digest)) expect(seals.opened).to.equal(0);
            else expect(seals.opened).to.equal(seals.digests);
          }
        }),
        { numRuns: 40 },
      );
    });
  });

  describe('a recall whose set is sealed', () => {
    const set = ['affectedRoot', 'affectedCount', 'treeKey'];
    function recalled(names: readonly string[], kind: 'recall.opened' | 'recall.extended' = 'recall.opened') {
      const sample = sampleWorld();
      const fields = Object.entries(kinds[kind].example.data as Record<string, Json>);
      const { digest } = sample.world.record(sample.maker, 'own', {
        kind,
        time: '2023-10-01',
        data: Object.fromEntries(fields.filter(([name]) => !names.includes(name))),
        sealed: Object.fromEntries(fields.filter(([name]) => names.includes(name))),
      });
      const report = sample.world.report(OTHER_CAR);
      contentOf(report, digest).disclosures = [];
      return { ...sample, digest, report };
    }

    it('leaves it open whether the vehicle is affected, says so, and makes the report incomplete', async () => {
      const { world, report, digest } = recalled(set);
      const result = await check(world, report);
      expect(result.verdict).to.equal('incomplete');
      expect(failures(result)).to.deep.equal(['findings recall.sealed']);
      const campaign = result.summary?.recalls.campaigns.find(({ entries }) => entries.includes(digest));
      expect(campaign?.state).to.equal('unknown');
      expect(found(result, 'recall.unknown')[0]?.entries).to.deep.equal([digest]);
      expect(found(result, 'entry.sealed')[0]?.entries).to.deep.equal([digest]);
    });

    for (const name of ['affectedRoot', 'treeKey']) {
      it(`also with no more sealed than ${name}`, async () => {
        const { world, report } = recalled([name]);
        const result = await check(world, report);
        expect(failures(result)).to.deep.equal(['findings recall.sealed']);
        expect(found(result, 'recall.unknown')).to.have.length(1);
      });
    }

    it('with no more sealed than how many it lists, needs the proof like any other', async () => {
      const { world, report } = recalled(['affectedCount']);
      const result = await check(world, report);
      expect(failures(result)).to.deep.equal(['findings recall.proofMissing']);
      expect(found(result, 'recall.unknown')).to.have.length(1);
    });

    it('never passes for "not affected" by sealing what it is called, either', async () => {
      for (const names of [
        ['campaign'],
        ['title', 'severity'],
        Object.keys(kinds['recall.opened'].example.data),
      ]) {
        const { world, report, digest } = recalled(names);
        const result = await check(world, report);
        expect(result.verdict, names.join()).to.equal('incomplete');
        expect(found(result, 'entry.sealed')[0]?.entries).to.deep.equal([digest]);
      }
      const { world, report } = recalled(
        Object.keys(kinds['recall.extended'].example.data),
        'recall.extended',
      );
      expect((await check(world, report)).verdict).to.equal('incomplete');
    });

    it('nor by an amendment that seals what it amends', async () => {
      const { world, maker, recall } = sampleWorld();
      world.record(maker, 'own', {
        kind: 'amended',
        time: '2023-10-01',
        data: { supersedes: recall.digest, kind: 'recall.opened', kindVersion: 1, reason: 'other' },
        sealed: { retracted: true },
      });
      const report = world.report(CAR);
      for (const content of Object.values(report.contents)) {
        if ('block' in content) content.disclosures = [];
      }
      const result = await check(world, report);
      expect(result.verdict).to.equal('incomplete');
      expect(failures(result)).to.deep.equal(['findings recall.sealed']);
      expect(found(result, 'recall.open')).to.have.length(1);
    });
  });

  it('says of an open entry too how much of it is sealed', async () => {
    const { world, workshop } = sampleWorld();
    world.record(workshop, parseIdentifier(CAR), reading('2023-04-01', 50_000, 'workshop', 'a secret'));
    const report = world.report(CAR);
    const digest = report.ledgers[0]?.links.at(-1)?.digest ?? '';
    contentOf(report, digest).disclosures = [];
    const entry = (await check(world, report)).entries.find(({ link }) => link.digest === digest);
    expect(entry?.seals).to.deep.equal({ digests: 1, opened: 0 });
    expect(JSON.stringify(report)).not.to.include('a secret');
  });
});
