import { fromHex, type Hex, toBase64Url } from '../../core/bytes.ts';
import { signHash } from '../../core/chain/submission.ts';
import type { Address, LedgerAddress, OrganisationId, Subject } from '../../core/chain/types.ts';
import { type Content, composeEntry } from '../../core/envelope/envelope.ts';
import type { Identifier } from '../../core/identifiers/identifier.ts';
import {
  type ModuleAddress,
  type TitleAction,
  titleActionHash,
  ZERO_ADDRESS,
  ZERO_DETAIL,
} from '../../core/modules/action.ts';
import { type TitleKind, titleKinds } from '../../core/modules/title.ts';
import type { ActionRequest } from './wire.ts';

/** Who acts on a title, and on which: an organisation by one of its keys, or an owner or buyer by their own. */
export type Actor = {
  readonly ledger: LedgerAddress;
  readonly titles: ModuleAddress;
  /** 0 for an owner or a buyer. */
  readonly organisation: OrganisationId;
  readonly address: Address;
  readonly secretKey: Uint8Array;
};

/** What to do with a title; fields that the kind does not use are left out. */
export type Deed = {
  readonly kind: TitleKind;
  readonly party?: Address;
  readonly until?: bigint;
  readonly detail?: Hex;
  /** What its envelope says. */
  readonly content: Omit<Content, 'kind'>;
};

export type SignedAction = {
  readonly hash: Hex;
  readonly action: TitleAction;
  readonly request: ActionRequest;
};

/** How long a signed action may wait for the ledger. */
const DEADLINE_SECONDS = 24 * 3600;

/**
 * Composes the envelope of an action and signs it.
 * @param now seconds since 1970, from which the deadline counts
 * @throws the codes of {@link composeEntry}
 */
export function signDeed(
  actor: Actor,
  target: { readonly subject: Subject; readonly identifier: Identifier },
  revision: bigint,
  deed: Deed,
  now: number = Date.now() / 1000,
): SignedAction {
  const composed = composeEntry(actor.ledger, actor.organisation, target, {
    ...deed.content,
    kind: deed.kind,
  });
  const action: TitleAction = {
    kind: titleKinds[deed.kind],
    subject: target.subject,
    revision,
    deadline: BigInt(Math.floor(now) + DEADLINE_SECONDS),
    organisation: actor.organisation,
    party: deed.party ?? ZERO_ADDRESS,
    until: deed.until ?? 0n,
    detail: deed.detail ?? ZERO_DETAIL,
    digest: composed.entry.digest,
  };
  const { block, key, disclosures } = composed;
  return signAction(actor, action, { block: toBase64Url(block), key: toBase64Url(key), disclosures });
}

/** What opens an action’s entry. */
export type ActionContent = Pick<ActionRequest, 'block' | 'key' | 'disclosures'>;

/** Signs an action whose content is composed already: the same again under a later deadline. */
export function signAction(
  { titles, address, secretKey }: Pick<Actor, 'titles' | 'address' | 'secretKey'>,
  action: TitleAction,
  content: ActionContent,
): SignedAction {
  const hash = titleActionHash(titles, action);
  const signature = toBase64Url(signHash(fromHex(hash, 32), secretKey));
  const request: ActionRequest = {
    action: {
      kind: action.kind,
      subject: action.subject,
      revision: Number(action.revision),
      deadline: Number(action.deadline),
      organisation: action.organisation.toString(),
      party: action.party,
      until: Number(action.until),
      detail: action.detail,
      digest: action.digest,
    },
    actor: address,
    signature,
    ...content,
  };
  return { hash, action, request };
}

/** The action of a request, which may have been signed elsewhere or long ago. */
export function actionOf({ action }: ActionRequest): TitleAction {
  return {
    kind: action.kind,
    subject: action.subject as Subject,
    revision: BigInt(action.revision),
    deadline: BigInt(action.deadline),
    organisation: BigInt(action.organisation) as OrganisationId,
    party: action.party as Address,
    until: BigInt(action.until),
    detail: action.detail as Hex,
    digest: action.digest as TitleAction['digest'],
  };
}

/** The name of a request's action. */
export function hashOf(titles: ModuleAddress, request: ActionRequest): Hex {
  return titleActionHash(titles, actionOf(request));
}
