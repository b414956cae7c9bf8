import { VinculumError } from '../../core/errors.ts';
import type { Failure } from './messages.ts';

/** An answer of the service that is none of what was asked for: by its own code, if it is of ours at all. */
export function problemOf(response: Response, text: string): VinculumError {
  const type = response.headers.get('Content-Type') ?? '';
  const wait = Number(response.headers.get('Retry-After') ?? Number.NaN);
  const details: Record<string, unknown> = { status: response.status };
  if (Number.isFinite(wait)) details.seconds = wait;
  if (!type.startsWith('application/problem+json')) {
    return new VinculumError('service.notOurs', 'This is no such service.', { details });
  }
  let problem: { code?: unknown; detail?: unknown; requestId?: unknown } = {};
  try {
    problem = JSON.parse(text);
  } catch {
    // A cut answer: its status has to do.
  }
  const { code, detail, requestId } = problem;
  if (typeof requestId === 'string') details.requestId = requestId.slice(0, 64);
  return new VinculumError(
    typeof code === 'string' ? code.slice(0, 64) : 'service.notOurs',
    typeof detail === 'string' ? detail.slice(0, 500) : '',
    { details },
  );
}

/** An error as the page puts it into words. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof VinculumError)) {
    return {
      code: 'page.failed',
      details: {},
      message: error instanceof Error ? error.message.slice(0, 300) : '',
    };
  }
  const { requestId, ...details } = error.details;
  return {
    code: error.code,
    details,
    message: error.message,
    ...(typeof requestId === 'string' ? { requestId } : {}),
  };
}
