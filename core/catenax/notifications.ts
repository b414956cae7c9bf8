import * as z from 'zod/mini';
import type { AlertState } from '../alerts/alert.ts';
import { secondsOf } from '../envelope/time.ts';
import { VinculumError } from '../errors.ts';
import type { AlertClassification, AlertSeverity } from '../kinds/alert.ts';
import { derivedId } from './twin.ts';

/*
 * Quality notifications as Catena-X partners send them to each other (Trace-X): an alert, or an investigation. What is read
 * becomes what an alert says; what an alert says is written in their form.
 */

const SEVERITIES = {
  MINOR: 'minor',
  MAJOR: 'major',
  CRITICAL: 'critical',
  'LIFE-THREATENING': 'lifeThreatening',
  LIFE_THREATENING: 'lifeThreatening',
} as const satisfies Record<string, AlertSeverity>;
const CLASSIFICATIONS = {
  'QM-Alert': 'alert',
  'QM-Investigation': 'investigation',
} as const satisfies Record<string, AlertClassification>;

const BPNL = /^BPNL[0-9A-Za-z]{12}$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const ITEM = /^urn:uuid:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

const text = (most: number) => z.string().check(z.maxLength(most));
const notificationSchema = z.looseObject({
  header: z.looseObject({
    notificationId: text(100),
    senderBPN: text(100),
    senderAddress: z.optional(text(1000)),
    recipientBPN: text(100),
    classification: text(50),
    severity: text(50),
    relatedNotificationId: z.optional(text(100)),
    status: z.optional(text(50)),
    targetDate: z.optional(text(50)),
  }),
  content: z.looseObject({
    information: text(10_000),
    listOfAffectedItems: z.array(text(100)).check(z.maxLength(5000)),
  }),
});

/** What a notification says, in the words of alerts. */
export type ReadNotification = {
  readonly notificationId: string;
  readonly sender: string;
  readonly recipient: string;
  readonly classification: AlertClassification;
  readonly severity: AlertSeverity;
  readonly description: string;
  /** An instant in UTC to the second; null for none. */
  readonly due: string | null;
  /** The notification that it follows, or null. */
  readonly related: string | null;
  /** Ids of twins, `urn:uuid:…`, in lower case. */
  readonly items: readonly string[];
};

/**
 * A notification from its JSON.
 * @throws `notification.malformed`; `notification.partner` where sender or recipient is no Business Partner Number of a legal
 *   entity (BPNL and 12 characters); `notification.classification` `notification.severity` `notification.id`
 *   `notification.item` `notification.targetDate`, each with its path
 */
export function readNotification(value: unknown): ReadNotification {
  const parsed = notificationSchema.safeParse(value);
  if (!parsed.success) {
    const path = (parsed.error.issues[0]?.path ?? []).map(String).join('.');
    throw refuse(
      'malformed',
      path,
      `This is no notification of Catena-X: see ${path === '' ? 'the whole' : path}.`,
    );
  }
  const { header, content } = parsed.data;
  for (const name of ['senderBPN', 'recipientBPN'] as const) {
    if (BPNL.test(header[name])) continue;
    throw refuse(
      'partner',
      `header.${name}`,
      `${name} is no Business Partner Number: BPNL and 12 letters or digits, not “${shown(header[name])}”.`,
    );
  }
  if (!UUID.test(header.notificationId)) {
    throw refuse('id', 'header.notificationId', 'The notification’s id is no UUID.');
  }
  const classification = ownMember(CLASSIFICATIONS, header.classification);
  if (classification === undefined) {
    throw refuse('classification', 'header.classification', 'It is QM-Alert or QM-Investigation.');
  }
  const severity = ownMember(SEVERITIES, header.severity.toUpperCase());
  if (severity === undefined) {
    throw refuse('severity', 'header.severity', 'It is MINOR, MAJOR, CRITICAL or LIFE-THREATENING.');
  }
  const items = content.listOfAffectedItems.map((item, index) => {
    if (ITEM.test(item)) return item.toLowerCase();
    throw refuse('item', `content.listOfAffectedItems.${index}`, 'An affected item is named urn:uuid:….');
  });
  const related = header.relatedNotificationId ?? '';
  return {
    notificationId: header.notificationId.toLowerCase(),
    sender: header.senderBPN,
    recipient: header.recipientBPN,
    classification,
    severity,
    description: content.information,
    due: dueOf(header.targetDate ?? ''),
    related: related === '' ? null : related,
    items: [...new Set(items)],
  };
}

function dueOf(targetDate: string): string | null {
  if (targetDate === '') return null;
  // Their clocks count nanoseconds; entries count seconds.
  const due = targetDate.replace(/\.\d{1,9}Z$/, 'Z');
  try {
    secondsOf(due);
    return due;
  } catch (cause) {
    throw refuse('targetDate', 'header.targetDate', 'The target date is no instant in UTC.', cause);
  }
}

function ownMember<Value>(members: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(members, name) ? members[name] : undefined;
}

const shown = (given: string): string => given.slice(0, 40).replaceAll(/[^\x20-\x7e]/g, '?');

function refuse(code: string, path: string, message: string, cause?: unknown): VinculumError {
  return new VinculumError(`notification.${code}`, message, { cause, details: { path } });
}

/** What is written: an alert as its parties know it. */
export type NotificationSource = {
  /** 16 bytes, `0x…`: what the alert is called. */
  readonly reference: string;
  /** The id in another system that it came from. */
  readonly notificationId?: string | undefined;
  readonly sender: string;
  readonly senderAddress: string;
  readonly recipient: string;
  readonly classification: AlertClassification;
  readonly severity: AlertSeverity;
  readonly description: string;
  /** Seconds since 1970. */
  readonly due: number | null;
  readonly state: AlertState;
  /** Identifiers of batches and parts, or ids of twins. */
  readonly items: readonly string[];
};

const STATUS: Readonly<Record<AlertState, string>> = {
  raised: 'SENT',
  acknowledged: 'ACKNOWLEDGED',
  accepted: 'ACCEPTED',
  declined: 'DECLINED',
  closed: 'CLOSED',
};

/**
 * An alert in Catena-X's form. A thing whose id there is not known has one made from its identifier, always the same.
 * @throws `notification.partner` where sender or recipient has no Business Partner Number
 */
export function writeNotification(source: NotificationSource): Readonly<Record<string, unknown>> {
  for (const [name, partner] of [
    ['senderBPN', source.sender],
    ['recipientBPN', source.recipient],
  ] as const) {
    if (!BPNL.test(partner)) {
      throw refuse(
        'partner',
        `header.${name}`,
        `${name} is no Business Partner Number: BPNL and 12 characters.`,
      );
    }
  }
  const severity = Object.entries(SEVERITIES).find(([, ours]) => ours === source.severity);
  const classification = Object.entries(CLASSIFICATIONS).find(([, ours]) => ours === source.classification);
  return {
    header: {
      notificationId: source.notificationId ?? uuidOf(source.reference),
      senderBPN: source.sender,
      senderAddress: source.senderAddress,
      recipientBPN: source.recipient,
      classification: classification?.[0] ?? '',
      severity: severity?.[0] ?? '',
      relatedNotificationId: '',
      status: STATUS[source.state],
      targetDate: source.due === null ? '' : new Date(source.due * 1000).toISOString().replace('.000Z', 'Z'),
    },
    content: {
      information: source.description,
      listOfAffectedItems: source.items.map((item) => (ITEM.test(item) ? item : derivedId(item))),
    },
  };
}

/** The reference's 16 bytes as a UUID of version 8. */
function uuidOf(reference: string): string {
  const hex = reference.slice(2);
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
