import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { keysFolder, writeKeystore } from '../../cli/keystore.ts';
import { fromHex } from '../../core/bytes.ts';
import type { Subject } from '../../core/chain/types.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { type AccessEntry, foldAccess } from '../../core/privacy/accessLog.ts';
import { parseReport } from '../../core/report/report.ts';
import { type Beside, PASSWORD, type Ran, sharedBeside, vinculum } from './fixture.ts';

const vinOf = (number: number): string => `WVWZZZ1JZXW9${String(number).padStart(5, '0')}`;

describe('consents, share links and the access log', function () {
  this.timeout(120_000);
  let beside: Beside;
  let bank: string;

  before(async () => {
    beside = await sharedBeside();
    const folder = keysFolder(beside.folder);
    const { id, key } = await beside.test.admit('Credit bank', ['lender']);
    bank = id.toString();
    await writeKeystore(folder, { name: 'credit', secretKey: key, organisation: id }, PASSWORD, {
      strength: 'light',
    });
    for (const name of ['olga', 'piotr']) {
      await writeKeystore(folder, { name, secretKey: randomBytes(32) }, PASSWORD, { strength: 'light' });
    }
  });

  const as = (keystore: string, ...args: string[]): Promise<Ran> =>
    vinculum(beside.folder, ...args, '--keystore', keystore, '--json');
  const done = async (keystore: string, ...args: string[]) => {
    const ran = await as(keystore, ...args);
    expect(ran.exit, `${args.join(' ')}: ${ran.stdout}${ran.stderr}`).to.equal(0);
    return ran.json;
  };
  const subjectOf = (vin: string): Subject => beside.test.subject(parseIdentifier(vin));

  /** A vehicle of Olga's with a sealed plate. */
  const owned = async (number: number): Promise<string> => {
    const vin = vinOf(number);
    await done('registry', 'title', 'issue', vin, '--to', 'olga', '--seal', 'plate=AB-123-CD');
    return vin;
  };

  it('gives, lists, shows and revokes a consent; its grantee sees it too', async () => {
    const vin = await owned(1);
    const given = await done(
      'olga',
      'consent',
      'grant',
      vin,
      '--to-organisation',
      bank,
      '--purpose',
      'finance',
      '--until',
      '30d',
      '--field',
      'plate',
    );
    expect(given).to.include({ state: 'good', identifier: `vin:${vin}` });
    expect(given.signed).to.deep.include({
      organisation: bank,
      fields: ['plate'],
      purpose: 'finance',
      tenure: 1,
    });
    expect((await done('olga', 'consent', 'list')).map(({ hash }: { hash: string }) => hash)).to.include(
      given.hash,
    );
    const seen = await done('credit', 'consent', 'list', '--as', 'grantee');
    expect(seen.map(({ hash }: { hash: string }) => hash)).to.deep.equal([given.hash]);
    expect((await done('credit', 'consent', 'show', given.hash)).state).to.equal('good');
    expect((await done('olga', 'consent', 'revoke', given.hash)).state).to.equal('revoked');
    expect((await done('credit', 'consent', 'show', given.hash)).state).to.equal('revoked');
  });

  it('ends a consent with the sale of the vehicle', async () => {
    const vin = await owned(2);
    const given = await done('olga', 'consent', 'grant', vin, '--to', 'piotr', '--until', '30d');
    await done('olga', 'title', 'offer', vin, '--to', 'piotr', '--until', '1d');
    await done('piotr', 'title', 'accept', vin);
    expect((await done('olga', 'consent', 'show', given.hash)).state).to.equal('ended');
    const again = await as('olga', 'consent', 'grant', vin, '--to-organisation', bank, '--until', '30d');
    expect([again.exit, again.json.error.code]).to.deep.equal([2, 'consent.notOwner']);
  });

  it('opens the full report to whoever has the link, counts it, and the owner reads who saw what', async () => {
    const vin = await owned(3);
    const shared = await done('olga', 'share', 'create', vin, '--until', '7d');
    const file = join(beside.folder, 'shared.json');
    const opened = await vinculum(beside.folder, 'share', 'open', shared.link, '-o', file, '--json');
    expect(opened.json, opened.stderr).to.include({ identifier: `vin:${vin}`, openings: 1 });
    const report = parseReport(await readFile(file, 'utf8'));
    const shown = Object.values(report.contents).flatMap((content) =>
      'disclosures' in content ? content.disclosures : [],
    );
    expect(shown).to.have.length(1);
    const verified = await vinculum(beside.folder, 'verify', file, '--json');
    expect(verified.exit, verified.stdout).to.equal(0);

    expect(
      (await done('olga', 'share', 'list')).find(({ hash }: { hash: string }) => hash === shared.hash)
        .openings.count,
    ).to.equal(1);
    const log = await done('olga', 'access-log', vin);
    expect(log.entries).to.have.length(1);
    expect(log.entries[0]).to.deep.include({
      reader: `bearer:${shared.hash}`,
      purpose: 'purchase',
      position: 0,
    });
    expect(log.checkedFrom).to.equal(null);
    expect((await done('olga', 'access-log', vin)).checkedFrom).to.equal(1);

    await done('olga', 'share', 'revoke', shared.hash);
    const late = await vinculum(beside.folder, 'share', 'open', shared.link, '--json');
    expect([late.exit, late.json.error.code]).to.deep.equal([5, 'share.revoked']);
  });

  describe('catches an operator who', () => {
    /** A log of three readings whose head Olga kept; then the operator does something to it, and signs the head anew. */
    const readBy = async (number: number, lie: (entries: AccessEntry[]) => AccessEntry[]): Promise<Ran> => {
      const vin = await owned(number);
      const shared = await done('olga', 'share', 'create', vin, '--until', '7d');
      for (let reading = 0; reading < 3; reading++)
        await vinculum(beside.folder, 'share', 'open', shared.link, '--json');
      const { entries } = await done('olga', 'access-log', vin);
      expect(entries).to.have.length(3);
      const lied = lie(entries);
      const { store } = beside.test.service.services;
      const subject = fromHex(subjectOf(vin), 32);
      await store.execute('DELETE FROM access_entries WHERE subject = $1', [subject]);
      for (const [position, entry] of lied.entries()) {
        const head = fromHex(foldAccess(lied.slice(0, position + 1)), 32);
        await store.execute(
          'INSERT INTO access_entries (subject, position, tenure, at, entry, head) VALUES ($1, $2, 1, $3, $4, $5)',
          [subject, position, entry.at, JSON.stringify(entry), head],
        );
      }
      await store.execute('UPDATE access_heads SET length = $2, head = $3 WHERE subject = $1', [
        subject,
        lied.length,
        fromHex(foldAccess(lied), 32),
      ]);
      return as('olga', 'access-log', vin);
    };
    const numbered = (entries: readonly AccessEntry[]): AccessEntry[] =>
      entries.map((entry, position) => ({ ...entry, position }));

    it('takes the last entry out', async () => {
      const ran = await readBy(4, (entries) => entries.slice(0, 2));
      expect([ran.exit, ran.json.error.code]).to.deep.equal([1, 'access.shortened']);
    });
    it('takes one from the middle out and puts another behind', async () => {
      const ran = await readBy(5, ([first, , last]) =>
        numbered([first, last, { ...last, reader: 'operator' }] as AccessEntry[]),
      );
      expect([ran.exit, ran.json.error.code]).to.deep.equal([1, 'access.rewritten']);
    });
    it('alters an entry', async () => {
      const ran = await readBy(6, ([first, ...rest]) => [
        { ...first, purpose: 'research' } as AccessEntry,
        ...rest,
      ]);
      expect([ran.exit, ran.json.error.code]).to.deep.equal([1, 'access.rewritten']);
    });
    it('but not one that only goes on', async () => {
      const ran = await readBy(7, (entries) => numbered([...entries, entries[0] as AccessEntry]));
      expect([ran.exit, ran.json.checkedFrom]).to.deep.equal([0, 3]);
    });
  });

  it('lists the vehicles of a key, and what is on offer to it', async () => {
    const vin = await owned(8);
    await done('olga', 'title', 'offer', vin, '--to', 'piotr', '--until', '1d');
    const mine = await done('olga', 'my', 'vehicles');
    expect(mine.vehicles.map(({ identifier }: { identifier: string }) => identifier)).to.include(
      `vin:${vin}`,
    );
    const offered = await done('piotr', 'my', 'vehicles');
    expect(offered.offers.map(({ identifier }: { identifier: string }) => identifier)).to.deep.equal([
      `vin:${vin}`,
    ]);
  });

  describe('refuses', () => {
    const wrong: readonly [string, readonly string[], string][] = [
      ['a grantee that is none', ['consent', 'grant', vinOf(1), '--until', '1d'], 'consent.grantee'],
      [
        'two grantees',
        ['consent', 'grant', vinOf(1), '--until', '1d', '--to', 'piotr', '--to-organisation', '1'],
        'consent.grantee',
      ],
      [
        'a time that is too long',
        ['consent', 'grant', vinOf(1), '--until', '2y', '--to', 'piotr'],
        'consent.time',
      ],
      ['a consent that has no such name', ['consent', 'show', '0x12'], 'consent.name'],
      ['a link that is none', ['share', 'open', 'https://example.org/#share=short'], 'share.link'],
    ];
    for (const [what, args, code] of wrong) {
      it(what, async () => {
        const ran =
          args[0] === 'share' ? await vinculum(beside.folder, ...args, '--json') : await as('olga', ...args);
        expect([ran.json?.error?.code, ran.exit], ran.stderr).to.deep.equal([code, 2]);
      });
    }
  });
});
