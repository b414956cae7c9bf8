import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { topics } from '../../cli/chain.ts';
import type { Client, SubmissionRequest } from '../../cli/client.ts';
import { openJournal } from '../../cli/import/journal.ts';
import { type StatementGroup, StatementImport } from '../../cli/import/statements.ts';
import type { OpenLedger } from '../../cli/ledger.ts';
import type { Rpc } from '../../cli/rpc.ts';
import { fromBase64Url, fromHex, toHex, word } from '../../core/bytes.ts';
import { unpackEntries } from '../../core/chain/entry.ts';
import { receiptHash } from '../../core/chain/receipt.ts';
import { addressOfKey, type SubmissionHash, signHash, submissionHash } from '../../core/chain/submission.ts';
import type { Address, LedgerAddress, OrganisationId, Subject } from '../../core/chain/types.ts';
import { VinculumError } from '../../core/errors.ts';
import { kindByName } from '../../core/kinds/kinds.ts';
import type { Statement } from '../../core/supply/statement.ts';
import { expectCode } from '../expectCode.ts';

const LEDGER: LedgerAddress = { chainId: 31337n, address: `0x${'5f'.repeat(20)}` as Address };
const ORGANISATION = 1n as OrganisationId;
const OPERATOR = new Uint8Array(32).fill(9);

type Problem = { readonly code: string; readonly status: number; readonly entry?: number };

/** A service that can be told what to refuse, and when to be gone: no real one does either on command. */
class Service {
  readonly posted: SubmissionRequest[] = [];
  /** Every digest that it took, once. */
  readonly digests = new Set<string>();
  judge: (request: SubmissionRequest) => Problem | null = () => null;
  gone = false;
  /** It says that everything is anchored, and sends none of it. */
  drops = false;
  promises = true;
  readonly #accepted: string[] = [];

  get client(): Client {
    return {
      url: 'http://stub',
      withToken: () => this.client,
      bytes: () => Promise.reject(new Error('nothing here has a path')),
      json: async (path: string, _schema: unknown, body?: unknown) => this.#answer(path, body) as never,
    };
  }

  #answer(path: string, body: unknown): unknown {
    if (this.gone) throw new VinculumError('http.unreachable', 'gone');
    if (path === '/v1/subjects') {
      const { identifiers } = body as { identifiers: string[] };
      return { results: identifiers.map(() => ({ subject: '', transcript: { evaluated: '', proof: '' } })) };
    }
    if (path.endsWith('/nonce')) return { nonce: '0' };
    if (path === '/v1/submissions') {
      const { submissions } = body as { submissions: SubmissionRequest[] };
      return { results: submissions.map((request) => this.#take(request)) };
    }
    const block = { number: 7, hash: `0x${'00'.repeat(32)}` };
    return { hash: path.split('/').at(-1), organisation: '1', nonce: '0', state: 'anchored', block };
  }

  /** The chain, which has what the service sent. */
  get rpc(): Rpc {
    const logs = () =>
      this.#accepted.map((hash, index) => ({
        address: LEDGER.address,
        blockNumber: '0x7',
        logIndex: `0x${index.toString(16)}`,
        transactionHash: `0x${'00'.repeat(32)}`,
        topics: [topics.accepted, toHex(word(ORGANISATION))],
        data: `${toHex(word(BigInt(index)))}${hash.slice(2)}`,
      }));
    return { url: 'http://chain', request: async () => logs(), batch: async () => [] };
  }

  #take(request: SubmissionRequest): unknown {
    this.posted.push(request);
    const problem = this.judge(request);
    if (problem !== null) return { problem };
    for (const { digest } of entriesOf(request)) this.digests.add(digest);
    const { organisation, entries, nonce, deadline } = request.submission;
    const hash = submissionHash(LEDGER, {
      organisation: BigInt(organisation) as OrganisationId,
      entries: fromBase64Url(entries),
      nonce: BigInt(nonce),
      deadline: BigInt(deadline),
    });
    if (!this.drops) this.#accepted.push(hash);
    return { submission: { state: 'stored', hash, ...(this.promises ? { receipt: receiptOf(hash) } : {}) } };
  }
}

