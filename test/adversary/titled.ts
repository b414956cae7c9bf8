import { encodeExecute } from '../../api/chain/contracts.ts';
import { codeOfRefusal, type RefusalCode } from '../../api/chain/refusals.ts';
import { RpcRefusal } from '../../api/chain/rpc.ts';
import { createRpc } from '../../cli/rpc.ts';
import { readTitle } from '../../cli/titles/title.ts';
import { fromBase64Url, toHex } from '../../core/bytes.ts';
import type { Address, Subject } from '../../core/chain/types.ts';
import type { Title, TitleKind } from '../../core/modules/title.ts';
import type { Report } from '../../core/report/report.ts';
import { selector } from '../../core/verify/chainView.ts';
import type { Attester, TestService } from '../api/fixture.ts';
import { DAY, Vehicle } from '../api/privacy/world.ts';
import {
  type Actor,
  type Deed,
  type Person,
  type Place,
  person,
  type Signed,
  seconds,
  sign,
} from '../api/titles/acting.ts';
import type { Fate } from './lie.ts';
import { NEW_NUMBER, OLD_NUMBER, type System, TITLED_CAR } from './system.ts';

/** The vehicles that have titles, and who has to do with them. */
export type Titled = {
  readonly lender: Attester;
  readonly police: Attester;
  readonly authority: Attester;
  /** Ann sold it to Bob. */
  readonly car: Vehicle;
  readonly ann: Person;
  readonly bob: Person;
  /** Under its old number: a lien, and stolen. */
  readonly renumbered: Vehicle;
  /** The titled car’s report when Bob had just bought it: without lien, brand or theft. */
  readonly older: Report;
};

export const year = (): bigint => seconds() + 300n * DAY;

/** What has happened to titles before the lies begin. */
export async function loadTitles(
  test: TestService,
  registry: Attester,
  honest: (vin: string) => Promise<Report>,
): Promise<Titled> {
  const lender = await test.admit('Banque du Lac', ['lender']);
  const police = await test.admit('Police Centrale', ['police']);
  const authority = await test.admit('Autorité', ['authority']);
  const [ann, bob] = [person(), person()];
  const car = new Vehicle(test, TITLED_CAR);
  await car.act(registry, 'title.issued', { party: ann.address });
  await car.sell(ann, bob);
  const older = await honest(TITLED_CAR);
  await car.act(lender, 'title.lienPlaced', { detail: 1n, until: year(), sealed: { contractNumber: 'K-9' } });
  await car.act(authority, 'title.branded', { detail: 11n });
  await car.act(police, 'title.stolen');

  const renumbered = new Vehicle(test, OLD_NUMBER);
  await renumbered.act(registry, 'title.issued', { party: ann.address });
  await renumbered.act(lender, 'title.lienPlaced', { detail: 1n, until: year() });
  await renumbered.act(police, 'title.stolen');
  const { subject } = new Vehicle(test, NEW_NUMBER);
  const data = { to: `vin:${NEW_NUMBER}`, reason: 'unreadable' };
  await renumbered.act(registry, 'title.replaced', { detail: subject, data });
  return { lender, police, authority, car, ann, bob, renumbered, older };
}

export function placeOf({ test }: System): Place {
  return { ledger: test.ledger, titles: test.service.services.deployment.titles };
}

/** A vehicle of its own for a lie, with a title that this person holds. */
export async function ownedBy({ test, registry }: System, owner: Person): Promise<Vehicle> {
  const vehicle = new Vehicle(test);
  await vehicle.act(registry, 'title.issued', { party: owner.address });
  return vehicle;
}

/** The title as `Titles` has it. */
export function titleOf({ test }: System, subject: Subject): Promise<Title> {
  const { chainId, titles } = test.service.services.deployment;
  return readTitle(createRpc(test.service.rpcUrl), { chainId, address: titles }, subject);
}

/** An action on a title as it stands now, signed by who acts, and handed to nobody yet. */
export async function signedNow(
  system: System,
  actor: Actor,
  { target }: Vehicle,
  kind: TitleKind,
  deed: Deed = {},
): Promise<Signed> {
  const { revision } = await titleOf(system, target.subject);
  return sign(placeOf(system), actor, target, kind, Number(revision), deed);
}

const headOf = async (system: System, subject: Subject): Promise<string> => {
  const data = selector('heads(bytes32)') + subject.slice(2);
  return String(await system.chain.call('eth_call', [{ to: system.test.ledger.address, data }, 'latest']));
};

/** Why `Titles` would refuse an action now, or null. */
async function refusalOf(
  system: System,
  { action, request: { actor, signature } }: Signed,
): Promise<RefusalCode | null> {
  const { titles, directory } = system.test.service.services.deployment;
  const data = toHex(encodeExecute(action, actor as Address, fromBase64Url(signature)));
  const call = { method: 'eth_call', params: [{ from: directory, to: titles, data }, 'latest'] };
  const [answer] = await system.test.service.services.rpc.batch([call]);
  return answer instanceof RpcRefusal ? codeOfRefusal(answer) : null;
}

/** Sends an action to `Titles`, and says `reverted` where nothing came of it, neither in the title nor in the ledger. */
export async function executed(system: System, signed: Signed): Promise<{ fate: Fate; caughtBy: string }> {
  const { subject } = signed.action;
  const before = [await headOf(system, subject), await titleOf(system, subject)] as const;
  const code = await refusalOf(system, signed);
  const went = await system.chain.execute(signed).then(
    () => true,
    () => false,
  );
  const after = [await headOf(system, subject), await titleOf(system, subject)] as const;
  const untouched = before[0] === after[0] && before[1].revision === after[1].revision;
  return { fate: !went && untouched ? 'reverted' : 'uncaught', caughtBy: `Titles ${code}` };
}

/** Sends an action that must be executed. */
export async function mustExecute(system: System, signed: Signed): Promise<void> {
  const code = await refusalOf(system, signed);
  if (code !== null) throw new Error(`Titles refuses what is honest: ${code}`);
  await system.chain.execute(signed);
}
