import { useEffect, useState } from 'react';
import { readServiceInfo, type ServiceInfo } from '../model/trust.ts';

const INFO_MILLISECONDS = 15_000;

export type ServiceState =
  | { readonly state: 'asking' }
  | { readonly state: 'known'; readonly info: ServiceInfo | null };

/** What the service says of its ledger; asked once for each service. */
export function useServiceInfo(api: string): ServiceState {
  const [known, setKnown] = useState<{ api: string; info: ServiceInfo | null } | null>(null);
  useEffect(() => {
    let over = false;
    const ask = async (): Promise<ServiceInfo | null> => {
      const response = await fetch(`${api}/v1/directory`, {
        credentials: 'omit',
        referrerPolicy: 'no-referrer',
        signal: AbortSignal.timeout(INFO_MILLISECONDS),
      });
      return response.ok ? readServiceInfo(await response.json()) : null;
    };
    ask().then(
      (info) => over || setKnown({ api, info }),
      () => over || setKnown({ api, info: null }),
    );
    return () => {
      over = true;
    };
  }, [api]);
  return known?.api === api ? { state: 'known', info: known.info } : { state: 'asking' };
}
