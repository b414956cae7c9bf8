import { isVinculumError } from '../../core/errors.ts';
import { type FolderLock, lockFolder } from '../../host/lock.ts';
import { Problem } from '../problem.ts';

/** The right to use a data folder, held by one process. */
export type DataFolderLock = FolderLock;

/**
 * Takes the data folder for this process (and creates it, for its owner only). Two processes on one folder would destroy the
 * embedded store; whoever comes second gets `data.inUse`.
 */
export async function lockDataFolder(folder: string): Promise<DataFolderLock> {
  try {
    return await lockFolder(folder);
  } catch (error) {
    if (!isVinculumError(error, 'lock.held')) throw error;
    const text = `${error.message} Stop that process, or choose another data folder.`;
    throw new Problem('data.inUse', text, { extensions: error.details });
  }
}
