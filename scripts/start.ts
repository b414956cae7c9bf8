// What `npm start` runs: a ledger with its service and demo vehicles, everything in one data folder.
//
//     npm start                            resumes where the last start ended
//     npm start -- --no-demo               without the demo vehicles
//     npm start -- --port 5000 --data DIR  as PORT and VINCULUM_DATA

import { createWriteStream, mkdirSync, renameSync, statSync, type WriteStream } from 'node:fs';
import { createServer } from 'node:net';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { HDNodeWallet } from 'ethers';
import { type Config, readConfig } from '../api/config.ts';
import { jsonLog } from '../api/http/log.ts';
import { Problem } from '../api/problem.ts';
import { type Service, type StartStep, startService } from '../api/server.ts';
import type { Hex } from '../core/bytes.ts';
import { VinculumError } from '../core/errors.ts';
import { buildWeb } from './buildWeb.ts';
import type { LoadStep, LoadTarget } from './demo/load.ts';
import type { RunningLoad } from './demo/loadInWorker.ts';
import { type DemoMarker, loadedDemo } from './demo/plan.ts';
import { DeploymentError } from './deploy.ts';
import { ensureCompiled } from './start/contracts.ts';
import { addressOfService, writeServiceFile } from './start/serviceFile.ts';
import { Steps } from './start/steps.ts';

const serviceTitles: Readonly<Record<StartStep, string>> = {
  folder: 'Data folder',
  store: 'Store',
  chain: 'Chain',
  keys: 'Keys',
  contracts: 'Deployment',
  documents: 'Documents',
  index: 'Index',
  listen: 'Service',
};

const demoTitles: Readonly<Record<LoadStep, string>> = {
  organisations: 'Demo: organisations',
  compose: 'Demo: vehicles',
  documents: 'Demo: documents',
  submissions: 'Demo: submissions',
  titles: 'Demo: titles',
  sets: 'Demo: sets',
  final: 'Demo: final',
};

const usage = `Usage: npm start -- [--no-demo] [--port PORT] [--data FOLDER]

  --no-demo      do not load the demo vehicles
  --port PORT    the port to listen on, and no other (default: the first free one from 4400)
  --data FOLDER  where all state is kept (default: .vinculum)

Environment variables: docs/operations.md.
`;

/** What runs, so that a signal can end it from wherever the start has come to. */
type Running = { service?: Service; load?: RunningLoad; log?: WriteStream };

async function main(args: readonly string[]): Promise<void> {
  const { values } = readArguments(args);
  if (values.help === true) {
    process.stdout.write(usage);
    return;
  }
  const environment = {
    ...process.env,
    ...(values.port === undefined ? {} : { PORT: values.port }),
    ...(values.data === undefined ? {} : { VINCULUM_DATA: values.data }),
  };
  const steps = new Steps(process.stdout);
  const running: Running = {};
  const stop = stopOnSignals(running, steps);
  let dataFolder = '';
  try {
    const config = readConfig(environment);
    dataFolder = config.dataFolder;
    const portIsNamed = (environment.PORT ?? '') !== '';
    if (portIsNamed) await requireFree(config);
    if ((await ensureCompiled(() => steps.begin('Contracts', 'compiled'))) === 'compiled') steps.end();
    if ((await buildWeb({ onBuild: () => steps.begin('Page', 'built') })).built) steps.end();
    const log = openLog(dataFolder);
    running.log = log;
    let at: StartStep | undefined;
    const service = await startService(config, {
      nextFreePort: !portIsNamed,
      log: jsonLog((line) => log.write(line)),
      onProgress: (step, detail) => {
        if (step === at) steps.detail(detail);
        else steps.begin(serviceTitles[step], detail);
        at = step;
      },
    });
    running.service = service;
    steps.end(service.url);
    // Commands find the service at once, and the demo when it is there.
    await writeServiceFile(service, null);
    service.services.pipeline.on('stopped', (problem) => {
      process.stderr.write(`\nNothing new is recorded any more: ${sentenceOf(problem)}\n`);
      void running.load?.stop();
    });
    const demo = values['no-demo'] === true ? null : await demoOf(service, running, steps);
    steps.end();
    if (stop.isStopping()) return;
    await writeServiceFile(service, demo);
    process.stdout.write(welcome(service, demo));
  } catch (error) {
    if (stop.isStopping()) return;
    steps.fail();
    process.stderr.write(`\n${explain(error, dataFolder)}\n`);
    await running.service?.stop();
    process.exit(1);
  }
}

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        'no-demo': { type: 'boolean' },
        port: { type: 'string' },
        data: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    process.stderr.write(`${sentenceOf(error)}\n\n${usage}`);
    process.exit(2);
  }
}

