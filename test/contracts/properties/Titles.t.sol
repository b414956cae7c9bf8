// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Titles} from "../../../contracts/Titles.sol";
import {Kind} from "../../../contracts/types/Kind.sol";
import {Lien} from "../../../contracts/types/Lien.sol";
import {OrganisationId} from "../../../contracts/types/OrganisationId.sol";
import {Subject} from "../../../contracts/types/Subject.sol";
import {Title, TitleState} from "../../../contracts/types/Title.sol";
import {TitleAction} from "../../../contracts/types/TitleAction.sol";
import {OwnedWallet} from "../harness/Signers.sol";
import {TitlesWorld} from "./TitlesWorld.sol";
import {vm} from "./Vm.sol";

/// @dev The properties of ITitles, where their sentences stand, each over any input. A test that lets time pass counts it
/// itself: the compiler may read the block's timestamp once for a whole function.
contract TitlesTest is TitlesWorld {
    uint256 private constant LIEN_TIME = 3660 days;
    uint256 private constant OFFER_TIME = 366 days;

    function setUp() public {
        createTitles();
        organisations.setSuccessor(OrganisationId.wrap(LENDER), OrganisationId.wrap(SUCCESSOR));
        assert(byOrganisation(0, REGISTRAR, person(1), 0, 0));
    }

    function _offer() private returns (bool) {
        return byPerson(1, 1, person(2), block.timestamp + OFFER_TIME, 0);
    }

    function _accept() private returns (bool) {
        return byPerson(2, 2, address(0), 0, 0);
    }

    function _owner() private view returns (address) {
        return titleAt("car").owner;
    }

    /// @dev ONE-TITLE: a title that is held is not issued again, to whomever.
    function testFuzz_ONE_TITLE(address party, uint64 id) public {
        id = 1 + (id % ORGANISATIONS);
        assert(!byOrganisation(0, id, party, 0, 0));
        assert(_owner() == person(1) && titleAt("car").tenure == 1);
    }

    /// @dev ONE-TITLE: of an old and a new number only the new one has a title that lives.
    function testFuzz_ONE_TITLE_replaced(bytes32 next, bytes32 other, address party) public {
        bool possible = next != 0 && next != "car";
        assert(byOrganisation(15, REGISTRAR, address(0), 0, next) == possible);
        if (!possible) return;
        assert(titleAt("car").state == TitleState.Replaced && titleAt(next).state == TitleState.Held);
        assert(titleAt(next).owner == person(1));
        assert(!byOrganisation(0, REGISTRAR, party, 0, 0));
        assert(!byOrganisation(15, REGISTRAR, address(0), 0, other));
        assert(!execute(action(0, REGISTRAR, next, party, 0, 0), keyAddress(REGISTRAR)));
        assert(!_offer());
    }

    /// @dev NO-SALE-UNDER-LIEN, UNBLOCKED-AT-ONCE: any rank, until any time, up to its last second and not longer.
    function testFuzz_NO_SALE_UNDER_LIEN(uint8 rank, uint32 length, uint32 early, bool placedFirst) public {
        if (rank == 0) rank = 1;
        uint256 until = START + 20 + (length % (OFFER_TIME / 2));
        if (!placedFirst) assert(_offer());
        // Another, which expires before.
        if (rank > 9) assert(byOrganisation(4, LENDER, address(0), START + 1, bytes32(uint256(9))));
        assert(byOrganisation(4, LENDER, address(0), until, bytes32(uint256(rank))));
        if (placedFirst) assert(!_offer());

        vm.warp(until - (early % 10));
        assert(!_accept());
        assert(!byOrganisation(14, REGISTRAR, person(3), 0, 0));
        assert(!byOrganisation(12, REGISTRAR, address(0), 0, 0));
        assert(_owner() == person(1));
        vm.warp(until + 1);
        if (placedFirst) assert(_offer());
        assert(_accept());
        assert(_owner() == person(2));
    }

    /// @dev UNBLOCKED-AT-ONCE: any number of liens, each lifted by its holder or the successor, the last one frees.
    function testFuzz_UNBLOCKED_AT_ONCE(uint8 count, uint256 order) public {
        count = 1 + (count % 8);
        for (uint256 i = 1; i <= count; ++i) {
            assert(byOrganisation(4, LENDER, address(0), block.timestamp + LIEN_TIME, bytes32(i)));
        }
        for (uint256 left = count; left > 0; --left) {
            assert(!_offer());
            Lien[] memory liens = liensAt("car");
            assert(liens.length == left);
            order = uint256(keccak256(abi.encode(order)));
            uint64 by = order % 2 == 0 ? LENDER : SUCCESSOR;
            assert(byOrganisation(6, by, address(0), 0, bytes32(uint256(liens[order % left].number))));
        }
        assert(byOrganisation(7, POLICE, address(0), 0, 0));
        assert(!_offer());
        assert(byOrganisation(8, POLICE, address(0), 0, 0));
        assert(_offer() && _accept());
    }

    /// @dev NO-SALE-WHEN-STOLEN: however long ago, offered before or not.
    function testFuzz_NO_SALE_WHEN_STOLEN(uint32 pause, bool offered) public {
        if (offered) assert(_offer());
        assert(byOrganisation(7, POLICE, address(0), 0, 0));
        vm.warp(START + (pause % OFFER_TIME));
        assert(offered || !_offer());
        assert(!_accept());
        assert(!byOrganisation(14, REGISTRAR, person(3), 0, 0));
        assert(!byOrganisation(12, REGISTRAR, address(0), 0, 0));
        assert(_owner() == person(1));
    }

    /// @dev NO-SALE-UNDER-LIEN: a new number is no way out of the liens on the old one.
    function testFuzz_NO_SALE_UNDER_LIEN_replaced(uint8 liens) public {
        _testReplaced(liens % 9, false);
    }

    /// @dev NO-SALE-WHEN-STOLEN: nor of a theft.
    function testFuzz_NO_SALE_WHEN_STOLEN_replaced(uint8 liens) public {
        _testReplaced(liens % 9, true);
    }

    function _testReplaced(uint8 liens, bool stolen) private {
        for (uint256 i = 1; i <= liens; ++i) {
            assert(byOrganisation(4, LENDER, address(0), START + i * 1 days, bytes32(i)));
        }
        if (stolen) assert(byOrganisation(7, POLICE, address(0), 0, 0));
        Lien[] memory before = liensAt("car");
        assert(byOrganisation(15, REGISTRAR, address(0), 0, "new number"));
        assert(keccak256(abi.encode(liensAt("new number"))) == keccak256(abi.encode(before)));
        assert(titleAt("new number").stolen == stolen);

        TitleAction memory sold = action(14, REGISTRAR, "new number", person(3), 0, 0);
        assert(execute(sold, keyAddress(REGISTRAR)) == (liens == 0 && !stolen));
        assert((titleAt("new number").owner == person(3)) == (liens == 0 && !stolen));
    }

    /// @dev STICKY-BRANDS: through sale, export, a new title, a new number.
    function testFuzz_STICKY_BRANDS(uint8[] memory codes, uint256 detail) public {
        uint128 expected = 0;
        uint256 count = codes.length > 8 ? 8 : codes.length;
        for (uint256 i = 0; i < count; ++i) {
            uint256 code = codes[i] % 100;
            assert(byOrganisation(9, POLICE, address(0), 0, bytes32(code)));
            expected |= uint128(1 << code);
        }
        assert(byOrganisation(9, POLICE, address(0), 0, bytes32(detail)) == (detail < 100));
        if (detail < 100) expected |= uint128(1 << detail);
        assert(_offer() && _accept());
        assert(titleAt("car").brands == expected);
        assert(byOrganisation(12, REGISTRAR, address(0), 0, 0));
        assert(byOrganisation(0, REGISTRAR, person(3), 0, 0));
        assert(byOrganisation(15, REGISTRAR, address(0), 0, "new number"));
        assert(titleAt("car").brands == expected && titleAt("new number").brands == expected);
    }

    /// @dev ONLY-OWNER-OFFERS: offers, withdrawals and disputes by anybody at all.
    function testFuzz_ONLY_OWNER_OFFERS(address anybody, uint64 organisation, bool anOwner) public {
        if (anOwner) anybody = person(1);
        bool expected = anybody == person(1) && organisation == 0;
        uint256 until = block.timestamp + 1 days;
        assert(execute(action(10, organisation, "car", address(0), 0, "entry"), anybody) == expected);
        assert(execute(action(1, organisation, "car", person(2), until, 0), anybody) == expected);
        assert((titleAt("car").buyer == person(2)) == expected);
        assert(expected || byPerson(1, 1, person(2), until, 0));
        assert(execute(action(3, organisation, "car", address(0), 0, 0), anybody) == expected);
    }

    /// @dev ONLY-BUYER-ACCEPTS: anybody else, and the buyer too late.
    function testFuzz_ONLY_BUYER_ACCEPTS(address anybody, address buyer, uint32 length, uint32 late) public {
        bool possible = buyer != address(0) && buyer != person(1);
        uint256 until = START + 1 + (length % OFFER_TIME);
        assert(byPerson(1, 1, buyer, until, 0) == possible);
        if (!possible) return;
        TitleAction memory accepted = action(2, 0, "car", address(0), 0, 0);
        assert(anybody == buyer || !execute(accepted, anybody));
        vm.warp(START + late);
        bool expected = START + late <= until;
        assert(execute(accepted, buyer) == expected);
        assert(_owner() == (expected ? buyer : person(1)));
    }

    /// @dev ONLY-RIGHT-ACTS: any rights, any key, any standing; what is granted is that one transition and no other.
    function testFuzz_ONLY_RIGHT_ACTS(uint8 kind, uint256 granted, uint8 actor, bool suspended) public {
        uint8[7] memory kinds = [4, 7, 9, 11, 12, 13, 14];
        kind = kinds[kind % 7];
        address party = kind >= 13 ? person(3) : address(0);
        OrganisationId id = OrganisationId.wrap(POLICE);
        organisations.setKinds(id, granted);
        if (suspended) organisations.suspend(id);
        address by = actor % 4 == 0 ? person(1) : keyAddress(actor % 4 == 1 ? REGISTRAR : POLICE);
        bool expected = by == keyAddress(POLICE) && !suspended && granted & (1 << kind) != 0;
        TitleAction memory given = action(kind, POLICE, "car", party, 0, 0);
        if (kind == 4) (given.until, given.detail) = (uint64(block.timestamp + 1 days), bytes32(uint256(1)));
        assert(execute(given, by) == expected);
        assert(titleAt("car").revision == (expected ? 2 : 1));
    }

    /// @dev ONLY-HOLDER-LIFTS: a lien of either lender, renewed or released by any organisation, by any number.
    function testFuzz_ONLY_HOLDER_LIFTS(uint64 id, uint8 number, bool renewed, bool successors) public {
        id = 1 + (id % ORGANISATIONS);
        uint64 holder = successors ? SUCCESSOR : LENDER;
        assert(byOrganisation(4, holder, address(0), block.timestamp + 1 days, bytes32(uint256(1))));
        bool expected = number == 1 && (id == holder || (!successors && id == SUCCESSOR));
        uint256 until = renewed ? block.timestamp + 2 days : 0;
        bytes32 detail = bytes32(uint256(number));
        assert(byOrganisation(renewed ? 5 : 6, id, address(0), until, detail) == expected);
        assert(liensAt("car").length == (expected && !renewed ? 0 : 1));
    }

    /// @dev END-IS-END: after its end, whatever is tried, nothing changes but the revision, by disputes.
    function testFuzz_END_IS_END(
        bool scrapped,
        uint8 kind,
        uint64 id,
        address party,
        uint64 until,
        bytes32 detail
    ) public {
        if (scrapped) assert(byOrganisation(11, REGISTRAR, address(0), 0, 0));
        else assert(byOrganisation(15, REGISTRAR, address(0), 0, "new number"));
        Title memory before = titleAt("car");
        assert(before.state == (scrapped ? TitleState.Scrapped : TitleState.Replaced));
        kind %= 16;
        id %= 1 + ORGANISATIONS;
        TitleAction memory given = action(kind, id, "car", party, until, detail);
        assert(!execute(given, id == 0 ? person(1) : keyAddress(id)) || kind == 10);
        assert(byPerson(10, 1, address(0), 0, "entry"));
        Title memory end = titleAt("car");
        assert(end.revision > before.revision);
        end.revision = before.revision;
        assert(keccak256(abi.encode(end)) == keccak256(abi.encode(before)));
    }

    /// @dev END-IS-END: what would be good of any other title, whoever does it.
    function testFuzz_END_IS_END_good(bool scrapped, uint64 id) public {
        id = 1 + (id % ORGANISATIONS);
        assert(_offer());
        if (scrapped) assert(byOrganisation(11, REGISTRAR, address(0), 0, 0));
        else assert(byOrganisation(15, REGISTRAR, address(0), 0, "new number"));
        for (uint8 kind = 0; kind < 16; ++kind) {
            bool hasParty = kind < 2 || kind == 13 || kind == 14;
            bool hasUntil = kind == 1 || kind == 4 || kind == 5;
            bool hasDetail = (kind > 3 && kind < 7) || kind == 9 || kind == 10 || kind == 15;
            bool bySomebody = kind > 0 && (kind < 4 || kind == 10);
            TitleAction memory given = action(
                kind,
                bySomebody ? 0 : id,
                "car",
                hasParty ? person(3) : address(0),
                hasUntil ? START + 1 days : 0,
                hasDetail ? bytes32(uint256(1)) : bytes32(0)
            );
            address actor = bySomebody ? person(kind == 2 ? 2 : 1) : keyAddress(id);
            assert(execute(given, actor) == (kind == 10));
        }
    }

    /// @dev REVISION-ONCE: an action is good once, at its own revision.
    function testFuzz_REVISION_ONCE(uint64 revision, bytes32 detail) public {
        if (detail == 0) detail = "entry";
        TitleAction memory given = action(10, 0, "car", address(0), 0, detail);
        given.revision = revision;
        bytes memory signed = signature(hashOf(given), personKey(1));
        assert(_relayed(given, person(1), signed) == (revision == 1));
        assert(!_relayed(given, person(1), signed));
        assert(titleAt("car").revision == (revision == 1 ? 2 : 1));
    }

    /// @dev SIGNED: for another chain, another contract, by another key, or with any byte changed, of either.
    function testFuzz_SIGNED(
        uint256 where,
        uint8 by,
        uint64 chainId,
        address elsewhere,
        uint256 otherKey
    ) public {
        TitleAction memory given = action(1, 0, "car", person(2), block.timestamp + 1 days, 0);
        if (chainId != block.chainid) {
            bytes32 abroad = hashIn(given, domainOf(chainId, address(titles)));
            assert(!_relayed(given, person(1), signature(abroad, personKey(1))));
        }
        if (elsewhere != address(titles)) {
            bytes32 other = hashIn(given, domainOf(block.chainid, elsewhere));
            assert(!_relayed(given, person(1), signature(other, personKey(1))));
        }
        otherKey = 1 + (otherKey % (1 << 128));
        assert(!_relayed(given, person(1), signature(hashOf(given), otherKey)));
        assert(!_relayed(given, person(1), ""));

        bytes memory good = signature(hashOf(given), personKey(1));
        if (by != 0) {
            bytes memory bad = signature(hashOf(given), personKey(1));
            bad[where % 65] ^= bytes1(by);
            assert(!_relayed(given, person(1), bad));
            bytes memory encoded = abi.encode(given);
            encoded[where % encoded.length] ^= bytes1(by);
            (bool executed, ) = address(titles).call(
                bytes.concat(
                    titles.execute.selector,
                    encoded,
                    abi.encode(person(1), uint256(11 * 32), uint256(65), good)
                )
            );
            assert(!executed);
        }
        assert(_relayed(given, person(1), good));
    }

    /// @dev SIGNED: by a contract (ERC-1271), which is the owner.
    function testFuzz_SIGNED_contract(bytes32 detail, uint8 signer, uint16 gasToSpend) public {
        if (detail == 0) detail = "entry";
        address wallet = address(new OwnedWallet(person(3), gasToSpend));
        assert(byOrganisation(13, REGISTRAR, wallet, 0, 0));
        TitleAction memory given = action(10, 0, "car", address(0), 0, detail);
        uint64 id = 1 + (signer % PERSONS);
        assert(_relayed(given, wallet, signature(hashOf(given), personKey(id))) == (id == 3));
        assert(!_relayed(given, wallet, signature(hashOf(given), personKey(3))) || id != 3);
    }

    /// @dev SIGNED: up to and including the deadline.
    function testFuzz_SIGNED_deadline(uint32 length, uint32 pause, bool directly) public {
        TitleAction memory given = action(10, 0, "car", address(0), 0, "entry");
        given.deadline = uint64(START + length);
        vm.warp(START + pause);
        bytes memory signed = signature(hashOf(given), personKey(1));
        bool executed = directly ? execute(given, person(1)) : _relayed(given, person(1), signed);
        assert(executed == (pause <= length));
    }

    /// @dev TENURE-COUNTS: each new key of an owner.
    function testFuzz_TENURE_COUNTS(uint8[] memory changes) public {
        uint256 count = changes.length > 12 ? 12 : changes.length;
        for (uint256 i = 0; i < count; ++i) {
            Title memory before = titleAt("car");
            address next = address(uint160(uint256(keccak256(abi.encode(i)))));
            uint8 kind = [13, 14, 7, 12][changes[i] % 4];
            bool gives = kind == 13 || kind == 14;
            if (before.state == TitleState.Exported) (kind, gives) = (0, true);
            bool done = byOrganisation(kind, REGISTRAR, gives ? next : address(0), 0, 0);
            assert(titleAt("car").tenure == before.tenure + (done && gives ? 1 : 0));
        }
    }

    /// @dev LIENS-CAPPED, RANKS-DISTINCT: any ranks, expired ones make room.
    function testFuzz_LIENS_CAPPED(uint8[24] memory ranks, uint16[24] memory lengths) public {
        uint256 time = START;
        for (uint256 i = 0; i < 24; ++i) {
            Lien[] memory open = liensAt("car");
            bool taken = false;
            for (uint256 j = 0; j < open.length; ++j) taken = taken || open[j].rank == ranks[i];
            bool expected = open.length < 8 && !taken && ranks[i] != 0;
            uint256 until = time + 1 + lengths[i];
            uint32 placed = titleAt("car").liensPlaced;
            assert(byOrganisation(4, LENDER, address(0), until, bytes32(uint256(ranks[i]))) == expected);
            assert(titleAt("car").liensPlaced == placed + (expected ? 1 : 0));
            assert(liensAt("car").length == open.length + (expected ? 1 : 0));
            time += lengths[(i + 7) % 24] / 8;
            vm.warp(time);
        }
    }

    /// @dev RANKS-DISTINCT: a rank or a number outside its range is none.
    function testFuzz_RANKS_DISTINCT(uint256 rank, uint256 number) public {
        uint256 until = block.timestamp + 1 days;
        assert(byOrganisation(4, LENDER, address(0), until, bytes32(rank)) == (rank > 0 && rank < 256));
        bool again = rank == 0 || rank > 255;
        assert(
            byOrganisation(4, LENDER, address(0), until, bytes32(uint256(rank & 0xff))) ==
                (again && rank & 0xff != 0)
        );
        bool exists = number == 1 && titleAt("car").liensPlaced == 1;
        assert(byOrganisation(6, LENDER, address(0), 0, bytes32(number)) == exists);
    }

    /// @dev ENTRY-FOR-EVERY-ACTION: the head moves by exactly this action's link.
    function testFuzz_ENTRY_FOR_EVERY_ACTION(
        bytes32 subject,
        bytes32 digest,
        bytes32 next,
        address owner
    ) public {
        if (subject == 0 || subject == "car" || owner == address(0)) return;
        TitleAction memory issued = action(0, REGISTRAR, subject, owner, 0, 0);
        issued.digest = digest;
        assert(execute(issued, keyAddress(REGISTRAR)));
        bytes32 head = linked(0, issued, keyAddress(REGISTRAR));
        assert(headAt(subject) == head);
        TitleAction memory replaced = action(15, REGISTRAR, subject, address(0), 0, next);
        bool possible = next != 0 && next != subject && next != "car";
        assert(execute(replaced, keyAddress(REGISTRAR)) == possible);
        if (!possible) return;
        assert(headAt(subject) == linked(head, replaced, keyAddress(REGISTRAR)));
        assert(headAt(next) == linked(0, replaced, keyAddress(REGISTRAR)));
    }

    /// @dev ISOLATION: what is done to one vehicle leaves another as it was.
    function testFuzz_ISOLATION(
        bytes32 subject,
        uint8 kind,
        uint64 id,
        address party,
        uint64 until,
        bytes32 detail
    ) public {
        if (subject == "car" || detail == "car") return;
        bytes32 before = keccak256(abi.encode(titleAt("car"), liensAt("car"), headAt("car")));
        kind %= 16;
        id = 1 + (id % ORGANISATIONS);
        execute(action(0, REGISTRAR, subject, person(3), 0, 0), keyAddress(REGISTRAR));
        execute(
            action(4, LENDER, subject, address(0), block.timestamp + 1, bytes32(uint256(1))),
            keyAddress(LENDER)
        );
        execute(action(kind, id, subject, party, until, detail), keyAddress(id));
        execute(action(7, POLICE, subject, address(0), 0, 0), keyAddress(POLICE));
        assert(keccak256(abi.encode(titleAt("car"), liensAt("car"), headAt("car"))) == before);
    }

    function _relayed(
        TitleAction memory given,
        address actor,
        bytes memory signed
    ) private returns (bool executed) {
        (executed, ) = address(titles).call(abi.encodeCall(titles.execute, (given, actor, signed)));
    }
}
