import { VinculumError } from '../../core/errors.ts';

/** Nothing of ours or the reader's goes along: no cookies, no address of the page. */
const quiet: RequestInit = { credentials: 'omit', referrerPolicy: 'no-referrer', redirect: 'follow' };

/** An error of the network as a code: a browser tells no more than that it failed. */
function networkError(
  error: unknown,
  prefix: string,
  details: Readonly<Record<string, unknown>>,
): VinculumError {
  const name = error instanceof Error ? error.name : '';
  const code = name === 'TimeoutError' ? 'timeout' : 'unreachable';
  return new VinculumError(`${prefix}.${code}`, 'The address can’t be reached.', { cause: error, details });
}

/**
 * An answer with its body, read no further than `most` bytes and no longer than `milliseconds`.
 * @throws `<prefix>.unreachable` `<prefix>.timeout` `<prefix>.tooLarge`
 */
export async function fetchBytes(
  url: string,
  options: { prefix: string; most: number; milliseconds: number; init?: RequestInit },
): Promise<{ response: Response; bytes: Uint8Array<ArrayBuffer> }> {
  const { prefix, most, milliseconds } = options;
  const details = { address: url, seconds: milliseconds / 1000 };
  const tooLarge = () =>
    new VinculumError(`${prefix}.tooLarge`, 'The answer is too large.', { details: { ...details, most } });
  try {
    const response = await fetch(url, {
      ...quiet,
      ...options.init,
      signal: AbortSignal.timeout(milliseconds),
    });
    if (Number(response.headers.get('Content-Length') ?? 0) > most) {
      await response.body?.cancel();
      throw tooLarge();
    }
    const parts: Uint8Array[] = [];
    let length = 0;
    const reader = response.body?.getReader();
    for (;;) {
      const part = await reader?.read();
      if (part === undefined || part.done) break;
      length += part.value.length;
      if (length > most) {
        await reader?.cancel();
        throw tooLarge();
      }
      parts.push(part.value);
    }
    const bytes = new Uint8Array(length);
    let offset = 0;
    for (const part of parts) {
      bytes.set(part, offset);
      offset += part.length;
    }
    return { response, bytes };
  } catch (error) {
    if (error instanceof VinculumError) throw error;
    throw networkError(error, prefix, details);
  }
}
