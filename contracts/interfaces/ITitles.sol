// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Kind} from "../types/Kind.sol";
import {Lien} from "../types/Lien.sol";
import {OrganisationId} from "../types/OrganisationId.sol";
import {Subject} from "../types/Subject.sol";
import {Obstacle, Title, TitleState} from "../types/Title.sol";
import {TitleAction} from "../types/TitleAction.sol";
import {IModule} from "./IModule.sol";

/// @title ITitles
/// @notice Who owns a vehicle, what stands against its sale and what it carries for ever: one title for each vehicle, by
/// the table of docs/protocol.md §13.
/// @dev What always holds, and which tests are named after:
///
/// ONE-TITLE                A vehicle has at most one title, and a title that is held exactly one owner.
/// NO-SALE-UNDER-LIEN       While a lien is open, no action but a re-issue changes the owner, and none exports.
/// NO-SALE-WHEN-STOLEN      While the vehicle is stolen, likewise.
/// UNBLOCKED-AT-ONCE        What blocks a sale blocks it no longer from the moment it is lifted or has expired.
/// STICKY-BRANDS            A brand never goes, whatever happens, and goes along to a new subject.
/// ONLY-OWNER-OFFERS        Only the owner offers, withdraws and disputes.
/// ONLY-BUYER-ACCEPTS       Only the buyer of an open offer accepts, and nothing else takes its place.
/// ONLY-RIGHT-ACTS          Everything else is done by a key of an organisation in good standing with that kind's right.
/// ONLY-HOLDER-LIFTS        A lien is renewed and released by its holder or the holder's successor, or expires.
/// END-IS-END               Of an ended title nothing changes any more but its revision.
/// SIGNED                   An action is its actor's: sent or signed by it, for this chain and this contract, in time.
/// REVISION-ONCE            Each action is good once: the revision rises by one with each, and with nothing else.
/// TENURE-COUNTS            The tenure rises by one exactly when a title gets an owner's key.
/// LIENS-CAPPED             At most eight liens of a title are open.
/// RANKS-DISTINCT           No two open liens of a title have the same rank, and no two ever the same number.
/// ENTRY-FOR-EVERY-ACTION   An action extends the head of its subject (a replacement: both heads) by one link, that of
///                          exactly this action; what fails changes nothing.
/// ISOLATION                An action touches no other title.
interface ITitles is IModule {
    /// @notice An action was executed, and its entry recorded in the ledger.
    /// @param subject The vehicle.
    /// @param actionHash The action's EIP-712 digest, which the entry's link carries.
    /// @param actor Who acted.
    /// @param action The action.
    event Executed(Subject indexed subject, bytes32 indexed actionHash, address actor, TitleAction action);

    /// @notice Thrown when the kind is not one of this module's.
    /// @param kind The kind.
    error TitlesUnknownKind(Kind kind);

    /// @notice Thrown when a field that the kind has no use for is not zero.
    /// @param kind The kind.
    error TitlesUnusedField(Kind kind);

    /// @notice Thrown when the title has seen more actions than its actor knew of, or fewer.
    /// @param given The revision in the action.
    /// @param actual The title's.
    error TitlesWrongRevision(uint64 given, uint64 actual);

    /// @notice Thrown when the actor is not the owner.
    /// @param actor The actor.
    /// @param owner The owner.
    error TitlesNotOwner(address actor, address owner);

    /// @notice Thrown when the actor is not the one to whom the vehicle is offered.
    /// @param actor The actor.
    /// @param buyer The offer's buyer.
    error TitlesNotBuyer(address actor, address buyer);

    /// @notice Thrown when a title in this state has no such transition.
    /// @param kind The kind.
    /// @param state The state.
    error TitlesWrongState(Kind kind, TitleState state);

    /// @notice Thrown when the party is to be someone and is nobody.
    error TitlesZeroParty();

    /// @notice Thrown when the party is to be another than the owner.
    /// @param party The party.
    error TitlesSameParty(address party);

