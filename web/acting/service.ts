import { fromUtf8 } from '../../core/bytes.ts';
import { VinculumError } from '../../core/errors.ts';
import { fetchBytes } from '../worker/fetching.ts';
import { problemOf } from '../worker/problem.ts';

const MOST_BYTES = 16 * 1024 * 1024;
const MILLISECONDS = 30_000;

/** The service's HTTP interface for whoever acts; under a token once somebody is signed in. */
export interface Service {
  readonly url: string;
  withToken(token: string): Service;
  /** @throws the service's own codes; `service.unreachable` `service.timeout` `service.malformed` */
  get(path: string): Promise<Answer>;
  post(path: string, body: unknown): Promise<Answer>;
  /** Bytes as they are. */
  send(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<Answer>;
  delete(path: string): Promise<void>;
}

/** What a service answered, of which nothing is known until it is read. */
export type Answer = Readonly<Record<string, unknown>>;

export function createService(url: string, token: string | null = null): Service {
  const send = async (
    method: string,
    path: string,
    body?: BodyInit,
    type = 'application/json',
  ): Promise<Answer> => {
    const { response, bytes } = await fetchBytes(url + path, {
      prefix: 'service',
      most: MOST_BYTES,
      milliseconds: MILLISECONDS,
      init: {
        method,
        cache: 'no-store',
        headers: {
          Accept: 'application/json',
          ...(body === undefined ? {} : { 'Content-Type': type }),
          ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
        },
        ...(body === undefined ? {} : { body }),
      },
    });
    const text = bytes.length === 0 ? '' : fromUtf8(bytes);
    if (!response.ok) throw problemOf(response, text);
    if (text === '') return {};
    const value = JSON.parse(text) as unknown;
    if (value === null || typeof value !== 'object' || Array.isArray(value)) throw malformed();
    return value as Answer;
  };
  return {
    url,
    withToken: (given) => createService(url, given),
    get: (path) => send('GET', path),
    post: (path, body) => send('POST', path, JSON.stringify(body)),
    send: (path, bytes) => send('POST', path, bytes, 'application/octet-stream'),
    delete: async (path) => void (await send('DELETE', path)),
  };
}

export function malformed(): VinculumError {
  return new VinculumError('service.malformed', 'The answer is not what such a service answers.');
}

/** A member of an answer that has to be text. @throws `service.malformed` */
export function textOf(answer: Answer, name: string): string {
  const value = answer[name];
  if (typeof value !== 'string') throw malformed();
  return value.slice(0, 4096);
}

/** A member of an answer that has to be a list of objects. @throws `service.malformed` */
export function listOf(answer: Answer, name: string): readonly Answer[] {
  const value = answer[name];
  if (!Array.isArray(value)) throw malformed();
  return value.map((one: unknown) => {
    if (one === null || typeof one !== 'object') throw malformed();
    return one as Answer;
  });
}
