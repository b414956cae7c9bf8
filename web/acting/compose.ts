import { type Hex, toBase64Url } from '../../core/bytes.ts';
import type { Json } from '../../core/canonical.ts';
import type { Address, LedgerAddress, OrganisationId, Subject } from '../../core/chain/types.ts';
import { composeEntry } from '../../core/envelope/envelope.ts';
import type { Identifier } from '../../core/identifiers/identifier.ts';
import {
  type ActionHash,
  type ModuleAddress,
  type TitleAction,
  titleActionHash,
  ZERO_ADDRESS,
  ZERO_DETAIL,
} from '../../core/modules/action.ts';
import { applyTitleAction, type Title, type TitleKind, titleKinds } from '../../core/modules/title.ts';

/** How long a signed action may wait for the ledger, in seconds. Its revision makes it good once, whatever happens. */
const DEADLINE_SECONDS = 24 * 3600;

/** What somebody wants to happen to a title. */
export type Draft = {
  readonly kind: TitleKind;
  readonly party?: Address;
  readonly until?: bigint;
  readonly detail?: Hex;
  /** When it happened: a date, or an instant to the second. */
  readonly time: string;
  readonly data: Readonly<Record<string, Json>>;
  readonly sealed: Readonly<Record<string, Json>>;
};

/** Where and as what it is to happen: verified before anybody signs. */
export type Place = {
  readonly ledger: LedgerAddress;
  readonly titles: ModuleAddress;
  readonly identifier: Identifier;
  readonly subject: Subject;
  readonly title: Title;
  readonly actor: Address;
  readonly organisation: OrganisationId;
};

/** An action with its entry, ready to be signed. */
export type Prepared = {
  readonly draft: Draft;
  readonly place: Place;
  readonly action: TitleAction;
  readonly hash: ActionHash;
  readonly content: { readonly block: string; readonly key: string; readonly disclosures: readonly string[] };
};

/**
 * Composes an action and its entry, and holds the action to the table of `Titles` as the title stands now.
 * @param now seconds since 1970
 * @throws the `title.*` codes for what the module would refuse, the `kind.*` codes for what its entry must not say
 */
export function prepare(draft: Draft, place: Place, now: number): Prepared {
  const { ledger, titles, identifier, subject, title, actor, organisation } = place;
  const { kind, time, data, sealed } = draft;
  const target = { identifier, subject };
  const composed = composeEntry(ledger, organisation, target, { kind, time, data, sealed });
  const action: TitleAction = {
    kind: titleKinds[kind],
    subject,
    revision: title.revision,
    deadline: BigInt(now + DEADLINE_SECONDS),
    organisation,
    party: draft.party ?? ZERO_ADDRESS,
    until: draft.until ?? 0n,
    detail: draft.detail ?? ZERO_DETAIL,
    digest: composed.entry.digest,
  };
  applyTitleAction(title, action, actor, BigInt(now));
  return {
    draft,
    place,
    action,
    hash: titleActionHash(titles, action),
    content: {
      block: toBase64Url(composed.block),
      key: toBase64Url(composed.key),
      disclosures: composed.disclosures,
    },
  };
}
