import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import type { PartActionRequest } from '../../../api/accept/actionSchema.ts';
import { fromHex, type Hex, toBase64Url } from '../../../core/bytes.ts';
import type { Json } from '../../../core/canonical.ts';
import { signHash } from '../../../core/chain/submission.ts';
import { type Subject, ZERO_SUBJECT } from '../../../core/chain/types.ts';
import { type ComposedEntry, composeEntry } from '../../../core/envelope/envelope.ts';
import { formatIdentifier, parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { moduleKinds } from '../../../core/kinds/kinds.ts';
import { type ActionHash, type PartAction, partActionHash } from '../../../core/modules/action.ts';
import { type PartKind, partKinds, partTransitions } from '../../../core/modules/part.ts';
import type { Attester, TestService } from '../fixture.ts';
import { seconds, type Target } from '../titles/acting.ts';

export interface PartDeed {
  readonly vehicle?: Target;
  readonly revision?: number;
  readonly deadline?: bigint;
  readonly data?: Readonly<Record<string, Json>>;
  readonly sealed?: Readonly<Record<string, Json>>;
  readonly time?: string;
  /** What of the action is to be otherwise than it should. */
  readonly change?: Partial<PartAction>;
}

export interface SignedPart {
  readonly hash: ActionHash;
  readonly action: PartAction;
  readonly request: PartActionRequest;
}

export function targetOf(test: TestService, text: string): Target {
  const identifier = parseIdentifier(text);
  return { identifier, subject: test.subject(identifier) };
}

/** A serialised part, and what happens to it. */
export class SafetyPart {
  readonly test: TestService;
  readonly target: Target;
  revision = 0;

  constructor(test: TestService, text = `serial:safir.example:${randomBytes(6).toString('hex')}`) {
    this.test = test;
    this.target = targetOf(test, text);
  }

  get subject(): Subject {
    return this.target.subject;
  }
  get name(): string {
    return formatIdentifier(this.target.identifier);
  }
  get path(): string {
    const { scope, value } = this.target.identifier;
    return `/v1/serials/${scope}/${value}`;
  }

  /** An action as its actor composes and signs it; its envelope is the kind's example, of the right vehicle. */
  sign(by: Attester, kind: PartKind, deed: PartDeed = {}): SignedPart {
    const { ledger, service } = this.test;
    const { example } = moduleKinds[kind];
    const vehicle = partTransitions[kind].vehicle === null ? undefined : deed.vehicle;
    const named = vehicle === undefined ? {} : { vehicle: formatIdentifier(vehicle.identifier) };
    const entry: ComposedEntry = composeEntry(ledger, by.id, this.target, {
      kind,
      time: deed.time ?? '2024-05-31',
      data: (deed.data ?? example.data) as never,
      sealed: deed.sealed ?? named,
    });
    const action: PartAction = {
      kind: partKinds[kind],
      subject: this.subject,
      revision: BigInt(deed.revision ?? this.revision),
      deadline: deed.deadline ?? seconds() + 3_600n,
      organisation: by.id,
      vehicle: vehicle?.subject ?? ZERO_SUBJECT,
      digest: entry.entry.digest,
      ...deed.change,
    };
    const { chainId, parts } = service.services.deployment;
    const hash = partActionHash({ chainId, address: parts }, action);
    return {
      hash,
      action,
      request: {
        action: {
          ...action,
          revision: Number(action.revision),
          deadline: Number(action.deadline),
          organisation: action.organisation.toString(),
        },
        actor: by.signer,
        signature: toBase64Url(signHash(fromHex(hash, 32), by.key)),
        block: toBase64Url(entry.block),
        key: toBase64Url(entry.key),
        disclosures: [...entry.disclosures],
      },
    };
  }

  /** Waits until the index has it. */
  async act(by: Attester, kind: PartKind, deed: PartDeed = {}): Promise<SignedPart> {
    const signed = this.sign(by, kind, deed);
    const reply = await this.test.post('/v1/parts/actions', signed.request);
    expect(reply.status, `${kind}: ${reply.text}`).to.equal(202);
    this.revision += 1;
    await this.anchored(signed.hash);
    return signed;
  }

  async anchored(hash: Hex): Promise<void> {
    await this.test.until(async () => {
      const { body } = await this.test.get(`/v1/parts/actions/${hash}`);
      return body.state === 'anchored' || body.state === 'final';
    });
  }
}
