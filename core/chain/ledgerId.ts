import { VinculumError } from '../errors.ts';
import type { Address, LedgerAddress, LedgerId } from './types.ts';

export function formatLedgerId(ledger: LedgerAddress): LedgerId {
  return `eip155:${ledger.chainId}:${ledger.address.toLowerCase()}` as LedgerId;
}

/** @throws `ledger.invalidId` */
export function parseLedgerId(text: string): LedgerAddress {
  const match = /^eip155:([1-9][0-9]{0,19}):(0x[0-9a-f]{40})$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new VinculumError(
      'ledger.invalidId',
      'A ledger is written eip155:<chain id>:<address>, lower case.',
    );
  }
  return { chainId: BigInt(match[1]), address: match[2] as Address };
}
