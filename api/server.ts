import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { CID } from 'multiformats/cid';
import { fromHex, toHex } from '../core/bytes.ts';
import { formatLedgerId } from '../core/chain/ledgerId.ts';
import type { Digest } from '../core/chain/types.ts';
import { cidOf } from '../core/envelope/cid.ts';
import { VinculumError } from '../core/errors.ts';
import { claim as claimKind } from '../core/kinds/incident.ts';
import { createAlerts } from './alerts/alerts.ts';
import { recordAlerts } from './alerts/record.ts';
import { repeatAfterBlocks } from './alerts/repeat.ts';
import { createApp } from './app.ts';
import { createAuth } from './auth/auth.ts';
import { createChecks } from './authenticity/checks.ts';
import { createWatch } from './authenticity/watch.ts';
import { createBackups } from './backup/backups.ts';
import { getHeader } from './chain/read.ts';
import { createRpc, type Rpc } from './chain/rpc.ts';
import { createStateProofs } from './chain/stateProofs.ts';
import type { Config } from './config.ts';
import { type Deployment, readDeployment } from './deployment.ts';
import type { DocumentStore } from './documents/documentStore.ts';
import { openEmbeddedDocuments } from './documents/embedded.ts';
import { openKuboDocuments } from './documents/kubo.ts';
import { type EmbeddedChain, startEmbeddedChain } from './embeddedChain.ts';
import { openErasures } from './erasure/erasures.ts';
import { embeddedPlace, kuboPlace, type Place } from './erasure/places.ts';
import { openRegister } from './erasure/register.ts';
import { createEventNames } from './events/names.ts';
import { recordEvents, startNaming } from './events/record.ts';
import { createEvents } from './events/search.ts';
import { createGraph } from './graph/graph.ts';
import { createNodes } from './graph/nodes.ts';
import { recordSealed } from './graph/write.ts';
import { factsOf, type Log } from './http/log.ts';
import { createLookupMeter } from './http/lookupMeter.ts';
import { createMetrics, type Reading } from './http/metrics.ts';
import { type Account, type Keyring, openKeyring } from './keyring/keyring.ts';
import { type Announcer, createAnnouncer, repeatAnnouncing } from './notices/announcer.ts';
import { createCatchUp } from './notices/catchUp.ts';
import { createNotices } from './notices/notices.ts';
import { createSubscriptions } from './notices/subscriptions.ts';
import { type AcceptedEntry, createPipeline, type Pipeline } from './pipeline.ts';
import { createAccessLogs } from './privacy/accessLog.ts';
import { createConsents } from './privacy/consents.ts';
import { openRevocations } from './privacy/revocations.ts';
import { createSealedFields } from './privacy/sealed.ts';
import { createShares } from './privacy/shares.ts';
import { Problem, problemMediaType } from './problem.ts';
import { createEvaluator } from './pseudonym/evaluator.ts';
import { createProofs } from './query/proof.ts';
import { createQuery } from './query/query.ts';
import { createSecrets } from './query/secrets.ts';
import { createSets } from './query/sets.ts';
import { createCampaignBook } from './recalls/book.ts';
import { createCampaignNames, recordRecalls } from './recalls/register.ts';
import { Lease } from './relay/lease.ts';
import { createRetention, repeatRetention } from './retention/retention.ts';
import type { Services } from './services.ts';
import { lockDataFolder } from './store/lock.ts';
import { openStore } from './store/open.ts';
import { insertRows } from './store/rows.ts';
import type { Store, Transaction } from './store/store.ts';
import { createTakeAway } from './takeaway/takeaway.ts';

/** The steps of a start, in order. */
export const startSteps = [
  'folder',
  'store',
  'chain',
  'keys',
  'contracts',
  'documents',
  'index',
  'listen',
] as const;
export type StartStep = (typeof startSteps)[number];

export type StartOptions = {
  /** Told when a step begins, and of what happens within it. */
  readonly onProgress?: (step: StartStep, detail: string) => void;
  readonly log?: Log;
  /** Take the next free port when the wanted one is taken. */
  readonly nextFreePort?: boolean;
};