function receiptOf(submission: SubmissionHash) {
  const promise = { submission, receivedAt: 1n, anchorBy: 2n };
  const signature = toHex(signHash(fromHex(receiptHash(LEDGER, promise), 32), OPERATOR));
  return { submission, receivedAt: 1, anchorBy: 2, operator: addressOfKey(OPERATOR), signature };
}

const entriesOf = ({ submission }: SubmissionRequest) => unpackEntries(fromBase64Url(submission.entries));

const ledger = {
  address: LEDGER,
  organisations: LEDGER.address,
  subject: ({ value }: { value: string }) => `0x${Buffer.from(value.padEnd(32)).toString('hex')}` as Subject,
  recorded: async () => new Set<Subject>(),
  nonceUsed: async () => true,
} satisfies Omit<OpenLedger, 'rpc'>;

/** A part that was made, or a batch that is put aside. */
const statement = (source: string, index: number, kind = 'part.produced', long = ''): Statement => {
  const made = {
    ...{ bizStep: 'commissioning', manufacturerId: 'volta.example', manufacturerPartId: 'P-1' },
    ...{ partInstanceId: `${source}-${index}`, nameAtManufacturer: 'Cell', productionDate: '2024-03-12' },
  };
  const isPart = kind === 'part.produced';
  return {
    identifier: `${isPart ? 'serial' : 'batch'}:volta.example:${source}-${index}`,
    content: {
      kind,
      time: '2024-03-12',
      data: isPart ? made : { bizStep: 'holding', reason: 'other' },
      ...(long === '' ? {} : { sealed: { processParameters: long } }),
    },
    source: { system: 'epcis', id: source },
  };
};

const groupOf = (source: string, statements: readonly Statement[]): StatementGroup => ({
  source: { system: 'epcis', id: source },
  at: source,
  content: 'c'.repeat(64),
  statements,
  problems: [],
});
const groupsOf = (count: number, kind = (_: number) => 'part.produced') =>
  Array.from({ length: count }, (_, index) => groupOf(`e${index}`, [statement(`e${index}`, 0, kind(index))]));

