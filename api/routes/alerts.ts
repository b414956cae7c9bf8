import * as z from 'zod';
import { alertStates, alertStatuses } from '../../core/alerts/alert.ts';
import { linkStatuses } from '../../core/alerts/link.ts';
import { fromBase64Url, toHex } from '../../core/bytes.ts';
import type { Digest } from '../../core/chain/types.ts';
import { openDisclosure } from '../../core/envelope/disclosure.ts';
import { alertAnswered, alertRaised } from '../../core/kinds/alert.ts';
import { submissionRequestSchema, submissionStatusSchema } from '../accept/schema.ts';
import type { AlertPlace } from '../alerts/alerts.ts';
import type { Caller } from '../auth/caller.ts';
import { address, base64url, cursor, digest, hex, seconds } from '../http/fields.ts';
import { defineRoute } from '../http/route.ts';
import { Problem } from '../problem.ts';
import { acceptSubmissions } from './submissions.ts';

const NOT_KEPT = { 'Cache-Control': 'private, no-store' };
const PAGE = 100;

const organisation = z.string().regex(/^[1-9][0-9]{0,19}$/);
const reference = z.string().regex(/^0x[0-9a-f]{32}$/);
const secret = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

const tier: z.ZodType = z
  .strictObject({
    reference,
    state: z.enum(alertStates).nullable(),
    get forwards() {
      return z.array(tier);
    },
    disclosed: z.strictObject({ recipient: organisation.nullable(), entry: digest }).optional(),
  })
  .meta({ id: 'AlertTier' });

const signedLink = z
  .strictObject({
    alert: digest,
    holder: address,
    bearer: digest,
    from: seconds,
    until: seconds,
    signature: z.string().regex(/^0x(?:[0-9a-f]{2}){1,4096}$/),
  })
  .meta({ id: 'AlertLink', description: 'A signed link (docs/protocol.md §18)' });

const signedAnswer = z
  .strictObject({
    link: digest,
    status: z.enum(linkStatuses),
    reason: z.string().max(2000),
    by: z.string().max(200),
    at: seconds,
    signature: hex(65),
  })
  .meta({ id: 'AlertLinkAnswer', description: 'What the holder of a link answers, signed with its key' });

const heldAnswer = z.strictObject({
  signed: signedAnswer,
  recorded: z.boolean().meta({ description: 'Whether an entry of the raiser on the ledger says so' }),
});

const linkView = z.strictObject({
  hash: digest,
  until: seconds,
  openings: z.int().min(0),
  answer: heldAnswer
    .pick({ recorded: true })
    .nullable()
    .meta({ description: 'Null: the holder has not answered' }),
  link: signedLink,
});

const alertView = z
  .strictObject({
    reference,
    attester: organisation,
    recipient: organisation.nullable(),
    entry: digest,
    raisedAt: seconds.nullable().meta({ description: 'Null: its entry is not on the ledger yet' }),
    state: z.enum(alertStates).meta({ description: 'By the answers that are on the ledger' }),
    due: seconds.nullable(),
    overdue: z.boolean(),
    passesOn: z.strictObject({ attester: organisation, reference }).nullable(),
    disclosed: z.boolean(),
    answers: z.array(
      z.strictObject({
        status: z.enum(alertStatuses),
        organisation,
        at: seconds,
        entry: digest,
        byLink: z.boolean(),
      }),
    ),
    pending: z
      .array(z.strictObject({ status: z.enum(alertStatuses), entry: digest }))
      .meta({ description: 'Accepted, and not on the ledger yet' }),
    tiers: z.array(tier),
    link: linkView.nullable(),
  })
  .meta({ id: 'Alert' });

const content = z.strictObject({ block: base64url, key: base64url, disclosures: z.array(z.string()) });
const alertDetail = alertView
  .extend({
    contents: z.record(digest, content),
    link: linkView.extend({ answer: heldAnswer.nullable() }).nullable(),
  })
  .meta({ id: 'AlertDetail' });

const handedIn = z.strictObject({ submission: submissionStatusSchema, references: z.array(reference) });

