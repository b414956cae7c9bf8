import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Contract, JsonRpcProvider, Wallet } from 'ethers';
import * as z from 'zod';
import { personalHash } from '../../api/auth/signInMessage.ts';
import { readConfig, type SettingName } from '../../api/config.ts';
import type { EmbeddedChain, EmbeddedRole } from '../../api/embeddedChain.ts';
import { problem as problemSchema } from '../../api/http/fields.ts';
import type { Log } from '../../api/http/log.ts';
import type { Route } from '../../api/http/route.ts';
import { routes } from '../../api/routes/table.ts';
import { type Service, startService } from '../../api/server.ts';
import { type Hex, toBase64Url, toHex, utf8 } from '../../core/bytes.ts';
import { canonicalJson } from '../../core/canonical.ts';
import { packEntries } from '../../core/chain/entry.ts';
import { addressOfKey, signHash, signSubmission } from '../../core/chain/submission.ts';
import type { Address, LedgerAddress, OrganisationId, Subject } from '../../core/chain/types.ts';
import { digestOf } from '../../core/envelope/block.ts';
import { type ComposedEntry, type Content, composeEntry } from '../../core/envelope/envelope.ts';
import { type Identifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import { kindsOfRoles } from '../../core/kinds/kinds.ts';
import type { Role } from '../../core/kinds/roles.ts';
import { buildWeb } from '../../scripts/buildWeb.ts';
import { createSchema } from './store/stores.ts';

export type LogLine = {
  readonly level: string;
  readonly event: string;
  readonly facts: Record<string, unknown>;
};

export type Reply = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: the table's schema has checked it
  readonly body: any;
};

export type RequestOptions = {
  readonly body?: unknown;
  /** A body as it is, with its content type. */
  readonly raw?: { readonly content: BodyInit; readonly type: string };
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
};

/** An organisation with one key. */
export type Attester = {
  readonly id: OrganisationId;
  readonly key: Uint8Array;
  readonly signer: Address;
  readonly roles: readonly Role[];
};

/** A running service with what tests do to it. */
export class TestService {
  readonly service: Service;
  readonly logged: LogLine[];
  readonly #remove: () => Promise<void>;
  readonly #nonces = new Map<OrganisationId, bigint>();
  readonly #transactions = new Map<EmbeddedRole, number>();

  constructor(service: Service, remove: () => Promise<void>, logged: LogLine[]) {
    this.service = service;
    this.#remove = remove;
    this.logged = logged;
  }

  get url(): string {
    return this.service.url;
  }

  get ledger(): LedgerAddress {
    const { chainId, ledger } = this.service.services.deployment;
    return { chainId, address: ledger };
  }

  async stop(): Promise<void> {
    await this.service.stop();
    await this.#remove();
  }

