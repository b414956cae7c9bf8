import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { openKeyring, wrapPurposes } from '../../../api/keyring/keyring.ts';
import { fromHex, toHex, utf8 } from '../../../core/bytes.ts';
import { addressOfKey, recoverSigner } from '../../../core/chain/submission.ts';
import { pseudonymPublicKey } from '../../../core/pseudonym/pseudonym.ts';
import { temporaryFolder } from '../store/stores.ts';

const codeOf = (error: unknown) => (error as { code?: unknown }).code;
const caught = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return error;
  }
  return null;
};

describe('openKeyring', () => {
  let folder: string;
  let remove: () => Promise<void>;
  beforeEach(async () => {
    ({ folder, remove } = await temporaryFolder());
  });
  afterEach(() => remove());
  const file = () => join(folder, 'keyring.json');
  const digest = new Uint8Array(32).fill(7);

  it('makes the secrets once, for their owner only, and leaves nothing else behind', async () => {
    const first = await openKeyring(folder);
    const second = await openKeyring(folder);
    expect(second.operator.address).to.equal(first.operator.address);
    expect(second.relayer.address).to.equal(first.relayer.address);
    expect(first.operator.address).not.to.equal(first.relayer.address);
    expect(toHex(second.pseudonymKey)).to.equal(toHex(first.pseudonymKey));
    expect(toHex(first.pseudonymPublicKey)).to.equal(toHex(pseudonymPublicKey(first.pseudonymKey)));
    expect((await stat(file())).mode & 0o777).to.equal(0o600);
    expect(await readdir(folder)).to.deep.equal(['keyring.json']);
  });

  it('gives the same secrets to all who open it at once', async () => {
    const keyrings = await Promise.all(Array.from({ length: 8 }, () => openKeyring(folder)));
    expect(new Set(keyrings.map(({ operator }) => operator.address))).to.have.property('size', 1);
  });

  it('closes a file that others could read', async () => {
    await openKeyring(folder);
    await chmod(file(), 0o644);
    await openKeyring(folder);
    expect((await stat(file())).mode & 0o777).to.equal(0o600);
  });

  it('takes the relayer of the caller', async () => {
    const relayerKey = new Uint8Array(32).fill(3);
    const { relayer } = await openKeyring(folder, { relayerKey });
    expect(relayer.address).to.equal(addressOfKey(relayerKey));
  });

  it('signs as its accounts', async () => {
    const { operator } = await openKeyring(folder);
    expect(recoverSigner(digest, operator.sign(digest))).to.equal(operator.address);
  });

  it('says that a file is damaged, and nothing of what is in it', async () => {
    await openKeyring(folder);
    const text = await readFile(file(), 'utf8');
    const { master } = JSON.parse(text) as { master: string };
    for (const damaged of [
      text.slice(0, 90),
      text.replace('"version": 1', '"version": 9'),
      text.replace(master, '0x12'),
    ]) {
      await writeFile(file(), damaged);
      const error = await openKeyring(folder).then(
        () => null,
        (reason: unknown) => reason,
      );
      expect(codeOf(error)).to.equal('keyring.damaged');
      expect(inspect(error, { depth: 9 })).not.to.include(master.slice(2, 20));
    }
  });

  it('shows no secret when it is logged', async () => {
    const keyring = await openKeyring(folder);
    const { version: _, ...secrets } = JSON.parse(await readFile(file(), 'utf8')) as Record<string, string>;
    const shown = [
      inspect(keyring, { depth: 9, showHidden: true, getters: false }),
      inspect({ keyring }, { depth: 9 }),
      JSON.stringify({ keyring }),
      inspect(keyring.operator, { depth: 9, showHidden: true }),
    ].join('\n');
    for (const secret of Object.values(secrets)) {
      const key = fromHex(secret);
      expect(shown).not.to.include(secret.slice(2));
      expect(shown).not.to.include(Buffer.from(key).toString('base64'));
      expect(shown).not.to.include(Array.from(key.slice(0, 6)).join(', '));
    }
  });

  describe('wrap', () => {
    it('opens for the same purpose and place, with a fresh nonce each time', async () => {
      const keyring = await openKeyring(folder);
      const secret = utf8('a disclosure');
      for (const purpose of wrapPurposes) {
        // What opens disclosures asks for a proof that the showing is logged: test/api/privacy.
        if (purpose === 'disclosure') continue;
        const wrapped = keyring.wrap(purpose, secret, digest);
        expect(toHex(wrapped)).not.to.equal(toHex(keyring.wrap(purpose, secret, digest)));
        expect(toHex((await openKeyring(folder)).unwrap(purpose, wrapped, digest))).to.equal(toHex(secret));
      }
    });

    it('never repeats a nonce', async () => {
      const keyring = await openKeyring(folder);
      const nonces = Array.from({ length: 2_000 }, () =>
        toHex(keyring.wrap('blockKey', digest, digest).subarray(1, 13)),
      );
      expect(new Set(nonces)).to.have.property('size', nonces.length);
    });

    it('opens nowhere else and not when altered', async () => {
      const keyring = await openKeyring(folder);
      const wrapped = keyring.wrap('blockKey', new Uint8Array(32), digest);
      const other = await temporaryFolder();
      const stranger = await openKeyring(other.folder);
      const attempts: (() => unknown)[] = [
        () => keyring.unwrap('identifier', wrapped, digest),
        () => keyring.unwrap('blockKey', wrapped, new Uint8Array(32)),
        () => stranger.unwrap('blockKey', wrapped, digest),
        () => keyring.unwrap('blockKey', wrapped.subarray(0, 20), digest),
        () => keyring.unwrap('blockKey', new Uint8Array(), digest),
        ...Array.from(wrapped, (byte, index) => () => {
          const altered = new Uint8Array(wrapped);
          altered[index] = byte ^ 1;
          return keyring.unwrap('blockKey', altered, digest);
        }),
      ];
      for (const attempt of attempts) expect(codeOf(caught(attempt))).to.equal('keyring.unwrap');
      await other.remove();
    });
  });
});
