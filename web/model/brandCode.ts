/** A D20 code as AAMVA writes it: `07` for 7. */
export function brandCode(number: number): string {
  return String(number).padStart(2, '0');
}
