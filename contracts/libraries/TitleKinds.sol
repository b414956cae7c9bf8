// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Kind} from "../types/Kind.sol";

/// @title TitleKinds
/// @notice The kinds of entries that `Titles` writes, by the names that docs/protocol.md §13 gives them (`title.issued` …).
library TitleKinds {
    Kind internal constant ISSUED = Kind.wrap(0);
    Kind internal constant OFFERED = Kind.wrap(1);
    Kind internal constant ACCEPTED = Kind.wrap(2);
    Kind internal constant WITHDRAWN = Kind.wrap(3);
    Kind internal constant LIEN_PLACED = Kind.wrap(4);
    Kind internal constant LIEN_RENEWED = Kind.wrap(5);
    Kind internal constant LIEN_RELEASED = Kind.wrap(6);
    Kind internal constant STOLEN = Kind.wrap(7);
    Kind internal constant RECOVERED = Kind.wrap(8);
    Kind internal constant BRANDED = Kind.wrap(9);
    Kind internal constant DISPUTED = Kind.wrap(10);
    Kind internal constant SCRAPPED = Kind.wrap(11);
    Kind internal constant EXPORTED = Kind.wrap(12);
    Kind internal constant REISSUED = Kind.wrap(13);
    Kind internal constant TRANSFERRED = Kind.wrap(14);
    Kind internal constant REPLACED = Kind.wrap(15);
}
