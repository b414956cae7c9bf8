// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {OrganisationId} from "../../../contracts/types/OrganisationId.sol";

/// @dev Grants everybody everything, kinds of modules too: what a broken registry could do at worst.
contract GenerousOrganisations {
    function standing(OrganisationId, address) external pure returns (bool, bool, uint256) {
        return (true, true, type(uint256).max);
    }
}