/** Those that a submission of alerts may end in, beside those of any. */
const alertProblems = [
  'alert.kinds',
  'alert.recipient',
  'alert.ownRecipient',
  'alert.empty',
  'alert.referenceTaken',
  'alert.notParty',
  'alert.notRecipient',
  'alert.notRaiser',
  'alert.wrongState',
  'alert.reasonMissing',
  'alert.forwardsMissing',
  'alert.unusedForwards',
  'alert.forwardedTwice',
  'alert.notForwarded',
  'alert.unnamed',
  'alert.linkSignature',
  'alert.linkMalformed',
  'organisation.unknown',
  ...acceptSubmissions.problems,
];

function organisationOf({ account }: Caller) {
  if (account === null) throw new Problem('auth.required', 'Sign in as an organisation.');
  return account.organisation;
}

const ENTRY_BYTES = 65;

/** The kinds of a submission's entries; a malformed one is judged by who accepts it. */
function kindsIn(entries: string): number[] {
  let packed: Uint8Array;
  try {
    packed = fromBase64Url(entries);
  } catch {
    return [];
  }
  return Array.from({ length: Math.floor(packed.length / ENTRY_BYTES) }, (_, index) =>
    Number(packed[index * ENTRY_BYTES]),
  );
}

function digestsIn(entries: string): Digest[] {
  const packed = fromBase64Url(entries);
  return Array.from(
    { length: packed.length / ENTRY_BYTES },
    (_, index) => toHex(packed.subarray(index * ENTRY_BYTES + 33, (index + 1) * ENTRY_BYTES)) as Digest,
  );
}

function requireKinds(entries: string, needed: number): void {
  const kinds = kindsIn(entries);
  const allowed: readonly number[] = [alertRaised.number, alertAnswered.number];
  if (kinds.length === 0 || (kinds.includes(needed) && kinds.every((kind) => allowed.includes(kind)))) return;
  throw new Problem('alert.kinds', 'Here come entries of alerts: alert.raised and alert.answered.');
}

/** An `alert` field in a disclosure is no longer than this; nothing else is opened here. */
const MOST_CHARACTERS = 1_000;

/** @throws `alert.otherAlert` where an entry answers another alert than the address names, or passes another one on */
function requireAbout(contents: readonly { readonly disclosures: readonly string[] }[], named: string): void {
  const short = contents.flatMap(({ disclosures }) =>
    disclosures.filter(({ length }) => length <= MOST_CHARACTERS),
  );
  for (const disclosure of short) {
    const about = alertIn(disclosure);
    if (about === null || about === named) continue;
    throw new Problem(
      'alert.otherAlert',
      `An entry is about the alert ${about}: hand it in at its address.`,
      {
        extensions: { reference: about },
      },
    );
  }
}

/** The reference of the alert that a disclosure is about; null for any other field, and for what accepting it will refuse. */
function alertIn(disclosure: string): string | null {
  try {
    const { name, value } = openDisclosure(disclosure);
    const { data } = z.strictObject({ attester: organisation, reference }).safeParse(value);
    return name === 'alert' && data !== undefined ? data.reference : null;
  } catch {
    return null;
  }
}

export const raiseAlerts = defineRoute({
  method: 'post',
  path: '/v1/alerts',
  name: 'raiseAlerts',
  tag: 'Alerts',
  summary: 'Raise alerts: a signed submission of alert.raised entries, one for each recipient.',
  description:
    'As POST /v1/submissions, which takes them too; here it must be alerts, and an alert that passes another one on may come ' +
    'with the alert.answered entry that says so. A recipient on the network is told once the entry is on the ledger; for any ' +
    'other make a link. Whom, what and why is sealed: the service shows it to the two parties and to nobody else.',
  access: 'organisation',
  body: { kind: 'json', schema: submissionRequestSchema, limit: 'submissionBytes' },
  responses: {
    202: {
      description: 'Accepted, and on its way to the ledger',
      mediaType: 'application/json',
      schema: handedIn,
    },
  },
  problems: alertProblems,
  async handle({ body, caller }, { pipeline, alerts }) {
    organisationOf(caller);
    requireKinds(body.submission.entries, alertRaised.number);
    const submission = await pipeline.accept(body);
    const references = await alerts.referencesOf(digestsIn(body.submission.entries));
    return { status: 202, headers: NOT_KEPT, body: { submission, references } };
  },
});

