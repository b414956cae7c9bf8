/**
 * Writes the golden vectors of consents, access logs and erasures: `node scripts/vectors/privacy.ts`. Every hash is
 * computed with ethers' typed data and Node's own SHA-256, apart from core, which is held against this file.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { TypedDataEncoder, type TypedDataField, Wallet, ZeroAddress, ZeroHash } from 'ethers';
import { canonicalJson } from '../../core/canonical.ts';

export const privacyVectorsFile = join(import.meta.dirname, '../../test/vectors/privacy.json');

type Types = Record<string, TypedDataField[]>;

const field = (text: string): TypedDataField[] =>
  text.split(',').map((pair) => {
    const [type = '', name = ''] = pair.split(' ');
    return { type, name };
  });

/** As docs/protocol.md §14–16 write them. */
const CONSENT: Types = {
  Consent: field(
    'bytes32 subject,uint64 tenure,uint64 organisation,address account,bytes32 bearer,bytes32[] entries,string[] fields,string purpose,uint64 from,uint64 until,bytes32 salt',
  ),
};
const REVOCATION: Types = { ConsentRevocation: field('bytes32 consent') };
const ACCESS: Types = { AccessHead: field('bytes32 subject,uint64 length,bytes32 head,uint64 at') };
const ERASURE: Types = { Erasure: field('bytes32 digest,string what,string basis,uint64 erasedAt') };

const sha256 = (...parts: readonly Uint8Array[]): Uint8Array =>
  createHash('sha256').update(Buffer.concat(parts)).digest();
const hex = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`;
const word = (name: string): string => hex(sha256(Buffer.from(name)));
const keyOf = (name: string): Wallet => new Wallet(word(`key of ${name}`));

const [owner, operator] = [keyOf('the owner'), keyOf('the operator')];
const ledgers = [
  { chainId: '31337', address: '0x5fbdb2315678afecb367f032d93f642f64180aa3' },
  { chainId: '18446744073709551615', address: '0x00000000000000000000000000000000000000ff' },
];
type Ledger = (typeof ledgers)[number];

const domainOf = ({ chainId, address }: Ledger) => ({
  name: 'Vinculum',
  version: '1',
  chainId,
  verifyingContract: address,
});

function signed(ledger: Ledger, types: Types, value: Record<string, unknown>, signer: Wallet) {
  const hash = TypedDataEncoder.hash(domainOf(ledger), types, value);
  return { hash, signature: signer.signingKey.sign(hash).serialized };
}

const none = { organisation: '0', account: ZeroAddress, bearer: ZeroHash };
const token = sha256(Buffer.from('the token of a share link'));
const cid = `b${'a'.repeat(58)}`;

const consents = [
  {
    name: 'an organisation, for everything',
    ...none,
    tenure: 1,
    organisation: '7',
    entries: [],
    fields: [],
    purpose: 'insurance',
    from: 1_700_000_000,
    until: 1_700_000_000 + 366 * 86_400,
  },
  {
    name: 'an account, for one field of two entries',
    ...none,
    tenure: 3,
    account: keyOf('a buyer').address.toLowerCase(),
    entries: [word('entry 1'), word('entry 2')],
    fields: ['amount'],
    purpose: 'purchase',
    from: 1_700_000_000,
    until: 1_700_000_000,
  },
  {
    name: 'a share link, for documents',
    ...none,
    tenure: 2,
    bearer: hex(sha256(token)),
    entries: [word('entry 1')],
    fields: [`document:${cid}`, `key:${word('a batch')}`, 'note'],
    purpose: 'other',
    from: 0,
    until: 86_400,
  },
].map(({ name, ...consent }) => ({
  name,
  consent: { subject: word('a subject'), ...consent, salt: word(`salt of ${name}`) },
}));

function consentVectors(ledger: Ledger) {
  return consents.map(({ name, consent }) => {
    const { hash, signature } = signed(ledger, CONSENT, consent, owner);
    const revocation = signed(ledger, REVOCATION, { consent: hash }, owner);
    return {
      name,
      json: { ...consent, signature },
      hash,
      signer: owner.address.toLowerCase(),
      revocation: { hash: revocation.hash, json: { consent: hash, signature: revocation.signature } },
    };
  });
}

const shown = [{ digest: word('entry 1'), fields: ['amount', 'note'] }];
const accesses = [
  { at: 1_700_000_000, consent: null, purpose: 'operation', reader: 'operator', route: 'erase', shown },
  { at: 1_700_000_060, consent: null, purpose: 'record', reader: 'organisation:7', route: 'report', shown },
  {
    at: 1_700_000_060,
    consent: word('a consent'),
    purpose: 'purchase',
    reader: `bearer:${word('a consent')}`,
    route: 'shares.open',
    shown: [...shown, { digest: word('entry 2'), fields: [`document:${cid}`] }],
  },
  {
    at: 1_700_086_400,
    consent: word('another consent'),
    purpose: 'finance',
    reader: `account:${keyOf('a buyer').address.toLowerCase()}`,
    route: 'report',
    shown,
  },
].map((entry, position) => ({ ...entry, position }));

function accessVectors(ledger: Ledger) {
  let head = new Uint8Array(32);
  const heads = [hex(head)];
  for (const entry of accesses) {
    head = new Uint8Array(
      sha256(Buffer.from('vinculum/access/1'), head, sha256(Buffer.from(canonicalJson(entry)))),
    );
    heads.push(hex(head));
  }
  const signedHeads = heads.map((at, length) => {
    const state = { subject: word('a subject'), length, head: at, at: 1_700_100_000 + length };
    const { hash, signature } = signed(ledger, ACCESS, state, operator);
    return { hash, json: { ...state, operator: operator.address.toLowerCase(), signature } };
  });
  return { entries: accesses, heads: signedHeads };
}

function erasureVectors(ledger: Ledger) {
  return (
    [
      ['entry', 'request'],
      ['entry', 'legalDuty'],
      ['field:holderName', 'objection'],
      [`field:key:${word('a batch')}`, 'unlawful'],
      [`document:${cid}`, 'retention'],
    ] as const
  ).map(([what, basis], index) => {
    const erasure = { digest: word(`entry ${index}`), what, basis, erasedAt: 1_700_000_000 + index };
    const { hash, signature } = signed(ledger, ERASURE, erasure, operator);
    return { hash, json: { ...erasure, operator: operator.address.toLowerCase(), signature } };
  });
}

export function privacyVectors() {
  return {
    token: hex(token),
    bearer: hex(sha256(token)),
    ledgers: ledgers.map((ledger) => ({
      ledger,
      consents: consentVectors(ledger),
      access: accessVectors(ledger),
      erasures: erasureVectors(ledger),
    })),
  };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(privacyVectorsFile, `${JSON.stringify(privacyVectors(), null, 2)}\n`);
}
