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
    organisations.map(async ({ name, names }): Promise<DemoKey> => {
      try {
        return await openKeystore(folder, name, password);
      } catch (error) {
        if (!isVinculumError(error, 'keystore.unknown')) throw error;
      }
      const secretKey = new Uint8Array(randomBytes(32));
      const written = await writeKeystore(folder, { name, secretKey, label: labelOf(names) }, password, {
        strength: 'light',
      });
      return { ...written, secretKey };
    }),
  );
  return new Map(keys.map((key) => [key.name, key]));
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
