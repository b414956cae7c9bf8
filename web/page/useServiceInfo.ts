import { useEffect, useState } from 'react';
import { readServiceInfo, type ServiceInfo } from '../model/trust.ts';

const INFO_MILLISECONDS = 15_000;
const AGAIN_MILLISECONDS = 3_000;

export type ServiceState =
  | { readonly state: 'asking' }
  | { readonly state: 'known'; readonly info: ServiceInfo | null };

/** What the service says of its ledger; asked once for each service, and again for as long as it can't be reached. */
export function useServiceInfo(api: string): ServiceState {
  const [known, setKnown] = useState<{ api: string; info: ServiceInfo | null } | null>(null);
  useEffect(() => {
    let over = false;
    let timer = 0;
    let wait = AGAIN_MILLISECONDS;
    const fetchInfo = async (): Promise<ServiceInfo | null> => {
      const response = await fetch(`${api}/v1/directory`, {
        credentials: 'omit',
        referrerPolicy: 'no-referrer',
        signal: AbortSignal.timeout(INFO_MILLISECONDS),
      });
      if (response.status === 429 || response.status >= 500) throw response;
      return response.ok ? readServiceInfo(await response.json()) : null;
    };
    const ask = (): void => {
      clearTimeout(timer);
      fetchInfo().then(
        (info) => over || setKnown({ api, info }),
        () => {
          if (over) return;
          setKnown((before) => (before?.api === api ? before : { api, info: null }));
          timer = setTimeout(ask, wait);
          wait *= 2;
        },
      );
    };
    ask();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [api]);
  return known?.api === api ? { state: 'known', info: known.info } : { state: 'asking' };
}
