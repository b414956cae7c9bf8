import type { IncomingMessage } from 'node:http';
import { Problem } from '../problem.ts';

/** Nobody needs more levels; a parser or a validator that recurses should never meet them. */
const MAX_DEPTH = 64;
const BODY_MILLISECONDS = 30_000;
const MEBIBYTE = 1024 * 1024;

/**
 * The media type that the request declares, lower case and without parameters.
 * @throws `request.mediaType` when it is none of `accepted`, or the body is encoded
 */
export function requireMediaType(request: IncomingMessage, accepted: readonly string[]): string {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new Problem('request.mediaType', 'Send the body as it is, without Content-Encoding.');
  }
  const [type = '', ...parameters] = (request.headers['content-type'] ?? '')
    .split(';')
    .map((part) => part.trim().toLowerCase());
  const charset = parameters.find((parameter) => parameter.startsWith('charset='));
  const utf8 = charset === undefined || /^charset="?utf-?8"?$/.test(charset);
  if (!accepted.includes(type) || !utf8) {
    throw new Problem('request.mediaType', `Send Content-Type: ${accepted.join(' or ')}.`, {
      extensions: { accepted },
    });
  }
  return type;
}

/**
 * The whole body, in memory.
 * @throws `request.tooLarge` at once where the length is declared, else as soon as it is exceeded; `request.timeout`;
 *   `request.malformed` when the client breaks off
 */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const tooLarge = () =>
    new Problem('request.tooLarge', `The body may have ${limit} bytes here.`, { extensions: { limit } });
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge();
  const patience = BODY_MILLISECONDS * (1 + Math.floor(limit / MEBIBYTE / 8));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const timer = setTimeout(() => {
      settle(() => reject(new Problem('request.timeout', 'Send the whole body without pausing.')));
    }, patience);
    const settle = (then: () => void) => {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken);
      request.pause();
      then();
    };
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) settle(() => reject(tooLarge()));
      else chunks.push(chunk);
    };
    const onEnd = () => settle(() => resolve(Buffer.concat(chunks, length)));
    const onBroken = () =>
      settle(() => reject(new Problem('request.malformed', 'The body was cut off before its end.')));
    request.on('data', onData).on('end', onEnd).on('error', onBroken).on('close', onBroken);
  });
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/**
 * A JSON value of bytes.
 * @throws `request.malformed` for what is no UTF-8, no JSON, or nested too deeply
 */
export function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0) throw new Problem('request.malformed', 'The body is empty: send JSON.');
  checkDepth(bytes);
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch (cause) {
    throw new Problem('request.malformed', 'The body is not JSON in UTF-8.', { cause });
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Counts brackets outside of strings, before anything is built of them. */
function checkDepth(bytes: Uint8Array): void {
  let depth = 0;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index];
    if (byte === QUOTE) {
      index += 1;
      while (index < bytes.length && bytes[index] !== QUOTE) index += bytes[index] === BACKSLASH ? 2 : 1;
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > MAX_DEPTH) {
        throw new Problem('request.malformed', `The JSON is nested deeper than ${MAX_DEPTH} levels.`);
      }
    } else if (byte === 0x7d || byte === 0x5d) {
      depth -= 1;
    }
  }
}
