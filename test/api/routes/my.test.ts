import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { fromHex, toHex } from '../../../core/bytes.ts';
import type { Digest } from '../../../core/chain/types.ts';
import type { ComposedEntry } from '../../../core/envelope/envelope.ts';
import { ChainAccounts } from '../../adversary/system.ts';
import { type Attester, sharedService, type TestService } from '../fixture.ts';

describe('GET /v1/my/batches', () => {
  let test: TestService;
  let chain: ChainAccounts;
  let maker: Attester;
  let carrier: Attester;
  before(async () => {
    test = await sharedService();
    chain = new ChainAccounts(test);
    maker = await test.admit('Cella', ['supplier']);
    carrier = await test.admit('Freight', ['carrier', 'supplier']);
  });
  after(() => chain?.stop());

  const freshBatch = () => `batch:cella.example:${randomBytes(6).toString('hex')}`;
  const shipped = (by: Attester, batch: string): ComposedEntry =>
    test.compose(by, batch, {
      kind: 'batch.shipped',
      time: '2024-03-01',
      data: { bizStep: 'shipping', disposition: 'in_transit', from: 'cella.example' },
    });
  const quarantined = (by: Attester, batch: string): ComposedEntry =>
    test.compose(by, batch, {
      kind: 'batch.quarantined',
      time: '2024-03-02',
      data: { bizStep: 'holding', disposition: 'non_conformant', reason: 'defectSuspected' },
    });
  const numbersOf = async (who: Attester): Promise<string[]> => {
    const { body } = await test.get('/v1/my/batches', { token: await test.signIn(who) });
    return body.batches.map(({ identifier }: { identifier: string }) => identifier);
  };

  it('names the batches that the organisation handed something in of, and says where they are', async () => {
    const batch = freshBatch();
    await test.record(maker, [shipped(maker, batch)]);
    await test.record(carrier, [shipped(carrier, batch)]);
    const { body } = await test.get('/v1/my/batches', { token: await test.signIn(carrier) });
    expect(body.batches[0]).to.deep.include({ identifier: batch, state: 'inTransit', entries: 2 });
    expect(await numbersOf(maker)).to.include(batch);
  });

  it('names none because of an entry whose content was not handed in here, whatever its digest', async () => {
    const batch = freshBatch();
    const theirs = shipped(maker, batch);
    await test.record(maker, [theirs]);
    const { subject, digest } = theirs.entry;
    await chain.record(carrier, [
      { kind: 97, subject, digest: toHex(randomBytes(32)) as Digest },
      { kind: 97, subject, digest },
    ]);
    expect(await numbersOf(carrier)).not.to.include(batch);

    // As where a contract, whose key it is, has the entry and a submission of something else in one transaction.
    const { store } = test.service.services;
    const hash = await test.record(carrier, [shipped(carrier, freshBatch())]);
    await store.execute('UPDATE links SET submission_hash = $1 WHERE subject = $2 AND organisation = $3', [
      ...[fromHex(hash, 32), fromHex(subject, 32), carrier.id],
    ]);
    expect(await numbersOf(carrier)).not.to.include(batch);

    await test.record(carrier, [shipped(carrier, batch)]);
    expect(await numbersOf(carrier)).to.include(batch);
  });

  it('is not told by a quarantine either: who is told of it handed something in, or named the batch', async () => {
    const batch = freshBatch();
    const first = shipped(maker, batch);
    await test.record(maker, [first]);
    const checker = await test.admit('Checker', ['supplier']);
    const { subject } = first.entry;
    const curious = await test.admit('Curious', ['carrier']);
    await chain.record(curious, [{ kind: 98, subject, digest: toHex(randomBytes(32)) as Digest }]);
    await test.record(checker, [quarantined(checker, batch)]);
    const aboutOf = async (who: Attester): Promise<string> =>
      (await test.get('/v1/notices', { token: await test.signIn(who) })).text;
    const holder = await test.signIn(maker);
    await test.until(async () => (await test.get('/v1/notices', { token: holder })).text.includes(batch));
    expect(await aboutOf(curious)).not.to.include(batch);
  });
});
