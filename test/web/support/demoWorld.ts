import { keccak_256 } from '@noble/hashes/sha3.js';
import { fromBase64Url, fromHex, type Hex, toBase64Url, toHex, utf8, word } from '../../../core/bytes.ts';
import { canonicalJson } from '../../../core/canonical.ts';
import { type OrganisationId, type Subject, ZERO_SUBJECT } from '../../../core/chain/types.ts';
import { digestOf } from '../../../core/envelope/block.ts';
import { openEnvelope } from '../../../core/envelope/envelope.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { buildTree } from '../../../core/tree/tree.ts';
import { composeDemo } from '../../../scripts/demo/compose.ts';
import type { Demo } from '../../../scripts/demo/demo.ts';
import { generateDemo } from '../../../scripts/demo/generate.ts';
import { World } from '../../core/verify/world.ts';

/** The code that stands at the ledger's address in a world without a chain. */
export const LEDGER_CODE: Hex = '0x600160005260206000f3';

/** Gives a world's ledger code that an endpoint can show. */
export function giveCode(world: World): World {
  const [link] = world.directoryLinks;
  if (link?.change === 'added') {
    world.directoryLinks[0] = { ...link, codeHash: toHex(keccak_256(fromHex(LEDGER_CODE))) };
  }
  return world;
}

export type DemoWorld = {
  readonly world: World;
  readonly demo: Demo;
  readonly documents: ReadonlyMap<string, Uint8Array>;
};

/** The demo's vehicles without a chain: what the page is shown while nothing but the page is tested. */
export function demoWorld(now = Math.floor(Date.now() / 1000)): DemoWorld {
  const demo = generateDemo();
  const world = giveCode(new World());
  const ids = new Map(
    demo.organisations.map(({ name }, index) => [name, BigInt(index + 1) as OrganisationId]),
  );
  world.clock = BigInt(now - 20 * 24 * 3600);
  for (const { name, names, roles, country } of demo.organisations) {
    const id = ids.get(name) ?? 0n;
    const profile = canonicalJson({ vinculum: 1, names: { ...names }, roles: [...roles], country });
    world.profiles.set(id, profile);
    world.records.set(id, [
      { change: 1, timestamp: world.clock, value: toHex(word(id + 0xc0ffeen)) },
      { change: 4, timestamp: world.clock, value: toHex(word((1n << 256n) - (1n << 32n))) },
      { change: 5, timestamp: world.clock, value: digestOf(utf8(profile)) },
      { change: 7, timestamp: world.clock, value: toHex(word(id + 0xbeefn)) },
    ]);
  }
  const subjects = new Map<string, Subject>();
  const subjectOf = (text: string): Subject => {
    const known = subjects.get(text) ?? world.subjectOf(parseIdentifier(text));
    subjects.set(text, known);
    return known;
  };
  const composed = composeDemo(demo, {
    ledger: { chainId: world.chainId, address: world.ledger },
    organisations: ids,
    subjectOf,
  });
  const sets = new Map(
    demo.campaigns.flatMap((campaign) => campaign.sets).map((set) => [set.treeKey, set.vehicles]),
  );
  const entries = composed.histories.reduce((sum, history) => sum + history.length, 0);
  world.clock = BigInt(now - entries * 12 - 3600);
  for (const history of composed.histories) {
    for (const { by, composed: one } of history) {
      const { entry, block, key, disclosures } = one;
      world.contents[entry.digest] = {
        block: toBase64Url(block),
        key: toBase64Url(key),
        disclosures: [...disclosures],
      };
      const own = entry.subject === ZERO_SUBJECT;
      const treeKey = own ? openEnvelope(block, key).data.treeKey : undefined;
      const vehicles = typeof treeKey === 'string' ? sets.get(treeKey) : undefined;
      if (typeof treeKey === 'string' && vehicles !== undefined) {
        const members = vehicles.map((vehicle) => parseIdentifier(vehicle));
        world.trees.set(entry.digest, buildTree(fromBase64Url(treeKey), members));
      }
      world.anchor(
        ids.get(by) ?? (0n as OrganisationId),
        own ? 'own' : entry.subject,
        entry.kind,
        entry.digest,
      );
    }
  }
  world.clock = BigInt(now - 60);
  return { world, demo, documents: new Map(composed.documents.map(({ cid, bytes }) => [cid, bytes])) };
}
