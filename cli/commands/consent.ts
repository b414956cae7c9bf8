import type { Hex } from '../../core/bytes.ts';
import { toHex } from '../../core/bytes.ts';
import type { Address, Digest, OrganisationId } from '../../core/chain/types.ts';
import { secureRandom } from '../../core/envelope/block.ts';
import { formatIdentifier } from '../../core/identifiers/identifier.ts';
import { ZERO_ADDRESS } from '../../core/modules/action.ts';
import {
  type Consent,
  type ConsentHash,
  granteeOf,
  type Purpose,
  readConsent,
  ZERO_WORD,
} from '../../core/privacy/consent.ts';
import { type ConsentView, findConsent, giveConsent, listConsents, revokeConsent } from '../consents.ts';
import type { Context } from '../context.ts';
import { type Exit, usageError } from '../exit.ts';
import { organisationId } from '../organisationId.ts';
import type { Output } from '../output.ts';
import { signIn, signInAccount } from '../session.ts';
import { openPlace } from '../signing.ts';
import {
  type Acting,
  type ActingOptions,
  findVehicle,
  openActing,
  requireKeystore,
} from '../titles/acting.ts';
import { instantOf, partyOption, untilOption } from '../titles/fields.ts';

export type GrantOptions = ActingOptions & {
  readonly toOrganisation?: string;
  readonly to?: string;
  readonly purpose: Purpose;
  readonly until: string;
  readonly from?: string;
  readonly entry?: readonly string[];
  readonly field?: readonly string[];
};

type Grantee = Pick<Consent, 'organisation' | 'account' | 'bearer'>;
export const NO_GRANTEE: Grantee = {
  organisation: 0n as OrganisationId,
  account: ZERO_ADDRESS,
  bearer: ZERO_WORD,
};

export async function grantConsent(context: Context, id: string, options: GrantOptions): Promise<Exit> {
  const grantee = await granteeOption(context, options);
  const { view, identifier } = await grant(context, id, options, grantee);
  const { output } = context;
  output.value(view);
  output.line(`Consent given for ${identifier}; what was read under it can’t be unread.`);
  showConsent(output, view);
  return 'ok';
}

/** Signs a consent for a vehicle of the key's owner, whoever the grantee is. */
export async function grant(
  context: Context,
  id: string,
  options: Omit<GrantOptions, 'to' | 'toOrganisation'>,
  grantee: Grantee,
): Promise<{ readonly view: ConsentView; readonly identifier: string; readonly acting: Acting }> {
  const acting = await openActing(context, options, 'account');
  const { client, ledger, key, actor } = acting;
  const { identifier, subject, title } = await findVehicle(acting, actor.titles, id);
  if (title.owner !== key.address) {
    const text = `The key ${key.name} does not hold the title of ${formatIdentifier(identifier)}: only its owner can consent.`;
    throw usageError('consent.notOwner', text);
  }
  const consent: Consent = {
    ...grantee,
    subject,
    tenure: title.tenure,
    entries: (options.entry ?? []).map((digest) => digest.toLowerCase() as Digest),
    fields: options.field ?? [],
    purpose: options.purpose,
    from: options.from === undefined ? now() : untilOption(options.from),
    until: untilOption(options.until),
    salt: toHex(secureRandom(32)) as Hex,
  };
  const view = await giveConsent(client, ledger.address, consent, key.secretKey);
  return { view, identifier: formatIdentifier(identifier), acting };
}

const now = (): bigint => BigInt(Math.floor(Date.now() / 1000));

async function granteeOption(context: Context, { to, toOrganisation }: GrantOptions): Promise<Grantee> {
  if ((to === undefined) === (toOrganisation === undefined)) {
    throw usageError('consent.grantee', 'Say to whom: --to-organisation NUMBER, or --to ACCOUNT.');
  }
  if (toOrganisation !== undefined) return { ...NO_GRANTEE, organisation: organisationId(toOrganisation) };
  const account: Address = await partyOption(to ?? '', context.settings().folder);
  return { ...NO_GRANTEE, account };
}

export async function revokeConsentCommand(
  context: Context,
  hash: string,
  options: ActingOptions,
): Promise<Exit> {
  const { client, ledger, key } = await openActing(context, options, 'account');
  const view = await revokeConsent(client, ledger.address, consentName(hash), key.secretKey);
  context.output.value(view);
  context.output.line('Revoked: nothing more is shown under it. What was read can’t be unread.');
  showConsent(context.output, view);
  return 'ok';
}

export async function showConsentCommand(
  context: Context,
  hash: string,
  options: ActingOptions,
): Promise<Exit> {
  const name = consentName(hash);
  const view = await findConsent(await openParty(context, options), name);
  context.output.value(view);
  showConsent(context.output, view);
  return 'ok';
}

export async function listConsentsCommand(
  context: Context,
  options: ActingOptions & { readonly as: 'signer' | 'grantee' },
): Promise<Exit> {
  const views = await listConsents(await openParty(context, options), options.as);
  context.output.value(views);
  if (views.length === 0) context.output.line('There are no consents.');
  for (const view of views) showConsent(context.output, view);
  return 'ok';
}

/** Signs in as who the key stands for: an organisation, where the keystore says so, else the account. */
export async function openParty(context: Context, options: ActingOptions) {
  const { anonymous, key } = await openPlace(context, requireKeystore(options));
  const organisation =
    options.organisation === undefined ? key.organisation : organisationId(options.organisation);
  return organisation === null ? signInAccount(anonymous, key) : signIn(anonymous, key, organisation);
}

function consentName(hash: string): ConsentHash {
  if (/^0x[0-9a-fA-F]{64}$/.test(hash)) return hash.toLowerCase() as ConsentHash;
  throw usageError('consent.name', 'A consent is named by its hash: 0x and 64 hexadecimal digits.');
}

export function showConsent(
  output: Output,
  { hash, state, identifier, signed, openings, revocation }: ConsentView,
): void {
  const { style } = output;
  const { consent } = readConsent(signed);
  output.line(`Consent ${hash}: ${state === 'good' ? style.good(state) : style.warn(state)}`);
  output.line(`  vehicle       ${identifier ?? signed.subject}`);
  output.line(`  for           ${granteeText(consent)}, ${consent.purpose}`);
  output.line(`  time          ${instantOf(consent.from)} to ${instantOf(consent.until)}`);
  const entries = consent.entries.length === 0 ? 'all entries' : consent.entries.join(' ');
  const fields = consent.fields.length === 0 ? 'all sealed fields and documents' : consent.fields.join(', ');
  output.line(`  shows         ${fields} of ${entries}`);
  if (revocation !== null) output.line(`  revoked       ${revocation.revokedAt}`);
  if (openings !== null) {
    const last = openings.lastAt === null ? '' : `, last at ${openings.lastAt}`;
    output.line(`  opened        ${openings.count} times${last}`);
  }
}

function granteeText(consent: Consent): string {
  const grantee = granteeOf(consent);
  switch (grantee.type) {
    case 'organisation':
      return `organisation ${grantee.organisation}`;
    case 'account':
      return grantee.account;
    case 'bearer':
      return 'whoever holds the link';
  }
}
