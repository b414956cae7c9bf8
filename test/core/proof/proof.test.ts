import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { expect } from 'chai';
import { HDNodeWallet, encodeRlp as referenceRlp } from 'ethers';
import fc from 'fast-check';
import { type Devnet, startDevnet } from '../../../api/chain/devnet.ts';
import { fromHex, type Hex, toHex } from '../../../core/bytes.ts';
import { foldDirectory } from '../../../core/chain/directory.ts';
import { type Address, type OrganisationId, type Subject, ZERO_HEAD } from '../../../core/chain/types.ts';
import { VinculumError } from '../../../core/errors.ts';
import { encodeHeader, readHeader } from '../../../core/proof/header.ts';
import { plainSlot, proofView, SLOTS, type StateProof } from '../../../core/proof/proofView.ts';
import { decodeRlp, encodeRlp, type Rlp } from '../../../core/proof/rlp.ts';
import { mappingSlot } from '../../../core/proof/state.ts';
import { trieNodes, trieValue } from '../../../core/proof/trie.ts';
import { generatePseudonymKeys } from '../../../core/pseudonym/pseudonym.ts';
import { rpcView } from '../../../core/verify/chainView.ts';
import { type Deployment, deploy } from '../../../scripts/deploy.ts';
import { expectCode } from '../../expectCode.ts';

describe('RLP', () => {
  const { value } = fc.letrec<{ value: Rlp }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.uint8Array({ maxLength: 80 }),
      fc.array(tie('value'), { maxLength: 20 }),
    ),
  }));

  it('writes what an independent encoder writes, and reads it back', () => {
    const asHex = (item: Rlp): unknown => (item instanceof Uint8Array ? toHex(item) : item.map(asHex));
    fc.assert(
      fc.property(value, (item) => {
        const encoded = encodeRlp(item);
        expect(toHex(encoded)).to.equal(referenceRlp(asHex(item) as string));
        expect(asHex(decodeRlp(encoded))).to.deep.equal(asHex(item));
      }),
    );
  });

  it('reads each value from one encoding only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        let decoded: Rlp;
        try {
          decoded = decodeRlp(bytes);
        } catch (error) {
          expect(error).to.be.instanceOf(VinculumError);
          return;
        }
        expect(toHex(encodeRlp(decoded))).to.equal(toHex(bytes));
      }),
    );
  });
});

