import { type Hex, toHex, utf8 } from '../../core/bytes.ts';
import type { Address } from '../../core/chain/types.ts';
import { VinculumError } from '../../core/errors.ts';
import type { TypedData } from './typedData.ts';

/** A browser wallet's way to be asked (EIP-1193). */
export type Provider = {
  request(asked: { readonly method: string; readonly params?: readonly unknown[] }): Promise<unknown>;
  on?(event: 'accountsChanged', listener: (accounts: unknown) => void): void;
  removeListener?(event: 'accountsChanged', listener: (accounts: unknown) => void): void;
};

export type WalletOffer = { readonly id: string; readonly name: string; readonly provider: Provider };

/** Tells of every wallet that announces itself (EIP-6963), and of the one at `window.ethereum`. */
export function findWallets(onFound: (offers: readonly WalletOffer[]) => void): () => void {
  const found = new Map<string, WalletOffer>();
  const tell = (): void => {
    const announced = [...found.values()];
    const { ethereum } = window as { ethereum?: Provider };
    const known = ethereum === undefined || announced.some(({ provider }) => provider === ethereum);
    onFound(known ? announced : [...announced, { id: 'window', name: '', provider: ethereum }]);
  };
  const hear = (event: Event): void => {
    const { info, provider } = (event as CustomEvent<{ info?: Record<string, unknown>; provider?: Provider }>)
      .detail;
    if (typeof info?.uuid !== 'string' || provider === undefined || found.size >= 20) return;
    const name = typeof info.name === 'string' ? info.name.slice(0, 60) : '';
    found.set(info.uuid, { id: info.uuid, name, provider });
    tell();
  };
  addEventListener('eip6963:announceProvider', hear);
  dispatchEvent(new Event('eip6963:requestProvider'));
  tell();
  return () => removeEventListener('eip6963:announceProvider', hear);
}

/** What a wallet answered when it did not do as asked; 4001 is its owner’s no (EIP-1193). */
function walletError(error: unknown): VinculumError {
  if (error instanceof VinculumError) return error;
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  const text = typeof message === 'string' ? message.slice(0, 300) : '';
  return code === 4001
    ? new VinculumError('wallet.refused', text, { cause: error })
    : new VinculumError('wallet.failed', text, { cause: error });
}

async function ask(provider: Provider, method: string, params?: readonly unknown[]): Promise<unknown> {
  try {
    return await provider.request(params === undefined ? { method } : { method, params });
  } catch (error) {
    throw walletError(error);
  }
}

/** The account that the wallet’s owner chooses. @throws `wallet.refused` `wallet.failed` `wallet.noAccount` */
export async function connectWallet(provider: Provider): Promise<Address> {
  const accounts = await ask(provider, 'eth_requestAccounts');
  const [first] = Array.isArray(accounts) ? (accounts as unknown[]) : [];
  if (typeof first !== 'string' || !/^0x[0-9a-fA-F]{40}$/.test(first)) {
    throw new VinculumError('wallet.noAccount', 'The wallet named no account.');
  }
  return first.toLowerCase() as Address;
}

function signatureOf(answer: unknown): Hex {
  if (typeof answer !== 'string' || !/^0x([0-9a-fA-F]{2})+$/.test(answer)) {
    throw new VinculumError('wallet.failed', 'The wallet’s answer is no signature.');
  }
  return answer.toLowerCase() as Hex;
}

export async function signText(provider: Provider, account: Address, message: string): Promise<Hex> {
  return signatureOf(await ask(provider, 'personal_sign', [toHex(utf8(message)), account]));
}

/** Wallets sign typed data for the chain that they are on only: theirs is changed first. */
export async function signTyped(
  provider: Provider,
  account: Address,
  data: TypedData,
  rpc: string | null,
): Promise<Hex> {
  await switchChain(provider, BigInt(data.domain.chainId), rpc);
  return signatureOf(await ask(provider, 'eth_signTypedData_v4', [account, JSON.stringify(data)]));
}

async function switchChain(provider: Provider, wanted: bigint, rpc: string | null): Promise<void> {
  const chainId = `0x${wanted.toString(16)}`;
  const present = await ask(provider, 'eth_chainId');
  if (typeof present === 'string' && /^0x[0-9a-fA-F]+$/.test(present) && BigInt(present) === wanted) return;
  try {
    await provider.request({ method: 'wallet_switchEthereumChain', params: [{ chainId }] });
  } catch (error) {
    // 4902: it does not know the chain.
    if ((error as { code?: unknown } | null)?.code !== 4902 || rpc === null) throw walletError(error);
    await ask(provider, 'wallet_addEthereumChain', [
      {
        chainId,
        chainName: `Vinculum ${wanted}`,
        rpcUrls: [rpc],
        nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
      },
    ]);
  }
}
