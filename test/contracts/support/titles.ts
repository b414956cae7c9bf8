/** Titles with everybody who has to do with them, and a model of core beside the contract. */
import { type BaseWallet, id, toBeHex, Wallet, ZeroAddress, ZeroHash } from 'ethers';
import type { Address, OrganisationId, Subject } from '../../../core/chain/types.ts';
import { VinculumError } from '../../../core/errors.ts';
import type { TitleAction as CoreAction } from '../../../core/modules/action.ts';
import {
  applyTitleAction,
  NO_TITLE,
  openLiens,
  type Title,
  type TitleKind,
  type TitleOptions,
  takeOver,
  titleKindOf,
  titleKinds,
  transitions,
} from '../../../core/modules/title.ts';
import {
  as,
  deployed,
  ethers,
  kinds,
  loadFixture,
  networkHelpers,
  PROFILE,
  SERVICE,
  subjectOf,
  time,
} from './fixture.ts';
import { afterModuleEntry, TITLE_ACTION_TYPES, type TitleAction } from './reference.ts';

export const DAY = 24 * 3600;
export const CAR = subjectOf('car');

/** Every organisation with its rights, by its number. Number 6 is suspended. */
export const ORGANISATIONS = {
  registrar: { number: 1n, rights: kinds(...Array.from({ length: 16 }, (_, kind) => kind)) },
  lender: { number: 2n, rights: kinds(4, 5, 6) },
  successor: { number: 3n, rights: kinds(4, 5, 6) },
  police: { number: 4n, rights: kinds(7, 8) },
  authority: { number: 5n, rights: kinds(9, 11) },
  suspended: { number: 6n, rights: kinds(...Array.from({ length: 16 }, (_, kind) => kind)) },
  workshop: { number: 7n, rights: kinds(SERVICE) },
} as const;
export type Party = keyof typeof ORGANISATIONS;

export const PERSONS = ['owner', 'buyer', 'heir', 'stranger'] as const;
export type Person = (typeof PERSONS)[number];
export type Actor = Party | Person;
export const ACTORS: readonly Actor[] = [...(Object.keys(ORGANISATIONS) as Party[]), ...PERSONS];

/** One key for each: an organisation's, or a person's. */
export const KEYS = Object.fromEntries(
  ACTORS.map((name) => [name, new Wallet(id(`key of ${name}`))]),
) as unknown as Record<Actor, BaseWallet>;
export const addressOf = (actor: Actor): string => KEYS[actor].address;

export function isParty(actor: Actor): actor is Party {
  return actor in ORGANISATIONS;
}

/** Who a right is checked against, as the contract sees it: the error, or undefined. */
export function refusedRight(organisation: bigint, actor: string, kind: number): string | undefined {
  const named = Object.entries(ORGANISATIONS).find(([, { number }]) => number === organisation);
  if (named === undefined || named[0] === 'suspended') return 'ModuleNotInGoodStanding';
  const [name, { rights }] = named;
  if (addressOf(name as Party).toLowerCase() !== actor.toLowerCase()) return 'ModuleUnknownKey';
  return (rights >> BigInt(kind)) & 1n ? undefined : 'ModuleKindNotAllowed';
}

export type Given = Partial<TitleAction> & { actor?: Actor };

const GOOD_DETAILS = {
  rank: 7n,
  lien: 1n,
  brand: 11n,
  digest: BigInt(id('disputed entry')),
  subject: BigInt(subjectOf('new number')),
} as const;

/** Who does a kind when nothing else is said. */
const USUAL: Partial<Record<TitleKind, Actor>> = {
  'title.offered': 'owner',
  'title.accepted': 'buyer',
  'title.withdrawn': 'owner',
  'title.lienPlaced': 'lender',
  'title.lienRenewed': 'lender',
  'title.lienReleased': 'lender',
  'title.stolen': 'police',
  'title.recovered': 'police',
  'title.branded': 'authority',
  'title.disputed': 'owner',
  'title.scrapped': 'authority',
};

export const actorOf = (name: TitleKind): Actor => USUAL[name] ?? 'registrar';

