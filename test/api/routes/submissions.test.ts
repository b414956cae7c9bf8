import { expect } from 'chai';
import type { OrganisationId } from '../../../core/chain/types.ts';
import type { ComposedEntry } from '../../../core/envelope/envelope.ts';
import { type Attester, sharedService, type TestService } from '../fixture.ts';

const VIN = '1M8GDM9AXKP042788';

describe('POST /v1/submissions', () => {
  let test: TestService;
  let workshop: Attester;
  before(async function () {
    this.timeout(60_000);
    test = await sharedService();
    workshop = await test.admit('Submitting workshop', ['workshop']);
  });

  let value = 0;
  function odometer(on = VIN): ComposedEntry {
    value += 1_000;
    const data = { odometer: { value, unit: 'KMT', source: 'workshop' } };
    return test.compose(workshop, on, { kind: 'odometer', time: '2024-05-31', data });
  }
  const handIn = (body: unknown) => test.post('/v1/submissions', body);

  it('accepts with a truthful state and a promise, and goes on to final', async () => {
    const { status, body } = await handIn(test.sign(workshop, [odometer()]));
    expect(status).to.equal(202);
    expect(body.state).to.equal('stored');
    expect(body.receipt.submission).to.equal(body.hash);
    await test.until(
      async () => (await test.get(`/v1/submissions/${body.hash}`)).body.state === 'final',
      30_000,
    );
    const { body: final } = await test.get(`/v1/submissions/${body.hash.toUpperCase().replace('0X', '0x')}`);
    expect(final).to.include.keys('storedAt', 'submittedAt', 'anchoredAt', 'finalAt', 'block', 'transaction');
  });

  it('answers the same submission with its state today', async () => {
    const request = test.sign(workshop, [odometer()]);
    const first = await handIn(request);
    const second = await handIn(request);
    expect(second.status).to.equal(202);
    expect(second.body.hash).to.equal(first.body.hash);
    expect(second.body.receipt).to.deep.equal(first.body.receipt);
  });

  it('answers several each for itself', async () => {
    const good = test.sign(workshop, [odometer()]);
    const bad = { ...test.sign(workshop, [odometer()]), contents: [] };
    const mixed = await handIn({ submissions: [bad, good] });
    expect(mixed.status).to.equal(207);
    expect(mixed.body.results[0].problem.code).to.equal('submission.malformed');
    expect(mixed.body.results[1].submission.state).to.equal('stored');
    const both = await handIn({ submissions: [good, test.sign(workshop, [odometer()])] });
    expect(both.status).to.equal(202);
  });

  it('notes in the log what broke in one of several, under the id that is told', async () => {
    const { pipeline } = test.service.services;
    const { accept, acceptAction } = pipeline;
    const broken = () => Promise.reject(new TypeError('a fault of the service'));
    try {
      Object.assign(pipeline, { accept: broken, acceptAction: broken });
      for (const [path, body] of [
        ['/v1/submissions', { submissions: [{}] }],
        ['/v1/titles/actions', { actions: [{}] }],
      ] as const) {
        const { status, body: told, headers } = await test.post(path, body);
        expect(status).to.equal(207);
        expect(told.results[0].problem).to.include({ code: 'internal' });
        const requestId = headers.get('X-Request-Id');
        expect(told.results[0].problem.requestId).to.equal(requestId);
        const lines = test.logged.filter(({ facts }) => facts.requestId === requestId);
        expect(lines.filter(({ event }) => event === 'request.failed')).to.have.length(1);
        expect(lines[0]?.facts).to.include({ code: 'internal', error: 'a fault of the service' });
      }
    } finally {
      Object.assign(pipeline, { accept, acceptAction });
    }
  });

  it('suggests the next free nonce', async () => {
    const path = `/v1/organisations/${workshop.id}/nonce`;
    const before = BigInt((await test.get(path)).body.nonce);
    await handIn(test.sign(workshop, [odometer()], { nonce: before }));
    expect((await test.get(path)).body).to.deep.equal({
      organisation: workshop.id.toString(),
      nonce: (before + 1n).toString(),
    });
  });

  describe('changes nothing when it refuses', () => {
    type Request = ReturnType<TestService['sign']>;
    const now = () => BigInt(Math.floor(Date.now() / 1000));
    const altered = (request: Request, change: Partial<Request['submission']>): Request => ({
      ...request,
      submission: { ...request.submission, ...change },
    });
    const cases: readonly [string, () => unknown | Promise<unknown>, number, string][] = [
      ['a body that is a list', () => [], 422, 'submission.malformed'],
      ['a body without a submission', () => ({ contents: [] }), 422, 'submission.malformed'],
      ['an empty list', () => ({ submissions: [] }), 422, 'submission.malformed'],
      [
        'too many at once',
        () => ({ submissions: Array.from({ length: 513 }, () => ({})) }),
        413,
        'submission.tooLarge',
      ],
      [
        'entries of a strange length',
        () => altered(test.sign(workshop, [odometer()]), { entries: 'AAAA' }),
        422,
        'submission.malformed',
      ],
      [
        'a deadline gone by',
        () => test.sign(workshop, [odometer()], { deadline: now() - 1n }),
        422,
        'submission.expired',
      ],
      [
        'a deadline too far',
        () => test.sign(workshop, [odometer()], { deadline: now() + 10_000_000n }),
        422,
        'submission.deadlineTooFar',
      ],
      [
        'a signature over something else',
        () => altered(test.sign(workshop, [odometer()]), { nonce: '987654' }),
        422,
        'submission.signature',
      ],
      [
        'a block that is not its digest’s',
        () => ({
          ...test.sign(workshop, [odometer()]),
          contents: test.sign(workshop, [odometer()]).contents,
        }),
        422,
        'block.digestMismatch',
      ],
      [
        'a key that opens another block',
        () => {
          const request = test.sign(workshop, [odometer()]);
          const [content] = request.contents;
          return { ...request, contents: [{ ...content, key: 'A'.repeat(43) }] };
        },
        422,
        'block.wrongKey',
      ],
      [
        'a kind that the organisation may not attest',
        () =>
          test.sign(workshop, [
            test.compose(workshop, VIN, {
              kind: 'claim',
              time: '2024-01-01',
              data: { type: 'hail', status: 'opened' },
            }),
          ]),
        403,
        'submission.kindNotAllowed',
      ],
      [
        'an organisation that does not exist',
        () => test.sign({ ...workshop, id: 99_999n as OrganisationId }, [odometer()], { nonce: 0n }),
        403,
        'submission.unknownOrganisation',
      ],
      [
        'a nonce that is taken',
        async () => {
          await handIn(test.sign(workshop, [odometer()], { nonce: 70_000n }));
          return test.sign(workshop, [odometer()], { nonce: 70_000n });
        },
        409,
        'nonce.conflict',
      ],
    ];
    for (const [what, request, status, code] of cases) {
      it(`${what}: ${code}`, async () => {
        const body = await request();
        const before = await counts();
        const reply = await handIn(body);
        expect(reply.status, reply.text).to.equal(status);
        expect(reply.body.code).to.equal(code);
        expect(await counts()).to.deep.equal(before);
      });
    }

    it('a suspended organisation, and a revoked key', async () => {
      const fleet = await test.admit('Fleet to be suspended', ['fleet']);
      const entry = () =>
        test.compose(fleet, VIN, { kind: 'usage', time: '2024-01-01', data: { usage: 'rental' } });
      await test.change('guardian', 'suspend', fleet.id);
      const suspended = await handIn(test.sign(fleet, [entry()]));
      expect(suspended.status).to.equal(403);
      expect(suspended.body.code).to.equal('submission.suspended');
      await test.change('registrar', 'reinstate', fleet.id);
      await test.change('registrar', 'revokeKey', fleet.id, fleet.signer);
      const revoked = await handIn(test.sign(fleet, [entry()]));
      expect(revoked.status).to.equal(403);
      expect(revoked.body.code).to.equal('submission.revokedKey');
    });

    it('a body larger than is taken', async () => {
      const before = await counts();
      const content = `{"submission":"${'x'.repeat(33 * 1024 * 1024)}"}`;
      const reply = await test.request('POST', '/v1/submissions', {
        raw: { content, type: 'application/json' },
      });
      expect(reply.status).to.equal(413);
      expect(reply.body.code).to.equal('request.tooLarge');
      expect(await counts()).to.deep.equal(before);
    });

    async function counts(): Promise<unknown> {
      return test.service.services.store.query(
        `SELECT (SELECT count(*) FROM submissions) AS submissions, (SELECT count(*) FROM blocks) AS blocks,
           (SELECT count(*) FROM block_keys) AS keys, (SELECT count(*) FROM claims) AS claims`,
      );
    }
  });
});

describe('GET /v1/submissions/{hash}', () => {
  it('knows what was handed in here only', async () => {
    const test = await sharedService();
    const reply = await test.get(`/v1/submissions/0x${'ab'.repeat(32)}`);
    expect(reply.status).to.equal(404);
    expect(reply.body.code).to.equal('submission.unknown');
    expect((await test.get('/v1/submissions/0x12')).body.code).to.equal('request.invalid');
  });
});
