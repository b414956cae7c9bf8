import type { Json } from '../canonical.ts';
import type { OrganisationId } from '../chain/types.ts';
import type { VerifiedEntry } from '../verify/result.ts';

/** To whom a batch was shipped, as far as its history says. */
export type Customer = {
  /** Who attested that it arrived; null: nobody on the network did. */
  readonly organisation: OrganisationId | null;
  /** As the shipper names them; null where that is not said, or not open. */
  readonly party: string | null;
  /** The `batch.shipped` entry. */
  readonly shipped: string;
};

/**
 * The customers of an organisation for one batch, by what it shipped and who attested that it came. A receipt counts for the
 * shipment that it names, else for any of this batch.
 * @param entries of the batch's verified history
 */
export function customersOf(entries: readonly VerifiedEntry[], organisation: OrganisationId): Customer[] {
  const proven = entries.flatMap((entry) =>
    entry.status === 'proven' && entry.envelope !== undefined && 'organisation' in entry.link
      ? [
          {
            ...entry,
            data: { ...entry.envelope.data, ...entry.sealed } as Readonly<Record<string, Json>>,
            kind: entry.envelope.kind,
            by: entry.link.organisation,
          },
        ]
      : [],
  );
  const text = (value: Json | undefined): string | null => (typeof value === 'string' ? value : null);
  const receipts = proven.filter(({ kind, by }) => kind === 'batch.received' && by !== organisation);
  return proven
    .filter(({ kind, by }) => kind === 'batch.shipped' && by === organisation)
    .flatMap(({ link, data }): Customer[] => {
      const party = text(data.customer) ?? text(data.to);
      const named = receipts.filter((receipt) => receipt.data.shipped === link.digest);
      const open = receipts.filter(
        (receipt) => receipt.data.shipped === undefined && (party === null || receipt.data.by === party),
      );
      const found = named.length > 0 ? named : open;
      const shipped: string = link.digest;
      if (found.length === 0) return [{ organisation: null, party, shipped }];
      return found.map(({ by }) => ({ organisation: by, party, shipped }));
    });
}
