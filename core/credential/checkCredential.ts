import { parseLedgerId } from '../chain/ledgerId.ts';
import type { Address, LedgerId, OrganisationId, Subject } from '../chain/types.ts';
import type { ChainView } from '../verify/chainView.ts';
import type { AsOf, Check, Outcome } from '../verify/result.ts';
import { worse } from '../verify/result.ts';
import type { Trust, Views } from '../verify/verify.ts';
import type { CredentialFacts } from './facts.ts';

export type CredentialCheck = {
  /**
   * `passed`: every head is on chain as the credential says. `failed`: one is not, because the history went on since,
   * or because the credential was never true; only a report tells which. `incomplete`: a chain was not read.
   */
  readonly outcome: Outcome;
  readonly checks: readonly Check[];
  /** The blocks at which the chains were read now. */
  readonly asOf: readonly Omit<AsOf, 'final'>[];
};

/**
 * Compares a credential's heads with the chain's, as the reader sees it. The findings follow from the heads, but are
 * not recomputed here: they stay the issuer's word.
 * @throws only what a view throws when the reader's own sources fail
 */
export async function checkCredential(
  facts: CredentialFacts,
  trust: Trust,
  views: Views,
): Promise<CredentialCheck> {
  const checks: Check[] = [];
  const seen = new Map<bigint, ChainView>();
  const viewOf = async (chainId: bigint): Promise<ChainView | null> => {
    const view = seen.get(chainId) ?? (await views(chainId));
    if (view !== null) seen.set(chainId, view);
    return view;
  };
  const compare = (code: string, at: Check['at'], expected: string, found: string): void => {
    checks.push(
      expected === found
        ? { outcome: 'passed', code: 'credential.headHolds', at }
        : { outcome: 'failed', code, at, expected, found },
    );
  };
  const unread = (at: Check['at']): void => {
    checks.push({ outcome: 'incomplete', code: 'credential.unread', at });
  };

  const { directory } = facts;
  const at = { directory: `${directory.chainId}:${directory.address}` };
  const trusted = `${trust.chainId}:${trust.directory}`;
  if (at.directory !== trusted) {
    checks.push({
      outcome: 'failed',
      code: 'credential.directory',
      at,
      expected: trusted,
      found: at.directory,
    });
  }
  const home = await viewOf(trust.chainId);
  if (home === null) unread(at);
  else {
    const head = await home.directoryHead(trust.directory);
    compare('credential.directoryMoved', at, head, directory.head);
  }
  for (const { ledger, subject, head } of [...facts.ledgers, ...facts.others]) {
    const { chainId, address } = parseLedgerId(ledger as LedgerId);
    const place = { ledger, subject };
    const view = await viewOf(chainId);
    if (view === null) unread(place);
    else
      compare('credential.headMoved', place, await view.head(address as Address, subject as Subject), head);
  }
  for (const { ledger, organisation, head } of facts.ownChains) {
    const { chainId, address } = parseLedgerId(ledger as LedgerId);
    const place = { ledger, organisation };
    const view = await viewOf(chainId);
    if (view === null) unread(place);
    else {
      const found = await view.ownHead(address as Address, BigInt(organisation) as OrganisationId);
      compare('credential.headMoved', place, found, head);
    }
  }
  return {
    outcome: checks.reduce<Outcome>((outcome, check) => worse(outcome, check.outcome), 'passed'),
    checks,
    asOf: [...seen.values()].map(({ chainId, block, endpoints }) => ({ chainId, block, endpoints })),
  };
}
