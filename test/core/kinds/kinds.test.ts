import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Kind } from '../../../core/kinds/kind.ts';
import {
  isModuleKind,
  kindByName,
  kindByNumber,
  kindNames,
  kinds,
  kindsOfRoles,
  moduleKindNames,
  moduleKinds,
} from '../../../core/kinds/kinds.ts';
import { type Role, roles } from '../../../core/kinds/roles.ts';
import { validateData, validateSealed } from '../../../core/kinds/validate.ts';
import { partKinds } from '../../../core/modules/part.ts';
import { titleKinds } from '../../../core/modules/title.ts';
import { staleSchemas } from '../../../scripts/schemas.ts';

const protocol = readFileSync(join(import.meta.dirname, '../../../docs/protocol.md'), 'utf8');

/** The rows `| n | kind | on |` of the table in docs/protocol.md §6. */
function protocolTable(): Map<number, { name: string; on: string }> {
  const section = protocol.slice(protocol.indexOf('## 6. Kinds'), protocol.indexOf('## 7.'));
  const cells = section.matchAll(/\| (\d+) \| `([a-zA-Z.]+)` \| ([a-z, ]+?) (?=\|)/g);
  return new Map([...cells].map(([, number, name = '', on = '']) => [Number(number), { name, on }]));
}

/** What no organisation does. */
const OWNERS: ReadonlySet<string> = new Set(
  ['offered', 'accepted', 'withdrawn', 'disputed'].map((name) => `title.${name}`),
);

describe('kinds', () => {
  it('are those of the table in docs/protocol.md, number by number', () => {
    const table = protocolTable();
    expect(table.size).to.equal(37);
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

  it('of modules are those of the tables in docs/protocol.md §13 and §17, with the numbers of their state machines', () => {
    const section = protocol.slice(protocol.indexOf('## 13.'), protocol.indexOf('## 14.'));
    const rows = [...section.matchAll(/^\| (\d+) \| `(title\.[a-zA-Z]+)` \|/gm)];
    expect(rows.map(([, number, name]) => [name, Number(number)])).to.deep.equal(Object.entries(titleKinds));
    const parts = protocol.slice(protocol.indexOf('## 17.'));
    const mounted = [...parts.matchAll(/^\| (\d+) \| `(safetyPart\.[a-zA-Z]+)` \|/gm)];
    expect(mounted.map(([, number, name]) => [name, Number(number)])).to.deep.equal(
      Object.entries(partKinds),
    );
    expect(Object.values(moduleKinds).map(({ name, number }) => [name, number])).to.deep.equal([
      ...Object.entries(titleKinds),
      ...Object.entries(partKinds),
    ]);
    expect(Object.values(moduleKinds).every(({ number }) => isModuleKind(number))).to.equal(true);
    expect(Object.values(kinds).some(({ number }) => isModuleKind(number))).to.equal(false);
  });

  for (const kind of Object.values<Kind>({ ...moduleKinds, ...kinds })) {
    it(`${kind.name}: the example is valid, and its schema in docs/ is up to date`, () => {
      expect(validateData(kind.name, kind.version, kind.example.data)).to.deep.equal(kind.example.data);
      for (const [name, value] of Object.entries(kind.example.sealed)) {
        expect(validateSealed(kind.name, kind.version, name, value)).to.deep.equal(value);
      }
      const byOwner = isModuleKind(kind.number) && OWNERS.has(kind.name);
      expect(kind.roles.length === 0, 'roles').to.equal(byOwner);
      expect(staleSchemas()).to.not.include(`${kind.name}.v${kind.version}.json`);
    });
  }

  it('have no schema in docs/ beyond their own', () => {
    expect(staleSchemas()).to.deep.equal([]);
  });

  it('never have a public field that is also a sealed one', () => {
    for (const kind of Object.values<Kind>({ ...moduleKinds, ...kinds })) {
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
    for (const name of moduleKindNames) {
      expect(kindByNumber(moduleKinds[name].number)).to.equal(kindByName(name));
    }
  });

  it('find nothing for an unassigned number or a name of Object.prototype', () => {
    for (const number of [22, 31, 35, 255, -1, 1.5, Number.NaN])
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
      for (const kind of Object.values<Kind>({ ...moduleKinds, ...kinds })) {
        expect((bitmap >> BigInt(kind.number)) & 1n, `${role} ${kind.name}`).to.equal(
          kind.roles.some((granted: string) => granted === role) ? 1n : 0n,
        );
      }
      expect(bitmap & 0xffc00000n).to.equal(0n);
    }
    expect(kindsOfRoles([])).to.equal(0n);
  });

  it('gives the rights to act in Titles to those who have them by their office', () => {
    const rights = (role: Role): number[] =>
      Array.from({ length: 16 }, (_, number) => number).filter(
        (number) => ((kindsOfRoles([role]) >> BigInt(number)) & 1n) === 1n,
      );
    expect(rights('registrar')).to.deep.equal([0, 4, 5, 6, 9, 11, 12, 13, 14, 15]);
    expect(rights('lender')).to.deep.equal([4, 5, 6]);
    expect(rights('authority')).to.deep.equal([9, 11]);
    expect(rights('police')).to.deep.equal([7, 8]);
    const others = roles.filter((role) => !['registrar', 'lender', 'authority', 'police'].includes(role));
    expect(others.flatMap(rights)).to.deep.equal([]);
  });

  it('gives the rights to act in Parts to those who make, mount, scrap and look for them', () => {
    const rights = (role: Role): number[] =>
      Object.values(partKinds).filter((number) => ((kindsOfRoles([role]) >> BigInt(number)) & 1n) === 1n);
    expect(rights('supplier')).to.deep.equal([16, 19]);
    expect(rights('manufacturer')).to.deep.equal([16, 17, 18, 19]);
    expect(rights('workshop')).to.deep.equal([17, 18, 19]);
    expect(rights('dealer')).to.deep.equal([17, 18, 19]);
    expect(rights('fleet')).to.deep.equal([17, 18]);
    expect(rights('authority')).to.deep.equal([19]);
    expect(rights('police')).to.deep.equal([20, 21]);
  });
});