/** Loads the demo where that was not done yet. On a chain of one's own nobody here may admit organisations. */
async function demoOf(service: Service, running: Running, steps: Steps): Promise<DemoMarker | null> {
  const { chain, config } = service;
  if (chain === null) return null;
  const { deployment } = service.services;
  const controller = HDNodeWallet.fromPhrase(chain.devnet.mnemonic, undefined, `m/44'/60'/0'/0/6`);
  const target: LoadTarget = {
    url: service.url,
    dataFolder: config.dataFolder,
    ledger: { chainId: deployment.chainId, address: deployment.ledger },
    chain: {
      rpcUrl: service.rpcUrl,
      organisations: deployment.organisations,
      ledger: deployment.ledger,
      titles: deployment.titles,
      parts: deployment.parts,
      registrarKey: chain.secretKey('registrar'),
      controllerKey: controller.privateKey as Hex,
    },
  };
  const before = await loadedDemo(config.dataFolder, target.ledger);
  if (before !== null) return before;
  // Most starts find the demo loaded: they need not wait for its code.
  const { loadInWorker } = await import('./demo/loadInWorker.ts');
  let at: LoadStep | undefined;
  running.load = loadInWorker(target, (step, done, total) => {
    if (step !== at) steps.begin(demoTitles[step]);
    at = step;
    steps.progress(done, total);
  });
  return running.load.done;
}

/** Ctrl-C ends everything in order; a second one at once. */
function stopOnSignals(running: Running, steps: Steps): { isStopping(): boolean } {
  let stopping = false;
  const stop = async (): Promise<void> => {
    steps.end('broken off');
    process.stderr.write('Stopping …\n');
    await running.load?.stop();
    await running.service?.stop();
    await new Promise<void>((resolve) => (running.log === undefined ? resolve() : running.log.end(resolve)));
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // What has a process of its own, the chain, ends with this one in any case.
      if (stopping) process.exit(130);
      stopping = true;
      stop().catch((error: unknown) => {
        process.stderr.write(`Stopping failed: ${sentenceOf(error)}\n`);
        process.exit(1);
      });
    });
  }
  return { isStopping: () => stopping };
}

/** A named port that is taken is told before anything is begun. @throws `listen.portInUse` */
async function requireFree({ host, port }: Config): Promise<void> {
  const probe = createServer();
  const taken = await new Promise<boolean>((resolve) => {
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE'));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(false)));
  });
  if (!taken) return;
  const remedy = `Port ${port} is in use: stop what holds it, or name another port.`;
  throw new VinculumError('listen.portInUse', remedy, { details: { port } });
}

const LOG_BYTES = 16 * 1024 * 1024;

/** The service's log, JSON lines; a long one is put aside first. */
function openLog(dataFolder: string): WriteStream {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const file = join(dataFolder, 'service.log');
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > LOG_BYTES) renameSync(file, `${file}.1`);
  return createWriteStream(file, { flags: 'a', mode: 0o600 });
}

