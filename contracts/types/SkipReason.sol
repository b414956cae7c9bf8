// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @dev Why a relayed submission was skipped, in the order in which the reasons are checked; the numbers of
/// docs/protocol.md §4, `None` means accepted and is never emitted.
enum SkipReason {
    None,
    Malformed,
    TooManyEntries,
    Expired,
    NonceUsed,
    NotInGoodStanding,
    UnknownKey,
    KindNotAllowed,
    BadSignature
}
