import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { readConfig } from '../../../api/config.ts';
import {
  daysFor,
  defaultRetention,
  leastDays,
  parsePolicy,
  recordNames,
} from '../../../api/retention/policy.ts';

describe('the retention policy', () => {
  const read = (text: string) => {
    const policy = parsePolicy(text);
    if (policy === null) throw new Error(`no policy: ${text}`);
    return policy;
  };

  it('keeps for ever what no rule is about', () => {
    expect(daysFor(read('claim=10d'), 'service', 'technician')).to.equal(null);
    expect(daysFor(read('none'), 'claim', 'claimant')).to.equal(null);
    expect(read('none')).to.include({ accessLogDays: null, consentDays: null, apiKeyDays: null });
  });

  it('takes the rule that says most: a kind before a group of kinds, a field before all fields', () => {
    const policy = read(
      '*=1000d,registration.*=500d,registration.holder=400d,*/plate=300d,registration.holder/plate=200d',
    );
    expect(daysFor(policy, 'claim', 'claimant')).to.equal(1000);
    expect(daysFor(policy, 'registration.lien', 'creditor')).to.equal(500);
    expect(daysFor(policy, 'registration.holder', 'holderName')).to.equal(400);
    expect(daysFor(policy, 'claim', 'plate')).to.equal(300);
    expect(daysFor(policy, 'registration.holder', 'plate')).to.equal(200);
    expect(leastDays(policy, 'registration.holder')).to.equal(200);
  });

  it('has exceptions, for kinds and fields', () => {
    const policy = read('*=1000d,usage=keep,service/document:*=keep');
    expect(daysFor(policy, 'usage', 'operatorName')).to.equal(null);
    expect(daysFor(policy, 'service', 'document:bafk')).to.equal(null);
    expect(daysFor(policy, 'service', 'technician')).to.equal(1000);
  });

  it('is about access logs, consents and API keys, too', () => {
    const policy = read('accessLog=30d, consents=keep, apiKeys=7d');
    expect(policy).to.include({ accessLogDays: 30, consentDays: null, apiKeyDays: 7 });
    expect(policy.fields).to.deep.equal([]);
  });

  it('is refused where it is none, or of a kind that there is not', () => {
    for (const text of [
      '',
      'claim',
      'claim=10',
      'claim=0d',
      'claim=-1d',
      'claims=10d',
      'claim=40000d',
      'claim=10d,',
      'accessLog/x=1d',
    ]) {
      expect(parsePolicy(text), text).to.equal(null);
    }
  });

  it('has sensible defaults for what people’s lives are written into, and none for what parts are made of', () => {
    const policy = read(defaultRetention);
    expect(readConfig({}).retention).to.deep.equal(policy);
    expect(daysFor(policy, 'registration.holder', 'holderName')).to.equal(3650);
    expect(daysFor(policy, 'title.transferred', 'buyerName')).to.equal(3650);
    expect(daysFor(policy, 'usage', 'operatorName')).to.equal(1095);
    expect(daysFor(policy, 'batch.produced', 'composition')).to.equal(null);
    expect(policy).to.include({ accessLogDays: 1095, consentDays: 1095, apiKeyDays: 365 });
  });

  it('is described with all that it may be about', async () => {
    const text = (path: string) => readFile(new URL(`../../../docs/${path}`, import.meta.url), 'utf8');
    const [, privacy = ''] = /## 5\. Retention\n(.*?)\n## /s.exec(await text('privacy.md')) ?? [];
    const [operations = ''] = /^\| `RETENTION` \|.*$/m.exec(await text('operations.md')) ?? [];
    for (const name of recordNames) {
      expect(privacy, name).to.include(`\`${name}\``);
      expect(operations, name).to.include(`(${name})`);
    }
  });
});
