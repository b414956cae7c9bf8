import type { OrganisationId } from '../chain/types.ts';

/*
 * What a part is, by what is known of it. Pure: the service, the command line and the page judge by this, each by the facts
 * that it knows: the service by its index, the others by what they verified themselves.
 */

export const authenticityStates = [
  'genuine',
  'unknown',
  'mounted',
  'recalled',
  'scrapped',
  'stolen',
  'forged',
] as const;
export type AuthenticityState = (typeof authenticityStates)[number];

/** Why, in one word for each ground; a page has a sentence for each. */
export const authenticityReasons = [
  /** No code was shown: the number is what is judged. */
  'code.none',
  /** The signature is none at all. */
  'code.signature',
  /** The code is for another ledger than those that count. */
  'code.otherLedger',
  /** The key that signed it never was one of the organisation that the code names. */
  'code.foreignKey',
  /** The key was revoked: nobody can tell whether it signed before or after. */
  'code.revokedKey',
  /** The organisation was suspended, or never admitted. */
  'code.suspended',
  'code.unknownOrganisation',
  /** Another organisation than the code's says that it made it. */
  'code.otherMaker',
  /** Its maker said so in an entry of its own. */
  'maker.produced',
  /** It is provably in a set of its maker's. */
  'maker.inSet',
  /** Several organisations say that they made it: at most one of them is right. */
  'maker.contradiction',
  /** Nobody says that they made it. */
  'maker.unknown',
  /** Its maker lists all parts of its batches, and not this one. */
  'maker.notInSets',
  'part.scrapped',
  'part.stolen',
  'part.mounted',
  'part.recalled',
  'part.quarantined',
  /** It was held back, and of its release there is something that nobody can read: it may be of others. */
  'part.releaseSealed',
  /** Not every history that could speak against it could be verified. */
  'history.incomplete',
] as const;
export type AuthenticityReason = (typeof authenticityReasons)[number];

/** What a code's signer is to the organisation that it names. */
export type CodeFacts = {
  readonly organisation: OrganisationId;
  /** The code names the ledger, or one of the ledgers, that count here. */
  readonly ledger: 'known' | 'other';
  /** `none`: the signature is none; `foreign`: it never was a key of it. */
  readonly key: 'active' | 'revoked' | 'foreign' | 'none';
  readonly standing: 'good' | 'suspended' | 'unknown';
};

export type PartFacts = {
  /** Null where a number was typed, and no code shown. */
  readonly code: CodeFacts | null;
  /** Who says that they made it, each by an entry of that part, or by a set that provably holds it. */
  readonly makers: readonly { readonly organisation: OrganisationId; readonly by: 'entry' | 'set' }[];
  /** Whether all batches of its maker have sets, and it is provably in none of them. */
  readonly notInSets: boolean;
  readonly scrapped: boolean;
  readonly stolen: boolean;
  /** In how many things it is mounted now. */
  readonly mounted: number;
  /** Open campaigns that name it or its batch. */
  readonly recalls: number;
  /** Quarantines of it or its batch that nobody ended. */
  readonly quarantines: number;
  /** Whether something that could speak against it may be kept back from whoever judges: then nothing speaks for it. */
  readonly incomplete?: true;
  /** Whether it was held back, and its release has sealed fields: it may be of some serials, and not of this one. */
  readonly releaseSealed?: true;
};

export type Authenticity = {
  readonly state: AuthenticityState;
  /** The gravest first. */
  readonly reasons: readonly AuthenticityReason[];
};

/**
 * Judges a part. What is gravest counts: a forged code, then a part that must not be there at all (stolen, scrapped), one
 * that must not be used (recalled, held back), one that is elsewhere (mounted), and only then one that nobody knows.
 */
export function judgePart(facts: PartFacts): Authenticity {
  const code = judgeCode(facts);
  const reasons: AuthenticityReason[] = [...code.reasons];
  if (facts.stolen) reasons.push('part.stolen');
  if (facts.scrapped) reasons.push('part.scrapped');
  if (facts.recalls > 0) reasons.push('part.recalled');
  if (facts.quarantines > 0) reasons.push('part.quarantined');
  if (facts.releaseSealed === true) reasons.push('part.releaseSealed');
  if (facts.mounted > 0) reasons.push('part.mounted');
  if (facts.incomplete === true) reasons.push('history.incomplete');
  const maker = facts.code?.organisation;
  const made = facts.makers.filter(({ organisation }) => maker === undefined || organisation === maker);
  if (made.some(({ by }) => by === 'entry')) reasons.push('maker.produced');
  if (made.some(({ by }) => by === 'set')) reasons.push('maker.inSet');
  const claimed = new Set(facts.makers.map(({ organisation }) => organisation)).size;
  if (claimed > 1) reasons.push('maker.contradiction');
  if (made.length === 0 && facts.notInSets) reasons.push('maker.notInSets');
  // Whoever says so may be what is kept back.
  else if (made.length === 0 && facts.incomplete !== true) reasons.push('maker.unknown');
  if (facts.code === null) reasons.push('code.none');
  return { state: stateOf(facts, code, made.length > 0 && claimed === 1), reasons };
}

type CodeVerdict = {
  readonly verdict: 'good' | 'forged' | 'doubtful';
  readonly reasons: readonly AuthenticityReason[];
};

function judgeCode({ code, makers }: PartFacts): CodeVerdict {
  if (code === null) return { verdict: 'good', reasons: [] };
  const forged: AuthenticityReason[] = [];
  const doubtful: AuthenticityReason[] = [];
  if (code.key === 'none') forged.push('code.signature');
  // Of another ledger's organisation nothing is known here: its number means somebody else.
  if (code.ledger === 'other') doubtful.push('code.otherLedger');
  else {
    if (code.key === 'foreign') forged.push('code.foreignKey');
    if (code.key === 'revoked') doubtful.push('code.revokedKey');
    if (code.standing === 'suspended') doubtful.push('code.suspended');
    if (code.standing === 'unknown') forged.push('code.unknownOrganisation');
    // Its own key, for what somebody else made.
    const others = makers.filter(({ organisation }) => organisation !== code.organisation);
    if (others.length > 0 && others.length === makers.length) forged.push('code.otherMaker');
  }
  if (forged.length > 0) return { verdict: 'forged', reasons: [...forged, ...doubtful] };
  return { verdict: doubtful.length > 0 ? 'doubtful' : 'good', reasons: doubtful };
}

function stateOf(facts: PartFacts, { verdict }: CodeVerdict, made: boolean): AuthenticityState {
  if (verdict === 'forged') return 'forged';
  if (facts.stolen) return 'stolen';
  if (facts.scrapped) return 'scrapped';
  if (facts.recalls > 0 || facts.quarantines > 0) return 'recalled';
  if (facts.mounted > 0) return 'mounted';
  const whole = facts.incomplete !== true && facts.releaseSealed !== true;
  return made && verdict === 'good' && whole ? 'genuine' : 'unknown';
}
