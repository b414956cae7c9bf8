import { fromBase64Url, toBase64Url, utf8 } from '../../../core/bytes.ts';
import { parseLedgerId } from '../../../core/chain/ledgerId.ts';
import type { Digest, LedgerAddress } from '../../../core/chain/types.ts';
import { digestOf, encryptBlock, openBlock, secureRandom } from '../../../core/envelope/block.ts';
import { sealField } from '../../../core/envelope/disclosure.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { type Erased, signErasure } from '../../../core/privacy/erasure.ts';
import { evaluate, generatePseudonymKeys } from '../../../core/pseudonym/pseudonym.ts';
import type { LedgerSection, Report, ReportLink } from '../../../core/report/report.ts';
import type { ReportLie } from '../lie.ts';
import { CAR, type EntryName, NEVER, OTHER_CAR, type System } from '../system.ts';

export function section(report: Report): LedgerSection {
  const [first] = report.ledgers;
  if (first === undefined) throw new Error('a report without a section');
  return first;
}

function linkOf(report: Report, system: System, name: EntryName): ReportLink {
  const found = section(report).links.find(({ digest }) => digest === system.entries[name]);
  if (found === undefined) throw new Error(`no link of ${name}`);
  return found;
}

export function contentOf(report: Report, digest: string) {
  const content = report.contents[digest];
  if (content === undefined || !('block' in content)) throw new Error('no such content');
  return content;
}

function without(report: Report, system: System, ...names: EntryName[]): void {
  const gone = names.map((name) => system.entries[name] as string);
  const { links } = section(report);
  links.splice(0, links.length, ...links.filter(({ digest }) => !gone.includes(digest)));
  for (const digest of gone) delete report.contents[digest];
}

/** Another block for an entry: its plaintext with something replaced, under the same key. */
function altered(report: Report, digest: string, from: string, to: string): Uint8Array {
  const { block, key } = contentOf(report, digest);
  const text = new TextDecoder().decode(openBlock(fromBase64Url(block), fromBase64Url(key)));
  if (!text.includes(from)) throw new Error(`nothing says ${from}`);
  return encryptBlock(utf8(text.replace(from, to)), fromBase64Url(key));
}

function organisation(report: Report, id: bigint) {
  const found = section(report).organisations.find((one) => one.id === id.toString());
  if (found === undefined) throw new Error('no such attester');
  return found;
}

/** An erased content with an operator’s receipt of this entry, right in itself. */
function erased(
  report: Report,
  digest: Digest,
  elsewhere: Partial<LedgerAddress> = {},
  what: Erased = 'entry',
) {
  const ledger = { ...parseLedgerId(section(report).ledger), ...elsewhere };
  const erasure = { digest, what, basis: 'request', erasedAt: BigInt(report.createdAt) } as const;
  return { erased: signErasure(ledger, erasure, secureRandom(32)) };
}

const head = { caughtBy: 'completeness head.subject', fate: 'refuted' } as const;
const transcript = { caughtBy: 'subject pseudonym.invalidTranscript', fate: 'refuted' } as const;
const by = 'operator' as const;

