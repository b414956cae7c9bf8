import { parentPort } from 'node:worker_threads';
import { type CredentialFacts, factsOf } from '../../core/credential/facts.ts';
import { type PageParameters, renderReport } from '../../core/pdf/renderReport.ts';
import { readHeader } from '../../core/proof/header.ts';
import { proofView } from '../../core/proof/proofView.ts';
import { reportProof } from '../../core/proof/reportProof.ts';
import { parseReport } from '../../core/report/report.ts';
import type { Trust } from '../../core/verify/verify.ts';
import { verify } from '../../core/verify/verify.ts';

/*
 * Printing and checking a report takes the processor for milliseconds an entry: it is done in a thread of its own, so
 * that nobody else waits.
 */
export type WorkerTask =
  | { readonly kind: 'pdf'; readonly text: string; readonly parameters: PageParameters }
  /** Its proofs were checked against the chain's node when they were taken: their headers are trusted here. */
  | { readonly kind: 'facts'; readonly text: string; readonly trust: Trust; readonly final: boolean };

export type WorkerRequest = { readonly id: number; readonly task: WorkerTask };

export type WorkerAnswer =
  | { readonly id: number; readonly pdf: Uint8Array }
  /** Null: the report contradicts the chain. */
  | { readonly id: number; readonly facts: CredentialFacts | null }
  | { readonly id: number; readonly failure: string };

const port = parentPort;
if (port === null) throw new Error('runs as a worker only');

async function work({ id, task }: WorkerRequest): Promise<WorkerAnswer> {
  if (task.kind === 'pdf') return { id, pdf: await renderReport(task.text, task.parameters) };
  const report = parseReport(task.text);
  const result = await verify(report, task.trust, async (chainId) => {
    const proof = reportProof(report, chainId);
    return proof === null ? null : proofView(proof, readHeader(proof.header, proof.codec).hash, task.final);
  });
  return { id, facts: result.verdict === 'refuted' ? null : factsOf(task.text, report, result) };
}

port.on('message', (request: WorkerRequest) => {
  work(request).then(
    (answer) => port.postMessage(answer, 'pdf' in answer ? [answer.pdf.buffer as ArrayBuffer] : []),
    (error: unknown) =>
      port.postMessage({
        id: request.id,
        failure: error instanceof Error ? (error.stack ?? error.message) : String(error),
      }),
  );
});
