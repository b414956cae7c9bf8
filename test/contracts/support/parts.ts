/** Parts with everybody who has to do with them, and a model of core beside the contract. */
import { type BaseWallet, id, Wallet, ZeroHash } from 'ethers';
import { type Address, type OrganisationId, type Subject, ZERO_SUBJECT } from '../../../core/chain/types.ts';
import { VinculumError } from '../../../core/errors.ts';
import type { PartAction as CoreAction } from '../../../core/modules/action.ts';
import {
  applyPartAction,
  NO_PART,
  type Part,
  type PartKind,
  type PartState,
  partKinds,
  partTransitions,
} from '../../../core/modules/part.ts';
import { as, deployed, ethers, kinds, loadFixture, PROFILE, SERVICE, subjectOf, time } from './fixture.ts';
import { afterModuleEntry, PART_ACTION_TYPES, type PartAction } from './reference.ts';
import { DAY, revertDataOf } from './titles.ts';

export const PART = subjectOf('part');
export const VEHICLE = subjectOf('vehicle');
export const ANOTHER_VEHICLE = subjectOf('another vehicle');

const ALL_KINDS = kinds(...Object.values(partKinds));

/** Every organisation with its rights, by its number. Number 5 is suspended. */
export const ORGANISATIONS = {
  supplier: { number: 1n, rights: kinds(16, 17) },
  workshop: { number: 2n, rights: kinds(17, 18) },
  authority: { number: 3n, rights: kinds(18, 19) },
  police: { number: 4n, rights: kinds(20, 21) },
  suspended: { number: 5n, rights: ALL_KINDS },
  carrier: { number: 6n, rights: kinds(SERVICE) | 0xffffn },
} as const;
export type Party = keyof typeof ORGANISATIONS;
export type Actor = Party | 'stranger';
export const PARTIES = Object.keys(ORGANISATIONS) as Party[];
export const ACTORS: readonly Actor[] = [...PARTIES, 'stranger'];

/** One key for each. */
export const KEYS = Object.fromEntries(
  ACTORS.map((name) => [name, new Wallet(id(`key of ${name}`))]),
) as unknown as Record<Actor, BaseWallet>;
export const addressOf = (actor: Actor): string => KEYS[actor].address;

export const KIND_NAMES = Object.keys(partKinds) as PartKind[];

/** Who does a kind when nothing else is said. */
const USUAL: Record<PartKind, Party> = {
  'safetyPart.registered': 'supplier',
  'safetyPart.mounted': 'workshop',
  'safetyPart.removed': 'workshop',
  'safetyPart.scrapped': 'authority',
  'safetyPart.stolen': 'police',
  'safetyPart.recovered': 'police',
};
export const actorOf = (name: PartKind): Party => USUAL[name];

/** Who a right is checked against, as the contract sees it: the error, or undefined. */
function refusedRight(organisation: bigint, actor: string, kind: number): string | undefined {
  const name = PARTIES.find((party) => ORGANISATIONS[party].number === organisation);
  if (name === undefined || name === 'suspended') return 'ModuleNotInGoodStanding';
  if (addressOf(name).toLowerCase() !== actor.toLowerCase()) return 'ModuleUnknownKey';
  return (ORGANISATIONS[name].rights >> BigInt(kind)) & 1n ? undefined : 'ModuleKindNotAllowed';
}

export type Given = Partial<PartAction> & { actor?: Actor };

const STATES: readonly PartState[] = ['none', 'free', 'mounted', 'stolen', 'scrapped'];