function explain(error: unknown, dataFolder: string): string {
  if (error instanceof Problem && error.code === 'data.inUse') {
    const url = addressOfService(dataFolder, error.extensions.pid);
    return url === null ? error.detail : `${error.detail} It answers at ${url}.`;
  }
  const known =
    error instanceof VinculumError || error instanceof Problem || error instanceof DeploymentError;
  if (known) return sentenceOf(error);
  return `Starting failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

function sentenceOf(error: unknown): string {
  if (error instanceof Problem) return error.detail;
  return error instanceof Error ? error.message : String(error);
}

function welcome(service: Service, demo: DemoMarker | null): string {
  const seconds = (performance.now() / 1000).toFixed(1);
  const { dataFolder } = service.config;
  const link = (vin: string): string => `${service.url}/?id=${vin}`;
  const shown = relative('', dataFolder) === '.vinculum' ? '.vinculum' : dataFolder;
  const example = demo?.showcase.discrepancy ?? 'VIN';
  const lines = [
    '',
    `Vinculum is ready at ${service.url} (in ${seconds} s).`,
    ...(demo === null
      ? []
      : [
          '',
          'Look a vehicle up:',
          `  a clean history          ${link(demo.showcase.clean)}`,
          `  an odometer discrepancy  ${link(demo.showcase.discrepancy)}`,
          `  under recall             ${link(demo.showcase.recall)}`,
          `  never registered         ${link(demo.showcase.absent)}`,
          `  reported stolen          ${link(demo.showcase.titles.stolen)}`,
          `  a stolen part in it      ${link(demo.showcase.stolenPart)}`,
          `  disputed by its owner    ${link(demo.showcase.titles.disputed)}`,
        ]),
    '',
    'Try next, in another terminal:',
    ...(shown === '.vinculum' ? [] : [`  export VINCULUM_DATA=${shown}`]),
    '  bin/vinculum import registrations FILE.ndjson.gz    real registration histories',
    `  bin/vinculum report ${example} -o report.json`,
    '  bin/vinculum verify report.json                     trusting nobody but the chain',
    '  bin/vinculum audit                                  the whole ledger, independently',
    '  bin/vinculum demo tamper                            a flipped byte, and who notices',
    ...(demo === null ? [] : [...ownersLines(demo.showcase.titles), ...makersLines(demo.showcase)]),
    '',
    `The API is described at ${service.url}/docs. All state is in ${shown}. Ctrl-C stops.`,
    '',
  ];
  return `${lines.join('\n')}\n`;
}

/** What an owner of the demo can do: each of Mei's vehicles has a key of its own. */
function ownersLines({ mine, buyer }: DemoMarker['showcase']['titles']): string[] {
  const of = (state: (typeof mine)[number]['state']) => mine.find((vehicle) => vehicle.state === state);
  const [free, lien, offered] = [of('free'), of('lien'), of('offered')];
  if (free === undefined || lien === undefined || offered === undefined) return [];
  return [
    '',
    `Be an owner (keys ${mine.map(({ keystore }) => keystore).join(', ')}) or a buyer (${buyer}):`,
    `  bin/vinculum title ${offered.vin}                who holds it, and may it be sold?`,
    `  bin/vinculum title accept ${offered.vin} --keystore ${buyer}`,
    `  bin/vinculum title offer ${lien.vin} --to ${buyer} --until 30d --keystore ${lien.keystore}`,
    `  bin/vinculum share create ${free.vin} --until 7d --keystore ${free.keystore}`,
    `  bin/vinculum access-log ${free.vin} --keystore ${free.keystore}`,
  ];
}

/** What a maker of the demo can ask: what is in what, and whom a bad batch reaches. */
function makersLines({ recall, recalled }: DemoMarker['showcase']): string[] {
  const { keystore, batch } = recalled;
  return [
    '',
    `Be a maker (key ${keystore}):`,
    `  bin/vinculum trace ${recall} --down --keystore ${keystore}`,
    `  bin/vinculum trace ${batch} --up --keystore ${keystore}`,
    `  bin/vinculum recall affected --batch ${batch} --keystore ${keystore}`,
  ];
}

await main(process.argv.slice(2));
