// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {FIRST_PARTS_KIND, Kind} from "./Kind.sol";
import {PartState} from "./Part.sol";

/// @dev A row of the table of docs/protocol.md §17, but for its effect: in which states, and whether with a vehicle, to
/// whose history it then belongs as well. 8 bits:
///
///     7  6 │    5    │   4  …  0
///     none │ vehicle │   states
///
/// The state of number n is bit n.
type PartTransition is uint8;

using {hasVehicle, isFrom} for PartTransition global;

/// @dev How many kinds the table has.
uint8 constant PART_KINDS = 6;

uint256 constant IN_NONE = 1 << 0;
uint256 constant IN_FREE = 1 << 1;
uint256 constant IN_MOUNTED = 1 << 2;
uint256 constant IN_STOLEN = 1 << 3;
uint256 constant WITH_VEHICLE = 1 << 5;

/// @dev All rows, that of kind 16 + n from bit 8 n.
uint256 constant PART_TRANSITIONS =
    (IN_NONE << (8 * 0)) | // registered
        ((IN_FREE | WITH_VEHICLE) << (8 * 1)) | // mounted
        ((IN_MOUNTED | IN_STOLEN | WITH_VEHICLE) << (8 * 2)) | // removed
        ((IN_FREE | IN_MOUNTED | IN_STOLEN) << (8 * 3)) | // scrapped
        ((IN_FREE | IN_MOUNTED) << (8 * 4)) | // stolen
        (IN_STOLEN << (8 * 5)); // recovered

/// @dev Whether a kind has a row.
function isPartKind(Kind kind) pure returns (bool) {
    uint8 number = Kind.unwrap(kind);
    return number >= FIRST_PARTS_KIND && number < FIRST_PARTS_KIND + PART_KINDS;
}

/// @dev The row of a kind that has one.
function partTransitionOf(Kind kind) pure returns (PartTransition) {
    return
        PartTransition.wrap(uint8(PART_TRANSITIONS >> (uint256(8) * (Kind.unwrap(kind) - FIRST_PARTS_KIND))));
}

function hasVehicle(PartTransition transition) pure returns (bool) {
    return PartTransition.unwrap(transition) & WITH_VEHICLE != 0;
}

function isFrom(PartTransition transition, PartState state) pure returns (bool) {
    return (PartTransition.unwrap(transition) >> uint8(state)) & 1 == 1;
}
