import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { keysFolder, writeKeystore } from '../../cli/keystore.ts';
import type { Attester } from '../api/fixture.ts';
import { documentOf } from '../core/epcis/documents.ts';
import { type Beside, PASSWORD, type Ran, sharedBeside, vinculum } from './fixture.ts';

const GUIDE = fileURLToPath(new URL('../../docs/supply-chain.md', import.meta.url));

const shipped = (lot: string, id: string, more: object = {}) => ({
  type: 'ObjectEvent',
  eventTime: '2024-03-01T10:00:00Z',
  eventTimeZoneOffset: '+01:00',
  readPoint: { id: 'urn:epc:id:sgln:4012345.00005.0' },
  eventID: `urn:uuid:${id}`,
  action: 'OBSERVE',
  bizStep: 'shipping',
  quantityList: [{ epcClass: `urn:epc:class:lgtin:4012345.011111.${lot}`, quantity: 20 }],
  ...more,
});

describe('vinculum epcis find', function () {
  this.timeout(120_000);
  let beside: Beside;
  let folder: string;
  let supplier: Attester;
  let maker: Attester;

  const save = async (name: string, events: readonly unknown[]): Promise<string> => {
    const file = join(folder, name);
    await writeFile(file, JSON.stringify(documentOf(events)));
    return file;
  };
  const find = (by: string, ...args: string[]): Promise<Ran> =>
    vinculum(folder, 'epcis', 'find', ...args, '--json', '--keystore', by);
  const imported = async (by: string, file: string): Promise<void> => {
    const ran = await vinculum(folder, 'import', 'epcis', file, '--json', '--keystore', by);
    expect(ran.exit, ran.stderr).to.equal(0);
  };
  const events = [shipped('F1', 'f1'), shipped('F2', 'f2')];
  /** The same events, as another system names and orders them. */
  const renamed = events.map(({ eventID, ...event }) => ({ ...event, eventID: `${eventID}-theirs` }));

  before(async () => {
    beside = await sharedBeside();
    folder = await beside.newFolder();
    supplier = await beside.test.admit('Supplier that finds', ['supplier']);
    maker = await beside.test.admit('Maker that finds', ['manufacturer']);
    const curious = await beside.test.admit('Curious that finds nothing', ['supplier']);
    for (const [name, { key, id }] of Object.entries({ supplier, maker, curious })) {
      const keystore = { name, secretKey: key, organisation: id };
      await writeKeystore(keysFolder(folder), keystore, PASSWORD, { strength: 'light' });
    }
    await imported('supplier', await save('ours.jsonld', events));
  });

  it('lists one’s own entries of a document’s events, and ends in 3 where an event has none', async () => {
    const file = await save('more.jsonld', [...events, shipped('F3', 'f3')]);
    const ran = await find('supplier', file);
    expect(ran.exit, ran.stderr).to.equal(3);
    expect(ran.json).to.include({ file, found: 2, missing: 1, truncated: false });
    const [first, , last] = ran.json.events;
    expect(first.id).to.equal('urn:uuid:f1');
    expect(first.own).to.have.length(1);
    expect(first.own[0]).to.include({
      identifier: 'batch:id.gs1.org:01/04012345111118/10/F1',
      kind: 'batch.shipped',
      anchored: true,
    });
    expect(last).to.deep.include({ id: 'urn:uuid:f3', own: [], others: [] });
    const whole = await find('supplier', await save('ours.jsonld', events));
    expect([whole.exit, whole.json.found]).to.deep.equal([0, 2]);
  });

  it('tells nothing to an organisation that has not stated the event, whatever it guesses', async () => {
    const file = await save('guessed.jsonld', events);
    const guessed = await find('curious', file);
    expect([guessed.exit, guessed.json.found, guessed.json.missing]).to.deep.equal([3, 0, 2]);
    for (const { own, others } of guessed.json.events) expect([...own, ...others]).to.deep.equal([]);
    const byId = await find('curious', '--id', 'urn:uuid:f1');
    expect([byId.exit, byId.json.events[0].own]).to.deep.equal([3, []]);
  });

  it('shows two partners each other once both have stated it, under whatever eventIDs', async () => {
    const theirs = await save('theirs.jsonld', renamed);
    await imported('maker', theirs);
    const ran = await find('maker', theirs);
    expect(ran.exit, ran.stderr).to.equal(0);
    for (const { own, others } of ran.json.events) {
      expect(own).to.have.length(1);
      expect(others.map(({ organisation }: { organisation: string }) => organisation)).to.deep.equal([
        supplier.id.toString(),
      ]);
    }
    const text = await vinculum(folder, 'epcis', 'find', theirs, '--keystore', 'maker');
    expect(text.stdout).to.contain(`organisation ${supplier.id} (Supplier that finds)`);
    expect(text.stdout).to.contain('2 of 2 events on the ledger.');
  });

  it('says of an event that was declared to be in error that its entry was retracted', async () => {
    const [wrong] = [shipped('F9', 'f9')];
    const file = await save('wrong.jsonld', [wrong]);
    await imported('supplier', file);
    const errorDeclaration = { declarationTime: '2024-03-05T10:00:00Z', reason: 'did_not_occur' };
    await imported('supplier', await save('error.jsonld', [{ ...wrong, errorDeclaration }]));
    const ran = await find('supplier', file);
    const [entry, retraction] = ran.json.events[0].own;
    expect([entry.kind, retraction.kind]).to.deep.equal(['batch.shipped', 'amended']);
    expect(entry.amended, ran.stderr).to.deep.equal({ digest: retraction.digest, retracted: true });
    const text = await vinculum(folder, 'epcis', 'find', file, '--keystore', 'supplier');
    expect(text.stdout).to.contain('retracted by 0x');
  });

  it('refuses what it can’t look for, before anybody is asked', async () => {
    const file = join(folder, 'other.json');
    await writeFile(file, '{"type":"Report"}');
    const cases: [string[], string][] = [
      [[], 'epcis.nothing'],
      [['--hash', 'ni:///sha-256;00?ver=CBV2.0'], 'epcis.hash'],
      [[file], 'epcis.notEpcis'],
    ];
    for (const [args, code] of cases) {
      const ran = await find('supplier', ...args);
      expect([ran.exit, ran.json?.error?.code]).to.deep.equal([2, code]);
    }
    const nobody = await vinculum(folder, 'epcis', 'find', '--id', 'x', '--json');
    expect([nobody.exit, nobody.json.error.code]).to.deep.equal([2, 'keystore.unnamed']);
  });

  it('works as the guide says', async () => {
    const guide = await readFile(GUIDE, 'utf8');
    const section = guide.slice(guide.indexOf('### Find an event'));
    const commands = (/^```\n([\s\S]*?)^```$/m.exec(section)?.[1] ?? '').trim().split('\n');
    expect(commands).to.have.length(2);
    const file = await save('guide.jsonld', events);
    const hashed = await vinculum(folder, 'epcis', 'hash', file, '--json');
    const values: Readonly<Record<string, string>> = {
      FILE: file,
      HASH: hashed.json.events[0].hash,
      ID: 'urn:uuid:f2',
      NAME: 'supplier',
    };
    for (const command of commands) {
      const [program, ...args] = command.split(' ').map((word) => values[word] ?? word);
      expect(program).to.equal('vinculum');
      const ran = await vinculum(folder, ...args);
      expect(ran.exit, `${command}: ${ran.stderr}`).to.equal(0);
      expect(ran.stdout).to.contain('2 of 2 events on the ledger.');
    }
  });
});
