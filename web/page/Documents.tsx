import { useEffect, useState } from 'react';
import type { DocumentView, EntryView } from '../model/view.ts';
import { lateTexts } from '../texts/late.ts';
import { counted, kindName, type Tongue } from '../texts/texts.ts';
import type { Failure, OpenedDocument } from '../worker/messages.ts';
import { useTongue } from './context.ts';
import { saveBlob } from './parts.tsx';

export type OpenDocument = (document: DocumentView) => Promise<OpenedDocument>;

/** The documents of an entry, opened in place once their bytes are proven to be the ones that the entry names. */
export function Documents({ entry, open }: { entry: EntryView; open: OpenDocument }) {
  const { texts } = useTongue();
  return (
    <div className="documents">
      <h4>{texts.timeline.documentsHeading}</h4>
      <ul>
        {entry.documents.map((document) => (
          <li key={document.cid}>
            <Document document={document} entry={entry} open={open} />
          </li>
        ))}
      </ul>
    </div>
  );
}

type State =
  | { readonly at: 'closed' | 'opening' }
  | { readonly at: 'open'; readonly document: OpenedDocument; readonly url: string }
  | { readonly at: 'failed'; readonly failure: Failure };

function typeName({ language }: Tongue, mediaType: string): string {
  if (mediaType.startsWith('image/')) return lateTexts[language].document.image;
  return mediaType === 'application/pdf'
    ? lateTexts[language].document.pdf
    : lateTexts[language].document.other;
}

function Document({
  document,
  entry,
  open,
}: {
  document: DocumentView;
  entry: EntryView;
  open: OpenDocument;
}) {
  const tongue = useTongue();
  const { format, language } = tongue;
  const { document: words } = lateTexts[language];
  const [state, setState] = useState<State>({ at: 'closed' });
  const url = state.at === 'open' ? state.url : null;
  useEffect(() => () => (url === null ? undefined : URL.revokeObjectURL(url)), [url]);
  const name = words.open(typeName(tongue, document.mediaType), format.bytes(document.bytes));

  if (document.key === null) {
    return (
      <p className="muted">
        {typeName(tongue, document.mediaType)}, {format.bytes(document.bytes)}. {words.sealed}
      </p>
    );
  }
  const start = (): void => {
    setState({ at: 'opening' });
    open(document).then(
      (opened) => setState({ at: 'open', document: opened, url: URL.createObjectURL(opened.content) }),
      (failure: Failure) => setState({ at: 'failed', failure }),
    );
  };
  if (state.at !== 'open') {
    return (
      <>
        <button type="button" className="secondary" onClick={start} disabled={state.at === 'opening'}>
          {name}
        </button>
        <span role="status" className="document-status">
          {state.at === 'opening' ? words.opening : ''}
          {state.at === 'failed' ? (
            <span className="fault">
              {words.failures[state.failure.code] ?? words.failed(state.failure.code)}
            </span>
          ) : null}
        </span>
      </>
    );
  }
  const { shows, content, blocks } = state.document;
  const when = format.date(entry.time);
  const kind = kindName(tongue, entry.kind);
  return (
    <div className="document" data-document={shows ?? 'other'}>
      <p role="status" className="fine small">
        {counted(tongue, blocks, words.checked)}
      </p>
      {shows === 'image' ? <img src={state.url} alt={words.alt(kind, when)} /> : null}
      {shows === 'pdf' ? <iframe src={`${state.url}#navpanes=0`} title={words.frame(kind, when)} /> : null}
      {shows === null ? <p>{words.notShown}</p> : null}
      <p className="actions">
        {shows === null ? null : (
          <a href={state.url} target="_blank" rel="noreferrer">
            {words.newTab}
          </a>
        )}
        <button
          type="button"
          className="quiet small"
          onClick={() =>
            saveBlob(content, `${entry.kind}-${entry.time.slice(0, 10)}${extension(content.type)}`)
          }
        >
          {words.save}
        </button>
      </p>
    </div>
  );
}

function extension(type: string): string {
  return (
    {
      'image/png': '.png',
      'image/jpeg': '.jpg',
      'image/gif': '.gif',
      'image/webp': '.webp',
      'application/pdf': '.pdf',
    }[type] ?? '.bin'
  );
}
