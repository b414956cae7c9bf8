// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {OrganisationId} from "../../../contracts/types/OrganisationId.sol";
import {Part, PartState} from "../../../contracts/types/Part.sol";
import {PartAction} from "../../../contracts/types/PartAction.sol";
import {OwnedWallet} from "../harness/Signers.sol";
import {PartsWorld} from "./PartsWorld.sol";
import {vm} from "./Vm.sol";

/// @dev The properties of IParts, where their sentences stand, each over any input. A test that lets time pass counts it
/// itself: the compiler may read the block's timestamp once for a whole function.
contract PartsTest is PartsWorld {
    function setUp() public {
        createParts();
        assert(done(REGISTERED, 0));
    }

    /// @dev ONE-VEHICLE: while it is in one, it is mounted into no other, and removed from no other.
    function testFuzz_ONE_VEHICLE(bytes32 first, bytes32 second, bytes32 third) public {
        bool possible = first != 0 && first != "part";
        assert(done(MOUNTED, first) == possible);
        if (!possible) return;
        assert(!done(MOUNTED, second) && !done(MOUNTED, first));
        assert(vehicleOf("part") == first);
        assert(done(REMOVED, second) == (second == first));
        if (second != first) assert(done(REMOVED, first));
        assert(vehicleOf("part") == 0 && !done(REMOVED, first) && !done(REMOVED, 0));
        assert(done(MOUNTED, third) == (third != 0 && third != "part"));
    }

    /// @dev ONE-VEHICLE: through any life.
    function testFuzz_ONE_VEHICLE_life(uint8[24] memory steps) public {
        bytes32 place = 0;
        bool isStolen = false;
        for (uint256 i = 0; i < steps.length; ++i) {
            bytes32 vehicle = bytes32(uint256(1 + ((steps[i] >> 3) % 3)));
            uint256 step = steps[i] % 8;
            if (step < 3) {
                bool good = place == 0 && !isStolen;
                assert(done(MOUNTED, vehicle) == good);
                if (good) place = vehicle;
            } else if (step < 6) {
                assert(done(REMOVED, vehicle) == (place == vehicle));
                if (place == vehicle) place = 0;
            } else {
                assert(done(step == 6 ? STOLEN : RECOVERED, 0) == (isStolen == (step == 7)));
                isStolen = step == 6;
            }
            assert(vehicleOf("part") == place);
        }
    }

    /// @dev SCRAPPED-FOR-EVER: after it, whatever is tried, nothing changes any more.
    function testFuzz_SCRAPPED_FOR_EVER(uint8 from, uint8 kind, uint64 id, bytes32 vehicle) public {
        if (from & 1 != 0) assert(done(MOUNTED, "car"));
        if (from & 2 != 0) assert(done(STOLEN, 0));
        assert(done(SCRAPPED, 0));
        Part memory before = partAt("part");
        assert(before.state == PartState.Scrapped);
        id %= 1 + ORGANISATIONS;
        assert(!execute(action(kind, id, "part", vehicle), keyAddress(id)));
        // What would be good of any other.
        for (uint8 good = REGISTERED; good <= RECOVERED; ++good) {
            assert(!done(good, 0) && !done(good, vehicle) && !done(good, "car"));
        }
        assert(keccak256(abi.encode(partAt("part"))) == keccak256(abi.encode(before)));
    }

    /// @dev STOLEN-NOT-MOUNTED: nowhere, however long ago, not even where it was taken from.
    function testFuzz_STOLEN_NOT_MOUNTED(bytes32 vehicle, bool mounted, uint32 pause) public {
        if (vehicle == 0 || vehicle == "part") vehicle = "another";
        if (mounted) assert(done(MOUNTED, "car"));
        assert(done(STOLEN, 0) && !done(STOLEN, 0));
        vm.warp(START + pause);
        assert(!done(MOUNTED, vehicle) && !done(MOUNTED, "car"));
        assert(done(REMOVED, "car") == mounted);
        assert(partAt("part").state == PartState.Stolen);
        assert(!done(MOUNTED, vehicle) && !done(MOUNTED, "car"));
        assert(done(RECOVERED, 0) && !done(RECOVERED, 0));
        assert(done(MOUNTED, vehicle));
    }

    /// @dev STAYS-WHERE-IT-IS: stolen, recovered and scrapped there.
    function testFuzz_STAYS_WHERE_IT_IS(bytes32 vehicle, uint8 thefts, bool atEndStolen) public {
        bytes32 place = vehicle == "part" ? bytes32(0) : vehicle;
        if (place != 0) assert(done(MOUNTED, place));
        for (uint256 i = 0; i < thefts % 4; ++i) {
            assert(done(STOLEN, 0) && vehicleOf("part") == place);
            assert(done(RECOVERED, 0) && vehicleOf("part") == place);
            assert(partAt("part").state == (place == 0 ? PartState.Free : PartState.Mounted));
        }
        if (atEndStolen) assert(done(STOLEN, 0));
        assert(done(SCRAPPED, 0) && vehicleOf("part") == place);
    }

    /// @dev REGISTERED-ONCE: nothing before, not again, and its maker's for ever.
    function testFuzz_REGISTERED_ONCE(
        bytes32 subject,
        uint8 kind,
        bytes32 vehicle,
        uint8[] memory life
    ) public {
        if (subject == 0 || subject == "part") subject = "another";
        if (vehicle == 0 || vehicle == subject) vehicle = "car";
        kind = MOUNTED + (kind % 5);
        bool hasVehicle = kind <= REMOVED;
        assert(!to(subject, kind, hasVehicle ? vehicle : bytes32(0)));
        organisations.setKinds(OrganisationId.wrap(WORKSHOP), type(uint256).max);
        assert(execute(action(REGISTERED, WORKSHOP, subject, 0), keyAddress(WORKSHOP)));
        uint256 count = life.length > 8 ? 8 : life.length;
        for (uint256 i = 0; i < count; ++i) {
            assert(!to(subject, REGISTERED, 0));
            assert(!execute(action(REGISTERED, WORKSHOP, subject, 0), keyAddress(WORKSHOP)));
            kind = MOUNTED + (life[i] % 5);
            to(subject, kind, kind <= REMOVED ? vehicle : bytes32(0));
            assert(OrganisationId.unwrap(partAt(subject).maker) == WORKSHOP);
        }
    }

    /// @dev ONLY-RIGHT-ACTS: any rights, any key, any standing; what is granted is that one transition and no other.
    function testFuzz_ONLY_RIGHT_ACTS(uint8 kind, uint256 granted, uint8 actor, bool suspended) public {
        kind = REGISTERED + (kind % 6);
        bytes32 subject = kind == REGISTERED ? bytes32("another") : bytes32("part");
        if (kind == REMOVED) assert(done(MOUNTED, "car"));
        if (kind == RECOVERED) assert(done(STOLEN, 0));
        uint40 revision = partAt(subject).revision;
        OrganisationId id = OrganisationId.wrap(POLICE);
        organisations.setKinds(id, granted);
        if (suspended) organisations.suspend(id);
        address by = keyAddress(
            actor % 4 == 0
                ? MAKER
                : actor % 4 == 1
                    ? 77
                    : POLICE
        );
        bool expected = by == keyAddress(POLICE) && !suspended && granted & (1 << kind) != 0;
        bytes32 vehicle = kind == MOUNTED || kind == REMOVED ? bytes32("car") : bytes32(0);
        assert(execute(action(kind, POLICE, subject, vehicle), by) == expected);
        assert(partAt(subject).revision == revision + (expected ? 1 : 0));
    }

    /// @dev SIGNED: for another chain, another contract, by another key, or with any byte changed, of either.
    function testFuzz_SIGNED(
        uint256 where,
        uint8 by,
        uint64 chainId,
        address elsewhere,
        uint256 otherKey
    ) public {
        PartAction memory given = action(MOUNTED, WORKSHOP, "part", "car");
        address actor = keyAddress(WORKSHOP);
        uint256 key = organisationKey(WORKSHOP);
        if (chainId != block.chainid) {
            bytes32 abroad = hashIn(given, domainOf(chainId, address(parts)));
            assert(!_relayed(given, actor, signature(abroad, key)));
        }
        if (elsewhere != address(parts)) {
            bytes32 other = hashIn(given, domainOf(block.chainid, elsewhere));
            assert(!_relayed(given, actor, signature(other, key)));
        }
        otherKey = 1 + (otherKey % (1 << 128));
        assert(!_relayed(given, actor, signature(hashOf(given), otherKey)));
        assert(!_relayed(given, actor, ""));

        bytes memory good = signature(hashOf(given), key);
        if (by != 0) {
            bytes memory bad = signature(hashOf(given), key);
            bad[where % 65] ^= bytes1(by);
            assert(!_relayed(given, actor, bad));
            bytes memory encoded = abi.encode(given);
            encoded[where % encoded.length] ^= bytes1(by);
            (bool executed, ) = address(parts).call(
                bytes.concat(
                    parts.execute.selector,
                    encoded,
                    abi.encode(actor, uint256(9 * 32), uint256(65), good)
                )
            );
            assert(!executed);
        }
        assert(_relayed(given, actor, good));
    }

    /// @dev SIGNED: by a contract (ERC-1271), which is a key.
    function testFuzz_SIGNED_contract(bytes32 vehicle, uint8 signer, uint16 gasToSpend) public {
        if (vehicle == 0 || vehicle == "part") vehicle = "car";
        address wallet = address(new OwnedWallet(keyAddress(77), gasToSpend));
        organisations.addKey(OrganisationId.wrap(WORKSHOP), wallet);
        PartAction memory given = action(MOUNTED, WORKSHOP, "part", vehicle);
        uint64 id = signer % 2 == 0 ? 77 : WORKSHOP;
        assert(_relayed(given, wallet, signature(hashOf(given), organisationKey(id))) == (id == 77));
    }

    /// @dev SIGNED: up to and including the deadline.
    function testFuzz_SIGNED_deadline(uint32 length, uint32 pause, bool directly) public {
        PartAction memory given = action(STOLEN, POLICE, "part", 0);
        given.deadline = uint64(START + length);
        vm.warp(START + pause);
        bytes memory signed = signature(hashOf(given), organisationKey(POLICE));
        address actor = keyAddress(POLICE);
        bool executed = directly ? execute(given, actor) : _relayed(given, actor, signed);
        assert(executed == (pause <= length));
    }

    /// @dev REVISION-ONCE: an action is good once, at its own revision.
    function testFuzz_REVISION_ONCE(uint64 revision, bool low) public {
        if (low) revision %= 4;
        PartAction memory given = action(STOLEN, POLICE, "part", 0);
        given.revision = revision;
        bytes memory signed = signature(hashOf(given), organisationKey(POLICE));
        assert(_relayed(given, keyAddress(POLICE), signed) == (revision == 1));
        assert(!_relayed(given, keyAddress(POLICE), signed));
        if (revision != 1) assert(done(STOLEN, 0));
        assert(done(RECOVERED, 0) && partAt("part").revision == 3);
        assert(!_relayed(given, keyAddress(POLICE), signed) || revision == 3);
    }

    /// @dev ENTRY-FOR-EVERY-ACTION: the heads move by exactly this action's link, the vehicle's when it is mounted or
    /// removed.
    function testFuzz_ENTRY_FOR_EVERY_ACTION(bytes32 subject, bytes32 vehicle, bytes32 digest) public {
        if (subject == 0 || subject == "part" || vehicle == "part") return;
        PartAction memory given = action(REGISTERED, MAKER, subject, 0);
        given.digest = digest;
        assert(execute(given, keyAddress(MAKER)));
        bytes32 head = linked(0, given, keyAddress(MAKER));
        assert(headAt(subject) == head);

        given = action(MOUNTED, WORKSHOP, subject, vehicle);
        bool possible = vehicle != 0 && vehicle != subject;
        assert(execute(given, keyAddress(WORKSHOP)) == possible);
        if (!possible) {
            assert(headAt(subject) == head && partAt(subject).revision == 1);
            return;
        }
        head = linked(head, given, keyAddress(WORKSHOP));
        bytes32 vehiclesHead = linked(0, given, keyAddress(WORKSHOP));
        assert(headAt(subject) == head && headAt(vehicle) == vehiclesHead);

        given = action(STOLEN, POLICE, subject, 0);
        assert(execute(given, keyAddress(POLICE)));
        head = linked(head, given, keyAddress(POLICE));
        assert(headAt(subject) == head && headAt(vehicle) == vehiclesHead);

        given = action(REMOVED, WORKSHOP, subject, vehicle);
        assert(execute(given, keyAddress(WORKSHOP)));
        assert(headAt(subject) == linked(head, given, keyAddress(WORKSHOP)));
        assert(headAt(vehicle) == linked(vehiclesHead, given, keyAddress(WORKSHOP)));
    }

    /// @dev ISOLATION: what is done to one part leaves another as it was, also one in the same vehicle.
    function testFuzz_ISOLATION(bytes32 subject, uint8[] memory life, bytes32 vehicle) public {
        if (subject == "part" || vehicle == "part") return;
        if (uint256(vehicle) % 2 == 0) vehicle = "car";
        assert(done(MOUNTED, "car"));
        bytes32 before = keccak256(abi.encode(partAt("part"), headAt("part")));
        to(subject, REGISTERED, 0);
        uint256 count = life.length > 8 ? 8 : life.length;
        for (uint256 i = 0; i < count; ++i) {
            uint8 kind = MOUNTED + (life[i] % 5);
            to(subject, kind, kind <= REMOVED ? vehicle : bytes32(0));
        }
        assert(keccak256(abi.encode(partAt("part"), headAt("part"))) == before);
    }

    function _relayed(
        PartAction memory given,
        address actor,
        bytes memory signed
    ) private returns (bool executed) {
        (executed, ) = address(parts).call(abi.encodeCall(parts.execute, (given, actor, signed)));
    }
}
