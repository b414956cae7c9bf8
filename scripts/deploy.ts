import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type ArtifactResolver,
  type DeploymentResult,
  DeploymentResultType,
  deploy as deployModule,
  type EIP1193Provider,
  type DeploymentParameters as IgnitionParameters,
} from '@nomicfoundation/ignition-core';
import { keccak256, type TransactionLike, Wallet } from 'ethers';
import { vinculumContracts, vinculumModule } from '../ignition/modules/Vinculum.ts';

export type DeploymentParameters = {
  /** Holds ADMIN of the AccessManager: a multisig, in production behind a timelock. */
  admin: string;
  registrar: string;
  guardian: string;
  directoryManager: string;
  /** Seconds between scheduling and executing what the registrar does; 0: at once. */
  registrarDelay: number;
  /** Seconds before a new controller can take an organisation over. */
  controllerDelay: number;
  /** Bitmap of the kinds that can be granted; never bits 0–31. */
  definedKinds: bigint;
  /** The public key of the pseudonym function, 32 bytes as hex. */
  pseudonymKey: string;
  /** The modules of kinds 0–15 and 16–31; absent: nobody. */
  titles?: string;
  parts?: string;
};

export type Deployment = {
  chainId: bigint;
  authority: string;
  organisations: string;
  ledger: string;
  directory: string;
  ledgerCodeHash: string;
  /** The block of the first contract: nothing of ours is in an earlier one. */
  firstBlock: number;
};

export type DeployOptions = {
  rpcUrl: string;
  /** The deployer's private key; it pays, and keeps no power unless it is the admin. */
  deployerKey: string;
  /** Where the journal lives. A second call with the same folder resumes, or finds everything done. */
  deploymentDir: string;
  parameters: DeploymentParameters;
  /** Called after each transaction is sent, for chains that mine on demand. */
  afterSend?: () => Promise<unknown>;
};

export class DeploymentError extends Error {
  readonly code: 'deployment.failed' | 'deployment.vanished' | 'deployment.notcompiled' | 'deployment.rpc';

  constructor(code: DeploymentError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DeploymentError';
    this.code = code;
  }
}

/** Deploys the contracts, lists the ledger in the directory and hands every role over. Idempotent. */
export async function deploy(options: DeployOptions): Promise<Deployment> {
  const deployer = new Wallet(options.deployerKey);
  return deployBy(deployer.address, signingProvider(options, deployer), options);
}

/** The same through a provider that signs for the deployer. */
export async function deployBy(
  deployer: string,
  provider: EIP1193Provider,
  { deploymentDir, parameters }: Pick<DeployOptions, 'deploymentDir' | 'parameters'>,
): Promise<Deployment> {
  const chainId = BigInt(await provider.request({ method: 'eth_chainId' }));
  const run = async (
    ignitionModule: Parameters<typeof deployModule>[0]['ignitionModule'],
    deploymentParameters: IgnitionParameters,
  ) =>
    addressesOf(
      await deployModule({
        config: { requiredConfirmations: 1, blockPollingInterval: 50, retryInterval: 50, maxRetries: 200 },
        ...{ artifactResolver, provider, deploymentDir, ignitionModule, deploymentParameters },
        accounts: [deployer],
      }),
    );

  const { controllerDelay, definedKinds, pseudonymKey, titles, parts } = parameters;
  const contractParameters = {
    ...{ controllerDelay, definedKinds, pseudonymKey },
    ...(titles === undefined ? {} : { titles }),
    ...(parts === undefined ? {} : { parts }),
  };
  const deployed = await run(vinculumContracts, { VinculumContracts: contractParameters });
  const ledgerCode = await provider.request({ method: 'eth_getCode', params: [deployed.ledger, 'latest'] });
  if (ledgerCode === '0x') {
    throw new DeploymentError(
      'deployment.vanished',
      `${deploymentDir} says that the ledger is at ${deployed.ledger}, but chain ${chainId} has no code there. ` +
        'The chain was reset: restore its state, or remove that folder to deploy anew.',
    );
  }
  const ledgerCodeHash = keccak256(ledgerCode);

  const { admin, registrar, guardian, directoryManager, registrarDelay } = parameters;
  const deployerIsAdmin = admin.toLowerCase() === deployer.toLowerCase();
  await run(vinculumModule({ deployerIsAdmin }), {
    VinculumContracts: contractParameters,
    Vinculum: {
      ...{ admin, registrar, guardian, directoryManager, registrarDelay },
      ...{ chainId, ledgerCodeHash, pseudonymKey },
    },
  });
  return { chainId, ...deployed, ledgerCodeHash, firstBlock: await firstBlockOf(deploymentDir) };
}

