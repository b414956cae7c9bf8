import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { toBase64Url } from '../../../core/bytes.ts';
import type { Json } from '../../../core/canonical.ts';
import type { Digest } from '../../../core/chain/types.ts';
import type { ComposedEntry } from '../../../core/envelope/envelope.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { buildTree } from '../../../core/tree/tree.ts';
import type { Attester, Reply, TestService } from '../fixture.ts';
import { today } from '../privacy/world.ts';

export type Listing = {
  readonly campaign: string;
  readonly vehicles: readonly string[];
  readonly kind?: 'recall.opened' | 'recall.extended';
  readonly time?: string;
  readonly more?: Readonly<Record<string, Json>>;
};

/** The fields of a campaign's entry that name a set. */
export function setOf(vehicles: readonly string[], treeKey: Uint8Array = randomBytes(32)) {
  const { root, count } = buildTree(
    treeKey,
    vehicles.map((vehicle) => parseIdentifier(vehicle)),
  );
  return { affectedRoot: root, affectedCount: count, treeKey: toBase64Url(treeKey) };
}

export function composeListing(
  test: TestService,
  by: Attester,
  { campaign, vehicles, kind = 'recall.opened', time = today(), more = {} }: Listing,
): ComposedEntry {
  const opened = {
    title: { en: 'Airbag inflator may rupture' },
    component: 'airbags',
    remedy: { en: 'Replace the inflator' },
    severity: 'safety',
  };
  return test.compose(by, 'own', {
    kind,
    time,
    data: { campaign, ...(kind === 'recall.opened' ? opened : {}), ...setOf(vehicles), ...more },
  });
}

/** Puts an entry that lists vehicles on the ledger, and hands in its set. */
export async function list(
  test: TestService,
  by: Attester,
  token: string,
  listing: Listing,
): Promise<Digest> {
  const entry = composeListing(test, by, listing);
  await test.record(by, [entry]);
  const { digest } = entry.entry;
  if (listing.vehicles.length > 0) await hand(test, token, digest, listing.vehicles);
  return digest;
}

export async function hand(
  test: TestService,
  token: string,
  digest: Digest,
  members: readonly string[],
): Promise<void> {
  const kept = await test.request('PUT', `/v1/sets/${digest}`, { token, body: { members } });
  expect(kept.status, kept.text).to.equal(200);
}

export async function close(
  test: TestService,
  by: Attester,
  campaign: string,
  reason = 'completed',
): Promise<Digest> {
  const entry = test.compose(by, 'own', { kind: 'recall.closed', time: today(), data: { campaign, reason } });
  await test.record(by, [entry]);
  return entry.entry.digest;
}

export async function remedy(
  test: TestService,
  by: Attester,
  vehicle: string,
  attester: Attester,
  campaign: string,
  more: { readonly time?: string; readonly outcome?: 'remedied' | 'notNeeded' } = {},
): Promise<Digest> {
  const { time = today(), outcome = 'remedied' } = more;
  const entry = test.compose(by, vehicle, {
    kind: 'recall.remedied',
    time,
    data: { attester: attester.id.toString(), campaign, outcome },
  });
  await test.record(by, [entry]);
  return entry.entry.digest;
}

/** The notices of a box, of one kind, in their order. */
export async function boxOf(test: TestService, token: string, kind?: string): Promise<Reply['body'][]> {
  const { body } = await test.get('/v1/notices?after=0&limit=1000', { token });
  return body.notices.filter((notice: { kind: string }) => kind === undefined || notice.kind === kind);
}
