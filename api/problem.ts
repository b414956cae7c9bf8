/**
 * Every way in which the service fails, by its stable code. OpenAPI and the documentation print this table;
 * clients and tests rely on `code`, never on prose. `retryable` means: the very same request may succeed later
 * without anybody changing anything.
 */
export const problems = {
  internal: { status: 500, title: 'The service failed', retryable: true },

  'request.malformed': { status: 400, title: 'The request cannot be read', retryable: false },
  'request.invalid': { status: 422, title: 'The request breaks a rule', retryable: false },
  'request.tooLarge': { status: 413, title: 'The request is too large', retryable: false },
  'request.mediaType': { status: 415, title: 'The content type is not supported', retryable: false },
  'request.notAcceptable': { status: 406, title: 'No such representation', retryable: false },
  'request.unknownRoute': { status: 404, title: 'No such address', retryable: false },
  'request.method': { status: 405, title: 'The method is not allowed here', retryable: false },
  'page.notBuilt': { status: 503, title: 'The page has not been built', retryable: false },
  'request.timeout': { status: 408, title: 'The request came too slowly', retryable: true },

  'rateLimit.exceeded': { status: 429, title: 'Too many requests', retryable: true },

  'auth.required': { status: 401, title: 'Sign in first', retryable: false },
  'auth.invalid': { status: 401, title: 'The token is not valid, or no longer', retryable: false },
  'auth.challenge': {
    status: 401,
    title: 'The sign-in message is not one of ours, or too old',
    retryable: false,
  },
  'auth.signature': { status: 401, title: 'The signature is not the signer’s', retryable: false },
  'auth.unknownKey': { status: 403, title: 'The signer is no key of the organisation', retryable: false },
  'auth.notInGoodStanding': {
    status: 403,
    title: 'The organisation is unknown or suspended',
    retryable: false,
  },
  'auth.forbidden': { status: 403, title: 'The organisation may not do this', retryable: false },
  'auth.sessionRequired': { status: 403, title: 'This needs a sign-in, not an API key', retryable: false },

  'submission.unknown': { status: 404, title: 'No such submission here', retryable: false },
  'submission.malformed': { status: 422, title: 'The submission cannot be read', retryable: false },
  'submission.tooLarge': { status: 413, title: 'The submission is too large', retryable: false },
  'submission.expired': { status: 422, title: 'The deadline has passed', retryable: false },
  'submission.deadlineTooSoon': {
    status: 422,
    title: 'The deadline leaves no time to anchor',
    retryable: false,
  },
  'submission.deadlineTooFar': { status: 422, title: 'The deadline is too far away', retryable: false },
  'submission.signature': { status: 422, title: 'The signature is not the signer’s', retryable: false },
  'submission.unknownOrganisation': { status: 403, title: 'No such organisation', retryable: false },
  'submission.suspended': { status: 403, title: 'The organisation is suspended', retryable: false },
  'submission.unknownKey': {
    status: 403,
    title: 'The signer is no key of the organisation',
    retryable: false,
  },
  'submission.revokedKey': { status: 403, title: 'The signer’s key was revoked', retryable: false },
  'submission.kindNotAllowed': {
    status: 403,
    title: 'The organisation may not attest this',
    retryable: false,
  },
  'submission.duplicateEntry': { status: 422, title: 'An entry stands twice', retryable: false },
  'submission.contentMissing': { status: 422, title: 'An entry comes without its content', retryable: false },
  'submission.contentTwice': { status: 422, title: 'A content stands twice', retryable: false },
  'submission.reverted': { status: 422, title: 'The transaction was reverted', retryable: true },
  'action.unknown': { status: 404, title: 'No such action here', retryable: false },
  'action.malformed': { status: 422, title: 'The action cannot be read', retryable: false },
  'action.tooLarge': { status: 413, title: 'The action is too large', retryable: false },
  'action.expired': { status: 422, title: 'The deadline has passed', retryable: false },
  'action.deadlineTooSoon': {
    status: 422,
    title: 'The deadline leaves no time to execute',
    retryable: false,
  },
  'action.deadlineTooFar': { status: 422, title: 'The deadline is too far away', retryable: false },
  'action.signature': { status: 422, title: 'The signature is not the actor’s', retryable: false },
  'action.unknownOrganisation': { status: 403, title: 'No such organisation', retryable: false },
  'action.suspended': { status: 403, title: 'The organisation is suspended', retryable: false },
  'action.unknownKey': { status: 403, title: 'The actor is no key of the organisation', retryable: false },
  'action.revokedKey': { status: 403, title: 'The actor’s key was revoked', retryable: false },
  'action.kindNotAllowed': {
    status: 403,
    title: 'The organisation does not have this right',
    retryable: false,
  },
  'action.reverted': { status: 422, title: 'The module refused the action', retryable: true },
  'title.conflict': { status: 409, title: 'Another action has this place in the title', retryable: false },
  'subject.mismatch': { status: 422, title: 'The subject is not the identifier’s', retryable: false },
  'ledger.closed': { status: 409, title: 'The ledger is closed to writing', retryable: false },
  'nonce.conflict': { status: 409, title: 'The nonce is taken by another submission', retryable: false },
  'organisation.unknown': { status: 404, title: 'No such organisation', retryable: false },
  'apiKey.unknown': { status: 404, title: 'No such API key', retryable: false },
  'profile.mismatch': { status: 422, title: 'The profile is not the one on the ledger', retryable: false },

  'consent.unknown': { status: 404, title: 'No such consent here', retryable: false },
  'consent.signature': { status: 422, title: 'The signature cannot be read', retryable: false },
  'consent.notOwner': { status: 403, title: 'The signer is not the owner', retryable: false },
  'consent.formerOwner': { status: 403, title: 'The signer is not the owner any more', retryable: false },
  'consent.tenure': {
    status: 422,
    title: 'The consent is for another tenure of the title',
    retryable: false,
  },
  'consent.expired': { status: 422, title: 'The consent’s time is over', retryable: false },
  'consent.revoked': { status: 409, title: 'The consent was revoked', retryable: false },
  'consent.notRevoker': {
    status: 403,
    title: 'This consent is not the signer’s to revoke',
    retryable: false,
  },
  'consent.bearerTaken': { status: 409, title: 'Another share link has this token', retryable: false },
  'consent.tooMany': { status: 409, title: 'Too many consents for one title', retryable: false },
  'share.unknown': { status: 404, title: 'No such share link', retryable: false },
  'share.notYet': { status: 403, title: 'The share link’s time has not begun', retryable: true },
  'share.expired': { status: 410, title: 'The share link has expired', retryable: false },
  'share.revoked': { status: 410, title: 'The share link was revoked', retryable: false },
  'share.ended': {
    status: 410,
    title: 'The share link ended when the vehicle changed hands',
    retryable: false,
  },
  'access.notOwner': { status: 403, title: 'The access log is for the owner', retryable: false },
  'part.conflict': { status: 409, title: 'Another action has this place in the part', retryable: false },
  'part.unknownKind': { status: 422, title: 'Parts has no such kind', retryable: false },
  'part.unusedField': { status: 422, title: 'This kind does not use that field', retryable: false },
  'part.expired': { status: 422, title: 'The deadline has passed', retryable: false },
  'part.wrongRevision': { status: 409, title: 'The part is at another revision', retryable: false },
  'part.notEntitled': { status: 403, title: 'No right to this action', retryable: false },
  'part.wrongState': { status: 409, title: 'The part’s state does not allow it', retryable: false },
  'part.badVehicle': { status: 422, title: 'That is no vehicle to mount it in', retryable: false },
  'part.notThere': { status: 409, title: 'The part is not in that vehicle', retryable: false },
  'title.unknown': { status: 404, title: 'This vehicle has no title', retryable: false },

  'recall.matchesNothing': {
    status: 422,
    title: 'No vehicle is affected',
    retryable: false,
  },
  'recall.matchesEverything': {
    status: 422,
    title: 'Every vehicle of the maker is affected',
    retryable: false,
  },
  'recall.busy': {
    status: 503,
    title: 'The organisation’s last search is still under way',
    retryable: true,
  },
  'recall.unknown': { status: 404, title: 'No such campaign here', retryable: false },
  'recall.campaignUsed': {
    status: 409,
    title: 'The number is another campaign’s',
    retryable: false,
  },
  'subscription.tooMany': { status: 409, title: 'Too many subscriptions', retryable: false },

  'alert.unknown': { status: 404, title: 'No such alert here', retryable: false },
  'alert.kinds': { status: 422, title: 'These are no entries of alerts', retryable: false },
  'alert.otherAlert': { status: 422, title: 'These answers are to another alert', retryable: false },
  'alert.referenceTaken': { status: 409, title: 'Another alert has this reference', retryable: false },
  'alert.notAnchored': { status: 409, title: 'The alert is not on the ledger yet', retryable: true },
  'alert.linkUnknown': { status: 404, title: 'No such link of an alert', retryable: false },
  'alert.linkExpired': { status: 410, title: 'The link has expired', retryable: false },
  'alert.linkReplaced': { status: 410, title: 'Another link has taken its place', retryable: false },
  'alert.linkTaken': { status: 403, title: 'The link was opened on another device first', retryable: false },
  'alert.linkNotNeeded': { status: 409, title: 'The alert needs no link', retryable: false },
  'alert.linkTime': { status: 422, title: 'The time does not fit the link', retryable: false },
  'alert.linkToken': { status: 409, title: 'The token cannot be used', retryable: false },

  'set.unknownEntry': { status: 404, title: 'No such entry with a set here', retryable: false },
  'set.mismatch': { status: 422, title: 'The members are not those of the entry’s set', retryable: false },
  'set.memberType': { status: 422, title: 'The set has members of another type', retryable: false },
  'set.malformed': { status: 422, title: 'The chunk cannot be read', retryable: false },
  'set.tooMany': { status: 422, title: 'There are more members than the entry names', retryable: false },
  'set.tooLarge': { status: 413, title: 'The set is too large', retryable: false },
  'set.tooManyUploads': { status: 409, title: 'Too many sets are under way', retryable: false },
  'set.checking': { status: 409, title: 'The set is being checked', retryable: true },
  'set.incomplete': { status: 409, title: 'Chunks of the set are missing', retryable: false },

  'chain.unavailable': { status: 503, title: 'The chain cannot be reached', retryable: true },
  'chain.malformed': { status: 502, title: 'The chain’s answer cannot be trusted', retryable: true },
  'chain.tooLarge': { status: 502, title: 'The chain’s answer is too large', retryable: false },
  'chain.notServed': { status: 404, title: 'The chain is not served here', retryable: false },
  'chain.refused': { status: 502, title: 'The chain refused the call', retryable: false },

  'index.behind': { status: 503, title: 'The index is still catching up', retryable: true },
  'index.inconsistent': { status: 503, title: 'The chain changed while it was read', retryable: true },
  'index.otherChain': { status: 500, title: 'The endpoint is another chain than before', retryable: false },
  'index.otherLedger': { status: 500, title: 'The store belongs to another ledger', retryable: false },
  'index.headMismatch': { status: 500, title: 'The index and the chain disagree', retryable: false },
  'index.deepReorganisation': { status: 500, title: 'The chain took back final blocks', retryable: false },

  'relay.unfunded': { status: 503, title: 'The relay’s account cannot pay', retryable: true },
  'relay.leaseLost': { status: 503, title: 'Another process took the work over', retryable: true },

  'takeaway.busy': { status: 503, title: 'Too many reports are being printed', retryable: true },
  'takeaway.unproven': { status: 503, title: 'The chain gives no proof just now', retryable: true },

  'keyring.damaged': { status: 500, title: 'The keyring cannot be read', retryable: false },
  'keyring.unwrap': { status: 500, title: 'A wrapped secret cannot be opened', retryable: false },

  'data.inUse': { status: 503, title: 'The data folder is in use by another process', retryable: true },

  'store.unavailable': { status: 503, title: 'The database cannot be reached', retryable: true },
  'store.busy': { status: 503, title: 'The database gave way to a concurrent change', retryable: true },
  'store.aborted': { status: 500, title: 'The database undid the transaction', retryable: false },
  'store.nested': { status: 500, title: 'The store was used outside the open transaction', retryable: false },
  'store.newerSchema': {
    status: 500,
    title: 'The database was written by a newer version',
    retryable: false,
  },
  'store.unsupported': { status: 500, title: 'The database is not supported', retryable: false },

  'block.unknown': { status: 404, title: 'No such block here', retryable: false },
  'block.notCached': { status: 412, title: 'No such block at hand', retryable: false },
  'block.digestMismatch': {
    status: 422,
    title: 'The block is not the one its digest names',
    retryable: false,
  },
  'block.tooLarge': { status: 413, title: 'The block is too large', retryable: false },

  'content.erased': { status: 410, title: 'The content was erased', retryable: false },
  'erasure.unknown': { status: 404, title: 'There is nothing to erase', retryable: false },
  'erasure.changed': { status: 409, title: 'The plan has changed since', retryable: false },
  'erasure.pinned': { status: 503, title: 'A store still keeps what was erased', retryable: true },
  'erasures.malformed': { status: 500, title: 'The file of erasures is damaged', retryable: false },
  'erasures.foreign': { status: 500, title: 'The file of erasures is another operator’s', retryable: false },

  'backup.recipient': { status: 422, title: 'The recipient of the backup cannot be used', retryable: false },
  'backup.running': { status: 409, title: 'Another backup is being made', retryable: true },
  'restore.erasuresMissing': { status: 422, title: 'The file of erasures is missing', retryable: false },
  'restore.erasuresOlder': {
    status: 422,
    title: 'The file of erasures is older than the backup',
    retryable: false,
  },
  'restore.notEmpty': { status: 409, title: 'There is something already', retryable: false },
  'restore.passphrase': { status: 422, title: 'The backup does not open', retryable: false },
  'restore.malformed': { status: 422, title: 'This is no backup', retryable: false },
  'restore.damaged': { status: 422, title: 'The backup is cut or altered', retryable: false },
  'restore.newerSchema': { status: 422, title: 'The backup is of a newer version', retryable: false },
  'restore.otherStore': { status: 422, title: 'The backup needs other stores', retryable: false },
  'restore.unverified': { status: 500, title: 'What was restored does not hold together', retryable: false },

  'cid.malformed': { status: 400, title: 'The CID cannot be read', retryable: false },

  'document.unknown': { status: 404, title: 'No such document here', retryable: false },
  'document.tooLarge': { status: 413, title: 'The document is too large', retryable: false },
  'document.cutOff': { status: 400, title: 'The document was cut off before its end', retryable: true },
  'document.corrupt': { status: 500, title: 'The stored document is damaged', retryable: false },
  'document.unavailable': { status: 503, title: 'The document store cannot be reached', retryable: true },
} as const satisfies Record<string, ProblemKind>;

