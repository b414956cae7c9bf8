/**
 * Gas of each action on a title, relayed and direct, beside the least that a title could be: an OpenZeppelin ERC-721,
 * minted by one account and transferred by its holder. Receipt's gas, calldata and intrinsic gas included.
 */
import {
  type BaseWallet,
  type Contract,
  hexlify,
  JsonRpcProvider,
  NonceManager,
  randomBytes,
  Wallet,
  ZeroAddress,
  ZeroHash,
} from 'ethers';
import { fromHex, type Hex, toHex, word } from '../core/bytes.ts';
import { signHash } from '../core/chain/submission.ts';
import type { Address, Digest, OrganisationId, Subject } from '../core/chain/types.ts';
import { type TitleAction, titleActionHash, ZERO_ADDRESS, ZERO_DETAIL } from '../core/modules/action.ts';
import { type TitleKind, titleKinds, transitions } from '../core/modules/title.ts';
import { startAnvil } from '../test/contracts/support/anvil.ts';
import { accessManager, artifact, deployed, gasOf, ours } from './gas.ts';
import { table } from './table.ts';

const ALL_TITLE_KINDS = (1n << 16n) - 1n;
const DAY = 86_400n;
const TODAY = BigInt(Math.floor(Date.now() / 1000));

/** What has to have happened before. */
const BEFORE: Partial<Record<TitleKind, TitleKind[]>> = {
  'title.accepted': ['title.offered'],
  'title.withdrawn': ['title.offered'],
  'title.lienRenewed': ['title.lienPlaced'],
  'title.lienReleased': ['title.lienPlaced'],
  'title.recovered': ['title.stolen'],
};

/** The peer's way of doing it, where it has one. */
const PEER: Partial<Record<TitleKind, 'mint' | 'transfer'>> = {
  'title.issued': 'mint',
  'title.accepted': 'transfer',
};

type Account = { readonly wallet: BaseWallet; readonly sender: NonceManager };

export async function benchTitleGas(): Promise<string> {
  const anvil = await startAnvil('--gas-limit', '500000000');
  const provider = new JsonRpcProvider(anvil.rpcUrl, undefined, { cacheTimeout: -1, pollingInterval: 20 });
  try {
    const funded = await provider.getSigner(0);
    const account = async (): Promise<Account> => {
      const wallet = Wallet.createRandom();
      await (await funded.sendTransaction({ to: wallet.address, value: 10n ** 21n })).wait();
      return { wallet, sender: new NonceManager(wallet.connect(provider)) };
    };
    const [registrar, relayer, owner, buyer] = [
      await account(),
      await account(),
      await account(),
      await account(),
    ];
    const titles = await deployTitles(registrar);
    const place = {
      chainId: (await provider.getNetwork()).chainId,
      address: (await titles.getAddress()).toLowerCase() as Address,
    };
    const token = await deployed(
      registrar.sender,
      await artifact(
        import.meta.resolve('../artifacts/test/contracts/harness/PlainToken.sol/PlainToken.json'),
      ),
      registrar.wallet.address,
    );
    const actors = { right: registrar, lienHolder: registrar, owner, buyer } as const;

    const revisions = new Map<Subject, bigint>();
    const perform = async (name: TitleKind, subject: Subject, how: 'relayed' | 'direct'): Promise<number> => {
      const actor = actors[transitions[name].by];
      const revision = revisions.get(subject) ?? 0n;
      revisions.set(subject, revision + 1n);
      const party = (name === 'title.issued' ? owner : buyer).wallet.address;
      const action = actionOf(name, subject, revision, party.toLowerCase() as Address);
      const hash = fromHex(titleActionHash(place, action), 32);
      const signature = signHash(hash, fromHex(actor.wallet.privateKey as Hex, 32));
      const by = how === 'direct' ? actor : relayer;
      const contract = titles.connect(by.sender) as Contract;
      const given = how === 'direct' ? '0x' : toHex(signature);
      return gasOf(contract, 'execute', action, actor.wallet.address, given);
    };
    const freshSubject = () => hexlify(randomBytes(32)) as Subject;
    const measure = async (name: TitleKind, how: 'relayed' | 'direct'): Promise<number> => {
      const subject = freshSubject();
      if (name !== 'title.issued') await perform('title.issued', subject, 'relayed');
      for (const earlier of BEFORE[name] ?? []) await perform(earlier, subject, 'relayed');
      return perform(name, subject, how);
    };
    const measurePeer = async (how: 'mint' | 'transfer'): Promise<number> => {
      const id = BigInt(freshSubject());
      const minted = await gasOf(token, 'mint', owner.wallet.address, id);
      if (how === 'mint') return minted;
      const held = token.connect(owner.sender) as Contract;
      return gasOf(held, 'transferFrom', owner.wallet.address, buyer.wallet.address, id);
    };

    // Each has held a token before: a balance's first slot is no part of the price of one more.
    await measurePeer('transfer');
    await measurePeer('mint');
    const rows: (string | number)[][] = [];
    for (const name of Object.keys(titleKinds) as TitleKind[]) {
      const [relayed, direct] = [await measure(name, 'relayed'), await measure(name, 'direct')];
      const peer = PEER[name];
      rows.push([
        name,
        relayed,
        direct,
        peer === undefined ? '' : `${peer} ${(await measurePeer(peer)).toLocaleString('en-US')}`,
      ]);
    }
    return table(['action', 'relayed', 'direct', 'ERC-721'], rows);
  } finally {
    provider.destroy();
    await anvil.stop();
  }
}

async function deployTitles({ wallet, sender }: Account): Promise<Contract> {
  const authority = await (await deployed(sender, await accessManager(), wallet.address)).getAddress();
  const organisations = await deployed(sender, await ours('Organisations'), authority, 0, ALL_TITLE_KINDS);
  const register = await organisations.getAddress();
  const titles = await deployed(sender, await ours('Titles'), register);
  const modules = [await titles.getAddress(), ZeroAddress];
  const key = hexlify(randomBytes(32));
  const ledger = await deployed(sender, await ours('Ledger'), authority, register, key, ...modules);
  await gasOf(titles, 'bind', await ledger.getAddress());
  await gasOf(organisations, 'admit', wallet.address, ALL_TITLE_KINDS, ZeroHash);
  await gasOf(organisations, 'addKey', 1, wallet.address);
  return titles;
}

/** A good action: of the registrar, which has every right, or of owner or buyer. */
function actionOf(name: TitleKind, subject: Subject, revision: bigint, party: Address): TitleAction {
  const { kind, by, uses, detail } = transitions[name];
  const details: Readonly<Record<NonNullable<typeof detail>, Hex>> = {
    rank: toHex(word(1n)),
    lien: toHex(word(1n)),
    brand: toHex(word(11n)),
    digest: hexlify(randomBytes(32)) as Hex,
    subject: hexlify(randomBytes(32)) as Hex,
  };
  const until = name === 'title.lienRenewed' ? TODAY + 200n * DAY : TODAY + 100n * DAY;
  return {
    kind,
    subject,
    revision,
    deadline: TODAY + DAY,
    organisation: (by === 'owner' || by === 'buyer' ? 0n : 1n) as OrganisationId,
    party: uses.includes('party') ? party : ZERO_ADDRESS,
    until: uses.includes('until') ? until : 0n,
    detail: detail === undefined ? ZERO_DETAIL : details[detail],
    digest: hexlify(randomBytes(32)) as Digest,
  };
}

if (import.meta.main) console.log(await benchTitleGas());
