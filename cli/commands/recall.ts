import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Json } from '../../core/canonical.ts';
import { formatIdentifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import { createClient } from '../client.ts';
import type { Context } from '../context.ts';
import { type ReadDocument, readDocument, uploadDocuments } from '../documents.ts';
import { CommandError, type Exit, usageError } from '../exit.ts';
import { journalName } from '../import/importer.ts';
import { type Journal, openJournal } from '../import/journal.ts';
import { count, counted, type Output, printable } from '../output.ts';
import {
  type CampaignView,
  campaignOf,
  campaignsOf,
  contentOf,
  earlier,
  listingsOf,
  openingName,
  type ProgressView,
  resume,
  type Stage,
  type Stated,
  type Statement,
  state,
} from '../recalls/campaign.ts';
import {
  type Affected,
  affectedBy,
  hasCriteria,
  readSelection,
  type Selection,
  type SelectionOptions,
} from '../recalls/selection.ts';
import { requireUrl } from '../settings.ts';
import { openSigning, type Signing, type SigningOptions } from '../signing.ts';
import { subjectsOf } from '../subjects.ts';

type Members = Readonly<Record<string, Json>>;

type SayOptions = SigningOptions & { readonly time?: string; readonly description?: string };
type ListOptions = SayOptions & SelectionOptions & { readonly dryRun?: boolean; readonly yes?: boolean };
export type OpenOptions = ListOptions & {
  readonly title: readonly string[];
  readonly remedy: readonly string[];
  readonly component: string;
  readonly severity: string;
  readonly market?: readonly string[];
  readonly reference?: string;
};

const STAGES: Readonly<Record<Stage, string>> = {
  hashing: 'Computing the root',
  anchoring: 'Waiting for the ledger',
  sending: 'Sending vehicles',
  checking: 'The service checks',
};

/** Opens a campaign: computes whom it concerns, shows it, asks, and puts it on the maker's own chain. */
export async function openCampaign(context: Context, campaign: string, options: OpenOptions): Promise<Exit> {
  const selection = await readSelection(options, context.signal);
  const { component, severity, market, reference } = options;
  return list(context, campaign, options, selection, {
    kind: 'recall.opened',
    data: {
      ...{ campaign, component, severity },
      title: localised(options.title),
      remedy: localised(options.remedy),
      ...(market === undefined ? {} : { markets: [...market] }),
      ...(reference === undefined ? {} : { authorityReference: reference }),
    },
  });
}

/** Takes further vehicles into a campaign. */
export async function extendCampaign(
  context: Context,
  campaign: string,
  options: ListOptions,
): Promise<Exit> {
  const selection = await readSelection(options, context.signal);
  return list(context, campaign, options, selection, { kind: 'recall.extended', data: { campaign } });
}

async function list(
  context: Context,
  campaign: string,
  options: ListOptions,
  selection: Selection,
  said: Pick<Statement, 'kind'> & { readonly data: Members },
): Promise<Exit> {
  const { output } = context;
  const signing = await openSigning(context, options);
  const { organisation } = signing.signer;
  const statement = statementOf(organisation, campaign, options, selection, said);
  return withJournal(context, signing, statement, async (journal, onProgress) => {
    const run = { journal, signal: context.signal, onProgress };
    const begun = said.kind === 'recall.extended' ? begunExtension(journal, statement) : statement;
    const before = begun === null ? null : earlier(journal, begun);
    if (before !== null && options.dryRun === true) {
      output.value({ dryRun: true, campaign, earlier: before });
      output.line(
        before === 'begun'
          ? 'An earlier run was interrupted: the same command without --dry-run finishes it, with the vehicles of then.'
          : `${campaign} is on the ledger already.`,
      );
      output.line('Nothing was done.');
      return 'ok';
    }
    if (begun !== null && before !== null) return tell(output, campaign, await resume(signing, begun, run));
    const known = await campaignOf(signing.client, organisation.toString(), campaign);
    if (said.kind === 'recall.opened' && known !== null) throw campaignUsed(campaign);
    if (said.kind === 'recall.extended' && known === null) throw campaignUnknown(campaign);
    const bar = output.progress('Computing who is affected');
    const affected = await affectedBy(signing.client, selection, (done, total) =>
      bar.update(done, total),
    ).finally(() => bar.end());
    showAffected(output, campaign, affected);
    const listing = said.kind === 'recall.extended' ? extensionOf(statement, affected.vehicles) : statement;
    if (earlier(journal, listing) !== null)
      return tell(output, campaign, await resume(signing, listing, run));
    if (options.dryRun === true) {
      output.value({ dryRun: true, campaign, ...shownAffected(affected) });
      output.line('Nothing was done.');
      return 'ok';
    }
    if (
      !(await confirmed(
        context,
        options,
        `List ${counted(affected.vehicles.length, 'vehicle')} in ${campaign}?`,
      ))
    ) {
      output.line('Nothing was done.');
      return 'usage';
    }
    return tell(output, campaign, await state(signing, listing, affected.vehicles, run), affected);
  });
}

/** An extension is one of what it lists: who is affected by the same fault changes with what is built in since. */
function extensionOf(statement: Statement, vehicles: readonly string[]): Statement {
  const list = createHash('sha256').update(vehicles.toSorted().join('\n')).digest('hex');
  return { ...statement, name: `${statement.name}:${list.slice(0, 32)}` };
}

/** The extension by the same selection that an earlier run has signed and not finished, if there is one. */
function begunExtension(journal: Journal, statement: Statement): Statement | null {
  const name = begunNames(journal).find((begun) => isOf(begun, statement));
  return name === undefined ? null : { ...statement, name };
}

const begunNames = (journal: Journal): readonly string[] =>
  [...journal.plans.values()].flatMap(({ rows }) => rows.map(({ identifier }) => identifier));

/** Whether a name in the journal is a statement's: an extension's goes on with what it lists. */
const isOf = (begun: string, { name, kind }: Pick<Statement, 'name' | 'kind'>): boolean =>
  begun === name || (kind === 'recall.extended' && begun.startsWith(`${name}:`));

/** What is said, and the name and selection by which it is known again. */
function statementOf(
  organisation: Signing['signer']['organisation'],
  campaign: string,
  options: SayOptions,
  { criteria, named, at }: Selection,
  { kind, data }: Pick<Statement, 'kind'> & { readonly data: Members },
): Statement {
  const { batches, serialRanges, partNumbers, serials } = criteria;
  // Single serials are ranges of one.
  const ranges = [
    ...serialRanges,
    ...serials.map((text) => {
      const { scope, value } = parseIdentifier(text);
      return { manufacturerId: scope, from: value, to: value };
    }),
  ];
  const listed: Members = {
    ...(batches.length === 0 ? {} : { batches: [...batches] }),
    ...(ranges.length === 0 ? {} : { serialRanges: ranges.map((range) => ({ ...range })) }),
    ...(partNumbers.length === 0 ? {} : { partNumbers: partNumbers.map((part) => ({ ...part })) }),
  };
  const list = createHash('sha256').update(named.toSorted().join('\n')).digest('hex');
  const selection: Json = { named: list, at: at ?? null, time: options.time ?? null };
  const statement = {
    ...{ kind, selection, target: 'own' as const, time: options.time ?? today() },
    data: { ...data, ...listed },
    sealed: options.description === undefined ? {} : { description: options.description },
  };
  const name = openingName(organisation, campaign);
  return {
    ...statement,
    name: kind === 'recall.opened' ? name : `${name}:extended:${contentOf(statement).slice(0, 32)}`,
  };
}

/** Runs one command under the journal of campaigns, and says how to go on where it was interrupted. */
async function withJournal(
  context: Context,
  { ledger, signer }: Signing,
  statement: Pick<Statement, 'name' | 'kind'>,
  work: (journal: Journal, onProgress: (stage: Stage, done: number, total?: number) => void) => Promise<Exit>,
): Promise<Exit> {
  const { output } = context;
  const folder = join(
    context.settings().folder,
    'imports',
    `${journalName(ledger.address, signer.organisation)}-recalls`,
  );
  const journal = await openJournal(folder);
  let bar = output.progress(STAGES.hashing);
  let shown: Stage = 'hashing';
  try {
    return await work(journal, (stage, done, total) => {
      if (stage !== shown) {
        bar.end();
        bar = output.progress(STAGES[stage]);
        shown = stage;
      }
      bar.update(done, total);
    });
  } catch (error) {
    bar.end();
    if (begunNames(journal).some((begun) => isOf(begun, statement))) {
      output.note(
        `It is signed and kept in ${folder}. Run the same command again: it continues, and nothing is doubled.`,
      );
    }
    throw error;
  } finally {
    bar.end();
    await journal.close();
  }
}

function tell(output: Output, campaign: string, stated: Stated, affected?: Affected): Exit {
  output.value({ campaign, ...stated, ...(affected === undefined ? {} : shownAffected(affected)) });
  const { digest, count: listed, root, alreadyThere, resumed } = stated;
  if (alreadyThere) {
    output.line(`${campaign}: this is there already, entry ${digest}.`);
    return 'ok';
  }
  const what = listed === null ? '' : ` It lists ${counted(listed, 'vehicle')}.`;
  output.line(`${resumed ? 'Finished' : 'Done'}: ${campaign} is on the ledger.${what}`);
  output.line(`  entry ${digest}`);
  if (root !== null && listed !== 0) {
    output.line(`  root  ${root}: each vehicle can be proven to be listed, and any other not to be`);
  }
  if (listed !== null) output.line('Whom it concerns is told once the entry is final.');
  return 'ok';
}

const BASES: Readonly<Record<string, string>> = {
  batches: 'by batch',
  serials: 'by serial',
  serialRanges: 'by range of serials',
  partNumbers: 'by part number',
  vehicles: 'by name',
  vins: 'by list',
};

const shownAffected = ({ vehicles, byBasis, others, behind }: Affected) => ({
  affected: vehicles.length,
  ...{ byBasis, others, behind },
});

function showAffected(
  output: Output,
  campaign: string,
  { vehicles, byBasis, others, behind }: Affected,
): void {
  output.line(`${campaign} concerns ${output.style.bold(counted(vehicles.length, 'vehicle'))}:`);
  for (const [basis, found] of Object.entries(byBasis)) {
    output.line(`  ${BASES[basis] ?? basis}`.padEnd(24) + count(found));
  }
  if (others > 0) {
    output.line(
      `  built by others: ${count(others)}. They are not listed: raise an alert to your customers.`,
    );
  }
  if (behind > 0) {
    output.line(`  ${counted(behind, 'history', 'histories')} not read by the service yet: try again soon.`);
  }
}

/** @throws `recall.confirm` where nobody is there to ask */
async function confirmed(
  { ask, output }: Context,
  { yes }: { readonly yes?: boolean },
  question: string,
): Promise<boolean> {
  if (yes === true) return true;
  if (ask === undefined || output.json) {
    throw usageError('recall.confirm', `${question} Say --yes to do it, or --dry-run to only look.`);
  }
  return /^y(?:es)?$/i.test((await ask(`${question} Type yes: `)).trim());
}

function localised(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((text): [string, string] => {
      const match = /^([a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)=(.+)$/s.exec(text);
      return match?.[1] === undefined ? ['en', text] : [match[1], match[2] ?? ''];
    }),
  );
}

const today = (): string => new Date().toISOString().slice(0, 10);

const campaignUsed = (campaign: string): CommandError =>
  new CommandError(
    'refused',
    'recall.campaignUsed',
    `Campaign ${campaign} is on the ledger already: extend it, or take another number. (What was begun elsewhere is continued there, with the same data folder.)`,
  );
const campaignUnknown = (campaign: string): CommandError =>
  new CommandError(
    'refused',
    'recall.unknown',
    `There is no campaign ${campaign} of this organisation: open it.`,
  );

export type CloseOptions = SayOptions & { readonly reason: string; readonly yes?: boolean };

/** Closes a campaign. What was not remedied stays open. */
export async function closeCampaign(
  context: Context,
  campaign: string,
  options: CloseOptions,
): Promise<Exit> {
  const { output, signal } = context;
  const signing = await openSigning(context, options);
  const { organisation } = signing.signer;
  const statement: Statement = {
    name: `${openingName(organisation, campaign)}:closed:${options.reason}`,
    ...{ kind: 'recall.closed', target: 'own', selection: null, time: options.time ?? today() },
    data: { campaign, reason: options.reason },
    sealed: options.description === undefined ? {} : { description: options.description },
  };
  return withJournal(context, signing, statement, async (journal, onProgress) => {
    const run = { journal, signal, onProgress };
    if (earlier(journal, statement) !== null)
      return tell(output, campaign, await resume(signing, statement, run));
    const known = await campaignOf(signing.client, organisation.toString(), campaign);
    if (known === null) throw campaignUnknown(campaign);
    showCampaign(output, known.campaign, known.progress);
    if (!(await confirmed(context, options, `Close ${campaign} as ${options.reason}?`))) return 'usage';
    return tell(output, campaign, await state(signing, statement, null, run));
  });
}

export type RemedyOptions = SayOptions & {
  readonly attester: string;
  readonly campaign: string;
  readonly outcome: 'remedied' | 'notNeeded';
  readonly odometer?: number;
  readonly unit: string;
  readonly invoice?: string;
  readonly technician?: string;
  readonly document?: readonly string[];
  readonly unlisted?: boolean;
};

/** Records that a vehicle was remedied, once its report proves that the campaign lists it. */
export async function recordRemedy(context: Context, text: string, options: RemedyOptions): Promise<Exit> {
  const { output, signal } = context;
  const read = await Promise.all((options.document ?? []).map((file) => readDocument(file)));
  const signing = await openSigning(context, options);
  const { client, ledger } = signing;
  // A check digit that does not hold is for the service to judge: a registrar may have registered the vehicle so.
  const identifier = parseIdentifier(text, { overrideCheckDigit: true });
  const vehicle = formatIdentifier(identifier);
  const { attester, campaign, outcome, odometer, unit, invoice, technician, description } = options;
  const { listed, known } = await listingsOf(client, identifier, attester, campaign);
  if (listed.length === 0 && options.unlisted !== true) {
    throw new CommandError(
      'refused',
      known ? 'recall.notListed' : 'recall.unknown',
      known
        ? `The sets of campaign ${campaign} provably do not list ${vehicle}: its remedy would count for nothing. If a part in it is named: --unlisted.`
        : `The report of ${vehicle} shows no campaign ${campaign} of organisation ${attester}: check both numbers. If it is right all the same: --unlisted.`,
    );
  }
  const [subject] = await subjectsOf(client, ledger, [identifier]);
  if (subject === undefined) throw new CommandError('unreachable', 'service.malformed', 'No subject came.');
  const secrets = { invoiceNumber: invoice, technician, description };
  const statement: Statement = {
    name: `recall:${attester}/${campaign}:remedied:${vehicle}:${options.time ?? ''}`,
    ...{ kind: 'recall.remedied', selection: selectionOf(read), time: options.time ?? today() },
    target: { subject, identifier },
    data: {
      ...{ attester, campaign, outcome },
      ...(odometer === undefined ? {} : { odometer: { value: odometer, unit, source: 'workshop' } }),
    },
    sealed: Object.fromEntries(
      Object.entries(secrets).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
  };
  return withJournal(context, signing, statement, async (journal, onProgress) => {
    const run = { journal, signal, onProgress };
    const stated =
      earlier(journal, statement) === null
        ? await state(signing, { ...statement, documents: await uploadDocuments(client, read) }, null, run)
        : await resume(signing, statement, run);
    output.value({ vehicle, attester, campaign, outcome, ...stated, listedBy: listed });
    output.line(
      stated.alreadyThere
        ? `This remedy of ${vehicle} is recorded already.`
        : `Recorded: ${vehicle} is ${outcome === 'remedied' ? 'remedied' : 'found not to need it'} in ${campaign}.`,
    );
    output.line(`  entry ${stated.digest}`);
    for (const { digest, proof } of listed) {
      output.line(`  listed by ${digest}, proven with ${counted(proof.siblings.length, 'hash', 'hashes')}`);
    }
    return 'ok';
  });
}

/** What a remedy is known by besides what it says: the documents that were given, null for none. */
function selectionOf(documents: readonly ReadDocument[]): Json {
  if (documents.length === 0) return null;
  return documents.map(({ content }) => createHash('sha256').update(content).digest('hex'));
}

export type ShowOptions = Partial<SigningOptions>;

/** Shows campaigns, or one and how far it has come. */
export async function showCampaigns(
  context: Context,
  organisation: string | undefined,
  campaign: string | undefined,
  options: ShowOptions,
): Promise<Exit> {
  const { output } = context;
  const { keystore } = options;
  const client =
    keystore === undefined
      ? createClient(requireUrl(context.settings()), { signal: context.signal })
      : (await openSigning(context, { ...options, keystore })).client;
  if (organisation !== undefined && !/^[1-9][0-9]{0,18}$/.test(organisation)) {
    throw usageError('recall.organisation', `An organisation is a number, not ${organisation}.`);
  }
  if (organisation === undefined || campaign === undefined) {
    const campaigns = await campaignsOf(client, organisation);
    output.value({ campaigns });
    for (const one of campaigns) showLine(output, one);
    if (campaigns.length === 0) output.line('No campaign is on the ledger.');
    return 'ok';
  }
  const found = await campaignOf(client, organisation, campaign);
  if (found === null) {
    throw new CommandError(
      'refused',
      'recall.unknown',
      `Organisation ${organisation} has no campaign ${campaign}.`,
    );
  }
  output.value(found);
  showCampaign(output, found.campaign, found.progress);
  if (found.progress === null) {
    output.line('How far it has come is for its attester and for authorities: --keystore NAME.');
  }
  return 'ok';
}

function titleOf({ title }: CampaignView): string {
  return printable(title.en ?? Object.values(title)[0] ?? '');
}

function showLine(output: Output, campaign: CampaignView): void {
  const { attester, campaign: number, state: now, opened } = campaign;
  output.line(`${attester}/${number}  ${now}  ${opened ?? ''}  ${titleOf(campaign)}`);
}

function showCampaign(output: Output, campaign: CampaignView, progress: ProgressView | null): void {
  const { style } = output;
  output.line(style.bold(`${campaign.campaign}: ${titleOf(campaign)}`));
  output.line(`  of organisation   ${campaign.attester}`);
  output.line(`  severity          ${campaign.severity}`);
  output.line(
    `  state             ${campaign.state}${campaign.closed === null ? '' : ` (${campaign.closed.reason}, ${campaign.closed.time})`}`,
  );
  for (const { digest, kind, time, count: listed, set, told } of campaign.entries) {
    const vehicles = listed === null ? 'a sealed list' : counted(listed, 'vehicle');
    const waits =
      set === 'missing' ? style.warn(', its list is not with the service yet') : told ? ', told' : '';
    output.line(`  ${time}  ${kind}  ${vehicles}${waits}  ${digest}`);
  }
  if (progress === null) return;
  const { affected, remedied, notNeeded, open, ignored, byMonth, complete } = progress;
  output.line(
    `  affected          ${count(affected)}${complete ? '' : style.warn(' so far: not all lists are here, and final')}`,
  );
  output.line(`  remedied          ${count(remedied)}`);
  output.line(`  not needed        ${count(notNeeded)}`);
  output.line(`  open              ${style.bold(count(open))}`);
  if (ignored > 0)
    output.line(
      `  count for nothing ${count(ignored)} (of vehicles that are not listed, or before they were)`,
    );
  for (const month of byMonth) {
    output.line(
      `  ${month.month}           ${count(month.remedied)} remedied, ${count(month.notNeeded)} not needed`,
    );
  }
}

export type AffectedOptions = SigningOptions & SelectionOptions & { readonly output?: string };

/** Computes who would be affected, and changes nothing. */
export async function showAffectedVehicles(context: Context, options: AffectedOptions): Promise<Exit> {
  const { output, signal } = context;
  const selection = await readSelection(options, signal);
  const client = hasCriteria(selection.criteria)
    ? (await openSigning(context, options)).client
    : createClient(requireUrl(context.settings()), { signal });
  const affected = await affectedBy(client, selection);
  output.value({
    ...shownAffected(affected),
    ...(options.output === undefined ? { vehicles: affected.vehicles } : {}),
  });
  showAffected(output, 'This', affected);
  if (options.output !== undefined) {
    await writeFile(options.output, affected.vehicles.map((vehicle) => `${vehicle}\n`).join(''), {
      mode: 0o600,
    });
    output.line(
      `Their identifiers are in ${options.output}: vinculum recall open … --vins ${options.output}`,
    );
  } else for (const vehicle of affected.vehicles) output.line(`  ${vehicle}`);
  return 'ok';
}
