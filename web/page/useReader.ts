import { useCallback, useEffect, useRef, useState } from 'react';
import type { Outcome, StepName } from '../../core/verify/result.ts';
import type { ReportView } from '../model/view.ts';
import type {
  CheckOrder,
  CheckResult,
  Failure,
  News,
  OpenedDocument,
  Order,
  Pages,
  Shared,
} from '../worker/messages.ts';

export type CheckState =
  | { readonly state: 'idle' }
  | {
      readonly state: 'running';
      readonly steps: Readonly<Partial<Record<StepName, Outcome>>>;
      readonly waiting: string | null;
    }
  | { readonly state: 'done'; readonly result: CheckResult }
  | { readonly state: 'failed'; readonly failure: Failure };

export type Source =
  | {
      readonly kind: 'service';
      readonly identifier: string;
      readonly url: string;
      /** Of whoever is signed in. */
      readonly token?: string;
    }
  | { readonly kind: 'share'; readonly token: string; readonly url: string }
  | { readonly kind: 'file'; readonly name: string; readonly file: Blob };

export type ReaderState =
  | { readonly at: 'home' }
  | { readonly at: 'loading'; readonly source: Source }
  | { readonly at: 'failed'; readonly source: Source; readonly failure: Failure }
  | {
      readonly at: 'report';
      readonly source: Source;
      readonly view: ReportView;
      readonly pages: Pages | null;
      readonly shared: Shared | null;
      readonly check: CheckState;
    };

export type DocumentOrder = Omit<Extract<Order, { type: 'document' }>, 'type' | 'run'>;

export type Reader = {
  readonly state: ReaderState;
  open(source: Source): void;
  home(): void;
  fail(source: Source, failure: Failure): void;
  check(order: CheckOrder): void;
  save(): Promise<Blob>;
  document(order: DocumentOrder): Promise<OpenedDocument>;
};

type Waiting = {
  readonly cid: string | null;
  readonly resolve: (value: never) => void;
  readonly reject: (failure: Failure) => void;
};

/** One report at a time, read and verified by a worker. */
export function useReader(): Reader {
  const [state, setState] = useState<ReaderState>({ at: 'home' });
  const worker = useRef<Worker | null>(null);
  const run = useRef(0);
  /** How many checks were asked for: only the newest one's news count. */
  const checks = useRef(0);
  const waiting = useRef<Waiting[]>([]);
  /** Orders that have not come to their end. */
  const busy = useRef(0);

  const hear = useCallback((news: News) => {
    if (news.run !== run.current) return;
    if (news.type !== 'step' && news.type !== 'waiting') busy.current = Math.max(0, busy.current - 1);
    if ('check' in news && news.check !== checks.current) return;
    const settle = (cid: string | null, act: (one: Waiting) => void): void => {
      const asked = waiting.current.filter((one) => one.cid === cid);
      waiting.current = waiting.current.filter((one) => one.cid !== cid);
      for (const one of asked) act(one);
    };
    switch (news.type) {
      case 'saved':
        return settle(null, ({ resolve }) => resolve(news.file as never));
      case 'document':
        return settle(news.document.cid, ({ resolve }) => resolve(news.document as never));
      case 'documentFailed':
        return settle(news.cid, ({ reject }) => reject(news.failure));
      default:
        setState((before) => after(before, news));
    }
  }, []);

  const start = useCallback(() => {
    worker.current ??= startWorker(hear, (failure) => {
      // One that never came to life hears nothing: the next order starts another.
      worker.current = null;
      busy.current = 0;
      setState((before) => after(before, { type: 'failed', run: run.current, failure }));
    });
    return worker.current;
  }, [hear]);

  const send = useCallback(
    (order: Order) => {
      busy.current += 1;
      start().postMessage(order);
    },
    [start],
  );

  // A worker that is busy with an old question is ended: its reader has gone on.
  const renew = useCallback(() => {
    if (busy.current > 0) {
      worker.current?.terminate();
      worker.current = null;
    }
    busy.current = 0;
    waiting.current = [];
    run.current += 1;
    return run.current;
  }, []);

  // Started before it is needed: a page that is open goes on verifying when the network is gone.
  useEffect(() => {
    start();
    return () => {
      worker.current?.terminate();
      worker.current = null;
    };
  }, [start]);

  return {
    state,
    open: useCallback(
      (source) => {
        const current = renew();
        setState({ at: 'loading', source });
        switch (source.kind) {
          case 'file':
            return send({ type: 'open', run: current, file: source.file });
          case 'share':
            return send({ type: 'share', run: current, url: source.url, token: source.token });
          case 'service': {
            const { url, identifier, token = null } = source;
            send({ type: 'fetch', run: current, url, identifier, token });
          }
        }
      },
      [renew, send],
    ),
    home: useCallback(() => {
      renew();
      setState({ at: 'home' });
    }, [renew]),
    fail: useCallback(
      (source, failure) => {
        renew();
        setState({ at: 'failed', source, failure });
      },
      [renew],
    ),
    check: useCallback(
      (order) => {
        setState((before) =>
          before.at === 'report'
            ? { ...before, check: { state: 'running', steps: {}, waiting: null } }
            : before,
        );
        checks.current += 1;
        send({ type: 'check', run: run.current, check: checks.current, order });
      },
      [send],
    ),
    save: useCallback(
      () =>
        new Promise<Blob>((resolve, reject) => {
          waiting.current.push({ cid: null, resolve: resolve as Waiting['resolve'], reject });
          send({ type: 'save', run: run.current });
        }),
      [send],
    ),
    document: useCallback(
      (order) =>
        new Promise<OpenedDocument>((resolve, reject) => {
          waiting.current.push({ cid: order.cid, resolve: resolve as Waiting['resolve'], reject });
          send({ type: 'document', run: run.current, ...order });
        }),
      [send],
    ),
  };
}

function after(before: ReaderState, news: News): ReaderState {
  switch (news.type) {
    case 'read':
      if (before.at !== 'loading') return before;
      return {
        at: 'report',
        source: before.source,
        view: news.view,
        pages: news.pages,
        shared: news.shared,
        check: { state: 'idle' },
      };
    case 'step': {
      if (before.at !== 'report' || before.check.state !== 'running') return before;
      const steps = { ...before.check.steps, [news.step]: news.outcome };
      return { ...before, check: { ...before.check, steps } };
    }
    case 'waiting':
      if (before.at !== 'report' || before.check.state !== 'running') return before;
      return { ...before, check: { ...before.check, waiting: news.endpoint } };
    case 'checked':
      if (before.at !== 'report') return before;
      return { ...before, view: news.result.view, check: { state: 'done', result: news.result } };
    case 'failed':
      if (before.at === 'loading') return { at: 'failed', source: before.source, failure: news.failure };
      if (before.at === 'report') return { ...before, check: { state: 'failed', failure: news.failure } };
      return before;
    default:
      return before;
  }
}

function startWorker(hear: (news: News) => void, onDeath: (failure: Failure) => void): Worker {
  const worker = new Worker(new URL('../worker/worker.ts', import.meta.url), { type: 'module' });
  let heard = false;
  worker.onmessage = ({ data }: MessageEvent<News>) => {
    heard = true;
    hear(data);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    worker.terminate();
    onDeath({ code: heard ? 'page.failed' : 'page.noWorker', details: {}, message: event.message ?? '' });
  };
  return worker;
}
