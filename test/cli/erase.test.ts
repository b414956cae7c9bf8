import { appendFile, copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { expect } from 'chai';
import { readConfig } from '../../api/config.ts';
import { startService } from '../../api/server.ts';
import { Garage, newVin } from '../api/erasure/garage.ts';
import { TestService } from '../api/fixture.ts';
import { type Beside, startBeside, vinculum } from './fixture.ts';

describe('erase, backup and restore', function () {
  this.timeout(180_000);
  let beside: Beside;
  let garage: Garage;
  let scratch: string;
  before(async () => {
    beside = await startBeside({ DATABASE_URL: '' });
    garage = await Garage.open(beside.test);
    scratch = await mkdtemp(join(tmpdir(), 'vinculum-erase-'));
  });
  after(async () => {
    await beside.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  const run = (...args: string[]) => vinculum(beside.folder, ...args);
  const statuses = async (vin: string) => (await garage.verify(vin)).entries.map(({ status }) => status);

  describe('erase', () => {
    it('shows what would go and what would stay, and does nothing by itself', async () => {
      const vin = newVin();
      const entry = garage.service(vin, { technician: 'Ada Example' });
      await garage.record(entry);
      for (const args of [
        ['--vehicle', vin],
        ['--vehicle', vin, '--dry-run', '--basis', 'request'],
      ]) {
        const { exit, stdout } = await run('erase', ...args);
        expect(exit).to.equal(0);
        expect(stdout)
          .to.include(entry.entry.digest)
          .and.to.include('technician')
          .and.to.include('Nothing was done');
        expect(stdout).to.include(vin);
        expect(stdout).not.to.include('Ada');
      }
      expect(await statuses(vin)).to.deep.equal(['proven']);
    });

    it('destroys with --yes, gives the receipts, and the same ones again', async () => {
      const vin = newVin();
      const document = await garage.upload();
      const entry = garage.service(vin, { technician: 'Ada Example' }, [document]);
      await garage.record(entry);
      const file = join(scratch, 'receipts.json');
      const target = ['--vehicle', vin, '--basis', 'request', '--yes'];
      const first = await run('erase', ...target, '-o', file, '--json');
      expect(first.exit).to.equal(0);
      expect(first.json.receipts.map(({ what }: { what: string }) => what)).to.deep.equal([
        'entry',
        `document:${document.cid}`,
      ]);
      expect(JSON.parse(await readFile(file, 'utf8'))).to.deep.equal(first.json.receipts);
      expect(await statuses(vin)).to.deep.equal(['erased']);
      const again = await run('erase', ...target, '--json');
      expect([again.exit, again.json.receipts]).to.deep.equal([0, first.json.receipts]);
      expect((await run('erase', ...target)).stdout).to.include('Nothing is left to destroy');
    });

    it('takes a field, a document, an entry', async () => {
      const vin = newVin();
      const document = await garage.upload();
      const entry = garage.service(vin, { technician: 'Ada Example', note: 'x' }, [document]);
      await garage.record(entry);
      const { digest } = entry.entry;
      const erase = async (...target: string[]) => {
        const { json } = await run('erase', ...target, '--basis', 'unlawful', '--yes', '--json');
        return json.receipts.map(({ what }: { what: string }) => what);
      };
      expect(await erase('--field', digest, 'technician')).to.deep.equal(['field:technician']);
      expect(await erase('--document', document.cid)).to.deep.equal([`document:${document.cid}`]);
      expect(await statuses(vin)).to.deep.equal(['proven']);
      expect(await erase('--entry', digest)).to.have.members([
        'field:technician',
        `document:${document.cid}`,
        'entry',
      ]);
      expect(await statuses(vin)).to.deep.equal(['erased']);
    });

    it('shows and carries out the retention policy', async () => {
      const dry = await run('erase', '--retention', '--json');
      expect([dry.exit, dry.json.dryRun, dry.json.fields]).to.deep.equal([0, true, []]);
      expect((await run('erase', '--retention', '--yes', '--json')).json.dryRun).to.equal(false);
    });

    it('wants to know what, and why', async () => {
      const codeOf = async (...args: string[]) => {
        const { exit, json } = await run('erase', ...args, '--json');
        return [exit, json?.error.code];
      };
      const digest = `0x${'11'.repeat(32)}`;
      expect(await codeOf()).to.deep.equal([2, 'erase.target']);
      expect(await codeOf('--entry', digest, '--vehicle', 'x')).to.deep.equal([2, 'erase.target']);
      expect(await codeOf('--field', digest)).to.deep.equal([2, 'erase.target']);
      expect(await codeOf('--entry', digest, '--yes')).to.deep.equal([2, 'erase.basis']);
      expect(await codeOf('--entry', digest, '--yes', '--dry-run')).to.deep.equal([2, 'erase.both']);
      expect(await codeOf('--entry', digest)).to.deep.equal([5, 'erasure.unknown']);
      expect((await run('erase', '--entry', digest, '--basis', 'whim')).exit).to.equal(2);
    });

    it('leaves the ledger whole for an audit: what was erased is named as such', async () => {
      const vin = newVin();
      await garage.record(garage.service(vin, { technician: 'Ada Example' }));
      const before = await run('audit', '--json');
      await run('erase', '--vehicle', vin, '--basis', 'request', '--yes');
      const after = await run('audit', '--json');
      expect([before.exit, after.exit], after.stdout).to.deep.equal([0, 0]);
      expect(after.json.entries.erased).to.equal(before.json.entries.erased + 1);
      expect(after.json.entries.withheld).to.equal(0);
      // Also from what is exported, with the file of receipts and without a service.
      const blocks = join(scratch, 'blocks');
      expect((await run('export', 'blocks', '-o', blocks)).exit).to.equal(0);
      const { config } = beside.test.service;
      const alone = await run('audit', '--blocks', blocks, '--erasures', config.erasuresFile, '--json');
      expect([alone.exit, alone.json.entries.erased]).to.deep.equal([0, after.json.entries.erased]);
      // Revocations of consents, in the same file, are no matter of the audit; anything else there is none of it.
      const consent = `0x${'11'.repeat(32)}`;
      const mixed = join(scratch, 'mixed.ndjson');
      const ledger = `eip155:1:0x${'11'.repeat(20)}`;
      const audited = async (line: object) => {
        await copyFile(config.erasuresFile, mixed);
        await appendFile(mixed, `${JSON.stringify(line)}\n`);
        return run('audit', '--blocks', blocks, '--erasures', mixed, '--json');
      };
      const revoked = await audited({ ledger, consent, signature: '0x11' });
      expect([revoked.exit, revoked.json.entries.erased]).to.deep.equal([0, after.json.entries.erased]);
      expect((await audited({ consent })).json.error.code).to.equal('export.malformed');
      const bare = await run('audit', '--blocks', blocks, '--erasures', join(scratch, 'nowhere'), '--json');
      expect(bare.json.error.code).to.equal('export.file');
    });
  });

  describe('backup and restore', () => {
    const PASSPHRASE = 'correct horse battery staple';
    let passphraseFile: string;
    before(async () => {
      passphraseFile = join(scratch, 'passphrase');
      await writeFile(passphraseFile, `${PASSPHRASE}\n`);
    });

    it('bring everything back but what was erased since', async () => {
      const [gone, kept] = [newVin(), newVin()];
      await garage.record(garage.service(gone, { technician: 'Ada Example' }), garage.service(kept));
      const file = join(scratch, 'backup.age');
      const made = await run('backup', file, '--passphrase-file', passphraseFile, '--json');
      expect([made.exit, made.json?.file]).to.deep.equal([0, file]);
      expect((await readFile(file)).length).to.equal(made.json.bytes);
      await run('erase', '--vehicle', gone, '--basis', 'request', '--yes');
      const erasures = join(scratch, 'erasures.ndjson');
      await copyFile(beside.test.service.config.erasuresFile, erasures);
      const folder = join(scratch, 'restored');
      const args = ['restore', file, '--passphrase-file', passphraseFile, '--json'];
      const without = await vinculum(folder, ...args);
      expect([without.exit, without.json.error.code]).to.deep.equal([2, 'restore.erasuresMissing']);
      const restored = await vinculum(folder, ...args, '--erasures', erasures);
      expect(restored.exit, restored.stderr).to.equal(0);
      expect(restored.json).to.include({ folder });
      expect(restored.json.leftOut).to.be.greaterThan(0);
      expect(restored.json.revocations).to.equal(0);
      const service = new TestService(
        await startService(readConfig({ VINCULUM_DATA: folder, PORT: '0' })),
        async () => undefined,
        [],
      );
      try {
        const reader = Object.assign(Object.create(Garage.prototype) as Garage, { test: service });
        expect((await reader.verify(gone)).entries.map(({ status }) => status)).to.deep.equal(['erased']);
        expect((await reader.verify(kept)).verdict).to.equal('verified');
      } finally {
        await service.stop();
      }
      const again = await vinculum(folder, ...args, '--erasures', erasures);
      expect([again.exit, again.json.error.code]).to.deep.equal([2, 'restore.notEmpty']);
    });

    it('work for recipients, too', async () => {
      const identity = await generateX25519Identity();
      const identityFile = join(scratch, 'identity');
      await writeFile(identityFile, `# made by a test\n${identity}\n`);
      const file = join(scratch, 'for-recipient.age');
      expect((await run('backup', file, '--recipient', await identityToRecipient(identity))).exit).to.equal(
        0,
      );
      const erasures = beside.test.service.config.erasuresFile;
      const wrong = ['restore', file, '--erasures', erasures, '--passphrase-file', passphraseFile, '--json'];
      const failed = await vinculum(join(scratch, 'failed'), ...wrong);
      expect([failed.exit, failed.json.error.code]).to.deep.equal([2, 'restore.passphrase']);
      const folder = join(scratch, 'restored-by-identity');
      const restored = await vinculum(
        folder,
        'restore',
        file,
        '--erasures',
        erasures,
        '--identity-file',
        identityFile,
      );
      expect(restored.exit, restored.stderr).to.equal(0);
      expect(restored.stdout).to.include('Checked');
      const cut = join(scratch, 'cut.age');
      const bytes = await readFile(file);
      await writeFile(cut, bytes.subarray(0, bytes.length - 100));
      const refused = await vinculum(
        join(scratch, 'cut'),
        'restore',
        cut,
        '--erasures',
        erasures,
        '--identity-file',
        identityFile,
        '--json',
      );
      expect([refused.exit, refused.json.error.code]).to.deep.equal([1, 'restore.damaged']);
    });

    it('say what is missing or wrong before anything is done', async () => {
      const codeOf = async (...args: string[]) => {
        const { exit, json } = await run(...args, '--json');
        return [exit, json?.error.code];
      };
      const file = join(scratch, 'none.age');
      expect(await codeOf('backup', file)).to.deep.equal([2, 'passphrase.missing']);
      const short = join(scratch, 'short');
      await writeFile(short, 'short');
      expect(await codeOf('backup', file, '--passphrase-file', short)).to.deep.equal([2, 'passphrase.short']);
      expect(await codeOf('backup', file, '--recipient', 'age1nobody')).to.deep.equal([
        5,
        'backup.recipient',
      ]);
      expect(await codeOf('backup', passphraseFile, '--passphrase-file', passphraseFile)).to.deep.equal([
        2,
        'output.exists',
      ]);
      expect(await codeOf('backup', file, '--recipient', 'age1x', '--passphrase-file', short)).to.deep.equal([
        2,
        'backup.both',
      ]);
      const erasures = beside.test.service.config.erasuresFile;
      expect(await codeOf('restore', file, '--erasures', erasures, '--identity-file', short)).to.deep.equal([
        2,
        'identity.file',
      ]);
    });
  });
});
