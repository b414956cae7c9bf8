import { useState } from 'react';
import { formatIdentifier } from '../../core/identifiers/identifier.ts';
import { Desk, type DeskProps } from '../acting/Desk.tsx';
import type { Signed } from '../acting/session.ts';
import { readableIdentifier, shownIdentifier } from '../model/vinFeedback.ts';
import { Search } from '../page/Search.tsx';
import { Alerts } from './Alerts.tsx';
import { BuildVehicle } from './BuildVehicle.tsx';
import { Notices } from './Notices.tsx';
import { Parts } from './Parts.tsx';
import { Recalls } from './Recalls.tsx';
import { TraceView } from './TraceView.tsx';
import { useSupplyWords, Worded } from './words.tsx';

/** The manufacturer's page: vehicles from their parts, the graph up and down, recalls. */
export function Manufacturer(props: DeskProps) {
  return (
    <Worded>
      <Desk desk="manufacturer" {...props}>
        {(signed) =>
          props.id === null ? (
            <Inside {...props} {...signed} />
          ) : (
            <BuildVehicle key={props.id} {...props} {...signed} id={props.id} />
          )
        }
      </Desk>
    </Worded>
  );
}

const parts = ['trace', 'build', 'recalls', 'alerts', 'notices'] as const;

function Inside(props: DeskProps & Signed) {
  const words = useSupplyWords();
  const [part, setPart] = useState<(typeof parts)[number]>('trace');
  const { service } = props.session;
  return (
    <>
      <Parts names={parts} label={words.parts.label} words={words.parts.names} part={part} onPart={setPart} />
      {part === 'trace' ? <TraceView service={service} /> : null}
      {part === 'build' ? (
        <section className="section" aria-labelledby="build">
          <h2 id="build">{words.build.open}</h2>
          <p className="lead">{words.build.openLead}</p>
          <Search start="" onSearch={props.onVehicle} />
        </section>
      ) : null}
      {part === 'recalls' ? <Recalls {...props} /> : null}
      {part === 'alerts' ? <Alerts {...props} /> : null}
      {part === 'notices' ? (
        <Notices
          service={service}
          onOpen={(identifier) => {
            const read = readableIdentifier(identifier);
            if (read !== null) open(`#id=${shownIdentifier(formatIdentifier(read))}`, '_blank', 'noopener');
          }}
        />
      ) : null}
    </>
  );
}
