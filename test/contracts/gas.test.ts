import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { type HDNodeWallet, Wallet } from 'ethers';
import {
  type Admitted,
  admitted,
  as,
  entry,
  ethers,
  kinds,
  loadFixture,
  PROFILE,
  SERVICE,
} from './support/fixture.ts';

/**
 * Gas per entry: the receipt's gasUsed, calldata and intrinsic gas included, divided by the number of entries. The
 * snapshot is written anew with GAS_SNAPSHOT=update.
 */
const SNAPSHOT = fileURLToPath(new URL('../../snapshots/gas.json', import.meta.url));
const TOLERANCE = 0.005;

/** What an entry may cost at most, whatever the snapshot says. */
const BUDGETS: Record<string, number> = {
  'signed, 1 submission of 100 subjects, first': 27_000,
  'signed, 1 submission of 100 subjects, later': 10_000,
  'signed, 1 submission of 500 subjects, first': 27_000,
  'signed, 1 submission of 500 subjects, later': 10_000,
  'signed, 1 submission of 10 subjects, first': 32_000,
  'signed, 1 submission of 10 subjects, later': 15_000,
  'signed, 1 submission of 1 subject, first': 78_000,
  'signed, 1 submission of 1 subject, later': 61_000,
  'signed, 100 submissions of 100 organisations with 1 subject each, first': 51_000,
  'signed, 100 submissions of 100 organisations with 1 subject each, later': 34_000,
  'direct, 100 subjects, first': 27_000,
  'direct, 100 subjects, later': 10_000,
};

const measured: Record<string, number> = {};

function subjects(count: number, digest: string) {
  return Array.from({ length: count }, (_, i) => entry(`${i}`, `${digest} ${i}`));
}

async function gasOf(sent: Promise<{ wait(): Promise<unknown> }>): Promise<number> {
  const receipt = (await (await sent).wait()) as { gasUsed: bigint };
  return Number(receipt.gasUsed);
}

async function fund(wallets: HDNodeWallet[]): Promise<void> {
  for (const wallet of wallets) {
    await ethers.provider.send('hardhat_setBalance', [wallet.address, '0xde0b6b3a7640000']);
  }
}

/** Each nonce word of the organisation is in use: what dense allocation costs, and not once in 256 times more. */
async function warmNonces({ ledger, signed }: Admitted): Promise<void> {
  await ledger.recordSigned([await signed([entry('warm', 'a')])]);
}

describe('Gas', () => {
  for (const count of [1, 10, 100, 500]) {
    it(`signed, one submission of ${count}`, async () => {
      const all = await loadFixture(admitted);
      await warmNonces(all);
      for (const when of ['first', 'later']) {
        const submission = await all.signed(subjects(count, when));
        const gas = await gasOf(all.ledger.recordSigned([submission]));
        measured[`signed, 1 submission of ${count} ${count === 1 ? 'subject' : 'subjects'}, ${when}`] =
          gas / count;
      }
    });
  }

  it('signed, one entry a submission, 100 organisations in one transaction', async () => {
    const all = await loadFixture(admitted);
    const { organisations, registrar, ledger, signed } = all;
    const wallets = Array.from({ length: 100 }, () => Wallet.createRandom(ethers.provider));
    await fund(wallets);
    for (const wallet of wallets) {
      await as(organisations, registrar).admit(wallet, kinds(SERVICE), PROFILE);
      await as(organisations, wallet).addKey(await organisations.last(), wallet);
    }
    const batch = async (digest: string, nonce: bigint) =>
      Promise.all(
        wallets.map((by, i) =>
          signed([entry(`${i}`, `${digest} ${i}`)], { by, organisation: BigInt(i + 3), nonce }),
        ),
      );
    // Each organisation has signed before: a nonce word of its own is in use.
    await ledger.recordSigned(await batch('warm', 0n));
    const later = await gasOf(ledger.recordSigned(await batch('later', 1n)));
    const fresh = await Promise.all(
      wallets.map((by, i) =>
        signed([entry(`new ${i}`, 'a')], { by, organisation: BigInt(i + 3), nonce: 2n }),
      ),
    );
    const first = await gasOf(ledger.recordSigned(fresh));
    measured['signed, 100 submissions of 100 organisations with 1 subject each, first'] = first / 100;
    measured['signed, 100 submissions of 100 organisations with 1 subject each, later'] = later / 100;
  });

  it('direct, 100 subjects', async () => {
    const { ledger, signer, signed } = await loadFixture(admitted);
    for (const when of ['first', 'later']) {
      const { entries } = await signed(subjects(100, when));
      measured[`direct, 100 subjects, ${when}`] = (await gasOf(as(ledger, signer).record(1n, entries))) / 100;
    }
  });

  after(async () => {
    if (process.env.GAS_SNAPSHOT !== 'update') return;
    const rounded = Object.entries(measured).map(([row, gas]) => [row, Math.round(gas)]);
    await writeFile(SNAPSHOT, `${JSON.stringify(Object.fromEntries(rounded), null, 2)}\n`);
  });

  it('stays within the budgets', () => {
    expect(Object.keys(measured)).to.have.members(Object.keys(BUDGETS));
    const over = Object.entries(measured).filter(([row, gas]) => gas > (BUDGETS[row] ?? 0));
    expect(over).to.deep.equal([]);
  });

  it('is what the snapshot says', async () => {
    if (process.env.GAS_SNAPSHOT === 'update') return;
    const snapshot: Record<string, number> = JSON.parse(await readFile(SNAPSHOT, 'utf8'));
    expect(Object.keys(snapshot)).to.have.members(Object.keys(measured));
    for (const [row, gas] of Object.entries(measured)) {
      const expected = snapshot[row] ?? 0;
      expect(gas, row).to.be.within(expected * (1 - TOLERANCE), expected * (1 + TOLERANCE));
    }
  });
});
