import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Service } from '../../api/server.ts';
import type { DemoMarker } from '../demo/plan.ts';

/** What a running service leaves in its data folder, so that commands beside it find everything. */
export type ServiceFile = {
  readonly url: string;
  readonly rpcUrl: string;
  readonly chainId: string;
  readonly directory: string;
  readonly organisations: string;
  readonly ledger: string;
  /** The ledger’s module of kinds 0–15. */
  readonly titles: string;
  /** The ledger’s module of kinds 16–31. */
  readonly parts: string;
  readonly startedAt: string;
  readonly pid: number;
  /** VINs of the demo worth looking at, once it is loaded. */
  readonly demo?: DemoMarker['showcase'];
};

const fileOf = (dataFolder: string): string => join(dataFolder, 'service.json');

export async function writeServiceFile(service: Service, demo: DemoMarker | null): Promise<void> {
  const { deployment } = service.services;
  const content: ServiceFile = {
    url: service.url,
    rpcUrl: service.rpcUrl,
    chainId: deployment.chainId.toString(),
    directory: deployment.directory,
    organisations: deployment.organisations,
    ledger: deployment.ledger,
    titles: deployment.titles,
    parts: deployment.parts,
    startedAt: new Date(performance.timeOrigin).toISOString(),
    pid: process.pid,
    ...(demo === null ? {} : { demo: demo.showcase }),
  };
  const file = fileOf(service.config.dataFolder);
  await writeFile(`${file}.part`, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.part`, file);
}

/** The address of the service of that folder, if it is the one that this process runs. */
export function addressOfService(dataFolder: string, pid: unknown): string | null {
  try {
    const { url, pid: found } = JSON.parse(readFileSync(fileOf(dataFolder), 'utf8')) as ServiceFile;
    return found === pid ? url : null;
  } catch {
    return null;
  }
}
