import { type ReactNode, useId } from 'react';
import type { LienView, TitleView } from '../model/title.ts';
import type { ReportView } from '../model/view.ts';
import { shownIdentifier } from '../model/vinFeedback.ts';
import { attesterName, findAttester, kindName, type Tongue, word } from '../texts/texts.ts';
import { useTongue } from './context.ts';
import { Code, Section, Sign } from './parts.tsx';

type Props = {
  readonly view: ReportView;
  readonly onEntry: ((digest: string) => void) | null;
  readonly onSearch: (identifier: string) => void;
};

/** Whose the vehicle is, and whether it may be sold now: folded from the ledger, whatever is withheld. */
export function Title({ proven, ...props }: Props & { readonly proven: boolean }) {
  const { texts } = useTongue();
  const { titles } = props.view;
  return (
    <Section id="title" heading={texts.title.heading} lead={texts.title.lead}>
      {titles.length === 0 ? <p>{texts.title.none}</p> : null}
      {titles.length > 1 ? <p className="fault">{texts.title.several}</p> : null}
      {titles.map((title) => (
        <div key={title.ledger} className="title-card">
          <Sellable title={title} proven={proven} />
          <TitleCard title={title} {...props} />
        </div>
      ))}
    </Section>
  );
}

/** One title: what stands now, the liens, and the owners by their keys. */
export function TitleCard({ title, ...props }: Props & { title: TitleView }) {
  return (
    <div className="title-card" data-state={title.state}>
      <Present title={title} {...props} />
      <Liens title={title} {...props} />
      <Holders title={title} {...props} />
    </div>
  );
}

/**
 * “May it be sold now, and if not, why?”
 * @param proven whether this browser has proven the title: before it says nothing good with a green sign
 */
