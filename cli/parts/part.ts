import { setTimeout as sleep } from 'node:timers/promises';
import type { Address, LedgerAddress, OrganisationId, Subject } from '../../core/chain/types.ts';
import { ZERO_SUBJECT } from '../../core/chain/types.ts';
import { type ModuleAddress, ZERO_ADDRESS } from '../../core/modules/action.ts';
import type { Part, PartState } from '../../core/modules/part.ts';
import { selector } from '../../core/verify/chainView.ts';
import { CommandError } from '../exit.ts';
import { placeOf } from '../http.ts';
import { keccakText } from '../keccak.ts';
import type { Rpc } from '../rpc.ts';

/* Parts as the chain has them, read by raw JSON-RPC: what the service says of a part is held to this. */

const selectors = { parts: selector('parts()'), partOf: selector('partOf(bytes32)') } as const;

/** The topic of the log that the module writes for each action. */
export const PART_EXECUTED = keccakText(
  'Executed(bytes32,bytes32,address,(uint8,bytes32,uint64,uint64,uint64,bytes32,bytes32))',
);

const STATES: readonly PartState[] = ['none', 'free', 'mounted', 'stolen', 'scrapped'];

/** The `Parts` that a ledger takes the kinds 16–31 from, as it says in its code. @throws `part.noModule` */
export async function partsOf(rpc: Rpc, ledger: LedgerAddress): Promise<ModuleAddress> {
  const [parts] = await call(rpc, ledger.address, selectors.parts);
  const address = `0x${(parts ?? '').slice(24)}` as Address;
  if (parts === undefined || address === ZERO_ADDRESS) {
    throw new CommandError('failed', 'part.noModule', 'This ledger has no parts.');
  }
  return { chainId: ledger.chainId, address };
}

/** @throws `rpc.malformed` */
export async function readPart(rpc: Rpc, parts: ModuleAddress, subject: Subject): Promise<Part> {
  const [maker, revision, state, vehicle] = await call(
    rpc,
    parts.address,
    selectors.partOf + subject.slice(2),
  );
  const name = STATES[Number(BigInt(`0x${state ?? 'ff'}`))];
  if (vehicle === undefined || name === undefined) throw malformed();
  const where = `0x${vehicle}` as Subject;
  return {
    state: name,
    maker: BigInt(`0x${maker}`) as OrganisationId,
    revision: BigInt(`0x${revision}`),
    vehicle: where === ZERO_SUBJECT ? null : where,
  };
}

/** How long endpoints that are a block apart may take to tell the same. */
const AGREE_MILLISECONDS = 1_500;

/** A part that all endpoints tell the same of. @throws `rpc.malformed` `rpc.disagree` */
export async function readAgreedPart(
  endpoints: readonly Rpc[],
  parts: ModuleAddress,
  subject: Subject,
): Promise<Part> {
  for (const last of [false, true]) {
    const [first, ...others] = await Promise.all(endpoints.map((rpc) => readPart(rpc, parts, subject)));
    if (first === undefined) throw new TypeError('one endpoint at least');
    const same = ({ state, revision, vehicle, maker }: Part): boolean =>
      state === first.state &&
      revision === first.revision &&
      vehicle === first.vehicle &&
      maker === first.maker;
    if (others.every(same)) return first;
    if (!last) await sleep(AGREE_MILLISECONDS);
  }
  throw new CommandError('unreachable', 'rpc.disagree', 'The endpoints tell different things of this part.', {
    details: { endpoints: endpoints.map(({ url }) => placeOf(url)) },
  });
}

/** The 32-byte words of an answer, without `0x`. */
async function call(rpc: Rpc, to: Address, data: string): Promise<string[]> {
  const answer = await rpc.request('eth_call', [{ to, data }, 'latest']);
  if (typeof answer !== 'string' || !/^0x(?:[0-9a-fA-F]{64})*$/.test(answer)) throw malformed();
  return answer.slice(2).toLowerCase().match(/.{64}/g) ?? [];
}

function malformed(): CommandError {
  const text = 'The endpoint’s answer about a part is malformed: is the ledger of this version?';
  return new CommandError('unreachable', 'rpc.malformed', text);
}
