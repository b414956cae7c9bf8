import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import * as fc from 'fast-check';
import { fromHex, type Hex } from '../../../core/bytes.ts';
import { foldLinks, type ModuleLink } from '../../../core/chain/link.ts';
import { recoverSigner } from '../../../core/chain/submission.ts';
import type { Address, Digest, OrganisationId, Subject } from '../../../core/chain/types.ts';
import { VinculumError } from '../../../core/errors.ts';
import {
  type TitleAction,
  titleActionHash,
  titleActionTypes,
  ZERO_ADDRESS,
  ZERO_DETAIL,
} from '../../../core/modules/action.ts';
import {
  applyTitleAction,
  isOpen,
  MAX_LIEN_SECONDS,
  MAX_OFFER_SECONDS,
  NO_TITLE,
  obstaclesOf,
  openLiens,
  type Title,
  type TitleKind,
  takeOver,
  titleKindOf,
  titleKinds,
  transitions,
} from '../../../core/modules/title.ts';
import { foldTitle, type TitleStep } from '../../../core/modules/titleHistory.ts';
import { type TitlesFile, type TitleVector, titleVectors } from '../../../scripts/vectors/titles.ts';
import { expectCode } from '../../expectCode.ts';

const text = readFileSync(join(import.meta.dirname, '../../vectors/titles.json'), 'utf8');
const vectors = JSON.parse(text) as TitlesFile;
const protocol = readFileSync(join(import.meta.dirname, '../../../docs/protocol.md'), 'utf8');

const titles = {
  chainId: BigInt(vectors.domain.chainId),
  address: vectors.domain.verifyingContract as Address,
};

function readAction({ action }: TitlesFile['steps'][number]): TitleAction {
  return {
    kind: Number(action.kind),
    subject: action.subject as Subject,
    revision: BigInt(action.revision),
    deadline: BigInt(action.deadline),
    organisation: BigInt(action.organisation) as OrganisationId,
    party: action.party as Address,
    until: BigInt(action.until),
    detail: action.detail as Hex,
    digest: action.digest as Digest,
  };
}

function readTitle(vector: TitleVector): Title {
  return {
    ...vector,
    tenure: BigInt(vector.tenure),
    revision: BigInt(vector.revision),
    offer: vector.offer === null ? null : { ...vector.offer, until: BigInt(vector.offer.until) },
    liens: vector.liens.map((lien) => ({
      ...lien,
      holder: BigInt(lien.holder) as OrganisationId,
      until: BigInt(lien.until),
    })),
  };
}

describe('titles.json', () => {
  it('is what its generator writes, and has every kind', async () => {
    expect(await titleVectors()).to.equal(text);
    expect([...new Set(vectors.steps.map(({ kind }) => kind))].sort()).to.deep.equal(
      Object.keys(titleKinds).sort(),
    );
  });

  it('hashes every action as wallets do, and knows who signed it', () => {
    for (const step of vectors.steps) {
      const hash = titleActionHash(titles, readAction(step));
      expect(hash, step.kind).to.equal(step.actionHash);
      expect(recoverSigner(fromHex(hash), fromHex(step.signature))).to.equal(step.actor);
    }
  });

  it('folds each subject’s actions to what its title is after each, and its links to its head', () => {
    const chains = new Map<string, { steps: TitleStep[]; links: ModuleLink[] }>();
    for (const step of vectors.steps) {
      const action = readAction(step);
      const at = BigInt(step.at);
      for (const [subject, { head, title }] of Object.entries(step.after)) {
        const { steps, links } = chains.get(subject) ?? { steps: [], links: [] };
        const actor = step.actor as Address;
        const chain = {
          steps: [...steps, { action, actor, at, position: steps.length }],
          links: [
            ...links,
            {
              kind: action.kind,
              module: titles.address,
              actor,
              timestamp: at,
              digest: action.digest,
              actionHash: step.actionHash as Hex,
            },
          ],
        };
        chains.set(subject, chain);
        const old = chains.get(vectors.steps[0]?.action.subject as string);
        const folded = foldTitle(subject as Subject, chain.steps, {
          succeeds: (holder, by) => holder === 2n && by === 3n,
          predecessor: (named) => foldTitle(named, (old ?? chain).steps, { succeeds: () => true }),
        });
        expect(folded.illegal, step.kind).to.equal(null);
        expect(folded.title, step.kind).to.deep.equal(readTitle(title));
        expect(foldLinks(chain.links)).to.equal(head);
      }
    }
  });
});

