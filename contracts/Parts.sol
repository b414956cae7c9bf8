// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ILedger} from "./interfaces/ILedger.sol";
import {IOrganisations} from "./interfaces/IOrganisations.sol";
import {IParts} from "./interfaces/IParts.sol";
import {PartKinds} from "./libraries/PartKinds.sol";
import {Module} from "./Module.sol";
import {Kind} from "./types/Kind.sol";
import {Part, PartState} from "./types/Part.sol";
import {PartAction} from "./types/PartAction.sol";
import {isPartKind, PartTransition, partTransitionOf} from "./types/PartTransition.sol";
import {Subject} from "./types/Subject.sol";

/// @title Parts
/// @notice All serialised, safety-relevant parts; see {IParts}.
contract Parts is IParts, Module {
    mapping(Subject subject => Part) private _parts;

    /// @notice Sets what never changes.
    /// @param organisations_ Who may act.
    constructor(IOrganisations organisations_) Module(organisations_) {}

    /// @inheritdoc IParts
    function execute(PartAction calldata action, address actor, bytes calldata signature) external {
        PartTransition transition = _transitionOf(action);
        bytes32 hash = actionHash(action);
        _requireFromActor(actor, hash, action.deadline, signature);

        Part storage part = _parts[action.subject];
        if (action.revision != part.revision) revert PartsWrongRevision(action.revision, part.revision);
        _requireRight(action.organisation, action.kind, actor);
        if (!transition.isFrom(part.state)) revert PartsWrongState(action.kind, part.state);

        ++part.revision;
        _apply(part, action);
        emit Executed(action.subject, hash, actor, action);

        _record(actor, action.subject, action.kind, action.digest, hash);
        if (transition.hasVehicle()) _record(actor, action.vehicle, action.kind, action.digest, hash);
    }

    /// @inheritdoc IParts
    function partOf(Subject subject) external view returns (Part memory) {
        return _parts[subject];
    }

    /// @inheritdoc IParts
    function actionHash(PartAction calldata action) public view returns (bytes32) {
        return _hashTypedDataV4(action.hash());
    }

    /// @dev The module that a ledger names for the kinds of parts.
    function _namedBy(ILedger ledger_) internal view override returns (address) {
        return ledger_.parts();
    }

    /// @dev The row of the table for an action, which has no fields but the row's.
    function _transitionOf(PartAction calldata action) private pure returns (PartTransition transition) {
        if (!isPartKind(action.kind)) revert PartsUnknownKind(action.kind);

        transition = partTransitionOf(action.kind);
        if (!transition.hasVehicle() && !action.vehicle.isZero()) revert PartsUnusedField(action.kind);
    }

    /// @dev The guards of an action's kind, then its effect.
    function _apply(Part storage part, PartAction calldata action) private {
        Kind kind = action.kind;

        if (kind == PartKinds.REGISTERED) _register(part, action);
        else if (kind == PartKinds.MOUNTED) _mount(part, action);
        else if (kind == PartKinds.REMOVED) _remove(part, action.vehicle);
        else if (kind == PartKinds.SCRAPPED) part.state = PartState.Scrapped;
        else if (kind == PartKinds.STOLEN) part.state = PartState.Stolen;
        else part.state = _stateAtHome(part);
    }

    function _register(Part storage part, PartAction calldata action) private {
        part.maker = action.organisation;
        part.state = PartState.Free;
    }

    /// @dev A free part is in no vehicle, so that none is lost here.
    function _mount(Part storage part, PartAction calldata action) private {
        Subject vehicle = action.vehicle;
        if (vehicle.isZero() || vehicle == action.subject) revert PartsBadVehicle(vehicle);

        part.vehicle = vehicle;
        part.state = PartState.Mounted;
    }

    /// @dev A stolen part that turns up in a vehicle leaves it, and stays stolen.
    function _remove(Part storage part, Subject vehicle) private {
        Subject actual = part.vehicle;
        if (actual.isZero() || !(vehicle == actual)) revert PartsNotThere(vehicle, actual);

        part.vehicle = Subject.wrap(0);
        if (part.state == PartState.Mounted) part.state = PartState.Free;
    }

    /// @dev The state of a part against which nothing stands, by where it is.
    function _stateAtHome(Part storage part) private view returns (PartState) {
        return part.vehicle.isZero() ? PartState.Free : PartState.Mounted;
    }
}
