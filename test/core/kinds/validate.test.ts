import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { VinculumError } from '../../../core/errors.ts';
import { titleBrands } from '../../../core/kinds/brands.ts';
import { kindNames, kinds } from '../../../core/kinds/kinds.ts';
import { validateData, validateSealed } from '../../../core/kinds/validate.ts';
import { sharedFile } from '../../shared.ts';

function fault(action: () => unknown): { code: string; path: unknown } {
  try {
    action();
  } catch (error) {
    if (error instanceof VinculumError) return { code: error.code, path: error.details.path };
    throw error;
  }
  return { code: 'none', path: undefined };
}

const reading = { value: 1200, unit: 'KMT', source: 'workshop' };
const digest = `0x${'ab'.repeat(32)}`;

describe('validateData', () => {
  it('names the path of the fault', () => {
    const cases: [string, unknown, string][] = [
      ['odometer', {}, 'data.odometer'],
      ['odometer', { odometer: { ...reading, value: -1 } }, 'data.odometer.value'],
      ['odometer', { odometer: { ...reading, value: 1.5 } }, 'data.odometer.value'],
      ['odometer', { odometer: { ...reading, value: 1e300 } }, 'data.odometer.value'],
      ['odometer', { odometer: { ...reading, unit: 'km' } }, 'data.odometer.unit'],
      ['odometer', { odometer: { ...reading, colour: 'red' } }, 'data.odometer.colour'],
      ['odometer', { odometer: reading, plate: 'AA-123-BB' }, 'data.plate'],
      ['odometer', { odometer: reading, _sd: [] }, 'data._sd'],
      ['odometer', null, 'data'],
      ['odometer', [], 'data'],
      ['sale', { type: 'retail', condition: 'used', warrantyUntil: '2023-02-29' }, 'data.warrantyUntil'],
      ['claim', { type: 'hail', status: 'opened', titleBrands: ['15'] }, 'data.titleBrands[0]'],
      ['vehicle.registered', { model: 'line\nbreak' }, 'data.model'],
      ['vehicle.registered', { model: '\ud800' }, 'data.model'],
      ['vehicle.registered', { model: '\u202emodel' }, 'data.model'],
      ['vehicle.registered', { model: '' }, 'data.model'],
      ['registration.lien', { market: 'France', event: 'X', action: 'released' }, 'data.market'],
      ['vehicle.linked', { ...kinds['vehicle.linked'].example.data, to: 'vin:WVWZZZ1JZ3W38675I' }, 'data.to'],
      ['part.mounted', { component: 'brakes', part: 'batch:Upper.example:1' }, 'data.part'],
    ];
    for (const [kind, data, path] of cases) {
      expect(
        fault(() => validateData(kind, 1, data)),
        JSON.stringify(data),
      ).to.deep.equal({
        code: 'kind.invalidData',
        path,
      });
    }
  });

  it('refuses unknown members everywhere, the hidden __proto__ too', () => {
    for (const name of kindNames) {
      const { data } = kinds[name].example;
      expect(fault(() => validateData(name, 1, { ...data, surplus: 1 })).code, name).to.equal(
        'kind.invalidData',
      );
    }
    const hidden = JSON.parse('{"supersedes":"","title":{"__proto__":"x"}}');
    const opened = { ...kinds['recall.opened'].example.data, title: { en: 'a' } };
    expect(fault(() => validateData('recall.opened', 1, opened)).code).to.equal('none');
    expect(fault(() => validateData('recall.opened', 1, { ...opened, title: hidden.title })).code).to.equal(
      'kind.invalidData',
    );
  });

  it('refuses a kind and a version that it does not know', () => {
    expect(fault(() => validateData('vehicle.flown', 1, {})).code).to.equal('kind.unknown');
    expect(fault(() => validateData('toString', 1, {})).code).to.equal('kind.unknown');
    for (const version of [0, 2, 1.5, Number.NaN]) {
      expect(fault(() => validateData('odometer', version, {})).code).to.equal('kind.unknownVersion');
    }
  });

  it('lets every kind list documents', () => {
    const documents = [{ cid: `b${'a'.repeat(58)}`, mediaType: 'application/pdf', bytes: 52110 }];
    for (const name of kindNames) {
      expect(fault(() => validateData(name, 1, { ...kinds[name].example.data, documents })).code).to.equal(
        'none',
      );
    }
  });

  describe('amended', () => {
    const amendment = { supersedes: digest, kind: 'odometer', kindVersion: 1, reason: 'typo' };

    it('is checked down into the corrected fields', () => {
      const check = (data: unknown) => fault(() => validateData('amended', 1, data));
      expect(check({ ...amendment, data: { odometer: reading } }).code).to.equal('none');
      expect(check({ ...amendment, data: { odometer: { ...reading, value: 'many' } } })).to.deep.equal({
        code: 'kind.invalidData',
        path: 'data.data.odometer.value',
      });
      expect(check({ ...amendment, data: JSON.parse('{"__proto__":{}}') }).code).to.equal('kind.invalidData');
    });

    it('carries corrected fields or retracts, one of the two', () => {
      const check = (data: unknown) => fault(() => validateData('amended', 1, data));
      expect(check({ ...amendment, retracted: true }).code).to.equal('none');
      expect(check(amendment).path).to.equal('data.data');
      expect(check({ ...amendment, retracted: true, data: { odometer: reading } }).path).to.equal(
        'data.data',
      );
    });

    it('amends no amendment, no unknown kind and no unknown version', () => {
      const check = (data: unknown) => fault(() => validateData('amended', 1, data));
      expect(check({ ...amendment, kind: 'amended', data: amendment }).path).to.equal('data.kind');
      expect(check({ ...amendment, kind: 'odometers', data: {} }).code).to.equal('kind.unknown');
      expect(check({ ...amendment, kindVersion: 2, data: {} }).code).to.equal('kind.unknownVersion');
    });
  });

  it('answers garbage with a VinculumError and nothing else', () => {
    const garbage = fc.anything({
      withNullPrototype: true,
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
      withObjectString: true,
    });
    fc.assert(
      fc.property(fc.constantFrom(...kindNames), garbage, (name, data) => {
        expect(fault(() => validateData(name, 1, data)).code).to.be.oneOf(['kind.invalidData', 'none']);
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.string(), fc.double(), garbage, (name, version, data) => {
        fault(() => validateData(name, version, data));
        fault(() => validateSealed('claim', 1, name, data));
      }),
    );
  });

  it('answers a valid example with one member replaced by garbage', () => {
    const spoilt = fc.constantFrom(...kindNames).chain((name) => {
      const data: Record<string, unknown> = kinds[name].example.data;
      const key = fc.constantFrom(...Object.keys(data));
      return fc.tuple(fc.constant(name), key, fc.anything()).map(([kind, member, value]) => {
        return { kind, data: { ...data, [member]: value } };
      });
    });
    fc.assert(
      fc.property(spoilt, ({ kind, data }) => {
        expect(fault(() => validateData(kind, 1, data)).code).to.be.oneOf([
          'kind.invalidData',
          'kind.unknown',
          'kind.unknownVersion',
          'none',
        ]);
      }),
      { numRuns: 2000 },
    );
  });

  it('answers nesting a hundred thousand deep', () => {
    let deep: unknown = 1;
    for (let depth = 0; depth < 100_000; depth++) deep = { data: deep };
    expect(fault(() => validateData('odometer', 1, deep)).code).to.equal('kind.invalidData');
    const amendment = { supersedes: digest, kind: 'odometer', kindVersion: 1, reason: 'typo', data: deep };
    expect(fault(() => validateData('amended', 1, amendment)).code).to.equal('kind.invalidData');
  });
});

describe('validateSealed', () => {
  it('knows the fields of each kind, by name or by beginning', () => {
    const key = 'A'.repeat(43);
    expect(validateSealed('claim', 1, 'claimNumber', 'S-1')).to.equal('S-1');
    expect(validateSealed('odometer', 1, `document:b${'a'.repeat(58)}`, key)).to.equal(key);
    expect(validateSealed('vehicle.built', 1, `key:${digest}`, key)).to.equal(key);
    expect(validateSealed('amended', 1, 'claimNumber', 'S-1')).to.equal('S-1');
  });

  it('refuses a field that the kind does not have, and a wrong value', () => {
    const cases: [string, string, unknown][] = [
      ['odometer', 'claimNumber', 'S-1'],
      ['odometer', 'document:*', 'A'.repeat(43)],
      ['odometer', 'document:', 'A'.repeat(43)],
      ['odometer', 'document', 'A'.repeat(43)],
      ['odometer', ':x', 'A'.repeat(43)],
      ['odometer', `key:${digest}`, 'A'.repeat(43)],
      ['odometer', 'toString', ''],
      ['odometer', '__proto__', {}],
      ['claim', 'amount', { amount: '1e9', currency: 'EUR' }],
      ['claim', 'amount', { amount: 12.5, currency: 'EUR' }],
      ['claim', `document:b${'a'.repeat(58)}`, 'short'],
    ];
    for (const [kind, name, value] of cases) {
      expect(
        fault(() => validateSealed(kind, 1, name, value)),
        name,
      ).to.deep.equal({
        code: 'kind.invalidData',
        path: kind === 'claim' && name === 'amount' ? 'sealed.amount.amount' : `sealed.${name}`,
      });
    }
    expect(fault(() => validateSealed('nothing', 1, 'note', '')).code).to.equal('kind.unknown');
    expect(fault(() => validateSealed('claim', 2, 'note', '')).code).to.equal('kind.unknownVersion');
  });
});

describe('titleBrands', () => {
  it('are the codes that AAMVA D20 has', function () {
    const file = sharedFile('title-brands-aamva-d20.json');
    if (file === null) return this.skip();
    expect(titleBrands).to.deep.equal(JSON.parse(readFileSync(file, 'utf8')).codes);
  });
});
