import { expect } from 'chai';
import fc from 'fast-check';
import { fromHex, type Hex, toHex } from '../../../core/bytes.ts';
import { addressOfKey } from '../../../core/chain/submission.ts';
import type { Address, Subject } from '../../../core/chain/types.ts';
import {
  type AccessEntry,
  type AccessHead,
  type AccessState,
  accessHeadHash,
  checkAccessLog,
  foldAccess,
  nextAccessHead,
  readAccessEntries,
  readAccessHead,
  recoverAccessOperator,
  signAccessHead,
  ZERO_ACCESS_HEAD,
} from '../../../core/privacy/accessLog.ts';
import { expectCode } from '../../expectCode.ts';
import { first, ledgers } from './vectors.ts';

const { ledger, access } = first(ledgers);
const operatorKey = new Uint8Array(32).fill(7);

/** A log of so many showings, each of something else. */
function logOf(length: number): AccessEntry[] {
  return Array.from({ length }, (_, position) => ({
    at: 1_700_000_000 + position,
    consent: null,
    position,
    purpose: 'record',
    reader: `organisation:${position + 1}`,
    route: 'report',
    shown: [{ digest: `0x${'22'.repeat(32)}`, fields: ['note'] }],
  }));
}

const headAt = (entries: readonly AccessEntry[], length: number) => ({
  length: BigInt(length),
  head: foldAccess(entries.slice(0, length)),
});

describe('access log', () => {
  for (const { ledger: on, access: golden } of ledgers) {
    it(`folds to the golden heads, signed on chain ${on.chainId}`, () => {
      const entries = readAccessEntries(structuredClone(golden.entries));
      golden.heads.forEach(({ hash, json }, length) => {
        const state = readAccessHead(on, json);
        expect(foldAccess(entries.slice(0, length))).to.equal(json.head);
        expect(accessHeadHash(on, state)).to.equal(hash);
        expect(recoverAccessOperator(on, state, fromHex(json.signature))).to.equal(json.operator);
        checkAccessLog(entries, [state]);
      });
    });
  }

  it('folds on from a head as from the beginning', () => {
    const entries = logOf(5);
    const middle = foldAccess(entries.slice(0, 3));
    expect(foldAccess(entries.slice(3), middle, 3)).to.equal(foldAccess(entries));
    expect(nextAccessHead(ZERO_ACCESS_HEAD, first(entries))).to.equal(foldAccess(entries.slice(0, 1)));
  });

  it('has another head after any entry is taken out, put in, moved or altered', async () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 8 }), fc.nat(), fc.nat(3), (length, at, sort) => {
        const honest = logOf(length);
        const index = at % (length - 1);
        const lied = structuredClone(honest);
        if (sort === 0) lied.splice(index, 1);
        if (sort === 1) lied.splice(index, 0, structuredClone(honest[index] ?? first(honest)));
        if (sort === 2) lied.push(...lied.splice(index, 1));
        if (sort === 3) Object.assign(lied[index] ?? {}, { reader: 'operator' });
        const renumbered = lied.map((entry, position) => ({ ...entry, position }));
        expect(foldAccess(renumbered)).not.to.equal(foldAccess(honest));
        expect(() => checkAccessLog(renumbered, [headAt(honest, length)])).to.throw();
      }),
    );
  });

  describe('checkAccessLog', () => {
    const entries = logOf(4);
    it('lets a log grow through every head that was kept of it', () => {
      checkAccessLog(
        entries,
        [0, 1, 2, 3, 4].map((length) => headAt(entries, length)),
      );
      checkAccessLog([], []);
    });

    it('shows that an entry was taken out, wherever it stood', async () => {
      const kept = headAt(entries, 4);
      for (let index = 0; index < 4; index++) {
        const cut = entries.toSpliced(index, 1);
        if (index < 3) await expectCode('access.position', () => checkAccessLog(cut, [kept]));
        const renumbered = cut.map((entry, position) => ({ ...entry, position }));
        await expectCode('access.shortened', () => checkAccessLog(renumbered, [kept]));
        const padded = [...renumbered, { ...first(entries), position: 3 }];
        await expectCode('access.rewritten', () => checkAccessLog(padded, [kept]));
      }
    });

    it('names the head that does not hold', async () => {
      const heads = [headAt(entries, 1), { length: 2n, head: ZERO_ACCESS_HEAD }];
      const error = await expectCode('access.rewritten', () => checkAccessLog(entries, heads));
      expect((error as unknown as { details: object }).details).to.deep.equal({ index: 1, length: 2 });
      await expectCode('access.rewritten', () =>
        checkAccessLog(entries, [{ length: 0n, head: `0x${'01'.repeat(32)}` as AccessHead }]),
      );
    });
  });

  describe('signed heads', () => {
    const state: AccessState = {
      subject: `0x${'11'.repeat(32)}` as Subject,
      length: 3n,
      head: foldAccess(logOf(3)),
      at: 1_700_000_500n,
    };
    const json = signAccessHead(ledger, state, operatorKey);

    it('name the operator that signed them', () => {
      expect(readAccessHead(ledger, json)).to.deep.equal({ ...state, operator: addressOfKey(operatorKey) });
    });

    it('are refused from another signer, another ledger, or with anything changed', async () => {
      const other = `0x${'12'.repeat(32)}`;
      for (const change of [
        { operator: addressOfKey(new Uint8Array(32).fill(8)) },
        { subject: other },
        { head: other },
        { length: 2 },
        { at: 1 },
        { signature: toHex(new Uint8Array(65)) },
      ]) {
        await expectCode('access.signature', () => readAccessHead(ledger, { ...json, ...change }));
      }
      await expectCode('access.signature', () => readAccessHead({ ...ledger, chainId: 1n }, json));
      const elsewhere = { ...ledger, address: `0x${'99'.repeat(20)}` as Address };
      await expectCode('access.signature', () => readAccessHead(elsewhere, json));
      await expectCode('access.malformed', () => readAccessHead(ledger, { ...json, more: 1 }));
    });
  });

  describe('readAccessEntries', () => {
    const entry = first(access.entries);
    for (const [why, change] of [
      ['a reader of no known sort', { reader: 'somebody' }],
      ['organisation 0', { reader: 'organisation:0' }],
      ['an account in capitals', { reader: `account:0x${'AB'.repeat(20)}` }],
      ['a showing of nothing', { shown: [] }],
      ['an entry without fields', { shown: [{ digest: `0x${'22'.repeat(32)}`, fields: [] }] }],
      ['a field twice', { shown: [{ digest: `0x${'22'.repeat(32)}`, fields: ['note', 'note'] }] }],
      ['a position before the first', { position: -1 }],
      ['a purpose in many words', { purpose: 'to see what there is' }],
      ['a route of many lines', { route: 'a\nb' }],
      ['a consent that is no name', { consent: 'yes' as Hex }],
      ['a further member', { more: 1 }],
    ] as const) {
      it(`refuses ${why}`, () =>
        expectCode('access.malformed', () => readAccessEntries([{ ...entry, ...change }])));
    }
  });
});
