/**
 * Writes the golden vectors of titles: `node scripts/vectors/titles.ts`. Hashes, signatures and heads come from ethers;
 * what each title is after each action is core's word, which the contract is held against (test/contracts/vectors.test.ts).
 */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { id, toBeHex, Wallet, ZeroAddress, ZeroHash } from 'ethers';
import type { Hex } from '../../core/bytes.ts';
import type { Address, Digest, OrganisationId, Subject } from '../../core/chain/types.ts';
import type { TitleAction } from '../../core/modules/action.ts';
import {
  applyTitleAction,
  NO_TITLE,
  type Title,
  type TitleKind,
  takeOver,
  titleKinds,
} from '../../core/modules/title.ts';
import {
  afterModuleEntry,
  TITLE_ACTION_TYPES,
  titleActionHash,
} from '../../test/contracts/support/reference.ts';

/** A title with its numbers beyond 53 bits as decimal strings. */
export type TitleVector = ReturnType<typeof writeTitle>;

export type TitleStepVector = {
  readonly kind: TitleKind;
  readonly actor: string;
  /** The block's timestamp. */
  readonly at: string;
  readonly action: Readonly<Record<keyof TitleAction, string | number>>;
  readonly actionHash: string;
  readonly signature: string;
  /** What the subjects that the action touches are after it. */
  readonly after: Readonly<Record<string, { readonly head: string; readonly title: TitleVector }>>;
};

export type TitlesFile = {
  readonly note: string;
  readonly domain: { name: string; version: string; chainId: string; verifyingContract: string };
  /** The private key of each actor, by its name. */
  readonly keys: Readonly<Record<string, string>>;
  readonly steps: readonly TitleStepVector[];
};

const DAY = 86_400n;
const START = 2_000_000_000n;

const keys = Object.fromEntries(
  ['registrar', 'lender', 'successor', 'police', 'authority', 'owner', 'buyer', 'heir'].map((name) => [
    name,
    new Wallet(id(`key of ${name}`)),
  ]),
);
/** As the contract's tests admit them. */
const NUMBERS: Readonly<Record<string, bigint>> = {
  registrar: 1n,
  lender: 2n,
  successor: 3n,
  police: 4n,
  authority: 5n,
};

const addressOf = (name: string): Address => (keys[name]?.address ?? '').toLowerCase() as Address;
const detail = (value: number): Hex => toBeHex(value, 32) as Hex;

const CAR = id('subject of car') as Subject;
const NEW_NUMBER = id('subject of new number') as Subject;
const ENTRY = id('disputed entry') as Hex;

type Told = {
  readonly kind: TitleKind;
  readonly by: string;
  readonly subject?: Subject;
  readonly to?: string;
  /** Days from the action on. */
  readonly days?: bigint;
  readonly detail?: Hex;
};

/** One life, in which every kind happens; a day between two actions. */
const LIFE: readonly Told[] = [
  { kind: 'title.issued', by: 'registrar', to: 'owner' },
  { kind: 'title.offered', by: 'owner', to: 'heir', days: 30n },
  { kind: 'title.withdrawn', by: 'owner' },
  { kind: 'title.offered', by: 'owner', to: 'buyer', days: 366n },
  { kind: 'title.accepted', by: 'buyer' },
  { kind: 'title.lienPlaced', by: 'lender', days: 3_660n, detail: detail(1) },
  { kind: 'title.lienPlaced', by: 'lender', days: 2n, detail: detail(255) },
  { kind: 'title.stolen', by: 'police' },
  { kind: 'title.recovered', by: 'police' },
  { kind: 'title.lienPlaced', by: 'successor', days: 40n, detail: detail(255) },
  { kind: 'title.lienRenewed', by: 'successor', days: 60n, detail: detail(3) },
  { kind: 'title.lienReleased', by: 'successor', detail: detail(1) },
  { kind: 'title.lienReleased', by: 'successor', detail: detail(3) },
  { kind: 'title.branded', by: 'authority', detail: detail(11) },
  { kind: 'title.branded', by: 'authority', detail: detail(0) },
  { kind: 'title.disputed', by: 'buyer', detail: ENTRY },
  { kind: 'title.transferred', by: 'registrar', to: 'heir' },
  { kind: 'title.reissued', by: 'registrar', to: 'owner' },
  { kind: 'title.exported', by: 'registrar' },
  { kind: 'title.issued', by: 'registrar', to: 'buyer' },
  { kind: 'title.lienPlaced', by: 'lender', days: 100n, detail: detail(7) },
  { kind: 'title.stolen', by: 'police' },
  { kind: 'title.replaced', by: 'registrar', detail: NEW_NUMBER },
  { kind: 'title.disputed', by: 'buyer', detail: ENTRY },
  { kind: 'title.disputed', by: 'buyer', subject: NEW_NUMBER, detail: ENTRY },
  { kind: 'title.recovered', by: 'police', subject: NEW_NUMBER },
  { kind: 'title.lienReleased', by: 'lender', subject: NEW_NUMBER, detail: detail(4) },
  { kind: 'title.scrapped', by: 'authority', subject: NEW_NUMBER },
];

