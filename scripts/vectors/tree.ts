import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { toBase64Url, toHex } from '../../core/bytes.ts';
import { formatIdentifier, type Identifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import { positioner } from '../../core/tree/position.ts';
import { verifyProof } from '../../core/tree/proof.ts';
import { buildTree } from '../../core/tree/tree.ts';

export const treeVectorsFile = join(import.meta.dirname, '../../test/vectors/tree.json');

const treeKey = Uint8Array.from({ length: 32 }, (_, index) => index);

const serials = (count: number): Identifier[] =>
  Array.from({ length: count }, (_, index) => parseIdentifier(`serial:volta.example:VB-77120-${index}`));

const sets: Record<string, Identifier[]> = {
  empty: [],
  'one element': serials(1),
  'two elements': serials(2),
  'a hundred serials of a batch': serials(100),
  'vehicles of a recall, by identifiers of every sort': [
    'vin:WVWZZZ1JZ3W386752',
    'vin:1HGCM82633A004352',
    'registration:FR:FR000001',
    'chassis:DE:12345',
  ].map((text) => parseIdentifier(text)),
};

const strangers = [
  'serial:volta.example:VB-77120-100',
  'serial:volta.example:vb-77120-0',
  'vin:WVWZZZ1JZ3W386753',
].map((text) => parseIdentifier(text));

/** Golden vectors of the set tree: roots, positions, and proofs of members and of strangers. */
export function treeVectors(): unknown {
  const positionOf = positioner(treeKey);
  return {
    treeKey: toBase64Url(treeKey),
    sets: Object.entries(sets).map(([name, identifiers]) => {
      const tree = buildTree(treeKey, identifiers);
      return {
        name,
        identifiers: identifiers.map(formatIdentifier),
        root: tree.root,
        proofs: [...identifiers.slice(0, 4), ...strangers].map((identifier) => {
          const proof = tree.prove(identifier);
          return {
            identifier: formatIdentifier(identifier),
            position: toHex(positionOf(identifier)),
            verdict: verifyProof(tree.root, treeKey, identifier, proof),
            proof,
          };
        }),
      };
    }),
  };
}

export function treeVectorsText(): string {
  return `${JSON.stringify(treeVectors(), null, 2)}\n`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(treeVectorsFile, treeVectorsText());
}
