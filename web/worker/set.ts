import { fromBase64Url, toBase64Url } from '../../core/bytes.ts';
import { secureRandom } from '../../core/envelope/block.ts';
import { VinculumError } from '../../core/errors.ts';
import { formatIdentifier, type Identifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import { createSetBuilder } from '../../core/tree/builder.ts';
import { type Encoding, encodingOf, type FaultyRow, ListReader } from '../model/listFile.ts';
import { failureOf } from './problem.ts';
import type { ListRead, SetNews, SetOrder } from './setMessages.ts';
import { uploadMembers } from './setUpload.ts';

/*
 * Reads a list of serials or vehicles, computes the root of its set, and hands the members to the service: beside the page,
 * for a million of them takes seconds.
 */

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<SetOrder>) => void) | null;
  postMessage(news: SetNews): void;
};

/** What a browser's memory holds on any machine; the command line takes longer lists. */
const MOST_MEMBERS = 2_000_000;
const SHOWN_FAULTS = 100;
const CHUNK_BYTES = 1 << 20;
const TOLD_EVERY = 20_000;

let held: readonly Identifier[] = [];

scope.onmessage = ({ data }) => {
  obey(data).catch((error: unknown) => scope.postMessage({ type: 'failed', failure: failureOf(error) }));
};

async function obey(order: SetOrder): Promise<void> {
  switch (order.type) {
    case 'read':
      scope.postMessage({ type: 'read', list: await read(order) });
      return;
    case 'take': {
      const members = order.members.map((text) => parseIdentifier(text, { overrideCheckDigit: true }));
      scope.postMessage({ type: 'read', list: listed(members, null) });
      return;
    }
    case 'members':
      scope.postMessage({ type: 'members', members: held.map(formatIdentifier) });
      return;
    case 'upload':
      await uploadMembers(order, held, (done, total) =>
        scope.postMessage({ type: 'uploading', done, total }),
      );
      scope.postMessage({ type: 'uploaded' });
  }
}

async function read(order: Extract<SetOrder, { type: 'read' }>): Promise<ListRead> {
  const started = performance.now();
  const start = new Uint8Array(await order.file.slice(0, CHUNK_BYTES).arrayBuffer());
  const guessed = encodingOf(start);
  let found: Omit<ListRead, 'root' | 'treeKey' | 'count' | 'milliseconds'>;
  try {
    found = await readAs(guessed, order);
  } catch (error) {
    // Old programs in China write GB 18030 and say so nowhere.
    if (!(error instanceof TypeError) || guessed !== 'utf-8') throw error;
    found = await readAs('gb18030', order);
  }
  return { ...listed(held, order.treeKey), ...found, milliseconds: performance.now() - started };
}

/** @throws TypeError where the bytes are not of this encoding */
async function readAs(
  encoding: Encoding,
  { file, of, maker }: Extract<SetOrder, { type: 'read' }>,
): Promise<Omit<ListRead, 'root' | 'treeKey' | 'count' | 'milliseconds'>> {
  const members: Identifier[] = [];
  const seen = new Set<string>();
  const faulty: FaultyRow[] = [];
  let faults = 0;
  const fault = (one: FaultyRow): void => {
    faults += 1;
    if (faulty.length < SHOWN_FAULTS) faulty.push(one);
  };
  const reader = new ListReader({
    of,
    maker,
    onFault: fault,
    onMember: (member, row) => {
      const text = of === 'serial' ? member.value : formatIdentifier(member);
      if (seen.has(text)) return fault({ row, text: text.slice(0, 80), fault: 'duplicate' });
      if (members.length >= MOST_MEMBERS) {
        throw new VinculumError('list.tooLong', 'The list is too long for a browser.', {
          details: { most: MOST_MEMBERS },
        });
      }
      seen.add(text);
      members.push(member);
    },
  });
  const decoder = new TextDecoder(encoding, { fatal: true });
  for (let at = 0; at < file.size; at += CHUNK_BYTES) {
    const bytes = await file.slice(at, at + CHUNK_BYTES).arrayBuffer();
    reader.push(decoder.decode(bytes, { stream: true }));
    scope.postMessage({
      type: 'reading',
      done: Math.min(at + CHUNK_BYTES, file.size),
      total: file.size,
      members: members.length,
    });
  }
  reader.push(decoder.decode());
  reader.finish();
  if (members.length === 0) {
    throw new VinculumError('list.empty', 'The file has no number of this sort.', {
      details: { faults, encoding },
    });
  }
  held = members;
  return {
    rows: reader.rows,
    faults,
    faulty,
    first: formatIdentifier(members[0] as Identifier),
    last: formatIdentifier(members.at(-1) as Identifier),
    encoding,
    column: reader.column,
  };
}

/** The root over members, under a key of its own or the one that the set has already. */
function listed(members: readonly Identifier[], treeKey: string | null): ListRead {
  const started = performance.now();
  held = members;
  const key = treeKey === null ? secureRandom(32) : fromBase64Url(treeKey);
  const { root, count } = rootOf(key, members);
  const named = (one: Identifier | undefined): string => (one === undefined ? '' : formatIdentifier(one));
  return {
    count,
    root,
    treeKey: toBase64Url(key),
    rows: count,
    faults: 0,
    faulty: [],
    first: named(members[0]),
    last: named(members.at(-1)),
    encoding: 'utf-8',
    column: null,
    milliseconds: performance.now() - started,
  };
}

function rootOf(key: Uint8Array, members: readonly Identifier[]): Pick<ListRead, 'root' | 'count'> {
  const total = members.length;
  const builder = createSetBuilder(key, { expected: total });
  members.forEach((member, index) => {
    builder.add(member);
    if (index % TOLD_EVERY === 0) scope.postMessage({ type: 'hashing', done: index, total });
  });
  scope.postMessage({ type: 'hashing', done: total, total });
  const { root, count } = builder.finish();
  return { root, count };
}
