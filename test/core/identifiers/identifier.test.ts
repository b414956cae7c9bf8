import { expect } from 'chai';
import fc from 'fast-check';
import { formatIdentifier, parseIdentifier, subjectTypeOf } from '../../../core/identifiers/identifier.ts';
import { expectCode } from '../../expectCode.ts';

describe('identifier', () => {
  for (const [given, text] of [
    ['1m8gdm9axkp042788', 'vin:1M8GDM9AXKP042788'],
    ['vin:1M8-GDM9-AXKP042788', 'vin:1M8GDM9AXKP042788'],
    ['registration:fr:fr 000-001', 'registration:FR:FR000001'],
    ['registration:US-ca:７ABC123', 'registration:US-CA:7ABC123'],
    ['chassis:citroen:nr 123', 'chassis:CITROEN:NR123'],
    ['batch:Maker.Example: L-77/b ', 'batch:maker.example:L-77/b'],
    ['serial:4012345000009:A:B', 'serial:4012345000009:A:B'],
    ['van:BPNL00000003CML1: OMAOYGBDTSRCMYSCX', 'van:bpnl00000003cml1:OMAOYGBDTSRCMYSCX'],
    ['software:maker.example:ecu-2.4.1', 'software:maker.example:ecu-2.4.1'],
  ] as const) {
    it(`reads ${given} as ${text}`, () => expect(formatIdentifier(parseIdentifier(given))).to.equal(text));
  }

  for (const [given, code, why] of [
    [
      'registration:FR:WVWZZZ3CZEE140287',
      'identifier.isVin',
      'a VIN as a registry number: one car, two subjects',
    ],
    ['chassis:VW:wvwzzz3czee140287', 'identifier.isVin', 'a VIN as a chassis number'],
    ['registration:France:AA001AA', 'identifier.scope', 'a market that is no ISO code'],
    ['registration:FR', 'identifier.scope', 'no number'],
    ['registration:FR:', 'identifier.value', 'an empty number'],
    [`registration:FR:${'A'.repeat(33)}`, 'identifier.value', 'a number too long'],
    ['registration:FR:АБ123', 'identifier.value', 'Cyrillic letters'],
    ['batch:maker example:1', 'identifier.scope', 'a space in the maker'],
    ['batch:maker:a b', 'identifier.value', 'a space in the number'],
    ['van:BPNL00000003CML1:', 'identifier.value', 'an empty pseudonym of a vehicle'],
    ['van:OMAOYGBDTSRCMYSCX', 'identifier.scope', 'a pseudonym of a vehicle without its maker'],
    ['plate:FR:AA001AA', 'identifier.type', 'an unknown type'],
    ['http://example.org', 'identifier.type', 'a URL'],
  ] as const) {
    it(`refuses ${why}`, () => expectCode(code, () => parseIdentifier(given)));
  }

  it('reads back every text it writes', () => {
    const texts = fc.tuple(
      fc.constantFrom(
        'registration:FR',
        'chassis:X',
        'van:a',
        'batch:a.example',
        'serial:a.example',
        'software:b',
      ),
      fc.stringMatching(/^[A-Z0-9]{1,16}$/),
    );
    fc.assert(
      fc.property(texts, ([prefix, value]) => {
        const text = formatIdentifier(parseIdentifier(`${prefix}:${value}`));
        expect(formatIdentifier(parseIdentifier(text))).to.equal(text);
      }),
    );
  });

  it('knows which identifiers name vehicles', () => {
    expect(subjectTypeOf(parseIdentifier('registration:FR:A1'))).to.equal('vehicle');
    expect(subjectTypeOf(parseIdentifier('van:BPNL00000003CML1:A1'))).to.equal('vehicle');
    expect(subjectTypeOf(parseIdentifier('serial:m:A1'))).to.equal('serial');
  });
});
