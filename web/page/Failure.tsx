import type { Failure } from '../worker/messages.ts';
import { useTongue } from './context.ts';
import { Sign } from './parts.tsx';

type Props = {
  readonly failure: Failure;
  readonly offline: boolean;
  readonly onRetry: (() => void) | null;
  readonly onHome: () => void;
};

/** What went wrong and what to do, with the stable code for whoever has to find the cause. */
export function FailureView({ failure, offline, onRetry, onHome }: Props) {
  const { texts, format } = useTongue();
  const words = texts.failure;
  const { code, details, message = '', requestId } = failure;
  const network = offline && (code === 'service.unreachable' || code === 'service.timeout');
  const seconds =
    typeof details.seconds === 'number' && code === 'rateLimit.exceeded' ? details.seconds : null;
  const path = typeof details.path === 'string' && details.path !== '' ? details.path : null;
  return (
    <div className="panel failure" role="alert" data-code={code}>
      <Sign of={network ? 'caution' : 'bad'} />
      <div>
        <h1>{network ? words.offlineTitle : words.title}</h1>
        <p>{network ? words.offline : (words.texts[code] ?? words.other)}</p>
        {seconds === null ? null : <p>{words.wait(format.duration(seconds))}</p>}
        {path === null ? null : <p className="muted breakable">{words.where(path)}</p>}
        {words.texts[code] === undefined || code === 'page.failed' ? (
          <p className="muted breakable">{message}</p>
        ) : null}
        <p className="muted small">
          {words.code(code)}
          {requestId === undefined ? '' : ` · ${words.request(requestId)}`}
        </p>
        <p className="actions">
          {onRetry === null ? null : (
            <button type="button" className="primary" onClick={onRetry}>
              {words.retry}
            </button>
          )}
          <button type="button" className="secondary" onClick={onHome}>
            {words.home}
          </button>
        </p>
      </div>
    </div>
  );
}
