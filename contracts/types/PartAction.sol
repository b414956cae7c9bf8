// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Kind} from "./Kind.sol";
import {OrganisationId} from "./OrganisationId.sol";
import {Subject} from "./Subject.sol";

/// @dev One step in the life of a part, as its actor signs it (docs/protocol.md §17).
struct PartAction {
    // 16 to 21.
    Kind kind;
    Subject subject;
    // How many actions the part has seen: this one is good once, and after exactly those.
    uint64 revision;
    // The last second since 1970 at which a block may execute it.
    uint64 deadline;
    // In whose name the actor acts.
    OrganisationId organisation;
    // Into what it is mounted, or from what it is removed; else zero.
    Subject vehicle;
    // The SHA-256 of the entry's block.
    bytes32 digest;
}

using {hash} for PartAction global;

/// @dev The hash of the type's encoding.
bytes32 constant PART_ACTION_TYPE_HASH = keccak256(
    "PartAction(uint8 kind,bytes32 subject,uint64 revision,uint64 deadline,uint64 organisation,bytes32 vehicle,bytes32 digest)"
);

/// @dev The EIP-712 struct hash of an action: all of its fields have a fixed size, so that its encoding is the ABI's.
function hash(PartAction calldata action) pure returns (bytes32) {
    return keccak256(abi.encode(PART_ACTION_TYPE_HASH, action));
}
