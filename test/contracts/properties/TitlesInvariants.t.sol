// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {TitlesHandler} from "./TitlesHandler.sol";

/// @dev The properties of ITitles, where their sentences stand, over any sequence of calls.
contract TitlesInvariants {
    TitlesHandler private _handler;

    function setUp() public {
        _handler = new TitlesHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function invariant_ONE_TITLE() public view {
        assert(!_handler.violated("ONE-TITLE") && _handler.titlesAreOne());
    }

    function invariant_NO_SALE_UNDER_LIEN() public view {
        assert(!_handler.violated("NO-SALE-UNDER-LIEN"));
    }

    function invariant_NO_SALE_WHEN_STOLEN() public view {
        assert(!_handler.violated("NO-SALE-WHEN-STOLEN"));
    }

    function invariant_UNBLOCKED_AT_ONCE() public view {
        assert(_handler.sellableIsTrue());
    }

    function invariant_STICKY_BRANDS() public view {
        assert(!_handler.violated("STICKY-BRANDS") && _handler.brandsStick());
    }

    function invariant_ONLY_OWNER_OFFERS() public view {
        assert(!_handler.violated("ONLY-OWNER-OFFERS"));
    }

    function invariant_ONLY_BUYER_ACCEPTS() public view {
        assert(!_handler.violated("ONLY-BUYER-ACCEPTS"));
    }

    function invariant_ONLY_RIGHT_ACTS() public view {
        assert(!_handler.violated("ONLY-RIGHT-ACTS"));
    }

    function invariant_ONLY_HOLDER_LIFTS() public view {
        assert(!_handler.violated("ONLY-HOLDER-LIFTS"));
    }

    function invariant_END_IS_END() public view {
        assert(!_handler.violated("END-IS-END"));
    }

    function invariant_REVISION_ONCE() public view {
        assert(!_handler.violated("REVISION-ONCE"));
    }

    function invariant_SIGNED() public view {
        assert(!_handler.violated("SIGNED"));
    }

    function invariant_TENURE_COUNTS() public view {
        assert(!_handler.violated("TENURE-COUNTS"));
    }

    function invariant_LIENS_CAPPED() public view {
        assert(_handler.liensAreCapped());
    }

    function invariant_RANKS_DISTINCT() public view {
        assert(!_handler.violated("RANKS-DISTINCT") && _handler.ranksAreDistinct());
    }

    function invariant_ENTRY_FOR_EVERY_ACTION() public view {
        assert(!_handler.violated("ENTRY-FOR-EVERY-ACTION") && _handler.headIsFolded());
    }

    function invariant_ISOLATION() public view {
        assert(!_handler.violated("ISOLATION"));
    }
}
