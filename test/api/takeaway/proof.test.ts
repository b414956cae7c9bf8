import { expect } from 'chai';
import { getHeader } from '../../../api/chain/read.ts';
import { createStateProofs } from '../../../api/chain/stateProofs.ts';
import { createProofs, type ProofLimits, type ProvenChain } from '../../../api/query/proof.ts';
import { buildReport } from '../../../api/query/report.ts';
import { createSecrets } from '../../../api/query/secrets.ts';
import { fromHex, type Hex } from '../../../core/bytes.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { offlineViews } from '../../../core/proof/reportProof.ts';
import { parseReport, type Report } from '../../../core/report/report.ts';
import { rpcView } from '../../../core/verify/chainView.ts';
import type { Verification } from '../../../core/verify/result.ts';
import { verify } from '../../../core/verify/verify.ts';
import { type Attester, startTestService, type TestService } from '../fixture.ts';

const VIN = 'VF1AAAAA164321012';
const BUILT = 'WVWZZZ1JZXW000217';
const UNKNOWN = 'WDB1240001A000001';

describe('report proofs', function () {
  this.timeout(120_000);
  let service: TestService;
  let workshop: Attester;

  before(async () => {
    service = await startTestService();
    workshop = await service.admit('Workshop', ['workshop']);
    const maker = await service.admit('Maker', ['manufacturer']);
    await service.record(maker, [
      service.compose(maker, BUILT, {
        kind: 'vehicle.built',
        time: '2024-02-01',
        data: { brand: 'Volkswagen', model: 'Golf', manufacturerId: 'vw.example' },
      }),
    ]);
    await record(VIN, 12_000);
  });
  after(() => service?.stop());

  const record = (vin: string, value: number) =>
    service.record(workshop, [
      service.compose(workshop, vin, {
        kind: 'odometer',
        time: '2024-03-01',
        data: { odometer: { value, unit: 'KMT', source: 'workshop' } },
      }),
    ]);

  const trust = () => {
    const { chainId, directory } = service.service.services.deployment;
    return { chainId, directory };
  };

  /** Checks a report as somebody without any network does. */
  const offline = (report: Report, hash: Hex): Promise<Verification> =>
    verify(report, trust(), offlineViews(report, new Map([[trust().chainId, hash]])));

  const served = async (vin: string): Promise<Report> => {
    const reply = await service.get(`/v1/vehicles/${vin}/report`);
    expect(reply.status).to.equal(200);
    return parseReport(reply.text);
  };

  const hashOf = async (report: Report): Promise<Hex> => {
    const number = report.ledgers[0]?.asOf.number ?? -1;
    const header = await getHeader(service.service.services.rpc, number);
    expect(header?.hash).to.equal(report.ledgers[0]?.asOf.hash);
    return header?.hash ?? '0x';
  };

  it('let a history be checked against one block hash, without any network', async () => {
    const report = await served(VIN);
    const result = await offline(report, await hashOf(report));
    expect(result.verdict).to.equal('verified');
    expect(result.asOf[0]).to.include({ final: true, endpoints: 0 });
    expect(result.entries).to.have.length(1);
  });

  it('prove the own chain of a maker', async () => {
    const report = await served(BUILT);
    const result = await offline(report, await hashOf(report));
    expect(result.verdict).to.equal('verified');
    expect(
      result.steps.find(({ step }) => step === 'completeness')?.checks.map(({ code }) => code),
    ).to.include('head.ownChain');
  });

  it('prove that a VIN was never registered', async () => {
    const report = await served(UNKNOWN);
    const result = await offline(report, await hashOf(report));
    expect(result.verdict).to.equal('verified');
    expect(result.entries).to.deep.equal([]);
  });

  it('refute a report that leaves out an entry, also when the operator serves the older proof', async () => {
    await record(VIN, 13_000);
    const report = await served(VIN);
    const section = report.ledgers[0];
    const cut = { ...report, ledgers: [{ ...section, links: section?.links.slice(0, -1) }] } as Report;
    expect((await offline(cut, await hashOf(report))).verdict).to.equal('refuted');
  });

  it('are refused against the hash of another block', async () => {
    const report = await served(VIN);
    const error = await offline(report, `0x${'11'.repeat(32)}`).catch((reason: unknown) => reason);
    expect(error).to.include({ code: 'proof.otherBlock' });
  });

  it('let the newest entry become final, as a reader with an endpoint sees it', async () => {
    await record(VIN, 13_500);
    const { devnet } = service.service.chain ?? {};
    if (devnet === undefined) throw new Error('the embedded chain');
    const recorded = devnet.latestBlock();
    await service.until(() => devnet.durableBlock() > recorded);
    const report = await served(VIN);
    const { rpc } = service.service.services;
    const view = await rpcView([(method, params) => rpc.call(method, params)], trust().chainId);
    const result = await verify(report, trust(), async () => view);
    expect(result.verdict).to.equal('verified');
    expect(result.asOf[0]?.final).to.equal(true);
  });

  describe('attach', () => {
    const chainOf = (given: Partial<ProvenChain> = {}): { chain: ProvenChain; passes: () => number } => {
      const { rpc } = service.service.services;
      let passes = 0;
      const state = createStateProofs(
        {
          ...rpc,
          call: (method, params, options) => {
            if (method === 'eth_getBlockByNumber' && params[0] === 'latest') passes += 1;
            return rpc.call(method, params, options);
          },
        },
        'ethereum',
      );
      return {
        chain: {
          state,
          finality: async () => 0n,
          blockHash: async (number) => (await getHeader(rpc, number))?.hash ?? null,
          ...given,
        },
        passes: () => passes,
      };
    };

    const attacher = (chain: ProvenChain, limits: Partial<ProofLimits> = {}, clock = () => new Date()) => {
      const { store, deployment, pipeline } = service.service.services;
      return createProofs({
        store,
        chains: new Map([[deployment.chainId, chain]]),
        indexedBlock: () => pipeline.progress().indexedBlock,
        limits,
        clock,
      });
    };

    const build = (vin: string) => async (): Promise<Report> => {
      const { store, keyring, evaluator, deployment, sets } = service.service.services;
      const secrets = createSecrets(keyring);
      return buildReport({ store, secrets, sets, evaluator, deployment }, parseIdentifier(vin));
    };

    const kept = async (vin: string) => {
      const subject = fromHex(service.subject(parseIdentifier(vin)), 32);
      return service.service.services.store.query<{
        block_number: bigint;
        final: boolean;
        basis: Uint8Array;
      }>('SELECT block_number, final, basis FROM report_proofs WHERE subject = $1 ORDER BY block_number', [
        subject,
      ]);
    };

    const mine = (): Promise<unknown> => service.service.services.rpc.call('evm_mine', []);
    const blockOf = (report: Report): number => report.ledgers[0]?.asOf.number ?? -1;

    it('asks the chain once for all who come while it is being asked', async () => {
      const { chain, passes } = chainOf();
      const { deployment } = service.service.services;
      const slot = (index: number): Hex => `0x${index.toString(16).padStart(64, '0')}`;
      const ask = (index: number) =>
        chain.state.read(new Map([[deployment.ledger, new Set([slot(index), slot(index + 1)])]]));
      const reads = await Promise.all(Array.from({ length: 30 }, (_, index) => ask(index)));
      expect(passes()).to.equal(2);
      expect(new Set(reads.slice(1).map(({ header }) => header.hash)).size).to.equal(1);
    });

    it('gives each of them the nodes of its own slots only', async () => {
      const { chain } = chainOf();
      const proofs = attacher(chain);
      const reports = await Promise.all([VIN, BUILT, UNKNOWN].map((vin) => proofs.attach(build(vin))));
      for (const report of reports) {
        expect((await offline(report, await hashOf(report))).verdict).to.equal('verified');
      }
      const [first, second] = reports;
      const mixed = { ...first, proofs: second?.proofs } as Report;
      const error = await offline(mixed, second?.ledgers[0]?.asOf.hash as Hex).catch(
        (reason: unknown) => reason,
      );
      expect(error).to.include({ code: 'proof.missingNode' });
    });

    it('serves a kept proof while it is fresh, and takes another when it is not', async () => {
      const { chain, passes } = chainOf();
      let now = Date.now();
      const proofs = attacher(chain, { refreshSeconds: 600 }, () => new Date(now));
      await service.service.services.store.execute('DELETE FROM report_proofs');
      const first = await proofs.attach(build(VIN));
      await mine();
      expect(blockOf(await proofs.attach(build(VIN)))).to.equal(blockOf(first));
      expect(passes()).to.equal(1);
      now += 601_000;
      expect(blockOf(await proofs.attach(build(VIN)))).to.be.greaterThan(blockOf(first));
      expect(await kept(VIN)).to.have.length(2);
    });

    it('prefers the proof whose block has become final, and forgets what that one makes needless', async () => {
      let final = 0n;
      const { chain } = chainOf({ finality: async () => final });
      let now = Date.now();
      const proofs = attacher(chain, {}, () => new Date(now));
      await service.service.services.store.execute('DELETE FROM report_proofs');
      const blocks: number[] = [];
      for (let turn = 0; turn < 3; turn += 1) {
        blocks.push(blockOf(await proofs.attach(build(VIN))));
        await mine();
        now += 601_000;
      }
      final = BigInt(blocks[1] ?? 0);
      now -= 601_000;
      expect(blockOf(await proofs.attach(build(VIN)))).to.equal(blocks[1]);
      now += 601_000;
      const newest = await proofs.attach(build(VIN));
      expect(blockOf(newest)).to.equal(blocks[1]);
      expect(
        (await kept(VIN)).map(({ block_number, final: marked }) => [
          Number(block_number) >= (blocks[1] ?? 0),
          marked,
        ]),
      ).to.deep.equal([
        [true, true],
        [true, false],
        [true, false],
      ]);
    });

    it('asks a chain that mines on demand for a new block when the last one is old', async () => {
      const { devnet } = service.service.chain ?? {};
      if (devnet === undefined) throw new Error('the embedded chain');
      const latest = async () => (await getHeader(service.service.services.rpc, 'latest'))?.number ?? -1;
      const before = await latest();
      await devnet.refresh(3_600);
      expect(await latest()).to.equal(before);
      await devnet.refresh(-1);
      expect(await latest()).to.equal(before + 1);

      const asked: number[] = [];
      const { chain } = chainOf({ refresh: async (seconds) => void asked.push(seconds) });
      await service.service.services.store.execute('DELETE FROM report_proofs');
      const proofs = attacher(chain, { refreshSeconds: 600 });
      await proofs.attach(build(VIN));
      await proofs.attach(build(VIN));
      expect(asked).to.deep.equal([600]);
    });

    it('forgets a superseded proof, and one whose block is gone', async () => {
      const { chain } = chainOf();
      const proofs = attacher(chain);
      const before = await proofs.attach(build(VIN));
      await record(VIN, 14_000);
      const after = await proofs.attach(build(VIN));
      expect(blockOf(after)).to.be.greaterThan(blockOf(before));
      expect(await kept(VIN)).to.have.length(1);

      const undone = attacher({ ...chain, blockHash: async () => `0x${'22'.repeat(32)}` });
      await mine();
      expect(blockOf(await undone.attach(build(VIN)))).to.be.greaterThan(blockOf(after));
    });

    it('builds the report again when the index was behind the block', async () => {
      const { chain } = chainOf();
      const old = await build(VIN)();
      await record(VIN, 15_000);
      await service.service.services.store.execute('DELETE FROM report_proofs');
      let builds = 0;
      const report = await attacher(chain).attach(async () => {
        builds += 1;
        return builds === 1 ? old : build(VIN)();
      });
      expect(builds).to.equal(2);
      expect((await offline(report, await hashOf(report))).verdict).to.equal('verified');
    });

    it('leaves a report without proof when the chain cannot be asked, and an older proof in its place', async () => {
      const { chain } = chainOf();
      const down: ProvenChain = {
        ...chain,
        state: { codec: 'ethereum', read: () => Promise.reject(new Error('down')) },
      };
      await service.service.services.store.execute('DELETE FROM report_proofs');
      expect((await attacher(down).attach(build(VIN))).proofs).to.equal(undefined);
      const taken = await attacher(chain).attach(build(VIN));
      const later = () => new Date(Date.now() + 601_000);
      expect((await attacher(down, {}, later).attach(build(VIN))).proofs).to.deep.equal(taken.proofs);
    });

    it('never proves a report that the chain contradicts', async () => {
      const { chain } = chainOf();
      const report = await build(VIN)();
      const cut = {
        ...report,
        ledgers: report.ledgers.map((section) => ({ ...section, links: section.links.slice(1) })),
      };
      const proofs = attacher(chain, { attempts: 2, patienceMilliseconds: 10 });
      expect((await proofs.attach(async () => cut)).proofs).to.equal(undefined);
    });
  });
});
