import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { toHex } from '../../../core/bytes.ts';
import type { Address, Subject } from '../../../core/chain/types.ts';
import { VinculumError } from '../../../core/errors.ts';
import {
  type AccessEntry,
  type AccessHead,
  foldAccess,
  signAccessHead,
  ZERO_ACCESS_HEAD,
} from '../../../core/privacy/accessLog.ts';
import { checkLog, type KeptHead } from '../../../web/model/accessLog.ts';

const ledger = { chainId: 7n, address: `0x${'1e'.repeat(20)}` as Address };
const subject = toHex(randomBytes(32)) as Subject;
const operator = randomBytes(32);

const entries = (count: number, from = 0): AccessEntry[] =>
  Array.from({ length: count }, (_, index) => ({
    at: 1_800_000_000 + index,
    consent: null,
    position: from + index,
    purpose: 'owner',
    reader: 'operator',
    route: 'getVehicleReport',
    shown: [{ digest: `0x${'aa'.repeat(32)}`, fields: [`note`, `plate`] }],
  }));

/** The pages that an operator answers with, signed for as many entries as they have. */
function pages(
  log: readonly AccessEntry[],
  options: { from?: { position: number; head: AccessHead }; each?: number } = {},
) {
  const { from = { position: 0, head: ZERO_ACCESS_HEAD }, each = 1000 } = options;
  const head = foldAccess(log, from.head, from.position);
  const state = signAccessHead(
    ledger,
    { subject, length: BigInt(from.position + log.length), head, at: 1_900_000_000n },
    operator,
  );
  const groups = log.length === 0 ? [[]] : [];
  for (let start = 0; start < log.length; start += each) groups.push(log.slice(start, start + each) as never);
  return groups.map((group) => ({ tenure: 2, from, entries: group, next: null, state }));
}

const refuses = (run: () => unknown, code: string): void => {
  expect(run).to.throw(VinculumError).with.property('code', code);
};

describe('checkLog', () => {
  it('folds a log of several pages, and says what came since', () => {
    const log = entries(5);
    const first = checkLog(ledger, subject, pages(log.slice(0, 3), { each: 2 }), null);
    expect(first.since).to.deep.equal({ kept: null, added: 3 });
    const later = checkLog(ledger, subject, pages(log), first.head);
    expect(later.since.added).to.equal(2);
    expect(later.entries).to.have.length(5);
    expect(checkLog(ledger, subject, pages(log), later.head).since.added).to.equal(0);
  });

  it('folds on from where an owner’s time begins', () => {
    const earlier = entries(4);
    const from = { position: 4, head: foldAccess(earlier) };
    const { head } = checkLog(ledger, subject, pages(entries(2, 4), { from }), null);
    expect(head.length).to.equal(6);
    // The operator can’t begin later than before, and so hide what came first.
    const hidden = { position: 5, head: foldAccess(entries(1, 4), from.head, 4) };
    refuses(
      () => checkLog(ledger, subject, pages(entries(1, 5), { from: hidden }), head),
      'access.rewritten',
    );
  });

  it('goes on with a log that retention has cut at its beginning, and still tells an entry taken out after that', () => {
    const log = entries(5);
    const kept = checkLog(ledger, subject, pages(log.slice(0, 4)), null).head;
    const from = { position: 2, head: foldAccess(log.slice(0, 2)) };
    expect(checkLog(ledger, subject, pages(log.slice(2), { from }), kept).since.added).to.equal(1);
    const wrong = { position: 2, head: foldAccess(log.slice(0, 1)) };
    refuses(() => checkLog(ledger, subject, pages(log.slice(2), { from: wrong }), kept), 'access.rewritten');
    const all = { position: 5, head: foldAccess(log) };
    expect(checkLog(ledger, subject, pages([], { from: all }), kept).since.added).to.equal(1);
  });

  it('tells an entry that was taken out, from the end, the middle or the beginning', () => {
    const log = entries(4);
    const { head } = checkLog(ledger, subject, pages(log), null);
    refuses(() => checkLog(ledger, subject, pages(log.slice(0, 3)), head), 'access.shortened');
    const without = log.filter((_, index) => index !== 1).map((entry, position) => ({ ...entry, position }));
    const filler = { ...entries(1)[0], position: 3, reader: `account:0x${'ab'.repeat(20)}` } as AccessEntry;
    refuses(() => checkLog(ledger, subject, pages([...without, filler]), head), 'access.rewritten');
    refuses(() => checkLog(ledger, subject, pages([]), head), 'access.shortened');
    const altered = log.map((entry, index) => (index === 2 ? { ...entry, purpose: 'repair' } : entry));
    refuses(() => checkLog(ledger, subject, pages(altered), head), 'access.rewritten');
  });

  it('takes no head that is of another log, or signed by nobody', () => {
    const log = entries(2);
    const [page] = pages(log);
    refuses(() => checkLog(ledger, toHex(randomBytes(32)), pages(log), null), 'access.otherLog');
    refuses(
      () => checkLog(ledger, subject, [{ ...page, entries: log.slice(0, 1) }], null),
      'access.otherLog',
    );
    refuses(() => checkLog(ledger, subject, [{ ...page, entries: log.slice(1) }], null), 'access.position');
    const state = { ...page?.state, signature: `0x${'11'.repeat(65)}` };
    refuses(() => checkLog(ledger, subject, [{ ...page, state }], null), 'access.signature');
    for (const broken of [[], [{}], [{ ...page, from: null }], [{ ...page, entries: 'none' }]]) {
      refuses(() => checkLog(ledger, subject, broken, null), 'access.malformed');
    }
  });

  it('keeps what was seen for the next time', () => {
    const { head } = checkLog(ledger, subject, pages(entries(1)), null);
    const kept = JSON.parse(JSON.stringify(head)) as KeptHead;
    expect(checkLog(ledger, subject, pages(entries(1)), kept).since.kept).to.deep.equal(head);
  });
});
