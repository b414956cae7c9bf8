import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { keysFolder, openKeystore, passwordFile, writeKeystore, writePassword } from '../../cli/keystore.ts';
import type { Address, OrganisationId } from '../../core/chain/types.ts';
import { isVinculumError } from '../../core/errors.ts';
import type { DemoOrganisation } from './demo.ts';

/** The signing key of an organisation of the demo. */
export type DemoKey = {
  readonly name: string;
  readonly address: Address;
  readonly secretKey: Uint8Array;
  readonly organisation: OrganisationId | null;
};

/**
 * The organisations' keys: opened where an earlier start left them, else drawn at random and written down before they
 * are used. Their password lies beside them: whoever can read the folder may sign for these invented organisations.
 */
export async function openDemoKeys(
  dataFolder: string,
  organisations: readonly DemoOrganisation[],
): Promise<Map<string, DemoKey>> {
  const folder = keysFolder(dataFolder);
  const password = await demoPassword(folder);
  const keys = await Promise.all(
    organisations.map(({ name, names }) => openOrMake(folder, name, labelOf(names), password)),
  );
  return new Map(keys.map((key) => [key.name, key]));
}

/** The keys of owners: of people with a keystore each, and of holders whose keys the registrars keep for them. */
export type DemoOwners = {
  readonly people: ReadonlyMap<string, DemoKey>;
  /** What the holders' keys are derived from; an import by a registrar of the demo goes on with it. */
  readonly secret: Uint8Array;
};

const HOLDERS = 'holders';
const LABELS: Readonly<Record<string, string>> = {
  [HOLDERS]: 'Secret of the keys that registrars keep for holders',
  jun: 'Jun, who buys 军',
};

/** Opens or makes them, as {@link openDemoKeys}. */
export async function openDemoOwners(dataFolder: string, people: readonly string[]): Promise<DemoOwners> {
  const folder = keysFolder(dataFolder);
  const password = await demoPassword(folder);
  const keys = await Promise.all(
    [HOLDERS, ...people].map((name) =>
      openOrMake(folder, name, LABELS[name] ?? 'Mei, who owns 美', password),
    ),
  );
  const [holders, ...others] = keys;
  if (holders === undefined) throw new TypeError('one key at least');
  return { people: new Map(others.map((key) => [key.name, key])), secret: holders.secretKey };
}

async function openOrMake(folder: string, name: string, label: string, password: string): Promise<DemoKey> {
  try {
    return await openKeystore(folder, name, password);
  } catch (error) {
    if (!isVinculumError(error, 'keystore.unknown')) throw error;
  }
  const secretKey = new Uint8Array(randomBytes(32));
  const written = await writeKeystore(folder, { name, secretKey, label }, password, { strength: 'light' });
  return { ...written, secretKey };
}

/** Notes in the keystores which organisation each signs for. */
export async function noteOrganisations(
  dataFolder: string,
  organisations: readonly DemoOrganisation[],
  keys: ReadonlyMap<string, DemoKey>,
  numbers: ReadonlyMap<string, OrganisationId>,
): Promise<void> {
  const folder = keysFolder(dataFolder);
  const password = await demoPassword(folder);
  for (const { name, names } of organisations) {
    const key = keys.get(name);
    const organisation = numbers.get(name);
    if (key === undefined || organisation === undefined || key.organisation === organisation) continue;
    const keystore = { name, secretKey: key.secretKey, organisation, label: labelOf(names) };
    await writeKeystore(folder, keystore, password, { strength: 'light', replace: true });
  }
}

const labelOf = ({ en, zh }: DemoOrganisation['names']): string => `${en} ${zh}`;

async function demoPassword(folder: string): Promise<string> {
  try {
    return (await readFile(passwordFile(folder), 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const password = randomBytes(24).toString('base64url');
  await writePassword(folder, password);
  return password;
}
