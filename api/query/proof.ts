import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fromHex, type Hex, toHex } from '../../core/bytes.ts';
import { canonicalJson } from '../../core/canonical.ts';
import { type Address, type Subject, ZERO_SUBJECT } from '../../core/chain/types.ts';
import { VinculumError } from '../../core/errors.ts';
import { plainSlot, SLOTS, slotOf } from '../../core/proof/proofView.ts';
import { writeProof } from '../../core/proof/reportProof.ts';
import { accountAt, storageAt } from '../../core/proof/state.ts';
import { trieNodes } from '../../core/proof/trie.ts';
import { directoryLinksOf, type Report, type ReportProof } from '../../core/report/report.ts';
import { headClaims } from '../../core/verify/headClaims.ts';
import type { Slots, StateProofs, StateRead } from '../chain/stateProofs.ts';
import { asProblem, Problem } from '../problem.ts';
import type { Queryable, Store } from '../store/store.ts';

/** One word of a contract's storage that a report relies on. */
type Claim = { readonly contract: Address; readonly slot: Hex; readonly word: Hex };

/** What a report says that the state of one chain can prove, in a fixed order. */
type Claims = readonly Claim[];

export type ProvenChain = {
  readonly state: StateProofs;
  /** The number of the last block that can no longer be undone. */
  readonly finality: () => Promise<bigint>;
  /** The hash of the chain's block of this number now; null: it has none. */
  readonly blockHash: (number: number) => Promise<Hex | null>;
  /** For a chain that mines on demand: makes a new block if the last one is older. */
  readonly refresh?: (olderThanSeconds: number) => Promise<void>;
};

export type ProofOptions = {
  readonly store: Store;
  /** The chains that can be asked, by their id. */
  readonly chains: ReadonlyMap<bigint, ProvenChain>;
  /** The last block in the index. */
  readonly indexedBlock: () => number;
  readonly onError?: (error: Problem) => void;
  readonly clock?: () => Date;
  readonly limits?: Partial<ProofLimits>;
};

export type ProofLimits = {
  /** A proof that was taken longer ago is taken anew, default 600. */
  readonly refreshSeconds: number;
  /** A proof of a final block is preferred to a newer one until its block is so old, default 3,600. */
  readonly preferFinalSeconds: number;
  /** How often a report is built again when the chain moved in between, default 5. */
  readonly attempts: number;
  /** How long to wait for the index to come to the proven block, default 2,000. */
  readonly patienceMilliseconds: number;
  /** Proofs of absence are forgotten after so long, default a day. */
  readonly absenceSeconds: number;
};

const defaults: ProofLimits = {
  refreshSeconds: 600,
  preferFinalSeconds: 3_600,
  attempts: 5,
  patienceMilliseconds: 2_000,
  absenceSeconds: 86_400,
};

const POLL_MILLISECONDS = 10;
const SWEEP_MILLISECONDS = 3_600_000;

export interface Proofs {
  /**
   * The report with storage proofs of every head that it must end in, and as of the block of the proof. Where a chain
   * cannot be asked, or does not stand still, the report comes without: it can then be checked by RPC only.
   * @param build makes the report from the index; called again when the chain went on in between
   */
  attach(build: () => Promise<Report>): Promise<Report>;
}

