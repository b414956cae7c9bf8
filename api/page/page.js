import { texts } from './texts.js';

/* The first page: what the service says of one vehicle, plainly. It checks nothing, and says so. */

const form = document.getElementById('form');
const input = document.getElementById('identifier');
const hint = document.getElementById('hint');
const result = document.getElementById('result');
const button = form.querySelector('button');

const LANGUAGE_KEY = 'vinculum.language';
let language = chosenLanguage();
/** What is on show: `{ overview }` or `{ failure }`, drawn anew when the language changes. */
let shown = null;
let current = 0;

const t = () => texts[language];

function chosenLanguage() {
  try {
    const kept = localStorage.getItem(LANGUAGE_KEY);
    if (kept === 'en' || kept === 'zh') return kept;
  } catch {
    // A browser that keeps nothing for us still has a language.
  }
  const spoken = navigator.languages.find((name) => /^(zh|en)\b/i.test(name)) ?? 'en';
  return spoken.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

function setLanguage(next) {
  language = next;
  try {
    localStorage.setItem(LANGUAGE_KEY, next);
  } catch {
    // Then it holds for this visit.
  }
  draw();
}

/** An element with attributes and children; text goes in as text, never as markup. */
function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === 'onclick') element.addEventListener('click', value);
    else if (value !== null && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== ''));
  return element;
}

function svg(name, attributes, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const locale = () => (language === 'zh' ? 'zh-Hans' : 'en-GB');
const numberText = (value) => new Intl.NumberFormat(locale()).format(value);

/** An event's day, and its time where it has one. */
function timeText(time) {
  if (!time) return '';
  const whole = time.length > 10;
  const parsed = new Date(whole ? time : `${time}T00:00:00Z`);
  if (Number.isNaN(parsed.getTime())) return time;
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeZone: 'UTC' }).format(parsed);
}

const distanceText = ({ value, unit }) => `${numberText(value)} ${t().units[unit] ?? unit}`;

/** A name of the protocol as words: `passedWithDefects` is “passed with defects”. */
function word(name) {
  const known = t().words[name];
  if (known !== undefined) return known;
  return String(name)
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/^(.)(.*)$/, (_, first, rest) =>
      /[A-Z]{2}/.test(name) ? first + rest : first + rest.toLowerCase(),
    );
}

function localised(value) {
  if (value === null || typeof value !== 'object') return value === undefined ? '' : String(value);
  return (
    value[language] ??
    value[language === 'zh' ? 'zh-Hans' : 'en'] ??
    value.en ??
    Object.values(value)[0] ??
    ''
  );
}

function attesterText(overview, id) {
  const organisation = overview.organisations.find((one) => one.id === id);
  const names = organisation?.profile?.names;
  const name = names ? localised(names) : t().unknownAttester(id ?? '?');
  return organisation?.status === 'suspended' ? `${name} (${t().suspended})` : name;
}

// ------------------------------------------------------------------------------------------------------------------
// Looking up

async function lookUp(text, { push = true } = {}) {
  const turn = ++current;
  const identifier = text.trim();
  input.value = identifier;
  if (push) history.pushState(null, '', identifier === '' ? '/' : `/?id=${encodeURIComponent(identifier)}`);
  if (identifier === '') {
    shown = null;
    return draw();
  }
  busy(true);
  try {
    const response = await fetch(`/v1/vehicles/${encodeURIComponent(identifier)}`, {
      headers: { Accept: 'application/json' },
    });
    const body = await response.json();
    if (turn !== current) return;
    shown = response.ok ? { overview: body } : { failure: body };
  } catch {
    if (turn !== current) return;
    shown = { failure: { code: 'offline' } };
  } finally {
    if (turn === current) busy(false);
  }
  draw();
}

function busy(is) {
  result.setAttribute('aria-busy', String(is));
  button.disabled = is;
  if (is) hint.textContent = t().loading;
}

// ------------------------------------------------------------------------------------------------------------------
// Drawing

function draw() {
  document.documentElement.lang = language === 'zh' ? 'zh-Hans' : 'en';
  for (const element of document.querySelectorAll('[data-text]'))
    element.textContent = t()[element.dataset.text];
  for (const element of document.querySelectorAll('[data-language]')) {
    element.setAttribute('aria-pressed', String(element.dataset.language === language));
  }
  input.removeAttribute('aria-invalid');
  if (shown?.failure) drawFailure(shown.failure);
  else if (shown?.overview) drawOverview(shown.overview);
  else {
    document.title = 'Vinculum';
    result.replaceChildren();
  }
  drawHint();
}

