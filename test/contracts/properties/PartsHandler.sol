// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Kind} from "../../../contracts/types/Kind.sol";
import {OrganisationId} from "../../../contracts/types/OrganisationId.sol";
import {Part, PartState} from "../../../contracts/types/Part.sol";
import {PartAction} from "../../../contracts/types/PartAction.sol";
import {Subject} from "../../../contracts/types/Subject.sol";
import {PartsWorld} from "./PartsWorld.sol";
import {vm} from "./Vm.sol";

/// @dev Does to parts what makers, workshops, the police and strangers could, well and badly, in any order; holds what each
/// call changed against the properties of IParts. What is broken is remembered under its id.
contract PartsHandler is PartsWorld {
    struct Seen {
        Part part;
        bytes32 head;
    }

    struct Sent {
        PartAction action;
        address actor;
        bytes signature;
        bool executed;
    }

    /// @dev The first are parts, the others vehicles; a part can be in a part as well.
    uint256 internal constant PARTS = 3;
    uint256 internal constant SUBJECTS = 5;

    mapping(bytes32 property => bool) public violated;

    mapping(bytes32 subject => bytes32) internal folded;
    /// @dev What the entries of a vehicle say is in it.
    mapping(bytes32 vehicle => mapping(bytes32 part => bool)) internal aboard;
    mapping(bytes32 subject => bool) internal scrapped;
    mapping(bytes32 subject => bool) internal stolen;
    mapping(uint64 id => bool) internal suspended;
    mapping(uint64 id => bool) internal keyRevoked;
    mapping(uint64 id => uint256) internal granted;
    Sent[] internal past;

    uint256 private _seed;

    constructor() {
        createParts();
        for (uint64 id = 1; id <= ORGANISATIONS; ++id) granted[id] = rightsOf(id);
    }

    // What the fuzzer calls.

    function act(uint256 seed) external {
        _seed = seed;
        for (uint256 i = 0; i < 3; ++i) _act();
    }

    /// @dev The same: histories should grow more often than standings change.
    function actAgain(uint256 seed) external {
        this.act(seed);
    }

    function replay(uint256 seed) external {
        if (past.length == 0) return;
        _seed = seed;
        Sent memory sent = past[_draw(past.length)];
        bool wasExecuted = sent.executed;
        if (_execute(sent, address(this)) && wasExecuted) violated["REVISION-ONCE"] = true;
    }

    /// @dev Something about one organisation, which is mostly as it was at first; some time goes by.
    function changeStanding(uint256 seed) external {
        _seed = seed;
        vm.warp(block.timestamp + _draw(10 days));
        uint64 id = uint64(1 + _draw(ORGANISATIONS));
        OrganisationId organisation = OrganisationId.wrap(id);
        uint256 change = _draw(12);
        if (suspended[id] != (change == 0)) {
            suspended[id] = !suspended[id];
            if (suspended[id]) organisations.suspend(organisation);
            else organisations.reinstate(organisation);
        }
        if (keyRevoked[id] != (change == 1)) {
            keyRevoked[id] = !keyRevoked[id];
            if (keyRevoked[id]) organisations.revokeKey(organisation, keyAddress(id));
            else organisations.addKey(organisation, keyAddress(id));
        }
        granted[id] = rightsOf(id) & (change < 4 ? _draw(0) : type(uint256).max);
        organisations.setKinds(organisation, granted[id]);
    }

    // What the invariants ask.

    function headIsFolded() external view returns (bool) {
        for (uint256 i = 1; i <= SUBJECTS; ++i) {
            if (headAt(bytes32(i)) != folded[bytes32(i)]) return false;
        }
        return true;
    }

    /// @dev Whether the entries of all vehicles say of each part what it says itself.
    function vehiclesAgree() external view returns (bool) {
        for (uint256 i = 1; i <= PARTS; ++i) {
            for (uint256 j = 1; j <= SUBJECTS; ++j) {
                if (aboard[bytes32(j)][bytes32(i)] != (vehicleOf(bytes32(i)) == bytes32(j))) return false;
            }
        }
        return true;
    }

    /// @dev Whether each part's state is one, and says no other than the rest of it.
    function statesAgree() external view returns (bool) {
        for (uint256 i = 1; i <= PARTS; ++i) {
            Part memory part = partAt(bytes32(i));
            bool isSomewhere = !part.vehicle.isZero();
            if ((part.state == PartState.None) != (OrganisationId.unwrap(part.maker) == 0)) return false;
            if ((part.state == PartState.None) != (part.revision == 0)) return false;
            if (part.state == PartState.Mounted && !isSomewhere) return false;
            if (part.state <= PartState.Free && isSomewhere) return false;
        }
        return true;
    }

    function scrappedStay() external view returns (bool) {
        for (uint256 i = 1; i <= PARTS; ++i) {
            if ((partAt(bytes32(i)).state == PartState.Scrapped) != scrapped[bytes32(i)]) return false;
        }
        return true;
    }

    function stolenStay() external view returns (bool) {
        for (uint256 i = 1; i <= PARTS; ++i) {
            if ((partAt(bytes32(i)).state == PartState.Stolen) != stolen[bytes32(i)]) return false;
        }
        return true;
    }

    function _act() private {
        Sent memory sent;
        sent.action = _action();
        uint64 id = OrganisationId.unwrap(sent.action.organisation);
        sent.actor = keyAddress(_draw(16) == 0 ? uint64(_draw(6)) : id);
        bool directly = _draw(3) == 0;
        if (!directly) {
            if (_draw(24) == 0) id = uint64(_draw(6));
            sent.signature = signature(hashOf(sent.action), organisationKey(id));
        }
        _execute(sent, directly && _draw(24) != 0 ? sent.actor : address(this));
    }

    // The judgement of one call.

    function _execute(Sent memory sent, address caller) private returns (bool executed) {
        Seen[] memory before = _look();
        vm.recordLogs();
        vm.prank(caller);
        (executed, ) = address(parts).call(
            abi.encodeCall(parts.execute, (sent.action, sent.actor, sent.signature))
        );
        uint256 logs = vm.getRecordedLogs().length;
        Seen[] memory afterwards = _look();
        sent.executed = executed || sent.executed;
        past.push(sent);

        _judgeOthers(sent.action, executed, before, afterwards);
        if (!executed) return false;

        if (caller != sent.actor || sent.signature.length != 0) _judgeSignature(sent);
        if (block.timestamp > sent.action.deadline) violated["SIGNED"] = true;
        _judgeActor(sent.action, sent.actor);
        uint256 subject = uint256(Subject.unwrap(sent.action.subject));
        _judgePart(sent.action, before[subject].part, afterwards[subject].part);
        _note(sent.action, sent.actor, logs);
    }

    /// @dev Whether everything is as it was that an action did not name.
    function _judgeOthers(
        PartAction memory given,
        bool executed,
        Seen[] memory before,
        Seen[] memory afterwards
    ) private {
        for (uint256 i = 1; i <= SUBJECTS; ++i) {
            bool isSubject = Subject.unwrap(given.subject) == bytes32(i);
            bool isVehicle = Subject.unwrap(given.vehicle) == bytes32(i);
            bool same = keccak256(abi.encode(before[i].part)) == keccak256(abi.encode(afterwards[i].part));
            if (!same && !executed) violated["ENTRY-FOR-EVERY-ACTION"] = true;
            if (!same && !isSubject) violated["ISOLATION"] = true;
            if (before[i].head == afterwards[i].head) continue;
            if (!executed) violated["ENTRY-FOR-EVERY-ACTION"] = true;
            if (!isSubject && !isVehicle) violated["ISOLATION"] = true;
        }
    }

    function _judgeSignature(Sent memory sent) private {
        for (uint64 id = 0; id < 6; ++id) {
            if (keyAddress(id) != sent.actor) continue;
            bytes memory good = signature(hashOf(sent.action), organisationKey(id));
            if (keccak256(sent.signature) == keccak256(good)) return;
        }
        violated["SIGNED"] = true;
    }

    function _judgeActor(PartAction memory given, address actor) private {
        uint64 id = OrganisationId.unwrap(given.organisation);
        bool isKey = id != 0 && id <= ORGANISATIONS && actor == keyAddress(id) && !keyRevoked[id];
        if (!isKey || suspended[id] || granted[id] & (1 << Kind.unwrap(given.kind)) == 0) {
            violated["ONLY-RIGHT-ACTS"] = true;
        }
    }

    function _judgePart(PartAction memory given, Part memory was, Part memory isNow) private {
        uint8 kind = Kind.unwrap(given.kind);
        if (isNow.revision != was.revision + 1 || given.revision != was.revision) {
            violated["REVISION-ONCE"] = true;
        }

        bytes32 vehicle = Subject.unwrap(given.vehicle);
        (bytes32 from, bytes32 into) = (Subject.unwrap(was.vehicle), Subject.unwrap(isNow.vehicle));
        if (kind == MOUNTED) {
            bool good = from == 0 && into == vehicle && vehicle != 0;
            if (!good || was.state != PartState.Free || isNow.state != PartState.Mounted) {
                violated["ONE-VEHICLE"] = true;
            }
        } else if (kind == REMOVED) {
            if (from != vehicle || vehicle == 0 || into != 0) violated["ONE-VEHICLE"] = true;
        } else if (from != into || vehicle != 0) {
            violated["STAYS-WHERE-IT-IS"] = true;
        }

        if (kind == REGISTERED) {
            bool isMakers = OrganisationId.unwrap(isNow.maker) == OrganisationId.unwrap(given.organisation);
            if (was.state != PartState.None || !isMakers) violated["REGISTERED-ONCE"] = true;
        } else {
            bool same = OrganisationId.unwrap(isNow.maker) == OrganisationId.unwrap(was.maker);
            if (was.state == PartState.None || !same) violated["REGISTERED-ONCE"] = true;
        }

        if (was.state == PartState.Scrapped) violated["SCRAPPED-FOR-EVER"] = true;
        if (was.state == PartState.Stolen && kind == MOUNTED) violated["STOLEN-NOT-MOUNTED"] = true;
        if (kind == STOLEN && was.state == PartState.Stolen) violated["STOLEN-NOT-MOUNTED"] = true;
        if (kind == RECOVERED && was.state != PartState.Stolen) violated["STOLEN-NOT-MOUNTED"] = true;
    }

    /// @dev What an executed action leaves, as this contract remembers it.
    function _note(PartAction memory given, address actor, uint256 logs) private {
        uint8 kind = Kind.unwrap(given.kind);
        (bytes32 subject, bytes32 vehicle) = (Subject.unwrap(given.subject), Subject.unwrap(given.vehicle));
        bool isBoth = kind == MOUNTED || kind == REMOVED;
        if (logs != (isBoth ? 3 : 2)) violated["ENTRY-FOR-EVERY-ACTION"] = true;
        folded[subject] = linked(folded[subject], given, actor);
        if (isBoth) {
            folded[vehicle] = linked(folded[vehicle], given, actor);
            aboard[vehicle][subject] = kind == MOUNTED;
        }
        if (kind == SCRAPPED) scrapped[subject] = true;
        if (kind == STOLEN) stolen[subject] = true;
        if (kind == SCRAPPED || kind == RECOVERED) stolen[subject] = false;
    }

    function _look() private view returns (Seen[] memory seen) {
        seen = new Seen[](SUBJECTS + 1);
        for (uint256 i = 1; i <= SUBJECTS; ++i) seen[i] = Seen(partAt(bytes32(i)), headAt(bytes32(i)));
    }

    // Chance.

    /// @dev Mostly what its part allows.
    function _action() private returns (PartAction memory given) {
        bytes32 subject = bytes32(1 + _draw(PARTS));
        Part memory part = partAt(subject);
        uint8 kind = _kindFor(part.state);
        bytes32 vehicle = 0;
        if (kind == MOUNTED) vehicle = bytes32(_draw(8) == 0 ? _draw(SUBJECTS + 2) : PARTS + 1 + _draw(2));
        if (kind == REMOVED) vehicle = _draw(8) == 0 ? bytes32(_draw(6)) : Subject.unwrap(part.vehicle);
        given = action(kind, _draw(12) == 0 ? uint64(_draw(5)) : entitled(kind), subject, vehicle);
        given.deadline = uint64(block.timestamp + _draw(30 days));
        given.digest = bytes32(_draw(0));

        uint256 fault = _draw(32);
        if (fault == 0) given.revision += 1;
        if (fault == 1) given.deadline = uint64(block.timestamp - 1);
        if (fault == 2) given.vehicle = Subject.wrap(bytes32(_draw(6)));
    }

    function _kindFor(PartState state) private returns (uint8) {
        if (_draw(10) == 0) return uint8(14 + _draw(10));
        if (state == PartState.None) return REGISTERED;
        uint256 chance = _draw(16);
        // What ends a part for ever, seldom.
        if (chance == 0) return SCRAPPED;
        if (state == PartState.Stolen) {
            return
                chance < 8
                    ? RECOVERED
                    : chance < 12
                        ? REMOVED
                        : MOUNTED;
        }
        if (chance < 4) return STOLEN;
        if (state == PartState.Mounted) return chance < 14 ? REMOVED : MOUNTED;
        return chance < 14 ? MOUNTED : REMOVED;
    }

    /// @dev A number below the bound, or any for 0.
    function _draw(uint256 bound) private returns (uint256) {
        _seed = uint256(keccak256(abi.encode(_seed)));
        return bound == 0 ? _seed : _seed % bound;
    }
}
