import { secp256k1 } from '@noble/curves/secp256k1.js';
import { type Hex, toBase64Url, toHex, utf8, word } from '../../../core/bytes.ts';
import { canonicalJson } from '../../../core/canonical.ts';
import { type DirectoryLink, foldDirectory } from '../../../core/chain/directory.ts';
import { formatLedgerId } from '../../../core/chain/ledgerId.ts';
import {
  foldLinks,
  isModuleLink,
  type Link,
  type ModuleLink,
  type OrganisationLink,
} from '../../../core/chain/link.ts';
import { foldOrganisation, type OrganisationChange } from '../../../core/chain/organisation.ts';
import { addressOfKey } from '../../../core/chain/submission.ts';
import type { Address, OrganisationId, Subject } from '../../../core/chain/types.ts';
import { digestOf, secureRandom } from '../../../core/envelope/block.ts';
import { type Content, composeEntry } from '../../../core/envelope/envelope.ts';
import { VinculumError } from '../../../core/errors.ts';
import { formatIdentifier, type Identifier, parseIdentifier } from '../../../core/identifiers/identifier.ts';
import {
  isPartAction,
  type ModuleAction,
  NO_ORGANISATION,
  type TitleAction,
  titleActionHash,
  ZERO_ADDRESS,
  ZERO_DETAIL,
} from '../../../core/modules/action.ts';
import type { TitleKind } from '../../../core/modules/title.ts';
import { evaluate, generatePseudonymKeys } from '../../../core/pseudonym/pseudonym.ts';
import {
  type Report,
  type ReportLink,
  type ReportOrganisation,
  reportAction,
} from '../../../core/report/report.ts';
import { buildTree, type SetTree } from '../../../core/tree/tree.ts';
import type { ChainView } from '../../../core/verify/chainView.ts';
import type { Trust } from '../../../core/verify/verify.ts';

const address = (byte: string): Address => `0x${byte.repeat(20)}` as Address;

/** An action, as far as it is not what its kind usually is; its digest is that of the envelope. */
export type Act = {
  readonly organisation?: OrganisationId;
  readonly actor?: Address;
  readonly party?: Address;
  readonly until?: bigint;
  readonly detail?: Hex;
  readonly time?: string;
  readonly data?: Content['data'];
  readonly sealed?: Content['sealed'] & {};
  /** What the action says otherwise than the rest. */
  readonly action?: Partial<TitleAction>;
};

function parsedOrNull(text: string): Identifier | null {
  try {
    return parseIdentifier(text);
  } catch (error) {
    if (error instanceof VinculumError) return null;
    throw error;
  }
}

/**
 * A ledger by its definition: it keeps histories and answers heads by folding them. What the contracts do, without a
 * chain, so that thousands of reports can be judged in a test; the same lies are told against real chains elsewhere.
 */
export class World {
  readonly chainId = 4242n;
  readonly ledger = address('a1');
  readonly directory = address('d1');
  readonly organisationsContract = address('0a');
  readonly keys = generatePseudonymKeys();
  readonly codeHash = `0x${'c0'.repeat(32)}` as Hex;
  readonly directoryLinks: DirectoryLink[];
  readonly chains = new Map<string, Link[]>();
  readonly records = new Map<bigint, OrganisationChange[]>();
  readonly profiles = new Map<bigint, string>();
  readonly contents: Report['contents'] = {};
  readonly trees = new Map<string, SetTree>();
  readonly titles = address('71');
  /** What each module link was about, by its action hash. */
  /** The identifier that the envelope of a part's entry states, by its digest. */
  readonly stated = new Map<string, string>();
  readonly actions = new Map<string, ModuleAction>();
  readonly #revisions = new Map<string, bigint>();
  clock = 1_700_000_000n;

  constructor() {
    this.directoryLinks = [
      {
        change: 'added',
        chainId: this.chainId,
        ledger: this.ledger,
        organisations: this.organisationsContract,
        codeHash: this.codeHash,
        pseudonymKey: toHex(this.keys.publicKey),
      },
    ];
  }

