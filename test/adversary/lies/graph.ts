import { fromBase64Url } from '../../../core/bytes.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { buildTree } from '../../../core/tree/tree.ts';
import type { OtherLie } from '../lie.ts';
import { read } from '../reader.ts';

const TREE_KEY = 'A'.repeat(43);
const BATCH = 'batch:safir-graph.example:AB-1';

/** What can be said of what is in what that is not so. */
export const graphLies: readonly OtherLie[] = [
  {
    lie: 'leaves a vehicle out of those that a batch reaches, so that the recall does not list it',
    by: 'operator',
    caughtBy: 'finding recall.open, by the part',
    fate: 'warned',
    async run(system) {
      const { test } = system;
      const maker = await test.admit('Ostwind Motoren', ['manufacturer']);
      const token = await test.signIn(maker);
      const vins = ['WVWZZZ7RZ00000001', 'WVWZZZ7RZ00000002'];
      for (const vin of vins) {
        const parts = [{ component: 'airbags', part: BATCH }];
        const data = { manufacturerId: 'ostwind.example', productionDate: '2023-05-02', parts };
        await test.record(maker, [
          test.compose(maker, vin, { kind: 'vehicle.built', time: '2023-05-02', data, sealed: {} }),
        ]);
      }
      const honest = await test.post('/v1/recalls/affected', { batches: [BATCH], all: true }, { token });
      if (honest.body.count !== 2) throw new Error(honest.text);
      // The maker takes the answer without the second vehicle, and seals its list with it.
      const [listed = '', hidden = ''] = vins;
      const tree = buildTree(fromBase64Url(TREE_KEY), [parseIdentifier(listed)]);
      const opening = test.compose(maker, 'own', {
        kind: 'recall.opened',
        time: '2024-01-10',
        data: {
          campaign: 'R-HIDDEN',
          title: { en: 'Inflator' },
          component: 'airbags',
          remedy: { en: 'Replace it' },
          severity: 'safety',
          affectedRoot: tree.root,
          affectedCount: 1,
          treeKey: TREE_KEY,
          batches: [BATCH],
        },
        sealed: {},
      });
      await test.record(maker, [opening]);
      const body = { members: [`vin:${listed}`] };
      const kept = await test.request('PUT', `/v1/sets/${opening.entry.digest}`, { token, body });
      if (kept.status !== 200) throw new Error(kept.text);
      const { verdict, result, codes } = await read(system, 'rpc', hidden);
      if (verdict !== 'verified') throw new Error(codes.join());
      const campaign = result?.summary?.recalls.campaigns.find((one) => one.campaign === 'R-HIDDEN');
      return campaign?.state === 'open' && campaign.by === 'part'
        ? { fate: 'warned', caughtBy: 'finding recall.open, by the part' }
        : { fate: 'uncaught', caughtBy: String(campaign?.state) };
    },
  },
];
