import type { Hex } from '../../core/bytes.ts';
import type { Json } from '../../core/canonical.ts';
import type { Address } from '../../core/chain/types.ts';
import { formatIdentifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import {
  applyTitleAction,
  obstaclesOf,
  openLiens,
  type Title,
  type TitleKind,
  transitions,
} from '../../core/modules/title.ts';
import { hasReached, isDead, type Milestone } from '../client.ts';
import type { Context } from '../context.ts';
import { CommandError, type Exit, usageError } from '../exit.ts';
import { count, counted, type Output } from '../output.ts';
import type { SigningOptions } from '../signing.ts';
import { subjectsOf } from '../subjects.ts';
import {
  type Acting,
  type ActingOptions,
  findVehicle,
  openActing,
  openReading,
  type Vehicle,
} from '../titles/acting.ts';
import { type ContentOptions, partyOption, said, untilOption } from '../titles/fields.ts';
import { showTitleState } from '../titles/show.ts';
import { signDeed } from '../titles/sign.ts';
import { detailOfNumber } from '../titles/title.ts';
import { requireExecuted, waitForAction } from '../titles/wait.ts';
import { type ActionStatus, handIn, refusalOf, servedTitle } from '../titles/wire.ts';

export type ActOptions = ActingOptions & ContentOptions & { readonly wait: Milestone };

/** The fields of an action that its kind uses, and what its envelope says by itself. */
type Fields = {
  readonly party?: Address;
  readonly until?: bigint;
  readonly detail?: Hex;
  readonly data?: Readonly<Record<string, Json | undefined>>;
};

/**
 * Acts on a vehicle's title: checks by the chain's state that it is allowed, signs, hands in and waits.
 * @throws the `title.*` codes where the title does not allow it: nothing is signed then
 */
async function act(
  context: Context,
  kind: TitleKind,
  identifier: string,
  options: ActOptions,
  fields: (vehicle: Vehicle, acting: Acting) => Promise<Fields> | Fields,
): Promise<Exit> {
  const { output, signal } = context;
  const { by } = transitions[kind];
  const acting = await openActing(
    context,
    options,
    by === 'owner' || by === 'buyer' ? 'account' : 'organisation',
  );
  const { client, ledger, witnesses, key, actor } = acting;
  const vehicle = await findVehicle(acting, actor.titles, identifier);
  const { data = {}, ...used } = await fields(vehicle, acting);
  const now = BigInt(Math.floor(Date.now() / 1000));
  const deed = { kind, ...used, content: said(options, data) };
  // What waits at the service comes first; what it may come to, the service knows, and checks.
  const { nextRevision } = await servedTitle(client, vehicle.subject);
  const waits = BigInt(nextRevision) > vehicle.title.revision;
  // Nobody buys by the service's word alone: what waits may be another offer, or a brand.
  if (waits && by === 'buyer') {
    const text =
      'Another action on this title is on its way: accept once it is on the ledger, and looked at.';
    throw new CommandError('incomplete', 'title.waits', text);
  }
  const revision = waits ? BigInt(nextRevision) : vehicle.title.revision;
  const signed = signDeed(actor, vehicle, revision, deed, Number(now));
  if (!waits) applyTitleAction(vehicle.title, signed.action, key.address, now);

  const [answer] = await handIn(client, [signed.request]);
  if (answer === undefined || 'problem' in answer)
    throw refusalOf(answer?.problem ?? { code: 'service.malformed' });
  const status = await waitForAction(client, signed.hash, options.wait, signal);
  if (hasReached(status.state, 'anchored')) {
    for (const rpc of [ledger.rpc, ...witnesses]) {
      await requireExecuted(rpc, actor.titles.address, { ...status, hash: signed.hash }, signal);
    }
  }
  output.value({ identifier: formatIdentifier(vehicle.identifier), kind, ...status });
  showAction(output, kind, vehicle, status);
  return isDead(status.state) ? 'failed' : 'ok';
}

const DONE: Readonly<Record<TitleKind, string>> = {
  'title.issued': 'Issued the title',
  'title.offered': 'Offered',
  'title.accepted': 'Accepted the offer',
  'title.withdrawn': 'Withdrew the offer',
  'title.lienPlaced': 'Placed a lien',
  'title.lienRenewed': 'Renewed the lien',
  'title.lienReleased': 'Released the lien',
  'title.stolen': 'Reported stolen',
  'title.recovered': 'Reported recovered',
  'title.branded': 'Branded the title',
  'title.disputed': 'Disputed the entry',
  'title.scrapped': 'Scrapped',
  'title.exported': 'Exported',
  'title.reissued': 'Re-issued the title',
  'title.transferred': 'Transferred the title',
  'title.replaced': 'Replaced the number',
};

function showAction(output: Output, kind: TitleKind, { identifier }: Vehicle, status: ActionStatus): void {
  const { style } = output;
  const dead = isDead(status.state);
  const what = `${DONE[kind]}: ${formatIdentifier(identifier)}`;
  output.line(dead ? `${style.bad('Not done.')} ${what}` : what);
  output.line(`  action        ${status.hash}`);
  output.line(`  state         ${dead ? style.bad(status.state) : style.bold(status.state)}`);
  if (status.block !== undefined)
    output.line(`  block         ${count(status.block.number)}, ${status.block.hash}`);
  if (status.problem !== undefined) output.line(`  in the way    ${style.warn(status.problem)}`);
}

type ToOptions = ActOptions & { readonly to: string; readonly reason: string };

const toParty = (context: Context, options: ToOptions) => async (): Promise<Fields> => ({
  party: await partyOption(options.to, context.settings().folder),
  data: { reason: options.reason },
});

export function issueTitle(context: Context, id: string, options: ToOptions): Promise<Exit> {
  return act(context, 'title.issued', id, options, toParty(context, options));
}

export function reissueTitle(context: Context, id: string, options: ToOptions): Promise<Exit> {
  return act(context, 'title.reissued', id, options, toParty(context, options));
}

export function transferTitle(context: Context, id: string, options: ToOptions): Promise<Exit> {
  return act(context, 'title.transferred', id, options, toParty(context, options));
}

type OfferOptions = ActOptions & { readonly to: string; readonly until: string };

export function offerTitle(context: Context, id: string, options: OfferOptions): Promise<Exit> {
  return act(context, 'title.offered', id, options, async () => ({
    party: await partyOption(options.to, context.settings().folder),
    until: untilOption(options.until),
  }));
}

export function acceptTitle(context: Context, id: string, options: ActOptions): Promise<Exit> {
  return act(context, 'title.accepted', id, options, () => ({}));
}

type ReasonOptions = ActOptions & { readonly reason?: string };
const reasonOnly = (options: ReasonOptions) => (): Fields => ({ data: { reason: options.reason } });

export function withdrawTitle(context: Context, id: string, options: ReasonOptions): Promise<Exit> {
  return act(context, 'title.withdrawn', id, options, reasonOnly(options));
}

type PlaceOptions = ActOptions & { readonly until: string; readonly rank?: number; readonly type: string };

export function placeLien(context: Context, id: string, options: PlaceOptions): Promise<Exit> {
  return act(context, 'title.lienPlaced', id, options, ({ title }) => ({
    until: untilOption(options.until),
    detail: detailOfNumber(options.rank ?? freeRank(title)),
    data: { type: options.type },
  }));
}

function freeRank(title: Title): number {
  const taken = new Set(openLiensNow(title).map(({ rank }) => rank));
  let rank = 1;
  while (taken.has(rank)) rank += 1;
  return rank;
}

type LienOptions = ActOptions & { readonly number?: number };

export function renewLien(
  context: Context,
  id: string,
  options: LienOptions & { readonly until: string },
): Promise<Exit> {
  return act(context, 'title.lienRenewed', id, options, ({ title }, acting) => ({
    until: untilOption(options.until),
    detail: detailOfNumber(lienNumber(title, acting, options.number)),
  }));
}

export function releaseLien(
  context: Context,
  id: string,
  options: LienOptions & { readonly reason: string },
): Promise<Exit> {
  return act(context, 'title.lienReleased', id, options, ({ title }, acting) => ({
    detail: detailOfNumber(lienNumber(title, acting, options.number)),
    data: { reason: options.reason },
  }));
}

/** The lien that is meant: the one that is named, else the only one that the acting organisation holds. */
function lienNumber(title: Title, { actor }: Acting, named: number | undefined): number {
  if (named !== undefined) return named;
  const own = openLiensNow(title).filter(({ holder }) => holder === actor.organisation);
  const [only] = own;
  if (only !== undefined && own.length === 1) return only.number;
  const text =
    own.length === 0
      ? 'This organisation holds no open lien on the vehicle.'
      : `This organisation holds ${own.length} liens: say which with --number (${own.map(({ number }) => number).join(', ')}).`;
  throw usageError(own.length === 0 ? 'title.noSuchLien' : 'title.whichLien', text);
}

const openLiensNow = (title: Title) => openLiens(title, BigInt(Math.floor(Date.now() / 1000)));

export function reportStolen(context: Context, id: string, options: ActOptions): Promise<Exit> {
  return act(context, 'title.stolen', id, options, () => ({}));
}

export function reportRecovered(context: Context, id: string, options: ActOptions): Promise<Exit> {
  return act(context, 'title.recovered', id, options, () => ({}));
}

type BrandOptions = ActOptions & { readonly jurisdiction: string; readonly text: string };

export function brandTitle(context: Context, id: string, code: string, options: BrandOptions): Promise<Exit> {
  if (!/^[0-9]{1,2}$/.test(code)) {
    throw usageError('title.badDetail', 'A brand is an AAMVA D20 code from 0 to 99, such as 11 for salvage.');
  }
  const { jurisdiction, text } = options;
  return act(context, 'title.branded', id, options, () => ({
    detail: detailOfNumber(Number(code)),
    data: { jurisdiction, text },
  }));
}

export function disputeEntry(
  context: Context,
  id: string,
  digest: string,
  options: ActOptions & { readonly reason: string; readonly statement?: string },
): Promise<Exit> {
  if (!/^0x[0-9a-fA-F]{64}$/.test(digest)) {
    throw usageError(
      'title.badDetail',
      'A dispute names an entry by its digest: 0x and 64 hexadecimal digits.',
    );
  }
  const { statement } = options;
  const seal = statement === undefined ? [] : [`statement=${JSON.stringify(statement)}`];
  return act(context, 'title.disputed', id, { ...options, seal: [...seal, ...(options.seal ?? [])] }, () => ({
    detail: digest.toLowerCase() as Hex,
    data: { reason: options.reason },
  }));
}

export function scrapVehicle(context: Context, id: string, options: ReasonOptions): Promise<Exit> {
  return act(context, 'title.scrapped', id, options, reasonOnly(options));
}

export function exportVehicle(
  context: Context,
  id: string,
  options: ActOptions & { readonly destination?: string },
): Promise<Exit> {
  return act(context, 'title.exported', id, options, () => ({ data: { to: options.destination } }));
}

export function replaceNumber(
  context: Context,
  id: string,
  successor: string,
  options: ReasonOptions,
): Promise<Exit> {
  return act(context, 'title.replaced', id, options, async (_vehicle, { client, ledger }) => {
    const identifier = parseIdentifier(successor);
    const [subject] = await subjectsOf(client, ledger, [identifier]);
    return {
      ...(subject === undefined ? {} : { detail: subject }),
      data: { to: formatIdentifier(identifier), reason: options.reason },
    };
  });
}

export type ShowOptions = Pick<SigningOptions, 'rpc' | 'directory'>;

/** Says how a title stands on the chain: not what the service says of it. */
export async function showTitle(context: Context, id: string, options: ShowOptions): Promise<Exit> {
  const { output } = context;
  const reading = await openReading(context, options);
  const { identifier, subject, title } = await findVehicle(reading, reading.titles, id);
  const now = BigInt(Math.floor(Date.now() / 1000));
  const obstacles = obstaclesOf(title, now);
  output.value({
    identifier: formatIdentifier(identifier),
    subject,
    ...title,
    sellable: obstacles.length === 0,
    obstacles,
    endpoints: 1 + reading.witnesses.length,
  });
  const { style } = output;
  output.line(`Title of ${formatIdentifier(identifier)}: ${style.bold(title.state)}`);
  output.line(`  subject       ${subject}`);
  showTitleState(output, title, now);
  output.line(`  as seen by    ${counted(1 + reading.witnesses.length, 'endpoint')}`);
  return 'ok';
}
