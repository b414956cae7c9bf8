import { toBase64Url } from '../../../core/bytes.ts';
import type { ModuleLink } from '../../../core/chain/link.ts';
import { type Address, type OrganisationId, type Subject, ZERO_SUBJECT } from '../../../core/chain/types.ts';
import { type Content, composeEntry } from '../../../core/envelope/envelope.ts';
import { formatIdentifier, type Identifier, parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { type PartAction, partActionHash } from '../../../core/modules/action.ts';
import { type PartKind, partTransitions } from '../../../core/modules/part.ts';
import { type Report, readReport } from '../../../core/report/report.ts';
import type { Verification } from '../../../core/verify/result.ts';
import { verify } from '../../../core/verify/verify.ts';
import { CAR, OTHER_CAR, World } from './world.ts';

export const AIRBAG = 'serial:safir.example:AB-0002231';
export const BELT = 'serial:safir.example:SB-0000007';

const examples: Readonly<Record<PartKind, Content['data']>> = {
  'safetyPart.registered': { component: 'airbags', manufacturerId: 'safir.example' },
  'safetyPart.mounted': { component: 'airbags', position: 'DRIVER' },
  'safetyPart.removed': { component: 'airbags', reason: 'recall' },
  'safetyPart.scrapped': { component: 'airbags', reason: 'recall' },
  'safetyPart.stolen': { component: 'airbags', market: 'FR' },
  'safetyPart.recovered': { market: 'FR', condition: 'intact' },
};

/** An action on a part, as far as it is not what its kind usually is. */
export type PartDeed = {
  readonly part?: Identifier;
  readonly vehicle?: Identifier;
  readonly organisation?: OrganisationId;
  readonly time?: string;
  readonly data?: Content['data'];
  /** Which vehicle the sealed field names; by default the one of the action. */
  readonly named?: string;
  /** Which part the envelope says it is of. */
  readonly as?: Identifier;
  readonly action?: Partial<PartAction>;
};

/** A world with everybody who has to do with parts. */
export class PartWorld extends World {
  readonly supplier = this.admit(1n, 'Safir', 'supplier');
  readonly workshop = this.admit(2n, 'Garage Lumen', 'workshop');
  readonly police = this.admit(3n, 'Police', 'police');
  readonly car: Identifier = parseIdentifier(CAR);
  readonly other: Identifier = parseIdentifier(OTHER_CAR);
  readonly airbag: Identifier = parseIdentifier(AIRBAG);
  readonly belt: Identifier = parseIdentifier(BELT);
  readonly parts = `0x${'72'.repeat(20)}` as Address;
  readonly #revisions = new Map<string, bigint>();

  /** Whether it is legal is for the test to know, as `World.act`. */
  do(kind: PartKind, deed: PartDeed = {}): ModuleLink {
    this.clock += 12n;
    const { part = this.airbag, time = '2023-11-01' } = deed;
    const organisation = deed.organisation ?? this.actorOf(kind);
    const subject = this.subjectOf(part);
    const inVehicle = partTransitions[kind].vehicle !== null;
    const car = deed.vehicle ?? this.car;
    const vehicle = inVehicle ? this.subjectOf(car) : ZERO_SUBJECT;
    const identifier = deed.as ?? part;
    const { entry, block, key, disclosures } = composeEntry(
      { chainId: this.chainId, address: this.ledger },
      organisation,
      { subject, identifier },
      {
        kind,
        time,
        data: deed.data ?? examples[kind],
        sealed: inVehicle ? { vehicle: deed.named ?? formatIdentifier(car) } : {},
      },
    );
    this.contents[entry.digest] = {
      block: toBase64Url(block),
      key: toBase64Url(key),
      disclosures: [...disclosures],
    };
    this.stated.set(entry.digest, formatIdentifier(identifier));
    const revision = this.#revisions.get(subject) ?? 0n;
    const action: PartAction = {
      kind: entry.kind,
      subject,
      revision,
      deadline: this.clock + 1000n,
      organisation,
      vehicle,
      digest: entry.digest,
      ...deed.action,
    };
    this.#revisions.set(subject, revision + 1n);
    const actionHash = partActionHash({ chainId: this.chainId, address: this.parts }, action);
    this.actions.set(actionHash, action);
    const link: ModuleLink = {
      kind: entry.kind,
      module: this.parts,
      actor: `0x${'ac'.repeat(20)}` as Address,
      timestamp: this.clock,
      digest: entry.digest,
      actionHash,
    };
    this.append(subject, link);
    if (inVehicle) this.append(action.vehicle, link);
    return link;
  }

  actorOf(kind: PartKind): OrganisationId {
    if (kind === 'safetyPart.registered') return this.supplier;
    return kind === 'safetyPart.stolen' || kind === 'safetyPart.recovered' ? this.police : this.workshop;
  }

  append(chain: Subject, link: ModuleLink): void {
    this.chains.set(chain, [...(this.chains.get(chain) ?? []), link]);
  }

  check(report: Report): Promise<Verification> {
    return verify(readReport(report), this.trust, this.view);
  }

  verify(text: string = CAR): Promise<Verification> {
    return this.check(this.report(text));
  }
}

/** An airbag and a belt in a car. */
export function partWorld(): PartWorld {
  const world = new PartWorld();
  for (const part of [world.airbag, world.belt]) {
    world.do('safetyPart.registered', { part, time: '2023-01-01' });
    world.do('safetyPart.mounted', { part, time: '2023-02-01' });
  }
  return world;
}