export function Sellable({ title, proven }: { readonly title: TitleView; readonly proven: boolean }) {
  const { texts, format } = useTongue();
  const words = texts.title;
  if (!title.whole) {
    return (
      <div className="sellable is-caution" data-sellable="unknown">
        <Sign of="caution" />
        <p className="strong">{words.unknown}</p>
      </div>
    );
  }
  const may = title.obstacles.length === 0;
  const light = may ? (proven ? 'good' : 'neutral') : 'bad';
  const open = title.liens.filter(({ state }) => state === 'open').length;
  const why = title.obstacles.map((obstacle) => {
    if (obstacle === 'notHeld') return words.obstacle.notHeld[title.state === 'held' ? 'none' : title.state];
    return obstacle === 'lien' ? words.obstacle.lien(format.number(open), open === 1) : words.obstacle.stolen;
  });
  return (
    <div className={`sellable is-${light}`} data-sellable={may ? 'yes' : 'no'}>
      <Sign of={light} />
      <div>
        <p className="sellable-word">{may ? words.sellable : words.notSellable}</p>
        {may ? (
          <p>{words.sellableText}</p>
        ) : (
          <ul>
            {why.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        )}
        <p className="muted small">{words.asOf(format.moment(title.asOf))}</p>
      </div>
    </div>
  );
}

function Present({ title, onEntry, onSearch }: Props & { title: TitleView }) {
  const tongue = useTongue();
  const { texts, format } = tongue;
  const words = texts.title;
  const last = title.thefts.at(-1);
  const rows: [string, ReactNode][] = [
    [words.state, words.states[title.state]],
    ...(title.owner === null
      ? []
      : [[words.owner, <Code key="o">{title.owner}</Code>] as [string, ReactNode]]),
    [
      words.offer,
      title.offer === null
        ? words.offerNone
        : title.offer.open
          ? words.offerOpen(short(title.offer.buyer), format.moment(title.offer.until))
          : words.offerExpired(format.moment(title.offer.until)),
    ],
    [
      words.theft,
      last === undefined ? (
        words.theftNone
      ) : (
        <Way key="t" digest={last.entry} onEntry={onEntry} bad={last.stolen}>
          {last.stolen ? words.theftOpen(format.moment(last.at)) : words.theftOver(format.moment(last.at))}
        </Way>
      ),
    ],
    [
      words.brands,
      title.brands.length === 0 ? (
        words.brandsNone
      ) : (
        <ul key="b" className="plain">
          {title.brands.map(({ code, entries }) => (
            <li key={code}>
              <Way digest={entries[0]} onEntry={onEntry}>
                {word(texts.vocabulary.brand, code)}
              </Way>{' '}
              <span className="muted">AAMVA {code}</span>
            </li>
          ))}
        </ul>
      ),
    ],
  ];
  for (const [label, other] of [
    [words.replaces, title.replaces],
    [words.replacedBy, title.replacedBy],
  ] as const) {
    if (other === null) continue;
    rows.push([
      label,
      other === '' ? (
        words.replacedHidden
      ) : (
        <button key={other} type="button" className="link breakable" onClick={() => onSearch(other)}>
          {shownIdentifier(other)}
        </button>
      ),
    ]);
  }
  return (
    <dl className="rows">
      {rows.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Words that lead to an entry, where there is a timeline that has it. */
function Way(props: {
  digest: string | undefined;
  onEntry: Props['onEntry'];
  bad?: boolean;
  children: ReactNode;
}) {
  const { digest, onEntry, bad = false, children } = props;
  if (digest === undefined || onEntry === null) return <span className={bad ? 'fault' : ''}>{children}</span>;
  return (
    <button type="button" className={bad ? 'link fault' : 'link'} onClick={() => onEntry(digest)}>
      {children}
    </button>
  );
}

function nameOf(tongue: Tongue, view: ReportView, key: string): string {
  const id = key.slice(key.lastIndexOf('/') + 1);
  return attesterName(tongue, findAttester(view.attesters, key)) || tongue.texts.attesters.unnamed(id);
}

function Liens({ title, view, onEntry }: Props & { title: TitleView }) {
  const tongue = useTongue();
  const { texts, format } = tongue;
  const words = texts.title;
  const heading = useId();
  const stateOf = (lien: LienView): string => {
    const ended = format.moment(lien.endedAt ?? lien.until);
    switch (lien.state) {
      case 'open':
        return words.lienOpen(format.moment(lien.until));
      case 'expired':
        return words.lienExpired(format.moment(lien.until));
      case 'released':
        return words.lienReleased(ended);
      case 'ended':
        return words.lienEnded(ended);
    }
  };
  return (
    <section aria-labelledby={heading} className="title-part">
      <h3 id={heading}>{words.liens}</h3>
      {title.liens.length === 0 ? (
        <p className="muted">{words.liensNone}</p>
      ) : (
        <ul className="liens">
          {title.liens.map((lien) => (
            <li
              key={lien.number}
              data-lien={lien.state}
              className={lien.state === 'open' ? 'is-bad' : 'gone'}
            >
              <span className="lien-rank">{words.rank(format.number(lien.rank))}</span>
              <span>
                <span className="strong">{nameOf(tongue, view, lien.holder)}</span>
                <br />
                <Way digest={lien.entries[0]} onEntry={onEntry}>
                  {words.lienSince(format.moment(lien.since))}
                </Way>
                {' · '}
                {stateOf(lien)}
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Holders({ title, view, onEntry }: Props & { title: TitleView }) {
  const tongue = useTongue();
  const { texts, format } = tongue;
  const words = texts.title;
  const heading = useId();
  return (
    <section aria-labelledby={heading} className="title-part">
      <h3 id={heading}>{words.holders}</h3>
      <p className="muted small">{words.holdersHint}</p>
      <ol className="holders">
        {title.holders.map((holder) => (
          <li key={holder.entry + holder.owner} data-holder={holder.owner}>
            <span className="strong">
              {holder.until === null
                ? words.since(format.moment(holder.from))
                : words.span(format.moment(holder.from), format.moment(holder.until))}
            </span>
            <br />
            <Way digest={holder.entry} onEntry={onEntry}>
              {kindName(tongue, holder.how)}
            </Way>
            {holder.by === null ? '' : ` · ${nameOf(tongue, view, holder.by)}`}
            <br />
            <Code>{holder.owner}</Code>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** A key in a sentence: its two ends. */
export function short(address: string): string {
  return `${address.slice(0, 8)}…${address.slice(-4)}`;
}
