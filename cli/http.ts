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

/**
 * Sends a request once. Redirects are refused: they could lead a token elsewhere.
 * @throws `http.unreachable` (exit 4) with the reason, `http.timeout`, `http.tooLarge`; an abort of the caller's as it is
 */
export async function exchange(url: string, request: HttpRequest = {}): Promise<HttpAnswer> {
  const timeout = AbortSignal.timeout(request.timeoutMilliseconds ?? 30_000);
  const signal = request.signal === undefined ? timeout : AbortSignal.any([request.signal, timeout]);
  try {
    const response = await fetch(url, {
      method: request.method ?? 'GET',
      headers: { ...request.headers },
      ...(request.body === undefined ? {} : { body: request.body }),
      redirect: 'error',
      signal,
    });
    const body = await readLimited(response, request.maxBytes ?? 256 * MEBIBYTE, url);
    return { status: response.status, headers: response.headers, body };
  } catch (error) {
    if (request.signal?.aborted === true) throw request.signal.reason;
    if (error instanceof CommandError) throw error;
    if (timeout.aborted) {
      const text = `${placeOf(url)} did not answer in time.`;
      throw new CommandError('unreachable', 'http.timeout', text, { cause: error });
    }
    const text = `${placeOf(url)} can’t be reached (${reasonOf(error)}): is it running, and is the address right?`;
    throw new CommandError('unreachable', 'http.unreachable', text, { cause: error });
  }
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
  const cause = (error as { cause?: unknown } | null)?.cause;
  const code = (cause as { code?: unknown } | undefined)?.code;
  if (typeof code === 'string') return code;
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
