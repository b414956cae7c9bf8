// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Kind} from "./Kind.sol";
import {OrganisationId} from "./OrganisationId.sol";
import {Subject} from "./Subject.sol";

/// @dev One step in the life of a title, as its actor signs it (docs/protocol.md §13). A field that the kind has no use
/// for is zero.
struct TitleAction {
    // 0 to 15.
    Kind kind;
    Subject subject;
    // How many actions the title has seen: this one is good once, and after exactly those.
    uint64 revision;
    // The last second since 1970 at which a block may execute it.
    uint64 deadline;
    // In whose name the actor acts; zero where an owner or a buyer does.
    OrganisationId organisation;
    // Who becomes the owner, or may.
    address party;
    // The last second of an offer or a lien.
    uint64 until;
    // A lien's rank or number, a brand's code, a digest, a subject: what the kind says.
    bytes32 detail;
    // The SHA-256 of the entry's block.
    bytes32 digest;
}

using {hash} for TitleAction global;

/// @dev The hash of the type's encoding.
bytes32 constant TITLE_ACTION_TYPE_HASH = keccak256(
    "TitleAction(uint8 kind,bytes32 subject,uint64 revision,uint64 deadline,uint64 organisation,address party,uint64 until,bytes32 detail,bytes32 digest)"
);

/// @dev The EIP-712 struct hash of an action: all of its fields have a fixed size, so that its encoding is the ABI's.
function hash(TitleAction calldata action) pure returns (bytes32) {
    return keccak256(abi.encode(TITLE_ACTION_TYPE_HASH, action));
}