export async function titled() {
  const all = await deployed();
  const { organisations, registrar, guardian, controller, titlesContract, ledger } = all;
  await as(organisations, registrar).defineKinds(kinds(...Array.from({ length: 32 }, (_, kind) => kind)));
  for (const [name, { number, rights }] of Object.entries(ORGANISATIONS)) {
    await as(organisations, registrar).admit(controller, rights, PROFILE);
    await as(organisations, controller).addKey(number, addressOf(name as Party));
  }
  await as(organisations, registrar).setSuccessor(
    ORGANISATIONS.lender.number,
    ORGANISATIONS.successor.number,
  );
  await as(organisations, guardian).suspend(ORGANISATIONS.suspended.number);

  const titlesAddress = await titlesContract.getAddress();
  const domain = {
    ...{ name: 'Vinculum', version: '1', chainId: all.chainId, verifyingContract: titlesAddress },
  };
  /** What core says that the titles are; the contract is held against it. */
  const model = new Map<string, Title>();
  const modelOf = (subject: string): Title => model.get(subject) ?? NO_TITLE;
  const options: TitleOptions = {
    entitled: (organisation, actor, kind) => refusedRight(organisation, actor, kind) === undefined,
    succeeds: (holder, organisation) =>
      holder === ORGANISATIONS.lender.number && organisation === ORGANISATIONS.successor.number,
    titled: (subject) => modelOf(subject).state !== 'none',
  };

  /** A good action, as far as its kind goes, except for what is given. */
  async function actionOf(name: TitleKind, given: Given = {}): Promise<TitleAction> {
    const { kind, by, uses, detail } = transitions[name];
    const subject = given.subject ?? CAR;
    const now = await time.latest();
    const actor = given.actor ?? actorOf(name);
    const own = isParty(actor) ? ORGANISATIONS[actor].number : ORGANISATIONS.registrar.number;
    const { actor: _, ...fields } = given;
    return {
      ...{ kind, subject, revision: modelOf(subject).revision, deadline: now + 30 * DAY },
      organisation: by === 'owner' || by === 'buyer' ? 0n : own,
      party: uses.includes('party') ? addressOf(name === 'title.issued' ? 'owner' : 'buyer') : ZeroAddress,
      until: uses.includes('until') ? now + 60 * DAY : 0,
      detail: detail === undefined ? ZeroHash : toBeHex(GOOD_DETAILS[detail], 32),
      digest: id(`digest of ${name}`),
      ...fields,
    };
  }

  /** What core says of an action at a time: the titles that it changes, or the contract's error. */
  function judge(
    action: TitleAction,
    actor: string,
    at: bigint,
  ): { changed: [string, Title][] } | { error: string } {
    const given = toCore(action);
    const before = modelOf(action.subject);
    try {
      const next = applyTitleAction(before, given, actor.toLowerCase() as Address, at, options);
      const changed: [string, Title][] = [[action.subject, next]];
      if (titleKindOf(action.kind) === 'title.replaced')
        changed.push([action.detail, takeOver(before, given, at)]);
      return { changed };
    } catch (error) {
      if (!(error instanceof VinculumError)) throw error;
      const refused = refusedRight(BigInt(action.organisation), actor, action.kind);
      const error_ = { 'title.expired': 'ModuleExpired', 'title.notEntitled': refused }[error.code];
      return {
        error: error_ ?? error.code.replace(/^title\.(.)/, (_, first) => `Titles${first.toUpperCase()}`),
      };
    }
  }

  async function sign(action: TitleAction, by: BaseWallet): Promise<string> {
    return by.signTypedData(domain, TITLE_ACTION_TYPES, action);
  }

  /** Executes an action, relayed, and has the model follow. */
  async function act(name: TitleKind, given: Given = {}) {
    const actor = given.actor ?? actorOf(name);
    const action = await actionOf(name, given);
    const sent = titlesContract.execute(action, addressOf(actor), await sign(action, KEYS[actor]));
    await follow(action, addressOf(actor), sent);
    return sent;
  }

  /** What core says of an executed action becomes what the model is. */
  async function follow(action: TitleAction, actor: string, sent: Promise<unknown>): Promise<bigint> {
    await sent;
    const at = BigInt(await time.latest());
    const verdict = judge(action, actor, at);
    if ('error' in verdict) throw new Error(`core says ${verdict.error}`);
    for (const [subject, title] of verdict.changed) model.set(subject, title);
    return at;
  }

  /** The error of a call that is only simulated; undefined when there is none. */
  async function refusal(action: TitleAction, actor: string, signature = '0x', from = actor) {
    const data = titlesContract.interface.encodeFunctionData('execute', [action, actor, signature]);
    return ethers.provider
      .call({ from, to: titlesAddress, data })
      .then(() => undefined)
      .catch((error: unknown) => titlesContract.interface.parseError(revertDataOf(error))?.name ?? 'unknown');
  }

  /** The title as the contract has it, in core's words. */
  async function titleAt(subject: string): Promise<Title> {
    const title = await titlesContract.titleOf(subject);
    const liens = await titlesContract.liensOf(subject);
    const [owner, buyer] = [title.owner.toLowerCase(), title.buyer.toLowerCase()];
    const subjectOrNull = (text: string) => (text === ZeroHash ? null : (text as Subject));
    return {
      state: (['none', 'held', 'exported', 'scrapped', 'replaced'] as const)[Number(title.state)] ?? 'none',
      owner: owner === ZeroAddress ? null : owner,
      tenure: title.tenure,
      revision: title.revision,
      offer: buyer === ZeroAddress ? null : { buyer, until: title.offeredUntil },
      liens: liens
        .map(({ number, holder, rank, until }: Record<'number' | 'holder' | 'rank' | 'until', bigint>) => ({
          ...{ number: Number(number), holder: holder as OrganisationId, rank: Number(rank), until },
        }))
        .sort((a: { number: number }, b: { number: number }) => a.number - b.number),
      liensPlaced: Number(title.liensPlaced),
      stolen: title.stolen,
      brands: Array.from({ length: 128 }, (_, code) => code).filter(
        (code) => (title.brands >> BigInt(code)) & 1n,
      ),
      replaces: subjectOrNull(title.replaces),
      replacedBy: subjectOrNull(title.replacedBy),
    };
  }

  /** The model's title, without the liens that have expired: the contract does not show those. */
  function shown(subject: string, at: bigint): Title {
    const title = modelOf(subject);
    return { ...title, liens: [...openLiens(title, at)].sort((a, b) => a.number - b.number) };
  }

  async function headOf(subject: string): Promise<string> {
    return ledger.heads(subject);
  }

  /** The head that an action leads to. */
  function linked(head: string, action: TitleAction, actor: string, at: bigint, hash: string): string {
    return afterModuleEntry(head, action.kind, titlesAddress, actor, at, action.digest, hash);
  }

  await networkHelpers.setBalance(addressOf('owner'), 10n ** 18n);
  return {
    ...{ ...all, titlesContract, titlesAddress, domain, model, modelOf },
    ...{ actionOf, judge, sign, act, follow, refusal, titleAt, shown, headOf, linked },
  };
}