/** What the operator of the service can say in a report. */
export const operatorLies: readonly ReportLie[] = [
  { lie: 'leaves out the first entry', by, ...head, tell: (r) => void section(r).links.shift() },
  { lie: 'leaves out an entry in the middle', by, ...head, tell: (r, s) => without(r, s, 'garage') },
  { lie: 'leaves out the last entry', by, ...head, tell: (r) => void section(r).links.pop() },
  {
    lie: 'leaves out the whole accident: its entry, the claim and who stood by it',
    by,
    ...head,
    tell: (r, s) => without(r, s, 'accident', 'claim', 'upheld'),
  },
  { lie: 'hides a correction', by, ...head, tell: (r, s) => without(r, s, 'correction') },
  {
    lie: 'hides that an attester was asked and stood by its entry',
    by,
    ...head,
    tell: (r, s) => without(r, s, 'upheld'),
  },
  {
    lie: 'says "never registered" of a vehicle that is',
    by,
    ...head,
    tell: (r) => {
      section(r).links.splice(0);
      section(r).ownChains.splice(0);
      r.contents = {};
    },
  },
  {
    lie: 'shows the history as it was before the accident, under today’s proof',
    by,
    ...head,
    tell: (r, s) => ({ ...s.older, proofs: r.proofs }),
  },
  { lie: 'reorders the entries', by, ...head, tell: (r) => void section(r).links.reverse() },
  {
    lie: 'shows an entry twice',
    by,
    ...head,
    tell: (r, s) => void section(r).links.push(linkOf(r, s, 'service')),
  },
  {
    lie: 'invents an entry',
    by,
    ...head,
    tell: (r, s) => {
      const forged = altered(r, s.entries.garage, '46000', '56000');
      const digest = digestOf(forged);
      r.contents[digest] = { ...contentOf(r, s.entries.garage), block: toBase64Url(forged) };
      section(r).links.push({ ...linkOf(r, s, 'garage'), digest });
    },
  },
  {
    lie: 'backdates an entry',
    by,
    ...head,
    tell: (r, s) => void Object.assign(linkOf(r, s, 'correction'), { timestamp: 1_600_000_000 }),
  },
  {
    lie: 'names another attester',
    by,
    ...head,
    tell: (r, s) => void Object.assign(linkOf(r, s, 'garage'), { organisation: s.inspector.id.toString() }),
  },
  {
    lie: 'names another kind',
    by,
    ...head,
    tell: (r, s) => void Object.assign(linkOf(r, s, 'accident'), { kind: 64 }),
  },
  {
    lie: 'alters a field of an envelope',
    by,
    caughtBy: 'entries entry.digest',
    fate: 'refuted',
    tell: (r, s) => {
      const { accident } = s.entries;
      contentOf(r, accident).block = toBase64Url(altered(r, accident, '"severe"', '"minor"'));
    },
  },
  {
    lie: 'alters a field of an envelope, and its digest with it',
    by,
    ...head,
    tell: (r, s) => {
      const { accident } = s.entries;
      const forged = altered(r, accident, '"severe"', '"minor"');
      const link = linkOf(r, s, 'accident');
      link.digest = digestOf(forged);
      r.contents[link.digest] = { ...contentOf(r, accident), block: toBase64Url(forged) };
    },
  },
  {
    lie: 'swaps envelopes between two vehicles',
    by,
    caughtBy: 'entries entry.digest',
    fate: 'refuted',
    tell: async (r, s) => {
      const other = await s.honest(OTHER_CAR);
      const digest = section(other).links[0]?.digest ?? '';
      r.contents[s.entries.built] = contentOf(other, digest);
      return r;
    },
  },
  {
    lie: 'copies another vehicle’s entry into this one’s history',
    by,
    ...head,
    tell: async (r, s) => {
      const other = await s.honest(OTHER_CAR);
      const copied = section(other).links[2];
      if (copied === undefined) throw new Error('nothing to copy');
      section(r).links.splice(2, 1, copied);
      Object.assign(r.contents, other.contents);
      return r;
    },
  },
  {
    lie: 'serves another vehicle’s whole history under this VIN',
    by,
    ...transcript,
    tell: async (r, s) => ({ ...(await s.honest(OTHER_CAR)), identifier: r.identifier }),
  },
  {
    lie: 'serves another vehicle’s entries under the right subject',
    by,
    ...head,
    tell: async (r, s) => {
      const other = await s.honest(OTHER_CAR);
      section(r).links = section(other).links;
      r.contents = other.contents;
      return r;
    },
  },
  {
    lie: 'answers for the VIN that is nearest to the one asked for',
    by,
    caughtBy: 'subject pseudonym.invalidTranscript',
    fate: 'refuted',
    tell: (r) => ({ ...r, identifier: `vin:${CAR.slice(0, -1)}8` }),
  },
  {
    lie: 'evaluates another identifier, whose slot is empty',
    by,
    ...transcript,
    tell: async (r, s) => ({ ...(await s.honest(NEVER)), identifier: r.identifier }),
  },
  {
    lie: 'evaluates under another key',
    by,
    ...transcript,
    tell: (r) => {
      const { subject, transcript: made } = evaluate(generatePseudonymKeys(), parseIdentifier(CAR));
      Object.assign(section(r), {
        subject,
        links: [],
        transcript: { evaluated: toBase64Url(made.evaluated), proof: toBase64Url(made.proof) },
      });
    },
  },
  {
    lie: 'changes one bit of the transcript’s proof',
    by,
    ...transcript,
    tell: (r) => {
      const proof = fromBase64Url(section(r).transcript.proof);
      proof[40] = (proof[40] ?? 0) ^ 1;
      section(r).transcript.proof = toBase64Url(proof);
    },
  },
  {
    lie: 'puts the proof of one transcript beside the element of another',
    by,
    ...transcript,
    tell: async (r, s) => {
      section(r).transcript.proof = section(await s.honest(OTHER_CAR)).transcript.proof;
      return r;
    },
  },
  {
    lie: 'puts another subject beside an honest transcript',
    by,
    caughtBy: 'subject subject.pseudonym',
    fate: 'refuted',
    tell: async (r, s) => {
      const never = section(await s.honest(NEVER));
      Object.assign(section(r), { subject: never.subject, links: [] });
      return r;
    },
  },
  {
    lie: 'names a directory of its own',
    by,
    caughtBy: 'ledgers directory.trusted',
    fate: 'refuted',
    tell: (r) => void Object.assign(r.directory, { address: `0x${'ee'.repeat(20)}` }),
  },
  {
    lie: 'shows a directory without ledgers',
    by,
    caughtBy: 'ledgers directory.head',
    fate: 'refuted',
    tell: (r) => {
      r.directory.links.splice(0);
      r.ledgers.splice(0);
    },
  },
  {
    lie: 'leaves the ledger’s section out of the report',
    by,
    caughtBy: 'ledgers ledger.leftOut',
    fate: 'refuted',
    tell: (r) => void r.ledgers.splice(0),
  },
  {
    lie: 'shows the ledger with a pseudonym key of its own',
    by,
    caughtBy: 'ledgers directory.head',
    fate: 'refuted',
    tell: (r) => {
      const keys = generatePseudonymKeys();
      const { subject, transcript: made } = evaluate(keys, parseIdentifier(CAR));
      const [link] = r.directory.links;
      const pseudonymKey = `0x${Buffer.from(keys.publicKey).toString('hex')}`;
      Object.assign(link ?? {}, { pseudonymKey });
      Object.assign(section(r), {
        subject,
        links: [],
        transcript: { evaluated: toBase64Url(made.evaluated), proof: toBase64Url(made.proof) },
      });
    },
  },
  {
    lie: 'hides that an attester was suspended',
    by,
    caughtBy: 'attesters organisation.head',
    fate: 'refuted',
    tell: (r, s) => void organisation(r, s.garage.id).changes.pop(),
  },
  {
    lie: 'invents an attester’s permission',
    by,
    caughtBy: 'attesters organisation.head',
    fate: 'refuted',
    tell: (r, s) =>
      void Object.assign(organisation(r, s.garage.id).changes.find(({ change }) => change === 4) ?? {}, {
        value: `0x${'ff'.repeat(32)}`,
      }),
  },
  {
    lie: 'shows a suspended attester under the name and record of another',
    by,
    caughtBy: 'attesters organisation.head',
    fate: 'refuted',
    tell: (r, s) => {
      const { changes, profile } = organisation(r, s.workshop.id);
      Object.assign(organisation(r, s.garage.id), { changes, profile });
    },
  },
  {
    lie: 'gives an attester another’s name',
    by,
    caughtBy: 'attesters organisation.profile',
    fate: 'refuted',
    tell: (r, s) =>
      void Object.assign(organisation(r, s.garage.id), { profile: organisation(r, s.inspector.id).profile }),
  },
  {
    lie: 'leaves an attester’s record out',
    by,
    caughtBy: 'attesters organisation.leftOut',
    fate: 'incomplete',
    tell: (r, s) => {
      const { organisations } = section(r);
      organisations.splice(organisations.indexOf(organisation(r, s.garage.id)), 1);
    },
  },
  {
    lie: 'withholds the accident’s block',
    by,
    caughtBy: 'entries entry.withheld',
    fate: 'incomplete',
    tell: (r, s) => void Object.assign(r.contents, { [s.entries.accident]: { withheld: 'lost' } }),
  },
  {
    lie: 'says nothing of the accident’s block',
    by,
    caughtBy: 'entries entry.missing',
    fate: 'incomplete',
    tell: (r, s) => void delete r.contents[s.entries.accident],
  },
  {
    lie: 'hands out another key for the accident’s block',
    by,
    caughtBy: 'entries block.wrongKey',
    fate: 'incomplete',
    tell: (r, s) =>
      void Object.assign(contentOf(r, s.entries.accident), { key: toBase64Url(secureRandom(32)) }),
  },
  {
    lie: 'hands out no key, so that the accident passes for the attester’s fault',
    by,
    caughtBy: 'entries block.wrongKey',
    fate: 'incomplete',
    tell: (r, s) => void Object.assign(contentOf(r, s.entries.accident), { key: '' }),
  },
  {
    lie: 'puts the receipt of another entry’s erasure in the place of the accident',
    by,
    caughtBy: 'entries erasure.receipt',
    fate: 'incomplete',
    tell: (r, s) => void Object.assign(r.contents, { [s.entries.accident]: erased(r, s.entries.garage) }),
  },
  {
    lie: 'gives a receipt of another ledger for the accident',
    by,
    caughtBy: 'entries erasure.receipt',
    fate: 'incomplete',
    tell: (r, s) => {
      const content = erased(r, s.entries.accident, { chainId: 1n });
      Object.assign(r.contents, { [s.entries.accident]: content });
    },
  },
  {
    lie: 'says in another’s name that the accident was erased',
    by,
    caughtBy: 'entries erasure.receipt',
    fate: 'incomplete',
    tell: (r, s) => {
      const { erased: receipt } = erased(r, s.entries.accident);
      const content = { erased: { ...receipt, operator: `0x${'0b'.repeat(20)}` } };
      Object.assign(r.contents, { [s.entries.accident]: content });
    },
  },
  {
    lie: 'has a throwaway key say that the accident was erased',
    by,
    caughtBy: 'finding entry.erased',
    fate: 'warned',
    stillFound: ['claim.recorded'],
    tell: (r, s) => void Object.assign(r.contents, { [s.entries.accident]: erased(r, s.entries.accident) }),
  },
  {
    lie: 'passes the accident off as erased by the receipt of one of its fields',
    by,
    caughtBy: 'entries erasure.receipt',
    fate: 'incomplete',
    tell: (r, s) => {
      const content = erased(r, s.entries.accident, {}, 'field:note');
      Object.assign(r.contents, { [s.entries.accident]: content });
    },
  },
  {
    lie: 'gives the receipt of another entry’s field for one of the accident’s',
    by,
    caughtBy: 'disclosures erasure.receipt',
    fate: 'incomplete',
    tell: (r, s) => {
      const { erased: receipt } = erased(r, s.entries.garage, {}, 'field:note');
      Object.assign(contentOf(r, s.entries.accident), { erasures: [receipt] });
    },
  },
  {
    lie: 'leaves a recall out of the maker’s own chain',
    by,
    caughtBy: 'completeness head.ownChain',
    fate: 'refuted',
    tell: (r) => void section(r).ownChains[0]?.links.pop(),
  },
  {
    lie: 'leaves the maker’s own chain out',
    by,
    caughtBy: 'findings ownChain.leftOut',
    fate: 'incomplete',
    tell: (r) => void section(r).ownChains.splice(0),
  },
  {
    lie: 'proves "not in the recall" by another vehicle’s proof',
    by,
    caughtBy: 'findings tree.invalidProof',
    fate: 'refuted',
    tell: async (r, s) => {
      const { setProof } = contentOf(await s.honest(OTHER_CAR), s.entries.recall);
      Object.assign(contentOf(r, s.entries.recall), { setProof });
      return r;
    },
  },
  {
    lie: 'keeps the proof of the recall’s set back',
    by,
    caughtBy: 'findings recall.proofMissing',
    fate: 'incomplete',
    tell: (r, s) => void delete contentOf(r, s.entries.recall).setProof,
  },
  {
    lie: 'discloses another value of a sealed field',
    by,
    caughtBy: 'disclosures disclosure.unknown',
    fate: 'refuted',
    tell: (r, s) =>
      void contentOf(r, s.entries.claim).disclosures.push(
        sealField('amount', { amount: '84.00', currency: 'EUR' }),
      ),
  },
  {
    lie: 'dates the report and the block it states as of today',
    by,
    caughtBy: 'the block is the proof’s, or the endpoints’',
    fate: 'unchanged',
    tell: (r) => {
      const now = Math.floor(Date.now() / 1000) + 86_400;
      r.createdAt = now;
      Object.assign(section(r).asOf, { number: 9_999_999, timestamp: now, hash: `0x${'ab'.repeat(32)}` });
    },
  },
  {
    lie: 'says of an entry that another block and transaction hold it',
    by,
    caughtBy: 'such hints are never relied on',
    fate: 'unchanged',
    tell: (r, s) =>
      void Object.assign(linkOf(r, s, 'accident'), { block: 1, transaction: `0x${'ab'.repeat(32)}` }),
  },
  {
    lie: 'names an own chain by a number that no contract can be asked for, so that nobody comes to a verdict',
    by,
    caughtBy: 'report.malformed',
    fate: 'refused',
    tell: (r) => void section(r).ownChains.push({ organisation: (2n ** 64n).toString(), links: [] }),
  },
  {
    lie: 'slips a verdict and findings of its own into the report',
    by,
    caughtBy: 'report.malformed',
    fate: 'refused',
    tell: (r) => ({ ...r, verdict: 'verified', findings: [] }),
  },
];
