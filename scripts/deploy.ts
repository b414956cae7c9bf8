import { appendFile, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type ArtifactResolver,
  type DeploymentResult,
  DeploymentResultType,
  deploy as deployModule,
  type EIP1193Provider,
  type DeploymentParameters as IgnitionParameters,
  trackTransaction,
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
  /** Bitmap of the kinds that can be granted; a bit below 32 is the right to ask a module for that transition. */
  definedKinds: bigint;
  /** The public key of the pseudonym function, 32 bytes as hex. */
  pseudonymKey: string;
};

export type Deployment = {
  chainId: bigint;
  authority: string;
  organisations: string;
  /** The module of kinds 0–15, bound to the ledger. */
  titles: string;
  /** The module of kinds 16–31, bound to the ledger. */
  parts: string;
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
  /** Called before each transaction is sent; when it throws, the deployment stops there. */
  beforeSend?: () => Promise<unknown>;
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

/** Deploys the contracts, binds the modules to the ledger, lists it in the directory and hands every role over. Idempotent. */
export async function deploy(options: DeployOptions): Promise<Deployment> {
  const deployer = new Wallet(options.deployerKey);
  const provider = signingProvider(options, deployer);
  await settle(options.deploymentDir, deployer.address, provider);
  return deployBy(deployer.address, provider, options);
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
    requireSuccess(
      await deployModule({
        config: { requiredConfirmations: 1, blockPollingInterval: 50, retryInterval: 50, maxRetries: 200 },
        ...{ artifactResolver, provider, deploymentDir, ignitionModule, deploymentParameters },
        accounts: [deployer],
      }).catch((cause: unknown) => {
        if (cause instanceof DeploymentError) throw cause;
        const message = cause instanceof Error ? cause.message : String(cause);
        throw new DeploymentError('deployment.failed', message, { cause });
      }),
    );

  const { controllerDelay, definedKinds, pseudonymKey } = parameters;
  const contractParameters = { controllerDelay, definedKinds, pseudonymKey };
  // Ignition calls a module unfinished while another one of the same folder is: the first step is not repeated.
  if ((await addressesIn(deploymentDir)) === undefined) {
    await run(vinculumContracts, { VinculumContracts: contractParameters });
  }
  const deployed = await addressesIn(deploymentDir);
  if (deployed === undefined) throw new DeploymentError('deployment.failed', 'A contract is missing.');
  const ledgerCode = await provider.request({ method: 'eth_getCode', params: [deployed.ledger, 'latest'] });
  if (ledgerCode === '0x') throw vanished(deploymentDir);
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

function requireSuccess(result: DeploymentResult): void {
  if (result.type === DeploymentResultType.SUCCESSFUL_DEPLOYMENT) return;
  const detail = JSON.stringify(result, (_, value) => (typeof value === 'bigint' ? value.toString() : value));
  throw new DeploymentError('deployment.failed', `The deployment did not succeed: ${detail}`);
}

/** What Ignition has deployed in this folder, once all of it is. */
async function addressesIn(deploymentDir: string) {
  const text = await textOf(path.join(deploymentDir, 'deployed_addresses.json'));
  const deployed: Record<string, string> = JSON.parse(text || '{}');
  const authority = deployed['VinculumContracts#AccessManager'];
  const organisations = deployed['VinculumContracts#Organisations'];
  const titles = deployed['VinculumContracts#Titles'];
  const parts = deployed['VinculumContracts#Parts'];
  const ledger = deployed['VinculumContracts#Ledger'];
  const directory = deployed['VinculumContracts#Directory'];
  if (!authority || !organisations || !titles || !parts || !ledger || !directory) return undefined;
  return { authority, organisations, titles, parts, ledger, directory };
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
      const remedy = 'Compile the contracts first: npm run build:contracts';
      throw new DeploymentError('deployment.notcompiled', remedy, { cause });
    }
  },
  // Only asked for when a contract is to be verified on an explorer.
  getBuildInfo: async () => undefined,
};

/** One line of Ignition's journal, of which we read this much. */
type JournalLine = {
  text: string;
  type?: string;
  futureId?: string;
  networkInteractionId?: number;
  nonce?: number;
  hash?: string;
  transaction?: { hash?: string };
  receipt?: { blockNumber?: number };
};