export type Titled = Awaited<ReturnType<typeof titled>>;

/** Everybody there and no title yet. */
export async function untouched(): Promise<Titled> {
  const world = await loadFixture(titled);
  // The chain went back to where it was: so must the model.
  world.model.clear();
  return world;
}

export function toCore(action: TitleAction): CoreAction {
  return {
    ...(action as unknown as CoreAction),
    revision: BigInt(action.revision),
    deadline: BigInt(action.deadline),
    organisation: BigInt(action.organisation) as OrganisationId,
    party: action.party.toLowerCase() as Address,
    until: BigInt(action.until),
  };
}

export function revertDataOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('data' in error)) return '0x';
  return typeof error.data === 'string' ? error.data : revertDataOf(error.data);
}

/** Every situation that a title can be in, by the actions that lead there. */
export const SITUATIONS = {
  'without a title': async (_world: Titled) => undefined,
  held: async ({ act }: Titled) => act('title.issued'),
  offered: async ({ act }: Titled) => {
    await act('title.issued');
    await act('title.offered');
  },
  'offered, and the offer expired': async ({ act }: Titled) => {
    await act('title.issued');
    await act('title.offered', { until: (await time.latest()) + 100 });
    await time.increase(200);
  },
  'sold once': async ({ act }: Titled) => {
    await act('title.issued', { party: addressOf('heir') });
    await act('title.offered', { actor: 'heir', party: addressOf('owner') });
    await act('title.accepted', { actor: 'owner' });
  },
  'under a lien': async ({ act }: Titled) => {
    await act('title.issued');
    await act('title.lienPlaced');
  },
  'under a lien of another': async ({ act }: Titled) => {
    await act('title.issued');
    await act('title.lienPlaced', { actor: 'successor' });
  },
  'offered, then under a lien': async ({ act }: Titled) => {
    await act('title.issued');
    await act('title.offered');
    await act('title.lienPlaced');
  },
  'with a lien that has expired': async ({ act }: Titled) => {
    await act('title.issued');
    await act('title.lienPlaced', { until: (await time.latest()) + 100 });
    await time.increase(200);
  },
  'with liens placed, released, renewed and expired': async ({ act }: Titled) => {
    await act('title.issued');
    for (const rank of [1, 2, 3, 4]) {
      const until = (await time.latest()) + (rank === 2 ? 100 : 30 * DAY);
      await act('title.lienPlaced', { detail: toBeHex(rank, 32), until });
    }
    await act('title.lienReleased', { detail: toBeHex(1, 32) });
    await act('title.lienRenewed', { detail: toBeHex(3, 32), actor: 'successor' });
    await time.increase(200);
  },
  'under eight liens': async ({ act }: Titled) => {
    await act('title.issued');
    for (let rank = 8; rank < 16; ++rank) await act('title.lienPlaced', { detail: toBeHex(rank, 32) });
  },
  'under eight liens, of which one has expired': async ({ act }: Titled) => {
    await act('title.issued');
    for (let rank = 8; rank < 16; ++rank) {
      const until = (await time.latest()) + (rank === 10 ? 100 : 30 * DAY);
      await act('title.lienPlaced', { detail: toBeHex(rank, 32), until });
    }
    await time.increase(200);
  },
  stolen: async ({ act }: Titled) => {
    await act('title.issued');
    await act('title.stolen');
  },
  'offered, then stolen': async ({ act }: Titled) => {
    await act('title.issued');
    await act('title.offered');
    await act('title.stolen');
  },
  'stolen and recovered': async ({ act }: Titled) => {
    await act('title.issued');
    await act('title.stolen');
    await act('title.recovered');
  },
  'under a lien, stolen and branded': async ({ act }: Titled) => {
    await act('title.issued');
    await act('title.lienPlaced');
    await act('title.stolen');
    await act('title.branded', { detail: toBeHex(0, 32) });
    await act('title.branded', { detail: toBeHex(99, 32) });
  },
  reissued: async ({ act }: Titled) => {
    await act('title.issued', { party: addressOf('heir') });
    await act('title.reissued', { party: addressOf('owner') });
  },
  exported: async ({ act }: Titled) => {
    await act('title.issued');
    await act('title.branded');
    await act('title.exported');
  },
  'exported and issued again': async ({ act }: Titled) => {
    await act('title.issued', { party: addressOf('heir') });
    await act('title.exported');
    await act('title.issued');
  },
  scrapped: async ({ act }: Titled) => {
    await act('title.issued');
    await act('title.offered');
    await act('title.lienPlaced');
    await act('title.stolen');
    await act('title.scrapped');
  },
  replaced: async ({ act }: Titled) => {
    await act('title.issued');
    await act('title.replaced', { detail: subjectOf('another number') });
  },
  'in place of another': async ({ act }: Titled) => {
    const old = subjectOf('old number');
    await act('title.issued', { subject: old });
    await act('title.lienPlaced', { subject: old });
    await act('title.lienPlaced', {
      subject: old,
      detail: toBeHex(2, 32),
      until: (await time.latest()) + 100,
    });
    await time.increase(200);
    await act('title.stolen', { subject: old });
    await act('title.branded', { subject: old });
    await act('title.offered', { subject: old }).catch(() => undefined);
    await act('title.replaced', { subject: old, detail: CAR });
  },
  'whose new number has a title': async ({ act }: Titled) => {
    await act('title.issued');
    await act('title.issued', { subject: subjectOf('new number') });
  },
} satisfies Record<string, (world: Titled) => Promise<unknown>>;
export type Situation = keyof typeof SITUATIONS;

export const KIND_NAMES = Object.keys(titleKinds) as TitleKind[];
