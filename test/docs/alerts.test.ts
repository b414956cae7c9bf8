import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { routes } from '../../api/routes/table.ts';
import { alertStatuses, alertTransitions } from '../../core/alerts/alert.ts';
import { authenticityStates } from '../../core/authenticity/judge.ts';
import {
  LEAST_FAR_KM,
  MOST_PLACES_A_MONTH,
  MOST_SCANS_A_DAY,
  scanFlags,
} from '../../core/authenticity/scans.ts';

const doc = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
const guide = doc('supply-chain.md');
const protocol = doc('protocol.md');

describe('what the docs say of alerts and part codes', () => {
  it('names routes that there are', () => {
    const paths = new Set(routes.map(({ method, path }) => `${method.toUpperCase()} ${path}`));
    for (const named of [
      'POST /v1/alerts',
      'GET /v1/alerts',
      'GET /v1/alerts/{reference}',
      'POST /v1/alerts/{reference}/answers',
      'POST /v1/alerts/links',
      'POST /v1/alerts/open',
      'POST /v1/checks',
    ]) {
      expect(paths).to.include(named);
      expect(guide).to.include(named.split(' ')[1]);
    }
  });

  it('has the table of answers as core has it', () => {
    const section = protocol.slice(protocol.indexOf('## 18.'), protocol.indexOf('## 19.'));
    for (const status of alertStatuses) {
      const { by, from, to } = alertTransitions[status];
      const row = section.split('\n').find((line) => line.startsWith(`| \`${status}\``)) ?? '';
      const [, , who = '', whence = '', whither = ''] = row.split('|').map((cell) => cell.trim());
      expect(who).to.equal(by === 'recipient' ? 'the recipient' : 'who raised it');
      expect(whence).to.equal(from.length === 4 ? 'any but closed' : from.join(', '));
      expect(whither).to.equal(to === 'asBefore' ? 'as before' : to);
    }
    for (const state of authenticityStates) expect(protocol).to.include(`\`${state}\``);
  });

  it('has the thresholds of scans as core has them', () => {
    for (const flag of scanFlags) expect(guide).to.include(`\`${flag}\``);
    expect(guide).to.include(`${LEAST_FAR_KM} km apart`);
    expect(guide).to.include(`more than ${MOST_SCANS_A_DAY} scans`);
    expect(guide).to.include(`more than ${MOST_PLACES_A_MONTH} places`);
  });
});
