import { VinculumError } from '../../core/errors.ts';
import { formatIdentifier, type Identifier } from '../../core/identifiers/identifier.ts';
import { fetchBytes } from './fetching.ts';
import { problemOf } from './problem.ts';
import type { SetOrder } from './setMessages.ts';

const MOST_BYTES = 1 << 20;
const MILLISECONDS = 120_000;
/** Always the same, so that whatever was interrupted goes on where it was. */
const CHUNK_MEMBERS = 20_000;
const POLL_MILLISECONDS = 1_000;
const ATTEMPTS = 4;

type Status = {
  readonly state: 'absent' | 'receiving' | 'checking' | 'stored' | 'failed';
  readonly members: number;
  readonly chunks: readonly (readonly [number, number])[];
  readonly problem: { readonly code: string } | null;
};

/**
 * Hands the members of an entry's set to the service, chunk by chunk: those that came before are not sent again.
 * @param tell how many members the service has
 * @throws `set.mismatch` and the service's other codes
 */
export async function uploadMembers(
  { api, token, digest }: Extract<SetOrder, { type: 'upload' }>,
  members: readonly Identifier[],
  tell: (done: number, total: number) => void,
): Promise<void> {
  const ask = async (method: string, path: string, body?: string, type = 'text/plain'): Promise<Status> => {
    const { response, bytes } = await fetchBytes(`${api}/v1/sets/${digest}${path}`, {
      prefix: 'service',
      most: MOST_BYTES,
      milliseconds: MILLISECONDS,
      init: {
        method,
        cache: 'no-store',
        headers: {
          Accept: 'application/json',
          Authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'Content-Type': type }),
        },
        ...(body === undefined ? {} : { body }),
      },
    });
    const text = new TextDecoder().decode(bytes);
    if (!response.ok) throw problemOf(response, text);
    return JSON.parse(text) as Status;
  };
  const total = members.length;
  const chunks = Math.max(1, Math.ceil(total / CHUNK_MEMBERS));
  const sizeOf = (chunk: number): number => Math.min(CHUNK_MEMBERS, total - chunk * CHUNK_MEMBERS);

  let status = await ask('GET', '');
  if (status.state === 'stored') return tell(total, total);
  if (status.state !== 'checking') {
    const there = new Set(
      status.chunks.flatMap(([from, to]) =>
        Array.from({ length: to - from + 1 }, (_, index) => from + index),
      ),
    );
    const expected = [...there].reduce((sum, chunk) => sum + (chunk < chunks ? sizeOf(chunk) : 0), 0);
    // Chunks of another size are another program's: they are replaced.
    if (status.state !== 'receiving' || expected !== status.members) there.clear();
    let done = [...there].reduce((sum, chunk) => sum + sizeOf(chunk), 0);
    tell(done, total);
    for (let chunk = 0; chunk < chunks; chunk++) {
      if (there.has(chunk)) continue;
      const lines = members.slice(chunk * CHUNK_MEMBERS, (chunk + 1) * CHUNK_MEMBERS).map(formatIdentifier);
      await patiently(() => ask('PUT', `/chunks/${chunk}`, lines.join('\n')));
      done += lines.length;
      tell(done, total);
    }
    status = await patiently(() => ask('POST', '/complete', JSON.stringify({ chunks }), 'application/json'));
  }
  // The service computes the root itself, which takes it seconds for a million.
  while (status.state === 'checking') {
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
    status = await patiently(() => ask('GET', ''));
  }
  if (status.state !== 'stored') {
    throw new VinculumError(status.problem?.code ?? 'set.mismatch', 'The service did not take the set.');
  }
}

/** Once more after what passes: a network that comes and goes, a service that is busy. */
async function patiently<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const { code = '', details = {} } = error instanceof VinculumError ? error : {};
      const status = Number((details as { status?: unknown }).status ?? 0);
      const passes = /^service\.(unreachable|timeout)$/.test(code) || status === 429 || status >= 500;
      if (!passes || attempt >= ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, attempt * POLL_MILLISECONDS));
    }
  }
}
