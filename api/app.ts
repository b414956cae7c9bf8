import express, { type Express, type RequestHandler } from 'express';
import { gatewayRouter } from './documents/gateway.ts';
import { crossOrigin, requestId, requestIdOf, securityHeaders } from './http/headers.ts';
import { failureHandler, methodNotAllowed, mountRoutes, unknownRoute } from './http/mount.ts';
import { blockRates, requestRates } from './http/requestRates.ts';
import { mountPage } from './page/page.ts';
import { routes } from './routes/table.ts';
import type { Services } from './services.ts';

/** The HTTP interface over services that are running already. */
export async function createApp(services: Services): Promise<Express> {
  const { config, auth, store, documents } = services;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag'); // given where an answer can be cached
  app.set('trust proxy', config.trustProxy);
  app.set('query parser', 'simple');
  app.set('case sensitive routing', true);

  app.use(
    requestId,
    accessLog(services),
    securityHeaders(config.publicUrl?.startsWith('https:') === true),
    crossOrigin,
  );
  const uncounted = new Set(routes.flatMap(({ uncounted: is, path }) => (is === true ? [path] : [])));
  const countedAs: typeof auth.countedAs = (request) => auth.countedAs(request);
  const requests = requestRates(config.rates, countedAs);
  const blocks = blockRates(config.rates, countedAs);
  app.use((request, response, next) => {
    if (uncounted.has(request.path)) next();
    else if (request.path.startsWith('/ipfs/')) blocks(request, response, next);
    else requests(request, response, next);
  });

  mountRoutes(app, routes, services);
  app.use('/ipfs', (_request, response, next) => {
    response.locals.route = '/ipfs/{cid}';
    next();
  });
  app.use(gatewayRouter({ store, documents }));
  app.route('/ipfs/:cid').all(methodNotAllowed(['GET', 'HEAD']));
  await mountPage(app);
  app.use(unknownRoute());
  app.use(failureHandler(services));
  return app;
}

/**
 * A line a request, by its route's template: never the address itself, which can hold an identifier, and never a
 * header.
 */
function accessLog({ config, log, metrics }: Services): RequestHandler {
  return (request, response, next) => {
    const start = process.hrtime.bigint();
    response.once('close', () => {
      const milliseconds = Number(process.hrtime.bigint() - start) / 1e6;
      const route = String(response.locals.route ?? 'none');
      metrics.request(request.method, route, response.statusCode, milliseconds / 1000);
      if (!config.accessLog) return;
      log('info', 'request', {
        requestId: requestIdOf(response),
        method: request.method,
        route,
        status: response.statusCode,
        code: response.locals.code,
        milliseconds: Math.round(milliseconds * 10) / 10,
        bytes: Number(response.getHeader('Content-Length') ?? 0),
        cutOff: response.writableFinished ? undefined : true,
      });
    });
    next();
  };
}
