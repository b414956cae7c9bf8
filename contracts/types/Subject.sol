// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @dev Anything with a history, by the pseudonym that only a verifiable keyed function links to its identifier
/// (docs/protocol.md §2: `keccak256(output of the function)`, computed off chain). Zero is no subject: an entry that
/// names it goes to the organisation's own chain.
type Subject is bytes32;

using {isZero, equals as ==} for Subject global;

/// @dev Whether an entry that names this subject extends the organisation's own chain.
function isZero(Subject subject) pure returns (bool) {
    return Subject.unwrap(subject) == 0;
}

/// @dev Whether two pseudonyms name the same subject.
function equals(Subject a, Subject b) pure returns (bool) {
    return Subject.unwrap(a) == Subject.unwrap(b);
}
