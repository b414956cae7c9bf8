import { expect } from 'chai';
import fc from 'fast-check';
import { utf8 } from '../../../core/bytes.ts';
import { canonicalJson, type Json } from '../../../core/canonical.ts';
import type { Address, OrganisationId, Subject } from '../../../core/chain/types.ts';
import { encryptBlock, secureRandom } from '../../../core/envelope/block.ts';
import { disclosureDigest, openDisclosure, sealField } from '../../../core/envelope/disclosure.ts';
import {
  type Content,
  composeEntry,
  type Envelope,
  openEnvelope,
  openSealed,
  readableFields,
  sealedCount,
  type Target,
} from '../../../core/envelope/envelope.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import type { Kind } from '../../../core/kinds/kind.ts';
import { kinds } from '../../../core/kinds/kinds.ts';
import { expectCode } from '../../expectCode.ts';

const ledger = { chainId: 31337n, address: `0x${'ab'.repeat(20)}` as Address };
const organisation = 7n as OrganisationId;
const subject = `0x${'11'.repeat(32)}` as Subject;
const identifiers: Readonly<Record<string, string>> = {
  vehicle: 'vin:1M8GDM9AXKP042788',
  batch: 'batch:maker.example:L-77',
  serial: 'serial:maker.example:S-1',
  software: 'software:maker.example:F-1',
};

function targetOf(kind: Kind): Target {
  const [type = 'own'] = kind.subjects;
  const text = identifiers[type];
  return text === undefined ? 'own' : { subject, identifier: parseIdentifier(text) };
}

/** The kinds whose own examples `composeEntry` takes for any organisation. */
const all: readonly Kind[] = Object.values(kinds).filter(({ number }) => number >= 32);
const exampleOf = (kind: Kind) => kind.example.data as Record<string, Json>;

/** An entry of a kind's example with these of its fields sealed. */
function compose(kind: Kind, names: readonly string[]) {
  const fields = Object.entries(exampleOf(kind));
  const content: Content = {
    kind: kind.name,
    time: '2024-05-31',
    data: Object.fromEntries(fields.filter(([name]) => !names.includes(name))),
    sealed: Object.fromEntries(fields.filter(([name]) => names.includes(name))),
  };
  const composed = composeEntry(ledger, organisation, targetOf(kind), content);
  return { ...composed, envelope: openEnvelope(composed.block, composed.key) };
}

/** An envelope that an attester could anchor though our own code would not make it. */
function anchored(kind: string, data: Record<string, Json>): Envelope {
  const { envelope } = compose(kinds.odometer, []);
  const key = secureRandom(32);
  return openEnvelope(encryptBlock(utf8(canonicalJson({ ...envelope, kind, data })), key), key);
}

/** One of the kinds, and some of the fields of its example. */
const sealing = fc.constantFrom(...all).chain((kind) =>
  fc.record({
    kind: fc.constant(kind),
    names: fc.subarray(Object.keys(exampleOf(kind))),
    opened: fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
  }),
);

