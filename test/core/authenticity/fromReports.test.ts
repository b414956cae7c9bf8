import { expect } from 'chai';
import {
  factsFromReports,
  type PartReports,
  provenReasons,
  type ToldFacts,
  type VerifiedReport,
} from '../../../core/authenticity/fromReports.ts';
import { judgePart } from '../../../core/authenticity/judge.ts';
import { toBase64Url } from '../../../core/bytes.ts';
import { addressOfKey } from '../../../core/chain/submission.ts';
import type { OrganisationId } from '../../../core/chain/types.ts';
import { secureRandom } from '../../../core/envelope/block.ts';
import type { Content } from '../../../core/envelope/envelope.ts';
import { formatIdentifier, type Identifier, parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { readPartCode, signPartCode } from '../../../core/partCode/partCode.ts';
import { isOpenContent, type Report } from '../../../core/report/report.ts';
import { buildTree, type SetTree } from '../../../core/tree/tree.ts';
import { verify } from '../../../core/verify/verify.ts';
import { AIRBAG, PartWorld } from '../verify/partWorld.ts';

const BATCH = 'batch:safir.example:B-1';
const OTHER = 'serial:safir.example:AB-0009999';
const PRODUCED = {
  bizStep: 'commissioning',
  manufacturerId: 'safir.example',
  manufacturerPartId: 'AB',
  nameAtManufacturer: 'Airbag',
  productionDate: '2023-11-01',
} as const;
const clean: ToldFacts = {
  code: null,
  notInSets: false,
  scrapped: false,
  stolen: false,
  mounted: 0,
  recalls: 0,
  quarantines: 0,
};

/** A part, and the batch whose set holds it. */
class PartFile extends PartWorld {
  readonly batch = parseIdentifier(BATCH);
  readonly part = parseIdentifier(AIRBAG);
  readonly sets = new Map<string, SetTree>();
  readonly rival: OrganisationId;

  constructor() {
    super();
    this.rival = this.admit(9n, 'Copies', 'supplier');
  }

  setOf(members: readonly string[]) {
    const key = secureRandom(32);
    const tree = buildTree(
      key,
      members.map((member) => parseIdentifier(member)),
    );
    return { tree, serials: { serialsRoot: tree.root, count: tree.count, treeKey: toBase64Url(key) } };
  }

  say(
    kind: Content['kind'],
    data: Content['data'],
    by = this.supplier,
    sealed: Content['sealed'] = {},
  ): string {
    return this.record(by, this.batch, { kind, time: '2023-11-01', data, ...(sealed ? { sealed } : {}) })
      .digest;
  }

  produce(members: readonly string[] = [AIRBAG], by = this.supplier): string {
    const { tree, serials } = this.setOf(members);
    const digest = this.say('batch.produced', { ...this.made(), serials }, by);
    this.sets.set(digest, tree);
    return digest;
  }

  made(): Content['data'] {
    return {
      bizStep: 'commissioning',
      manufacturerId: 'safir.example',
      manufacturerPartId: 'AB',
      batchId: 'B-1',
      nameAtManufacturer: 'Airbag',
      productionDate: '2023-11-01',
    };
  }

  /** Some serials held back, or released. */
  some(kind: 'batch.quarantined' | 'batch.released', members: readonly string[], more: Content['data'] = {}) {
    const { tree, serials } = this.setOf(members);
    const steps = {
      'batch.quarantined': { bizStep: 'holding', reason: 'defectFound' },
      'batch.released': { bizStep: 'inspecting', outcome: 'usable' },
    };
    const digest = this.say(kind, { ...steps[kind], ...more, serials });
    this.sets.set(digest, tree);
    return digest;
  }

  amend(supersedes: string, kind: string, data: Content['data'] | null, by = this.supplier): string {
    const to = data === null ? { retracted: true } : { data };
    return this.say('amended', { supersedes, kind, kindVersion: 1, reason: 'other', ...to } as never, by);
  }

  async read(identifier: Identifier, lie: (report: Report) => void = () => {}): Promise<VerifiedReport> {
    const report = this.report(formatIdentifier(identifier));
    if (identifier.type === 'batch') {
      report.member = AIRBAG;
      for (const [digest, content] of Object.entries(report.contents)) {
        const tree = this.sets.get(digest);
        if (tree !== undefined && isOpenContent(content)) content.setProof = tree.prove(this.part);
      }
    }
    lie(report);
    const verification = await verify(report, this.trust, this.view);
    return { report, verification, verdict: verification.verdict };
  }

  async judge(told: Partial<ToldFacts> = {}, given: Partial<PartReports> = {}) {
    const reports = {
      own: await this.read(this.part),
      batches: [await this.read(this.batch)],
      unread: 0,
      ...given,
    };
    const { facts, verified } = factsFromReports(this.part, null, reports, { ...clean, ...told });
    const { state, reasons } = judgePart(facts);
    return { state, reasons, facts, verified, proven: provenReasons(reasons, verified) };
  }
}

const withhold = (digest: string) => (report: Report) => {
  report.contents[digest] = { withheld: 'not here' };
};

describe('what a part is, by the reader’s own reports', () => {
  it('is genuine where its maker’s set holds it and nothing is kept back', async () => {
    const file = new PartFile();
    file.produce();
    const { state, verified, proven } = await file.judge();
    expect(state).to.equal('genuine');
    expect(verified).to.deep.equal(['makers', 'quarantines', 'stolen']);
    expect([...proven]).to.deep.equal(['maker.inSet', 'code.none']);
  });

  it('is not where a report that could speak against it is not verified, and nothing absent is proven then', async () => {
    const file = new PartFile();
    file.produce();
    const held = file.say('batch.quarantined', { bizStep: 'holding', reason: 'defectFound' });
    const claimed = file.record(file.rival, file.part, {
      kind: 'part.produced',
      time: '2023-11-01',
      data: PRODUCED,
    }).digest;
    const blind = {
      own: await file.read(file.part, withhold(claimed)),
      batches: [await file.read(file.batch, withhold(held))],
    };
    const { state, reasons, verified, facts } = await file.judge({}, blind);
    expect([state, facts.quarantines]).to.deep.equal(['unknown', 0]);
    expect(reasons).to.include('history.incomplete');
    expect(verified).to.deep.equal(['incomplete']);
    // An honest service that holds the entry says so, and is heard; of what is stolen too.
    const told = await file.judge({ quarantines: 1 }, blind);
    expect(told.state).to.equal('recalled');
    expect(told.proven.has('part.quarantined')).to.equal(false);
    expect((await file.judge({ stolen: true }, blind)).state).to.equal('stolen');
    // With everything there it is proven.
    const shown = await file.judge();
    expect([shown.state, shown.facts.quarantines]).to.deep.equal(['recalled', 1]);
    expect(shown.proven.has('part.quarantined')).to.equal(true);
    expect(shown.reasons).to.include('maker.contradiction');
  });

  it('follows the reader’s own verdict, which is less than the verification’s', async () => {
    const file = new PartFile();
    file.produce();
    const [own, batch] = [await file.read(file.part), await file.read(file.batch)];
    expect([own.verdict, batch.verdict]).to.deep.equal(['verified', 'verified']);
    for (const given of [
      { own: { ...own, verdict: 'incomplete' as const } },
      { batches: [{ ...batch, verdict: 'incomplete' as const }] },
      { unread: 1 },
    ]) {
      const { state, verified } = await file.judge({}, given);
      expect(state).to.equal('unknown');
      expect(verified).not.to.include('makers');
      expect(verified).not.to.include('quarantines');
    }
    const refuted = await file.judge({}, { batches: [{ ...batch, verdict: 'refuted' }] });
    expect(refuted.facts.makers).to.deep.equal([]);
  });

  it('is not where its own history names a batch that nobody looked into', async () => {
    const file = new PartFile();
    file.produce();
    file.record(file.supplier, file.part, {
      kind: 'part.produced',
      time: '2023-11-01',
      data: { ...PRODUCED, batch: BATCH },
    });
    expect((await file.judge()).state).to.equal('genuine');
    const { state, reasons } = await file.judge({}, { batches: [] });
    expect(state).to.equal('unknown');
    expect(reasons).to.include('history.incomplete');
  });

  it('is not where the content of a quarantine was destroyed', async () => {
    const file = new PartFile();
    file.produce();
    const own = await file.read(file.part);
    const batch = await file.read(file.batch);
    const [entry] = batch.verification.entries;
    if (entry === undefined) throw new TypeError();
    const { envelope: _, ...rest } = entry;
    const erased = { ...rest, link: { ...entry.link, kind: 99 }, status: 'erased' as const };
    const verification = { ...batch.verification, entries: [...batch.verification.entries, erased] };
    const { state } = await file.judge({}, { own, batches: [{ ...batch, verification }] });
    expect(state).to.equal('unknown');
  });

  it('is scrapped where whoever took it out says so, by the service’s word; by Parts it is proven', async () => {
    const file = new PartFile();
    file.produce();
    const told = await file.judge({ scrapped: true });
    expect(told.state).to.equal('scrapped');
    expect(told.proven.has('part.scrapped')).to.equal(false);
    file.do('safetyPart.registered');
    file.do('safetyPart.scrapped');
    const shown = await file.judge();
    expect(shown.state).to.equal('scrapped');
    expect(shown.proven.has('part.scrapped')).to.equal(true);
  });

  it('is free in the vehicle that it is looked at in, once that one’s subject is proven', async () => {
    const file = new PartFile();
    file.do('safetyPart.registered');
    file.do('safetyPart.mounted');
    const anywhere = await file.judge();
    expect([anywhere.state, anywhere.proven.has('part.mounted')]).to.deep.equal(['mounted', true]);
    const here = await file.judge({}, { vehicle: await file.read(file.car) });
    expect(here.state).to.equal('genuine');
    // What else is not known of the vehicle says nothing of the part.
    const [entry] = (await file.read(file.car)).verification.entries;
    const blind = await file.read(file.car, withhold(entry?.link.digest ?? ''));
    expect(blind.verdict).to.equal('incomplete');
    expect((await file.judge({}, { vehicle: blind })).state).to.equal('genuine');
    const elsewhere = await file.judge({}, { vehicle: await file.read(file.other) });
    expect([elsewhere.state, elsewhere.proven.has('part.mounted')]).to.deep.equal(['mounted', true]);
    // Without a proof of which vehicle it is there is the service's word.
    expect((await file.judge({}, { vehicle: null })).state).to.equal('genuine');
    const said = await file.judge({ mounted: 1 }, { vehicle: null });
    expect([said.state, said.proven.has('part.mounted')]).to.deep.equal(['mounted', false]);
  });

  describe('after corrections', () => {
    it('is in the set that its batch’s maker corrected to', async () => {
      const file = new PartFile();
      const first = file.produce([OTHER]);
      expect((await file.judge()).state).to.equal('unknown');
      const { tree, serials } = file.setOf([AIRBAG, OTHER]);
      file.sets.set(file.amend(first, 'batch.produced', { ...file.made(), serials }), tree);
      const { state, reasons } = await file.judge();
      expect([state, reasons[0]]).to.deep.equal(['genuine', 'maker.inSet']);
    });

    it('is not in a set that was corrected since, nor where it was retracted', async () => {
      const file = new PartFile();
      const first = file.produce([AIRBAG, OTHER]);
      const { tree, serials } = file.setOf([OTHER]);
      const second = file.amend(first, 'batch.produced', { ...file.made(), serials });
      file.sets.set(second, tree);
      const { state, reasons } = await file.judge();
      expect(state).to.equal('unknown');
      expect(reasons).to.include('maker.unknown');
      file.amend(second, 'batch.produced', null);
      expect((await file.judge()).state).to.equal('unknown');
    });

    it('is held back as the correction says, by whoever may correct it', async () => {
      const file = new PartFile();
      file.produce([AIRBAG, OTHER]);
      const held = file.say('batch.quarantined', { bizStep: 'holding', reason: 'defectFound' });
      file.amend(held, 'batch.quarantined', null, file.rival);
      expect((await file.judge()).state).to.equal('recalled');
      const { tree, serials } = file.setOf([OTHER]);
      const narrowed = { bizStep: 'holding', reason: 'defectFound', serials };
      file.sets.set(file.amend(held, 'batch.quarantined', narrowed), tree);
      const { state, verified } = await file.judge();
      expect([state, verified.includes('quarantines')]).to.deep.equal(['genuine', true]);
    });
  });

  describe('held back', () => {
    const hold = { bizStep: 'holding', reason: 'defectFound' } as const;
    const free = { bizStep: 'inspecting', outcome: 'usable' } as const;

    it('is what a set of some serials holds, and only that; each is proven', async () => {
      const file = new PartFile();
      file.produce([AIRBAG, OTHER]);
      file.some('batch.quarantined', [OTHER]);
      expect((await file.judge({ quarantines: 7 })).facts.quarantines).to.equal(0);
      const own = file.some('batch.quarantined', [AIRBAG]);
      expect((await file.judge()).facts.quarantines).to.equal(1);
      file.some('batch.released', [OTHER], { quarantined: own });
      expect((await file.judge()).facts.quarantines).to.equal(1);
      file.some('batch.released', [AIRBAG], { quarantined: own });
      expect((await file.judge()).state).to.equal('genuine');
    });

    it('is what nobody shows whether it is in the set, as far as the service says; genuine it is not', async () => {
      const file = new PartFile();
      file.produce();
      file.sets.delete(file.some('batch.quarantined', [AIRBAG]));
      const { state, reasons } = await file.judge();
      expect(state).to.equal('unknown');
      expect(reasons).to.include('history.incomplete');
      expect((await file.judge({ quarantines: 1 })).state).to.equal('recalled');
    });

    it('is what was held back for a reason that is sealed', async () => {
      const file = new PartFile();
      file.produce();
      file.say('batch.quarantined', { bizStep: 'holding' }, file.supplier, { reason: 'defectFound' });
      const { state, proven } = await file.judge({}, { batches: [await file.read(file.batch, undisclosed)] });
      expect([state, proven.has('part.quarantined')]).to.deep.equal(['recalled', true]);
    });

    it('is not freed by a release that may be of others: it has fields that nobody can read', async () => {
      const file = new PartFile();
      file.produce([AIRBAG, OTHER]);
      const whole = file.say('batch.quarantined', hold);
      const { serials } = file.setOf([OTHER]);
      file.say('batch.released', free, file.supplier, { serials, quarantined: whole });
      const blind = { batches: [await file.read(file.batch, undisclosed)] };
      const { state, reasons, verified } = await file.judge({}, blind);
      expect(state).to.equal('unknown');
      expect(reasons).to.include('part.releaseSealed');
      expect(verified).not.to.include('quarantines');
      expect((await file.judge({ quarantines: 1 }, blind)).state).to.equal('recalled');
      // One of all of it, with nothing sealed, ends it for everybody.
      file.say('batch.released', free);
      const after = await file.judge({}, { batches: [await file.read(file.batch, undisclosed)] });
      expect([after.state, after.facts.quarantines]).to.deep.equal(['genuine', 0]);
    });

    it('is not freed by a release that is older on another ledger, wherever that one stands in the report', async () => {
      const file = new PartFile();
      file.produce();
      file.say('batch.quarantined', hold);
      file.say('batch.released', free);
      const batch = await file.read(file.batch);
      const moved = (anchoredAt: number): VerifiedReport => ({
        ...batch,
        verification: {
          ...batch.verification,
          effective: batch.verification.effective.map((entry) =>
            entry.kind === 'batch.released'
              ? { ...entry, ledger: 'eip155:1:0x00' as never, position: 99, anchoredAt }
              : entry,
          ),
        },
      });
      const at =
        batch.verification.effective.find(({ kind }) => kind === 'batch.quarantined')?.anchoredAt ?? 0;
      expect((await file.judge({}, { batches: [moved(at - 1)] })).state).to.equal('recalled');
      expect((await file.judge({}, { batches: [moved(at + 1)] })).state).to.equal('genuine');
    });
  });

  it('takes from the service what the key is, and never whose code it is', async () => {
    const file = new PartFile();
    file.produce();
    const key = secureRandom(32);
    const ledger = { chainId: file.chainId, address: file.ledger };
    const code = readPartCode(signPartCode({ identifier: file.part, organisation: file.rival, ledger }, key));
    expect(code.signer).to.equal(addressOfKey(key));
    const reports = { own: await file.read(file.part), batches: [await file.read(file.batch)], unread: 0 };
    const good = { ledger: 'known', key: 'active', standing: 'good' } as const;
    for (const told of [null, { ...good, organisation: file.supplier }]) {
      const { facts } = factsFromReports(file.part, code, reports, { ...clean, code: told });
      expect(judgePart(facts)).to.deep.include({ state: 'forged' });
      expect(judgePart(facts).reasons).to.include('code.otherMaker');
    }
  });
});

/** As whoever may see nothing sealed gets it. */
function undisclosed(report: Report): void {
  for (const content of Object.values(report.contents)) if (isOpenContent(content)) content.disclosures = [];
}
