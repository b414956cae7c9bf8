/**
 * Seeds faults into copies of the contracts and shows that the tests catch each: `node scripts/mutants.ts [name …]`.
 * Exits 1 when a fault survives, does not apply or does not compile, or when a property that should have caught it did
 * not.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { type ContractsTree, copyContractsTree } from './contractsTree.ts';

type Property = 'HEAD' | 'APPEND' | 'ISOLATION' | 'AUTH' | 'NONCE' | 'SKIP' | 'OWN' | 'RESERVED' | 'REBUILD';

type Mutant = {
  name: string;
  file: string;
  /** Each text must stand in the file. */
  replace: [from: string, to: string][];
  /** The properties that must catch it; unit tests must catch what none of them is about. */
  properties?: Property[];
};

const MUTANTS: Mutant[] = [
  {
    name: 'a link forgets the head before it',
    file: 'types/Head.sol',
    replace: [['abi.encode(head, kind, organisation,', 'abi.encode(bytes32(0), kind, organisation,']],
    properties: ['HEAD', 'APPEND', 'REBUILD'],
  },
  {
    name: 'a link forgets who attested',
    file: 'types/Head.sol',
    replace: [['abi.encode(head, kind, organisation,', 'abi.encode(head, kind, uint64(0),']],
    properties: ['HEAD'],
  },
  {
    name: 'a link forgets when',
    file: 'types/Head.sol',
    replace: [['organisation, timestamp, digest)', 'organisation, uint256(0), digest)']],
    properties: ['HEAD'],
  },
  {
    name: 'a module’s link forgets the action',
    file: 'types/Head.sol',
    replace: [['digest, actionHash)', 'digest, digest)']],
    properties: ['HEAD', 'APPEND'],
  },
  {
    name: 'a module’s link has the form of an organisation’s',
    file: 'types/Head.sol',
    replace: [
      [
        'abi.encode(head, kind, module, actor, timestamp, digest, actionHash)',
        'abi.encode(head, kind, module, timestamp, digest)',
      ],
    ],
    properties: ['HEAD'],
  },
  {
    name: 'a used nonce is not noted',
    file: 'Ledger.sol',
    replace: [['            _nonces[organisation].set(nonce);\n', '']],
    properties: ['NONCE'],
  },
  {
    name: 'a used nonce is not looked at',
    file: 'Ledger.sol',
    replace: [['if (nonceUsed(submission.organisation, submission.nonce)) return', 'if (false) return']],
    properties: ['NONCE'],
  },
  {
    name: 'all organisations share their nonces',
    file: 'Ledger.sol',
    replace: [
      ['_nonces[organisation].set', '_nonces[OrganisationId.wrap(1)].set'],
      ['_nonces[organisation].get', '_nonces[OrganisationId.wrap(1)].get'],
    ],
    properties: ['NONCE', 'SKIP'],
  },
  {
    name: 'kinds are not looked at',
    file: 'Ledger.sol',
    replace: [['entries.areAllowed(kinds & ~RESERVED_KINDS)', 'entries.areAllowed(~RESERVED_KINDS)']],
    properties: ['AUTH'],
  },
  {
    name: 'only the first entry’s kind is looked at',
    file: 'libraries/Entries.sol',
    replace: [['start < entries.length; start += LENGTH', 'start < 1; start += LENGTH']],
    properties: ['AUTH'],
  },
  {
    name: 'kinds of modules can be granted',
    file: 'Ledger.sol',
    replace: [['kinds & ~RESERVED_KINDS', 'kinds']],
  },
  {
    name: 'a suspended organisation records',
    file: 'Ledger.sol',
    replace: [
      ['if (!inGoodStanding) revert', 'if (false) revert'],
      ['if (!inGoodStanding) return', 'if (false) return'],
    ],
    properties: ['AUTH'],
  },
  {
    name: 'a revoked key signs',
    file: 'Ledger.sol',
    replace: [['if (!isKey) return', 'if (false) return']],
    properties: ['AUTH'],
  },
  {
    name: 'anyone records for an organisation',
    file: 'Ledger.sol',
    replace: [['if (!isKey) revert', 'if (false) revert']],
    properties: ['AUTH', 'OWN'],
  },
  {
    name: 'no signature is needed',
    file: 'Ledger.sol',
    replace: [['if (!Signatures.isValid(', 'if (false && !Signatures.isValid(']],
    properties: ['SKIP'],
  },
  {
    name: 'the deadline is not signed',
    file: 'libraries/Submissions.sol',
    replace: [['keccak256(entries), nonce, deadline)', 'keccak256(entries), nonce, uint64(0))']],
    properties: ['SKIP'],
  },
  {
    name: 'the deadline is not looked at',
    file: 'Ledger.sol',
    replace: [['if (block.timestamp > submission.deadline)', 'if (false)']],
    properties: ['SKIP'],
  },
  {
    name: 'the last second is late',
    file: 'Ledger.sol',
    replace: [['block.timestamp > submission.deadline', 'block.timestamp >= submission.deadline']],
  },
  {
    name: 'a bad submission takes the others with it',
    file: 'Ledger.sol',
    replace: [['                continue;', '                revert LedgerZeroSubject();']],
    properties: ['SKIP'],
  },
  {
    name: 'a bad submission ends the list',
    file: 'Ledger.sol',
    replace: [['                continue;', '                break;']],
    properties: ['SKIP'],
  },
  {
    name: 'a skip is terminal',
    file: 'Ledger.sol',
    replace: [
      [
        '                continue;',
        '                _nonces[organisation].set(nonce);\n                continue;',
      ],
    ],
    properties: ['SKIP'],
  },
  {
    name: 'an entry of the own chain goes to the zero subject',
    file: 'Ledger.sol',
    replace: [['if (subject.isZero()) {', 'if (false) {']],
    properties: ['OWN', 'HEAD'],
  },
  {
    name: 'all organisations share an own chain',
    file: 'Ledger.sol',
    replace: [
      [
        'ownHeads[organisation] = ownHeads[organisation]',
        'ownHeads[OrganisationId.wrap(1)] = ownHeads[organisation]',
      ],
    ],
    properties: ['OWN'],
  },
  {
    name: 'two subjects share a head',
    file: 'Ledger.sol',
    replace: [
      [
        'heads[subject] = heads[subject].afterEntry(',
        'heads[Subject.wrap(Subject.unwrap(subject) | bytes32(uint256(1)))] = heads[subject].afterEntry(',
      ],
    ],
    properties: ['ISOLATION'],
  },
  {
    name: 'anyone records a module’s kind',
    file: 'Ledger.sol',
    replace: [['if (!_isModuleOf(msg.sender, kind)) revert', 'if (false) revert']],
    properties: ['RESERVED'],
  },
  {
    name: 'an absent module is anyone without an address',
    file: 'Ledger.sol',
    replace: [[' || caller == address(0)', '']],
  },
  {
    name: 'Titles records a kind of Parts',
    file: 'types/Kind.sol',
    replace: [['FIRST_PARTS_KIND = 16', 'FIRST_PARTS_KIND = 17']],
    properties: ['RESERVED'],
  },
  {
    name: 'a module extends the zero subject',
    file: 'Ledger.sol',
    replace: [['if (subject.isZero()) revert', 'if (false) revert']],
    properties: ['OWN'],
  },
  {
    name: 'a log says another digest',
    file: 'Ledger.sol',
    replace: [
      [
        'emit Recorded(subject, organisation, kind, digest)',
        'emit Recorded(subject, organisation, kind, ~digest)',
      ],
    ],
    properties: ['REBUILD'],
  },
  {
    name: 'an own entry leaves no log',
    file: 'Ledger.sol',
    replace: [['                emit OwnRecorded(organisation, kind, digest);\n', '']],
    properties: ['REBUILD'],
  },
  {
    name: 'a closed ledger takes signed submissions',
    file: 'Ledger.sol',
    replace: [['submissions) external whileOpen {', 'submissions) external {']],
  },
  {
    name: 'anyone closes the ledger',
    file: 'Ledger.sol',
    replace: [['function close() external restricted', 'function close() external']],
  },
  {
    name: 'a submission may have 513 entries',
    file: 'Ledger.sol',
    replace: [['MAX_ENTRIES = 512', 'MAX_ENTRIES = 513']],
  },
  {
    name: 'a signer’s contract may spend all the gas',
    file: 'libraries/Signatures.sol',
    replace: [['staticcall(ERC1271_GAS, signer', 'staticcall(gas(), signer']],
  },
  {
    name: 'a signer’s contract is asked with too little gas',
    file: 'libraries/Signatures.sol',
    replace: [['if (left < required) revert', 'if (false) revert']],
  },
  {
    name: 'a signer’s long answer is copied',
    file: 'libraries/Signatures.sol',
    replace: [
      ['success := staticcall(ERC1271_GAS', 'success := 1 // staticcall(ERC1271_GAS'],
      [
        '        return success && returned',
        `        bytes memory copied;
        (success, copied) = signer.staticcall{gas: ERC1271_GAS}(question);
        (returned, answer) = (copied.length, bytes32(copied));
        return success && returned`,
      ],
    ],
  },
  {
    name: 'any answer of a signer’s contract will do',
    file: 'libraries/Signatures.sol',
    replace: [['answer == bytes32(IERC1271.isValidSignature.selector)', 'answer != 0']],
  },
  {
    name: 'an EOA with code can’t sign (EIP-7702)',
    file: 'libraries/Signatures.sol',
    replace: [
      ['recovered == signer) return true', 'recovered == signer && signer.code.length == 0) return true'],
    ],
  },
  {
    name: 'the pseudonym key has another slot',
    file: 'Ledger.sol',
    replace: [
      ['    bytes32 public pseudonymKey;', '    mapping(Subject subject => Head) public heads;'],
      [
        '    mapping(Subject subject => Head) public heads;\n    /// @inheritdoc ILedger\n    mapping(Org',
        '    bytes32 public pseudonymKey;\n    /// @inheritdoc ILedger\n    mapping(Org',
      ],
    ],
  },
  {
    name: 'a change of standing forgets the one before it',
    file: 'types/Head.sol',
    replace: [['abi.encode(head, change,', 'abi.encode(bytes32(0), change,']],
  },
  {
    name: 'a suspension is not linked',
    file: 'Organisations.sol',
    replace: [['        _change(organisation, Change.Suspended, 0);\n', '']],
  },
  {
    name: 'a revoked key stays',
    file: 'Organisations.sol',
    replace: [['keys[organisation][signer] = false;', 'keys[organisation][signer] = true;']],
    properties: ['AUTH'],
  },
  {
    name: 'a new controller need not wait',
    file: 'Organisations.sol',
    replace: [['if (block.timestamp < known.acceptableAt)', 'if (false)']],
  },
  {
    name: 'anyone takes an organisation over',
    file: 'Organisations.sol',
    replace: [['if (msg.sender != known.candidate) revert', 'if (false) revert']],
  },
  {
    name: 'anyone cancels a change of controller',
    file: 'Organisations.sol',
    replace: [['if (msg.sender != known.controller) _checkCanCall(msg.sender, msg.data);', '']],
  },
  {
    name: 'defined kinds shrink',
    file: 'Organisations.sol',
    replace: [['definedKinds |= kinds;', 'definedKinds = kinds;']],
  },
  {
    name: 'undefined kinds can be granted',
    file: 'Organisations.sol',
    replace: [['if (undefinedKinds != 0) revert', 'if (false) revert']],
  },
  {
    name: 'anyone admits organisations',
    file: 'Organisations.sol',
    replace: [
      [
        ') external restricted returns (OrganisationId organisation)',
        ') external returns (OrganisationId organisation)',
      ],
    ],
  },
  {
    name: 'the directory lists any code',
    file: 'Directory.sol',
    replace: [['if (codeHash != actualCodeHash || ledger.code.length == 0)', 'if (false)']],
  },
  {
    name: 'the directory’s head forgets the list before it',
    file: 'types/Head.sol',
    replace: [['abi.encode(head, chainId,', 'abi.encode(bytes32(0), chainId,']],
  },
  {
    name: 'the directory lists a ledger twice',
    file: 'Directory.sol',
    replace: [['if (_added[chainId][ledger]) revert', 'if (false) revert']],
  },
];

