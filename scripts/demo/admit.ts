import { setTimeout as sleep } from 'node:timers/promises';
import { sha256 } from '@noble/hashes/sha2.js';
import { Interface, Wallet } from 'ethers';
import { createRpc, type Rpc } from '../../api/chain/rpc.ts';
import { fromHex, type Hex, toHex, utf8 } from '../../core/bytes.ts';
import { canonicalJson } from '../../core/canonical.ts';
import type { Address, OrganisationId, Subject } from '../../core/chain/types.ts';
import { kindsOfRoles } from '../../core/kinds/kinds.ts';
import type { DemoOrganisation } from './demo.ts';
import type { DemoKey } from './keys.ts';

/** The chain, and the two parties of the demo that act on it themselves. */
export type DemoChain = {
  readonly rpcUrl: string;
  readonly organisations: Address;
  readonly ledger: Address;
  readonly titles: Address;
  readonly parts: Address;
  /** Admits. */
  readonly registrarKey: Hex;
  /** Controls every organisation of the demo: adds their signing keys. */
  readonly controllerKey: Hex;
};

const contract = new Interface([
  'function admit(address controller, uint256 kinds, bytes32 profile) returns (uint64)',
  'function addKey(uint64 organisation, address signer)',
  'function last() view returns (uint64)',
  'function keys(uint64 organisation, address signer) view returns (bool)',
  'function get(uint64 organisation) view returns (tuple(address controller, bool suspended, address candidate, uint48 acceptableAt, uint64 successor, uint256 kinds, bytes32 profile))',
  'function pseudonymKey() view returns (bytes32)',
  'function heads(bytes32 subject) view returns (bytes32)',
]);

/** An organisation's public profile, canonical JSON (docs/protocol.md §9). */
export function profileOf({ names, roles, country }: DemoOrganisation): string {
  return canonicalJson({ vinculum: 1, names, roles, country });
}

/**
 * Admits the organisations that are not on the ledger yet and adds the keys that are missing; a second run changes
 * nothing.
 * @returns their numbers, by name
 */
export async function admitOrganisations(
  chain: DemoChain,
  organisations: readonly DemoOrganisation[],
  keys: ReadonlyMap<string, DemoKey>,
): Promise<Map<string, OrganisationId>> {
  const rpc = createRpc({ url: chain.rpcUrl });
  const controller = new Wallet(chain.controllerKey).address;
  const profiles = new Map(
    organisations.map((organisation) => [toHex(sha256(utf8(profileOf(organisation)))), organisation.name]),
  );

  const admitted = await findAdmitted(rpc, chain, controller, profiles);
  const newcomers = organisations.filter(({ name }) => !admitted.has(name));
  await send(
    rpc,
    chain,
    chain.registrarKey,
    newcomers.map((organisation) =>
      contract.encodeFunctionData('admit', [
        controller,
        kindsOfRoles(organisation.roles),
        sha256(utf8(profileOf(organisation))),
      ]),
    ),
  );
  const numbers = newcomers.length === 0 ? admitted : await findAdmitted(rpc, chain, controller, profiles);

  const missing: string[] = [];
  for (const [name, number] of numbers) {
    const signer = keys.get(name)?.address;
    const [known] = await read(rpc, chain.organisations, 'keys', [number, signer]);
    if (known !== true) missing.push(contract.encodeFunctionData('addKey', [number, signer]));
  }
  await send(rpc, chain, chain.controllerKey, missing);
  return numbers;
}

/** The organisations under that controller, by the names of their profiles. */
async function findAdmitted(
  rpc: Rpc,
  chain: DemoChain,
  controller: string,
  profiles: ReadonlyMap<Hex, string>,
): Promise<Map<string, OrganisationId>> {
  const [last] = await read(rpc, chain.organisations, 'last', []);
  const found = new Map<string, OrganisationId>();
  for (let number = 1n; number <= (last as bigint); number++) {
    const [known] = await read(rpc, chain.organisations, 'get', [number]);
    const { controller: owner, profile } = known as { controller: string; profile: Hex };
    const name = profiles.get(profile);
    if (name !== undefined && owner === controller) found.set(name, number as OrganisationId);
  }
  return found;
}

/** The public key of the ledger's pseudonyms, and whether a subject has any history there. */
export async function readPseudonymKey(chain: DemoChain): Promise<Uint8Array> {
  const [key] = await read(createRpc({ url: chain.rpcUrl }), chain.ledger, 'pseudonymKey', []);
  return fromHex(key as string, 32);
}

export async function hasHistory(chain: DemoChain, subject: Subject): Promise<boolean> {
  const [head] = await read(createRpc({ url: chain.rpcUrl }), chain.ledger, 'heads', [subject]);
  return BigInt(head as string) !== 0n;
}

async function read(rpc: Rpc, to: Address, name: string, args: readonly unknown[]) {
  const data = contract.encodeFunctionData(name, args);
  const answer = await rpc.call('eth_call', [{ to, data }, 'latest']);
  return contract.decodeFunctionResult(name, String(answer));
}

const FEE = 10n ** 9n;
const GAS = 400_000n;
const PATIENCE_MILLISECONDS = 60_000;

/** Sends calls from one account, all at once, and waits until each has taken effect. */
async function send(rpc: Rpc, chain: DemoChain, secretKey: Hex, calls: readonly string[]): Promise<void> {
  if (calls.length === 0) return;
  const wallet = new Wallet(secretKey);
  const chainId = BigInt(String(await rpc.call('eth_chainId', [])));
  const first = Number(await rpc.call('eth_getTransactionCount', [wallet.address, 'pending']));
  const hashes: unknown[] = [];
  for (const [index, data] of calls.entries()) {
    const transaction = {
      ...{ type: 2, chainId, to: chain.organisations, data, nonce: first + index, gasLimit: GAS },
      ...{ maxFeePerGas: FEE, maxPriorityFeePerGas: 1n },
    };
    hashes.push(await rpc.call('eth_sendRawTransaction', [await wallet.signTransaction(transaction)]));
  }
  const until = Date.now() + PATIENCE_MILLISECONDS;
  for (const hash of hashes) {
    for (;;) {
      const receipt = (await rpc.call('eth_getTransactionReceipt', [hash])) as { status?: unknown } | null;
      if (receipt?.status === '0x1') break;
      if (receipt !== null) throw new Error(`the transaction ${String(hash)} was reverted`);
      if (Date.now() > until) throw new Error(`no block took the transaction ${String(hash)}`);
      await sleep(20);
    }
  }
}
