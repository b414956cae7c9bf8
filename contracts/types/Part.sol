// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {OrganisationId} from "./OrganisationId.sol";
import {Subject} from "./Subject.sol";

/// @dev Where a part stands; the last is its end.
enum PartState {
    None,
    Free,
    Mounted,
    Stolen,
    Scrapped
}

/// @dev One part:
///
///     slot 0   maker 64 │ revision 40 │ state 8
///     slot 1   vehicle 256
///
/// Most actions read and write the first alone.
struct Part {
    // Who registered it.
    OrganisationId maker;
    // How many actions it has seen.
    uint40 revision;
    PartState state;
    // Where it is; zero: nowhere. Neither a theft nor the scrapyard takes it out of there.
    Subject vehicle;
}
