import type { Json } from '../canonical.ts';
import { formatIdentifier } from '../identifiers/identifier.ts';
import { rowName, wordOf } from './installations.ts';
import { given, type RowMapping, stated } from './statements.ts';
import { type Cells, sourceOf } from './table.ts';
import { batchNamed, quantityOf, timeOf, truthOf } from './values.ts';

type Step = 'shipped' | 'received' | 'quarantined' | 'released';

const STEPS: Readonly<Record<string, Step>> = {
  shipped: 'shipped',
  shipping: 'shipped',
  ship: 'shipped',
  发货: 'shipped',
  received: 'received',
  receiving: 'received',
  receive: 'received',
  收货: 'received',
  quarantined: 'quarantined',
  quarantine: 'quarantined',
  holding: 'quarantined',
  blocked: 'quarantined',
  隔离: 'quarantined',
  released: 'released',
  release: 'released',
  inspecting: 'released',
  放行: 'released',
};

/** What a row says became of a batch: it left, it arrived, it was put aside, it may be used again. */
export function mapStep(cells: Cells): RowMapping {
  const batch = cells.need('batch', (text) =>
    formatIdentifier(batchNamed(text, cells.get('manufacturerId'))),
  );
  const step = cells.need('step', wordOf(STEPS, 'shipped, received, quarantined or released'));
  const time = cells.need('time', timeOf);
  const quantity = cells.read('quantity', (text) => quantityOf(text, cells.get('unit')));
  const accepted = cells.read('accepted', truthOf);
  const here = cells.get('party') ?? cells.get('manufacturerId');
  const empty = { row: cells.row, statements: [], edges: [], problems: cells.problems };
  let data: Record<string, Json> = {};
  let fields: readonly string[] = [];
  switch (step) {
    case 'shipped': {
      const from = cells.get('from') ?? here;
      if (from === undefined) cells.fail('csv.empty', 'from', 'who shipped it is not said');
      data = given({ bizStep: 'shipping', from, ...cells.texts('disposition', 'to') });
      fields = ['lot', 'customer', 'orderNumber', 'location'];
      break;
    }
    case 'received': {
      const by = cells.get('to') ?? cells.get('party');
      if (by === undefined) cells.fail('csv.empty', 'to', 'who received it is not said');
      data = given({
        bizStep: 'receiving',
        by,
        accepted: accepted ?? true,
        ...cells.texts('shipped', 'disposition'),
      });
      fields = ['lot', 'orderNumber', 'location', 'description'];
      break;
    }
    case 'quarantined':
      data = given({
        bizStep: 'holding',
        reason: cells.get('reason') ?? 'other',
        ...cells.texts('disposition'),
      });
      fields = ['description', 'reportNumber'];
      break;
    case 'released':
      data = given({
        bizStep: 'inspecting',
        outcome: cells.get('outcome') ?? 'usable',
        ...cells.texts('quarantined', 'disposition'),
      });
      fields = ['description', 'reportNumber'];
      break;
    case undefined:
  }
  if (cells.problems.length > 0 || step === undefined || batch === undefined || time === undefined) {
    return { ...empty, source: sourceOf(rowName(cells, null)) };
  }
  const sealed = given({
    ...cells.texts(...fields, 'note'),
    quantity: quantity as Json | undefined,
  });
  const kind = `batch.${step}`;
  const source = sourceOf(rowName(cells, { identifier: batch, kind, time, data, sealed }));
  const columns = { by: 'to' };
  return {
    ...empty,
    source,
    statements: stated(cells, batch, { kind, time, data, sealed }, source, columns),
  };
}
