import { setTimeout as sleep } from 'node:timers/promises';
import type { Hex } from '../../core/bytes.ts';
import { toHex, word } from '../../core/bytes.ts';
import type { Address, LedgerAddress, OrganisationId, Subject } from '../../core/chain/types.ts';
import { type ModuleAddress, ZERO_ADDRESS, ZERO_DETAIL } from '../../core/modules/action.ts';
import type { Lien, Title, TitleState } from '../../core/modules/title.ts';
import { selector } from '../../core/verify/chainView.ts';
import { quantity } from '../chain.ts';
import { CommandError } from '../exit.ts';
import { placeOf } from '../http.ts';
import { keccakText } from '../keccak.ts';
import type { Rpc } from '../rpc.ts';

/* Titles as the chain has them, read by raw JSON-RPC: what the service says of a title is held to this. */

const selectors = {
  titles: selector('titles()'),
  titleOf: selector('titleOf(bytes32)'),
  liensOf: selector('liensOf(bytes32)'),
} as const;

/** The topic of the log that the module writes for each action. */
export const EXECUTED = keccakText(
  'Executed(bytes32,bytes32,address,(uint8,bytes32,uint64,uint64,uint64,address,uint64,bytes32,bytes32))',
);

const STATES: readonly TitleState[] = ['none', 'held', 'exported', 'scrapped', 'replaced'];

/** The `Titles` that a ledger takes the kinds 0–15 from, as it says in its code. @throws `title.noModule` */
export async function titlesOf(rpc: Rpc, ledger: LedgerAddress): Promise<ModuleAddress> {
  const [titles] = await call(rpc, ledger.address, selectors.titles, 'latest');
  const address = `0x${(titles ?? '').slice(24)}` as Address;
  if (titles === undefined || address === ZERO_ADDRESS) {
    throw new CommandError('failed', 'title.noModule', 'This ledger has no titles.');
  }
  return { chainId: ledger.chainId, address };
}

/** A title, without the liens that have expired. @throws `rpc.malformed` */
export async function readTitle(
  rpc: Rpc,
  titles: ModuleAddress,
  subject: Subject,
  block: number | 'latest' = 'latest',
): Promise<Title> {
  const argument = subject.slice(2);
  const [title, liens] = await Promise.all([
    call(rpc, titles.address, selectors.titleOf + argument, block),
    call(rpc, titles.address, selectors.liensOf + argument, block),
  ]);
  return decodeTitle(title, liens);
}

/** How long endpoints that are a block apart may take to tell the same. */
const AGREE_MILLISECONDS = 1_500;

/** A title that all endpoints tell the same of. @throws `rpc.malformed` `rpc.disagree` */
export async function readAgreedTitle(
  endpoints: readonly Rpc[],
  titles: ModuleAddress,
  subject: Subject,
): Promise<Title> {
  const read = () => Promise.all(endpoints.map((rpc) => readTitle(rpc, titles, subject)));
  const [first, ...others] = await read();
  if (first === undefined) throw new TypeError('one endpoint at least');
  if (others.every((other) => isSame(first, other))) return first;
  await sleep(AGREE_MILLISECONDS);
  const [again, ...rest] = await read();
  if (again !== undefined && rest.every((other) => isSame(again, other))) return again;
  throw new CommandError(
    'unreachable',
    'rpc.disagree',
    'The endpoints tell different things of this title.',
    {
      details: { endpoints: endpoints.map(({ url }) => placeOf(url)) },
    },
  );
}

const isSame = (left: Title, right: Title): boolean => textOf(left) === textOf(right);

const textOf = (title: Title): string =>
  JSON.stringify(title, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));

/** How many actions each title has seen. */
export async function readRevisions(
  rpc: Pick<Rpc, 'batch'>,
  titles: ModuleAddress,
  subjects: readonly Subject[],
): Promise<bigint[]> {
  const calls = subjects.map((subject) => ({
    method: 'eth_call',
    params: [{ to: titles.address, data: selectors.titleOf + subject.slice(2) }, 'latest'],
  }));
  return (await rpc.batch(calls)).map((answer) => number(words(answer)[1]));
}

async function call(rpc: Rpc, to: Address, data: string, block: number | 'latest'): Promise<string[]> {
  const tag = block === 'latest' ? block : quantity(block);
  return words(await rpc.request('eth_call', [{ to, data }, tag]));
}

/** The 32-byte words of an answer, without `0x`. */
function words(answer: unknown): string[] {
  if (typeof answer !== 'string' || !/^0x(?:[0-9a-fA-F]{64})*$/.test(answer)) throw malformed();
  return answer.slice(2).toLowerCase().match(/.{64}/g) ?? [];
}

const TITLE_WORDS = 12;

function decodeTitle(title: readonly string[], liens: readonly string[]): Title {
  if (title.length !== TITLE_WORDS) throw malformed();
  const [
    owner,
    revision,
    tenure,
    state,
    stolen,
    ,
    buyer,
    offeredUntil,
    liensPlaced,
    brands,
    replaces,
    replacedBy,
  ] = title;
  const name = STATES[Number(number(state))];
  if (name === undefined) throw malformed();
  const held = number(brands);
  return {
    state: name,
    owner: addressOrNull(owner),
    revision: number(revision),
    tenure: number(tenure),
    offer: addressOrNull(buyer) === null ? null : { buyer: address(buyer), until: number(offeredUntil) },
    liens: decodeLiens(liens),
    liensPlaced: Number(number(liensPlaced)),
    stolen: number(stolen) === 1n,
    brands: Array.from({ length: 128 }, (_, code) => code).filter((code) => (held >> BigInt(code)) & 1n),
    replaces: subjectOrNull(replaces),
    replacedBy: subjectOrNull(replacedBy),
  };
}

/** An array of static structs: where it begins, how many, then four words each. */
function decodeLiens(answer: readonly string[]): Lien[] {
  const length = Number(number(answer[1]));
  if (number(answer[0]) !== 32n || answer.length !== 2 + 4 * length) throw malformed();
  return Array.from({ length }, (_, index) => {
    const [holder, until, lien, rank] = answer.slice(2 + 4 * index);
    return {
      holder: number(holder) as OrganisationId,
      until: number(until),
      number: Number(number(lien)),
      rank: Number(number(rank)),
    };
  });
}

function number(text: string | undefined): bigint {
  if (text === undefined) throw malformed();
  return BigInt(`0x${text}`);
}

const address = (text: string | undefined): Address => `0x${(text ?? '').slice(24)}` as Address;

function addressOrNull(text: string | undefined): Address | null {
  const found = address(text);
  return found === ZERO_ADDRESS ? null : found;
}

function subjectOrNull(text: string | undefined): Subject | null {
  const found: Hex = `0x${text ?? ''}`;
  return found === ZERO_DETAIL ? null : (found as Subject);
}

function malformed(): CommandError {
  const text = 'The endpoint’s answer about a title is malformed: is the ledger of this version?';
  return new CommandError('unreachable', 'rpc.malformed', text);
}

/** A number as `detail`. */
export function detailOfNumber(value: number): Hex {
  return toHex(word(BigInt(value)));
}
