// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {OrganisationId} from "./OrganisationId.sol";

/// @dev A lender's right in a vehicle, in one slot:
///
///     holder 64 │ until 64 │ number 32 │ rank 8
struct Lien {
    OrganisationId holder;
    // The last second at which it is open.
    uint64 until;
    // Which it was among all that were ever placed on its title, from 1.
    uint32 number;
    // 1 to 255, at most one open lien of a title for each.
    uint8 rank;
}

using {isOpen} for Lien global;

/// @dev Whether the lien still blocks a sale.
function isOpen(Lien memory lien) view returns (bool) {
    return block.timestamp <= lien.until;
}
