import { useState } from 'react';
import { formatIdentifier } from '../../core/identifiers/identifier.ts';
import { Desk, type DeskProps } from '../acting/Desk.tsx';
import type { Signed } from '../acting/session.ts';
import { readableIdentifier } from '../model/vinFeedback.ts';
import { Alerts } from './Alerts.tsx';
import { Batch } from './Batch.tsx';
import { Batches, OpenBatch } from './Batches.tsx';
import { Notices } from './Notices.tsx';
import { Parts } from './Parts.tsx';
import { useSupplyWords, Worded } from './words.tsx';

/** The supplier's page: batches from a file of serials, their lives, alerts in and out. */
export function Supplier(props: DeskProps) {
  return (
    <Worded>
      <Desk desk="supplier" {...props}>
        {(signed) =>
          props.id === null ? (
            <Inside {...props} {...signed} />
          ) : (
            <Batch key={props.id} {...props} {...signed} id={props.id} />
          )
        }
      </Desk>
    </Worded>
  );
}

const parts = ['batches', 'alerts', 'notices'] as const;

function Inside(props: DeskProps & Signed) {
  const words = useSupplyWords();
  const [part, setPart] = useState<(typeof parts)[number]>('batches');
  const { service } = props.session;
  const open = (identifier: string): void => {
    const read = readableIdentifier(identifier);
    if (read !== null) props.onVehicle(formatIdentifier(read));
  };
  return (
    <>
      <Parts names={parts} label={words.parts.label} words={words.parts.names} part={part} onPart={setPart} />
      {part === 'batches' ? (
        <>
          <OpenBatch onOpen={open} />
          <Batches service={service} onOpen={open} />
        </>
      ) : null}
      {part === 'alerts' ? <Alerts {...props} /> : null}
      {part === 'notices' ? <Notices service={service} onOpen={open} /> : null}
    </>
  );
}