export const listAlerts = defineRoute({
  method: 'get',
  path: '/v1/alerts',
  name: 'listAlerts',
  tag: 'Alerts',
  summary: 'The alerts that were raised for your organisation, or those that it raised; the newest first.',
  description:
    'An alert stands where the answers lead that are on the ledger; what is only on its way there is `pending`. Of the tiers ' +
    'below, the raiser sees where they stand and not who they are, unless whoever passed it on discloses it. What an alert says, ' +
    'and what the holder of a link answered, is shown one by one.',
  access: 'organisation',
  query: z.strictObject({
    box: z.enum(['in', 'out']),
    limit: z
      .string()
      .regex(/^[1-9][0-9]{0,2}$/)
      .transform(Number)
      .refine((value) => value <= 200)
      .optional(),
    cursor: cursor.optional(),
  }),
  responses: {
    200: {
      description: 'A page; `next` is the cursor of the one after it, null at the end',
      mediaType: 'application/json',
      schema: z.strictObject({ alerts: z.array(alertView), next: z.string().nullable() }),
    },
  },
  problems: [],
  async handle({ query, caller }, { alerts }) {
    const { alerts: page, next } = await alerts.list(organisationOf(caller), query.box, {
      limit: query.limit ?? PAGE,
      after: query.cursor === undefined ? null : readCursor(query.cursor),
    });
    return {
      status: 200,
      headers: NOT_KEPT,
      body: { alerts: page, next: next === null ? null : writeCursor(next) },
    };
  },
});

const writeCursor = ({ acceptedAt, digest: name }: AlertPlace): string =>
  Buffer.from(`${acceptedAt.getTime()} ${name}`).toString('base64url');

function readCursor(text: string): AlertPlace {
  const match = /^(\d{1,15}) (0x[0-9a-f]{64})$/.exec(Buffer.from(text, 'base64url').toString('latin1'));
  if (match?.[1] === undefined)
    throw new Problem('request.invalid', 'Use a cursor as the page before gave it.');
  return { acceptedAt: new Date(Number(match[1])), digest: match[2] as Digest };
}

export const getAlert = defineRoute({
  method: 'get',
  path: '/v1/alerts/{reference}',
  name: 'getAlert',
  tag: 'Alerts',
  summary: 'An alert with its content and its answers, for the two parties to it.',
  description:
    'With the blocks, keys and disclosures of the alert and of every answer that counts, to be checked against the ledger: an ' +
    'answer is one only where its entry stands on the chain of who gives it. Each showing is logged.',
  access: 'organisation',
  params: z.strictObject({ reference }),
  responses: { 200: { description: 'The alert', mediaType: 'application/json', schema: alertDetail } },
  problems: ['alert.unknown'],
  async handle({ params, caller }, { alerts }) {
    const body = await alerts.find(organisationOf(caller), params.reference, 'getAlert');
    return { status: 200, headers: NOT_KEPT, body };
  },
});

const byLink = z.strictObject({
  opener: secret.meta({ description: 'What the link’s token makes to open the alert; never the token' }),
  visitor: secret.meta({
    description: '32 random bytes that the device keeps: only it can open the link again',
  }),
});

