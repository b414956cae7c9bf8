import * as z from 'zod/mini';
import { code, date, instant, label, market, reading, vehicleIdentifier } from './fields.ts';
import { defineKind, publicFields } from './kind.ts';
import { seals } from './sealed.ts';

/*
 * The kinds of `Titles`: the envelope says why, the action in the link says what (docs/protocol.md §13). Who holds, what
 * stands against a sale and which brand it is follow from the actions alone and are never said twice.
 */

/** What a register said in its own words, where an entry was taken over from one. */
const stated = {
  market: z.exactOptional(market),
  /** The register's own code for the event, and its own text where it is no person's. */
  original: z.exactOptional(z.strictObject({ system: code, code, text: z.exactOptional(label) })),
  /** The instant that the register noted, where the entry's own time is its calendar day. */
  statedAt: z.exactOptional(instant),
};

const holderKind = z.exactOptional(z.enum(['person', 'company', 'dealer', 'public']));
const odometer = z.exactOptional(reading);
const holder = ['plate', 'holderName', 'holderAddress', 'holderBirthDate', 'certificateNumber'] as const;

export const titleIssued = defineKind({
  number: 0,
  name: 'title.issued',
  version: 1,
  description: 'A registrar issued the title of a vehicle to its owner’s key; who that is stays sealed.',
  subjects: ['vehicle'],
  roles: ['registrar'],
  public: publicFields({
    ...stated,
    reason: z.enum(['firstRegistration', 'import', 'reImport', 'takenOver', 'other']),
    holderKind,
    odometer,
  }),
  sealed: seals(...holder),
  example: {
    data: {
      market: 'FR',
      reason: 'firstRegistration',
      holderKind: 'person',
      original: { system: 'FR-SIV', code: 'IMMAT_NORMALE' },
    },
    sealed: { holderName: '王芳', plate: 'AB-123-CD' },
  },
});

export const titleOffered = defineKind({
  number: 1,
  name: 'title.offered',
  version: 1,
  description: 'The owner offers the vehicle to the key of one buyer; the price stays sealed.',
  subjects: ['vehicle'],
  roles: [],
  public: publicFields({ ...stated, odometer }),
  sealed: seals('amount', 'sellerName', 'buyerName', 'contractNumber'),
  example: { data: {}, sealed: { amount: { amount: '9900.00', currency: 'EUR' } } },
});

export const titleAccepted = defineKind({
  number: 2,
  name: 'title.accepted',
  version: 1,
  description: 'The buyer accepted the offer and holds the title.',
  subjects: ['vehicle'],
  roles: [],
  public: publicFields({ ...stated, odometer }),
  sealed: seals('amount', 'sellerName', 'buyerName', 'contractNumber'),
  example: {
    data: { odometer: { value: 61250, unit: 'KMT', source: 'owner' } },
    sealed: { buyerName: '李伟' },
  },
});

export const titleWithdrawn = defineKind({
  number: 3,
  name: 'title.withdrawn',
  version: 1,
  description: 'The owner took an offer back.',
  subjects: ['vehicle'],
  roles: [],
  public: publicFields({
    ...stated,
    reason: z.exactOptional(z.enum(['expired', 'changedMind', 'otherBuyer', 'mistake', 'other'])),
  }),
  sealed: seals(),
  example: { data: { reason: 'expired' }, sealed: {} },
});

export const titleLienPlaced = defineKind({
  number: 4,
  name: 'title.lienPlaced',
  version: 1,
  description: 'A lien was placed: until it ends, the vehicle cannot be sold. Who owes what stays sealed.',
  subjects: ['vehicle'],
  roles: ['registrar', 'lender'],
  public: publicFields({
    ...stated,
    type: z.enum(['loan', 'lease', 'retention', 'repair', 'tax', 'judgement', 'other']),
  }),
  sealed: seals('creditor', 'contractNumber', 'amount'),
  example: {
    data: { type: 'loan', market: 'FR' },
    sealed: { contractNumber: 'K-2026-118', amount: { amount: '12500.00', currency: 'EUR' } },
  },
});

export const titleLienRenewed = defineKind({
  number: 5,
  name: 'title.lienRenewed',
  version: 1,
  description: 'A lien stands longer than it was to.',
  subjects: ['vehicle'],
  roles: ['registrar', 'lender'],
  public: publicFields({ ...stated }),
  sealed: seals('creditor', 'contractNumber', 'amount'),
  example: { data: { market: 'FR', original: { system: 'FR-SIV', code: 'PROROG_GAGE' } }, sealed: {} },
});

export const titleLienReleased = defineKind({
  number: 6,
  name: 'title.lienReleased',
  version: 1,
  description: 'A lien ended.',
  subjects: ['vehicle'],
  roles: ['registrar', 'lender'],
  public: publicFields({
    ...stated,
    reason: z.exactOptional(z.enum(['paid', 'waived', 'refinanced', 'lapsed', 'mistake', 'other'])),
  }),
  sealed: seals('creditor', 'contractNumber'),
  example: { data: { reason: 'paid' }, sealed: { contractNumber: 'K-2026-118' } },
});

