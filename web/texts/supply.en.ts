import type { PartRowFault, VehicleFault, VehicleValues } from '../model/build.ts';
import type { ListOf, RowFault } from '../model/listFile.ts';
import type { SupplyFault, units } from '../model/supplyForms.ts';
import type { Direction } from '../model/trace.ts';
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
    sealed: 'Some fields are sealed; this page does not open them.',
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

  trace: {
    heading: 'Trace a part, a batch or a vehicle',
    lead: 'Down to what it is made of, to the last tier that anybody stated; or up to the vehicles that it went into.',
    thing: 'What',
    thingHint: 'A VIN, batch:MAKER:NUMBER or serial:MAKER:NUMBER.',
    thingFault: 'This is no identifier: a VIN, batch:MAKER:NUMBER or serial:MAKER:NUMBER.',
    direction: 'Which way',
    directions: { down: 'Down: what it is made of', up: 'Up: what it went into' } satisfies Record<
      Direction,
      string
    >,
    at: 'On which day',
    atHint: 'Only what was so on that day; without it, whatever was ever so.',
    go: 'Trace it',
    look: 'How it is shown',
    looks: { picture: 'Picture', list: 'List' },
    picture: 'Picture of the trace. The arrow keys go from box to box, Enter says more.',
    keys: 'Choose a box for more of it. By keyboard: the arrow keys go from box to box, Enter opens, Escape closes.',
    choose: 'No box is chosen.',
    nothing: {
      down: 'Nothing below it is known here.',
      up: 'It went into nothing that is known here.',
    } satisfies Record<Direction, string>,
    found: (things: string, tiers: string) => `${things} · Tiers: ${tiers}`,
    cycles: (count: string, one: boolean) =>
      one
        ? 'Some parts are said to be in themselves: one ring, marked red. Somebody stated it wrongly.'
        : `Some parts are said to be in themselves: ${count} rings, marked red. Somebody stated it wrongly.`,
    missing: (count: string, one: boolean) =>
      one ? 'One tier is missing, with its reason.' : `${count} tiers are missing, each with its reason.`,
    others: (count: string, one: boolean) =>
      one
        ? 'One more lies where it is not yours to see: it is only counted.'
        : `${count} more lie where they are not yours to see: they are only counted.`,
    truncated: (count: string) => `Only the first ${count} are shown: trace on from one of them.`,
    asRead: 'As the service reads the entries. Each thing’s report proves its own.',
    types: {
      vin: 'Vehicle',
      van: 'Vehicle',
      registration: 'Vehicle',
      chassis: 'Vehicle',
      batch: 'Batch',
      serial: 'Part',
      software: 'Software',
    } as Record<string, string>,
    hidden: 'not yours to see',
    hiddenText: 'It is there; its number is not yours to see.',
    missingBox: (component: string, reason: string, supplier: string) =>
      `Missing tier: ${component}, ${reason}${supplier === '' ? '' : `, ${supplier}`}`,
    groupBox: (title: string, line: string) => `${title}, ${line}. Enter to say more.`,
    start: 'where the trace begins',
    inCycle: 'in a ring',
    inCycleText: 'It is said to be in itself, through others. Somebody stated it wrongly.',
    rows: {
      reason: 'Why nothing is known',
      supplier: 'Whose it would be',
      of: 'Missing in',
      in: (name: string) => `In ${name}`,
    },
    notSaid: 'not said',
    time: (from: string, until: string) =>
      from === '' ? `until ${until}` : until === '' ? `since ${from}` : `${from} to ${until}`,
    more: (count: string) => `and ${count} more`,
    unfold: 'Show them one by one',
    fold: 'Put them together again',
    fromHere: 'Trace from here',
    close: 'Close',
  },

  build: {
    open: 'Build a vehicle',
    openLead: 'Its VIN opens its history; your entry says what it is and which parts are in it.',
    unnamed: 'Vehicle',
    heading: 'What was built',
    lead: 'The open fields and the parts are public: later campaigns find the vehicle by them.',
    already: (parts: number) =>
      parts === 0
        ? 'This vehicle was built already: the entry stands in its report. What changes since is recorded as parts mounted and removed.'
        : `This vehicle was built already, with ${parts} lines of parts: the entry stands in its report. What changes since is recorded as parts mounted and removed.`,
    labels: {
      brand: 'Brand',
      model: 'Model',
      year: 'Model year',
      productionDate: 'Produced on',
      fuelType: 'Energy',
      plant: 'Plant',
      manufacturerId: 'Maker (GLN, DUNS, BPNL or domain)',
      orderNumber: 'Order number (sealed)',
    } satisfies Record<keyof VehicleValues, string>,
    faults: {
      missing: 'This is needed.',
      text: 'One line of at most 200 characters.',
      year: 'Four digits.',
      date: 'A day of the calendar.',
      future: 'This day has not come yet.',
      party: 'A GLN, DUNS, BPNL or domain: letters, digits, points and dashes.',
      code: 'Latin letters, digits, points, dashes and slashes.',
    } satisfies Record<VehicleFault, string>,
    parts: 'Parts in it',
    partsHint:
      'Each by its own number (serial:MAKER:NUMBER) or by its batch (batch:MAKER:NUMBER). A table has the columns part, component, position, batch.',
    part: (number: string) => `Part ${number}`,
    component: 'Component',
    position: 'Place in it',
    reason: 'Reason',
    supplier: 'Supplier',
    addPart: 'Add a part',
    addFile: 'Read a table (CSV)',
    missing: 'What is not known',
    missingHint: 'A tier that nobody handed on is named with its reason, never left out in silence.',
    addMissing: 'Name a missing tier',
    rowFaults: {
      component: 'Choose the component.',
      part: 'Write serial:MAKER:NUMBER or batch:MAKER:NUMBER.',
      type: 'Only parts and batches go into a vehicle.',
      twice: 'This very part stands in the list already.',
      position: 'Latin letters, digits, points, dashes and slashes, at most 64.',
      batch: 'Write batch:MAKER:NUMBER.',
    } satisfies Record<PartRowFault, string>,
    states: {
      genuine: 'known, and nothing against it',
      unknown: 'nobody says that they made it',
      mounted: 'mounted elsewhere',
      recalled: 'recalled',
      scrapped: 'scrapped',
      stolen: 'stolen',
      forged: 'forged',
      unasked: 'could not be asked about',
      'part.stolen': 'reported stolen',
      'part.scrapped': 'scrapped',
      'part.recalled': 'recalled',
      'part.quarantined': 'its batch is held back',
      'part.mounted': 'mounted elsewhere already',
      'maker.notInSets': 'its maker lists all parts of its batches, and not this one',
      'maker.unknown': 'nobody says that they made it',
    } as Record<string, string>,
    checking: 'Asking about the parts…',
    warned: (count: string, one: boolean) =>
      one ? 'Something speaks against one part.' : `Something speaks against ${count} parts.`,
    sure: 'They are in the vehicle all the same, and I have looked at each',
    sureFault: 'Take them out, or say that they are in it.',
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
