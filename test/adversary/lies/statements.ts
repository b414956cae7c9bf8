import { join } from 'node:path';
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
import { vinculum } from '../../cli/fixture.ts';
import type { Fate, OtherLie } from '../lie.ts';
import { meaning, read, readByCommand } from '../reader.ts';
import { CAR, OTHER_CAR, type System } from '../system.ts';
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

const pdfOf = async (system: System, vin = CAR): Promise<Buffer> =>
  Buffer.from(await (await fetch(`${system.test.url}/v1/vehicles/${vin}/report.pdf?lang=en`)).arrayBuffer());

async function printed(
  system: System,
  forge: (pdf: Buffer) => Buffer,
): Promise<{ fate: Fate; caughtBy: string }> {
  const honest = await readByCommand(system, await pdfOf(system));
  if (honest.verdict !== 'verified') throw new Error(honest.codes.join());
  const { verdict, codes } = await readByCommand(system, forge(await pdfOf(system)));
  return { fate: verdict === 'verified' ? 'uncaught' : verdict, caughtBy: codes[0] ?? '' };
}

/** The first text of the first page: one character of the VIN’s title is another. */
function withOtherTitle(pdf: Buffer): Buffer {
  const text = pdf.toString('latin1');
  const at = text.indexOf('<', text.indexOf('/Bold 22 Tf')) + 1;
  const other = text.slice(at, at + 2) === '38' ? '39' : '38';
  return Buffer.from(text.slice(0, at) + other + text.slice(at + 2), 'latin1');
}

/** Asks for the car’s report by the command line, of an operator that answers with another’s. */
async function asked(system: System, ...form: string[]): Promise<{ fate: Fate; caughtBy: string }> {
  const other = await system.honest(OTHER_CAR);
  const pdf = await pdfOf(system, OTHER_CAR);
  const base = system.operator.url;
  system.operator.lie = { json: () => other, pdf: () => pdf };
  const file = join(system.folder, 'asked');
  const { exit, json } = await vinculum(
    system.folder,
    ...['report', CAR, '--url', base, '-o', file, '--json', ...form],
  );
  return { fate: exit === 0 ? 'uncaught' : 'refused', caughtBy: json?.error?.code ?? '' };
}

/** What is said beside the report: the service’s own reading of it, and credentials over it. */
export const statementLies: readonly OtherLie[] = [
  {
    lie: 'answers with the honest report of another vehicle',
    by: 'operator',
    caughtBy: 'report.otherIdentifier',
    fate: 'refused',
    run: (s) => asked(s),
  },
  {
    lie: 'answers with the honest PDF of another vehicle',
    by: 'operator',
    caughtBy: 'report.otherIdentifier',
    fate: 'refused',
    run: (s) => asked(s, '--pdf'),
  },
  {
    lie: 'changes one character on a page of a PDF',
    by: 'forger',
    caughtBy: 'reader pdf.mismatch',
    fate: 'refuted',
    run: (s) => printed(s, withOtherTitle),
  },
  {
    lie: 'changes one character of the report that is attached to a PDF',
    by: 'forger',
    caughtBy: 'completeness head.subject',
    fate: 'refuted',
    run: (s) =>
      printed(s, (pdf) => {
        const { accident } = s.entries;
        const other = accident.slice(0, -1) + (accident.endsWith('0') ? '1' : '0');
        return Buffer.from(pdf.toString('latin1').replaceAll(accident, other), 'latin1');
      }),
  },
  {
    lie: 'cuts a PDF off',
    by: 'forger',
    caughtBy: 'pdf.malformed',
    fate: 'refused',
    run: (s) => printed(s, (pdf) => pdf.subarray(0, 5_000)),
  },
  {
    lie: 'hands a PDF on without the report that was attached to it',
    by: 'forger',
    caughtBy: 'pdf.noReport',
    fate: 'refused',
    run: (s) =>
      printed(s, (pdf) =>
        Buffer.from(pdf.toString('latin1').replaceAll('/EmbeddedFiles', '/EmbeddedWhats'), 'latin1'),
      ),
  },
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