    /// @notice Thrown when `until` is not later than it must be, or too late.
    /// @param until The time.
    /// @param earliest The first good one.
    /// @param latest The last good one.
    error TitlesBadTime(uint64 until, uint256 earliest, uint256 latest);

    /// @notice Thrown when the detail is none that the kind can have.
    /// @param kind The kind.
    /// @param detail The detail.
    error TitlesBadDetail(Kind kind, bytes32 detail);

    /// @notice Thrown when the vehicle is reported stolen.
    /// @param subject The vehicle.
    error TitlesStolen(Subject subject);

    /// @notice Thrown when the vehicle is not reported stolen.
    /// @param subject The vehicle.
    error TitlesNotStolen(Subject subject);

    /// @notice Thrown when a lien stands in the way.
    /// @param number The number of an open lien.
    error TitlesLienOpen(uint32 number);

    /// @notice Thrown when there is an open offer already.
    /// @param buyer To whom.
    /// @param until Until when.
    error TitlesOfferOpen(address buyer, uint64 until);

    /// @notice Thrown when there is no offer to accept or to withdraw.
    /// @param subject The vehicle.
    error TitlesNoOffer(Subject subject);

    /// @notice Thrown when the offer has expired.
    /// @param until Its last second.
    error TitlesOfferExpired(uint64 until);

    /// @notice Thrown when the title has as many open liens as it can.
    /// @param max How many.
    error TitlesTooManyLiens(uint256 max);

    /// @notice Thrown when an open lien has this rank.
    /// @param rank The rank.
    error TitlesRankTaken(uint8 rank);

    /// @notice Thrown when no open lien has this number.
    /// @param number The number.
    error TitlesNoSuchLien(bytes32 number);

    /// @notice Thrown when the acting organisation is neither the lien's holder nor the holder's successor.
    /// @param organisation The organisation.
    /// @param holder The holder.
    error TitlesNotHolder(OrganisationId organisation, OrganisationId holder);

    /// @notice Thrown when the new subject has a title of its own.
    /// @param subject The new subject.
    error TitlesSubjectTaken(Subject subject);

    /// @notice Executes an action: changes the title, and records the entry. Sent by the actor itself, or by anyone with
    /// the actor's signature. All or nothing.
    /// @param action The action.
    /// @param actor Who acts: the owner, the buyer, or a key of the acting organisation.
    /// @param signature Empty when the actor is the caller; else the actor's signature of `actionHash(action)`, by its
    /// key or as its contract accepts it (ERC-1271).
    function execute(TitleAction calldata action, address actor, bytes calldata signature) external;

    /// @notice The title of a vehicle.
    /// @param subject The vehicle.
    /// @return All of it but the liens; zeros when there never was one.
    function titleOf(Subject subject) external view returns (Title memory);

    /// @notice The liens that are open now.
    /// @param subject The vehicle.
    /// @return The liens, at most `MAX_LIENS`, in no particular order.
    function liensOf(Subject subject) external view returns (Lien[] memory);

    /// @notice Whether a vehicle may be sold now, and if not, why.
    /// @param subject The vehicle.
    /// @return Whether it may.
    /// @return The first thing in the way: that its title is not held, a theft, a lien.
    function sellable(Subject subject) external view returns (bool, Obstacle);

    /// @notice What the actor signs: the action's EIP-712 digest for this contract.
    /// @param action The action.
    /// @return The digest.
    function actionHash(TitleAction calldata action) external view returns (bytes32);

    /// @notice How many liens of one title can be open.
    /// @return The bound.
    function MAX_LIENS() external view returns (uint256);

    /// @notice How far ahead a lien can end.
    /// @return Seconds.
    function MAX_LIEN_TIME() external view returns (uint256);

    /// @notice How far ahead an offer can end.
    /// @return Seconds.
    function MAX_OFFER_TIME() external view returns (uint256);
}
