/**
 * A million serials from a file to what anybody can prove: the tree alone, beside a generic tree library in a process of its
 * own; and the whole way: read, root computed, anchored, handed over, checked, stored. The peer, @openzeppelin/merkle-tree
 * 1.0.8 (MIT), is no dependency of this project; install it in a folder of its own and name that folder:
 *
 *   VINCULUM_PEERS=/path/to/folder node bench/batch.ts [serials]
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { table } from './table.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);

const OURS = `
import { readFileSync } from 'node:fs';
import { createSetBuilder } from ${JSON.stringify(join(root, 'core/tree/builder.ts'))};
const [, file] = process.argv.slice(1);
const start = performance.now();
const builder = createSetBuilder(new Uint8Array(32).fill(7), { expected: 1_000_000 });
for (const value of readFileSync(file, 'latin1').split('\\n')) {
  if (value !== '') builder.add({ type: 'serial', scope: 'volta.example', value });
}
const { root, count } = builder.finish();
`;
const OPENZEPPELIN = `
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
const [, file] = process.argv.slice(1);
const { StandardMerkleTree } = createRequire(process.env.VINCULUM_PEERS + '/index.js')('@openzeppelin/merkle-tree');
const start = performance.now();
const values = readFileSync(file, 'latin1').split('\\n').filter((value) => value !== '').map((value) => ['serial:volta.example:' + value]);
const { root } = StandardMerkleTree.of(values, ['string']);
const count = values.length;
`;
const TELL = `
console.log(JSON.stringify({ count, root, seconds: (performance.now() - start) / 1000, peakBytes: process.resourceUsage().maxRSS * 1024 }));
`;

type Built = { readonly count: number; readonly seconds: number; readonly peakBytes: number };

/** Builds a tree of a file's lines in a process of its own. */
async function build(folder: string, name: string, program: string, file: string): Promise<Built> {
  const script = join(folder, `${name}.mjs`);
  writeFileSync(script, program + TELL);
  const { stdout } = await run(process.execPath, ['--max-old-space-size=8192', script, file], { cwd: root });
  return JSON.parse(stdout) as Built;
}

async function writeSerials(file: string, count: number): Promise<void> {
  const out = createWriteStream(file);
  for (let start = 0; start < count; start += 10_000) {
    let text = '';
    for (let index = start; index < Math.min(start + 10_000, count); index++) {
      text += `VB-77120-${String(index).padStart(8, '0')}\n`;
    }
    if (!out.write(text)) await once(out, 'drain');
  }
  out.end();
  await finished(out);
}

/** A supplier's service in a process of its own. */
export async function startSupplier(
  folder: string,
  port = 0,
): Promise<{ process: ChildProcess; url: string }> {
  const program = join(root, 'bench/supplierService.ts');
  const child = spawn(process.execPath, [program, folder, String(port)], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  for await (const piece of child.stdout ?? []) {
    output += String(piece);
    const url = /ready (\S+)/.exec(output)?.[1];
    if (url !== undefined) return { process: child, url };
  }
  throw new Error(`the service ended early:\n${output}`);
}

async function stop(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

type Memory = { readonly now: number; readonly peak: number };

/** Memory of a process in bytes, as Linux counts it; null elsewhere. */
function memoryOf({ pid }: ChildProcess): Memory | null {
  const file = `/proc/${pid}/status`;
  if (!existsSync(file)) return null;
  const text = readFileSync(file, 'utf8');
  const of = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)?.[1] ?? 0) * 1024;
  return { now: of('VmRSS'), peak: of('VmHWM') };
}

