// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Kind} from "../types/Kind.sol";
import {Subject} from "../types/Subject.sol";

/// @title Entries
/// @notice Reads entries from the packed form in which they travel, 65 bytes each: kind (1) ‖ subject (32) ‖ digest (32).
library Entries {
    /// @dev The size of one packed entry.
    uint256 internal constant LENGTH = 65;

    /// @dev Whether these bytes hold one entry or more and nothing else.
    function areWellFormed(bytes calldata entries) internal pure returns (bool) {
        return entries.length != 0 && entries.length % LENGTH == 0;
    }

    /// @dev How many entries well-formed bytes hold.
    function count(bytes calldata entries) internal pure returns (uint256) {
        return entries.length / LENGTH;
    }

    /// @dev The entry at an index below `count`.
    function entryAt(
        bytes calldata entries,
        uint256 index
    ) internal pure returns (Kind kind, Subject subject, bytes32 digest) {
        bytes calldata entry = entries[index * LENGTH:];
        kind = Kind.wrap(uint8(bytes1(entry)));
        subject = Subject.wrap(bytes32(entry[1:]));
        digest = bytes32(entry[33:]);
    }

    /// @dev Whether every entry's kind is in the set; if not, the first that is not.
    function areAllowed(
        bytes calldata entries,
        uint256 kinds
    ) internal pure returns (bool allowed, Kind refused) {
        for (uint256 start = 0; start < entries.length; start += LENGTH) {
            Kind kind = Kind.wrap(uint8(entries[start]));
            if (!kind.isIn(kinds)) return (false, kind);
        }
        return (true, Kind.wrap(0));
    }
}
