import type { Address } from '../../core/chain/types.ts';
import { VinculumError } from '../../core/errors.ts';
import type { ServiceInfo } from '../model/trust.ts';
import { type Service, textOf } from './service.ts';
import type { Signer } from './signer.ts';

/** Somebody signed in: the service under its token, which is kept in memory only. */
export type Session = {
  readonly service: Service;
  readonly token: string;
  readonly signer: Signer;
  /** As whose key; null for an account of its own. */
  readonly organisation: bigint | null;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
};

/** Somebody signed in at a service whose ledger is known. */
export type Signed = { readonly session: Session; readonly info: ServiceInfo };

/**
 * Signs in by EIP-4361.
 * @throws `signIn.otherPlace` where the message is not for this service, this account or this organisation; the
 *   service's own codes; those of the signer
 */
export async function signIn(
  service: Service,
  signer: Signer,
  organisation: bigint | null,
): Promise<Session> {
  const challenge = await service.post('/v1/auth/challenge', {
    signer: signer.account,
    ...(organisation === null ? {} : { organisation: organisation.toString() }),
  });
  const message = textOf(challenge, 'message');
  checkMessage(message, { url: service.url, account: signer.account, organisation });
  const signature = await signer.sign({ of: 'text', text: message });
  const opened = await service.post('/v1/auth/session', { message, signature });
  const expiresAt = Date.parse(textOf(opened, 'expiresAt'));
  const token = textOf(opened, 'token');
  return { service: service.withToken(token), token, signer, organisation, expiresAt };
}

type Place = { readonly url: string; readonly account: Address; readonly organisation: bigint | null };

/** A service that hands out another's message would sign in there with what is signed here. */
export function checkMessage(message: string, { url, account, organisation }: Place): void {
  const lines = message.split('\n');
  const who = organisation === null ? `account:${account}` : `organisation:${organisation}`;
  const fits =
    lines[0] === `${new URL(url).host} wants you to sign in with your Ethereum account:` &&
    lines[1]?.toLowerCase() === account &&
    lines.at(-1) === `- urn:vinculum:${who}`;
  if (!fits) {
    throw new VinculumError('signIn.otherPlace', 'The message to sign is not for this service.', {
      details: { found: lines[0]?.slice(0, 200) ?? '' },
    });
  }
}

/** Ends the session at the service, if it can be told, and forgets the key. */
export function lock(session: Session): void {
  session.signer.lock();
  session.service.delete('/v1/auth/session').catch(() => undefined);
}
