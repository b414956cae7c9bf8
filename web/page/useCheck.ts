import { useCallback, useEffect, useMemo, useRef } from 'react';
import type { Hex } from '../../core/bytes.ts';
import type { Address } from '../../core/chain/types.ts';
import type { Settings } from '../model/settings.ts';
import { decideTrust, type Named, type TrustState } from '../model/trust.ts';
import type { Reader } from './useReader.ts';
import type { ServiceState } from './useServiceInfo.ts';

type Given = {
  readonly service: ServiceState;
  readonly api: string;
  readonly settings: Settings;
  readonly onChange: (change: Partial<Settings>) => void;
};

export type Checking = {
  /** Whom this reader believes about the list of ledgers; null until a report is there. */
  readonly trust: TrustState | null;
  readonly runCheck: (trustedHashes: Readonly<Record<string, Hex>> | null) => void;
};

/** Verifies whatever report a reader has open, by the reader's own settings, and again when they change. */
export function useCheck(reader: Reader, { service, api, settings, onChange }: Given): Checking {
  const { state, check } = reader;
  const report = state.at === 'report' ? state : null;
  const info = service.state === 'known' ? service.info : null;
  const named: Named | null = useMemo(() => {
    if (report === null) return null;
    if (report.source.kind === 'file') {
      const { chainId, address } = report.view.directory;
      return { chainId, directory: address as Address, from: 'file' };
    }
    if (service.state === 'asking') return null;
    const { directory } = report.view;
    return info === null
      ? { chainId: directory.chainId, directory: directory.address as Address, from: 'file' }
      : { chainId: info.chainId, directory: info.directory, from: new URL(api).host };
  }, [report, service.state, info, api]);
  // A first use stays one for as long as its report is shown, though the directory is kept from then on.
  const firstUse = useRef<TrustState | null>(null);
  const trust = useMemo((): TrustState | null => {
    if (named === null) return null;
    const decided = decideTrust(settings.pin, named, Math.floor(Date.now() / 1000));
    const before = firstUse.current;
    if (decided.state === 'pinned' && before !== null && before.pin?.since === decided.pin?.since)
      return before;
    firstUse.current = decided.state === 'firstUse' ? decided : null;
    return decided;
  }, [named, settings.pin]);

  useEffect(() => {
    if (trust?.state === 'firstUse' && settings.pin === null) onChange({ pin: trust.pin });
  }, [trust, settings.pin, onChange]);

  const runCheck = useCallback(
    (trustedHashes: Readonly<Record<string, Hex>> | null) => {
      if (trust === null) return;
      const own = settings.endpoints.length > 0;
      const endpoints = own ? settings.endpoints : info?.rpc === null || info === null ? [] : [info.rpc];
      check({
        trust: trust.trust,
        endpoints,
        operatorOnly: !own,
        trustedHashes,
        freshSince: Math.floor(Date.now() / 1000) - settings.maxAgeHours * 3600,
      });
    },
    [trust, settings.endpoints, settings.maxAgeHours, info, check],
  );
  const settled = service.state === 'known' && trust !== null;
  const basis = JSON.stringify([trust?.trust, settings.endpoints, settings.maxAgeHours, info?.rpc]);
  const checkedFor = useRef<unknown>(null);
  useEffect(() => {
    if (report === null || !settled) return;
    const key = `${report.view.createdAt} ${basis}`;
    if (report.check.state !== 'idle' && checkedFor.current === key) return;
    checkedFor.current = key;
    runCheck(null);
  }, [report, settled, basis, runCheck]);
  return { trust, runCheck };
}
