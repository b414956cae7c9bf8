import type { Json } from '../../core/canonical.ts';
import type { Subject } from '../../core/chain/types.ts';
import { formatIdentifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import { applyPartAction, type Part, type PartKind } from '../../core/modules/part.ts';
import type { Client } from '../client.ts';
import { hasReached, isDead, type Milestone } from '../client.ts';
import type { Context } from '../context.ts';
import { type Exit, usageError } from '../exit.ts';
import type { OpenLedger } from '../ledger.ts';
import { count, counted, type Output } from '../output.ts';
import { PART_EXECUTED, partsOf, readAgreedPart } from '../parts/part.ts';
import { type Named, type PartActor, signPart } from '../parts/sign.ts';
import { signIn } from '../session.ts';
import { openPlace, openService, organisationOf, type SigningOptions } from '../signing.ts';
import { subjectsOf } from '../subjects.ts';
import { type ActingOptions, requireKeystore } from '../titles/acting.ts';
import { type ContentOptions, said } from '../titles/fields.ts';
import { requireExecuted, waitForAction } from '../titles/wait.ts';
import { type ActionStatus, handIn, refusalOf, servedTitle } from '../titles/wire.ts';

export type ActOptions = ActingOptions &
  ContentOptions & { readonly wait: Milestone; readonly component?: string; readonly reason?: string };

type Where = {
  readonly vehicle?: string;
  readonly data?: Readonly<Record<string, Json | undefined>>;
};

const DONE: Readonly<Record<PartKind, string>> = {
  'safetyPart.registered': 'Registered',
  'safetyPart.mounted': 'Mounted',
  'safetyPart.removed': 'Removed',
  'safetyPart.scrapped': 'Scrapped',
  'safetyPart.stolen': 'Reported stolen',
  'safetyPart.recovered': 'Reported recovered',
};

/**
 * Acts on a part: checks by the chain's state that it is allowed, signs, hands in and waits.
 * @throws the `part.*` codes where the part does not allow it: nothing is signed then
 */
async function act(
  context: Context,
  kind: PartKind,
  text: string,
  options: ActOptions,
  { vehicle: vehicleText, data = {} }: Where = {},
): Promise<Exit> {
  const { output, signal } = context;
  const { anonymous, ledger, witnesses, key } = await openPlace(context, requireKeystore(options));
  const organisation = organisationOf(key, options.organisation);
  const parts = await partsOf(ledger.rpc, ledger.address);
  const client = await signIn(anonymous, key, organisation);
  const { address, secretKey } = key;
  const actor: PartActor = { ledger: ledger.address, parts, organisation, address, secretKey };
  const [part, vehicle] = await namesOf(client, ledger, [
    text,
    ...(vehicleText === undefined ? [] : [vehicleText]),
  ]);
  if (part === undefined) throw new TypeError('one part at least');
  const state = await readAgreedPart([ledger.rpc, ...witnesses], parts, part.subject);
  // What waits at the service comes first; what it may come to, the service knows, and checks.
  const { nextRevision } = await servedTitle(client, part.subject, 'parts');
  const waits = BigInt(nextRevision) > state.revision;
  const content = said(options, { component: options.component, ...data });
  const deed = { kind, content, ...(vehicle === undefined ? {} : { vehicle }) };
  const signed = signPart(actor, part, waits ? BigInt(nextRevision) : state.revision, deed);
  if (!waits) applyPartAction(state, signed.action, address, BigInt(Math.floor(Date.now() / 1000)));

  const [answer] = await handIn(client, [signed.request], 'parts');
  if (answer === undefined || 'problem' in answer)
    throw refusalOf(answer?.problem ?? { code: 'service.malformed' });
  const status = await waitForAction(client, signed.hash, options.wait, signal, 'parts');
  if (hasReached(status.state, 'anchored')) {
    for (const rpc of [ledger.rpc, ...witnesses]) {
      await requireExecuted(rpc, parts.address, { ...status, hash: signed.hash }, signal, PART_EXECUTED);
    }
  }
  const named = vehicle === undefined ? {} : { vehicle: formatIdentifier(vehicle.identifier) };
  output.value({ identifier: formatIdentifier(part.identifier), ...named, kind, ...status });
  showAction(output, kind, part, vehicle, status);
  return isDead(status.state) ? 'failed' : 'ok';
}

/** @throws the codes of `parseIdentifier` and {@link subjectsOf}, `part.notSerial` `part.noVehicle` */
async function namesOf(
  client: Client,
  ledger: OpenLedger,
  [part = '', ...vehicles]: readonly string[],
): Promise<Named[]> {
  // A check digit that does not hold is for the service to judge: a registrar may have registered the vehicle so.
  const override = { overrideCheckDigit: true };
  const identifiers = [parseIdentifier(part), ...vehicles.map((text) => parseIdentifier(text, override))];
  identifiers.forEach(({ type }, index) => {
    if (index === 0 && type !== 'serial') {
      throw usageError('part.notSerial', 'A part is named by its maker and serial: serial:MAKER:NUMBER.');
    }
    if (index > 0 && !['vin', 'registration', 'chassis', 'van'].includes(type)) {
      throw usageError('part.noVehicle', 'A part is mounted in a vehicle: name it by its VIN.');
    }
  });
  const subjects = await subjectsOf(client, ledger, identifiers);
  return identifiers.map((identifier, index) => ({ identifier, subject: subjects[index] as Subject }));
}

function showAction(
  output: Output,
  kind: PartKind,
  { identifier }: Named,
  vehicle: Named | undefined,
  status: ActionStatus,
): void {
  const { style } = output;
  const dead = isDead(status.state);
  const where = vehicle === undefined ? '' : ` (${formatIdentifier(vehicle.identifier)})`;
  const what = `${DONE[kind]}: ${formatIdentifier(identifier)}${where}`;
  output.line(dead ? `${style.bad('Not done.')} ${what}` : what);
  output.line(`  action        ${status.hash}`);
  output.line(`  state         ${dead ? style.bad(status.state) : style.bold(status.state)}`);
  if (status.block !== undefined)
    output.line(`  block         ${count(status.block.number)}, ${status.block.hash}`);
  if (status.problem !== undefined) output.line(`  in the way    ${style.warn(status.problem)}`);
}

export function registerPart(
  context: Context,
  id: string,
  options: ActOptions & { readonly name?: string; readonly partNumber?: string; readonly batch?: string },
): Promise<Exit> {
  return act(context, 'safetyPart.registered', id, options, {
    data: {
      manufacturerId: parseIdentifier(id).scope,
      manufacturerPartId: options.partNumber,
      nameAtManufacturer: options.name,
      batch: options.batch,
    },
  });
}

type MountOptions = ActOptions & {
  readonly position?: string;
  readonly condition?: string;
  readonly batch?: string;
};

export function mountPart(
  context: Context,
  id: string,
  vehicle: string,
  { position, condition, batch, ...options }: MountOptions,
): Promise<Exit> {
  return act(context, 'safetyPart.mounted', id, options, { vehicle, data: { position, condition, batch } });
}

export function removePart(
  context: Context,
  id: string,
  vehicle: string,
  { position, ...options }: MountOptions,
): Promise<Exit> {
  return act(context, 'safetyPart.removed', id, options, {
    vehicle,
    data: { position, reason: options.reason },
  });
}

export function scrapPart(context: Context, id: string, options: ActOptions): Promise<Exit> {
  return act(context, 'safetyPart.scrapped', id, options, { data: { reason: options.reason } });
}

export function reportPartStolen(context: Context, id: string, options: ActOptions): Promise<Exit> {
  return act(context, 'safetyPart.stolen', id, options);
}

export function reportPartRecovered(context: Context, id: string, options: ActOptions): Promise<Exit> {
  return act(context, 'safetyPart.recovered', id, options);
}

export type ShowOptions = Pick<SigningOptions, 'rpc' | 'directory'>;

/** Says what a part is on the chain: not what the service says of it. */
export async function showPart(context: Context, id: string, options: ShowOptions): Promise<Exit> {
  const { output } = context;
  const { anonymous, ledger, witnesses } = await openService(context, options);
  const parts = await partsOf(ledger.rpc, ledger.address);
  const [named] = await namesOf(anonymous, ledger, [id]);
  if (named === undefined) throw new TypeError('one part');
  const part = await readAgreedPart([ledger.rpc, ...witnesses], parts, named.subject);
  const endpoints = 1 + witnesses.length;
  const identifier = formatIdentifier(named.identifier);
  output.value({ identifier, subject: named.subject, ...part, mountable: part.state === 'free', endpoints });
  showState(output, identifier, named.subject, part);
  output.line(`  as seen by    ${counted(endpoints, 'endpoint')}`);
  return 'ok';
}

const MAY: Readonly<Record<Part['state'], string | null>> = {
  none: 'it was never registered',
  free: null,
  mounted: 'it is in a vehicle',
  stolen: 'it is reported stolen',
  scrapped: 'it was scrapped',
};

function showState(output: Output, identifier: string, subject: Subject, part: Part): void {
  const { style } = output;
  const obstacle = MAY[part.state];
  output.line(`Part ${identifier}: ${style.bold(part.state)}`);
  output.line(`  subject       ${subject}`);
  if (part.maker !== 0n) output.line(`  registered by organisation ${part.maker}`);
  output.line(
    `  may be mounted ${obstacle === null ? style.good('yes') : `${style.bad('no')}: ${obstacle}`}`,
  );
  if (part.vehicle !== null) output.line(`  in            ${part.vehicle} (the vehicle’s subject)`);
}
