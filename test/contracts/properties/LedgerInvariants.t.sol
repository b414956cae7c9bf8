// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {LedgerHandler} from "./LedgerHandler.sol";

/// @dev The properties of the ledger (their sentences stand in Ledger.t.sol) over any sequence of calls.
contract LedgerInvariants {
    LedgerHandler private _handler;

    function setUp() public {
        _handler = new LedgerHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @dev A head is the fold of its history.
    function invariant_HEAD() public view {
        for (uint256 i = 0; i < _handler.chainCount(); ++i) assert(_handler.headAt(i) == _handler.foldAt(i));
    }

    /// @dev No call changes a past link: after each, the head is the one before it and what the call logged.
    function invariant_APPEND() public view {
        assert(!_handler.violated("APPEND"));
    }

    /// @dev Recording one subject never touches another.
    function invariant_ISOLATION() public view {
        assert(!_handler.violated("ISOLATION"));
    }

    /// @dev Every recorded organisation was in good standing and allowed that kind at that block.
    function invariant_AUTH() public view {
        assert(!_handler.violated("AUTH"));
    }

    /// @dev A submission takes effect at most once.
    function invariant_NONCE() public view {
        for (uint256 i = 0; i < _handler.pastCount(); ++i) assert(_handler.nonceAgrees(i));
    }

    /// @dev A bad submission neither reverts nor alters the others, and a skip is never terminal.
    function invariant_SKIP() public view {
        assert(!_handler.violated("SKIP"));
    }

    /// @dev Only an organisation extends its own chain.
    function invariant_OWN() public view {
        assert(!_handler.violated("OWN"));
    }

    /// @dev No one but its module records a module's kind.
    function invariant_RESERVED() public view {
        assert(!_handler.violated("RESERVED"));
    }

    /// @dev State rebuilt from logs equals storage.
    function invariant_REBUILD() public view {
        for (uint256 i = 0; i < _handler.chainCount(); ++i)
            assert(_handler.headAt(i) == _handler.rebuiltAt(i));
    }
}