/** Proofs for reports, taken at the head of the chain, kept, and preferred once their block is final. */
export function createProofs(options: ProofOptions): Proofs {
  const { store, chains, indexedBlock } = options;
  const limits = { ...defaults, ...options.limits };
  const clock = options.clock ?? (() => new Date());
  const note = (error: unknown): void => options.onError?.(asProblem(error));
  let sweptAt = 0;

  /** Null: the report does not say what the chain says, or not any more. */
  async function proofOf(report: Report, chainId: bigint, chain: ProvenChain): Promise<KeptProof | number> {
    const claims = claimsOf(report, chainId);
    const place = { subject: subjectOf(report), chainId, basis: basisOf(claims) };
    const kept = await stillThere(store, chain, await readKept(store, place));
    const newest = kept[0];
    const now = clock().getTime();
    if (newest !== undefined && now - newest.takenAt.getTime() < limits.refreshSeconds * 1000) {
      return preferred(kept, now, limits);
    }
    let read: StateRead;
    try {
      await chain.refresh?.(limits.refreshSeconds);
      read = await chain.state.read(slotsOf(claims));
    } catch (error) {
      // An older proof is as true as it was.
      if (newest === undefined) throw error;
      note(error);
      return preferred(kept, now, limits);
    }
    const { header } = read;
    const nodes = read.nodes(slotsOf(claims));
    if (!holds(claims, header.stateRoot, nodes)) return Number(header.number);
    const proof = writeProof({ chainId, codec: chain.state.codec, header: read.encodedHeader, nodes });
    const taken: KeptProof = {
      block: { number: Number(header.number), hash: header.hash, timestamp: Number(header.timestamp) },
      final: await isFinal(chain, Number(header.number)),
      proof,
      takenAt: clock(),
    };
    const recorded = report.ledgers.some(({ links }) => links.length > 0);
    await keep(store, place, taken, recorded);
    return preferred([taken, ...kept.filter(({ block }) => block.hash !== taken.block.hash)], now, limits);
  }

  async function reached(block: number): Promise<void> {
    const until = Date.now() + limits.patienceMilliseconds;
    while (indexedBlock() < block && Date.now() < until) await sleep(POLL_MILLISECONDS);
  }

  async function sweep(): Promise<void> {
    const now = clock().getTime();
    if (now - sweptAt < SWEEP_MILLISECONDS) return;
    sweptAt = now;
    await store.execute('DELETE FROM report_proofs WHERE NOT recorded AND taken_at < $1', [
      new Date(now - limits.absenceSeconds * 1000),
    ]);
  }

  /** All proofs of a report, or the number of a block in which it is not true. */
  async function proofsOf(report: Report): Promise<ReadonlyMap<bigint, KeptProof> | number> {
    const proofs = new Map<bigint, KeptProof>();
    for (const chainId of chainsOf(report)) {
      const chain = chains.get(chainId);
      if (chain === undefined) continue;
      const found = await proofOf(report, chainId, chain);
      if (typeof found === 'number') return found;
      proofs.set(chainId, found);
    }
    return proofs;
  }

  return {
    async attach(build) {
      let report = await build();
      try {
        await sweep();
        for (let attempt = 1; ; attempt += 1) {
          const found = await proofsOf(report);
          if (typeof found !== 'number') return withProofs(report, found);
          if (attempt >= limits.attempts) {
            throw new Problem('index.behind', `The index and block ${found} do not say the same.`);
          }
          await reached(found);
          report = await build();
        }
      } catch (error) {
        note(error);
        return report;
      }
    },
  };
}

/** The same in every section: they are all under the operator's key. Zero where there is none at all. */
function subjectOf(report: Report): Subject {
  return (report.ledgers[0]?.subject ?? ZERO_SUBJECT) as Subject;
}

function withProofs(report: Report, proofs: ReadonlyMap<bigint, KeptProof>): Report {
  if (proofs.size === 0) return report;
  const ledgers = report.ledgers.map((section) => {
    const proof = proofs.get(BigInt(section.ledger.split(':')[1] ?? 0));
    return proof === undefined ? section : { ...section, asOf: proof.block };
  });
  return { ...report, ledgers, proofs: [...proofs.values()].map(({ proof }) => proof) };
}

/** The directory's chain, and that of each ledger. */
function chainsOf(report: Report): Set<bigint> {
  return new Set([
    BigInt(report.directory.chainId),
    ...directoryLinksOf(report).flatMap((link) => (link.change === 'added' ? [link.chainId] : [])),
  ]);
}

/** What verification reads of a chain (docs/protocol.md §8, steps 2, 3 and 5). */
function claimsOf(report: Report, chainId: bigint): Claims {
  const { directory } = report;
  const trust = { chainId: BigInt(directory.chainId), directory: directory.address as Address };
  const keys = directoryLinksOf(report).flatMap((link): Claim[] =>
    link.change === 'added' && link.chainId === chainId
      ? [{ contract: link.ledger, slot: plainSlot(SLOTS.pseudonymKey), word: link.pseudonymKey }]
      : [],
  );
  const heads = headClaims(report, trust)
    .filter((claim) => claim.chainId === chainId)
    .map(({ contract, head, told }) => ({ contract, slot: slotOf(head), word: told }));
  return [...keys, ...heads];
}

function slotsOf(claims: Claims): Slots {
  const slots = new Map<Address, Set<Hex>>();
  for (const { contract, slot } of claims) slots.set(contract, (slots.get(contract) ?? new Set()).add(slot));
  return slots;
}

function basisOf(claims: Claims): Uint8Array {
  return createHash('sha256').update(canonicalJson(claims)).digest();
}

/** Whether the state says what the report says, as the reader will find by walking the same nodes. */
function holds(claims: Claims, stateRoot: Hex, nodes: readonly Uint8Array[]): boolean {
  const found = trieNodes(nodes);
  try {
    return claims.every(
      ({ contract, slot, word }) => storageAt(accountAt(stateRoot, contract, found), slot, found) === word,
    );
  } catch (error) {
    // The node answered of another block than it was asked for.
    if (error instanceof VinculumError) return false;
    throw error;
  }
}

