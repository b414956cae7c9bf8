/** What parts of a report say that are loaded after it: its documents, and the check without a network. */
export const lateEn = {
  document: {
    open: (type: string, size: string) => `Open ${type}, ${size}`,
    image: 'photo',
    pdf: 'PDF',
    other: 'file',
    sealed: 'Its key is sealed and was not given to you.',
    opening: 'Fetching, checking and decrypting…',
    checked: (blocks: string, one: boolean) =>
      one
        ? 'The bytes are the ones that the entry names (1 block checked).'
        : `The bytes are the ones that the entry names (${blocks} blocks checked).`,
    save: 'Save',
    newTab: 'Open in a new tab',
    notShown: 'This sort of file is not shown here. Save it to open it.',
    alt: (kind: string, date: string) => `Photo attached to: ${kind}, ${date}`,
    frame: (kind: string, date: string) => `Document attached to: ${kind}, ${date}`,
    failures: {
      'document.unreachable': 'The documents’ server can’t be reached.',
      'document.timeout': 'The documents’ server did not answer in time.',
      'document.missing': 'The server does not have this document. Ask its attester for it.',
      'document.refused': 'The server did not hand over this document.',
      'document.otherContent': 'The server sent other bytes than the entry names. They were thrown away.',
      'document.malformed': 'The document’s blocks are damaged.',
      'document.blockMissing': 'A part of the document is missing on the server.',
      'document.tooLarge': 'The document is too large to be shown here.',
      'document.unsupportedCid': 'The document is stored in a form that this page can’t read.',
      'document.noGateway': 'No server for documents is known. Name a service in Settings.',
      'block.wrongKey': 'The key in the report does not open this document.',
      'block.corrupt': 'The document was damaged before it was recorded.',
      'block.malformed': 'The document was damaged before it was recorded.',
    } as Record<string, string>,
    failed: (code: string) => `The document can’t be opened (${code}).`,
  },
  offline: {
    heading: 'Check without a network',
    lead: 'Paste the hash of a block that you trust. The report’s storage proof is checked under it.',
    label: 'Block hash',
    button: 'Check under this hash',
    fault: 'A block hash is 0x and 64 hexadecimal digits.',
    chain: (chain: string) => `Block hash on chain ${chain}`,
    header: (block: string, time: string) => `The proof is of block ${block}, ${time}.`,
  },
};

export type LateTexts = typeof lateEn;