describe('titleActionHash', () => {
  const [first] = vectors.steps;
  const action = first === undefined ? undefined : readAction(first);

  it('commits to every field, the chain and the contract', () => {
    if (action === undefined) throw new Error('no vector');
    const hash = titleActionHash(titles, action);
    const others: TitleAction[] = [
      { ...action, kind: 1 },
      { ...action, subject: ZERO_DETAIL as Subject },
      { ...action, revision: 1n },
      { ...action, deadline: 1n },
      { ...action, organisation: 2n as OrganisationId },
      { ...action, party: ZERO_ADDRESS },
      { ...action, until: 1n },
      { ...action, detail: `0x${'01'.repeat(32)}` },
      { ...action, digest: ZERO_DETAIL as Digest },
    ];
    expect(others).to.have.length(titleActionTypes.TitleAction.length);
    const hashes = [
      ...others.map((other) => titleActionHash(titles, other)),
      titleActionHash({ ...titles, chainId: 1n }, action),
      titleActionHash({ ...titles, address: ZERO_ADDRESS }, action),
    ];
    expect(new Set([hash, ...hashes]).size).to.equal(hashes.length + 1);
  });
});

/** The rows of the table in docs/protocol.md §13. */
function protocolRows(): { number: number; name: TitleKind; who: string; from: string; fields: string }[] {
  const section = protocol.slice(protocol.indexOf('## 13.'), protocol.indexOf('## 14.'));
  return [...section.matchAll(/^\| (\d+) \| `(title\.[a-zA-Z]+)` \| ([^|]+) \| ([^|]+) \|([^|]*)\|/gm)].map(
    ([, number, name, who = '', from = '', fields = '']) => ({
      number: Number(number),
      name: name as TitleKind,
      who: who.trim(),
      from: from.trim(),
      fields,
    }),
  );
}

describe('transitions', () => {
  for (const { number, name, who, from, fields } of protocolRows()) {
    it(`${name}: as docs/protocol.md §13 has it`, () => {
      const row = transitions[name];
      expect(row.kind).to.equal(number);
      expect(titleKindOf(number)).to.equal(name);
      const by = who.includes('holder')
        ? 'lienHolder'
        : who.startsWith('right')
          ? 'right'
          : who.replace('the offer’s ', '').replace("the offer's ", '');
      expect(row.by).to.equal(by);
      const states =
        from === 'any but none' ? ['held', 'exported', 'scrapped', 'replaced'] : from.split(', ');
      expect([...row.from].sort()).to.deep.equal(states.sort());
      const named = [...fields.matchAll(/`(\w+)`/g)].map(([, field]) => field);
      const acting = row.by === 'right' || row.by === 'lienHolder' ? ['organisation'] : [];
      expect([...row.uses].sort()).to.deep.equal([...new Set([...acting, ...named])].sort());
    });
  }

  it('has sixteen rows', () => {
    expect(protocolRows()).to.have.length(16);
    expect(titleKindOf(16)).to.equal(undefined);
    expect(titleKindOf(-1)).to.equal(undefined);
  });
});

// ── A model of titles, written from the table's words and not from core's code ────────────────────────────────────

const SUBJECTS = ['11', '22', '33'].map((byte) => `0x${byte.repeat(32)}` as Subject);
const PEOPLE = ['a1', 'a2', 'a3', 'a4'].map((byte) => `0x${byte.repeat(20)}` as Address);
const CLERK = `0x${'c1'.repeat(20)}` as Address;
const LENDERS = [2n, 3n] as OrganisationId[];

type ModelLien = { holder: bigint; rank: bigint; until: bigint };
type Model = {
  state: string;
  owner: string;
  keys: string[];
  actions: number;
  buyer: string;
  offerEnds: bigint;
  liens: Map<bigint, ModelLien>;
  placed: bigint;
  stolen: boolean;
  brands: Set<bigint>;
  from: string;
  into: string;
};

const blank = (): Model => ({
  state: 'none',
  owner: '',
  keys: [],
  actions: 0,
  buyer: '',
  offerEnds: -1n,
  liens: new Map(),
  placed: 0n,
  stolen: false,
  brands: new Set(),
  from: '',
  into: '',
});

