import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { keysFolder, writeKeystore } from '../../cli/keystore.ts';
import { type Beside, PASSWORD, sharedBeside, vinculum } from '../cli/fixture.ts';

const text = readFileSync(new URL('../../docs/supply-chain.md', import.meta.url), 'utf8');
const section = text.slice(text.indexOf('## CSV'));

/** The commands of docs/supply-chain.md, in their order, with the tables that stand above them. */
describe('docs/supply-chain.md', function () {
  this.timeout(180_000);
  let beside: Beside;
  let folder: string;

  before(async () => {
    beside = await sharedBeside();
    folder = await beside.newFolder();
    const { key, id } = await beside.test.admit('Volta of the docs', [
      'supplier',
      'manufacturer',
      'workshop',
    ]);
    const keystore = { name: 'volta', secretKey: key, organisation: id };
    await writeKeystore(keysFolder(folder), keystore, PASSWORD, { strength: 'light' });
    for (const [, name = '', rows = ''] of section.matchAll(/^`(\S+)`:\n```csv\n([\s\S]*?)^```$/gm)) {
      await writeFile(join(folder, name), rows);
    }
  });

  const commands = [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, lines = '']) =>
    lines.split('\n').filter((line) => /^vinculum (?:import csv|export csv|batch (?!register))/.test(line)),
  );
  for (const command of commands) {
    it(command, async () => {
      const words = command.split(' ').slice(1);
      const ran = await vinculum(
        folder,
        ...words.map((word) => (word.endsWith('.csv') ? join(folder, word) : word)),
        '--json',
      );
      expect(ran.exit, `${ran.stdout}${ran.stderr}`).to.equal(0);
      if (words.includes('export.csv') && words[0] === 'import')
        expect(ran.json).to.include({ imported: 0, errors: 0 });
    });
  }

  it('shows a dozen of them', () => {
    expect(commands.length).to.be.at.least(12);
  });
});
