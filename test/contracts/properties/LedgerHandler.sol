// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Kind} from "../../../contracts/types/Kind.sol";
import {OrganisationId} from "../../../contracts/types/OrganisationId.sol";
import {SignedSubmission} from "../../../contracts/types/SignedSubmission.sol";
import {SkipReason} from "../../../contracts/types/SkipReason.sol";
import {Subject} from "../../../contracts/types/Subject.sol";
import {Vm, vm} from "./Vm.sol";
import {World} from "./World.sol";

/// @dev Does to the ledger what anyone could, in any order, and keeps a model beside it: who is in which standing, which
/// nonce is used, and the whole history of every chain. What ever disagrees is remembered under the property's id.
contract LedgerHandler is World {
    struct Link {
        uint8 kind;
        uint64 organisation;
        address module;
        address actor;
        uint256 timestamp;
        bytes32 digest;
        bytes32 actionHash;
    }

    /// @dev Subjects 1 to 3; chain 0 is that of organisation 0 and stays empty, chains 100 + id are own chains.
    uint256 internal constant OWN = 100;
    uint256[6] internal chains = [uint256(1), 2, 3, OWN + 1, OWN + 2, OWN + 3];
    uint8[7] internal kindPool = [64, 65, 66, 67, 0, 16, 31];

    mapping(bytes32 property => bool) public violated;

    mapping(uint256 chain => Link[]) internal history;
    mapping(uint256 chain => bytes32) internal rebuilt;
    mapping(uint64 id => bool) internal suspended;
    mapping(uint64 id => bool) internal keyRevoked;
    mapping(uint64 id => uint256) internal granted;
    mapping(uint64 id => mapping(uint256 nonce => uint256)) internal accepted;
    mapping(uint64 id => mapping(uint256 nonce => bool)) internal used;
    SignedSubmission[] internal past;

    uint256 private _seed;

    constructor() {
        createWorld();
        for (uint64 id = 1; id <= ORGANISATIONS; ++id) granted[id] = kindsOf(id);
    }

    // What the fuzzer calls.

    function relay(uint256 seed) external {
        _seed = seed;
        SignedSubmission[] memory batch = new SignedSubmission[](1 + _draw(4));
        for (uint256 i = 0; i < batch.length; ++i) {
            batch[i] = past.length > 0 && _draw(3) == 0 ? past[_draw(past.length)] : _submission();
            past.push(batch[i]);
        }
        _relay(batch);
    }

    function recordDirectly(uint256 seed) external {
        _seed = seed;
        uint64 id = _organisation();
        uint64 signer = _draw(4) == 0 ? _organisation() : id;
        bytes memory entries = _entries();
        bool good = !suspended[id] && !keyRevoked[id] && signer == id && _allowed(id, entries);

        bytes32[6] memory before = _heads();
        vm.recordLogs();
        vm.prank(signerOf(signer));
        (bool recorded, ) = address(ledger).call(
            abi.encodeCall(ledger.record, (OrganisationId.wrap(id), entries))
        );
        if (recorded != good) violated["AUTH"] = true;
        if (good) _apply(id, entries);
        _compare(before, vm.getRecordedLogs(), recorded ? id : 0);
    }

    function recordByModule(uint256 seed) external {
        _seed = seed;
        address caller = [TITLES, PARTS, signerOf(1), address(this), address(0)][_draw(5)];
        uint8 kind = uint8(_draw(40));
        uint256 subject = _draw(4);
        bytes32 digest = bytes32(_draw(0));
        bool good = subject != 0 && kind < 32 && caller == (kind < 16 ? TITLES : PARTS);

        bytes32[6] memory before = _heads();
        vm.recordLogs();
        vm.prank(caller);
        (bool recorded, ) = address(ledger).call(
            abi.encodeCall(
                ledger.recordFor,
                (address(0xAC704), Subject.wrap(bytes32(subject)), Kind.wrap(kind), digest, ~digest)
            )
        );
        if (recorded != good) violated["RESERVED"] = true;
        if (good) {
            history[subject].push(Link(kind, 0, caller, address(0xAC704), block.timestamp, digest, ~digest));
        }
        _compare(before, vm.getRecordedLogs(), 0);
    }

    function suspendOrReinstate(uint256 seed) external {
        _seed = seed;
        uint64 id = _organisation();
        if (suspended[id]) organisations.reinstate(OrganisationId.wrap(id));
        else organisations.suspend(OrganisationId.wrap(id));
        suspended[id] = !suspended[id];
    }

    function grant(uint256 seed) external {
        _seed = seed;
        uint64 id = _organisation();
        uint256 kinds = (_draw(0) | (1 << 64)) & DEFINED_KINDS;
        organisations.setKinds(OrganisationId.wrap(id), kinds);
        granted[id] = kinds;
    }

    function addOrRevokeKey(uint256 seed) external {
        _seed = seed;
        uint64 id = _organisation();
        if (keyRevoked[id]) organisations.addKey(OrganisationId.wrap(id), signerOf(id));
        else organisations.revokeKey(OrganisationId.wrap(id), signerOf(id));
        keyRevoked[id] = !keyRevoked[id];
    }

    function pause(uint32 duration) external {
        vm.warp(block.timestamp + (duration % 10_000));
    }

    // What the invariants ask.

    function chainCount() external view returns (uint256) {
        return chains.length;
    }

    function headAt(uint256 index) external view returns (bytes32) {
        return _heads()[index];
    }

    function rebuiltAt(uint256 index) external view returns (bytes32) {
        return rebuilt[chains[index]];
    }

    /// @dev The fold of a chain's whole history, from its first link.
    function foldAt(uint256 index) external view returns (bytes32 head) {
        Link[] storage links = history[chains[index]];
        for (uint256 i = 0; i < links.length; ++i) {
            Link storage l = links[i];
            head =
                l.module == address(0)
                    ? keccak256(abi.encode(head, l.kind, l.organisation, l.timestamp, l.digest))
                    : keccak256(
                        abi.encode(head, l.kind, l.module, l.actor, l.timestamp, l.digest, l.actionHash)
                    );
        }
    }

    function nonceAgrees(uint256 index) external view returns (bool) {
        if (index >= past.length) return true;
        uint64 id = OrganisationId.unwrap(past[index].organisation);
        uint256 nonce = past[index].nonce;
        uint256 times = accepted[id][nonce];
        return times <= 1 && ledger.nonceUsed(past[index].organisation, nonce) == (times == 1);
    }

    function pastCount() external view returns (uint256) {
        return past.length;
    }

    // The model.

    function _relay(SignedSubmission[] memory batch) private {
        SkipReason[] memory expected = new SkipReason[](batch.length);
        bytes32[6] memory before = _heads();
        uint256 acting = 0;
        for (uint256 i = 0; i < batch.length; ++i) {
            uint64 id = OrganisationId.unwrap(batch[i].organisation);
            expected[i] = _judge(batch[i], id);
            if (expected[i] != SkipReason.None) continue;
            acting |= 1 << id;
            used[id][batch[i].nonce] = true;
            _apply(id, batch[i].entries);
        }
        vm.recordLogs();
        try ledger.recordSigned(batch) {} catch {
            violated["SKIP"] = true;
        }
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 next = 0;
        for (uint256 i = 0; i < logs.length; ++i) {
            bool isAccepted = logs[i].topics[0] == keccak256("Accepted(uint64,uint256,bytes32)");
            bool isSkipped = logs[i].topics[0] == keccak256("Skipped(uint64,uint256,bytes32,uint8)");
            if (!isAccepted && !isSkipped) continue;
            SignedSubmission memory submission = batch[next];
            uint64 id = OrganisationId.unwrap(submission.organisation);
            if (uint256(logs[i].topics[1]) != id) violated["SKIP"] = true;
            if (isAccepted) ++accepted[id][submission.nonce];
            SkipReason reason = SkipReason.None;
            if (isSkipped) (, , reason) = abi.decode(logs[i].data, (uint256, bytes32, SkipReason));
            (uint256 nonce, bytes32 hash) = abi.decode(logs[i].data, (uint256, bytes32));
            if (reason != expected[next] || nonce != submission.nonce) violated["SKIP"] = true;
            if (hash != hashOf(id, submission.entries, nonce, submission.deadline)) violated["SKIP"] = true;
            ++next;
        }
        if (next != batch.length) violated["SKIP"] = true;
        _compareAll(before, logs, acting);
    }

    function _judge(SignedSubmission memory submission, uint64 id) private view returns (SkipReason) {
        bytes memory entries = submission.entries;
        if (entries.length == 0 || entries.length % 65 != 0) return SkipReason.Malformed;
        if (block.timestamp > submission.deadline) return SkipReason.Expired;
        if (used[id][submission.nonce]) return SkipReason.NonceUsed;
        if (id == 0 || id > ORGANISATIONS || suspended[id]) return SkipReason.NotInGoodStanding;
        if (keyRevoked[id] || submission.signer != signerOf(id)) return SkipReason.UnknownKey;
        if (!_allowed(id, entries)) return SkipReason.KindNotAllowed;
        bytes32 hash = hashOf(id, entries, submission.nonce, submission.deadline);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(privateKeyOf(id), hash);
        bool signed = keccak256(submission.signature) == keccak256(abi.encodePacked(r, s, v));
        return signed ? SkipReason.None : SkipReason.BadSignature;
    }

    function _allowed(uint64 id, bytes memory entries) private view returns (bool) {
        if (id == 0 || id > ORGANISATIONS) return false;
        for (uint256 i = 0; i < entries.length; i += 65) {
            uint8 kind = uint8(entries[i]);
            if (kind < 32 || granted[id] & (1 << kind) == 0) return false;
        }
        return true;
    }

    function _apply(uint64 id, bytes memory entries) private {
        for (uint256 i = 0; i < entries.length; i += 65) {
            bytes32 subject;
            bytes32 digest;
            assembly ("memory-safe") {
                subject := mload(add(add(entries, 0x21), i))
                digest := mload(add(add(entries, 0x41), i))
            }
            uint256 chain = subject == 0 ? OWN + id : uint256(subject);
            history[chain].push(
                Link(uint8(entries[i]), id, address(0), address(0), block.timestamp, digest, 0)
            );
        }
    }

    function _compare(bytes32[6] memory before, Vm.Log[] memory logs, uint64 actor) private {
        _compareAll(before, logs, actor == 0 ? 0 : 1 << actor);
    }

    /// @dev Folds the logs of one call on the heads from before it: what they say must be all that happened.
    function _compareAll(bytes32[6] memory before, Vm.Log[] memory logs, uint256 acting) private {
        for (uint256 i = 0; i < logs.length; ++i) _rebuild(logs[i], acting);
        bytes32[6] memory afterwards = _heads();
        for (uint256 i = 0; i < chains.length; ++i) {
            if (afterwards[i] != rebuilt[chains[i]]) violated["APPEND"] = true;
            bool touched = _touched[chains[i]];
            if (!touched && afterwards[i] != before[i]) violated["ISOLATION"] = true;
            bool isOwn = chains[i] > OWN;
            if (isOwn && afterwards[i] != before[i] && acting & (1 << (chains[i] - OWN)) == 0) {
                violated["OWN"] = true;
            }
            _touched[chains[i]] = false;
        }
        if (headOf(0) != 0 || ownHeadOf(0) != 0) violated["ISOLATION"] = true;
    }

    mapping(uint256 chain => bool) private _touched;

    function _rebuild(Vm.Log memory log, uint256 acting) private {
        uint256 chain = uint256(log.topics[1]);
        if (log.topics[0] == keccak256("Recorded(bytes32,uint64,uint8,bytes32)")) {
            (uint64 id, uint8 kind, bytes32 digest) = abi.decode(log.data, (uint64, uint8, bytes32));
            _checkAuthority(id, kind, acting);
            rebuilt[chain] = link(rebuilt[chain], kind, id, digest);
        } else if (log.topics[0] == keccak256("OwnRecorded(uint64,uint8,bytes32)")) {
            uint64 id = uint64(chain);
            chain += OWN;
            (uint8 kind, bytes32 digest) = abi.decode(log.data, (uint8, bytes32));
            _checkAuthority(id, kind, acting);
            rebuilt[chain] = link(rebuilt[chain], kind, id, digest);
        } else if (
            log.topics[0] == keccak256("ModuleRecorded(bytes32,uint8,address,address,bytes32,bytes32)")
        ) {
            (uint8 kind, address module, address actor, bytes32 digest, bytes32 actionHash) = abi.decode(
                log.data,
                (uint8, address, address, bytes32, bytes32)
            );
            if (
                module !=
                (
                    kind < 16
                        ? TITLES
                        : kind < 32
                            ? PARTS
                            : address(0)
                )
            ) violated["RESERVED"] = true;
            rebuilt[chain] = moduleLink(rebuilt[chain], kind, module, actor, digest, actionHash);
        } else {
            return;
        }
        _touched[chain] = true;
    }

    function _checkAuthority(uint64 id, uint8 kind, uint256 acting) private {
        if (kind < 32) violated["RESERVED"] = true;
        if (suspended[id] || keyRevoked[id] || granted[id] & (1 << kind) == 0) violated["AUTH"] = true;
        if (acting & (1 << id) == 0) violated["AUTH"] = true;
    }

    function _heads() private view returns (bytes32[6] memory heads) {
        for (uint256 i = 0; i < chains.length; ++i) {
            heads[i] = chains[i] > OWN ? ownHeadOf(uint64(chains[i] - OWN)) : headOf(bytes32(chains[i]));
        }
    }

    // Chance.

    function _submission() private returns (SignedSubmission memory submission) {
        uint64 deadline = uint64(block.timestamp + _draw(20_000));
        submission = sign(_organisation(), _entries(), _draw(20), deadline);
        uint256 fault = _draw(16);
        if (fault == 0) submission.entries = bytes.concat(submission.entries, hex"40");
        if (fault == 1) submission.entries = "";
        if (fault == 2) submission.deadline = uint64(block.timestamp - 1);
        if (fault == 3) submission.nonce += 1;
        if (fault == 4) submission.organisation = OrganisationId.wrap(uint64(_draw(6)));
        if (fault == 5) submission.signer = address(this);
        if (fault == 6) submission.signature = "no signature";
    }

    function _entries() private returns (bytes memory entries) {
        uint256 count = 1 + _draw(5);
        for (uint256 i = 0; i < count; ++i) {
            uint8 kind = _draw(4) == 0 ? kindPool[_draw(kindPool.length)] : 64;
            entries = bytes.concat(entries, entry(kind, bytes32(_draw(4)), bytes32(_draw(0))));
        }
    }

    function _organisation() private returns (uint64) {
        return uint64(1 + _draw(ORGANISATIONS));
    }

    /// @dev A number below the bound, or any for 0.
    function _draw(uint256 bound) private returns (uint256) {
        _seed = uint256(keccak256(abi.encode(_seed)));
        return bound == 0 ? _seed : _seed % bound;
    }
}
