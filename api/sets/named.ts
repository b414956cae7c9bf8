import { fromBase64Url, type Hex } from '../../core/bytes.ts';
import type { Envelope } from '../../core/envelope/envelope.ts';
import type { IdentifierType } from '../../core/identifiers/identifier.ts';

/** A set, as an envelope names it. */
export type NamedSet = {
  readonly root: Hex;
  readonly count: number;
  readonly treeKey: Uint8Array;
  /** What the members are. */
  readonly of: 'serial' | 'vehicle';
  /** Whether it says which serials its batch has, and not only what happens to some of them. */
  readonly lists: boolean;
};

/** The types of identifiers that a set may have. */
export const memberTypes: Readonly<Record<NamedSet['of'], readonly IdentifierType[]>> = {
  serial: ['serial'],
  vehicle: ['vin', 'registration', 'chassis', 'van'],
};

/** The set that an envelope names, if it does; a correction names the one of what it corrects, or another. */
export function setOf({ kind, data }: Pick<Envelope, 'kind' | 'data'>): NamedSet | null {
  switch (kind) {
    case 'amended': {
      const corrected = data.data as Envelope['data'] | undefined;
      const original = String(data.kind);
      return corrected === undefined || original === kind ? null : setOf({ kind: original, data: corrected });
    }
    case 'batch.produced':
    case 'batch.quarantined':
    case 'batch.released': {
      const serials = data.serials as { serialsRoot: Hex; count: number; treeKey: string } | undefined;
      if (serials === undefined) return null;
      const { serialsRoot: root, count } = serials;
      const treeKey = fromBase64Url(serials.treeKey);
      return { root, count, treeKey, of: 'serial', lists: kind === 'batch.produced' };
    }
    case 'recall.opened':
    case 'recall.extended':
      // Its signer may have sealed them: then nobody proves anything of the set.
      if (data.affectedRoot === undefined || data.affectedCount === undefined || data.treeKey === undefined)
        return null;
      return {
        root: data.affectedRoot as Hex,
        count: Number(data.affectedCount),
        treeKey: fromBase64Url(String(data.treeKey)),
        of: 'vehicle',
        lists: false,
      };
    default:
      return null;
  }
}
