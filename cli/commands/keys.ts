import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { fromHex } from '../../core/bytes.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import { formatIdentifier } from '../../core/identifiers/identifier.ts';
import type { Context } from '../context.ts';
import { type Exit, usageError } from '../exit.ts';
import { deriveHolders } from '../import/holders.ts';
import {
  type KeystoreInfo,
  keysFolder,
  listKeystores,
  removeKeystore,
  showKeystore,
  writeKeystore,
} from '../keystore.ts';
import { organisationId } from '../organisationId.ts';
import { newPassword, passwordFor, unlock } from '../password.ts';
import { dataFolder } from '../settings.ts';
import { findVehicle, openReading } from '../titles/acting.ts';

export type NewKeyOptions = {
  readonly organisation?: string;
  readonly label?: string;
  readonly passwordFile?: string;
  /** A file with a private key to encrypt, instead of a new random one. */
  readonly from?: string;
};

export async function newKey(context: Context, name: string, options: NewKeyOptions): Promise<Exit> {
  const folder = dataFolder(context.options);
  const secretKey = options.from === undefined ? randomKey() : keyIn(options.from);
  const password = await newPassword(name, {
    file: options.passwordFile,
    dataFolder: folder,
    ask: context.ask,
  });
  const { output } = context;
  const info = await writeKeystore(
    keysFolder(folder),
    {
      name,
      secretKey,
      ...(options.organisation === undefined ? {} : { organisation: organisationId(options.organisation) }),
      ...(options.label === undefined ? {} : { label: options.label }),
    },
    password,
  );
  output.value(asJson(info));
  output.line(`Key ${info.name}: ${info.address}`);
  output.line(
    `  kept in ${info.file}; without its password it is lost: back both up, apart from each other.`,
  );
  output.line('  It can sign once the organisation’s controller has added this address to its keys.');
  return 'ok';
}

export type HolderKeyOptions = {
  readonly holders: string;
  readonly passwordFile?: string;
  readonly rpc?: readonly string[];
  readonly directory?: string;
};

/** Puts the key that a registrar keeps for the present holder of a vehicle into a keystore of its own. */
export async function holderKey(
  context: Context,
  name: string,
  id: string,
  options: HolderKeyOptions,
): Promise<Exit> {
  const { folder } = context.settings();
  const source = { file: options.passwordFile, dataFolder: folder, ask: context.ask };
  const reading = await openReading(context, options);
  const { identifier, title } = await findVehicle(reading, reading.titles, id);
  const holders = deriveHolders(
    (await unlock(options.holders, source)).secretKey,
    formatLedgerId(reading.ledger.address),
  );
  const text = formatIdentifier(identifier);
  for (let holder = 1; holder <= Number(title.tenure); holder++) {
    const { address, secretKey } = holders.key(text, holder);
    if (address !== title.owner) continue;
    const label = `Holder ${holder} of ${text}`;
    const password = await passwordFor(name, source);
    const info = await writeKeystore(keysFolder(folder), { name, secretKey, label }, password);
    context.output.value(asJson(info));
    context.output.line(`Key ${info.name}: ${info.address}`);
    context.output.line(`  holds the title of ${text}; kept in ${info.file}`);
    return 'ok';
  }
  throw usageError(
    'keystore.notHolder',
    `No key that follows from ${options.holders} holds the title of ${text}.`,
  );
}

export async function listKeys(context: Context): Promise<Exit> {
  const folder = keysFolder(dataFolder(context.options));
  const keystores = await listKeystores(folder);
  context.output.value(keystores.map(asJson));
  if (keystores.length === 0)
    context.output.line(`There are no keys in ${folder}. Make one: vinculum keys new NAME`);
  const width = Math.max(0, ...keystores.map(({ name }) => name.length));
  for (const { name, address, organisation, label } of keystores) {
    const whose = organisation === null ? '' : `  organisation ${organisation}`;
    context.output.line(`${name.padEnd(width)}  ${address}${whose}${label === null ? '' : `  ${label}`}`);
  }
  return 'ok';
}

export async function showKey(context: Context, name: string): Promise<Exit> {
  const info = await showKeystore(keysFolder(dataFolder(context.options)), name);
  context.output.value(asJson(info));
  context.output.line(`Key ${info.name}`);
  context.output.line(`  address       ${info.address}`);
  context.output.line(`  organisation  ${info.organisation ?? 'not stated'}`);
  if (info.label !== null) context.output.line(`  label         ${info.label}`);
  context.output.line(`  file          ${info.file}`);
  return 'ok';
}

export async function removeKey(
  context: Context,
  name: string,
  options: { readonly yes?: boolean },
): Promise<Exit> {
  const folder = keysFolder(dataFolder(context.options));
  await showKeystore(folder, name);
  if (options.yes !== true) {
    throw usageError(
      'keystore.kept',
      `A key without a copy is lost for ever: nothing was removed. To remove ${name}, say --yes.`,
    );
  }
  const info = await removeKeystore(folder, name);
  context.output.value(asJson(info));
  context.output.line(`Removed the key ${info.name} (${info.address}).`);
  return 'ok';
}

function asJson({ name, file, address, organisation, label }: KeystoreInfo): unknown {
  return { name, address, organisation: organisation?.toString() ?? null, label, file };
}

function randomKey(): Uint8Array {
  const key = randomBytes(32);
  return secp256k1.utils.isValidSecretKey(key) ? key : randomKey();
}

function keyIn(file: string): Uint8Array {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw usageError('keystore.from', `${file} can’t be read.`, { cause });
  }
  if (/^(0x)?[0-9a-fA-F]{64}$/.test(text)) {
    const key = fromHex(`0x${text.replace(/^0x/, '')}`, 32);
    if (secp256k1.utils.isValidSecretKey(key)) return key;
  }
  throw usageError('keystore.from', `${file} holds no private key: expected 64 hexadecimal digits.`);
}