const domain = {
  name: 'Vinculum',
  version: '1',
  chainId: '31337',
  verifyingContract: '0x7171717171717171717171717171717171717171',
};

function writeTitle(title: Title) {
  return {
    ...title,
    tenure: title.tenure.toString(),
    revision: title.revision.toString(),
    offer: title.offer === null ? null : { buyer: title.offer.buyer, until: title.offer.until.toString() },
    liens: title.liens.map(({ number, holder, rank, until }) => ({
      number,
      holder: holder.toString(),
      rank,
      until: until.toString(),
    })),
  };
}

function actionOf(told: Told, index: number, at: bigint, revision: bigint): TitleAction {
  return {
    kind: titleKinds[told.kind],
    subject: told.subject ?? CAR,
    revision,
    deadline: index === 0 ? (1n << 64n) - 1n : at,
    organisation: (NUMBERS[told.by] ?? 0n) as OrganisationId,
    party: told.to === undefined ? (ZeroAddress as Address) : addressOf(told.to),
    until: told.days === undefined ? 0n : at + told.days * DAY,
    detail: told.detail ?? (ZeroHash as Hex),
    digest: id(`title ${index}`) as Digest,
  };
}

/** The text of `titles.json`. */
export async function titleVectors(): Promise<string> {
  const titles = new Map<string, Title>();
  const heads = new Map<string, string>();
  const titleAt = (subject: string): Title => titles.get(subject) ?? NO_TITLE;
  const steps: TitleStepVector[] = [];
  for (const [index, told] of LIFE.entries()) {
    const at = START + BigInt(index) * DAY;
    const before = titleAt(told.subject ?? CAR);
    const action = actionOf(told, index, at, before.revision);
    const actor = addressOf(told.by);
    const options = { succeeds: (holder: bigint, by: bigint) => holder === 2n && by === 3n };
    titles.set(action.subject, applyTitleAction(before, action, actor, at, options));
    const touched: string[] = [action.subject];
    if (told.kind === 'title.replaced') {
      titles.set(action.detail, takeOver(before, action, at));
      touched.push(action.detail);
    }
    const typed = { ...action };
    const actionHash = titleActionHash(domain, typed);
    for (const subject of touched) {
      const head = heads.get(subject) ?? ZeroHash;
      const { kind, digest } = action;
      heads.set(
        subject,
        afterModuleEntry(head, kind, domain.verifyingContract, actor, at, digest, actionHash),
      );
    }
    steps.push({
      kind: told.kind,
      actor,
      at: at.toString(),
      action: {
        ...action,
        revision: action.revision.toString(),
        deadline: action.deadline.toString(),
        organisation: action.organisation.toString(),
        until: action.until.toString(),
      },
      actionHash,
      signature: (await keys[told.by]?.signTypedData(domain, TITLE_ACTION_TYPES, typed)) ?? '',
      after: Object.fromEntries(
        touched.map((subject) => [
          subject,
          { head: heads.get(subject) ?? ZeroHash, title: writeTitle(titleAt(subject)) },
        ]),
      ),
    });
  }
  const file: TitlesFile = {
    note: 'A life of titles in which every kind happens. Organisations: 1 registrar, 2 lender, 3 its successor, 4 police, 5 authority.',
    domain,
    keys: Object.fromEntries(Object.entries(keys).map(([name, { privateKey }]) => [name, privateKey])),
    steps,
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(new URL('../../test/vectors/titles.json', import.meta.url), await titleVectors());
}
