import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import express, { type Response } from 'express';
import type { Caller } from '../../../api/auth/caller.ts';
import { readConfig } from '../../../api/config.ts';
import { createLookupMeter, type LookupMeter } from '../../../api/http/lookupMeter.ts';
import { failureHandler } from '../../../api/http/mount.ts';
import { requestRates } from '../../../api/http/requestRates.ts';
import type { Store } from '../../../api/store/store.ts';
import { expectCode } from '../../expectCode.ts';
import { sharedService } from '../fixture.ts';

describe('requestRates', () => {
  let server: Server;
  let url: string;
  before(async () => {
    const { rates } = readConfig({ REQUESTS_PER_MINUTE: '2', ACCOUNT_REQUESTS_PER_MINUTE: '3' });
    const app = express();
    app.use(
      requestRates(rates, (request) => {
        const account = request.get('X-Account');
        return account === undefined ? { key: 'address', account: false } : { key: account, account: true };
      }),
    );
    app.get('/', (_request, response) => void response.end());
    app.use(failureHandler({ log: () => undefined }));
    server = app.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  after(() => server.close());

  it('lets so many through and then says how long to wait', async () => {
    const statuses = [(await fetch(url)).status, (await fetch(url)).status];
    expect(statuses).to.deep.equal([200, 200]);
    const third = await fetch(url);
    expect(third.status).to.equal(429);
    expect(await third.json()).to.include({
      code: 'rateLimit.exceeded',
      policy: 'requests',
      retryable: true,
    });
    expect(Number(third.headers.get('Retry-After'))).to.be.within(1, 60);
    expect(third.headers.get('RateLimit')).to.match(/^"requests"; r=0; t=\d+$/);
    expect(third.headers.get('RateLimit-Policy')).to.match(/^"requests"; q=2; w=60/);
  });

  it('gives an account an allowance of its own, and a larger one', async () => {
    const headers = { 'X-Account': 'organisation:1' };
    for (let turn = 0; turn < 3; turn++) expect((await fetch(url, { headers })).status).to.equal(200);
    expect((await fetch(url, { headers })).status).to.equal(429);
  });
});

describe('LookupMeter', () => {
  const HOUR = 3_600_000;
  const { rates } = readConfig({
    LOOKUPS_PER_HOUR: '10',
    ANONYMOUS_LOOKUPS_PER_HOUR: '15',
    ACCOUNT_LOOKUPS_PER_HOUR: '100',
  });
  let store: Store;
  let now: number;
  const meters: LookupMeter[] = [];
  before(async () => {
    store = (await sharedService()).service.services.store;
  });
  beforeEach(async () => {
    now = Date.UTC(2030, 0, 1, 10, 30);
    await store.execute('DELETE FROM lookups');
  });
  afterEach(async () => {
    for (const meter of meters.splice(0)) await meter.close();
    await store.execute('DELETE FROM lookups');
  });

  function meterOf(): LookupMeter {
    const meter = createLookupMeter(store, rates, () => now);
    meters.push(meter);
    return meter;
  }
  const anonymous = (key: string): Caller => ({ account: null, person: null, operator: false, key });
  const account = { account: {}, operator: false, key: 'organisation:1' } as Caller;
  const headersOf = () => {
    const headers: Record<string, string> = {};
    const response = {
      append: (name: string, value: string) => {
        headers[name] = value;
      },
      set: (name: string, value: string) => {
        headers[name] = value;
      },
    } as unknown as Response;
    return { headers, response };
  };

  it('counts every identifier, and takes all of a list or none', async () => {
    const meter = meterOf();
    const { headers, response } = headersOf();
    meter.take(anonymous('a'), 8, response);
    expect(headers).to.include({
      RateLimit: '"lookups"; r=2; t=1800',
      'RateLimit-Policy': '"lookups"; q=10; w=3600',
    });
    await expectCode('rateLimit.exceeded', () => meter.take(anonymous('a'), 3, response));
    expect(headers).to.include({ 'Retry-After': '1800' });
    meter.take(anonymous('a'), 2, response);
  });

  it('has one allowance for all without an account, and another for each with one', async () => {
    const meter = meterOf();
    const { response } = headersOf();
    meter.take(anonymous('a'), 10, response);
    meter.take(anonymous('b'), 5, response);
    await expectCode('rateLimit.exceeded', () => meter.take(anonymous('c'), 1, response));
    meter.take(account, 100, response);
    await expectCode('rateLimit.exceeded', () => meter.take(account, 1, response));
  });

  it('counts nothing for the operator', () => {
    const { response } = headersOf();
    meterOf().take({ account: null, person: null, operator: true, key: 'operator' }, 1_000_000, response);
  });

  it('begins anew with the hour', () => {
    const meter = meterOf();
    const { response } = headersOf();
    meter.take(anonymous('a'), 10, response);
    now += HOUR / 2;
    meter.take(anonymous('a'), 10, response);
  });

  it('is shared with other processes and outlives this one', async () => {
    const { response } = headersOf();
    const first = createLookupMeter(store, rates, () => now);
    first.take(anonymous('a'), 6, response);
    await first.close();
    const second = createLookupMeter(store, rates, () => now);
    second.take(anonymous('a'), 3, response);
    await second.close();
    const rows = await store.query<{ caller: string; used: number }>('SELECT caller, used FROM lookups');
    expect(rows).to.deep.include({ caller: 'a', used: 9 });
  });
});
