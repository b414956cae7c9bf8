import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { fromHex, type Hex, toBase64Url, toHex } from '../../../core/bytes.ts';
import type { Json } from '../../../core/canonical.ts';
import { signHash } from '../../../core/chain/submission.ts';
import type { Digest, LedgerAddress, OrganisationId, Subject } from '../../../core/chain/types.ts';
import { type ComposedEntry, composeEntry } from '../../../core/envelope/envelope.ts';
import { formatIdentifier, parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { moduleKinds } from '../../../core/kinds/kinds.ts';
import { ZERO_ADDRESS } from '../../../core/modules/action.ts';
import type { TitleKind } from '../../../core/modules/title.ts';
import type { AccessEntry } from '../../../core/privacy/accessLog.ts';
import {
  bearerOf,
  type Consent,
  type ConsentHash,
  type ConsentJson,
  consentHash,
  formatConsent,
  revocationHash,
  ZERO_WORD,
} from '../../../core/privacy/consent.ts';
import { type Attester, personalSign, type Reply, type TestService } from '../fixture.ts';
import {
  type Actor,
  type Deed,
  freshVin,
  type Person,
  seconds,
  sign,
  type Target,
} from '../titles/acting.ts';

export const DAY = 86_400n;

/** Today as envelopes write it. */
export const today = (): string => new Date().toISOString().slice(0, 10);

/** A session of an account without an organisation. */
export async function signInAlone(test: TestService, { key, address }: Person): Promise<string> {
  const challenge = await test.post('/v1/auth/challenge', { signer: address });
  const { message } = challenge.body;
  const session = await test.post('/v1/auth/session', { message, signature: personalSign(message, key) });
  expect(session.status, session.text).to.equal(201);
  return session.body.token;
}

/** A vehicle with a title, and what happens to it. */
export class Vehicle {
  readonly test: TestService;
  readonly target: Target;
  /** Its next action's; of one that goes on another's title, where it begins. */
  revision = 0;

  constructor(test: TestService, vin = freshVin()) {
    this.test = test;
    const identifier = parseIdentifier(vin);
    this.target = { identifier, subject: test.subject(identifier) };
  }

  get subject(): Subject {
    return this.target.subject;
  }
  get name(): string {
    return formatIdentifier(this.target.identifier);
  }
  get path(): string {
    return `/v1/vehicles/${this.target.identifier.value}`;
  }

  /** An action on the title, with an envelope of its own if given; waits until the index has it. */
  async act(
    actor: Actor,
    kind: TitleKind,
    deed: Deed & { readonly time?: string; readonly sealed?: Readonly<Record<string, Json>> } = {},
  ): Promise<Digest> {
    const { deployment } = this.test.service.services;
    const place = { ledger: this.test.ledger, titles: deployment.titles };
    const { time, sealed, data, ...rest } = deed;
    const entry = composeEntry(this.test.ledger, actor.id ?? (0n as OrganisationId), this.target, {
      kind,
      time: time ?? today(),
      data: (data ?? moduleKinds[kind].example.data) as never,
      ...(sealed === undefined ? {} : { sealed }),
    });
    const signed = sign(place, actor, this.target, kind, this.revision, { ...rest, entry });
    const reply = await this.test.post('/v1/titles/actions', signed.request);
    expect(reply.status, `${kind}: ${reply.text}`).to.equal(202);
    this.revision += 1;
    await this.test.until(async () => {
      const { body } = await this.test.get(`/v1/titles/actions/${signed.hash}`);
      return body.state === 'anchored' || body.state === 'final';
    });
    return signed.action.digest;
  }

  async sell(seller: Person, buyer: Person): Promise<void> {
    await this.act(seller, 'title.offered', { party: buyer.address, until: seconds() + 30n * DAY });
    await this.act(buyer, 'title.accepted');
  }

  /** A service with an invoice number that nobody but those entitled may see. */
  async service(
    by: Attester,
    sealed: Readonly<Record<string, Json>> = { invoiceNumber: `R-${randomBytes(6).toString('hex')}` },
    time = today(),
  ): Promise<ComposedEntry> {
    const entry = this.test.compose(by, this.name, {
      kind: 'service',
      time,
      data: { type: 'scheduled', items: ['engineOil'] },
      sealed,
    });
    await this.test.record(by, [entry]);
    return entry;
  }

  /** The disclosures of an entry in somebody's report. */
  async shown(entry: { readonly entry: { readonly digest: Digest } }, token?: string): Promise<string[]> {
    const reply = await this.test.get(`${this.path}/report`, { token });
    expect(reply.status, reply.text).to.equal(200);
    return reply.body.contents[entry.entry.digest].disclosures;
  }

  /** The whole access log, as the store has it. */
  async log(): Promise<AccessEntry[]> {
    const rows = await this.test.service.services.store.query<{ entry: AccessEntry }>(
      'SELECT entry FROM access_entries WHERE subject = $1 ORDER BY position',
      [fromHex(this.subject, 32)],
    );
    return rows.map(({ entry }) => entry);
  }
}

export type Given = Partial<Consent> & { readonly subject: Subject; readonly signer: Person };

/** A consent as its owner composes and signs it; good for a day unless told otherwise. */
export function consentOf(
  ledger: LedgerAddress,
  { signer, ...given }: Given,
): { json: ConsentJson; hash: ConsentHash } {
  const now = seconds();
  const consent: Consent = {
    tenure: 1n,
    organisation: 0n as OrganisationId,
    account: ZERO_ADDRESS,
    bearer: ZERO_WORD,
    entries: [],
    fields: [],
    purpose: 'purchase',
    from: now - 5n,
    until: now + DAY,
    salt: toHex(randomBytes(32)),
    ...given,
  };
  const hash = consentHash(ledger, consent);
  return { json: formatConsent(consent, signHash(fromHex(hash, 32), signer.key)), hash };
}

export function revocationOf(ledger: LedgerAddress, hash: ConsentHash, signer: Person): { signature: Hex } {
  return { signature: toHex(signHash(fromHex(revocationHash(ledger, hash), 32), signer.key)) };
}

/** A token of a share link, as it travels, and what a consent names of it. */
export function freshToken(): { token: string; bearer: Hex } {
  const bytes = randomBytes(32);
  return { token: toBase64Url(bytes), bearer: bearerOf(bytes) };
}

export async function give(test: TestService, given: Given): Promise<{ hash: ConsentHash; reply: Reply }> {
  const { json, hash } = consentOf(test.ledger, given);
  const reply = await test.post('/v1/consents', json);
  expect(reply.status, reply.text).to.equal(201);
  return { hash, reply };
}
