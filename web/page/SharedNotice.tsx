import type { ReportView } from '../model/view.ts';
import { counted, word } from '../texts/texts.ts';
import type { Shared } from '../worker/messages.ts';
import { useTongue } from './context.ts';

/** Of a report that a share link opened: until when, that it was counted, and what it opened. */
export function SharedNotice({ shared, view }: { shared: Shared; view: ReportView }) {
  const tongue = useTongue();
  const { texts, format } = tongue;
  const { share } = texts;
  return (
    <div className="notice" role="status" data-shared={shared.openings}>
      <p className="strong">{share.heading}</p>
      <p>
        {share.until(word(texts.purposes, shared.purpose), format.moment(shared.until))}{' '}
        {counted(tongue, shared.openings, share.counted)}
      </p>
      <p>{share.seals(format.number(view.seals.digests), format.number(view.seals.opened))}</p>
      <p className="muted small">{share.address}</p>
    </div>
  );
}
