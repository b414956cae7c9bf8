import { randomBytes } from 'node:crypto';
import { encodeExecute } from '../../../api/chain/contracts.ts';
import { codeOfRefusal } from '../../../api/chain/refusals.ts';
import { RpcRefusal } from '../../../api/chain/rpc.ts';
import { fromHex, toHex } from '../../../core/bytes.ts';
import { addressOfKey, signHash } from '../../../core/chain/submission.ts';
import { type Address, type Digest, type Subject, ZERO_SUBJECT } from '../../../core/chain/types.ts';
import { type ModuleAddress, type PartAction, partActionHash } from '../../../core/modules/action.ts';
import { type PartKind, partKinds } from '../../../core/modules/part.ts';
import { selector } from '../../../core/verify/chainView.ts';
import type { Attester } from '../../api/fixture.ts';
import type { Fate, OtherLie } from '../lie.ts';
import type { System } from '../system.ts';
import { signed as signedSubmission, skippedBy } from './relayer.ts';

type Outcome = { readonly fate: Fate; readonly caughtBy: string };
type Deed = Partial<PartAction>;
type Signed = { readonly action: PartAction; readonly actor: Address; readonly signature: Uint8Array };

const HOUR = 3_600n;
const seconds = (): bigint => BigInt(Math.floor(Date.now() / 1000));
const word = (): string => toHex(randomBytes(32));
/** A part or a vehicle that nobody else has to do with: `Parts` knows pseudonyms only. */
const fresh = (): Subject => word() as Subject;

const partsOf = ({ test }: System): Address => test.service.services.deployment.parts;

const ask = async (system: System, to: Address, method: string, subject: Subject): Promise<string> =>
  String(await system.chain.call('eth_call', [{ to, data: selector(method) + subject.slice(2) }, 'latest']));

/** Maker, revision, state and vehicle as `Parts` answers them, and the heads of both chains. */
async function stateOf(system: System, { subject, vehicle }: PartAction) {
  const { ledger } = system.test;
  return [
    await ask(system, partsOf(system), 'partOf(bytes32)', subject),
    await ask(system, ledger.address, 'heads(bytes32)', subject),
    await ask(system, ledger.address, 'heads(bytes32)', vehicle),
  ];
}

function signedBy(
  system: System,
  { id, key }: Attester,
  subject: Subject,
  kind: PartKind,
  revision: number,
  deed: Deed = {},
  place: Partial<ModuleAddress> = {},
): Signed {
  const action: PartAction = {
    ...{ kind: partKinds[kind], subject, revision: BigInt(revision), organisation: id },
    deadline: seconds() + HOUR,
    vehicle: ZERO_SUBJECT,
    digest: word() as Digest,
    ...deed,
  };
  const here = { chainId: system.test.ledger.chainId, address: partsOf(system) };
  const hash = partActionHash({ ...here, ...place }, action);
  return { action, actor: addressOfKey(key), signature: signHash(fromHex(hash, 32), key) };
}

async function send(system: System, { action, actor, signature }: Signed): Promise<void> {
  const values = [action, actor, toHex(signature)];
  const options = { gasLimit: 2_000_000 };
  await system.chain.send('deployer', ['Parts', partsOf(system)], 'execute', values, options);
}

/** Sends an action to `Parts`, and says `reverted` where nothing came of it, neither in the part nor in the ledger. */
async function executed(system: System, signed: Signed): Promise<Outcome> {
  const { action, actor, signature } = signed;
  const before = await stateOf(system, action);
  const data = toHex(encodeExecute(action, actor, signature));
  const { directory } = system.test.service.services.deployment;
  const call = { method: 'eth_call', params: [{ from: directory, to: partsOf(system), data }, 'latest'] };
  const [answer] = await system.test.service.services.rpc.batch([call]);
  const code = answer instanceof RpcRefusal ? codeOfRefusal(answer) : null;
  const went = await send(system, signed).then(
    () => true,
    () => false,
  );
  const untouched = (await stateOf(system, action)).join() === before.join();
  return { fate: !went && untouched ? 'reverted' : 'uncaught', caughtBy: `Parts ${code}` };
}

/** A part of its own for a lie, with a first vehicle that it is in when `Parts` has mounted it. */
class SafetyPart {
  readonly #system: System;
  readonly subject = fresh();
  readonly vehicle = fresh();
  #revision = 0;

  constructor(system: System) {
    this.#system = system;
  }

  static async registered(system: System, ...then: readonly PartKind[]): Promise<SafetyPart> {
    const part = new SafetyPart(system);
    for (const kind of ['safetyPart.registered' as const, ...then]) await part.must(kind);
    return part;
  }

