import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { vinculum } from './fixture.ts';

describe('what is exported comes as a stream', function () {
  this.timeout(60_000);
  let server: Server;
  let folder: string;
  let answer: (response: ServerResponse) => void;

  before(async () => {
    server = createServer((_request, response) => answer(response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    folder = await mkdtemp(join(tmpdir(), 'vinculum-export-'));
    await writeFile(join(folder, 'operator-token'), 'token\n');
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });

  const run = (...args: string[]) =>
    vinculum(
      folder,
      ...args,
      '--json',
      '--url',
      `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    );
  const key = (byte: number) => `{"digest":"0x${`${byte}`.repeat(64)}","key":"QUJD"}\n`;

  it('keys, cut anywhere', async () => {
    const output = join(folder, 'keys.ndjson');
    answer = (response) => {
      response.write(key(1).slice(0, 30));
      setTimeout(() => response.end(`${key(1).slice(30)}${key(2)}`), 50);
    };
    const made = await run('export', 'keys', '-o', output);
    expect([made.exit, made.json], made.stderr).to.deep.equal([0, { file: output, keys: 2 }]);
    expect(await readFile(output, 'utf8')).to.equal(key(1) + key(2));
  });

  for (const what of ['keys', 'blocks']) {
    it(`${what}, and none where it was cut off`, async () => {
      const output = join(folder, `cut.${what}`);
      answer = (response) => {
        response.write(key(1).slice(0, 30));
        setTimeout(() => response.destroy(), 50);
      };
      const made = await run('export', what, '-o', output);
      expect([made.exit, made.json?.error.code], made.stderr).to.deep.equal([4, 'export.cutOff']);
      if (what === 'keys') expect(existsSync(output) || existsSync(`${output}.part`)).to.equal(false);
    });
  }

  it('not what is no export', async () => {
    answer = (response) => response.end('<html>\n');
    const made = await run('export', 'keys', '-o', join(folder, 'none.ndjson'));
    expect([made.exit, made.json?.error.code]).to.deep.equal([2, 'export.malformed']);
  });
});
