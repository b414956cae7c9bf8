/** One in-process chain for all tests of contracts, and the named parties on it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type BaseContract, type BigNumberish, type ContractMethod, id, type Signer } from 'ethers';
import { network } from 'hardhat';
import { deployBy } from '../../../scripts/deploy.ts';
import { type Entry, pack, SUBMISSION_TYPES } from './reference.ts';

const connection = await network.create();
export const { ethers, networkHelpers } = connection;
export const { loadFixture, time } = networkHelpers;

type Methods<Name extends string> = BaseContract & Record<Name, ContractMethod>;

export type Ledger = Methods<
  | (
      | 'record'
      | 'recordSigned'
      | 'recordFor'
      | 'close'
      | 'MAX_ENTRIES'
      | 'pseudonymKey'
      | 'heads'
      | 'ownHeads'
    )
  | ('nonceUsed' | 'submissionHash' | 'closedAt' | 'organisations' | 'titles' | 'parts' | 'authority')
  | 'eip712Domain'
>;
export type Organisations = Methods<
  | (
      | 'admit'
      | 'suspend'
      | 'reinstate'
      | 'setKinds'
      | 'setProfile'
      | 'setSuccessor'
      | 'defineKinds'
      | 'addKey'
    )
  | ('revokeKey' | 'proposeController' | 'recoverController' | 'acceptController' | 'cancelControllerChange')
  | ('standing' | 'get' | 'heads' | 'keys' | 'definedKinds' | 'last' | 'controllerDelay' | 'authority')
>;
export type Titles = Methods<
  | ('execute' | 'titleOf' | 'liensOf' | 'sellable' | 'actionHash' | 'bind' | 'organisations' | 'ledger')
  | ('MAX_LIENS' | 'MAX_LIEN_TIME' | 'MAX_OFFER_TIME' | 'eip712Domain')
>;
export type Parts = Methods<
  'execute' | 'partOf' | 'actionHash' | 'bind' | 'organisations' | 'ledger' | 'eip712Domain'
>;
export type Directory = Methods<'add' | 'close' | 'count' | 'ledgerAt' | 'head' | 'authority'>;
export type AccessManager = Methods<
  'hasRole' | 'getRoleAdmin' | 'getRoleGuardian' | 'getTargetFunctionRole' | 'schedule' | 'cancel' | 'execute'
>;

/** The same contract, called by another account. */
export function as<C extends BaseContract>(contract: C, caller: Signer): C {
  return contract.connect(caller) as C;
}

export const SERVICE = 64;
export const ODOMETER = 67;
export const RECALL = 80;
export const DEFINED_KINDS = kinds(SERVICE, 65, 66, ODOMETER, RECALL, 255);
export const PSEUDONYM_KEY = id('pseudonym key');
export const CONTROLLER_DELAY = 3 * 24 * 3600;
export const PROFILE = id('profile');

export function kinds(...numbers: number[]): bigint {
  return numbers.reduce((bitmap, number) => bitmap | (1n << BigInt(number)), 0n);
}

export const subjectOf = (name: string) => id(`subject ${name}`);
export const digestOf = (name: string) => id(`digest ${name}`);
export const entry = (subject: string, digest: string, kind = SERVICE): Entry => ({
  kind,
  subject: subjectOf(subject),
  digest: digestOf(digest),
});

/** Everything deployed the way it is in production, roles handed over; nobody admitted yet. */
export async function deployed() {
  const [deployer, admin, registrar, guardian, directoryManager, ...others] = await ethers.getSigners();
  if (!deployer || !admin || !registrar || !guardian || !directoryManager) {
    throw new Error('the test chain has too few accounts');
  }
  const [controller, signer, candidate, stranger, relayer] = others;
  if (!controller || !signer || !candidate || !stranger || !relayer) {
    throw new Error('the test chain has too few accounts');
  }

  const deploymentDir = await mkdtemp(path.join(tmpdir(), 'vinculum-test-'));
  const deployment = await deployBy(deployer.address, connection.provider, {
    deploymentDir,
    parameters: {
      admin: admin.address,
      registrar: registrar.address,
      guardian: guardian.address,
      directoryManager: directoryManager.address,
      registrarDelay: 0,
      controllerDelay: CONTROLLER_DELAY,
      definedKinds: DEFINED_KINDS,
      pseudonymKey: PSEUDONYM_KEY,
    },
  });
  await rm(deploymentDir, { recursive: true });
  const at = async <C extends BaseContract>(name: string, address: string, caller: Signer) =>
    as((await ethers.getContractAt(name, address)) as unknown as C, caller);
  // What is tested of the ledger alone acts as the module.
  const actingAs = async (module: string) => {
    await networkHelpers.setBalance(module, 10n ** 20n);
    return ethers.getImpersonatedSigner(module);
  };
  const [titles, parts] = [await actingAs(deployment.titles), await actingAs(deployment.parts)];
  return {
    authority: await at<AccessManager>('AccessManager', deployment.authority, stranger),
    organisations: await at<Organisations>('Organisations', deployment.organisations, stranger),
    ledger: await at<Ledger>('Ledger', deployment.ledger, relayer),
    titlesContract: await at<Titles>('Titles', deployment.titles, relayer),
    partsContract: await at<Parts>('Parts', deployment.parts, relayer),
    directory: await at<Directory>('Directory', deployment.directory, stranger),
    ...{ deployer, admin, registrar, guardian, directoryManager, titles, parts },
    ...{ controller, signer, candidate, stranger, relayer, others },
    chainId: deployment.chainId,
    ledgerCodeHash: deployment.ledgerCodeHash,
  };
}

export type Deployed = Awaited<ReturnType<typeof deployed>>;

/** Organisation 1, which may attest `SERVICE`, `ODOMETER` and `RECALL`, with one key; organisation 2, as allowed. */
export async function admitted() {
  const all = await deployed();
  const { organisations, registrar, controller, signer, stranger } = all;
  const allowed = kinds(SERVICE, ODOMETER, RECALL);
  for (const number of [1n, 2n]) {
    await as(organisations, registrar).admit(controller, allowed, PROFILE);
    await as(organisations, controller).addKey(number, signer);
  }
  const domain = {
    name: 'Vinculum',
    version: '1',
    chainId: all.chainId,
    verifyingContract: await all.ledger.getAddress(),
  };
  let nextNonce = 0n;

  /** A good submission of organisation 1, except for what is given. */
  async function signed(
    entries: readonly Entry[] | string,
    given: {
      organisation?: bigint;
      signer?: Signer | string;
      by?: Signer;
      nonce?: bigint;
      deadline?: BigNumberish;
      signature?: string;
    } = {},
  ) {
    const submission = {
      organisation: given.organisation ?? 1n,
      entries: typeof entries === 'string' ? entries : pack(entries),
      nonce: given.nonce ?? nextNonce++,
      deadline: given.deadline ?? (await time.latest()) + 3600,
    };
    const by = given.by ?? signer;
    const named = given.signer ?? by;
    return {
      ...submission,
      signer: typeof named === 'string' ? named : await named.getAddress(),
      signature: given.signature ?? (await by.signTypedData(domain, SUBMISSION_TYPES, submission)),
    };
  }
  return { ...all, domain, signed, stranger };
}

export type Admitted = Awaited<ReturnType<typeof admitted>>;

/** The timestamp of the block that holds a transaction. */
export async function timestampOf(sent: Promise<{ blockNumber: number | null; wait(): Promise<unknown> }>) {
  const response = await sent;
  await response.wait();
  const block = await ethers.provider.getBlock(response.blockNumber ?? 'latest');
  return block === null ? 0 : block.timestamp;
}