export const answerAlert = defineRoute({
  method: 'post',
  path: '/v1/alerts/{reference}/answers',
  name: 'answerAlert',
  tag: 'Alerts',
  summary: 'Answer an alert: a signed submission, or the answer of a link’s holder.',
  description:
    'An organisation answers by an alert.answered entry on its own chain, all of a submission the alert of this address; nothing is shown as answered before that is on the ' +
    'ledger. The holder of a link signs with the link’s key, which the service never learns; it counts once the raiser attests ' +
    'it in an entry of its own: that the holder answered so is then proven by the signature, and who the holder is stays the ' +
    'raiser’s word.',
  access: 'anyone',
  params: z.strictObject({ reference }),
  body: {
    kind: 'json',
    schema: z.union([submissionRequestSchema, byLink.extend({ answer: signedAnswer })]),
    limit: 'submissionBytes',
  },
  responses: {
    202: {
      description: 'Accepted: on its way to the ledger, or to who raised the alert',
      mediaType: 'application/json',
      schema: z.union([handedIn, z.strictObject({ answer: heldAnswer })]),
    },
  },
  problems: [
    ...alertProblems,
    'alert.otherAlert',
    'alert.unknown',
    'alert.linkUnknown',
    'alert.linkExpired',
    'alert.linkReplaced',
    'alert.linkTaken',
    'alert.linkTime',
  ],
  async handle({ params, body, caller, response }, { alerts, pipeline, meter, metrics }) {
    if ('answer' in body) {
      // Before anything is looked for: whoever tries tokens runs out of look-ups.
      meter.take(caller, 1, response);
      metrics.lookups(1);
      const { opener, visitor, answer } = body;
      const held = await alerts.answerByLink(
        params.reference,
        fromBase64Url(opener),
        fromBase64Url(visitor),
        answer,
      );
      return { status: 202, headers: NOT_KEPT, body: { answer: held } };
    }
    organisationOf(caller);
    requireKinds(body.submission.entries, alertAnswered.number);
    requireAbout(body.contents, params.reference);
    const submission = await pipeline.accept(body);
    const references = await alerts.referencesOf(digestsIn(body.submission.entries));
    return { status: 202, headers: NOT_KEPT, body: { submission, references } };
  },
});

export const createAlertLink = defineRoute({
  method: 'post',
  path: '/v1/alerts/links',
  name: 'createAlertLink',
  tag: 'Alerts',
  summary:
    'Hand in a signed link by which a company that is not on the network opens an alert and answers it.',
  description:
    'The token is made and kept by who raised the alert, and stands in the fragment of the address; the service knows a hash. ' +
    'A link works until its end, on the device that opens it first; a new one for the same alert takes its place.',
  access: 'organisation',
  body: { kind: 'json', schema: signedLink, limit: 'jsonBytes' },
  responses: {
    201: {
      description: 'Kept; the same again is answered alike',
      mediaType: 'application/json',
      schema: linkView,
    },
  },
  problems: [
    'alert.unknown',
    'alert.linkNotNeeded',
    'alert.linkMalformed',
    'alert.linkTime',
    'alert.linkExpired',
    'alert.linkSignature',
    'alert.linkToken',
  ],
  async handle({ body, caller }, { alerts }) {
    return {
      status: 201,
      headers: NOT_KEPT,
      body: await alerts.createLink(organisationOf(caller), body),
    };
  },
});

export const openAlert = defineRoute({
  method: 'post',
  path: '/v1/alerts/open',
  name: 'openAlert',
  tag: 'Alerts',
  summary: 'Open the alert that a link is for.',
  description:
    'The first device that opens a link is the only one that can. Each opening is counted and logged, for who raised the alert.',
  access: 'anyone',
  body: { kind: 'json', schema: byLink, limit: 'jsonBytes' },
  responses: {
    200: {
      description: 'The alert, and the link that opened it',
      mediaType: 'application/json',
      schema: z.strictObject({
        reference,
        attester: organisation,
        raisedAt: seconds,
        state: z.enum(alertStates),
        due: seconds.nullable(),
        until: seconds.meta({ description: 'The link’s last second' }),
        openings: z.int().min(1).meta({ description: 'How often it was opened, this time included' }),
        link: signedLink,
        content,
        answer: heldAnswer.nullable(),
      }),
    },
  },
  problems: [
    'alert.linkUnknown',
    'alert.linkExpired',
    'alert.linkReplaced',
    'alert.linkTaken',
    'alert.notAnchored',
    'content.erased',
  ],
  async handle({ body, caller, response }, { alerts, meter, metrics }) {
    meter.take(caller, 1, response);
    metrics.lookups(1);
    const opened = await alerts.open(fromBase64Url(body.opener), fromBase64Url(body.visitor), 'openAlert');
    return { status: 200, headers: NOT_KEPT, body: opened };
  },
});

export const alertRoutes = [createAlertLink, openAlert, raiseAlerts, listAlerts, getAlert, answerAlert];
