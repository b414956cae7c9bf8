import type { Json } from '../../core/canonical.ts';
import { type Finding, findingCodes } from '../../core/findings/finding.ts';
import type { FindingFacts, Words } from '../texts/findingWords.ts';
import { attesterName, findAttester, kindName, localisedText, type Tongue, word } from '../texts/texts.ts';
import type { DistanceUnit } from './settings.ts';
import type { AttesterView } from './view.ts';
import { shownIdentifier } from './vinFeedback.ts';

type Stated = {
  readonly value?: number;
  readonly unit?: DistanceUnit;
  readonly kilometres?: number;
  readonly source?: string;
  readonly time?: string;
  readonly organisation?: string;
};

/** A finding in the reader's words. */
export function findingText(tongue: Tongue, finding: Finding, attesters: readonly AttesterView[]): Words {
  const facts = factsOf(tongue, finding, attesters);
  const code = findingCodes.find((known) => known === finding.code);
  return code === undefined ? tongue.texts.usage(facts) : tongue.texts.finding[code](facts);
}

function factsOf(tongue: Tongue, finding: Finding, attesters: readonly AttesterView[]): FindingFacts {
  const { texts, format, language } = tongue;
  const { vocabulary } = texts;
  const details = finding.details;
  const text = (name: string): string => {
    const value = details[name];
    return typeof value === 'string' ? value : '';
  };
  const number = (name: string): number => {
    const value = details[name];
    return typeof value === 'number' ? value : 0;
  };
  const time = (name: string): string => (text(name) === '' ? '' : format.time(text(name)));
  const name = (id: string): string => attesterName(tongue, findAttester(attesters, id));
  const stated = (of: string): Stated => {
    const value = details[of];
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Stated) : {};
  };
  const distance = ({ value, unit, kilometres }: Stated): string => {
    if (kilometres !== undefined) return format.distance(kilometres);
    return value === undefined || unit === undefined ? '' : format.stated(value, unit);
  };
  const texted = (value: Json | undefined): string[] =>
    Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
  const before = stated('before');
  const reading = stated('reading');
  const [vocabularyOf, brand] = [vocabulary.value, text('brand')];
  return {
    time: text('time') === '' ? time('day') : time('time'),
    since: time('since'),
    from: time('from'),
    to: time('to'),
    until: time('until'),
    years: format.number(number('years')),
    direction: text('direction') === 'rise' ? 'rise' : 'drop',
    difference: format.distance(number('kilometres')),
    before: distance(before),
    beforeTime: format.time(before.time ?? ''),
    beforeSource: word(vocabulary.source, before.source),
    beforeBy: name(before.organisation ?? ''),
    reading: distance(reading),
    readingTime: format.time(reading.time ?? ''),
    readingSource: word(vocabulary.source, reading.source),
    readingBy: name(reading.organisation ?? ''),
    previous: distance(stated('previous')),
    superseded: distance(stated('superseded')),
    documents: number('documents'),
    count: number('count'),
    kinds: format.list(texted(details.kinds).map((kind) => kindName(tongue, kind))),
    kind: kindName(tongue, text('kind')),
    brand: word(vocabulary.brand, brand),
    brandCode: brand,
    type: typeWord(tongue, finding),
    status: word(vocabularyOf['claim.status'], text('status')),
    severity: word(
      finding.code.startsWith('recall')
        ? vocabularyOf['recall.opened.severity']
        : vocabularyOf['accident.severity'],
      text('severity'),
    ),
    areas: format.list(texted(details.areas).map((area) => word(vocabulary.area, area))),
    airbags: details.airbagsDeployed === true,
    structural: details.structural === true,
    totalLoss: details.totalLoss === true,
    open: text('state') === 'open',
    reference: text('reference'),
    expires: time('expires'),
    charge: kindName(tongue, text('charge')),
    rule: text('rule'),
    places: format.list(texted(details.places).map((place) => format.country(place))),
    campaign: text('campaign'),
    title: localisedText(details.title, language),
    component: word(vocabulary.component, text('component')),
    remedy: localisedText(details.remedy, language),
    attester: name(text('attester') || text('organisation')),
    closed: details.closed === true,
    byPart: text('by') === 'part',
    bySetOut: text('set') === 'out',
    notNeeded: text('outcome') === 'notNeeded',
    remedyFault: text('reason'),
    identifier: shownIdentifier(text('to') || text('from') || text('identifier') || text('member')),
    reason: reasonWord(tongue, finding),
    basis: word(vocabularyOf['upheld.basis'], text('basis')),
    destination: text('destination') === '' ? '' : format.country(text('destination').slice(0, 2)),
    contradicts: text('contradicts'),
    holder: text('holder') === '' ? '' : name(text('holder')) || texts.attesters.unnamed(text('holder')),
    rank: number('rank') === 0 ? '' : format.number(number('rank')),
    condition: word(vocabularyOf['title.recovered.condition'], text('condition')),
    jurisdiction: text('jurisdiction'),
    wording: text('text'),
    answer: (['amended', 'retracted', 'upheld'] as const).find((one) => one === text('answer')) ?? null,
    erased: erasedOf(tongue, details.named, name),
    dangerous: number('dangerous'),
    use: word(vocabularyOf['usage.usage'], finding.code.replace(/^usage\./, '')),
  };
}

function erasedOf(
  { texts, format }: Tongue,
  named: Json | undefined,
  name: (id: string) => string,
): FindingFacts['erased'] {
  if (!Array.isArray(named)) return [];
  return named.map((one) => {
    const { kind, organisation, operator, basis, erasedAt } = (one ?? {}) as Readonly<Record<string, Json>>;
    return {
      kind: word(texts.vocabulary.kind, kind),
      attester: name(String(organisation ?? '')),
      operator: typeof operator === 'string' ? operator : '',
      basis: word(texts.timeline.erased.bases, basis),
      time: typeof erasedAt === 'number' ? format.moment(erasedAt) : '',
    };
  });
}

function typeWord({ texts }: Tongue, { code, details }: Finding): string {
  const { value } = texts.vocabulary;
  if (details.type === null || details.type === undefined) return '';
  if (code === 'claim.recorded') return word(value['claim.type'], details.type);
  if (code === 'inspection.failed') return word(value['inspection.type'], details.type);
  if (code.startsWith('lien.')) return word(value['title.lienPlaced.type'], details.type);
  return word(value['registration.opposition.type'], details.type);
}

function reasonWord({ texts }: Tongue, { code, details }: Finding): string {
  const { value, override } = texts.vocabulary;
  if (details.reason === null || details.reason === undefined) return '';
  if (code === 'vehicle.withdrawn') return word(value['registration.withdrawn.reason'], details.reason);
  if (code === 'identity.linked') return word(value['vehicle.linked.reason'], details.reason);
  if (code === 'identity.replaced') return word(value['title.replaced.reason'], details.reason);
  if (code === 'title.scrapped') return word(value['title.scrapped.reason'], details.reason);
  if (code === 'title.reissued') return word(value['title.reissued.reason'], details.reason);
  if (code === 'entry.disputed') return word(value['title.disputed.reason'], details.reason);
  if (code === 'checkDigit.overridden') return word(override, details.reason);
  return word(value['amended.reason'], details.reason);
}
