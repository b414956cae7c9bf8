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
    expect(imported.json).to.include({ rows: 2531, vehicles: 2531, entries: 5381, actions: 5451, errors: 0 });
    expect(imported.json.events).to.deep.equal({
      titles: 4342,
      evidence: 2850,
      contradicting: 110,
      contradictions: {
        'title.lienOpen': 111,
        'title.noSuchLien': 27,
        'title.wrongState': 11,
        'registration.neverEntered': 11,
        'registration.underOpposition': 3,
        'registration.underProcedure': 3,
      },
    });
    const again = await vinculum(beside.folder, 'import', 'registrations', file, '--json');
    expect(again.json).to.include({ vehicles: 0, entries: 0, actions: 0, alreadyThere: 2531, errors: 0 });

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
      erasures: null,
      step: () => undefined,
    });
    expect(result.problems).to.deep.equal([]);
    expect(result.verdict).to.equal('verified');
    expect(result.subjects).to.include({ total: 2531, verified: 2531 });
    expect(result.entries).to.include({ total: 10_832, proven: 10_832 });

    const answers = new Map<string, number>();
    for (const line of gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n')) {
      const row = JSON.parse(line);
      if (row.answers?.nb_titulaires !== undefined)
        answers.set(`registration:FR:${row.id}`, row.answers.nb_titulaires);
    }
    expect(answers.size).to.equal(2087);
    const { ledger } = result.ledgers[0] ?? {};
    if (ledger === undefined) throw new TypeError('no ledger');
    const differing = result.chains.flatMap(({ identifier, entries, title }) => {
      const expected = answers.get(identifier ?? '');
      const opened = entries.map(({ chain, position, link, envelope, action, status }) => {
        if (status === 'stored' || envelope === undefined) throw new TypeError('not opened');
        const asked = action === undefined ? {} : { action };
        return openedEntry({ ledger, chain, position, link, envelope, status, sealed: {}, ...asked });
      });
      const { holders } = deriveFindings(opened, { titles: [title] }).summary;
      return expected === undefined || holders === expected ? [] : [[identifier, holders, expected]];
    });
    expect(differing.length, JSON.stringify(differing)).to.be.at.most(7);
  });
});
