// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

/// @dev A title as the least it could be: a token that one account mints and its holder transfers. The peer in the
/// gas benchmark: it knows no liens, no thefts, no brands, no buyer's consent, and leaves no provable history.
contract PlainToken is ERC721, Ownable {
    constructor(address owner) ERC721("Plain", "PLN") Ownable(owner) {}

    function mint(address to, uint256 id) external onlyOwner {
        _mint(to, id);
    }
}