/** Whether the table allows it, and then what it does: to `world`, in place. */
function play(world: Map<string, Model>, action: TitleAction, actor: Address, at: bigint): boolean {
  const title = world.get(action.subject) ?? blank();
  const { kind, party, until, organisation: by } = action;
  const detail = BigInt(action.detail);
  const named = { party: party !== ZERO_ADDRESS, until: until !== 0n, detail: detail !== 0n };
  const only = (...used: (keyof typeof named)[]): boolean =>
    (Object.keys(named) as (keyof typeof named)[]).every((field) => used.includes(field) || !named[field]);
  const clerk = by !== 0n;
  const owner = by === 0n && actor === title.owner;
  const held = title.state === 'held';
  const open = [...title.liens].filter(([, lien]) => at <= lien.until);
  const free = held && !title.stolen && open.length === 0;
  const mine = open.find(([number, lien]) => number === detail && lien.holder === by)?.[1];
  const within = (most: number): boolean => until > at && until <= at + BigInt(most) * 86_400n;
  const other = named.party && party !== title.owner;
  const give = (to: string): void => {
    Object.assign(title, { state: 'held', owner: to, buyer: '', offerEnds: -1n });
    title.keys.push(to);
  };
  const rules: [boolean, () => void][] = [
    [clerk && only('party') && named.party && /none|exported/.test(title.state), () => give(party)],
    [
      owner && only('party', 'until') && other && free && title.offerEnds < at && within(366),
      () => Object.assign(title, { buyer: party, offerEnds: until }),
    ],
    [by === 0n && only() && free && actor === title.buyer && at <= title.offerEnds, () => give(actor)],
    [
      owner && only() && held && title.buyer !== '',
      () => Object.assign(title, { buyer: '', offerEnds: -1n }),
    ],
    [
      clerk &&
        only('until', 'detail') &&
        held &&
        detail >= 1n &&
        detail <= 255n &&
        within(3660) &&
        open.length < 8 &&
        open.every(([, { rank }]) => rank !== detail),
      () => title.liens.set(++title.placed, { holder: by, rank: detail, until }),
    ],
    [
      clerk && only('until', 'detail') && held && mine !== undefined && until > mine.until && within(3660),
      () => Object.assign(mine ?? {}, { until }),
    ],
    [clerk && only('detail') && held && mine !== undefined, () => title.liens.delete(detail)],
    [clerk && only() && held && !title.stolen, () => Object.assign(title, { stolen: true })],
    [clerk && only() && held && title.stolen, () => Object.assign(title, { stolen: false })],
    [
      clerk && only('detail') && /held|exported/.test(title.state) && detail <= 99n,
      () => title.brands.add(detail),
    ],
    [owner && only('detail') && title.state !== 'none' && named.detail, () => undefined],
    [
      clerk && only() && /held|exported/.test(title.state),
      () => Object.assign(title, { state: 'scrapped', buyer: '', offerEnds: -1n, liens: new Map() }),
    ],
    [clerk && only() && free, () => Object.assign(title, { state: 'exported', buyer: '', offerEnds: -1n })],
    [clerk && only('party') && held && other, () => give(party)],
    [clerk && only('party') && free && other, () => give(party)],
    [
      clerk &&
        only('detail') &&
        held &&
        named.detail &&
        action.detail !== action.subject &&
        (world.get(action.detail)?.state ?? 'none') === 'none',
      () => {
        const next: Model = {
          ...blank(),
          state: 'held',
          owner: title.owner,
          keys: [title.owner],
          actions: 1,
          liens: new Map(open.map(([number, lien]) => [number, { ...lien }])),
          placed: title.placed,
          stolen: title.stolen,
          brands: new Set(title.brands),
          from: action.subject,
        };
        world.set(action.detail, next);
        Object.assign(title, {
          state: 'replaced',
          buyer: '',
          offerEnds: -1n,
          liens: new Map(),
          into: action.detail,
        });
      },
    ],
  ];
  const rule = rules[kind];
  if (rule === undefined || !rule[0] || action.revision !== BigInt(title.actions) || at > action.deadline)
    return false;
  rule[1]();
  title.actions += 1;
  world.set(action.subject, title);
  return true;
}

