import { sha256 } from '@noble/hashes/sha2.js';
import { concat, fromBase64Url, toHex, utf8, word } from '../../core/bytes.ts';
import type { LedgerAddress, OrganisationId, Subject } from '../../core/chain/types.ts';
import type { Random } from '../../core/envelope/block.ts';
import { openEnvelope } from '../../core/envelope/envelope.ts';
import { deriveFindings } from '../../core/findings/findings.ts';
import type { OpenedEntry } from '../../core/findings/openedEntry.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { buildTree } from '../../core/tree/tree.ts';
import { type ComposedContent, type ComposedDemo, composeDemo } from '../../scripts/demo/compose.ts';
import type { Demo } from '../../scripts/demo/demo.ts';

export const ledger: LedgerAddress = {
  chainId: 31_337n,
  address: `0x${'11'.repeat(20)}` as LedgerAddress['address'],
};

/** Randomness that is the same in every run; pseudonyms that need no secret key. */
export function composeForTest(demo: Demo): ComposedDemo {
  let counter = 0n;
  const random: Random = (bytes) => {
    counter += 1n;
    return sha256(concat(utf8('demo'), word(counter))).subarray(0, bytes);
  };
  const organisations = new Map(
    demo.organisations.map(({ name }, index) => [name, BigInt(index + 1) as OrganisationId]),
  );
  const subjectOf = (identifier: string): Subject => toHex(sha256(utf8(identifier))) as Subject;
  return composeDemo(demo, { ledger, organisations, subjectOf }, random);
}

/** Histories as a reader opens them, by identifier. */
export function openAll(demo: Demo, composed: ComposedDemo): Map<string, OpenedEntry[]> {
  const country = new Map(
    demo.organisations.map((organisation) => [organisation.name, organisation.country]),
  );
  const opened = composed.histories.flat().map((content) => open(content, country.get(content.by) ?? ''));
  const histories = new Map<string, OpenedEntry[]>();
  for (const { identifier, entry } of opened) {
    const history = histories.get(identifier) ?? [];
    histories.set(identifier, [...history, { ...entry, position: history.length }]);
  }
  return histories;
}

function open({ composed }: ComposedContent, country: string): { identifier: string; entry: OpenedEntry } {
  const envelope = openEnvelope(composed.block, composed.key);
  const { _sd, ...data } = envelope.data;
  const entry: OpenedEntry = {
    digest: composed.entry.digest,
    kind: envelope.kind,
    kindVersion: envelope.kindVersion,
    organisation: envelope.organisation,
    time: envelope.time,
    anchoredAt: 1_790_000_000,
    position: 0,
    status: 'proven',
    data,
    sealed: {},
    country,
  };
  return { identifier: envelope.identifier, entry };
}

/** What a buyer would be told of a vehicle. */
export function findingsOf(demo: Demo, histories: ReadonlyMap<string, OpenedEntry[]>, identifier: string) {
  const makers = demo.campaigns.map((campaign) => campaign.organisation);
  const numbers = demo.organisations.flatMap(({ name }, index) =>
    makers.includes(name) ? [String(index + 1)] : [],
  );
  const own = numbers.flatMap((number) =>
    (histories.get(`organisation:${number}`) ?? []).map((entry) => {
      const { affectedRoot, treeKey } = entry.data as { affectedRoot?: string; treeKey?: string };
      if (affectedRoot === undefined || treeKey === undefined) return entry;
      const listed = demo.campaigns.flatMap(({ sets }) => sets).find((set) => set.treeKey === treeKey);
      const tree = buildTree(
        fromBase64Url(treeKey),
        (listed?.vehicles ?? []).map((vehicle) => parseIdentifier(vehicle)),
      );
      if (tree.root !== affectedRoot) return entry;
      return {
        ...entry,
        affected: tree.has(parseIdentifier(identifier)) ? ('in' as const) : ('out' as const),
      };
    }),
  );
  return deriveFindings(histories.get(identifier) ?? [], {
    own,
    recallAttesters: numbers,
    asOf: '2026-07-01',
  });
}
