import { randomBytes } from 'node:crypto';
import { toBase64Url, utf8 } from '../../../core/bytes.ts';
import { canonicalJson, type Json } from '../../../core/canonical.ts';
import { packEntries } from '../../../core/chain/entry.ts';
import { signSubmission } from '../../../core/chain/submission.ts';
import type { Digest } from '../../../core/chain/types.ts';
import { digestOf, encryptBlock, openBlock, secureRandom } from '../../../core/envelope/block.ts';
import type { ComposedEntry, Content } from '../../../core/envelope/envelope.ts';
import { kinds } from '../../../core/kinds/kinds.ts';
import type { Report, ReportContent } from '../../../core/report/report.ts';
import type { Attester } from '../../api/fixture.ts';
import type { Fate, OtherLie } from '../lie.ts';
import { read } from '../reader.ts';
import { OTHER_CAR, type System, subjectOf } from '../system.ts';
import { section } from './operator.ts';
import { signed, skippedBy } from './relayer.ts';

type Anchored = {
  readonly kind: number;
  readonly digest: Digest;
  /** What the attester hands out beside it, if anything. */
  readonly content?: { readonly block: Uint8Array; readonly key: Uint8Array };
};

let nonce = 50_000n;
let vehicles = 0;

/** A VIN of its own for each lie. */
function nextVin(): string {
  vehicles += 1;
  return `WVWZZZ6NZ${String(vehicles).padStart(8, '0')}`;
}

const reading = (time: string, value: number): Content => ({
  kind: 'odometer',
  time,
  data: { odometer: { value, unit: 'KMT', source: 'workshop' } },
});

/** The attester writes to the ledger itself, past every operator. */
async function anchor(
  system: System,
  by: Attester,
  vin: string,
  entries: readonly Anchored[],
): Promise<void> {
  nonce += 1n;
  const subject = subjectOf(system, vin);
  const submission = {
    organisation: by.id,
    entries: packEntries(entries.map(({ kind, digest }) => ({ kind, subject, digest }))),
    nonce,
    deadline: BigInt(Math.floor(Date.now() / 1000) + 3_600),
  };
  const { outcomes } = await system.chain.relay([signSubmission(system.test.ledger, submission, by.key)]);
  if (outcomes.join() !== 'Accepted') throw new Error(outcomes.join());
}

/**
 * Anchors an honest reading and then the lie, has the operator hand out what the attester gave it, and reads. The honest
 * entry must stay proven whatever stands beside it.
 */
async function judged(
  system: System,
  by: Attester,
  make: (vin: string) => Anchored | Promise<Anchored>,
): Promise<{ fate: Fate; caughtBy: string }> {
  const vin = nextVin();
  await system.test.record(system.inspector, [system.test.compose(system.inspector, vin, inspection)]);
  const lie = await make(vin);
  await anchor(system, by, vin, [lie]);
  system.operator.lie = {
    json: (_, body) => {
      const report = body as Report;
      const { content } = lie;
      if (content === undefined) return report;
      const given = { block: toBase64Url(content.block), key: toBase64Url(content.key), disclosures: [] };
      (report.contents as Record<string, ReportContent>)[lie.digest] = given;
      return report;
    },
  };
  const { verdict, codes, result } = await read(system, 'rpc', vin);
  const [honest, lied] = result?.entries ?? [];
  if (honest?.status !== 'proven' || lied === undefined) throw new Error(`${verdict}: ${codes.join()}`);
  if (verdict === 'verified' && lied.status === 'void') return { fate: 'void', caughtBy: lied.code ?? '' };
  const ignored = result?.findings.find(({ code }) => code === 'entry.amendmentIgnored');
  if (verdict === 'verified' && ignored !== undefined) return { fate: 'void', caughtBy: ignored.code };
  if (verdict === 'incomplete') return { fate: 'incomplete', caughtBy: codes.join(', ') };
  return {
    fate: 'uncaught',
    caughtBy: 'both times are shown: when it is said to be, and when it was anchored',
  };
}

const inspection: Content = {
  kind: 'odometer',
  time: '2024-01-10',
  data: { odometer: { value: 20_000, unit: 'KMT', source: 'inspection' } },
};

const anchored = ({ entry, block, key }: ComposedEntry): Anchored => ({
  kind: entry.kind,
  digest: entry.digest,
  content: { block, key },
});

/** A block of the attester’s own making: its plaintext need not be an envelope. */
function blockOf(plaintext: string, kind = kinds.odometer.number): Anchored {
  const key = secureRandom(32);
  const block = encryptBlock(utf8(plaintext), key);
  return { kind, digest: digestOf(block), content: { block, key } };
}

/** An honest envelope with members changed, in canonical form. */
function forged({ block, key }: ComposedEntry, change: (envelope: Record<string, Json>) => void): Anchored {
  const envelope = JSON.parse(new TextDecoder().decode(openBlock(block, key))) as Record<string, Json>;
  change(envelope);
  return blockOf(canonicalJson(envelope));
}

const by = 'attester' as const;
const unbound = { by, caughtBy: 'envelope.unbound', fate: 'void' } as const;

const composed = (system: System, vin: string, content = reading('2024-02-01', 21_000)): ComposedEntry =>
  system.test.compose(system.workshop, vin, content);

