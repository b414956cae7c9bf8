import type { Json } from '../../core/canonical.ts';
import type { KindData, KindName } from '../../core/kinds/kinds.ts';
import type { Role } from '../../core/kinds/roles.ts';
import type { DemoDocument } from './document.ts';
import type { DemoSafetyPart } from './safetyParts.ts';
import type { DemoTitle, TitleShowcase } from './titles.ts';

/** Text that stands for what is only known once entries are composed; it fills whole strings and names. */
export const later = {
  /** The digest of the entry with that label. */
  digest: (label: string): string => `@digest:${label}`,
  /** The key that opens it, in base64url. */
  key: (label: string): string => `@key:${label}`,
  /** The number of an organisation. */
  organisation: (name: string): string => `@organisation:${name}`,
} as const;

export type DemoOrganisation = {
  /** Names its keystore. */
  readonly name: string;
  readonly names: { readonly en: string; readonly zh: string };
  readonly roles: readonly Role[];
  readonly country: string;
  /** By which it names its parts. */
  readonly domain: string;
};

/** One thing that happened, before it is bound to a ledger and signed. */
export type DemoContent = {
  /** By which other contents refer to it. */
  readonly label?: string;
  /** The organisation that attests it, by name. */
  readonly by: string;
  readonly kind: KindName;
  readonly time: string;
  readonly data: Readonly<Record<string, Json>>;
  readonly sealed: Readonly<Record<string, Json>>;
  readonly documents: readonly DemoDocument[];
};

/** A subject's history, in the order in which it was written down. */
export type DemoSubject = {
  /** As text, normalised. */
  readonly identifier: string;
  readonly contents: readonly DemoContent[];
};

export type DemoVehicle = DemoSubject & {
  /** What it is an example of. */
  readonly story: string;
};

export type DemoBatch = DemoSubject & {
  /** Identifiers of the serialised parts in it; empty where the parts carry no number. */
  readonly serials: readonly string[];
};

/** A recall campaign on its maker's own chain. */
export type DemoCampaign = {
  readonly organisation: string;
  readonly campaign: string;
  /** Each entry of the campaign that lists vehicles, by its label, with the vehicles that its tree holds. */
  readonly sets: readonly {
    readonly label: string;
    readonly treeKey: string;
    readonly vehicles: readonly string[];
  }[];
  readonly contents: readonly DemoContent[];
};

/** What one organisation says of alerts, on its own chain. */
export type DemoAlert = { readonly organisation: string; readonly contents: readonly DemoContent[] };

export type Demo = {
  readonly organisations: readonly DemoOrganisation[];
  readonly batches: readonly DemoBatch[];
  /** Serialised parts with histories of their own. */
  readonly parts: readonly DemoSubject[];
  readonly campaigns: readonly DemoCampaign[];
  readonly alerts: readonly DemoAlert[];
  readonly vehicles: readonly DemoVehicle[];
  /** Who holds the vehicles now, and what stands against selling them. */
  readonly titles: readonly DemoTitle[];
  /** Parts that have their place on the ledger. */
  readonly safetyParts: readonly DemoSafetyPart[];
  /** VINs worth looking at. */
  readonly showcase: {
    readonly clean: string;
    readonly discrepancy: string;
    readonly recall: string;
    /** Valid, and on no ledger. */
    readonly absent: string;
    readonly titles: TitleShowcase;
    /** A part in it is reported stolen. */
    readonly stolenPart: string;
    /** A maker, by its keystore, and a batch that one of its campaigns names. */
    readonly recalled: { readonly keystore: string; readonly batch: string };
  };
};

export type Extras = {
  readonly sealed?: Readonly<Record<string, unknown>>;
  readonly documents?: readonly DemoDocument[];
  readonly label?: string;
};

/** A content whose public fields the compiler checks against its kind. */
export function content<Name extends KindName>(
  by: string,
  kind: Name,
  time: string,
  data: KindData<Name>,
  extras: Extras = {},
): DemoContent {
  return {
    ...(extras.label === undefined ? {} : { label: extras.label }),
    by,
    kind,
    time,
    data: data as unknown as Readonly<Record<string, Json>>,
    sealed: (extras.sealed ?? {}) as Readonly<Record<string, Json>>,
    documents: extras.documents ?? [],
  };
}