type Verdict = { mutant: Mutant; caughtBy: string[]; problem?: string };

const TIMEOUT_MS = 3 * 60_000;
/** What says nothing about a fault: gas, size, and a deployment that takes seconds. */
const UNIT_TESTS = [
  'test',
  'mocha',
  '--no-compile',
  '--grep-exclude',
  '^(Gas|Size|Deployment|Coverage check) ',
];

/** The optimiser of the intermediate code takes most of the time and changes no behaviour. */
async function quicken({ folder }: ContractsTree): Promise<void> {
  await edit(path.join(folder, 'hardhat.config.ts'), [
    ['viaIR: true', 'viaIR: false'],
    // A fault need not be explained by the shortest run that shows it.
    ['failOnRevert: true', 'failOnRevert: true, shrinkRunLimit: 0'],
    // A fault may leave a variable unused: that must not be what catches it.
    ['    warningsAreErrors,\n', ''],
  ]);
}

async function edit(file: string, replacements: [string, string][]): Promise<void> {
  let text = await readFile(file, 'utf8');
  for (const [from, to] of replacements) {
    if (!text.includes(from)) throw new Error(`does not apply: ${path.basename(file)} has no "${from}"`);
    text = text.replaceAll(from, () => to);
  }
  await writeFile(file, text);
}

