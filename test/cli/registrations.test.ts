import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { audit } from '../../cli/audit/audit.ts';
import { gatewaySource } from '../../cli/audit/blocks.ts';
import { transcriptsOf } from '../../cli/audit/judge.ts';
import { createClient } from '../../cli/client.ts';
import { readKeys } from '../../cli/exports.ts';
import { connect } from '../../cli/views.ts';
import { deriveFindings } from '../../core/findings/findings.ts';
import { openedEntry } from '../../core/verify/conclude.ts';
import { sharedFile } from '../shared.ts';
import { type Beside, startBeside, vinculum } from './fixture.ts';

/** Slow: the whole of the real registration histories, end to end. */
describe('the registration histories of HistoVec', function () {
  this.timeout(600_000);
  this.slow(90_000);
  let beside: Beside | undefined;
  after(() => beside?.stop());

  it('are imported whole, proven entry by entry, and conclude to the registry’s own answers', async function () {
    const file = sharedFile('histovec-registrations.ndjson.gz');
    if (file === null) return this.skip();
    beside = await startBeside();
    const imported = await vinculum(beside.folder, 'import', 'registrations', file, '--json');
    expect(imported.exit, imported.stderr).to.equal(0);
    expect(imported.json).to.include({ rows: 2531, vehicles: 2531, entries: 9723, errors: 0 });
    const again = await vinculum(beside.folder, 'import', 'registrations', file, '--json');
    expect(again.json).to.include({ vehicles: 0, entries: 0, alreadyThere: 2531, errors: 0 });

    const keys = join(beside.folder, 'keys.ndjson');
    expect((await vinculum(beside.folder, 'export', 'keys', '-o', keys)).exit).to.equal(0);
    const { test } = beside;
    const { chainId, directory } = test.service.services.deployment;
    const service = createClient(test.url);
    const result = await audit({
      endpoints: await connect([test.service.rpcUrl], new AbortController().signal),
      trust: { chainId, directory },
      blocks: gatewaySource(service),
      keys: await readKeys(keys),
      transcripts: transcriptsOf(service),
      served: null,
      step: () => undefined,
    });
    expect(result.problems).to.deep.equal([]);
    expect(result.verdict).to.equal('verified');
    expect(result.subjects).to.include({ total: 2531, verified: 2531 });
    expect(result.entries).to.include({ total: 9723, proven: 9723 });

    const answers = new Map<string, number>();
    for (const line of gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n')) {
      const row = JSON.parse(line);
      if (row.answers?.nb_titulaires !== undefined)
        answers.set(`registration:FR:${row.id}`, row.answers.nb_titulaires);
    }
    expect(answers.size).to.equal(2087);
    const { ledger } = result.ledgers[0] ?? {};
    if (ledger === undefined) throw new TypeError('no ledger');
    const equal = result.chains.filter(({ identifier, entries }) => {
      const opened = entries.map(({ chain, position, link, envelope, status }) => {
        if (status === 'stored' || envelope === undefined) throw new TypeError('not opened');
        return openedEntry({ ledger, chain, position, link, envelope, status, sealed: {} });
      });
      return deriveFindings(opened).summary.holders === answers.get(identifier ?? '');
    });
    expect(equal.length).to.be.at.least(2080);
  });
});