  get trust(): Trust {
    return { chainId: this.chainId, directory: this.directory };
  }

  admit(id: bigint, name: string, role: string): OrganisationId {
    const profile = canonicalJson({ vinculum: 1, names: { en: name }, roles: [role], country: 'FR' });
    const controller = toHex(word(BigInt(addressOfKey(secp256k1.utils.randomSecretKey()))));
    this.profiles.set(id, profile);
    this.records.set(id, [
      { change: 1, timestamp: this.clock, value: controller },
      { change: 4, timestamp: this.clock, value: toHex(word((1n << 256n) - (1n << 32n))) },
      { change: 5, timestamp: this.clock, value: digestOf(utf8(profile)) },
      { change: 7, timestamp: this.clock, value: controller },
    ]);
    return id as OrganisationId;
  }

  subjectOf(identifier: Identifier): Subject {
    return evaluate(this.keys, identifier).subject;
  }

  /** Anchors one entry and keeps its block, key and disclosures. */
  record(organisation: OrganisationId, target: Identifier | 'own', content: Content): OrganisationLink {
    const where = target === 'own' ? 'own' : { subject: this.subjectOf(target), identifier: target };
    const ledger = { chainId: this.chainId, address: this.ledger };
    const { entry, block, key, disclosures } = composeEntry(ledger, organisation, where, content);
    this.contents[entry.digest] = {
      block: toBase64Url(block),
      key: toBase64Url(key),
      disclosures: [...disclosures],
    };
    return this.anchor(organisation, where === 'own' ? 'own' : where.subject, entry.kind, entry.digest);
  }

  /** Anchors a digest, whatever it is of: the chain does not know. */
  anchor(organisation: OrganisationId, chain: Subject | 'own', kind: number, digest: Hex): OrganisationLink {
    this.clock += 12n;
    const link = { kind, organisation, timestamp: this.clock, digest } as OrganisationLink;
    const name = chain === 'own' ? `own:${organisation}` : chain;
    this.chains.set(name, [...(this.chains.get(name) ?? []), link]);
    return link;
  }

  /**
   * An action on a title, with its entry. Whether it is legal is for the test to know: `Titles` would refuse what is
   * not, and so has to be told here what a chain with other code could hold.
   */
  act(kind: TitleKind, vehicle: Identifier, given: Act = {}): ModuleLink {
    this.clock += 12n;
    const subject = this.subjectOf(vehicle);
    const organisation = given.organisation ?? NO_ORGANISATION;
    const { time = '2023-11-01', data = {}, sealed = {} } = given;
    const ledger = { chainId: this.chainId, address: this.ledger };
    const content = { kind, time, data, sealed };
    const { entry, block, key, disclosures } = composeEntry(
      ledger,
      organisation,
      { subject, identifier: vehicle },
      content,
    );
    this.contents[entry.digest] = {
      block: toBase64Url(block),
      key: toBase64Url(key),
      disclosures: [...disclosures],
    };
    const revision = this.#revisions.get(subject) ?? 0n;
    const action: TitleAction = {
      kind: entry.kind,
      subject,
      revision,
      deadline: this.clock + 1000n,
      organisation,
      party: given.party ?? ZERO_ADDRESS,
      until: given.until ?? 0n,
      detail: given.detail ?? ZERO_DETAIL,
      digest: entry.digest,
      ...given.action,
    };
    const actionHash = titleActionHash({ chainId: this.chainId, address: this.titles }, action);
    this.actions.set(actionHash, action);
    this.#revisions.set(subject, revision + 1n);
    const link: ModuleLink = {
      kind: entry.kind,
      module: this.titles,
      actor: given.actor ?? address('ac'),
      timestamp: this.clock,
      digest: entry.digest,
      actionHash,
    };
    this.chains.set(subject, [...(this.chains.get(subject) ?? []), link]);
    if (kind === 'title.replaced') {
      this.chains.set(action.detail, [...(this.chains.get(action.detail) ?? []), link]);
      this.#revisions.set(action.detail, 1n);
    }
    return link;
  }

