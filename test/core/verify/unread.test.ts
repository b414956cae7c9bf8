import { expect } from 'chai';
import { toBase64Url } from '../../../core/bytes.ts';
import { factsOf } from '../../../core/credential/facts.ts';
import { VinculumError } from '../../../core/errors.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { renderReport } from '../../../core/pdf/renderReport.ts';
import { evaluate, generatePseudonymKeys } from '../../../core/pseudonym/pseudonym.ts';
import { type Report, readReport, type UnreadLedger } from '../../../core/report/report.ts';
import type { Verification } from '../../../core/verify/result.ts';
import { verify } from '../../../core/verify/verify.ts';
import { expectCode } from '../../expectCode.ts';
import { CAR, NEVER, sampleWorld } from './world.ts';

const { world } = sampleWorld();
const check = (report: Report): Promise<Verification> => verify(readReport(report), world.trust, world.view);

const reservations = (result: Verification): string[] =>
  result.steps.flatMap(({ step, checks }) =>
    checks.flatMap(({ outcome, code }) => (outcome === 'passed' ? [] : [`${outcome} ${step} ${code}`])),
  );

/** The report in which the operator says of its ledger that it cannot show it. */
function unreadReport(vin: string, reason: UnreadLedger['reason']): Report & { unread: UnreadLedger[] } {
  const report = world.report(vin);
  const [section] = report.ledgers;
  if (section === undefined) throw new Error('no section');
  const { ledger, subject, transcript } = section;
  const unread: UnreadLedger[] =
    reason === 'key' ? [{ ledger, reason }] : [{ ledger, reason, subject, transcript }];
  return { ...report, ledgers: [], contents: {}, unread };
}

describe('a ledger that the operator cannot show', () => {
  for (const reason of ['chain', 'behind', 'unreadable'] as const) {
    it(`(${reason}) makes the report incomplete, by name; a reader with a source sees that there is more`, async () => {
      const result = await check(unreadReport(CAR, reason));
      expect(result.verdict).to.equal('incomplete');
      expect(reservations(result)).to.deep.equal([
        'incomplete ledgers ledger.unread',
        'incomplete completeness head.unread',
      ]);
      const named = result.steps.flatMap(({ checks }) =>
        checks.filter(({ code }) => code === 'ledger.unread').map(({ at }) => at),
      );
      expect(named).to.deep.equal([{ ledger: world.report(CAR).ledgers[0]?.ledger, reason }]);
      expect(result.entries).to.deep.equal([]);
    });
  }

  it('is never verified, not even where a reader finds nothing in it', async () => {
    const result = await check(unreadReport(NEVER, 'chain'));
    expect(result.verdict).to.equal('incomplete');
    expect(reservations(result)).to.deep.equal(['incomplete ledgers ledger.unread']);
  });

  it('(key) is incomplete without a subject: nobody here can name it', async () => {
    const result = await check(unreadReport(CAR, 'key'));
    expect(result.verdict).to.equal('incomplete');
    expect(reservations(result)).to.deep.equal(['incomplete ledgers ledger.unread']);
  });

  it('is incomplete once, where the reader has no source for it either', async () => {
    const result = await verify(unreadReport(CAR, 'chain'), world.trust, async () => null);
    expect(reservations(result)).to.deep.equal([
      'incomplete ledgers directory.unread',
      'incomplete ledgers ledger.unread',
    ]);
  });

  it('is not asked of a storage proof, which shows only what is claimed', async () => {
    const views = async (chainId: bigint) => {
      const view = await world.view(chainId);
      if (view === null) return null;
      const head = async () => {
        throw new VinculumError('proof.missingNode', 'The proof lacks a node on the way.');
      };
      return { ...view, head };
    };
    const result = await verify(unreadReport(CAR, 'behind'), world.trust, views);
    expect(reservations(result)).to.deep.equal(['incomplete ledgers ledger.unread']);
  });

  it('stands in a credential as unread', async () => {
    const report = unreadReport(CAR, 'chain');
    const facts = factsOf(JSON.stringify(report), report, await check(report));
    expect(facts.verdict).to.equal('incomplete');
    expect(facts.coverage.unreadLedgers).to.deep.equal([report.unread[0]?.ledger]);
  });

  it('is named on the pages of a PDF', async () => {
    for (const language of ['en', 'zh'] as const) {
      const parameters = { language, page: 'https://vinculum.example/r', final: false };
      const pages = async (unread: Report['unread']) => {
        const report = { ...world.report(NEVER), ...(unread === undefined ? {} : { unread }) };
        return (await renderReport(JSON.stringify(report), parameters)).length;
      };
      const far = { ledger: `eip155:1:0x${'77'.repeat(20)}`, reason: 'key' } as const;
      // The attached text grows as well: by less than the sentence beside it.
      expect(await pages([far])).to.be.greaterThan((await pages([])) + JSON.stringify(far).length);
    }
  });

  const lies: [string, string, (report: ReturnType<typeof unreadReport>) => unknown][] = [
    [
      'is shown and said to be unread',
      'failed ledgers ledger.twice',
      (r) => Object.assign(r, { ledgers: world.report(CAR).ledgers }),
    ],
    ['is said to be unread twice', 'failed ledgers ledger.twice', (r) => r.unread.push(...r.unread)],
    [
      'is none of the directory',
      'failed ledgers ledger.notInDirectory',
      (r) => r.unread.push({ ledger: `eip155:1:0x${'77'.repeat(20)}`, reason: 'key' }),
    ],
    ['is left out altogether', 'failed ledgers ledger.leftOut', (r) => r.unread.pop()],
    [
      'is given another subject',
      'failed subject subject.pseudonym',
      (r) => Object.assign(r.unread[0] ?? {}, { subject: `0x${'ab'.repeat(32)}` }),
    ],
    [
      'is given the subject of another key',
      'failed subject pseudonym.invalidTranscript',
      (r) => {
        const { subject, transcript } = evaluate(generatePseudonymKeys(), parseIdentifier(CAR));
        const { evaluated, proof } = transcript;
        const told = { evaluated: toBase64Url(evaluated), proof: toBase64Url(proof) };
        Object.assign(r.unread[0] ?? {}, { subject, transcript: told });
      },
    ],
  ];
  for (const [lie, code, tell] of lies) {
    it(`refutes the report when it ${lie}: ${code}`, async () => {
      const report = unreadReport(CAR, 'chain');
      tell(report);
      const result = await check(report);
      expect(result.verdict).to.equal('refuted');
      expect(reservations(result)).to.include(code);
    });
  }

  it('has a reason that is known, and claims no more than it may', async () => {
    const odd = (member: object) => ({ ...unreadReport(CAR, 'key'), unread: [member] });
    const ledger = `eip155:1:0x${'77'.repeat(20)}`;
    await expectCode('report.malformed', () => readReport(odd({ ledger, reason: 'trust me' })));
    await expectCode('report.malformed', () => readReport(odd({ ledger, reason: 'chain' })));
    await expectCode('report.malformed', () => readReport(odd({ ledger, reason: 'key', links: [] })));
  });
});
