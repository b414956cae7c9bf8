import { alike, type Branch, type Direction, type Trace, treeOf } from '../model/trace.ts';
import { shownIdentifier } from '../model/vinFeedback.ts';
import { useTongue } from '../page/context.ts';
import { Sign } from '../page/parts.tsx';
import { word } from '../texts/texts.ts';
import { useSupplyWords } from './words.tsx';

type Props = {
  readonly trace: Trace;
  readonly direction: Direction;
  readonly onTrace: (identifier: string) => void;
};

/** The trace as a list of lists: the same things, each once, for whoever would rather read than look. */
export function TraceList({ trace, direction, onTrace }: Props) {
  const knots = new Set(trace.cycles.flat());
  return (
    <div className="trace-list">
      <Branches branches={treeOf(trace, direction)} knots={knots} onTrace={onTrace} />
    </div>
  );
}

type BranchProps = {
  readonly branches: readonly Branch[];
  readonly knots: ReadonlySet<string>;
  readonly onTrace: Props['onTrace'];
};

function Branches({ branches, knots, onTrace }: BranchProps) {
  const words = useSupplyWords();
  const { format } = useTongue();
  return (
    <ul>
      {alike(branches).map((group) => {
        const [first] = group;
        if (first === undefined) return null;
        if (group.length === 1)
          return <One key={first.thing.id} branch={first} knots={knots} onTrace={onTrace} />;
        return (
          <li key={first.thing.id}>
            <details className="fold">
              <summary>
                {format.number(group.length)} × {word(words.trace.types, first.thing.type)}
              </summary>
              <ul>
                {group.map((branch) => (
                  <One key={branch.thing.id} branch={branch} knots={knots} onTrace={onTrace} />
                ))}
              </ul>
            </details>
          </li>
        );
      })}
    </ul>
  );
}

function One({ branch, knots, onTrace }: Omit<BranchProps, 'branches'> & { readonly branch: Branch }) {
  const words = useSupplyWords();
  const { texts } = useTongue();
  const { thing, branches, missing } = branch;
  const { identifier, label, type, depth } = thing;
  return (
    <li data-listed={thing.id}>
      <span className="strong">{label ?? word(words.trace.types, type)}</span>{' '}
      {identifier === null ? (
        <span className="muted">{words.trace.hidden}</span>
      ) : depth === 0 ? (
        <span className="mono breakable">{shownIdentifier(identifier)}</span>
      ) : (
        <button type="button" className="link mono breakable" onClick={() => onTrace(identifier)}>
          {shownIdentifier(identifier)}
          <span className="hidden"> ({words.trace.fromHere})</span>
        </button>
      )}
      {knots.has(thing.id) ? <span className="fault small"> {words.trace.inCycle}</span> : null}
      {missing.length === 0 ? null : (
        <ul>
          {missing.map(({ component, supplier, reason }) => (
            <li key={`${component} ${supplier ?? ''} ${reason}`} className="muted">
              <Sign of="caution" /> {word(texts.vocabulary.component, component)}:{' '}
              {word(texts.vocabulary.missingTier, reason)}
              {supplier === null ? '' : ` (${supplier})`}
            </li>
          ))}
        </ul>
      )}
      {branches.length === 0 ? null : <Branches branches={branches} knots={knots} onTrace={onTrace} />}
    </li>
  );
}