  /** A recall campaign on the maker's own chain. */
  recall(maker: OrganisationId, campaign: string, affected: readonly Identifier[]): OrganisationLink {
    const treeKey = secureRandom(32);
    const tree = buildTree(treeKey, affected);
    const link = this.record(maker, 'own', {
      kind: 'recall.opened',
      time: '2023-11-01',
      data: {
        campaign,
        title: { en: 'Brake hose', zh: '制动软管' },
        component: 'brakes',
        remedy: { en: 'Replace it', zh: '更换' },
        severity: 'safety',
        affectedRoot: tree.root,
        affectedCount: tree.count,
        treeKey: toBase64Url(treeKey),
      },
    });
    this.trees.set(link.digest, tree);
    return link;
  }

  /** What an honest operator answers. */
  report(text: string): Report {
    const identifier = parseIdentifier(text);
    const { subject, transcript } = evaluate(this.keys, identifier);
    const links = this.chains.get(subject) ?? [];
    const makers = new Set(
      links.flatMap((link) => (isModuleLink(link) || link.kind !== 33 ? [] : [link.organisation])),
    );
    const ownChains = [...makers].map((organisation) => ({
      organisation: organisation.toString(),
      links: (this.chains.get(`own:${organisation}`) ?? []).map(this.reportLink),
    }));
    const shown = [...links.map(this.reportLink), ...ownChains.flatMap((chain) => chain.links)];
    const attesters = new Set(
      shown.map((link) => ('organisation' in link ? link.organisation : (link.action?.organisation ?? '0'))),
    );
    attesters.delete('0');
    const predecessors = this.predecessorsOf(subject);
    const parts = this.partsIn(subject);
    const contents = Object.fromEntries(
      shown.flatMap(({ digest }) => {
        const content = this.contents[digest];
        const tree = this.trees.get(digest);
        if (content === undefined) return [];
        return [[digest, tree === undefined ? content : { ...content, setProof: tree.prove(identifier) }]];
      }),
    );
    return structuredClone({
      vinculum: 'report/1',
      identifier: formatIdentifier(identifier),
      createdAt: Number(this.clock) + 60,
      directory: {
        chainId: this.chainId.toString(),
        address: this.directory,
        links: this.directoryLinks.map((link) =>
          link.change === 'added'
            ? { ...link, chainId: link.chainId.toString() }
            : { change: 'closed' as const, index: link.index.toString(), closedAt: link.closedAt.toString() },
        ),
      },
      ledgers: [
        {
          ledger: formatLedgerId({ chainId: this.chainId, address: this.ledger }),
          subject,
          transcript: { evaluated: toBase64Url(transcript.evaluated), proof: toBase64Url(transcript.proof) },
          asOf: { number: 100, hash: `0x${'b1'.repeat(32)}`, timestamp: Number(this.clock) + 24 },
          links: links.map(this.reportLink),
          ownChains,
          organisations: [...attesters].map((id) => this.organisation(id)),
          ...(predecessors.length === 0 ? {} : { predecessors }),
          ...(parts.length === 0 ? {} : { parts }),
        },
      ],
      contents,
    }) as Report;
  }

  predecessorsOf(subject: Subject): { subject: Subject; links: ReportLink[] }[] {
    const first = (this.chains.get(subject) ?? []).find(
      (link): link is ModuleLink => isModuleLink(link) && link.kind < 16,
    );
    const action = first === undefined ? undefined : this.actions.get(first.actionHash);
    if (action === undefined || isPartAction(action) || action.subject === subject) return [];
    const links = (this.chains.get(action.subject) ?? []).map(this.reportLink);
    return [{ subject: action.subject, links }, ...this.predecessorsOf(action.subject)];
  }

