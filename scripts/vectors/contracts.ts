/**
 * Writes the golden vectors of what happens on chain: `node scripts/vectors/contracts.ts`. Every hash is computed with
 * ethers' own encoders, apart from the contracts and from core, which are both held against these files.
 */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { id, type TypedDataDomain, TypedDataEncoder, toBeHex, Wallet, ZeroHash } from 'ethers';
import {
  addressAsValue,
  afterChange,
  afterEntry,
  afterLedgerAdded,
  afterLedgerClosed,
  afterModuleEntry,
  CHANGES,
  type Entry,
  pack,
  SUBMISSION_TYPES,
  submissionHash,
} from '../../test/contracts/support/reference.ts';

export type EntryLinkVector = {
  kind: number;
  organisation: string;
  timestamp: string;
  digest: string;
  head: string;
};
export type ModuleLinkVector = {
  kind: number;
  module: string;
  actor: string;
  timestamp: string;
  digest: string;
  actionHash: string;
  head: string;
};
export type LinksFile = { chains: { name: string; links: (EntryLinkVector | ModuleLinkVector)[] }[] };
export type SubmissionVector = {
  name: string;
  domain: { name: string; version: string; chainId: string; verifyingContract: string };
  domainSeparator: string;
  entries: Entry[];
  packed: string;
  organisation: string;
  nonce: string;
  deadline: string;
  structHash: string;
  submissionHash: string;
  privateKey: string;
  signer: string;
  signature: string;
};
export type SubmissionsFile = {
  submissions: SubmissionVector[];
  malformed: { name: string; packed: string }[];
};
export type ChangeVector = { change: number; name: string; timestamp: string; value: string; head: string };
export type OrganisationsFile = { organisations: { name: string; changes: ChangeVector[] }[] };
export type AddedVector = {
  change: 'added';
  chainId: string;
  ledger: string;
  organisations: string;
  codeHash: string;
  pseudonymKey: string;
  head: string;
};
export type ClosedVector = { change: 'closed'; index: string; closedAt: string; head: string };
export type DirectoryFile = { links: (AddedVector | ClosedVector)[] };

const MAX_64 = (2n ** 64n - 1n).toString();
const MAX_256 = (2n ** 256n - 1n).toString();
const ONES = `0x${'ff'.repeat(32)}`;
const address = (name: string) => `0x${id(name).slice(-40)}`;

/** Gives each item the head that follows it, from zero. */
function folded<T>(items: T[], next: (head: string, item: T) => string): (T & { head: string })[] {
  let head: string = ZeroHash;
  return items.map((item) => {
    head = next(head, item);
    return { ...item, head };
  });
}

export function linksFile(): LinksFile {
  const attested = (kind: number, organisation: string, timestamp: string, digest: string) => ({
    ...{ kind, organisation, timestamp, digest },
  });
  const byModule = (kind: number, name: string, timestamp: string, digest: string) => ({
    ...{ kind, module: address(name), actor: address('actor'), timestamp, digest, actionHash: id('action') },
  });
  type Unlinked = ReturnType<typeof attested> | ReturnType<typeof byModule>;
  const next = (head: string, link: Unlinked) =>
    'module' in link
      ? afterModuleEntry(
          head,
          link.kind,
          link.module,
          link.actor,
          link.timestamp,
          link.digest,
          link.actionHash,
        )
      : afterEntry(head, link.kind, link.organisation, link.timestamp, link.digest);
  const chain = (name: string, links: Unlinked[]) => ({ name, links: folded(links, next) });
  return {
    chains: [
      chain('one entry', [attested(64, '1', '1700000000', id('a'))]),
      chain('two entries of one block', [
        attested(64, '1', '1700000000', id('a')),
        attested(67, '1', '1700000000', id('b')),
      ]),
      chain('the same two, the other way round', [
        attested(67, '1', '1700000000', id('b')),
        attested(64, '1', '1700000000', id('a')),
      ]),
      chain('several organisations and a module', [
        attested(32, '7', '1700000000', id('registered')),
        byModule(0, 'titles', '1700000001', id('issued')),
        attested(64, '12', '1700090000', id('serviced')),
        byModule(31, 'parts', '1700090000', id('mounted')),
        attested(255, '7', '1800000000', id('last')),
      ]),
      chain('the largest values', [
        attested(255, MAX_64, MAX_256, ONES),
        byModule(255, 'any', MAX_256, ONES),
      ]),
      chain('the smallest values', [attested(0, '0', '0', ZeroHash)]),
    ],
  };
}

