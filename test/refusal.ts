import { expect } from 'chai';

/** Expects `work` to throw an error with this stable code. */
export function expectRefusal(work: () => unknown, code: string): void {
  let failure: unknown;
  try {
    work();
  } catch (error) {
    failure = error;
  }
  expect(failure, `expected ${code}, but nothing failed`).to.be.an('error');
  expect((failure as { code?: unknown }).code).to.equal(code);
}
