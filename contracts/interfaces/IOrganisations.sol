// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Change} from "../types/Change.sol";
import {Head} from "../types/Head.sol";
import {OrganisationId} from "../types/OrganisationId.sol";

/// @title IOrganisations
/// @notice Who may attest what, today and on any past day: every change of an organisation's standing is a link of a hash
/// chain that only this contract extends.
/// @dev The slots of `heads` (1) and `keys` (2) are part of this interface: readers prove them by `eth_getProof`. A
/// head lies at `keccak256(abi.encode(organisation, 1))`, a key at
/// `keccak256(abi.encode(signer, keccak256(abi.encode(organisation, 2))))`.
interface IOrganisations {
    /// @notice What is known of an organisation beside its keys and its head.
    struct Organisation {
        // Adds and revokes keys; never zero for an admitted organisation.
        address controller;
        bool suspended;
        // Who may take over as controller, from when; both zero when no change is pending.
        address candidate;
        uint48 acceptableAt;
        // The organisation whose amendments count as this one's; zero: none.
        OrganisationId successor;
        // The kinds it may attest; below 32: the transitions that it may ask a module for.
        uint256 kinds;
        // SHA-256 of its profile.
        bytes32 profile;
    }

    /// @notice An organisation's standing changed, and its head with it.
    /// @param organisation The organisation.
    /// @param change What changed.
    /// @param value The new value, as docs/protocol.md §4 encodes it.
    event Changed(OrganisationId indexed organisation, Change change, bytes32 value);

    /// @notice A new controller was proposed.
    /// @param organisation The organisation.
    /// @param candidate The new controller, if it accepts.
    /// @param acceptableAt The timestamp from which it can.
    event ControllerProposed(OrganisationId indexed organisation, address candidate, uint256 acceptableAt);

    /// @notice A proposed change of controller was withdrawn.
    /// @param organisation The organisation.
    /// @param candidate Who had been proposed.
    event ControllerChangeCancelled(OrganisationId indexed organisation, address candidate);

    /// @notice Kinds were defined.
    /// @param definedKinds All kinds defined until now.
    event KindsDefined(uint256 definedKinds);

    /// @notice Thrown when no organisation has this number.
    /// @param organisation The number.
    error OrganisationsUnknown(OrganisationId organisation);

    /// @notice Thrown when an address that must not be zero is.
    error OrganisationsZeroAddress();

    /// @notice Thrown when the caller is not the organisation's controller.
    /// @param organisation The organisation.
    /// @param caller The caller.
    error OrganisationsNotController(OrganisationId organisation, address caller);

    /// @notice Thrown when the caller is not the proposed controller.
    /// @param organisation The organisation.
    /// @param caller The caller.
    error OrganisationsNotCandidate(OrganisationId organisation, address caller);

    /// @notice Thrown when a change of controller is accepted before its delay has passed.
    /// @param organisation The organisation.
    /// @param acceptableAt The timestamp from which it can be accepted.
    error OrganisationsTooEarly(OrganisationId organisation, uint256 acceptableAt);

    /// @notice Thrown when there is no change of controller to cancel.
    /// @param organisation The organisation.
    error OrganisationsNoControllerChange(OrganisationId organisation);

    /// @notice Thrown when a suspended organisation is to be suspended.
    /// @param organisation The organisation.
    error OrganisationsAlreadySuspended(OrganisationId organisation);

    /// @notice Thrown when an organisation is to be reinstated that is not suspended.
    /// @param organisation The organisation.
    error OrganisationsNotSuspended(OrganisationId organisation);

    /// @notice Thrown when a kind to be granted is not defined.
    /// @param kinds The kinds that are not.
    error OrganisationsUndefinedKinds(uint256 kinds);

    /// @notice Thrown when the organisation has the key already.
    /// @param organisation The organisation.
    /// @param signer The key.
    error OrganisationsKeyAlreadyAdded(OrganisationId organisation, address signer);

    /// @notice Thrown when the organisation has no such key.
    /// @param organisation The organisation.
    /// @param signer The key.
    error OrganisationsUnknownKey(OrganisationId organisation, address signer);

    /// @notice Thrown when an organisation is to succeed itself.
    /// @param organisation The organisation.
    error OrganisationsOwnSuccessor(OrganisationId organisation);

    /// @notice Admits an organisation, without keys. Restricted to the registrar.
    /// @param controller Who adds its keys.
    /// @param kinds The kinds it may attest.
    /// @param profile SHA-256 of its profile.
    /// @return organisation Its number.
    function admit(
        address controller,
        uint256 kinds,
        bytes32 profile
    ) external returns (OrganisationId organisation);