async function isFinal({ finality }: ProvenChain, number: number): Promise<boolean> {
  // A node that does not know what is final says so with an error.
  return BigInt(number) <= (await finality().catch(() => -1n));
}

function preferred(kept: readonly KeptProof[], now: number, { preferFinalSeconds }: ProofLimits): KeptProof {
  const oldest = now / 1000 - preferFinalSeconds;
  const found = kept.find(({ final, block }) => final && block.timestamp >= oldest) ?? kept[0];
  if (found === undefined) throw new TypeError('there is always one');
  return found;
}

type Place = { readonly subject: Subject; readonly chainId: bigint; readonly basis: Uint8Array };

type KeptProof = {
  readonly block: { readonly number: number; readonly hash: Hex; readonly timestamp: number };
  readonly final: boolean;
  readonly proof: ReportProof;
  readonly takenAt: Date;
};

type Row = {
  readonly block_number: bigint;
  readonly block_hash: Uint8Array;
  readonly block_timestamp: bigint;
  readonly final: boolean;
  readonly proof: string;
  readonly taken_at: Date;
};

/** The proofs of a report as it is now, the newest first. */
async function readKept(store: Queryable, { subject, chainId, basis }: Place): Promise<KeptProof[]> {
  const rows = await store.query<Row>(
    `SELECT block_number, block_hash, block_timestamp, final, proof, taken_at FROM report_proofs
     WHERE subject = $1 AND chain_id = $2 AND basis = $3 ORDER BY block_number DESC`,
    [fromHex(subject, 32), chainId, basis],
  );
  return rows.map((row) => ({
    block: {
      number: Number(row.block_number),
      hash: toHex(row.block_hash),
      timestamp: Number(row.block_timestamp),
    },
    final: row.final,
    proof: JSON.parse(row.proof) as ReportProof,
    takenAt: row.taken_at,
  }));
}

/** Those whose block is on the chain still; marks the ones that have become final. */
async function stillThere(
  store: Queryable,
  chain: ProvenChain,
  kept: readonly KeptProof[],
): Promise<KeptProof[]> {
  if (kept.every(({ final }) => final)) return [...kept];
  try {
    const lastFinal = await chain.finality();
    const checked = await Promise.all(
      kept.map(async (proof): Promise<KeptProof | null> => {
        if (proof.final) return proof;
        const { number, hash } = proof.block;
        if ((await chain.blockHash(number)) !== hash) return null;
        const final = BigInt(number) <= lastFinal;
        if (final) {
          const mark = 'UPDATE report_proofs SET final = true WHERE block_hash = $1';
          await store.execute(mark, [fromHex(hash, 32)]);
        }
        return { ...proof, final };
      }),
    );
    return checked.filter((proof) => proof !== null);
  } catch (error) {
    if (!(error instanceof Problem) || !error.code.startsWith('chain.')) throw error;
    // The chain cannot be asked now: the reader will ask it.
    return [...kept];
  }
}

/** Proofs of one subject that wait for their block to become final, at most. */
const MAX_WAITING = 8;

/** Keeps a proof, and of the subject's others that say the same the newest final one and what may become final. */
async function keep(store: Store, place: Place, taken: KeptProof, recorded: boolean): Promise<void> {
  const subject = fromHex(place.subject, 32);
  await store.transaction(async (transaction) => {
    await transaction.execute(
      `DELETE FROM report_proofs WHERE subject = $1 AND chain_id = $2 AND (
         basis <> $3 OR $4 OR block_number < (
           SELECT max(block_number) FROM report_proofs AS other
           WHERE other.subject = $1 AND other.chain_id = $2 AND other.basis = $3 AND other.final
         ) OR NOT final AND block_number <= (
           SELECT block_number FROM report_proofs AS other
           WHERE other.subject = $1 AND other.chain_id = $2 AND other.basis = $3 AND NOT other.final
           ORDER BY block_number DESC OFFSET ${MAX_WAITING - 1} LIMIT 1
         )
       )`,
      [subject, place.chainId, place.basis, taken.final],
    );
    await transaction.execute(
      `INSERT INTO report_proofs
         (subject, chain_id, block_number, block_hash, block_timestamp, basis, recorded, final, proof, taken_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
       ON CONFLICT (subject, chain_id, block_number) DO UPDATE SET
         block_hash = excluded.block_hash, block_timestamp = excluded.block_timestamp, basis = excluded.basis,
         recorded = excluded.recorded, final = excluded.final, proof = excluded.proof, taken_at = excluded.taken_at`,
      [
        subject,
        place.chainId,
        taken.block.number,
        fromHex(taken.block.hash, 32),
        taken.block.timestamp,
        place.basis,
        recorded,
        taken.final,
        JSON.stringify(taken.proof),
        taken.takenAt,
      ],
    );
  });
}
