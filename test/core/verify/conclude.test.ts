import { expect } from 'chai';
import { toBase64Url } from '../../../core/bytes.ts';
import type { OrganisationId } from '../../../core/chain/types.ts';
import { secureRandom } from '../../../core/envelope/block.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { kinds } from '../../../core/kinds/kinds.ts';
import { readReport } from '../../../core/report/report.ts';
import { buildTree } from '../../../core/tree/tree.ts';
import type { Verification } from '../../../core/verify/result.ts';
import { verify } from '../../../core/verify/verify.ts';
import { expectCode } from '../../expectCode.ts';
import { twoLedgers } from './twoLedgers.ts';
import { CAR, sampleWorld } from './world.ts';

const problems = (result: Verification): string[] =>
  result.steps.flatMap(({ checks }) => checks.flatMap((one) => (one.outcome === 'passed' ? [] : [one.code])));

const ownChain = (organisation: string) => ({ organisation, links: [] });

describe('conclude', () => {
  it('asks for the maker’s own chain in each ledger where the maker can write', async () => {
    const { report, judge } = twoLedgers('shared');
    const told = report();
    told.ledgers[1]?.ownChains.push(ownChain('1'));
    const honest = await judge(told);
    expect(honest.verdict).to.equal('verified');
    expect(honest.findings.map(({ code }) => code)).to.include('recall.open');

    told.ledgers[0]?.ownChains.splice(0);
    const hidden = await judge(told);
    expect(hidden.verdict).to.equal('incomplete');
    expect(problems(hidden)).to.deep.equal(['ownChain.leftOut']);

    const leftOut = await judge(report());
    expect(problems(leftOut)).to.deep.equal(['ownChain.leftOut']);
  });

  it('asks for none where another organisation has the maker’s number, and believes nothing of its campaigns', async () => {
    const { first, second, report, judge } = twoLedgers('separate');
    second.admit(1n, 'Somebody Else', 'manufacturer');
    second.record(1n as OrganisationId, 'own', {
      kind: 'recall.closed',
      time: '2023-11-02',
      data: { campaign: 'R-2023-001', reason: 'withdrawn' },
    });
    const told = report();
    expect((await judge(told)).verdict).to.equal('verified');

    const links = second.chains.get('own:1') ?? [];
    told.ledgers[1]?.ownChains.push({
      organisation: '1',
      links: links.map((link) => ({
        kind: link.kind,
        organisation: '1',
        timestamp: Number(link.timestamp),
        digest: link.digest,
      })),
    });
    told.ledgers[1]?.organisations.push(second.organisation('1'));
    Object.assign(told.contents, second.contents);
    const result = await judge(told);
    expect(result.verdict).to.equal('verified');
    expect(result.findings.map(({ code }) => code)).to.include('recall.open');
    expect(first.maker).to.equal(1n);
  });

  it('lets nobody correct an entry because it has the attester’s number in another register', async () => {
    const { first, second, report, judge } = twoLedgers('separate');
    const other = second.admit(2n, 'Somebody Else', 'workshop');
    const [, original] = first.world.chains.get(first.world.subjectOf(first.car)) ?? [];
    second.record(other, first.car, {
      kind: 'amended',
      time: '2023-11-03',
      data: {
        supersedes: original?.digest ?? '',
        kind: 'odometer',
        kindVersion: 1,
        reason: 'other',
        retracted: true,
      },
    });
    const result = await judge(report());
    expect(result.verdict).to.equal('verified');
    expect(result.findings.map(({ code }) => code)).to.include('entry.amendmentIgnored');
    expect(result.summary?.odometer.readings).to.have.length(3);
  });

  describe('of a corrected campaign', () => {
    const corrected = (data: Record<string, unknown>) => {
      const sample = sampleWorld();
      const { world, maker, recall, other } = sample;
      const report = world.report(CAR);
      const opened = recall.digest;
      const treeKey = secureRandom(32);
      const tree = buildTree(treeKey, [other]);
      const body = {
        campaign: 'R-2023-001',
        title: { en: 'Brake hose' },
        component: 'brakes',
        remedy: { en: 'Replace it' },
        severity: 'safety',
        affectedRoot: tree.root,
        affectedCount: 1,
        treeKey: toBase64Url(treeKey),
        ...data,
      };
      const link = world.record(maker, 'own', {
        kind: 'amended',
        time: '2023-11-03',
        data: { supersedes: opened, kind: 'recall.opened', kindVersion: 1, reason: 'incomplete', data: body },
      });
      return { ...sample, report, link, tree };
    };

    it('takes the corrected set, by a proof of its own', async () => {
      const { world, link, tree } = corrected({});
      const report = world.report(CAR);
      Object.assign(report.contents[link.digest] ?? {}, { setProof: tree.prove(parseIdentifier(CAR)) });
      const result = await verify(report, world.trust, world.view);
      expect(result.verdict).to.equal('verified');
      expect(result.summary?.recalls.campaigns.map(({ state }) => state)).to.deep.equal(['notAffected']);
    });

    it('never answers by the set before the correction', async () => {
      const { world } = corrected({});
      const result = await verify(world.report(CAR), world.trust, world.view);
      expect(result.verdict).to.equal('incomplete');
      expect(problems(result)).to.deep.equal(['recall.proofMissing']);
      expect(result.summary?.recalls.campaigns.map(({ state }) => state)).to.deep.equal(['unknown']);
    });

    it('needs no second proof where the set stayed the same', async () => {
      const { world, maker, recall } = sampleWorld();
      const content = world.report(CAR).contents[recall.digest];
      expect(content).to.have.property('setProof');
      const [opened] = (await verify(world.report(CAR), world.trust, world.view)).entries.filter(
        ({ link }) => link.digest === recall.digest,
      );
      world.record(maker, 'own', {
        kind: 'amended',
        time: '2023-11-03',
        data: {
          supersedes: recall.digest,
          kind: 'recall.opened',
          kindVersion: 1,
          reason: 'typo',
          data: { ...opened?.envelope?.data, title: { en: 'Brake hoses' } } as never,
        },
      });
      const result = await verify(world.report(CAR), world.trust, world.view);
      expect(result.verdict).to.equal('verified');
      expect(result.summary?.recalls.campaigns.map(({ state }) => state)).to.deep.equal(['open']);
    });
  });

  it('hands out the entries as they count: corrected, without what was retracted or is sealed', async () => {
    const { world, car } = sampleWorld();
    const workshop = 2n as OrganisationId;
    const read = (value: number, time: string, sealed = false) => {
      const odometer = { value, unit: 'KMT', source: 'workshop' };
      const content = sealed ? { data: {}, sealed: { odometer } } : { data: { odometer } };
      return world.record(workshop, car, { kind: 'odometer', time, ...content } as never);
    };
    const amend = (digest: string, said: object) =>
      world.record(workshop, car, {
        kind: 'amended',
        time: '2023-11-09',
        data: { supersedes: digest, kind: 'odometer', kindVersion: 1, reason: 'typo', ...said },
      } as never);
    const [corrected, retracted] = [read(90_000, '2023-11-05'), read(91_000, '2023-11-06')];
    const hidden = read(92_000, '2023-11-07', true);
    const right = { odometer: { value: 80_000, unit: 'KMT', source: 'workshop' } };
    const correction = amend(corrected.digest, { data: right });
    amend(retracted.digest, { retracted: true });

    const report = world.report(CAR);
    const content = report.contents[hidden.digest];
    const opened = await verify(report, world.trust, world.view);
    if (content !== undefined && 'disclosures' in content) Object.assign(content, { disclosures: [] });
    const { effective, unreadable } = await verify(report, world.trust, world.view);
    const of = (digest: string) => effective.filter((entry) => entry.digest === digest);
    expect(of(corrected.digest)).to.have.length(1);
    expect(of(corrected.digest)[0]).to.include({ amendedBy: correction.digest, organisation: '2' });
    expect(of(corrected.digest)[0]?.data).to.deep.equal(right);
    expect(of(corrected.digest)[0]?.ledger).to.equal(report.ledgers[0]?.ledger);
    expect([...of(retracted.digest), ...of(correction.digest), ...of(hidden.digest)]).to.have.length(0);
    expect(unreadable.map(({ digest, missing }) => ({ digest, missing }))).to.deep.equal([
      { digest: hidden.digest, missing: ['odometer'] },
    ]);
    expect(opened.verdict).to.equal('verified');
  });

  describe('of a serial, in a batch', () => {
    const batch = parseIdentifier('batch:safir.example:B-1');
    const serial = 'serial:safir.example:AB-1';
    const judge = async (given: object, sealed: object, open: boolean) => {
      const { world, maker } = sampleWorld();
      const content = { kind: 'batch.produced', time: '2023-11-01', data: given, sealed };
      const link = world.record(maker, batch, content as never);
      const report = { ...world.report('batch:safir.example:B-1'), member: serial };
      const shown = report.contents[link.digest];
      if (shown !== undefined && 'disclosures' in shown && !open) Object.assign(shown, { disclosures: [] });
      return verify(readReport(report), world.trust, world.view);
    };
    const treeKey = secureRandom(32);
    const tree = buildTree(treeKey, [parseIdentifier('serial:safir.example:AB-2')]);
    const serials = { serialsRoot: tree.root, count: 1, treeKey: toBase64Url(treeKey) };
    const { serials: _, ...made } = kinds['batch.produced'].example.data as Record<string, unknown>;

    it('says that nobody can tell where a closed seal may be the list', async () => {
      const result = await judge(made, { serials }, false);
      expect(result.verdict).to.equal('incomplete');
      expect(problems(result)).to.deep.equal(['batch.sealed']);
      expect(result.findings.map(({ code }) => code)).to.include('batch.unproven');
    });

    it('asks for the proof as soon as the list is open', async () => {
      for (const [data, sealed] of [
        [made, { serials }],
        [{ ...made, serials }, {}],
      ] as const) {
        expect(problems(await judge(data, sealed, true))).to.deep.equal(['batch.proofMissing']);
      }
    });

    it('says nothing of a batch that names no serials and hides nothing', async () => {
      expect((await judge(made, {}, true)).verdict).to.equal('verified');
      expect((await judge(made, { orderNumber: 'O-1' }, true)).verdict).to.equal('verified');
    });
  });

  it('survives a file made at the end of time', async () => {
    const { world } = sampleWorld();
    const report = { ...world.report(CAR), createdAt: Number.MAX_SAFE_INTEGER };
    expect((await verify(report, world.trust, async () => null)).verdict).to.equal('incomplete');
  });
});

describe('judgeEntry', () => {
  it('takes a key of another length for one withheld, never for the attester’s fault', async () => {
    const { world } = sampleWorld();
    for (const key of ['', 'AA', toBase64Url(secureRandom(31)), toBase64Url(secureRandom(33))]) {
      const report = world.report(CAR);
      const [link] = report.ledgers[0]?.links ?? [];
      Object.assign(report.contents[link?.digest ?? ''] ?? {}, { key });
      const result = await verify(report, world.trust, world.view);
      expect(result.verdict).to.equal('incomplete');
      expect(result.entries[0]).to.include({ status: 'withheld', code: 'block.wrongKey' });
    }
  });
});

describe('readReport', () => {
  it('refuses a number that no chain could hold', () => {
    const report = sampleWorld().world.report(CAR);
    Object.assign(report.ledgers[0]?.links[0] ?? {}, { organisation: '9'.repeat(78) });
    return expectCode('report.malformed', () => readReport(report));
  });
});
