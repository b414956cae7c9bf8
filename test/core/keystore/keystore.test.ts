import { keccak_256 } from '@noble/hashes/sha3.js';
import { expect } from 'chai';
import { encryptKeystoreJson, Wallet } from 'ethers';
import fc from 'fast-check';
import { fromHex, toHex, utf8 } from '../../../core/bytes.ts';
import { addressOfKey } from '../../../core/chain/submission.ts';
import { isVinculumError } from '../../../core/errors.ts';
import {
  decryptKeystore,
  encryptKeystore,
  MAX_KEYSTORE_CHARACTERS,
  portableScrypt,
  type Scrypt,
  type ScryptCost,
} from '../../../core/keystore/keystore.ts';
import { expectCode } from '../../expectCode.ts';

const secretKey = fromHex(`0x${'11'.repeat(32)}`, 32);
const LIGHT: ScryptCost = { N: 2 ** 10, r: 8, p: 1 };

/** The two test vectors of the Web3 Secret Storage definition: one key, one password. */
const STATED = '0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d';
const vectors = {
  pbkdf2: {
    crypto: {
      cipher: 'aes-128-ctr',
      cipherparams: { iv: '6087dab2f9fdbbfaddc31a909735c1e6' },
      ciphertext: '5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46',
      kdf: 'pbkdf2',
      kdfparams: {
        c: 262144,
        dklen: 32,
        prf: 'hmac-sha256',
        salt: 'ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd',
      },
      mac: '517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2',
    },
    id: '3198bc9c-6672-5ab3-d995-4942343ae5b6',
    version: 3,
  },
  scrypt: {
    crypto: {
      cipher: 'aes-128-ctr',
      cipherparams: { iv: '83dbcc02d8ccb40e466191a123791e0e' },
      ciphertext: 'd172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c',
      kdf: 'scrypt',
      kdfparams: {
        dklen: 32,
        n: 262144,
        r: 1,
        p: 8,
        salt: 'ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19',
      },
      mac: '2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097',
    },
    id: '3198bc9c-6672-5ab3-d995-4942343ae5b6',
    version: 3,
  },
} as const;

