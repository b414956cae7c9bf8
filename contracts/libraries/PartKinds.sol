// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Kind} from "../types/Kind.sol";

/// @title PartKinds
/// @notice The kinds of entries that `Parts` writes, by the names that docs/protocol.md §17 gives them
/// (`safetyPart.registered` …).
library PartKinds {
    Kind internal constant REGISTERED = Kind.wrap(16);
    Kind internal constant MOUNTED = Kind.wrap(17);
    Kind internal constant REMOVED = Kind.wrap(18);
    Kind internal constant SCRAPPED = Kind.wrap(19);
    Kind internal constant STOLEN = Kind.wrap(20);
    Kind internal constant RECOVERED = Kind.wrap(21);
}
