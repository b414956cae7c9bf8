import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { expect } from 'chai';
import { createRpc } from '../../../cli/rpc.ts';
import { toBase64Url, utf8 } from '../../../core/bytes.ts';
import { encryptBlock } from '../../../core/envelope/block.ts';
import type { ComposedEntry } from '../../../core/envelope/envelope.ts';
import { parseReport } from '../../../core/report/report.ts';
import { rpcView } from '../../../core/verify/chainView.ts';
import type { Verification } from '../../../core/verify/result.ts';
import { verify } from '../../../core/verify/verify.ts';
import type { Attester, Reply, TestService } from '../fixture.ts';

/** A workshop that seals what it writes of people, and encrypts its documents. */
export class Garage {
  readonly test: TestService;
  readonly workshop: Attester;
  readonly token: string;

  private constructor(test: TestService, workshop: Attester, token: string) {
    this.test = test;
    this.workshop = workshop;
    this.token = token;
  }

  static async open(test: TestService, name = 'Garage'): Promise<Garage> {
    const workshop = await test.admit(name, ['workshop', 'insurer', 'registrar']);
    return new Garage(test, workshop, await test.signIn(workshop));
  }

  /** A service of a vehicle; people are in its sealed fields. */
  service(
    vin: string,
    sealed: Record<string, string> = {},
    documents: readonly Document[] = [],
    time = '2024-05-31',
  ): ComposedEntry {
    const listed = documents.map(({ cid, bytes }) => ({ cid, mediaType: 'image/png', bytes }));
    const keys = documents.map(({ cid, key }) => [`document:${cid}`, toBase64Url(key)]);
    return this.test.compose(this.workshop, `vin:${vin}`, {
      kind: 'service',
      time,
      data: {
        type: 'scheduled',
        items: ['engineOil'],
        odometer: { value: 12_000, unit: 'KMT', source: 'workshop' },
        ...(listed.length === 0 ? {} : { documents: listed }),
      },
      sealed: { ...sealed, ...Object.fromEntries(keys) },
    });
  }

  claim(vin: string, sealed: Record<string, string>): ComposedEntry {
    return this.test.compose(this.workshop, `vin:${vin}`, {
      kind: 'claim',
      time: '2024-06-01',
      data: { type: 'collision', status: 'settled' },
      sealed,
    });
  }

  async record(...entries: readonly ComposedEntry[]): Promise<void> {
    await this.test.record(this.workshop, entries);
  }

  /** A document as signers make it, uploaded. */
  async upload(plaintext: Uint8Array = randomBytes(3_000)): Promise<Document> {
    const key = randomBytes(32);
    const content = encryptBlock(plaintext, key);
    const { body } = await this.uploadBytes(content);
    return { cid: body.cid, bytes: plaintext.length, key, content };
  }

  uploadBytes(content: Uint8Array): Promise<Reply> {
    const raw = { content: content as Uint8Array<ArrayBuffer>, type: 'application/octet-stream' };
    return this.test.request('POST', '/v1/documents', { raw, token: this.token });
  }

  get operator(): { token: string } {
    return { token: this.test.service.operatorToken };
  }

  plan(target: object): Promise<Reply> {
    return this.test.post('/v1/erasures', { target, basis: 'request' }, this.operator);
  }

  /** What `bin/vinculum erase --yes` does: looks at the plan, and agrees to it. */
  async erase(target: object, basis = 'request'): Promise<Reply> {
    const planned = await this.plan(target);
    expect(planned.status, planned.text).to.equal(200);
    return this.test.post(
      '/v1/erasures',
      { target, basis, dryRun: false, plan: planned.body.plan.id },
      this.operator,
    );
  }

  report(vin: string, token?: string): Promise<Reply> {
    return this.test.get(`/v1/vehicles/${vin}/report`, { token });
  }

  /** What a reader who trusts nobody but the chain makes of a vehicle's report. */
  async verify(vin: string): Promise<Verification> {
    const { text } = await this.report(vin);
    const { rpcUrl, services } = this.test.service;
    const { chainId, directory } = services.deployment;
    const endpoint = createRpc(rpcUrl, { attempts: 1 }).request;
    return verify(parseReport(text), { chainId, directory }, (chain) => rpcView([endpoint], chain));
  }
}

export type Document = {
  readonly cid: string;
  readonly bytes: number;
  readonly key: Uint8Array;
  readonly content: Uint8Array;
};

/** A VIN that nobody else has; its check digit is not required where it begins with W. */
let vins = 0;
export function newVin(): string {
  vins += 1;
  return `WVWZZZ1JZXW${(100_000 + vins).toString()}`;
}

/** The files below a folder that hold any piece of these secrets, with which. */
export async function filesWith(
  folder: string,
  secrets: Readonly<Record<string, Uint8Array>>,
): Promise<string[]> {
  const pieces = Object.entries(secrets).flatMap(([name, secret]) =>
    piecesOf(secret).map((piece) => ({ name, piece })),
  );
  // A place is looked at closely where its first four bytes are those of a piece.
  const byStart = Map.groupBy(pieces, ({ piece }) => piece.readUInt32LE(0));
  const likely = new Uint8Array(65_536);
  for (const start of byStart.keys()) likely[start & 0xffff] = 1;
  const found = new Set<string>();
  for (const file of await filesBelow(folder)) {
    const content = await readFile(file).catch(() => Buffer.alloc(0));
    for (let at = 0; at + PIECE_BYTES <= content.length; at += 1) {
      if (likely[(content[at] ?? 0) | ((content[at + 1] ?? 0) << 8)] === 0) continue;
      for (const { name, piece } of byStart.get(content.readUInt32LE(at)) ?? []) {
        if (content.compare(piece, 0, piece.length, at, at + piece.length) === 0) {
          found.add(`${relative(folder, file)}: ${name}`);
        }
      }
    }
  }
  return [...found].sort();
}

const PIECE_BYTES = 20;

/** A database cuts large values up: any piece of a secret gives it away. */
function piecesOf(secret: Uint8Array): Buffer[] {
  const bytes = Buffer.from(secret);
  if (bytes.length < PIECE_BYTES) throw new TypeError('too short to be told from chance');
  const step = Math.max(PIECE_BYTES, Math.floor(bytes.length / 40));
  return Array.from({ length: Math.floor((bytes.length - PIECE_BYTES) / step) + 1 }, (_, index) =>
    bytes.subarray(index * step, index * step + PIECE_BYTES),
  );
}

export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** A secret in the spellings in which it might be written somewhere. */
export function spellings(name: string, bytes: Uint8Array): Record<string, Uint8Array> {
  const buffer = Buffer.from(bytes);
  return {
    [name]: buffer,
    [`${name} in hex`]: utf8(buffer.toString('hex')),
    [`${name} in base64url`]: utf8(buffer.toString('base64url')),
    [`${name} in base64`]: utf8(buffer.toString('base64').replace(/=+$/, '')),
  };
}