describe('an import of statements', () => {
  let folder: string;
  let service: Service;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vinculum-statements-'));
    service = new Service();
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const importing = async (groups: readonly StatementGroup[], batch = 200) => {
    const journal = await openJournal(folder);
    const run = new StatementImport({
      ...{
        client: service.client,
        ledger: { ...ledger, rpc: service.rpc },
        journal,
        batch,
        wait: 'anchored',
      },
      signer: { ledger: LEDGER, organisation: ORGANISATION, secretKey: new Uint8Array(32).fill(7) },
      signal: new AbortController().signal,
      errorsFile: join(folder, 'errors'),
      notesFile: join(folder, 'notes'),
    });
    try {
      await run.resume();
      for (const group of groups) await run.take(group);
      await run.settle();
      return run;
    } finally {
      await run.close();
      await journal.close();
    }
  };
  const errors = async (): Promise<{ id: string; code: string }[]> =>
    (await readFile(join(folder, 'errors'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: string; code: string });
  const plans = () => readdir(join(folder, 'plans'));

  it('says the rest of what no submission holds whole, wherever it was cut off', async () => {
    const one = [
      groupOf(
        'big',
        Array.from({ length: 500 }, (_, index) => statement('big', index)),
      ),
    ];
    service.judge = () => {
      service.gone = service.posted.length === 2;
      return null;
    };
    await expectCode('http.unreachable', () => importing(one));
    service.judge = () => null;
    service.gone = false;
    const again = await importing(one, 70);
    expect(again.counts).to.include({ imported: 1, alreadyThere: 0, errors: 0 });
    expect(service.digests.size).to.equal(500);
    expect(again.find({ system: 'epcis', id: 'big' })?.written).to.have.lengthOf(500);
    expect((await importing(one)).counts).to.include({ imported: 0, alreadyThere: 1 });
    expect(service.digests.size).to.equal(500);
  });

  it('leaves out what the service will never take, and sends the rest', async () => {
    const aside = kindByName('batch.quarantined')?.number;
    service.judge = (request) => {
      const entry = entriesOf(request).findIndex(({ kind }) => kind === aside);
      return entry < 0 ? null : { code: 'submission.kindNotAllowed', status: 403, entry };
    };
    const groups = groupsOf(30, (index) => (index % 3 === 0 ? 'batch.quarantined' : 'part.produced'));
    const run = await importing(groups);
    expect(run.counts).to.include({ imported: 20, errors: 10, signed: 20 });
    expect(run.refusal?.code).to.equal('submission.kindNotAllowed');
    expect(service.posted).to.have.lengthOf(2);
    expect((await errors()).map(({ id, code }) => [id, code])).to.deep.include([
      'e3',
      'submission.kindNotAllowed',
    ]);
    expect(await plans()).to.deep.equal([]);
    // Nobody else meets it.
    service.judge = () => null;
    expect((await importing([groupOf('later', [statement('later', 0)])])).counts).to.include({ imported: 1 });
  });

  it('halves what is too large, down to the one that is', async () => {
    service.judge = (request) =>
      request.contents.length > 4 ||
      request.contents.some(({ disclosures }) => disclosures.join().length > 3_000)
        ? { code: 'submission.tooLarge', status: 413 }
        : null;
    const groups = groupsOf(20);
    const large = groupOf('large', [statement('large', 0, 'part.produced', 'x'.repeat(4_000))]);
    const run = await importing([...groups.slice(0, 7), large, ...groups.slice(7)]);
    expect(run.counts).to.include({ imported: 20, errors: 1 });
    expect(await errors()).to.have.lengthOf(1);
    expect((await errors())[0]).to.include({ id: 'large', code: 'submission.tooLarge' });
  });

  it('ends where all would be refused, and leaves nothing that the next run trips over', async () => {
    service.judge = () => ({ code: 'submission.revokedKey', status: 403 });
    await expectCode('submission.revokedKey', () => importing(groupsOf(3)));
    expect(await plans()).to.deep.equal([]);
    service.judge = () => null;
    expect((await importing(groupsOf(3))).counts).to.include({ imported: 3, resumed: 0 });
  });

  it('closes a submission by what it holds, not by its number of entries alone', async () => {
    const wide = (index: number) => statement('wide', index, 'part.produced', '漢'.repeat(4_000));
    await importing(
      [
        groupOf(
          'wide',
          Array.from({ length: 550 }, (_, index) => wide(index)),
        ),
      ],
      512,
    );
    expect(service.posted[0]?.contents.length).to.be.within(400, 511);
    for (const request of service.posted) {
      expect(JSON.stringify(request).length).to.be.lessThan(9 * 1024 * 1024);
    }
    expect(service.digests.size).to.equal(550);
  });

  it('believes the chain, not the service, that something is anchored, and keeps what was promised', async function () {
    this.timeout(30_000);
    service.drops = true;
    await expectCode('submission.notOnLedger', () => importing(groupsOf(3)));
    expect(await plans()).to.have.lengthOf(1);
    const [receipt] = (await readFile(join(folder, 'receipts.ndjson'), 'utf8')).trim().split('\n');
    expect(JSON.parse(receipt ?? '')).to.include({ anchorBy: 2, operator: addressOfKey(OPERATOR) });
    service.drops = false;
    expect((await importing(groupsOf(3))).counts).to.include({ imported: 3, errors: 0 });
  });

  it('hands nothing further to a service that signs no promise', async () => {
    service.promises = false;
    await expectCode('submission.receipt', () => importing(groupsOf(3)));
  });
});
