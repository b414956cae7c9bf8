import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import {
  alertLinkHash,
  type LinkAnswer,
  linkAnswerHash,
  linkSecrets,
  readAlertLink,
  readLinkAnswer,
  signAlertLink,
  signLinkAnswer,
} from '../../../core/alerts/link.ts';
import { fromHex, toHex } from '../../../core/bytes.ts';
import { addressOfKey } from '../../../core/chain/submission.ts';
import type { Address, Digest } from '../../../core/chain/types.ts';
import { type partCodeVectors, partCodeVectorsFile } from '../../../scripts/vectors/partCodes.ts';
import { expectRefusal } from '../../refusal.ts';

const { links } = JSON.parse(readFileSync(partCodeVectorsFile, 'utf8')) as ReturnType<typeof partCodeVectors>;
const ledger = { chainId: 31337n, address: `0x${'ab'.repeat(20)}` as Address };
const raiser = new Uint8Array(32).fill(1);
const { holder, bearer, secretKey, opener } = linkSecrets(new Uint8Array(32).fill(2));
const link = { alert: `0x${'11'.repeat(32)}` as Digest, holder, bearer, from: 1000n, until: 2000n };
const signed = readAlertLink(ledger, signAlertLink(ledger, link, raiser));
const answer: LinkAnswer = { link: signed.hash, status: 'accepted', reason: '', by: 'Outside', at: 1500n };

describe('links of alerts', () => {
  it('are those of the golden vectors, which ethers made', () => {
    for (const vector of links) {
      const on = { chainId: BigInt(vector.ledger.chainId), address: vector.ledger.address as Address };
      const secrets = linkSecrets(fromHex(vector.token));
      expect(toHex(secrets.opener)).to.equal(vector.opener);
      expect([secrets.holder, secrets.bearer]).to.deep.equal([vector.link.holder, vector.link.bearer]);
      const read = readAlertLink(on, vector.link);
      expect([read.hash, read.signer]).to.deep.equal([vector.hash, vector.signer]);
      const said = readLinkAnswer(on, read, vector.answer);
      expect(linkAnswerHash(on, said)).to.equal(vector.answerHash);
      expect(signLinkAnswer(on, said, secrets.secretKey)).to.deep.equal(vector.answer);
    }
  });

  it('make two secrets of a token: what opens does not sign', () => {
    expect(addressOfKey(secretKey)).to.equal(holder);
    expect(toHex(opener)).not.to.equal(toHex(secretKey));
    expectRefusal(() => linkSecrets(new Uint8Array(31)), 'alert.linkToken');
  });

  it('take the answer of their own key, within their time, and of no other', () => {
    expect(readLinkAnswer(ledger, signed, signLinkAnswer(ledger, answer, secretKey))).to.deep.equal(answer);
    const refused = (changes: Partial<LinkAnswer>, key: Uint8Array, code: string): void =>
      expectRefusal(
        () => readLinkAnswer(ledger, signed, signLinkAnswer(ledger, { ...answer, ...changes }, key)),
        code,
      );
    refused({}, raiser, 'alert.linkSignature');
    refused({ link: alertLinkHash(ledger, { ...link, until: 2001n }) }, secretKey, 'alert.linkSignature');
    refused({ at: 999n }, secretKey, 'alert.linkExpired');
    refused({ at: 2001n }, secretKey, 'alert.linkExpired');
    refused({ status: 'declined', reason: ' ' }, secretKey, 'alert.reasonMissing');
    const other = { ...ledger, chainId: 1n };
    expectRefusal(
      () => readLinkAnswer(ledger, signed, signLinkAnswer(other, answer, secretKey)),
      'alert.linkSignature',
    );
    const said = signLinkAnswer(ledger, answer, secretKey);
    expectRefusal(
      () => readLinkAnswer(ledger, signed, { ...said, status: 'declined' }),
      'alert.linkSignature',
    );
    expectRefusal(() => readLinkAnswer(ledger, signed, { ...said, status: 'closed' }), 'alert.linkMalformed');
    expectRefusal(() => readLinkAnswer(ledger, signed, { ...said, by: 'a\u0007b' }), 'alert.linkMalformed');
  });

  it('are refused with another form or time', () => {
    const json = signAlertLink(ledger, link, raiser);
    expectRefusal(() => readAlertLink(ledger, { ...json, until: 999 }), 'alert.linkTime');
    expectRefusal(() => readAlertLink(ledger, { ...json, until: 1000 + 367 * 86_400 }), 'alert.linkTime');
    expectRefusal(() => readAlertLink(ledger, { ...json, more: 1 }), 'alert.linkMalformed');
    expect(readAlertLink(ledger, { ...json, until: 1999 }).signer).not.to.equal(addressOfKey(raiser));
  });
});
