import { expect } from 'chai';
import { fromUtf8, utf8 } from '../../../core/bytes.ts';
import { canonicalJson, type Json } from '../../../core/canonical.ts';
import { formatLedgerId } from '../../../core/chain/ledgerId.ts';
import type { Address, OrganisationId, Subject } from '../../../core/chain/types.ts';
import { digestOf, encryptBlock, openBlock, secureRandom } from '../../../core/envelope/block.ts';
import { disclosureDigest, openDisclosures, sealData, sealField } from '../../../core/envelope/disclosure.ts';
import {
  type Binding,
  type Content,
  checkBinding,
  composeEntry,
  openEnvelope,
  openSealed,
} from '../../../core/envelope/envelope.ts';
import { secondsOf } from '../../../core/envelope/time.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { expectCode } from '../../expectCode.ts';

const ledger = { chainId: 31337n, address: `0x${'ab'.repeat(20)}` as Address };
const organisation = 7n as OrganisationId;
const identifier = parseIdentifier('1M8GDM9AXKP042788');
const subject = `0x${'11'.repeat(32)}` as Subject;
const content: Content = {
  kind: 'odometer',
  time: '2024-05-31T10:00:00Z',
  data: { odometer: { value: 42000, unit: 'KMT', source: 'workshop' } },
  sealed: { note: 'read at the counter' },
};
const binding: Binding = {
  ledger: formatLedgerId(ledger),
  subject,
  identifier: 'vin:1M8GDM9AXKP042788',
  kind: 67,
  organisation,
  timestamp: secondsOf('2024-06-01'),
};

const compose = (change: Partial<Content> = {}) =>
  composeEntry(ledger, organisation, { subject, identifier }, { ...content, ...change });

/** A block that an attester could anchor though our own code would not make it. */
function forge(change: (envelope: Record<string, Json>) => unknown): { block: Uint8Array; key: Uint8Array } {
  const { block, key } = compose();
  const envelope = JSON.parse(fromUtf8(openBlock(block, key))) as Record<string, Json>;
  const changed = change(envelope);
  const text = typeof changed === 'string' ? changed : canonicalJson(changed);
  return { block: encryptBlock(utf8(text), key), key };
}

