import { randomBytes } from 'node:crypto';
import { fromHex } from '../../../core/bytes.ts';
import { packEntries } from '../../../core/chain/entry.ts';
import { type Receipt, receiptHash, recoverOperator } from '../../../core/chain/receipt.ts';
import {
  addressOfKey,
  type SignedSubmission,
  signHash,
  signSubmission,
  submissionHash,
} from '../../../core/chain/submission.ts';
import type { Address, LedgerAddress } from '../../../core/chain/types.ts';
import { selector } from '../../../core/verify/chainView.ts';
import type { Attester } from '../../api/fixture.ts';
import type { Fate, OtherLie } from '../lie.ts';
import { type System, subjectOf } from '../system.ts';
import { ledgersOf } from './ledgers.ts';

/** A vehicle that only these submissions are about. */
export const RELAYED = 'WDB1240001A000001';

let nonce = 10_000n;

export type Signing = {
  readonly ledger?: LedgerAddress;
  readonly signer?: Address;
  readonly key?: Uint8Array;
  readonly deadline?: bigint;
  readonly count?: number;
  readonly kind?: number;
};

/** An honest submission of an attester’s, each time with another nonce. */
export function signed(system: System, by: Attester, options: Signing = {}): SignedSubmission {
  nonce += 1n;
  const digest = () => `0x${randomBytes(32).toString('hex')}` as never;
  const subject = subjectOf(system, RELAYED);
  const entries = Array.from({ length: options.count ?? 2 }, () => ({
    ...{ kind: options.kind ?? 67, subject },
    digest: digest(),
  }));
  const submission = {
    organisation: by.id,
    entries: packEntries(entries),
    nonce,
    deadline: options.deadline ?? BigInt(Math.floor(Date.now() / 1000) + 3_600),
  };
  const made = signSubmission(options.ledger ?? system.test.ledger, submission, options.key ?? by.key);
  return options.signer === undefined ? made : { ...made, signer: options.signer };
}

const headOf = async (system: System): Promise<string> => {
  const data = selector('heads(bytes32)') + subjectOf(system, RELAYED).slice(2);
  return String(await system.chain.call('eth_call', [{ to: system.test.ledger.address, data }, 'latest']));
};

/** Relays, and says `skipped` with the ledger’s reason when all were skipped and nothing was recorded. */
export async function skippedBy(
  system: System,
  submissions: readonly SignedSubmission[],
): Promise<{ fate: Fate; caughtBy: string }> {
  const before = await headOf(system);
  const { outcomes } = await system.chain.relay(submissions);
  const untouched = (await headOf(system)) === before;
  const reasons = [...new Set(outcomes)].join(', ');
  return { fate: untouched && !reasons.includes('Accepted') ? 'skipped' : 'uncaught', caughtBy: reasons };
}

const by = 'relayer' as const;
const badSignature = { by, caughtBy: 'Skipped 8', fate: 'skipped' } as const;

/** An organisation whose only further key is a contract. */
async function withContractKey(system: System, name: string, contract: Address): Promise<Attester> {
  const organisation = await system.test.admit(name, ['workshop']);
  await system.test.change('registrar', 'addKey', organisation.id, contract);
  return organisation;
}