describe('sealing', () => {
  it('hides any field of any kind, and disclosures bring back the whole entry', () => {
    fc.assert(
      fc.property(sealing, ({ kind, names }) => {
        const { envelope, disclosures } = compose(kind, names);
        expect(sealedCount(envelope)).to.equal(names.length);
        for (const name of names) expect(envelope.data).not.to.have.property(name);
        const { data, sealed, missing } = readableFields(envelope, openSealed(envelope, disclosures));
        expect(data).to.deep.equal(exampleOf(kind));
        expect(sealed).to.deep.equal({});
        expect(missing).to.deep.equal([]);
      }),
    );
  });

  it('names the demanded fields that are still closed, whatever is opened', () => {
    fc.assert(
      fc.property(sealing, ({ kind, names, opened }) => {
        const { envelope, disclosures } = compose(kind, names);
        const shown = disclosures.filter((_, index) => opened[index] === true);
        const open = shown.map((disclosure) => openDisclosure(disclosure).name);
        const closed = names.filter((name) => !open.includes(name));
        const { data, missing } = readableFields(envelope, openSealed(envelope, shown));
        expect(Object.keys(data).sort()).to.deep.equal(
          Object.keys(exampleOf(kind))
            .filter((name) => !closed.includes(name))
            .sort(),
        );
        for (const name of missing) expect(closed).to.include(name);
      }),
    );
  });

  it('keeps public and sealed fields apart when both are opened', () => {
    const content: Content = {
      kind: 'accident',
      time: '2024-05-31',
      data: { airbagsDeployed: true },
      sealed: { severity: 'severe', note: 'at night' },
    };
    const { block, key, disclosures } = composeEntry(ledger, organisation, targetOf(kinds.accident), content);
    const envelope = openEnvelope(block, key);
    expect(readableFields(envelope, {}).missing).to.deep.equal(['severity']);
    const opened = openSealed(envelope, disclosures);
    expect(readableFields(envelope, opened)).to.deep.equal({
      data: { airbagsDeployed: true, severity: 'severe' },
      sealed: { note: 'at night' },
      missing: [],
    });
  });

  describe('composeEntry refuses', () => {
    const target = targetOf(kinds.accident);
    for (const [why, code, content] of [
      ['a demanded field that is neither shown nor sealed', 'kind.invalidData', { data: {} }],
      [
        'a sealed public field with a wrong value',
        'kind.invalidData',
        { data: {}, sealed: { severity: 'bad' } },
      ],
      [
        'a field that is shown and sealed at once',
        'disclosure.twice',
        { data: { severity: 'minor' }, sealed: { severity: 'severe' } },
      ],
      [
        'another sealed field in the place of a demanded one',
        'kind.invalidData',
        { data: {}, sealed: { note: 'severity: severe' } },
      ],
      [
        'a part of a field',
        'kind.invalidData',
        { data: { severity: 'minor' }, sealed: { 'odometer.value': 5 } },
      ],
    ] as const) {
      it(why, () =>
        expectCode(code, () =>
          composeEntry(ledger, organisation, target, { kind: 'accident', time: '2024-05-31', ...content }),
        ),
      );
    }
  });

  describe('openEnvelope', () => {
    const digests = (...texts: string[]): Json => texts.map(disclosureDigest).sort();

    it('allows as many demanded fields to be missing as there are digests, and no more', async () => {
      expect(anchored('sale', { _sd: digests('a', 'b') }).data).to.have.property('_sd');
      await expectCode('kind.invalidData', () => anchored('sale', { _sd: digests('a') }));
      await expectCode('kind.invalidData', () => anchored('sale', {}));
    });

    it('still refuses a member that the kind does not have, and a wrong value beside sealed ones', async () => {
      await expectCode('kind.invalidData', () => anchored('sale', { colour: 'red', _sd: digests('a', 'b') }));
      await expectCode('kind.invalidData', () => anchored('sale', { type: 'gift', _sd: digests('a') }));
    });

    it('lets an amendment seal its correction, and judges what it shows of it', async () => {
      const supersedes = `0x${'1f'.repeat(32)}`;
      const shown = { supersedes, kind: 'odometer', kindVersion: 1, reason: 'typo' };
      expect(anchored('amended', { ...shown, _sd: digests('a') }).data.kind).to.equal('odometer');
      await expectCode('kind.invalidData', () => anchored('amended', shown));
      await expectCode('kind.invalidData', () =>
        anchored('amended', { ...shown, kind: 'amended', _sd: digests('a') }),
      );
      const { kind: _, ...hidden } = shown;
      expect(anchored('amended', { ...hidden, retracted: true, _sd: digests('a') }).data).to.have.property(
        '_sd',
      );
      await expectCode('kind.invalidData', () =>
        anchored('amended', { ...hidden, retracted: true, data: {}, _sd: digests('a') }),
      );
    });
  });

  describe('openSealed', () => {
    it('refuses a digest that opens to no value of the public field', async () => {
      const bad = sealField('severity', 'catastrophic');
      const envelope = anchored('accident', { _sd: [disclosureDigest(bad)] });
      await expectCode('kind.invalidData', () => openSealed(envelope, [bad]));
    });

    it('refuses what shows that a demanded field was never there', async () => {
      const note = sealField('note', 'nothing to see');
      const envelope = anchored('accident', { _sd: [disclosureDigest(note)] });
      await expectCode('kind.invalidData', () => openSealed(envelope, [note]));
    });

    it('refuses a public field that is opened twice, or shown already', async () => {
      const pair = [sealField('severity', 'minor'), sealField('severity', 'severe')];
      const twice = anchored('accident', { _sd: pair.map(disclosureDigest).sort() });
      await expectCode('disclosure.twice', () => openSealed(twice, pair));
      const [first = ''] = pair;
      const shown = anchored('accident', { severity: 'minor', _sd: [disclosureDigest(first)] });
      await expectCode('disclosure.twice', () => openSealed(shown, [first]));
    });

    it('judges the whole of an amendment once it is open', async () => {
      const sealed = {
        kind: sealField('kind', 'odometer'),
        data: sealField('data', { odometer: { value: -1, unit: 'KMT', source: 'workshop' } }),
      };
      const disclosures = Object.values(sealed);
      const envelope = anchored('amended', {
        supersedes: `0x${'1f'.repeat(32)}`,
        kindVersion: 1,
        reason: 'typo',
        _sd: disclosures.map(disclosureDigest).sort(),
      });
      expect(Object.keys(openSealed(envelope, [sealed.kind]))).to.deep.equal(['kind']);
      expect(Object.keys(openSealed(envelope, [sealed.data]))).to.deep.equal(['data']);
      await expectCode('kind.invalidData', () => openSealed(envelope, disclosures));
    });
  });
});
