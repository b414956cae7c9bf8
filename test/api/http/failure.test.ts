import { expect } from 'chai';
import { failureOf, toldFailure } from '../../../api/http/failure.ts';
import type { Log } from '../../../api/http/log.ts';
import { Problem } from '../../../api/problem.ts';
import { VinculumError } from '../../../core/errors.ts';

describe('failureOf', () => {
  const cases: readonly [string, unknown, number, string][] = [
    ['a problem', new Problem('document.tooLarge', 'detail'), 413, 'document.tooLarge'],
    ['a fault of a VIN', new VinculumError('vin.length', 'detail'), 422, 'vin.length'],
    ['a fault of bytes', new VinculumError('bytes.invalidHex', 'detail'), 400, 'bytes.invalidHex'],
    ['a code of the table', new VinculumError('nonce.conflict', 'detail'), 409, 'nonce.conflict'],
    [
      'the embedded chain being away',
      new VinculumError('devnet.stopped', 'detail'),
      503,
      'chain.unavailable',
    ],
    ['a code that nobody foresaw', new VinculumError('strange.thing', 'detail'), 500, 'internal'],
    ['a mistake of ours', new TypeError('detail'), 500, 'internal'],
    ['what is no error', 'detail', 500, 'internal'],
    [
      'an address that cannot be decoded',
      Object.assign(new URIError('x'), { status: 400 }),
      400,
      'request.malformed',
    ],
    ['a status that means nothing here', Object.assign(new Error('x'), { status: 418 }), 500, 'internal'],
  ];
  for (const [what, error, status, code] of cases) {
    it(`tells ${what} by its code`, () => {
      const failure = failureOf(error);
      expect(failure).to.include({ status, code });
      const json = failure.toJson('an-id');
      expect(json).to.include({ status, code, requestId: 'an-id', type: `urn:vinculum:problem:${code}` });
    });
  }

  it('is in the log, under the id that is told, where it is the service’s own', () => {
    const logged: unknown[] = [];
    const log: Log = (level, event, facts) => logged.push({ level, event, ...facts });
    toldFailure(new Problem('nonce.conflict', 'detail'), 'an-id', { log });
    expect(logged).to.deep.equal([]);
    expect(toldFailure(new TypeError('what broke'), 'an-id', { log }).status).to.equal(500);
    expect(logged).to.have.length(1);
    expect(logged[0]).to.include({ level: 'error', event: 'request.failed', requestId: 'an-id' });
    expect(logged[0]).to.include({ code: 'internal', error: 'what broke' });
  });

  it('tells the details of a fault of the request, and none of our own', () => {
    const theirs = failureOf(
      new VinculumError('vin.length', 'text', { details: { length: 3, code: 'other' } }),
    );
    expect(theirs.toJson('id')).to.include({ length: 3, code: 'vin.length' });
    const large = failureOf(new VinculumError('title.wrongRevision', 'text', { details: { expected: 7n } }));
    expect(large.toJson('id')).to.include({ expected: '7' });
    const ours = failureOf(new Error('postgres://user:secret@host'));
    expect(JSON.stringify(ours.toJson('id'))).not.to.include('secret');
  });
});
