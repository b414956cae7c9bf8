import { createRpc } from '../../../api/chain/rpc.ts';
import { createStateProofs, type Slots } from '../../../api/chain/stateProofs.ts';
import { fromBase64Url, type Hex, toBase64Url } from '../../../core/bytes.ts';
import type { Address, Subject } from '../../../core/chain/types.ts';
import { plainSlot, SLOTS } from '../../../core/proof/proofView.ts';
import { writeProof } from '../../../core/proof/reportProof.ts';
import { decodeRlp, encodeRlp, type Rlp } from '../../../core/proof/rlp.ts';
import { mappingSlot } from '../../../core/proof/state.ts';
import type { Report, ReportProof } from '../../../core/report/report.ts';
import type { ReportLie } from '../lie.ts';
import type { System } from '../system.ts';
import { section } from './operator.ts';

function proofOf(report: Report): ReportProof {
  const [proof] = report.proofs ?? [];
  if (proof === undefined) throw new Error('a report without a proof');
  return proof;
}

const TIMESTAMP = 11;
const STATE_ROOT = 3;

/** What an operator serves to have a reader ask the endpoints for everything. */
export function withoutProofs(report: Report): Report {
  const { proofs: _, ...rest } = report;
  return rest;
}

function withField(header: string, index: number, value: Uint8Array): string {
  const fields = decodeRlp(fromBase64Url(header)) as readonly Rlp[];
  return toBase64Url(encodeRlp(fields.map((field, at) => (at === index ? value : field))));
}

/** A storage proof for a report by a node that somebody else runs: what an operator with a chain of its own makes. */
export async function proveBy(node: string, system: System, report: Report): Promise<ReportProof> {
  const { deployment } = system.test.service.services;
  const { subject, ownChains, organisations } = section(report);
  const slots: Slots = new Map<Address, Set<Hex>>([
    [deployment.directory, new Set([plainSlot(SLOTS.directoryHead)])],
    [
      deployment.ledger,
      new Set([
        plainSlot(SLOTS.pseudonymKey),
        mappingSlot(subject as Subject, SLOTS.heads),
        ...ownChains.map((own) => mappingSlot(BigInt(own.organisation), SLOTS.ownHeads)),
      ]),
    ],
    [
      deployment.organisations,
      new Set(organisations.map(({ id }) => mappingSlot(BigInt(id), SLOTS.organisationHeads))),
    ],
  ]);
  const state = createStateProofs(createRpc({ url: node, attempts: 1 }), 'ethereum');
  const read = await state.read(slots);
  const { chainId } = system.trust;
  return writeProof({ chainId, codec: 'ethereum', header: read.encodedHeader, nodes: read.nodes(slots) });
}

const both = { by: 'operator', readers: ['cli offline', 'proof', 'offline'] } as const;
const otherBlock = { ...both, caughtBy: 'proof.otherBlock', fate: 'refused' } as const;
const missingNode = { ...both, caughtBy: 'proof.missingNode', fate: 'refused' } as const;

/** What can be said by a storage proof, to a reader who checks it against a block hash. */
export const proofLies: readonly ReportLie[] = [
  {
    lie: 'makes a header up, with a state root of its own',
    ...otherBlock,
    tell: (r) => {
      const proof = proofOf(r);
      proof.header = withField(proof.header, STATE_ROOT, new Uint8Array(32).fill(7));
    },
  },
  {
    lie: 'dates the proof’s header as of today',
    ...otherBlock,
    tell: (r) => {
      const proof = proofOf(r);
      const now = Math.floor(Date.now() / 1000) + 86_400;
      proof.header = withField(proof.header, TIMESTAMP, Buffer.from(now.toString(16), 'hex'));
    },
  },
  {
    lie: 'proves today’s history by the header of an older block',
    by: 'operator',
    readers: ['proof'],
    caughtBy: 'completeness head.subject',
    fate: 'refuted',
    tell: (r, s) => ({ ...r, proofs: s.older.proofs }),
  },
  {
    lie: 'serves an older report with its older proof, honest at its time',
    by: 'operator',
    readers: ['proof'],
    caughtBy: 'asOf.stale',
    fate: 'stale',
    tell: (_, s) => s.older,
  },
  {
    lie: 'serves an older report to a reader who knows a newer block’s hash',
    by: 'operator',
    readers: ['cli offline', 'offline'],
    caughtBy: 'proof.otherBlock',
    fate: 'refused',
    tell: (_, s) => s.older,
  },
  {
    lie: 'serves an older report to a reader who asks whether it is still so',
    by: 'operator',
    readers: ['cli', 'page'],
    caughtBy: 'reader asOf.moved',
    fate: 'incomplete',
    tell: (_, s) => s.older,
  },
  {
    lie: 'serves an older report to a reader who asks the chain itself',
    by: 'operator',
    readers: ['rpc'],
    caughtBy: 'completeness head.subject',
    fate: 'refuted',
    tell: (_, s) => s.older,
  },
  {
    lie: 'changes one bit of a node on the way to the head',
    ...missingNode,
    tell: (r) => {
      const proof = proofOf(r);
      proof.nodes = proof.nodes.map((node) => {
        const bytes = fromBase64Url(node);
        bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
        return toBase64Url(bytes);
      });
    },
  },
  {
    lie: 'leaves the state’s root node out',
    ...missingNode,
    tell: (r) => void proofOf(r).nodes.shift(),
  },
  {
    lie: 'gives the nodes of another vehicle’s proof',
    ...missingNode,
    tell: async (r, s) => {
      const other = proofOf(await s.honest('VF3WC5FS9AW055905'));
      const own = proofOf(r);
      own.nodes = own.nodes.filter((node) => other.nodes.includes(node));
      return r;
    },
  },
  {
    lie: 'calls the header one of another family of chains',
    ...both,
    caughtBy: 'proof.malformedRlp',
    fate: 'refused',
    tell: (r) => void Object.assign(proofOf(r), { codec: 'besu-qbft' }),
  },
  {
    lie: 'cuts the header off',
    ...both,
    caughtBy: 'proof.malformedRlp',
    fate: 'refused',
    tell: (r) => {
      const proof = proofOf(r);
      proof.header = toBase64Url(fromBase64Url(proof.header).slice(0, -1));
    },
  },
  {
    lie: 'gives the proof of another chain',
    ...both,
    caughtBy: 'ledgers directory.unread',
    fate: 'incomplete',
    tell: (r) => void Object.assign(proofOf(r), { chainId: '1' }),
  },
  {
    lie: 'gives no proof to a reader who has nothing else',
    ...both,
    caughtBy: 'ledgers directory.unread',
    fate: 'incomplete',
    tell: withoutProofs,
  },
];
