import { keccak_256 } from '@noble/hashes/sha3.js';
import { toHex, utf8 } from '../../core/bytes.ts';
import { isRecord, type RpcRefusal } from './rpc.ts';

/**
 * The errors by which a module refuses an action, and the stable code of each. Those of the state machines are the codes
 * of core's; a test compares the table with the contracts.
 */
export const refusals = {
  'ModuleExpired(uint64)': 'action.expired',
  'ModuleBadSignature(address)': 'action.signature',
  'ModuleNotInGoodStanding(uint64)': 'action.suspended',
  'ModuleUnknownKey(uint64,address)': 'action.unknownKey',
  'ModuleKindNotAllowed(uint64,uint8)': 'action.kindNotAllowed',
  'LedgerIsClosed(uint256)': 'ledger.closed',
  'TitlesUnknownKind(uint8)': 'title.unknownKind',
  'TitlesUnusedField(uint8)': 'title.unusedField',
  'TitlesWrongRevision(uint64,uint64)': 'title.wrongRevision',
  'TitlesNotOwner(address,address)': 'title.notOwner',
  'TitlesNotBuyer(address,address)': 'title.notBuyer',
  'TitlesWrongState(uint8,uint8)': 'title.wrongState',
  'TitlesZeroParty()': 'title.zeroParty',
  'TitlesSameParty(address)': 'title.sameParty',
  'TitlesBadTime(uint64,uint256,uint256)': 'title.badTime',
  'TitlesBadDetail(uint8,bytes32)': 'title.badDetail',
  'TitlesStolen(bytes32)': 'title.stolen',
  'TitlesNotStolen(bytes32)': 'title.notStolen',
  'TitlesLienOpen(uint32)': 'title.lienOpen',
  'TitlesOfferOpen(address,uint64)': 'title.offerOpen',
  'TitlesNoOffer(bytes32)': 'title.noOffer',
  'TitlesOfferExpired(uint64)': 'title.offerExpired',
  'TitlesTooManyLiens(uint256)': 'title.tooManyLiens',
  'TitlesRankTaken(uint8)': 'title.rankTaken',
  'TitlesNoSuchLien(bytes32)': 'title.noSuchLien',
  'TitlesNotHolder(uint64,uint64)': 'title.notHolder',
  'TitlesSubjectTaken(bytes32)': 'title.subjectTaken',
  'PartsUnknownKind(uint8)': 'part.unknownKind',
  'PartsUnusedField(uint8)': 'part.unusedField',
  'PartsWrongRevision(uint64,uint64)': 'part.wrongRevision',
  'PartsWrongState(uint8,uint8)': 'part.wrongState',
  'PartsBadVehicle(bytes32)': 'part.badVehicle',
  'PartsNotThere(bytes32,bytes32)': 'part.notThere',
} as const;

export type RefusalCode = (typeof refusals)[keyof typeof refusals] | 'action.reverted';

const bySelector = new Map(
  Object.entries(refusals).map(([signature, code]) => [
    toHex(keccak_256(utf8(signature))).slice(0, 10),
    code,
  ]),
);

/** Why a simulated call reverted; `action.reverted` where it does not say, or in words not known here. */
export function codeOfRefusal({ data }: RpcRefusal): RefusalCode {
  // Some nodes wrap what the call returned once more.
  const returned = isRecord(data) ? data.data : data;
  const selector = typeof returned === 'string' ? /^0x[0-9a-fA-F]{8}/.exec(returned)?.[0] : undefined;
  return (
    (selector === undefined ? undefined : bySelector.get(selector.toLowerCase() as `0x${string}`)) ??
    'action.reverted'
  );
}
