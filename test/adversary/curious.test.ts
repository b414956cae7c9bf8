import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import { fromHex, toHex, utf8 } from '../../core/bytes.ts';
import { canonicalJson } from '../../core/canonical.ts';
import { openBlock } from '../../core/envelope/block.ts';
import { cidOf } from '../../core/envelope/cid.ts';
import { composeEntry } from '../../core/envelope/envelope.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { type Attack, broad, pseudonymous, quick } from './curious/attacks.ts';
import { Haystack } from './curious/haystack.ts';
import { CANDIDATES, candidate, openWorld, type World } from './curious/world.ts';

/*
 * The curious have the whole chain (every log, all calldata, every word of storage), the whole block store, and a list of
 * the million vehicles of a model, the true ones among them. They have nothing of the operator. What they find is a VIN
 * that something public can be linked to.
 */

const SOME = 1_000;
const FEW = 300;

describe('the curious', function () {
  this.timeout(300_000);
  let world: World;
  let haystack: Haystack;
  /** Of a part of the candidates all true ones are among them. */
  let some: readonly string[];
  let few: readonly string[];
  before(async () => {
    world = await openWorld();
    haystack = new Haystack(world.parts);
    const step = Math.floor(CANDIDATES / SOME);
    const decoys = Array.from({ length: SOME }, (_, index) => candidate(index * step));
    const vins = world.vehicles.map(({ vin }) => vin);
    some = [...new Set([...vins, ...decoys])];
    few = some.slice(0, FEW);
  });
  after(() => world?.test.stop());

  /** The candidates of which something was found, with what and where. */
  async function hits(attack: Attack, vins: Iterable<string>, within = haystack): Promise<string[]> {
    const found: string[] = [];
    let done = 0;
    for (const vin of vins) {
      for (const needle of attack.derive(vin)) {
        const place = within.find(needle);
        if (place !== null) found.push(`${vin} in ${place}`);
      }
      done += 1;
      // The service runs in this process: its sockets get their turn.
      if (done % 20_000 === 0) await turn();
    }
    return found;
  }
  function* everyone(from = 0, to = CANDIDATES): Generator<string> {
    for (let serial = from; serial < to; serial += 1) yield candidate(serial);
  }

  it('have enough to look through: every vehicle’s entries are there', () => {
    const digests = world.vehicles.flatMap(({ entries }) =>
      entries.map(({ entry }) => fromHex(entry.digest, 32)),
    );
    for (const digest of digests) expect(haystack.find(digest)).to.be.oneOf(['calldata', 'logs']);
    const subjects = world.vehicles.map(({ entries }) => fromHex(entries[0]?.entry.subject ?? '0x', 32));
    for (const subject of subjects) expect(haystack.find(subject)).not.to.equal(null);
    expect(world.blocks.length).to.be.greaterThan(world.vehicles.length * 3);
    expect(haystack.size).to.be.greaterThan(100_000);
  });

  describe('with a million candidates', () => {
    for (const attack of quick) {
      it(`link nothing by ${attack.name}`, async () => {
        expect(await hits(attack, everyone())).to.deep.equal([]);
      });
    }

    it('read no VIN anywhere, in one case or the other', () => {
      const all = new Set(everyone());
      const read = [...haystack.texts(17, /[A-HJ-NPR-Z0-9]/)].filter((text) => all.has(text));
      expect(read).to.deep.equal([]);
    });
  });

  it('link nothing by every spelling, hash and salt that is public', async () => {
    for (const attack of broad(world.salts)) {
      expect(await hits(attack, some), attack.name).to.deep.equal([]);
    }
  });

  it('link nothing by elements of the pseudonym function, or its values under careless keys', async () => {
    for (const attack of await pseudonymous(world.salts)) {
      expect(await hits(attack, few), attack.name).to.deep.equal([]);
    }
  });

  it('recognise no envelope and no document, even word for word: they know all of it but its key', () => {
    for (const { entries, photo, owner } of world.vehicles) {
      const texts = [photo, utf8(owner), ...entries.map(({ block, key }) => openBlock(block, key))];
      for (const text of texts) {
        const digest = createHash('sha256').update(text).digest();
        expect(haystack.find(digest)).to.equal(null);
        expect(haystack.find(utf8(cidOf(toHex(digest) as never)))).to.equal(null);
        // A document's name, which its envelope has, is known to whoever stores it: the CID of the encrypted bytes.
        const known = utf8(
          Buffer.from(text)
            .toString('latin1')
            .replace(/bafk[a-z2-7]+/g, ' '),
        );
        for (let at = 0; at + 16 <= Math.min(known.length, 2_000); at += 8) {
          expect(haystack.find(known.subarray(at, at + 16))).to.equal(null);
        }
      }
      // A disclosure that is known whole, name and value, is not recognised by its digest: the salt is not known.
      for (const { disclosures } of entries) {
        for (const disclosure of disclosures) {
          const [, name, value] = JSON.parse(Buffer.from(disclosure, 'base64url').toString('utf8'));
          const guessed = Buffer.from(canonicalJson(['', name, value])).toString('base64url');
          const digest = createHash('sha256').update(guessed).digest('base64url');
          expect(haystack.find(utf8(digest))).to.equal(null);
        }
      }
    }
  });

  it('find no two ciphertexts alike, in whole or in part', () => {
    const seen = new Map<string, number>();
    for (const [index, block] of world.blocks.entries()) {
      const bytes = Buffer.from(block);
      for (let at = 0; at + 16 <= bytes.length; at += 1) {
        const window = bytes.toString('latin1', at, at + 16);
        const other = seen.get(window);
        if (other !== undefined && other !== index) expect.fail(`blocks ${other} and ${index} share bytes`);
        seen.set(window, index);
      }
    }
  });

  it('learn no VIN from a length: of every candidate the same envelope is as long', () => {
    const lengthsOf = (index: number) =>
      new Set(world.vehicles.map(({ entries }) => entries[index]?.block.length));
    for (const index of [0, 1, 2]) expect(lengthsOf(index).size).to.equal(1);
    const subject = world.vehicles[0]?.entries[0]?.entry.subject;
    if (subject === undefined) throw new TypeError('there are vehicles');
    const lengths = new Set(
      few.map((vin) => {
        const target = { identifier: parseIdentifier(vin), subject };
        const content = { kind: 'claim', time: '2024-06-01', data: { type: 'collision', status: 'settled' } };
        return composeEntry(world.test.ledger, 1n as never, target, content).block.length;
      }),
    );
    expect(lengths.size).to.equal(1);
  });

  describe('find everything as soon as there is something to find', () => {
    it('with the operator’s key: exactly the vehicles that are on the ledger', async () => {
      const { evaluator } = world.test.service.services;
      const known: Attack = {
        name: 'the function under the operator’s key',
        derive: (vin) => [fromHex(evaluator.subject({ type: 'vin', scope: '', value: vin } as never), 32)],
      };
      const found = new Set((await hits(known, some)).map((line) => line.slice(0, 17)));
      expect([...found].sort()).to.deep.equal(world.vehicles.map(({ vin }) => vin).sort());
    });

    for (const attack of quick) {
      it(`with ${attack.name} of one VIN on the chain`, async () => {
        const vin = candidate(123_456);
        const [needle] = attack.derive(vin);
        const planted = new Haystack([
          ...world.parts,
          { name: 'planted', bytes: needle ?? new Uint8Array() },
        ]);
        // RIPEMD-160 and addresses are as short as needles get.
        const found = await hits(
          { ...attack, derive: (each) => [...attack.derive(each)].slice(0, 1) },
          everyone(120_000, 125_000),
          planted,
        );
        expect(found).to.deep.equal([`${vin} in planted`]);
      });
    }

    it('with one VIN in the clear in a block', () => {
      const vin = candidate(654_321);
      const planted = new Haystack([
        ...world.parts,
        { name: 'planted', bytes: utf8(`{"identifier":"vin:${vin.toLowerCase()}"}`) },
      ]);
      const all = new Set(everyone());
      expect([...planted.texts(17, /[A-HJ-NPR-Z0-9]/)].filter((text) => all.has(text))).to.deep.equal([vin]);
    });
  });
});
