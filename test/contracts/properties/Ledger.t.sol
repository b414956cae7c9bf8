// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Kind} from "../../../contracts/types/Kind.sol";
import {OrganisationId} from "../../../contracts/types/OrganisationId.sol";
import {SignedSubmission} from "../../../contracts/types/SignedSubmission.sol";
import {Subject} from "../../../contracts/types/Subject.sol";
import {Vm, vm} from "./Vm.sol";
import {World} from "./World.sol";

/// @dev The properties of the ledger, each over any input.
///
/// HEAD       A head is the fold of its history.
/// APPEND     No call changes a past link.
/// ISOLATION  Recording one subject never touches another.
/// AUTH       Every recorded organisation was in good standing and allowed that kind at that block.
/// NONCE      A submission takes effect at most once.
/// SKIP       A bad submission neither reverts nor alters the others, and a skip is never terminal.
/// OWN        Only an organisation extends its own chain.
/// RESERVED   No one but its module records a module's kind.
/// REBUILD    State rebuilt from logs equals storage.
contract LedgerTest is World {
    OrganisationId private constant FIRST = OrganisationId.wrap(1);

    struct Given {
        uint8 subject;
        bool otherKind;
        bytes32 digest;
    }

    function setUp() public {
        createWorld();
    }

    /// @dev HEAD: A head is the fold of its history. Four subjects, the zero one among them, up to 32 entries.
    function testFuzz_HEAD(Given[] memory given, uint32 pause) public {
        bytes32[4] memory expected;
        for (uint256 round = 0; round < 2; ++round) {
            vm.warp(block.timestamp + pause);
            bytes memory entries;
            uint256 count = given.length > 32 ? 32 : given.length;
            for (uint256 i = 0; i < count; ++i) {
                uint256 subject = given[i].subject % 4;
                uint8 kind = given[i].otherKind ? 65 : 64;
                entries = bytes.concat(entries, entry(kind, bytes32(subject), given[i].digest));
                expected[subject] = link(expected[subject], kind, 1, given[i].digest);
            }
            if (count == 0) return;
            vm.prank(signerOf(1));
            ledger.record(FIRST, entries);
        }
        assert(ownHeadOf(1) == expected[0]);
        for (uint256 subject = 1; subject < 4; ++subject)
            assert(headOf(bytes32(subject)) == expected[subject]);
        assert(headOf(0) == 0);
    }

    /// @dev HEAD: leaving out, altering or swapping entries gives another head.
    function testFuzz_HEAD_differs(bytes32 a, bytes32 b, bytes32 c) public {
        if (a == b || b == c) return;
        _record(1, bytes.concat(entry(64, "1", a), entry(64, "1", b)));
        _record(1, entry(64, "2", a));
        _record(1, bytes.concat(entry(64, "3", a), entry(64, "3", c)));
        _record(1, bytes.concat(entry(64, "4", b), entry(64, "4", a)));
        _record(1, bytes.concat(entry(64, "5", a), entry(65, "5", b)));
        _record(2, bytes.concat(entry(64, "6", a), entry(64, "6", b)));
        vm.warp(block.timestamp + 1);
        _record(1, bytes.concat(entry(64, "7", a), entry(64, "7", b)));
        for (uint8 other = 2; other <= 7; ++other) {
            assert(headOf("1") != headOf(bytes32(bytes1(48 + other))));
        }
    }

    /// @dev APPEND: No call changes a past link. What was a head stays what the next link is computed from.
    function testFuzz_APPEND(bytes32 subject, bytes32 a, bytes32 b, bytes32 action, uint32 pause) public {
        if (subject == 0) return;
        _record(1, entry(64, subject, a));
        bytes32 first = headOf(subject);
        vm.warp(block.timestamp + pause);
        vm.prank(TITLES);
        ledger.recordFor(address(this), Subject.wrap(subject), Kind.wrap(7), b, action);
        bytes32 second = moduleLink(first, 7, TITLES, address(this), b, action);
        assert(headOf(subject) == second);
        vm.warp(block.timestamp + pause);
        ledger.recordSigned(one(sign(2, entry(64, subject, b), 0, type(uint64).max)));
        assert(headOf(subject) == link(second, 64, 2, b));
    }

    /// @dev ISOLATION: Recording one subject never touches another.
    function testFuzz_ISOLATION(bytes32 subject, bytes32 other, bytes32 digest) public {
        if (subject == other || other == 0) return;
        _record(2, bytes.concat(entry(64, other, digest), entry(64, 0, digest)));
        (bytes32 otherHead, bytes32 ownHead) = (headOf(other), ownHeadOf(2));
        _record(1, entry(64, subject, digest));
        if (subject != 0) {
            vm.prank(PARTS);
            ledger.recordFor(address(1), Subject.wrap(subject), Kind.wrap(16), digest, digest);
        }
        assert(headOf(other) == otherHead && ownHeadOf(2) == ownHead && ownHeadOf(3) == 0);
        assert(subject == 0 || ownHeadOf(1) == 0);
    }

    /// @dev AUTH: Every recorded organisation was in good standing and allowed that kind at that block.
    function testFuzz_AUTH(uint8 kind, uint256 granted, bool suspended, bool revoked) public {
        granted &= DEFINED_KINDS;
        organisations.setKinds(FIRST, granted);
        if (suspended) organisations.suspend(FIRST);
        if (revoked) organisations.revokeKey(FIRST, signerOf(1));
        bool expected = !suspended && !revoked && kind >= 32 && granted & (1 << kind) != 0;

        bytes memory entries = entry(kind, "car", "digest");
        vm.prank(signerOf(1));
        (bool recorded, ) = address(ledger).call(abi.encodeCall(ledger.record, (FIRST, entries)));
        assert(recorded == expected);
        bytes32 head = headOf("car");
        assert((head != 0) == expected);
        ledger.recordSigned(one(sign(1, entries, 0, type(uint64).max)));
        assert((headOf("car") != head) == expected);
    }

    /// @dev NONCE: A submission takes effect at most once, under any nonce and in any company.
    function testFuzz_NONCE(uint256 nonce, uint256 otherNonce, bytes32 digest) public {
        SignedSubmission[] memory twice = new SignedSubmission[](3);
        twice[0] = sign(1, entry(64, "car", digest), nonce, type(uint64).max);
        twice[1] = twice[0];
        twice[2] = sign(1, entry(64, "van", digest), nonce, type(uint64).max);
        ledger.recordSigned(twice);
        ledger.recordSigned(twice);
        assert(headOf("car") == link(0, 64, 1, digest));
        assert(headOf("van") == 0);
        assert(ledger.nonceUsed(FIRST, nonce));
        assert(nonce == otherNonce || !ledger.nonceUsed(FIRST, otherNonce));
        assert(!ledger.nonceUsed(OrganisationId.wrap(2), nonce));
        if (nonce == otherNonce) return;
        ledger.recordSigned(one(sign(1, entry(64, "van", digest), otherNonce, type(uint64).max)));
        assert(headOf("van") == link(0, 64, 1, digest));
    }

    /// @dev SKIP: A bad submission neither reverts nor alters the others, and a skip is never terminal: any garbage at all.
    function testFuzz_SKIP(SignedSubmission memory garbage, bytes32 digest) public {
        SignedSubmission[] memory batch = new SignedSubmission[](3);
        batch[0] = sign(1, entry(64, "car", digest), 1, type(uint64).max);
        batch[1] = garbage;
        batch[2] = sign(2, entry(64, "car", digest), 1, type(uint64).max);
        ledger.recordSigned(batch);
        assert(headOf("car") == link(link(0, 64, 1, digest), 64, 2, digest));
        assert(!ledger.nonceUsed(garbage.organisation, garbage.nonce) || garbage.nonce == 1);
    }

    /// @dev SKIP: one good submission with any byte of it changed; then the same, unchanged.
    function testFuzz_SKIP_altered(uint256 where, uint8 by, bytes32 digest) public {
        if (by == 0) return;
        SignedSubmission memory good = sign(1, entry(64, "car", digest), 5, 2_000_000);
        SignedSubmission memory bad = sign(1, entry(64, "car", digest), 5, 2_000_000);
        bytes memory target = where % 2 == 0 ? bad.entries : bad.signature;
        where = (where >> 1) % 65;
        target[where] = bytes1(uint8(target[where]) ^ by);
        ledger.recordSigned(one(bad));
        assert(headOf("car") == 0 && !ledger.nonceUsed(FIRST, 5));
        ledger.recordSigned(one(good));
        assert(headOf("car") == link(0, 64, 1, digest));
    }

    /// @dev OWN: Only an organisation extends its own chain.
    function testFuzz_OWN(address caller, uint64 id, bytes32 digest, uint8 kind) public {
        id = 1 + (id % ORGANISATIONS);
        bytes memory entries = entry(64, 0, digest);
        bool isKey = caller == signerOf(id);
        vm.prank(caller);
        (bool recorded, ) = address(ledger).call(
            abi.encodeCall(ledger.record, (OrganisationId.wrap(id), entries))
        );
        assert(recorded == isKey);
        vm.prank(TITLES);
        (recorded, ) = address(ledger).call(
            abi.encodeCall(ledger.recordFor, (caller, Subject.wrap(0), Kind.wrap(kind), digest, digest))
        );
        assert(!recorded);
        bytes32 before = ownHeadOf(id);
        _record(id, entries);
        for (uint64 other = 1; other <= ORGANISATIONS; ++other) {
            assert(ownHeadOf(other) == (other == id ? link(before, 64, id, digest) : bytes32(0)));
        }
    }

    /// @dev RESERVED: No one but its module records a module's kind, and a module no other.
    function testFuzz_RESERVED(address caller, uint8 which, uint8 kind, bytes32 digest) public {
        if (which == 255) caller = address(0);
        if (which % 4 == 0) caller = TITLES;
        if (which % 4 == 1) caller = PARTS;
        if (which % 4 == 2) kind %= 40;
        bool expected = (caller == TITLES && kind < 16) || (caller == PARTS && kind >= 16 && kind < 32);
        vm.prank(caller);
        (bool recorded, ) = address(ledger).call(
            abi.encodeCall(ledger.recordFor, (caller, Subject.wrap("car"), Kind.wrap(kind), digest, digest))
        );
        assert(recorded == expected);
        assert((headOf("car") != 0) == expected);
        bytes32 head = headOf("car");
        if (kind < 32) {
            ledger.recordSigned(one(sign(1, entry(kind, "car", digest), 0, type(uint64).max)));
            assert(headOf("car") == head);
        }
    }

    /// @dev REBUILD: State rebuilt from logs equals storage.
    function testFuzz_REBUILD(Given[] memory given) public {
        vm.recordLogs();
        uint256 count = given.length > 24 ? 24 : given.length;
        for (uint256 i = 0; i < count; ++i) {
            bytes memory first = entry(64, bytes32(uint256(given[i].subject % 4)), given[i].digest);
            bytes memory second = entry(64, bytes32(i % 4), given[i].digest);
            _record(uint64(1 + (i % ORGANISATIONS)), bytes.concat(first, second));
        }
        bytes32[4] memory heads;
        bytes32[4] memory ownHeads;
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == keccak256("Recorded(bytes32,uint64,uint8,bytes32)")) {
                (uint64 id, uint8 kind, bytes32 digest) = abi.decode(logs[i].data, (uint64, uint8, bytes32));
                uint256 subject = uint256(logs[i].topics[1]);
                heads[subject] = link(heads[subject], kind, id, digest);
            } else {
                assert(logs[i].topics[0] == keccak256("OwnRecorded(uint64,uint8,bytes32)"));
                (uint8 kind, bytes32 digest) = abi.decode(logs[i].data, (uint8, bytes32));
                uint256 id = uint256(logs[i].topics[1]);
                ownHeads[id] = link(ownHeads[id], kind, uint64(id), digest);
            }
        }
        assert(logs.length == 2 * count);
        for (uint256 i = 1; i < 4; ++i) {
            assert(heads[i] == headOf(bytes32(i)));
            assert(ownHeads[i] == ownHeadOf(uint64(i)));
        }
    }

    function _record(uint64 id, bytes memory entries) private {
        vm.prank(signerOf(id));
        ledger.record(OrganisationId.wrap(id), entries);
    }
}
