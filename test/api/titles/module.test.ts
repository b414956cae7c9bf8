import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { Interface } from 'ethers';
import { encodeExecute, encodeParts, encodeTitles, topics } from '../../../api/chain/contracts.ts';
import { codeOfRefusal, refusals } from '../../../api/chain/refusals.ts';
import { RpcRefusal } from '../../../api/chain/rpc.ts';
import { partActionOf } from '../../../api/index/actions.ts';
import { decodeLogs, type ExecutedEvent } from '../../../api/index/logs.ts';
import { type Hex, toHex } from '../../../core/bytes.ts';
import type { Address, Digest, OrganisationId, Subject } from '../../../core/chain/types.ts';
import type { PartAction, TitleAction } from '../../../core/modules/action.ts';
import { artifact } from '../pipeline/chain.ts';

const action: TitleAction = {
  kind: 15,
  subject: toHex(randomBytes(32)) as Subject,
  revision: 7n,
  deadline: 2n ** 64n - 1n,
  organisation: 12n as OrganisationId,
  party: toHex(randomBytes(20)) as Address,
  until: 1_790_000_000n,
  detail: toHex(randomBytes(32)),
  digest: toHex(randomBytes(32)) as Digest,
};
const actor = toHex(randomBytes(20)) as Address;

describe('the module Titles, as the service speaks to it', () => {
  const titles = new Interface(artifact('Titles').abi);
  const ledger = new Interface(artifact('Ledger').abi);
  const parts = new Interface(artifact('Parts').abi);

  it('speaks to the module Parts in the same way', () => {
    const deed: PartAction = {
      kind: 17,
      subject: action.subject,
      revision: 3n,
      deadline: action.deadline,
      organisation: 9n as OrganisationId,
      vehicle: toHex(randomBytes(32)) as Subject,
      digest: action.digest,
    };
    for (const length of [0, 65, 128]) {
      const signature = randomBytes(length);
      expect(toHex(encodeExecute(deed, actor, signature))).to.equal(
        parts.encodeFunctionData('execute', [{ ...deed }, actor, signature]),
      );
    }
    expect(encodeParts()).to.equal(ledger.encodeFunctionData('parts'));
    const hash = toHex(randomBytes(32));
    const log = parts.encodeEventLog('Executed', [deed.subject, hash, actor, { ...deed }]);
    expect(log.topics[0]).to.equal(topics.partExecuted);
    const address = toHex(randomBytes(20));
    const placed = {
      address,
      topics: log.topics as Hex[],
      data: log.data as Hex,
      blockNumber: 3,
      blockHash: hash,
      transactionHash: hash,
      logIndex: 4,
    };
    const [event] = decodeLogs([placed], new Map([[address, { contract: 'parts', number: 2 }]]));
    expect(event).to.include({
      event: 'executed',
      ledger: 2,
      kind: 17,
      revision: 3n,
      organisation: 9n,
      until: 0n,
    });
    expect(partActionOf(event as ExecutedEvent)).to.deep.equal(deed);
    // Nothing of the other module’s is taken for this one’s.
    expect(decodeLogs([placed], new Map([[address, { contract: 'titles', number: 2 }]]))).to.deep.equal([]);
  });

  it('encodes calls as any other encoder would', () => {
    for (const length of [0, 1, 65, 128]) {
      const signature = randomBytes(length);
      expect(toHex(encodeExecute(action, actor, signature))).to.equal(
        titles.encodeFunctionData('execute', [{ ...action }, actor, signature]),
      );
    }
    expect(encodeTitles()).to.equal(ledger.encodeFunctionData('titles'));
  });

  it('reads its log', () => {
    const hash = toHex(randomBytes(32));
    const log = titles.encodeEventLog('Executed', [action.subject, hash, actor, { ...action }]);
    expect(log.topics[0]).to.equal(topics.executed);
    const address = toHex(randomBytes(20));
    const placed = {
      address,
      topics: log.topics as Hex[],
      data: log.data as Hex,
      blockNumber: 3,
      blockHash: hash,
      transactionHash: hash,
      logIndex: 4,
    };
    const [event] = decodeLogs([placed], new Map([[address, { contract: 'titles', number: 2 }]]));
    const { kind, revision, deadline, organisation, until } = action;
    expect(event).to.include({ event: 'executed', ledger: 2, blockNumber: 3, logIndex: 4 });
    expect(event).to.include({ kind, revision, deadline, organisation, until });
    const found = event as ExecutedEvent;
    expect([found.subject, found.actionHash, found.actor].map(toHex)).to.deep.equal([
      action.subject,
      hash,
      actor,
    ]);
    expect([found.party, found.detail, found.digest].map(toHex)).to.deep.equal([
      action.party,
      action.detail,
      action.digest,
    ]);
  });

  it('has a code for each way in which it refuses an action', () => {
    const errors = (contract: Interface): string[] =>
      contract.fragments.flatMap((fragment) => (fragment.type === 'error' ? [fragment.format()] : []));
    // Nobody who executes an action meets these.
    const elsewhere =
      /^Module(NotDeployer|AlreadyBound|NotNamed|OrganisationsMismatch|NotBound)|InvalidShortString|StringTooLong|LedgerInsufficientGas/;
    const known = errors(titles).filter((error) => !elsewhere.test(error));
    expect(Object.keys(refusals)).to.include.members(known);
    expect(Object.keys(refusals)).to.include.members(errors(parts).filter((error) => !elsewhere.test(error)));
    const closed = errors(ledger).filter((error) => error.startsWith('LedgerIsClosed'));
    expect(Object.keys(refusals)).to.have.members([
      ...new Set([...known, ...errors(parts).filter((error) => !elsewhere.test(error)), ...closed]),
    ]);
  });

  it('tells a refusal by its code, however the endpoint wraps it', () => {
    const data = titles.encodeErrorResult('TitlesLienOpen', [1]);
    const refusal = (what: unknown) => new RpcRefusal('eth_call', 3, 'reverted', what);
    expect(codeOfRefusal(refusal(data))).to.equal('title.lienOpen');
    expect(codeOfRefusal(refusal({ data }))).to.equal('title.lienOpen');
    expect(codeOfRefusal(refusal(data.toUpperCase().replace('0X', '0x')))).to.equal('title.lienOpen');
    for (const nothing of [undefined, '0x', '0x12345678', 7, { data: null }]) {
      expect(codeOfRefusal(refusal(nothing))).to.equal('action.reverted');
    }
  });
});
