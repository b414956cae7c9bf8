import type { AsOf, Verdict, Verification } from '../../core/verify/result.ts';

/** Something that kept the reader's own sources from answering, or from agreeing. */
export type Trouble = {
  /** `rpc.unreachable`, `rpc.disagree`, `proof.otherBlock`, … */
  readonly code: string;
  readonly chainId?: string;
  readonly endpoint?: string;
  readonly expected?: string;
  readonly found?: string;
};

/** Where the answers of a chain came from. */
export type Source = {
  readonly chainId: string;
  /** By the report's storage proof under a block hash of the endpoints, by asking them, or under a pasted hash. */
  readonly by: 'proof' | 'rpc' | 'hash' | 'none';
  readonly endpoints: readonly string[];
  /** No endpoint is the reader's own choice: what is seen is what the operator shows. */
  readonly operatorOnly: boolean;
};

/** Why a result is less than green. */
export type Reservation =
  | { readonly code: 'asOf.stale'; readonly age: number; readonly limit: number }
  | { readonly code: 'asOf.notFinal' }
  | { readonly code: 'asOf.none' }
  | { readonly code: 'trust.fromReport' }
  | { readonly code: 'trust.changed' }
  | { readonly code: 'pdf.mismatch' }
  | { readonly code: 'pdf.otherLayout' }
  | { readonly code: 'trouble'; readonly trouble: Trouble };

export type Judgement = {
  readonly verdict: Verdict;
  /** `good` only for a verified report of a final block younger than the reader's limit. */
  readonly light: 'good' | 'caution' | 'bad';
  readonly reservations: readonly Reservation[];
  /** The oldest block that the verdict rests on. */
  readonly asOf: AsOf | null;
};

export type Circumstances = {
  readonly troubles: readonly Trouble[];
  /** The directory was taken from the report itself. */
  readonly fromReport: boolean;
  /** Somebody names another directory than the one this device has pinned. */
  readonly directoryChanged: boolean;
  /** Of a PDF: whether its pages are those that the attached report gives. */
  readonly pages: 'same' | 'different' | 'otherLayout' | null;
  /** Seconds since 1970. */
  readonly now: number;
  readonly maxAgeSeconds: number;
};

/** The verdict that the page shows: the verification's, less what the reader's own circumstances take from it. */
export function judge(verification: Pick<Verification, 'verdict' | 'asOf'>, given: Circumstances): Judgement {
  const reservations: Reservation[] = given.troubles.map((trouble) => ({ code: 'trouble', trouble }));
  if (given.fromReport) reservations.push({ code: 'trust.fromReport' });
  if (given.directoryChanged) reservations.push({ code: 'trust.changed' });
  if (given.pages === 'different') reservations.push({ code: 'pdf.mismatch' });
  if (given.pages === 'otherLayout') reservations.push({ code: 'pdf.otherLayout' });
  // A proof that does not hold was not needed, where the endpoints could be asked instead: it only costs the green.
  const doubted = reservations.some(
    (one) => one.code !== 'trouble' || !one.trouble.code.startsWith('proof.'),
  );
  const asOf = oldest(verification.asOf);
  if (asOf === null) reservations.push({ code: 'asOf.none' });
  else {
    const age = given.now - Number(asOf.block.timestamp);
    if (age > given.maxAgeSeconds) reservations.push({ code: 'asOf.stale', age, limit: given.maxAgeSeconds });
    if (verification.asOf.some(({ final }) => !final)) reservations.push({ code: 'asOf.notFinal' });
  }
  const verdict =
    given.pages === 'different'
      ? 'refuted'
      : verification.verdict === 'verified' && (doubted || asOf === null)
        ? 'incomplete'
        : verification.verdict;
  const light =
    verdict === 'refuted' ? 'bad' : verdict === 'verified' && reservations.length === 0 ? 'good' : 'caution';
  return { verdict, light, reservations, asOf };
}

function oldest(views: readonly AsOf[]): AsOf | null {
  return views.reduce<AsOf | null>(
    (best, view) => (best === null || view.block.timestamp < best.block.timestamp ? view : best),
    null,
  );
}
