import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { verifyTypedData, ZeroHash } from 'ethers';
import {
  contractVectors,
  type DirectoryFile,
  type LinksFile,
  type OrganisationsFile,
  type SubmissionsFile,
} from '../../scripts/vectors/contracts.ts';
import type { PartsFile } from '../../scripts/vectors/parts.ts';
import type { TitlesFile } from '../../scripts/vectors/titles.ts';
import {
  admitted,
  as,
  ethers,
  type Ledger,
  loadFixture,
  networkHelpers,
  type Parts,
  type Titles,
  time,
} from './support/fixture.ts';
import { unregistered } from './support/parts.ts';
import { PART_ACTION_TYPES, SUBMISSION_TYPES } from './support/reference.ts';
import { untouched } from './support/titles.ts';

const textOf = (name: string) => readFile(new URL(`../vectors/${name}`, import.meta.url), 'utf8');
const read = async <T>(name: string): Promise<T> => JSON.parse(await textOf(name));

describe('Golden vectors', () => {
  const protocol = async () => ethers.deployContract('Protocol');

  it('are what their generator writes', async () => {
    for (const [name, text] of Object.entries(await contractVectors()))
      expect(await textOf(name), name).to.equal(text);
  });

  it('links.json: each head follows from the one before it', async () => {
    const contract = await loadFixture(protocol);
    const { chains } = await read<LinksFile>('links.json');
    for (const { name, links } of chains) {
      let head: string = ZeroHash;
      for (const link of links) {
        const call =
          'module' in link
            ? contract.getFunction('afterModuleEntry')(
                ...[head, link.kind, link.module, link.actor, link.timestamp, link.digest, link.actionHash],
              )
            : contract.getFunction('afterEntry')(
                head,
                link.kind,
                link.organisation,
                link.timestamp,
                link.digest,
              );
        head = await call;
        expect(head, name).to.equal(link.head);
      }
    }
  });

  it('organisations.json: each head follows from the one before it', async () => {
    const contract = await loadFixture(protocol);
    const { organisations } = await read<OrganisationsFile>('organisations.json');
    for (const { name, changes } of organisations) {
      let head: string = ZeroHash;
      for (const { change, timestamp, value, head: expected } of changes) {
        head = await contract.getFunction('afterChange')(head, change, timestamp, value);
        expect(head, name).to.equal(expected);
      }
    }
  });

  it('directory.json: each head follows from the one before it', async () => {
    const contract = await loadFixture(protocol);
    const { links } = await read<DirectoryFile>('directory.json');
    let head: string = ZeroHash;
    for (const link of links) {
      head =
        link.change === 'closed'
          ? await contract.getFunction('afterLedgerClosed')(head, link.index, link.closedAt)
          : await contract.getFunction('afterLedgerAdded')(
              ...[head, link.chainId, link.ledger, link.organisations, link.codeHash, link.pseudonymKey],
            );
      expect(head).to.equal(link.head);
    }
  });

  it('submissions.json: packing, hashes and signature', async () => {
    const contract = await loadFixture(protocol);
    const { submissions, malformed } = await read<SubmissionsFile>('submissions.json');
    for (const vector of submissions) {
      const { name, packed, entries, organisation, nonce, deadline } = vector;
      expect(await contract.getFunction('areWellFormed')(packed), name).to.equal(true);
      const unpacked = await contract.getFunction('unpack')(packed);
      expect(
        unpacked.map(([kind, subject, digest]: [bigint, string, string]) => ({
          kind: Number(kind),
          subject,
          digest,
        })),
      ).to.deep.equal(entries);
      expect(
        await contract.getFunction('submissionStructHash')(organisation, packed, nonce, deadline),
        name,
      ).to.equal(vector.structHash);
      const domain = { ...vector.domain, chainId: BigInt(vector.domain.chainId) };
      const recovered = verifyTypedData(
        domain,
        SUBMISSION_TYPES,
        { organisation, entries: packed, nonce, deadline },
        vector.signature,
      );
      expect(recovered.toLowerCase(), name).to.equal(vector.signer);
    }
    for (const { name, packed } of malformed) {
      expect(await contract.getFunction('areWellFormed')(packed), name).to.equal(false);
    }
  });

  it('submissions.json: the ledger itself, at the vector’s address, says the same hash', async () => {
    const { ledger, chainId } = await loadFixture(admitted);
    const { submissions } = await read<SubmissionsFile>('submissions.json');
    const here = submissions.filter(({ domain }) => domain.chainId === chainId.toString());
    expect(here).not.to.deep.equal([]);
    for (const { domain, organisation, packed, nonce, deadline, submissionHash } of here) {
      await networkHelpers.setCode(domain.verifyingContract, await ethers.provider.getCode(ledger));
      const there = ledger.attach(domain.verifyingContract) as Ledger;
      expect(await there.submissionHash(organisation, packed, nonce, deadline)).to.equal(submissionHash);
    }
  });

  it('titles.json: Titles itself, at the vector’s address, says the same hashes', async () => {
    const { titlesContract, chainId } = await untouched();
    const { domain, steps } = await read<TitlesFile>('titles.json');
    expect(domain.chainId).to.equal(chainId.toString());
    await networkHelpers.setCode(domain.verifyingContract, await ethers.provider.getCode(titlesContract));
    const there = titlesContract.attach(domain.verifyingContract) as Titles;
    for (const { kind, action, actionHash } of steps) {
      expect(await there.actionHash(action), kind).to.equal(actionHash);
    }
  });

  it('titles.json: each head follows from the one before it', async () => {
    const contract = await loadFixture(protocol);
    const { domain, steps } = await read<TitlesFile>('titles.json');
    const heads = new Map<string, string>();
    for (const { kind, actor, at, action, actionHash, after } of steps) {
      for (const [subject, { head }] of Object.entries(after)) {
        const next = await contract.getFunction('afterModuleEntry')(
          ...[heads.get(subject) ?? ZeroHash, action.kind, domain.verifyingContract, actor, at],
          ...[action.digest, actionHash],
        );
        expect(head, kind).to.equal(next);
        heads.set(subject, next);
      }
    }
  });

  it('titles.json: Titles executes the life that it tells, and every title is what it says', async () => {
    const { titlesContract, titleAt } = await untouched();
    const { steps } = await read<TitlesFile>('titles.json');
    for (const { kind, actor, at, action, after } of steps) {
      const signer = await ethers.getImpersonatedSigner(actor);
      await networkHelpers.setBalance(actor, 10n ** 18n);
      await time.setNextBlockTimestamp(BigInt(at));
      await as(titlesContract, signer).execute(action, actor, '0x');
      for (const [subject, { title }] of Object.entries(after)) {
        const open = title.liens.filter(({ until }) => BigInt(at) <= BigInt(until));
        const found = await titleAt(subject);
        const inWords = JSON.parse(
          JSON.stringify(found, (_, value) => (typeof value === 'bigint' ? value.toString() : value)),
        );
        expect(inWords, kind).to.deep.equal({ ...title, liens: open });
      }
    }
  });

  it('parts.json: Parts itself, at the vector’s address, says the same hashes; the actors signed them', async () => {
    const { partsContract, chainId } = await unregistered();
    const { domain, steps } = await read<PartsFile>('parts.json');
    expect(domain.chainId).to.equal(chainId.toString());
    await networkHelpers.setCode(domain.verifyingContract, await ethers.provider.getCode(partsContract));
    const there = partsContract.attach(domain.verifyingContract) as Parts;
    for (const { kind, actor, action, actionHash, signature } of steps) {
      expect(await there.actionHash(action), kind).to.equal(actionHash);
      const recovered = verifyTypedData({ ...domain, chainId }, PART_ACTION_TYPES, action, signature);
      expect(recovered.toLowerCase(), kind).to.equal(actor);
    }
  });

  it('parts.json: every head follows from the one before it, on both chains of a mounting', async () => {
    const contract = await loadFixture(protocol);
    const { domain, steps } = await read<PartsFile>('parts.json');
    const heads = new Map<string, string>();
    for (const { kind, actor, at, action, actionHash, heads: after } of steps) {
      const both = kind === 'safetyPart.mounted' || kind === 'safetyPart.removed';
      const touched = [action.subject, ...(both ? [action.vehicle] : [])];
      expect(Object.keys(after), kind).to.have.members(touched);
      for (const [subject, head] of Object.entries(after)) {
        const next = await contract.getFunction('afterModuleEntry')(
          ...[heads.get(subject) ?? ZeroHash, action.kind, domain.verifyingContract, actor, at],
          ...[action.digest, actionHash],
        );
        expect(head, kind).to.equal(next);
        heads.set(subject, next);
      }
    }
  });

  it('parts.json: Parts executes the lives that it tells, and every part is what it says', async () => {
    const { partsContract, partAt } = await unregistered();
    const { steps } = await read<PartsFile>('parts.json');
    for (const { kind, actor, at, action, part } of steps) {
      const signer = await ethers.getImpersonatedSigner(actor);
      await networkHelpers.setBalance(actor, 10n ** 18n);
      await time.setNextBlockTimestamp(BigInt(at));
      await as(partsContract, signer).execute(action, actor, '0x');
      const { maker, revision, ...rest } = await partAt(`${action.subject}`);
      expect({ ...rest, maker: `${maker}`, revision: `${revision}` }, kind).to.deep.equal(part);
    }
  });
});
