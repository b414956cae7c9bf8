// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Kind} from "../types/Kind.sol";
import {OrganisationId} from "../types/OrganisationId.sol";
import {ILedger} from "./ILedger.sol";
import {IOrganisations} from "./IOrganisations.sol";

/// @title IModule
/// @notice A state machine whose transitions, and nothing else, write the ledger's entries of its kinds.
/// @dev A module and its ledger name each other for good: the ledger in its code, the module by being bound once.
interface IModule {
    /// @notice The module was bound to its ledger, for ever.
    /// @param ledger The ledger.
    event Bound(ILedger ledger);

    /// @notice Thrown when someone other than its deployer binds the module.
    /// @param caller The caller.
    error ModuleNotDeployer(address caller);

    /// @notice Thrown when the module is bound already.
    /// @param ledger The ledger that it is bound to.
    error ModuleAlreadyBound(ILedger ledger);

    /// @notice Thrown when the ledger takes the kinds from another module.
    /// @param ledger The ledger.
    /// @param named The module that it names.
    error ModuleNotNamed(ILedger ledger, address named);

    /// @notice Thrown when the ledger takes its attesters from another contract.
    /// @param ledger The ledger.
    /// @param organisations The contract that it asks.
    error ModuleOrganisationsMismatch(ILedger ledger, IOrganisations organisations);

    /// @notice Thrown when something is to be done before the module is bound.
    error ModuleNotBound();

    /// @notice Thrown when the action's deadline has passed.
    /// @param deadline The last second since 1970 at which a block may have executed it.
    error ModuleExpired(uint64 deadline);

    /// @notice Thrown when neither the caller is the actor nor the signature the actor's.
    /// @param actor The actor.
    error ModuleBadSignature(address actor);

    /// @notice Thrown when the acting organisation is unknown or suspended.
    /// @param organisation The organisation.
    error ModuleNotInGoodStanding(OrganisationId organisation);

    /// @notice Thrown when the actor is no registered key of the acting organisation.
    /// @param organisation The organisation.
    /// @param actor The actor.
    error ModuleUnknownKey(OrganisationId organisation, address actor);

    /// @notice Thrown when the acting organisation does not have the kind's right.
    /// @param organisation The organisation.
    /// @param kind The kind, which is also the number of the right.
    error ModuleKindNotAllowed(OrganisationId organisation, Kind kind);

    /// @notice Binds the module to its ledger, for ever. Only its deployer may, once; nothing else is the deployer's.
    /// @param ledger_ A ledger that names this module and asks the same organisations.
    function bind(ILedger ledger_) external;

    /// @notice Who may act.
    /// @return The contract asked for each action of an organisation.
    function organisations() external view returns (IOrganisations);

    /// @notice The ledger that the entries are written to.
    /// @return The ledger; zero until the module is bound.
    function ledger() external view returns (ILedger);
}
