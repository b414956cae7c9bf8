/** The parts of a page, of which one is shown. */
export function Parts<Name extends string>(props: {
  readonly names: readonly Name[];
  readonly label: string;
  readonly words: Readonly<Record<Name, string>>;
  readonly part: Name;
  readonly onPart: (part: Name) => void;
}) {
  const { names, label, words, part, onPart } = props;
  return (
    <nav className="chips parts-nav" aria-label={label}>
      {names.map((one) => (
        <button
          key={one}
          type="button"
          className="chip"
          data-part={one}
          aria-pressed={part === one}
          onClick={() => onPart(one)}
        >
          {words[one]}
        </button>
      ))}
    </nav>
  );
}
