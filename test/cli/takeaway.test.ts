import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { reportFromPdf } from '../../core/pdf/attachment.ts';
import type { Report } from '../../core/report/report.ts';
import { type Beside, registryRows, sharedBeside, vinculum, writeRows } from './fixture.ts';

const ID = 'registration:FR:FR00007304';

describe('vinculum report and verify, to take away', function () {
  this.timeout(60_000);
  let beside: Beside;
  let report: string;
  let pdf: string;
  let credential: string;
  let hash: string;
  let directory: string;

  before(async () => {
    beside = await sharedBeside();
    await vinculum(beside.folder, 'import', 'registrations', await rows(7300));
    report = join(beside.folder, 'takeaway.json');
    pdf = join(beside.folder, 'takeaway.pdf');
    credential = join(beside.folder, 'takeaway.vc');
    const fetched = await vinculum(beside.folder, 'report', ID, '-o', report);
    expect(fetched.exit, fetched.stderr).to.equal(0);
    const { ledgers } = JSON.parse(await readFile(report, 'utf8')) as Report;
    hash = ledgers[0]?.asOf.hash ?? '';
    const { chainId, directory: address } = beside.test.service.services.deployment;
    directory = `${chainId}:${address}`;
    for (const [file, ...options] of [
      [pdf, '--pdf', '--lang', 'zh'],
      [credential, '--credential'],
    ]) {
      const ran = await vinculum(beside.folder, 'report', ID, ...options, '-o', file as string);
      expect(ran.exit, ran.stderr).to.equal(0);
    }
  });

  const rows = (first: number) => writeRows(beside.folder, `${first}.ndjson`, registryRows(first, 5));
  const codes = (json: { reservations?: { code: string }[] }) =>
    (json.reservations ?? []).map(({ code }) => code);
  const verifying = (file: string, ...args: string[]) =>
    vinculum(beside.folder, 'verify', file, '--json', ...args);
  const copyOf = async (name: string, content: string | Uint8Array): Promise<string> => {
    const file = join(beside.folder, name);
    await writeFile(file, content);
    return file;
  };

  describe('--block-hash', () => {
    it('verifies a report by its own proofs, and asks nobody', async () => {
      const { exit, json, stderr } = await verifying(report, '--block-hash', hash);
      expect(exit, stderr).to.equal(0);
      expect(json).to.include({ kind: 'report', verdict: 'verified' });
      expect(json.endpoints).to.deep.equal([]);
      expect(Object.values(json.sources)).to.deep.equal(['hash']);
      expect(json.asOf[0]).to.include({ endpoints: 0, final: true });
    });

    it('needs no network: a process of its own without any', async () => {
      const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
      const blocked = `globalThis.fetch = () => { throw new Error('no network'); };
        const net = await import('node:net');
        net.Socket.prototype.connect = () => { throw new Error('no network'); };`;
      const args = [
        '--import',
        `data:text/javascript,${encodeURIComponent(blocked)}`,
        main,
        ...[
          'verify',
          report,
          '--block-hash',
          `eip155:${directory.split(':')[0]}:${hash}`,
          '--directory',
          directory,
        ],
        ...['--json', '--data', join(beside.folder, 'nothing-here')],
      ];
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      expect(status, stderr).to.equal(0);
      expect(JSON.parse(stdout).verdict).to.equal('verified');
    });

    it('refuses another block’s hash, and what is no hash', async () => {
      const other = await verifying(report, '--block-hash', `0x${'11'.repeat(32)}`);
      expect([other.exit, other.json.error.code]).to.deep.equal([1, 'proof.otherBlock']);
      const none = await verifying(report, '--block-hash', '0x12');
      expect([none.exit, none.json.error.code]).to.deep.equal([2, 'settings.blockHash']);
    });

    it('refutes a report that leaves an entry out', async () => {
      const told = JSON.parse(await readFile(report, 'utf8'));
      told.ledgers[0].links.splice(1, 1);
      const { exit, json } = await verifying(
        await copyOf('short.json', JSON.stringify(told)),
        '--block-hash',
        hash,
      );
      expect([exit, json.verdict]).to.deep.equal([1, 'refuted']);
    });
  });

  describe('--rpc', () => {
    it('takes the report’s proof against the endpoint’s hash, and asks whether it is still so', async () => {
      const { exit, json } = await verifying(report);
      expect(exit).to.equal(0);
      expect(Object.values(json.sources)).to.deep.equal(['proof']);
    });

    it('falls back to the endpoint where the proof is broken or absent', async () => {
      const told = JSON.parse(await readFile(report, 'utf8'));
      for (const change of [
        (copy: Report) => copy.proofs?.[0]?.nodes.pop(),
        (copy: Report) => Object.assign(copy.proofs?.[0] ?? {}, { header: 'AAAA' }),
        (copy: Report) => delete copy.proofs,
      ]) {
        const copy = structuredClone(told);
        change(copy);
        const { exit, json, stderr } = await verifying(await copyOf('broken.json', JSON.stringify(copy)));
        expect(exit, stderr).to.equal(0);
        expect(Object.values(json.sources)).to.deep.equal(['rpc']);
      }
    });

    it('says that the history went on since', async () => {
      const id = 'registration:FR:FR00007402';
      const first = registryRows(7402, 1);
      const file = join(beside.folder, 'moved.json');
      await vinculum(
        beside.folder,
        'import',
        'registrations',
        await writeRows(beside.folder, 'm1.ndjson', first),
      );
      await vinculum(beside.folder, 'report', id, '-o', file);
      expect((await verifying(file)).exit).to.equal(0);
      const { test, registry } = beside;
      const data = { market: 'FR', event: 'INSCRIPTION_GAGE', action: 'registered' };
      const entry = test.compose(registry, id, { kind: 'registration.lien', time: '2024-06-01', data });
      // The command line has used nonces of this organisation before.
      const { body } = await test.get(`/v1/organisations/${registry.id}/nonce`);
      const signed = test.sign(registry, [entry], { nonce: BigInt(body.nonce) });
      const accepted = await test.post('/v1/submissions', signed);
      await test.until(async () => {
        const state = await test.get(`/v1/submissions/${accepted.body.hash}`);
        return ['anchored', 'final'].includes(state.body.state);
      });
      const { exit, json } = await verifying(file);
      expect([exit, json.verdict]).to.deep.equal([3, 'incomplete']);
      expect(codes(json)).to.deep.equal(['asOf.moved']);
    });
  });

  describe('a PDF', () => {
    it('is verified like the report that is attached to it', async () => {
      const { exit, json, stderr } = await verifying(pdf);
      expect(exit, stderr).to.equal(0);
      expect(json).to.include({ kind: 'pdf', verdict: 'verified', identifier: ID });
    });

    it('is refuted when its pages say something else than the attached report', async () => {
      const content = Buffer.from(await readFile(pdf)).toString('latin1');
      // The title in capitals of the first page: one digit of the number.
      const digit = content.indexOf('<', content.indexOf('/Bold 22 Tf')) + 1;
      const forged = `${content.slice(0, digit)}38${content.slice(digit + 2)}`;
      const { exit, json } = await verifying(await copyOf('forged.pdf', Buffer.from(forged, 'latin1')));
      expect([exit, json.verdict]).to.deep.equal([1, 'refuted']);
      expect(codes(json)).to.deep.equal(['pdf.mismatch']);
    });

    it('is refuted when a character of the attached report is another', async () => {
      const bytes = await readFile(pdf);
      const attached = reportFromPdf(bytes);
      const digest = (JSON.parse(attached) as Report).ledgers[0]?.links[0]?.digest ?? '';
      const other = digest.slice(0, -1) + (digest.endsWith('0') ? '1' : '0');
      const forged = Buffer.from(bytes).toString('latin1').replaceAll(digest, other);
      const { exit, json } = await verifying(await copyOf('forged2.pdf', Buffer.from(forged, 'latin1')));
      expect([exit, json.verdict]).to.deep.equal([1, 'refuted']);
    });

    it('says when it is cut off, or has no report', async () => {
      const bytes = await readFile(pdf);
      const cut = await verifying(await copyOf('cut.pdf', bytes.subarray(0, 5_000)));
      expect([cut.exit, cut.json.error.code]).to.deep.equal([2, 'pdf.malformed']);
    });
  });

  describe('a credential', () => {
    it('is verified by its issuer and the chain’s heads', async () => {
      const { exit, json, stderr } = await verifying(credential);
      expect(exit, stderr).to.equal(0);
      expect(json).to.include({ kind: 'credential', verdict: 'verified' });
      expect(json.facts.identifier).to.equal(ID);
      const { stdout } = await vinculum(beside.folder, 'verify', credential);
      expect(stdout).to.contain('VERIFIED');
    });

    it('is refused of another issuer than the one named', async () => {
      const did = 'did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2';
      const { exit, json } = await verifying(credential, '--issuer', did);
      expect([exit, json.error.code]).to.deep.equal([1, 'credential.issuer']);
    });

    it('is incomplete on its own word', async () => {
      const folder = join(beside.folder, 'nothing-here');
      const { exit, json } = await vinculum(folder, 'verify', credential, '--json');
      expect([exit, json.verdict]).to.deep.equal([3, 'incomplete']);
      expect(json.checks.map(({ code }: { code: string }) => code)).to.include.members([
        'issuer.notNamed',
        'trust.fromReport',
        'credential.unread',
      ]);
    });

    it('is refused with one changed character', async () => {
      const text = await readFile(credential, 'utf8');
      const altered = text.replace('"links":6', '"links":5');
      expect(altered).not.to.equal(text);
      const { exit, json } = await verifying(await copyOf('altered.vc', altered));
      expect([exit, json.error.code]).to.deep.equal([1, 'credential.signature']);
    });

    it('is refused cut off', async () => {
      const text = await readFile(credential, 'utf8');
      const { exit, json } = await verifying(await copyOf('cut.vc', text.slice(0, 900)));
      expect([exit, json.error.code]).to.deep.equal([2, 'credential.malformed']);
    });
  });

  it('refuses two forms at once, and forms of what is no vehicle', async () => {
    const both = await vinculum(beside.folder, 'report', ID, '--pdf', '--credential', '--json');
    expect([both.exit, both.json.error.code]).to.deep.equal([2, 'report.oneForm']);
    const batch = await vinculum(beside.folder, 'report', 'batch:maker.example:B-1', '--pdf', '--json');
    expect([batch.exit, batch.json.error.code]).to.deep.equal([2, 'report.vehicleOnly']);
  });
});
