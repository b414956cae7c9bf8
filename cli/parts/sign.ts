import { fromHex, type Hex, toBase64Url } from '../../core/bytes.ts';
import { signHash } from '../../core/chain/submission.ts';
import {
  type Address,
  type Digest,
  type LedgerAddress,
  type OrganisationId,
  type Subject,
  ZERO_SUBJECT,
} from '../../core/chain/types.ts';
import { type Content, composeEntry } from '../../core/envelope/envelope.ts';
import { formatIdentifier, type Identifier } from '../../core/identifiers/identifier.ts';
import { type ModuleAddress, type PartAction, partActionHash } from '../../core/modules/action.ts';
import { type PartKind, partKinds } from '../../core/modules/part.ts';
import type { PartRequest } from '../titles/wire.ts';

/** Who acts on a part: an organisation by one of its keys. */
export type PartActor = {
  readonly ledger: LedgerAddress;
  readonly parts: ModuleAddress;
  readonly organisation: OrganisationId;
  readonly address: Address;
  readonly secretKey: Uint8Array;
};

export type Named = { readonly subject: Subject; readonly identifier: Identifier };

/** What to do with a part. */
export type PartDeed = {
  readonly kind: PartKind;
  /** What it is mounted in or removed from. */
  readonly vehicle?: Named;
  /** What its envelope says; the vehicle's number is sealed in it by itself. */
  readonly content: Omit<Content, 'kind'>;
};

export type SignedPart = { readonly hash: Hex; readonly action: PartAction; readonly request: PartRequest };

/** How long a signed action may wait for the ledger. */
const DEADLINE_SECONDS = 24 * 3600;

/**
 * Composes the envelope of an action and signs it.
 * @param now seconds since 1970, from which the deadline counts
 * @throws the codes of {@link composeEntry}
 */
export function signPart(
  { ledger, parts, organisation, address, secretKey }: PartActor,
  part: Named,
  revision: bigint,
  { kind, vehicle, content }: PartDeed,
  now: number = Date.now() / 1000,
): SignedPart {
  const sealed = vehicle === undefined ? {} : { vehicle: formatIdentifier(vehicle.identifier) };
  const composed = composeEntry(ledger, organisation, part, {
    ...content,
    kind,
    sealed: { ...content.sealed, ...sealed },
  });
  const action: PartAction = {
    kind: partKinds[kind],
    subject: part.subject,
    revision,
    deadline: BigInt(Math.floor(now) + DEADLINE_SECONDS),
    organisation,
    vehicle: vehicle?.subject ?? ZERO_SUBJECT,
    digest: composed.entry.digest,
  };
  const hash = partActionHash(parts, action);
  const request: PartRequest = {
    action: {
      ...action,
      revision: Number(action.revision),
      deadline: Number(action.deadline),
      organisation: organisation.toString(),
    },
    actor: address,
    signature: toBase64Url(signHash(fromHex(hash, 32), secretKey)),
    block: toBase64Url(composed.block),
    key: toBase64Url(composed.key),
    disclosures: [...composed.disclosures],
  };
  return { hash, action, request };
}

/** The action of a request, which may have been signed elsewhere or long ago. */
export function partActionOf({ action }: PartRequest): PartAction {
  return {
    kind: action.kind,
    subject: action.subject as Subject,
    revision: BigInt(action.revision),
    deadline: BigInt(action.deadline),
    organisation: BigInt(action.organisation) as OrganisationId,
    vehicle: action.vehicle as Subject,
    digest: action.digest as Digest,
  };
}

/** The same action under a later deadline. */
export function signPartAgain(
  parts: ModuleAddress,
  request: PartRequest,
  secretKey: Uint8Array,
  now: number = Date.now() / 1000,
): PartRequest {
  const deadline = Math.floor(now) + DEADLINE_SECONDS;
  const renewed = { ...request, action: { ...request.action, deadline } };
  const signature = toBase64Url(
    signHash(fromHex(partActionHash(parts, partActionOf(renewed)), 32), secretKey),
  );
  return { ...renewed, signature };
}
