import type { ReactNode } from 'react';
import { formatIdentifier } from '../../core/identifiers/identifier.ts';
import { brandCode } from '../model/brandCode.ts';
import { factsOf, sealedFacts } from '../model/describe.ts';
import { shownIdentifier } from '../model/vinFeedback.ts';
import { useTongue } from '../page/context.ts';
import { Code, Sign } from '../page/parts.tsx';
import type { ActingTexts } from '../texts/acting.ts';
import type { Tongue } from '../texts/texts.ts';
import { word } from '../texts/texts.ts';
import type { Prepared } from './compose.ts';
import { useWords } from './context.ts';
import { Facts, FailureNote, Focused } from './parts.tsx';
import { type Act, type ActionStatus, progressOf, stages } from './useAct.ts';

/** An action on its way: what it says before it is signed, and how far it has truly come since. */
export function ActPanel({ act, wallet }: { act: Act; wallet: boolean }) {
  const words = useWords();
  const { format } = useTongue();
  const { state } = act;
  switch (state.at) {
    case 'idle':
      return null;
    case 'refused':
      return <FailureNote failure={state.failure} />;
    case 'confirm':
    case 'signing':
    case 'sending': {
      const busy = state.at !== 'confirm';
      return (
        <Focused className="panel act" label={words.act.heading}>
          <h3>{words.act.heading}</h3>
          <p className="muted">{words.act.lead}</p>
          <SignedFacts prepared={state.prepared} />
          {state.at === 'confirm' && state.failure !== null ? <FailureNote failure={state.failure} /> : null}
          <p className="actions">
            <button type="button" className="primary" disabled={busy} onClick={act.sign}>
              {words.act.sign}
            </button>
            <button type="button" className="secondary" disabled={busy} onClick={act.clear}>
              {words.act.cancel}
            </button>
          </p>
          <p role="status" className="muted">
            {state.at === 'signing' ? (wallet ? words.act.askWallet : words.act.signing) : ''}
            {state.at === 'sending' ? words.act.sending : ''}
          </p>
        </Focused>
      );
    }
    case 'sent':
      return (
        <Focused className="panel act" label={words.act.way}>
          <h3>{words.act.sent(kindTitle(words, state.prepared))}</h3>
          <Stages status={state.status} />
          <p className="muted small">{words.act.promise(format.moment(state.anchorBy))}</p>
          {state.failure === null ? null : <FailureNote failure={state.failure} />}
          <details className="fold evidence">
            <summary>{words.act.details}</summary>
            <SignedFacts prepared={state.prepared} status={state.status} />
          </details>
          <p className="actions">
            <button type="button" className="secondary" onClick={act.clear}>
              {words.act.done}
            </button>
          </p>
        </Focused>
      );
  }
}

function kindTitle(words: ActingTexts, { draft }: Prepared): string {
  return words.kinds[draft.kind];
}

export type SaidOfStages = Pick<ActingTexts['act'], 'stages' | 'ended' | 'problem'>;

/** Where an action stands: each stage with the time at which it was reached, and the next one. */
export function Stages({ status, said }: { status: ActionStatus; said?: SaidOfStages }) {
  const { format } = useTongue();
  const words = useWords();
  const { stages: told, ended, problem } = said ?? words.act;
  const reached = progressOf(status.state);
  const dead = reached < 0;
  return (
    <>
      <ol className="stages" data-state={status.state}>
        {stages.map((stage, index) => {
          const done = dead ? status.times[stage] !== undefined : index <= reached;
          const next = !dead && index === reached + 1;
          const time = status.times[stage];
          return (
            <li key={stage} data-stage={stage} className={done ? 'reached' : next ? 'next' : 'ahead'}>
              <Sign of={done ? 'good' : next ? 'running' : 'waiting'} />
              <span>
                <span className="strong">{told[stage][0]}</span>{' '}
                <span className="muted small">{told[stage][1]}</span>
                {time === undefined || !done ? null : (
                  <span className="muted small stage-time"> {format.time(time)}</span>
                )}
              </span>
            </li>
          );
        })}
      </ol>
      <p role="status" className={dead ? 'fault' : 'hidden'}>
        {status.state === 'expired' || status.state === 'conflicted'
          ? ended[status.state]
          : told[status.state][0]}
      </p>
      {status.problem === null ? null : (
        <p className="fault" data-problem={status.problem}>
          {problem(words.failures[status.problem] ?? status.problem)}
        </p>
      )}
    </>
  );
}

