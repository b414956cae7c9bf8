import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { Fingerprints } from '../../cli/import/fingerprints.ts';
import { openJournal } from '../../cli/import/journal.ts';

describe('fingerprints', () => {
  it('tell what was met with which content, as a map does', () => {
    const pairs = fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 50 });
    fc.assert(
      fc.property(pairs, fc.string(), (list, other) => {
        const [fingerprints, map] = [new Fingerprints(), new Map<string, string>()];
        for (const [name, content] of list) {
          fingerprints.set(name, content);
          map.set(name, content);
        }
        expect(fingerprints.size).to.equal(map.size);
        for (const [name, content] of map) {
          expect(fingerprints.find(name, content)).to.equal('same');
          expect(fingerprints.find(name, `${content}!`)).to.equal('changed');
        }
        expect(fingerprints.find(other, '') === null).to.equal(!map.has(other));
      }),
    );
  });

  it('grow: a hundred thousand names are all told apart', () => {
    const fingerprints = new Fingerprints();
    for (let number = 0; number < 100_000; number++) fingerprints.set(`name ${number}`, String(number));
    expect(fingerprints.size).to.equal(100_000);
    for (let number = 0; number < 100_000; number += 997) {
      expect(fingerprints.find(`name ${number}`, String(number))).to.equal('same');
      expect(fingerprints.find(`other ${number}`, '')).to.equal(null);
    }
  });
});

describe('compact import journal', () => {
  it('knows after a restart what is done, by name and content', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vinculum-journal-'));
    try {
      const rows = ['A', 'B'].map((name) => ({
        identifier: `csv:${name}`,
        content: `of ${name}`,
        entries: 1,
      }));
      const first = await openJournal(folder, { compact: true });
      expect(first.isNew).to.equal(true);
      await first.remember(rows);
      expect(first.matches('csv:A', 'of A')).to.equal('same');
      await first.close();
      const second = await openJournal(folder, { compact: true });
      expect(second.isNew).to.equal(false);
      expect(second.matches('csv:B', 'of B')).to.equal('same');
      expect(second.matches('csv:B', 'of A')).to.equal('changed');
      expect(second.matches('csv:C', 'of C')).to.equal(null);
      expect(second.isDone('csv:B')).to.equal(true);
      await second.close();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
