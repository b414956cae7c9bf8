import { toBase64Url } from '../../core/bytes.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import type { KindData } from '../../core/kinds/kinds.ts';
import { buildTree } from '../../core/tree/tree.ts';
import { batchNumber, type PartName } from './batches.ts';
import { type Day, dateOf, dayOf } from './days.ts';
import { content, type DemoCampaign, type DemoContent } from './demo.ts';
import type { MakerName } from './models.ts';
import type { DemoRandom } from './random.ts';

/** A recall as it was decided, before anybody knows which vehicles it is about. */
export type Recall = {
  readonly maker: MakerName;
  readonly campaign: string;
  readonly part: PartName;
  readonly opened: Day;
  /** The batches that are recalled, and those that are found to be bad as well, and when. */
  readonly batches: readonly string[];
  readonly extended?: { readonly day: Day; readonly batches: readonly string[] };
  readonly closed?: Day;
  readonly details: Pick<KindData<'recall.opened'>, 'title' | 'remedy' | 'component' | 'severity'>;
  readonly description: string;
};

export const recalls: readonly Recall[] = [
  {
    maker: 'kunlun',
    campaign: 'KL-2025-07',
    part: 'airbag',
    opened: dayOf('2025-03-10'),
    batches: [batchNumber('airbag', 2019, 'H2'), batchNumber('airbag', 2020, 'H1')],
    details: {
      title: { en: 'Driver airbag inflator may rupture', zh: '驾驶员安全气囊气体发生器可能破裂' },
      remedy: { en: 'Replace the driver airbag', zh: '更换驾驶员安全气囊' },
      component: 'airbags',
      severity: 'safety',
    },
    description: 'Moisture in the propellant of two batches. 两个批次的推进剂受潮。',
  },
  {
    maker: 'aurora',
    campaign: 'AW-2022-03',
    part: 'brakes',
    opened: dayOf('2022-05-16'),
    batches: [batchNumber('brakes', 2017)],
    extended: { day: dayOf('2022-11-21'), batches: [batchNumber('brakes', 2018)] },
    closed: dayOf('2024-12-09'),
    details: {
      title: { en: 'Front brake discs may crack', zh: '前制动盘可能开裂' },
      remedy: { en: 'Replace the front brake discs', zh: '更换前制动盘' },
      component: 'brakes',
      severity: 'safety',
    },
    description: 'Casting flaw found in the field. 市场反馈发现铸造缺陷。',
  },
];

/** The day on which a recall reached a batch, or undefined where it never did. */
export function recalledOn(recall: Recall, batch: string): Day | undefined {
  if (recall.batches.includes(batch)) return recall.opened;
  return recall.extended?.batches.includes(batch) === true ? recall.extended.day : undefined;
}

/** The campaign's entries on its maker's chain, given the vehicles that hold each batch. */
export function makeCampaign(
  recall: Recall,
  vehiclesWith: (batches: readonly string[]) => readonly string[],
  random: DemoRandom,
): DemoCampaign {
  const { maker: organisation, campaign, extended, closed, details, description } = recall;
  const sets: DemoCampaign['sets'][number][] = [];
  const list = (label: string, batches: readonly string[]) => {
    const vehicles = vehiclesWith(batches);
    const key = random.bytes(32);
    const treeKey = toBase64Url(key);
    sets.push({ label, treeKey, vehicles });
    return {
      affectedRoot: buildTree(
        key,
        vehicles.map((vehicle) => parseIdentifier(vehicle)),
      ).root,
      affectedCount: vehicles.length,
      treeKey,
      batches: [...batches],
    };
  };

  const contents: DemoContent[] = [
    content(
      organisation,
      'recall.opened',
      dateOf(recall.opened),
      { campaign, ...details, markets: ['FR', 'CN'], ...list(`recall ${campaign}`, recall.batches) },
      {
        label: `recall ${campaign}`,
        sealed: { description },
        documents: [
          {
            type: 'pdf',
            title: `Safety recall ${campaign}`,
            subtitle: `安全召回 ${campaign}`,
            lines: [details.title.en ?? '', `Remedy: ${details.remedy.en ?? ''}`, 'Free of charge.'],
          },
        ],
      },
    ),
  ];
  if (extended !== undefined) {
    const label = `recall ${campaign} extended`;
    contents.push(
      content(
        organisation,
        'recall.extended',
        dateOf(extended.day),
        { campaign, ...list(label, extended.batches) },
        { label, sealed: { description } },
      ),
    );
  }
  if (closed !== undefined) {
    contents.push(content(organisation, 'recall.closed', dateOf(closed), { campaign, reason: 'completed' }));
  }
  return { organisation, campaign, sets, contents };
}
