// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Subject} from "./Subject.sol";

/// @dev Where a title stands; the last two are its end.
enum TitleState {
    None,
    Held,
    Exported,
    Scrapped,
    Replaced
}

/// @dev What stands in the way of a sale.
enum Obstacle {
    None,
    NotHeld,
    Stolen,
    Lien
}

/// @dev The title of one vehicle, but for its liens:
///
///     slot 0   owner 160 │ revision 40 │ tenure 32 │ state 8 │ stolen 8 │ lienCount 8
///     slot 1   buyer 160 │ offeredUntil 64 │ liensPlaced 32
///     slot 2   brands 128
///     slot 3   replaces 256
///     slot 4   replacedBy 256
///
/// What most actions read and write is in the first.
struct Title {
    // Zero before the title is issued, and never after.
    address owner;
    // How many actions it has seen.
    uint40 revision;
    // How many keys have held it: rises with each change of the owner.
    uint32 tenure;
    TitleState state;
    bool stolen;
    // How many liens are stored; those of them that have expired count for nothing.
    uint8 lienCount;
    // Who may accept the offer, up to and including when; both zero without an offer.
    address buyer;
    uint64 offeredUntil;
    // How many liens there ever were: the number of the latest.
    uint32 liensPlaced;
    // The brands by their AAMVA D20 codes, bit n for code n.
    uint128 brands;
    // The subjects before and after this one in the life of the same vehicle; zero: none.
    Subject replaces;
    Subject replacedBy;
}
