import type { ListOf, RowFault } from '../model/listFile.ts';
import type { SupplyFault, units } from '../model/supplyForms.ts';
import type { StepKind } from '../supply/StepForm.tsx';
import type { ActingTexts } from './acting.en.ts';

/** What the pages of suppliers and makers say; loaded with them. Another language is another object of the same type. */
export const supplyEn = {
  entry: {
    lead: 'Compare every line. With your signature it stands on the ledger under your organisation’s name, and can be corrected but not removed.',
    subject: 'About',
    own: 'your organisation’s own chain',
    ledger: 'Ledger',
    hash: 'Submission’s hash',
    stages: {
      received: ['Received', 'The service has it.'],
      stored: ['Stored', 'The service keeps it, and promised to bring it to the ledger.'],
      submitted: ['Submitted', 'It is in a transaction, in no block yet.'],
      anchored: ['Anchored', 'It stands in a block: it is part of the history.'],
      final: ['Final', 'The block can’t be undone any more.'],
    } as ActingTexts['act']['stages'],
    ended: {
      expired: 'It never came to the ledger: its deadline has passed. Sign it again.',
      conflicted: 'It will never come to the ledger: another submission took its number. Sign it again.',
    },
    problem: (why: string) => `The ledger did not take it when it was tried last: ${why}`,
  },

  thing: {
    back: 'Back',
    report: 'Full report',
    newTab: 'opens in a new tab',
    proven: 'The history is proven by your browser.',
  },

  parts: {
    label: 'Parts of this page',
    names: {
      batches: 'Batches',
      build: 'Build a vehicle',
      trace: 'Trace',
      recalls: 'Recalls',
      alerts: 'Alerts',
      notices: 'Notices',
    },
  },

  list: {
    choose: { serial: 'Choose the list of serials', vehicle: 'Choose the list of vehicles' } satisfies Record<
      ListOf,
      string
    >,
    hint: {
      serial:
        'Text with one serial a line, or CSV with a column “serial”; up to two million. It is read here: the list leaves your browser only after you have signed, and the service keeps it encrypted.',
      vehicle: 'Text with one VIN a line, or CSV with a column “VIN”. It is read here.',
    } satisfies Record<ListOf, string>,
    reading: 'Reading the file',
    hashing: 'Computing the root',
    found: (count: string) => `${count} so far`,
    members: {
      serial: (count: string) => `Serials: ${count}`,
      vehicle: (count: string) => `Vehicles: ${count}`,
    } satisfies Record<ListOf, (count: string) => string>,
    read: (seconds: string) => `read and hashed in ${seconds} s`,
    column: (name: string) => `column “${name}”`,
    root: 'Root of the set:',
    faulty: (count: string, one: boolean) =>
      one ? 'One row can’t be used.' : `${count} rows can’t be used.`,
    show: 'Which, and why',
    row: 'Row',
    why: 'Why',
    text: 'What it says',
    save: 'Save them as CSV',
    without: 'Leave these rows out, and go on with the others',
    unread: 'Read the list to its end, or leave its faulty rows out.',
    faults: {
      quotes: 'broken quotation marks',
      cell: 'nothing in the column',
      character: 'a character that no serial may have',
      length: 'longer than 64 characters',
      other: 'of another maker or type',
      vehicle: 'no number of a vehicle',
      duplicate: 'stood before',
    } satisfies Record<RowFault, string>,
    uploading: 'Handing the list over',
    of: (done: string, total: string) => `${done} of ${total}`,
    uploaded:
      'The service has the list and made its root itself: it can prove of every serial that it is, or is not, in it.',
    resume:
      'The entry stands all the same. You can go on here, or later with the same file from the batch’s page.',
    again: 'Hand the list of serials over, or go on where it was cut off',
    againLead:
      'The root stands on the ledger. Choose the same file: your browser computes the root anew, and hands the list over only if it is that one.',
    otherRoot: (count: string) =>
      `This is another list (${count} members): its root is not the one on the ledger.`,
    upload: 'Hand it over',
  },

  form: {
    labels: {
      nameAtManufacturer: 'What it is',
      manufacturerPartId: 'Part number',
      productionDate: 'Produced on (last day)',
      productionStart: 'First day of production',
      expiryDate: 'Use by',
      drawing: 'Drawing and issue',
      plant: 'Plant',
      country: 'Country of the plant',
      carbonFootprint: 'Carbon footprint of one, in kg CO₂e',
      quantity: 'Quantity',
      customer: 'Customer',
      orderNumber: 'Order number',
      from: 'From (your identifier)',
      to: 'To (its identifier)',
      by: 'Received by (your identifier)',
      accepted: 'Incoming goods',
      time: 'On which day',
      lot: 'Consignment',
      location: 'Place',
      reason: 'Reason',
      outcome: 'Outcome',
      description: 'Description',
      reportNumber: 'Number of the report',
    } as Record<string, string>,
    hints: {
      country: 'Three letters: DEU, CHN.',
      carbonFootprint: 'Cradle to gate, for one unit.',
      drawing: 'Such as VB-77120 D.',
      'batch.shipped.to':
        'Public. Leave it empty, and fill in the sealed customer, where it is nobody’s business.',
    } as Record<string, string>,
    optional: (label: string) => `${label} (optional)`,
    choose: 'Choose…',
    accepted: 'accepted',
    refused: 'refused',
    unit: 'Unit',
    units: {
      C62: 'pieces',
      KGM: 'kg',
      GRM: 'g',
      TNE: 't',
      LTR: 'litres',
      MTR: 'm',
      MTK: 'm²',
      MTQ: 'm³',
    } satisfies Record<(typeof units)[number], string>,
    sealed: 'Sealed: only the parties that you show it to can read it',
    sealedHint:
      'Leave empty what need not be said. The report proves that something is sealed here, not what.',
    review: 'Review before signing',
    cancel: 'Cancel',
    remove: 'Remove',
    add: 'Add',
    faults: {
      missing: 'This is needed.',
      text: 'One line of at most 200 characters.',
      ascii: 'Latin letters, digits and signs, at most 64.',
      party: 'A GLN, DUNS, BPNL or domain: letters, digits, points and dashes.',
      code: 'Latin letters and digits.',
      date: 'A day of the calendar.',
      future: 'This day has not come yet.',
      order: 'It does not fit the day of production.',
      quantity: 'A quantity like 1200 or 12.5; never below zero.',
      pieces: 'Pieces are whole.',
      decimal: 'A number like 12.5; never below zero.',
      country: 'Three letters, as ISO 3166-1 has them: DEU, CHN.',
    } satisfies Record<SupplyFault, string>,
  },

  batches: {
    open: 'Open or register a batch',
    openLead:
      'Name it. If nobody has registered it, you can; what stands there already is shown to you with its proof.',
    maker: 'Maker',
    makerHint: 'The maker’s GLN, DUNS, BPNL or domain.',
    number: 'Batch number',
    numberHint: 'As it stands on the label.',
    numberFault: 'At most 64 Latin letters, digits and signs, without spaces.',
    go: 'Open',
    heading: 'Your batches',
    asRead: 'As the service reads them; open one to have your browser prove it.',
    none: 'Your organisation has not recorded anything about a batch yet.',
    states: {
      quarantined: 'held back',
      inTransit: 'on its way',
      received: 'received',
      produced: 'produced',
      other: 'known',
    },
    latest: (time: string, count: string, one: boolean) =>
      one ? `one entry, ${time}` : `${count} entries, the last ${time}`,
    show: 'Open',
  },

  batch: {
    heading: 'The batch',
    unnamed: 'Batch',
    again:
      'Two entries claim to have made this batch. One of them is wrong: correct yours, or ask the other attester.',
    free: 'Nobody has recorded anything about this batch: the number is free. That is proven.',
    states: {
      none: 'Not registered',
      quarantined: 'Held back: must not be used',
      inTransit: 'On its way',
      held: 'May be used',
    },
    holder: {
      at: (party: string) => `With ${party}`,
      to: (party: string) => `To ${party}`,
    },
    holderUnknown: 'Who has it is not stated, or sealed.',
    count: 'Serials in its root',
    countNone: 'no list',
    documents: 'Certificates',
    sealed: 'Some fields are sealed, and not yours to see.',
    register: 'Register this batch',
    registerLead: 'What you state here stands on the ledger under your organisation’s name.',
    serials: 'Serials',
    certificates: 'Certificates',
    certificatesHint:
      'Of material, of conformity. Each is encrypted here under a key of its own; whoever you show the key to can read it.',
    addCertificate: 'Add a file',
    storing: 'Encrypting and storing the certificates…',
    actions: 'What do you record?',
    steps: {
      'batch.shipped': 'Ship it',
      'batch.received': 'Receive it',
      'batch.quarantined': 'Hold it back',
      'batch.released': 'Release it',
    } satisfies Record<StepKind, string>,
    why: { notQuarantined: 'it is not held back', quarantined: 'it is held back' },
    which: 'Which quarantine ends',
    leads: {
      'batch.shipped': 'The batch, or a part of it, leaves for another party.',
      'batch.received': 'It arrived with you. A refusal is recorded too.',
      'batch.quarantined':
        'Until it is released, nobody should build it in. Whoever has it, or subscribed to it, is told.',
      'batch.released': 'The quarantine ends, with its outcome.',
    } satisfies Record<StepKind, string>,
  },

  notices: {
    heading: 'What you were told',
    lead: 'Recalls and quarantines of what is yours, alerts, and parts that are not what they seem.',
    none: 'Nothing yet.',
    unread: (count: string, one: boolean) => (one ? 'One is new.' : `${count} are new.`),
    readAll: 'Mark all as read',
    new: 'new',
    more: 'There are older ones.',
    kinds: {
      'recall.opened': 'Recall opened',
      'recall.extended': 'Recall extended',
      'recall.closed': 'Recall closed',
      'batch.quarantined': 'Batch held back',
      'batch.released': 'Batch released',
      'alert.raised': 'Alert received',
      'alert.answered': 'Alert answered',
      'part.mountedTwice': 'One part mounted in two places',
      'part.unknown': 'A part that nobody made was mounted',
      'part.beforeMade': 'A part was mounted before it was made',
      'part.scrapped': 'A scrapped part was mounted',
      'code.cloned': 'A code was probably copied',
    } as Record<string, string>,
  },
};

export type SupplyTexts = typeof supplyEn;
