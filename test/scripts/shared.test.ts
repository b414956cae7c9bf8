import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';

describe('sharedFile', () => {
  let folder: string;

  /** What a test of a project in `folder` gets for a.json: the exit code, and all that was printed. */
  async function ask(told?: string): Promise<{ code: number; text: string }> {
    const { VINCULUM_SHARED: _, ...environment } = process.env;
    const source = `import { sharedFile } from './test/shared.ts'; console.log(sharedFile('a.json'));`;
    const options = {
      cwd: join(folder, 'project'),
      env: told === undefined ? environment : { ...environment, VINCULUM_SHARED: told },
    };
    try {
      const args = ['--input-type=module', '-e', source];
      const { stdout, stderr } = await promisify(execFile)(process.execPath, args, options);
      return { code: 0, text: stdout + stderr };
    } catch (error) {
      return { code: (error as { code: number }).code, text: (error as { stderr: string }).stderr };
    }
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vinculum-shared-'));
    await mkdir(join(folder, 'project/test'), { recursive: true });
    await cp(fileURLToPath(new URL('../shared.ts', import.meta.url)), join(folder, 'project/test/shared.ts'));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('lets a test skip, with one line, where the data is not on the machine', async () => {
    const { code, text } = await ask();
    expect(code).to.equal(0);
    expect(text).to.include('null').and.include('skipped: shared data a.json');
  });

  it('fails it where the data is there without the file', async () => {
    await mkdir(join(folder, 'shared/data'), { recursive: true });
    expect((await ask()).code).to.equal(1);
    await writeFile(join(folder, 'shared/data/a.json'), '{}');
    expect((await ask()).code).to.equal(0);
  });

  it('fails it where VINCULUM_SHARED names a folder without the file, or none', async () => {
    expect((await ask(join(folder, 'nowhere'))).code).to.equal(1);
  });
});
