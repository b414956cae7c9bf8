// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {PartsHandler} from "./PartsHandler.sol";

/// @dev The properties of IParts, where their sentences stand, over any sequence of calls.
contract PartsInvariants {
    PartsHandler private _handler;

    function setUp() public {
        _handler = new PartsHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function invariant_ONE_VEHICLE() public view {
        assert(!_handler.violated("ONE-VEHICLE") && _handler.vehiclesAgree() && _handler.statesAgree());
    }

    function invariant_SCRAPPED_FOR_EVER() public view {
        assert(!_handler.violated("SCRAPPED-FOR-EVER") && _handler.scrappedStay());
    }

    function invariant_STOLEN_NOT_MOUNTED() public view {
        assert(!_handler.violated("STOLEN-NOT-MOUNTED") && _handler.stolenStay());
    }

    function invariant_STAYS_WHERE_IT_IS() public view {
        assert(!_handler.violated("STAYS-WHERE-IT-IS"));
    }

    function invariant_REGISTERED_ONCE() public view {
        assert(!_handler.violated("REGISTERED-ONCE"));
    }

    function invariant_ONLY_RIGHT_ACTS() public view {
        assert(!_handler.violated("ONLY-RIGHT-ACTS"));
    }

    function invariant_SIGNED() public view {
        assert(!_handler.violated("SIGNED"));
    }

    function invariant_REVISION_ONCE() public view {
        assert(!_handler.violated("REVISION-ONCE"));
    }

    function invariant_ENTRY_FOR_EVERY_ACTION() public view {
        assert(!_handler.violated("ENTRY-FOR-EVERY-ACTION") && _handler.headIsFolded());
    }

    function invariant_ISOLATION() public view {
        assert(!_handler.violated("ISOLATION"));
    }
}
