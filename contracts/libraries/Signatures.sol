// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {ILedger} from "../interfaces/ILedger.sol";

/// @title Signatures
/// @notice Whether a signer signed a hash, with no way for the signer's code to harm the transaction.
library Signatures {
    /// @dev What an ERC-1271 signer may spend on checking one signature.
    uint256 internal constant ERC1271_GAS = 150_000;

    /// @dev Gas between the check of what is left and the call: the call itself, at most a cold access to the code that
    /// an EIP-7702 signer delegates to (2,600), and a few stack operations.
    uint256 private constant CALL_OVERHEAD = 3_000;

    /// @dev ECDSA comes first, so that an EOA which delegates to code (EIP-7702) still signs with its key. Only then is
    /// the signer's code asked (ERC-1271). The answer never depends on how much gas the relayer sent: with less left
    /// than the call's cap needs and `gasToFinish` after it, the whole transaction reverts.
    function isValid(
        address signer,
        bytes32 hash,
        bytes calldata signature,
        uint256 gasToFinish
    ) internal view returns (bool) {
        // What exactly is wrong with a signature makes no difference: it is not one of this signer's key.
        // slither-disable-next-line unused-return
        (address recovered, ECDSA.RecoverError failure, ) = ECDSA.tryRecoverCalldata(hash, signature);
        if (failure == ECDSA.RecoverError.NoError && recovered == signer) return true;
        return signer.code.length != 0 && _isValidERC1271(signer, hash, signature, gasToFinish);
    }

    function _isValidERC1271(
        address signer,
        bytes32 hash,
        bytes calldata signature,
        uint256 gasToFinish
    ) private view returns (bool) {
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (hash, signature));

        // EIP-150: a call gets at most 63/64 of what is left, so a cap of g needs g × 64/63.
        uint256 required = ERC1271_GAS + ERC1271_GAS / 63 + 1 + CALL_OVERHEAD + gasToFinish;
        uint256 left = gasleft();
        if (left < required) revert ILedger.LedgerInsufficientGas(left, required);

        bool success;
        uint256 returned;
        bytes32 answer;
        // Solidity's own staticcall copies all that the callee returns, at our cost: a long answer would spend the gas
        // of the other submissions. Here one word is read, whatever its length.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            success := staticcall(ERC1271_GAS, signer, add(question, 0x20), mload(question), 0x00, 0x20)
            returned := returndatasize()
            answer := mload(0x00)
        }
        return success && returned >= 32 && answer == bytes32(IERC1271.isValidSignature.selector);
    }
}
