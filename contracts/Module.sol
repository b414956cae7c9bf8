// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ILedger} from "./interfaces/ILedger.sol";
import {IModule} from "./interfaces/IModule.sol";
import {IOrganisations} from "./interfaces/IOrganisations.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Kind} from "./types/Kind.sol";
import {OrganisationId} from "./types/OrganisationId.sol";
import {Subject} from "./types/Subject.sol";

/// @title Module
/// @notice What all modules share: the bond with a ledger, and who may act; see {IModule}.
abstract contract Module is IModule, EIP712 {
    /// @inheritdoc IModule
    IOrganisations public immutable organisations;
    address private immutable _deployer;

    // Slots 0 and 1 are those of EIP712.

    /// @inheritdoc IModule
    ILedger public ledger;

    /// @notice Sets what never changes. Whoever deploys the module binds it, and has no other power.
    /// @param organisations_ Who may act.
    constructor(IOrganisations organisations_) EIP712("Vinculum", "1") {
        organisations = organisations_;
        _deployer = msg.sender;
    }

    /// @inheritdoc IModule
    function bind(ILedger ledger_) external {
        if (msg.sender != _deployer) revert ModuleNotDeployer(msg.sender);
        if (address(ledger) != address(0)) revert ModuleAlreadyBound(ledger);
        address named = _namedBy(ledger_);
        if (named != address(this)) revert ModuleNotNamed(ledger_, named);
        IOrganisations asked = ledger_.organisations();
        if (address(asked) != address(organisations)) revert ModuleOrganisationsMismatch(ledger_, asked);

        ledger = ledger_;
        emit Bound(ledger_);
    }

    /// @dev The module that a ledger names in this one's place.
    function _namedBy(ILedger ledger_) internal view virtual returns (address);

    /// @dev Whether an action comes from its actor, in time: sent by the actor itself, the signature being empty, or
    /// signed by it. What was signed is `hash`, an EIP-712 digest of this module's domain.
    function _requireFromActor(
        address actor,
        bytes32 hash,
        uint64 deadline,
        bytes calldata signature
    ) internal view {
        if (block.timestamp > deadline) revert ModuleExpired(deadline);
        if (msg.sender == actor && signature.length == 0) return;
        // No gas needs to be kept for afterwards: where it runs out, the whole action reverts.
        if (!Signatures.isValid(actor, hash, signature, 0)) revert ModuleBadSignature(actor);
    }

    /// @dev Whether an actor is a key of an organisation that is in good standing and has the kind's right now.
    function _requireRight(OrganisationId organisation, Kind kind, address actor) internal view {
        (bool inGoodStanding, bool isKey, uint256 kinds) = organisations.standing(organisation, actor);
        if (!inGoodStanding) revert ModuleNotInGoodStanding(organisation);
        if (!isKey) revert ModuleUnknownKey(organisation, actor);
        if (!kind.isIn(kinds)) revert ModuleKindNotAllowed(organisation, kind);
    }

    /// @dev Writes the entry of an action. Last of all, after every change of state.
    function _record(address actor, Subject subject, Kind kind, bytes32 digest, bytes32 actionHash) internal {
        ILedger bound = ledger;
        if (address(bound) == address(0)) revert ModuleNotBound();
        bound.recordFor(actor, subject, kind, digest, actionHash);
    }
}
