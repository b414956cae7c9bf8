/** An attester by its ledger and its number there, or a module by its address. */
export function attesterKey(ledger: string, id: string): string {
  return id.startsWith('0x') ? id : `${ledger}/${id}`;
}
