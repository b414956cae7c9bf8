// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IOrganisations} from "./interfaces/IOrganisations.sol";
import {Change} from "./types/Change.sol";
import {Head} from "./types/Head.sol";
import {OrganisationId} from "./types/OrganisationId.sol";

/// @title Organisations
/// @notice Who may attest what; see {IOrganisations}.
contract Organisations is IOrganisations, AccessManaged {
    /// @inheritdoc IOrganisations
    uint48 public immutable controllerDelay;

    // Slot 0 is that of AccessManaged; 1 and 2 are promised by IOrganisations.

    /// @inheritdoc IOrganisations
    mapping(OrganisationId organisation => Head) public heads;
    /// @inheritdoc IOrganisations
    mapping(OrganisationId organisation => mapping(address signer => bool)) public keys;
    /// @inheritdoc IOrganisations
    uint256 public definedKinds;
    /// @inheritdoc IOrganisations
    OrganisationId public last;

    mapping(OrganisationId organisation => Organisation) private _organisations;

    /// @notice Sets what never changes.
    /// @param authority The AccessManager that knows the registrar and the guardian.
    /// @param controllerDelay_ How long a change of controller waits, in seconds.
    /// @param definedKinds_ The kinds that can be granted from the start.
    constructor(address authority, uint48 controllerDelay_, uint256 definedKinds_) AccessManaged(authority) {
        controllerDelay = controllerDelay_;
        _defineKinds(definedKinds_);
    }

    modifier onlyController(OrganisationId organisation) {
        if (msg.sender != _known(organisation).controller) {
            revert OrganisationsNotController(organisation, msg.sender);
        }
        _;
    }

    /// @inheritdoc IOrganisations
    function admit(
        address controller,
        uint256 kinds,
        bytes32 profile
    ) external restricted returns (OrganisationId organisation) {
        if (controller == address(0)) revert OrganisationsZeroAddress();

        organisation = last.next();
        last = organisation;
        _organisations[organisation].controller = controller;
        _change(organisation, Change.Admitted, _toValue(controller));
        _setKinds(organisation, kinds);
        _setProfile(organisation, profile);
    }

    /// @inheritdoc IOrganisations
    function suspend(OrganisationId organisation) external restricted {
        Organisation storage known = _known(organisation);
        if (known.suspended) revert OrganisationsAlreadySuspended(organisation);

        known.suspended = true;
        _change(organisation, Change.Suspended, 0);
    }

    /// @inheritdoc IOrganisations
    function reinstate(OrganisationId organisation) external restricted {
        Organisation storage known = _known(organisation);
        if (!known.suspended) revert OrganisationsNotSuspended(organisation);

        known.suspended = false;
        _change(organisation, Change.Reinstated, 0);
    }

    /// @inheritdoc IOrganisations
    function setKinds(OrganisationId organisation, uint256 kinds) external restricted {
        _known(organisation);
        _setKinds(organisation, kinds);
    }

    /// @inheritdoc IOrganisations
    function setProfile(OrganisationId organisation, bytes32 profile) external restricted {
        _known(organisation);
        _setProfile(organisation, profile);
    }

    /// @inheritdoc IOrganisations
    function setSuccessor(OrganisationId organisation, OrganisationId successor) external restricted {
        _known(successor);
        if (organisation == successor) revert OrganisationsOwnSuccessor(organisation);

        _known(organisation).successor = successor;
        _change(organisation, Change.SuccessorSet, bytes32(uint256(OrganisationId.unwrap(successor))));
    }

    /// @inheritdoc IOrganisations
    function defineKinds(uint256 kinds) external restricted {
        _defineKinds(kinds);
    }

    /// @inheritdoc IOrganisations
    function addKey(OrganisationId organisation, address signer) external onlyController(organisation) {
        if (signer == address(0)) revert OrganisationsZeroAddress();
        if (keys[organisation][signer]) revert OrganisationsKeyAlreadyAdded(organisation, signer);

        keys[organisation][signer] = true;
        _change(organisation, Change.KeyAdded, _toValue(signer));
    }

    /// @inheritdoc IOrganisations
    function revokeKey(OrganisationId organisation, address signer) external onlyController(organisation) {
        if (!keys[organisation][signer]) revert OrganisationsUnknownKey(organisation, signer);

        keys[organisation][signer] = false;
        _change(organisation, Change.KeyRevoked, _toValue(signer));
    }

    /// @inheritdoc IOrganisations
    function proposeController(
        OrganisationId organisation,
        address candidate
    ) external onlyController(organisation) {
        _propose(organisation, candidate);
    }

    /// @inheritdoc IOrganisations
    function recoverController(OrganisationId organisation, address candidate) external restricted {
        _propose(organisation, candidate);
    }

    /// @inheritdoc IOrganisations
    function acceptController(OrganisationId organisation) external {
        Organisation storage known = _known(organisation);
        if (msg.sender != known.candidate) revert OrganisationsNotCandidate(organisation, msg.sender);
        if (block.timestamp < known.acceptableAt) {
            revert OrganisationsTooEarly(organisation, known.acceptableAt);
        }

        known.controller = msg.sender;
        _clearCandidate(known);
        _change(organisation, Change.ControllerSet, _toValue(msg.sender));
    }

    /// @inheritdoc IOrganisations
    function cancelControllerChange(OrganisationId organisation) external {
        Organisation storage known = _known(organisation);
        if (msg.sender != known.controller) _checkCanCall(msg.sender, msg.data);
        address candidate = known.candidate;
        if (candidate == address(0)) revert OrganisationsNoControllerChange(organisation);

        _clearCandidate(known);
        emit ControllerChangeCancelled(organisation, candidate);
    }

    /// @inheritdoc IOrganisations
    function standing(
        OrganisationId organisation,
        address signer
    ) external view returns (bool inGoodStanding, bool isKey, uint256 kinds) {
        Organisation storage asked = _organisations[organisation];
        inGoodStanding = asked.controller != address(0) && !asked.suspended;
        isKey = keys[organisation][signer];
        kinds = asked.kinds;
    }

    /// @inheritdoc IOrganisations
    function get(OrganisationId organisation) external view returns (Organisation memory) {
        return _organisations[organisation];
    }

    function _setKinds(OrganisationId organisation, uint256 kinds) private {
        uint256 undefinedKinds = kinds & ~definedKinds;
        if (undefinedKinds != 0) revert OrganisationsUndefinedKinds(undefinedKinds);

        _organisations[organisation].kinds = kinds;
        _change(organisation, Change.KindsSet, bytes32(kinds));
    }

    function _setProfile(OrganisationId organisation, bytes32 profile) private {
        _organisations[organisation].profile = profile;
        _change(organisation, Change.ProfileSet, profile);
    }

    function _defineKinds(uint256 kinds) private {
        definedKinds |= kinds;
        emit KindsDefined(definedKinds);
    }

    function _propose(OrganisationId organisation, address candidate) private {
        Organisation storage known = _known(organisation);
        if (candidate == address(0)) revert OrganisationsZeroAddress();

        known.candidate = candidate;
        known.acceptableAt = uint48(block.timestamp) + controllerDelay;
        emit ControllerProposed(organisation, candidate, known.acceptableAt);
    }

    function _clearCandidate(Organisation storage known) private {
        known.candidate = address(0);
        known.acceptableAt = 0;
    }

    /// @dev The one place that extends an organisation's chain: every change of standing passes here.
    function _change(OrganisationId organisation, Change change, bytes32 value) private {
        heads[organisation] = heads[organisation].afterChange(change, block.timestamp, value);
        emit Changed(organisation, change, value);
    }

    function _known(OrganisationId organisation) private view returns (Organisation storage known) {
        known = _organisations[organisation];
        if (known.controller == address(0)) revert OrganisationsUnknown(organisation);
    }

    function _toValue(address account) private pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }
}
