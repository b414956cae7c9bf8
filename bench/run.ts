/**
 * All measurements, printed as Markdown: `npm run bench`. With --write they replace docs/benchmarks.md. Quiet machine,
 * please: a busy one measures its other work.
 */
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { benchBatch } from './batch.ts';
import { benchEpcis } from './epcis.ts';
import { benchGas } from './gas.ts';
import { benchPartGas } from './partGas.ts';
import { benchPipeline, generatedLoad, type Load, registrationsLoad, stageTable } from './pipeline.ts';
import { benchRecall } from './recall.ts';
import { benchReports } from './reports.ts';
import { benchStart } from './start.ts';
import { table } from './table.ts';
import { benchTitleGas } from './titleGas.ts';
import { benchVerify } from './verify.ts';
import { benchWeb } from './web.ts';

const machine = `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, ${process.platform}`;

async function throughput(): Promise<string> {
  const loads: Load[] = [registrationsLoad(), generatedLoad(100_000)].filter((load) => load !== null);
  const rows: (string | number)[][] = [];
  const stages: string[] = [];
  for (const load of loads) {
    const figures = await benchPipeline(load);
    rows.push([
      load.name,
      figures.entries,
      Number(figures.seconds.toFixed(1)),
      Math.round(figures.perSecond),
    ]);
    stages.push(
      `Of ${load.name}; stages overlap, and all but validate include waiting:\n\n${stageTable(figures)}`,
    );
  }
  return [table(['load', 'entries', 'seconds', 'entries a second'], rows), ...stages].join('\n\n');
}

const sections: readonly (readonly [string, string, () => Promise<string>])[] = [
  [
    'Gas per entry, beside EAS',
    'Receipt’s gas ÷ entries, calldata and intrinsic gas included, same chain, same run. EAS `multiAttest` with 200 bytes of data an attestation. *First* and *later* entries of a subject.',
    benchGas,
  ],
  [
    'Gas of titles, beside a plain token',
    'Receipt’s gas of one action, calldata and intrinsic gas included, same chain, same run: with the actor’s signature, sent by another (*relayed*), and sent by the actor (*direct*). Each writes its entry on the vehicle’s chain. Beside it a bare OpenZeppelin ERC-721: minting for the issue, a transfer for offer and acceptance together.',
    benchTitleGas,
  ],
  [
    'Gas of safety parts',
    'Receipt’s gas of one action with the actor’s signature, sent by another unless it says otherwise, as the tests of the contracts measure it. Mounting and removing write two entries: on the part’s chain and on the vehicle’s.',
    async () => benchPartGas(),
  ],
  [
    'Throughput',
    'Entries a second from signed submission to anchored, indexed and queryable; PGlite, embedded chain, one process.',
    throughput,
  ],
  ['Verification', 'A report from its JSON text to the verdict, one thread.', benchVerify],
  [
    'Reports',
    'The demo’s vehicles, each with its storage proof, over HTTP by 16 readers at once.',
    benchReports,
  ],
  ['Start', 'With dependencies installed and contracts compiled.', benchStart],
  [
    'EPCIS',
    'Event hashes of CBV 2.0 over the reference’s 22 documents, one thread, median of five; and a large document, event by event.',
    benchEpcis,
  ],
  [
    'A million serials',
    'The tree alone, each in a process of its own; then from the file to stored and provable, on the embedded defaults. The peer’s tree proves presence only.',
    () => benchBatch(),
  ],
  [
    'Recall',
    'From a batch to the exact vehicles, over a generated graph in a PostgreSQL of its own (`node bench/recall.ts --vehicles N` for another size).',
    () => benchRecall(),
  ],
  [
    'The page',
    'In headless Chromium, from the address, with an empty cache, median of five: until the report is shown, and until the browser itself has proven it. The phone’s process, its worker included, runs a quarter of the time.',
    benchWeb,
  ],
];

const parts = [`# Benchmarks\n\nMeasured with \`npm run bench\` on ${machine}.`];
for (const [title, what, measure] of sections) {
  console.error(`… ${title}`);
  parts.push(`## ${title}\n${what}\n\n${await measure()}`);
}
const document = `${parts.join('\n\n')}\n`;
console.log(document);
if (process.argv.includes('--write')) {
  writeFileSync(new URL('../docs/benchmarks.md', import.meta.url), document);
}
