/**
 * Writes the golden vectors of part codes and of alerts' links: `node scripts/vectors/partCodes.ts`. Every hash is computed
 * with ethers' typed data and Node's own hashes, apart from core, which is held against this file.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { TypedDataEncoder, type TypedDataField, Wallet } from 'ethers';

export const partCodeVectorsFile = join(import.meta.dirname, '../../test/vectors/partCodes.json');

const field = (text: string): TypedDataField[] =>
  text.split(',').map((pair) => {
    const [type = '', name = ''] = pair.split(' ');
    return { type, name };
  });

/** As docs/protocol.md §18 and §19 write them. */
const PART_CODE = { PartCode: field('string identifier,uint64 organisation') };
const LINK = { AlertLink: field('bytes32 alert,address holder,bytes32 bearer,uint64 from,uint64 until') };
const ANSWER = {
  AlertLinkAnswer: field('bytes32 link,string status,string reason,string by,uint64 at'),
};

const hash = (algorithm: string, ...parts: readonly (Uint8Array | string)[]): Buffer =>
  createHash(algorithm)
    .update(Buffer.concat(parts.map((part) => Buffer.from(part))))
    .digest();
const hex = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`;
const maker = new Wallet(hex(hash('sha256', 'key of the maker')));
const ledgers = [
  { chainId: '31337', address: '0x5fbdb2315678afecb367f032d93f642f64180aa3' },
  { chainId: '84532', address: '0x8464135c8f25da09e49bc8782676a84730c318bc' },
];
type Ledger = (typeof ledgers)[number];

function signed(ledger: Ledger, types: Record<string, TypedDataField[]>, message: object, key: Wallet) {
  const domain = {
    name: 'Vinculum',
    version: '1',
    chainId: ledger.chainId,
    verifyingContract: ledger.address,
  };
  const digest = TypedDataEncoder.hash(domain, types, message);
  return { hash: digest, signature: key.signingKey.sign(digest).serialized };
}

function codeOf(ledger: Ledger, identifier: string, organisation: string) {
  const { hash: digest, signature } = signed(ledger, PART_CODE, { identifier, organisation }, maker);
  const head = Buffer.alloc(16);
  head.writeBigUInt64BE(BigInt(organisation), 0);
  head.writeBigUInt64BE(BigInt(ledger.chainId), 8);
  const payload = Buffer.concat([head, Buffer.from(ledger.address.slice(2), 'hex'), Buffer.from(identifier)]);
  const text = Buffer.from(signature.slice(2), 'hex').toString('base64url');
  return {
    ledger,
    identifier,
    organisation,
    signer: maker.address.toLowerCase(),
    hash: digest,
    code: `VN1.${payload.toString('base64url')}.${text}`,
  };
}

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

function linkOf(ledger: Ledger, name: string) {
  const token = hash('sha256', name);
  const opener = hash('sha256', 'vinculum/alert-link/1/open', token);
  const wide = BigInt(hex(hash('sha512', 'vinculum/alert-link/1/sign', token)));
  const holder = new Wallet(`0x${((wide % (ORDER - 1n)) + 1n).toString(16).padStart(64, '0')}`);
  const link = {
    alert: hex(hash('sha256', `alert ${name}`)),
    holder: holder.address.toLowerCase(),
    bearer: hex(hash('sha256', opener)),
    from: 1_700_000_000,
    until: 1_702_592_000,
  };
  const { hash: linkHash, signature } = signed(ledger, LINK, link, maker);
  const answer = {
    link: linkHash,
    status: 'declined',
    reason: 'Not our part. 不是我们的零件。',
    by: 'Outside Ltd',
    at: 1_700_100_000,
  };
  const said = signed(ledger, ANSWER, answer, holder);
  return {
    ledger,
    token: hex(token),
    opener: hex(opener),
    link: { ...link, signature },
    hash: linkHash,
    signer: maker.address.toLowerCase(),
    answer: { ...answer, signature: said.signature },
    answerHash: said.hash,
  };
}

export function partCodeVectors() {
  return {
    codes: ledgers.flatMap((ledger) => [
      codeOf(ledger, 'serial:safir.example:AB-2021H1-0001', '8'),
      codeOf(ledger, 'batch:lithos.example:LC-2021H1', '18446744073709551615'),
      codeOf(ledger, 'serial:id.gs1.org:01/04012345111118/21/9876', '1'),
    ]),
    links: ledgers.map((ledger, index) => linkOf(ledger, `token ${index}`)),
  };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(partCodeVectorsFile, `${JSON.stringify(partCodeVectors(), null, 2)}\n`);
}
