/** An attester by its ledger and its number there, a module by its address, or an owner's key. */
export function attesterKey(ledger: string, id: string): string {
  return id.startsWith('0x') || isAccountKey(id) ? id : `${ledger}/${id}`;
}

const ACCOUNT = 'key:';

/** Whoever acted without an organisation: an owner or a buyer, known by a key alone. */
export function keyOfAccount(account: string): string {
  return ACCOUNT + account;
}

export function isAccountKey(key: string): boolean {
  return key.startsWith(ACCOUNT);
}
