import { expect } from 'chai';
import fc from 'fast-check';
import { toHex, word } from '../../../core/bytes.ts';
import type { OrganisationId } from '../../../core/chain/types.ts';
import { VinculumError } from '../../../core/errors.ts';
import { titleActionHash } from '../../../core/modules/action.ts';
import { NO_TITLE, type TitleKind } from '../../../core/modules/title.ts';
import {
  type Report,
  type ReportLink,
  type ReportTitleAction,
  readReport,
  titleActionOf,
} from '../../../core/report/report.ts';
import { verify } from '../../../core/verify/verify.ts';
import { ALICE, BOB, CAROL, failures, number, TitledWorld, titledWorld } from './titledWorld.ts';
import { type Act, CAR, NEVER, OTHER_CAR, reading } from './world.ts';

type TitleLink = Extract<ReportLink, { module: string }>;

function section(report: Report): Report['ledgers'][number] {
  const [only] = report.ledgers;
  if (only === undefined) throw new Error('no section');
  return only;
}

function link(report: Report, position: number): TitleLink {
  const found = section(report).links[position];
  if (found === undefined || !('module' in found)) throw new Error('no module’s link');
  return found;
}

function action(report: Report, position: number): ReportTitleAction {
  const found = link(report, position).action;
  if (found === undefined || !('party' in found)) throw new Error('no title’s action');
  return found;
}

const codesOf = (found: readonly { code: string }[]): string[] => found.map(({ code }) => code);

