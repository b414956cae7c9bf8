// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Head} from "../types/Head.sol";
import {Kind} from "../types/Kind.sol";
import {OrganisationId} from "../types/OrganisationId.sol";
import {SignedSubmission} from "../types/SignedSubmission.sol";
import {SkipReason} from "../types/SkipReason.sol";
import {Subject} from "../types/Subject.sol";
import {IOrganisations} from "./IOrganisations.sol";

/// @title ILedger
/// @notice The histories of all subjects: for each of them one word that commits to every entry ever recorded, in order.
/// Nothing here alters or deletes an entry, and nobody is able to.
/// @dev The slots of `pseudonymKey` (3), `heads` (4) and `ownHeads` (5) are part of this interface: readers prove them by
/// `eth_getProof`. A mapping's value lies at `keccak256(abi.encode(key, slot))`.
interface ILedger {
    /// @notice An organisation's entry was added to a subject's history.
    /// @param subject The subject.
    /// @param organisation The attester.
    /// @param kind The kind of entry.
    /// @param digest The SHA-256 of the entry's block.
    event Recorded(Subject indexed subject, OrganisationId organisation, Kind kind, bytes32 digest);

    /// @notice An entry was added to an organisation's own chain.
    /// @param organisation The organisation.
    /// @param kind The kind of entry.
    /// @param digest The SHA-256 of the entry's block.
    event OwnRecorded(OrganisationId indexed organisation, Kind kind, bytes32 digest);

    /// @notice A module's entry was added to a subject's history.
    /// @param subject The subject.
    /// @param kind The kind of entry, of those reserved to the module.
    /// @param module The module.
    /// @param actor Who acted through the module.
    /// @param digest The SHA-256 of the entry's block.
    /// @param actionHash The hash of the action, which the entry's envelope must contain.
    event ModuleRecorded(
        Subject indexed subject,
        Kind kind,
        address module,
        address actor,
        bytes32 digest,
        bytes32 actionHash
    );

    /// @notice A relayed submission took effect, all of its entries.
    /// @param organisation The organisation that signed it.
    /// @param nonce Its nonce, now used.
    /// @param submissionHash What was signed.
    event Accepted(OrganisationId indexed organisation, uint256 nonce, bytes32 submissionHash);

    /// @notice A relayed submission was passed over, none of its entries recorded and its nonce not used: it may come
    /// again.
    /// @param organisation The organisation in whose name it came.
    /// @param nonce Its nonce.
    /// @param submissionHash What should have been signed.
    /// @param reason Why.
    event Skipped(
        OrganisationId indexed organisation,
        uint256 nonce,
        bytes32 submissionHash,
        SkipReason reason
    );

    /// @notice The ledger was closed to writing, for ever.
    /// @param closedAt The block's timestamp.
    event Closed(uint256 closedAt);

    /// @notice Thrown when something is to be recorded, or the ledger closed, after it was closed.
    /// @param closedAt When it was closed.
    error LedgerIsClosed(uint256 closedAt);

    /// @notice Thrown when `entries` is empty or no multiple of 65 bytes.
    /// @param length Its length in bytes.
    error LedgerMalformedEntries(uint256 length);

    /// @notice Thrown when a submission has too many entries.
    /// @param count How many it has.
    /// @param max How many it may have.
    error LedgerTooManyEntries(uint256 count, uint256 max);

    /// @notice Thrown when the organisation is unknown or suspended.
    /// @param organisation The organisation.
    error LedgerNotInGoodStanding(OrganisationId organisation);

    /// @notice Thrown when the caller is no registered key of the organisation.
    /// @param organisation The organisation.
    /// @param signer The caller.
    error LedgerUnknownKey(OrganisationId organisation, address signer);

    /// @notice Thrown when the organisation may not attest a kind; nobody but a module may attest a reserved one.
    /// @param organisation The organisation.
    /// @param kind The first such kind among the entries.
    error LedgerKindNotAllowed(OrganisationId organisation, Kind kind);

    /// @notice Thrown when the caller is not the module that the kind belongs to.
    /// @param caller The caller.
    /// @param kind The kind.
    error LedgerNotModuleOfKind(address caller, Kind kind);

    /// @notice Thrown when a module records an entry of the zero subject: modules have no chain of their own.
    error LedgerZeroSubject();

    /// @notice Thrown when too little gas is left to ask a signer's contract (ERC-1271) for certain. Send more.
    /// @param left The gas left.
    /// @param required The gas that the signer's contract and the rest of this submission may need.
    error LedgerInsufficientGas(uint256 left, uint256 required);

    /// @notice Records entries in the name of an organisation, one of whose keys is the caller. All or nothing.
    /// @param organisation The organisation.
    /// @param entries kind (1) ‖ subject (32) ‖ digest (32), 1 to 512 times. An entry of the zero subject extends the
    /// organisation's own chain.
    function record(OrganisationId organisation, bytes calldata entries) external;

    /// @notice Records signed submissions, in order; anyone may relay them. Each takes effect as a whole or is skipped
    /// with its reason, without effect on the others.
    /// @param submissions The submissions.
    function recordSigned(SignedSubmission[] calldata submissions) external;

    /// @notice Records an entry of a module's kind; only that module may.
    /// @param actor Who acted through the module.
    /// @param subject The subject.
    /// @param kind The kind.
    /// @param digest The SHA-256 of the entry's block.
    /// @param actionHash The hash of the action.
    function recordFor(
        address actor,
        Subject subject,
        Kind kind,
        bytes32 digest,
        bytes32 actionHash
    ) external;

    /// @notice Closes the ledger to writing, for ever. Its histories stay, and a successor is a new ledger. Restricted
    /// to the directory's manager.
    function close() external;

    /// @notice How many entries a submission may have.
    /// @return The bound.
    function MAX_ENTRIES() external view returns (uint256);

    /// @notice The public key of the pseudonym function under which all subjects of this ledger were computed.
    /// @return A ristretto255 element.
    function pseudonymKey() external view returns (bytes32);

    /// @notice The head of a subject's history.
    /// @param subject The subject.
    /// @return The head, zero when nothing was ever recorded.
    function heads(Subject subject) external view returns (Head);

    /// @notice The head of an organisation's own chain.
    /// @param organisation The organisation.
    /// @return The head, zero when nothing was ever recorded.
    function ownHeads(OrganisationId organisation) external view returns (Head);

    /// @notice Whether a submission with this nonce took effect.
    /// @param organisation The organisation.
    /// @param nonce The nonce.
    /// @return Whether it is used.
    function nonceUsed(OrganisationId organisation, uint256 nonce) external view returns (bool);

    /// @notice What an organisation signs: the EIP-712 digest of a submission to this ledger.
    /// @param organisation The organisation.
    /// @param entries Its packed entries.
    /// @param nonce A nonce not used yet.
    /// @param deadline The last second since 1970 at which a block may accept it.
    /// @return The digest.
    function submissionHash(
        OrganisationId organisation,
        bytes calldata entries,
        uint256 nonce,
        uint64 deadline
    ) external view returns (bytes32);

    /// @notice When the ledger was closed to writing.
    /// @return The block's timestamp, zero while it is open.
    function closedAt() external view returns (uint256);

    /// @notice Who may attest what.
    /// @return The contract asked once for each submission.
    function organisations() external view returns (IOrganisations);

    /// @notice The module that alone records kinds 0–15.
    /// @return Its address; zero: nobody.
    function titles() external view returns (address);

    /// @notice The module that alone records kinds 16–31.
    /// @return Its address; zero: nobody.
    function parts() external view returns (address);
}
