// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Change} from "./Change.sol";
import {Kind} from "./Kind.sol";
import {OrganisationId} from "./OrganisationId.sol";

/// @dev The last link of a hash chain: one word that commits to a whole history, zero before the first link. These are
/// all the links there are (docs/protocol.md §4). On the chain of a subject the two forms differ in length, 160 and 224
/// bytes, so neither can pass for the other; the chains of organisations and of the directory are kept by contracts of
/// their own.
type Head is bytes32;

using {afterEntry, afterModuleEntry, afterChange, afterLedgerAdded, afterLedgerClosed} for Head global;

/// @dev An organisation's entry, on a subject's chain or on the organisation's own.
function afterEntry(
    Head head,
    Kind kind,
    OrganisationId organisation,
    uint256 timestamp,
    bytes32 digest
) pure returns (Head) {
    return Head.wrap(keccak256(abi.encode(head, kind, organisation, timestamp, digest)));
}

/// @dev A module's entry: who acted through it, and exactly what the action was.
function afterModuleEntry(
    Head head,
    Kind kind,
    address module,
    address actor,
    uint256 timestamp,
    bytes32 digest,
    bytes32 actionHash
) pure returns (Head) {
    return Head.wrap(keccak256(abi.encode(head, kind, module, actor, timestamp, digest, actionHash)));
}

/// @dev A change of an organisation's standing.
function afterChange(Head head, Change change, uint256 timestamp, bytes32 value) pure returns (Head) {
    return Head.wrap(keccak256(abi.encode(head, change, timestamp, value)));
}

/// @dev A ledger added to the directory.
function afterLedgerAdded(
    Head head,
    uint256 chainId,
    address ledger,
    address organisations,
    bytes32 codeHash,
    bytes32 pseudonymKey
) pure returns (Head) {
    return Head.wrap(keccak256(abi.encode(head, chainId, ledger, organisations, codeHash, pseudonymKey)));
}

/// @dev A ledger of the directory marked as closed to writing.
function afterLedgerClosed(Head head, uint256 index, uint256 closedAt) pure returns (Head) {
    return Head.wrap(keccak256(abi.encode(head, index, closedAt)));
}
