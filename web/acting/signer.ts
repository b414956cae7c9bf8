import type { Hex } from '../../core/bytes.ts';
import type { Address } from '../../core/chain/types.ts';
import { VinculumError } from '../../core/errors.ts';
import type { KeyNews, KeyOrder } from '../worker/keyMessages.ts';
import { type Signable, typedDataOf } from './typedData.ts';
import { connectWallet, type Provider, signText, signTyped } from './wallet.ts';

/** Somebody's key, wherever it is: it signs, and is never seen here. */
export interface Signer {
  readonly by: 'wallet' | 'keystore';
  readonly account: Address;
  /** The organisation that a keystore says it signs for. */
  readonly organisation: string | null;
  /** @throws `wallet.*`, `keystore.*` */
  sign(signable: Signable): Promise<Hex>;
  /** Told when a wallet's owner has changed to another account, or locked it. */
  onGone(listener: () => void): void;
  /** Forgets the key, where it is held here. */
  lock(): void;
}

/** @param rpc where a wallet that does not know the chain finds it */
export async function walletSigner(provider: Provider, rpc: string | null): Promise<Signer> {
  const account = await connectWallet(provider);
  let gone: () => void = () => undefined;
  const hear = (accounts: unknown): void => {
    const [first] = Array.isArray(accounts) ? (accounts as unknown[]) : [];
    if (typeof first !== 'string' || first.toLowerCase() !== account) gone();
  };
  provider.on?.('accountsChanged', hear);
  return {
    by: 'wallet',
    account,
    organisation: null,
    sign: (signable) =>
      signable.of === 'text'
        ? signText(provider, account, signable.text)
        : signTyped(provider, account, typedDataOf(signable), rpc),
    onGone: (listener) => {
      gone = listener;
    },
    lock: () => provider.removeListener?.('accountsChanged', hear),
  };
}

/** A worker that holds one key: ending it is what forgets the key. */
class Keyholder {
  readonly #worker = new Worker(new URL('../worker/keyholder.ts', import.meta.url), { type: 'module' });
  readonly #waiting = new Map<number, (news: KeyNews) => void>();
  #number = 0;
  #over = false;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<KeyNews>) => {
      this.#waiting.get(data.number)?.(data);
      this.#waiting.delete(data.number);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.end('page.noWorker');
    };
  }

  ask(order: KeyOrder): Promise<Extract<KeyNews, { ok: true }>> {
    if (this.#over) return Promise.reject(new VinculumError('keystore.locked', 'The key was forgotten.'));
    this.#number += 1;
    const number = this.#number;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, (news) => {
        if (news.ok) resolve(news);
        else reject(new VinculumError(news.failure.code, news.failure.message ?? ''));
      });
      this.#worker.postMessage({ number, order });
    });
  }

  end(code = 'keystore.locked'): void {
    this.#over = true;
    this.#worker.terminate();
    for (const [number, hear] of this.#waiting) hear({ number, ok: false, failure: { code, details: {} } });
    this.#waiting.clear();
  }
}

/** Opens a keystore file. @throws `keystore.malformed` `keystore.wrongPassword` `keystore.unsupported` */
export async function keystoreSigner(file: string, password: string): Promise<Signer> {
  const holder = new Keyholder();
  try {
    const opened = await holder.ask({ type: 'open', file, password });
    return held(holder, opened.account as Address, opened.organisation ?? null);
  } catch (error) {
    holder.end();
    throw error;
  }
}

/** Makes a fresh key, which exists nowhere but in the file that is given back with it. */
export async function freshSigner(password: string): Promise<{ signer: Signer; file: string }> {
  const holder = new Keyholder();
  try {
    const made = await holder.ask({ type: 'make', password });
    return { signer: held(holder, made.account as Address, null), file: made.file ?? '' };
  } catch (error) {
    holder.end();
    throw error;
  }
}

function held(holder: Keyholder, account: Address, organisation: string | null): Signer {
  return {
    by: 'keystore',
    account,
    organisation,
    sign: async (signable) => (await holder.ask({ type: 'sign', signable })).signature as Hex,
    onGone: () => undefined,
    lock: () => holder.end(),
  };
}
