import { TypedDataEncoder } from 'ethers';
import type { Page } from 'playwright-core';
import { personalHash } from '../../../api/auth/signInMessage.ts';
import { fromHex, fromUtf8, toHex } from '../../../core/bytes.ts';
import { addressOfKey, signHash } from '../../../core/chain/submission.ts';

/** What a wallet was asked to sign, as its owner would have seen it. */
export type Asked = { readonly method: string; readonly shown: unknown };

export type WalletOptions = {
  /** Announces itself (EIP-6963) instead of standing at `window.ethereum`. */
  readonly announced?: string;
  /** Its owner declines whatever is to be signed. */
  readonly declines?: boolean;
};

/**
 * Gives a page a wallet (EIP-1193) with a real key. It hashes typed data by itself, with another implementation than
 * ours, begins on another chain, and knows the ledger's only once it was told of it.
 */
export async function giveWallet(page: Page, key: Uint8Array, options: WalletOptions = {}): Promise<Asked[]> {
  const account = addressOfKey(key);
  const asked: Asked[] = [];
  let chainId = 1n;
  const known = new Set([1n]);
  const refuse = (code: number) => ({ error: { code, message: 'no' } });
  const answer = (method: string, params: readonly unknown[]): unknown => {
    switch (method) {
      case 'eth_requestAccounts':
        return { result: [account] };
      case 'eth_chainId':
        return { result: `0x${chainId.toString(16)}` };
      case 'wallet_switchEthereumChain': {
        const wanted = BigInt((params[0] as { chainId: string }).chainId);
        if (!known.has(wanted)) return refuse(4902);
        chainId = wanted;
        return { result: null };
      }
      case 'wallet_addEthereumChain': {
        const added = params[0] as { chainId: string; rpcUrls: readonly string[] };
        if (added.rpcUrls.length === 0) return refuse(-32602);
        known.add(BigInt(added.chainId));
        chainId = BigInt(added.chainId);
        return { result: null };
      }
      case 'personal_sign': {
        const message = fromUtf8(fromHex(String(params[0])));
        asked.push({ method, shown: message });
        if (options.declines === true) return refuse(4001);
        return { result: toHex(signHash(personalHash(message), key)) };
      }
      case 'eth_signTypedData_v4': {
        const { domain, types, message, primaryType } = JSON.parse(String(params[1]));
        asked.push({ method, shown: { primaryType, domain, message } });
        // As wallets do: never for another chain than the one that they show.
        if (String(params[0]) !== account || BigInt(domain.chainId) !== chainId) return refuse(-32603);
        if (options.declines === true) return refuse(4001);
        const { EIP712Domain: _, ...own } = types;
        const hash = fromHex(TypedDataEncoder.hash(domain, own, message), 32);
        return { result: toHex(signHash(hash, key)) };
      }
      default:
        return refuse(4200);
    }
  };
  await page.exposeFunction('askWallet', (method: string, params: readonly unknown[]) =>
    answer(method, params),
  );
  await page.addInitScript((announced) => {
    type Reply = { result?: unknown; error?: unknown };
    const scope = window as unknown as {
      askWallet(method: string, params: unknown): Promise<Reply>;
      ethereum?: unknown;
    };
    const provider = {
      async request({ method, params }: { method: string; params?: unknown }) {
        const { result, error } = await scope.askWallet(method, params ?? []);
        if (error !== undefined) throw error;
        return result;
      },
      on: () => undefined,
      removeListener: () => undefined,
    };
    if (announced === null) {
      scope.ethereum = provider;
      return;
    }
    const announce = () =>
      dispatchEvent(
        new CustomEvent('eip6963:announceProvider', {
          detail: Object.freeze({ info: { uuid: 'a', name: announced }, provider }),
        }),
      );
    addEventListener('eip6963:requestProvider', announce);
    announce();
  }, options.announced ?? null);
  return asked;
}
