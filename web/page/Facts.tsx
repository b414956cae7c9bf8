import { type ReactNode, Suspense } from 'react';
import type { Json } from '../../core/canonical.ts';
import type { RecallState } from '../../core/findings/summary.ts';
import { describe, factsOf } from '../model/describe.ts';
import { chargeEntries, entriesOfKind, HANDS, partsOf, vehicleDescription } from '../model/facts.ts';
import { makerNames } from '../model/knowledge.ts';
import type { EntryView, ReportView } from '../model/view.ts';
import { shownIdentifier } from '../model/vinFeedback.ts';
import { localisedText, word } from '../texts/texts.ts';
import { useTongue } from './context.ts';
import { reportPart } from './lazyPart.tsx';
import { Section } from './parts.tsx';

const RecallProofs = reportPart(() => import('./RecallProofs.tsx').then((part) => part.RecallProofs));

type Props = {
  readonly view: ReportView;
  readonly onEntry: (digest: string) => void;
  readonly onSearch: (identifier: string) => void;
};

/** The history by subject: what stands today, and what is on record. */
export function Facts(props: Props) {
  const { texts } = useTongue();
  return (
    <Section id="facts" heading={texts.facts.heading}>
      <div className="cards">
        <Vehicle {...props} />
        <Holders {...props} />
        <Charges {...props} />
        <Recalls {...props} />
        <Damage {...props} />
        <Brands {...props} />
        <Usage {...props} />
        <Parts {...props} />
      </div>
    </Section>
  );
}

function Card({
  heading,
  none,
  wide,
  children,
}: {
  heading: string;
  none?: string | false;
  wide?: boolean;
  children?: ReactNode;
}) {
  return (
    <div className={wide === true ? 'card wide' : 'card'}>
      <h3>{heading}</h3>
      {none === false || none === undefined ? children : <p className="muted">{none}</p>}
    </div>
  );
}

/** Steps of the history, each a way to its entry. */
function Steps({ entries, onEntry }: { entries: readonly EntryView[]; onEntry: Props['onEntry'] }) {
  const tongue = useTongue();
  return (
    <ul className="steps">
      {entries.map((entry) => {
        const { title, qualifier } = describe(tongue, entry);
        return (
          <li key={entry.digest}>
            <button type="button" className="link" onClick={() => onEntry(entry.digest)}>
              {tongue.format.date(entry.time)}
            </button>{' '}
            {entry.kind.startsWith('registration.holder') || entry.kind === 'usage'
              ? qualifier
              : [title, qualifier].filter((part) => part !== '').join(' · ')}
          </li>
        );
      })}
    </ul>
  );
}

