/**
 * Writes the golden vectors of parts: `node scripts/vectors/parts.ts`. Hashes, signatures and heads come from ethers; what
 * each part is after each action is core's word, which the contract is held against (test/contracts/vectors.test.ts).
 */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { id, Wallet, ZeroHash } from 'ethers';
import type { Address, Digest, OrganisationId, Subject } from '../../core/chain/types.ts';
import type { PartAction } from '../../core/modules/action.ts';
import { applyPartAction, NO_PART, type Part, type PartKind, partKinds } from '../../core/modules/part.ts';
import {
  afterModuleEntry,
  PART_ACTION_TYPES,
  partActionHash,
} from '../../test/contracts/support/reference.ts';

/** A part with its numbers beyond 53 bits as decimal strings. */
export type PartVector = ReturnType<typeof writePart>;

export type PartStepVector = {
  readonly kind: PartKind;
  readonly actor: string;
  /** The block's timestamp. */
  readonly at: string;
  readonly action: Readonly<Record<keyof PartAction, string | number>>;
  readonly actionHash: string;
  readonly signature: string;
  /** What the part is after it. */
  readonly part: PartVector;
  /** The heads of all subjects that it touches: the part's, and the vehicle's of mounting and removing. */
  readonly heads: Readonly<Record<string, string>>;
};

export type PartsFile = {
  readonly note: string;
  readonly domain: { name: string; version: string; chainId: string; verifyingContract: string };
  /** The private key of each actor, by its name. */
  readonly keys: Readonly<Record<string, string>>;
  readonly steps: readonly PartStepVector[];
};

const DAY = 86_400n;
/** After the life of titles.json: a test chain that has lived that can live this one too. */
const START = 2_100_000_000n;

const keys = Object.fromEntries(
  ['supplier', 'workshop', 'authority', 'police'].map((name) => [name, new Wallet(id(`key of ${name}`))]),
);
const NUMBERS: Readonly<Record<string, bigint>> = { supplier: 1n, workshop: 2n, authority: 3n, police: 4n };

const AIRBAG = id('subject of airbag') as Subject;
const BELT = id('subject of belt') as Subject;
const CAR = id('subject of car') as Subject;
const OTHER = id('subject of other car') as Subject;

type Told = {
  readonly kind: PartKind;
  readonly by: string;
  readonly part?: Subject;
  readonly vehicle?: Subject;
};

/** The lives of two parts, in which every kind happens from every state that it may; a day between two actions. */
const LIVES: readonly Told[] = [
  { kind: 'safetyPart.registered', by: 'supplier' },
  { kind: 'safetyPart.mounted', by: 'workshop', vehicle: CAR },
  { kind: 'safetyPart.registered', by: 'supplier', part: BELT },
  { kind: 'safetyPart.mounted', by: 'workshop', part: BELT, vehicle: CAR },
  { kind: 'safetyPart.removed', by: 'workshop', vehicle: CAR },
  { kind: 'safetyPart.stolen', by: 'police' },
  { kind: 'safetyPart.recovered', by: 'police' },
  { kind: 'safetyPart.mounted', by: 'workshop', vehicle: OTHER },
  { kind: 'safetyPart.stolen', by: 'police' },
  { kind: 'safetyPart.recovered', by: 'police' },
  { kind: 'safetyPart.stolen', by: 'police' },
  { kind: 'safetyPart.removed', by: 'workshop', vehicle: OTHER },
  { kind: 'safetyPart.recovered', by: 'police' },
  { kind: 'safetyPart.scrapped', by: 'authority' },
  { kind: 'safetyPart.scrapped', by: 'authority', part: BELT },
];

const domain = {
  name: 'Vinculum',
  version: '1',
  chainId: '31337',
  verifyingContract: '0x7272727272727272727272727272727272727272',
};

function writePart({ state, maker, revision, vehicle }: Part) {
  return { state, maker: maker.toString(), revision: revision.toString(), vehicle };
}

/** The text of `parts.json`. */
export async function partVectors(): Promise<string> {
  const parts = new Map<string, Part>();
  const heads = new Map<string, string>();
  const steps: PartStepVector[] = [];
  for (const [index, told] of LIVES.entries()) {
    const at = START + BigInt(index) * DAY;
    const subject = told.part ?? AIRBAG;
    const before = parts.get(subject) ?? NO_PART;
    const action: PartAction = {
      kind: partKinds[told.kind],
      subject,
      revision: before.revision,
      deadline: index === 0 ? (1n << 64n) - 1n : at,
      organisation: (NUMBERS[told.by] ?? 0n) as OrganisationId,
      vehicle: told.vehicle ?? (ZeroHash as Subject),
      digest: id(`part ${index}`) as Digest,
    };
    const actor = (keys[told.by]?.address ?? '').toLowerCase() as Address;
    const part = applyPartAction(before, action, actor, at);
    parts.set(subject, part);
    const typed = { ...action };
    const actionHash = partActionHash(domain, typed);
    const touched = [subject, ...(told.vehicle === undefined ? [] : [told.vehicle])];
    for (const chain of touched) {
      const head = heads.get(chain) ?? ZeroHash;
      const { kind, digest } = action;
      heads.set(chain, afterModuleEntry(head, kind, domain.verifyingContract, actor, at, digest, actionHash));
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
      },
      actionHash,
      signature: (await keys[told.by]?.signTypedData(domain, PART_ACTION_TYPES, typed)) ?? '',
      part: writePart(part),
      heads: Object.fromEntries(touched.map((chain) => [chain, heads.get(chain) ?? ZeroHash])),
    });
  }
  const file: PartsFile = {
    note: 'The lives of two parts in which every kind happens. Organisations: 1 supplier, 2 workshop, 3 authority, 4 police.',
    domain,
    keys: Object.fromEntries(Object.entries(keys).map(([name, { privateKey }]) => [name, privateKey])),
    steps,
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(new URL('../../test/vectors/parts.json', import.meta.url), await partVectors());
}