/** A crash can tear the last line: it never counted then. */
async function readJournal(deploymentDir: string): Promise<JournalLine[]> {
  const lines = await linesOf(path.join(deploymentDir, 'journal.jsonl'));
  return lines.flatMap((text, index) => {
    try {
      return [{ ...JSON.parse(text), text }];
    } catch (cause) {
      if (index === lines.length - 1) return [];
      throw new DeploymentError('deployment.failed', `The journal in ${deploymentDir} is broken.`, { cause });
    }
  });
}

/** The block of the first receipt. */
async function firstBlockOf(deploymentDir: string): Promise<number> {
  const journal = await readJournal(deploymentDir);
  return Math.min(...journal.flatMap(({ receipt }) => receipt?.blockNumber ?? []));
}

/**
 * Makes the journal and the chain agree before Ignition goes on. A chain that lost what the journal says is done is an
 * error. A process that died between preparing a transaction and noting that it was sent leaves Ignition in doubt, and it
 * would ask its user; but we wrote the hash down before we sent it: if the chain knows the transaction, it was sent; if
 * not, it was never prepared.
 */
async function settle(deploymentDir: string, deployer: string, provider: EIP1193Provider): Promise<void> {
  const journal = await readJournal(deploymentDir);
  if (journal.length === 0) return;
  const sent = journal.filter(({ type }) => type === 'TRANSACTION_SEND');
  const confirmed = new Set(
    journal.flatMap(({ type, hash }) => (type === 'TRANSACTION_CONFIRM' ? [hash] : [])),
  );
  const nonces = sent.flatMap(({ nonce, transaction }) =>
    nonce !== undefined && confirmed.has(transaction?.hash) ? [nonce] : [],
  );
  const mined = await provider.request({ method: 'eth_getTransactionCount', params: [deployer, 'latest'] });
  if (Number(mined) <= Math.max(-1, ...nonces)) throw vanished(deploymentDir);

  const keyOf = ({ futureId, networkInteractionId }: JournalLine) => `${futureId}/${networkInteractionId}`;
  const settled = new Set(sent.map(keyOf));
  const hashes = (await linesOf(path.join(deploymentDir, SENT_FILE))).map((line) => line.split(' '));
  const known: string[] = [];
  const unknown = new Set<JournalLine>();
  for (const line of journal) {
    if (line.type !== 'TRANSACTION_PREPARE_SEND' || settled.has(keyOf(line))) continue;
    const [, hash] = hashes.findLast(([nonce]) => nonce === `${line.nonce}`) ?? [];
    const found =
      hash !== undefined &&
      (await provider.request({ method: 'eth_getTransactionByHash', params: [hash] })) !== null;
    if (found) known.push(hash);
    else unknown.add(line);
  }
  const file = path.join(deploymentDir, 'journal.jsonl');
  const kept = journal.filter((line) => !unknown.has(line)).map(({ text }) => `${text}\n`);
  await writeFile(`${file}.new`, kept.join(''), { flush: true });
  await rename(`${file}.new`, file);
  for (const hash of known) await trackTransaction(deploymentDir, hash, provider, 1);
}

function vanished(deploymentDir: string): DeploymentError {
  return new DeploymentError(
    'deployment.vanished',
    `The chain does not have what ${deploymentDir} says was deployed: it was reset. ` +
      'Restore its state, or remove that folder to deploy anew.',
  );
}

/** Nonce and hash of every transaction, one a line, written before it is sent. */
const SENT_FILE = 'sent.txt';

async function linesOf(file: string): Promise<string[]> {
  return (await textOf(file)).split('\n').filter((line) => line !== '');
}

/** Empty where there is no file. */
async function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
}

/** JSON-RPC over HTTP, with transactions signed here: the endpoint holds no key. */
function signingProvider(
  { rpcUrl, deploymentDir, beforeSend, afterSend }: DeployOptions,
  deployer: Wallet,
): EIP1193Provider {
  let requestId = 0;
  const call = async (method: string, params: readonly unknown[] | object): Promise<unknown> => {
    requestId += 1;
    const body = await fetch(rpcUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: requestId, method, params }),
    })
      .then((response) => response.json())
      .catch((cause) => {
        throw new DeploymentError('deployment.rpc', `${rpcUrl} does not answer as a chain does.`, { cause });
      });
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
      const signed = await deployer.signTransaction(transaction);
      const line = `${Number(transaction.nonce)} ${keccak256(signed)}\n`;
      await appendFile(path.join(deploymentDir, SENT_FILE), line, { flush: true });
      await beforeSend?.();
      const hash = await call('eth_sendRawTransaction', [signed]);
      await afterSend?.();
      return hash;
    },
  };
}
