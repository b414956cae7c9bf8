import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { keysFolder, writeKeystore } from '../../cli/keystore.ts';
import { type Beside, PASSWORD, registryRows, startBeside, writeRows } from '../cli/fixture.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The commands of the README's `sh` blocks, in the order that needs what came before: imports first. */
function commands(): string[] {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const lines = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, body = '']) =>
    body.trim().split('\n'),
  );
  const imports = lines.filter((line) => line.includes(' import '));
  return [...imports, ...lines.filter((line) => !imports.includes(line))];
}

describe('README commands', function () {
  this.timeout(120_000);
  let beside: Beside;
  let folder: string;
  const rows = registryRows(900, 6);

  before(async () => {
    beside = await startBeside();
    folder = await mkdtemp(join(tmpdir(), 'vinculum-readme-'));
    await writeFile(join(folder, 'password'), PASSWORD);
    await writeFile(
      join(folder, 'entries.json'),
      JSON.stringify([
        {
          identifier: `registration:FR:${rows[0]?.id}`,
          kind: 'registration.exported',
          time: '2020-05-01',
          data: { market: 'FR', event: 'SORTIE_TERRITOIRE' },
        },
      ]),
    );

    // A maker, the serials of its batch, and vehicles with and without one of them.
    const { key, id } = await beside.test.admit('Volta of the README', ['supplier', 'manufacturer']);
    const keystore = { name: 'volta', secretKey: key, organisation: id };
    await writeKeystore(keysFolder(beside.folder), keystore, PASSWORD, { strength: 'light' });
    await writeFile(join(folder, 'serials.txt'), 'VB-000431\nVB-000432\n');
    const built = (identifier: string, serial: string) => ({
      identifier,
      kind: 'vehicle.built',
      time: '2024-02-01',
      data: {
        manufacturerId: 'volta.example',
        parts: [{ component: 'tractionBattery', part: `serial:volta.example:${serial}` }],
      },
    });
    const vehicles = [built('1M8GDM9AXKP042788', 'VB-000431'), built('WVWZZZ3CZEE140287', 'VB-000500')];
    await writeFile(join(folder, 'vehicles.json'), JSON.stringify(vehicles));
  });

  after(async () => {
    await beside?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  for (const command of commands()) {
    it(command, async () => {
      const { stdout, stderr } = await promisify(execFile)(
        'bash',
        ['-ec', command.replace('bin/vinculum', '"$VINCULUM"')],
        {
          cwd: folder,
          env: {
            ...process.env,
            VINCULUM: join(root, 'bin/vinculum'),
            VINCULUM_DATA: beside.folder,
            VINCULUM_PASSWORD_FILE: join(folder, 'password'),
            VIN: `registration:FR:${rows[3]?.id}`,
            KEYSTORE: 'registry',
            MAKER: 'volta',
            REGISTRATIONS: await writeRows(folder, 'registrations.ndjson', rows),
          },
        },
      );
      expect(stdout + stderr).not.to.equal('');
    });
  }
});
