import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { exitCodes } from '../../cli/exit.ts';
import { createOutput, printable, progressText } from '../../cli/output.ts';
import { parseDirectory } from '../../cli/settings.ts';
import { expectCode } from '../expectCode.ts';
import { type Beside, sharedBeside, spawnVinculum, vinculum } from './fixture.ts';

describe('vinculum', function () {
  this.timeout(60_000);
  let beside: Beside;
  before(async () => {
    beside = await sharedBeside();
  });

  describe('help', () => {
    it('prints the exit codes', async () => {
      const { exit, stdout } = await vinculum(beside.folder, '--help');
      expect(exit).to.equal(0);
      for (const { meaning } of Object.values(exitCodes)) expect(stdout).to.contain(meaning);
    });
    it('describes every command', async () => {
      for (const command of [
        'keys',
        'import',
        'submit',
        'status',
        'report',
        'verify',
        'audit',
        'export',
        'organisations',
        'demo',
      ]) {
        const { exit, stdout } = await vinculum(beside.folder, command, '--help');
        expect([command, exit]).to.deep.equal([command, 0]);
        expect(stdout).to.contain('Usage: vinculum');
      }
    });
  });

  describe('wrong usage', () => {
    for (const args of [
      ['nonsense'],
      ['verify'],
      ['audit', '--limit', 'many'],
      ['import', 'registrations', 'file', '--batch', '513'],
      ['status', `0x${'0'.repeat(64)}`, '--wait', 'tomorrow'],
      ['verify', 'file', '--max-age', 'soon'],
    ]) {
      it(`ends in 2: ${args.join(' ').slice(0, 40)}`, async () => {
        expect((await vinculum(beside.folder, ...args)).exit).to.equal(2);
      });
    }
    it('keeps its verdict where nobody reads it', async () => {
      const child = spawnVinculum(beside.folder, 'verify', '/nowhere.json', '--json');
      child.stdout?.destroy();
      const [code] = (await once(child, 'exit')) as [number | null];
      expect(code).to.equal(2);
    });

    it('says that no service is known', async () => {
      const { exit, json, stderr } = await vinculum('/nowhere', 'report', 'registration:FR:FR1', '--json');
      expect([exit, json.error.code]).to.deep.equal([2, 'settings.noService']);
      expect(stderr).to.contain('npm start');
    });
    it('refuses an address that is none', async () => {
      const { json } = await vinculum(
        '/nowhere',
        'report',
        'registration:FR:FR1',
        '--json',
        '--url',
        'ftp://x',
      );
      expect(json.error.code).to.equal('settings.url');
    });
  });

  describe('status', () => {
    it('is refused for a submission that is not there', async () => {
      const { exit, json } = await vinculum(beside.folder, 'status', `0x${'0'.repeat(64)}`, '--json');
      expect([exit, json.error.code]).to.deep.equal([5, 'submission.unknown']);
    });
    it('wants a hash', async () => {
      expect((await vinculum(beside.folder, 'status', '12', '--json')).json.error.code).to.equal(
        'submission.hash',
      );
    });
  });

  describe('organisations', () => {
    it('lists and shows who attests', async () => {
      const list = await vinculum(beside.folder, 'organisations', 'list', '--json');
      const found = list.json.find(({ id }: { id: string }) => id === beside.registry.id.toString());
      expect(found).to.include({ status: 'good' });
      const shown = await vinculum(beside.folder, 'organisations', 'show', found.id, '--json');
      expect(shown.json.signers).to.deep.equal([beside.registry.signer]);
      expect((await vinculum(beside.folder, 'organisations')).stdout).to.contain('Registry');
      expect((await vinculum(beside.folder, 'organisations', 'show', '99999', '--json')).exit).to.equal(5);
    });
  });

  describe('submit', () => {
    const entry = (changes: object = {}) => ({
      identifier: 'registration:FR:FR00008001',
      kind: 'vehicle.registered',
      time: '2020-01-02',
      data: { market: 'FR' },
      ...changes,
    });
    const submitting = async (entries: unknown, ...args: string[]) => {
      const file = join(beside.folder, 'entries.json');
      await writeFile(file, JSON.stringify(entries));
      return vinculum(beside.folder, 'submit', file, '--json', ...args);
    };
    const asRegistry = ['--keystore', 'registry'];

    it('composes, signs, hands in and waits, with sealed fields and documents', async () => {
      await writeFile(join(beside.folder, 'certificate.pdf'), '%PDF-1.7 certificate');
      const sealed = { holderName: '王芳' };
      const documents = ['certificate.pdf'];
      const { exit, json, stderr } = await submitting(
        [
          entry({ sealed, documents }),
          entry({
            kind: 'registration.holder',
            data: { market: 'FR', event: 'IMMAT_NORMALE', action: 'firstRegistration' },
          }),
        ],
        ...asRegistry,
        ...['--wait', 'anchored'],
      );
      expect(exit, stderr).to.equal(0);
      expect(json.entries).to.equal(2);
      expect(['anchored', 'final']).to.include(json.state);
      const status = await vinculum(beside.folder, 'status', json.hash, '--json', '--wait', 'final');
      expect([status.exit, status.json.state]).to.deep.equal([0, 'final']);

      const file = join(beside.folder, 'submitted.json');
      await vinculum(beside.folder, 'report', entry().identifier, '-o', file);
      const verified = await vinculum(beside.folder, 'verify', file, '--json');
      expect(verified.json.verdict, verified.stderr).to.equal('verified');
      const [registered] = verified.json.entries;
      expect(registered.envelope.data.documents[0]).to.include({ mediaType: 'application/pdf' });
      expect(registered.envelope.data._sd).to.have.lengthOf(2);
      expect(JSON.stringify(verified.json)).not.to.contain('王芳');
    });

    it('hands in what was signed elsewhere', async () => {
      const { test, registry } = beside;
      const { body } = await test.get(`/v1/organisations/${registry.id}/nonce`);
      const composed = test.compose(registry, 'registration:FR:FR00008002', {
        kind: 'vehicle.registered',
        time: '2020-01-02',
        data: { market: 'FR' },
      });
      const signed = test.sign(registry, [composed], { nonce: BigInt(body.nonce) });
      const { exit, json, stderr } = await submitting(signed, '--wait', 'anchored');
      expect(exit, stderr).to.equal(0);
      const again = await submitting(signed, '--wait', 'anchored');
      expect(again.json.hash).to.equal(json.hash);
      const other = test.sign(
        registry,
        [
          test.compose(registry, 'registration:FR:FR00008003', {
            kind: 'vehicle.registered',
            time: '2020-01-02',
            data: { market: 'FR' },
          }),
        ],
        { nonce: BigInt(body.nonce) },
      );
      const refused = await submitting(other);
      expect([refused.exit, refused.json.error.code]).to.deep.equal([5, 'nonce.conflict']);
    });

    for (const [what, entries, code] of [
      ['a wrong field', [entry({ data: { market: 'France' } })], 'kind.invalidData'],
      ['an unknown kind', [entry({ kind: 'moon.landing' })], 'kind.unknown'],
      ['a time that does not exist', [entry({ time: '2023-02-30' })], 'envelope.time'],
      ['a VIN that is none', [entry({ identifier: '1M8GDM9AXKP042789' })], 'vin.checkDigit'],
      ['a kind of another subject', [entry({ kind: 'batch.produced', data: {} })], 'kind.'],
      ['another document', { hello: 1 }, 'submit.malformed'],
      ['no entry at all', [], 'submission.entries'],
      ['a document that is not there', [entry({ documents: ['nowhere.pdf'] })], 'submit.document'],
    ] as const) {
      it(`refuses ${what}, and signs nothing`, async () => {
        const { exit, json } = await submitting(entries, ...asRegistry);
        expect(exit).to.equal(2);
        expect(json.error.code).to.satisfy((found: string) => found.startsWith(code));
      });
    }
  });

  describe('output', () => {
    it('draws a progress line only in a terminal, and takes it away', () => {
      const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 40 });
      const output = createOutput({ json: false, stderr: stream, environment: {} });
      const bar = output.progress('Reading');
      bar.update(5, 10);
      bar.end();
      const text = stream.read().toString();
      expect(text)
        .to.contain('Reading [##########..........] 5 of 10')
        .and.to.satisfy((all: string) => all.endsWith('\r\u001b[2K'));
      const file = new PassThrough();
      createOutput({ json: false, stderr: file, environment: {} }).progress('Reading').update(1, 2);
      expect(file.read()).to.equal(null);
    });
    it('tells how fast it goes and how long it takes', () => {
      expect(progressText('Reading', 1000, 4000, 10, '')).to.equal(
        'Reading [#####...............] 1,000 of 4,000 · 100/s · 30 s left',
      );
    });
    it('obeys no control characters from outside', () => {
      expect(printable('a\u001b[31m\u202e車')).to.equal('a\\u001b[31m\\u202e車');
    });
    it('writes JSON as one line each, numbers beyond 53 bits as text', () => {
      const stdout = new PassThrough();
      createOutput({ json: true, stdout, environment: {} }).value({ a: 2n ** 70n });
      expect(stdout.read().toString()).to.equal('{"a":"1180591620717411303424"}\n');
    });
  });

  describe('parseDirectory', () => {
    it('takes both spellings', () => {
      const address = `0x${'aB'.repeat(20)}`;
      expect(parseDirectory(`5:${address}`)).to.deep.equal(
        parseDirectory(`eip155:5:${address.toLowerCase()}`),
      );
    });
    it('refuses others', () => expectCode('settings.directory', () => parseDirectory('0x1234')));
  });
});