function Vehicle({ view, onSearch }: Props) {
  const tongue = useTongue();
  const { texts } = tongue;
  const facts = factsOf(tongue, 'vehicle.built', vehicleDescription(view));
  const links = view.summary?.links ?? [];
  return (
    <Card heading={texts.facts.vehicle} none={facts.length + links.length === 0 && texts.timeline.notStated}>
      <dl>
        {facts.map(({ name, label, value }) => (
          <div key={name}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        {links.length === 0 ? null : (
          <div>
            <dt>{texts.facts.links}</dt>
            <dd>
              {links.map((link) => (
                <button key={link} type="button" className="link breakable" onClick={() => onSearch(link)}>
                  {shownIdentifier(link)}
                </button>
              ))}
            </dd>
          </div>
        )}
      </dl>
    </Card>
  );
}

function Holders({ view, onEntry }: Props) {
  const tongue = useTongue();
  const { texts, format } = tongue;
  const entries = entriesOfKind(view, ...HANDS);
  const count = view.summary?.holders ?? 0;
  return (
    <Card heading={texts.facts.holders} none={entries.length === 0 && count === 0 && texts.facts.holdersNone}>
      <p className="strong">{texts.knowledge.holders(format.number(count), count === 1)}</p>
      <Steps entries={entries} onEntry={onEntry} />
    </Card>
  );
}

function Charges({ view, onEntry }: Props) {
  const tongue = useTongue();
  const { texts, format } = tongue;
  const { liens = [], oppositions = [], seizures = [] } = view.summary ?? {};
  const open = [
    ...liens.map((charge) => ({ ...charge, kind: 'registration.lien' as const })),
    ...oppositions.map((charge) => ({ ...charge, kind: 'registration.opposition' as const })),
    ...seizures.map((charge) => ({ ...charge, kind: 'registration.seizure' as const })),
  ];
  const entries = chargeEntries(view);
  return (
    <Card heading={texts.facts.charges}>
      {open.length === 0 ? (
        <p className="muted">{texts.facts.chargesNone}</p>
      ) : (
        <ul className="plain">
          {open.map((charge) => (
            <li key={charge.entry} className="strong is-bad">
              {texts.vocabulary.kind[charge.kind]} · {texts.facts.since(format.date(charge.since))}
            </li>
          ))}
        </ul>
      )}
      <Steps entries={entries} onEntry={onEntry} />
    </Card>
  );
}

function Recalls({ view, onEntry }: Props) {
  const tongue = useTongue();
  const { texts, format } = tongue;
  const { attesters = [], campaigns = [], parts } = view.summary?.recalls ?? {};
  const makers = makerNames(tongue, view);
  const shown = campaigns.filter(({ state }) => state !== 'notAffected');
  const others = campaigns.filter(({ state }) => state === 'notAffected');
  const proofOf = ({ by, state }: RecallState): string => {
    if (by !== null) return texts.facts.recallProof[by];
    return state === 'notAffected' ? texts.facts.recallProof.none : '';
  };
  const item = (campaign: RecallState): ReactNode => {
    const remedy = view.entries.find(
      ({ digest, kind }) => kind === 'recall.remedied' && campaign.entries.includes(digest),
    );
    return (
      <li key={campaign.attester + campaign.campaign} data-recall={campaign.state}>
        <span className={campaign.state === 'open' ? 'strong is-bad' : 'strong'}>
          {localisedText(campaign.title as Json, tongue.language)} · {texts.facts.recallState[campaign.state]}
        </span>
        <br />
        <span className="muted">
          {campaign.campaign} · {word(texts.vocabulary.value['recall.opened.severity'], campaign.severity)}
          {proofOf(campaign) === '' ? '' : ` · ${proofOf(campaign)}`}
        </span>
        {remedy === undefined ? null : (
          <>
            {' '}
            <button type="button" className="link" onClick={() => onEntry(remedy.digest)}>
              {format.date(remedy.time)}
            </button>
          </>
        )}
      </li>
    );
  };
  return (
    <Card heading={texts.facts.recalls} none={attesters.length === 0 && texts.facts.recallsNone}>
      {shown.length === 0 ? (
        <p>{texts.facts.recallsClear(format.number(campaigns.length), campaigns.length === 1, makers)}</p>
      ) : (
        <ul className="plain">{shown.map(item)}</ul>
      )}
      {others.length === 0 ? null : (
        <details className="fold">
          <summary>
            {texts.facts.recallState.notAffected} ({format.number(others.length)})
          </summary>
          <ul className="plain">{others.map(item)}</ul>
        </details>
      )}
      <p className="muted small">
        {texts.facts.recallReach(makers)}
        {parts === undefined || attesters.length === 0
          ? null
          : ` ${texts.facts.recallParts(parts.compared, parts.withoutBatch, parts.unnamed)}`}
      </p>
      {view.campaigns.length === 0 ? null : (
        <Suspense fallback={<div className="recall-proofs" />}>
          <RecallProofs view={view} makers={makers} />
        </Suspense>
      )}
    </Card>
  );
}

function Damage({ view, onEntry }: Props) {
  const { texts } = useTongue();
  const entries = entriesOfKind(view, 'accident', 'claim', 'registration.procedure');
  return (
    <Card heading={texts.facts.damage} none={entries.length === 0 && texts.facts.damageNone}>
      <Steps entries={entries} onEntry={onEntry} />
    </Card>
  );
}

function Brands({ view, onEntry }: Props) {
  const { texts } = useTongue();
  const brands = view.summary?.brands ?? [];
  return (
    <Card heading={texts.facts.brands} none={brands.length === 0 && texts.facts.brandsNone}>
      <ul className="plain">
        {brands.map(({ code, entries }) => (
          <li key={code}>
            <button type="button" className="link" onClick={() => onEntry(entries[0] ?? '')}>
              {word(texts.vocabulary.brand, code)}
            </button>{' '}
            <span className="muted">AAMVA {code}</span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Usage({ view, onEntry }: Props) {
  const { texts } = useTongue();
  const entries = entriesOfKind(view, 'usage');
  return (
    <Card heading={texts.facts.usage} none={entries.length === 0 && texts.facts.usageNone}>
      <Steps entries={entries} onEntry={onEntry} />
    </Card>
  );
}

function Parts({ view, onEntry, onSearch }: Props) {
  const tongue = useTongue();
  const { texts, format } = tongue;
  const { parts, missing } = partsOf(view);
  const { vocabulary } = texts;
  return (
    <Card
      heading={texts.facts.parts}
      none={parts.length + missing.length === 0 && texts.facts.partsNone}
      wide
    >
      <ul className="parts">
        {parts.map((part) => (
          <li
            key={`${part.component} ${part.position} ${part.part} ${part.since}`}
            className={part.removed === null ? '' : 'gone'}
          >
            <span className="strong">{word(vocabulary.component, part.component)}</span>
            {part.position === null ? '' : ` (${part.position})`}
            {' · '}
            <button type="button" className="link" onClick={() => onEntry(part.entry)}>
              {part.since === null ? texts.facts.partBuilt : texts.facts.partMounted(format.date(part.since))}
            </button>
            {part.removed === null ? '' : ` · ${texts.facts.partRemoved(format.date(part.removed))}`}
            <br />
            {[part.part, part.batch].flatMap((number) =>
              number === null
                ? []
                : [
                    <button
                      key={number}
                      type="button"
                      className="link breakable"
                      onClick={() => onSearch(number)}
                    >
                      {number}
                    </button>,
                  ],
            )}
          </li>
        ))}
      </ul>
      {missing.length === 0 ? null : (
        <>
          <p className="strong">{texts.facts.partsMissing}</p>
          <ul className="plain">
            {missing.map((tier) => {
              const { component, supplier, reason } = tier as Readonly<Record<string, string>>;
              return (
                <li key={`${component} ${supplier}`}>
                  {word(vocabulary.component, component)}: {word(vocabulary.missingTier, reason)}
                  {supplier === undefined ? '' : ` (${supplier})`}
                </li>
              );
            })}
          </ul>
        </>
      )}
    </Card>
  );
}
