import type { EntryView, ErasureView, ReportView } from '../model/view.ts';
import { word } from '../texts/texts.ts';
import { useTongue } from './context.ts';
import { Code } from './parts.tsx';

type Props = {
  readonly entry: EntryView;
  readonly view: ReportView;
  readonly onEntry: (digest: string) => void;
};

/** What stands beside an entry for ever: the owner's disputes with what came of them, and what was erased. */
export function Beside({ entry, view, onEntry }: Props) {
  const { texts, format } = useTongue();
  const { timeline, vocabulary } = texts;
  const { contradicts } = entry.data;
  const { detail } = entry.action ?? {};
  const disputed =
    entry.kind === 'title.disputed' ? view.entries.find(({ digest }) => digest === detail) : undefined;
  return (
    <>
      {entry.disputes.map((dispute) => (
        <div key={dispute.digest} className="beside" data-dispute={dispute.outcome}>
          <p className="strong">
            {timeline.dispute.by(
              format.moment(dispute.anchoredAt),
              dispute.reason === null ? '' : word(vocabulary.value['title.disputed.reason'], dispute.reason),
            )}
          </p>
          <p>{timeline.dispute.outcome[dispute.outcome]}</p>
          <p className="actions">
            <button type="button" className="link" onClick={() => onEntry(dispute.digest)}>
              {timeline.dispute.see}
            </button>
            {dispute.by === null ? null : (
              <button type="button" className="link" onClick={() => onEntry(dispute.by ?? '')}>
                {timeline.dispute.answer}
              </button>
            )}
          </p>
        </div>
      ))}
      {disputed === undefined ? null : (
        <p>
          <button type="button" className="link" onClick={() => onEntry(disputed.digest)}>
            {timeline.dispute.entry}
          </button>
        </p>
      )}
      {typeof contradicts === 'string' ? (
        <p className="beside" data-contradicts={contradicts}>
          {timeline.contradictsText} <span className="muted">({contradicts})</span>
        </p>
      ) : null}
      {entry.erasure === null ? null : <Receipt what={timeline.erased.entry} erasure={entry.erasure} />}
      {entry.erasures.map((erasure) => (
        <Receipt key={erasure.what} what={whatOf(texts, erasure.what)} erasure={erasure} />
      ))}
    </>
  );
}

function whatOf({ timeline, vocabulary }: ReturnType<typeof useTongue>['texts'], what: string): string {
  const [sort, name = ''] = what.split(/:(.*)/s);
  return sort === 'field' ? timeline.erased.field(word(vocabulary.sealed, name)) : timeline.erased.document;
}

/** Who destroyed it, on what basis, when; whether they were entitled to is not provable. */
function Receipt({ what, erasure }: { what: string; erasure: ErasureView }) {
  const { texts, format } = useTongue();
  const { erased } = texts.timeline;
  return (
    <div className="beside" data-erased={erasure.basis}>
      <p className="strong">{what}</p>
      <p>{erased.receipt(format.moment(erasure.erasedAt), word(erased.bases, erasure.basis))}</p>
      <p className="small">
        {erased.operator} <Code>{erasure.operator}</Code>
      </p>
      <p className="muted small">{erased.limit}</p>
    </div>
  );
}
