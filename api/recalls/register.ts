import { concat, fromHex, lengthPrefixed } from '../../core/bytes.ts';
import type { Json } from '../../core/canonical.ts';
import { readableFields } from '../../core/envelope/envelope.ts';
import { amended } from '../../core/kinds/correction.ts';
import { recallOpened, recallRemedied } from '../../core/kinds/recall.ts';
import type { Nodes } from '../graph/nodes.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { AcceptedEntry } from '../pipeline.ts';
import { Problem } from '../problem.ts';
import { insertRows } from '../store/rows.ts';
import type { Transaction } from '../store/store.ts';

/** A campaign as the tables name it: of whoever reads the database without the keyring, nobody learns its number. */
export type CampaignNames = {
  nameOf(attester: string, number: string): Uint8Array;
};

export function createCampaignNames(keyring: Pick<Keyring, 'lookup'>): CampaignNames {
  return {
    nameOf: (attester, number) =>
      keyring
        .lookup(concat(lengthPrefixed('campaign'), lengthPrefixed(attester), lengthPrefixed(number)))
        .subarray(0, 16),
  };
}

type Fields = Readonly<Record<string, Json>>;

/**
 * Notes campaigns and remedies in the transaction that accepts their entries.
 * @throws `recall.campaignUsed` where the attester has opened another campaign under the number
 */
export async function recordRecalls(
  transaction: Transaction,
  entries: readonly AcceptedEntry[],
  { names, nodes }: { readonly names: CampaignNames; readonly nodes: Nodes },
): Promise<void> {
  for (const entry of entries) {
    if (entry.kind === recallOpened.number) await recordCampaign(transaction, entry, names);
  }
  const rows = entries.flatMap((entry) => {
    const remedy = remedyOf(entry);
    if (remedy === null) return [];
    const { supersedes, data, time } = remedy;
    const of = data === null ? null : { attester: data.attester, campaign: data.campaign };
    const names_ = typeof of?.attester === 'string' && typeof of.campaign === 'string';
    return [
      {
        digest: fromHex(entry.digest, 32),
        subject: fromHex(entry.subject, 32),
        node: nodes.nodeOfText(entry.envelope.identifier),
        supersedes: supersedes === null ? null : fromHex(supersedes, 32),
        campaign: names_ ? names.nameOf(String(of.attester), String(of.campaign)) : null,
        outcome: names_ ? (data?.outcome === 'notNeeded' ? 'notNeeded' : 'remedied') : null,
        day: time === null ? null : dayOf(time),
      },
    ];
  });
  const columns = {
    digest: 'bytea',
    subject: 'bytea',
    node: 'uuid',
    supersedes: 'bytea',
    campaign: 'bytea',
    outcome: 'text',
    day: 'int4',
  } as const;
  await insertRows(transaction, 'remedies', columns, rows, { onConflict: 'DO NOTHING' });
}

/** What an entry says of a remedy: it is one, or corrects one; null for any other entry. */
function remedyOf({
  kind,
  envelope,
  sealed,
}: AcceptedEntry): { supersedes: string | null; data: Fields | null; time: string | null } | null {
  const { data } = readableFields(envelope, sealed as Fields);
  if (kind === recallRemedied.number) return { supersedes: null, data, time: envelope.time };
  if (kind !== amended.number || data.kind !== recallRemedied.name) return null;
  if (typeof data.supersedes !== 'string') return null;
  const corrected = data.data as Fields | undefined;
  // Of one that states no time, what it corrects says when it was.
  const time = typeof data.time === 'string' ? data.time : null;
  return { supersedes: data.supersedes, data: corrected ?? null, time };
}

/** Days since 1970. */
export function dayOf(time: string): number {
  return Math.floor(Date.parse(`${time.slice(0, 10)}T00:00:00Z`) / 86_400_000);
}

async function recordCampaign(
  transaction: Transaction,
  { digest, envelope, sealed }: AcceptedEntry,
  names: CampaignNames,
): Promise<void> {
  const { campaign } = readableFields(envelope, sealed as Fields).data;
  // Its number may be sealed from us: then we can't tell.
  if (typeof campaign !== 'string') return;
  const name = names.nameOf(envelope.organisation, campaign);
  const organisation = BigInt(envelope.organisation);
  const bytes = fromHex(digest, 32);
  const inserted = await transaction.execute(
    'INSERT INTO campaigns (name, organisation, digest) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING',
    [name, organisation, bytes],
  );
  if (inserted > 0) return;
  const [known] = await transaction.query<{ digest: Uint8Array; ledger: boolean; live: boolean }>(
    `SELECT digest,
       EXISTS (SELECT 1 FROM own_links WHERE own_links.digest = $2) AS ledger,
       EXISTS (SELECT 1 FROM own_links WHERE own_links.digest = campaigns.digest)
         OR EXISTS (SELECT 1 FROM submissions
           WHERE submissions.organisation = campaigns.organisation AND state NOT IN ('expired', 'conflicted')
             AND position(campaigns.digest IN entries) > 0) AS live
     FROM campaigns WHERE name = $1 FOR UPDATE`,
    [name, bytes],
  );
  // The same entry again; or one that is on the ledger already, which nobody can refuse.
  if (known === undefined || known.ledger || Buffer.from(known.digest).equals(bytes)) return;
  if (known.live) {
    throw new Problem(
      'recall.campaignUsed',
      `Campaign ${campaign} is open already: extend it, or take another number.`,
    );
  }
  await transaction.execute('UPDATE campaigns SET digest = $2 WHERE name = $1', [name, bytes]);
}
