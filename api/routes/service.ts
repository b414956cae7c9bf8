import * as z from 'zod';
import { pagePolicy } from '../http/headers.ts';
import { type Answer, defineRoute, type Route } from '../http/route.ts';
import { openApiDocument } from '../openapi/document.ts';
import { documentationPage } from '../openapi/page.ts';
import type { Services } from '../services.ts';

const CHECK_MILLISECONDS = 3_000;

export const getHealth = defineRoute({
  method: 'get',
  path: '/healthz',
  name: 'getHealth',
  tag: 'Service',
  summary: 'Whether the process lives.',
  access: 'anyone',
  uncounted: true,
  responses: {
    200: {
      description: 'It does',
      mediaType: 'application/json',
      schema: z.strictObject({ status: z.literal('ok'), version: z.string() }),
    },
  },
  problems: [],
  handle: async (_input, { version }) => ({ status: 200, body: { status: 'ok', version } }),
});

const check = z.strictObject({
  ok: z.boolean(),
  code: z.string().optional().meta({ description: 'Why it is not' }),
});
const readiness = z.strictObject({
  ready: z.boolean(),
  store: check,
  chain: check,
  documents: check,
  index: check.extend({
    indexedBlock: z.int(),
    finalBlock: z.int(),
    head: z.int(),
    lag: z.int(),
    leading: z.boolean(),
  }),
});

/** An index further behind than this is not fit to answer from. */
const MAX_LAG_BLOCKS = 50;
/** A CID that nothing has: asking for it shows that the store answers. */
const NOTHING = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku';

type Check = z.infer<typeof check>;

async function checked(work: () => Promise<unknown>): Promise<Check> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(Object.assign(new Error('late'), { code: 'late' })),
    CHECK_MILLISECONDS,
  );
  try {
    await Promise.race([work(), late.promise]);
    return { ok: true };
  } catch (error) {
    const { code } = error as { code?: unknown };
    return { ok: false, code: typeof code === 'string' ? code : 'internal' };
  } finally {
    clearTimeout(timer);
  }
}

async function readinessOf(services: Services): Promise<z.infer<typeof readiness>> {
  const { store, rpc, documents, pipeline } = services;
  const [storeCheck, chain, documentsCheck] = await Promise.all([
    checked(() => store.query('SELECT 1 AS one')),
    checked(() => rpc.call('eth_blockNumber', [], { timeoutMilliseconds: CHECK_MILLISECONDS })),
    checked(() => documents.has(NOTHING)),
  ]);
  const { indexedBlock, finalBlock, head, lag, leading, stopped, trouble } = pipeline.progress();
  const problem = stopped ?? trouble;
  const code = problem?.code ?? (lag > MAX_LAG_BLOCKS || indexedBlock < 0 ? 'index.behind' : undefined);
  const index = {
    ok: code === undefined,
    ...(code === undefined ? {} : { code }),
    ...{ indexedBlock, finalBlock, head, lag, leading },
  };
  const ready = storeCheck.ok && chain.ok && documentsCheck.ok && index.ok;
  return { ready, store: storeCheck, chain, documents: documentsCheck, index };
}

export const getReadiness = defineRoute({
  method: 'get',
  path: '/readyz',
  name: 'getReadiness',
  tag: 'Service',
  summary: 'Whether store, chain, documents and index are fit to serve, each by itself.',
  access: 'anyone',
  uncounted: true,
  responses: {
    200: { description: 'All are', mediaType: 'application/json', schema: readiness },
    503: { description: 'Not all are', mediaType: 'application/json', schema: readiness },
  },
  problems: [],
  async handle(_input, services) {
    const body = await readinessOf(services);
    return { status: body.ready ? 200 : 503, headers: { 'Cache-Control': 'no-store' }, body };
  },
});

export const getMetrics = defineRoute({
  method: 'get',
  path: '/metrics',
  name: 'getMetrics',
  tag: 'Service',
  summary: 'Figures for a scraper (Prometheus text format).',
  access: 'anyone',
  uncounted: true,
  responses: { 200: { description: 'The figures', mediaType: 'text/plain' } },
  problems: [],
  handle: async (_input, { metrics }) => ({
    status: 200,
    text: await metrics.render(),
    mediaType: metrics.mediaType,
  }),
});

/** The description of all routes, itself among them. */
export function descriptionRoutes(all: () => readonly Route[]): Route[] {
  const documents = new Map<string, Readonly<Record<string, unknown>>>();
  const documentOf = ({ version, publicUrl }: Services): Readonly<Record<string, unknown>> => {
    const serverUrl = publicUrl();
    const made = documents.get(serverUrl) ?? openApiDocument(all(), { version, serverUrl });
    documents.set(serverUrl, made);
    return made;
  };
  return [
    defineRoute({
      method: 'get',
      path: '/openapi.json',
      name: 'getOpenApi',
      tag: 'Service',
      summary: 'This description (OpenAPI 3.1).',
      access: 'anyone',
      responses: {
        200: {
          description: 'The document',
          mediaType: 'application/json',
          schema: z.looseObject({ openapi: z.string() }),
        },
      },
      problems: [],
      handle: async (_input, services): Promise<Answer> => ({ status: 200, body: documentOf(services) }),
    }),
    defineRoute({
      method: 'get',
      path: '/docs',
      name: 'getDocs',
      tag: 'Service',
      summary: 'This description, for people.',
      access: 'anyone',
      responses: { 200: { description: 'A page', mediaType: 'text/html' } },
      problems: [],
      handle: async (_input, services): Promise<Answer> => ({
        status: 200,
        headers: { 'Content-Security-Policy': pagePolicy },
        text: documentationPage(documentOf(services), all()),
        mediaType: 'text/html; charset=utf-8',
      }),
    }),
  ];
}
