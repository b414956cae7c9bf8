import type { Request, RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import type { Config } from '../config.ts';
import { Problem } from '../problem.ts';

/** Who a request is counted for, and whether that is an account. */
export type Counted = { readonly key: string; readonly account: boolean };

/** Counts requests by caller: so many a minute, more with an account (RateLimit headers, draft 8). */
export function requestRates(
  rates: Config['rates'],
  countedOf: (request: Request) => Counted,
): RequestHandler {
  return rateLimit({
    windowMs: 60_000,
    identifier: 'requests',
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    keyGenerator: (request) => countedOf(request).key,
    limit: (request) =>
      countedOf(request).account ? rates.accountRequestsPerMinute : rates.requestsPerMinute,
    handler: (_request, response, next) => {
      const seconds = Number(response.getHeader('Retry-After') ?? 60);
      next(
        new Problem('rateLimit.exceeded', `Wait ${seconds} seconds, or sign in.`, {
          extensions: { policy: 'requests' },
        }),
      );
    },
    validate: { trustProxy: false, xForwardedForHeader: false, keyGeneratorIpFallback: false },
  });
}
