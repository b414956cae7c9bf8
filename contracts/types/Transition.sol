// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Kind} from "./Kind.sol";
import {TitleState} from "./Title.sol";

/// @dev A row of the table of docs/protocol.md §13, but for its effect and the guards that are its own: who may do it, in
/// which states, with which fields, with another party than the owner, while the vehicle may be sold. 16 bits:
///
///     15   13 │ 12  …  8 │  7   │    6     │   5   │   4       3       2   │    1       0
///       none  │  states  │ none │ sellable │ other │ detail  until   party │ buyer   owner
///
/// The state of number n is bit 8 + n. Neither owner nor buyer: a key of an organisation that has the kind's right.
type Transition is uint16;

using {
    isByOrganisation,
    isByOwner,
    isByBuyer,
    hasParty,
    hasUntil,
    hasDetail,
    needsOther,
    needsSellable,
    isFrom
} for Transition global;

uint256 constant BY_OWNER = 1 << 0;
uint256 constant BY_BUYER = 1 << 1;
uint256 constant PARTY = 1 << 2;
uint256 constant UNTIL = 1 << 3;
uint256 constant DETAIL = 1 << 4;
uint256 constant OTHER = 1 << 5;
uint256 constant SELLABLE = 1 << 6;
uint256 constant NONE = 1 << 8;
uint256 constant HELD = 1 << 9;
uint256 constant EXPORTED = 1 << 10;
uint256 constant SCRAPPED = 1 << 11;
uint256 constant REPLACED = 1 << 12;

/// @dev All rows, that of kind n from bit 16 n.
uint256 constant TRANSITIONS =
    ((NONE | EXPORTED | PARTY) << (16 * 0)) | // issued
        ((HELD | BY_OWNER | PARTY | OTHER | UNTIL | SELLABLE) << (16 * 1)) | // offered
        ((HELD | BY_BUYER | SELLABLE) << (16 * 2)) | // accepted
        ((HELD | BY_OWNER) << (16 * 3)) | // withdrawn
        ((HELD | UNTIL | DETAIL) << (16 * 4)) | // lienPlaced
        ((HELD | UNTIL | DETAIL) << (16 * 5)) | // lienRenewed
        ((HELD | DETAIL) << (16 * 6)) | // lienReleased
        (HELD << (16 * 7)) | // stolen
        (HELD << (16 * 8)) | // recovered
        ((HELD | EXPORTED | DETAIL) << (16 * 9)) | // branded
        ((HELD | EXPORTED | SCRAPPED | REPLACED | BY_OWNER | DETAIL) << (16 * 10)) | // disputed
        ((HELD | EXPORTED) << (16 * 11)) | // scrapped
        ((HELD | SELLABLE) << (16 * 12)) | // exported
        ((HELD | PARTY | OTHER) << (16 * 13)) | // reissued
        ((HELD | PARTY | OTHER | SELLABLE) << (16 * 14)) | // transferred
        ((HELD | DETAIL) << (16 * 15)); // replaced

/// @dev The row of a kind below 16.
function transitionOf(Kind kind) pure returns (Transition) {
    return Transition.wrap(uint16(TRANSITIONS >> (uint256(16) * Kind.unwrap(kind))));
}

function isByOrganisation(Transition transition) pure returns (bool) {
    return Transition.unwrap(transition) & (BY_OWNER | BY_BUYER) == 0;
}

function isByOwner(Transition transition) pure returns (bool) {
    return Transition.unwrap(transition) & BY_OWNER != 0;
}

function isByBuyer(Transition transition) pure returns (bool) {
    return Transition.unwrap(transition) & BY_BUYER != 0;
}

function hasParty(Transition transition) pure returns (bool) {
    return Transition.unwrap(transition) & PARTY != 0;
}

function hasUntil(Transition transition) pure returns (bool) {
    return Transition.unwrap(transition) & UNTIL != 0;
}

function hasDetail(Transition transition) pure returns (bool) {
    return Transition.unwrap(transition) & DETAIL != 0;
}

function needsOther(Transition transition) pure returns (bool) {
    return Transition.unwrap(transition) & OTHER != 0;
}

function needsSellable(Transition transition) pure returns (bool) {
    return Transition.unwrap(transition) & SELLABLE != 0;
}

function isFrom(Transition transition, TitleState state) pure returns (bool) {
    return (Transition.unwrap(transition) >> (8 + uint8(state))) & 1 == 1;
}
