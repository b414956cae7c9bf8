// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Kind} from "../../../contracts/types/Kind.sol";
import {Lien} from "../../../contracts/types/Lien.sol";
import {OrganisationId} from "../../../contracts/types/OrganisationId.sol";
import {Subject} from "../../../contracts/types/Subject.sol";
import {Obstacle, Title, TitleState} from "../../../contracts/types/Title.sol";
import {TitleAction} from "../../../contracts/types/TitleAction.sol";
import {TitlesWorld} from "./TitlesWorld.sol";
import {vm} from "./Vm.sol";

/// @dev Does to titles what owners, buyers, lenders, registrars, the police and strangers could, well and badly, in any
/// order; holds what each call changed against the properties of ITitles. What is broken is remembered under its id.
contract TitlesHandler is TitlesWorld {
    struct Seen {
        Title title;
        Lien[] liens;
        bytes32 head;
    }

    struct Sent {
        TitleAction action;
        address actor;
        bytes signature;
        bool executed;
    }

    uint256 internal constant SUBJECTS = 6;

    mapping(bytes32 property => bool) public violated;
    /// @dev How often each kind was executed.
    mapping(uint8 kind => uint256) public executions;

    mapping(bytes32 subject => bytes32) internal folded;
    mapping(bytes32 subject => uint128) internal brandsSeen;
    mapping(uint64 id => bool) internal suspended;
    mapping(uint64 id => bool) internal keyRevoked;
    mapping(uint64 id => uint256) internal granted;
    mapping(uint64 id => uint64) internal successorOf;
    mapping(address account => uint256) internal privateKeyOf;
    Sent[] internal past;

    uint256 private _seed;

    constructor() {
        createTitles();
        for (uint64 id = 1; id <= ORGANISATIONS; ++id) {
            granted[id] = rightsOf(id);
            privateKeyOf[keyAddress(id)] = organisationKey(id);
        }
        for (uint64 id = 1; id <= PERSONS; ++id) privateKeyOf[person(id)] = personKey(id);
    }

    // What the fuzzer calls.

    function act(uint256 seed) external {
        _seed = seed;
        for (uint256 i = 0; i < 4; ++i) _act();
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

    /// @dev Something about one organisation, which is mostly as it was at first.
    function changeStanding(uint256 seed) external {
        _seed = seed;
        uint64 id = _organisation();
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
        uint64 successor = _organisation();
        if (id == successor) return;
        organisations.setSuccessor(organisation, OrganisationId.wrap(successor));
        successorOf[id] = successor;
    }

    function pause(uint32 duration) external {
        vm.warp(block.timestamp + (duration % 10 days));
    }

    // What the invariants ask.

    function headIsFolded() external view returns (bool) {
        for (uint256 i = 1; i <= SUBJECTS; ++i) {
            if (headAt(bytes32(i)) != folded[bytes32(i)]) return false;
        }
        return true;
    }

    /// @dev Whether subjects that stand for one vehicle are a chain, of which only the last has a title that lives.
    function titlesAreOne() external view returns (bool) {
        for (uint256 i = 1; i <= SUBJECTS; ++i) {
            bytes32 subject = bytes32(i);
            Title memory title = titleAt(subject);
            bytes32 next = Subject.unwrap(title.replacedBy);
            bytes32 previous = Subject.unwrap(title.replaces);
            if ((title.state == TitleState.None) != (title.owner == address(0))) return false;
            if ((title.state == TitleState.None) != (title.revision == 0)) return false;
            if ((title.state == TitleState.Replaced) != (next != 0)) return false;
            if (next != 0 && Subject.unwrap(titleAt(next).replaces) != subject) return false;
            if (previous != 0 && Subject.unwrap(titleAt(previous).replacedBy) != subject) return false;
            if (title.buyer != address(0) && title.state != TitleState.Held) return false;
        }
        return true;
    }

    function liensAreCapped() external view returns (bool) {
        for (uint256 i = 1; i <= SUBJECTS; ++i) {
            if (liensAt(bytes32(i)).length > 8) return false;
        }
        return true;
    }

    function ranksAreDistinct() external view returns (bool) {
        for (uint256 i = 1; i <= SUBJECTS; ++i) {
            Lien[] memory liens = liensAt(bytes32(i));
            for (uint256 a = 0; a < liens.length; ++a) {
                if (liens[a].rank == 0) return false;
                for (uint256 b = 0; b < a; ++b) {
                    if (liens[a].rank == liens[b].rank || liens[a].number == liens[b].number) return false;
                }
            }
        }
        return true;
    }

    function brandsStick() external view returns (bool) {
        for (uint256 i = 1; i <= SUBJECTS; ++i) {
            uint128 brands = titleAt(bytes32(i)).brands;
            if (brandsSeen[bytes32(i)] & ~brands != 0 || brands >> 100 != 0) return false;
        }
        return true;
    }

    /// @dev Whether a sale is blocked exactly by what stands now.
    function sellableIsTrue() external view returns (bool) {
        for (uint256 i = 1; i <= SUBJECTS; ++i) {
            Title memory title = titleAt(bytes32(i));
            Obstacle expected = Obstacle.None;
            if (liensAt(bytes32(i)).length != 0) expected = Obstacle.Lien;
            if (title.stolen) expected = Obstacle.Stolen;
            if (title.state != TitleState.Held) expected = Obstacle.NotHeld;
            (bool may, Obstacle obstacle) = titles.sellable(Subject.wrap(bytes32(i)));
            if (obstacle != expected || may != (expected == Obstacle.None)) return false;
        }
        return true;
    }

    function _act() private {
        Sent memory sent;
        sent.action = _action();
        sent.actor = _actorFor(sent.action);
        bool directly = _draw(3) == 0;
        if (!directly) {
            uint256 privateKey = privateKeyOf[sent.actor];
            if (privateKey == 0 || _draw(24) == 0) privateKey = personKey(uint64(1 + _draw(PERSONS)));
            sent.signature = signature(hashOf(sent.action), privateKey);
        }
        _execute(sent, directly && _draw(24) != 0 ? sent.actor : address(this));
    }

    // The judgement of one call.

    function _execute(Sent memory sent, address caller) private returns (bool executed) {
        Seen[] memory before = _look();
        vm.recordLogs();
        vm.prank(caller);
        (executed, ) = address(titles).call(
            abi.encodeCall(titles.execute, (sent.action, sent.actor, sent.signature))
        );
        uint256 logs = vm.getRecordedLogs().length;
        Seen[] memory afterwards = _look();
        sent.executed = executed || sent.executed;
        past.push(sent);

        bytes32 subject = Subject.unwrap(sent.action.subject);
        uint8 kind = Kind.unwrap(sent.action.kind);
        bytes32 second = executed && kind == 15 ? sent.action.detail : bytes32(0);
        for (uint256 i = 1; i <= SUBJECTS; ++i) {
            if (executed && (bytes32(i) == subject || bytes32(i) == second)) continue;
            if (keccak256(abi.encode(before[i])) != keccak256(abi.encode(afterwards[i]))) {
                violated[executed ? bytes32("ISOLATION") : bytes32("ENTRY-FOR-EVERY-ACTION")] = true;
            }
        }
        if (!executed) return false;

        ++executions[kind];
        bool bySelf = caller == sent.actor && sent.signature.length == 0;
        bool signed =
            privateKeyOf[sent.actor] != 0 &&
                keccak256(sent.signature) ==
                    keccak256(signature(hashOf(sent.action), privateKeyOf[sent.actor]));
        if (!bySelf && !signed) violated["SIGNED"] = true;
        if (block.timestamp > sent.action.deadline) violated["SIGNED"] = true;

        if (logs != (second == 0 ? 2 : 3)) violated["ENTRY-FOR-EVERY-ACTION"] = true;
        folded[subject] = linked(folded[subject], sent.action, sent.actor);
        if (second != 0) folded[second] = linked(folded[second], sent.action, sent.actor);

        Seen memory was = before[uint256(subject)];
        Seen memory isNow = afterwards[uint256(subject)];
        _judgeActor(sent.action, sent.actor, was);
        _judgeTitle(sent.action, sent.actor, was, isNow);
        _judgeLiens(_expectedLiens(sent.action, was), isNow.liens);
        brandsSeen[subject] |= isNow.title.brands;
        if (kind == 9) brandsSeen[subject] |= uint128(1 << uint256(sent.action.detail));
        if (second != 0 && uint256(second) <= SUBJECTS)
            _judgeSuccessor(before[uint256(second)], afterwards[uint256(second)], was);
    }

    function _judgeActor(TitleAction memory given, address actor, Seen memory was) private {
        uint8 kind = Kind.unwrap(given.kind);
        uint64 id = OrganisationId.unwrap(given.organisation);
        if (kind == 1 || kind == 3 || kind == 10) {
            if (actor != was.title.owner || id != 0) violated["ONLY-OWNER-OFFERS"] = true;
        } else if (kind == 2) {
            bool isOpen = block.timestamp <= was.title.offeredUntil;
            if (actor != was.title.buyer || !isOpen || id != 0) violated["ONLY-BUYER-ACCEPTS"] = true;
        } else {
            bool isKey = id != 0 && id <= ORGANISATIONS && actor == keyAddress(id) && !keyRevoked[id];
            if (!isKey || suspended[id] || granted[id] & (1 << kind) == 0) violated["ONLY-RIGHT-ACTS"] = true;
        }
        if (kind == 5 || kind == 6) {
            bool isHolders = false;
            for (uint256 i = 0; i < was.liens.length; ++i) {
                if (was.liens[i].number != uint256(given.detail)) continue;
                uint64 holder = OrganisationId.unwrap(was.liens[i].holder);
                isHolders = id == holder || id == successorOf[holder];
            }
            if (!isHolders) violated["ONLY-HOLDER-LIFTS"] = true;
        }
    }

    function _judgeTitle(
        TitleAction memory given,
        address actor,
        Seen memory was,
        Seen memory isNow
    ) private {
        (Title memory a, Title memory b) = (was.title, isNow.title);
        uint8 kind = Kind.unwrap(given.kind);
        if (b.revision != a.revision + 1 || given.revision != a.revision) violated["REVISION-ONCE"] = true;

        bool changesHands = kind == 2 || kind == 14;
        bool givesOwner = kind == 0 || kind == 13 || changesHands;
        address expected = kind == 2 ? actor : given.party;
        if (b.owner != (givesOwner ? expected : a.owner)) violated["ONE-TITLE"] = true;
        if (kind == 0 && a.state != TitleState.None && a.state != TitleState.Exported) {
            violated["ONE-TITLE"] = true;
        }
        if (b.tenure != a.tenure + (givesOwner ? 1 : 0)) violated["TENURE-COUNTS"] = true;

        if (changesHands || kind == 1 || kind == 12) {
            if (was.liens.length != 0) violated["NO-SALE-UNDER-LIEN"] = true;
            if (a.stolen) violated["NO-SALE-WHEN-STOLEN"] = true;
        }
        if (b.stolen != (kind == 7 || (kind != 8 && a.stolen))) violated["NO-SALE-WHEN-STOLEN"] = true;
        if (a.brands & ~b.brands != 0) violated["STICKY-BRANDS"] = true;
        if (b.liensPlaced != a.liensPlaced + (kind == 4 ? 1 : 0)) violated["RANKS-DISTINCT"] = true;

        if (kind == 1) {
            if (b.buyer != given.party || b.offeredUntil != given.until) violated["ONLY-OWNER-OFFERS"] = true;
        } else if (b.buyer != address(0) && (b.buyer != a.buyer || b.offeredUntil != a.offeredUntil)) {
            violated["ONLY-OWNER-OFFERS"] = true;
        } else if ((givesOwner || kind == 3) && b.buyer != address(0)) {
            violated["ONLY-BUYER-ACCEPTS"] = true;
        }

        if (a.state == TitleState.Scrapped || a.state == TitleState.Replaced) {
            a.revision = b.revision;
            if (keccak256(abi.encode(a)) != keccak256(abi.encode(b))) violated["END-IS-END"] = true;
        } else if (b.state != _stateAfter(kind, a.state)) {
            violated["END-IS-END"] = true;
        }
    }

    function _stateAfter(uint8 kind, TitleState state) private pure returns (TitleState) {
        if (kind == 0) return TitleState.Held;
        if (kind == 11) return TitleState.Scrapped;
        if (kind == 12) return TitleState.Exported;
        if (kind == 15) return TitleState.Replaced;
        return state;
    }

    /// @dev The new subject's title: all that stood against the old one goes along.
    function _judgeSuccessor(Seen memory was, Seen memory isNow, Seen memory old) private {
        if (was.title.state != TitleState.None) violated["ONE-TITLE"] = true;
        Title memory title = isNow.title;
        if (title.state != TitleState.Held || title.owner != old.title.owner) violated["ONE-TITLE"] = true;
        if (title.revision != 1) violated["REVISION-ONCE"] = true;
        if (title.tenure != 1) violated["TENURE-COUNTS"] = true;
        if (title.stolen != old.title.stolen) violated["NO-SALE-WHEN-STOLEN"] = true;
        if (title.brands != old.title.brands) violated["STICKY-BRANDS"] = true;
        if (title.liensPlaced != old.title.liensPlaced) violated["RANKS-DISTINCT"] = true;
        if (title.buyer != address(0)) violated["ONLY-OWNER-OFFERS"] = true;
        _judgeLiens(old.liens, isNow.liens);
    }

    /// @dev The liens that should be open after an action: nothing but its own kind's effect has touched any.
    function _expectedLiens(
        TitleAction memory given,
        Seen memory was
    ) private pure returns (Lien[] memory expected) {
        uint8 kind = Kind.unwrap(given.kind);
        if (kind == 11 || kind == 15) return new Lien[](0);
        uint256 count = 0;
        expected = new Lien[](was.liens.length + 1);
        for (uint256 i = 0; i < was.liens.length; ++i) {
            Lien memory lien = was.liens[i];
            bool named = lien.number == uint256(given.detail);
            if (kind == 6 && named) continue;
            expected[count++] =
                kind == 5 && named ? Lien(lien.holder, given.until, lien.number, lien.rank) : lien;
        }
        if (kind == 4) {
            uint8 rank = uint8(uint256(given.detail));
            expected[count++] = Lien(given.organisation, given.until, was.title.liensPlaced + 1, rank);
        }
        assembly ("memory-safe") {
            mstore(expected, count)
        }
    }

    function _judgeLiens(Lien[] memory expected, Lien[] memory actual) private {
        if (expected.length != actual.length) violated["ONLY-HOLDER-LIFTS"] = true;
        for (uint256 i = 0; i < expected.length; ++i) {
            bool found = false;
            for (uint256 j = 0; j < actual.length; ++j) {
                if (keccak256(abi.encode(expected[i])) == keccak256(abi.encode(actual[j]))) found = true;
            }
            if (!found) violated["ONLY-HOLDER-LIFTS"] = true;
        }
    }

    function _look() private view returns (Seen[] memory seen) {
        seen = new Seen[](SUBJECTS + 1);
        for (uint256 i = 1; i <= SUBJECTS; ++i) {
            seen[i] = Seen(titleAt(bytes32(i)), liensAt(bytes32(i)), headAt(bytes32(i)));
        }
    }

    // Chance.

    /// @dev Mostly what its title and its kind allow.
    function _action() private returns (TitleAction memory given) {
        bytes32 subject = bytes32(1 + _draw(SUBJECTS));
        Title memory title = titleAt(subject);
        // Most of what has ended is left alone.
        if (title.state > TitleState.Exported && _draw(8) != 0) {
            subject = bytes32(1 + _draw(SUBJECTS));
            title = titleAt(subject);
        }
        uint8 kind = _kindFor(title.state);
        bool byPerson_ = kind == 1 || kind == 2 || kind == 3 || kind == 10;
        bool hasParty = kind == 0 || kind == 1 || kind == 13 || kind == 14;
        bool hasUntil = kind == 1 || kind == 4 || kind == 5;
        bool hasDetail = (kind >= 4 && kind <= 6) || kind == 9 || kind == 10 || kind == 15;
        given = action(kind, byPerson_ ? 0 : _organisationFor(kind), subject, address(0), 0, 0);
        if (hasParty) given.party = person(uint64(1 + _draw(PERSONS)));
        if (hasUntil) given.until = uint64(block.timestamp + 1 + _draw(20 days));
        if (hasDetail) given.detail = bytes32(_detailFor(kind, title));
        given.deadline = uint64(block.timestamp + _draw(30 days));
        given.digest = bytes32(_draw(0));

        uint256 fault = _draw(32);
        if (fault == 0) given.revision += 1;
        if (fault == 1) given.deadline = uint64(block.timestamp - 1);
        if (fault == 2) given.organisation = OrganisationId.wrap(uint64(_draw(6)));
        if (fault == 3) given.party = address(0);
        if (fault == 4) given.until = uint64(block.timestamp - _draw(2));
        if (fault == 5) given.detail = bytes32(_draw(0));
        if (fault == 6) given.until = uint64(block.timestamp + 3_000 days + _draw(1_000 days));
    }

    function _kindFor(TitleState state) private returns (uint8 kind) {
        if (_draw(20) == 0) return uint8(_draw(40));
        if (state == TitleState.None) return 0;
        if (state == TitleState.Exported && _draw(2) == 0) return 0;
        kind = uint8(1 + _draw(15));
        // What ends a title for ever, seldom.
        if (kind == 11 && _draw(8) != 0) kind = uint8(1 + _draw(10));
    }

    function _organisationFor(uint8 kind) private returns (uint64) {
        if (_draw(16) == 0) return _organisation();
        if (kind >= 4 && kind <= 6) return uint64(1 + _draw(3));
        if (kind >= 7 && kind <= 11 && _draw(2) == 0) return POLICE;
        return REGISTRAR;
    }

    function _detailFor(uint8 kind, Title memory title) private returns (uint256) {
        if (kind == 4) return 1 + _draw(12);
        if (kind == 5 || kind == 6) return 1 + _draw(uint256(title.liensPlaced) + 1);
        if (kind == 9) return _draw(105);
        if (kind == 15) return 1 + _draw(SUBJECTS + 2);
        return _draw(0);
    }

    function _actorFor(TitleAction memory given) private returns (address) {
        if (_draw(12) == 0) return person(uint64(1 + _draw(PERSONS)));
        if (_draw(24) == 0) return keyAddress(_organisation());
        uint8 kind = Kind.unwrap(given.kind);
        Title memory title = titleAt(Subject.unwrap(given.subject));
        if (kind == 2) return title.buyer;
        if (kind == 1 || kind == 3 || kind == 10) return title.owner;
        return keyAddress(OrganisationId.unwrap(given.organisation));
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
