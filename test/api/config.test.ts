import { resolve } from 'node:path';
import { expect } from 'chai';
import { readConfig, settings } from '../../api/config.ts';
import { expectCode } from '../expectCode.ts';

describe('readConfig', () => {
  it('has a default for everything', () => {
    const config = readConfig({});
    expect(config).to.include({ host: '127.0.0.1', port: 4400, trustProxy: false, databaseUrl: undefined });
    expect(config.dataFolder).to.equal(resolve('.vinculum'));
    expect(config.deploymentFile).to.equal(resolve('.vinculum/deployment.json'));
  });

  it('takes an empty variable for an absent one', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: '  ' })).to.include({ port: 4400, databaseUrl: undefined });
  });

  it('reads what is set', () => {
    const config = readConfig({
      VINCULUM_DATA: '/srv/data',
      PORT: '0',
      PUBLIC_URL: 'https://history.example/',
      TRUST_PROXY: '10.0.0.0/8, loopback',
      ACCESS_LOG: 'false',
      RPC_URL: 'http://127.0.0.1:8545',
      RELAY_KEY: `0x${'11'.repeat(32)}`,
    });
    expect(config).to.include({ port: 0, publicUrl: 'https://history.example', accessLog: false });
    expect(config.trustProxy).to.deep.equal(['10.0.0.0/8', 'loopback']);
    expect(readConfig({ TRUST_PROXY: '1' }).trustProxy).to.equal(1);
  });

  it('never trusts every proxy: then each caller would choose its own address', async () => {
    for (const value of ['true', '*', 'everything, 10.0.0.1']) {
      await expectCode('config.invalid', () => readConfig({ TRUST_PROXY: value }));
    }
  });

  const wrong: Readonly<Record<string, string>> = {
    PORT: '70000',
    PUBLIC_URL: 'history.example',
    DATABASE_URL: 'mysql://localhost/x',
    RPC_URL: 'ws://localhost',
    KUBO_RPC_URL: 'no',
    DOCUMENT_MAX_BYTES: '-1',
    SUBMISSION_MAX_BYTES: '3',
    REQUESTS_PER_MINUTE: '1.5',
    SESSION_HOURS: '0',
    ACCESS_LOG: 'perhaps',
    RELAY_KEY: '0x12',
  };
  for (const [name, value] of Object.entries(wrong)) {
    it(`says in one sentence what ${name} must be`, async () => {
      const error = await expectCode('config.invalid', () => readConfig({ [name]: value }));
      expect(error).to.have.deep.property('details', { name });
      expect(error.message).to.match(/^[^.]+\.$/);
      if (value.length > 4) expect(error.message).not.to.include(value);
    });
  }

  it('wants a relay key only with a chain of one’s own', () =>
    expectCode('config.invalid', () => readConfig({ RELAY_KEY: `0x${'11'.repeat(32)}` })));

  it('describes every setting', () => {
    for (const setting of Object.values(settings)) {
      expect(setting.description).not.to.equal('');
      expect(setting.wanted).not.to.equal('');
    }
  });
});
