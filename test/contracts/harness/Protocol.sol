// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Entries} from "../../../contracts/libraries/Entries.sol";
import {Submissions} from "../../../contracts/libraries/Submissions.sol";
import {Change} from "../../../contracts/types/Change.sol";
import {Head} from "../../../contracts/types/Head.sol";
import {Kind} from "../../../contracts/types/Kind.sol";
import {OrganisationId} from "../../../contracts/types/OrganisationId.sol";
import {Subject} from "../../../contracts/types/Subject.sol";

/// @dev The pure parts of the contracts, so that the golden vectors can be held against them.
contract Protocol {
    using Entries for bytes;

    struct Entry {
        Kind kind;
        Subject subject;
        bytes32 digest;
    }

    function unpack(bytes calldata packed) external pure returns (Entry[] memory entries) {
        entries = new Entry[](packed.count());
        for (uint256 i = 0; i < entries.length; ++i) {
            (Kind kind, Subject subject, bytes32 digest) = packed.entryAt(i);
            entries[i] = Entry(kind, subject, digest);
        }
    }

    function areWellFormed(bytes calldata packed) external pure returns (bool) {
        return packed.areWellFormed();
    }

    function submissionStructHash(
        OrganisationId organisation,
        bytes calldata entries,
        uint256 nonce,
        uint64 deadline
    ) external pure returns (bytes32) {
        return Submissions.hash(organisation, entries, nonce, deadline);
    }

    function afterEntry(
        Head head,
        Kind kind,
        OrganisationId organisation,
        uint256 timestamp,
        bytes32 digest
    ) external pure returns (Head) {
        return head.afterEntry(kind, organisation, timestamp, digest);
    }

    function afterModuleEntry(
        Head head,
        Kind kind,
        address module,
        address actor,
        uint256 timestamp,
        bytes32 digest,
        bytes32 actionHash
    ) external pure returns (Head) {
        return head.afterModuleEntry(kind, module, actor, timestamp, digest, actionHash);
    }

    function afterChange(
        Head head,
        Change change,
        uint256 timestamp,
        bytes32 value
    ) external pure returns (Head) {
        return head.afterChange(change, timestamp, value);
    }

    function afterLedgerAdded(
        Head head,
        uint256 chainId,
        address ledger,
        address organisations,
        bytes32 codeHash,
        bytes32 pseudonymKey
    ) external pure returns (Head) {
        return head.afterLedgerAdded(chainId, ledger, organisations, codeHash, pseudonymKey);
    }

    function afterLedgerClosed(Head head, uint256 index, uint256 closedAt) external pure returns (Head) {
        return head.afterLedgerClosed(index, closedAt);
    }
}
