import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import {
  begun,
  beside,
  closed,
  type Direction,
  type Look,
  type PictureEdge,
  type PictureNode,
  pictureOf,
  shortened,
  type Trace,
} from '../model/trace.ts';
import { useTongue } from '../page/context.ts';
import { useWidth } from '../page/parts.tsx';
import { word } from '../texts/texts.ts';
import { TraceNode } from './TraceNode.tsx';
import { useSupplyWords } from './words.tsx';

type Props = {
  readonly trace: Trace;
  readonly direction: Direction;
  readonly onTrace: (identifier: string) => void;
};

const NARROW = 620;
const MARGIN = 8;
/** Of the frame around the picture. */
const PADDING = 9;
const WAYS: Readonly<Record<string, 'left' | 'right' | 'up' | 'down'>> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
};

function lookFor(width: number): Look {
  if (width >= NARROW) {
    return { across: true, boxWidth: 200, boxHeight: 52, layerGap: 40, boxGap: 12, perRow: 0 };
  }
  const perRow = 2;
  const boxWidth = Math.max(120, Math.floor((width - 2 * (MARGIN + PADDING) - 10 * (perRow - 1)) / perRow));
  return { across: false, boxWidth, boxHeight: 52, layerGap: 44, boxGap: 10, perRow };
}

/**
 * The trace as a picture: boxes in layers, the start first. One box at a time takes the focus; the arrow keys go from box to
 * box, Enter says more of one. What is alike is one box until the reader opens it.
 */
export function TracePicture({ trace, direction, onTrace }: Props) {
  const words = useSupplyWords();
  const [box, width] = useWidth();
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [chosen, setChosen] = useState<string | null>(null);
  const [focused, setFocused] = useState(trace.start);
  const svg = useRef<SVGSVGElement | null>(null);
  const moved = useRef(false);
  const look = useMemo(() => lookFor(width), [width]);
  const picture = useMemo(() => pictureOf(trace, direction, open, look), [trace, direction, open, look]);
  const byKey = useMemo(() => new Map(picture.nodes.map((node) => [node.key, node])), [picture]);
  const here = byKey.get(focused) ?? picture.nodes[0];
  const said = chosen === null ? undefined : byKey.get(chosen);

  useEffect(() => {
    if (!moved.current || here === undefined) return;
    moved.current = false;
    const element = svg.current?.querySelector<SVGGElement>(`[data-node="${CSS.escape(here.key)}"]`);
    element?.focus();
    element?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [here]);

  const walk = (event: KeyboardEvent): void => {
    if (here === undefined) return;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      setChosen(here.key);
      return;
    }
    if (event.key === 'Escape') {
      setChosen(null);
      return;
    }
    const way = WAYS[event.key];
    if (way === undefined) return;
    event.preventDefault();
    const next = beside(picture.nodes, here, way, look.across);
    if (next === null) return;
    moved.current = true;
    setFocused(next.key);
  };
  const unfold = (node: PictureNode): void => {
    setOpen((before) => new Set([...before, node.key]));
    setChosen(null);
  };
  const fold = (node: PictureNode): void => {
    setOpen((before) => closed(before, node.shared));
    setChosen(null);
    setFocused(node.shared);
  };
  return (
    <div className="trace-picture">
      <p className="muted small no-print">{words.trace.keys}</p>
      <div ref={box} className="trace-frame">
        {width === 0 ? null : (
          <div className="trace-scroll">
            <svg
              ref={svg}
              className="trace-svg"
              width={picture.width + 2 * MARGIN}
              height={picture.height + 2 * MARGIN}
              viewBox={`${-MARGIN} ${-MARGIN} ${picture.width + 2 * MARGIN} ${picture.height + 2 * MARGIN}`}
              role="toolbar"
              aria-label={words.trace.picture}
              onKeyDown={walk}
            >
              <g>
                {picture.edges.map((edge) => (
                  <Line key={edge.key} edge={edge} nodes={byKey} look={look} />
                ))}
              </g>
              {picture.nodes.map((node) => (
                <Box
                  key={node.key}
                  node={node}
                  look={look}
                  tabbed={node.key === here?.key}
                  chosen={node.key === chosen}
                  onChoose={() => {
                    setFocused(node.key);
                    setChosen(node.key);
                  }}
                />
              ))}
            </svg>
          </div>
        )}
      </div>
      <div aria-live="polite">
        {said === undefined ? (
          <p className="muted small">{words.trace.choose}</p>
        ) : (
          <TraceNode
            key={said.key}
            node={said}
            trace={trace}
            onTrace={onTrace}
            onOpen={said.kind === 'group' ? () => unfold(said) : null}
            onFold={said.kind === 'thing' && open.has(said.shared) ? () => fold(said) : null}
            onClose={() => setChosen(null)}
          />
        )}
      </div>
    </div>
  );
}