/** What a relayer can do with submissions that it is given. It holds nobody’s key. */
export const relayerLies: readonly OtherLie[] = [
  {
    lie: 'alters an entry of a submission',
    ...badSignature,
    run: (s) => {
      const submission = signed(s, s.workshop);
      submission.entries[40] = (submission.entries[40] ?? 0) ^ 1;
      return skippedBy(s, [submission]);
    },
  },
  {
    lie: 'drops one entry of a submission',
    ...badSignature,
    run: (s) => {
      const submission = signed(s, s.workshop);
      return skippedBy(s, [{ ...submission, entries: submission.entries.slice(65) }]);
    },
  },
  {
    lie: 'prolongs a submission past its deadline',
    ...badSignature,
    run: (s) => {
      const submission = signed(s, s.workshop, { deadline: 1_700_000_000n });
      return skippedBy(s, [{ ...submission, deadline: 1_900_000_000n }]);
    },
  },
  {
    lie: 'hands a submission in under another organisation',
    by,
    caughtBy: 'Skipped 6',
    fate: 'skipped',
    run: (s) => skippedBy(s, [{ ...signed(s, s.workshop), organisation: s.inspector.id }]),
  },
  {
    lie: 'relays a submission that was signed for another ledger',
    ...badSignature,
    run: async (s) => {
      const ledger = { ...s.test.ledger, address: (await ledgersOf(s)).second };
      return skippedBy(s, [signed(s, s.workshop, { ledger })]);
    },
  },
  {
    lie: 'replays a submission',
    by,
    caughtBy: 'Skipped 4',
    fate: 'skipped',
    run: async (s) => {
      const submission = signed(s, s.workshop);
      const { outcomes } = await s.chain.relay([submission]);
      if (outcomes.join() !== 'Accepted') throw new Error(outcomes.join());
      return skippedBy(s, [submission]);
    },
  },
  {
    lie: 'holds a submission back until its deadline is over',
    by,
    caughtBy: 'Skipped 3',
    fate: 'skipped',
    run: (s) => skippedBy(s, [signed(s, s.workshop, { deadline: 1_700_000_000n })]),
  },
  {
    lie: 'promises to anchor a submission, and drops it',
    by: 'operator',
    caughtBy: 'a signed receipt without Accepted by its time',
    fate: 'proven',
    run: async (s) => {
      const submission = signed(s, s.workshop);
      const operatorKey = randomBytes(32);
      const now = BigInt(Math.floor(Date.now() / 1000));
      const promise: Receipt = {
        submission: submissionHash(s.test.ledger, submission),
        receivedAt: now - 600n,
        anchorBy: now - 300n,
      };
      const signature = signHash(fromHex(receiptHash(s.test.ledger, promise), 32), operatorKey);
      const operator = recoverOperator(s.test.ledger, promise, signature);
      const final = (await s.chain.call('eth_getBlockByNumber', ['finalized', false])) as {
        timestamp: string;
      };
      const filter = { address: s.test.ledger.address, fromBlock: '0x0', toBlock: 'latest' };
      const logs = (await s.chain.call('eth_getLogs', [filter])) as { data: string }[];
      const kept = logs.some(({ data }) => data.includes(promise.submission.slice(2)));
      const broken =
        operator === addressOfKey(operatorKey) && BigInt(final.timestamp) > promise.anchorBy && !kept;
      return {
        fate: broken ? 'proven' : 'uncaught',
        caughtBy: 'a signed receipt without Accepted by its time',
      };
    },
  },
  {
    lie: 'bundles honest submissions with a gas bomb',
    by,
    caughtBy: 'Accepted, Skipped 8, Accepted',
    fate: 'skipped',
    run: async (s) => {
      const bomb = await s.chain.deploy('GasBomb');
      const bomber = await withContractKey(s, 'Bomber', bomb);
      const { outcomes } = await s.chain.relay([
        signed(s, s.workshop),
        signed(s, bomber, { signer: bomb }),
        signed(s, s.inspector),
      ]);
      return { fate: 'skipped', caughtBy: outcomes.join(', ') };
    },
  },
  {
    lie: 'gives a contract’s signature too little gas, to have it skipped',
    by,
    caughtBy: 'the whole transaction reverts; later it is accepted',
    fate: 'reverted',
    run: async (s) => {
      const owner = randomBytes(32);
      const wallet = await s.chain.deploy('OwnedWallet', addressOfKey(owner), 60_000);
      const walletOwner = await withContractKey(s, 'Wallet Owner', wallet);
      const submission = signed(s, walletOwner, { signer: wallet, key: owner });
      let reverted = false;
      try {
        await s.chain.relay([submission], { gasLimit: 160_000 });
      } catch {
        reverted = true;
      }
      const { outcomes } = await s.chain.relay([submission]);
      const caught = reverted && outcomes.join() === 'Accepted';
      return {
        fate: caught ? 'reverted' : 'uncaught',
        caughtBy: caught ? 'the whole transaction reverts; later it is accepted' : outcomes.join(),
      };
    },
  },
];