  /** The parts that were ever mounted in a subject, as a section shows them. */
  partsIn(subject: Subject): NonNullable<Report['ledgers'][number]['parts']> {
    const named = new Map<Subject, Set<string>>();
    for (const link of (this.chains.get(subject) ?? []).filter(isModuleLink)) {
      const action = this.actions.get(link.actionHash);
      if (action === undefined || !isPartAction(action) || action.subject === subject) continue;
      const identifiers = named.get(action.subject) ?? new Set();
      const stated = this.stated.get(link.digest);
      if (stated !== undefined) identifiers.add(stated);
      named.set(action.subject, identifiers);
    }
    return Array.from(named, ([part, identifiers]) => ({
      subject: part,
      transcripts: [...identifiers].flatMap((identifier) => {
        const parsed = parsedOrNull(identifier);
        if (parsed === null) return [];
        const { transcript } = evaluate(this.keys, parsed);
        return [
          {
            identifier,
            evaluated: toBase64Url(transcript.evaluated),
            proof: toBase64Url(transcript.proof),
          },
        ];
      }),
      links: (this.chains.get(part) ?? []).map(this.reportLink),
    }));
  }

  reportLink = (link: Link): ReportLink => {
    const common = { kind: link.kind, timestamp: Number(link.timestamp), digest: link.digest };
    if (!isModuleLink(link)) return { ...common, organisation: link.organisation.toString() };
    const action = this.actions.get(link.actionHash);
    const { module, actor, actionHash } = link;
    return {
      ...common,
      module,
      actor,
      actionHash,
      ...(action === undefined ? {} : { action: reportAction(action) }),
    };
  };

  organisation(id: string): ReportOrganisation {
    const changes = (this.records.get(BigInt(id)) ?? []).map((link) => ({
      change: link.change,
      timestamp: Number(link.timestamp),
      value: link.value,
    }));
    return { id, changes, profile: this.profiles.get(BigInt(id)) ?? null };
  }

  /** What the chain answers. */
  view = async (chainId: bigint): Promise<ChainView | null> => {
    if (chainId !== this.chainId) return null;
    const block = (number: bigint, timestamp: bigint) => ({
      number,
      hash: `0x${'b1'.repeat(32)}` as Hex,
      timestamp,
    });
    return {
      chainId,
      block: block(100n, this.clock + 24n),
      final: block(99n, this.clock + 12n),
      endpoints: 1,
      directoryHead: async () => foldDirectory(this.directoryLinks),
      codeHash: async () => this.codeHash,
      pseudonymKey: async () => toHex(this.keys.publicKey),
      head: async (_ledger, subject) => foldLinks(this.chains.get(subject) ?? []),
      ownHead: async (_ledger, organisation) => foldLinks(this.chains.get(`own:${organisation}`) ?? []),
      organisationHead: async (_organisations, id) => foldOrganisation(this.records.get(id) ?? []),
    };
  };
}

export const CAR = '1M8GDM9AXKP042788';
export const OTHER_CAR = 'WVWZZZ3CZEE140287';
export const NEVER = 'VF3WC5FS9AW055905';

/** Two cars of one maker, serviced and inspected by others; one of them is under recall. */
export function sampleWorld() {
  const world = new World();
  const maker = world.admit(1n, 'Aurora Werke', 'manufacturer');
  const workshop = world.admit(2n, 'Garage Lumen', 'workshop');
  const inspector = world.admit(3n, 'Contrôle Nord', 'inspector');
  const car = parseIdentifier(CAR);
  const other = parseIdentifier(OTHER_CAR);
  for (const vehicle of [car, other]) {
    world.record(maker, vehicle, {
      kind: 'vehicle.built',
      time: '2019-03-01',
      data: { brand: 'Aurora', model: 'A1', manufacturerId: 'aurora.example' },
    });
    world.record(workshop, vehicle, reading('2020-04-01', 15_000, 'workshop', 'kept in the garage'));
    world.record(inspector, vehicle, reading('2021-04-01', 31_000, 'inspection'));
    world.record(workshop, vehicle, reading('2022-04-01', 46_000, 'workshop'));
  }
  const recall = world.recall(maker, 'R-2023-001', [car]);
  return { world, maker, workshop, inspector, car, other, recall };
}

export function reading(time: string, value: number, source: string, note?: string): Content {
  return {
    kind: 'odometer',
    time,
    data: { odometer: { value, unit: 'KMT', source } },
    ...(note === undefined ? {} : { sealed: { note } }),
  };
}