/** From here on the peak counts anew. */
function forgetPeak({ pid }: ChildProcess): void {
  if (existsSync(`/proc/${pid}/clear_refs`)) writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

async function vinculum(folder: string, ...args: string[]): Promise<string> {
  const main = join(root, 'cli/main.ts');
  const { stdout } = await run(process.execPath, [main, ...args, '--data', folder], {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

const mega = (bytes: number): number => Math.round(bytes / 1e6);
const tenths = (value: number): number => Number(value.toFixed(1));

export async function benchBatch(count = 1_000_000): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vinculum-batch-'));
  let service: ChildProcess | null = null;
  try {
    const file = join(folder, 'serials.txt');
    await writeSerials(file, count);
    const ours = await build(folder, 'ours', OURS, file);
    const peers = process.env.VINCULUM_PEERS;
    const peer =
      peers !== undefined && existsSync(join(peers, 'node_modules/@openzeppelin/merkle-tree'))
        ? await build(folder, 'peer', OPENZEPPELIN, file)
        : null;
    const built = ([['Vinculum: sparse, keyed, proves absence too', ours]] as [string, Built][])
      .concat(peer === null ? [] : [['@openzeppelin/merkle-tree 1.0.8', peer]])
      .map(([name, { seconds, peakBytes }]) => [name, count, tenths(seconds), mega(peakBytes)]);

    const data = join(folder, 'data');
    // Once for its contracts and its organisation, then as it runs every day.
    await stop((await startSupplier(data)).process);
    const started = await startSupplier(data);
    service = started.process;
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    const before = memoryOf(service);
    forgetPeak(service);
    const registered = JSON.parse(
      await vinculum(
        data,
        ...['batch', 'register', 'batch:volta.example:MILLION', '--serials', file],
        ...['--part-number', 'VB-77120', '--keystore', 'volta', '--json'],
      ),
    ) as { seconds: number; peakBytes: number; root: string };
    const after = memoryOf(service);
    const whole = [
      ['command line', tenths(registered.seconds), mega(registered.peakBytes), ''],
      [
        'service, with its database',
        '',
        after === null ? '' : mega(after.peak),
        before === null ? '' : mega(before.now),
      ],
    ];

    const proofs: (string | number)[][] = [];
    for (const [what, serial] of [
      ['is in it', `VB-77120-${String(count >> 1).padStart(8, '0')}`],
      ['is not in it', 'VB-77120-X'],
    ] as const) {
      const report = join(folder, 'report.json');
      const asked = `${started.url}/v1/batches/volta.example/MILLION/report?serial=${serial}`;
      const times: number[] = [];
      for (let round = 0; round < 20; round++) {
        const start = performance.now();
        const text = await (await fetch(asked)).text();
        times.push(performance.now() - start);
        writeFileSync(report, text);
      }
      const { contents, ledgers } = JSON.parse(readFileSync(report, 'utf8')) as {
        contents: Record<string, { setProof?: unknown }>;
        ledgers: { asOf: { hash: string } }[];
      };
      const bytes = Math.max(
        ...Object.values(contents).map(({ setProof }) => JSON.stringify(setProof ?? '').length),
      );
      // Offline: one trusted block's hash, and no endpoint.
      const hash = ledgers[0]?.asOf.hash ?? '';
      const verified = JSON.parse(await vinculum(data, 'verify', report, '--block-hash', hash, '--json')) as {
        verdict: string;
        findings: { code: string }[];
      };
      const code = verified.findings.find((finding) => finding.code.startsWith('batch.'))?.code ?? 'none';
      times.sort((left, right) => left - right);
      proofs.push([
        `a serial that ${what}`,
        bytes,
        (await stat(report)).size,
        tenths(times[times.length >> 1] ?? 0),
        `${verified.verdict}, ${code}`,
      ]);
    }
    const absent = peer === null ? '\n\nThe peer was not at hand: see the head of `bench/batch.ts`.' : '';
    return [
      table(['tree', 'serials', 'seconds', 'MB at most'], built) + absent,
      table(['file → root → anchored → stored', 'seconds', 'MB at most', 'MB before'], whole),
      table(['proof', 'bytes', 'bytes of the report', 'ms to get it', 'checked offline'], proofs),
    ].join('\n\n');
  } finally {
    if (service !== null) await stop(service);
    await rm(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) console.log(await benchBatch(Number(process.argv[2] ?? 1_000_000)));
