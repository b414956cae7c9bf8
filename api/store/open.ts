import { join } from 'node:path';
import { type DataFolderLock, lockDataFolder } from './lock.ts';
import { migrate } from './migrate.ts';
import { openPglite } from './pglite.ts';
import { openPostgres } from './postgres.ts';
import type { Store } from './store.ts';

export interface StoreOptions {
  /** A PostgreSQL server; without it the store is embedded, in the data folder. */
  readonly databaseUrl?: string | undefined;
  readonly dataFolder: string;
  /** The data folder's lock if the caller holds it already; otherwise the embedded store takes it while open. */
  readonly lock?: DataFolderLock | undefined;
  readonly onError?: ((error: Error) => void) | undefined;
}

/** Opens the store and brings its schema up to date. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const store = await openAdapter(options);
  try {
    await migrate(store);
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function openAdapter({ databaseUrl, dataFolder, lock, onError }: StoreOptions): Promise<Store> {
  if (databaseUrl !== undefined && databaseUrl !== '') {
    return openPostgres(databaseUrl, onError === undefined ? {} : { onError });
  }
  const own = lock === undefined ? await lockDataFolder(dataFolder) : undefined;
  try {
    const store = await openPglite(join(dataFolder, 'store'));
    const close = async () => {
      await store.close();
      await own?.release();
    };
    return { ...store, close };
  } catch (error) {
    await own?.release();
    throw error;
  }
}
