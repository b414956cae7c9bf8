import { join } from 'node:path';
import { HDNodeWallet } from 'ethers';
import { fromHex, type Hex, toHex } from '../core/bytes.ts';
import type { Address } from '../core/chain/types.ts';
import { kindsOfRoles } from '../core/kinds/kinds.ts';
import { roles } from '../core/kinds/roles.ts';
import { deploy } from '../scripts/deploy.ts';
import { type Devnet, startDevnet } from './chain/devnet.ts';
import { type Deployment, readDeployment, writeDeployment } from './deployment.ts';

/** What each account of the embedded chain is for. On a chain of one's own these are different parties. */
const accountOf = {
  deployer: 0,
  relayer: 1,
  admin: 2,
  registrar: 3,
  guardian: 4,
  directoryManager: 5,
} as const;

export type EmbeddedRole = keyof typeof accountOf;

export interface EmbeddedChain {
  readonly devnet: Devnet;
  /** The private key of a role, for demonstrations and tests. */
  secretKey(role: EmbeddedRole): Hex;
  address(role: EmbeddedRole): Address;
  /** The contracts' addresses; they are deployed on the first call. */
  deployment(file: string, pseudonymKey: Uint8Array): Promise<Deployment>;
}

const DAY_SECONDS = 86_400;

/** The chain of a data folder, with everything on it that a ledger needs. */
export async function startEmbeddedChain(
  dataFolder: string,
  onProgress: (line: string) => void,
): Promise<EmbeddedChain> {
  const devnet = await startDevnet({ folder: join(dataFolder, 'chain'), onProgress });
  const wallets = new Map(
    (Object.keys(accountOf) as EmbeddedRole[]).map((role) => {
      const wallet = HDNodeWallet.fromPhrase(devnet.mnemonic, undefined, `m/44'/60'/0'/0/${accountOf[role]}`);
      return [
        role,
        { secretKey: wallet.privateKey as Hex, address: wallet.address.toLowerCase() as Address },
      ];
    }),
  );
  const account = (role: EmbeddedRole) => {
    const found = wallets.get(role);
    if (found === undefined) throw new TypeError(`no account for ${role}`);
    return found;
  };
  const address = (role: EmbeddedRole) => account(role).address;
  const secretKey = (role: EmbeddedRole) => account(role).secretKey;

  async function deployment(file: string, pseudonymKey: Uint8Array): Promise<Deployment> {
    const known = await readDeployment(file);
    if (
      known !== null &&
      known.chainId === BigInt(devnet.chainId) &&
      (await hasCode(devnet.url, known.ledger))
    ) {
      return known;
    }
    const made = await deploy({
      rpcUrl: devnet.url,
      deployerKey: secretKey('deployer'),
      deploymentDir: join(dataFolder, 'deployment'),
      parameters: {
        admin: address('admin'),
        registrar: address('registrar'),
        guardian: address('guardian'),
        directoryManager: address('directoryManager'),
        registrarDelay: 0,
        controllerDelay: DAY_SECONDS,
        definedKinds: kindsOfRoles(roles),
        pseudonymKey: toHex(pseudonymKey),
      },
      afterSend: async () => devnet.nudge(),
    });
    // What was deployed must outlive a crash, or the addresses would name nothing.
    await devnet.snapshot();
    const deployed: Deployment = {
      ...made,
      authority: lower(made.authority),
      organisations: lower(made.organisations),
      titles: lower(made.titles),
      parts: lower(made.parts),
      ledger: lower(made.ledger),
      directory: lower(made.directory),
      ledgerCodeHash: toHex(fromHex(made.ledgerCodeHash, 32)),
    };
    await writeDeployment(file, deployed);
    return deployed;
  }

  return { devnet, secretKey, address, deployment };
}

function lower(address: string): Address {
  return address.toLowerCase() as Address;
}

async function hasCode(url: string, address: Address): Promise<boolean> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_getCode', params: [address, 'latest'] }),
  });
  const { result } = (await response.json()) as { result?: unknown };
  return typeof result === 'string' && result.length > 2;
}
