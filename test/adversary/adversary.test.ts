import { expect } from 'chai';
import type { Report } from '../../core/report/report.ts';
import { judge } from '../../web/model/judgement.ts';
import type { ReportLie } from './lie.ts';
import { lastLies, otherLies, reportLies } from './lies/all.ts';
import { stopForks } from './lies/endpoints.ts';
import { addSecond } from './lies/ledgers.ts';
import { section } from './lies/operator.ts';
import { meaning, type ReaderName, type Reading, read } from './reader.ts';
import {
  CAR,
  NEVER,
  NEW_NUMBER,
  OTHER_CAR,
  type System,
  startSystem,
  THIRD_CAR,
  TITLED_CAR,
} from './system.ts';

const allReaders = ['cli', 'cli offline', 'page', 'rpc', 'proof', 'offline'] as const;
const HOUR = 3_600;

describe('the lying operator', function () {
  this.timeout(180_000);
  let system: System;
  let honest: Reading;

  before(async () => {
    system = await startSystem();
    honest = await read(system, 'rpc', CAR);
  });
  after(async () => {
    if (system === undefined) return;
    await stopForks(system);
    await system.stop();
  });
  beforeEach(() => {
    system.operator.lie = {};
    system.rpc.lie = {};
  });

  /** The page's light for a reading, so long after the newest block. */
  const lightOf = ({ result }: Reading, later: number) => {
    const [asOf] = honest.result?.asOf ?? [];
    const given = { troubles: [], fromReport: false, directoryChanged: false, pages: null };
    const now = Number(asOf?.block.timestamp ?? 0n) + later;
    return result && judge(result, { ...given, now, maxAgeSeconds: HOUR });
  };

  describe('is believed where it tells the truth', () => {
    for (const name of allReaders) {
      it(`by ${name}: verified, final, with the accident, the correction and the recall`, async () => {
        const reading = await read(system, name, CAR);
        expect(reading.codes).to.deep.equal([]);
        expect(reading.verdict).to.equal('verified');
        if (reading.result === undefined) return;
        expect(reading.result?.findings.map(({ code }) => code)).to.include.members([
          'damage.accident',
          'entry.amended',
          'entry.upheld',
          'recall.open',
        ]);
        expect(lightOf(reading, 60)?.light).to.equal('good');
      });
    }

    it('of vehicles without an accident, and of one that was never registered', async () => {
      for (const [vin, entries] of [
        [OTHER_CAR, 4],
        [THIRD_CAR, 2],
        [NEVER, 0],
      ] as const) {
        const { verdict, result } = await read(system, 'proof', vin);
        expect(verdict).to.equal('verified');
        expect(result?.entries.filter(({ chain }) => typeof chain === 'string')).to.have.length(entries);
        expect(result?.findings.map(({ code }) => code)).not.to.include('damage.accident');
      }
    });

    for (const name of allReaders) {
      it(`by ${name}: of a vehicle under a lien, branded and stolen, also under the number that it had before`, async () => {
        for (const vin of [TITLED_CAR, NEW_NUMBER]) {
          const reading = await read(system, name, vin);
          expect(reading.codes).to.deep.equal([]);
          expect(reading.verdict).to.equal('verified');
          expect(codesOf(reading)).to.include.members(['lien.open', 'title.stolen']);
          if (vin === NEW_NUMBER) expect(codesOf(reading)).to.include('identity.replaced');
          else expect(codesOf(reading)).to.include('title.brand');
          expect(reading.result?.titles[0]?.obstacles ?? ['stolen', 'lien']).to.deep.equal([
            'stolen',
            'lien',
          ]);
        }
      });
    }

    it('by a reader who asks through the proxies', async () => {
      const endpoints = [system.rpc.url, system.test.service.rpcUrl];
      const reading = await read(system, 'proof', CAR, { endpoints });
      expect(reading.verdict).to.equal('verified');
      expect(reading.result?.asOf[0]?.endpoints).to.equal(2);
    });
  });

  const codesOf = ({ findings }: Reading) => findings?.map(({ code }) => code as string) ?? [];

  /** What the honest report on the vehicle of a lie means. */
  async function meant({ vin }: ReportLie): Promise<string> {
    system.operator.lie = {};
    const { result } = vin === undefined ? honest : await read(system, 'rpc', vin);
    if (result === undefined) throw new Error('no honest reading');
    return meaning(result);
  }

  async function readLie(lie: ReportLie, name: ReaderName): Promise<Reading> {
    const { tell } = lie;
    system.operator.lie = {};
    if (tell !== undefined) {
      const body = await system.honest(lie.vin ?? CAR);
      const told = (await tell(body, system)) ?? body;
      system.operator.lie = { json: (path, answer) => (path.endsWith('/report') ? told : answer) };
    }
    system.rpc.lie = (await lie.rpc?.(system)) ?? {};
    return read(system, name, lie.vin ?? CAR, (await lie.reading?.(system)) ?? {});
  }

  async function expectCaught(lie: ReportLie, name: ReaderName, reading: Reading): Promise<void> {
    const said = `${name}: ${reading.verdict} ${reading.codes.join(', ')}`;
    if (lie.stillFound !== undefined) expect(codesOf(reading), said).to.include.members(lie.stillFound);
    if (lie.fate === 'unchanged') {
      expect(reading.verdict, said).to.equal('verified');
      if (reading.result) expect(meaning(reading.result)).to.equal(await meant(lie));
    } else if (lie.fate === 'uncaught') {
      expect(reading.verdict, said).to.equal('verified');
      if (reading.result) {
        expect(meaning(reading.result)).not.to.equal(await meant(lie));
        expect(reading.result.asOf[0]?.endpoints).to.equal(1);
      }
    } else if (lie.fate === 'warned') {
      expect(reading.verdict, said).to.equal('verified');
      const found = reading.findings?.find(({ code }) => `finding ${code}` === lie.caughtBy);
      expect(found?.severity, said).to.be.oneOf(['alert', 'warning']);
    } else if (lie.fate === 'stale') {
      expect(reading.verdict, said).to.equal('verified');
      const judgement = lightOf(reading, lie.caughtBy === 'asOf.stale' ? 2 * HOUR : 0);
      expect(judgement?.light).to.equal('caution');
      expect(judgement?.reservations.map(({ code }) => code as string)).to.include(lie.caughtBy);
    } else {
      // A proof that does not reach what was put in its place decides nothing: no verdict is as good as a refutation.
      const unproven =
        lie.fate === 'refuted' &&
        ['cli offline', 'proof', 'offline'].includes(name) &&
        reading.verdict === 'refused' &&
        reading.codes.join() === 'proof.missingNode';
      if (unproven) return;
      expect(reading.verdict, said).to.equal(lie.fate);
      expect(reading.codes, said).to.include(lie.caughtBy);
    }
  }

  const runReports = (tables: typeof reportLies): void => {
    for (const [where, lies] of tables) {
      describe(where, () => {
        for (const lie of lies) {
          it(`${lie.by}: ${lie.lie} — ${lie.fate}`, async () => {
            for (const name of lie.readers ?? allReaders) {
              await expectCaught(lie, name, await readLie(lie, name));
            }
          });
        }
      });
    }
  };

  it('told of an old block, says so: block, time, and the command line’s limit', async () => {
    const lie = reportLies.flatMap(([, lies]) => lies).find(({ fate, rpc }) => fate === 'stale' && rpc);
    if (lie === undefined) throw new Error('no such lie');
    const reading = await readLie(lie, 'rpc');
    const { number, timestamp } = section(system.older).asOf;
    expect(reading.result?.asOf[0]?.block).to.include({
      number: BigInt(number),
      timestamp: BigInt(timestamp),
    });
    const limited = await read(system, 'cli', CAR, { ...(await lie.reading?.(system)), maxAge: '1s' });
    expect(limited.verdict).to.equal('incomplete');
    expect(limited.codes).to.include('reader asOf.tooOld');
    expect(limited.exit).to.equal(3);
  });

  runReports(reportLies);

  for (const [where, lies] of otherLies) {
    describe(where, () => {
      for (const lie of lies) {
        it(`${lie.by}: ${lie.lie} — ${lie.fate}`, async () => {
          const { fate, caughtBy } = await lie.run(system);
          expect({ fate, caughtBy }).to.deep.equal({ fate: lie.fate, caughtBy: lie.caughtBy });
        });
      }
    });
  }

  describe('with a second ledger in the directory', () => {
    it('is believed where it shows both', async () => {
      const { report } = await addSecond(system);
      system.operator.lie = { json: (path, body) => (path.endsWith('/report') ? (report as Report) : body) };
      const reading = await read(system, 'rpc', CAR);
      expect(reading.codes).to.deep.equal([]);
      expect(reading.verdict).to.equal('verified');
      expect(reading.result?.summary?.accidents).to.equal(2);
    });

    runReports(lastLies);
  });
});
