import * as z from 'zod';
import { defineRoute } from '../http/route.ts';

export const createBackup = defineRoute({
  method: 'post',
  path: '/v1/operator/backup',
  name: 'createBackup',
  tag: 'Operator',
  summary: 'A backup of all that cannot be had again, encrypted (age), as of one moment.',
  description:
    'For a passphrase of at least 12 characters, or for recipients (age1…). `bin/vinculum restore` takes it. Receipts ' +
    'of erasures and revocations of consents belong beside backups, not into them: keep the service’s erasures.ndjson ' +
    'apart.',
  access: 'operator',
  body: {
    kind: 'json',
    limit: 'jsonBytes',
    schema: z.union([
      z.strictObject({ passphrase: z.string().min(12).max(1_000) }),
      z.strictObject({ recipients: z.array(z.string().min(1).max(5_000)).min(1).max(20) }),
    ]),
  },
  responses: { 200: { description: 'The backup', mediaType: 'application/age' } },
  problems: ['backup.recipient', 'backup.running'],
  async handle({ body }, { backups }) {
    const { bytes, stream } = await backups.make(body);
    return {
      status: 200,
      headers: { 'Cache-Control': 'no-store', 'Backup-Bytes': String(bytes) },
      stream,
      mediaType: 'application/age',
    };
  },
});