describe('keystore', () => {
  for (const [name, file] of Object.entries(vectors)) {
    it(`opens the definition’s own test vector with ${name}`, async () => {
      const opened = await decryptKeystore(JSON.stringify(file), 'testpassword');
      expect(toHex(opened.secretKey)).to.equal(STATED);
      expect(opened.address).to.equal(addressOfKey(fromHex(STATED)));
    });
  }

  it('writes what ethers reads, and reads what ethers writes', async () => {
    for (const password of ['a password', 'naïve ﬁ ½', '密码', '']) {
      const ours = await encryptKeystore(secretKey, password, { cost: LIGHT });
      const wallet = await Wallet.fromEncryptedJson(JSON.stringify(ours), password);
      expect(wallet.privateKey).to.equal(toHex(secretKey));
      const account = { address: addressOfKey(secretKey), privateKey: toHex(secretKey) };
      const theirs = await encryptKeystoreJson(account, password, { scrypt: { N: LIGHT.N } });
      expect((await decryptKeystore(theirs, password)).secretKey).to.deep.equal(secretKey);
    }
  });

  it('opens a file whose wallet took the password as it was typed', async () => {
    const typed: Scrypt = (_, salt, cost, length) => portableScrypt(utf8('ﬁ'), salt, cost, length);
    const file = await encryptKeystore(secretKey, 'ﬁ', { cost: LIGHT, scrypt: typed });
    expect((await decryptKeystore(JSON.stringify(file), 'ﬁ')).secretKey).to.deep.equal(secretKey);
    await expectCode('keystore.wrongPassword', () => decryptKeystore(JSON.stringify(file), 'fi'));
  });

  it('takes its randomness from one place, and shows nothing of the key', async () => {
    let asked = 0;
    const random = (bytes: number): Uint8Array => {
      asked += bytes;
      return new Uint8Array(bytes).fill(asked);
    };
    const file = await encryptKeystore(secretKey, 'x', { cost: LIGHT, random });
    expect(asked).to.equal(32 + 16 + 16);
    expect(file.id).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(JSON.stringify(file)).not.to.include('11'.repeat(8));
  });

  describe('of a hostile file', () => {
    const { scrypt: file } = vectors;
    const changed = (change: object, params: object = {}): string => {
      const kdfparams = { ...file.crypto.kdfparams, ...params };
      return JSON.stringify({ ...file, crypto: { ...file.crypto, kdfparams, ...change } });
    };
    const open = (text: string) => decryptKeystore(text, 'testpassword', { scrypt: refuse });
    const refuse: Scrypt = () => Promise.reject(new Error('nothing should be derived'));

    for (const [code, why, text] of [
      ['keystore.tooCostly', 'more than 512 MiB', changed({}, { n: 2 ** 23, r: 1 })],
      ['keystore.tooCostly', 'more than 512 MiB by wide blocks', changed({}, { n: 2 ** 15, r: 256 })],
      ['keystore.tooCostly', 'an unreasonable time', changed({}, { p: 128 })],
      [
        'keystore.tooCostly',
        'numbers beyond all measure',
        changed({}, { n: 2 ** 52, r: 2 ** 30, p: 2 ** 30 }),
      ],
      [
        'keystore.tooCostly',
        'too many iterations',
        changed({ kdf: 'pbkdf2', kdfparams: { ...vectors.pbkdf2.crypto.kdfparams, c: 10_000_001 } }),
      ],
      ['keystore.malformed', 'a cost that is no power of two', changed({}, { n: 262_143 })],
      ['keystore.malformed', 'a cost of one', changed({}, { n: 1 })],
      ['keystore.malformed', 'a cost of zero', changed({}, { p: 0 })],
      ['keystore.malformed', 'a fraction', changed({}, { r: 1.5 })],
      ['keystore.malformed', 'another length of key', changed({}, { dklen: 64 })],
      ['keystore.malformed', 'no salt', changed({}, { salt: '' })],
      ['keystore.malformed', 'a salt without end', changed({}, { salt: 'ab'.repeat(257) })],
      ['keystore.malformed', 'a short vector', changed({ cipherparams: { iv: 'ab' } })],
      ['keystore.malformed', 'a long ciphertext', changed({ ciphertext: 'ab'.repeat(33) })],
      ['keystore.malformed', 'no mac', changed({ mac: undefined })],
      ['keystore.malformed', 'no crypto', '{"version":3}'],
      ['keystore.malformed', 'no version', JSON.stringify({ crypto: file.crypto })],
      ['keystore.malformed', 'no JSON', 'hello'],
      ['keystore.malformed', 'null', 'null'],
      ['keystore.malformed', 'an address of another length', JSON.stringify({ ...file, address: 'ab' })],
      ['keystore.malformed', 'a text without end', ' '.repeat(MAX_KEYSTORE_CHARACTERS + 1)],
      ['keystore.unsupported', 'another version', JSON.stringify({ ...file, version: 1 })],
      ['keystore.unsupported', 'another cipher', changed({ cipher: 'aes-256-gcm' })],
      ['keystore.unsupported', 'another derivation', changed({ kdf: 'argon2id' })],
    ] as const) {
      it(`refuses ${why} with ${code}, before deriving anything`, () => expectCode(code, () => open(text)));
    }

    it('refuses another password, and anything altered', async () => {
      const small = await encryptKeystore(secretKey, 'right', { cost: LIGHT });
      await expectCode('keystore.wrongPassword', () => decryptKeystore(JSON.stringify(small), 'wrong'));
      for (const member of ['ciphertext', 'mac'] as const) {
        const crypto = { ...small.crypto, [member]: '00'.repeat(32) };
        const text = JSON.stringify({ ...small, crypto });
        await expectCode('keystore.wrongPassword', () => decryptKeystore(text, 'right'));
      }
      const iv = { cipherparams: { iv: '00'.repeat(16) } };
      const moved = JSON.stringify({ ...small, crypto: { ...small.crypto, ...iv } });
      await expectCode('keystore.address', () => decryptKeystore(moved, 'right'));
      const renamed = JSON.stringify({ ...small, address: '22'.repeat(20) });
      await expectCode('keystore.address', () => decryptKeystore(renamed, 'right'));
    });

    it('refuses a number that is no key', async () => {
      const honest: Scrypt = (password, salt, cost, length) => portableScrypt(password, salt, cost, length);
      const small = await encryptKeystore(secretKey, 'x', { cost: LIGHT, scrypt: honest });
      // The ciphertext of zero under the same keystream: what no private key is.
      const stream = fromHex(`0x${small.crypto.ciphertext}`).map(
        (byte, index) => byte ^ (secretKey[index] ?? 0),
      );
      const zero = toHex(stream).slice(2);
      const derived = await portableScrypt(utf8('x'), fromHex(`0x${small.crypto.kdfparams.salt}`), LIGHT, 32);
      const mac = toHex(keccak_256(Uint8Array.from([...derived.subarray(16), ...stream]))).slice(2);
      const text = JSON.stringify({ ...small, crypto: { ...small.crypto, ciphertext: zero, mac } });
      await expectCode('keystore.address', () => decryptKeystore(text, 'x'));
    });

    it('answers anything at all with nothing but its codes', async () => {
      const members = ['cipher', 'cipherparams', 'ciphertext', 'kdf', 'kdfparams', 'mac'] as const;
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...members), fc.json(), async (member, value) => {
          try {
            await open(changed({ [member]: JSON.parse(value) }));
          } catch (error) {
            expect(isVinculumError(error), String(error)).to.equal(true);
          }
        }),
      );
    });
  });
});
