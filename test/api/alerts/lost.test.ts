import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { recordAlerts } from '../../../api/alerts/record.ts';
import type { AcceptedEntry } from '../../../api/pipeline.ts';
import type { AlertStatus } from '../../../core/alerts/alert.ts';
import { fromHex } from '../../../core/bytes.ts';
import { packEntries } from '../../../core/chain/entry.ts';
import type { Disclosure } from '../../../core/envelope/disclosure.ts';
import { type ComposedEntry, openEnvelope, openSealed } from '../../../core/envelope/envelope.ts';
import { type Attester, sharedService, type TestService } from '../fixture.ts';
import { answered, freshReference, handIn, putOnLedger, raised } from './world.ts';

/** A deadline that no test comes to. */
const NEVER = 4_000_000_000n;

/** Submissions expire and lose their nonces: what was in them counts for nothing, and is in nobody's way. */
describe('alerts and answers that never reached the ledger', function () {
  this.timeout(120_000);
  let test: TestService;
  let [raiser, recipient]: Attester[] = [];
  const tokens = new Map<Attester, string>();

  const who = () => {
    if (!raiser || !recipient) throw new TypeError('not admitted');
    return { raiser, recipient };
  };
  const tokenOf = (attester: Attester): string => tokens.get(attester) ?? '';
  const store = () => test.service.services.store;

  before(async () => {
    test = await sharedService();
    raiser = await test.admit('Raises what is lost', ['supplier']);
    recipient = await test.admit('Answers what is lost', ['supplier']);
    for (const one of [raiser, recipient]) tokens.set(one, await test.signIn(one));
  });
  // Nothing that is stuck stays behind for the others who use this service.
  after(() => store().execute(`DELETE FROM submissions WHERE deadline = ${NEVER}`));

  /** As if it had been accepted in a submission that ended so, or that is stuck. */
  async function accepted(
    by: Attester,
    composed: ComposedEntry,
    state: 'expired' | 'conflicted' | 'stored',
  ): Promise<void> {
    const envelope = openEnvelope(composed.block, composed.key);
    const sealed = openSealed(envelope, composed.disclosures as Disclosure[]);
    const own = await test.service.services.pipeline.ownLedger();
    await store().transaction(async (transaction) => {
      await transaction.execute(
        `INSERT INTO submissions (hash, ledger, organisation, nonce, signer, deadline, entries, signature, state, next_attempt_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + interval '1 day')`,
        [
          ...[randomBytes(32), own, by.id, BigInt(`0x${randomBytes(8).toString('hex')}`)],
          ...[fromHex(by.signer, 20), NEVER, packEntries([composed.entry]), randomBytes(65), state],
        ],
      );
      const entry = { ...composed.entry, envelope, sealed } as AcceptedEntry;
      await recordAlerts(transaction, [entry], { ledger: test.ledger, own, now: new Date() });
    });
  }

  const raise = async () => {
    const { raiser, recipient } = who();
    const alert = { attester: raiser, reference: freshReference() };
    const entry = raised(test, raiser, alert.reference, { recipient: recipient.id.toString() });
    await putOnLedger(test, raiser, tokenOf(raiser), '/v1/alerts', [entry]);
    return alert;
  };
  const seen = async (by: Attester, reference: string) =>
    (await test.get(`/v1/alerts/${reference}`, { token: tokenOf(by) })).body;
  const answer = (by: Attester, alert: { reference: string }, entry: ComposedEntry) =>
    putOnLedger(test, by, tokenOf(by), `/v1/alerts/${alert.reference}/answers`, [entry]);

  for (const state of ['expired', 'conflicted'] as const) {
    it(`an answer whose submission is ${state} can be given again, anew or as it was`, async () => {
      const { raiser, recipient } = who();
      const alert = await raise();
      const lost = answered(test, recipient, alert, 'acknowledged');
      await accepted(recipient, lost, state);
      const view = await seen(raiser, alert.reference);
      expect([view.state, view.answers, view.pending]).to.deep.equal(['raised', [], []]);
      await answer(recipient, alert, lost);
      const again = await raise();
      await accepted(recipient, answered(test, recipient, again, 'accepted'), state);
      await answer(recipient, again, answered(test, recipient, again, 'acknowledged'));
      await answer(recipient, again, answered(test, recipient, again, 'accepted'));
      for (const [{ reference }, end] of [
        [alert, 'acknowledged'],
        [again, 'accepted'],
      ] as const) {
        expect((await seen(raiser, reference)).state).to.equal(end);
      }
    });
  }

  it('a raiser who only says that it closes silences nobody', async () => {
    const { raiser, recipient } = who();
    for (const state of ['conflicted', 'stored'] as const) {
      const alert = await raise();
      await accepted(raiser, answered(test, raiser, alert, 'closed'), state);
      await answer(recipient, alert, answered(test, recipient, alert, 'declined', { description: 'No.' }));
      expect((await seen(recipient, alert.reference)).state).to.equal('declined');
    }
  });

  it('one’s own answer that is on its way is judged as one that counts', async () => {
    const { recipient } = who();
    const alert = await raise();
    await accepted(recipient, answered(test, recipient, alert, 'accepted'), 'stored');
    expect((await seen(recipient, alert.reference)).pending).to.have.length(1);
    const reply = await handIn(test, recipient, tokenOf(recipient), `/v1/alerts/${alert.reference}/answers`, [
      answered(test, recipient, alert, 'acknowledged'),
    ]);
    expect(reply.body.code).to.equal('alert.wrongState');
  });

  it('what is on the ledger already has its content taken, whatever stands against it', async () => {
    const { raiser, recipient } = who();
    const alert = await raise();
    const early = answered(test, recipient, alert, 'accepted');
    await answer(recipient, alert, early);
    await answer(raiser, alert, answered(test, raiser, alert, 'closed'));
    // As if only its digest had come here, by another operator.
    const { digest } = early.entry;
    await store().execute('DELETE FROM alert_answers WHERE digest = $1', [fromHex(digest, 32)]);
    await answer(recipient, alert, early);
    const statuses = (await seen(raiser, alert.reference)).answers.map(
      ({ status }: { status: AlertStatus }) => status,
    );
    expect(statuses).to.deep.equal(['accepted', 'closed']);
  });

  it('an alert can be raised again as it was, and a lost one keeps no reference', async () => {
    const { raiser, recipient } = who();
    const lost = (reference: string) =>
      raised(test, raiser, reference, { recipient: recipient.id.toString() });
    const [same, other] = [freshReference(), freshReference()];
    const entry = lost(same);
    await accepted(raiser, entry, 'expired');
    await putOnLedger(test, raiser, tokenOf(raiser), '/v1/alerts', [entry]);
    // On the ledger, and once more: the same entry is no other alert.
    await putOnLedger(test, raiser, tokenOf(raiser), '/v1/alerts', [entry]);
    await accepted(raiser, lost(other), 'conflicted');
    const anew = lost(other);
    await putOnLedger(test, raiser, tokenOf(raiser), '/v1/alerts', [anew]);
    expect((await seen(recipient, same)).entry).to.equal(entry.entry.digest);
    expect((await seen(recipient, other)).entry).to.equal(anew.entry.digest);
    const taken = await handIn(test, raiser, tokenOf(raiser), '/v1/alerts', [lost(other)]);
    expect(taken.body.code).to.equal('alert.referenceTaken');
  });
});
