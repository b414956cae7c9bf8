import { expect } from 'chai';
import type { Address } from '../../../core/chain/types.ts';
import { decideTrust, formatDirectory, parseDirectory, readServiceInfo } from '../../../web/model/trust.ts';

const directory = `0x${'d1'.repeat(20)}` as Address;
const other = `0x${'d2'.repeat(20)}` as Address;

describe('decideTrust', () => {
  const named = { chainId: '7', directory, from: 'x.example' };
  const pin = { chainId: '7', directory, since: 5, from: 'x.example' };

  it('believes a service once, and keeps what it named', () => {
    const first = decideTrust(null, named, 9);
    expect(first).to.deep.include({ state: 'firstUse', pin: { ...pin, since: 9 } });
    expect(decideTrust(first.pin, named, 10).state).to.equal('pinned');
  });

  it('never believes a file about its own directory', () => {
    expect(decideTrust(null, { ...named, from: 'file' }, 9)).to.include({ state: 'fromReport', pin: null });
  });

  it('stays with what is pinned when another is named', () => {
    for (const change of [{ directory: other }, { chainId: '8' }]) {
      const decided = decideTrust(pin, { ...named, ...change }, 9);
      expect(decided.state).to.equal('changed');
      expect(decided.trust).to.deep.equal({ chainId: '7', directory });
    }
  });
});

describe('a directory as people write it', () => {
  it('is read back', () => {
    expect(parseDirectory(formatDirectory({ chainId: '7', directory }))).to.deep.equal({
      chainId: '7',
      directory,
    });
    expect(parseDirectory(' 7 : 0xD1'.padEnd(46, 'D1'))?.directory).to.equal(undefined);
    for (const text of ['', '7', directory, `0:${directory}`, `7:${directory}0`])
      expect(parseDirectory(text)).to.equal(null);
  });
});

describe('readServiceInfo', () => {
  it('reads what a service says, and nothing else', () => {
    expect(readServiceInfo({ chainId: '7', directory, rpc: 'http://127.0.0.1:1', more: 1 })).to.deep.equal({
      chainId: '7',
      directory,
      rpc: 'http://127.0.0.1:1',
      ledger: null,
      titles: null,
      operator: null,
    });
    const told = { chainId: '7', directory, ledgerAddress: other, titles: other, operator: directory };
    expect(readServiceInfo(told)).to.include({ ledger: other, titles: other, operator: directory });
    expect(readServiceInfo({ ...told, titles: 'x' })?.titles).to.equal(null);
    expect(readServiceInfo({ chainId: '7', directory, rpc: null })?.rpc).to.equal(null);
    for (const value of [null, 3, {}, { chainId: 7, directory }, { chainId: '7', directory: '0x' }]) {
      expect(readServiceInfo(value)).to.equal(null);
    }
  });
});
