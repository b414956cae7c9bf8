import { expect } from 'chai';
import fc from 'fast-check';
import { fromBase64Url, toBase64Url, utf8 } from '../../../core/bytes.ts';
import { canonicalJson } from '../../../core/canonical.ts';
import { foldLinks } from '../../../core/chain/link.ts';
import type { Digest, OrganisationId } from '../../../core/chain/types.ts';
import { digestOf, encryptBlock, openBlock, secureRandom } from '../../../core/envelope/block.ts';
import { sealField } from '../../../core/envelope/disclosure.ts';
import { isVinculumError } from '../../../core/errors.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { evaluate, generatePseudonymKeys } from '../../../core/pseudonym/pseudonym.ts';
import { parseReport, type Report, readReport } from '../../../core/report/report.ts';
import type { StepName, Verification } from '../../../core/verify/result.ts';
import { verify } from '../../../core/verify/verify.ts';
import { expectCode } from '../../expectCode.ts';
import { CAR, NEVER, OTHER_CAR, reading, sampleWorld } from './world.ts';

const { world, recall } = sampleWorld();
const check = (report: Report): Promise<Verification> => verify(readReport(report), world.trust, world.view);

/** The one section of a report, to lie in. */
function section(report: Report): Report['ledgers'][number] {
  const [only] = report.ledgers;
  if (only === undefined) throw new Error('no section');
  return only;
}

function link(report: Report, position: number): Report['ledgers'][number]['links'][number] {
  const found = section(report).links[position];
  if (found === undefined) throw new Error('no such link');
  return found;
}

function content(report: Report, position: number): { block: string; key: string; disclosures: string[] } {
  const found = report.contents[link(report, position).digest];
  if (found === undefined || !('block' in found)) throw new Error('no such content');
  return found;
}

function failures(result: Verification): string[] {
  return result.steps.flatMap(({ step, checks }) =>
    checks.flatMap((one) => (one.outcome === 'passed' ? [] : [`${step} ${one.code}`])),
  );
}

describe('readReport', () => {
  it('takes no number of an organisation that the contracts could not be asked about', async () => {
    const most = (2n ** 64n - 1n).toString();
    const tooLarge = (2n ** 64n).toString();
    const places: Record<string, (report: Report, id: string) => void> = {
      'a link’s attester': (report, id) => Object.assign(link(report, 0), { organisation: id }),
      'an own chain': (report, id) => void section(report).ownChains.push({ organisation: id, links: [] }),
      'an attester’s record': (report, id) =>
        void section(report).organisations.push({ id, changes: [], profile: null }),
    };
    for (const [place, tell] of Object.entries(places)) {
      const [largest, larger] = [world.report(CAR), world.report(CAR)];
      tell(largest, most);
      tell(larger, tooLarge);
      expect((await check(largest)).verdict, place).to.be.oneOf(['verified', 'refuted']);
      await expectCode('report.malformed', () => readReport(larger));
    }
  });
});