function addressesOf(result: DeploymentResult) {
  if (result.type !== DeploymentResultType.SUCCESSFUL_DEPLOYMENT) {
    const detail = JSON.stringify(result, (_, value) =>
      typeof value === 'bigint' ? value.toString() : value,
    );
    throw new DeploymentError('deployment.failed', `The deployment did not succeed: ${detail}`);
  }
  const addressOf = (contract: string): string => {
    const found = result.contracts[`VinculumContracts#${contract}`];
    if (found === undefined) {
      throw new DeploymentError('deployment.failed', `The deployment has no ${contract}.`);
    }
    return found.address;
  };
  return {
    authority: addressOf('AccessManager'),
    organisations: addressOf('Organisations'),
    ledger: addressOf('Ledger'),
    directory: addressOf('Directory'),
  };
}

const ARTIFACTS = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'artifacts');

const artifactResolver: ArtifactResolver = {
  async loadArtifact(name) {
    const file =
      name === 'AccessManager'
        ? '@openzeppelin/contracts/access/manager/AccessManager.sol/AccessManager.json'
        : `contracts/${name}.sol/${name}.json`;
    try {
      return JSON.parse(await readFile(path.join(ARTIFACTS, file), 'utf8'));
    } catch (cause) {
      throw new DeploymentError(
        'deployment.notcompiled',
        'Compile the contracts first: npm run build:contracts',
        {
          cause,
        },
      );
    }
  },
  // Only asked for when a contract is to be verified on an explorer.
  getBuildInfo: async () => undefined,
};

/** Ignition's journal has one JSON object a line; confirmations carry the receipt. */
async function firstBlockOf(deploymentDir: string): Promise<number> {
  const lines = (await readFile(path.join(deploymentDir, 'journal.jsonl'), 'utf8')).split('\n');
  const blocks = lines
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line).receipt?.blockNumber)
    .filter((block) => typeof block === 'number');
  return Math.min(...blocks);
}

/** JSON-RPC over HTTP, with transactions signed here: the endpoint holds no key. */
function signingProvider({ rpcUrl, afterSend }: DeployOptions, deployer: Wallet): EIP1193Provider {
  let requestId = 0;
  const call = async (method: string, params: readonly unknown[] | object): Promise<unknown> => {
    requestId += 1;
    const response = await fetch(rpcUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: requestId, method, params }),
    });
    const body = await response.json();
    // Ignition reads the message of the endpoint's own error, and its data.
    if (body.error !== undefined) throw Object.assign(new Error(body.error.message), body.error);
    return body.result;
  };
  return {
    async request({ method, params = [] }) {
      if (method === 'eth_accounts') return [deployer.address];
      if (method !== 'eth_sendTransaction' || !Array.isArray(params)) return call(method, params);
      const { gas, from: _, ...rest } = params[0];
      const transaction: TransactionLike = { ...rest, gasLimit: gas, chainId: await call('eth_chainId', []) };
      const hash = await call('eth_sendRawTransaction', [await deployer.signTransaction(transaction)]);
      await afterSend?.();
      return hash;
    },
  };
}
