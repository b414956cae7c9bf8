import type { Json } from '../canonical.ts';
import type { OrganisationId } from '../chain/types.ts';
import type { EffectiveEntry } from '../findings/openedEntry.ts';

/** To whom a batch was shipped, as far as its history says. */
export type Customer = {
  /** Who attested that it arrived; null: nobody on the network did, by the name that the shipper gives. */
  readonly organisation: OrganisationId | null;
  /** As the shipper names them; null where that is not said, or not open. */
  readonly party: string | null;
  /** The `batch.shipped` entry. */
  readonly shipped: string;
  /** Others that attested that this shipment came to them, under a name that is not the one it was shipped to. */
  readonly claimedBy: readonly OrganisationId[];
};

/**
 * The customers of an organisation for one batch, by what it shipped and who attested that it came. Anybody who reads the
 * history can attest a receipt of a shipment: where the shipper names a party, only a receipt by that name counts, and where
 * nobody gave one the party stays.
 * @param entries of the batch's verified history, as they count (`Verification.effective`)
 */
export function customersOf(entries: readonly EffectiveEntry[], organisation: OrganisationId): Customer[] {
  const own = organisation.toString();
  const text = (value: Json | undefined): string | null => (typeof value === 'string' ? value : null);
  const receipts = entries.flatMap((entry) =>
    entry.kind === 'batch.received' && entry.organisation !== own && /^[1-9][0-9]*$/.test(entry.organisation)
      ? [{ by: BigInt(entry.organisation) as OrganisationId, data: entry.data }]
      : [],
  );
  return entries
    .filter((entry) => entry.kind === 'batch.shipped' && entry.organisation === own)
    .flatMap(({ digest, amendedBy, data, sealed }): Customer[] => {
      const party = text(sealed.customer) ?? text(data.to);
      const names: readonly (Json | null | undefined)[] = amendedBy === null ? [digest] : [digest, amendedBy];
      const named = receipts.filter((receipt) => names.includes(receipt.data.shipped));
      const open = receipts.filter((receipt) => receipt.data.shipped === undefined);
      const isTheirs = (receipt: (typeof receipts)[number]): boolean =>
        party === null || text(receipt.data.by) === party;
      const theirs = named.filter(isTheirs);
      const found = [...new Set((theirs.length > 0 ? theirs : open.filter(isTheirs)).map(({ by }) => by))];
      const claims = named.map(({ by }) => by).filter((by) => !found.includes(by));
      const of = { party, shipped: digest, claimedBy: [...new Set(claims)] };
      if (found.length === 0) return [{ organisation: null, ...of }];
      return found.map((by) => ({ organisation: by, ...of }));
    });
}
