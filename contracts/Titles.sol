// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ILedger} from "./interfaces/ILedger.sol";
import {IOrganisations} from "./interfaces/IOrganisations.sol";
import {ITitles} from "./interfaces/ITitles.sol";
import {TitleKinds} from "./libraries/TitleKinds.sol";
import {Module} from "./Module.sol";
import {FIRST_PARTS_KIND, Kind} from "./types/Kind.sol";
import {Lien} from "./types/Lien.sol";
import {OrganisationId} from "./types/OrganisationId.sol";
import {Subject} from "./types/Subject.sol";
import {Obstacle, Title, TitleState} from "./types/Title.sol";
import {TitleAction} from "./types/TitleAction.sol";
import {Transition, transitionOf} from "./types/Transition.sol";

/// @title Titles
/// @notice The titles of all vehicles; see {ITitles}.
contract Titles is ITitles, Module {
    /// @inheritdoc ITitles
    uint256 public constant MAX_LIENS = 8;
    /// @inheritdoc ITitles
    uint256 public constant MAX_LIEN_TIME = 3660 days;
    /// @inheritdoc ITitles
    uint256 public constant MAX_OFFER_TIME = 366 days;

    /// @dev Brands have the codes 0 to 99.
    uint256 private constant LAST_BRAND = 99;

    mapping(Subject subject => Title) private _titles;
    /// @dev The first `lienCount` of each title are in use.
    mapping(Subject subject => Lien[MAX_LIENS]) private _liens;

    /// @notice Sets what never changes.
    /// @param organisations_ Who may act.
    constructor(IOrganisations organisations_) Module(organisations_) {}

    /// @inheritdoc ITitles
    function execute(TitleAction calldata action, address actor, bytes calldata signature) external {
        Transition transition = _transitionOf(action);
        bytes32 hash = actionHash(action);
        _requireFromActor(actor, hash, action.deadline, signature);

        Title storage title = _titles[action.subject];
        if (action.revision != title.revision) revert TitlesWrongRevision(action.revision, title.revision);
        if (transition.isByOrganisation()) _requireRight(action.organisation, action.kind, actor);
        if (!transition.isFrom(title.state)) revert TitlesWrongState(action.kind, title.state);
        if (transition.isByOwner() && actor != title.owner) revert TitlesNotOwner(actor, title.owner);
        if (transition.isByBuyer()) _requireBuyer(title, actor, action.subject);

        ++title.revision;
        _apply(title, transition, action);
        emit Executed(action.subject, hash, actor, action);

        _record(actor, action.subject, action.kind, action.digest, hash);
        if (action.kind == TitleKinds.REPLACED) {
            _record(actor, Subject.wrap(action.detail), action.kind, action.digest, hash);
        }
    }

    /// @inheritdoc ITitles
    function titleOf(Subject subject) external view returns (Title memory) {
        return _titles[subject];
    }

    /// @inheritdoc ITitles
    function liensOf(Subject subject) external view returns (Lien[] memory open) {
        Lien[MAX_LIENS] storage liens = _liens[subject];
        uint256 stored = _titles[subject].lienCount;
        uint256 count = 0;
        for (uint256 i = 0; i < stored; ++i) {
            if (liens[i].isOpen()) ++count;
        }
        open = new Lien[](count);
        for (uint256 i = stored; count != 0; --i) {
            if (liens[i - 1].isOpen()) open[--count] = liens[i - 1];
        }
    }

    /// @inheritdoc ITitles
    function sellable(Subject subject) external view returns (bool, Obstacle) {
        Title storage title = _titles[subject];
        if (title.state != TitleState.Held) return (false, Obstacle.NotHeld);
        if (title.stolen) return (false, Obstacle.Stolen);
        if (_openLien(title, subject) != 0) return (false, Obstacle.Lien);
        return (true, Obstacle.None);
    }

    /// @inheritdoc ITitles
    function actionHash(TitleAction calldata action) public view returns (bytes32) {
        return _hashTypedDataV4(action.hash());
    }

    /// @dev The module that a ledger names for the kinds of titles.
    function _namedBy(ILedger ledger_) internal view override returns (address) {
        return ledger_.titles();
    }

    /// @dev The row of the table for an action, which has no fields but the row's.
    function _transitionOf(TitleAction calldata action) private pure returns (Transition transition) {
        Kind kind = action.kind;
        if (Kind.unwrap(kind) >= FIRST_PARTS_KIND) revert TitlesUnknownKind(kind);

        transition = transitionOf(kind);
        if (
            (!transition.isByOrganisation() && OrganisationId.unwrap(action.organisation) != 0) ||
            (!transition.hasParty() && action.party != address(0)) ||
            (!transition.hasUntil() && action.until != 0) ||
            (!transition.hasDetail() && action.detail != 0)
        ) revert TitlesUnusedField(kind);
    }

    /// @dev The guards of an action's kind, then its effect.
    function _apply(Title storage title, Transition transition, TitleAction calldata action) private {
        Kind kind = action.kind;
        Subject subject = action.subject;
        if (transition.hasParty() && action.party == address(0)) revert TitlesZeroParty();
        if (transition.needsOther() && action.party == title.owner) revert TitlesSameParty(action.party);
        if (transition.needsSellable()) _requireSellable(title, subject);

        if (kind == TitleKinds.ISSUED) _give(title, action.party);
        else if (kind == TitleKinds.OFFERED) _offer(title, action);
        else if (kind == TitleKinds.ACCEPTED) _accept(title);
        else if (kind == TitleKinds.WITHDRAWN) _withdraw(title, subject);
        else if (kind == TitleKinds.LIEN_PLACED) _placeLien(title, action);
        else if (kind == TitleKinds.LIEN_RENEWED) _renewLien(title, action);
        else if (kind == TitleKinds.LIEN_RELEASED) _releaseLien(title, action);
        else if (kind == TitleKinds.STOLEN) _steal(title, subject);
        else if (kind == TitleKinds.RECOVERED) _recover(title, subject);
        else if (kind == TitleKinds.BRANDED) _brand(title, action);
        else if (kind == TitleKinds.DISPUTED) _requireDetail(action.detail != 0, action);
        else if (kind == TitleKinds.SCRAPPED) _leave(title, TitleState.Scrapped);
        else if (kind == TitleKinds.EXPORTED) _leave(title, TitleState.Exported);
        else if (kind == TitleKinds.REISSUED) _give(title, action.party);
        else if (kind == TitleKinds.TRANSFERRED) _give(title, action.party);
        else _replace(title, action);
    }

    /// @dev The one place where an issued title gets its owner: whoever calls has made sure that it may.
    function _give(Title storage title, address owner) private {
        title.owner = owner;
        title.state = TitleState.Held;
        ++title.tenure;
        _clearOffer(title);
    }

    /// @dev The one place where a title ceases to be held. No lien outlasts it here, a replaced title's are taken over.
    function _leave(Title storage title, TitleState state) private {
        title.state = state;
        title.lienCount = 0;
        _clearOffer(title);
    }

    function _clearOffer(Title storage title) private {
        title.buyer = address(0);
        title.offeredUntil = 0;
    }

    function _offer(Title storage title, TitleAction calldata action) private {
        // Without an offer its end is zero, and the past.
        if (block.timestamp <= title.offeredUntil) revert TitlesOfferOpen(title.buyer, title.offeredUntil);
        _requireTime(action.until, block.timestamp, MAX_OFFER_TIME);

        title.buyer = action.party;
        title.offeredUntil = action.until;
    }

    function _accept(Title storage title) private {
        if (block.timestamp > title.offeredUntil) revert TitlesOfferExpired(title.offeredUntil);

        _give(title, title.buyer);
    }

    function _withdraw(Title storage title, Subject subject) private {
        if (title.buyer == address(0)) revert TitlesNoOffer(subject);

        _clearOffer(title);
    }

    function _placeLien(Title storage title, TitleAction calldata action) private {
        uint256 rank = uint256(action.detail);
        _requireDetail(rank != 0 && rank <= type(uint8).max, action);
        _requireTime(action.until, block.timestamp, MAX_LIEN_TIME);

        // Those that have expired make room.
        Lien[MAX_LIENS] storage liens = _liens[action.subject];
        uint256 count = 0;
        uint256 stored = title.lienCount;
        for (uint256 i = 0; i < stored; ++i) {
            Lien memory lien = liens[i];
            if (!lien.isOpen()) continue;
            if (lien.rank == rank) revert TitlesRankTaken(lien.rank);
            if (count != i) liens[count] = lien;
            ++count;
        }
        if (count == MAX_LIENS) revert TitlesTooManyLiens(MAX_LIENS);

        liens[count] = Lien({
            holder: action.organisation,
            until: action.until,
            number: ++title.liensPlaced,
            rank: uint8(rank)
        });
        title.lienCount = uint8(count + 1);
    }

    function _renewLien(Title storage title, TitleAction calldata action) private {
        Lien storage lien = _liens[action.subject][_indexOfOwnLien(title, action)];
        // An open lien ends in the future, or now: what ends later ends in the future.
        _requireTime(action.until, lien.until, MAX_LIEN_TIME);

        lien.until = action.until;
    }

    function _releaseLien(Title storage title, TitleAction calldata action) private {
        Lien[MAX_LIENS] storage liens = _liens[action.subject];
        uint256 index = _indexOfOwnLien(title, action);

        uint8 last = title.lienCount - 1;
        liens[index] = liens[last];
        title.lienCount = last;
    }

    function _steal(Title storage title, Subject subject) private {
        if (title.stolen) revert TitlesStolen(subject);

        title.stolen = true;
    }

    function _recover(Title storage title, Subject subject) private {
        if (!title.stolen) revert TitlesNotStolen(subject);

        title.stolen = false;
    }

    function _brand(Title storage title, TitleAction calldata action) private {
        uint256 code = uint256(action.detail);
        _requireDetail(code <= LAST_BRAND, action);

        title.brands |= uint128(1 << code);
    }

    function _replace(Title storage title, TitleAction calldata action) private {
        Subject successor = Subject.wrap(action.detail);
        _requireDetail(!successor.isZero() && action.detail != Subject.unwrap(action.subject), action);
        Title storage next = _titles[successor];
        if (next.state != TitleState.None) revert TitlesSubjectTaken(successor);

        next.replaces = action.subject;
        next.revision = 1;
        next.stolen = title.stolen;
        next.brands = title.brands;
        next.liensPlaced = title.liensPlaced;
        next.lienCount = _copyLiens(title, action.subject, successor);
        _give(next, title.owner);

        title.replacedBy = successor;
        _leave(title, TitleState.Replaced);
    }

    /// @dev Copies the open liens to a title that has none.
    function _copyLiens(Title storage title, Subject from, Subject to) private returns (uint8 count) {
        uint256 stored = title.lienCount;
        for (uint256 i = 0; i < stored; ++i) {
            Lien memory lien = _liens[from][i];
            if (!lien.isOpen()) continue;
            _liens[to][count] = lien;
            ++count;
        }
    }

    /// @dev Where the open lien lies that the action names, which is the acting organisation's or its predecessor's.
    function _indexOfOwnLien(
        Title storage title,
        TitleAction calldata action
    ) private view returns (uint256) {
        uint256 stored = title.lienCount;
        for (uint256 i = 0; i < stored; ++i) {
            Lien memory lien = _liens[action.subject][i];
            if (lien.number != uint256(action.detail) || !lien.isOpen()) continue;
            bool isHolders =
                lien.holder == action.organisation ||
                    organisations.get(lien.holder).successor == action.organisation;
            if (!isHolders) revert TitlesNotHolder(action.organisation, lien.holder);
            return i;
        }
        revert TitlesNoSuchLien(action.detail);
    }

    /// @dev The number of an open lien; zero: there is none.
    function _openLien(Title storage title, Subject subject) private view returns (uint32) {
        uint256 stored = title.lienCount;
        for (uint256 i = 0; i < stored; ++i) {
            Lien memory lien = _liens[subject][i];
            if (lien.isOpen()) return lien.number;
        }
        return 0;
    }

    function _requireBuyer(Title storage title, address actor, Subject subject) private view {
        if (title.buyer == address(0)) revert TitlesNoOffer(subject);
        if (actor != title.buyer) revert TitlesNotBuyer(actor, title.buyer);
    }

    /// @dev Whether a title that is held may change hands now.
    function _requireSellable(Title storage title, Subject subject) private view {
        if (title.stolen) revert TitlesStolen(subject);
        uint32 lien = _openLien(title, subject);
        if (lien != 0) revert TitlesLienOpen(lien);
    }

    /// @dev Whether a time is later than another, and not too far ahead of now.
    function _requireTime(uint64 until, uint256 afterTime, uint256 most) private view {
        uint256 latest = block.timestamp + most;
        if (until <= afterTime || until > latest) revert TitlesBadTime(until, afterTime + 1, latest);
    }

    function _requireDetail(bool good, TitleAction calldata action) private pure {
        if (!good) revert TitlesBadDetail(action.kind, action.detail);
    }
}
