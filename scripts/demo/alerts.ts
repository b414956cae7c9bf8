import { toHex } from '../../core/bytes.ts';
import { batchNumber } from './batches.ts';
import { content, type DemoAlert, later } from './demo.ts';
import type { OrganisationName } from './organisations.ts';
import type { DemoRandom } from './random.ts';

/**
 * A maker of cells finds thin separators and tells who built the cells into packs; who did passes it on to the maker of
 * the vehicles: two alerts and what each tier answered, on the chains of who says it.
 */
export function makeAlerts(random: DemoRandom): readonly DemoAlert[] {
  const [first, second] = [toHex(random.bytes(16)), toHex(random.bytes(16))];
  const cells = batchNumber('cells', 2021, 'H1');
  const packs = batchNumber('pack', 2021, 'H1');
  const of = (attester: OrganisationName, reference: string) => ({
    attester: later.organisation(attester),
    reference,
  });
  const graveness = { classification: 'alert', severity: 'major' } as const;
  return [
    {
      organisation: 'lithos',
      contents: [
        content(
          'lithos',
          'alert.raised',
          '2025-06-02T08:00:00Z',
          { reference: first, ...graveness },
          {
            sealed: {
              recipient: later.organisation('volta'),
              affectedBatches: [cells],
              description: 'Separator thinner than specified in cells of one coil. 一卷隔膜厚度低于规格。',
              due: '2025-06-16',
            },
          },
        ),
      ],
    },
    {
      organisation: 'volta',
      contents: [
        content(
          'volta',
          'alert.answered',
          '2025-06-03T07:30:00Z',
          { status: 'acknowledged' },
          {
            sealed: { alert: of('lithos', first) },
          },
        ),
        content(
          'volta',
          'alert.raised',
          '2025-06-04T10:00:00Z',
          { reference: second, ...graveness },
          {
            sealed: {
              recipient: later.organisation('kunlun'),
              alert: of('lithos', first),
              affectedBatches: [packs],
              description: 'Packs with cells of a coil whose separator is too thin. 电池包所用电芯隔膜过薄。',
              due: '2025-06-30',
            },
          },
        ),
        content(
          'volta',
          'alert.answered',
          '2025-06-04T10:05:00Z',
          { status: 'forwarded' },
          {
            sealed: { alert: of('lithos', first), forwardedAs: [second] },
          },
        ),
        content(
          'volta',
          'alert.answered',
          '2025-06-10T15:00:00Z',
          { status: 'accepted' },
          {
            sealed: {
              alert: of('lithos', first),
              description: 'Packs of that coil are held. 已冻结相关电池包。',
            },
          },
        ),
      ],
    },
    {
      organisation: 'kunlun',
      contents: [
        content(
          'kunlun',
          'alert.answered',
          '2025-06-05T02:00:00Z',
          { status: 'acknowledged' },
          {
            sealed: { alert: of('volta', second) },
          },
        ),
      ],
    },
  ];
}