function Line(props: {
  readonly edge: PictureEdge;
  readonly nodes: ReadonlyMap<string, PictureNode>;
  readonly look: Look;
}) {
  const { edge, nodes, look } = props;
  const from = nodes.get(edge.from);
  const to = nodes.get(edge.to);
  if (from === undefined || to === undefined) return null;
  const { boxWidth, boxHeight, across } = look;
  const kind = edge.inCycle
    ? ' is-cycle'
    : edge.ended
      ? ' is-ended'
      : to.kind === 'missing'
        ? ' is-missing'
        : '';
  let path: string;
  if (from.key === to.key) {
    const [x, y] = [from.x + boxWidth, from.y + boxHeight / 2];
    path = `M${x} ${y - 10}c28 -8 28 28 0 20`;
  } else if (from.layer === to.layer) {
    // Beside each other: around the outside.
    const out = across ? from.x + boxWidth : Math.max(from.x, to.x) + boxWidth;
    const [y1, y2] = [from.y + boxHeight / 2, to.y + boxHeight / 2];
    path = `M${from.x + boxWidth} ${y1}C${out + 34} ${y1} ${out + 34} ${y2} ${to.x + boxWidth} ${y2}`;
  } else if (across) {
    const [x1, y1] = [from.x + boxWidth, from.y + boxHeight / 2];
    const [x2, y2] = [to.x, to.y + boxHeight / 2];
    const bend = Math.max(24, (x2 - x1) / 2);
    path = `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  } else {
    const [x1, y1] = [from.x + boxWidth / 2, from.y + boxHeight];
    const [x2, y2] = [to.x + boxWidth / 2, to.y];
    const bend = Math.max(18, (y2 - y1) / 2);
    path = `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`;
  }
  return <path className={`trace-line${kind}`} d={path} />;
}

/** Characters of each line that fit into a box of this width, by the widths of its fonts. */
const fitting = (width: number): { title: number; number: number } => ({
  title: Math.floor((width - 40) / 7.6),
  number: Math.floor((width - 24) / 7.4),
});

function Box(props: {
  readonly node: PictureNode;
  readonly look: Look;
  readonly tabbed: boolean;
  readonly chosen: boolean;
  readonly onChoose: () => void;
}) {
  const { node, look, tabbed, chosen, onChoose } = props;
  const words = useSupplyWords();
  const tongue = useTongue();
  const { title, line, label } = boxText(node, words, tongue);
  const { boxWidth, boxHeight } = look;
  const fit = fitting(boxWidth);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a button can't be part of a picture
    <g
      role="button"
      className={`trace-box is-${node.kind}${node.isStart ? ' is-start' : ''}${node.inCycle ? ' is-cycle' : ''}`}
      data-node={node.key}
      data-type={node.type}
      transform={`translate(${node.x} ${node.y})`}
      tabIndex={tabbed ? 0 : -1}
      aria-label={label}
      aria-pressed={chosen}
      onClick={onChoose}
    >
      {node.kind === 'group' ? (
        <rect className="trace-behind" x="4" y="-4" width={boxWidth - 4} height={boxHeight} rx="9" />
      ) : null}
      <rect
        className="trace-face"
        width={boxWidth - (node.kind === 'group' ? 4 : 0)}
        height={boxHeight}
        rx="9"
      />
      <Mark type={node.kind === 'missing' ? 'missing' : node.type} />
      <text className="trace-title" x="30" y="21">
        {begun(title, fit.title)}
      </text>
      <text className="trace-number" x="12" y="40">
        {shortened(line, fit.number)}
      </text>
    </g>
  );
}

/** A drawn mark for each type of thing, so that none is told by its place or colour alone. */
function Mark({ type }: { readonly type: string }) {
  const paths: Readonly<Record<string, string>> = {
    batch: 'M2 4h12v9H2zM2 7h12M6 4v3M10 4v3',
    serial: 'M8 1.5l5.5 3.2v6.6L8 14.5l-5.5-3.2V4.7zM8 8l5.5-3.3M8 8v6.5M8 8L2.5 4.7',
    missing: 'M5.5 6a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.8M8 13v.2',
  };
  const vehicle =
    'M2 11V8.2l1.6-3.4A1.5 1.5 0 0 1 5 4h6a1.5 1.5 0 0 1 1.4.8L14 8.2V11zM4.5 11v1.5M11.5 11v1.5M2.5 8h11';
  return <path className="trace-mark" transform="translate(10 9)" d={paths[type] ?? vehicle} />;
}

type Words = ReturnType<typeof useSupplyWords>;
type Tongue = ReturnType<typeof useTongue>;

/** What stands in a box, and what is said of it to whoever does not see it. */
export function boxText(
  node: PictureNode,
  words: Words,
  { format, texts }: Tongue,
): { readonly title: string; readonly line: string; readonly label: string } {
  const { trace } = words;
  if (node.missing !== null) {
    const title = word(texts.vocabulary.component, node.missing.component);
    const line = word(texts.vocabulary.missingTier, node.missing.reason);
    return { title, line, label: trace.missingBox(title, line, node.missing.supplier ?? '') };
  }
  const type = word(trace.types, node.type);
  if (node.kind === 'group') {
    const title = `${format.number(node.things.length)} × ${type}`;
    const [, scope = '', number = ''] = node.shared.split(':');
    const line = [scope === '?' ? trace.hidden : scope, number].filter((part) => part !== '').join(' ');
    return { title, line, label: trace.groupBox(title, line) };
  }
  const [thing] = node.things;
  const number =
    thing?.identifier?.replace(/^(?:vin|batch|serial|van|chassis|registration):/, '') ?? trace.hidden;
  const title = thing?.label ?? type;
  const notes = [node.isStart ? trace.start : '', node.inCycle ? trace.inCycle : ''].filter(
    (note) => note !== '',
  );
  return {
    title,
    line: number,
    label: [type, thing?.label ?? '', number, ...notes].filter((part) => part !== '').join(', '),
  };
}
