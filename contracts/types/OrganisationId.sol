// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @dev An organisation's number, given in order of admission from 1. Zero is no organisation.
type OrganisationId is uint64;

using {next, equals as ==} for OrganisationId global;

/// @dev The number that the next admitted organisation gets.
function next(OrganisationId id) pure returns (OrganisationId) {
    return OrganisationId.wrap(OrganisationId.unwrap(id) + 1);
}

/// @dev Whether two numbers name the same organisation.
function equals(OrganisationId a, OrganisationId b) pure returns (bool) {
    return OrganisationId.unwrap(a) == OrganisationId.unwrap(b);
}
