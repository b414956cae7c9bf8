import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { toBase64Url, toHex } from '../../../core/bytes.ts';
import { addressOfKey } from '../../../core/chain/submission.ts';
import type { Address, OrganisationId } from '../../../core/chain/types.ts';
import { VinculumError } from '../../../core/errors.ts';
import { formatIdentifier, parseIdentifier } from '../../../core/identifiers/identifier.ts';
import {
  PART_CODE_PATTERN,
  partCodeAddress,
  partCodeHash,
  readPartCode,
  signPartCode,
} from '../../../core/partCode/partCode.ts';
import { partCodeVectors, partCodeVectorsFile } from '../../../scripts/vectors/partCodes.ts';
import { expectRefusal } from '../../refusal.ts';

const vectors = JSON.parse(readFileSync(partCodeVectorsFile, 'utf8')) as ReturnType<typeof partCodeVectors>;
const key = new Uint8Array(32).fill(7);
const ledger = { chainId: 31337n, address: `0x${'ab'.repeat(20)}` as Address };
const code = {
  identifier: parseIdentifier('serial:safir.example:AB-1'),
  organisation: 8n as OrganisationId,
  ledger,
};

describe('part codes', () => {
  it('are those of the golden vectors, which ethers made', () => {
    expect(vectors).to.deep.equal(partCodeVectors());
    for (const vector of vectors.codes) {
      const read = readPartCode(vector.code);
      expect(formatIdentifier(read.identifier)).to.equal(vector.identifier);
      expect(read.organisation).to.equal(BigInt(vector.organisation));
      expect(read.ledger).to.deep.equal({
        chainId: BigInt(vector.ledger.chainId),
        address: vector.ledger.address,
      });
      expect(partCodeHash(read)).to.equal(vector.hash);
      expect(read.signer).to.equal(vector.signer);
      expect(vector.code).to.match(PART_CODE_PATTERN);
    }
  });

  it('read back as they were signed, whatever the number, and from the address that carries them', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[\x21-\x7e]{1,64}$/),
        fc.bigInt({ min: 1n, max: (1n << 64n) - 1n }),
        (value, organisation) => {
          const identifier = parseIdentifier(`serial:a.example:${value}`);
          const text = signPartCode(
            { identifier, organisation: organisation as OrganisationId, ledger },
            key,
          );
          for (const given of [text, ` ${text}\n`, partCodeAddress('https://vinculum.example/', text)]) {
            const read = readPartCode(given);
            expect(read).to.deep.include({ identifier, organisation, ledger, signer: addressOfKey(key) });
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('with any byte altered are of another signer, or none', () => {
    const text = signPartCode(code, key);
    const [, payload = '', signature = ''] = text.split('.');
    for (const [part, length] of [
      [1, Buffer.from(payload, 'base64url').length],
      [2, 65],
    ] as const) {
      for (let byte = 0; byte < length; byte++) {
        const bytes = [Buffer.from(payload, 'base64url'), Buffer.from(signature, 'base64url')] as const;
        const altered = bytes[part - 1] ?? Buffer.alloc(0);
        altered[byte] = (altered[byte] ?? 0) ^ 1;
        const forged = `VN1.${toBase64Url(bytes[0])}.${toBase64Url(bytes[1])}`;
        let signer: string | null;
        try {
          signer = readPartCode(forged).signer;
        } catch (error) {
          expect(error).to.be.instanceOf(VinculumError);
          signer = null;
        }
        expect(signer).not.to.equal(addressOfKey(key));
      }
    }
  });

  it('are refused where they are none, with the reason', () => {
    const text = signPartCode(code, key);
    const payload = (identifier: string): string =>
      `VN1.${toBase64Url(
        Buffer.concat([Buffer.alloc(7), Buffer.from([8]), Buffer.alloc(28, 1), Buffer.from(identifier)]),
      )}.${toBase64Url(new Uint8Array(65))}`;
    for (const [given, expected] of [
      ['', 'partCode.malformed'],
      ['VN1', 'partCode.malformed'],
      [text.slice(0, -1), 'partCode.malformed'],
      [`${text}.x`, 'partCode.malformed'],
      [text.replace('VN1', 'vn1'), 'partCode.malformed'],
      [text.replace('VN1', 'VN2'), 'partCode.unknownVersion'],
      [`${text}${'A'.repeat(400)}`, 'partCode.malformed'],
      [payload('vin:1HGCM82633A004352'), 'partCode.identifier'],
      [payload('serial:A.example:1'), 'partCode.identifier'],
      [payload('nonsense'), 'partCode.identifier'],
      [toHex(key), 'partCode.malformed'],
    ] as const) {
      expectRefusal(() => readPartCode(given), expected);
    }
    expectRefusal(
      () => signPartCode({ ...code, identifier: parseIdentifier('van:a.example:1') }, key),
      'partCode.identifier',
    );
    expectRefusal(
      () => signPartCode({ ...code, organisation: (1n << 64n) as OrganisationId }, key),
      'partCode.number',
    );
  });
});
