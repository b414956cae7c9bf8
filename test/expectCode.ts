import { expect } from 'chai';

/** Expects `work` to fail with this stable code; tests assert codes, never prose. */
export async function expectCode(code: string, work: () => unknown): Promise<Error & { code: string }> {
  let failure: unknown;
  try {
    await work();
  } catch (error) {
    failure = error;
  }
  expect(failure, `expected ${code}, but nothing failed`).to.be.an('error');
  expect((failure as { code?: unknown }).code).to.equal(code);
  return failure as Error & { code: string };
}
