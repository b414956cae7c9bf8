import { useCallback, useEffect, useMemo, useRef } from 'react';
import { fromBase64Url, fromHex } from '../../core/bytes.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import type { Address, LedgerAddress, OrganisationId, Subject } from '../../core/chain/types.ts';
import { VinculumError } from '../../core/errors.ts';
import { formatIdentifier, type Identifier } from '../../core/identifiers/identifier.ts';
import type { ModuleAddress } from '../../core/modules/action.ts';
import { NO_TITLE, type Title } from '../../core/modules/title.ts';
import { verifyTranscript } from '../../core/pseudonym/pseudonym.ts';
import { type Judgement, judge } from '../model/judgement.ts';
import { reportAddress } from '../model/location.ts';
import type { Settings } from '../model/settings.ts';
import type { TrustState } from '../model/trust.ts';
import { readableIdentifier } from '../model/vinFeedback.ts';
import { useNow } from '../page/parts.tsx';
import { useCheck } from '../page/useCheck.ts';
import { type Reader, type ReaderState, useReader } from '../page/useReader.ts';
import type { Place } from './compose.ts';
import type { DeskProps } from './Desk.tsx';
import { listOf, malformed, type Service, textOf } from './service.ts';
import type { Signed } from './session.ts';

export type Vehicle = {
  readonly reader: Reader;
  /** While the report is fetched anew: the one before. */
  readonly state: ReaderState;
  readonly refreshing: boolean;
  readonly trust: TrustState | null;
  readonly judgement: Judgement | null;
  /** Where an action on the title would go; null until this browser has proven what the title is. */
  readonly place: Place | null;
  /** Why nobody may act on it here, though the check has come to its end. */
  readonly barred: 'refuted' | 'unproven' | 'unknown' | 'otherModule' | null;
  readonly runCheck: ReturnType<typeof useCheck>['runCheck'];
  reload(): void;
};

type Given = Pick<DeskProps, 'api' | 'service' | 'settings' | 'onChange'> & Signed;

/** A vehicle's report, verified here, and the title that it proves. */
export function useVehicle(written: string, given: Given): Vehicle {
  const { api, settings, info, session } = given;
  const reader = useReader();
  const { state, open, fail } = reader;
  const { trust, runCheck } = useCheck(reader, given);
  const now = useNow();
  const identifier = useMemo(() => readableIdentifier(written), [written]);
  const reload = useCallback(() => {
    const name = identifier === null ? written : formatIdentifier(identifier);
    const source = { kind: 'service' as const, identifier: name, url: reportAddress(api, name) };
    if (identifier === null) fail(source, { code: 'identifier.unreadable', details: {} });
    else open(source);
  }, [identifier, written, api, open, fail]);
  useEffect(reload, [reload]);

  const check = state.at === 'report' ? state.check : null;
  const judgement = useMemo(
    () =>
      check?.state === 'done' && trust !== null ? judgementOf(check.result, trust, settings, now) : null,
    [check, trust, settings, now],
  );
  const found = useMemo(() => {
    if (check?.state !== 'done' || identifier === null) return null;
    const { ledger, titles } = info;
    if (ledger === null || titles === null) return null;
    const chainId = BigInt(info.chainId);
    return placeOf(check.result.verification, {
      ledger: { chainId, address: ledger },
      titles: { chainId, address: titles },
      identifier,
      actor: session.signer.account,
      organisation: (session.organisation ?? 0n) as OrganisationId,
    });
  }, [check, identifier, info, session]);
  const last = useRef<ReaderState | null>(null);
  if (state.at === 'report') last.current = state;
  const refreshing = state.at === 'loading' && last.current !== null;
  return {
    reader,
    state: refreshing && last.current !== null ? last.current : state,
    refreshing,
    trust,
    judgement,
    place: found !== null && typeof found === 'object' ? found : null,
    barred: typeof found === 'string' ? found : null,
    runCheck,
    reload,
  };
}

type Checked = Extract<Extract<ReaderState, { at: 'report' }>['check'], { state: 'done' }>['result'];

function judgementOf(result: Checked, trust: TrustState, settings: Settings, now: number): Judgement {
  return judge(result.verification, {
    troubles: result.troubles,
    fromReport: trust.state === 'fromReport',
    directoryChanged: trust.state === 'changed',
    pages: null,
    now,
    maxAgeSeconds: settings.maxAgeHours * 3600,
  });
}

type Here = {
  readonly ledger: LedgerAddress;
  readonly titles: ModuleAddress;
  readonly identifier: Identifier;
  readonly actor: Address;
  readonly organisation: OrganisationId;
};

/**
 * What an action would change. Nobody acts on a service's word: subject, ledgers and completeness are proven, and every
 * action of the title is known and legal. What somebody withholds of the entries' contents bars nothing.
 */
export function placeOf(
  verification: Checked['verification'],
  here: Here,
): Place | Exclude<Vehicle['barred'], null> {
  if (verification.verdict === 'refuted') return 'refuted';
  const proven = (['subject', 'ledgers', 'completeness'] as const).every(
    (name) => verification.steps.find(({ step }) => step === name)?.outcome === 'passed',
  );
  if (!proven) return 'unproven';
  const ledger = formatLedgerId(here.ledger);
  const subject = verification.subjects.find((one) => one.ledger === ledger)?.subject;
  if (subject === undefined) return 'unproven';
  const verified = verification.titles.find((one) => one.ledger === ledger);
  if (verified !== undefined && !verified.whole) return 'unknown';
  // The ledger takes titles from one module only; the service may have named another.
  if (verified !== undefined && verified.module !== here.titles.address) return 'otherModule';
  const title: Title = verified?.title ?? NO_TITLE;
  return { ...here, subject, title };
}

/**
 * The subject of another identifier, with its proof checked here: under the key that gives the proven subject of the
 * present one, for no other key can.
 * @throws `subject.otherKey`, `pseudonym.invalidTranscript`, the service's own codes
 */
export async function resolve(
  service: Service,
  identifier: Identifier,
  proven: Pick<Place, 'identifier' | 'subject'>,
): Promise<{ identifier: string; subject: Subject }> {
  const wanted = [proven.identifier, identifier];
  const answer = await service.post('/v1/subjects', { identifiers: wanted.map(formatIdentifier) });
  const key = fromHex(textOf(answer, 'pseudonymKey'), 32);
  const results = listOf(answer, 'results');
  const [known, found] = wanted.map((one, index) => {
    const { evaluated, proof } = (results[index]?.transcript ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof evaluated !== 'string' || typeof proof !== 'string') throw malformed();
    return verifyTranscript(one, { evaluated: fromBase64Url(evaluated), proof: fromBase64Url(proof) }, key);
  });
  if (known !== proven.subject || found === undefined) {
    throw new VinculumError('subject.otherKey', 'The proof is under another key than the ledger’s.');
  }
  return { identifier: formatIdentifier(identifier), subject: found };
}
