import { expect } from 'chai';
import type { Verification } from '../../../core/verify/result.ts';
import { type Circumstances, judge } from '../../../web/model/judgement.ts';

const NOW = 1_800_000_000;

function verification(verdict: Verification['verdict'], given: { age?: number; final?: boolean } = {}) {
  const block = {
    number: 5n,
    hash: `0x${'b1'.repeat(32)}` as const,
    timestamp: BigInt(NOW - (given.age ?? 60)),
  };
  return { verdict, asOf: [{ chainId: 1n, block, final: given.final ?? true, endpoints: 1 }] };
}

const honest: Circumstances = {
  troubles: [],
  fromReport: false,
  directoryChanged: false,
  pages: null,
  now: NOW,
  maxAgeSeconds: 3600,
};

describe('judge', () => {
  it('is green for a verified report of a final block within the reader’s limit, and for nothing else', () => {
    expect(judge(verification('verified'), honest)).to.include({ verdict: 'verified', light: 'good' });
    const others: [ReturnType<typeof verification>, Partial<Circumstances>, string, string][] = [
      [verification('verified', { final: false }), {}, 'verified', 'asOf.notFinal'],
      [verification('verified', { age: 3601 }), {}, 'verified', 'asOf.stale'],
      [verification('verified'), { fromReport: true }, 'incomplete', 'trust.fromReport'],
      [verification('verified'), { directoryChanged: true }, 'incomplete', 'trust.changed'],
      [verification('verified'), { troubles: [{ code: 'asOf.moved' }] }, 'incomplete', 'trouble'],
      [verification('verified'), { troubles: [{ code: 'proof.broken' }] }, 'verified', 'trouble'],
      [verification('verified'), { pages: 'otherLayout' }, 'incomplete', 'pdf.otherLayout'],
      [{ ...verification('verified'), asOf: [] }, {}, 'incomplete', 'asOf.none'],
    ];
    for (const [given, circumstances, verdict, code] of others) {
      const judged = judge(given, { ...honest, ...circumstances });
      expect(judged, code).to.include({ verdict, light: 'caution' });
      expect(judged.reservations.map((one) => one.code)).to.include(code);
    }
    expect(judge(verification('incomplete'), honest)).to.include({ verdict: 'incomplete', light: 'caution' });
  });

  it('is red for what was refuted, whatever else holds', () => {
    expect(judge(verification('refuted'), honest)).to.include({ verdict: 'refuted', light: 'bad' });
    expect(judge(verification('verified'), { ...honest, pages: 'different' })).to.include({
      verdict: 'refuted',
      light: 'bad',
    });
  });

  it('states the oldest block that it rests on', () => {
    const two = verification('verified');
    const [view] = two.asOf;
    if (view === undefined) throw new Error('no view');
    const older = {
      ...view,
      chainId: 2n,
      block: { ...view.block, number: 9n, timestamp: BigInt(NOW - 7200) },
    };
    const judged = judge({ ...two, asOf: [view, older] }, honest);
    expect(judged.asOf?.chainId).to.equal(2n);
    expect(judged.light).to.equal('caution');
  });
});
