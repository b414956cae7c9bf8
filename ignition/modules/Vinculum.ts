import { buildModule } from '@nomicfoundation/ignition-core';
import { id } from 'ethers';

/** The roles of the AccessManager; `admin` is its own, the others are ours. */
export const ROLES = { admin: 0n, registrar: 1n, guardian: 2n, directory: 3n } as const;

/** Which role may call what. Whatever else is restricted stays with the admin. */
export const PERMISSIONS = [
  {
    role: 'registrar',
    target: 'Organisations',
    functions: [
      'admit(address,uint256,bytes32)',
      'reinstate(uint64)',
      'setKinds(uint64,uint256)',
      'setProfile(uint64,bytes32)',
      'setSuccessor(uint64,uint64)',
      'recoverController(uint64,address)',
      'defineKinds(uint256)',
    ],
  },
  {
    role: 'guardian',
    target: 'Organisations',
    functions: ['suspend(uint64)', 'cancelControllerChange(uint64)'],
  },
  {
    role: 'directory',
    target: 'Directory',
    functions: ['add(uint256,address,address,bytes32,bytes32)', 'close(uint256,uint256)'],
  },
  { role: 'directory', target: 'Ledger', functions: ['close()'] },
] as const;

/** The contracts alone, under the deployer's authority: first of two steps, because the second needs the ledger's code. */
export const vinculumContracts = buildModule('VinculumContracts', (m) => {
  const authority = m.contract('AccessManager', [m.getAccount(0)]);
  const organisations = m.contract('Organisations', [
    authority,
    m.getParameter('controllerDelay'),
    m.getParameter('definedKinds'),
  ]);
  // The ledger names its modules in its code: they come first, and are bound to it in the second step.
  const titles = m.contract('Titles', [organisations]);
  const parts = m.contract('Parts', [organisations]);
  const ledger = m.contract('Ledger', [
    ...[authority, organisations, m.getParameter('pseudonymKey')],
    ...[titles, parts],
  ]);
  const directory = m.contract('Directory', [authority]);
  return { authority, organisations, titles, parts, ledger, directory };
});

/**
 * Binds the modules to the ledger, lists it in the directory, then gives every role away in one transaction: there is no moment at which some are
 * given and others not. The deployer keeps nothing, unless it is itself the admin named (`deployerIsAdmin`).
 */
export function vinculumModule({ deployerIsAdmin }: { deployerIsAdmin: boolean }) {
  return buildModule('Vinculum', (m) => {
    const contracts = m.useModule(vinculumContracts);
    const { authority, organisations, titles, parts, ledger, directory } = contracts;
    const targets = { Organisations: organisations, Ledger: ledger, Directory: directory };

    const bound = [
      m.call(titles, 'bind', [ledger], { id: 'bind_Titles' }),
      m.call(parts, 'bind', [ledger], { id: 'bind_Parts' }),
    ];
    const listed = m.call(
      directory,
      'add',
      [
        m.getParameter('chainId'),
        ledger,
        organisations,
        m.getParameter('ledgerCodeHash'),
        m.getParameter('pseudonymKey'),
      ],
      { after: bound },
    );

    const permissions = PERMISSIONS.map(({ role, target, functions }) =>
      m.encodeFunctionCall(
        authority,
        'setTargetFunctionRole',
        [targets[target], functions.map(selectorOf), ROLES[role]],
        { id: `permit_${role}_${target}` },
      ),
    );
    const labels = (['registrar', 'guardian', 'directory'] as const).map((role) =>
      m.encodeFunctionCall(authority, 'labelRole', [ROLES[role], role.toUpperCase()], {
        id: `label_${role}`,
      }),
    );
    // The guardian cancels what the registrar has scheduled, and can grant nothing.
    const guard = m.encodeFunctionCall(authority, 'setRoleGuardian', [ROLES.registrar, ROLES.guardian]);
    const grants = (
      [
        ['registrar', 'registrar', m.getParameter('registrarDelay', 0)],
        ['guardian', 'guardian', 0],
        ['directory', 'directoryManager', 0],
        ['admin', 'admin', 0],
      ] as const
    ).map(([role, account, delay]) =>
      m.encodeFunctionCall(authority, 'grantRole', [ROLES[role], m.getParameter(account), delay], {
        id: `grant_${role}`,
      }),
    );
    const renounce = deployerIsAdmin
      ? []
      : [m.encodeFunctionCall(authority, 'renounceRole', [ROLES.admin, m.getAccount(0)])];

    m.call(authority, 'multicall', [[...labels, ...permissions, guard, ...grants, ...renounce]], {
      id: 'handover',
      after: [listed],
    });
    return contracts;
  });
}

export function selectorOf(signature: string): string {
  return id(signature).slice(0, 10);
}