    /// @notice Suspends an organisation: nothing is recorded in its name until it is reinstated. Restricted to the guardian.
    /// @param organisation The organisation.
    function suspend(OrganisationId organisation) external;

    /// @notice Ends a suspension. Restricted to the registrar.
    /// @param organisation The organisation.
    function reinstate(OrganisationId organisation) external;

    /// @notice Sets the kinds that an organisation may attest from now on. Restricted to the registrar.
    /// @param organisation The organisation.
    /// @param kinds The kinds, all of them defined.
    function setKinds(OrganisationId organisation, uint256 kinds) external;

    /// @notice Sets an organisation's profile. Restricted to the registrar.
    /// @param organisation The organisation.
    /// @param profile SHA-256 of the profile.
    function setProfile(OrganisationId organisation, bytes32 profile) external;

    /// @notice Names the organisation whose amendments count as those of this one. Restricted to the registrar. Successors
    /// may form a ring: who follows them must remember where it was.
    /// @param organisation The organisation.
    /// @param successor Its successor.
    function setSuccessor(OrganisationId organisation, OrganisationId successor) external;

    /// @notice Defines kinds, for good, so that they can be granted. Restricted to the registrar.
    /// @param kinds The kinds; those defined before stay. A module's kinds (0–31) too: granted, they are the right to ask
    /// the module for that transition, and never the right to write such an entry.
    function defineKinds(uint256 kinds) external;

    /// @notice Adds a signing key. Only the controller may.
    /// @param organisation The organisation.
    /// @param signer The key's address, or a contract that vouches for signatures (ERC-1271).
    function addKey(OrganisationId organisation, address signer) external;

    /// @notice Revokes a signing key: what it signed and is not on the ledger yet is refused. Only the controller may.
    /// @param organisation The organisation.
    /// @param signer The key.
    function revokeKey(OrganisationId organisation, address signer) external;

    /// @notice Proposes a new controller, in place of any proposed before. Only the controller may.
    /// @param organisation The organisation.
    /// @param candidate The new controller, who must accept after the delay.
    function proposeController(OrganisationId organisation, address candidate) external;

    /// @notice Proposes a new controller for an organisation that lost its own, in place of any proposed before. Restricted
    /// to the registrar. A controller that is still there can cancel it; one that turned hostile is suspended and its
    /// organisation succeeded by another.
    /// @param organisation The organisation.
    /// @param candidate The new controller, who must accept after the delay.
    function recoverController(OrganisationId organisation, address candidate) external;

    /// @notice Takes an organisation over. Only the proposed controller may, not before the delay has passed.
    /// @param organisation The organisation.
    function acceptController(OrganisationId organisation) external;

    /// @notice Withdraws a proposed change of controller. The controller may, and the guardian.
    /// @param organisation The organisation.
    function cancelControllerChange(OrganisationId organisation) external;

    /// @notice All that the ledger asks about a submission.
    /// @param organisation The organisation.
    /// @param signer The key that signed.
    /// @return inGoodStanding Whether the organisation was admitted and is not suspended.
    /// @return isKey Whether the key is one of its own now.
    /// @return kinds The kinds it may attest now.
    function standing(
        OrganisationId organisation,
        address signer
    ) external view returns (bool inGoodStanding, bool isKey, uint256 kinds);

    /// @notice What is known of an organisation.
    /// @param organisation Its number.
    /// @return All of it; zeros for an unknown one.
    function get(OrganisationId organisation) external view returns (Organisation memory);

    /// @notice The head of the chain of changes of an organisation's standing.
    /// @param organisation The organisation.
    /// @return The head, zero for an unknown one.
    function heads(OrganisationId organisation) external view returns (Head);

    /// @notice Whether a key is an organisation's.
    /// @param organisation The organisation.
    /// @param signer The key.
    /// @return Whether it is, now.
    function keys(OrganisationId organisation, address signer) external view returns (bool);

    /// @notice The kinds that can be granted.
    /// @return Their bitmap.
    function definedKinds() external view returns (uint256);

    /// @notice The number of the organisation admitted last; all from 1 to it exist.
    /// @return The number.
    function last() external view returns (OrganisationId);

    /// @notice How long a change of controller waits before it can be accepted.
    /// @return Seconds.
    function controllerDelay() external view returns (uint48);
}
