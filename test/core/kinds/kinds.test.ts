import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { kindByName, kindByNumber, kindNames, kinds, kindsOfRoles } from '../../../core/kinds/kinds.ts';
import { roles } from '../../../core/kinds/roles.ts';
import { validateData, validateSealed } from '../../../core/kinds/validate.ts';
import { staleSchemas } from '../../../scripts/schemas.ts';

const protocol = readFileSync(join(import.meta.dirname, '../../../docs/protocol.md'), 'utf8');

/** The rows `| n | kind | on |` of the table in docs/protocol.md §6. */
function protocolTable(): Map<number, { name: string; on: string }> {
  const section = protocol.slice(protocol.indexOf('## 6. Kinds'), protocol.indexOf('## 7.'));
  const cells = section.matchAll(/\| (\d+) \| `([a-zA-Z.]+)` \| ([a-z, ]+?) (?=\|)/g);
  return new Map([...cells].map(([, number, name = '', on = '']) => [Number(number), { name, on }]));
}

describe('kinds', () => {
  it('are those of the table in docs/protocol.md, number by number', () => {
    const table = protocolTable();
    expect(table.size).to.equal(34);
    expect([...table].map(([number, { name }]) => [number, name])).to.have.deep.members(
      Object.values(kinds).map(({ number, name }) => [number, name]),
    );
  });

  it('stand on the subjects that the table names', () => {
    for (const { name, on } of protocolTable().values()) {
      const subjects = on === 'any' ? ['vehicle', 'batch', 'serial', 'software', 'own'] : on.split(', ');
      expect(kindByName(name)?.subjects, name).to.deep.equal(subjects);
    }
  });

  it('leave 0–31 to the modules and have a number each', () => {
    const numbers = Object.values(kinds).map(({ number }) => number);
    expect(numbers.every((number) => number >= 32 && number <= 255)).to.equal(true);
    expect(new Set(numbers).size).to.equal(numbers.length);
  });

  for (const kind of Object.values(kinds)) {
    it(`${kind.name}: the example is valid, and its schema in docs/ is up to date`, () => {
      expect(validateData(kind.name, kind.version, kind.example.data)).to.deep.equal(kind.example.data);
      for (const [name, value] of Object.entries(kind.example.sealed)) {
        expect(validateSealed(kind.name, kind.version, name, value)).to.deep.equal(value);
      }
      expect(kind.roles).to.not.deep.equal([]);
      expect(staleSchemas()).to.not.include(`${kind.name}.v${kind.version}.json`);
    });
  }

  it('have no schema in docs/ beyond their own', () => {
    expect(staleSchemas()).to.deep.equal([]);
  });

  it('never have a public field that is also a sealed one', () => {
    for (const kind of Object.values(kinds)) {
      const open = Object.keys(kind.public.shape);
      expect(
        Object.keys(kind.sealed).filter((name) => open.includes(name)),
        kind.name,
      ).to.deep.equal([]);
    }
  });
});

describe('kindByNumber, kindByName', () => {
  it('find each kind', () => {
    for (const name of kindNames) expect(kindByNumber(kinds[name].number)).to.equal(kindByName(name));
  });

  it('find nothing for a module kind, an unassigned number or a name of Object.prototype', () => {
    for (const number of [0, 31, 35, 255, -1, 1.5, Number.NaN])
      expect(kindByNumber(number)).to.equal(undefined);
    for (const name of ['', 'toString', '__proto__', 'constructor', 'title.issue']) {
      expect(kindByName(name)).to.equal(undefined);
    }
  });
});

describe('kindsOfRoles', () => {
  it('is the bitmap of the kinds that name the role', () => {
    for (const role of roles) {
      const bitmap = kindsOfRoles([role]);
      for (const kind of Object.values(kinds)) {
        expect((bitmap >> BigInt(kind.number)) & 1n, `${role} ${kind.name}`).to.equal(
          kind.roles.some((granted: string) => granted === role) ? 1n : 0n,
        );
      }
      expect(bitmap & 0xffffffffn).to.equal(0n);
    }
    expect(kindsOfRoles([])).to.equal(0n);
  });
});
