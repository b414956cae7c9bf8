import type { ReactNode } from 'react';
import type { TitleKind } from '../../core/modules/title.ts';

const key = (
  <>
    <circle cx="8" cy="12" r="3.5" />
    <path d="M11.5 12H20M17 12v3" />
  </>
);
const link = <path d="M9.5 14.5l5-5M8 12l-2 2a3 3 0 0 0 4 4l2-2M16 12l2-2a3 3 0 0 0-4-4l-2 2" />;
const paths: Readonly<Record<TitleKind, ReactNode>> = {
  'title.issued': <path d="M6 4h9l3 3v13H6zM9 10h6M9 14h6M9 17h3" />,
  'title.offered': <path d="M4 12h13M12 7l5 5-5 5M20 5v14" />,
  'title.accepted': <path d="M4 13l4 4 5-6M12 16l1.5 1L20 9" />,
  'title.withdrawn': <path d="M20 12H7M12 7l-5 5 5 5M4 5v14" />,
  'title.lienPlaced': (
    <>
      <path d="M6 11h12v9H6z" />
      <path d="M8.5 11V8a3.5 3.5 0 0 1 7 0v3" />
    </>
  ),
  'title.lienRenewed': (
    <>
      <path d="M6 11h12v9H6z" />
      <path d="M8.5 11V8a3.5 3.5 0 0 1 7 0v3M12 14v3l2 1" />
    </>
  ),
  'title.lienReleased': (
    <>
      <path d="M6 11h12v9H6z" />
      <path d="M8.5 11V8a3.5 3.5 0 0 1 6.7-1.5" />
    </>
  ),
  'title.stolen': <path d="M12 4l9 16H3zM12 10v5M12 17.5v.3" />,
  'title.recovered': (
    <>
      <circle cx="11" cy="11" r="6" />
      <path d="M15.5 15.5L20 20M8.5 11l2 2 3.5-4" />
    </>
  ),
  'title.branded': <path d="M5 5h8l7 7-8 8-7-7zM9 9v.2" />,
  'title.disputed': <path d="M4 5h16v11H12l-5 4v-4H4zM12 8v4M12 13.8v.2" />,
  'title.scrapped': <path d="M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13M10 11l4 5M14 11l-4 5" />,
  'title.exported': (
    <>
      <circle cx="12" cy="12" r="8" />
      <path d="M4 12h16M12 4c3 3 3 13 0 16M12 4c-3 3-3 13 0 16" />
    </>
  ),
  'title.reissued': key,
  'title.transferred': <path d="M5 9h13M14 5l4 4-4 4M19 15H6M10 11l-4 4 4 4" />,
  'title.replaced': link,
};

/** A drawn sign for what `Titles` wrote; none for what an organisation attested. */
export function KindIcon({ kind }: { kind: string }) {
  const drawn = (paths as Readonly<Record<string, ReactNode>>)[kind];
  if (drawn === undefined) return null;
  return (
    <svg className="kind-icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false" data-icon={kind}>
      {drawn}
    </svg>
  );
}
