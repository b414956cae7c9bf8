import { canonicalJson } from '../../../core/canonical.ts';
import type { ReportLie } from '../lie.ts';

const by = 'forger' as const;

/** What somebody can do to a report that was saved as a file. */
export const fileLies: readonly ReportLie[] = [
  {
    lie: 'cuts the file off',
    by,
    caughtBy: 'report.invalidJson',
    fate: 'refused',
    tell: (r) => JSON.stringify(r).slice(0, -2),
  },
  {
    lie: 'calls it a version that nobody knows',
    by,
    caughtBy: 'report.unknownVersion',
    fate: 'refused',
    tell: (r) => ({ ...r, vinculum: 'report/2' }),
  },
  {
    lie: 'nests it ten thousand deep',
    by,
    caughtBy: 'report.malformed',
    fate: 'refused',
    tell: (r) => JSON.stringify(r).replace('{', `{"x":${'['.repeat(10_000)}${']'.repeat(10_000)},`),
  },
  {
    lie: 'names an organisation that no chain could hold',
    by,
    caughtBy: 'report.malformed',
    fate: 'refused',
    tell: (r) => JSON.stringify(r).replace('"organisation":"', `"organisation":"${'9'.repeat(77)}`),
  },
  {
    lie: 'says a member twice, the false one last',
    by,
    caughtBy: 'completeness head.subject',
    fate: 'refuted',
    tell: (r) => JSON.stringify(r).replace(/("links":\[\{"kind":.*?\}\])/, '$1,"links":[]'),
  },
  {
    lie: 'spells the VIN in another way',
    by,
    caughtBy: 'subject identifier.normalised',
    fate: 'refuted',
    tell: (r) => ({ ...r, identifier: r.identifier.toLowerCase() }),
  },
  {
    lie: 'puts the members in another order',
    by,
    caughtBy: 'the order of members says nothing',
    fate: 'unchanged',
    tell: (r) => canonicalJson(r),
  },
];
