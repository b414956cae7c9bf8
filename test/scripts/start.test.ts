import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { topics } from '../../api/chain/contracts.ts';
import { createRpc } from '../../api/chain/rpc.ts';
import { openKeystore } from '../../cli/keystore.ts';
import { fromBase64Url } from '../../core/bytes.ts';
import { openEnvelope } from '../../core/envelope/envelope.ts';
import { secondsOf } from '../../core/envelope/time.ts';
import { kindByNumber } from '../../core/kinds/kinds.ts';
import type { Report } from '../../core/report/report.ts';
import type { DemoMarker, DemoPlan } from '../../scripts/demo/plan.ts';
import { sourceStamp } from '../../scripts/start/contracts.ts';
import type { ServiceFile } from '../../scripts/start/serviceFile.ts';
import { Steps } from '../../scripts/start/steps.ts';

const script = fileURLToPath(new URL('../../scripts/start.ts', import.meta.url));
const READY = 'is ready at';

type Started = { readonly child: ChildProcess; output(): string; readonly ended: Promise<number | null> };

describe('start', () => {
  describe('Steps', () => {
    const shown = (
      isTTY: boolean,
      run: (steps: Steps, pass: (milliseconds: number) => void) => void,
    ): string => {
      let text = '';
      let now = 0;
      const screen = { isTTY, columns: 80, write: (part: string) => (text += part) };
      run(new Steps(screen, () => now), (milliseconds) => {
        now += milliseconds;
      });
      return text;
    };

    it('writes a line a step where there is no terminal', () => {
      const text = shown(false, (steps, pass) => {
        steps.begin('Store', 'embedded');
        pass(1500);
        steps.begin('Chain');
        steps.detail('resumed');
        steps.end();
      });
      expect(text).to.match(/^✔ Store +embedded +1\.5 s\n✔ Chain +resumed +0\.0 s\n$/);
    });

    it('tells from time to time how far a long step is', () => {
      const text = shown(false, (steps, pass) => {
        steps.begin('Demo');
        steps.progress(1, 10);
        pass(11_000);
        steps.progress(4, 10);
        steps.progress(5, 10);
      });
      expect(text).to.equal('… Demo: 4 of 10\n');
    });

    it('marks the step that failed, and ends only once', () => {
      const text = shown(false, (steps) => {
        steps.begin('Store');
        steps.fail();
        steps.end();
      });
      expect(text).to.match(/^✘ Store +0\.0 s\n$/);
    });

    it('writes over its line on a terminal', () => {
      const text = shown(true, (steps) => {
        steps.begin('Store', 'embedded');
        steps.end();
      });
      expect(text).to.contain('\r\x1b[2K').and.to.contain('✔ Store');
    });
  });

  describe('sourceStamp', () => {
    it('changes with the sources', () => {
      const folder = mkdtempSync(join(tmpdir(), 'vinculum-stamp-'));
      try {
        const root = fileURLToPath(new URL('../..', import.meta.url));
        expect(sourceStamp(root)).to.equal(sourceStamp(root));
        writeFileSync(join(folder, 'hardhat.config.ts'), 'a');
        const before = sourceStamp(folder);
        writeFileSync(join(folder, 'hardhat.config.ts'), 'b');
        expect(sourceStamp(folder)).not.to.equal(before);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  });

  describe('npm start', function () {
    this.timeout(300_000);
    const folder = mkdtempSync(join(tmpdir(), 'vinculum-start-'));
    const children: ChildProcess[] = [];

    after(async () => {
      for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
      const node = JSON.parse(readFileSync(join(folder, 'chain', 'node.json'), 'utf8')) as { pid: number };
      if (isAlive(node.pid)) process.kill(node.pid, 'SIGKILL');
      await sleep(100);
      rmSync(folder, { recursive: true, force: true });
    });

    function start(...args: string[]): Started {
      const environment = Object.fromEntries(
        Object.entries(process.env).filter(
          ([name]) => !['PORT', 'HOST', 'RPC_URL', 'DATABASE_URL'].includes(name),
        ),
      );
      const child = spawn(process.execPath, [script, '--data', folder, ...args], {
        env: environment,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      children.push(child);
      let text = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
      }
      const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
      return { child, output: () => text, ended };
    }

    async function until(started: Started, holds: () => boolean | Promise<boolean>, milliseconds = 120_000) {
      const end = Date.now() + milliseconds;
      while (!(await holds())) {
        if (started.child.exitCode !== null || Date.now() > end) throw new Error(started.output());
        await sleep(20);
      }
    }

    const service = (): ServiceFile =>
      JSON.parse(readFileSync(join(folder, 'service.json'), 'utf8')) as ServiceFile;
    const marker = (): DemoMarker =>
      JSON.parse(readFileSync(join(folder, 'demo', 'loaded.json'), 'utf8')) as DemoMarker;
    const get = async (path: string): Promise<unknown> => (await fetch(`${service().url}${path}`)).json();
    /** What the ledger itself holds. */
    const countRecorded = async (): Promise<number> => {
      const rpc = createRpc({ url: service().rpcUrl });
      const logs = await rpc.call('eth_getLogs', [
        { fromBlock: '0x0', address: service().ledger, topics: [[topics.recorded, topics.ownRecorded]] },
      ]);
      return (logs as unknown[]).length;
    };

    let chainId = '';

    it('survives a kill in the middle of the demo, and nothing is on the ledger twice', async () => {
      const first = start('--port', '0');
      const planFile = join(folder, 'demo', 'plan.json');
      await until(first, async () => existsSync(planFile) && (await countRecorded()) > 0);
      first.child.kill('SIGKILL');
      await first.ended;
      expect(first.output()).not.to.contain(READY);
      expect(statSync(planFile).mode & 0o777).to.equal(0o600);

      // As if the load had been broken off long ago: what was never sent is signed anew.
      const plan = JSON.parse(readFileSync(planFile, 'utf8')) as DemoPlan;
      const stale = plan.submissions.slice(-3);
      for (const { request } of stale) Object.assign(request.submission, { deadline: '1700000000' });
      writeFileSync(planFile, JSON.stringify(plan));

      const second = start('--port', '0');
      await until(second, () => second.output().includes(READY));
      chainId = service().chainId;
      expect(await countRecorded())
        .to.equal(marker().entries)
        .and.to.equal(plan.entries);
      const { organisations } = (await get('/v1/organisations')) as { organisations: { names: unknown }[] };
      expect(organisations).to.have.length(Object.keys(plan.organisations).length);
      expect(existsSync(planFile)).to.equal(false);
    });

    it('shows the vehicles that it names as promised', async () => {
      const { showcase } = marker();
      expect(service().demo).to.deep.equal(showcase);
      const codes = async (vin: string): Promise<string[]> => {
        const { findings } = (await get(`/v1/vehicles/${vin}`)) as { findings: { code: string }[] };
        return findings.map(({ code }) => code);
      };
      expect(await codes(showcase.clean)).to.deep.equal([]);
      expect(await codes(showcase.discrepancy)).to.deep.equal(['odometer.discrepancy']);
      expect(await codes(showcase.recall)).to.deep.equal(['recall.open']);
      const report = (await get(`/v1/vehicles/${showcase.absent}/report`)) as Report;
      expect(report.ledgers.map(({ links }) => links)).to.deep.equal([[]]);
      const { mine, stolen, branded, disputed, replaced } = showcase.titles;
      expect(await codes(stolen)).to.include('title.stolen');
      expect(await codes(branded)).to.include('title.brand');
      expect(await codes(disputed)).to.include('entry.disputed');
      expect(await codes(replaced)).to.include('identity.replaced');
      for (const { vin, state } of mine) {
        const found = await codes(vin);
        expect(found.includes('lien.open'), `${vin} ${found.join()}`).to.equal(state === 'lien');
      }
    });

    it('records each history in the order in which it happened, its title first', async () => {
      const report = (await get(`/v1/vehicles/${marker().showcase.clean}/report`)) as Report;
      const [issued, ...links] = report.ledgers[0]?.links ?? [];
      expect(kindByNumber(issued?.kind ?? -1)?.name).to.equal('title.issued');
      const times = links.map(({ digest }) => {
        const content = report.contents[digest];
        if (content === undefined || !('block' in content)) throw new Error('withheld');
        return secondsOf(openEnvelope(fromBase64Url(content.block), fromBase64Url(content.key)).time);
      });
      expect(times.length).to.be.above(25);
      expect(times).to.deep.equal([...times].sort((left, right) => Number(left - right)));
    });

    it('leaves keys that open, each with its organisation, for the owner only', async () => {
      const keys = join(folder, 'keys');
      const password = readFileSync(join(keys, 'password'), 'utf8').trim();
      const registry = await openKeystore(keys, 'registry', password);
      const { signers } = (await get(`/v1/organisations/${registry.organisation}`)) as { signers: string[] };
      expect(signers).to.include(registry.address);
      for (const file of ['keys/password', 'keys/registry.json', 'service.json', 'service.log']) {
        expect(statSync(join(folder, file)).mode & 0o077, file).to.equal(0);
      }
    });

    it('refuses a folder in use and a port in use in one sentence, and begins nothing', async () => {
      const again = start();
      expect(await again.ended).to.equal(1);
      expect(again.output()).to.contain(`in use by process ${service().pid}`).and.to.contain(service().url);
      expect(again.output()).not.to.contain('    at ');
      const taken = start('--port', new URL(service().url).port);
      expect(await taken.ended).to.equal(1);
      expect(taken.output().trim().split('\n')).to.have.length(1);
    });

    it('refuses what it does not understand', async () => {
      const unknown = start('--no-such-option');
      expect(await unknown.ended).to.equal(2);
      const noPort = start('--port', 'many');
      expect(await noPort.ended).to.equal(1);
      expect(noPort.output().trim().split('\n')).to.have.length(1);
    });

    it('ends with Ctrl-C, and takes its chain along', async () => {
      const running = children.find((child) => child.pid === service().pid);
      const { pid } = JSON.parse(readFileSync(join(folder, 'chain', 'node.json'), 'utf8')) as { pid: number };
      const ended = new Promise((resolve) => running?.once('close', resolve));
      running?.kill('SIGINT');
      expect(await ended).to.equal(0);
      expect(isAlive(pid)).to.equal(false);
    });

    it('resumes the same chain, store and documents, on the next free port', async () => {
      const before = marker();
      const holder = await hold(4400);
      try {
        const third = start();
        await until(third, () => third.output().includes(READY));
        expect(third.output()).not.to.contain('Demo:');
        expect(Number(new URL(service().url).port)).to.be.above(4400);
        expect(service().chainId).to.equal(chainId);
        expect(await countRecorded()).to.equal(before.entries);
        const { summary } = (await get(`/v1/vehicles/${before.showcase.clean}`)) as {
          summary: { entries: { total: number; proven: number } };
        };
        expect(summary.entries.proven).to.equal(summary.entries.total).and.to.be.above(25);
        third.child.kill('SIGTERM');
        expect(await third.ended).to.equal(0);
      } finally {
        holder?.close();
      }
    });
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Takes a port, unless somebody has it already. */
function hold(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
