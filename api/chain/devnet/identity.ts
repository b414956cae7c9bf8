import { randomBytes, randomInt } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HDNodeWallet, Mnemonic } from 'ethers';
import { VinculumError } from '../../../core/errors.ts';

/** What stays the same for the life of an embedded chain. */
export interface DevnetIdentity {
  readonly chainId: number;
  /** The accounts that hold the chain's money, derived from the mnemonic at `m/44'/60'/0'/0/i`. */
  readonly accounts: readonly string[];
  readonly mnemonic: string;
}

const accountCount = 10;

/**
 * The chain's identity: read from the folder, or drawn on the first start. The chain id is random, because
 * signatures made for one install would be valid on every other with the same id.
 */
export function loadIdentity(folder: string, wantedChainId: number | undefined): DevnetIdentity {
  const file = join(folder, 'identity.json');
  if (existsSync(file)) {
    const { chainId, accounts } = JSON.parse(readFileSync(file, 'utf8')) as Omit<DevnetIdentity, 'mnemonic'>;
    if (wantedChainId !== undefined && wantedChainId !== chainId) {
      throw new VinculumError(
        'devnet.otherChain',
        `The chain in ${folder} has the id ${chainId}, not ${wantedChainId}: leave the id out, or choose another data folder.`,
        { details: { folder, expected: wantedChainId, found: chainId } },
      );
    }
    return { chainId, accounts, mnemonic: readFileSync(join(folder, 'mnemonic'), 'utf8').trim() };
  }
  const mnemonic = Mnemonic.fromEntropy(randomBytes(16));
  const parent = HDNodeWallet.fromMnemonic(mnemonic, "m/44'/60'/0'/0");
  const accounts = Array.from({ length: accountCount }, (_, index) => parent.deriveChild(index).address);
  const chainId = wantedChainId ?? randomInt(2 ** 30, 2 ** 31);
  writeDurably(join(folder, 'mnemonic'), `${mnemonic.phrase}\n`);
  writeDurably(file, `${JSON.stringify({ chainId, accounts }, null, 2)}\n`);
  return { chainId, accounts, mnemonic: mnemonic.phrase };
}

function writeDurably(file: string, text: string): void {
  const draft = `${file}.part`;
  const handle = openSync(draft, 'w', 0o600);
  try {
    writeFileSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(draft, file);
}
