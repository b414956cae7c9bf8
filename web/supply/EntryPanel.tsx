import type { ReactNode } from 'react';
import { formatIdentifier } from '../../core/identifiers/identifier.ts';
import { Stages } from '../acting/ActPanel.tsx';
import { useWords } from '../acting/context.ts';
import type { PreparedEntry } from '../acting/entries.ts';
import { Facts, FailureNote, Focused } from '../acting/parts.tsx';
import type { ActionStatus } from '../acting/useAct.ts';
import type { Enter, Handing } from '../acting/useEntry.ts';
import { factsOf, sealedFacts } from '../model/describe.ts';
import { shownIdentifier } from '../model/vinFeedback.ts';
import { useTongue } from '../page/context.ts';
import { Code, Sign } from '../page/parts.tsx';
import { kindName } from '../texts/texts.ts';
import { Bar } from './Bar.tsx';
import { useSupplyWords } from './words.tsx';

/**
 * An entry on its way: what it says before it is signed, and how far it has truly come since.
 * @param kept whether what belongs to it can be handed over later from elsewhere; otherwise it can't be closed before
 */
export function EntryPanel(props: {
  readonly enter: Enter;
  readonly wallet: boolean;
  readonly kept?: boolean;
  readonly onDone?: () => void;
}) {
  const { enter, wallet, kept = true, onDone = enter.clear } = props;
  const acting = useWords();
  const words = useSupplyWords();
  const tongue = useTongue();
  const { format } = tongue;
  const { state } = enter;
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
        <Focused key="confirm" className="panel act" label={acting.act.heading}>
          <h3>{acting.act.heading}</h3>
          <p className="muted">{words.entry.lead}</p>
          {state.prepared.map((one) => (
            <EntryFacts key={one.composed.entry.digest} prepared={one} />
          ))}
          {state.at === 'confirm' && state.failure !== null ? <FailureNote failure={state.failure} /> : null}
          <p className="actions">
            <button type="button" className="primary" disabled={busy} onClick={enter.sign}>
              {acting.act.sign}
            </button>
            <button type="button" className="secondary" disabled={busy} onClick={enter.clear}>
              {acting.act.cancel}
            </button>
          </p>
          <p role="status" className="muted">
            {state.at === 'signing' ? (wallet ? acting.act.askWallet : acting.act.signing) : ''}
            {state.at === 'sending' ? acting.act.sending : ''}
          </p>
        </Focused>
      );
    }
    case 'sent': {
      const { handing } = state;
      const open = handing?.state === 'running' || (handing?.state === 'failed' && !kept);
      return (
        <Focused key="sent" className="panel act" label={acting.act.way}>
          <h3>{acting.act.sent(kindName(tongue, state.prepared[0].draft.kind))}</h3>
          <Stages status={state.status} said={words.entry} />
          <p className="muted small">{acting.act.promise(format.moment(state.anchorBy))}</p>
          {state.failure === null ? null : <FailureNote failure={state.failure} />}
          {handing === null ? null : <HandingOver handing={handing} kept={kept} onAgain={enter.handOver} />}
          <details className="fold evidence">
            <summary>{acting.act.details}</summary>
            {state.prepared.map((one) => (
              <EntryFacts key={one.composed.entry.digest} prepared={one} status={state.status} />
            ))}
          </details>
          <p className="actions">
            <button type="button" className="secondary" disabled={open} onClick={onDone}>
              {acting.act.done}
            </button>
          </p>
        </Focused>
      );
    }
  }
}

/** The members of a set on their way to the service, beside the entry that names their root. */
export function HandingOver(props: {
  readonly handing: Handing;
  readonly kept?: boolean;
  readonly onAgain: () => void;
}) {
  const { handing, kept = true, onAgain } = props;
  const words = useSupplyWords();
  const { format } = useTongue();
  switch (handing.state) {
    case 'running':
      return (
        <Bar
          label={words.list.uploading}
          done={handing.done}
          total={handing.total}
          text={
            handing.total === 0
              ? ''
              : words.list.of(format.number(handing.done), format.number(handing.total))
          }
        />
      );
    case 'done':
      return (
        <p role="status" data-handed="yes">
          <Sign of="good" /> {words.list.uploaded}
        </p>
      );
    case 'failed':
      return (
        <>
          <FailureNote failure={handing.failure} onRetry={onAgain} />
          <p className="muted small">{kept ? words.list.resume : words.list.stay}</p>
        </>
      );
  }
}

type Row = readonly [string, ReactNode];

/** The entry in words, then as it is. */
function EntryFacts({ prepared, status }: { prepared: PreparedEntry; status?: ActionStatus }) {
  const tongue = useTongue();
  const acting = useWords();
  const words = useSupplyWords();
  const { format } = tongue;
  const { draft, place, composed } = prepared;
  const { target } = place;
  const rows: Row[] = [
    [acting.act.rows.what, kindName(tongue, draft.kind)],
    [
      words.entry.subject,
      target === 'own' ? (
        words.entry.own
      ) : (
        <span key="s" className="vin breakable">
          {shownIdentifier(formatIdentifier(target.identifier))}
        </span>
      ),
    ],
    [acting.act.rows.when, format.time(draft.time)],
    ...factsOf(tongue, draft.kind, draft.data).map(
      ({ label, value, code }): Row => [label, code === true ? <Code key={label}>{value}</Code> : value],
    ),
    ...sealedFacts(tongue, sealedOf(prepared)).map(
      ({ label, value }): Row => [acting.act.sealed(label), value],
    ),
    [acting.act.rows.organisation, place.organisation.toString()],
  ];
  const technical: Row[] = [
    [words.entry.ledger, <Code key="l">{`${place.ledger.chainId}:${place.ledger.address}`}</Code>],
    [acting.act.rows.digest, <Code key="d">{composed.entry.digest}</Code>],
    ...(status === undefined ? [] : [[words.entry.hash, <Code key="h">{status.hash}</Code>] as Row]),
    ...(status?.block === undefined || status.block === null
      ? []
      : [[acting.act.rows.block, format.number(status.block)] as Row]),
    ...(status?.transaction === undefined || status.transaction === null
      ? []
      : [[acting.act.rows.transaction, <Code key="t">{status.transaction}</Code>] as Row]),
  ];
  return (
    <>
      <Facts rows={rows} />
      <details className="fold evidence">
        <summary>{acting.act.signedData}</summary>
        <Facts rows={technical} />
      </details>
    </>
  );
}

/** Without the keys of documents, which say nothing to people. */
function sealedOf({ draft }: PreparedEntry) {
  return Object.fromEntries(
    Object.entries(draft.sealed ?? {}).filter(
      ([name]) => !name.startsWith('document:') && !name.startsWith('key:'),
    ),
  );
}