function drawHint() {
  if (result.getAttribute('aria-busy') === 'true') return;
  const text = input.value;
  if (text.trim() === '') hint.textContent = '';
  else if (text.includes(':')) hint.textContent = t().otherIdentifier;
  else hint.textContent = t().counted([...text.normalize('NFKC').replace(/[\s\p{Dash}]/gu, '')].length);
}

function drawFailure(failure) {
  const aboutInput = /^(vin|identifier|request)\./.test(failure.code);
  if (aboutInput) input.setAttribute('aria-invalid', 'true');
  const said = failure.code === 'offline' ? t().offline : (t().problems[failure.code] ?? t().problem);
  const suggestions = (failure.didYouMean ?? []).map((vin) =>
    el('button', { type: 'button', class: 'button plain mono', onclick: () => lookUp(vin) }, vin),
  );
  const retry = aboutInput
    ? null
    : el(
        'button',
        { type: 'button', class: 'button plain', onclick: () => lookUp(input.value, { push: false }) },
        t().retry,
      );
  const quoted = failure.requestId
    ? el('p', { class: 'quiet mono' }, `${failure.code} · ${failure.requestId}`)
    : null;
  result.replaceChildren(
    el(
      'div',
      { class: 'card verdict failed', role: 'alert' },
      el('p', { class: 'said' }, said),
      suggestions.length === 0 ? null : el('p', {}, t().didYouMean),
      el('div', { class: 'suggestions' }, suggestions, retry ?? ''),
      quoted,
    ),
  );
}

function drawOverview(overview) {
  document.title = `${overview.identifier.replace(/^vin:/, '')} · Vinculum`;
  const parts = overview.recorded
    ? [
        verdictCard(overview),
        vehicleCard(overview),
        findingsCard(overview),
        odometerCard(overview),
        timelineCard(overview),
        checkCard(overview),
      ]
    : [neverCard(overview), checkCard(overview)];
  result.replaceChildren(...parts.filter((part) => part !== null));
}

/** What the vehicle is, by the entries that describe it; a later one completes and corrects. */
function description(overview) {
  const described = overview.entries.filter(
    ({ kind }) => kind === 'vehicle.built' || kind === 'vehicle.registered',
  );
  return Object.assign({}, ...described.map(({ data }) => data ?? {}));
}

function nameOf(overview) {
  const { brand, model } = description(overview);
  return [brand, model].filter(Boolean).join(' ') || t().unnamed;
}

function verdictCard(overview) {
  const count = (severity) => overview.findings.filter((finding) => finding.severity === severity).length;
  const alerts = count('alert');
  const warnings = count('warning');
  const worst = alerts > 0 ? 'alert' : warnings > 0 ? 'warning' : 'good';
  return el(
    'section',
    { class: `card verdict ${worst}` },
    el('p', { class: 'name' }, nameOf(overview)),
    el('p', { class: 'mono quiet' }, overview.identifier.replace(/^vin:/, '')),
    el('p', { class: 'said' }, alerts + warnings === 0 ? t().clean : t().attention(alerts, warnings)),
    el(
      'ul',
      { class: 'counts' },
      ['alert', 'warning', 'notice', 'information']
        .filter((severity) => count(severity) > 0)
        .map((severity) =>
          el(
            'li',
            { class: `badge ${severity}` },
            `${MARKS[severity]} ${t().severities[severity]}: ${count(severity)}`,
          ),
        ),
    ),
  );
}

function neverCard(overview) {
  return el(
    'section',
    { class: 'card verdict none' },
    el('p', { class: 'mono quiet' }, overview.identifier.replace(/^vin:/, '')),
    el('p', { class: 'name' }, t().never),
    el('p', { class: 'said' }, t().neverMore),
  );
}

function vehicleCard(overview) {
  const described = description(overview);
  const { facts } = t();
  const latest = overview.summary?.odometer.latest;
  const rows = [
    [facts.brand, described.brand],
    [facts.model, described.model],
    [facts.vehicleModelDate, described.vehicleModelDate],
    [facts.fuelType, described.fuelType && word(described.fuelType)],
    [facts.bodyType, described.bodyType],
    [facts.color, described.color],
    [facts.firstRegistered, timeText(described.dateVehicleFirstRegistered)],
    [facts.market, described.market],
    [facts.holders, overview.summary?.holders || ''],
    [facts.mileage, latest ? `${distanceText(latest.reading)}, ${timeText(latest.time)}` : ''],
    [facts.checkDigit, t().checkDigits[overview.checkDigit]],
  ].filter(([, value]) => value !== undefined && value !== '');
  return el(
    'section',
    { class: 'card' },
    el('h2', {}, t().vehicle),
    el(
      'dl',
      {},
      rows.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, String(value)))),
    ),
  );
}

