// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @dev What happened to an organisation's standing; the numbers of docs/protocol.md §4, `None` is never recorded.
enum Change {
    None,
    Admitted,
    Suspended,
    Reinstated,
    KindsSet,
    ProfileSet,
    ControllerSet,
    KeyAdded,
    KeyRevoked,
    SuccessorSet
}
