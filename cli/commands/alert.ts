import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import type { AlertStatus } from '../../core/alerts/alert.ts';
import { type Customer, customersOf } from '../../core/alerts/customers.ts';
import {
  type AlertLinkHash,
  type LinkStatus,
  linkSecrets,
  readAlertLink,
  signAlertLink,
  signLinkAnswer,
} from '../../core/alerts/link.ts';
import { fromBase64Url, toBase64Url } from '../../core/bytes.ts';
import type { Json } from '../../core/canonical.ts';
import { readNotification, writeNotification } from '../../core/catenax/notifications.ts';
import type { Digest } from '../../core/chain/types.ts';
import { secureRandom } from '../../core/envelope/block.ts';
import { type ComposedEntry, composeEntry } from '../../core/envelope/envelope.ts';
import { formatIdentifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import {
  type AlertClassification,
  type AlertSeverity,
  alertAnswered,
  alertRaised,
} from '../../core/kinds/alert.ts';
import { type CheckedEntry, checkAlert, checkEntry } from '../alerts/check.ts';
import {
  type AlertDetail,
  type AlertView,
  answeredSchema,
  findAlert,
  freshReference,
  handInAlerts,
  linkSchema,
  listAlerts,
  openedSchema,
  type TierView,
} from '../alerts/wire.ts';
import { createClient, type Milestone } from '../client.ts';
import type { Context } from '../context.ts';
import { CommandError, type Exit, usageError } from '../exit.ts';
import { readCatenaxFile } from '../import/catenax.ts';
import { counted, type Output, printable } from '../output.ts';
import { requireUrl } from '../settings.ts';
import { openService, openSigning, type Signing, type SigningOptions } from '../signing.ts';
import { instantOf, untilOption } from '../titles/fields.ts';
import { fetchVerified } from './verifiedReport.ts';

export type AlertOptions = Omit<SigningOptions, 'keystore'> & {
  readonly keystore?: string;
  readonly wait?: Milestone;
};
export type RaiseOptions = AlertOptions & {
  readonly to?: readonly string[];
  readonly customer?: readonly string[];
  readonly batch?: readonly string[];
  readonly serial?: readonly string[];
  readonly description?: string;
  readonly severity: AlertSeverity;
  readonly classification: AlertClassification;
  readonly due?: string;
};

type Sealed = Record<string, Json>;

async function signing(context: Context, options: AlertOptions): Promise<Signing> {
  if (options.keystore === undefined) {
    throw usageError('keystore.unnamed', 'Say which key signs: --keystore NAME.');
  }
  return openSigning(context, { ...options, keystore: options.keystore });
}

/** Whom alerts go to: organisations on the network, and customers that are not. */
type Recipients = readonly ({ readonly recipient: string } | { readonly customer: string })[];

function recipientsOf({ to = [], customer = [] }: Pick<RaiseOptions, 'to' | 'customer'>): Recipients {
  return [
    ...[...new Set(to)].map((recipient) => ({ recipient })),
    ...[...new Set(customer)].map((party) => ({ customer: party })),
  ];
}

type What = {
  readonly classification: string;
  readonly severity: string;
  readonly sealed: Sealed;
};

function composeRaised(
  { signer }: Signing,
  reference: string,
  { classification, severity, sealed }: What,
): ComposedEntry {
  return composeEntry(signer.ledger, signer.organisation, 'own', {
    kind: alertRaised.name,
    time: instantOf(Math.floor(Date.now() / 1000)),
    data: { reference, classification, severity },
    sealed,
  });
}

function composeAnswer({ signer }: Signing, status: AlertStatus, sealed: Sealed): ComposedEntry {
  return composeEntry(signer.ledger, signer.organisation, 'own', {
    kind: alertAnswered.name,
    time: instantOf(Math.floor(Date.now() / 1000)),
    data: { status },
    sealed,
  });
}

const normalised = (texts: readonly string[] | undefined): string[] => [
  ...new Set((texts ?? []).map((text) => formatIdentifier(parseIdentifier(text)))),
];

/** What an alert says is wrong, by its options. */
function whatOf(options: RaiseOptions, before: Sealed = {}): What {
  const [batches, serials] = [normalised(options.batch), normalised(options.serial)];
  return {
    classification: options.classification,
    severity: options.severity,
    sealed: {
      ...before,
      ...(batches.length === 0 ? {} : { affectedBatches: batches }),
      ...(serials.length === 0 ? {} : { affectedSerials: serials }),
      ...(options.description === undefined ? {} : { description: options.description }),
      ...(options.due === undefined ? {} : { due: instantOf(untilOption(options.due)) }),
    },
  };
}

/** Raises one alert for each recipient. */
export async function raiseAlert(context: Context, options: RaiseOptions): Promise<Exit> {
  const recipients = recipientsOf(options);
  if (recipients.length === 0) {
    throw usageError('alert.recipient', 'Say whom it is for: --to ORGANISATION or --customer PARTY.');
  }
  const what = whatOf(options);
  return raiseAll(context, await signing(context, options), recipients, what, options.wait ?? 'anchored');
}

async function raiseAll(
  context: Context,
  open: Signing,
  recipients: Recipients,
  what: What,
  wait: Milestone,
): Promise<Exit> {
  const raised = recipients.map((to) => ({ ...to, reference: freshReference() }));
  const entries = raised.map(({ reference, ...to }) =>
    composeRaised(open, reference, { ...what, sealed: { ...what.sealed, ...to } }),
  );
  const { hash, state } = await handInAlerts(context, open, '/v1/alerts', entries, wait);
  const { output } = context;
  output.value({ submission: hash, state, alerts: raised });
  for (const alert of raised) {
    const whom = 'recipient' in alert ? `organisation ${alert.recipient}` : alert.customer;
    output.line(`Alert ${alert.reference} for ${printable(whom)}: ${state}.`);
    if ('customer' in alert) {
      output.line(`  It is not on the network: vinculum alert link ${alert.reference} --until 30d`);
    }
  }
  return 'ok';
}

export async function listAlertsCommand(
  context: Context,
  options: AlertOptions & { readonly box: 'in' | 'out' },
): Promise<Exit> {
  const { client } = await signing(context, options);
  const alerts = await listAlerts(client, options.box);
  const { output } = context;
  output.value(alerts);
  if (alerts.length === 0) output.line('There are no alerts.');
  for (const alert of alerts) showLine(output, alert);
  output.line('As the service says; show one to check it against the ledger.');
  return 'ok';
}

function showLine(output: Output, alert: AlertView): void {
  const { style } = output;
  const due = alert.due === null ? '' : `, due ${instantOf(alert.due)}`;
  const state = alert.raisedAt === null ? 'not on the ledger yet' : alert.state;
  output.line(
    `${alert.reference}  ${alert.overdue ? style.bad(`${state}, overdue`) : state}  by ${alert.attester} for ${alert.recipient ?? 'a link'}${due}`,
  );
}

/** Shows an alert; every entry of it is held to the ledger's own logs first. */
export async function showAlert(context: Context, reference: string, options: AlertOptions): Promise<Exit> {
  const { client, ledger } = await signing(context, options);
  const alert = await findAlert(client, referenceOf(reference));
  if (alert.raisedAt === null) {
    context.output.value({ ...alert, verified: false });
    showLine(context.output, alert);
    return 'incomplete';
  }
  const checked = await checkAlert(ledger.rpc, ledger.address, alert);
  context.output.value({
    ...alert,
    verified: true,
    sealed: checked.raised.sealed,
    reasons: checked.answers.map(({ digest, sealed }) => ({
      entry: digest,
      reason: sealed.description ?? null,
    })),
  });
  describe(context.output, alert, checked);
  return 'ok';
}

function describe(
  output: Output,
  alert: AlertDetail,
  { raised, answers }: { raised: CheckedEntry; answers: readonly CheckedEntry[] },
): void {
  const { style } = output;
  const { sealed, envelope } = raised;
  output.line(`${style.bold(`Alert ${alert.reference}`)}: ${alert.state}`);
  output.line(`  raised        ${envelope.time} by organisation ${alert.attester}, on its chain`);
  output.line(
    `  for           ${alert.recipient ?? `${printable(String(sealed.customer ?? ''))} (by a link)`}`,
  );
  output.line(`  it is         ${String(envelope.data.classification)}, ${String(envelope.data.severity)}`);
  for (const name of ['affectedBatches', 'affectedSerials'] as const) {
    const named = sealed[name];
    if (Array.isArray(named)) {
      output.line(
        `  about         ${named
          .slice(0, 10)
          .map((one) => printable(String(one)))
          .join(' ')}${named.length > 10 ? ` and ${named.length - 10} more` : ''}`,
      );
    }
  }
  if (typeof sealed.description === 'string') output.line(`  says          ${printable(sealed.description)}`);
  if (alert.due !== null) {
    const text = instantOf(alert.due);
    output.line(`  due           ${alert.overdue ? style.bad(`${text}: overdue`) : text}`);
  }
  for (const [index, answer] of alert.answers.entries()) {
    const reason = answers[index]?.sealed.description;
    const by = answer.byLink
      ? `through the link, as organisation ${answer.organisation} attests`
      : `by organisation ${answer.organisation}, on its chain`;
    output.line(
      `  ${answer.status.padEnd(13)} ${instantOf(answer.at)} ${by}${typeof reason === 'string' ? `: ${printable(reason)}` : ''}`,
    );
  }
  for (const { status } of alert.pending)
    output.line(`  ${status} is not on the ledger yet: it does not count`);
  if (alert.tiers.length > 0) {
    output.line('  passed on, as the service says:');
    showTiers(output, alert.tiers, '    ');
  }
  if (alert.link !== null) {
    output.line(
      `  link          until ${instantOf(alert.link.until)}, opened ${counted(alert.link.openings, 'time')}`,
    );
    const { answer } = alert.link;
    if (answer !== null && !answer.recorded) {
      output.line(
        `  The holder answered ${answer.signed.status}: it counts once you attest it: vinculum alert record ${alert.reference}`,
      );
    }
  }
}

function showTiers(output: Output, tiers: readonly TierView[], indent: string): void {
  for (const tier of tiers) {
    const whom =
      tier.disclosed === undefined ? '' : `  organisation ${tier.disclosed.recipient ?? '(a link)'}`;
    output.line(`${indent}${tier.reference}  ${tier.state ?? 'not known'}${whom}`);
    showTiers(output, tier.forwards, `${indent}  `);
  }
}

export type AnswerOptions = AlertOptions & { readonly reason?: string };

export async function answerAlert(
  context: Context,
  reference: string,
  status: 'acknowledged' | 'accepted' | 'declined' | 'closed',
  options: AnswerOptions,
): Promise<Exit> {
  const open = await signing(context, options);
  const name = referenceOf(reference);
  const alert = await findAlert(open.client, name);
  const entry = composeAnswer(open, status, {
    alert: { attester: alert.attester, reference: name },
    ...(options.reason === undefined ? {} : { description: options.reason }),
  });
  return answered(context, open, name, status, [entry], options.wait);
}

async function answered(
  context: Context,
  open: Signing,
  reference: string,
  status: string,
  entries: readonly ComposedEntry[],
  wait: Milestone = 'anchored',
): Promise<Exit> {
  const path = `/v1/alerts/${reference}/answers`;
  const { hash, state } = await handInAlerts(context, open, path, entries, wait);
  context.output.value({ reference, status, submission: hash, state });
  context.output.line(`${status}: ${state}.`);
  return 'ok';
}

export type ForwardOptions = Omit<RaiseOptions, 'severity' | 'classification'> & {
  readonly severity?: AlertSeverity;
  readonly toCustomers?: boolean;
  readonly yes?: boolean;
  readonly disclose?: boolean;
};

const traceSchema = z.looseObject({
  things: z.array(z.looseObject({ identifier: z.string(), type: z.string() })),
});

/**
 * Passes an alert on: to organisations that are named, or to the customers that one shipped the affected batches, or
 * batches made of them, to.
 */
export async function forwardAlert(
  context: Context,
  reference: string,
  options: ForwardOptions,
): Promise<Exit> {
  const open = await signing(context, options);
  const { client, signer, ledger } = open;
  const name = referenceOf(reference);
  const above = await findAlert(client, name);
  const { raised } = await checkAlert(ledger.rpc, ledger.address, above);
  const affected = Array.isArray(raised.sealed.affectedBatches)
    ? raised.sealed.affectedBatches.map(String)
    : [];
  const own = normalised(options.batch);
  const chosen = recipientsOf(options);
  const shipped =
    options.toCustomers === true
      ? await shippedTo(context, open, own.length > 0 ? own : affected, options)
      : { customers: [], recipients: [], batches: [] };
  const recipients = distinct([...chosen, ...shipped.recipients]);
  if (recipients.length === 0) {
    throw usageError(
      'alert.recipient',
      options.toCustomers === true
        ? 'No entry of yours says that these batches were shipped to anybody: name recipients with --to or --customer.'
        : 'Say whom it goes to: --to ORGANISATION, --customer PARTY or --to-customers.',
    );
  }
  if (options.toCustomers === true && !(await isConfirmed(context, options, recipients, shipped.customers))) {
    context.output.line('Nothing was sent.');
    return 'usage';
  }
  const batches = own.length > 0 ? own : shipped.batches.length > 0 ? shipped.batches : affected;
  const { description, due, affectedSerials } = raised.sealed;
  const what = whatOf(
    {
      ...options,
      batch: batches,
      severity: options.severity ?? (String(raised.envelope.data.severity) as AlertSeverity),
      classification: String(raised.envelope.data.classification) as AlertClassification,
    },
    {
      ...(typeof description === 'string' ? { description } : {}),
      ...(typeof due === 'string' ? { due } : {}),
      ...(Array.isArray(affectedSerials) && own.length === 0 ? { affectedSerials } : {}),
      alert: { attester: above.attester, reference: name },
      ...(options.disclose === true ? { disclosed: true } : {}),
    },
  );
  const passed = recipients.map((to) => ({ ...to, reference: freshReference() }));
  const entries = [
    ...(above.state === 'raised'
      ? [composeAnswer(open, 'acknowledged', { alert: { attester: above.attester, reference: name } })]
      : []),
    ...passed.map(({ reference: below, ...to }) =>
      composeRaised(open, below, { ...what, sealed: { ...what.sealed, ...to } }),
    ),
    composeAnswer(open, 'forwarded', {
      alert: { attester: above.attester, reference: name },
      forwardedAs: passed.map(({ reference: below }) => below),
    }),
  ];
  const path = `/v1/alerts/${name}/answers`;
  const { hash, state } = await handInAlerts(context, open, path, entries, options.wait ?? 'anchored');
  const { output } = context;
  output.value({
    reference: name,
    submission: hash,
    state,
    alerts: passed,
    by: signer.organisation.toString(),
  });
  for (const alert of passed) {
    const whom = 'recipient' in alert ? `organisation ${alert.recipient}` : alert.customer;
    output.line(`Passed on to ${printable(whom)} as ${alert.reference}: ${state}.`);
  }
  return 'ok';
}

function distinct(recipients: Recipients): Recipients {
  return [...new Map(recipients.map((to) => [JSON.stringify(to), to])).values()];
}

type Shipment = Customer & { readonly batch: string };

/** Whom one's own entries say that these batches, or batches made of them, were shipped to. */
async function shippedTo(
  context: Context,
  { client, signer }: Signing,
  batches: readonly string[],
  options: AlertOptions,
): Promise<{
  readonly customers: readonly Shipment[];
  readonly recipients: Recipients;
  readonly batches: readonly string[];
}> {
  const reached = new Set(batches);
  for (const batch of batches) {
    const { things } = await client.json('/v1/traces', traceSchema, { identifier: batch, direction: 'up' });
    for (const { identifier, type } of things) if (type === 'batch') reached.add(identifier);
  }
  const customers: Shipment[] = [];
  for (const batch of reached) {
    const { verification } = await fetchVerified(context, batch, options);
    const found = customersOf(verification.effective, signer.organisation);
    customers.push(...found.map((customer) => ({ ...customer, batch })));
  }
  const recipients = customers.flatMap(({ organisation, party }): Recipients[number][] => {
    if (organisation !== null) return [{ recipient: organisation.toString() }];
    return party === null ? [] : [{ customer: party }];
  });
  return { customers, recipients, batches: [...new Set(customers.map(({ batch }) => batch))] };
}

/**
 * Shows whom the history of the batches gives for customers, and asks: what is sealed for somebody can't be taken back.
 * @throws `alert.confirm` where nobody is there to ask
 */
async function isConfirmed(
  { ask, output }: Context,
  { yes }: ForwardOptions,
  recipients: Recipients,
  customers: readonly Shipment[],
): Promise<boolean> {
  const { style } = output;
  for (const { organisation, party, batch, claimedBy } of customers) {
    const named = party === null ? '' : printable(party);
    const whom =
      organisation === null
        ? `${named || 'somebody whom no entry names'}, whom nobody on the network stands for`
        : `organisation ${organisation}${named === '' ? '' : `, as ${named}`}, by its own word that it received it`;
    output.line(`  ${printable(batch)}: ${whom}`);
    for (const claimer of claimedBy) {
      output.line(
        `    ${style.warn('not sent to')} organisation ${claimer}: it attests the receipt under another name; if it is the customer, name it with --to`,
      );
    }
  }
  if (yes === true) return true;
  const question = `Pass it on to ${counted(recipients.length, 'recipient')}?`;
  if (ask === undefined || output.json) {
    const named = recipients.map((to) => ('recipient' in to ? `organisation ${to.recipient}` : to.customer));
    throw usageError(
      'alert.confirm',
      `${question} Say --yes to do it, or name recipients with --to. Found: ${named.map(printable).join(', ')}.`,
    );
  }
  return /^y(?:es)?$/i.test((await ask(`${question} Type yes: `)).trim());
}

/** Makes a link by which a company that is not on the network opens an alert and answers it. */
export async function linkAlert(
  context: Context,
  reference: string,
  options: AlertOptions & { readonly until: string },
): Promise<Exit> {
  const { client, signer } = await signing(context, options);
  const alert = await findAlert(client, referenceOf(reference));
  const token = secureRandom(32);
  const { holder, bearer } = linkSecrets(token);
  const from = BigInt(Math.floor(Date.now() / 1000));
  const until = untilOption(options.until);
  const signed = signAlertLink(
    signer.ledger,
    { alert: alert.entry as Digest, holder, bearer, from, until },
    signer.secretKey,
  );
  const made = await client.json('/v1/alerts/links', linkSchema, signed);
  const link = `${client.url}/#alert=${toBase64Url(token)}`;
  const { output } = context;
  output.value({ link, reference: alert.reference, hash: made.hash, until: made.until });
  output.line('This link opens the alert for one company, on the device that opens it first:');
  output.line();
  output.line(`  ${link}`);
  output.line();
  output.line(`It works until ${instantOf(made.until)}, or until you make another. It can’t be shown again.`);
  return 'ok';
}

export type OpenOptions = Pick<AlertOptions, 'rpc' | 'directory'> & {
  readonly answer?: LinkStatus;
  readonly reason?: string;
  readonly by?: string;
};

/** Opens the alert of a link, checks it on the ledger, and answers it where that is asked for. */
export async function openAlertLink(context: Context, link: string, options: OpenOptions): Promise<Exit> {
  const { token, url } = readLink(link);
  const { opener, holder, bearer, secretKey } = linkSecrets(fromBase64Url(token));
  const settings = context.settings();
  const client = createClient(url ?? requireUrl(settings), { signal: context.signal });
  const visitor = await visitorOf(settings.folder, bearer);
  const secrets = { opener: toBase64Url(opener), visitor };
  const opened = await client.json('/v1/alerts/open', openedSchema, secrets);
  const { ledger } = await openService(context, options);
  const signed = readAlertLink(ledger.address, opened.link);
  const raised = await checkEntry(ledger.rpc, ledger.address, {
    digest: signed.link.alert,
    organisation: opened.attester,
    kind: alertRaised.number,
    content: opened.content,
  });
  if (signed.link.holder !== holder || raised.envelope.data.reference !== opened.reference) {
    throw new CommandError('failed', 'alert.refuted', 'The service opens another alert than this link’s.');
  }
  let answer = opened.answer;
  if (options.answer !== undefined) {
    const said = signLinkAnswer(
      ledger.address,
      {
        link: signed.hash as AlertLinkHash,
        status: options.answer,
        reason: options.reason ?? '',
        by: options.by ?? '',
        at: BigInt(Math.floor(Date.now() / 1000)),
      },
      secretKey,
    );
    const path = `/v1/alerts/${opened.reference}/answers`;
    answer = (await client.json(path, answeredSchema, { ...secrets, answer: said })).answer;
  }
  const { output } = context;
  const { content: _content, ...facts } = opened;
  output.value({ ...facts, answer, sealed: raised.sealed, data: raised.envelope.data });
  output.line(`Alert by organisation ${opened.attester}, on its chain since ${instantOf(opened.raisedAt)}.`);
  output.line(
    `  it is         ${String(raised.envelope.data.classification)}, ${String(raised.envelope.data.severity)}`,
  );
  for (const name of ['affectedBatches', 'affectedSerials', 'description'] as const) {
    const said = raised.sealed[name];
    if (said === undefined) continue;
    output.line(`  ${printable(Array.isArray(said) ? said.map(String).join(' ') : String(said))}`);
  }
  if (opened.due !== null) output.line(`  answer by     ${instantOf(opened.due)}`);
  output.line(`  link until    ${instantOf(opened.until)}`);
  if (answer === null)
    output.line('Answer it: --answer acknowledged|accepted|declined [--reason TEXT] [--by NAME]');
  else {
    output.line(
      `You answered ${answer.signed.status}: ${answer.recorded ? 'it is on the ledger, by the sender’s word and your signature' : 'the sender has it, and has not put it on the ledger yet'}.`,
    );
  }
  return 'ok';
}

const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** @throws `alert.link` */
function readLink(link: string): { readonly token: string; readonly url: string | null } {
  if (TOKEN.test(link)) return { token: link, url: null };
  const url = URL.canParse(link) ? new URL(link) : null;
  const token = new URLSearchParams(url?.hash.slice(1) ?? '').get('alert') ?? '';
  if (url === null || !/^https?:$/.test(url.protocol) || !TOKEN.test(token)) {
    throw usageError(
      'alert.link',
      'A link of an alert ends in #alert= and 43 letters: copy the whole of it.',
    );
  }
  return { token, url: url.origin };
}

/** What makes this device the one that may open a link: made once, and kept in the data folder. */
async function visitorOf(folder: string, bearer: string): Promise<string> {
  const links = join(folder, 'alert-links');
  const file = join(links, `${bearer.slice(2, 34)}.secret`);
  await mkdir(links, { recursive: true, mode: 0o700 });
  const fresh = toBase64Url(secureRandom(32));
  try {
    await writeFile(file, `${fresh}\n`, { mode: 0o600, flag: 'wx' });
    return fresh;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return (await readFile(file, 'utf8')).trim();
  }
}

/** Attests, on one's own chain, what the holder of a link answered. */
export async function recordAnswer(
  context: Context,
  reference: string,
  options: AlertOptions,
): Promise<Exit> {
  const open = await signing(context, options);
  const name = referenceOf(reference);
  const alert = await findAlert(open.client, name);
  const { link } = alert;
  if (link?.answer === undefined || link.answer === null) {
    throw usageError('alert.linkAnswerMissing', 'Nobody has answered through a link of this alert.');
  }
  const answer = link.answer.signed;
  const reason = typeof answer.reason === 'string' && answer.reason !== '' ? answer.reason : undefined;
  const entry = composeAnswer(open, answer.status as AlertStatus, {
    alert: { attester: alert.attester, reference: name },
    linkAnswer: { link: link.link as Json, answer: answer as unknown as Json },
    ...(reason === undefined ? {} : { description: reason }),
  });
  return answered(context, open, name, answer.status, [entry], options.wait);
}

export type ImportNotificationOptions = RaiseOptions & { readonly with?: readonly string[] };

/** Raises an alert from a notification of Catena-X; a malformed one is refused before anything is sent. */
export async function importNotification(
  context: Context,
  file: string,
  options: ImportNotificationOptions,
): Promise<Exit> {
  const recipients = recipientsOf(options);
  const notification = readNotification(await readJson(file));
  const twins = (
    await Promise.all((options.with ?? []).map((path) => readCatenaxFile(path, context.signal)))
  ).flatMap((read) => read.twins);
  const byId = new Map(twins.map(({ id, identifier }) => [id.toLowerCase(), identifier]));
  const known = notification.items.flatMap((item) => byId.get(item) ?? []);
  const unknown = notification.items.filter((item) => !byId.has(item));
  if (recipients.length === 0) {
    throw usageError(
      'alert.recipient',
      `Say whom ${notification.recipient} is here: --to ORGANISATION or --customer ${notification.recipient}.`,
    );
  }
  const of = (type: string) => known.filter((identifier) => identifier.startsWith(`${type}:`));
  const what = whatOf(
    {
      ...options,
      classification: notification.classification,
      severity: notification.severity,
      batch: [...of('batch'), ...(options.batch ?? [])],
      serial: [...of('serial'), ...(options.serial ?? [])],
    },
    {
      description: notification.description,
      eventId: notification.notificationId,
      ...(notification.due === null ? {} : { due: notification.due }),
      ...(unknown.length === 0 ? {} : { note: unknown.join('\n') }),
    },
  );
  const vehicles = known.filter((identifier) => /^(?:van|vin):/.test(identifier));
  for (const vehicle of vehicles)
    context.output.note(`${vehicle} is a vehicle: an alert is about batches and parts.`);
  if (unknown.length > 0) {
    context.output.note(
      `${counted(unknown.length, 'affected item')} named by no file of --with: kept by id in the sealed note.`,
    );
  }
  return raiseAll(context, await signing(context, options), recipients, what, options.wait ?? 'anchored');
}

export type ExportNotificationOptions = AlertOptions & {
  readonly sender: string;
  readonly recipientBpn: string;
  readonly output?: string;
};

/** An alert as a notification of Catena-X, once it is checked on the ledger. */
export async function exportNotification(
  context: Context,
  reference: string,
  options: ExportNotificationOptions,
): Promise<Exit> {
  const { client, ledger } = await signing(context, options);
  const alert = await findAlert(client, referenceOf(reference));
  const { raised } = await checkAlert(ledger.rpc, ledger.address, alert);
  const { sealed, envelope } = raised;
  const listed = (name: string): string[] => {
    const value = sealed[name];
    return Array.isArray(value) ? value.map(String) : [];
  };
  const note = typeof sealed.note === 'string' ? sealed.note.split('\n') : [];
  const notification = writeNotification({
    reference: alert.reference,
    notificationId: typeof sealed.eventId === 'string' ? sealed.eventId : undefined,
    sender: options.sender,
    senderAddress: client.url,
    recipient: options.recipientBpn,
    classification: String(envelope.data.classification) as AlertClassification,
    severity: String(envelope.data.severity) as AlertSeverity,
    description: typeof sealed.description === 'string' ? sealed.description : '',
    due: alert.due,
    state: alert.state,
    items: [
      ...note.filter((line) => line.startsWith('urn:uuid:')),
      ...listed('affectedBatches'),
      ...listed('affectedSerials'),
    ],
  });
  const text = `${JSON.stringify(notification, null, 2)}\n`;
  const { output } = context;
  if (options.output === undefined) {
    output.value(notification);
    output.line(text.trimEnd());
    return 'ok';
  }
  await writeFile(options.output, text, { mode: 0o600 });
  output.value({ file: options.output });
  output.line(`Notification in ${options.output}.`);
  return 'ok';
}

function referenceOf(text: string): string {
  const lower = text.toLowerCase();
  if (/^0x[0-9a-f]{32}$/.test(lower)) return lower;
  throw usageError('alert.reference', 'An alert is named by its reference: 0x and 32 hexadecimal digits.');
}

async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw usageError('import.file', `${file} can’t be read: check the path.`, { cause });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw usageError('notification.malformed', `${file} is not JSON.`, { cause });
  }
}
