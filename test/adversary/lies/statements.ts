import { ed25519 } from '@noble/curves/ed25519.js';
import { foldLinks } from '../../../core/chain/link.ts';
import { checkCredential } from '../../../core/credential/checkCredential.ts';
import {
  issueCredential,
  parseCredential,
  verifyCredential,
  writeCredential,
} from '../../../core/credential/credential.ts';
import { didOfKey } from '../../../core/credential/didKey.ts';
import { type CredentialFacts, factsOf } from '../../../core/credential/facts.ts';
import { secureRandom } from '../../../core/envelope/block.ts';
import { isVinculumError } from '../../../core/errors.ts';
import { linkOf } from '../../../core/report/report.ts';
import { rpcView } from '../../../core/verify/chainView.ts';
import { verify } from '../../../core/verify/verify.ts';
import type { Fate, OtherLie } from '../lie.ts';
import { meaning, read } from '../reader.ts';
import { CAR, type System } from '../system.ts';
import { withoutAccident } from './endpoints.ts';

const NOW = 1_800_000_000;

const viewsOf = (system: System) => (chainId: bigint) =>
  rpcView([(method, params) => system.chain.call(method, [...params])], chainId);

/** A credential over the car's report, its facts as the issuer chooses to state them. */
async function credentialOf(system: System, state: (facts: CredentialFacts) => void = () => undefined) {
  const secretKey = secureRandom(32);
  const issuer = didOfKey(ed25519.getPublicKey(secretKey));
  const report = await system.honest(CAR);
  const facts = factsOf(JSON.stringify(report), report, await verify(report, system.trust, viewsOf(system)));
  state(facts);
  const validity = { validFrom: NOW, validUntil: NOW + 86_400, created: NOW };
  return { issuer, text: writeCredential(issueCredential(facts, secretKey, validity)) };
}

function refusal(work: () => unknown): { fate: Fate; caughtBy: string } {
  try {
    work();
  } catch (error) {
    if (!isVinculumError(error)) throw error;
    return { fate: 'refused', caughtBy: error.code };
  }
  return { fate: 'uncaught', caughtBy: 'nothing' };
}

/** What is said beside the report: the service’s own reading of it, and credentials over it. */
export const statementLies: readonly OtherLie[] = [
  {
    lie: 'lies in the findings, counts and verdict of its overview',
    by: 'operator',
    caughtBy: 'findings are recomputed from what is proven',
    fate: 'unchanged',
    run: async (s) => {
      const before = await read(s, 'rpc', CAR);
      s.operator.lie = {
        json: (path, body) =>
          path.endsWith('/report')
            ? body
            : { ...(body as object), findings: [], summary: null, verdict: 'clean' },
      };
      const overview = (await (await fetch(`${s.operator.url}/v1/vehicles/${CAR}`)).json()) as {
        findings: [];
      };
      const after = await read(s, 'rpc', CAR);
      const findings = after.result?.findings.map(({ code }) => code) ?? [];
      const told = overview.findings.length === 0 && findings.includes('damage.accident');
      const same = before.result && after.result && meaning(before.result) === meaning(after.result);
      return {
        fate: told && same ? 'unchanged' : 'uncaught',
        caughtBy: 'findings are recomputed from what is proven',
      };
    },
  },
  {
    lie: 'changes one character of a credential',
    by: 'forger',
    caughtBy: 'credential.signature',
    fate: 'refused',
    run: async (s) => {
      const { issuer, text } = await credentialOf(s);
      const forged = text.replace('"accidents":1', '"accidents":0');
      if (forged === text) throw new Error('nothing was forged');
      return refusal(() => verifyCredential(parseCredential(forged), { issuers: [issuer], now: NOW }));
    },
  },
  {
    lie: 'signs a credential of its own',
    by: 'forger',
    caughtBy: 'credential.issuer',
    fate: 'refused',
    run: async (s) => {
      const { issuer } = await credentialOf(s);
      const forged = await credentialOf(s);
      return refusal(() => verifyCredential(parseCredential(forged.text), { issuers: [issuer], now: NOW }));
    },
  },
  {
    lie: 'shows a credential after its time',
    by: 'forger',
    caughtBy: 'credential.expired',
    fate: 'refused',
    run: async (s) => {
      const { issuer, text } = await credentialOf(s);
      const now = NOW + 2 * 86_400;
      return refusal(() => verifyCredential(parseCredential(text), { issuers: [issuer], now }));
    },
  },
  {
    lie: 'issues a credential over a history without the accident',
    by: 'operator',
    caughtBy: 'credential.headMoved',
    fate: 'refuted',
    run: async (s) => {
      const told = withoutAccident(await s.honest(CAR), s).ledgers[0]?.links ?? [];
      const { issuer, text } = await credentialOf(s, (facts) => {
        const head = foldLinks(told.map(linkOf));
        Object.assign(facts.ledgers[0] ?? {}, { head, links: told.length });
        Object.assign(facts.keyFigures, { accidents: 0 });
      });
      const facts = verifyCredential(parseCredential(text), { issuers: [issuer], now: NOW });
      const { outcome, checks } = await checkCredential(facts, s.trust, viewsOf(s));
      const failed = checks.find((check) => check.outcome === 'failed');
      return { fate: outcome === 'failed' ? 'refuted' : 'uncaught', caughtBy: failed?.code ?? 'nothing' };
    },
  },
];
