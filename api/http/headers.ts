import { randomUUID } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';

const requestIdForm = /^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$/;

/** Gives the request its id: the caller's own if it is well formed, else a new one. */
export const requestId: RequestHandler = (request, response, next) => {
  const given = request.get('X-Request-Id');
  const id = given !== undefined && requestIdForm.test(given) ? given : randomUUID();
  response.locals.requestId = id;
  response.set('X-Request-Id', id);
  next();
};

export function requestIdOf(response: Response): string {
  return String(response.locals.requestId ?? '');
}

/** What a page of ours may do: nothing but its own files and this API. */
export const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** On every answer. What is not a page of ours can't run as one, whatever somebody uploaded. */
export function securityHeaders(secure: boolean): RequestHandler {
  return (_request, response, next) => {
    response.set({
      'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Resource-Policy': 'cross-origin',
      'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
    });
    if (secure) response.set('Strict-Transport-Security', 'max-age=31536000');
    next();
  };
}

const exposed = [
  'ETag',
  'Link',
  'Location',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'X-Request-Id',
].join(', ');

/**
 * Any page anywhere may read: a reader must not have to use the operator's own page. Nothing here is decided by
 * cookies, so another site gains nothing by its visitors' browsers.
 */
export const crossOrigin: RequestHandler = (request, response, next) => {
  response.set({ 'Access-Control-Allow-Origin': '*', 'Access-Control-Expose-Headers': exposed });
  if (!isPreflight(request)) return next();
  response
    .set({
      'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT, DELETE',
      'Access-Control-Allow-Headers': 'Authorization, Content-Type, X-Request-Id',
      'Access-Control-Max-Age': '7200',
    })
    .status(204)
    .end();
};

function isPreflight(request: Request): boolean {
  return request.method === 'OPTIONS' && request.get('Access-Control-Request-Method') !== undefined;
}
