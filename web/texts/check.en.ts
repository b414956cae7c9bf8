import type { AuthenticityReason, AuthenticityState } from '../../core/authenticity/judge.ts';
import type { ScanFlag } from '../../core/authenticity/scans.ts';

/** What the page that checks parts says; loaded with it. Another language is another object of the same type. */
export const checkEn = {
  heading: 'Check a part',
  lead: 'Scan its code, or type its number. You see who made it, whether it is free, and what speaks against it; your own browser proves what can be proven.',
  field: 'Code or number of the part',
  hint: 'The text under the code (VN1.…), or serial:MAKER:NUMBER, or the bare serial number.',
  maker: 'Maker of the part',
  makerHint: 'For a bare serial number: the maker’s GLN, DUNS, BPNL or domain.',
  country: 'Country where you are (optional)',
  countryHint: 'Only the country is sent. It shows whether a copy of the code is seen elsewhere.',
  noCountry: 'Not said',
  vehicle: 'In which vehicle (optional)',
  vehicleHint: 'Its VIN, if the part is in one: being mounted there does not speak against it.',
  go: 'Check it',
  scanning: 'Hold the part’s code in front of the camera.',
  asking: 'Asking about the part…',
  result: 'What it is',
  faults: {
    'check.number':
      'This is no code and no number of a part: type VN1.…, serial:MAKER:NUMBER, or the serial with its maker.',
    'check.vehicle': 'This is no number of a vehicle: type its VIN.',
    'partCode.malformed': 'This is no part code, or a part of it is missing. Copy it whole.',
    'partCode.unknownVersion': 'The code is of a newer version than this page.',
    'partCode.identifier': 'The code names no part and no batch.',
  } as Record<string, string>,
  explained: [
    [
      'Genuine',
      'Its maker stated it, or lists it in a batch whose root stands on the ledger; the code is signed with the maker’s key.',
    ],
    ['Free', 'A safety part is mounted in one vehicle at most. Scrapped or stolen, it never comes back.'],
    [
      'Nobody is told who asks',
      'A scan is counted by the hour, so that copied codes show; nothing of you is kept.',
    ],
  ] as [string, string][],
  states: {
    genuine: ['Genuine', 'Its maker says that it made this part, and nothing speaks against it.'],
    unknown: [
      'Unknown',
      'Nobody who could know says that they made it. Ask whoever sells it for the maker’s code.',
    ],
    mounted: [
      'Mounted elsewhere',
      'This part is in a vehicle. What is in your hands is not free, or not this part.',
    ],
    recalled: ['Not to be used', 'It is recalled or held back. Don’t build it in.'],
    scrapped: ['Scrapped', 'This part was scrapped for ever. Whatever carries its number must not be used.'],
    stolen: ['Stolen', 'This part is reported stolen. Don’t buy it; tell the police.'],
    forged: ['Forged code', 'The code was not made by whom it names. Don’t use the part.'],
  } satisfies Record<AuthenticityState, [string, string]> as Record<AuthenticityState, [string, string]>,
  /** Before this browser has proven it, or where it can't. */
  told: (state: string) => `“${state}”, says the service`,
  unsure: 'Not enough of it could be proven to call it genuine. Ask whoever sells it, or the maker.',
  proofs: {
    running: 'Your browser is proving it: until then it is only the service’s word.',
    no: 'Your browser could not prove it: this is only the service’s word.',
    partly: 'Your browser could not prove everything: what speaks against the part may be kept back.',
    yes: 'Proven by your browser, as far as said below.',
    refuted: 'What the service says is not what the ledger holds.',
  },
  notGreen: 'What it rests on can still be undone, or one of your sources did not answer well.',
  refuted: 'A history that the service gave is false. Don’t rely on this service.',
  differs: (told: string, found: string) =>
    `The service says “${told}”; what your browser has proven comes to “${found}”. Don’t rely on this service.`,
  flags: {
    'cloned.farApart': 'This code was seen in two places too far apart for one part.',
    'cloned.tooOften': 'This code was seen far too often for one part.',
  } satisfies Record<ScanFlag, string>,
  flagText: 'It was probably copied. Compare the number that stands on the part itself, and ask the maker.',
  reasons: {
    'code.none': 'No code was shown: this is about the number alone.',
    'code.signature': 'The code’s signature is none.',
    'code.otherLedger': 'The code is for another ledger than the one that this service keeps.',
    'code.foreignKey': 'The key that signed the code never was one of the maker’s.',
    'code.revokedKey':
      'The key that signed the code was revoked: whether it signed before or after, nobody can tell.',
    'code.suspended': 'The organisation that the code names is suspended.',
    'code.unknownOrganisation': 'The code names an organisation that was never admitted.',
    'code.otherMaker': 'Another organisation than the code’s says that it made this part.',
    'maker.produced': 'Its maker stated that it made this part.',
    'maker.inSet': 'Its number is on the list of a batch, whose root stands on the ledger.',
    'maker.contradiction': 'Several organisations say that they made it: at most one of them is right.',
    'maker.unknown': 'Nobody stated that they made it.',
    'maker.notInSets': 'Its maker lists all parts of its batches, and this number is not among them.',
    'part.scrapped': 'It was scrapped.',
    'part.stolen': 'It is reported stolen.',
    'part.mounted': 'It is mounted in a vehicle or another part.',
    'part.recalled': 'An open recall names it or its batch.',
    'part.quarantined': 'It, or its batch, is held back.',
    'part.releaseSealed':
      'It, or its batch, was held back; its release has sealed fields, and may be of other parts. Ask the maker.',
    'history.incomplete':
      'Not every history that could speak against it could be verified: the service may keep something back.',
  } satisfies Record<AuthenticityReason, string>,
  codeGood: (maker: string) => `The code is signed with a key of ${maker}.`,
  by: { browser: 'proven here', service: 'the service’s word' },
  maker_: 'Made by',
  organisation: (number: string) => `organisation ${number}`,
  campaigns: 'Campaigns:',
  report: 'Its full report, with every proof',
  limit: {
    code: 'A code can be copied: it proves that the maker signed this number, not that the part in hand is the one that it was printed for. Compare the number on the part itself.',
    number: 'A number can be copied. Scan the maker’s code where there is one.',
  },
};

export type CheckTexts = typeof checkEn;