async function judge(mutant: Mutant): Promise<Verdict> {
  const tree = await copyContractsTree({ compiled: false });
  try {
    await quicken(tree);
    await edit(path.join(tree.folder, 'contracts', mutant.file), mutant.replace);
    return mutant.properties === undefined
      ? await judgeByUnitTests(mutant, tree)
      : await judgeByProperties(mutant, mutant.properties, tree);
  } catch (error) {
    return { mutant, caughtBy: [], problem: error instanceof Error ? error.message : String(error) };
  } finally {
    await tree.remove();
  }
}

async function judgeByProperties(
  mutant: Mutant,
  expected: Property[],
  tree: ContractsTree,
): Promise<Verdict> {
  await build(tree);
  const { output } = await tree.hardhat(['test', 'solidity', '--no-compile'], TIMEOUT_MS);
  const broken = new Set(
    [...output.matchAll(/^ +\d+\) (?:testFuzz|invariant)_([A-Z]+)/gm)].map(([, id = '']) => id),
  );
  const caughtBy = [...broken].sort();
  const missed = expected.filter((id) => !broken.has(id));
  return missed.length > 0
    ? { mutant, caughtBy, problem: `not caught by ${missed.join(', ')}` }
    : { mutant, caughtBy };
}

async function judgeByUnitTests(mutant: Mutant, tree: ContractsTree): Promise<Verdict> {
  // They take longest to compile.
  await rm(path.join(tree.folder, 'test/contracts/properties'), { recursive: true });
  await build(tree);
  const { outcome, output } = await tree.hardhat(UNIT_TESTS, TIMEOUT_MS);
  const failing = output.match(/^ +(\d+) failing/m)?.[1];
  if (failing !== undefined) return { mutant, caughtBy: [`${failing} unit`] };
  const problem = outcome === 'passed' ? 'survives' : `the tests did not run\n${output}`;
  return { mutant, caughtBy: [], problem };
}

async function build(tree: ContractsTree): Promise<void> {
  const { outcome, output } = await tree.hardhat(['build'], TIMEOUT_MS);
  if (outcome !== 'passed') throw new Error(`does not compile\n${output}`);
}

async function main(names: string[]): Promise<number> {
  const waiting = MUTANTS.filter(
    ({ name }) => names.length === 0 || names.some((part) => name.includes(part)),
  );
  const width = Math.max(...waiting.map(({ name }) => name.length));
  const verdicts: Verdict[] = [];
  const started = Date.now();
  const worker = async () => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const verdict = await judge(mutant);
      verdicts.push(verdict);
      const caught = verdict.problem === undefined ? 'caught' : 'PROBLEM';
      console.log(
        `${mutant.name.padEnd(width)}  ${caught}  ${verdict.problem ?? verdict.caughtBy.join(' ')}`,
      );
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, worker));

  const problems = verdicts.filter(({ problem }) => problem !== undefined);
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(
    `mutants: ${verdicts.length - problems.length} of ${verdicts.length} faults caught, ${seconds} s`,
  );
  return problems.length === 0 && verdicts.length > 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