/** The model in core's words. */
function titleOf(model: Model): Title {
  return {
    state: model.state as Title['state'],
    owner: model.owner === '' ? null : (model.owner as Address),
    tenure: BigInt(model.keys.length),
    revision: BigInt(model.actions),
    offer: model.buyer === '' ? null : { buyer: model.buyer as Address, until: model.offerEnds },
    liens: [...model.liens].map(([number, { holder, rank, until }]) => ({
      number: Number(number),
      holder: holder as OrganisationId,
      rank: Number(rank),
      until,
    })),
    liensPlaced: Number(model.placed),
    stolen: model.stolen,
    brands: [...model.brands].map(Number).sort((left, right) => left - right),
    replaces: model.from === '' ? null : (model.from as Subject),
    replacedBy: model.into === '' ? null : (model.into as Subject),
  };
}

type Drawn = {
  readonly kind: number;
  readonly subject: Subject;
  readonly actor: number;
  readonly lender: OrganisationId;
  readonly party: Address;
  readonly days: bigint;
  readonly number: number;
  readonly target: Subject;
  readonly wait: bigint;
  readonly spoil: 'nothing' | 'revision' | 'deadline' | 'field' | 'actor';
};

const drawn: fc.Arbitrary<Drawn> = fc.record({
  // The ends come seldom, or hardly any history would get far.
  kind: fc.constantFrom(
    ...[0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4, 5, 5, 6, 6, 7, 8, 8, 9, 10, 11, 12, 13, 14, 14, 15],
  ),
  subject: fc.oneof(
    { weight: 4, arbitrary: fc.constant(SUBJECTS[0] as Subject) },
    fc.constantFrom(...SUBJECTS),
  ),
  actor: fc.nat({ max: 3 }),
  lender: fc.constantFrom(...LENDERS),
  party: fc.constantFrom(...PEOPLE),
  days: fc.constantFrom(0n, 1n, 5n, 30n, 366n, 367n, 3660n, 3661n),
  number: fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 3 }) },
    fc.integer({ min: 0, max: 12 }),
    fc.constantFrom(99, 100, 255, 256),
  ),
  target: fc.constantFrom(...SUBJECTS),
  wait: fc.constantFrom(0n, 1n, 86_400n, 86_401n, 40n * 86_400n),
  spoil: fc.constantFrom(
    'nothing',
    'nothing',
    'nothing',
    'nothing',
    'nothing',
    'revision',
    'deadline',
    'field',
    'actor',
  ),
});

const word = (value: number): Hex => `0x${value.toString(16).padStart(64, '0')}`;

/** An action as drawn: mostly by whoever may act, with the fields of its kind; sometimes spoilt. */
function actionOf(draw: Drawn, title: Title, at: bigint): { action: TitleAction; actor: Address } {
  const name = titleKindOf(draw.kind) ?? 'title.issued';
  const { by, uses, detail } = transitions[name];
  const stranger = PEOPLE[draw.actor] ?? CLERK;
  const usual = by === 'owner' ? title.owner : by === 'buyer' ? (title.offer?.buyer ?? null) : CLERK;
  const details: Readonly<Record<string, Hex>> = { digest: word(7), subject: draw.target };
  const [lien] = detail === 'lien' && draw.number % 2 === 0 ? title.liens : [];
  const action: TitleAction = {
    kind: draw.kind,
    subject: draw.subject,
    revision: title.revision + (draw.spoil === 'revision' ? 1n : 0n),
    deadline: draw.spoil === 'deadline' ? at - 1n : at,
    organisation: (uses.includes('organisation') ? (lien?.holder ?? draw.lender) : 0n) as OrganisationId,
    party: uses.includes('party') !== (draw.spoil === 'field') ? draw.party : ZERO_ADDRESS,
    until: uses.includes('until') ? at + draw.days * 86_400n : 0n,
    detail: detail === undefined ? ZERO_DETAIL : (details[detail] ?? word(lien?.number ?? draw.number)),
    digest: word(1) as Digest,
  };
  return { action, actor: draw.spoil === 'actor' || usual === null ? stranger : usual };
}