/** What an organisation in good standing can anchor, past every operator’s acceptance. */
export const attesterLies: readonly OtherLie[] = [
  {
    lie: 'anchors garbage',
    by,
    caughtBy: 'json.invalid',
    fate: 'void',
    run: (s) => judged(s, s.workshop, () => blockOf('{"vinculum":1')),
  },
  {
    lie: 'anchors JSON that is nested a million deep',
    by,
    caughtBy: 'json.tooDeep',
    fate: 'void',
    run: (s) => judged(s, s.workshop, () => blockOf('['.repeat(400_000) + ']'.repeat(400_000))),
  },
  {
    lie: 'anchors a block that is too short to be one',
    by,
    caughtBy: 'block.malformed',
    fate: 'void',
    run: (s) =>
      judged(s, s.workshop, () => {
        const block = secureRandom(40);
        return {
          kind: kinds.odometer.number,
          digest: digestOf(block),
          content: { block, key: secureRandom(32) },
        };
      }),
  },
  {
    lie: 'anchors an envelope that its kind does not allow',
    by,
    caughtBy: 'kind.invalidData',
    fate: 'void',
    run: (s) =>
      judged(s, s.workshop, (vin) =>
        forged(composed(s, vin), (envelope) => {
          envelope.data = { odometer: { value: -1, unit: 'KMT', source: 'workshop' } };
        }),
      ),
  },
  {
    lie: 'anchors its own entry of another vehicle here too',
    ...unbound,
    run: (s) => judged(s, s.workshop, () => anchored(composed(s, OTHER_CAR))),
  },
  {
    lie: 'anchors another attester’s entry as its own',
    ...unbound,
    run: (s) =>
      judged(s, s.workshop, (vin) =>
        anchored(s.test.compose(s.inspector, vin, reading('2024-02-01', 21_000))),
      ),
  },
  {
    lie: 'anchors an entry under another kind than its envelope’s',
    ...unbound,
    run: (s) =>
      judged(s, s.workshop, (vin) => ({ ...anchored(composed(s, vin)), kind: kinds.service.number })),
  },
  {
    lie: 'anchors an entry of another ledger',
    ...unbound,
    run: (s) =>
      judged(s, s.workshop, (vin) =>
        forged(composed(s, vin), (envelope) => {
          envelope.ledger = `eip155:${s.trust.chainId}:0x${'77'.repeat(20)}`;
        }),
      ),
  },
  {
    lie: 'dates an event in the future',
    ...unbound,
    run: (s) => judged(s, s.workshop, (vin) => anchored(composed(s, vin, reading('2099-01-01', 21_000)))),
  },
  {
    lie: 'corrects what another attester said',
    by,
    caughtBy: 'entry.amendmentIgnored',
    fate: 'void',
    run: (s) =>
      judged(s, s.workshop, async (vin) => {
        const [first] = section(await s.honest(vin)).links;
        return anchored(
          composed(s, vin, {
            kind: 'amended',
            time: '2024-02-01',
            data: {
              supersedes: first?.digest ?? '',
              kind: 'odometer',
              kindVersion: 1,
              reason: 'typo',
              data: { odometer: { value: 2_000, unit: 'KMT', source: 'inspection' } },
            },
          }),
        );
      }),
  },
  {
    lie: 'anchors a digest and hands its block to nobody',
    by,
    caughtBy: 'entries entry.withheld',
    fate: 'incomplete',
    run: (s) =>
      judged(s, s.workshop, () => ({
        kind: kinds.odometer.number,
        digest: `0x${randomBytes(32).toString('hex')}` as Digest,
      })),
  },
  {
    lie: 'anchors a block that no key opens, to have the operator look guilty',
    by,
    caughtBy: 'entries block.wrongKey',
    fate: 'incomplete',
    run: (s) =>
      judged(s, s.workshop, () => {
        const block = secureRandom(400);
        return {
          kind: kinds.odometer.number,
          digest: digestOf(block),
          content: { block, key: secureRandom(32) },
        };
      }),
  },
  {
    lie: 'attests after it was suspended',
    by,
    caughtBy: 'Skipped 5',
    fate: 'skipped',
    run: (s) => skippedBy(s, [signed(s, s.garage)]),
  },
  {
    lie: 'attests a kind that it was not granted',
    by,
    caughtBy: 'Skipped 7',
    fate: 'skipped',
    run: (s) => skippedBy(s, [signed(s, s.workshop, { kind: kinds.claim.number })]),
  },
  {
    lie: 'attests a kind that is reserved to a module',
    by,
    caughtBy: 'Skipped 7',
    fate: 'skipped',
    run: (s) => skippedBy(s, [signed(s, s.workshop, { kind: 0 })]),
  },
  {
    lie: 'signs with a key that was never registered',
    by,
    caughtBy: 'Skipped 6',
    fate: 'skipped',
    run: (s) => skippedBy(s, [signed(s, s.workshop, { key: randomBytes(32) })]),
  },
  {
    lie: 'signs with a key that was revoked',
    by,
    caughtBy: 'Skipped 6',
    fate: 'skipped',
    run: async (s) => {
      const former = await s.test.admit('Former', ['workshop']);
      await s.test.change('registrar', 'revokeKey', former.id, former.signer);
      return skippedBy(s, [signed(s, former)]);
    },
  },
  {
    lie: 'says that an event happened years before it was anchored',
    by,
    caughtBy: 'both times are shown: when it is said to be, and when it was anchored',
    fate: 'uncaught',
    run: (s) => judged(s, s.workshop, (vin) => anchored(composed(s, vin, reading('2012-02-01', 1_000)))),
  },
];
