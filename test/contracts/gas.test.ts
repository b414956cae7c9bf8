import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { type HDNodeWallet, toBeHex, Wallet } from 'ethers';
import type { TitleKind } from '../../core/modules/title.ts';
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
  subjectOf,
} from './support/fixture.ts';
import { ANOTHER_VEHICLE, addressOf as addressOfParty, unregistered } from './support/parts.ts';
import { addressOf, type Given, KIND_NAMES, untouched } from './support/titles.ts';

/**
 * Gas per entry or action: the receipt's gasUsed, calldata and intrinsic gas included, divided by their number. The
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
  // Relayed with an ECDSA signature.
  'title.issued': 109_000,
  'title.offered': 84_000,
  'title.accepted': 61_000,
  'title.withdrawn': 60_000,
  'title.lienPlaced': 118_000,
  'title.lienPlaced, the eighth': 119_000,
  'title.lienRenewed': 77_000,
  'title.lienReleased': 74_000,
  'title.stolen': 71_000,
  'title.recovered': 71_000,
  'title.branded': 93_000,
  'title.disputed': 60_000,
  'title.scrapped': 73_000,
  'title.exported': 73_000,
  'title.reissued': 74_000,
  'title.transferred': 75_000,
  'title.replaced': 178_000,
  'title.replaced, under eight liens': 409_000,
  'title.disputed, sent by the owner': 55_000,
  'safetyPart.registered': 104_000,
  'safetyPart.mounted': 102_000,
  'safetyPart.mounted, again': 102_000,
  'safetyPart.removed': 79_000,
  'safetyPart.scrapped': 69_000,
  'safetyPart.stolen': 69_000,
  'safetyPart.recovered': 71_000,
  'safetyPart.removed, sent by the workshop': 75_000,
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

  it('actions of titles', async () => {
    const { act, actionOf, titlesContract } = await untouched();
    const owner = await ethers.getImpersonatedSigner(addressOf('owner'));
    const measure = async (name: TitleKind, given: Given, row: string = name) => {
      measured[row] = await gasOf(act(name, given));
    };
    const BEFORE: Partial<Record<TitleKind, TitleKind[]>> = {
      'title.accepted': ['title.offered'],
      'title.withdrawn': ['title.offered'],
      'title.lienRenewed': ['title.lienPlaced'],
      'title.lienReleased': ['title.lienPlaced'],
      'title.recovered': ['title.stolen'],
    };
    for (const name of KIND_NAMES) {
      const subject = subjectOf(name);
      if (name !== 'title.issued') await act('title.issued', { subject });
      for (const earlier of BEFORE[name] ?? []) await act(earlier, { subject });
      await measure(name, { subject });
    }
    const direct = await actionOf('title.disputed', { subject: subjectOf('title.disputed') });
    measured['title.disputed, sent by the owner'] = await gasOf(
      as(titlesContract, owner).execute(direct, owner.address, '0x'),
    );
    const subject = subjectOf('eight liens');
    await act('title.issued', { subject });
    for (let rank = 1; rank < 8; ++rank)
      await act('title.lienPlaced', { subject, detail: toBeHex(rank, 32) });
    await measure('title.lienPlaced', { subject, detail: toBeHex(8, 32) }, 'title.lienPlaced, the eighth');
    const detail = subjectOf('another number');
    await measure('title.replaced', { subject, detail }, 'title.replaced, under eight liens');
  });

  it('actions of parts', async () => {
    const { act, actionOf, partsContract } = await unregistered();
    const workshop = await ethers.getImpersonatedSigner(addressOfParty('workshop'));
    await ethers.provider.send('hardhat_setBalance', [workshop.address, '0xde0b6b3a7640000']);
    // The vehicles have histories, as any has that a part is mounted into.
    for (const [subject, vehicle] of [
      ['first', undefined],
      ['second', ANOTHER_VEHICLE],
    ] as const) {
      await act('safetyPart.registered', { subject: subjectOf(subject) });
      await act('safetyPart.mounted', { subject: subjectOf(subject), ...(vehicle && { vehicle }) });
    }
    for (const name of ['registered', 'mounted', 'stolen', 'recovered', 'removed'] as const) {
      measured[`safetyPart.${name}`] = await gasOf(act(`safetyPart.${name}`));
    }
    const again = act('safetyPart.mounted', { vehicle: ANOTHER_VEHICLE });
    measured['safetyPart.mounted, again'] = await gasOf(again);
    measured['safetyPart.scrapped'] = await gasOf(act('safetyPart.scrapped'));
    const direct = await actionOf('safetyPart.removed', { subject: subjectOf('first') });
    measured['safetyPart.removed, sent by the workshop'] = await gasOf(
      as(partsContract, workshop).execute(direct, workshop.address, '0x'),
    );
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