type Before = { readonly title: Title; readonly world: ReadonlyMap<string, Title> };
type Done = Before & {
  readonly kind: TitleKind;
  readonly action: TitleAction;
  readonly actor: Address;
  readonly at: bigint;
  readonly after: Title;
};

/** What must hold of every action that was executed, whatever went before. */
const invariants: Readonly<Record<string, (done: Done) => boolean>> = {
  'ONE-TITLE: a title is issued where there is none, or where it was exported': ({ kind, title }) =>
    kind !== 'title.issued' || title.state === 'none' || title.state === 'exported',
  'NO-SALE-UNDER-LIEN: no title is sold, transferred or exported while a lien is open': ({
    kind,
    title,
    at,
  }) => !SALES.has(kind) || openLiens(title, at).length === 0,
  'NO-SALE-WHEN-STOLEN: no title is sold, transferred or exported while it is stolen': ({ kind, title }) =>
    !SALES.has(kind) || !title.stolen,
  'STICKY-BRANDS: no brand ever goes': ({ title, after }) =>
    title.brands.every((brand) => after.brands.includes(brand)),
  'ONLY-OWNER-OFFERS: offers are made and taken back by the owner’s key': ({ kind, title, actor }) =>
    (kind !== 'title.offered' && kind !== 'title.withdrawn') || actor === title.owner,
  'ONLY-BUYER-ACCEPTS: an offer is accepted by whom it was made to, in its time': ({
    kind,
    title,
    actor,
    at,
  }) => kind !== 'title.accepted' || (title.offer?.buyer === actor && isOpen(title.offer, at)),
  'END-IS-END: of an ended title nothing changes but its revision': ({ title, after }) =>
    (title.state !== 'scrapped' && title.state !== 'replaced') ||
    JSON.stringify({ ...after, revision: '' }, plain) === JSON.stringify({ ...title, revision: '' }, plain),
  'OWNER-BY-FIVE: an owner comes and goes with five kinds only': ({ kind, title, after }) =>
    title.owner === after.owner || GIVING.has(kind),
  'TENURE-COUNTS: the tenure rises by one with each of them, and else never': ({ kind, title, after }) =>
    after.tenure === title.tenure + (GIVING.has(kind) ? 1n : 0n),
  'REVISION-COUNTS: each action is one revision': ({ title, after }) =>
    after.revision === title.revision + 1n,
  'EIGHT-LIENS: at most eight liens are open, each of its own rank': ({ after, at }) => {
    const open = openLiens(after, at);
    return open.length <= 8 && new Set(open.map(({ rank }) => rank)).size === open.length;
  },
  'LIEN-IS-HOLDERS: an open lien ends by its holder alone, or with the title': ({
    title,
    after,
    at,
    action,
  }) =>
    openLiens(title, at).every(
      (lien) =>
        lien.holder === action.organisation ||
        after.liens.some(({ number, until }) => number === lien.number && until === lien.until) ||
        after.state === 'scrapped' ||
        after.state === 'replaced',
    ),
  'OFFER-ENDS-WITH-HANDS: no offer outlasts the owner who made it': ({ title, after }) =>
    title.owner === after.owner || after.offer === null,
  'BOUNDED-TIMES: nothing that is placed ends in the past, nor too late': ({ after, at, kind, action }) =>
    action.until === 0n ||
    (action.until > at &&
      action.until <= at + (kind === 'title.offered' ? MAX_OFFER_SECONDS : MAX_LIEN_SECONDS) &&
      after.revision > 0n),
};
const SALES: ReadonlySet<string> = new Set([
  'title.offered',
  'title.accepted',
  'title.transferred',
  'title.exported',
]);
const GIVING: ReadonlySet<string> = new Set([
  'title.issued',
  'title.accepted',
  'title.reissued',
  'title.transferred',
]);
const plain = (_name: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value;

describe('applyTitleAction', () => {
  it('is what the table says, for any actions by anybody at any time, and keeps every invariant', () => {
    const reached = new Map<string, number>();
    fc.assert(
      fc.property(fc.array(drawn, { minLength: 5, maxLength: 80, size: 'max' }), (draws) => {
        const world = new Map<string, Title>();
        const models = new Map<string, Model>();
        let at = 1_800_000_000n;
        for (const draw of draws) {
          at += draw.wait;
          const title = world.get(draw.subject) ?? NO_TITLE;
          const { action, actor } = actionOf(draw, title, at);
          const legal = play(models, action, actor, at);
          let after: Title | null = null;
          try {
            after = applyTitleAction(title, action, actor, at, {
              titled: (subject) => (world.get(subject) ?? NO_TITLE).state !== 'none',
            });
          } catch (error) {
            if (!(error instanceof VinculumError) || !error.code.startsWith('title.')) throw error;
            reached.set(error.code, (reached.get(error.code) ?? 0) + 1);
          }
          const name = titleKindOf(draw.kind) ?? 'title.issued';
          expect(after !== null, `${name} ${JSON.stringify({ action, title }, plain)}`).to.equal(legal);
          if (after === null) continue;
          reached.set(name, (reached.get(name) ?? 0) + 1);
          for (const [id, holds] of Object.entries(invariants)) {
            expect(holds({ title, world, kind: name, action, actor, at, after }), id).to.equal(true);
          }
          world.set(draw.subject, after);
          if (name === 'title.replaced') world.set(action.detail, takeOver(title, action, at));
          for (const [subject, model] of models) {
            expect(world.get(subject), name).to.deep.equal(titleOf(model));
          }
        }
      }),
      { numRuns: 1500 },
    );
    // Nothing that the table can do, or refuse, was left out by chance.
    for (const name of Object.keys(titleKinds)) expect(reached.get(name) ?? 0, name).to.be.greaterThan(0);
    for (const code of [
      'wrongState',
      'wrongRevision',
      'notOwner',
      'notHolder',
      'noSuchLien',
      'rankTaken',
      'lienOpen',
      'stolen',
      'notStolen',
      'offerOpen',
      'noOffer',
      'offerExpired',
      'badTime',
      'sameParty',
      'badDetail',
      'unusedField',
      'expired',
      'subjectTaken',
      'notBuyer',
    ]) {
      expect(reached.get(`title.${code}`) ?? 0, code).to.be.greaterThan(0);
    }
  }).timeout(120_000);

  const [car] = SUBJECTS as [Subject];
  const [owner, buyer] = PEOPLE as [Address, Address];
  const NOW = 1_800_000_000n;
  const act = (name: TitleKind, fields: Partial<TitleAction> = {}, title: Title = NO_TITLE): TitleAction => ({
    kind: titleKinds[name],
    subject: car,
    revision: title.revision,
    deadline: NOW + 1000n,
    organisation: 1n as OrganisationId,
    party: ZERO_ADDRESS,
    until: 0n,
    detail: ZERO_DETAIL,
    digest: word(1) as Digest,
    ...fields,
  });
  const held = applyTitleAction(NO_TITLE, act('title.issued', { party: owner }), CLERK, NOW);

  it('names who may not, before what may not be', async () => {
    const refusals: [string, TitleAction, Address][] = [
      ['title.unknownKind', { ...act('title.issued'), kind: 16 }, CLERK],
      ['title.notEntitled', act('title.stolen', { organisation: 0n as OrganisationId }, held), CLERK],
      ['title.notOwner', act('title.withdrawn', { organisation: 0n as OrganisationId }, held), buyer],
      ['title.noOffer', act('title.accepted', { organisation: 0n as OrganisationId }, held), buyer],
      ['title.zeroParty', act('title.reissued', {}, held), CLERK],
      ['title.sameParty', act('title.transferred', { party: owner }, held), CLERK],
      [
        'title.tooManyLiens',
        act('title.lienPlaced', { until: NOW + 9n, detail: word(9) }, eightLiens(held)),
        CLERK,
      ],
    ];
    for (const [code, action, actor] of refusals) {
      const title = code === 'title.tooManyLiens' ? eightLiens(held) : held;
      await expectCode(code, () => applyTitleAction(title, action, actor, NOW));
    }
    await expectCode('title.notEntitled', () =>
      applyTitleAction(held, act('title.stolen', {}, held), buyer, NOW, { entitled: () => false }),
    );
  });

  function eightLiens(title: Title): Title {
    const liens = Array.from({ length: 8 }, (_, index) => ({
      number: index + 1,
      holder: 1n as OrganisationId,
      rank: index + 1,
      until: NOW + 9n,
    }));
    return { ...title, liens, liensPlaced: 8 };
  }

  it('blocks a sale up to the last second of a lien, and no longer', async () => {
    const until = NOW + 100n;
    const action = act('title.lienPlaced', { until, detail: word(1) }, held);
    const title = applyTitleAction(held, action, CLERK, NOW);
    expect(obstaclesOf(title, until)).to.deep.equal(['lien']);
    expect(obstaclesOf(title, until + 1n)).to.deep.equal([]);
    const transfer = act('title.transferred', { party: buyer }, title);
    await expectCode('title.lienOpen', () => applyTitleAction(title, transfer, CLERK, until));
    expect(applyTitleAction(title, transfer, CLERK, until + 1n).owner).to.equal(buyer);
  });

  it('lets the holder’s successor renew and release, and nobody else', async () => {
    const placed = applyTitleAction(
      held,
      act('title.lienPlaced', { until: NOW + 9n, detail: word(1) }, held),
      CLERK,
      NOW,
    );
    const release = act(
      'title.lienReleased',
      { organisation: 2n as OrganisationId, detail: word(1) },
      placed,
    );
    await expectCode('title.notHolder', () => applyTitleAction(placed, release, CLERK, NOW));
    const succeeds = (holder: bigint, by: bigint) => holder === 1n && by === 2n;
    expect(applyTitleAction(placed, release, CLERK, NOW, { succeeds }).liens).to.deep.equal([]);
  });

  it('names what stands against a sale', () => {
    expect(obstaclesOf(NO_TITLE, NOW)).to.deep.equal(['notHeld']);
    expect(obstaclesOf(held, NOW)).to.deep.equal([]);
    expect(obstaclesOf({ ...eightLiens(held), stolen: true }, NOW)).to.deep.equal(['stolen', 'lien']);
  });
});

describe('foldTitle', () => {
  const [old, next, other] = SUBJECTS as [Subject, Subject, Subject];
  const step = (action: Partial<TitleAction>, position: number): TitleStep => ({
    action: {
      kind: 0,
      subject: old,
      revision: BigInt(position),
      deadline: 10n,
      organisation: 1n as OrganisationId,
      party: ZERO_ADDRESS,
      until: 0n,
      detail: ZERO_DETAIL,
      digest: word(position + 1) as Digest,
      ...action,
    },
    actor: CLERK,
    at: 10n,
    position,
  });
  const issued = step({ party: PEOPLE[0] as Address }, 0);
  const replaced = step({ kind: 15, detail: next }, 1);
  const before = foldTitle(old, [issued, replaced]);

  it('carries a title over, once, from the subject that says so', () => {
    expect(before.title.replacedBy).to.equal(next);
    const carried = foldTitle(next, [replaced], { predecessor: () => before });
    expect(carried.title).to.deep.include({ state: 'held', owner: PEOPLE[0], replaces: old, revision: 1n });
    expect(carried.whole).to.equal(true);
  });

  it('knows nothing of a title whose predecessor it was not given', () => {
    const carried = foldTitle(next, [replaced]);
    expect(carried).to.deep.include({ whole: false, illegal: null, title: NO_TITLE });
    const partly = foldTitle(next, [replaced], { predecessor: () => ({ ...before, whole: false }) });
    expect(partly.whole).to.equal(false);
  });

  for (const [why, subject, steps, predecessor, code] of [
    ['another subject’s action', other, [issued], before, 'title.otherSubject'],
    ['a predecessor that was not replaced', next, [replaced], foldTitle(old, [issued]), 'title.notReplaced'],
    [
      'a predecessor that was replaced by another action',
      next,
      [step({ kind: 15, detail: next, deadline: 11n }, 1)],
      before,
      'title.notReplaced',
    ],
    [
      'a title that was there already',
      next,
      [step({ subject: next, party: PEOPLE[0] as Address }, 0), replaced],
      before,
      'title.subjectTaken',
    ],
    ['an illegal action', old, [issued, step({ kind: 8 }, 1)], before, 'title.notStolen'],
  ] as const) {
    it(`stops at ${why}`, () => {
      const folded = foldTitle(subject, steps, { predecessor: () => predecessor });
      expect(folded.illegal?.code).to.equal(code);
      expect(folded.illegal?.step).to.equal(steps.at(-1));
      expect(folded.events).to.have.length(steps.length - 1);
    });
  }
});
