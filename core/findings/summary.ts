import type { Reading } from '../kinds/fields.ts';
import type { PartState } from '../modules/part.ts';
import type { Obstacle, TitleState } from '../modules/title.ts';
import type { OpenedEntry } from './openedEntry.ts';

/** How a reading compares with the one before it. */
export type Grade =
  | 'consistent'
  /** Lower than the one before, by no more than honest histories are. */
  | 'tolerated'
  | 'discrepancy'
  | 'replaced'
  | 'rollover'
  | 'exempt'
  /** Corrected by an amendment; listed, compared with nothing. */
  | 'superseded';

export type GradedReading = {
  readonly entry: string;
  readonly kind: string;
  readonly time: string;
  readonly organisation: string;
  readonly reading: Reading;
  readonly kilometres: number;
  readonly grade: Grade;
};

/** Something registered on a vehicle that has not ended: a lien, an opposition, a seizure. */
export type OpenCharge = {
  readonly entry: string;
  readonly since: string;
  readonly reference: string | null;
  readonly expires: string | null;
  /** Of an opposition, and of a title's lien. */
  readonly type: string | null;
  /** Of a title's lien: the organisation that holds it, and its rank; null of what a registry states. */
  readonly holder: string | null;
  readonly rank: number | null;
};

export type RecallState = {
  /** The organisation on whose own chain the campaign stands, and its number there. */
  readonly attester: string;
  readonly campaign: string;
  readonly title: Readonly<Record<string, string>>;
  readonly severity: string;
  readonly state: 'open' | 'remedied' | 'unknown' | 'notAffected';
  /** What shows that it concerns this vehicle. */
  readonly by: 'set' | 'part' | null;
  /** Of a remedied one: whether the remedy was carried out, or found not to be needed. */
  readonly outcome: 'remedied' | 'notNeeded' | null;
  /** Why the campaign ended, if it did: closed is not remedied. One that is withdrawn concerns nobody. */
  readonly closed: 'completed' | 'superseded' | 'withdrawn' | null;
  readonly entries: readonly string[];
};

/** A safety part that is in a vehicle now. */
export type MountedPart = {
  /** Its subject, which is known in any case. */
  readonly part: string;
  /** Its identifier, component and place, where the envelope by which it was mounted can be read. */
  readonly identifier: string | null;
  readonly component: string | null;
  readonly position: string | null;
  /** When it was mounted. */
  readonly since: string;
  /** `unknown` where not every action on it is known. */
  readonly state: 'mounted' | 'stolen' | 'scrapped' | 'unknown';
  readonly entries: readonly string[];
};

/** What a history comes to. */
export type Summary = {
  readonly entries: { readonly total: number } & Readonly<Record<OpenedEntry['status'], number>>;
  readonly firstTime: string | null;
  readonly lastTime: string | null;
  /** The title, folded from its actions; null where none was ever issued. */
  readonly title: {
    /** `unknown` where not every action is known, or not the title that this one replaces. */
    readonly state: TitleState | 'unknown';
    /** The owner's key. */
    readonly owner: string | null;
    /** When that key came to own it. */
    readonly since: string | null;
    readonly offer: { readonly buyer: string; readonly until: string } | null;
    readonly stolen: boolean;
    /** What stands against a sale. */
    readonly obstacles: readonly Obstacle[];
  } | null;
  /** Whether a title or a registry says that it is stolen. */
  readonly stolen: boolean;
  /** Holders that the title and the registry's entries show. */
  readonly holders: number;
  /** Those of the title first. */
  readonly liens: readonly OpenCharge[];
  readonly oppositions: readonly OpenCharge[];
  readonly seizures: readonly OpenCharge[];
  /** The procedure for a damaged vehicle: its last step; the second expert report clears it. */
  readonly procedure: {
    readonly state: 'open' | 'cleared';
    readonly step: string;
    readonly time: string;
    readonly entry: string;
  } | null;
  readonly odometer: {
    /** In the order of the history; superseded ones directly after what replaced them. */
    readonly readings: readonly GradedReading[];
    readonly latest: GradedReading | null;
    readonly discrepancies: number;
  };
  readonly brands: readonly {
    readonly code: string;
    readonly name: string;
    readonly entries: readonly string[];
  }[];
  readonly accidents: number;
  readonly claims: number;
  /** Uses other than private, in the order of the history. */
  readonly usages: readonly string[];
  readonly exported: { readonly since: string; readonly entry: string } | null;
  readonly withdrawn: { readonly since: string; readonly entry: string } | null;
  readonly recalls: {
    /** The attesters whose own chains are complete in this report: the claim reaches no further. */
    readonly attesters: readonly string[];
    /** Those among them that built the vehicle; of all others' chains it is the operator's word that there are no more. */
    readonly makers: readonly string[];
    readonly campaigns: readonly RecallState[];
    /** The parts that the vehicle has now, as far as its history names them: each was compared with each campaign. */
    readonly parts: {
      readonly compared: number;
      /** Serialised ones whose batch nobody says. */
      readonly withoutBatch: number;
      /** Parts that were mounted without being named, or by an entry that nobody can read: of them nothing can be said. */
      readonly unnamed: number;
    };
  };
  /** Of a part: what it is, folded from its actions; null where it was never registered. */
  readonly part: {
    readonly state: PartState | 'unknown';
    /** The organisation that registered it. */
    readonly maker: string;
    /** The subject of the vehicle that it is in. */
    readonly vehicle: string | null;
    readonly since: string;
  } | null;
  /** Of a vehicle: the safety parts that are in it now, and what has become of them since. */
  readonly safetyParts: readonly MountedPart[];
  /** The other identifiers of the same vehicle. */
  readonly links: readonly string[];
};
