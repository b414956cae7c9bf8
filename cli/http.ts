import { request as askOverHttp, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as askOverHttps } from 'node:https';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError } from './exit.ts';

/** One exchange over HTTP. Everything it returns comes from outside: bounded here, parsed by the caller. */
export type HttpRequest = {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** Of one attempt, default 30 seconds. */
  readonly timeoutMilliseconds?: number;
  /** Largest answer that is read, default 256 MiB. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal | undefined;
};

export type HttpAnswer = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
};

const MEBIBYTE = 1024 * 1024;

/** Without a word of the answer for so long, `fetch` gives up, whatever its signal says. */
const FETCH_WAITS_MILLISECONDS = 300_000;

/**
 * Sends a request once. Redirects are refused: they could lead a token elsewhere.
 * @throws `http.unreachable` (exit 4) with the reason, `http.timeout`, `http.tooLarge`; an abort of the caller's as it is
 */
export async function exchange(url: string, request: HttpRequest = {}): Promise<HttpAnswer> {
  const milliseconds = request.timeoutMilliseconds ?? 30_000;
  const timeout = AbortSignal.timeout(milliseconds);
  const signal = request.signal === undefined ? timeout : AbortSignal.any([request.signal, timeout]);
  try {
    const init = {
      method: request.method ?? 'GET',
      headers: { ...request.headers },
      ...(request.body === undefined ? {} : { body: request.body }),
      signal,
    };
    const response = await (milliseconds < FETCH_WAITS_MILLISECONDS
      ? fetch(url, { ...init, redirect: 'error' })
      : fetchPatiently(url, init));
    const body = await readLimited(response, request.maxBytes ?? 256 * MEBIBYTE, url);
    return { status: response.status, headers: response.headers, body };
  } catch (error) {
    if (request.signal?.aborted === true) throw request.signal.reason;
    if (error instanceof CommandError) throw error;
    if (timeout.aborted) {
      const text = `${placeOf(url)} did not answer in time.`;
      throw new CommandError('unreachable', 'http.timeout', text, { cause: error });
    }
    throw unreachable(url, error);
  }
}

export function unreachable(url: string, cause: unknown): CommandError {
  const text = `${placeOf(url)} can’t be reached (${reasonOf(cause)}): is it running, and is the address right?`;
  return new CommandError('unreachable', 'http.unreachable', text, { cause });
}

export type PatientRequest = {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
};

/** As `fetch` without redirects, but for answers that are long in coming: only the signal ends the wait. */
export function fetchPatiently(url: string, { body, ...options }: PatientRequest): Promise<Response> {
  return new Promise((resolve, reject) => {
    const ask = new URL(url).protocol === 'https:' ? askOverHttps : askOverHttp;
    const request: ClientRequest = ask(url, options, (message) => {
      try {
        resolve(responseOf(message));
      } catch (error) {
        message.destroy();
        reject(error);
      }
    });
    request.on('error', reject);
    request.end(body);
  });
}

function responseOf(message: IncomingMessage): Response {
  const status = message.statusCode ?? 0;
  if (status >= 300 && status < 400) throw new Error('unexpected redirect');
  const headers = new Headers();
  for (const [name, values] of Object.entries(message.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  if (status !== 204 && status !== 205) {
    return new Response(Readable.toWeb(message) as ReadableStream<Uint8Array>, { status, headers });
  }
  message.resume();
  return new Response(null, { status, headers });
}

async function readLimited(response: Response, maxBytes: number, url: string): Promise<Uint8Array> {
  const declared = Number(response.headers.get('content-length') ?? '0');
  if (declared > maxBytes) throw tooLarge(url, maxBytes);
  const parts: Uint8Array[] = [];
  let length = 0;
  if (response.body !== null) {
    for await (const part of response.body) {
      length += part.length;
      if (length > maxBytes) throw tooLarge(url, maxBytes);
      parts.push(part);
    }
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
}

function tooLarge(url: string, maxBytes: number): CommandError {
  const text = `The answer of ${placeOf(url)} is larger than ${Math.round(maxBytes / MEBIBYTE)} MiB.`;
  return new CommandError('incomplete', 'http.tooLarge', text);
}

/** An address without path, query or user: what may be shown. */
export function placeOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : url;
}

function reasonOf(error: unknown): string {
  for (const one of [(error as { cause?: unknown } | null)?.cause, error]) {
    const code = (one as { code?: unknown } | null | undefined)?.code;
    if (typeof code === 'string') return code;
  }
  return error instanceof Error ? error.message : String(error);
}

export type RetryOptions = {
  /** Default 5. */
  readonly attempts?: number;
  /** Pause before the second attempt, doubled each time, default 200. */
  readonly firstPauseMilliseconds?: number;
  readonly signal?: AbortSignal | undefined;
  /** Told of each pause before it begins. */
  readonly onPause?: ((milliseconds: number, error: unknown) => void) | undefined;
};

/** An error that says by itself whether trying again can help, and when. */
export type Retryable = { readonly retryable: boolean; readonly retryAfterMilliseconds?: number };

const LONGEST_PAUSE = 60_000;

/** Repeats work while its error says that the same request may succeed later. */
export async function withRetries<T>(
  work: () => Promise<T>,
  isRetryable: (error: unknown) => Retryable,
  options: RetryOptions = {},
): Promise<T> {
  const attempts = options.attempts ?? 5;
  let pause = options.firstPauseMilliseconds ?? 200;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const { retryable, retryAfterMilliseconds } = isRetryable(error);
      // A limit that lifts in an hour is not waited for: the caller is told.
      if (!retryable || attempt >= attempts || (retryAfterMilliseconds ?? 0) > LONGEST_PAUSE) throw error;
      const milliseconds = retryAfterMilliseconds ?? pause;
      options.onPause?.(milliseconds, error);
      await sleep(milliseconds, undefined, { signal: options.signal });
      pause = Math.min(pause * 2, 5_000);
    }
  }
}

/** Work on items with so many at a time; the first error stops it. Results keep the items' order. */
export async function concurrently<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (!failed && next < items.length) {
      const index = next++;
      try {
        results[index] = await work(items[index] as T, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
