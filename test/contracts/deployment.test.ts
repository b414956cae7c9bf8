import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { Contract, type InterfaceAbi, id, JsonRpcProvider, keccak256, Wallet } from 'ethers';
import { artifacts } from 'hardhat';
import { PERMISSIONS, ROLES, selectorOf } from '../../ignition/modules/Vinculum.ts';
import { type Deployment, type DeploymentParameters, deploy } from '../../scripts/deploy.ts';
import { type Anvil, startAnvil } from './support/anvil.ts';
import {
  type AccessManager,
  as,
  type Directory,
  kinds,
  type Ledger,
  type Organisations,
  type Parts,
  type Titles,
} from './support/fixture.ts';

const DAY = 24 * 3600;
/** anvil's first account, the only one with money; the others are named in the parameters alone. */
const DEPLOYER_KEY = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';

describe('Deployment', () => {
  const deployer = new Wallet(DEPLOYER_KEY);
  const parties = {
    admin: Wallet.createRandom(),
    registrar: Wallet.createRandom(),
    guardian: Wallet.createRandom(),
    directoryManager: Wallet.createRandom(),
  };
  const parameters: DeploymentParameters = {
    admin: parties.admin.address,
    registrar: parties.registrar.address,
    guardian: parties.guardian.address,
    directoryManager: parties.directoryManager.address,
    registrarDelay: DAY,
    controllerDelay: 3 * DAY,
    definedKinds: kinds(0, 32, 64, 67),
    pseudonymKey: id('pseudonym key'),
  };
  const folders: string[] = [];
  const chains: Anvil[] = [];
  let anvil: Anvil;
  let provider: JsonRpcProvider;
  let deployment: Deployment;
  let deploymentDir: string;
  let contracts: {
    authority: AccessManager;
    organisations: Organisations;
    titles: Titles;
    parts: Parts;
    ledger: Ledger;
    directory: Directory;
  };

  async function freshFolder(): Promise<string> {
    const folder = await mkdtemp(path.join(tmpdir(), 'vinculum-deployment-'));
    folders.push(folder);
    return folder;
  }

  async function freshChain(...options: string[]): Promise<Anvil> {
    const chain = await startAnvil(...options);
    chains.push(chain);
    return chain;
  }

  async function contractAt<C>(name: string, address: string): Promise<C> {
    const { abi } = await artifacts.readArtifact(name);
    return new Contract(address, abi as unknown as InterfaceAbi, provider) as unknown as C;
  }

  before(async () => {
    anvil = await freshChain();
    deploymentDir = await freshFolder();
    deployment = await deploy({ rpcUrl: anvil.rpcUrl, deployerKey: DEPLOYER_KEY, deploymentDir, parameters });
    provider = new JsonRpcProvider(anvil.rpcUrl, undefined, { cacheTimeout: -1, pollingInterval: 20 });
    contracts = {
      authority: await contractAt('AccessManager', deployment.authority),
      organisations: await contractAt('Organisations', deployment.organisations),
      titles: await contractAt('Titles', deployment.titles),
      parts: await contractAt('Parts', deployment.parts),
      ledger: await contractAt('Ledger', deployment.ledger),
      directory: await contractAt('Directory', deployment.directory),
    };
  });

  after(async () => {
    provider.destroy();
    for (const chain of chains) await chain.stop();
    for (const folder of folders) await rm(folder, { recursive: true });
  });

  it('wires the contracts to each other and to the parameters', async () => {
    const { organisations, titles, parts, ledger, directory } = contracts;
    for (const contract of [organisations, ledger, directory]) {
      expect(await contract.authority()).to.equal(deployment.authority);
    }
    expect(await ledger.organisations()).to.equal(deployment.organisations);
    expect(await ledger.pseudonymKey()).to.equal(parameters.pseudonymKey);
    expect(await ledger.titles()).to.equal(deployment.titles);
    expect(await titles.ledger()).to.equal(deployment.ledger);
    expect(await titles.organisations()).to.equal(deployment.organisations);
    expect(await ledger.parts()).to.equal(deployment.parts);
    expect(await parts.ledger()).to.equal(deployment.ledger);
    expect(await parts.organisations()).to.equal(deployment.organisations);
    expect(await organisations.controllerDelay()).to.equal(BigInt(parameters.controllerDelay));
    expect(await organisations.definedKinds()).to.equal(parameters.definedKinds);
    expect(await organisations.last()).to.equal(0n);
  });

  it('lists the ledger in the directory', async () => {
    const { chainId, ledger, organisations, ledgerCodeHash } = deployment;
    expect(await contracts.directory.count()).to.equal(1n);
    expect([...(await contracts.directory.ledgerAt(0n))]).to.deep.equal([
      ...[chainId, ledger, organisations, ledgerCodeHash, parameters.pseudonymKey, 0n],
    ]);
    expect(keccak256(await provider.getCode(ledger))).to.equal(ledgerCodeHash);
  });

  it('says in which block it began', async () => {
    expect(await provider.getCode(deployment.directory, deployment.firstBlock - 1)).to.equal('0x');
    const logs = await provider.getLogs({ fromBlock: 0, toBlock: deployment.firstBlock - 1 });
    expect(logs).to.deep.equal([]);
  });

  it('gives each role to the one account named, and nothing to any other', async () => {
    const holders = {
      admin: parameters.admin,
      registrar: parameters.registrar,
      guardian: parameters.guardian,
      directory: parameters.directoryManager,
    };
    const accounts = [
      ...Object.values(holders),
      deployer.address,
      ...Object.values(deployment).filter(isAddress),
    ];
    for (const [role, holder] of Object.entries(holders) as [keyof typeof ROLES, string][]) {
      for (const account of accounts) {
        const [member, delay] = await contracts.authority.hasRole(ROLES[role], account);
        expect(member, `${role} ${account}`).to.equal(account === holder);
        if (member) expect(delay).to.equal(role === 'registrar' ? BigInt(DAY) : 0n);
      }
      expect(await contracts.authority.getRoleAdmin(ROLES[role])).to.equal(ROLES.admin);
      expect(await contracts.authority.getRoleGuardian(ROLES[role])).to.equal(
        role === 'registrar' ? ROLES.guardian : ROLES.admin,
      );
    }
  });

  it('permits each restricted function to its role and leaves nothing restricted to chance', async () => {
    const permitted = new Map<string, bigint>();
    for (const { role, target, functions } of PERMISSIONS) {
      for (const signature of functions) permitted.set(`${target}.${signature}`, ROLES[role]);
    }
    for (const target of ['Organisations', 'Ledger', 'Directory'] as const) {
      const contract = contracts[target.toLowerCase() as 'organisations' | 'ledger' | 'directory'];
      contract.interface.forEachFunction((fragment) => {
        permitted.set(
          `${target}.${fragment.format()}`,
          permitted.get(`${target}.${fragment.format()}`) ?? ROLES.admin,
        );
      });
    }
    for (const [name, role] of permitted) {
      const [target, signature] = name.split('.') as ['Organisations' | 'Ledger' | 'Directory', string];
      const address = deployment[target.toLowerCase() as 'organisations' | 'ledger' | 'directory'];
      const contract = contracts[target.toLowerCase() as 'organisations' | 'ledger' | 'directory'];
      expect(contract.interface.hasFunction(signature), name).to.equal(true);
      expect(await contracts.authority.getTargetFunctionRole(address, selectorOf(signature)), name).to.equal(
        role,
      );
    }
  });

  it('leaves the deployer nothing that it can do', async () => {
    const { authority, organisations, titles, parts, ledger, directory } = contracts;
    const from = deployer.address;
    const calls: [Contract, string, unknown[]][] = [
      [organisations as never, 'admit', [from, 0n, id('profile')]],
      [organisations as never, 'suspend', [1n]],
      [organisations as never, 'defineKinds', [1n << 99n]],
      [organisations as never, 'setAuthority', [from]],
      [titles as never, 'bind', [deployment.ledger]],
      [parts as never, 'bind', [deployment.ledger]],
      [ledger as never, 'close', []],
      [ledger as never, 'setAuthority', [from]],
      [directory as never, 'add', [10n, from, from, id('code'), id('key')]],
      [directory as never, 'close', [0n, 1n]],
      [authority as never, 'grantRole', [ROLES.registrar, from, 0]],
      [authority as never, 'grantRole', [ROLES.admin, from, 0]],
      [authority as never, 'revokeRole', [ROLES.admin, parameters.admin]],
      [authority as never, 'setRoleAdmin', [ROLES.registrar, ROLES.guardian]],
      [
        authority as never,
        'setTargetFunctionRole',
        [deployment.ledger, [selectorOf('close()')], ROLES.guardian],
      ],
      [authority as never, 'setTargetClosed', [deployment.organisations, true]],
      [authority as never, 'updateAuthority', [deployment.ledger, from]],
    ];
    for (const [contract, method, args] of calls) {
      const call = {
        from,
        to: await contract.getAddress(),
        data: contract.interface.encodeFunctionData(method, args),
      };
      const error = await provider.call(call).then(
        () => undefined,
        (thrown) => contract.interface.parseError(thrown.data)?.name,
      );
      expect(error, method).to.be.oneOf([
        ...['AccessManagedUnauthorized', 'AccessManagerUnauthorizedAccount', 'ModuleAlreadyBound'],
      ]);
    }
  });

  it('makes the registrar wait for its delay, in which the guardian can cancel but nothing else', async () => {
    await provider.send('anvil_setBalance', [parties.registrar.address, '0xde0b6b3a7640000']);
    await provider.send('anvil_setBalance', [parties.guardian.address, '0xde0b6b3a7640000']);
    const registrar = parties.registrar.connect(provider);
    const guardian = parties.guardian.connect(provider);
    const { organisations } = contracts;
    const byRegistrar = as(contracts.authority, registrar);
    const data = organisations.interface.encodeFunctionData('admit', [
      deployer.address,
      kinds(64),
      id('profile'),
    ]);
    const errorOf = async (call: Promise<unknown>) =>
      call.then(
        () => undefined,
        (thrown) =>
          (
            contracts.authority.interface.parseError(thrown.data) ??
            organisations.interface.parseError(thrown.data)
          )?.name,
      );

    const atOnce = as(organisations, registrar).admit.staticCall(deployer.address, kinds(64), id('profile'));
    expect(await errorOf(atOnce)).to.equal('AccessManagerNotScheduled');

    await (await byRegistrar.schedule(deployment.organisations, data, 0)).wait();
    await (
      await as(contracts.authority, guardian).cancel(registrar.address, deployment.organisations, data)
    ).wait();
    await (await byRegistrar.schedule(deployment.organisations, data, 0)).wait();
    expect(await errorOf(byRegistrar.execute.staticCall(deployment.organisations, data))).to.equal(
      'AccessManagerNotReady',
    );
    await provider.send('evm_increaseTime', [DAY]);
    await provider.send('evm_mine', []);
    await (await byRegistrar.execute(deployment.organisations, data)).wait();
    expect(await organisations.last()).to.equal(1n);

    const admission = as(organisations, guardian).admit.staticCall(deployer.address, 0n, id('profile'));
    expect(await errorOf(admission)).to.equal('AccessManagedUnauthorized');
  });

  it('done again, does nothing', async () => {
    const sent = await provider.getTransactionCount(deployer.address);
    const again = await deploy({
      rpcUrl: anvil.rpcUrl,
      deployerKey: DEPLOYER_KEY,
      deploymentDir,
      parameters,
    });
    expect(again).to.deep.equal(deployment);
    expect(await provider.getTransactionCount(deployer.address)).to.equal(sent);
  });

  it('goes on where it was interrupted', async () => {
    const chain = await freshChain();
    const folder = await freshFolder();
    const options = { rpcUrl: chain.rpcUrl, deployerKey: DEPLOYER_KEY, deploymentDir: folder, parameters };
    const interrupted = new JsonRpcProvider(chain.rpcUrl, undefined, { cacheTimeout: -1 });
    for (let transaction = 1; transaction <= 10; ++transaction) {
      for (const moment of ['beforeSend', 'afterSend'] as const) {
        const outcome = await deploy({
          ...options,
          [moment]: async () => {
            throw new Error('interrupted');
          },
        }).catch((error: unknown) => error);
        expect(outcome).to.be.instanceOf(Error);
        const sent = moment === 'beforeSend' ? transaction - 1 : transaction;
        expect(await interrupted.getTransactionCount(deployer.address)).to.equal(sent);
      }
    }
    const finished = await deploy(options);
    expect(await interrupted.getTransactionCount(deployer.address)).to.equal(10);
    expect(await deploy(options)).to.deep.equal(finished);
    interrupted.destroy();
  });

  it('works on a chain that mines on demand', async () => {
    const chain = await freshChain('--no-mining');
    const miner = new JsonRpcProvider(chain.rpcUrl);
    const done = await deploy({
      ...{ rpcUrl: chain.rpcUrl, deployerKey: DEPLOYER_KEY, deploymentDir: await freshFolder(), parameters },
      afterSend: () => miner.send('evm_mine', []),
    });
    expect(await miner.getCode(done.ledger)).not.to.equal('0x');
    miner.destroy();
  });

  it('leaves a deployer that is named admin what it is named for', async () => {
    const done = await deploy({
      rpcUrl: anvil.rpcUrl,
      deployerKey: DEPLOYER_KEY,
      deploymentDir: await freshFolder(),
      parameters: { ...parameters, admin: deployer.address },
    });
    const authority = await contractAt<AccessManager>('AccessManager', done.authority);
    for (const [role, number] of Object.entries(ROLES)) {
      expect((await authority.hasRole(number, deployer.address))[0], role).to.equal(role === 'admin');
    }
  });

  it('says so when the chain has forgotten it, or the end of it', async () => {
    const forgetful = await freshChain();
    const memory = new JsonRpcProvider(forgetful.rpcUrl);
    const options = {
      ...{
        rpcUrl: forgetful.rpcUrl,
        deployerKey: DEPLOYER_KEY,
        deploymentDir: await freshFolder(),
        parameters,
      },
    };
    let snapshot = '';
    await deploy({
      ...options,
      beforeSend: async () => {
        snapshot = await memory.send('evm_snapshot', []);
      },
    });
    await memory.send('evm_revert', [snapshot]);
    memory.destroy();
    const half = await deploy(options).catch((error: unknown) => error);
    expect(half).to.have.property('code', 'deployment.vanished');

    const chain = await freshChain();
    const outcome = await deploy({
      rpcUrl: chain.rpcUrl,
      deployerKey: DEPLOYER_KEY,
      deploymentDir,
      parameters,
    }).catch((error: unknown) => error);
    expect(outcome).to.have.property('code', 'deployment.vanished');
  });

  it('says so when nothing answers', async () => {
    const chain = await freshChain();
    await chain.stop();
    const outcome = await deploy({
      ...{ rpcUrl: chain.rpcUrl, deployerKey: DEPLOYER_KEY, deploymentDir: await freshFolder(), parameters },
    }).catch((error: unknown) => error);
    expect(outcome).to.have.property('code', 'deployment.rpc');
  });
});

function isAddress(value: unknown): value is string {
  return typeof value === 'string' && /^0x[0-9a-fA-F]{40}$/.test(value);
}
