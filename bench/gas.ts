/**
 * Gas per entry beside EAS `multiAttest`, on the same chain in the same run: receipt's gas ÷ entries, calldata and
 * intrinsic gas included. An EAS attestation carries what an entry says in 200 bytes of data.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  Contract,
  ContractFactory,
  hexlify,
  JsonRpcProvider,
  NonceManager,
  randomBytes,
  Wallet,
  ZeroAddress,
  ZeroHash,
} from 'ethers';
import { toHex } from '../core/bytes.ts';
import { packEntries } from '../core/chain/entry.ts';
import { signSubmission } from '../core/chain/submission.ts';
import type { Address, Digest, OrganisationId, Subject } from '../core/chain/types.ts';
import { startAnvil } from '../test/contracts/support/anvil.ts';
import { table } from './table.ts';

const SIZES = [1, 10, 100, 500];
const SERVICE = 64;

export type Artifact = { readonly abi: []; readonly bytecode: string };

export async function artifact(path: string): Promise<Artifact> {
  return JSON.parse(await readFile(fileURLToPath(path), 'utf8')) as Artifact;
}

export const ours = (name: string) =>
  artifact(import.meta.resolve(`../artifacts/contracts/${name}.sol/${name}.json`));
const theirs = (name: string) =>
  artifact(
    new URL(
      `../node_modules/@ethereum-attestation-service/eas-contracts/artifacts/contracts/${name}.sol/${name}.json`,
      import.meta.url,
    ).href,
  );

export async function deployed(
  signer: NonceManager,
  { abi, bytecode }: Artifact,
  ...parameters: unknown[]
): Promise<Contract> {
  const contract = await new ContractFactory(abi, bytecode, signer).deploy(...parameters);
  await contract.waitForDeployment();
  return new Contract(await contract.getAddress(), abi, signer);
}

export async function gasOf(contract: Contract, method: string, ...parameters: unknown[]): Promise<number> {
  const sent = await contract.getFunction(method)(...parameters, { gasLimit: 400_000_000n });
  const receipt = (await sent.wait()) as { gasUsed: bigint; status: number };
  if (receipt.status !== 1) throw new Error(`${method} reverted`);
  return Number(receipt.gasUsed);
}

export async function benchGas(): Promise<string> {
  const anvil = await startAnvil('--gas-limit', '500000000', '--disable-code-size-limit');
  const provider = new JsonRpcProvider(anvil.rpcUrl, undefined, { cacheTimeout: -1, pollingInterval: 20 });
  try {
    const funded = await provider.getSigner(0);
    const wallet = Wallet.createRandom();
    await (await funded.sendTransaction({ to: wallet.address, value: 10n ** 21n })).wait();
    const signer = new NonceManager(wallet.connect(provider));
    const { chainId } = await provider.getNetwork();

    const manager = await accessManager();
    const authority = await deployed(signer, manager, wallet.address);
    const organisations = await deployed(
      signer,
      await ours('Organisations'),
      await authority.getAddress(),
      0,
      1n << 64n,
    );
    const key = hexlify(randomBytes(32));
    const ledger = await deployed(
      signer,
      await ours('Ledger'),
      await authority.getAddress(),
      await organisations.getAddress(),
      key,
      ZeroAddress,
      ZeroAddress,
    );
    await (await organisations.getFunction('admit')(wallet.address, 1n << 64n, ZeroHash)).wait();
    await (await organisations.getFunction('addKey')(1, wallet.address)).wait();

    const registry = await deployed(signer, await theirs('SchemaRegistry'));
    const eas = await deployed(signer, await theirs('EAS'), await registry.getAddress());
    const registered = await (
      await registry.getFunction('register')('bytes entry', ZeroAddress, false)
    ).wait();
    const schema = (registered as { logs: { topics: string[] }[] }).logs[0]?.topics[1];

    const address = (await ledger.getAddress()).toLowerCase() as Address;
    let nonce = 0n;
    const submission = (subjects: readonly Subject[]) => {
      const entries = packEntries(
        subjects.map((subject) => ({ kind: SERVICE, subject, digest: hexlify(randomBytes(32)) as Digest })),
      );
      const signed = signSubmission(
        { chainId, address },
        { organisation: 1n as OrganisationId, entries, nonce: nonce++, deadline: 4_000_000_000n },
        Buffer.from(wallet.privateKey.slice(2), 'hex'),
      );
      return { ...signed, entries: toHex(signed.entries), signature: toHex(signed.signature) };
    };
    await gasOf(ledger, 'recordSigned', [submission([hexlify(randomBytes(32)) as Subject])]);

    const rows: (string | number)[][] = [];
    for (const size of SIZES) {
      const subjects = Array.from({ length: size }, () => hexlify(randomBytes(32)) as Subject);
      const first = await gasOf(ledger, 'recordSigned', [submission(subjects)]);
      const later = await gasOf(ledger, 'recordSigned', [submission(subjects)]);
      const data = Array.from({ length: size }, () => ({
        recipient: ZeroAddress,
        expirationTime: 0,
        revocable: false,
        refUID: ZeroHash,
        data: hexlify(randomBytes(200)),
        value: 0,
      }));
      const attest = await gasOf(eas, 'multiAttest', [{ schema, data }]);
      const [perFirst, perLater, perAttestation] = [first, later, attest].map((gas) =>
        Math.round(gas / size),
      );
      rows.push([
        size,
        perFirst ?? 0,
        perLater ?? 0,
        perAttestation ?? 0,
        (attest / first).toFixed(1),
        (attest / later).toFixed(1),
      ]);
    }
    return table(
      ['entries', 'Vinculum first', 'Vinculum later', 'EAS multiAttest', 'EAS ÷ first', 'EAS ÷ later'],
      rows,
    );
  } finally {
    provider.destroy();
    await anvil.stop();
  }
}

export async function accessManager(): Promise<Artifact> {
  return artifact(
    new URL(
      '../artifacts/@openzeppelin/contracts/access/manager/AccessManager.sol/AccessManager.json',
      import.meta.url,
    ).href,
  );
}

if (import.meta.main) console.log(await benchGas());
