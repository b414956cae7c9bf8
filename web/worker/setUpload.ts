import { formatIdentifier, type Identifier } from '../../core/identifiers/identifier.ts';
import { fetchBytes } from './fetching.ts';
import { problemOf } from './problem.ts';
import type { SetOrder } from './setMessages.ts';

const MOST_BYTES = 1 << 20;
const MILLISECONDS = 300_000;

/**
 * Hands the members of an entry's set to the service.
 * @throws the service's codes
 */
export async function uploadMembers(
  { api, token, digest }: Extract<SetOrder, { type: 'upload' }>,
  members: readonly Identifier[],
  tell: (done: number, total: number) => void,
): Promise<void> {
  tell(0, members.length);
  const { response, bytes } = await fetchBytes(`${api}/v1/sets/${digest}`, {
    prefix: 'service',
    most: MOST_BYTES,
    milliseconds: MILLISECONDS,
    init: {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify({ members: members.map(formatIdentifier) }),
    },
  });
  if (!response.ok) throw problemOf(response, new TextDecoder().decode(bytes));
  tell(members.length, members.length);
}