export const titleStolen = defineKind({
  number: 7,
  name: 'title.stolen',
  version: 1,
  description: 'The police report the vehicle stolen: until it is recovered it cannot be sold.',
  subjects: ['vehicle'],
  roles: ['police'],
  public: publicFields({ ...stated, reported: z.exactOptional(date) }),
  sealed: seals('reportNumber', 'location', 'position', 'description'),
  example: { data: { market: 'FR', reported: '2026-02-03' }, sealed: { reportNumber: 'PV-2026-0412' } },
});

export const titleRecovered = defineKind({
  number: 8,
  name: 'title.recovered',
  version: 1,
  description: 'A vehicle that was reported stolen was found.',
  subjects: ['vehicle'],
  roles: ['police'],
  public: publicFields({
    ...stated,
    condition: z.exactOptional(z.enum(['intact', 'damaged', 'stripped', 'burnt', 'unknown'])),
  }),
  sealed: seals('reportNumber', 'location', 'position', 'description'),
  example: { data: { market: 'FR', condition: 'damaged' }, sealed: { reportNumber: 'PV-2026-0412' } },
});

export const titleBranded = defineKind({
  number: 9,
  name: 'title.branded',
  version: 1,
  description:
    'A jurisdiction branded the title, for ever. The AAMVA D20 code is in the action; here is whose brand it is and how it was worded.',
  subjects: ['vehicle'],
  roles: ['registrar', 'authority'],
  public: publicFields({ ...stated, jurisdiction: market, text: label }),
  sealed: seals('reportNumber', 'certificateNumber', 'description'),
  example: { data: { jurisdiction: 'US-CA', text: 'SALVAGE' }, sealed: {} },
});

export const titleDisputed = defineKind({
  number: 10,
  name: 'title.disputed',
  version: 1,
  description:
    'The owner disputes an entry of this history, which the action names. Its attester amends or upholds it; both stand beside it.',
  subjects: ['vehicle'],
  roles: [],
  public: publicFields({
    reason: z.enum(['wrong', 'otherVehicle', 'duplicate', 'incomplete', 'unlawful', 'other']),
  }),
  sealed: seals('statement'),
  example: { data: { reason: 'wrong' }, sealed: { statement: 'The reading has a digit too many.' } },
});

export const titleScrapped = defineKind({
  number: 11,
  name: 'title.scrapped',
  version: 1,
  description: 'The vehicle is no more, and its title ends.',
  subjects: ['vehicle'],
  roles: ['registrar', 'authority'],
  public: publicFields({
    ...stated,
    reason: z.enum(['endOfLife', 'totalLoss', 'dismantled', 'lost', 'other']),
    odometer,
  }),
  sealed: seals('certificateNumber', 'operatorName'),
  example: { data: { market: 'FR', reason: 'endOfLife' }, sealed: { certificateNumber: 'VHU-77-0031' } },
});

export const titleExported = defineKind({
  number: 12,
  name: 'title.exported',
  version: 1,
  description: 'The vehicle left its market; its title rests until one is issued again.',
  subjects: ['vehicle'],
  roles: ['registrar'],
  public: publicFields({ ...stated, to: z.exactOptional(market), odometer }),
  sealed: seals('plate', 'certificateNumber'),
  example: { data: { market: 'FR', to: 'BE' }, sealed: {} },
});

export const titleReissued = defineKind({
  number: 13,
  name: 'title.reissued',
  version: 1,
  description:
    'A registrar gave the title to a new key of its owner, whose key was lost. It changes no hands, and stays visible.',
  subjects: ['vehicle'],
  roles: ['registrar'],
  public: publicFields({
    ...stated,
    reason: z.enum(['keyLost', 'keyStolen', 'guardian', 'mistake', 'other']),
  }),
  sealed: seals(...holder, 'reportNumber'),
  example: { data: { reason: 'keyLost' }, sealed: { reportNumber: 'R-2026-0007' } },
});

export const titleTransferred = defineKind({
  number: 14,
  name: 'title.transferred',
  version: 1,
  description:
    'A registrar states that the title changed hands otherwise than by an offer: on paper, by law.',
  subjects: ['vehicle'],
  roles: ['registrar'],
  public: publicFields({
    ...stated,
    reason: z.enum([
      'sale',
      'gift',
      'inheritance',
      'judgement',
      'repossession',
      'auction',
      'company',
      'other',
    ]),
    holderKind,
    odometer,
  }),
  sealed: seals(...holder, 'amount', 'sellerName', 'buyerName'),
  example: {
    data: {
      market: 'FR',
      reason: 'sale',
      original: { system: 'FR-SIV', code: 'CHANG_TIT_NORMAL' },
    },
    sealed: { holderName: '王芳' },
  },
});

export const titleReplaced = defineKind({
  number: 15,
  name: 'title.replaced',
  version: 1,
  description: 'The vehicle goes on under another number; both histories name each other.',
  subjects: ['vehicle'],
  roles: ['registrar'],
  public: publicFields({
    ...stated,
    /** The new number; the action names its subject. */
    to: vehicleIdentifier,
    reason: z.enum(['unreadable', 'reissued', 'wronglyAssigned', 'cloned', 'rebuilt', 'other']),
  }),
  sealed: seals('certificateNumber', 'reportNumber', 'description'),
  example: { data: { to: 'vin:WVWZZZ3CZEE140287', reason: 'unreadable' }, sealed: {} },
});
