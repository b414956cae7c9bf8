// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IDirectory} from "./interfaces/IDirectory.sol";
import {ILedger} from "./interfaces/ILedger.sol";
import {Head} from "./types/Head.sol";

/// @title Directory
/// @notice The list of every ledger; see {IDirectory}.
contract Directory is IDirectory, AccessManaged {
    // Slot 0 is that of AccessManaged; 1 is promised by IDirectory.

    /// @inheritdoc IDirectory
    Head public head;

    Listing[] private _listings;
    mapping(uint256 chainId => mapping(address ledger => bool)) private _added;

    /// @notice Starts an empty list.
    /// @param authority The AccessManager that says who may extend the list.
    constructor(address authority) AccessManaged(authority) {}

    /// @inheritdoc IDirectory
    function add(
        uint256 chainId,
        address ledger,
        address organisations,
        bytes32 codeHash,
        bytes32 pseudonymKey
    ) external restricted returns (uint256 index) {
        if (_added[chainId][ledger]) revert DirectoryAlreadyAdded(chainId, ledger);
        if (chainId == block.chainid) _checkLedger(ledger, organisations, codeHash, pseudonymKey);

        index = _listings.length;
        _added[chainId][ledger] = true;
        _listings.push(
            Listing({
                chainId: chainId,
                ledger: ledger,
                organisations: organisations,
                codeHash: codeHash,
                pseudonymKey: pseudonymKey,
                closedAt: 0
            })
        );
        head = head.afterLedgerAdded(chainId, ledger, organisations, codeHash, pseudonymKey);
        emit LedgerAdded(index, chainId, ledger, organisations, codeHash, pseudonymKey);
    }

    /// @inheritdoc IDirectory
    function close(uint256 index, uint256 closedAt) external restricted {
        Listing storage listing = _at(index);
        if (listing.closedAt != 0) revert DirectoryAlreadyClosed(index, listing.closedAt);
        if (closedAt == 0) revert DirectoryClosedAtMismatch(0, 0);
        if (listing.chainId == block.chainid) {
            uint256 actual = ILedger(listing.ledger).closedAt();
            if (closedAt != actual) revert DirectoryClosedAtMismatch(closedAt, actual);
        }

        listing.closedAt = closedAt;
        head = head.afterLedgerClosed(index, closedAt);
        emit LedgerClosed(index, closedAt);
    }

    /// @inheritdoc IDirectory
    function count() external view returns (uint256) {
        return _listings.length;
    }

    /// @inheritdoc IDirectory
    function ledgerAt(uint256 index) external view returns (Listing memory) {
        return _at(index);
    }

    function _at(uint256 index) private view returns (Listing storage) {
        if (index >= _listings.length) revert DirectoryUnknownIndex(index, _listings.length);
        return _listings[index];
    }

    function _checkLedger(
        address ledger,
        address organisations,
        bytes32 codeHash,
        bytes32 pseudonymKey
    ) private view {
        bytes32 actualCodeHash = ledger.codehash;
        if (codeHash != actualCodeHash || ledger.code.length == 0) {
            revert DirectoryCodeHashMismatch(codeHash, actualCodeHash);
        }
        address actualOrganisations = address(ILedger(ledger).organisations());
        if (organisations != actualOrganisations) {
            revert DirectoryOrganisationsMismatch(organisations, actualOrganisations);
        }
        bytes32 actualKey = ILedger(ledger).pseudonymKey();
        if (pseudonymKey != actualKey) revert DirectoryPseudonymKeyMismatch(pseudonymKey, actualKey);
    }
}