const MARKS = { alert: '✕', warning: '!', notice: '•', information: 'i' };

function findingsCard(overview) {
  const items = overview.findings.map((finding) =>
    el(
      'li',
      {},
      el('span', { class: `mark ${finding.severity}`, 'aria-hidden': 'true' }, MARKS[finding.severity]),
      el(
        'div',
        {},
        el('div', { class: 'what' }, findingTitle(finding)),
        el(
          'div',
          { class: 'detail' },
          [t().severities[finding.severity], ...findingDetails(overview, finding)].join(' · '),
        ),
      ),
    ),
  );
  return el(
    'section',
    { class: 'card' },
    el('h2', {}, t().findings),
    items.length === 0 ? el('p', {}, t().noFindings) : el('ul', { class: 'findings' }, items),
  );
}

function findingTitle({ code, details }) {
  if (code.startsWith('usage.')) return t().usage(word(code.slice('usage.'.length)));
  const title = t().findingTitles[code] ?? code;
  if (code === 'title.brand') return `${title}: ${details.name}`;
  if (code.startsWith('recall.') && details.title) return `${title}: ${localised(details.title)}`;
  return title;
}

/** The facts of a finding that a reader can use. */
function findingDetails(overview, { code, details }) {
  const said = [];
  if (details.before && details.reading)
    said.push(t().drop(readingText(overview, details.before), readingText(overview, details.reading)));
  if (code === 'recall.unknown' && details.attesters?.length === 0) said.push(t().noMaker);
  if (details.state) said.push(t().state[details.state] ?? word(details.state));
  if (details.since) said.push(t().since(timeText(details.since)));
  if (details.time && !details.before) said.push(timeText(details.time));
  if (details.from) said.push([timeText(details.from), timeText(details.until)].filter(Boolean).join(' – '));
  if (details.remedy) said.push(localised(details.remedy));
  if (details.to) said.push(details.to);
  if (details.reason) said.push(word(details.reason));
  if (typeof details.severity === 'string') said.push(word(details.severity));
  if (typeof details.count === 'number') said.push(t().count(details.count));
  return said;
}

function readingText(overview, reading) {
  const facts = [
    timeText(reading.time),
    reading.source && word(reading.source),
    attesterText(overview, reading.organisation),
  ];
  return `${distanceText(reading)} (${facts.filter(Boolean).join(', ')})`;
}

function odometerCard(overview) {
  const readings = overview.summary?.odometer.readings ?? [];
  if (readings.length === 0) return null;
  const rows = readings.map(({ time, reading, grade, organisation }) =>
    el(
      'tr',
      { class: grade === 'discrepancy' ? 'bad' : grade === 'superseded' ? 'old' : null },
      el('td', {}, timeText(time)),
      el('td', { class: 'number' }, distanceText(reading)),
      el('td', {}, `${word(reading.source)}, ${attesterText(overview, organisation)}`),
      el('td', {}, t().grades[grade] ?? grade),
    ),
  );
  return el(
    'section',
    { class: 'card' },
    el('h2', {}, t().odometer),
    readings.length > 1 ? odometerChart(readings) : null,
    el(
      'div',
      { class: 'scroll', tabindex: '0' },
      el(
        'table',
        {},
        el(
          'thead',
          {},
          el(
            'tr',
            {},
            el('th', {}, t().date),
            el('th', { class: 'number' }, t().reading),
            el('th', {}, t().source),
            el('th', {}, t().grade),
          ),
        ),
        el('tbody', {}, rows),
      ),
    ),
  );
}

