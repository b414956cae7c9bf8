// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {OrganisationId} from "../types/OrganisationId.sol";

/// @title Submissions
/// @notice The EIP-712 type that an organisation signs (docs/protocol.md §3).
library Submissions {
    /// @dev The hash of the type's encoding.
    bytes32 internal constant TYPE_HASH = keccak256(
        "Submission(uint64 organisation,bytes entries,uint256 nonce,uint64 deadline)"
    );

    /// @dev The struct hash of a submission.
    function hash(
        OrganisationId organisation,
        bytes calldata entries,
        uint256 nonce,
        uint64 deadline
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPE_HASH, organisation, keccak256(entries), nonce, deadline));
    }
}