  /** An action at the part’s present revision, by whoever may. */
  sign(kind: PartKind, deed: Deed = {}, by?: Attester, place?: Partial<ModuleAddress>): Signed {
    const { maker, workshop, titled } = this.#system;
    const usual: Record<PartKind, Attester> = {
      'safetyPart.registered': maker,
      'safetyPart.mounted': workshop,
      'safetyPart.removed': workshop,
      'safetyPart.scrapped': workshop,
      'safetyPart.stolen': titled.police,
      'safetyPart.recovered': titled.police,
    };
    const withVehicle = kind === 'safetyPart.mounted' || kind === 'safetyPart.removed';
    const whole = { ...(withVehicle ? { vehicle: this.vehicle } : {}), ...deed };
    return signedBy(this.#system, by ?? usual[kind], this.subject, kind, this.#revision, whole, place);
  }

  /** Has it executed; what is thrown is a revert. */
  async must(kind: PartKind): Promise<Signed> {
    const signed = this.sign(kind);
    await send(this.#system, signed);
    this.#revision += 1;
    return signed;
  }
}

const reverted = (code: string) => ({ caughtBy: `Parts ${code}`, fate: 'reverted' }) as const;
const byRelayer = { by: 'relayer' } as const;
const byAttester = { by: 'attester' } as const;

/** What becomes of an action on a part that has come so far. */
const attempt =
  (then: readonly PartKind[], kind: PartKind, deed: () => Deed = () => ({}), who?: (s: System) => Attester) =>
  async (system: System): Promise<Outcome> => {
    const part = await SafetyPart.registered(system, ...then);
    return executed(system, part.sign(kind, deed(), who?.(system)));
  };

const elsewhere = (): Deed => ({ vehicle: fresh() });

/** What can be tried on safety parts: by a relayer, and by organisations beyond their rights or with them. */
export const partDeedLies: readonly OtherLie[] = [
  {
    lie: 'turns the mounting of a part to another vehicle',
    ...byRelayer,
    ...reverted('action.signature'),
    run: async (s) => {
      const signed = (await SafetyPart.registered(s)).sign('safetyPart.mounted');
      return executed(s, { ...signed, action: { ...signed.action, vehicle: fresh() } });
    },
  },
  {
    lie: 'relays the mounting of a part that was signed for another chain',
    ...byRelayer,
    ...reverted('action.signature'),
    run: async (s) => {
      const part = await SafetyPart.registered(s);
      return executed(s, part.sign('safetyPart.mounted', {}, undefined, { chainId: 1n }));
    },
  },
  {
    lie: 'replays the mounting of a part once it was removed',
    ...byRelayer,
    ...reverted('part.wrongRevision'),
    run: async (s) => {
      const part = await SafetyPart.registered(s);
      const mounting = await part.must('safetyPart.mounted');
      await part.must('safetyPart.removed');
      return executed(s, mounting);
    },
  },
  {
    lie: 'mounts a part that is in another vehicle',
    ...byAttester,
    ...reverted('part.wrongState'),
    run: attempt(['safetyPart.mounted'], 'safetyPart.mounted', elsewhere),
  },
  {
    lie: 'mounts one part into two vehicles at once',
    ...byAttester,
    ...reverted('part.wrongRevision'),
    run: async (s) => {
      const part = await SafetyPart.registered(s);
      const second = part.sign('safetyPart.mounted', elsewhere());
      await part.must('safetyPart.mounted');
      return executed(s, second);
    },
  },
  {
    lie: 'mounts a stolen part',
    ...byAttester,
    ...reverted('part.wrongState'),
    run: attempt(['safetyPart.stolen'], 'safetyPart.mounted'),
  },
  {
    lie: 'mounts a scrapped part',
    ...byAttester,
    ...reverted('part.wrongState'),
    run: attempt(['safetyPart.scrapped'], 'safetyPart.mounted'),
  },
  {
    lie: 'takes a part out of a vehicle that it is not in, to mount it into its own',
    ...byAttester,
    ...reverted('part.notThere'),
    run: attempt(['safetyPart.mounted'], 'safetyPart.removed', elsewhere),
  },
  {
    lie: 'registers a part again, as its own make',
    ...byAttester,
    ...reverted('part.wrongState'),
    run: attempt([], 'safetyPart.registered'),
  },
  {
    lie: 'declares a stolen part recovered that it had no right to',
    ...byAttester,
    ...reverted('action.kindNotAllowed'),
    run: attempt(
      ['safetyPart.stolen'],
      'safetyPart.recovered',
      () => ({}),
      (s) => s.workshop,
    ),
  },
  {
    lie: 'writes the mounting of a part into a vehicle’s history past Parts',
    ...byAttester,
    caughtBy: 'Skipped 7',
    fate: 'skipped',
    run: (s) => skippedBy(s, [signedSubmission(s, s.workshop, { kind: partKinds['safetyPart.mounted'] })]),
  },
];
