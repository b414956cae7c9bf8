import type { FindingWords } from './findingWords.ts';

/** A sentence, and another where there is something to say. */
const also = (...sentences: (string | false)[]): string =>
  sentences.filter((one) => one !== false && one !== '').join(' ');
const source = (name: string, by: string): string => (by === '' ? name : `${name}, ${by}`);

const remedyFaults: Readonly<Record<string, string>> = {
  attesterNotShown: 'The campaigns of whoever opened that recall are not part of this history.',
  unknownCampaign: 'Whoever is named as having opened that recall has no such campaign.',
  notListed: 'That recall does not list this vehicle.',
  beforeListed: 'It was done before the recall listed this vehicle.',
};

export const findingsEn: FindingWords = {
  'odometer.discrepancy': (f) => ({
    title:
      f.direction === 'drop'
        ? `The odometer shows ${f.difference} less than before`
        : `The odometer rose implausibly fast, by ${f.difference}`,
    text: `${f.before} on ${f.beforeTime} (${source(f.beforeSource, f.beforeBy)}), then ${f.reading} on ${f.readingTime} (${source(f.readingSource, f.readingBy)}). Both can’t be right. Ask for invoices and inspection sheets of that time.`,
  }),
  'odometer.replaced': (f) => ({
    title: 'The odometer was replaced',
    text: also(
      `The new instrument showed ${f.reading} on ${f.readingTime}.`,
      f.previous !== '' ? `The old one had shown ${f.previous}.` : 'Nobody stated what the old one showed.',
      f.documents > 0 && 'Documents are attached.',
    ),
  }),
  'odometer.rollover': (f) => ({
    title: 'The odometer began again from zero',
    text: `${f.before} on ${f.beforeTime}, then ${f.reading} on ${f.readingTime}: the instrument has too few digits to show the whole distance.`,
  }),
  'odometer.unitChange': (f) => ({
    title: 'The odometer’s unit changed',
    text: `${f.before} on ${f.beforeTime}, then ${f.reading} on ${f.readingTime}.`,
  }),
  'odometer.exempt': (f) => ({
    title: 'Exempt from odometer disclosure',
    text: `The reading of ${f.reading} on ${f.readingTime} was given as exempt; it proves nothing about the distance driven.`,
  }),
  'odometer.amended': (f) => ({
    title: 'A reading was corrected',
    text: `${f.reading}, corrected from ${f.superseded}${f.attester === '' ? '' : ` by ${f.attester}`}.`,
  }),
  'lien.open': (f) => ({
    title: 'A lien stands on this vehicle',
    text: also(
      `Registered on ${f.since}; no release is on record.`,
      f.holder !== '' && `Held by ${f.holder}${f.rank === '' ? '' : `, rank ${f.rank}`}.`,
      f.expires !== '' && `It expires on ${f.expires}.`,
      f.reference !== '' && `Reference ${f.reference}.`,
      'A creditor may have a claim to the vehicle: have it released before you pay.',
    ),
  }),
  'lien.expired': (f) => ({
    title: 'A lien expired without a release',
    text: `Registered on ${f.since}, expired on ${f.expires}. Ask for proof that the debt is settled.`,
  }),
  'lien.releasedWithoutEntry': (f) => ({
    title: 'A lien was released that was never entered here',
    text: `Released on ${f.time}. Its beginning lies outside this history.`,
  }),
  'opposition.open': (f) => ({
    title: 'The transfer is blocked',
    text: also(
      `An opposition${f.type === '' ? '' : ` (${f.type})`} was entered on ${f.since} and not lifted.`,
      'The registry will not put this vehicle in your name.',
    ),
  }),
  'seizure.open': (f) => ({
    title: 'The vehicle is seized',
    text: `Entered on ${f.since} and not lifted. It can’t be sold while that stands.`,
  }),
  'theft.reported': (f) => ({
    title: 'Reported stolen',
    text: `${f.attester === '' ? 'A registry' : f.attester} states this vehicle as stolen. Don’t buy it; tell the police.`,
  }),
  'damage.procedure': (f) => ({
    title: f.open ? 'Damaged-vehicle procedure not cleared' : 'Damaged-vehicle procedure, cleared',
    text: f.open
      ? 'An expert found this vehicle dangerous to drive. It may not be sold for use on the road until a second report clears it.'
      : 'An expert once found this vehicle dangerous to drive; a second report cleared it after repair.',
  }),
  'damage.accident': (f) => ({
    title: `Accident: ${f.severity}`,
    text: also(
      `On ${f.time}${f.areas === '' ? '' : `, damage at ${f.areas}`}.`,
      f.airbags && 'Airbags deployed.',
      f.structural && 'Structural parts were affected.',
    ),
  }),
  'claim.recorded': (f) => ({
    title: f.totalLoss ? 'An insurer declared a total loss' : `Insurance claim: ${f.type}`,
    text: `On ${f.time}; ${f.status}.`,
  }),
  'title.brand': (f) => ({
    title: `Title brand: ${f.brand}`,
    text: also(
      `Stated on ${f.time} (code ${f.brandCode}).`,
      f.wording !== '' && `${f.jurisdiction}: “${f.wording}”.`,
      'A title brand stays with the vehicle.',
    ),
  }),
  'title.stolen': (f) => ({
    title: 'Reported stolen',
    text: `${f.attester === '' ? 'The police' : f.attester} reported it stolen on ${f.since}; it was not recovered. Don’t buy it: tell the police where it is.`,
  }),
  'title.recovered': (f) => ({
    title: 'Was stolen and found again',
    text: also(
      `Reported stolen on ${f.since}, recovered on ${f.time}.`,
      f.condition !== '' && `Its condition then: ${f.condition}.`,
      'Have it examined.',
    ),
  }),
  'title.scrapped': (f) => ({
    title: 'Scrapped',
    text: `Its title ended on ${f.time}${f.reason === '' ? '' : `: ${f.reason}`}. A vehicle that is offered under this number is not this one, or should not exist.`,
  }),
  'title.reissued': (f) => ({
    title: 'The title was given to a new key',
    text: `${f.attester === '' ? 'A registrar' : f.attester} re-issued it on ${f.time}${f.reason === '' ? '' : ` (${f.reason})`}. The owner stayed the same; ask the registrar if in doubt.`,
  }),
  'title.unknown': () => ({
    title: 'What the title says is not known',
    text: 'An action of the title was not handed over. Ask another service for the report, or the registrar.',
  }),
  'safetyPart.stolen': (f) => ({
    title: 'A part is reported stolen',
    text: `${f.component === '' ? 'A safety part' : f.component}${f.identifier === '' ? '' : ` (${f.identifier})`} is reported stolen and was not recovered. Tell the police where it is.`,
  }),
  'safetyPart.scrapped': (f) => ({
    title: 'A part is scrapped',
    text: `${f.component === '' ? 'A safety part' : f.component}${f.identifier === '' ? '' : ` (${f.identifier})`} was scrapped: it must not be in use any more.`,
  }),
  'safetyPart.mounted': (f) => ({
    title: 'Mounted in a vehicle',
    text: `This part has been in a vehicle${f.since === '' ? '' : ` since ${f.since}`}. Offered for sale by itself, it is not the one it claims to be.`,
  }),
  'safetyPart.mountedTwice': () => ({
    title: 'In two vehicles at once',
    text: 'Two ledgers have this part in different vehicles. One of the two is not genuine.',
  }),
  'safetyPart.unknown': (f) => ({
    title: 'What became of a part is not known',
    text: `The report does not show every action on ${f.identifier === '' ? 'a safety part' : f.identifier}: whether it is still there, stolen or scrapped, nobody can tell from it.`,
  }),
  'identity.replaced': (f) => ({
    title: 'The number was replaced',
    text: also(
      f.identifier !== '' && `The other number is ${f.identifier}: look at its history too.`,
      `On ${f.time}${f.reason === '' ? '' : `: ${f.reason}`}.`,
    ),
  }),
  'registration.contradiction': (f) => ({
    title: 'A register’s entry is at odds with the title',
    text: `${f.kind}, ${f.time}: the title did not allow it (${f.contradicts}), yet the register states it. It is kept as evidence. Ask the register what happened.`,
  }),
  'vehicle.exported': (f) => ({
    title: 'Exported',
    text: `The registry states that it left the market on ${f.time}${f.destination === '' ? '' : ` for ${f.destination}`}. What happened elsewhere may not be recorded here.`,
  }),
  'vehicle.withdrawn': (f) => ({
    title: 'Withdrawn from use',
    text: `On ${f.time}${f.reason === '' ? '' : `: ${f.reason}`}. It may not be driven unless it is registered again.`,
  }),
  'certificate.cancelled': () => ({
    title: 'Registration certificate cancelled',
    text: 'The registry states that the certificate was cancelled. Ask it why.',
  }),
  'certificate.stolen': () => ({
    title: 'Registration certificate reported stolen',
    text: 'The registry states the certificate as stolen. Compare the paper that you are shown with the registry.',
  }),
  'registry.uncertain': () => ({
    title: 'The registry’s file begins late',
    text: 'There was a first holder of whom the registry has no event.',
  }),
  'history.gap': (f) => ({
    title: `Nothing recorded for ${f.years} years`,
    text: `No entry between ${f.from} and ${f.to}. What happened in that time is not known here.`,
  }),
  'history.contradiction': (f) => {
    const texts: Record<string, string> = {
      twoTitles: 'Two ledgers hold a title of this vehicle. Ask the registrar which one counts.',
      twoPlaces: `Two entries of ${f.time} place the vehicle in ${f.places}. One may be about another car under the same number.`,
      beforeProduction: `An entry of ${f.time} is older than the vehicle.`,
      afterEndOfLife: `It was withdrawn at the end of its life, yet an entry of ${f.time} shows it in use.`,
      transferUnderCharge: `It changed hands on ${f.time} while this stood: ${f.charge}, since ${f.since}.`,
      liftedWithoutEntry: `${f.charge}: an end was recorded on ${f.time}, but no beginning.`,
    };
    return {
      title: 'Entries contradict each other',
      text: texts[f.rule] ?? 'Two entries can’t both be right.',
    };
  },
  'recall.open': (f) => ({
    title: `Open recall: ${f.title}`,
    text: also(
      `Campaign ${f.campaign}${f.attester === '' ? '' : ` of ${f.attester}`}, since ${f.since} (${f.severity}).`,
      f.byPart && 'A part in this vehicle is named by it.',
      f.closed && 'The campaign has ended, but no remedy was recorded for this vehicle.',
      f.remedy !== '' && `Remedy: ${f.remedy}. It is free of charge at an authorised workshop.`,
    ),
  }),
  'recall.remedied': (f) => ({
    title: `Recall done: ${f.title}`,
    text: f.notNeeded
      ? `Campaign ${f.campaign}; on ${f.time} the remedy was found not to be needed.`
      : `Campaign ${f.campaign}; the remedy was carried out on ${f.time}.`,
  }),
  'batch.contains': (f) => ({
    title: `Among the serials: ${f.identifier}`,
    text: `${f.kind} by ${f.attester} on ${f.time}: its list of serial numbers provably holds this one.`,
  }),
  'batch.omits': (f) => ({
    title: `Not among the serials: ${f.identifier}`,
    text: `${f.kind} by ${f.attester} on ${f.time}: its list of serial numbers provably does not hold this one.`,
  }),
  'batch.unproven': (f) => ({
    title: `Not known whether among the serials: ${f.identifier}`,
    text: `${f.kind} by ${f.attester} on ${f.time} names a list of serial numbers; no proof shows whether this one is on it.`,
  }),
  'recall.unknown': (f) => ({
    title: f.campaign === '' ? 'Recalls: not known' : `Recall ${f.campaign}: not known`,
    text:
      f.campaign === ''
        ? 'No maker’s recall list is part of this history. Ask the maker whether a recall is open.'
        : f.bySetOut
          ? `The list of the campaign “${f.title}” provably does not hold this vehicle, but the batch or number of a part in it is not known, and the campaign names some of that maker. Ask the maker.`
          : `No proof shows whether this vehicle is in the campaign “${f.title}”. Ask the maker.`,
  }),
  'recall.remedyIgnored': (f) => ({
    title: `Remedy of recall ${f.campaign}: counts for nothing here`,
    text: remedyFaults[f.remedyFault] ?? 'It matches no recall that lists this vehicle.',
  }),
  'checkDigit.overridden': (f) => ({
    title: 'Unusual VIN, accepted by the registrar',
    text: `The VIN’s check digit does not hold; the registrar entered it all the same: ${f.reason}.`,
  }),
  'identity.linked': (f) => ({
    title: 'This vehicle has another number',
    text: `Also known as ${f.identifier} (${f.reason}). Look at that history too.`,
  }),
  'inspection.failed': (f) => ({
    title: 'The last inspection was failed',
    text: also(
      `On ${f.time} (${f.type}); no later one of this sort passed.`,
      f.dangerous > 0 && `Dangerous defects: ${f.dangerous}.`,
    ),
  }),
  'entry.amended': (f) => ({
    title: `Corrected: ${f.kind}`,
    text: `Its attester corrected this entry (${f.reason}). The corrected value counts; the earlier one stays visible.`,
  }),
  'entry.retracted': (f) => ({
    title: `Taken back: ${f.kind}`,
    text: `Its attester took this entry back (${f.reason}). It no longer counts and stays visible.`,
  }),
  'entry.upheld': (f) => ({
    title: 'An entry was examined and upheld',
    text: `${f.attester === '' ? 'Its attester' : f.attester} stands by it since ${f.time}: ${f.basis}.`,
  }),
  'entry.disputed': (f) => ({
    title: f.answer === null ? 'The owner disputes an entry' : 'The owner disputed an entry',
    text: also(
      `${f.kind}${f.attester === '' ? '' : ` by ${f.attester}`}, disputed on ${f.time}${f.reason === '' ? '' : `: ${f.reason}`}.`,
      f.answer === null && 'Its attester has not answered. Ask both.',
      f.answer === 'amended' && 'Its attester corrected it.',
      f.answer === 'retracted' && 'Its attester took it back.',
      f.answer === 'upheld' && 'Its attester stands by it.',
    ),
  }),
  'entry.disputeIgnored': () => ({
    title: 'A dispute of something that is not here',
    text: 'It names no earlier entry of this history and changes nothing.',
  }),
  'entry.amendmentIgnored': () => ({
    title: 'A correction that does not count',
    text: 'It comes from somebody else than the original attester, or names nothing here. It changes nothing.',
  }),
  'entry.sealed': (f) => ({
    title: f.count === 1 ? 'One entry is sealed' : `${f.count} entries are sealed`,
    text: `Their attesters sealed what the rules need; they count for nothing until somebody discloses it: ${f.kinds}. Ask the owner or the attester to open them.`,
  }),
  'entry.withheld': (f) => ({
    title: f.count === 1 ? 'One entry was not handed over' : `${f.count} entries were not handed over`,
    text: `They are on the ledger, their content is not in this report: ${f.kinds}. Ask the attester or another service for them.`,
  }),
  'entry.erased': (f) => ({
    title:
      f.count === 1 ? 'The content of one entry was erased' : `The content of ${f.count} entries was erased`,
    text: also(
      `That they exist is still proven: ${f.kinds}.`,
      ...f.erased
        .slice(0, 5)
        .map(
          ({ kind, attester, basis, time, operator }) =>
            `${source(kind, attester)}: ${basis}, ${time} (${operator}).`,
        ),
    ),
  }),
  'entry.void': (f) => ({
    title: f.count === 1 ? 'One entry is void' : `${f.count} entries are void`,
    text: `They are malformed or belong elsewhere, by their attester’s fault, and count for nothing: ${f.kinds}.`,
  }),
  'entry.unknownKind': (f) => ({
    title: 'Entries of a kind that this page does not know',
    text: `They exist and can’t be read here: ${f.kinds}. A newer page may know them.`,
  }),
  'entry.refuted': (f) => ({
    title: 'Entries were altered on the way to you',
    text: `What was handed over is not what was recorded: ${f.kinds}.`,
  }),
};

export const usageEn = (f: { use: string; from: string; until: string }) => ({
  title: `Used as: ${f.use}`,
  text: f.until === '' ? `From ${f.from}.` : `From ${f.from} to ${f.until}.`,
});
