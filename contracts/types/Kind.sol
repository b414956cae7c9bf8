// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @dev What sort of thing happened; docs/protocol.md §6 gives each number its name. A set of kinds is a bitmap with
/// bit n for kind n:
///
///     255                      32 31              16 15               0
///      └── organisations' kinds ─┘ └─ module Parts ─┘ └─ module Titles ┘
type Kind is uint8;

using {isIn, equals as ==} for Kind global;

/// @dev The kinds that only modules record. Granted to an organisation, such a kind is the right to ask the module for
/// that transition.
uint256 constant RESERVED_KINDS = 0xffffffff;

/// @dev The first kind of the module `Parts`; those before it belong to `Titles`.
uint8 constant FIRST_PARTS_KIND = 16;

/// @dev The first kind that organisations attest.
uint8 constant FIRST_ORGANISATIONS_KIND = 32;

/// @dev Whether a set of kinds has this one.
function isIn(Kind kind, uint256 kinds) pure returns (bool) {
    return (kinds >> Kind.unwrap(kind)) & 1 == 1;
}

/// @dev Whether two numbers name the same kind.
function equals(Kind a, Kind b) pure returns (bool) {
    return Kind.unwrap(a) == Kind.unwrap(b);
}