  /** A request; every answer must be what the route's description promises. */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<Reply> {
    const { body, raw, token, headers = {} } = options;
    const content = raw?.content ?? (body === undefined ? undefined : JSON.stringify(body));
    const type = raw?.type ?? (body === undefined ? undefined : 'application/json');
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(type === undefined ? {} : { 'Content-Type': type }),
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(content === undefined ? {} : { body: content, duplex: 'half' }),
      redirect: 'manual',
    } as RequestInit);
    const text = await response.text();
    const media = response.headers.get('Content-Type') ?? '';
    const json = /^application\/(problem\+)?json/.test(media) && text !== '';
    const reply: Reply = {
      status: response.status,
      headers: response.headers,
      text,
      body: json ? JSON.parse(text) : undefined,
    };
    expectPromised(method, path, reply);
    return reply;
  }

  get(path: string, options: RequestOptions = {}): Promise<Reply> {
    return this.request('GET', path, options);
  }

  post(path: string, body: unknown, options: RequestOptions = {}): Promise<Reply> {
    return this.request('POST', path, { ...options, body });
  }

  /**
   * Admits an organisation of these roles with a fresh key and a profile, and waits until the index knows it. Its
   * controller is the registrar's account.
   */
  async admit(name: string, roles: readonly Role[], key = randomBytes(32)): Promise<Attester> {
    const names = { en: name, zh: `${name}（中）` };
    const profile = canonicalJson({ country: 'FR', names, roles: [...roles], vinculum: 1 });
    const signer = addressOfKey(key);
    const last: bigint = await this.#organisations('registrar').getFunction('last').staticCall();
    const id = (last + 1n) as OrganisationId;
    const controller = this.#chain().address('registrar');
    await this.#send('registrar', 'admit', [controller, kindsOfRoles(roles), digestOf(utf8(profile))]);
    await this.change('registrar', 'addKey', id, signer);
    const kept = await this.request('PUT', `/v1/organisations/${id}/profile`, {
      raw: { content: profile, type: 'application/json' },
    });
    expect(kept.status, kept.text).to.equal(200);
    return { id, key, signer, roles };
  }

  /** Somebody changes an organisation's standing, and the index learns of it. */
  async change(by: EmbeddedRole, method: string, ...values: unknown[]): Promise<void> {
    const block = await this.#send(by, method, values);
    await this.until(() => this.service.services.pipeline.progress().indexedBlock >= block);
  }

  #chain(): EmbeddedChain {
    if (this.service.chain === null) throw new TypeError('the tests run on the embedded chain');
    return this.service.chain;
  }

  #organisations(by: EmbeddedRole): Contract {
    const options = { staticNetwork: true, pollingInterval: 20, cacheTimeout: -1 };
    const provider = new JsonRpcProvider(this.service.rpcUrl, Number(this.ledger.chainId), options);
    const wallet = new Wallet(this.#chain().secretKey(by), provider);
    return new Contract(this.service.services.deployment.organisations, ORGANISATIONS, wallet);
  }

  async #send(by: EmbeddedRole, method: string, values: readonly unknown[]): Promise<number> {
    const organisations = this.#organisations(by);
    const { provider } = organisations.runner as Wallet;
    const nonce =
      this.#transactions.get(by) ?? (await provider?.getTransactionCount(this.#chain().address(by))) ?? 0;
    const sent = await organisations.getFunction(method)(...values, { nonce });
    this.#transactions.set(by, nonce + 1);
    this.#chain().devnet.nudge();
    const receipt = await sent.wait();
    provider?.destroy();
    return receipt.blockNumber;
  }

  async signIn(attester: Attester): Promise<string> {
    const challenge = await this.post('/v1/auth/challenge', {
      organisation: attester.id.toString(),
      signer: attester.signer,
    });
    const session = await this.post('/v1/auth/session', {
      message: challenge.body.message,
      signature: personalSign(challenge.body.message, attester.key),
    });
    expect(session.status).to.equal(201);
    return session.body.token;
  }

  subject(identifier: Identifier): Subject {
    return this.service.services.evaluator.subject(identifier);
  }

  /** An entry on an identifier, or on the attester's own chain. */
  compose(attester: Attester, on: string, content: Content): ComposedEntry {
    const identifier = on === 'own' ? undefined : parseIdentifier(on, { overrideCheckDigit: true });
    const target =
      identifier === undefined ? ('own' as const) : { identifier, subject: this.subject(identifier) };
    return composeEntry(this.ledger, attester.id, target, content);
  }

  /** A signed submission as it is handed in. */
  sign(
    attester: Attester,
    entries: readonly ComposedEntry[],
    options: { nonce?: bigint; deadline?: bigint } = {},
  ) {
    const nonce = options.nonce ?? this.#nonces.get(attester.id) ?? 0n;
    if (options.nonce === undefined) this.#nonces.set(attester.id, nonce + 1n);
    const signed = signSubmission(
      this.ledger,
      {
        organisation: attester.id,
        entries: packEntries(entries.map(({ entry }) => entry)),
        nonce,
        deadline: options.deadline ?? BigInt(Math.floor(Date.now() / 1000) + 3_600),
      },
      attester.key,
    );
    return {
      submission: {
        organisation: signed.organisation.toString(),
        signer: signed.signer,
        nonce: signed.nonce.toString(),
        deadline: signed.deadline.toString(),
        entries: toBase64Url(signed.entries),
        signature: toBase64Url(signed.signature),
      },
      contents: entries.map(({ block, key, disclosures }) => ({
        block: toBase64Url(block),
        key: toBase64Url(key),
        disclosures,
      })),
    };
  }

  /** Hands in entries and waits until the index has them. */
  async record(
    attester: Attester,
    entries: readonly ComposedEntry[],
    options: { nonce?: bigint } = {},
  ): Promise<Hex> {
    const accepted = await this.post('/v1/submissions', this.sign(attester, entries, options));
    expect(accepted.status, accepted.text).to.equal(202);
    await this.until(async () => {
      const { body } = await this.get(`/v1/submissions/${accepted.body.hash}`);
      return body.state === 'anchored' || body.state === 'final';
    });
    return accepted.body.hash;
  }

  async until(condition: () => boolean | Promise<boolean>, milliseconds = 20_000): Promise<void> {
    const end = Date.now() + milliseconds;
    while (!(await condition())) {
      if (Date.now() > end) throw new Error('it did not come about in time');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

const ORGANISATIONS = [
  'function admit(address controller, uint256 kinds, bytes32 profile) returns (uint64)',
  'function addKey(uint64 organisation, address signer)',
  'function revokeKey(uint64 organisation, address signer)',
  'function suspend(uint64 organisation)',
  'function reinstate(uint64 organisation)',
  'function setKinds(uint64 organisation, uint256 kinds)',
  'function last() view returns (uint64)',
];

/** Answers are validated against the description of their route: what the document promises is what is served. */
function expectPromised(method: string, path: string, reply: Reply): void {
  if (reply.status >= 400 && reply.headers.get('Content-Type')?.startsWith('application/problem+json')) {
    const parsed = problemSchema.safeParse(reply.body);
    expect(parsed.success, `a problem: ${reply.text}`).to.equal(true);
    expect(reply.body.status).to.equal(reply.status);
    expect(reply.body.requestId).to.equal(reply.headers.get('X-Request-Id'));
    return;
  }
  const route = routeOf(method, path);
  if (route === undefined || reply.status === 304) return;
  const promised = route.responses[reply.status];
  expect(promised, `${route.name} promises no ${reply.status}: ${reply.text.slice(0, 300)}`).not.to.equal(
    undefined,
  );
  const schema = promised?.schema;
  if (schema === undefined || reply.body === undefined) return;
  const parsed = z.safeParse(schema, reply.body);
  expect(
    parsed.success,
    `${route.name}: ${parsed.error === undefined ? '' : z.prettifyError(parsed.error)}`,
  ).to.equal(true);
}

function routeOf(method: string, path: string): Route | undefined {
  const [bare = ''] = path.split('?');
  return routes.find(
    (route) =>
      route.method === method.toLowerCase() &&
      new RegExp(`^${route.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(bare),
  );
}

export function personalSign(message: string, key: Uint8Array): Hex {
  return toHex(signHash(personalHash(message), key));
}

/**
 * Starts a service in a folder of its own, on the embedded parts; its store is in a schema of `TEST_DATABASE_URL` where
 * that is set.
 */
export async function startTestService(
  environment: Partial<Record<SettingName, string>> = {},
): Promise<TestService> {
  const folder = await mkdtemp(join(tmpdir(), 'vinculum-api-'));
  const schema = process.env.TEST_DATABASE_URL === undefined ? undefined : await createSchema();
  const remove = async (): Promise<void> => {
    await rm(folder, { recursive: true, force: true });
    await schema?.drop();
  };
  const logged: LogLine[] = [];
  const log: Log = (level, event, facts = {}) => logged.push({ level, event, facts });
  const config = readConfig({
    VINCULUM_DATA: folder,
    PORT: '0',
    REQUESTS_PER_MINUTE: '1000000',
    LOOKUPS_PER_HOUR: '1000000',
    ANONYMOUS_LOOKUPS_PER_HOUR: '1000000',
    ...(schema === undefined ? {} : { DATABASE_URL: schema.url }),
    ...environment,
  });
  // The page is served from its build; of the present sources it takes no time.
  await buildWeb();
  try {
    return new TestService(await startService(config, { log }), remove, logged);
  } catch (error) {
    await remove();
    throw error;
  }
}

let shared: Promise<TestService> | undefined;

/** One service for all files of a run: a start costs seconds. It ends with the run. */
export function sharedService(): Promise<TestService> {
  shared ??= startTestService();
  return shared;
}

after('the shared service', async () => {
  await (await shared)?.stop();
});
