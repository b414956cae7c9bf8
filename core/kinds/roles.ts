/** What an organisation is, as its profile states it and as the rule of each kind names it. */
export const roles = [
  'manufacturer',
  'supplier',
  'carrier',
  'dealer',
  'workshop',
  'inspector',
  'registrar',
  'authority',
  'insurer',
  'police',
  'fleet',
  'telematics',
  'lender',
] as const;

export type Role = (typeof roles)[number];
