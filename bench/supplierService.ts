/**
 * A service with one supplier and its keystore `volta`, in a process of its own: to be measured, and to be killed.
 *
 *   node bench/supplierService.ts FOLDER [PORT]
 */
import { readConfig } from '../api/config.ts';
import { startService } from '../api/server.ts';
import { admitOrganisations, profileOf } from '../scripts/demo/admit.ts';
import type { DemoOrganisation } from '../scripts/demo/demo.ts';
import { noteOrganisations, openDemoKeys } from '../scripts/demo/keys.ts';
import { writeServiceFile } from '../scripts/start/serviceFile.ts';

const supplier: DemoOrganisation = {
  name: 'volta',
  names: { en: 'Volta Cells', zh: '伏打电芯' },
  roles: ['supplier'],
  country: 'PT',
  domain: 'volta.example',
};

const [, , folder = '', port = '0'] = process.argv;
const config = readConfig({ VINCULUM_DATA: folder, PORT: port, ACCESS_LOG: 'false' });
const service = await startService(config, {
  log: (level, event, facts) => {
    if (level === 'error') process.stderr.write(`${event} ${JSON.stringify(facts)}\n`);
  },
});
const { chain } = service;
if (chain === null) throw new TypeError('it runs on the embedded chain');
const keys = await openDemoKeys(config.dataFolder, [supplier]);
const { organisations, ledger, titles, parts } = service.services.deployment;
const registrarKey = chain.secretKey('registrar');
const places = { rpcUrl: service.rpcUrl, organisations, ledger, titles, parts, registrarKey };
const nudging = setInterval(() => chain.devnet.nudge(), 50);
const numbers = await admitOrganisations({ ...places, controllerKey: registrarKey }, [supplier], keys);
clearInterval(nudging);
await noteOrganisations(config.dataFolder, [supplier], keys, numbers);
for (const number of numbers.values()) {
  const profile = `${service.url}/v1/organisations/${number}/profile`;
  const headers = { 'Content-Type': 'application/json' };
  // The index learns of a new organisation with the next block that it reads.
  for (let tries = 0; tries < 100; tries++) {
    if ((await fetch(profile, { method: 'PUT', headers, body: profileOf(supplier) })).ok) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
await writeServiceFile(service, null);
process.stdout.write(`ready ${service.url}\n`);
process.once('SIGTERM', () => {
  service.stop().finally(() => process.exit(0));
});
