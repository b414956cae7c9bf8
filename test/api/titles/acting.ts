import { randomBytes } from 'node:crypto';
import type { TitleActionRequest } from '../../../api/accept/actionSchema.ts';
import { fromHex, type Hex, toBase64Url } from '../../../core/bytes.ts';
import { addressOfKey, signHash } from '../../../core/chain/submission.ts';
import type { Address, LedgerAddress, OrganisationId, Subject } from '../../../core/chain/types.ts';
import { type ComposedEntry, composeEntry } from '../../../core/envelope/envelope.ts';
import type { Identifier } from '../../../core/identifiers/identifier.ts';
import { moduleKinds } from '../../../core/kinds/kinds.ts';
import {
  type ActionHash,
  type TitleAction,
  titleActionHash,
  ZERO_ADDRESS,
  ZERO_DETAIL,
} from '../../../core/modules/action.ts';
import { type TitleKind, titleKinds } from '../../../core/modules/title.ts';

/** Where titles are. */
export interface Place {
  readonly ledger: LedgerAddress;
  readonly titles: Address;
}

/** A key, and the organisation that it acts for; without one, an owner's or a buyer's. */
export interface Actor {
  readonly key: Uint8Array;
  readonly id?: OrganisationId;
}

export interface Target {
  readonly subject: Subject;
  readonly identifier: Identifier;
}

export interface Deed {
  readonly party?: Address;
  readonly until?: bigint;
  readonly detail?: Hex | bigint;
  readonly deadline?: bigint;
  readonly data?: Readonly<Record<string, unknown>>;
  /** An envelope made elsewhere. */
  readonly entry?: ComposedEntry;
  /** What of the action is to be otherwise than it should. */
  readonly change?: Partial<TitleAction>;
}

export interface Signed {
  readonly hash: ActionHash;
  readonly action: TitleAction;
  readonly request: TitleActionRequest;
}

export const seconds = () => BigInt(Math.floor(Date.now() / 1000));
export const wordOf = (value: bigint): Hex => `0x${value.toString(16).padStart(64, '0')}`;

/** A VIN of a maker where no check digit is required, another one each time. */
export const freshVin = (): string =>
  `WVWZZZ1JZ${String(randomBytes(4).readUInt32BE() % 100_000_000).padStart(8, '0')}`;

export interface Person extends Actor {
  readonly address: Address;
}
export function person(): Person {
  const key = randomBytes(32);
  return { key, address: addressOfKey(key) };
}

/** An action as its actor composes and signs it; its envelope is the kind's example. */
export function sign(
  place: Place,
  actor: Actor,
  target: Target,
  kind: TitleKind,
  revision: number,
  deed: Deed = {},
): Signed {
  const organisation = actor.id ?? (0n as OrganisationId);
  const { example } = moduleKinds[kind];
  const composed =
    deed.entry ??
    composeEntry(place.ledger, organisation, target, {
      kind,
      time: '2024-05-31',
      data: { ...example.data, ...deed.data } as never,
      sealed: example.sealed as never,
    });
  const action: TitleAction = {
    kind: titleKinds[kind],
    subject: target.subject,
    revision: BigInt(revision),
    deadline: deed.deadline ?? seconds() + 3_600n,
    organisation,
    party: deed.party ?? ZERO_ADDRESS,
    until: deed.until ?? 0n,
    detail: typeof deed.detail === 'bigint' ? wordOf(deed.detail) : (deed.detail ?? ZERO_DETAIL),
    digest: composed.entry.digest,
    ...deed.change,
  };
  return { action, ...signed(place, actor, action, composed) };
}

/** Signs an action for a place with the content of an entry. */
export function signed(
  { ledger, titles }: Place,
  { key }: Actor,
  action: TitleAction,
  content: Pick<ComposedEntry, 'block' | 'key' | 'disclosures'>,
): Omit<Signed, 'action'> {
  const hash = titleActionHash({ chainId: ledger.chainId, address: titles }, action);
  return {
    hash,
    request: {
      action: {
        ...action,
        revision: Number(action.revision),
        deadline: Number(action.deadline),
        organisation: action.organisation.toString(),
        until: Number(action.until),
      },
      actor: addressOfKey(key),
      signature: toBase64Url(signHash(fromHex(hash, 32), key)),
      block: toBase64Url(content.block),
      key: toBase64Url(content.key),
      disclosures: [...content.disclosures],
    },
  };
}
