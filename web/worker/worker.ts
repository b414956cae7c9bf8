import { VinculumError } from '../../core/errors.ts';
import { parseReport, type Report } from '../../core/report/report.ts';
import { viewOf } from '../model/view.ts';
import { check, readWithoutChain } from './check.ts';
import { loadCurve } from './curve.ts';
import { fetchBytes } from './fetching.ts';
import type { News, Order, Pages, Shared } from './messages.ts';
import { failureOf, problemOf } from './problem.ts';

/*
 * The reader's own verification, beside the page so that it never waits: `core/verify` as the command line runs it.
 */

/** A file beyond this would fill a phone's memory; the command line reads larger ones. */
const MOST_BYTES = 96 * 1024 * 1024;
const FETCH_MILLISECONDS = 45_000;
const IDLE_MILLISECONDS = 3_000;

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<Order>) => void) | null;
  postMessage(news: News): void;
};

/** Fetched beside, when nobody waits any more: a page that is open verifies receipts without a network too. */
setTimeout(() => loadCurve().catch(() => undefined), IDLE_MILLISECONDS);

let held: { readonly run: number; readonly report: Report; readonly text: string } | null = null;

scope.onmessage = ({ data }) => {
  obey(data).catch((error: unknown) => {
    const failure = failureOf(error);
    if (data.type === 'document') {
      scope.postMessage({ type: 'documentFailed', run: data.run, cid: data.cid, failure });
    } else if (data.type === 'check') {
      scope.postMessage({ type: 'failed', run: data.run, check: data.check, failure });
    } else scope.postMessage({ type: 'failed', run: data.run, failure });
  });
};

async function obey(order: Order): Promise<void> {
  const { run } = order;
  switch (order.type) {
    case 'fetch':
      return read(run, await fetchReport(order.url, order.token), {
        identifier: order.identifier,
        member: new URL(order.url, self.location.href).searchParams.get('serial'),
      });
    case 'share':
      return openShare(run, order.url, order.token);
    case 'open':
      return openFile(run, order.file);
    case 'check': {
      const number = order.check;
      // A worker that took the place of one that died holds no report.
      if (held?.run !== run) throw new VinculumError('page.failed', 'The report is not there any more.');
      const { report } = held;
      const started = performance.now();
      const checked = await check(report, order.order, {
        onStep: (step, outcome) => scope.postMessage({ type: 'step', run, check: number, step, outcome }),
        onSlow: (endpoint) => scope.postMessage({ type: 'waiting', run, check: number, endpoint }),
      });
      const milliseconds = performance.now() - started;
      const view = viewOf(report, checked.verification);
      scope.postMessage({ type: 'checked', run, check: number, result: { ...checked, view, milliseconds } });
      return;
    }
    case 'save':
      if (held?.run === run) {
        const file = new Blob([held.text], { type: 'application/json' });
        scope.postMessage({ type: 'saved', run, file });
      }
      return;
    case 'document': {
      const { openDocument } = await import('./documents.ts').catch((cause) => {
        throw new VinculumError('page.partMissing', 'A part of the page can’t be loaded.', { cause });
      });
      scope.postMessage({ type: 'document', run, document: await openDocument(order) });
    }
  }
}

type Expected = {
  readonly member?: string | null;
  readonly identifier?: string;
  readonly pages?: Pages;
  readonly shared?: Shared;
};

async function read(
  run: number,
  text: string,
  { identifier, member, pages, shared }: Expected,
): Promise<void> {
  const report = parseReport(text);
  if (identifier !== undefined && report.identifier !== identifier) {
    throw new VinculumError('report.otherIdentifier', 'The service answered with another vehicle’s report.', {
      details: { expected: identifier, found: report.identifier },
    });
  }
  requireMember(report, member ?? null);
  if (hasReceipts(report)) await loadCurve();
  held = { run, report, text };
  const view = viewOf(report, await readWithoutChain(report));
  scope.postMessage({ type: 'read', run, view, pages: pages ?? null, shared: shared ?? null });
}

/** An answer about another serial than was asked for would verify as well: of that one. */
function requireMember({ identifier, member }: Report, asked: string | null): void {
  const [, maker] = identifier.split(':');
  const expected = asked === null || asked.startsWith('serial:') ? asked : `serial:${maker}:${asked}`;
  if (expected === null || expected === member) return;
  throw new VinculumError('report.otherIdentifier', 'The service answered about another serial.', {
    details: { expected, found: member ?? '' },
  });
}

/** Whether something of it was erased: only a receipt's signature is looked at. */
function hasReceipts({ contents }: Report): boolean {
  return Object.values(contents).some((content) => 'erased' in content || 'erasures' in content);
}

async function fetchReport(url: string, token: string | null): Promise<string> {
  return fetchText(url, {
    headers: {
      Accept: 'application/json',
      ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
    },
  });
}

async function fetchText(url: string, init: RequestInit): Promise<string> {
  const { response, bytes } = await fetchBytes(url, {
    prefix: 'service',
    most: MOST_BYTES,
    milliseconds: FETCH_MILLISECONDS,
    init,
  });
  const text = new TextDecoder().decode(bytes);
  if (response.ok) return text;
  throw problemOf(response, text);
}

/** A share link: the token goes in the body, and each opening is counted. */
async function openShare(run: number, url: string, token: string): Promise<void> {
  const text = await fetchText(url, {
    method: 'POST',
    cache: 'no-store',
    headers: { Accept: 'application/json', 'Content-Type': 'application/json' },
    body: JSON.stringify({ token }),
  });
  const answer = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const { purpose, until, openings } = answer;
  if (typeof purpose !== 'string' || typeof until !== 'number' || typeof openings !== 'number') {
    throw new VinculumError('service.notOurs', 'This is no such service.');
  }
  return read(run, JSON.stringify(answer.report), { shared: { purpose, until, openings } });
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
