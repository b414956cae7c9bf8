import { expect } from 'chai';
import fc from 'fast-check';
import type { Hex } from '../../core/bytes.ts';
import { isVinculumError } from '../../core/errors.ts';
import { offlineViews } from '../../core/proof/reportProof.ts';
import { parseReport, type Report } from '../../core/report/report.ts';
import type { Verification } from '../../core/verify/result.ts';
import { verify } from '../../core/verify/verify.ts';
import { section } from './lies/operator.ts';
import { gross, type Mutation, pathsOf, strike, subtle } from './mutation.ts';
import { meaning } from './reader.ts';
import { CAR, NEVER, NEW_NUMBER, OTHER_CAR, type System, startSystem, TITLED_CAR } from './system.ts';

/** More with VINCULUM_FUZZ_RUNS; a run again with VINCULUM_FUZZ_SEED. */
const numRuns = Number(process.env.VINCULUM_FUZZ_RUNS ?? 400);
const seed = Number(process.env.VINCULUM_FUZZ_SEED ?? Date.now() % 2 ** 31);

/** Of each others' reports parts are grafted. */
const vehicles = [CAR, OTHER_CAR, TITLED_CAR, NEW_NUMBER, NEVER];

describe(`a report of the real service, mutated at random (seed ${seed}, ${numRuns} runs)`, function () {
  this.timeout(60_000 + numRuns * 500);
  let system: System;
  let reports: Map<string, Report>;
  let trusted: ReadonlyMap<bigint, Hex>;

  before(async () => {
    system = await startSystem();
    reports = new Map();
    for (const vin of vehicles) reports.set(vin, await system.honest(vin));
  });
  after(() => system?.stop());

  const reportOf = (vin: string): Report => {
    const report = reports.get(vin);
    if (report === undefined) throw new Error('no such report');
    return report;
  };
  const judged = (report: Report): Promise<Verification> =>
    verify(report, system.trust, offlineViews(report, trusted));

  /** A verdict, the code of a refusal, or what else was thrown: that would be a crash. */
  async function outcome(text: string): Promise<Verification | string> {
    try {
      return await judged(parseReport(text));
    } catch (error) {
      if (isVinculumError(error)) return error.code;
      throw error;
    }
  }

  for (const [vin, what] of [
    [CAR, 'with a long history'],
    [TITLED_CAR, 'of a vehicle that was sold, under a lien, branded and stolen'],
    [NEW_NUMBER, 'of a vehicle that had another number before'],
    [NEVER, 'of a VIN that was never registered'],
  ] as const) {
    it(`${what}: refuted, or nothing that a reader acts on has changed`, async () => {
      const original = reportOf(vin);
      trusted = new Map([[system.trust.chainId, section(original).asOf.hash as Hex]]);
      const before = await judged(original);
      expect(before.verdict).to.equal('verified');
      const others = vehicles.filter((other) => other !== vin).map(reportOf);
      const places = pathsOf(original).length;
      const told = new Map<string, number>();
      const one = fc.record({
        how: fc.oneof(
          { weight: 6, arbitrary: fc.constantFrom<Mutation>(...subtle) },
          { weight: 1, arbitrary: fc.constantFrom<Mutation>(...gross) },
        ),
        a: fc.nat(places - 1),
        b: fc.nat(),
        n: fc.nat(),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 3 }), async (strikes) => {
          const report: unknown = structuredClone(original);
          for (const each of strikes) strike(report, others, each);
          const result = await outcome(JSON.stringify(report));
          const name = typeof result === 'string' ? 'refused' : result.verdict;
          told.set(name, (told.get(name) ?? 0) + 1);
          if (typeof result === 'string' || result.verdict !== 'verified') return;
          expect(meaning(result)).to.equal(meaning(before));
          expect(result.asOf).to.deep.equal(before.asOf);
          expect(result.entries.every(({ sealed }) => Object.keys(sealed).length === 0)).to.equal(true);
        }),
        { numRuns: vin === NEVER ? Math.ceil(numRuns / 4) : numRuns, seed },
      );
      console.log(`      ${[...told].map(([name, count]) => `${count} ${name}`).join(', ')}`);
      expect(told.get('refuted'), 'the mutations reach what is proven').to.be.greaterThan(0);
    });
  }

  it('as text, cut or with a character changed: the same', async () => {
    const original = JSON.stringify(reportOf(CAR));
    trusted = new Map([[system.trust.chainId, section(reportOf(CAR)).asOf.hash as Hex]]);
    const before = meaning(await judged(reportOf(CAR)));
    await fc.assert(
      fc.asyncProperty(
        fc.nat(original.length - 1),
        fc.constantFrom('', '0', '"', '}', '[', 'f', '\u00e9', ','),
        fc.boolean(),
        async (index, character, cut) => {
          const rest = cut ? '' : original.slice(index + 1);
          const result = await outcome(original.slice(0, index) + character + rest);
          if (typeof result !== 'string' && result.verdict === 'verified') {
            expect(meaning(result)).to.equal(before);
          }
        },
      ),
      { numRuns: Math.ceil(numRuns / 4), seed },
    );
  });
});
