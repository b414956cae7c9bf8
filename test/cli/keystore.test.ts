import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Wallet } from 'ethers';
import {
  keysFolder,
  listKeystores,
  openKeystore,
  showKeystore,
  writeKeystore,
  writePassword,
} from '../../cli/keystore.ts';
import { newPassword, unlock } from '../../cli/password.ts';
import { fromHex, toHex } from '../../core/bytes.ts';
import { addressOfKey } from '../../core/chain/submission.ts';
import type { OrganisationId } from '../../core/chain/types.ts';
import { expectCode } from '../expectCode.ts';
import { vinculum } from './fixture.ts';

const secretKey = fromHex(`0x${'11'.repeat(32)}`, 32);
const organisation = 7n as OrganisationId;
const LIGHT = { strength: 'light' } as const;

describe('keystore', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vinculum-keys-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const keys = () => keysFolder(folder);

  describe('writeKeystore', () => {
    it('writes what other wallets read, for the owner only', async () => {
      const info = await writeKeystore(
        keys(),
        { name: 'workshop', secretKey, organisation },
        'a password',
        LIGHT,
      );
      expect(info).to.include({ name: 'workshop', address: addressOfKey(secretKey), organisation });
      const text = await readFile(info.file, 'utf8');
      expect((await Wallet.fromEncryptedJson(text, 'a password')).privateKey).to.equal(toHex(secretKey));
      expect(text).not.to.contain('11'.repeat(16));
      expect((await stat(info.file)).mode & 0o777).to.equal(0o600);
      expect((await stat(keys())).mode & 0o777).to.equal(0o700);
    });

    it('replaces no key by accident', async () => {
      await writeKeystore(keys(), { name: 'workshop', secretKey }, 'a password', LIGHT);
      const again = () => writeKeystore(keys(), { name: 'workshop', secretKey }, 'other', LIGHT);
      await expectCode('keystore.exists', again);
      expect((await openKeystore(keys(), 'workshop', 'a password')).secretKey).to.deep.equal(secretKey);
    });

    for (const name of ['../evil', 'a/b', '', '.hidden', 'x'.repeat(65)]) {
      it(`refuses the name ${JSON.stringify(name)}`, () =>
        expectCode('keystore.name', () => writeKeystore(keys(), { name, secretKey }, 'a password', LIGHT)));
    }
  });

  describe('openKeystore', () => {
    it('refuses a wrong password', async () => {
      await writeKeystore(keys(), { name: 'workshop', secretKey }, 'a password', LIGHT);
      await expectCode('keystore.wrongPassword', () => openKeystore(keys(), 'workshop', 'a passwort'));
    });

    it('refuses a key under another address than the file states', async () => {
      const { file } = await writeKeystore(keys(), { name: 'workshop', secretKey }, 'a password', LIGHT);
      const value = JSON.parse(await readFile(file, 'utf8'));
      await writeFile(file, JSON.stringify({ ...value, address: '22'.repeat(20) }));
      await expectCode('keystore.wrongPassword', () => openKeystore(keys(), 'workshop', 'a password'));
    });

    it('says which keys there are when one is not', async () => {
      await expectCode('keystore.unknown', () => openKeystore(keys(), 'workshop', 'a password'));
    });
  });

  describe('listKeystores', () => {
    it('passes over what is no keystore', async () => {
      await writeKeystore(keys(), { name: 'b', secretKey }, 'a password', LIGHT);
      await writeKeystore(keys(), { name: 'a', secretKey, organisation }, 'a password', LIGHT);
      await writeFile(join(keys(), 'c.json'), '{}');
      await writeFile(join(keys(), 'd.json'), 'nonsense');
      expect((await listKeystores(keys())).map(({ name }) => name)).to.deep.equal(['a', 'b']);
      await expectCode('keystore.damaged', () => showKeystore(keys(), 'd'));
    });

    it('finds none in a folder that is not there', async () => {
      expect(await listKeystores(join(folder, 'nowhere'))).to.deep.equal([]);
    });
  });

  describe('unlock', () => {
    const source = () => ({ dataFolder: folder, environment: {} });
    beforeEach(() => writeKeystore(keys(), { name: 'workshop', secretKey }, 'a password', LIGHT));

    it('takes the password from a named file, without its line end', async () => {
      const file = join(folder, 'secret');
      await writeFile(file, 'a password\n');
      expect((await unlock('workshop', { ...source(), file })).secretKey).to.deep.equal(secretKey);
      const environment = { VINCULUM_PASSWORD_FILE: file };
      expect((await unlock('workshop', { ...source(), environment })).secretKey).to.deep.equal(secretKey);
    });

    it('takes the development password beside the keys', async () => {
      await writePassword(keys(), 'a password');
      expect((await unlock('workshop', source())).secretKey).to.deep.equal(secretKey);
      expect((await stat(join(keys(), 'password'))).mode & 0o777).to.equal(0o600);
    });

    it('asks a person where the development password does not fit', async () => {
      await writePassword(keys(), 'another');
      const ask = async () => 'a password';
      expect((await unlock('workshop', { ...source(), ask })).secretKey).to.deep.equal(secretKey);
    });

    it('fails where nobody is there to ask', () =>
      expectCode('password.missing', () => unlock('workshop', source())));
    it('fails for a file that is not there', () =>
      expectCode('password.file', () => unlock('workshop', { ...source(), file: join(folder, 'nowhere') })));
  });

  describe('newPassword', () => {
    const source = () => ({ dataFolder: folder, environment: {} });
    it('is typed twice', async () => {
      const answers = ['a password', 'a password'];
      const ask = async () => answers.shift() ?? '';
      expect(await newPassword('workshop', { ...source(), ask })).to.equal('a password');
    });
    it('must be the same twice', () => {
      const answers = ['a password', 'a passwort'];
      const ask = async () => answers.shift() ?? '';
      return expectCode('password.differs', () => newPassword('workshop', { ...source(), ask }));
    });
    it('is not too short', () =>
      expectCode('password.short', () => newPassword('workshop', { ...source(), ask: async () => 'short' })));
  });

  describe('vinculum keys', () => {
    it('makes, lists, shows and removes', async () => {
      const file = join(folder, 'secret');
      await writeFile(file, 'a long password');
      const made = await vinculum(
        folder,
        'keys',
        'new',
        'garage',
        '--organisation',
        '12',
        '--password-file',
        file,
        '--json',
      );
      expect(made.exit, made.stderr).to.equal(0);
      expect(made.json).to.include({ name: 'garage', organisation: '12' });
      expect((await vinculum(folder, 'keys', 'list', '--json')).json).to.have.lengthOf(1);
      expect((await vinculum(folder, 'keys', 'show', 'garage', '--json')).json.address).to.equal(
        made.json.address,
      );
      expect((await vinculum(folder, 'keys', 'remove', 'garage', '--json')).exit).to.equal(2);
      expect((await vinculum(folder, 'keys', 'remove', 'garage', '--yes')).exit).to.equal(0);
      expect((await vinculum(folder, 'keys', 'list', '--json')).json).to.deep.equal([]);
    });

    it('takes in a private key from a file', async () => {
      const [password, from] = [join(folder, 'secret'), join(folder, 'key')];
      await writeFile(password, 'a long password');
      await writeFile(from, `${toHex(secretKey)}\n`);
      const args = ['keys', 'new', 'garage', '--from', from, '--password-file', password, '--json'];
      expect((await vinculum(folder, ...args)).json.address).to.equal(addressOfKey(secretKey));
      await writeFile(from, 'no key');
      const refused = await vinculum(
        folder,
        'keys',
        'new',
        'other',
        '--from',
        from,
        '--password-file',
        password,
        '--json',
      );
      expect([refused.exit, refused.json.error.code]).to.deep.equal([2, 'keystore.from']);
    });
  });
});
