/**
 * Seeds faults into copies of the contracts and shows that the tests catch each: `node scripts/mutants.ts [name …]`.
 * Exits 1 when a fault survives, does not apply or does not compile, or when a property that should have caught it did
 * not.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { type ContractsTree, copyContractsTree } from './contractsTree.ts';

/** Of the ledger, then of titles, then of parts. */
type Property =
  | ('HEAD' | 'APPEND' | 'ISOLATION' | 'AUTH' | 'NONCE' | 'SKIP' | 'OWN' | 'RESERVED' | 'REBUILD')
  | ('ONE-TITLE' | 'NO-SALE-UNDER-LIEN' | 'NO-SALE-WHEN-STOLEN' | 'UNBLOCKED-AT-ONCE' | 'STICKY-BRANDS')
  | ('ONLY-OWNER-OFFERS' | 'ONLY-BUYER-ACCEPTS' | 'ONLY-RIGHT-ACTS' | 'ONLY-HOLDER-LIFTS' | 'END-IS-END')
  | ('SIGNED' | 'REVISION-ONCE' | 'TENURE-COUNTS' | 'LIENS-CAPPED' | 'RANKS-DISTINCT')
  | 'ENTRY-FOR-EVERY-ACTION'
  | ('ONE-VEHICLE' | 'SCRAPPED-FOR-EVER' | 'STOLEN-NOT-MOUNTED' | 'STAYS-WHERE-IT-IS' | 'REGISTERED-ONCE');

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
    name: 'an organisation with a right in a module writes its kind',
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
  {
    name: 'a title that is held is issued again',
    file: 'types/Transition.sol',
    replace: [['((NONE | EXPORTED | PARTY)', '((NONE | HELD | EXPORTED | PARTY)']],
    properties: ['ONE-TITLE'],
  },
  {
    name: 'a new number may have a title already',
    file: 'Titles.sol',
    replace: [['if (next.state != TitleState.None) revert', 'if (false) revert']],
    properties: ['ONE-TITLE'],
  },
  {
    name: 'a replaced title stays held',
    file: 'Titles.sol',
    replace: [['_leave(title, TitleState.Replaced)', '_leave(title, TitleState.Held)']],
    properties: ['ONE-TITLE', 'END-IS-END'],
  },
  {
    name: 'a vehicle is sold under a lien',
    file: 'Titles.sol',
    replace: [['        if (lien != 0) revert TitlesLienOpen(lien);\n', '']],
    properties: ['NO-SALE-UNDER-LIEN'],
  },
  {
    name: 'only the first lien is looked at',
    file: 'Titles.sol',
    replace: [['if (lien.isOpen()) return lien.number;', 'return lien.isOpen() ? lien.number : 0;']],
    properties: ['NO-SALE-UNDER-LIEN'],
  },
  {
    name: 'a lien ends a second early',
    file: 'types/Lien.sol',
    replace: [['block.timestamp <= lien.until', 'block.timestamp < lien.until']],
    properties: ['NO-SALE-UNDER-LIEN'],
  },
  {
    name: 'a lien outlasts its end',
    file: 'types/Lien.sol',
    replace: [['block.timestamp <= lien.until', 'block.timestamp <= lien.until + 1']],
    properties: ['NO-SALE-UNDER-LIEN'],
  },
  {
    name: 'a released lien goes on blocking',
    file: 'Titles.sol',
    replace: [['        title.lienCount = last;\n', '']],
    properties: ['UNBLOCKED-AT-ONCE'],
  },
  {
    name: 'a stolen vehicle is sold',
    file: 'Titles.sol',
    replace: [['        if (title.stolen) revert TitlesStolen(subject);\n        uint32', '        uint32']],
    properties: ['NO-SALE-WHEN-STOLEN'],
  },
  {
    name: 'a recovered vehicle stays stolen',
    file: 'Titles.sol',
    replace: [['title.stolen = false;', 'title.stolen = true;']],
    properties: ['UNBLOCKED-AT-ONCE'],
  },
  {
    name: 'a transfer asks neither for liens nor for theft',
    file: 'types/Transition.sol',
    replace: [['((HELD | PARTY | OTHER | SELLABLE) << (16 * 14))', '((HELD | PARTY | OTHER) << (16 * 14))']],
    properties: ['NO-SALE-UNDER-LIEN', 'NO-SALE-WHEN-STOLEN'],
  },
  {
    name: 'an export asks neither for liens nor for theft',
    file: 'types/Transition.sol',
    replace: [['((HELD | SELLABLE) << (16 * 12))', '(HELD << (16 * 12))']],
    properties: ['NO-SALE-UNDER-LIEN', 'NO-SALE-WHEN-STOLEN'],
  },
  {
    name: 'a new number is not stolen',
    file: 'Titles.sol',
    replace: [['        next.stolen = title.stolen;\n', '']],
    properties: ['NO-SALE-WHEN-STOLEN'],
  },
  {
    name: 'a brand takes the place of the one before',
    file: 'Titles.sol',
    replace: [['title.brands |= uint128', 'title.brands = uint128']],
    properties: ['STICKY-BRANDS'],
  },
  {
    name: 'a new number washes brands',
    file: 'Titles.sol',
    replace: [['        next.brands = title.brands;\n', '']],
    properties: ['STICKY-BRANDS'],
  },
  {
    name: 'a new title washes brands',
    file: 'Titles.sol',
    replace: [
      [
        '        title.state = TitleState.Held;\n',
        '        title.state = TitleState.Held;\n        title.brands = 0;\n',
      ],
    ],
    properties: ['STICKY-BRANDS'],
  },
  {
    name: 'anyone offers',
    file: 'Titles.sol',
    replace: [['if (transition.isByOwner() && actor != title.owner) revert', 'if (false) revert']],
    properties: ['ONLY-OWNER-OFFERS'],
  },
  {
    name: 'anyone accepts',
    file: 'Titles.sol',
    replace: [['if (actor != title.buyer) revert', 'if (false) revert']],
    properties: ['ONLY-BUYER-ACCEPTS'],
  },
  {
    name: 'an expired offer is accepted',
    file: 'Titles.sol',
    replace: [['if (block.timestamp > title.offeredUntil) revert', 'if (false) revert']],
    properties: ['ONLY-BUYER-ACCEPTS'],
  },
  {
    name: 'an offer outlasts its owner',
    file: 'Titles.sol',
    replace: [['        ++title.tenure;\n        _clearOffer(title);\n', '        ++title.tenure;\n']],
    properties: ['ONLY-BUYER-ACCEPTS'],
  },
  {
    name: 'a suspended organisation acts',
    file: 'Module.sol',
    replace: [['if (!inGoodStanding) revert', 'if (false) revert']],
    properties: ['ONLY-RIGHT-ACTS'],
  },
  {
    name: 'anyone acts for an organisation',
    file: 'Module.sol',
    replace: [['if (!isKey) revert', 'if (false) revert']],
    properties: ['ONLY-RIGHT-ACTS'],
  },
  {
    name: 'an organisation acts without the right',
    file: 'Module.sol',
    replace: [['if (!kind.isIn(kinds)) revert', 'if (false) revert']],
    properties: ['ONLY-RIGHT-ACTS'],
  },
  {
    name: 'any lender lifts a lien',
    file: 'Titles.sol',
    replace: [['if (!isHolders) revert', 'if (false) revert']],
    properties: ['ONLY-HOLDER-LIFTS'],
  },
  {
    name: 'a predecessor lifts its successor’s lien',
    file: 'Titles.sol',
    replace: [
      [
        'organisations.get(lien.holder).successor == action.organisation',
        'organisations.get(action.organisation).successor == lien.holder',
      ],
    ],
    properties: ['ONLY-HOLDER-LIFTS'],
  },
  {
    name: 'a new number is free of liens',
    file: 'Titles.sol',
    replace: [['next.lienCount = _copyLiens(', '_copyLiens(']],
    properties: ['NO-SALE-UNDER-LIEN'],
  },
  {
    name: 'a scrapped vehicle is branded',
    file: 'types/Transition.sol',
    replace: [
      ['((HELD | EXPORTED | DETAIL) << (16 * 9))', '((HELD | EXPORTED | SCRAPPED | DETAIL) << (16 * 9))'],
    ],
    properties: ['END-IS-END'],
  },
  {
    name: 'a scrapped vehicle gets a new title',
    file: 'types/Transition.sol',
    replace: [['((NONE | EXPORTED | PARTY)', '((NONE | EXPORTED | SCRAPPED | PARTY)']],
    properties: ['END-IS-END'],
  },
  {
    name: 'no signature of the actor is needed',
    file: 'Module.sol',
    replace: [['if (!Signatures.isValid(', 'if (false && !Signatures.isValid(']],
    properties: ['SIGNED'],
  },
  {
    name: 'anyone is the actor who sends no signature',
    file: 'Module.sol',
    replace: [['if (msg.sender == actor && signature.length == 0)', 'if (signature.length == 0)']],
    properties: ['SIGNED'],
  },
  {
    name: 'an action’s deadline is not looked at',
    file: 'Module.sol',
    replace: [['if (block.timestamp > deadline) revert', 'if (false) revert']],
    properties: ['SIGNED'],
  },
  {
    name: 'an action is late in its last second',
    file: 'Module.sol',
    replace: [['block.timestamp > deadline', 'block.timestamp >= deadline']],
  },
  {
    name: 'the party is not signed',
    file: 'types/TitleAction.sol',
    replace: [
      [
        'abi.encode(TITLE_ACTION_TYPE_HASH, action)',
        `abi.encode(
        TITLE_ACTION_TYPE_HASH,
        abi.encode(action.kind, action.subject, action.revision, action.deadline, action.organisation),
        abi.encode(action.until, action.detail, action.digest)
    )`,
      ],
    ],
    properties: ['SIGNED'],
  },
  {
    name: 'an action is good at any revision',
    file: 'Titles.sol',
    replace: [['if (action.revision != title.revision) revert', 'if (false) revert']],
    properties: ['REVISION-ONCE'],
  },
  {
    name: 'the revision stays',
    file: 'Titles.sol',
    replace: [['        ++title.revision;\n', '']],
    properties: ['REVISION-ONCE'],
  },
  {
    name: 'the tenure stays',
    file: 'Titles.sol',
    replace: [['        ++title.tenure;\n', '']],
    properties: ['TENURE-COUNTS'],
  },
  {
    name: 'nine liens are open',
    file: 'Titles.sol',
    replace: [['MAX_LIENS = 8', 'MAX_LIENS = 9']],
    properties: ['LIENS-CAPPED'],
  },
  {
    name: 'expired liens make no room',
    file: 'Titles.sol',
    replace: [
      ['            if (!lien.isOpen()) continue;\n            if (lien.rank', '            if (lien.rank'],
    ],
    properties: ['LIENS-CAPPED'],
  },
  {
    name: 'two open liens share a rank',
    file: 'Titles.sol',
    replace: [['if (lien.rank == rank) revert', 'if (false) revert']],
    properties: ['RANKS-DISTINCT'],
  },
  {
    name: 'only a rank’s last byte is looked at',
    file: 'Titles.sol',
    replace: [['rank != 0 && rank <= type(uint8).max', 'rank != 0']],
    properties: ['RANKS-DISTINCT'],
  },
  {
    name: 'liens are counted by those that are open',
    file: 'Titles.sol',
    replace: [['number: ++title.liensPlaced', 'number: uint32(count + 1)']],
    properties: ['RANKS-DISTINCT'],
  },
  {
    name: 'an action leaves no entry',
    file: 'Titles.sol',
    replace: [['        _record(actor, action.subject, action.kind, action.digest, hash);\n', '']],
    properties: ['ENTRY-FOR-EVERY-ACTION'],
  },
  {
    name: 'a new number’s history begins without an entry',
    file: 'Titles.sol',
    replace: [
      ['            _record(actor, Subject.wrap(action.detail), action.kind, action.digest, hash);\n', ''],
    ],
    properties: ['ENTRY-FOR-EVERY-ACTION'],
  },
  {
    name: 'an entry names who sent the action, not who acted',
    file: 'Module.sol',
    replace: [['bound.recordFor(actor,', 'bound.recordFor(msg.sender,']],
    properties: ['ENTRY-FOR-EVERY-ACTION'],
  },
  {
    name: 'an entry carries the digest for the action’s hash',
    file: 'Titles.sol',
    replace: [['action.kind, action.digest, hash)', 'action.kind, action.digest, action.digest)']],
    properties: ['ENTRY-FOR-EVERY-ACTION'],
  },
  {
    name: 'two vehicles share a title',
    file: 'Titles.sol',
    replace: [
      [
        'Title storage title = _titles[action.subject];',
        'Title storage title = _titles[Subject.wrap(Subject.unwrap(action.subject) | bytes32(uint256(1)))];',
      ],
    ],
    properties: ['ISOLATION'],
  },
  {
    name: 'a kind of Parts is taken for one of titles',
    file: 'Titles.sol',
    replace: [['>= FIRST_PARTS_KIND', '> FIRST_PARTS_KIND']],
  },
  {
    name: 'a field that the kind has no use for is let through',
    file: 'Titles.sol',
    replace: [['(!transition.hasDetail() && action.detail != 0)', 'false']],
  },
  {
    name: 'nobody owns a title',
    file: 'Titles.sol',
    replace: [['if (transition.hasParty() && action.party == address(0)) revert', 'if (false) revert']],
  },
  {
    name: 'an owner sells to itself',
    file: 'Titles.sol',
    replace: [['if (transition.needsOther() && action.party == title.owner) revert', 'if (false) revert']],
  },
  {
    name: 'a lien or an offer without end',
    file: 'Titles.sol',
    replace: [[' || until > latest) revert', ') revert']],
  },
  {
    name: 'a renewal shortens a lien',
    file: 'Titles.sol',
    replace: [['_requireTime(action.until, lien.until,', '_requireTime(action.until, block.timestamp,']],
  },
  {
    name: 'an open offer is made again',
    file: 'Titles.sol',
    replace: [['if (block.timestamp <= title.offeredUntil) revert', 'if (false) revert']],
  },
  {
    name: 'an offer that is not there is withdrawn',
    file: 'Titles.sol',
    replace: [['if (title.buyer == address(0)) revert TitlesNoOffer(subject);\n\n', '']],
  },
  {
    name: 'a vehicle is stolen twice',
    file: 'Titles.sol',
    replace: [
      [
        '        if (title.stolen) revert TitlesStolen(subject);\n\n        title.stolen',
        '        title.stolen',
      ],
    ],
  },
  {
    name: 'a dispute names nothing',
    file: 'Titles.sol',
    replace: [['_requireDetail(action.detail != 0, action)', '_requireDetail(true, action)']],
  },
  {
    name: 'a vehicle replaces itself',
    file: 'Titles.sol',
    replace: [[' && action.detail != Subject.unwrap(action.subject)', '']],
  },
  {
    name: 'a brand of no code',
    file: 'Titles.sol',
    replace: [['LAST_BRAND = 99', 'LAST_BRAND = 100']],
  },
  {
    name: '“may it be sold” forgets thefts',
    file: 'Titles.sol',
    replace: [['        if (title.stolen) return (false, Obstacle.Stolen);\n', '']],
  },
  {
    name: 'expired liens are shown',
    file: 'Titles.sol',
    replace: [
      ['if (liens[i].isOpen()) ++count;', '++count;'],
      ['if (liens[i - 1].isOpen()) open[--count]', 'open[--count]'],
    ],
  },
  {
    name: 'the log of an action names who sent it',
    file: 'Titles.sol',
    replace: [
      ['emit Executed(action.subject, hash, actor,', 'emit Executed(action.subject, hash, msg.sender,'],
    ],
  },
  {
    name: 'anyone binds a module',
    file: 'Module.sol',
    replace: [['if (msg.sender != _deployer) revert', 'if (false) revert']],
  },
  {
    name: 'a module is bound again',
    file: 'Module.sol',
    replace: [['if (address(ledger) != address(0)) revert', 'if (false) revert']],
  },
  {
    name: 'a module is bound to a ledger that names another',
    file: 'Module.sol',
    replace: [['if (named != address(this)) revert', 'if (false) revert']],
  },
  {
    name: 'a module is bound to a ledger with other organisations',
    file: 'Module.sol',
    replace: [['if (address(asked) != address(organisations)) revert', 'if (false) revert']],
  },
  {
    name: 'a mounted part is mounted again',
    file: 'types/PartTransition.sol',
    replace: [['((IN_FREE | WITH_VEHICLE)', '((IN_FREE | IN_MOUNTED | WITH_VEHICLE)']],
    properties: ['ONE-VEHICLE'],
  },
  {
    name: 'a part leaves a vehicle that it is not in',
    file: 'Parts.sol',
    replace: [['if (actual.isZero() || !(vehicle == actual)) revert', 'if (actual.isZero()) revert']],
    properties: ['ONE-VEHICLE'],
  },
  {
    name: 'a part that was removed is still there',
    file: 'Parts.sol',
    replace: [['        part.vehicle = Subject.wrap(0);\n', '']],
    properties: ['ONE-VEHICLE'],
  },
  {
    name: 'a part that is recovered is free wherever it is',
    file: 'Parts.sol',
    replace: [['return part.vehicle.isZero() ? PartState.Free : PartState.Mounted', 'return PartState.Free']],
    properties: ['ONE-VEHICLE', 'STAYS-WHERE-IT-IS'],
  },
  {
    name: 'a scrapped part is mounted',
    file: 'types/PartTransition.sol',
    replace: [['((IN_FREE | WITH_VEHICLE)', '((IN_FREE | (1 << 4) | WITH_VEHICLE)']],
    properties: ['SCRAPPED-FOR-EVER'],
  },
  {
    name: 'a scrapped part is stolen',
    file: 'types/PartTransition.sol',
    replace: [['((IN_FREE | IN_MOUNTED) << (8 * 4))', '((IN_FREE | IN_MOUNTED | (1 << 4)) << (8 * 4))']],
    properties: ['SCRAPPED-FOR-EVER'],
  },
  {
    name: 'a stolen part is mounted',
    file: 'types/PartTransition.sol',
    replace: [['((IN_FREE | WITH_VEHICLE)', '((IN_FREE | IN_STOLEN | WITH_VEHICLE)']],
    properties: ['STOLEN-NOT-MOUNTED'],
  },
  {
    name: 'a stolen part that is removed is stolen no longer',
    file: 'Parts.sol',
    replace: [['if (part.state == PartState.Mounted) part.state', 'part.state']],
    properties: ['STOLEN-NOT-MOUNTED'],
  },
  {
    name: 'a theft takes a part out of its vehicle',
    file: 'Parts.sol',
    replace: [
      [
        'if (kind == PartKinds.STOLEN) part.state = PartState.Stolen;',
        'if (kind == PartKinds.STOLEN) (part.state, part.vehicle) = (PartState.Stolen, Subject.wrap(0));',
      ],
    ],
    properties: ['STAYS-WHERE-IT-IS'],
  },
  {
    name: 'an action names a vehicle that its kind has no use for',
    file: 'Parts.sol',
    replace: [['if (!transition.hasVehicle() && !action.vehicle.isZero()) revert', 'if (false) revert']],
    properties: ['STAYS-WHERE-IT-IS'],
  },
  {
    name: 'a part is registered again',
    file: 'types/PartTransition.sol',
    replace: [['(IN_NONE << (8 * 0))', '((IN_NONE | IN_FREE) << (8 * 0))']],
    properties: ['REGISTERED-ONCE'],
  },
  {
    name: 'whoever mounts a part is its maker',
    file: 'Parts.sol',
    replace: [['part.vehicle = vehicle;', '(part.vehicle, part.maker) = (vehicle, action.organisation);']],
    properties: ['REGISTERED-ONCE'],
  },
  {
    name: 'anyone acts on parts',
    file: 'Parts.sol',
    replace: [['        _requireRight(action.organisation, action.kind, actor);\n', '']],
    properties: ['ONLY-RIGHT-ACTS'],
  },
  {
    name: 'the right to mount parts is every right',
    file: 'Parts.sol',
    replace: [
      [
        '_requireRight(action.organisation, action.kind,',
        '_requireRight(action.organisation, Kind.wrap(17),',
      ],
    ],
    properties: ['ONLY-RIGHT-ACTS'],
  },
  {
    name: 'an action on a part needs no signature',
    file: 'Parts.sol',
    replace: [['        _requireFromActor(actor, hash, action.deadline, signature);\n', '']],
    properties: ['SIGNED'],
  },
  {
    name: 'the vehicle is not signed',
    file: 'types/PartAction.sol',
    replace: [
      [
        'abi.encode(PART_ACTION_TYPE_HASH, action)',
        'abi.encode(PART_ACTION_TYPE_HASH, action.kind, action.subject, action.revision, action.deadline, action.organisation, bytes32(0), action.digest)',
      ],
    ],
    properties: ['SIGNED'],
  },
  {
    name: 'the revision of a part is not looked at',
    file: 'Parts.sol',
    replace: [['if (action.revision != part.revision) revert', 'if (false) revert']],
    properties: ['REVISION-ONCE'],
  },
  {
    name: 'a vehicle’s history has no entry of what is mounted',
    file: 'Parts.sol',
    replace: [['if (transition.hasVehicle()) _record', 'if (action.kind == PartKinds.REMOVED) _record']],
    properties: ['ENTRY-FOR-EVERY-ACTION'],
  },
  {
    name: 'a vehicle’s history has no entry of what is removed',
    file: 'Parts.sol',
    replace: [['if (transition.hasVehicle()) _record', 'if (action.kind == PartKinds.MOUNTED) _record']],
    properties: ['ENTRY-FOR-EVERY-ACTION'],
  },
  {
    name: 'an entry of a part carries the digest for the action’s hash',
    file: 'Parts.sol',
    replace: [['action.digest, hash)', 'action.digest, action.digest)']],
    properties: ['ENTRY-FOR-EVERY-ACTION'],
  },
  {
    name: 'two parts share a state',
    file: 'Parts.sol',
    replace: [
      [
        'Part storage part = _parts[action.subject];',
        'Part storage part = _parts[Subject.wrap(Subject.unwrap(action.subject) | bytes32(uint256(1)))];',
      ],
    ],
    properties: ['ISOLATION'],
  },
  {
    name: 'a part is mounted into itself',
    file: 'Parts.sol',
    replace: [[' || vehicle == action.subject', '']],
  },
  {
    name: 'a kind without a row is one of parts',
    file: 'types/PartTransition.sol',
    replace: [['PART_KINDS = 6', 'PART_KINDS = 7']],
  },
  {
    name: 'Parts is bound to a ledger that names it for titles',
    file: 'Parts.sol',
    replace: [['return ledger_.parts();', 'return ledger_.titles();']],
  },
  {
    name: 'the log of an action on a part names who sent it',
    file: 'Parts.sol',
    replace: [
      ['emit Executed(action.subject, hash, actor,', 'emit Executed(action.subject, hash, msg.sender,'],
    ],
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

/** Optimising takes most of the time and changes no behaviour; what is not optimised may be larger than a chain takes. */
async function quicken({ folder }: ContractsTree): Promise<void> {
  await edit(path.join(folder, 'hardhat.config.ts'), [
    ['viaIR: true', 'viaIR: false'],
    ['optimizer: { enabled: true, runs: 10_000 }', 'optimizer: { enabled: false }'],
    ["process.argv.includes('--coverage')", 'true'],
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

/** The files that are about one module alone: a fault in one of them is not looked for elsewhere, nor the other way. */
const OF_TITLES = new Set([
  ...['Titles.sol', 'Module.sol', 'libraries/TitleKinds.sol'],
  ...['Lien', 'Title', 'TitleAction', 'Transition'].map((type) => `types/${type}.sol`),
]);
const OF_PARTS = new Set([
  ...['Parts.sol', 'libraries/PartKinds.sol'],
  ...['Part', 'PartAction', 'PartTransition'].map((type) => `types/${type}.sol`),
]);

/** The tests of properties, and what they are made of. */
const PROPERTY_TESTS = {
  ledger: ['Ledger.t', 'LedgerInvariants.t', 'LedgerHandler', 'World'],
  titles: ['Titles.t', 'TitlesInvariants.t', 'TitlesHandler', 'TitlesWorld'],
  parts: ['Parts.t', 'PartsInvariants.t', 'PartsHandler', 'PartsWorld'],
};

async function judgeByProperties(
  mutant: Mutant,
  expected: Property[],
  tree: ContractsTree,
): Promise<Verdict> {
  const properties = path.join(tree.folder, 'test/contracts/properties');
  const module = OF_PARTS.has(mutant.file) ? 'parts' : OF_TITLES.has(mutant.file) ? 'titles' : undefined;
  const about = module ?? 'ledger';
  for (const [contract, names] of Object.entries(PROPERTY_TESTS)) {
    if (contract === about) continue;
    for (const name of names) await rm(path.join(properties, `${name}.sol`));
  }
  await build(tree);
  // The other properties may break too: which, says nothing of the one that must.
  const names = expected.map((id) => id.replaceAll('-', '_')).join('|');
  const { output } = await tree.hardhat(
    ['test', 'solidity', '--no-compile', '--grep', `^(testFuzz|invariant)_(${names})(_[a-z]|\\(|$)`],
    TIMEOUT_MS,
  );
  const broken = new Set(
    [...output.matchAll(/^ +\d+\) (?:testFuzz|invariant)_([A-Z]+(?:_[A-Z]+)*)/gm)].map(([, id = '']) =>
      id.replaceAll('_', '-'),
    ),
  );
  const caughtBy = [...broken].sort();
  const missed = expected.filter((id) => !broken.has(id));
  return missed.length > 0
    ? { mutant, caughtBy, problem: `not caught by ${missed.join(', ')}\n${output}` }
    : { mutant, caughtBy };
}

async function judgeByUnitTests(mutant: Mutant, tree: ContractsTree): Promise<Verdict> {
  // They take longest to compile.
  await rm(path.join(tree.folder, 'test/contracts/properties'), { recursive: true });
  await build(tree);
  const { outcome, output } = await tree.hardhat([...UNIT_TESTS, '--bail'], TIMEOUT_MS);
  const failed = output.match(/^ +1\) (.+(?:\n {7,}.+)*)/m)?.[1];
  if (failed !== undefined) return { mutant, caughtBy: [`“${failed.replace(/\s+/g, ' ')}”`] };
  const problem = outcome === 'passed' ? 'survives' : `the tests did not run\n${output}`;
  return { mutant, caughtBy: [], problem };
}

/** Without a fault all tests must pass as they are run here: else what fails would be taken for a fault caught. */
async function judgeWithoutFault(): Promise<string | null> {
  const tree = await copyContractsTree({ compiled: false });
  try {
    await quicken(tree);
    await build(tree);
    for (const tests of [['test', 'solidity', '--no-compile'], UNIT_TESTS]) {
      const { outcome, output } = await tree.hardhat(tests, TIMEOUT_MS);
      if (outcome !== 'passed') return output;
    }
    return null;
  } finally {
    await tree.remove();
  }
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
  const broken = judgeWithoutFault();
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
  await Promise.all([
    broken.then((output) => {
      console.log(output === null ? 'Without a fault all tests pass.' : `Without a fault:\n${output}`);
      return worker();
    }),
    ...Array.from({ length: Math.min(2, availableParallelism()) - 1 }, worker),
  ]);
  if ((await broken) !== null) return 1;

  const problems = verdicts.filter(({ problem }) => problem !== undefined);
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(
    `mutants: ${verdicts.length - problems.length} of ${verdicts.length} faults caught, ${seconds} s`,
  );
  return problems.length === 0 && verdicts.length > 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
