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
  return limiter('requests', countedOf, ({ account }) =>
    account ? rates.accountRequestsPerMinute : rates.requestsPerMinute,
  );
}

/** Counts blocks from the gateway: they tell nothing to who has no key, and an audit needs them all. */
export function blockRates(rates: Config['rates'], countedOf: (request: Request) => Counted): RequestHandler {
  return limiter('blocks', countedOf, () => rates.blocksPerMinute);
}

function limiter(
  policy: string,
  countedOf: (request: Request) => Counted,
  limitOf: (counted: Counted) => number,
): RequestHandler {
  return rateLimit({
    windowMs: 60_000,
    identifier: policy,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    keyGenerator: (request) => countedOf(request).key,
    limit: (request) => limitOf(countedOf(request)),
    handler: (_request, response, next) => {
      const seconds = Number(response.getHeader('Retry-After') ?? 60);
      next(
        new Problem('rateLimit.exceeded', `Wait ${seconds} seconds, or sign in.`, {
          extensions: { policy },
        }),
      );
    },
    validate: { trustProxy: false, xForwardedForHeader: false, keyGeneratorIpFallback: false },
  });
}