describe('state proof', function () {
  this.timeout(120_000);
  let devnet: Devnet;
  let deployment: Deployment;
  let folder: string;
  let proof: StateProof;
  let trusted: { hash: Hex };
  const keys = generatePseudonymKeys();
  const subject = `0x${'5b'.repeat(32)}` as Subject;
  const organisation = 1n as OrganisationId;

  async function rpc(method: string, params: readonly unknown[]): Promise<unknown> {
    const response = await fetch(devnet.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    return ((await response.json()) as { result: unknown }).result;
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vinculum-proof-'));
    devnet = await startDevnet({ folder: join(folder, 'chain') });
    const [first = ''] = devnet.accounts;
    const deployer = HDNodeWallet.fromPhrase(devnet.mnemonic, undefined, "m/44'/60'/0'/0/0");
    expect(deployer.address).to.equal(first);
    deployment = await deploy({
      rpcUrl: devnet.url,
      deployerKey: deployer.privateKey,
      deploymentDir: join(folder, 'deployment'),
      parameters: {
        admin: first,
        registrar: first,
        guardian: first,
        directoryManager: first,
        registrarDelay: 0,
        controllerDelay: 0,
        definedKinds: 1n << 32n,
        pseudonymKey: toHex(keys.publicKey),
      },
      afterSend: async () => devnet.nudge(),
    });
    const block = (await rpc('eth_getBlockByNumber', ['latest', false])) as Record<string, unknown> & {
      hash: Hex;
    };
    const nodes = new Set<Hex>();
    const ask = async (contract: string, slots: readonly Hex[]): Promise<void> => {
      const answer = (await rpc('eth_getProof', [contract, slots, block.number])) as {
        accountProof: Hex[];
        storageProof: { proof: Hex[] }[];
      };
      for (const node of [...answer.accountProof, ...answer.storageProof.flatMap((slot) => slot.proof)])
        nodes.add(node);
    };
    await ask(deployment.directory, [plainSlot(SLOTS.directoryHead)]);
    await ask(deployment.organisations, [mappingSlot(organisation, SLOTS.organisationHeads)]);
    await ask(deployment.ledger, [
      plainSlot(SLOTS.pseudonymKey),
      mappingSlot(subject, SLOTS.heads),
      mappingSlot(organisation, SLOTS.ownHeads),
    ]);
    proof = {
      chainId: deployment.chainId,
      codec: 'ethereum',
      header: encodeHeader(block),
      nodes: [...nodes].map((node) => fromHex(node)),
    };
    trusted = block;
  });

  after(async () => {
    await devnet?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('proves what the chain itself answers: directory, code, key, and the absence of heads', async () => {
    const proven = proofView(proof, trusted.hash, true);
    const asked = await rpcView([rpc], deployment.chainId);
    const ledger = deployment.ledger.toLowerCase() as Address;
    const directory = deployment.directory.toLowerCase() as Address;
    expect(proven.block).to.deep.equal(asked.block);
    expect(await proven.directoryHead(directory)).to.equal(await asked.directoryHead(directory));
    expect(await proven.directoryHead(directory)).to.equal(
      foldDirectory([
        {
          change: 'added',
          chainId: deployment.chainId,
          ledger,
          organisations: deployment.organisations.toLowerCase() as Address,
          codeHash: deployment.ledgerCodeHash as Hex,
          pseudonymKey: toHex(keys.publicKey),
        },
      ]),
    );
    expect(await proven.codeHash(ledger)).to.equal(await asked.codeHash(ledger));
    expect(await proven.pseudonymKey(ledger)).to.equal(toHex(keys.publicKey));
    expect(await proven.head(ledger, subject)).to.equal(ZERO_HEAD);
    expect(await proven.ownHead(ledger, organisation)).to.equal(ZERO_HEAD);
  });

  it('refuses the header of another block', () =>
    expectCode('proof.otherBlock', () => proofView(proof, `0x${'00'.repeat(32)}`, true)));

  it('refuses to answer about what it has no nodes for', async () => {
    const view = proofView(proof, trusted.hash, true);
    const ledger = deployment.ledger.toLowerCase() as Address;
    // Some absent slots are decided by the nodes at hand; a proof that carries only the root decides none of them.
    const [, ...rest] = proof.nodes;
    const bare = proofView({ ...proof, nodes: rest }, trusted.hash, true);
    expect(await view.head(ledger, subject)).to.equal(ZERO_HEAD);
    await expectCode('proof.missingNode', () => bare.head(ledger, subject));
  });

  it('never answers otherwise for any change of a node: the walk misses it', async () => {
    const ledger = deployment.ledger.toLowerCase() as Address;
    for (let index = 0; index < proof.nodes.length; index++) {
      const nodes = proof.nodes.map((node) => node.slice());
      const node = nodes[index] ?? new Uint8Array(1);
      node[node.length - 1] = (node[node.length - 1] ?? 0) ^ 1;
      const view = proofView({ ...proof, nodes }, trusted.hash, true);
      try {
        expect(await view.pseudonymKey(ledger)).to.equal(toHex(keys.publicKey));
      } catch (error) {
        expect((error as VinculumError).code).to.equal('proof.missingNode');
      }
    }
  });

  it('refuses a header whose fields were altered', async () => {
    const block = (await rpc('eth_getBlockByNumber', ['latest', false])) as Record<string, unknown>;
    await expectCode('proof.malformedHeader', () =>
      encodeHeader({ ...block, stateRoot: `0x${'11'.repeat(32)}` }),
    );
    expect(readHeader(encodeHeader(block)).hash).to.equal(block.hash);
  });
});

describe('trieValue', () => {
  it('tells a short path from a missing one', () => {
    const key = keccak_256(new Uint8Array([1]));
    const leaf = encodeRlp([new Uint8Array([0x20, ...key]), new Uint8Array([7])]);
    const root = toHex(keccak_256(leaf));
    expect(trieValue(root, key, trieNodes([leaf]))).to.deep.equal(new Uint8Array([7]));
    expect(trieValue(root, keccak_256(new Uint8Array([2])), trieNodes([leaf]))).to.equal(null);
  });
});
