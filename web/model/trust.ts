import type { Address } from '../../core/chain/types.ts';
import type { Pin } from './settings.ts';

/** What a service says of itself at `/v1/directory`; a claim. */
export type ServiceInfo = {
  readonly chainId: string;
  readonly directory: Address;
  /** The operator's own endpoint, where it has one to name. */
  readonly rpc: string | null;
  /** The ledger that it writes to, and the module of titles there; null where it names none. */
  readonly ledger: Address | null;
  readonly titles: Address | null;
  /** Whose key signs receipts, heads of access logs and erasures. */
  readonly operator: Address | null;
};

/** The answer of `/v1/directory`, or null where it is none. */
export function readServiceInfo(value: unknown): ServiceInfo | null {
  const { chainId, directory, rpc, ledgerAddress, titles, operator } = (value ?? {}) as Readonly<
    Record<string, unknown>
  >;
  if (typeof chainId !== 'string' || !/^[1-9]\d{0,19}$/.test(chainId)) return null;
  const addressOf = (text: unknown): Address | null =>
    typeof text === 'string' && /^0x[0-9a-f]{40}$/.test(text) ? (text as Address) : null;
  const found = addressOf(directory);
  if (found === null) return null;
  const url = typeof rpc === 'string' && URL.canParse(rpc) ? rpc : null;
  return {
    chainId,
    directory: found,
    rpc: url,
    ledger: addressOf(ledgerAddress),
    titles: addressOf(titles),
    operator: addressOf(operator),
  };
}

export type Named = {
  readonly chainId: string;
  readonly directory: Address;
  /** A host, or `file`. */
  readonly from: string;
};

/** Which directory is relied on, and what the reader has to be told about that. */
export type TrustState = {
  readonly pin: Pin | null;
  readonly trust: { readonly chainId: string; readonly directory: Address };
  /** `firstUse`: a service was believed once; `fromReport`: nothing but the file names it; `changed`: a warning. */
  readonly state: 'pinned' | 'firstUse' | 'fromReport' | 'changed';
  readonly named: Named;
};

/**
 * Whom to believe about the list of all ledgers: what this device has relied on before, else, once, the service. A file
 * is never believed about it.
 */
export function decideTrust(pin: Pin | null, named: Named, now: number): TrustState {
  if (pin !== null) {
    const same = pin.chainId === named.chainId && pin.directory === named.directory;
    const trust = { chainId: pin.chainId, directory: pin.directory };
    return { pin, trust, state: same ? 'pinned' : 'changed', named };
  }
  const trust = { chainId: named.chainId, directory: named.directory };
  if (named.from === 'file') return { pin: null, trust, state: 'fromReport', named };
  return { pin: { ...trust, since: now, from: named.from }, trust, state: 'firstUse', named };
}

/** `chain:address`, as people write a directory. */
export function formatDirectory({ chainId, directory }: Pick<Named, 'chainId' | 'directory'>): string {
  return `${chainId}:${directory}`;
}

export function parseDirectory(text: string): { chainId: string; directory: Address } | null {
  const match = /^\s*([1-9]\d{0,19})\s*:\s*(0x[0-9a-f]{40})\s*$/i.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) return null;
  return { chainId: match[1], directory: match[2].toLowerCase() as Address };
}
