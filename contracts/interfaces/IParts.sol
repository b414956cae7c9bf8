// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Kind} from "../types/Kind.sol";
import {Part, PartState} from "../types/Part.sol";
import {PartAction} from "../types/PartAction.sol";
import {Subject} from "../types/Subject.sol";
import {IModule} from "./IModule.sol";

/// @title IParts
/// @notice Where each serialised, safety-relevant part is, and whether it may be mounted, by the table of
/// docs/protocol.md §17.
/// @dev What always holds, and which tests are named after:
///
/// ONE-VEHICLE              A part is in at most one vehicle: it is mounted only while it is in none, and leaves only the
///                          one it is in.
/// SCRAPPED-FOR-EVER        Of a scrapped part nothing changes any more.
/// STOLEN-NOT-MOUNTED       A part that is reported stolen is mounted nowhere until it is recovered.
/// STAYS-WHERE-IT-IS        Nothing but mounting and removing changes in which vehicle a part is.
/// REGISTERED-ONCE          A part is registered once, before all else, and its maker never changes.
/// ONLY-RIGHT-ACTS          Every action is done by a key of an organisation in good standing with that kind's right.
/// SIGNED                   An action is its actor's: sent or signed by it, for this chain and this contract, in time.
/// REVISION-ONCE            Each action is good once: the revision rises by one with each, and with nothing else.
/// ENTRY-FOR-EVERY-ACTION   An action extends the head of its part (mounting and removing: the vehicle's too) by one
///                          link, that of exactly this action; what fails changes nothing.
/// ISOLATION                An action touches no other part.
interface IParts is IModule {
    /// @notice An action was executed, and its entry recorded in the ledger.
    /// @param subject The part.
    /// @param actionHash The action's EIP-712 digest, which the entry's link carries.
    /// @param actor Who acted.
    /// @param action The action.
    event Executed(Subject indexed subject, bytes32 indexed actionHash, address actor, PartAction action);

    /// @notice Thrown when the kind is not one of this module's.
    /// @param kind The kind.
    error PartsUnknownKind(Kind kind);

    /// @notice Thrown when a field that the kind has no use for is not zero.
    /// @param kind The kind.
    error PartsUnusedField(Kind kind);

    /// @notice Thrown when the part has seen more actions than its actor knew of, or fewer.
    /// @param given The revision in the action.
    /// @param actual The part's.
    error PartsWrongRevision(uint64 given, uint64 actual);

    /// @notice Thrown when a part in this state has no such transition.
    /// @param kind The kind.
    /// @param state The state.
    error PartsWrongState(Kind kind, PartState state);

    /// @notice Thrown when the vehicle to mount into is none, or the part itself.
    /// @param vehicle The vehicle in the action.
    error PartsBadVehicle(Subject vehicle);

    /// @notice Thrown when the part is not in the vehicle that it is to be removed from.
    /// @param vehicle The vehicle in the action.
    /// @param actual Where it is; zero: nowhere.
    error PartsNotThere(Subject vehicle, Subject actual);

    /// @notice Executes an action: changes the part, and records the entry. Sent by the actor itself, or by anyone with
    /// the actor's signature. All or nothing.
    /// @param action The action.
    /// @param actor Who acts: a key of the acting organisation.
    /// @param signature Empty when the actor is the caller; else the actor's signature of `actionHash(action)`, by its
    /// key or as its contract accepts it (ERC-1271).
    function execute(PartAction calldata action, address actor, bytes calldata signature) external;

    /// @notice What is known of a part.
    /// @param subject The part.
    /// @return All of it; zeros when it was never registered.
    function partOf(Subject subject) external view returns (Part memory);

    /// @notice What the actor signs: the action's EIP-712 digest for this contract.
    /// @param action The action.
    /// @return The digest.
    function actionHash(PartAction calldata action) external view returns (bytes32);
}
