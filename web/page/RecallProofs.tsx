import type { Json } from '../../core/canonical.ts';
import { partsOf } from '../model/facts.ts';
import type { EntryView, ReportView } from '../model/view.ts';
import { localisedText } from '../texts/texts.ts';
import { useTongue } from './context.ts';
import { Code, Sign } from './parts.tsx';

/** What this part says: too little for a dictionary of its own, and too much for everybody's. */
const said = {
  en: {
    heading: 'How that is proven',
    statement: (makers: string, entries: string, lists: string, out: string, parts: string) =>
      `${makers}: ${entries} entries of campaigns on their own chains, which are complete (step 3 of the proof). Lists of vehicles among them: ${lists}; this vehicle is provably not on ${out} of them. Parts of it that were compared with the batches and serials they name: ${parts}.`,
    none: 'No campaign by these attesters lists this vehicle.',
    others: 'No other campaign by these attesters lists this vehicle.',
    unknown: 'Of some campaigns it is not known whether they concern this vehicle.',
    list: {
      in: 'on the list, proven',
      out: 'not on the list, proven',
      unknown: 'no proof',
      none: 'names no vehicles',
    },
    root: 'Root of its list',
  },
  zh: {
    heading: '如何证明',
    statement: (makers: string, entries: string, lists: string, out: string, parts: string) =>
      `${makers}：其自己的链上共有 ${entries} 条召回记录，且完整无缺（见证明第 3 步）。其中车辆清单 ${lists} 份，可证明本车不在其中 ${out} 份之列。已与其所列批次和序列号比对的本车零件：${parts} 个。`,
    none: '这些机构的召回均未列入本车。',
    others: '除此之外，这些机构的召回均未列入本车。',
    unknown: '部分召回是否涉及本车，尚不可知。',
    list: { in: '在清单中，已证明', out: '不在清单中，已证明', unknown: '没有证明', none: '未列车辆' },
    root: '清单的根值',
  },
} as const;

/** Every list of every campaign that concerns these makers' vehicles, and what the proof against it came to. */
export function RecallProofs({ view, makers }: { readonly view: ReportView; readonly makers: string }) {
  const { language, format } = useTongue();
  const words = said[language];
  const entries = view.campaigns.filter(({ kind }) => kind.startsWith('recall.') || kind === 'amended');
  const lists = entries.filter(({ digest }) => view.lists[digest] !== undefined);
  const count = (wanted: 'in' | 'out' | 'unknown'): number =>
    lists.filter(({ digest }) => view.lists[digest] === wanted).length;
  const parts = partsOf(view).parts.filter(({ removed }) => removed === null).length;
  const campaigns = view.summary?.recalls.campaigns ?? [];
  const concerned = campaigns.some(({ state }) => state === 'open' || state === 'remedied');
  const unknown = count('unknown') > 0 || campaigns.some(({ state }) => state === 'unknown');
  return (
    <details className="fold recall-proofs" data-lists={lists.length}>
      <summary>{words.heading}</summary>
      <p className="strong" data-statement={unknown ? 'unknown' : concerned ? 'others' : 'none'}>
        <Sign of={unknown ? 'caution' : 'good'} />{' '}
        {unknown ? words.unknown : concerned ? words.others : words.none}
      </p>
      <p className="small">
        {words.statement(
          makers,
          format.number(entries.length),
          format.number(lists.length),
          format.number(count('out')),
          format.number(parts),
        )}
      </p>
      <ul className="plain">
        {lists.map((entry) => {
          const found = view.lists[entry.digest] ?? 'unknown';
          return (
            <li key={entry.digest} data-list={found}>
              <Sign of={found === 'in' ? 'caution' : found === 'out' ? 'good' : 'neutral'} />{' '}
              <span className="strong">{titleOf(entry, entries, language)}</span>{' '}
              <span className="muted small">
                {format.time(entry.time)} · {words.list[found]}
              </span>
              {typeof entry.data.affectedRoot === 'string' ? (
                <span className="small">
                  <br />
                  {words.root}: <Code>{entry.data.affectedRoot}</Code>
                </span>
              ) : null}
            </li>
          );
        })}
      </ul>
    </details>
  );
}

function titleOf({ data }: EntryView, all: readonly EntryView[], language: 'en' | 'zh'): string {
  const campaign = String(data.campaign ?? '');
  const opening = all.find(
    (entry) => entry.kind === 'recall.opened' && entry.data.campaign === data.campaign,
  );
  const title = localisedText(opening?.data.title as Json | undefined, language);
  return title === '' ? campaign : `${campaign} · ${title}`;
}
