import { VinculumError } from '../../core/errors.ts';
import { parseReport, type Report } from '../../core/report/report.ts';
import { viewOf } from '../model/view.ts';
import { check, readWithoutChain } from './check.ts';
import { openDocument } from './documents.ts';
import { fetchBytes } from './fetching.ts';
import type { Failure, News, Order, Pages } from './messages.ts';

/*
 * The reader's own verification, beside the page so that it never waits: `core/verify` as the command line runs it.
 */

/** A file beyond this would fill a phone's memory; the command line reads larger ones. */
const MOST_BYTES = 96 * 1024 * 1024;
const FETCH_MILLISECONDS = 45_000;

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<Order>) => void) | null;
  postMessage(news: News): void;
};

let held: { readonly run: number; readonly report: Report; readonly text: string } | null = null;

scope.onmessage = ({ data }) => {
  obey(data).catch((error: unknown) => {
    const failure = failureOf(error);
    if (data.type === 'document') {
      scope.postMessage({ type: 'documentFailed', run: data.run, cid: data.cid, failure });
    } else scope.postMessage({ type: 'failed', run: data.run, failure });
  });
};

async function obey(order: Order): Promise<void> {
  const { run } = order;
  switch (order.type) {
    case 'fetch':
      return read(run, await fetchReport(order.url), { identifier: order.identifier });
    case 'open':
      return openFile(run, order.file);
    case 'check': {
      if (held === null || held.run !== run) return;
      const { report } = held;
      const started = performance.now();
      const checked = await check(report, order.order, {
        onStep: (step, outcome) => scope.postMessage({ type: 'step', run, step, outcome }),
        onSlow: (endpoint) => scope.postMessage({ type: 'waiting', run, endpoint }),
      });
      const milliseconds = performance.now() - started;
      const view = viewOf(report, checked.verification);
      scope.postMessage({ type: 'checked', run, result: { ...checked, view, milliseconds } });
      return;
    }
    case 'save':
      if (held?.run === run) {
        const file = new Blob([held.text], { type: 'application/json' });
        scope.postMessage({ type: 'saved', run, file });
      }
      return;
    case 'document':
      scope.postMessage({ type: 'document', run, document: await openDocument(order) });
  }
}

type Expected = { readonly identifier?: string; readonly pages?: Pages };

async function read(run: number, text: string, { identifier, pages }: Expected): Promise<void> {
  const report = parseReport(text);
  if (identifier !== undefined && report.identifier !== identifier) {
    throw new VinculumError('report.otherIdentifier', 'The service answered with another vehicle’s report.', {
      details: { expected: identifier, found: report.identifier },
    });
  }
  held = { run, report, text };
  const view = viewOf(report, await readWithoutChain(report));
  scope.postMessage({ type: 'read', run, view, pages: pages ?? null });
}

async function fetchReport(url: string): Promise<string> {
  const { response, bytes } = await fetchBytes(url, {
    prefix: 'service',
    most: MOST_BYTES,
    milliseconds: FETCH_MILLISECONDS,
    init: { headers: { Accept: 'application/json' } },
  });
  const text = new TextDecoder().decode(bytes);
  if (response.ok) return text;
  throw problemOf(response, text);
}

/** An answer of the service that is no report: by its own code, if it is of ours at all. */
function problemOf(response: Response, text: string): VinculumError {
  const type = response.headers.get('Content-Type') ?? '';
  const wait = Number(response.headers.get('Retry-After') ?? Number.NaN);
  const details: Record<string, unknown> = { status: response.status };
  if (Number.isFinite(wait)) details.seconds = wait;
  if (!type.startsWith('application/problem+json')) {
    return new VinculumError('service.notOurs', 'This is no such service.', { details });
  }
  let problem: { code?: unknown; detail?: unknown; requestId?: unknown } = {};
  try {
    problem = JSON.parse(text);
  } catch {
    // A cut answer: its status has to do.
  }
  const { code, detail, requestId } = problem;
  if (typeof requestId === 'string') details.requestId = requestId.slice(0, 64);
  return new VinculumError(
    typeof code === 'string' ? code.slice(0, 64) : 'service.notOurs',
    typeof detail === 'string' ? detail.slice(0, 500) : '',
    { details },
  );
}

/** A report as a file: its JSON, or a PDF that it is attached to. */
async function openFile(run: number, file: Blob): Promise<void> {
  if (file.size > MOST_BYTES) {
    throw new VinculumError('report.tooLarge', 'The file is too large.', { details: { most: MOST_BYTES } });
  }
  const bytes = await file.arrayBuffer().then(
    (buffer) => new Uint8Array(buffer),
    (cause: unknown) => {
      throw new VinculumError('report.unreadable', 'The file can’t be read.', { cause });
    },
  );
  if (String.fromCharCode(...bytes.subarray(0, 5)) === '%PDF-') {
    // Only for whoever opens one: it is as large as the rest.
    const { comparePages, readReportPdf } = await import('../../core/pdf/attachment.ts').catch((cause) => {
      throw new VinculumError('page.partMissing', 'A part of the page can’t be loaded.', { cause });
    });
    const pdf = readReportPdf(bytes);
    return read(run, pdf.report, { pages: await comparePages(bytes, pdf) });
  }
  const text = new TextDecoder().decode(bytes);
  if (/^\s*\{[^{]{0,400}"@context"/.test(text.slice(0, 500))) {
    throw new VinculumError('report.isCredential', 'The file is a credential, not a report.');
  }
  return read(run, text, {});
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof VinculumError)) {
    return {
      code: 'page.failed',
      details: {},
      message: error instanceof Error ? error.message.slice(0, 300) : '',
    };
  }
  const { requestId, ...details } = error.details;
  return {
    code: error.code,
    details,
    message: error.message,
    ...(typeof requestId === 'string' ? { requestId } : {}),
  };
}