export interface ProblemKind {
  readonly status: number;
  readonly title: string;
  readonly retryable: boolean;
}

export type ProblemCode = keyof typeof problems;

/** What a client sees of a problem: RFC 9457, `application/problem+json`. */
export interface ProblemJson {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ProblemCode;
  readonly retryable: boolean;
  readonly requestId: string;
  readonly [extension: string]: unknown;
}

export interface ProblemOptions {
  readonly cause?: unknown;
  /** Further members of the problem document. They never reach the client of a 5xx. */
  readonly extensions?: Readonly<Record<string, unknown>>;
}

export const problemMediaType = 'application/problem+json';

/** A failure with a stable code. `detail` says what was wrong and what to do about it. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly retryable: boolean;
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(`${code}: ${detail}`, options.cause === undefined ? undefined : { cause: options.cause });
    const kind: ProblemKind = problems[code];
    this.name = 'Problem';
    this.code = code;
    this.status = kind.status;
    this.title = kind.title;
    this.detail = detail;
    this.retryable = kind.retryable;
    this.extensions = options.extensions ?? {};
  }

  /**
   * A 5xx shows its code and title only: details and causes of the service's own failures are for its log, where
   * the request id leads to them.
   */
  toProblemJson(requestId: string): ProblemJson {
    const ownFault = this.status >= 500;
    return {
      ...(ownFault ? {} : (plain(this.extensions) as Record<string, unknown>)),
      type: `urn:vinculum:problem:${this.code}`,
      title: this.title,
      status: this.status,
      detail: ownFault
        ? `${this.title}. ${this.retryable ? 'Try again later' : 'Tell the operator'}, and quote the request id.`
        : this.detail,
      code: this.code,
      retryable: this.retryable,
      requestId,
    };
  }
}

/** The problem that an error stands for: itself, or `internal` with the error as its cause. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem('internal', error instanceof Error ? error.message : String(error), { cause: error });
}

/** Numbers beyond JSON's and bytes are written as the API writes them everywhere: decimal text and 0x hex. */
export function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString('hex')}`;
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === 'object' && !(value instanceof Date)) {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
  }
  return value;
}
