import { useState } from 'react';
import { formatDirectory, type TrustState } from '../model/trust.ts';
import type { Texts } from '../texts/texts.ts';
import { useTongue } from './context.ts';
import { Sign } from './parts.tsx';

type Props = {
  readonly trust: TrustState;
  readonly onRely: (
    trust: { chainId: string; directory: TrustState['named']['directory'] },
    from: string,
  ) => void;
};

function nameOf(from: string, texts: Texts): string {
  if (from === 'file') return texts.trust.file;
  return from === 'you' ? texts.trust.you : from;
}

/** What this device relies on, and a loud word when somebody names another. */
export function TrustNotice({ trust, onRely }: Props) {
  const { texts, format } = useTongue();
  const { named, pin, state } = trust;
  const directory = formatDirectory(named);
  const [kept, setKept] = useState(false);
  switch (state) {
    case 'pinned':
    case 'firstUse':
      return null;
    case 'fromReport':
      return (
        <div className="notice is-caution" data-trust="fromReport">
          <p className="breakable">{texts.trust.fromReport(directory)}</p>
          <p className="actions">
            <button type="button" className="secondary" onClick={() => onRely(named, 'file')}>
              {texts.trust.confirm}
            </button>
          </p>
        </div>
      );
    case 'changed':
      return (
        <div className="notice is-bad" role="alert" data-trust="changed">
          <Sign of="bad" />
          <div>
            <p className="strong">{texts.trust.changedTitle}</p>
            <p className="breakable">
              {texts.trust.changed(
                directory,
                nameOf(named.from, texts),
                pin === null ? '' : formatDirectory(pin),
                pin === null ? '' : format.moment(pin.since),
              )}
            </p>
            {kept ? null : (
              <p className="actions">
                <button type="button" className="primary" onClick={() => setKept(true)}>
                  {texts.trust.keep}
                </button>
                <button type="button" className="quiet" onClick={() => onRely(named, named.from)}>
                  {texts.trust.replace}
                </button>
              </p>
            )}
          </div>
        </div>
      );
  }
}