export async function equipped() {
  const all = await deployed();
  const { organisations, registrar, guardian, controller, partsContract, ledger } = all;
  await as(organisations, registrar).defineKinds(kinds(...Array.from({ length: 32 }, (_, kind) => kind)));
  for (const name of PARTIES) {
    const { number, rights } = ORGANISATIONS[name];
    await as(organisations, registrar).admit(controller, rights, PROFILE);
    await as(organisations, controller).addKey(number, addressOf(name));
  }
  await as(organisations, guardian).suspend(ORGANISATIONS.suspended.number);

  const partsAddress = await partsContract.getAddress();
  const domain = {
    ...{ name: 'Vinculum', version: '1', chainId: all.chainId, verifyingContract: partsAddress },
  };
  /** What core says that the parts are; the contract is held against it. */
  const model = new Map<string, Part>();
  const modelOf = (subject: string): Part => model.get(subject) ?? NO_PART;

  /** A good action, as far as its kind goes, except for what is given. */
  async function actionOf(name: PartKind, given: Given = {}): Promise<PartAction> {
    const { kind, vehicle } = partTransitions[name];
    const { actor = actorOf(name), ...fields } = given;
    const subject = given.subject ?? PART;
    const party = actor === 'stranger' ? 'supplier' : actor;
    return {
      ...{ kind, subject, revision: modelOf(subject).revision },
      deadline: (await time.latest()) + 30 * DAY,
      organisation: ORGANISATIONS[party].number,
      vehicle: vehicle === null ? ZeroHash : VEHICLE,
      digest: id(`digest of ${name}`),
      ...fields,
    };
  }

  /** What core says of an action at a time: the part after it, or the contract's error. */
  function judge(action: PartAction, actor: string, at: bigint): { part: Part } | { error: string } {
    const entitled = (organisation: OrganisationId, by: Address, kind: number) =>
      refusedRight(organisation, by, kind) === undefined;
    try {
      const given = toCore(action);
      const by = actor.toLowerCase() as Address;
      return { part: applyPartAction(modelOf(action.subject), given, by, at, { entitled }) };
    } catch (error) {
      if (!(error instanceof VinculumError)) throw error;
      if (error.code === 'part.expired') return { error: 'ModuleExpired' };
      if (error.code !== 'part.notEntitled') {
        return { error: error.code.replace(/^part\.(.)/, (_, first) => `Parts${first.toUpperCase()}`) };
      }
      const refused = refusedRight(BigInt(action.organisation), actor, action.kind);
      if (refused === undefined) throw error;
      return { error: refused };
    }
  }

  async function sign(action: PartAction, by: BaseWallet): Promise<string> {
    return by.signTypedData(domain, PART_ACTION_TYPES, action);
  }

  /** Executes an action, relayed, and has the model follow. */
  async function act(name: PartKind, given: Given = {}) {
    const actor = given.actor ?? actorOf(name);
    const action = await actionOf(name, given);
    const sent = await partsContract.execute(action, addressOf(actor), await sign(action, KEYS[actor]));
    const verdict = judge(action, addressOf(actor), BigInt(await time.latest()));
    if ('error' in verdict) throw new Error(`core says ${verdict.error}`);
    model.set(action.subject, verdict.part);
    return sent;
  }

  /** The error of a call that is only simulated; undefined when there is none. */
  async function refusal(action: PartAction, actor: string, signature = '0x', from = actor) {
    const data = partsContract.interface.encodeFunctionData('execute', [action, actor, signature]);
    return ethers.provider
      .call({ from, to: partsAddress, data })
      .then(() => undefined)
      .catch((error: unknown) => partsContract.interface.parseError(revertDataOf(error))?.name ?? 'unknown');
  }

  /** The part as the contract has it, in core's words. */
  async function partAt(subject: string): Promise<Part> {
    const { maker, revision, state, vehicle } = await partsContract.partOf(subject);
    return {
      state: STATES[Number(state)] ?? 'none',
      ...{ maker, revision },
      vehicle: vehicle === ZERO_SUBJECT ? null : (vehicle as Subject),
    };
  }

  /** The head that an action leads to. */
  function linked(head: string, action: PartAction, actor: string, at: bigint, hash: string): string {
    return afterModuleEntry(head, action.kind, partsAddress, actor, at, action.digest, hash);
  }

  return {
    ...{ ...all, partsContract, partsAddress, domain, model, modelOf },
    ...{ actionOf, judge, sign, act, refusal, partAt, linked },
    headOf: async (subject: string): Promise<string> => ledger.heads(subject),
  };
}

export type Equipped = Awaited<ReturnType<typeof equipped>>;

/** Everybody there and no part yet. */
export async function unregistered(): Promise<Equipped> {
  const world = await loadFixture(equipped);
  // The chain went back to where it was: so must the model.
  world.model.clear();
  return world;
}

function toCore(action: PartAction): CoreAction {
  return {
    ...(action as unknown as CoreAction),
    revision: BigInt(action.revision),
    deadline: BigInt(action.deadline),
    organisation: BigInt(action.organisation) as OrganisationId,
  };
}

const after =
  (...names: PartKind[]) =>
  async ({ act }: Equipped) => {
    for (const name of names) await act(name);
  };

/** Every situation that a part can be in, by the actions that lead there. */
export const SITUATIONS = {
  'never registered': after(),
  free: after('safetyPart.registered'),
  mounted: after('safetyPart.registered', 'safetyPart.mounted'),
  'mounted in another vehicle': async ({ act }: Equipped) => {
    await act('safetyPart.registered');
    await act('safetyPart.mounted', { vehicle: ANOTHER_VEHICLE });
  },
  removed: after('safetyPart.registered', 'safetyPart.mounted', 'safetyPart.removed'),
  'mounted again': after(
    ...(['safetyPart.registered', 'safetyPart.mounted', 'safetyPart.removed'] as const),
    'safetyPart.mounted',
  ),
  stolen: after('safetyPart.registered', 'safetyPart.stolen'),
  'stolen while mounted': after('safetyPart.registered', 'safetyPart.mounted', 'safetyPart.stolen'),
  'stolen while mounted, then removed': after(
    ...(['safetyPart.registered', 'safetyPart.mounted', 'safetyPart.stolen'] as const),
    'safetyPart.removed',
  ),
  'recovered while free': after('safetyPart.registered', 'safetyPart.stolen', 'safetyPart.recovered'),
  'recovered while mounted': after(
    ...(['safetyPart.registered', 'safetyPart.mounted', 'safetyPart.stolen'] as const),
    'safetyPart.recovered',
  ),
  scrapped: after('safetyPart.registered', 'safetyPart.scrapped'),
  'scrapped while mounted': after('safetyPart.registered', 'safetyPart.mounted', 'safetyPart.scrapped'),
  'scrapped while stolen': after('safetyPart.registered', 'safetyPart.stolen', 'safetyPart.scrapped'),
} satisfies Record<string, (world: Equipped) => Promise<unknown>>;
export type Situation = keyof typeof SITUATIONS;
