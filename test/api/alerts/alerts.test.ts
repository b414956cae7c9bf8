import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import type { AlertContent } from '../../../api/alerts/alerts.ts';
import {
  type AlertStatus,
  alertStates,
  alertStatuses,
  alertTransitions,
} from '../../../core/alerts/alert.ts';
import { linkSecrets, signAlertLink, signLinkAnswer } from '../../../core/alerts/link.ts';
import { fromBase64Url, fromHex, toBase64Url } from '../../../core/bytes.ts';
import { ZERO_SUBJECT } from '../../../core/chain/types.ts';
import { type Disclosure, openDisclosure } from '../../../core/envelope/disclosure.ts';
import { openEnvelope, openSealed } from '../../../core/envelope/envelope.ts';
import type { AccessEntry } from '../../../core/privacy/accessLog.ts';
import { type Attester, sharedService, type TestService } from '../fixture.ts';
import { answered, freshReference, handIn, putOnLedger, raised } from './world.ts';

describe('alerts from tier to tier', function () {
  this.timeout(120_000);
  let test: TestService;
  let [cells, packs, cars, dealer, stranger]: Attester[] = [];
  const tokens = new Map<Attester, string>();

  const tokenOf = (attester: Attester): string => tokens.get(attester) ?? '';
  const who = () => {
    if (!cells || !packs || !cars || !dealer || !stranger) throw new TypeError('not admitted');
    return { cells, packs, cars, dealer, stranger };
  };

  before(async () => {
    test = await sharedService();
    cells = await test.admit('Cells that alert', ['supplier']);
    packs = await test.admit('Packs that pass on', ['supplier']);
    cars = await test.admit('Cars at the end', ['manufacturer']);
    dealer = await test.admit('Dealer of the cars', ['dealer']);
    stranger = await test.admit('Nobody of these', ['supplier']);
    for (const one of [cells, packs, cars, dealer, stranger]) tokens.set(one, await test.signIn(one));
  });

  const raise = async (by: Attester, to: Attester, more: Readonly<Record<string, unknown>> = {}) => {
    const reference = freshReference();
    const entry = raised(test, by, reference, { recipient: to.id.toString(), ...more });
    await putOnLedger(test, by, tokenOf(by), '/v1/alerts', [entry]);
    return { attester: by, reference, entry };
  };
  const answer = (
    by: Attester,
    alert: { attester: Attester; reference: string },
    status: AlertStatus,
    sealed: Readonly<Record<string, unknown>> = {},
  ) =>
    putOnLedger(test, by, tokenOf(by), `/v1/alerts/${alert.reference}/answers`, [
      answered(test, by, alert, status, sealed),
    ]);
  const seen = async (by: Attester, reference: string) =>
    (await test.get(`/v1/alerts/${reference}`, { token: tokenOf(by) })).body;
  const sealedIn = ({ block, key, disclosures }: AlertContent) =>
    openSealed(openEnvelope(fromBase64Url(block), fromBase64Url(key)), disclosures as Disclosure[]);
  const sealedOf = (view: { contents: Record<string, AlertContent> }, entry: string) =>
    sealedIn(view.contents[entry] as AlertContent);

  it('are told to their recipient, opened for the two parties, and for nobody else', async () => {
    const { cells, packs, stranger } = who();
    const alert = await raise(cells, packs, {
      affectedBatches: ['batch:lithos.example:LC-1'],
      due: '2099-01-01',
    });
    const inbox = await test.get('/v1/alerts?box=in', { token: tokenOf(packs) });
    expect(inbox.body.alerts[0]).to.include({ reference: alert.reference, state: 'raised', overdue: false });
    await test.until(async () => {
      const { body } = await test.get('/v1/notices?unread=true', { token: tokenOf(packs) });
      return body.notices.some(
        (notice: { kind: string; content: { reference: string } }) =>
          notice.kind === 'alert.raised' && notice.content.reference === alert.reference,
      );
    });
    for (const party of [cells, packs]) {
      const { contents, entry } = await seen(party, alert.reference);
      const { block, key, disclosures } = contents[entry];
      const envelope = openEnvelope(fromBase64Url(block), fromBase64Url(key));
      expect(openSealed(envelope, disclosures as Disclosure[])).to.include({
        recipient: packs.id.toString(),
        description: 'Cracks',
      });
    }
    const other = await test.get(`/v1/alerts/${alert.reference}`, { token: tokenOf(stranger) });
    expect([other.status, other.body.code]).to.deep.equal([404, 'alert.unknown']);
    expect((await test.get('/v1/alerts?box=in', { token: tokenOf(stranger) })).body.alerts).to.deep.equal([]);
  });

  it('show each tier’s standing to who raised it first, and no names unless they are disclosed', async () => {
    const { cells, packs, cars, dealer } = who();
    const first = await raise(cells, packs);
    await answer(packs, first, 'acknowledged');
    const below = ['a', 'b'].map((name) => ({ attester: packs, reference: freshReference(), name }));
    const passes = { attester: cells.id.toString(), reference: first.reference };
    const [open, closed] = below;
    if (!open || !closed) throw new TypeError();
    await putOnLedger(test, packs, tokenOf(packs), '/v1/alerts', [
      raised(test, packs, open.reference, { recipient: cars.id.toString(), alert: passes, disclosed: true }),
      raised(test, packs, closed.reference, { recipient: dealer.id.toString(), alert: passes }),
      answered(test, packs, first, 'forwarded', { forwardedAs: below.map(({ reference }) => reference) }),
    ]);
    await answer(cars, open, 'accepted', { description: 'Held.' });
    const view = await seen(cells, first.reference);
    expect(view.state).to.equal('acknowledged');
    const { entry: named } = await seen(packs, open.reference);
    expect(view.tiers).to.deep.equal([
      {
        reference: open.reference,
        state: 'accepted',
        forwards: [],
        disclosed: { recipient: cars.id.toString(), entry: named },
      },
      { reference: closed.reference, state: 'raised', forwards: [] },
    ]);
    expect(JSON.stringify(view)).not.to.include(`"${dealer.id}"`);
    // The next tier does not learn who raised the first alert, nor its reference: from the view as little as from the entry.
    const there = await seen(dealer, closed.reference);
    expect(there.passesOn).to.equal(null);
    expect(sealedOf(there, there.entry))
      .to.include.keys('recipient', 'description')
      .and.not.any.keys('alert');
    const opened = JSON.stringify(there.contents[there.entry].disclosures.map(openDisclosure));
    expect(opened).not.to.include(first.reference);
    const { contents, entry, passesOn } = await seen(packs, closed.reference);
    expect([passesOn, sealedOf({ contents }, entry).alert]).to.deep.equal([passes, passes]);
    // Of an answer, which alert it is about is there: a reader checks it by that.
    await answer(dealer, closed, 'acknowledged');
    for (const party of [packs, dealer]) {
      const view = await seen(party, closed.reference);
      const about = { attester: packs.id.toString(), reference: closed.reference };
      expect(sealedOf(view, view.answers[0].entry).alert).to.deep.equal(about);
    }
  });

  it('show nothing as answered before the entry of the answer is on the ledger', async () => {
    const { cells, packs } = who();
    const alert = await raise(cells, packs);
    const reply = await handIn(test, packs, tokenOf(packs), `/v1/alerts/${alert.reference}/answers`, [
      answered(test, packs, alert, 'acknowledged'),
    ]);
    expect(reply.status).to.equal(202);
    await test.until(async () => {
      const { state, answers, pending } = await seen(cells, alert.reference);
      // Whatever the moment: the state follows the ledger.
      expect(state).to.equal(answers.length > 0 ? 'acknowledged' : 'raised');
      expect(answers.length + pending.length).to.equal(1);
      return answers.length === 1;
    });
    await test.until(async () => {
      const { body } = await test.get('/v1/notices', { token: tokenOf(cells) });
      return body.notices.some(
        (notice: { kind: string; content: { reference: string; status: string } }) =>
          notice.kind === 'alert.answered' && notice.content.reference === alert.reference,
      );
    });
  });

  it('take of everybody in every state exactly the answers of the table', async () => {
    const { cells, packs, stranger } = who();
    /** How to come to a state. */
    const ways: Readonly<Record<(typeof alertStates)[number], readonly [Attester, AlertStatus][]>> = {
      raised: [],
      acknowledged: [[packs, 'acknowledged']],
      accepted: [[packs, 'accepted']],
      declined: [[packs, 'declined']],
      closed: [[cells, 'closed']],
    };
    for (const state of alertStates) {
      const alert = { attester: cells, reference: freshReference() };
      await putOnLedger(test, cells, tokenOf(cells), '/v1/alerts', [
        raised(test, cells, alert.reference, { recipient: packs.id.toString() }),
      ]);
      for (const [by, status] of ways[state]) await answer(by, alert, status, { description: 'Because.' });
      for (const status of alertStatuses) {
        for (const [by, party] of [
          [packs, 'recipient'],
          [cells, 'raiser'],
          [stranger, null],
        ] as const) {
          const transition = alertTransitions[status];
          const allowed = transition.by === party && transition.from.includes(state);
          // Those that are allowed are tried in the other tests: here they would change the state.
          if (allowed) continue;
          const reply = await handIn(test, by, tokenOf(by), `/v1/alerts/${alert.reference}/answers`, [
            answered(test, by, alert, status, {
              description: 'Because.',
              ...(status === 'forwarded' ? { forwardedAs: [freshReference()] } : {}),
            }),
          ]);
          const expected =
            party === null
              ? 'alert.notParty'
              : transition.by !== party
                ? party === 'raiser'
                  ? 'alert.notRecipient'
                  : 'alert.notRaiser'
                : 'alert.wrongState';
          expect(reply.body.code, `${status} by ${party} when ${state}`).to.equal(expected);
        }
      }
      expect((await seen(cells, alert.reference)).state).to.equal(state);
    }
  });

  it('refuse what is no alert, or counts for nothing', async () => {
    const { cells, packs, cars, stranger } = who();
    const alert = await raise(cells, packs);
    const passes = { attester: cells.id.toString(), reference: alert.reference };
    const code = async (by: Attester, path: string, entries: Parameters<typeof handIn>[4]) =>
      (await handIn(test, by, tokenOf(by), path, entries)).body.code;
    const fresh = (sealed: Readonly<Record<string, unknown>>, by = cells) =>
      code(by, '/v1/alerts', [raised(test, by, freshReference(), sealed)]);
    expect(await fresh({})).to.equal('alert.recipient');
    expect(await fresh({ recipient: packs.id.toString(), customer: 'x.example' })).to.equal(
      'alert.recipient',
    );
    expect(await fresh({ recipient: cells.id.toString() })).to.equal('alert.ownRecipient');
    expect(await fresh({ recipient: '99999' })).to.equal('organisation.unknown');
    expect(await fresh({ recipient: cars.id.toString(), alert: passes }, stranger)).to.equal(
      'alert.notRecipient',
    );
    const twice = raised(test, stranger, alert.reference, { recipient: packs.id.toString() });
    expect(await code(stranger, '/v1/alerts', [twice])).to.equal('alert.referenceTaken');
    const answers = `/v1/alerts/${alert.reference}/answers`;
    expect(await code(packs, answers, [answered(test, packs, alert, 'declined')])).to.equal(
      'alert.reasonMissing',
    );
    await answer(packs, alert, 'acknowledged');
    const foreign = await raise(packs, cars);
    for (const forwardedAs of [[freshReference()], [foreign.reference]]) {
      const passed = answered(test, packs, alert, 'forwarded', { forwardedAs });
      expect(await code(packs, answers, [passed])).to.equal('alert.notForwarded');
    }
    const service = raised(test, cells, freshReference(), { recipient: packs.id.toString() });
    expect(await code(cells, answers, [service])).to.equal('alert.kinds');
    expect(await code(packs, '/v1/alerts', [answered(test, packs, alert, 'accepted')])).to.equal(
      'alert.kinds',
    );
    const other = await raise(cells, packs);
    const elsewhere = [answered(test, packs, alert, 'accepted'), answered(test, packs, other, 'accepted')];
    expect(await code(packs, answers, elsewhere)).to.equal('alert.otherAlert');
    expect((await seen(packs, other.reference)).pending).to.deep.equal([]);
  });

  it('remind of what is due, and tell both of what is overdue', async () => {
    const { cells, packs } = who();
    const alert = await raise(cells, packs, { due: '2020-01-01' });
    expect((await seen(cells, alert.reference)).overdue).to.equal(true);
    await test.service.services.alerts.tell();
    for (const party of [cells, packs]) {
      const { body } = await test.get('/v1/notices?limit=200', { token: tokenOf(party) });
      const told = body.notices.filter(
        (notice: { kind: string; content: { reference: string } }) =>
          notice.kind === 'alert.overdue' && notice.content.reference === alert.reference,
      );
      expect(told).to.have.length(1);
    }
  });

  it('told of although many answers wait for alerts that are not here', async () => {
    const { cells, packs, stranger } = who();
    const alert = await raise(cells, packs);
    // As many as one submission takes, and more than are told of at once.
    const nowhere = Array.from({ length: 512 }, () =>
      answered(test, stranger, { attester: cells, reference: freshReference() }, 'acknowledged'),
    );
    await test.record(stranger, nowhere);
    await answer(packs, alert, 'acknowledged');
    await test.service.services.alerts.tell();
    const { body } = await test.get('/v1/notices?limit=200', { token: tokenOf(cells) });
    const told = body.notices.filter(
      (notice: { kind: string; content: { reference: string } }) =>
        notice.kind === 'alert.answered' && notice.content.reference === alert.reference,
    );
    expect(told).to.have.length(1);
  });

  describe('to a company that is not on the network', () => {
    const outside = async (days = 30, more: Readonly<Record<string, unknown>> = {}) => {
      const { cells } = who();
      const reference = freshReference();
      const entry = raised(test, cells, reference, { customer: 'outside.example', ...more });
      await putOnLedger(test, cells, tokenOf(cells), '/v1/alerts', [entry]);
      const token = randomBytes(32);
      const { opener, secretKey, holder, bearer } = linkSecrets(token);
      const from = BigInt(Math.floor(Date.now() / 1000));
      const link = signAlertLink(
        test.ledger,
        { alert: entry.entry.digest, holder, bearer, from, until: from + BigInt(days) * 86_400n },
        cells.key,
      );
      const made = await test.post('/v1/alerts/links', link, { token: tokenOf(cells) });
      expect(made.status, made.text).to.equal(201);
      return { reference, entry, opener: toBase64Url(opener), secretKey, link, hash: made.body.hash };
    };
    const visitor = () => toBase64Url(randomBytes(32));
    const say = (hash: string, secretKey: Uint8Array, status: 'accepted' | 'declined', reason = '') =>
      signLinkAnswer(
        test.ledger,
        {
          link: hash as never,
          status,
          reason,
          by: 'Ms Outside',
          at: BigInt(Math.floor(Date.now() / 1000)),
        },
        secretKey,
      );

    it('a link opens it on one device, and its answer counts once the raiser attests it', async () => {
      const { cells } = who();
      const { reference, entry, opener, secretKey, link, hash } = await outside();
      const device = visitor();
      const opened = await test.post('/v1/alerts/open', { opener, visitor: device });
      expect(opened.status, opened.text).to.equal(200);
      expect(opened.body).to.deep.include({ reference, state: 'raised', openings: 1, link, answer: null });
      const again = await test.post('/v1/alerts/open', { opener, visitor: device });
      expect(again.body.openings).to.equal(2);
      const another = await test.post('/v1/alerts/open', { opener, visitor: visitor() });
      expect([another.status, another.body.code]).to.deep.equal([403, 'alert.linkTaken']);

      const answer = say(hash, secretKey, 'accepted', 'We hold them.');
      const given = await test.post(`/v1/alerts/${reference}/answers`, { opener, visitor: device, answer });
      expect(given.body.answer, given.text).to.deep.equal({ signed: answer, recorded: false });
      const before = await seen(cells, reference);
      expect([before.state, before.answers]).to.deep.equal(['raised', []]);
      expect(before.link.answer).to.deep.equal({ signed: answer, recorded: false });
      // Lists and the same link handed in again say that there is an answer; its words are shown one by one, and logged.
      const shownOf = async () => {
        const rows = await test.service.services.store.query<{ entry: AccessEntry }>(
          'SELECT entry FROM access_entries WHERE subject = $1 ORDER BY position',
          [fromHex(ZERO_SUBJECT, 32)],
        );
        return rows.filter(({ entry: { shown } }) =>
          shown.some((one) => one.digest === entry.entry.digest && one.fields.includes('linkAnswer')),
        );
      };
      const logged = (await shownOf()).length;
      const listed = await test.get('/v1/alerts?box=out', { token: tokenOf(cells) });
      const [first] = listed.body.alerts.filter((one: { reference: string }) => one.reference === reference);
      expect(first.link.answer).to.deep.equal({ recorded: false });
      const same = await test.post('/v1/alerts/links', link, { token: tokenOf(cells) });
      expect(same.body.answer).to.deep.equal({ recorded: false });
      for (const { text } of [listed, same]) expect(text).not.to.include('Ms Outside');
      expect(await shownOf()).to.have.length(logged);
      await seen(cells, reference);
      const [showing] = (await shownOf()).slice(logged);
      expect(showing?.entry).to.include({
        ...{ reader: `organisation:${cells.id}`, route: 'getAlert', purpose: 'alert' },
      });

      const alert = { attester: cells, reference };
      await putOnLedger(test, cells, tokenOf(cells), `/v1/alerts/${reference}/answers`, [
        answered(test, cells, alert, 'accepted', { linkAnswer: { link, answer } }),
      ]);
      const after = await seen(cells, reference);
      expect([after.state, after.answers[0]?.byLink, after.link.answer.recorded]).to.deep.equal([
        'accepted',
        true,
        true,
      ]);
      expect(entry.entry.digest).to.equal(after.entry);
    });

    it('a link to an alert that passes another one on does not tell who raised that', async () => {
      const { cells, packs } = who();
      const above = await raise(packs, cells);
      const passes = { attester: packs.id.toString(), reference: above.reference };
      const { opener } = await outside(30, { alert: passes });
      const { body, text } = await test.post('/v1/alerts/open', { opener, visitor: visitor() });
      expect(sealedIn(body.content)).to.include.keys('customer').and.not.any.keys('alert');
      expect(text).not.to.include(above.reference);
    });

    it('nobody else answers through it: not the service, which never learns the key, nor the raiser', async () => {
      const { cells, packs } = who();
      const { reference, opener, secretKey, link, hash } = await outside();
      const device = visitor();
      await test.post('/v1/alerts/open', { opener, visitor: device });
      const forged = say(hash, randomBytes(32), 'accepted');
      const path = `/v1/alerts/${reference}/answers`;
      const refused = await test.post(path, { opener, visitor: device, answer: forged });
      expect(refused.body.code).to.equal('alert.linkSignature');
      const alert = { attester: cells, reference };
      for (const [by, status, linkAnswer] of [
        [cells, 'accepted', { link, answer: forged }],
        [cells, 'accepted', { link, answer: say(hash, secretKey, 'declined', 'No.') }],
        [cells, 'accepted', undefined],
        [packs, 'accepted', { link, answer: say(hash, secretKey, 'accepted') }],
      ] as const) {
        const entry = answered(test, by, alert, status, linkAnswer === undefined ? {} : { linkAnswer });
        const reply = await handIn(test, by, tokenOf(by), path, [entry]);
        expect(reply.body.code).to.be.oneOf(['alert.linkSignature', 'alert.notRecipient', 'alert.notParty']);
      }
      const other = await outside();
      const elsewhere = say(other.hash, other.secretKey, 'accepted');
      const crossed = await test.post(path, { opener, visitor: device, answer: elsewhere });
      expect(crossed.body.code).to.equal('alert.linkSignature');
    });

    it('of links that are handed in at once, one is good', async () => {
      const { cells } = who();
      const { entry } = await outside();
      const from = BigInt(Math.floor(Date.now() / 1000));
      const openers = await Promise.all(
        Array.from({ length: 8 }, async () => {
          const { holder, bearer, opener } = linkSecrets(randomBytes(32));
          const link = signAlertLink(
            test.ledger,
            { alert: entry.entry.digest, holder, bearer, from, until: from + 86_400n },
            cells.key,
          );
          const made = await test.post('/v1/alerts/links', link, { token: tokenOf(cells) });
          expect(made.status, made.text).to.equal(201);
          return toBase64Url(opener);
        }),
      );
      const codes = await Promise.all(
        openers.map(async (opener) => {
          const { body } = await test.post('/v1/alerts/open', { opener, visitor: visitor() });
          return body.code ?? 'opened';
        }),
      );
      expect(codes.filter((code) => code === 'opened')).to.have.length(1);
      expect(codes.filter((code) => code === 'alert.linkReplaced')).to.have.length(7);
    });

    it('an expired one, a replaced one, and one for another alert open nothing', async () => {
      const { cells, packs } = who();
      const first = await outside();
      const token = randomBytes(32);
      const { holder, bearer, opener } = linkSecrets(token);
      const at = BigInt(Math.floor(Date.now() / 1000));
      const sign = (until: bigint, key = cells.key) =>
        signAlertLink(
          test.ledger,
          { alert: first.entry.entry.digest, holder, bearer, from: at - 100n, until },
          key,
        );
      const post = (link: unknown, by = cells) => test.post('/v1/alerts/links', link, { token: tokenOf(by) });
      expect((await post(sign(at - 10n))).body.code).to.equal('alert.linkExpired');
      expect((await post(sign(at + 100n, packs.key))).body.code).to.equal('alert.linkSignature');
      expect((await post(sign(at + 400n * 86_400n))).body.code).to.equal('alert.linkTime');
      expect((await post(sign(at + 100n), packs)).body.code).to.equal('alert.unknown');
      expect((await post(sign(at + 2n))).status).to.equal(201);
      const before = await test.post('/v1/alerts/open', { opener: first.opener, visitor: visitor() });
      expect([before.status, before.body.code]).to.deep.equal([410, 'alert.linkReplaced']);
      await test.until(async () => {
        const reply = await test.post('/v1/alerts/open', { opener: toBase64Url(opener), visitor: visitor() });
        return reply.body.code === 'alert.linkExpired' || reply.body.code === 'alert.linkTaken';
      });
      const unknown = await test.post('/v1/alerts/open', { opener: visitor(), visitor: visitor() });
      expect([unknown.status, unknown.body.code]).to.deep.equal([404, 'alert.linkUnknown']);
      const alert = await raise(cells, packs);
      const needless = signAlertLink(
        test.ledger,
        { alert: alert.entry.entry.digest, holder, bearer, from: at, until: at + 100n },
        cells.key,
      );
      expect((await post(needless)).body.code).to.equal('alert.linkNotNeeded');
    });
  });
});
