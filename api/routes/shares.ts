import * as z from 'zod';
import { fromBase64Url } from '../../core/bytes.ts';
import { purposes } from '../../core/privacy/consent.ts';
import { reportSchema } from '../../core/report/report.ts';
import { digest, seconds, subject } from '../http/fields.ts';
import { defineRoute } from '../http/route.ts';

/** What whoever hands a link out should know. */
export const CANNOT_BE_UNREAD = 'share.cannotBeUnread';

export const openShare = defineRoute({
  method: 'post',
  path: '/v1/shares/open',
  name: 'openShare',
  tag: 'Privacy',
  summary: 'Open a share link: which vehicle it is for, and its report with what the owner lets you see.',
  description:
    'The token is sent in the body, and nowhere kept but as its hash. Each opening is counted, and what it shows is in the ' +
    'access log that the owner reads. After it has expired, was revoked, or the vehicle was sold it opens nothing, but ' +
    'what was read before cannot be unread.',
  access: 'anyone',
  body: {
    kind: 'json',
    limit: 'jsonBytes',
    schema: z.strictObject({
      token: z
        .string()
        .regex(/^[A-Za-z0-9_-]{43}$/)
        .meta({ description: 'The 32 bytes from the link, in base64url' }),
    }),
  },
  responses: {
    200: {
      description: 'The vehicle, and its report',
      mediaType: 'application/json',
      schema: z.strictObject({
        identifier: z.string(),
        subject,
        consent: digest.meta({ description: 'The consent that the link stands for' }),
        purpose: z.enum(purposes),
        until: seconds.meta({ description: 'The link’s last second' }),
        openings: z.int().meta({ description: 'How often it was opened, this time included' }),
        notice: z.literal(CANNOT_BE_UNREAD),
        report: reportSchema,
      }),
    },
  },
  problems: [
    'share.unknown',
    'share.notYet',
    'share.expired',
    'share.revoked',
    'share.ended',
    'index.behind',
  ],
  async handle({ body, caller, response }, { shares, meter, metrics }) {
    // Before anything is looked for: whoever tries tokens runs out of look-ups.
    meter.take(caller, 1, response);
    metrics.lookups(1);
    const { report, ...opened } = await shares.open(fromBase64Url(body.token), 'openShare');
    const head = JSON.stringify({ ...opened, notice: CANNOT_BE_UNREAD });
    return {
      status: 200,
      headers: { 'Cache-Control': 'private, no-store' },
      text: `${head.slice(0, -1)},"report":${report}}`,
      mediaType: 'application/json',
    };
  },
});
