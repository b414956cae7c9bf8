// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @dev A smart-contract wallet with one owner, that spends some gas before it answers.
contract OwnedWallet is IERC1271 {
    address private immutable _owner;
    uint256 private immutable _gasToSpend;

    constructor(address owner, uint256 gasToSpend) {
        _owner = owner;
        _gasToSpend = gasToSpend;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        uint256 start = gasleft();
        uint256 spent = 0;
        while (spent < _gasToSpend) {
            spent = start - gasleft();
        }
        (address recovered, , ) = ECDSA.tryRecover(hash, signature);
        return recovered == _owner ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @dev Burns all the gas it gets.
contract GasBomb is IERC1271 {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        while (true) {}
        return IERC1271.isValidSignature.selector;
    }
}

/// @dev Answers with almost as many zero bytes as its gas buys, at a cost to whoever copies them.
contract ReturnBomb {
    fallback() external {
        assembly ("memory-safe") {
            return(0, 250000)
        }
    }
}

/// @dev Answers as it was told to, whatever it is asked.
contract Parrot {
    bytes private _answer;
    bool private immutable _reverts;

    constructor(bytes memory answer, bool reverts) {
        _answer = answer;
        _reverts = reverts;
    }

    fallback() external {
        bytes memory answer = _answer;
        bool reverts = _reverts;
        assembly ("memory-safe") {
            if reverts {
                revert(add(answer, 0x20), mload(answer))
            }
            return(add(answer, 0x20), mload(answer))
        }
    }
}