describe('envelope', () => {
  describe('composeEntry', () => {
    it('makes an entry whose block opens to what was said', () => {
      const { entry, block, key, disclosures } = compose();
      expect(entry).to.deep.equal({ kind: 67, subject, digest: digestOf(block) });
      const envelope = openEnvelope(block, key);
      checkBinding(envelope, binding);
      expect(envelope.data.odometer).to.deep.equal(content.data.odometer);
      expect(openSealed(envelope, disclosures)).to.deep.equal({ note: 'read at the counter' });
    });

    it('shows of a sealed field nothing but its digest', () => {
      const { block, key } = compose();
      expect(fromUtf8(openBlock(block, key))).not.to.include('counter');
    });

    it('writes to the attester’s own chain', () => {
      const closed = {
        kind: 'recall.closed',
        time: '2024-01-01',
        data: { campaign: 'R-1', reason: 'completed' },
      };
      const { entry, block, key } = composeEntry(ledger, organisation, 'own', closed);
      expect(entry.subject).to.equal(`0x${'00'.repeat(32)}`);
      expect(openEnvelope(block, key).identifier).to.equal('organisation:7');
    });

    for (const [code, change] of [
      ['kind.unknown', { kind: 'gossip' }],
      ['kind.unknownVersion', { kindVersion: 2 }],
      ['kind.invalidData', { data: { odometer: { value: -1, unit: 'KMT', source: 'workshop' } } }],
      ['kind.invalidData', { data: { ...content.data, colour: 'red' } }],
      ['kind.invalidData', { sealed: { salary: '1' } }],
      ['kind.subject', { kind: 'recall.closed', data: { campaign: 'R-1', reason: 'completed' }, sealed: {} }],
      ['envelope.time', { time: '2023-02-30' }],
      ['envelope.time', { time: '2023-02-01T10:00:00+01:00' }],
      ['envelope.time', { time: 'yesterday' }],
    ] as const) {
      it(`refuses with ${code}: ${JSON.stringify(change)}`, () => expectCode(code, () => compose(change)));
    }
  });

  describe('openEnvelope refuses', () => {
    for (const [code, why, change] of [
      ['json.notCanonical', 'another spelling', (envelope) => ` ${canonicalJson(envelope)}`],
      ['json.invalid', 'no JSON', () => 'hello'],
      ['envelope.malformed', 'an array', () => '[]'],
      ['envelope.malformed', 'an extra member', (envelope) => ({ ...envelope, extra: 1 })],
      ['envelope.malformed', 'a missing member', ({ time, ...rest }) => (time === undefined ? null : rest)],
      ['envelope.malformed', 'another version', (envelope) => ({ ...envelope, vinculum: 2 })],
      ['envelope.malformed', 'data that is no object', (envelope) => ({ ...envelope, data: [] })],
      [
        'envelope.malformed',
        'unsorted digests',
        (envelope) => ({ ...envelope, data: { _sd: ['b'.repeat(43), 'a'.repeat(43)] } }),
      ],
      ['envelope.malformed', 'an empty list of digests', (envelope) => ({ ...envelope, data: { _sd: [] } })],
      ['kind.unknown', 'an unknown kind', (envelope) => ({ ...envelope, kind: 'gossip' })],
      ['kind.unknownVersion', 'an unknown version', (envelope) => ({ ...envelope, kindVersion: 9 })],
      [
        'kind.invalidData',
        'data of another kind',
        (envelope) => ({ ...envelope, data: { campaign: 'R-1' } }),
      ],
      ['envelope.time', 'a day that does not exist', (envelope) => ({ ...envelope, time: '2024-13-01' })],
    ] as readonly [string, string, (envelope: Record<string, Json>) => unknown][]) {
      it(why, () => {
        const { block, key } = forge(change);
        return expectCode(code, () => openEnvelope(block, key));
      });
    }
  });

  describe('checkBinding', () => {
    const { block, key } = compose();
    const envelope = openEnvelope(block, key);
    for (const [member, change] of [
      ['ledger', { ledger: formatLedgerId({ ...ledger, chainId: 1n }) }],
      ['subject', { subject: `0x${'22'.repeat(32)}` as Subject }],
      ['identifier', { identifier: 'vin:WVWZZZ3CZEE140287' }],
      ['kind', { kind: 64 }],
      ['organisation', { organisation: 8n as OrganisationId }],
      ['time', { timestamp: secondsOf('2024-05-30T09:59:59Z') }],
    ] as const) {
      it(`holds the ${member} to the link’s`, async () => {
        const error = await expectCode('envelope.unbound', () =>
          checkBinding(envelope, { ...binding, ...change }),
        );
        expect((error as unknown as { details: object }).details).to.deep.equal({ member });
      });
    }

    it('lets an event be dated up to one day after its block', () => {
      checkBinding(envelope, { ...binding, timestamp: secondsOf('2024-05-30T10:00:00Z') });
    });
  });

  describe('disclosures', () => {
    it('follow RFC 9901 §4.2.1 and §4.2.3 to the letter', () => {
      // The RFC's own example: [salt, "family_name", "Möbius"].
      const disclosure = 'WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0';
      expect(disclosureDigest(disclosure)).to.equal('X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0');
      const data = { _sd: [disclosureDigest(disclosure)] };
      expect(openDisclosures(data, [disclosure])).to.deep.equal({ family_name: 'Möbius' });
    });

    it('give each sealing of the same value another digest', () => {
      expect(disclosureDigest(sealField('a', 1))).not.to.equal(disclosureDigest(sealField('a', 1)));
    });

    it('refuse what matches no digest, what is opened twice, and reserved names', async () => {
      const sealed = sealData({}, { amount: '10' });
      const [disclosure = ''] = sealed.disclosures;
      await expectCode('disclosure.unknown', () => openDisclosures(sealed.data, [sealField('amount', '10')]));
      await expectCode('disclosure.twice', () => openDisclosures(sealed.data, [disclosure, disclosure]));
      await expectCode('disclosure.reservedName', () => sealField('_sd', 1));
      await expectCode('disclosure.twice', () => sealData({ a: 1 }, { a: 2 }));
    });

    it('refuse garbage whose digest an attester committed to', async () => {
      for (const garbage of ['!', 'AAAA', 'WzFd']) {
        const data = { _sd: [disclosureDigest(garbage)] };
        await expectCode('disclosure.malformed', () => openDisclosures(data, [garbage]));
      }
    });
  });

  it('takes its randomness from one place', () => {
    let asked = 0;
    composeEntry(ledger, organisation, { subject, identifier }, content, (bytes) => {
      asked += bytes;
      return secureRandom(bytes);
    });
    expect(asked).to.equal(16 + 32 + 12);
  });
});
