import { useEffect, useRef, useState } from 'react';
import type { Service } from '../acting/service.ts';
import { type PartRow, partOf } from '../model/build.ts';

/** What the service knows of a part that is to be built in. */
export type PartCheck = {
  readonly state: string;
  /** Why, for people: the state, and the reasons that speak against it. */
  readonly words: readonly string[];
  /** Whoever builds it in should have a reason. */
  readonly grave: boolean;
};

const AT_ONCE = 4;
const PAUSE_MILLISECONDS = 400;
const AGAINST = new Set([
  'part.stolen',
  'part.scrapped',
  'part.recalled',
  'part.quarantined',
  'part.mounted',
  'maker.notInSets',
  'maker.unknown',
]);

/** Asks the service about each part of the list once, a few at a time; by the text that stands in its line. */
export function usePartChecks(service: Service, rows: readonly PartRow[]): ReadonlyMap<string, PartCheck> {
  const [known, setKnown] = useState<ReadonlyMap<string, PartCheck>>(new Map());
  const asked = useRef(new Set<string>());
  const wanted = rows.map(({ part }) => part.trim()).filter((part) => partOf(part) !== null);
  const list = [...new Set(wanted)].join('\n');
  useEffect(() => {
    let over = false;
    const fresh = list.split('\n').filter((part) => part !== '' && !asked.current.has(part));
    if (fresh.length === 0) return;
    const one = async (part: string): Promise<void> => {
      asked.current.add(part);
      const check = await askOne(service, partOf(part) ?? part);
      setKnown((before) => new Map([...before, [part, check]]));
    };
    const timer = setTimeout(async () => {
      const queue = [...fresh];
      const work = async (): Promise<void> => {
        for (let part = queue.shift(); part !== undefined && !over; part = queue.shift()) await one(part);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
    }, PAUSE_MILLISECONDS);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [service, list]);
  return known;
}

async function askOne(service: Service, identifier: string): Promise<PartCheck> {
  try {
    const { state, reasons } = await service.post('/v1/checks', { identifier });
    const against = (Array.isArray(reasons) ? reasons : [])
      .map(String)
      .filter((reason) => AGAINST.has(reason));
    const found = String(state);
    return {
      state: found,
      words: against.length === 0 ? [found] : against,
      grave: found !== 'genuine',
    };
  } catch {
    // Building does not stop because nobody can be asked: it is said, and nothing is claimed.
    return { state: 'unasked', words: ['unasked'], grave: false };
  }
}
