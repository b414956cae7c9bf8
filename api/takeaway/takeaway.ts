import { writeCredential } from '../../core/credential/credential.ts';
import type { CredentialFacts } from '../../core/credential/facts.ts';
import { formatIdentifier, type Identifier } from '../../core/identifiers/identifier.ts';
import type { Language } from '../../core/pdf/words.ts';
import type { Report } from '../../core/report/report.ts';
import type { Trust } from '../../core/verify/verify.ts';
import type { CredentialIssuer } from '../keyring/keyring.ts';
import type { Reading } from '../privacy/reader.ts';
import { Problem } from '../problem.ts';
import { TextCache } from '../query/cache.ts';
import type { Query } from '../query/query.ts';
import { createPress } from './press.ts';

/** What a reader takes away of a report besides its JSON. */
export interface TakeAway {
  /** The report on pages for people, with the report attached. */
  pdf(identifier: Identifier, reading: Reading, language: Language): Promise<Uint8Array>;
  /**
   * The report's facts as a short-lived credential of this operator, which has checked them against the chain itself.
   * @throws `takeaway.unproven` while the chain gives no proof of the report, `index.headMismatch` when it contradicts
   */
  credential(identifier: Identifier): Promise<string>;
  close(): Promise<void>;
}

export type TakeAwayOptions = {
  readonly query: Pick<Query, 'report' | 'publicReport'>;
  readonly trust: Trust;
  readonly issuer: CredentialIssuer;
  /** Where people reach the page. */
  readonly publicUrl: () => string;
  /** The last final block in the index. */
  readonly finalBlock: () => number;
  readonly credentialHours: number;
  readonly clock?: () => Date;
};

const CACHE_CHARACTERS = 8 * 1024 * 1024;

export function createTakeAway(options: TakeAwayOptions): TakeAway {
  const { query, trust, issuer, publicUrl, finalBlock } = options;
  const clock = options.clock ?? (() => new Date());
  const press = createPress();
  /** Facts by the report's tag. */
  const known = new TextCache<{ readonly text: string; readonly facts: CredentialFacts }>(CACHE_CHARACTERS);

  /** Whether the block of the report's proofs is final by now; without proofs there is none. */
  const isFinal = (report: Report): boolean =>
    report.proofs !== undefined && report.ledgers.every(({ asOf }) => asOf.number <= finalBlock());

  async function factsOf(text: string, etag: string): Promise<CredentialFacts> {
    const report = JSON.parse(text) as Report;
    if (report.proofs === undefined) {
      throw new Problem('takeaway.unproven', 'The chain gives no proof of this report just now.');
    }
    const final = isFinal(report);
    const key = `${etag}/${final}`;
    const kept = known.get(key);
    if (kept !== undefined) return kept.facts;
    const answer = await press.run({ kind: 'facts', text, trust, final });
    if ('failure' in answer) throw new Problem('internal', answer.failure);
    if (!('facts' in answer) || answer.facts === null) {
      throw new Problem('index.headMismatch', 'The report does not hold against the chain.');
    }
    known.set(key, { text: JSON.stringify(answer.facts), facts: answer.facts });
    return answer.facts;
  }

  return {
    async pdf(identifier, reading, language) {
      const { text } = await query.report(identifier, reading);
      const name = formatIdentifier(identifier).replace(/^vin:/, '');
      const page = `${publicUrl()}/?id=${encodeURIComponent(name).replaceAll('%3A', ':')}`;
      const final = isFinal(JSON.parse(text) as Report);
      const answer = await press.run({ kind: 'pdf', text, parameters: { language, page, final } });
      if ('pdf' in answer) return answer.pdf;
      throw new Problem('internal', 'failure' in answer ? answer.failure : 'no pages');
    },

    async credential(identifier) {
      const { text, etag } = await query.publicReport(identifier);
      const facts = await factsOf(text, etag);
      const now = Math.floor(clock().getTime() / 1000);
      const validUntil = now + options.credentialHours * 3_600;
      return writeCredential(issuer.issue(facts, { validFrom: now, validUntil, created: now }));
    },

    close: () => press.close(),
  };
}
