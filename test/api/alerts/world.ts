import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { toHex } from '../../../core/bytes.ts';
import type { ComposedEntry } from '../../../core/envelope/envelope.ts';
import type { Attester, Reply, TestService } from '../fixture.ts';

export const today = (): string => `${new Date().toISOString().slice(0, 19)}Z`;
export const freshReference = (): string => toHex(randomBytes(16));

/** An `alert.raised` entry. */
export function raised(
  test: TestService,
  by: Attester,
  reference: string,
  sealed: Readonly<Record<string, unknown>>,
): ComposedEntry {
  return test.compose(by, 'own', {
    kind: 'alert.raised',
    time: today(),
    data: { reference, classification: 'alert', severity: 'major' },
    sealed: { description: 'Cracks', ...sealed } as never,
  });
}

/** An `alert.answered` entry. */
export function answered(
  test: TestService,
  by: Attester,
  alert: { readonly attester: Attester; readonly reference: string },
  status: string,
  sealed: Readonly<Record<string, unknown>> = {},
): ComposedEntry {
  return test.compose(by, 'own', {
    kind: 'alert.answered',
    time: today(),
    data: { status },
    sealed: {
      alert: { attester: alert.attester.id.toString(), reference: alert.reference },
      ...sealed,
    } as never,
  });
}

/** Hands entries in by a route, without waiting. */
export async function handIn(
  test: TestService,
  by: Attester,
  token: string,
  path: string,
  entries: readonly ComposedEntry[],
): Promise<Reply> {
  return test.post(path, test.sign(by, entries), { token });
}

/** Hands entries in, and waits until they are on the ledger. */
export async function putOnLedger(
  test: TestService,
  by: Attester,
  token: string,
  path: string,
  entries: readonly ComposedEntry[],
): Promise<void> {
  const reply = await handIn(test, by, token, path, entries);
  expect(reply.status, reply.text).to.equal(202);
  await test.until(async () => {
    const { body } = await test.get(`/v1/submissions/${reply.body.submission.hash}`);
    return body.state === 'anchored' || body.state === 'final';
  });
}
