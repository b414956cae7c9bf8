// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Ledger} from "../../../contracts/Ledger.sol";
import {Organisations} from "../../../contracts/Organisations.sol";
import {Parts} from "../../../contracts/Parts.sol";
import {Head} from "../../../contracts/types/Head.sol";
import {Kind} from "../../../contracts/types/Kind.sol";
import {OrganisationId} from "../../../contracts/types/OrganisationId.sol";
import {Part} from "../../../contracts/types/Part.sol";
import {PartAction} from "../../../contracts/types/PartAction.sol";
import {Subject} from "../../../contracts/types/Subject.sol";
import {vm} from "./Vm.sol";

/// @dev Parts with a maker (1), a workshop (2) and a police (3), each with one key. This contract holds every role. The
/// hashes are written out here a second time, apart from the contracts'.
abstract contract PartsWorld {
    uint64 internal constant MAKER = 1;
    uint64 internal constant WORKSHOP = 2;
    uint64 internal constant POLICE = 3;
    uint64 internal constant ORGANISATIONS = 3;

    uint8 internal constant REGISTERED = 16;
    uint8 internal constant MOUNTED = 17;
    uint8 internal constant REMOVED = 18;
    uint8 internal constant SCRAPPED = 19;
    uint8 internal constant STOLEN = 20;
    uint8 internal constant RECOVERED = 21;

    /// @dev The time at first.
    uint256 internal constant START = 1_000_000;

    Organisations internal organisations;
    Ledger internal ledger;
    Parts internal parts;

    function createParts() internal {
        vm.warp(START);
        address authority = address(new AccessManager(address(this)));
        organisations = new Organisations(authority, 1 days, type(uint256).max);
        parts = new Parts(organisations);
        ledger = new Ledger(authority, organisations, keccak256("key"), address(0), address(parts));
        parts.bind(ledger);
        for (uint64 id = 1; id <= ORGANISATIONS; ++id) {
            organisations.admit(address(this), rightsOf(id), keccak256("profile"));
            organisations.addKey(OrganisationId.wrap(id), keyAddress(id));
        }
    }

    function rightsOf(uint64 id) internal pure returns (uint256) {
        if (id == MAKER) return (1 << REGISTERED) | (1 << MOUNTED);
        if (id == WORKSHOP) return (1 << MOUNTED) | (1 << REMOVED) | (1 << SCRAPPED);
        return (1 << STOLEN) | (1 << RECOVERED);
    }

    /// @dev An organisation that has the kind's right at first.
    function entitled(uint8 kind) internal pure returns (uint64) {
        if (kind == REGISTERED) return MAKER;
        return kind <= SCRAPPED ? WORKSHOP : POLICE;
    }

    function organisationKey(uint64 id) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("organisation", id)));
    }

    function keyAddress(uint64 id) internal pure returns (address) {
        return vm.addr(organisationKey(id));
    }

    /// @dev An action at the part's present revision.
    function action(
        uint8 kind,
        uint64 organisation,
        bytes32 subject,
        bytes32 vehicle
    ) internal view returns (PartAction memory) {
        return
            PartAction({
                kind: Kind.wrap(kind),
                subject: Subject.wrap(subject),
                revision: partAt(subject).revision,
                deadline: type(uint64).max,
                organisation: OrganisationId.wrap(organisation),
                vehicle: Subject.wrap(vehicle),
                digest: keccak256(abi.encode(kind, subject, vehicle))
            });
    }

    /// @dev Executes an action, sent by its actor.
    function execute(PartAction memory given, address actor) internal returns (bool executed) {
        vm.prank(actor);
        (executed, ) = address(parts).call(abi.encodeCall(parts.execute, (given, actor, "")));
    }

    /// @dev Does a kind to a part, by whoever may.
    function to(bytes32 subject, uint8 kind, bytes32 vehicle) internal returns (bool) {
        uint64 id = entitled(kind);
        return execute(action(kind, id, subject, vehicle), keyAddress(id));
    }

    /// @dev The same, to the subject "part".
    function done(uint8 kind, bytes32 vehicle) internal returns (bool) {
        return to("part", kind, vehicle);
    }

    function domainOf(uint256 chainId, address contract_) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    keccak256(
                        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                    ),
                    keccak256("Vinculum"),
                    keccak256("1"),
                    chainId,
                    contract_
                )
            );
    }

    function hashOf(PartAction memory given) internal view returns (bytes32) {
        return hashIn(given, domainOf(block.chainid, address(parts)));
    }

    function hashIn(PartAction memory given, bytes32 domain) internal pure returns (bytes32) {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256(
                    "PartAction(uint8 kind,bytes32 subject,uint64 revision,uint64 deadline,uint64 organisation,bytes32 vehicle,bytes32 digest)"
                ),
                given.kind,
                given.subject,
                given.revision,
                given.deadline,
                given.organisation,
                given.vehicle,
                given.digest
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function signature(bytes32 hash, uint256 privateKey) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(privateKey, hash);
        return abi.encodePacked(r, s, v);
    }

    /// @dev 224 bytes are hashed.
    function linked(bytes32 head, PartAction memory given, address actor) internal view returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    head,
                    given.kind,
                    address(parts),
                    actor,
                    block.timestamp,
                    given.digest,
                    hashOf(given)
                )
            );
    }

    function partAt(bytes32 subject) internal view returns (Part memory) {
        return parts.partOf(Subject.wrap(subject));
    }

    function vehicleOf(bytes32 subject) internal view returns (bytes32) {
        return Subject.unwrap(partAt(subject).vehicle);
    }

    function headAt(bytes32 subject) internal view returns (bytes32) {
        return Head.unwrap(ledger.heads(Subject.wrap(subject)));
    }
}
