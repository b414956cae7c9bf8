import type { Subject } from '../../core/chain/types.ts';
import { type Identifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import { type ModuleAddress, NO_ORGANISATION } from '../../core/modules/action.ts';
import type { Title } from '../../core/modules/title.ts';
import type { Client } from '../client.ts';
import type { Context } from '../context.ts';
import { usageError } from '../exit.ts';
import type { OpenLedger } from '../ledger.ts';
import type { OpenKey } from '../password.ts';
import type { Rpc } from '../rpc.ts';
import { signIn, signInAccount } from '../session.ts';
import { openPlace, openService, organisationOf, type SigningOptions } from '../signing.ts';
import { subjectsOf } from '../subjects.ts';
import type { Actor } from './sign.ts';
import { readAgreedTitle, titlesOf } from './title.ts';

export type ActingOptions = Omit<SigningOptions, 'keystore'> & { readonly keystore?: string };

/** Everything a command needs to act on titles: a key, the ledger and its `Titles`, and the service. */
export type Acting = {
  readonly client: Client;
  readonly ledger: OpenLedger;
  readonly witnesses: readonly Rpc[];
  readonly key: OpenKey;
  readonly actor: Actor;
};

/**
 * Opens the key, checks ledger and module on chain, and signs in: as an organisation, or with the account alone for an
 * owner or a buyer.
 * @throws the codes of {@link openPlace} and {@link signIn}
 */
export async function openActing(
  context: Context,
  options: ActingOptions,
  as: 'organisation' | 'account',
): Promise<Acting> {
  const { anonymous, ledger, witnesses, key } = await openPlace(context, requireKeystore(options));
  const titles = await titlesOf(ledger.rpc, ledger.address);
  const organisation = as === 'account' ? NO_ORGANISATION : organisationOf(key, options.organisation);
  const client =
    as === 'account' ? await signInAccount(anonymous, key) : await signIn(anonymous, key, organisation);
  const { address, secretKey } = key;
  const actor: Actor = { ledger: ledger.address, titles, organisation, address, secretKey };
  return { client, ledger, witnesses, key, actor };
}

/** @throws `keystore.unnamed` */
export function requireKeystore(options: ActingOptions): SigningOptions {
  const { keystore } = options;
  if (keystore === undefined) throw usageError('keystore.unnamed', 'Say which key signs: --keystore NAME.');
  return { ...options, keystore };
}

/** A vehicle, with its title as the chain has it now. */
export type Vehicle = {
  readonly identifier: Identifier;
  readonly subject: Subject;
  readonly title: Title;
};

/** @throws the codes of `parseIdentifier`, {@link subjectsOf} and {@link readAgreedTitle} */
export async function findVehicle(
  { client, ledger, witnesses }: Pick<Acting, 'client' | 'ledger' | 'witnesses'>,
  titles: ModuleAddress,
  text: string,
): Promise<Vehicle> {
  // A check digit that does not hold is for the service to judge: a registrar may have registered the vehicle so.
  const identifier = parseIdentifier(text, { overrideCheckDigit: true });
  const [subject] = (await subjectsOf(client, ledger, [identifier])) as [Subject];
  return { identifier, subject, title: await readAgreedTitle([ledger.rpc, ...witnesses], titles, subject) };
}

/** The same for who only reads. */
export async function openReading(
  context: Context,
  options: Pick<SigningOptions, 'rpc' | 'directory'>,
): Promise<Pick<Acting, 'client' | 'ledger' | 'witnesses'> & { readonly titles: ModuleAddress }> {
  const { anonymous, ledger, witnesses } = await openService(context, options);
  return { client: anonymous, ledger, witnesses, titles: await titlesOf(ledger.rpc, ledger.address) };
}
