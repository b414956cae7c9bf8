// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {OrganisationId} from "./OrganisationId.sol";

/// @dev A list of entries that one organisation signed once, as a relayer carries it.
struct SignedSubmission {
    OrganisationId organisation;
    // The key that signed, or the contract that vouches for the signature (ERC-1271).
    address signer;
    uint256 nonce;
    // The last second since 1970 at which a block may accept it.
    uint64 deadline;
    // kind (1) ‖ subject (32) ‖ digest (32), 1 to 512 times.
    bytes entries;
    bytes signature;
}
