import { Facts } from '../acting/parts.tsx';
import { placeAddress } from '../model/location.ts';
import type { PictureNode, Trace } from '../model/trace.ts';
import { shownIdentifier } from '../model/vinFeedback.ts';
import { useTongue } from '../page/context.ts';
import { word } from '../texts/texts.ts';
import { boxText } from './TracePicture.tsx';
import { useSupplyWords } from './words.tsx';

const SHOWN = 50;

/** More of one box of the picture: its number in full, when it was in what, and where to go from it. */
export function TraceNode(props: {
  readonly node: PictureNode;
  readonly trace: Trace;
  readonly onTrace: (identifier: string) => void;
  readonly onOpen: (() => void) | null;
  readonly onFold: (() => void) | null;
  readonly onClose: () => void;
}) {
  const { node, trace, onTrace, onOpen, onFold, onClose } = props;
  const tongue = useTongue();
  const words = useSupplyWords();
  const { format, texts } = tongue;
  const { title } = boxText(node, words, tongue);
  const [thing] = node.things;
  const single = node.kind === 'thing' ? thing : undefined;
  const ended =
    single === undefined
      ? []
      : trace.edges.filter(
          ({ child, from, until }) => child === single.id && (from !== null || until !== null),
        );
  const nameOf = (id: string): string => {
    const identifier = trace.things.find((one) => one.id === id)?.identifier ?? null;
    return identifier === null ? words.trace.hidden : shownIdentifier(identifier);
  };
  return (
    <section className="panel trace-node" aria-label={title} data-said={node.key}>
      <h3>{title}</h3>
      {node.missing === null ? null : (
        <Facts
          rows={[
            [words.trace.rows.reason, word(texts.vocabulary.missingTier, node.missing.reason)],
            [words.trace.rows.supplier, node.missing.supplier ?? words.trace.notSaid],
            [words.trace.rows.of, nameOf(node.missing.parent)],
          ]}
        />
      )}
      {single === undefined ? null : (
        <>
          <p className="mono breakable">
            {single.identifier === null ? words.trace.hiddenText : shownIdentifier(single.identifier)}
          </p>
          {node.inCycle ? <p className="fault">{words.trace.inCycleText}</p> : null}
          {ended.length === 0 ? null : (
            <Facts
              rows={ended
                .slice(0, SHOWN)
                .map(({ parent, from, until }) => [
                  words.trace.rows.in(nameOf(parent)),
                  words.trace.time(
                    from === null ? '' : format.time(from),
                    until === null ? '' : format.time(until),
                  ),
                ])}
            />
          )}
        </>
      )}
      {node.kind === 'group' ? (
        <ul className="columns mono small">
          {node.things.slice(0, SHOWN).map(({ id, identifier }) => (
            <li key={id} className="breakable">
              {identifier === null ? words.trace.hidden : shownIdentifier(identifier)}
            </li>
          ))}
          {node.things.length > SHOWN ? (
            <li className="muted">{words.trace.more(format.number(node.things.length - SHOWN))}</li>
          ) : null}
        </ul>
      ) : null}
      <p className="actions">
        {onOpen === null ? null : (
          <button type="button" className="primary" onClick={onOpen}>
            {words.trace.unfold}
          </button>
        )}
        {onFold === null ? null : (
          <button type="button" className="secondary" onClick={onFold}>
            {words.trace.fold}
          </button>
        )}
        {single?.identifier === undefined || single.identifier === null ? null : (
          <>
            {node.isStart ? null : (
              <button type="button" className="secondary" onClick={() => onTrace(single.identifier ?? '')}>
                {words.trace.fromHere}
              </button>
            )}
            <a
              className="out"
              href={placeAddress(location.href, shownIdentifier(single.identifier))}
              target="_blank"
              rel="noopener noreferrer"
            >
              {words.thing.report}
              <span className="hidden"> ({words.thing.newTab})</span>
            </a>
          </>
        )}
        <button type="button" className="quiet" onClick={onClose}>
          {words.trace.close}
        </button>
      </p>
    </section>
  );
}