/** A service that runs. */
export interface Service {
  readonly config: Config;
  /** Where it answers on this machine. */
  readonly url: string;
  readonly services: Services;
  readonly operatorToken: string;
  readonly rpcUrl: string;
  /** The embedded chain, where there is one. */
  readonly chain: EmbeddedChain | null;
  /** Answers what was asked, keeps what was accepted, and closes everything. May be called more than once. */
  stop(): Promise<void>;
}

/**
 * Puts the service together and starts it. On failure everything opened so far is closed again.
 * @throws `data.inUse` `listen.portInUse` `config.*` and the codes of the parts, each with a remedy
 */
export async function startService(config: Config, options: StartOptions = {}): Promise<Service> {
  const log = options.log ?? (() => undefined);
  const closers: (() => Promise<unknown>)[] = [];
  const opened = <T>(value: T, close: (value: T) => Promise<unknown>): T => {
    closers.push(() => close(value));
    return value;
  };
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) {
      // The rest must be closed whatever happens to one.
      await close().catch((error: unknown) => log('error', 'stop.failed', factsOf(error)));
    }
  };
  try {
    return await start(config, options, log, opened, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function start(
  config: Config,
  options: StartOptions,
  log: Log,
  opened: <T>(value: T, close: (value: T) => Promise<unknown>) => T,
  closeAll: () => Promise<void>,
): Promise<Service> {
  const progress = (step: StartStep, detail = ''): void => {
    log('info', 'start', { step, detail });
    options.onProgress?.(step, detail);
  };
  const { dataFolder } = config;

  progress('folder', dataFolder);
  const lock = opened(await lockDataFolder(dataFolder), (held) => held.release());
  progress('store', config.databaseUrl === undefined ? 'embedded' : 'PostgreSQL');
  const store = opened(
    await openStore({
      databaseUrl: config.databaseUrl,
      dataFolder,
      lock,
      onError: (error) => log('error', 'store.connection', factsOf(error)),
    }),
    (held) => held.close(),
  );

  progress('chain', config.rpcUrl === undefined ? 'embedded' : 'by RPC');
  const chain =
    config.rpcUrl === undefined
      ? opened(await startEmbeddedChain(dataFolder, (line) => progress('chain', line)), ({ devnet }) =>
          devnet.stop(),
        )
      : null;
  progress('keys');
  const relayerKey = chain?.secretKey('relayer') ?? config.relayKey;
  const keyring = await openKeyring(
    dataFolder,
    relayerKey === undefined ? {} : { relayerKey: fromHex(relayerKey) },
  );
  const evaluator = await createEvaluator({ secretKey: keyring.pseudonymKey });
  const operatorToken = await readOperatorToken(join(dataFolder, 'operator-token'));

  progress('contracts');
  const deployment = await deploymentOf(config, chain, keyring);
  const rpcUrl = chain?.devnet.url ?? config.rpcUrl ?? '';
  const rpc = createRpc({ url: rpcUrl });

  progress('documents', config.kuboRpcUrl === undefined ? 'embedded' : 'Kubo');
  const { documents, places, fetchMissing } = await openDocuments(config);

  progress('index');
  const nodes = createNodes(keyring);
  const names = createCampaignNames(keyring);
  const eventNames = createEventNames(keyring);
  const finality = chain === null ? () => finalBlock(rpc) : async () => BigInt(chain.devnet.durableBlock());
  const pipeline = createPipeline({
    store,
    rpc,
    ledger: { chainId: deployment.chainId, address: deployment.ledger },
    organisations: deployment.organisations,
    titles: deployment.titles,
    parts: deployment.parts,
    directory: deployment.directory,
    firstBlock: deployment.firstBlock,
    evaluator,
    keyring,
    finality,
    ...(chain === null ? {} : { nudge: () => chain.devnet.nudge() }),
    ...(fetchMissing === undefined ? {} : { fetchMissing }),
    onAccept: async (transaction, entries) => {
      await recordClaims(transaction, entries);
      await recordSealed(transaction, entries, keyring);
      await recordEvents(transaction, entries, eventNames);
      await recordRecalls(transaction, entries, { names, nodes });
      await recordAlerts(transaction, entries, {
        ledger: { chainId: deployment.chainId, address: deployment.ledger },
        // Known by now: whoever writes has asked for it before the transaction.
        own: await pipeline.ownLedger(),
        now: new Date(),
      });
    },
    log: {
      info: (message, facts) => log('info', message, facts),
      warn: (message, facts) => log('warn', message, facts),
      error: (message, facts) => log('error', message, facts),
    },
  });

  const secrets = createSecrets(keyring);
  const campaigns = createCampaignBook({ store, secrets });
  let wakeAnnouncer: () => void = () => undefined;
  const sets = opened(
    createSets({ store, keyring, secrets, nodes, log, onStored: () => wakeAnnouncer() }),
    (held) => held.close(),
  );
  const graph = opened(createGraph({ store, keyring, secrets, nodes, log }), (held) => held.close());
  const proofs = createProofs({
    store,
    chains: new Map([
      [
        deployment.chainId,
        {
          state: createStateProofs(rpc, config.headerCodec),
          finality,
          blockHash: async (number) => (await getHeader(rpc, number))?.hash ?? null,
          ...(chain === null ? {} : { refresh: (seconds) => chain.devnet.refresh(seconds) }),
        },
      ],
    ]),
    indexedBlock: () => pipeline.progress().indexedBlock,
    onError: (problem) => log('warn', 'report.withoutProof', { ...factsOf(problem), code: problem.code }),
  });
  const sealed = createSealedFields({ store, secrets, keyring, ownLedger: () => pipeline.ownLedger() });
  const events = createEvents({ store, secrets, names: eventNames, ownLedger: () => pipeline.ownLedger() });
  const query = createQuery({ store, secrets, sealed, sets, evaluator, deployment }, pipeline, proofs);
  const ledgerAddress = { chainId: deployment.chainId, address: deployment.ledger };
  const privacy = {
    store,
    rpc,
    secrets,
    ledger: ledgerAddress,
    ownLedger: () => pipeline.ownLedger(),
    operator: keyring.operator,
  };
  const ledgerId = formatLedgerId(ledgerAddress);
  const { register, known } = await openRegister(config.erasuresFile);
  opened(register, (held) => held.close());
  // Before anything is served: what was revoked after the backup that this store may come from.
  const revocations = opened(
    await openRevocations({
      ...{ store, register, ledger: ledgerId },
      operator: keyring.operator.address,
      known: known.revocations,
    }),
    (held) => held.close(),
  );
  const consents = createConsents({ ...privacy, revocations });
  const accessLogs = createAccessLogs(privacy);
  const shares = createShares({ store, secrets, sealed, query, pipeline });
  const takeAway = opened(
    createTakeAway({
      query,
      trust: { chainId: deployment.chainId, directory: deployment.directory },
      issuer: keyring.issuer,
      publicUrl: () => publicUrl(),
      finalBlock: () => pipeline.progress().finalBlock,
      credentialHours: config.credentialHours,
    }),
    (held) => held.close(),
  );
  // Before anything is served: what was erased while this store was not in use, or in the middle of an erasure.
  const erasures = opened(
    await openErasures({
      ...{ store, secrets, evaluator, places },
      ledger: ledgerId,
      operator: keyring.operator,
      ...{ register, known: known.receipts },
      rewrite: config.erasureRewrite,
      beforeRewrite: (digests) => graph.forget(digests),
      onErased: () => {
        query.forget();
        campaigns.forget();
        graph.ring();
      },
    }),
    (held) => held.close(),
  );
  const notices = createNotices({ store, keyring });
  const catchUp = createCatchUp({ book: campaigns, evaluator, names, notices });
  const subscriptions = createSubscriptions({ store, keyring, nodes, catchUp });
  const alerts = createAlerts({
    ...{ store, keyring, secrets, sealed, notices, query },
    ledger: ledgerAddress,
    ownLedger: () => pipeline.ownLedger(),
  });
  const parting = {
    store,
    keyring,
    secrets,
    nodes,
    evaluator,
    notices,
    ownLedger: () => pipeline.ownLedger(),
  };
  const checks = createChecks({ ...parting, sets, campaigns, ledger: ledgerAddress });
  const watch = createWatch({ ...parting, graph });
  const retention = createRetention({
    ...{ store, erasures, policy: config.retention, rewrite: config.erasureRewrite },
  });
  const backups = createBackups({ store, documents, config, deployment, chain: chain?.devnet ?? null });
  const meter = opened(createLookupMeter(store, config.rates), (held) => held.close());
  let listening = '';
  const publicUrl = () => config.publicUrl ?? listening;
  const auth = createAuth({
    store,
    rpc,
    chainId: deployment.chainId,
    publicUrl,
    operatorToken,
    callerSecret: callerSecret(keyring.operator),
    sessionHours: config.sessionHours,
  });
  const services: Services = {
    config,
    version: await versionOfPackage(),
    deployment,
    operator: keyring.operator.address,
    publicRpc: () => (chain === null ? null : `${publicUrl()}/rpc`),
    publicUrl,
    store,
    rpc,
    documents,
    pipeline,
    evaluator,
    keyring,
    query,
    sets,
    graph,
    events,
    sealed,
    consents,
    revocations,
    shares,
    accessLogs,
    alerts,
    checks,
    watch,
    campaigns,
    notices,
    subscriptions,
    takeAway,
    auth,
    meter,
    erasures,
    retention,
    backups,
    metrics: createMetrics(() => readings(store, pipeline)),
    log,
  };

  const app = await createApp(services);
  await pipeline.start();
  opened(
    pipeline.on('block', () => graph.ring()),
    async (stop) => stop(),
  );
  opened(pipeline, (held) => held.stop());
  pipeline.on('stopped', (problem) =>
    log('error', 'pipeline.stopped', { ...factsOf(problem), code: problem.code }),
  );
  const sweep = setInterval(() => {
    for (const swept of [auth.sweep(), sets.sweep()]) {
      swept.catch((error: unknown) => log('warn', 'sweep.failed', factsOf(error)));
    }
  }, SWEEP_MILLISECONDS);
  sweep.unref();
  // What the last process was checking when it ended.
  sets.sweep().catch((error: unknown) => log('warn', 'sweep.failed', factsOf(error)));
  opened(sweep, async (timer) => clearInterval(timer));
  startErasing(services, opened);
  opened(
    startNaming({ store, secrets, sealed, names: eventNames }, (error) =>
      log('warn', 'events.failed', factsOf(error)),
    ),
    (held) => held.stop(),
  );
  const announcer = createAnnouncer({
    ...{ store, secrets, sets, campaigns, evaluator, nodes, names, notices, subscriptions },
    ownLedger: () => pipeline.ownLedger(),
    finalBlock: () => pipeline.progress().finalBlock,
    onError: (error, digest) => log('warn', 'notices.failed', { ...factsOf(error), digest }),
  });
  wakeAnnouncer = startAnnouncing(announcer, services, opened);
  for (const [work, failed] of [
    [() => alerts.tell(), 'alerts.failed'],
    [() => watch.look(), 'watch.failed'],
  ] as const) {
    opened(
      repeatAfterBlocks(pipeline, work, (error) => log('warn', failed, factsOf(error))),
      (held) => held.stop(),
    );
  }

  progress('listen');
  const server = createServer(serverLimits, app);
  server.on('clientError', refuseConnection);
  const port = await listen(server, config, options.nextFreePort === true);
  opened(server, closeServer);
  listening = `http://${urlHost(config.host)}:${port}`;
  progress('listen', publicUrl());

  let stopping: Promise<void> | undefined;
  return {
    config,
    url: listening,
    services,
    operatorToken,
    rpcUrl,
    chain,
    stop: () => {
      stopping ??= closeAll();
      return stopping;
    },
  };
}

/** What other processes erase and what is revoked there is noted here, and what could not be destroyed at once is tried again; the policy runs. */
function startErasing(
  { store, erasures, revocations, retention, config, log }: Services,
  opened: <T>(value: T, close: (value: T) => Promise<unknown>) => T,
): void {
  const catchUp = () => {
    for (const noting of [revocations, erasures]) {
      noting.catchUp().catch((error: unknown) => log('warn', 'erasures.failed', factsOf(error)));
    }
  };
  catchUp();
  const timer = setInterval(catchUp, CATCH_UP_MILLISECONDS);
  timer.unref();
  opened(timer, async (held) => clearInterval(held));
  // Only one process can have the embedded store, so its lease outlives nobody.
  const holder = store.adapter === 'pglite' ? 'embedded' : randomUUID();
  const lease = new Lease(store, 'retention', holder, RETENTION_LEASE_SECONDS);
  opened(
    repeatRetention(
      retention,
      config.retentionHours,
      () => lease.hold(),
      ({ fields, accessEntries, consents, apiKeys, notices: told }) =>
        log('info', 'retention', {
          ...{ fields: fields.length, accessEntries, consents, apiKeys, notices: told },
        }),
      (error) => log('warn', 'retention.failed', factsOf(error)),
    ),
    (held) => held.stop(),
  );
}

/** Notices of what becomes final on the ledger. @returns what has it look now */
function startAnnouncing(
  announcer: Announcer,
  { store, pipeline, log }: Services,
  opened: <T>(value: T, close: (value: T) => Promise<unknown>) => T,
): () => void {
  const holder = store.adapter === 'pglite' ? 'embedded' : randomUUID();
  const lease = new Lease(store, 'notices', holder, NOTICES_LEASE_SECONDS);
  const announcing = opened(
    repeatAnnouncing(
      announcer,
      () => lease.hold(),
      (error) => log('warn', 'notices.failed', factsOf(error)),
    ),
    (held) => held.stop(),
  );
  const stopListening = pipeline.on('final', () => announcing.wake());
  opened(stopListening, async (stop) => stop());
  return announcing.wake;
}

const NOTICES_LEASE_SECONDS = 15;
const CATCH_UP_MILLISECONDS = 60_000;
/** Longer than a run takes: another process that comes by meanwhile leaves it alone. */
const RETENTION_LEASE_SECONDS = 3_600;
const SWEEP_MILLISECONDS = 600_000;

/** Against clients that send slowly, or nothing: a header has ten seconds, a whole document an hour. */
const serverLimits = {
  headersTimeout: 10_000,
  requestTimeout: 3_600_000,
  keepAliveTimeout: 20_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16 * 1024,
};

/** What came was no HTTP, or came too slowly: there is no request to answer, but the sender learns why. */
function refuseConnection(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const slow = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const problem = slow
    ? new Problem('request.timeout', 'Send the whole request without pausing.')
    : new Problem('request.malformed', 'This is no HTTP request, or its headers are too large.');
  const requestId = randomUUID();
  const body = JSON.stringify(problem.toProblemJson(requestId));
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.status === 408 ? 'Request Timeout' : 'Bad Request'}`,
    'Connection: close',
    `Content-Type: ${problemMediaType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

const DRAIN_MILLISECONDS = 10_000;

/** Takes no new connection, and lets what is being answered come to its end, for a while. */
async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MILLISECONDS);
  await closed;
  clearTimeout(timer);
}

const PORTS_TRIED = 100;

async function listen(server: Server, { host, port }: Config, nextFree: boolean): Promise<number> {
  const last = nextFree && port !== 0 ? Math.min(port + PORTS_TRIED, 65_535) : port;
  for (let candidate = port; candidate <= last; candidate++) {
    try {
      return await listenOn(server, host, candidate);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EADDRINUSE') continue;
      const remedy = `${host}:${candidate} cannot be listened on (${code}): set HOST and PORT to others.`;
      throw new VinculumError('listen.refused', remedy, { cause: error });
    }
  }
  throw new VinculumError(
    'listen.portInUse',
    `Port ${port} is in use: stop what holds it, or set PORT to another.`,
    {
      details: { port },
    },
  );
}

function listenOn(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

async function deploymentOf(
  config: Config,
  chain: EmbeddedChain | null,
  keyring: Keyring,
): Promise<Deployment> {
  if (chain !== null) return chain.deployment(config.deploymentFile, keyring.pseudonymPublicKey);
  const known = await readDeployment(config.deploymentFile);
  if (known === null) {
    throw new VinculumError(
      'deployment.missing',
      `${config.deploymentFile} is not there: deploy the contracts by scripts/deploy.ts, or set DEPLOYMENT_FILE.`,
    );
  }
  return known;
}

async function finalBlock(rpc: Rpc): Promise<bigint> {
  const block = (await rpc.call('eth_getBlockByNumber', ['finalized', false])) as { number?: unknown } | null;
  return typeof block?.number === 'string' ? BigInt(block.number) : 0n;
}

async function openDocuments(config: Config): Promise<{
  documents: DocumentStore;
  places: readonly Place[];
  fetchMissing?: (digest: Digest) => Promise<Uint8Array | null>;
}> {
  const replicas = config.erasureKuboUrls.map((url) => kuboPlace(placeOf(url), openKuboDocuments({ url })));
  if (config.kuboRpcUrl === undefined) {
    const documents = await openEmbeddedDocuments(join(config.dataFolder, 'documents'));
    return { documents, places: [embeddedPlace(documents), ...replicas] };
  }
  const kubo = openKuboDocuments({ url: config.kuboRpcUrl });
  return {
    documents: kubo,
    places: [kuboPlace(placeOf(config.kuboRpcUrl), kubo), ...replicas],
    fetchMissing: async (digest) => (await kubo.fetchBlock(CID.parse(cidOf(digest)))) ?? null,
  };
}

/** An address without a user and a password: what may be shown. */
function placeOf(url: string): string {
  return `Kubo ${new URL(url).host}`;
}

/** Claims are searched by vehicle: they are listed in the transaction that accepts them. */
async function recordClaims(transaction: Transaction, entries: readonly AcceptedEntry[]): Promise<void> {
  const rows = entries
    .filter(({ kind }) => kind === claimKind.number)
    .map(({ subject, digest, envelope }) => ({
      subject: fromHex(subject, 32),
      digest: fromHex(digest, 32),
      organisation: BigInt(envelope.organisation),
    }));
  if (rows.length === 0) return;
  const columns = { subject: 'bytea', digest: 'bytea', organisation: 'int8' } as const;
  await insertRows(transaction, 'claims', columns, rows, { onConflict: 'DO NOTHING' });
}

/** The operator's own token, for its owner only; made on the first start. */
async function readOperatorToken(file: string): Promise<string> {
  const token = `vo_${randomBytes(32).toString('base64url')}`;
  try {
    await writeFile(file, `${token}\n`, { mode: 0o600, flag: 'wx' });
    return token;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return (await readFile(file, 'utf8')).trim();
  }
}

/** The same for all replicas of an operator: signatures are deterministic, and this one is never shown. */
function callerSecret(operator: Account): Uint8Array {
  const signature = operator.sign(createHash('sha256').update('vinculum/callers/1').digest());
  return createHash('sha256').update(toHex(signature)).digest();
}

async function versionOfPackage(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

async function readings(store: Store, pipeline: Pipeline): Promise<Reading[]> {
  const { indexedBlock, finalBlock: final, head, lag, leading, trouble, stopped } = pipeline.progress();
  const { milliseconds, ...counters } = pipeline.counters;
  const states = await store
    .query<{ state: string; count: bigint }>(
      'SELECT state, count(*) AS count FROM submissions GROUP BY state',
    )
    .catch(() => []);
  const single = (name: string, help: string, value: number): Reading => ({
    name,
    help,
    values: [{ value }],
  });
  return [
    single('vinculum_indexed_block', 'The last block in the index.', indexedBlock),
    single('vinculum_final_block', 'The last final block in the index.', final),
    single('vinculum_chain_head', 'The chain’s last block, as far as known.', head),
    single('vinculum_index_lag_blocks', 'How many blocks the index is behind.', lag),
    single('vinculum_leading', 'Whether this process relays and indexes.', leading ? 1 : 0),
    single(
      'vinculum_trouble',
      'Whether something keeps the pipeline from going on.',
      trouble || stopped ? 1 : 0,
    ),
    {
      name: 'vinculum_submissions',
      help: 'Submissions by state.',
      label: 'state',
      values: states.map(({ state, count }) => ({ value: Number(count), of: state })),
    },
    {
      name: 'vinculum_pipeline_total',
      help: 'What the pipeline has done since the start.',
      label: 'what',
      values: Object.entries(counters).map(([what, value]) => ({ value, of: what })),
    },
    {
      name: 'vinculum_pipeline_seconds',
      help: 'Time spent in each stage of the pipeline since the start.',
      label: 'stage',
      values: Object.entries(milliseconds).map(([stage, value]) => ({ value: value / 1000, of: stage })),
    },
  ];
}
