// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Ledger} from "../../../contracts/Ledger.sol";
import {Organisations} from "../../../contracts/Organisations.sol";
import {Titles} from "../../../contracts/Titles.sol";
import {Head} from "../../../contracts/types/Head.sol";
import {Kind} from "../../../contracts/types/Kind.sol";
import {Lien} from "../../../contracts/types/Lien.sol";
import {OrganisationId} from "../../../contracts/types/OrganisationId.sol";
import {Subject} from "../../../contracts/types/Subject.sol";
import {Title} from "../../../contracts/types/Title.sol";
import {TitleAction} from "../../../contracts/types/TitleAction.sol";
import {vm} from "./Vm.sol";

/// @dev Titles with a registrar (1), a lender (2), the lender's successor (3) and a police (4), each with one key, and four
/// persons. This contract holds every role. The hashes are written out here a second time, apart from the contracts'.
abstract contract TitlesWorld {
    uint64 internal constant REGISTRAR = 1;
    uint64 internal constant LENDER = 2;
    uint64 internal constant SUCCESSOR = 3;
    uint64 internal constant POLICE = 4;
    uint64 internal constant ORGANISATIONS = 4;
    uint64 internal constant PERSONS = 4;

    /// @dev The time at first.
    uint256 internal constant START = 1_000_000;

    Organisations internal organisations;
    Ledger internal ledger;
    Titles internal titles;

    function createTitles() internal {
        vm.warp(START);
        address authority = address(new AccessManager(address(this)));
        organisations = new Organisations(authority, 1 days, type(uint256).max);
        titles = new Titles(organisations);
        ledger = new Ledger(authority, organisations, keccak256("key"), address(titles), address(0));
        titles.bind(ledger);
        for (uint64 id = 1; id <= ORGANISATIONS; ++id) {
            organisations.admit(address(this), rightsOf(id), keccak256("profile"));
            organisations.addKey(OrganisationId.wrap(id), vm.addr(organisationKey(id)));
        }
    }

    function rightsOf(uint64 id) internal pure returns (uint256) {
        if (id == REGISTRAR) return 0xffff;
        if (id == POLICE) return (1 << 7) | (1 << 8) | (1 << 9) | (1 << 11);
        return (1 << 4) | (1 << 5) | (1 << 6);
    }

    function organisationKey(uint64 id) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("organisation", id)));
    }

    function personKey(uint64 id) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("person", id)));
    }

    function keyAddress(uint64 id) internal pure returns (address) {
        return vm.addr(organisationKey(id));
    }

    function person(uint64 id) internal pure returns (address) {
        return vm.addr(personKey(id));
    }

    /// @dev An action at the title's present revision.
    function action(
        uint8 kind,
        uint64 organisation,
        bytes32 subject,
        address party,
        uint256 until,
        bytes32 detail
    ) internal view returns (TitleAction memory) {
        return
            TitleAction({
                kind: Kind.wrap(kind),
                subject: Subject.wrap(subject),
                revision: titleAt(subject).revision,
                deadline: type(uint64).max,
                organisation: OrganisationId.wrap(organisation),
                party: party,
                until: uint64(until),
                detail: detail,
                digest: keccak256(abi.encode(kind, subject, detail))
            });
    }

    /// @dev Executes an action, sent by its actor.
    function execute(TitleAction memory given, address actor) internal returns (bool executed) {
        vm.prank(actor);
        (executed, ) = address(titles).call(abi.encodeCall(titles.execute, (given, actor, "")));
    }

    /// @dev The same, by an organisation, of the subject "car".
    function byOrganisation(
        uint8 kind,
        uint64 id,
        address party,
        uint256 until,
        bytes32 detail
    ) internal returns (bool) {
        return execute(action(kind, id, "car", party, until, detail), keyAddress(id));
    }

    /// @dev The same, by a person.
    function byPerson(
        uint8 kind,
        uint64 id,
        address party,
        uint256 until,
        bytes32 detail
    ) internal returns (bool) {
        return execute(action(kind, 0, "car", party, until, detail), person(id));
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

    function hashOf(TitleAction memory given) internal view returns (bytes32) {
        return hashIn(given, domainOf(block.chainid, address(titles)));
    }

    function hashIn(TitleAction memory given, bytes32 domain) internal pure returns (bytes32) {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256(
                    "TitleAction(uint8 kind,bytes32 subject,uint64 revision,uint64 deadline,uint64 organisation,address party,uint64 until,bytes32 detail,bytes32 digest)"
                ),
                given.kind,
                given.subject,
                given.revision,
                given.deadline,
                given.organisation,
                given.party,
                given.until,
                given.detail,
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
    function linked(bytes32 head, TitleAction memory given, address actor) internal view returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    head,
                    given.kind,
                    address(titles),
                    actor,
                    block.timestamp,
                    given.digest,
                    hashOf(given)
                )
            );
    }

    function titleAt(bytes32 subject) internal view returns (Title memory) {
        return titles.titleOf(Subject.wrap(subject));
    }

    function liensAt(bytes32 subject) internal view returns (Lien[] memory) {
        return titles.liensOf(Subject.wrap(subject));
    }

    function headAt(bytes32 subject) internal view returns (bytes32) {
        return Head.unwrap(ledger.heads(Subject.wrap(subject)));
    }
}
