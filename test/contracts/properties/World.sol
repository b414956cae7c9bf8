// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {Ledger} from "../../../contracts/Ledger.sol";
import {Organisations} from "../../../contracts/Organisations.sol";
import {Head} from "../../../contracts/types/Head.sol";
import {OrganisationId} from "../../../contracts/types/OrganisationId.sol";
import {SignedSubmission} from "../../../contracts/types/SignedSubmission.sol";
import {Subject} from "../../../contracts/types/Subject.sol";
import {vm} from "./Vm.sol";

/// @dev A ledger with three organisations, of which each has one key at first, and two modules. This contract holds every
/// role. The hashes are written out here a second time, apart from the contracts' own.
abstract contract World {
    uint64 internal constant ORGANISATIONS = 3;
    uint256 internal constant DEFINED_KINDS = type(uint256).max;
    address internal constant TITLES = address(0x7171E5);
    address internal constant PARTS = address(0x9A4715);

    Organisations internal organisations;
    Ledger internal ledger;

    function createWorld() internal {
        vm.warp(1_000_000);
        address authority = address(new AccessManager(address(this)));
        organisations = new Organisations(authority, 1 days, DEFINED_KINDS);
        ledger = new Ledger(authority, organisations, keccak256("key"), TITLES, PARTS);
        for (uint64 id = 1; id <= ORGANISATIONS; ++id) {
            organisations.admit(address(this), kindsOf(id), keccak256("profile"));
            organisations.addKey(OrganisationId.wrap(id), signerOf(id));
        }
    }

    /// @dev Each organisation may attest 64, and a kind of its own.
    function kindsOf(uint64 id) internal pure returns (uint256) {
        return (1 << 64) | (1 << (64 + id));
    }

    function privateKeyOf(uint64 id) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("private key", id)));
    }

    function signerOf(uint64 id) internal pure returns (address) {
        return vm.addr(privateKeyOf(id));
    }

    function sign(
        uint64 id,
        bytes memory entries,
        uint256 nonce,
        uint64 deadline
    ) internal view returns (SignedSubmission memory) {
        bytes32 hash = hashOf(id, entries, nonce, deadline);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(privateKeyOf(id), hash);
        return
            SignedSubmission(
                OrganisationId.wrap(id),
                signerOf(id),
                nonce,
                deadline,
                entries,
                abi.encodePacked(r, s, v)
            );
    }

    function hashOf(
        uint64 id,
        bytes memory entries,
        uint256 nonce,
        uint64 deadline
    ) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Vinculum"),
                keccak256("1"),
                block.chainid,
                address(ledger)
            )
        );
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Submission(uint64 organisation,bytes entries,uint256 nonce,uint64 deadline)"),
                id,
                keccak256(entries),
                nonce,
                deadline
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function entry(uint8 kind, bytes32 subject, bytes32 digest) internal pure returns (bytes memory) {
        return abi.encodePacked(kind, subject, digest);
    }

    /// @dev 160 bytes are hashed.
    function link(bytes32 head, uint8 kind, uint64 id, bytes32 digest) internal view returns (bytes32) {
        return keccak256(abi.encode(head, kind, id, block.timestamp, digest));
    }

    /// @dev 224 bytes are hashed.
    function moduleLink(
        bytes32 head,
        uint8 kind,
        address module,
        address actor,
        bytes32 digest,
        bytes32 actionHash
    ) internal view returns (bytes32) {
        return keccak256(abi.encode(head, kind, module, actor, block.timestamp, digest, actionHash));
    }

    function headOf(bytes32 subject) internal view returns (bytes32) {
        return Head.unwrap(ledger.heads(Subject.wrap(subject)));
    }

    function ownHeadOf(uint64 id) internal view returns (bytes32) {
        return Head.unwrap(ledger.ownHeads(OrganisationId.wrap(id)));
    }

    function one(SignedSubmission memory submission) internal pure returns (SignedSubmission[] memory list) {
        list = new SignedSubmission[](1);
        list[0] = submission;
    }
}