describe('verify', () => {
  describe('of an honest report', () => {
    it('verifies a history: every step passed, every entry proven, final', async () => {
      const seen: StepName[] = [];
      const result = await verify(world.report(CAR), world.trust, world.view, {
        onStep: (step) => seen.push(step),
      });
      expect(result.verdict).to.equal('verified');
      expect(failures(result)).to.deep.equal([]);
      expect(seen).to.deep.equal(result.steps.map(({ step }) => step));
      expect(result.entries.map(({ status }) => status)).to.deep.equal(Array(5).fill('proven'));
      expect(result.entries[1]?.sealed).to.deep.equal({ note: 'kept in the garage' });
      expect(result.asOf).to.have.length(1);
      expect(result.asOf[0]?.final).to.equal(true);
      expect(result.findings.map(({ code }) => code)).to.deep.equal(['recall.open']);
      expect(result.organisations.map(({ standing }) => standing.status)).to.deep.equal([
        'good',
        'good',
        'good',
      ]);
    });

    it('proves that a car outside the campaign’s set is not in it', async () => {
      const result = await check(world.report(OTHER_CAR));
      expect(result.verdict).to.equal('verified');
      expect(result.findings).to.deep.equal([]);
      expect(result.summary?.recalls.campaigns.map(({ state }) => state)).to.deep.equal(['notAffected']);
    });

    it('proves that a VIN was never registered', async () => {
      const result = await check(world.report(NEVER));
      expect(result.verdict).to.equal('verified');
      expect(result.entries).to.deep.equal([]);
    });

    it('is not final while the newest link is as young as the final block', async () => {
      const result = await verify(world.report(CAR), world.trust, async (chainId) => {
        const view = await world.view(chainId);
        const final = view && { ...view.block, number: view.block.number - 1n, timestamp: recall.timestamp };
        return view && { ...view, final };
      });
      expect(result.verdict).to.equal('verified');
      expect(result.asOf[0]?.final).to.equal(false);
    });

    it('is incomplete without a source for the chain, never wrong', async () => {
      const result = await verify(world.report(CAR), world.trust, async () => null);
      expect(result.verdict).to.equal('incomplete');
    });
  });

  /** Each lie of an operator, and the check that catches it. */
  const lies: readonly (readonly [string, string, (report: Report) => unknown])[] = [
    ['leaves out the first entry', 'completeness head.subject', (r) => section(r).links.shift()],
    ['leaves out a middle entry', 'completeness head.subject', (r) => section(r).links.splice(1, 1)],
    [
      'shows a maker’s own chain twice',
      'completeness ownChain.twice',
      (r) => section(r).ownChains.push(...section(r).ownChains),
    ],
    ['leaves out the last entry', 'completeness head.subject', (r) => section(r).links.pop()],
    ['claims that nothing was ever recorded', 'completeness head.subject', (r) => section(r).links.splice(0)],
    ['reorders two entries', 'completeness head.subject', (r) => section(r).links.reverse()],
    ['shows an entry twice', 'completeness head.subject', (r) => section(r).links.push(link(r, 3))],
    [
      'backdates an entry',
      'completeness head.subject',
      (r) => Object.assign(link(r, 2), { timestamp: 1_600_000_000 }),
    ],
    [
      'names another attester',
      'completeness head.subject',
      (r) => Object.assign(link(r, 2), { organisation: '2' }),
    ],
    ['names another kind', 'completeness head.subject', (r) => Object.assign(link(r, 2), { kind: 64 })],
    [
      'invents an entry',
      'completeness head.subject',
      (r) => section(r).links.push({ ...link(r, 3), digest: `0x${'99'.repeat(32)}` }),
    ],
    ['leaves out the recall', 'completeness head.ownChain', (r) => section(r).ownChains[0]?.links.pop()],
    ['leaves out the maker’s own chain', 'findings ownChain.leftOut', (r) => section(r).ownChains.splice(0)],
    [
      'shows another organisation’s link on the maker’s chain',
      'entries ownChain.foreignLink',
      (r) => Object.assign(section(r).ownChains[0]?.links[0] ?? {}, { organisation: '2' }),
    ],
    [
      'serves another vehicle’s history',
      'subject pseudonym.invalidTranscript',
      (r) => Object.assign(r, world.report(OTHER_CAR), { identifier: r.identifier }),
    ],
    [
      'serves another vehicle’s links under the right subject',
      'completeness head.subject',
      (r) => Object.assign(section(r), { links: section(world.report(OTHER_CAR)).links }),
    ],
    [
      'puts another subject beside an honest transcript',
      'subject subject.pseudonym',
      (r) => Object.assign(section(r), { subject: section(world.report(NEVER)).subject }),
    ],
    [
      'evaluates another identifier',
      'subject pseudonym.invalidTranscript',
      (r) => Object.assign(section(r), { transcript: section(world.report(NEVER)).transcript }),
    ],
    [
      'evaluates under another key',
      'subject pseudonym.invalidTranscript',
      (r) => {
        const { subject, transcript } = evaluate(generatePseudonymKeys(), parseIdentifier(CAR));
        Object.assign(section(r), {
          subject,
          transcript: { evaluated: toBase64Url(transcript.evaluated), proof: toBase64Url(transcript.proof) },
        });
      },
    ],
    [
      'breaks the transcript’s proof',
      'subject pseudonym.invalidTranscript',
      (r) => Object.assign(section(r).transcript, { proof: toBase64Url(new Uint8Array(64)) }),
    ],
    [
      'spells the identifier otherwise',
      'subject identifier.normalised',
      (r) => Object.assign(r, { identifier: 'vin:1m8gdm9axkp042788' }),
    ],
    [
      'answers for no identifier at all',
      'subject vin.length',
      (r) => Object.assign(r, { identifier: 'a car' }),
    ],
    [
      'names a directory of its own',
      'ledgers directory.trusted',
      (r) => Object.assign(r.directory, { address: `0x${'ee'.repeat(20)}` }),
    ],
    ['leaves a ledger out of the report', 'ledgers ledger.leftOut', (r) => r.ledgers.splice(0)],
    ['leaves a ledger out of the directory', 'ledgers directory.head', (r) => r.directory.links.splice(0)],
    [
      'adds a ledger of its own',
      'ledgers ledger.notInDirectory',
      (r) => r.ledgers.push({ ...section(r), ledger: `eip155:1:0x${'77'.repeat(20)}` }),
    ],
    ['shows a ledger twice', 'ledgers ledger.twice', (r) => r.ledgers.push(section(r))],
    [
      'swaps the pseudonym key',
      'ledgers directory.head',
      (r) => Object.assign(r.directory.links[0] ?? {}, { pseudonymKey: `0x${'12'.repeat(32)}` }),
    ],
    [
      'marks the ledger as closed',
      'ledgers directory.head',
      (r) => r.directory.links.push({ change: 'closed', index: '0', closedAt: '1' }),
    ],
    [
      'alters a block',
      'entries entry.digest',
      (r) => Object.assign(content(r, 1), { block: toBase64Url(secureRandom(200)) }),
    ],
    [
      'swaps two blocks',
      'entries entry.digest',
      (r) => {
        const [left, right] = [content(r, 1), content(r, 2)];
        [left.block, right.block] = [right.block, left.block];
      },
    ],
    [
      'alters an envelope and its digest',
      'completeness head.subject',
      (r) => {
        const { block, key } = content(r, 2);
        const text = new TextDecoder()
          .decode(openBlock(fromBase64Url(block), fromBase64Url(key)))
          .replace('31000', '21000');
        const forged = encryptBlock(utf8(text), fromBase64Url(key));
        const digest = digestOf(forged);
        r.contents[digest] = { ...content(r, 2), block: toBase64Url(forged) };
        link(r, 2).digest = digest;
      },
    ],
    [
      'swaps the histories’ contents between vehicles',
      'entries entry.missing',
      (r) => Object.assign(r, { contents: world.report(OTHER_CAR).contents }),
    ],
    [
      'withholds a block',
      'entries entry.withheld',
      (r) => Object.assign(r.contents, { [link(r, 2).digest]: { withheld: 'lost' } }),
    ],
    [
      'hands out a wrong key',
      'entries block.wrongKey',
      (r) => Object.assign(content(r, 2), { key: toBase64Url(secureRandom(32)) }),
    ],
    [
      'forges an attester’s record',
      'attesters organisation.head',
      (r) => section(r).organisations[0]?.changes.pop(),
    ],
    [
      'hides a suspension',
      'attesters organisation.head',
      (r) => Object.assign(section(r).organisations[1] ?? {}, { changes: world.organisation('3').changes }),
    ],
    [
      'grants a kind that was never granted',
      'attesters organisation.head',
      (r) => Object.assign(section(r).organisations[0]?.changes[1] ?? {}, { value: `0x${'ff'.repeat(32)}` }),
    ],
    ['leaves an attester out', 'attesters organisation.leftOut', (r) => section(r).organisations.shift()],
    [
      'shows an attester twice',
      'attesters organisation.twice',
      (r) => section(r).organisations.push(world.organisation('1')),
    ],
    [
      'gives an attester another name',
      'attesters organisation.profile',
      (r) => Object.assign(section(r).organisations[1] ?? {}, { profile: world.profiles.get(3n) }),
    ],
    [
      'hides an attester’s name',
      'attesters organisation.profileMissing',
      (r) => Object.assign(section(r).organisations[1] ?? {}, { profile: null }),
    ],
    [
      'discloses another value of a sealed field',
      'disclosures disclosure.unknown',
      (r) => Object.assign(content(r, 1), { disclosures: [sealField('note', 'never driven')] }),
    ],
    [
      'opens a sealed field twice',
      'disclosures disclosure.twice',
      (r) => content(r, 1).disclosures.push(...content(r, 1).disclosures),
    ],
    [
      'proves "not in the recall" by another car’s proof',
      'findings tree.invalidProof',
      (r) => Object.assign(r.contents[recall.digest] ?? {}, { setProof: { siblings: [], leaf: null } }),
    ],
    [
      'keeps the recall’s proof back',
      'findings recall.proofMissing',
      (r) => Object.assign(r.contents[recall.digest] ?? {}, { setProof: undefined }),
    ],
  ];

  describe('catches an operator who', () => {
    for (const [lie, expected, tell] of lies) {
      it(lie, async () => {
        const report = world.report(CAR);
        tell(report);
        const result = await check(report);
        expect(result.verdict).not.to.equal('verified');
        expect(failures(result)).to.include(expected);
      });
    }
  });

  describe('judges an attester’s faults as void, and harmless to the rest', () => {
    const own = sampleWorld();
    const subject = own.world.subjectOf(own.car);
    const elsewhere = own.world.record(own.workshop, own.other, reading('2023-01-01', 60_000, 'workshop'));
    own.world.anchor(own.workshop, subject, elsewhere.kind, elsewhere.digest);
    const garbage = encryptBlock(utf8('{"vinculum":1'), new Uint8Array(32));
    own.world.contents[digestOf(garbage)] = {
      block: toBase64Url(garbage),
      key: toBase64Url(new Uint8Array(32)),
      disclosures: [],
    };
    own.world.anchor(own.workshop, subject, 67, digestOf(garbage));
    const foreign = encryptBlock(utf8(canonicalJson({ vinculum: 1 })), new Uint8Array(32));
    own.world.contents[digestOf(foreign)] = {
      block: toBase64Url(foreign),
      key: toBase64Url(new Uint8Array(32)),
      disclosures: [],
    };
    own.world.anchor(own.workshop, subject, 67, digestOf(foreign));

    it('a digest copied from another vehicle, cut JSON, and an empty envelope', async () => {
      const result = await verify(own.world.report(CAR), own.world.trust, own.world.view);
      expect(result.verdict).to.equal('verified');
      expect(result.entries.slice(4, 7).map(({ status, code }) => [status, code])).to.deep.equal([
        ['void', 'envelope.unbound'],
        ['void', 'json.invalid'],
        ['void', 'envelope.malformed'],
      ]);
      expect(result.findings.map(({ code }) => code)).to.include('entry.void');
      expect(result.summary?.odometer.readings).to.have.length(3);
    });

    it('an entry of a kind nobody knows yet makes the report incomplete, not wrong', async () => {
      const { world: later, workshop, car } = sampleWorld();
      later.anchor(workshop, later.subjectOf(car), 200, `0x${'42'.repeat(32)}` as Digest);
      const report = later.report(CAR);
      report.contents[`0x${'42'.repeat(32)}`] = { block: 'AAAA', key: 'AAAA', disclosures: [] };
      const refuted = await verify(report, later.trust, later.view);
      expect(refuted.verdict).to.equal('refuted');
      const block = secureRandom(80);
      const { world: honest } = sampleWorld();
      honest.anchor(2n as OrganisationId, honest.subjectOf(car), 200, digestOf(block));
      const unknown = honest.report(CAR);
      unknown.contents[digestOf(block)] = {
        block: toBase64Url(block),
        key: toBase64Url(secureRandom(32)),
        disclosures: [],
      };
      const result = await verify(unknown, honest.trust, honest.view);
      expect(result.verdict).to.equal('incomplete');
      expect(result.entries[4]?.status).to.equal('unknownKind');
    });
  });

  describe('of a chain that lies', () => {
    const honest = world.report(CAR);
    for (const [lie, change] of [
      ['another directory head', { directoryHead: async () => `0x${'01'.repeat(32)}` }],
      ['other code', { codeHash: async () => `0x${'01'.repeat(32)}` }],
      ['another pseudonym key', { pseudonymKey: async () => `0x${'01'.repeat(32)}` }],
      ['another head', { head: async () => `0x${'01'.repeat(32)}` }],
      ['an older head', { head: async () => foldLinks([]) }],
      ['another own head', { ownHead: async () => `0x${'01'.repeat(32)}` }],
      ['another standing', { organisationHead: async () => `0x${'01'.repeat(32)}` }],
    ] as const) {
      it(`${lie} refutes, and says where`, async () => {
        const result = await verify(honest, world.trust, async (chainId) => {
          const view = await world.view(chainId);
          return view && ({ ...view, ...change } as typeof view);
        });
        expect(result.verdict).to.equal('refuted');
        const failed = result.steps.flatMap(({ checks }) =>
          checks.filter(({ outcome }) => outcome === 'failed'),
        );
        expect(failed.every(({ expected, found }) => expected !== undefined && found !== undefined)).to.equal(
          true,
        );
      });
    }
  });

  /** What a reader would act on. */
  const meaning = (result: Verification) =>
    canonicalJson({
      identifier: result.identifier,
      entries: result.entries.map(
        ({ status, envelope, sealed, position }) => ({ status, envelope, sealed, position }) as never,
      ),
      findings: result.findings as never,
      summary: result.summary as never,
      organisations: result.organisations.map(({ id, profile, standing }) => ({
        id: String(id),
        profile,
        status: standing.status,
      })),
    });

  it('refutes every random mutation, or nothing a reader would act on has changed', async function () {
    this.timeout(120_000);
    const original = world.report(CAR);
    const before = meaning(await check(original));
    const paths: (string | number)[][] = [];
    const walk = (value: unknown, path: (string | number)[]): void => {
      if (path.length > 0) paths.push(path);
      if (value !== null && typeof value === 'object') {
        for (const [name, item] of Object.entries(value))
          walk(item, [...path, Array.isArray(value) ? Number(name) : name]);
      }
    };
    walk(original, []);
    const mutations = ['delete', 'zero', 'text', 'flip', 'null', 'duplicate', 'huge'] as const;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(paths.length - 1),
        fc.constantFrom(...mutations),
        fc.nat(),
        async (at, how, where) => {
          const report = structuredClone(original) as unknown;
          mutate(report, paths[at] ?? [], how, where);
          let parsed: Report;
          try {
            parsed = parseReport(JSON.stringify(report));
          } catch (error) {
            expect(isVinculumError(error)).to.equal(true);
            return;
          }
          const result = await verify(parsed, world.trust, world.view);
          if (result.verdict === 'verified')
            expect(withoutSealed(meaning(result))).to.equal(withoutSealed(before));
        },
      ),
      { numRuns: 600 },
    );
  });

  /** Disclosures are the operator's to give or not: leaving one out is no lie. */
  function withoutSealed(text: string): string {
    return text.replace(/"sealed":\{[^}]*\}/g, '"sealed":{}');
  }

  function mutate(root: unknown, path: readonly (string | number)[], how: string, where: number): void {
    const last = path.at(-1) ?? '';
    const parent = path
      .slice(0, -1)
      .reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], root);
    const holder = parent as Record<string, unknown>;
    const value = holder[last];
    if (how === 'delete') {
      if (Array.isArray(parent)) parent.splice(Number(last), 1);
      else delete holder[last];
    } else if (how === 'duplicate' && Array.isArray(parent)) parent.push(structuredClone(value));
    else if (how === 'zero') holder[last] = 0;
    else if (how === 'null') holder[last] = null;
    else if (how === 'huge') holder[last] = 2 ** 52;
    else if (how === 'text') holder[last] = 'x';
    else if (typeof value === 'string' && value.length > 0) {
      const index = where % value.length;
      const other = value[index] === 'a' ? 'b' : 'a';
      holder[last] = value.slice(0, index) + other + value.slice(index + 1);
    } else if (typeof value === 'number') holder[last] = value + 1;
  }

  describe('parseReport', () => {
    for (const [code, text] of [
      ['report.invalidJson', '{"vinculum":"report/1"'],
      ['report.malformed', '{}'],
      ['report.malformed', '[]'],
      ['report.malformed', 'null'],
      ['report.malformed', '{"vinculum":"report/1"}'],
      ['report.unknownVersion', '{"vinculum":"report/2"}'],
    ] as const) {
      it(`refuses ${text} with ${code}`, () => expectCode(code, () => parseReport(text)));
    }

    it('survives deep nesting', () =>
      expectCode('report.malformed', () =>
        parseReport(`{"vinculum":"report/1","x":${'['.repeat(1_000)}${']'.repeat(1_000)}}`),
      ));
  });
});
