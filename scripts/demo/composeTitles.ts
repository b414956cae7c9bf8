import { type Actor, type Deed, type SignedAction, signDeed } from '../../cli/titles/sign.ts';
import { detailOfNumber } from '../../cli/titles/title.ts';
import type { Hex } from '../../core/bytes.ts';
import type { Address, OrganisationId } from '../../core/chain/types.ts';
import { composeEntry } from '../../core/envelope/envelope.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { NO_ORGANISATION, ZERO_ADDRESS } from '../../core/modules/action.ts';
import { type ComposedContent, type DemoPlace, type Known, numberOf, resolverOf } from './compose.ts';
import type { DemoAct, DemoOwner, DemoTitle } from './titles.ts';

/** A key that acts in the demo, whoever's it is. */
export type DemoSigner = { readonly address: Address; readonly secretKey: Uint8Array };

/** Where titles are written, and whose keys sign. */
export type TitlePlace = DemoPlace & {
  readonly titles: Address;
  /** An organisation's key. */
  readonly attester: (name: string) => DemoSigner;
  /** The key of an owner of that vehicle. */
  readonly owner: (identifier: string, owner: DemoOwner) => DemoSigner;
  /** Seconds since 1970, from which deadlines, offers and liens count. */
  readonly now: number;
};

export type ComposedTitles = {
  /** The first action on each title. */
  readonly issues: readonly SignedAction[];
  /** What follows, each title's in their order. */
  readonly acts: readonly SignedAction[];
  readonly answers: readonly ComposedContent[];
};

const DAY = 86_400;

/** Signs everything that is done with titles; disputes and their answers name entries that are composed already. */
export function composeTitles(titles: readonly DemoTitle[], place: TitlePlace, known: Known): ComposedTitles {
  const issues: SignedAction[] = [];
  const acts: SignedAction[] = [];
  const answers: ComposedContent[] = [];
  const resolve = resolverOf(place, known);
  for (const { identifier, acts: wanted, answers: said } of titles) {
    const target = { subject: place.subjectOf(identifier), identifier: parseIdentifier(identifier) };
    wanted.forEach((act, revision) => {
      const deed = deedOf(act, identifier, place, known);
      const signed = signDeed(actorOf(act, identifier, place), target, BigInt(revision), deed, place.now);
      const { label } = act.content;
      if (label !== undefined) {
        known.set(label, { digest: signed.action.digest, key: signed.request.key });
      }
      (act.kind === 'title.issued' ? issues : acts).push(signed);
    });
    for (const { by, kind, time, data } of said) {
      const composed = composeEntry(place.ledger, numberOf(place, by), target, {
        kind,
        time,
        data: resolve(data),
      });
      answers.push({ by, kind, composed });
    }
  }
  return { issues, acts, answers };
}

function actorOf({ by }: DemoAct, identifier: string, place: TitlePlace): Actor {
  const { ledger } = place;
  const organisation: OrganisationId =
    'organisation' in by ? numberOf(place, by.organisation) : NO_ORGANISATION;
  const { address, secretKey } =
    'organisation' in by ? place.attester(by.organisation) : place.owner(identifier, by.owner);
  const titles = { chainId: ledger.chainId, address: place.titles };
  return { ledger, titles, organisation, address, secretKey };
}

function deedOf(act: DemoAct, identifier: string, place: TitlePlace, known: Known): Deed {
  const { kind, to, days, content } = act;
  return {
    kind,
    party: to === undefined ? ZERO_ADDRESS : place.owner(identifier, to).address,
    until: days === undefined ? 0n : BigInt(Math.floor(place.now) + days * DAY),
    ...detailOf(act, place, known),
    content: { time: content.time, data: content.data, sealed: content.sealed },
  };
}

function detailOf(act: DemoAct, place: TitlePlace, known: Known): { detail?: Hex } {
  if (act.successor !== undefined) return { detail: place.subjectOf(act.successor) };
  if (act.number !== undefined) return { detail: detailOfNumber(act.number) };
  if (act.entry === undefined) return {};
  const entry = known.get(act.entry);
  if (entry === undefined) throw new Error(`nothing is called "${act.entry}" yet`);
  return { detail: entry.digest };
}
