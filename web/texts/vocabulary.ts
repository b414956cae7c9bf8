import type { BrandCode } from '../../core/kinds/brands.ts';
import type { KindData, KindName } from '../../core/kinds/kinds.ts';
import type { Role } from '../../core/kinds/roles.ts';
import type { SealedName } from '../../core/kinds/sealed.ts';

type Words<T extends string> = Readonly<Record<T, string>>;
type Item<List> = List extends readonly (infer Element)[] ? Element : never;
type Of<Name extends KindName, Field extends keyof KindData<Name>> = NonNullable<KindData<Name>[Field]>;

/** Every public field of every kind. */
export type PublicField = { [Name in KindName]: keyof KindData<Name> & string }[KindName];

/**
 * The words for every value that the kinds of `core` admit. A value added there without its words in every language
 * does not compile.
 */
export type Vocabulary = {
  readonly kind: Words<KindName>;
  readonly field: Words<PublicField>;
  readonly sealed: Words<Exclude<SealedName, 'document:*' | 'key:*'>>;
  readonly role: Words<Role>;
  readonly brand: Words<BrandCode>;
  readonly source: Words<KindData<'odometer'>['odometer']['source']>;
  readonly instrument: Words<NonNullable<KindData<'odometer'>['odometer']['event']>>;
  readonly component: Words<KindData<'part.mounted'>['component']>;
  readonly area: Words<Item<Of<'accident', 'areas'>>>;
  readonly registry: Words<
    Exclude<
      keyof Of<'vehicle.registered', 'registry'>,
      'vehicleClass' | 'fiscalPower' | 'certificateIssued'
    > &
      string
  >;
  readonly partOrigin: Words<NonNullable<Item<Of<'service', 'parts'>>['origin']>>;
  readonly defect: Words<Item<Of<'inspection', 'defects'>>['severity']>;
  readonly damage: Words<Item<Of<'condition', 'findings'>>['state']>;
  readonly damageSeverity: Words<Item<Of<'condition', 'findings'>>['severity']>;
  readonly missingTier: Words<Item<Of<'vehicle.built', 'missing'>>['reason']>;
  readonly override: Words<Of<'vehicle.registered', 'checkDigitOverride'>['reason']>;
  /** Enumerations by kind and field. */
  readonly value: {
    readonly 'title.issued.reason': Words<Of<'title.issued', 'reason'>>;
    readonly 'title.issued.holderKind': Words<Of<'title.issued', 'holderKind'>>;
    readonly 'title.transferred.holderKind': Words<Of<'title.transferred', 'holderKind'>>;
    readonly 'title.withdrawn.reason': Words<Of<'title.withdrawn', 'reason'>>;
    readonly 'title.lienPlaced.type': Words<Of<'title.lienPlaced', 'type'>>;
    readonly 'title.lienReleased.reason': Words<Of<'title.lienReleased', 'reason'>>;
    readonly 'title.recovered.condition': Words<Of<'title.recovered', 'condition'>>;
    readonly 'title.disputed.reason': Words<Of<'title.disputed', 'reason'>>;
    readonly 'title.scrapped.reason': Words<Of<'title.scrapped', 'reason'>>;
    readonly 'title.reissued.reason': Words<Of<'title.reissued', 'reason'>>;
    readonly 'title.transferred.reason': Words<Of<'title.transferred', 'reason'>>;
    readonly 'title.replaced.reason': Words<Of<'title.replaced', 'reason'>>;
    readonly 'vehicle.linked.relation': Words<Of<'vehicle.linked', 'relation'>>;
    readonly 'vehicle.linked.reason': Words<Of<'vehicle.linked', 'reason'>>;
    readonly 'registration.holder.action': Words<Of<'registration.holder', 'action'>>;
    readonly 'registration.holder.holderKind': Words<Of<'registration.holder', 'holderKind'>>;
    readonly 'registration.lien.action': Words<Of<'registration.lien', 'action'>>;
    readonly 'registration.opposition.action': Words<Of<'registration.opposition', 'action'>>;
    readonly 'registration.opposition.type': Words<Of<'registration.opposition', 'type'>>;
    readonly 'registration.seizure.action': Words<Of<'registration.seizure', 'action'>>;
    readonly 'registration.procedure.procedure': Words<Of<'registration.procedure', 'procedure'>>;
    readonly 'registration.procedure.action': Words<Of<'registration.procedure', 'action'>>;
    readonly 'registration.document.action': Words<Of<'registration.document', 'action'>>;
    readonly 'registration.withdrawn.reason': Words<Of<'registration.withdrawn', 'reason'>>;
    readonly 'service.type': Words<Of<'service', 'type'>>;
    readonly 'service.items': Words<Item<Of<'service', 'items'>>>;
    readonly 'repair.reason': Words<Of<'repair', 'reason'>>;
    readonly 'inspection.type': Words<Of<'inspection', 'type'>>;
    readonly 'inspection.result': Words<Of<'inspection', 'result'>>;
    readonly 'condition.overall': Words<Of<'condition', 'overall'>>;
    readonly 'accident.severity': Words<Of<'accident', 'severity'>>;
    readonly 'claim.type': Words<Of<'claim', 'type'>>;
    readonly 'claim.status': Words<Of<'claim', 'status'>>;
    readonly 'recall.opened.severity': Words<Of<'recall.opened', 'severity'>>;
    readonly 'recall.closed.reason': Words<Of<'recall.closed', 'reason'>>;
    readonly 'recall.remedied.outcome': Words<Of<'recall.remedied', 'outcome'>>;
    readonly 'alert.raised.classification': Words<Of<'alert.raised', 'classification'>>;
    readonly 'alert.raised.severity': Words<Of<'alert.raised', 'severity'>>;
    readonly 'alert.answered.status': Words<Of<'alert.answered', 'status'>>;
    readonly 'software.updated.method': Words<Of<'software.updated', 'method'>>;
    readonly 'software.updated.outcome': Words<Of<'software.updated', 'outcome'>>;
    readonly 'batch.produced.disposition': Words<Of<'batch.produced', 'disposition'>>;
    readonly 'batch.produced.origin': Words<Of<'batch.produced', 'origin'>>;
    readonly 'batch.quarantined.reason': Words<Of<'batch.quarantined', 'reason'>>;
    readonly 'batch.released.outcome': Words<Of<'batch.released', 'outcome'>>;
    readonly 'safetyPart.mounted.condition': Words<Of<'safetyPart.mounted', 'condition'>>;
    readonly 'safetyPart.removed.reason': Words<Of<'safetyPart.removed', 'reason'>>;
    readonly 'safetyPart.scrapped.reason': Words<Of<'safetyPart.scrapped', 'reason'>>;
    readonly 'safetyPart.recovered.condition': Words<Of<'safetyPart.recovered', 'condition'>>;
    readonly 'part.mounted.condition': Words<Of<'part.mounted', 'condition'>>;
    readonly 'part.removed.reason': Words<Of<'part.removed', 'reason'>>;
    readonly 'part.removed.fate': Words<Of<'part.removed', 'fate'>>;
    readonly 'sale.type': Words<Of<'sale', 'type'>>;
    readonly 'sale.condition': Words<Of<'sale', 'condition'>>;
    readonly 'sale.seller': Words<Of<'sale', 'seller'>>;
    readonly 'usage.usage': Words<Of<'usage', 'usage'>>;
    readonly 'amended.reason': Words<Of<'amended', 'reason'>>;
    readonly 'upheld.basis': Words<Of<'upheld', 'basis'>>;
  };
  /** Fuels and bodies are free text on the ledger; the common words are translated, any other stands as it is. */
  readonly common: Readonly<Record<string, string>>;
};