type Row = readonly [string, ReactNode];

/** The signed action in words, then as it is. */
function SignedFacts({ prepared, status }: { prepared: Prepared; status?: ActionStatus }) {
  const tongue = useTongue();
  const words = useWords();
  const { format } = tongue;
  const { draft, action, place, hash } = prepared;
  const rows: Row[] = [
    [words.act.rows.what, words.kinds[draft.kind]],
    [
      words.act.rows.vehicle,
      <span key="v" className="vin">
        {shownIdentifier(formatIdentifier(place.identifier))}
      </span>,
    ],
    ...detailRows(tongue, words, prepared),
    [words.act.rows.when, format.time(draft.time)],
    ...factsOf(tongue, draft.kind, draft.data).map(
      ({ label, value, code }): Row => [label, code === true ? <Code key={label}>{value}</Code> : value],
    ),
    ...sealedFacts(tongue, draft.sealed).map(({ label, value }): Row => [words.act.sealed(label), value]),
    ...(action.organisation === 0n
      ? []
      : [[words.act.rows.organisation, action.organisation.toString()] as Row]),
  ];
  const technical: Row[] = [
    [words.act.rows.step, format.number(Number(action.revision) + 1)],
    [words.act.rows.deadline, format.moment(Number(action.deadline))],
    [words.act.rows.contract, <Code key="c">{`${place.titles.chainId}:${place.titles.address}`}</Code>],
    [words.act.rows.digest, <Code key="d">{action.digest}</Code>],
    [words.act.rows.hash, <Code key="h">{hash}</Code>],
    ...(status?.block === undefined || status.block === null
      ? []
      : [[words.act.rows.block, format.number(status.block)] as Row]),
    ...(status?.transaction === undefined || status.transaction === null
      ? []
      : [[words.act.rows.transaction, <Code key="t">{status.transaction}</Code>] as Row]),
  ];
  return (
    <>
      <Facts rows={rows} />
      {status === undefined ? (
        <details className="fold evidence">
          <summary>{words.act.signedData}</summary>
          <Facts rows={technical} />
        </details>
      ) : (
        <Facts rows={technical} />
      )}
    </>
  );
}

/** What `party`, `until` and `detail` mean in this action. */
function detailRows(tongue: Tongue, words: ActingTexts, { draft, action, place }: Prepared): Row[] {
  const { texts, format } = tongue;
  const rows: Row[] = [];
  if (draft.party !== undefined) {
    const label = draft.kind === 'title.offered' ? words.act.rows.buyer : words.act.rows.owner;
    rows.push([label, <Code key="p">{draft.party}</Code>]);
  }
  if (draft.until !== undefined) rows.push([words.act.rows.until, format.moment(Number(draft.until))]);
  if (draft.detail === undefined) return rows;
  const number = (): number => Number(BigInt(action.detail));
  switch (draft.kind) {
    case 'title.lienPlaced':
      return [...rows, [words.act.rows.rank, format.number(number())]];
    case 'title.lienRenewed':
    case 'title.lienReleased': {
      const lien = place.title.liens.find((one) => one.number === number());
      const rank = lien === undefined ? '' : ` · ${tongue.texts.title.rank(format.number(lien.rank))}`;
      return [...rows, [words.act.rows.lien, `${format.number(number())}${rank}`]];
    }
    case 'title.branded': {
      const code = brandCode(number());
      return [...rows, [words.act.rows.brand, `${code} · ${word(texts.vocabulary.brand, code)}`]];
    }
    case 'title.disputed':
      return [...rows, [words.act.rows.entry, <Code key="e">{action.detail}</Code>]];
    default:
      return [...rows, [words.act.rows.subject, <Code key="s">{action.detail}</Code>]];
  }
}
