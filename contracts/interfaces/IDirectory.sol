// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Head} from "../types/Head.sol";

/// @title IDirectory
/// @notice The list of every ledger. A report proves a head, or an empty slot, in each of them, so that neither a
/// successor nor a shard can hide a history; therefore nothing ever leaves the list.
/// @dev The slot of `head` (1) is part of this interface: readers prove it by `eth_getProof`.
interface IDirectory {
    /// @notice A ledger of the list.
    struct Listing {
        uint256 chainId;
        address ledger;
        // The contract whose organisations may attest in it.
        address organisations;
        // keccak256 of the ledger's code on its chain.
        bytes32 codeHash;
        // The public key of its pseudonym function.
        bytes32 pseudonymKey;
        // When it was closed to writing; zero while it is open.
        uint256 closedAt;
    }

    /// @notice A ledger was added to the list.
    /// @param index Its place.
    /// @param chainId Its chain.
    /// @param ledger Its address.
    /// @param organisations The contract whose organisations may attest in it.
    /// @param codeHash The hash of its code.
    /// @param pseudonymKey The public key of its pseudonym function.
    event LedgerAdded(
        uint256 indexed index,
        uint256 chainId,
        address ledger,
        address organisations,
        bytes32 codeHash,
        bytes32 pseudonymKey
    );

    /// @notice A ledger of the list is closed to writing.
    /// @param index Its place.
    /// @param closedAt Since when.
    event LedgerClosed(uint256 indexed index, uint256 closedAt);

    /// @notice Thrown when the ledger is in the list already.
    /// @param chainId Its chain.
    /// @param ledger Its address.
    error DirectoryAlreadyAdded(uint256 chainId, address ledger);

    /// @notice Thrown when a ledger of this chain has other code than was said, or none.
    /// @param expected The hash that was said.
    /// @param actual The hash of its code; zero or that of nothing where there is no code.
    error DirectoryCodeHashMismatch(bytes32 expected, bytes32 actual);

    /// @notice Thrown when a ledger of this chain takes its organisations from another contract than was said.
    /// @param expected The contract that was said.
    /// @param actual The ledger's own.
    error DirectoryOrganisationsMismatch(address expected, address actual);

    /// @notice Thrown when a ledger of this chain has another pseudonym key than was said.
    /// @param expected The key that was said.
    /// @param actual The ledger's own.
    error DirectoryPseudonymKeyMismatch(bytes32 expected, bytes32 actual);

    /// @notice Thrown when no ledger stands at an index.
    /// @param index The index.
    /// @param count How many ledgers there are.
    error DirectoryUnknownIndex(uint256 index, uint256 count);

    /// @notice Thrown when a ledger is marked as closed a second time.
    /// @param index Its place.
    /// @param closedAt Since when it is.
    error DirectoryAlreadyClosed(uint256 index, uint256 closedAt);

    /// @notice Thrown when the time of closing is zero, or is not that of a ledger of this chain.
    /// @param expected The time that was said.
    /// @param actual The ledger's own; zero: it is open, or of another chain.
    error DirectoryClosedAtMismatch(uint256 expected, uint256 actual);

    /// @notice Adds a ledger. Its organisations, code hash and pseudonym key are checked where it is on this chain.
    /// Restricted to the directory's manager.
    /// @param chainId Its chain.
    /// @param ledger Its address.
    /// @param organisations The contract whose organisations may attest in it.
    /// @param codeHash The hash of its code.
    /// @param pseudonymKey The public key of its pseudonym function.
    /// @return index Its place in the list.
    function add(
        uint256 chainId,
        address ledger,
        address organisations,
        bytes32 codeHash,
        bytes32 pseudonymKey
    ) external returns (uint256 index);

    /// @notice Marks a ledger as closed to writing. That it is, and since when, is checked where it is on this chain.
    /// Restricted to the directory's manager.
    /// @param index Its place in the list.
    /// @param closedAt Since when.
    function close(uint256 index, uint256 closedAt) external;

    /// @notice How many ledgers there are.
    /// @return Their number.
    function count() external view returns (uint256);

    /// @notice A ledger of the list.
    /// @param index Its place, below `count`.
    /// @return The ledger.
    function ledgerAt(uint256 index) external view returns (Listing memory);

    /// @notice The head over the whole list, in order of what was added and closed.
    /// @return The head, zero while the list is empty.
    function head() external view returns (Head);
}
