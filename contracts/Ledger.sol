// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";
import {ILedger} from "./interfaces/ILedger.sol";
import {IOrganisations} from "./interfaces/IOrganisations.sol";
import {Entries} from "./libraries/Entries.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Submissions} from "./libraries/Submissions.sol";
import {Head} from "./types/Head.sol";
import {FIRST_ORGANISATIONS_KIND, FIRST_PARTS_KIND, Kind, RESERVED_KINDS} from "./types/Kind.sol";
import {OrganisationId} from "./types/OrganisationId.sol";
import {SignedSubmission} from "./types/SignedSubmission.sol";
import {SkipReason} from "./types/SkipReason.sol";
import {Subject} from "./types/Subject.sol";

/// @title Ledger
/// @notice The histories of all subjects; see {ILedger}.
contract Ledger is ILedger, AccessManaged, EIP712 {
    using BitMaps for BitMaps.BitMap;
    using Entries for bytes;

    /// @inheritdoc ILedger
    uint256 public constant MAX_ENTRIES = 512;

    /// @dev What an accepted submission may still need once its signature holds: for itself a fresh nonce word, its log
    /// and the way out; for each entry a fresh head, its link and its log.
    uint256 private constant GAS_TO_FINISH = 40_000;
    uint256 private constant GAS_TO_FINISH_ENTRY = 26_000;

    /// @inheritdoc ILedger
    IOrganisations public immutable organisations;
    /// @inheritdoc ILedger
    address public immutable titles;
    /// @inheritdoc ILedger
    address public immutable parts;

    // Slots 0 to 2 are those of AccessManaged and EIP712; 3 to 5 are promised by ILedger.

    /// @inheritdoc ILedger
    /// @dev Not immutable: a storage slot can be proven to a reader who has only a block hash.
    bytes32 public pseudonymKey;
    /// @inheritdoc ILedger
    mapping(Subject subject => Head) public heads;
    /// @inheritdoc ILedger
    mapping(OrganisationId organisation => Head) public ownHeads;

    mapping(OrganisationId organisation => BitMaps.BitMap) private _nonces;

    /// @inheritdoc ILedger
    uint256 public closedAt;

    /// @notice Sets what never changes.
    /// @param authority The AccessManager that says who may close this ledger.
    /// @param organisations_ Who may attest what.
    /// @param pseudonymKey_ The public key of the pseudonym function.
    /// @param titles_ The module of kinds 0–15, or zero.
    /// @param parts_ The module of kinds 16–31, or zero.
    constructor(
        address authority,
        IOrganisations organisations_,
        bytes32 pseudonymKey_,
        address titles_,
        address parts_
    ) AccessManaged(authority) EIP712("Vinculum", "1") {
        organisations = organisations_;
        pseudonymKey = pseudonymKey_;
        titles = titles_;
        parts = parts_;
    }

    modifier whileOpen() {
        if (closedAt != 0) revert LedgerIsClosed(closedAt);
        _;
    }

    /// @inheritdoc ILedger
    function record(OrganisationId organisation, bytes calldata entries) external whileOpen {
        if (!entries.areWellFormed()) revert LedgerMalformedEntries(entries.length);
        if (entries.count() > MAX_ENTRIES) revert LedgerTooManyEntries(entries.count(), MAX_ENTRIES);

        (bool inGoodStanding, bool isKey, uint256 kinds) = organisations.standing(organisation, msg.sender);
        if (!inGoodStanding) revert LedgerNotInGoodStanding(organisation);
        if (!isKey) revert LedgerUnknownKey(organisation, msg.sender);

        (bool allowed, Kind refused) = entries.areAllowed(kinds & ~RESERVED_KINDS);
        if (!allowed) revert LedgerKindNotAllowed(organisation, refused);

        _append(organisation, entries);
    }

    /// @inheritdoc ILedger
    function recordSigned(SignedSubmission[] calldata submissions) external whileOpen {
        for (uint256 i = 0; i < submissions.length; ++i) {
            SignedSubmission calldata submission = submissions[i];
            (OrganisationId organisation, uint256 nonce) = (submission.organisation, submission.nonce);
            bytes32 hash = submissionHash(organisation, submission.entries, nonce, submission.deadline);

            SkipReason reason = _reasonToSkip(submission, hash);
            if (reason != SkipReason.None) {
                emit Skipped(organisation, nonce, hash, reason);
                continue;
            }
            _nonces[organisation].set(nonce);
            _append(organisation, submission.entries);
            emit Accepted(organisation, nonce, hash);
        }
    }

    /// @inheritdoc ILedger
    function recordFor(
        address actor,
        Subject subject,
        Kind kind,
        bytes32 digest,
        bytes32 actionHash
    ) external whileOpen {
        if (!_isModuleOf(msg.sender, kind)) revert LedgerNotModuleOfKind(msg.sender, kind);
        if (subject.isZero()) revert LedgerZeroSubject();

        heads[subject] = heads[subject].afterModuleEntry(
            kind,
            msg.sender,
            actor,
            block.timestamp,
            digest,
            actionHash
        );
        emit ModuleRecorded(subject, kind, msg.sender, actor, digest, actionHash);
    }

    /// @inheritdoc ILedger
    function close() external restricted whileOpen {
        closedAt = block.timestamp;
        emit Closed(block.timestamp);
    }

    /// @inheritdoc ILedger
    function nonceUsed(OrganisationId organisation, uint256 nonce) public view returns (bool) {
        return _nonces[organisation].get(nonce);
    }

    /// @inheritdoc ILedger
    function submissionHash(
        OrganisationId organisation,
        bytes calldata entries,
        uint256 nonce,
        uint64 deadline
    ) public view returns (bytes32) {
        return _hashTypedDataV4(Submissions.hash(organisation, entries, nonce, deadline));
    }

    /// @dev The first reason, in the protocol's order, why a submission can't take effect now. The signature comes last:
    /// only a submission that is otherwise good may spend gas in its signer's contract.
    function _reasonToSkip(
        SignedSubmission calldata submission,
        bytes32 hash
    ) private view returns (SkipReason) {
        bytes calldata entries = submission.entries;
        if (!entries.areWellFormed()) return SkipReason.Malformed;
        if (entries.count() > MAX_ENTRIES) return SkipReason.TooManyEntries;
        if (block.timestamp > submission.deadline) return SkipReason.Expired;
        if (nonceUsed(submission.organisation, submission.nonce)) return SkipReason.NonceUsed;

        (bool inGoodStanding, bool isKey, uint256 kinds) = organisations.standing(
            submission.organisation,
            submission.signer
        );
        if (!inGoodStanding) return SkipReason.NotInGoodStanding;
        if (!isKey) return SkipReason.UnknownKey;

        // A skip says why, not which kind it was: the second value is of no use here.
        // slither-disable-next-line unused-return
        (bool allowed, ) = entries.areAllowed(kinds & ~RESERVED_KINDS);
        if (!allowed) return SkipReason.KindNotAllowed;

        uint256 gasToFinish = GAS_TO_FINISH + entries.count() * GAS_TO_FINISH_ENTRY;
        if (!Signatures.isValid(submission.signer, hash, submission.signature, gasToFinish)) {
            return SkipReason.BadSignature;
        }
        return SkipReason.None;
    }

    /// @dev Extends the chain of each entry's subject. Whoever calls has checked the organisation, its kinds and the
    /// bound on the number of entries.
    function _append(OrganisationId organisation, bytes calldata entries) private {
        uint256 count = entries.count();
        for (uint256 i = 0; i < count; ++i) {
            (Kind kind, Subject subject, bytes32 digest) = entries.entryAt(i);
            if (subject.isZero()) {
                ownHeads[organisation] = ownHeads[organisation].afterEntry(
                    kind,
                    organisation,
                    block.timestamp,
                    digest
                );
                emit OwnRecorded(organisation, kind, digest);
            } else {
                heads[subject] = heads[subject].afterEntry(kind, organisation, block.timestamp, digest);
                emit Recorded(subject, organisation, kind, digest);
            }
        }
    }

    /// @dev Whether this is the module that a kind belongs to. Zero, an absent module, is nobody: also not to a call
    /// that was simulated without a caller.
    function _isModuleOf(address caller, Kind kind) private view returns (bool) {
        uint8 number = Kind.unwrap(kind);
        if (number >= FIRST_ORGANISATIONS_KIND || caller == address(0)) return false;
        return caller == (number < FIRST_PARTS_KIND ? titles : parts);
    }
}
