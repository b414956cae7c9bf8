import * as z from 'zod/mini';
import type { OrganisationId } from '../core/chain/types.ts';
import { readChainId } from './chain.ts';
import { type Client, createClient } from './client.ts';
import type { Context } from './context.ts';
import { CommandError, usageError } from './exit.ts';
import { type OpenLedger, openLedger } from './ledger.ts';
import { organisationId } from './organisationId.ts';
import { type OpenKey, unlock } from './password.ts';
import { createRpc, type Rpc } from './rpc.ts';
import { signIn } from './session.ts';
import { requireRpc, requireTrustAnchor, requireUrl } from './settings.ts';
import type { Signer } from './submitter.ts';

export type SigningOptions = {
  readonly keystore: string;
  readonly passwordFile?: string;
  readonly organisation?: string;
  readonly rpc?: readonly string[];
  readonly directory?: string;
};

/** Everything a command needs to sign entries and hand them in. */
export type Signing = {
  readonly client: Client;
  readonly ledger: OpenLedger;
  readonly signer: Signer;
  readonly key: OpenKey;
};

const directorySchema = z.looseObject({ ledger: z.string() });

/**
 * Opens the key, signs in, and checks on chain that the service's ledger is one to sign for.
 * @throws `organisation.unnamed` and the codes of each part
 */
export async function openSigning(context: Context, options: SigningOptions): Promise<Signing> {
  const { anonymous, ledger, key } = await openPlace(context, options);
  const organisation = organisationOf(key, options.organisation);
  const client = await signIn(anonymous, key, organisation);
  const signer = { ledger: ledger.address, organisation, secretKey: key.secretKey };
  return { client, ledger, signer, key };
}

/** A key, and the ledger that a service writes to, checked on chain to be one to sign for. */
export type Place = {
  readonly anonymous: Client;
  readonly ledger: OpenLedger;
  /** The reader's further endpoints: what is read of a title must be the same at each. */
  readonly witnesses: readonly Rpc[];
  readonly key: OpenKey;
};

export async function openPlace(context: Context, options: SigningOptions): Promise<Place> {
  const settings = context.settings();
  // What is missing is said before anybody is asked for a password.
  requireUrl(settings);
  requireTrustAnchor(settings, options.directory);
  requireRpc(settings, options.rpc);
  const key = await unlock(options.keystore, {
    file: options.passwordFile,
    dataFolder: settings.folder,
    ask: context.ask,
  });
  return { ...(await openService(context, options)), key };
}

/** The ledger that a service writes to, checked on chain to be one to rely on. */
export async function openService(
  context: Context,
  options: Pick<SigningOptions, 'rpc' | 'directory'>,
): Promise<Omit<Place, 'key'>> {
  const settings = context.settings();
  const url = requireUrl(settings);
  const anchor = requireTrustAnchor(settings, options.directory);
  const [rpcUrl = '', ...others] = requireRpc(settings, options.rpc);
  const anonymous = createClient(url, { signal: context.signal });
  const { ledger: ledgerId } = await anonymous.json('/v1/directory', directorySchema);
  const rpc = createRpc(rpcUrl, { signal: context.signal });
  const chainId = await readChainId(rpc);
  if (chainId !== anchor.trust.chainId) {
    throw new CommandError(
      'usage',
      'rpc.otherChain',
      `${rpcUrl} serves chain ${chainId}; your directory is on chain ${anchor.trust.chainId}.`,
    );
  }
  const witnesses = others.map((other) => createRpc(other, { signal: context.signal }));
  return { anonymous, ledger: await openLedger(rpc, anchor.trust, ledgerId), witnesses };
}

export function organisationOf(key: OpenKey, named: string | undefined): OrganisationId {
  if (named !== undefined) return organisationId(named);
  if (key.organisation !== null) return key.organisation;
  throw usageError(
    'organisation.unnamed',
    `The key ${key.name} does not say for which organisation it signs: name it with --organisation NUMBER.`,
  );
}