export async function submissionsFile(): Promise<SubmissionsFile> {
  const signer = new Wallet(id('a private key for vectors only'));
  const entry = (kind: number, subject: string, digest: string): Entry => ({
    ...{ kind, subject: subject === '' ? ZeroHash : id(subject), digest: id(digest) },
  });
  async function vector(
    name: string,
    entries: Entry[],
    [chainId, organisation, nonce, deadline]: [string, string, string, string],
  ): Promise<SubmissionVector> {
    const domain = { name: 'Vinculum', version: '1', chainId, verifyingContract: address('ledger') };
    const typed: TypedDataDomain = { ...domain, chainId: BigInt(chainId) };
    const packed = pack(entries);
    const submission = { organisation, entries: packed, nonce, deadline };
    return {
      ...{ name, domain, domainSeparator: TypedDataEncoder.hashDomain(typed) },
      ...{ entries, packed, organisation, nonce, deadline },
      structHash: TypedDataEncoder.hashStruct('Submission', SUBMISSION_TYPES, submission),
      submissionHash: submissionHash(typed, submission),
      privateKey: signer.privateKey,
      signer: signer.address.toLowerCase(),
      signature: await signer.signTypedData(typed, SUBMISSION_TYPES, submission),
    };
  }
  const many = Array.from({ length: 100 }, (_, i) => entry(32 + (i % 224), `subject ${i}`, `digest ${i}`));
  return {
    submissions: [
      await vector('one entry', [entry(64, 'car', 'a')], ['31337', '1', '0', '1900000000']),
      await vector(
        'an entry of the own chain between two of one subject',
        [entry(64, 'car', 'a'), entry(80, '', 'b'), entry(67, 'car', 'c')],
        ['31337', '2', '257', '1900000000'],
      ),
      await vector('a hundred entries', many, ['31337', '3', '1', '1900000000']),
      await vector(
        'the largest values',
        [{ kind: 255, subject: ONES, digest: ONES }],
        ['31337', MAX_64, MAX_256, MAX_64],
      ),
      await vector('another chain', [entry(64, 'car', 'a')], ['1', '1', '0', '1900000000']),
    ],
    malformed: [
      { name: 'empty', packed: '0x' },
      { name: 'one byte short', packed: pack([entry(64, 'car', 'a')]).slice(0, -2) },
      { name: 'one byte long', packed: `${pack([entry(64, 'car', 'a')])}00` },
    ],
  };
}

export function organisationsFile(): OrganisationsFile {
  const change = (name: keyof typeof CHANGES, timestamp: string, value: string) => ({
    ...{ change: CHANGES[name], name, timestamp, value },
  });
  const kinds = (...numbers: number[]) =>
    toBeHex(
      numbers.reduce((set, n) => set | (1n << BigInt(n)), 0n),
      32,
    );
  const next = (head: string, link: { change: number; timestamp: string; value: string }) =>
    afterChange(head, link.change, link.timestamp, link.value);
  const admission = [
    change('Admitted', '1700000000', addressAsValue(address('controller'))),
    change('KindsSet', '1700000000', kinds(64, 67, 80)),
    change('ProfileSet', '1700000000', id('profile')),
  ];
  return {
    organisations: [
      { name: 'as admitted', changes: folded(admission, next) },
      {
        name: 'every change there is',
        changes: folded(
          [
            ...admission,
            change('KeyAdded', '1700000100', addressAsValue(address('first key'))),
            change('KeyAdded', '1700000100', addressAsValue(address('second key'))),
            change('Suspended', '1700086400', ZeroHash),
            change('Reinstated', '1700172800', ZeroHash),
            change('KindsSet', '1700172801', kinds(32, 255)),
            change('ProfileSet', '1700172802', id('another profile')),
            change('KeyRevoked', '1700172803', addressAsValue(address('first key'))),
            change('ControllerSet', '1700259200', addressAsValue(address('another controller'))),
            change('SuccessorSet', '1700345600', toBeHex(9n, 32)),
          ],
          next,
        ),
      },
    ],
  };
}

export function directoryFile(): DirectoryFile {
  const added = (chainId: string, name: string) => ({
    ...{ change: 'added' as const, chainId, ledger: address(name), organisations: address('organisations') },
    ...{ codeHash: id(`code of ${name}`), pseudonymKey: id('pseudonym key') },
  });
  const closed = (index: string, closedAt: string) => ({ change: 'closed' as const, index, closedAt });
  const links = folded(
    [
      added('31337', 'ledger'),
      added('10', 'shard'),
      closed('0', '1800000000'),
      added('31337', 'successor'),
      closed('1', MAX_256),
    ] as (ReturnType<typeof added> | ReturnType<typeof closed>)[],
    (head, link) =>
      link.change === 'closed'
        ? afterLedgerClosed(head, link.index, link.closedAt)
        : afterLedgerAdded(
            head,
            link.chainId,
            link.ledger,
            link.organisations,
            link.codeHash,
            link.pseudonymKey,
          ),
  );
  return { links };
}

/** All files by name, as they are written. */
export async function contractVectors(): Promise<Record<string, string>> {
  const files = {
    'links.json': linksFile(),
    'submissions.json': await submissionsFile(),
    'organisations.json': organisationsFile(),
    'directory.json': directoryFile(),
  };
  return Object.fromEntries(
    Object.entries(files).map(([name, content]) => [name, `${JSON.stringify(content, null, 2)}\n`]),
  );
}

if (import.meta.main) {
  for (const [name, text] of Object.entries(await contractVectors())) {
    await writeFile(fileURLToPath(new URL(`../../test/vectors/${name}`, import.meta.url)), text);
  }
}
