import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { contentTables, tablesOf } from '../../../api/erasure/destroy.ts';

describe('the tables that are written anew after an erasure', () => {
  const of = (...items: string[]) => [...tablesOf(items.map((what) => ({ what })))].sort();

  it('are those of every item, however they are mixed', () => {
    const [document, field, alert] = ['document:bafy', 'field:technician', 'field:recipient'];
    expect(of(document)).to.deep.equal(['disclosures', 'documents']);
    expect(of(field)).to.deep.equal(['disclosures', 'events', 'graph_sealed', 'things']);
    for (const mixed of [
      [document, field],
      [field, document],
      [field, alert],
      [document, alert, field],
    ]) {
      expect(of(...mixed)).to.deep.equal([...new Set(mixed.flatMap((item) => of(item)))].sort());
    }
    expect(of(field, 'entry', document)).to.deep.equal([...contentTables].sort());
    for (const item of [document, field, alert]) expect([...contentTables]).to.include.members(of(item));
  });

  it('are those that docs/operations.md names to administrators', async () => {
    const text = await readFile(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
    const [, named = ''] = /and rewrite (.*?) in a window of your own/.exec(text) ?? [];
    expect(Array.from(named.matchAll(/`(\w+)`/g), ([, name]) => name)).to.deep.equal([...contentTables]);
  });
});