/** Kilometres over time; what does not add up is marked. The table below says the same in words. */
function odometerChart(readings) {
  const [width, height, left, bottom, top, right] = [640, 240, 106, 34, 14, 16];
  const seconds = ({ time }) => Date.parse(time.length > 10 ? time : `${time}T00:00:00Z`);
  const times = readings.map(seconds);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const most = Math.max(...readings.map(({ kilometres }) => kilometres), 1);
  const x = (time) => left + ((time - first) / Math.max(1, last - first)) * (width - left - right);
  const y = (kilometres) => height - bottom - (kilometres / most) * (height - bottom - top);
  const counted = readings.filter(({ grade }) => grade !== 'superseded');
  const path = counted.map(
    (reading, index) =>
      `${index === 0 ? 'M' : 'L'}${x(seconds(reading)).toFixed(1)} ${y(reading.kilometres).toFixed(1)}`,
  );
  const lines = [0, 0.5, 1].flatMap((share) => [
    svg('line', { class: 'grid', x1: left, x2: width - right, y1: y(most * share), y2: y(most * share) }),
    svg(
      'text',
      { x: left - 8, y: y(most * share) + 4, 'text-anchor': 'end' },
      numberText(Math.round(most * share)),
    ),
  ]);
  const years = [first, last].map((time, index) =>
    svg(
      'text',
      { x: index === 0 ? left : width - right, y: height - 6, 'text-anchor': index === 0 ? 'start' : 'end' },
      String(new Date(time).getUTCFullYear()),
    ),
  );
  const dots = readings.map((reading) =>
    svg('circle', {
      class: `dot ${reading.grade === 'discrepancy' ? 'bad' : reading.grade === 'superseded' ? 'old' : ''}`,
      cx: x(seconds(reading)),
      cy: y(reading.kilometres),
      r: reading.grade === 'discrepancy' ? 6 : 4,
    }),
  );
  return svg(
    'svg',
    { class: 'chart', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': t().odometer },
    ...lines,
    svg('path', { class: 'line', d: path.join('') }),
    ...dots,
    ...years,
  );
}

function timelineCard(overview) {
  const sorted = [...overview.entries].sort(
    (one, other) => (one.time ?? '').localeCompare(other.time ?? '') || one.position - other.position,
  );
  return el(
    'section',
    { class: 'card' },
    el('h2', {}, `${t().timeline} (${t().entries(sorted.length)})`),
    el(
      'ol',
      { class: 'timeline' },
      sorted.map((entry) => timelineEntry(overview, entry)),
    ),
  );
}

function timelineEntry(overview, entry) {
  const data = Object.entries({ ...entry.data, ...entry.sealed });
  return el(
    'li',
    { class: entry.status === 'proven' ? null : 'unproven' },
    el(
      'div',
      { class: 'when' },
      timeText(entry.time) || timeText(new Date(entry.anchoredAt * 1000).toISOString()),
    ),
    el('h3', {}, t().kinds[entry.kind] ?? entry.kind, ' ', headline(entry)),
    el('div', { class: 'who' }, `${t().by} ${attesterText(overview, entry.organisation)}`),
    entry.status === 'proven'
      ? null
      : el('span', { class: 'badge warning' }, t().statuses[entry.status] ?? entry.status),
    data.length === 0
      ? null
      : el(
          'details',
          {},
          el('summary', {}, t().details),
          el(
            'dl',
            { class: 'small' },
            data.map(([name, value]) =>
              el('div', {}, el('dt', {}, word(name)), el('dd', {}, valueText(value, name))),
            ),
          ),
        ),
  );
}

/** What tells entries of one kind apart at a glance. */
function headline({ data = {} }) {
  const [telling] = [data.action, data.result, data.status, data.usage, data.severity, data.type].filter(
    Boolean,
  );
  return telling === undefined ? '' : `– ${word(telling)}`;
}

function valueText(value, name = '') {
  if (Array.isArray(value)) return value.map((item) => valueText(item)).join(name === 'parts' ? '; ' : ', ');
  if (value !== null && typeof value === 'object') {
    if (typeof value.value === 'number' && value.unit) {
      return value.source ? `${distanceText(value)} (${word(value.source)})` : distanceText(value);
    }
    return Object.entries(value)
      .map(([key, member]) => `${word(key)}: ${valueText(member)}`)
      .join(', ');
  }
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'boolean') return word(String(value));
  if (/^\d{4}-\d\d-\d\d/.test(value)) return timeText(value);
  return /^[a-z][A-Za-z]+$/.test(value) ? word(value) : value;
}

function checkCard(overview) {
  const path = `/v1/vehicles/${encodeURIComponent(overview.identifier)}/report`;
  const file = `${overview.identifier.replace(/[^A-Za-z0-9]+/g, '-')}.report.json`;
  const time = timeText(new Date(overview.asOf.timestamp * 1000).toISOString());
  return el(
    'section',
    { class: 'card' },
    el('h2', {}, t().check),
    el('p', {}, t().checkMore),
    el('pre', { tabindex: '0' }, el('code', {}, `bin/vinculum verify ${file} --rpc URL`)),
    el('div', { class: 'actions' }, el('a', { class: 'button', href: path, download: file }, t().download)),
    el('p', { class: 'quiet' }, t().asOf(overview.asOf.number, time)),
  );
}

// ------------------------------------------------------------------------------------------------------------------

form.addEventListener('submit', (event) => {
  event.preventDefault();
  lookUp(input.value);
});
input.addEventListener('input', drawHint);
for (const element of document.querySelectorAll('[data-language]')) {
  element.addEventListener('click', () => setLanguage(element.dataset.language));
}
const fromAddress = () => new URLSearchParams(location.search).get('id') ?? '';
window.addEventListener('popstate', () => lookUp(fromAddress(), { push: false }));

draw();
lookUp(fromAddress(), { push: false });
