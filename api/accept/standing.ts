import type { Hex } from '../../core/bytes.ts';
import { fromHex } from '../../core/bytes.ts';
import { encodeIsValidSignature, encodeStanding, VALID_SIGNATURE } from '../chain/contracts.ts';
import { callWords, quantity, readWords } from '../chain/read.ts';
import { malformed, type Rpc, RpcRefusal } from '../chain/rpc.ts';
import { OWN_REGISTER } from '../index/ledgers.ts';
import type { Queryable } from '../store/store.ts';

/** What the ledger will ask about a submission. */
export interface SignerStanding {
  readonly known: boolean;
  readonly suspended: boolean;
  readonly key: 'active' | 'revoked' | 'unknown';
  /** Bitmap of the kinds. */
  readonly kinds: bigint;
}

const changed = {
  admitted: 1,
  suspended: 2,
  reinstated: 3,
  kindsSet: 4,
  keyAdded: 7,
  keyRevoked: 8,
} as const;

/** As the index knows it. */
export async function indexedStanding(
  store: Queryable,
  organisation: bigint,
  signer: Uint8Array,
): Promise<SignerStanding> {
  const value = Buffer.alloc(32);
  value.set(signer, 12);
  const links = await store.query<{ change: number; value: Uint8Array }>(
    `SELECT change, value FROM organisation_links
     WHERE register = $3 AND organisation = $1
       AND (change IN (1, 2, 3, 4) OR (change IN (7, 8) AND value = $2)) ORDER BY position`,
    [organisation, value, OWN_REGISTER],
  );
  let standing: SignerStanding = { known: false, suspended: false, key: 'unknown', kinds: 0n };
  for (const link of links) {
    switch (link.change) {
      case changed.admitted:
        standing = { ...standing, known: true };
        break;
      case changed.suspended:
      case changed.reinstated:
        standing = { ...standing, suspended: link.change === changed.suspended };
        break;
      case changed.kindsSet:
        standing = { ...standing, kinds: BigInt(`0x${Buffer.from(link.value).toString('hex')}`) };
        break;
      default:
        standing = { ...standing, key: link.change === changed.keyAdded ? 'active' : 'revoked' };
    }
  }
  return standing;
}

const CACHE_MILLISECONDS = 1_000;
const CACHE_SIZE = 10_000;

/**
 * Standings for a moment: an organisation that submits much is not looked up each time. The index clears it when a
 * standing changes; another process's index is noticed within a second, and until then the ledger judges.
 */
export class StandingCache {
  readonly #standings = new Map<string, { readonly standing: SignerStanding; readonly at: number }>();
  #closure: { readonly closedAt: string | null; readonly at: number } | null = null;
  /** Counts the changes, so that what was read before one is not kept after it. */
  #version = 0;

  async get(store: Queryable, organisation: bigint, signer: Uint8Array): Promise<SignerStanding> {
    const key = `${organisation}:${Buffer.from(signer).toString('hex')}`;
    const known = this.#standings.get(key);
    if (known !== undefined && performance.now() - known.at < CACHE_MILLISECONDS) return known.standing;
    const version = this.#version;
    const standing = await indexedStanding(store, organisation, signer);
    if (this.#standings.size >= CACHE_SIZE) this.#standings.clear();
    if (version === this.#version) this.#standings.set(key, { standing, at: performance.now() });
    return standing;
  }

  /** Since when the ledger is closed to writing, in seconds since 1970; null while it is open. */
  async closedAt(store: Queryable, ledger: number): Promise<string | null> {
    const known = this.#closure;
    if (known !== null && performance.now() - known.at < CACHE_MILLISECONDS) return known.closedAt;
    const version = this.#version;
    const [row] = await store.query<{ closed_at: string }>(
      'SELECT closed_at FROM closures WHERE ledger = $1',
      [ledger],
    );
    const closedAt = row?.closed_at ?? null;
    if (version === this.#version) this.#closure = { closedAt, at: performance.now() };
    return closedAt;
  }

  clear(): void {
    this.#version += 1;
    this.#standings.clear();
    this.#closure = null;
  }
}

/** As the chain says now: what the index has not read yet. */
export async function chainStanding(
  rpc: Rpc,
  organisations: Hex,
  organisation: bigint,
  signer: Uint8Array,
): Promise<{ readonly inGoodStanding: boolean; readonly isKey: boolean; readonly kinds: bigint }> {
  const words = await callWords(rpc, organisations, encodeStanding(organisation, signer));
  const [inGoodStanding, isKey, kinds] = words.map(BigInt);
  if (inGoodStanding === undefined || isKey === undefined || kinds === undefined || words.length !== 3) {
    throw malformed('a standing has three words');
  }
  return { inGoodStanding: inGoodStanding === 1n, isKey: isKey === 1n, kinds };
}

/** What the ledger lets a signer's contract spend. */
const ERC1271_GAS = 150_000;
/** The most that its calldata can cost on top, with the transaction's own gas. */
const CALL_GAS = 21_000 + (4 * 32 + 4096 + 32) * 40;

/** Whether the signer's contract vouches for the signature (ERC-1271), within the gas that the ledger allows. */
export async function isValidContractSignature(
  rpc: Rpc,
  signer: Hex,
  hash: Hex,
  signature: Uint8Array,
): Promise<boolean> {
  const [code, answer] = await rpc.batch([
    { method: 'eth_getCode', params: [signer, 'latest'] },
    {
      method: 'eth_call',
      params: [
        {
          to: signer,
          data: encodeIsValidSignature(fromHex(hash, 32), signature),
          gas: quantity(ERC1271_GAS + CALL_GAS),
        },
        'latest',
      ],
    },
  ]);
  if (code instanceof RpcRefusal) throw code;
  // A refused call is one that reverted: the contract says no.
  if (typeof code !== 'string' || code === '0x' || answer instanceof RpcRefusal) return false;
  if (typeof answer !== 'string' || answer.length < 66) return false;
  const [word] = readWords(answer.slice(0, 66));
  return word === `0x${VALID_SIGNATURE.padEnd(64, '0')}`;
}