describe('verify, titles', () => {
  const world = titledWorld();

  describe('of an honest report', () => {
    it('proves the title: who owns it, what stands against a sale, and each entry with its action and actor', async () => {
      const result = await world.verifyCar();
      expect(failures(result)).to.deep.equal([]);
      expect(result.verdict).to.equal('verified');
      const [title] = result.titles;
      expect(result.titles).to.have.length(1);
      expect(title?.title).to.deep.include({
        state: 'held',
        owner: BOB,
        tenure: 2n,
        revision: 6n,
        stolen: true,
      });
      expect(title?.title.liens).to.have.length(1);
      expect(title?.title.liens[0]).to.deep.include({ number: 1, holder: world.lender, rank: 1 });
      expect(title?.title.brands).to.deep.equal([11]);
      expect(title?.obstacles).to.deep.equal(['stolen', 'lien']);
      expect(title?.module).to.equal(world.titles);
      expect(title?.events.map(({ kind }) => kind)).to.deep.equal([
        'title.issued',
        'title.offered',
        'title.accepted',
        'title.lienPlaced',
        'title.branded',
        'title.stolen',
      ]);
      expect(result.entries.map(({ status }) => status)).to.deep.equal(Array(6).fill('proven'));
      expect(result.entries[2]?.action).to.deep.include({ kind: 2, organisation: 0n });
      expect(result.entries[2]?.link).to.deep.include({ actor: BOB });
      expect(result.entries[2]?.envelope?.organisation).to.equal('0');
      expect(result.entries[3]?.envelope?.organisation).to.equal('2');
      expect(result.entries[3]?.sealed).to.deep.equal({ contractNumber: 'K-1' });
    });

    it('judges the standing of everybody who acted', async () => {
      const { organisations } = await world.verifyCar();
      expect(organisations.map(({ id }) => id).sort()).to.deep.equal([1n, 2n, 3n, 4n]);
    });

    it('has no title where none was issued', async () => {
      const result = await world.verifyCar(NEVER);
      expect(result.titles).to.deep.equal([]);
      expect(result.summary?.title).to.equal(null);
    });

    it('reads the obstacles as of the block: a lien ends with its last second', async () => {
      const later = titledWorld();
      later.act('title.recovered', later.car, { organisation: later.police });
      expect((await later.verifyCar()).titles[0]?.obstacles).to.deep.equal(['lien']);
      later.clock += 200n * 86_400n;
      const result = await later.verifyCar();
      expect(result.titles[0]?.obstacles).to.deep.equal([]);
      expect(result.summary?.liens).to.deep.equal([]);
      expect(codesOf(result.findings)).to.include('lien.expired');
    });
  });

  describe('with envelopes that nobody hands out', () => {
    it('hides neither an owner, a lien, a theft nor a brand', async () => {
      const report = world.report(CAR);
      for (const digest of Object.keys(report.contents)) report.contents[digest] = { withheld: 'lost' };
      const result = await world.check(report);
      expect(result.verdict).to.equal('incomplete');
      expect(result.entries.map(({ status }) => status)).to.deep.equal(Array(6).fill('withheld'));
      expect(result.titles[0]?.title).to.deep.equal((await world.verifyCar()).titles[0]?.title);
      expect(codesOf(result.findings)).to.include.members(['lien.open', 'title.stolen', 'title.brand']);
      expect(result.summary).to.deep.include({ holders: 2, stolen: true });
      expect(result.summary?.title?.owner).to.equal(BOB);
    });

    it('takes an envelope that is bound elsewhere for void, and the action for what it is', async () => {
      const other = new TitledWorld();
      other.issue();
      other.act('title.stolen', other.car, {
        organisation: other.police,
        action: { organisation: other.registrar },
      });
      other.act('title.recovered', other.car, {
        organisation: other.police,
        action: { organisation: other.police },
      });
      const result = await other.verifyCar();
      expect(result.verdict).to.equal('verified');
      expect(result.entries.map(({ status, code }) => code ?? status)).to.deep.equal([
        'proven',
        'envelope.unbound',
        'proven',
      ]);
      expect(result.titles[0]?.title.stolen).to.equal(false);
    });
  });

  describe('catches an operator who', () => {
    const lies: [string, (report: Report) => void, string, 'refuted' | 'incomplete'][] = [
      [
        'keeps an action back',
        (report) => void delete link(report, 3).action,
        'entries action.missing',
        'incomplete',
      ],
      [
        'exchanges two actions',
        (report) => {
          const [left, right] = [link(report, 3), link(report, 4)];
          [left.action, right.action] = [action(report, 4), action(report, 3)];
        },
        'entries action.hash',
        'refuted',
      ],
      [
        'moves an action to an entry of its own invention',
        (report) => {
          section(report).links.push({ ...link(report, 3) });
        },
        'completeness head.subject',
        'refuted',
      ],
      [
        'leaves a theft out',
        (report) => void section(report).links.pop(),
        'completeness head.subject',
        'refuted',
      ],
      [
        'exchanges two entries',
        (report) => {
          section(report).links.reverse();
        },
        'completeness head.subject',
        'refuted',
      ],
      [
        'has another module write',
        (report) => {
          link(report, 3).module = ALICE;
        },
        'entries action.hash',
        'refuted',
      ],
      [
        'has another actor act',
        (report) => {
          link(report, 2).actor = CAROL;
        },
        'completeness head.subject',
        'refuted',
      ],
      [
        'calls an action another kind',
        (report) => {
          link(report, 5).kind = 8;
        },
        'entries action.hash',
        'refuted',
      ],
      [
        'passes a module’s entry for an organisation’s',
        (report) => {
          const { digest, timestamp } = link(report, 3);
          section(report).links[3] = { kind: 4, organisation: '2', digest, timestamp };
        },
        'entries link.module',
        'refuted',
      ],
      [
        'passes an organisation’s kind for a module’s',
        (report) => {
          link(report, 3).kind = 64;
        },
        'entries link.module',
        'refuted',
      ],
      [
        'leaves the record of who acted out',
        (report) => {
          section(report).organisations = section(report).organisations.filter(({ id }) => id !== '3');
        },
        'attesters organisation.leftOut',
        'incomplete',
      ],
    ];
    for (const [who, lie, failure, verdict] of lies) {
      it(who, async () => {
        const report = world.report(CAR);
        lie(report);
        const result = await world.check(report);
        expect(result.verdict).to.equal(verdict);
        expect(failures(result)).to.include(failure);
      });
    }

    it('alters any field of any action', async () => {
      const altered: { [Field in keyof ReportTitleAction]: ReportTitleAction[Field] } = {
        subject: `0x${'ee'.repeat(32)}`,
        revision: 77,
        deadline: '1',
        organisation: '9',
        party: CAROL,
        until: 12_345,
        detail: number(200),
      };
      for (const position of section(world.report(CAR)).links.keys()) {
        for (const field of Object.keys(altered) as (keyof ReportTitleAction)[]) {
          const report = world.report(CAR);
          Object.assign(action(report, position), { [field]: altered[field] });
          const result = await world.check(report);
          expect(result.verdict, `${position} ${field}`).to.equal('refuted');
          expect(failures(result), field).to.include('entries action.hash');
        }
      }
    });

    it('changes anything at all in a title’s link', async () => {
      const places = section(world.report(CAR)).links.flatMap((found, position) =>
        ['kind', 'module', 'actor', 'timestamp', 'digest', 'actionHash'].map((member) => ({
          position,
          member,
          found,
        })),
      );
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...places),
          fc.nat(255),
          async ({ position, member, found }, byte) => {
            const report = world.report(CAR);
            const before = found[member as keyof ReportLink];
            const changed =
              typeof before === 'number'
                ? (before + byte + 1) % 256
                : `0x${byte.toString(16).padStart(2, '0')}${String(before).slice(4)}`;
            fc.pre(changed !== before);
            Object.assign(link(report, position), { [member]: changed });
            expect((await world.check(report)).verdict).to.equal('refuted');
          },
        ),
        { numRuns: 120 },
      );
    });
  });

  describe('of a chain that holds what Titles would never have written', () => {
    it('refutes an action signed for another chain, or another contract', async () => {
      for (const titles of [
        { chainId: 1n, address: world.titles },
        { chainId: world.chainId, address: ALICE },
      ]) {
        const other = new TitledWorld();
        const { digest, actionHash, ...rest } = other.issue();
        const signed = titleActionOf(other.reportLink({ digest, actionHash, ...rest }));
        if (signed === null) throw new Error('no action');
        const forged = titleActionHash(titles, signed);
        other.actions.set(forged, signed);
        other.chains.set(other.subjectOf(other.car), [{ ...rest, digest, actionHash: forged }]);
        const result = await other.verifyCar();
        expect(result.verdict).to.equal('refuted');
        expect(failures(result)).to.deep.equal(['entries action.hash']);
      }
    });

    const by = (organisation: OrganisationId, given: Act = {}): Act => ({ organisation, ...given });
    const illegal: [string, (chain: TitledWorld) => [TitleKind, Act], string][] = [
      [
        'a second issue',
        (chain) => ['title.issued', by(chain.registrar, { party: CAROL, data: { reason: 'other' } })],
        'title.wrongState',
      ],
      [
        'a sale under a lien',
        (chain) => {
          chain.lien();
          return ['title.transferred', by(chain.registrar, { party: CAROL, data: { reason: 'sale' } })];
        },
        'title.lienOpen',
      ],
      [
        'a sale while stolen',
        (chain) => {
          chain.steal();
          return ['title.offered', { actor: BOB, party: CAROL, until: chain.clock + 100n }];
        },
        'title.stolen',
      ],
      [
        'an offer by a former owner',
        (chain) => ['title.offered', { actor: ALICE, party: CAROL, until: chain.clock + 100n }],
        'title.notOwner',
      ],
      ['an acceptance of no offer', () => ['title.accepted', { actor: CAROL }], 'title.noOffer'],
      [
        'an acceptance by another',
        (chain) => {
          chain.act('title.offered', chain.car, { actor: BOB, party: CAROL, until: chain.clock + 1000n });
          return ['title.accepted', { actor: ALICE }];
        },
        'title.notBuyer',
      ],
      [
        'an acceptance too late',
        (chain) => {
          chain.act('title.offered', chain.car, { actor: BOB, party: CAROL, until: chain.clock + 100n });
          chain.clock += 1000n;
          return ['title.accepted', { actor: CAROL }];
        },
        'title.offerExpired',
      ],
      [
        'an action of another place in the history',
        (chain) => ['title.stolen', by(chain.police, { action: { revision: 9n } })],
        'title.wrongRevision',
      ],
      [
        'an action after its deadline',
        (chain) => ['title.stolen', by(chain.police, { action: { deadline: 5n } })],
        'title.expired',
      ],
      [
        'a right that nobody used',
        (chain) => ['title.stolen', by(chain.police, { action: { organisation: 0n as OrganisationId } })],
        'title.notEntitled',
      ],
      [
        'a release by another lender',
        (chain) => {
          chain.lien();
          return ['title.lienReleased', by(chain.heir, { detail: number(1) })];
        },
        'title.notHolder',
      ],
      [
        'a field that the kind does not use',
        (chain) => ['title.stolen', by(chain.police, { until: 5n })],
        'title.unusedField',
      ],
      [
        'anything after the end',
        (chain) => {
          chain.act('title.scrapped', chain.car, by(chain.authority, { data: { reason: 'endOfLife' } }));
          return [
            'title.branded',
            by(chain.authority, { detail: number(1), data: { jurisdiction: 'FR', text: 'x' } }),
          ];
        },
        'title.wrongState',
      ],
    ];
    for (const [what, prepare, code] of illegal) {
      it(`refutes ${what}`, async () => {
        const chain = new TitledWorld();
        chain.issue();
        chain.sell(ALICE, BOB);
        const [kind, given] = prepare(chain);
        chain.act(kind, chain.car, given);
        const result = await chain.verifyCar();
        expect(result.verdict).to.equal('refuted');
        expect(failures(result)).to.deep.equal(['findings title.illegal']);
        const failed = result.steps.at(-1)?.checks.find((one) => one.code === 'title.illegal');
        expect(failed?.found).to.equal(code);
        expect(result.entries.at(-1)).to.deep.include({ status: 'refuted', code: 'title.illegal' });
        expect(result.titles[0]?.whole).to.equal(false);
        expect(result.summary?.title?.state).to.equal('unknown');
        expect(codesOf(result.findings)).to.include.members(['entry.refuted', 'title.unknown']);
      });
    }

    it('knows a lender’s successor by its record', async () => {
      const chain = new TitledWorld();
      chain.issue();
      chain.lien();
      const record = chain.records.get(chain.lender) ?? [];
      chain.records.set(chain.lender, [
        ...record,
        { change: 9, timestamp: chain.clock, value: toHex(word(chain.heir)) },
      ]);
      chain.act('title.lienReleased', chain.car, { organisation: chain.heir, detail: number(1) });
      const result = await chain.verifyCar();
      expect(result.verdict).to.equal('verified');
      expect(result.titles[0]?.title.liens).to.deep.equal([]);
    });
  });

  describe('of a number that was replaced', () => {
    function replacedWorld(): TitledWorld {
      const chain = titledWorld();
      chain.record(chain.workshop, chain.car, reading('2023-05-20', 1000, 'workshop'));
      chain.replace();
      return chain;
    }

    it('carries the title over, and names both numbers both ways', async () => {
      const chain = replacedWorld();
      const [before, after] = [await chain.verifyCar(), await chain.verifyCar(OTHER_CAR)];
      for (const result of [before, after]) {
        expect(failures(result)).to.deep.equal([]);
        expect(result.verdict).to.equal('verified');
        expect(codesOf(result.findings)).to.include('identity.replaced');
      }
      expect(before.titles[0]?.title).to.deep.include({ state: 'replaced', owner: BOB, liens: [] });
      expect(before.summary?.links).to.deep.equal([`vin:${OTHER_CAR}`]);
      expect(after.titles[0]?.title).to.deep.include({
        state: 'held',
        owner: BOB,
        tenure: 1n,
        revision: 1n,
        stolen: true,
        replaces: chain.subjectOf(chain.car),
      });
      expect(after.titles[0]?.title.brands).to.deep.equal([11]);
      expect(after.summary?.links).to.deep.equal([`vin:${CAR}`]);
      expect(after.summary?.liens[0]).to.deep.include({ holder: '2', rank: 1 });
      expect(codesOf(after.findings)).to.include.members(['title.stolen', 'title.brand', 'lien.open']);
      expect(after.entries[0]?.status).to.equal('proven');
    });

    it('goes on under the new number, and over more than one', async () => {
      const chain = new TitledWorld();
      chain.issue();
      chain.replace();
      chain.sell(ALICE, BOB, chain.other);
      const third = 'VF1AAAAA164321012';
      const next = chain.report(`vin:${third}`);
      chain.act('title.replaced', chain.other, {
        organisation: chain.registrar,
        detail: section(next).subject as `0x${string}`,
        data: { to: `vin:${third}`, reason: 'reissued' },
      });
      const result = await chain.verifyCar(third);
      expect(failures(result)).to.deep.equal([]);
      expect(result.titles[0]?.title).to.deep.include({ owner: BOB, tenure: 1n });
      expect(section(chain.report(third)).predecessors).to.have.length(2);
    });

    const lies: [string, (report: Report) => void, string, 'refuted' | 'incomplete'][] = [
      [
        'keeps the history before back',
        (report) => void delete section(report).predecessors,
        'findings title.predecessorMissing',
        'incomplete',
      ],
      [
        'shortens it',
        (report) => void section(report).predecessors?.[0]?.links.splice(3, 1),
        'completeness head.predecessor',
        'refuted',
      ],
      [
        'keeps an action of it back',
        (report) => {
          const old = section(report).predecessors?.[0]?.links[3] as TitleLink;
          delete old.action;
        },
        'entries action.missing',
        'incomplete',
      ],
      [
        'alters an action of it',
        (report) => {
          const old = section(report).predecessors?.[0]?.links[3] as TitleLink;
          if (old.action !== undefined) old.action.organisation = '9';
        },
        'entries action.hash',
        'refuted',
      ],
      [
        'passes another history for it',
        (report) => {
          const old = section(report).predecessors?.[0];
          if (old !== undefined) old.subject = `0x${'ee'.repeat(32)}`;
        },
        'findings title.predecessorMissing',
        'incomplete',
      ],
    ];
    for (const [who, lie, failure, verdict] of lies) {
      it(`catches an operator who ${who}`, async () => {
        const chain = replacedWorld();
        const report = chain.report(OTHER_CAR);
        lie(report);
        const result = await chain.check(report);
        expect(result.verdict).to.equal(verdict);
        expect(failures(result)).to.include(failure);
        if (verdict === 'incomplete') {
          expect(result.summary?.title?.state).to.equal('unknown');
          expect(codesOf(result.findings)).to.include('title.unknown');
        }
      });
    }

    it('takes an envelope that names another number for void there, and the title for carried over', async () => {
      const chain = titledWorld();
      chain.replace(chain.other, chain.car);
      const result = await chain.verifyCar(OTHER_CAR);
      expect(result.entries[0]).to.deep.include({ status: 'void', code: 'envelope.unbound' });
      expect(result.verdict).to.equal('verified');
      expect(result.titles[0]?.title.owner).to.equal(BOB);
      expect((await chain.verifyCar()).entries.at(-1)?.status).to.equal('proven');
    });

    it('refutes the action on the history of a third vehicle', async () => {
      const chain = titledWorld();
      const link = chain.replace();
      const third = chain.subjectOf({ type: 'vin', scope: '', value: NEVER } as never);
      chain.chains.set(third, [link]);
      const result = await chain.verifyCar(NEVER);
      expect(result.verdict).to.equal('refuted');
      expect(failures(result)).to.include('entries action.subject');
      expect(result.titles[0]?.title).to.deep.equal(NO_TITLE);
    });

    it('cannot say what the predecessor was where its proof does not reach', async () => {
      const chain = replacedWorld();
      const proven = async (chainId: bigint) => {
        const view = await chain.view(chainId);
        if (view === null) return null;
        const old = chain.subjectOf(chain.car);
        const head: typeof view.head = async (ledger, subject) => {
          if (subject === old) {
            throw new VinculumError('proof.missingNode', 'not in the proof');
          }
          return view.head(ledger, subject);
        };
        return { ...view, head };
      };
      const result = await verify(readReport(chain.report(OTHER_CAR)), chain.trust, proven);
      expect(result.verdict).to.equal('incomplete');
      expect(failures(result)).to.deep.equal(['completeness head.predecessor']);
    });
  });
});
