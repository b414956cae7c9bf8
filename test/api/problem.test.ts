import { expect } from 'chai';
import { asProblem, Problem, type ProblemCode, problems } from '../../api/problem.ts';

describe('Problem', () => {
  it('has a code, a status and a title of the table for every failure', () => {
    for (const [code, kind] of Object.entries(problems)) {
      expect(code).to.match(/^[a-z]+[a-zA-Z]*(\.[a-z][a-zA-Z]*)?$/);
      expect(kind.status).to.be.within(400, 599);
      const problem = new Problem(code as ProblemCode, 'detail');
      expect(problem).to.include({ status: kind.status, title: kind.title, retryable: kind.retryable });
    }
  });

  describe('toProblemJson', () => {
    it('tells the client what was wrong', () => {
      const problem = new Problem('document.tooLarge', 'Send less.', {
        extensions: { maxBytes: 10n, digest: new Uint8Array([1, 255]), status: 200, list: [1n] },
      });
      expect(problem.toProblemJson('id')).to.deep.equal({
        type: 'urn:vinculum:problem:document.tooLarge',
        title: problems['document.tooLarge'].title,
        status: 413,
        detail: 'Send less.',
        code: 'document.tooLarge',
        retryable: false,
        requestId: 'id',
        maxBytes: '10',
        digest: '0x01ff',
        list: ['1'],
      });
    });

    it('keeps the inside of a failure of the service out of it', () => {
      const secret = 'postgres://user:password@host/';
      const problem = new Problem('store.unavailable', secret, {
        cause: new Error(secret),
        extensions: { secret },
      });
      const json = problem.toProblemJson('id');
      expect(JSON.stringify(json)).not.to.include('password');
      expect(json).to.include({ code: 'store.unavailable', status: 503, retryable: true, requestId: 'id' });
    });
  });

  describe('asProblem', () => {
    it('keeps a problem, and wraps what is none', () => {
      const problem = new Problem('data.inUse', 'detail');
      expect(asProblem(problem)).to.equal(problem);
      const cause = new TypeError('inside');
      expect(asProblem(cause)).to.include({ code: 'internal', cause });
      expect(asProblem('text').code).to.equal('internal');
    });
  });
});
