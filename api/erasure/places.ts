import { CID } from 'multiformats/cid';
import type { Digest } from '../../core/chain/types.ts';
import { cidOf } from '../../core/envelope/cid.ts';
import type { DocumentStore } from '../documents/documentStore.ts';
import type { KuboDocumentStore } from '../documents/kubo.ts';
import { Problem } from '../problem.ts';

/** Somewhere outside of the database that content may be. */
export interface Place {
  readonly name: string;
  /** @throws `document.unavailable` */
  check(): Promise<void>;
  /** Destroys a document and its blocks; nothing where it is not there. @throws `erasure.pinned` */
  destroyDocument(cid: string): Promise<void>;
  /** Destroys an entry's block. @throws `erasure.pinned` */
  destroyBlock(digest: Digest): Promise<void>;
}

/** A CID that nothing has: asking for it shows that the store answers. */
const NOTHING = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku';

/** Documents in the data folder; entries' blocks are in the database. */
export function embeddedPlace(documents: DocumentStore): Place {
  return {
    name: 'documents',
    async check() {
      await documents.has(NOTHING);
    },
    async destroyDocument(cid) {
      await documents.delete(cid);
    },
    destroyBlock: async () => undefined,
  };
}

/** A Kubo node. It has entries' blocks, too: those that were fetched by it from other operators. */
export function kuboPlace(name: string, kubo: KuboDocumentStore): Place {
  const gone = async (cid: CID): Promise<void> => {
    await kubo.deleteBlock(cid);
    if ((await kubo.block(cid)) === undefined) return;
    throw new Problem('erasure.pinned', `${name} keeps block ${cid} for another pin: remove that pin.`, {
      extensions: { cid: cid.toString() },
    });
  };
  return {
    name,
    async check() {
      await kubo.has(NOTHING);
    },
    async destroyDocument(cid) {
      await kubo.delete(cid);
      await gone(CID.parse(cid));
    },
    destroyBlock: (digest) => gone(CID.parse(cidOf(digest))),
  };
}
