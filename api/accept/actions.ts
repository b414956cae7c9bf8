import { fromHex, toHex } from '../../core/bytes.ts';
import { packEntries } from '../../core/chain/entry.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import type { Address, Digest, OrganisationId, Subject } from '../../core/chain/types.ts';
import { VinculumError } from '../../core/errors.ts';
import type { Identifier } from '../../core/identifiers/identifier.ts';
import {
  type ActionHash,
  actionHash,
  isPartAction,
  type ModuleAction,
  type PartAction,
  type TitleAction,
  ZERO_ADDRESS,
} from '../../core/modules/action.ts';
import {
  applyPartAction,
  NO_PART,
  type Part,
  type PartState,
  partKindOf,
  partTransitions,
} from '../../core/modules/part.ts';
import {
  applyTitleAction,
  NO_TITLE,
  type Title,
  type Transition,
  takeOver,
  titleKindOf,
  titleKinds,
  transitions,
} from '../../core/modules/title.ts';
import { PART_FIELDS, readPart } from '../index/parts.ts';
import { readTitle, type StoredTitle } from '../index/titles.ts';
import { Problem } from '../problem.ts';
import { ACTION_COLUMNS, type ActionRow, actionOf, type ModulePlaces, moduleAt } from '../relay/actions.ts';
import type { Queryable } from '../store/store.ts';
import { type ActionJson, type ActionRequest, actionSchemas, type ModuleName } from './actionSchema.ts';
import { bytesOf, type Content, formFault } from './decode.ts';
import { digestOf } from './open.ts';
import {
  checkDeadline,
  checkOpen,
  checkOverrides,
  checkSignature,
  checkSize,
  checkStanding,
  normalised,
  openEntry,
  type ValidationContext,
  type ValidEntry,
} from './validate.ts';

/** An action whose form is right; nothing of what it says is checked yet. */
export interface DecodedAction {
  readonly action: ModuleAction;
  readonly actor: Address;
  readonly signature: Buffer;
  readonly content: Content;
}

export interface ValidAction extends DecodedAction {
  readonly hash: ActionHash;
  readonly contractSignature: boolean;
  readonly valid: readonly ValidEntry[];
  /** The other identifier that it is about, with its subject: the new one of a replacement, the vehicle of a part. */
  readonly other: { readonly subject: Buffer; readonly identifier: string } | null;
}

export type ActionContext = ValidationContext & { readonly modules: ModulePlaces };

const LARGEST_INT8 = 2n ** 63n - 1n;

/**
 * Reads a request.
 * @throws `action.malformed` with the path of the fault, `action.tooLarge`, `action.unknownOrganisation`
 */
export function decodeAction(request: ActionRequest, module: ModuleName): DecodedAction {
  const parsed = actionSchemas[module].request.safeParse(request);
  if (!parsed.success) throw formFault(parsed.error, 'action');
  const { action, actor, signature, block, key, disclosures } = parsed.data;
  const organisation = BigInt(action.organisation);
  if (organisation > LARGEST_INT8) {
    throw new Problem('action.unknownOrganisation', `No organisation has the number ${organisation}.`);
  }
  return {
    action: actionFromJson(action),
    actor: actor as Address,
    signature: bytesOf(signature, 'signature', 'action'),
    content: { block: bytesOf(block, 'block', 'action'), key: bytesOf(key, 'key', 'action'), disclosures },
  };
}

function actionFromJson(json: ActionJson): ModuleAction {
  const common = {
    kind: json.kind,
    subject: json.subject as Subject,
    revision: BigInt(json.revision),
    deadline: BigInt(json.deadline),
    organisation: BigInt(json.organisation) as OrganisationId,
    digest: json.digest as Digest,
  };
  if ('vehicle' in json) return { ...common, vehicle: json.vehicle as Subject };
  return {
    ...common,
    party: json.party as Address,
    until: BigInt(json.until),
    detail: json.detail as TitleAction['detail'],
  };
}

export function actionToJson(action: ModuleAction): ActionJson {
  const common = {
    revision: Number(action.revision),
    deadline: Number(action.deadline),
    organisation: action.organisation.toString(),
  };
  if (isPartAction(action)) return { ...action, ...common };
  return { ...action, ...common, until: Number(action.until) };
}

/** The 65 bytes of the one entry that an action makes. */
export function entryOf({ kind, subject, digest }: ModuleAction): Buffer {
  return Buffer.from(packEntries([{ kind, subject, digest }]));
}

/** Its name on the chain. */
export function hashOfAction(
  { ledger, modules }: Pick<ActionContext, 'ledger' | 'modules'>,
  { action }: DecodedAction,
): ActionHash {
  return actionHash({ chainId: ledger.chainId, address: moduleAt(modules, action.kind) }, action);
}

/**
 * Checks everything that the module will check, as of the index and the actions that wait already, and everything that a
 * reader will. Of an action that is on the ledger already, only its content is looked at. Reads, and changes nothing.
 */
export async function validateAction(
  decoded: DecodedAction,
  hash: ActionHash,
  context: ActionContext,
): Promise<ValidAction> {
  const { action, actor, signature } = decoded;
  const executed = await isExecuted(context, hash);
  let contractSignature = false;
  if (!executed) {
    checkDeadline(action.deadline, context, 'action');
    contractSignature = await checkSignature(actor, signature, hash, context, 'action');
    await checkOpen(context);
    if (needsRight(action) && action.organisation !== 0n) {
      await checkStanding(
        { organisation: action.organisation, signer: actor },
        [action.kind],
        context,
        'action',
      );
    }
  }
  const entry = openContent(decoded, context);
  await checkOverrides([entry], context.store);
  const other = isPartAction(action)
    ? vehicleOf(action, entry, context)
    : replacementOf(action, entry, context);
  if (!executed) {
    if (isPartAction(action)) await checkPart(action, actor, context);
    else await checkTitle(action, actor, context);
  }
  return { ...decoded, hash, contractSignature, valid: [entry], other };
}

async function isExecuted({ store, ownLedger }: ActionContext, hash: ActionHash): Promise<boolean> {
  const rows = await store.query(
    'SELECT 1 AS found FROM actions WHERE action_hash = $1 AND ledger = $2 LIMIT 1',
    [fromHex(hash, 32), await ownLedger()],
  );
  return rows.length > 0;
}

function openContent({ action, content }: DecodedAction, context: ActionContext): ValidEntry {
  checkSize(content, 'block', 'key', 'action');
  const digest = digestOf(content.block);
  if (toHex(digest) !== action.digest) {
    throw new Problem('block.digestMismatch', 'The SHA-256 of the block is not the action’s digest.');
  }
  const subject = Buffer.from(action.subject.slice(2), 'hex');
  const entry = { kind: action.kind, subject, digest };
  return openEntry(entry, content, action.organisation, formatLedgerId(context.ledger), context);
}

/** A replacement's action names the subject of the identifier that its envelope names, in the open. */
function replacementOf(
  action: TitleAction,
  { envelope }: ValidEntry,
  { evaluator }: ActionContext,
): ValidAction['other'] {
  if (action.kind !== titleKinds['title.replaced']) return null;
  const { to } = envelope.data;
  const identifier: Identifier | null = typeof to === 'string' ? normalised(to) : null;
  if (identifier === null || evaluator.subject(identifier) !== action.detail) {
    throw new VinculumError(
      'envelope.unbound',
      'The action’s new subject is not the pseudonym of the identifier that the envelope names in `to`.',
      { details: { member: 'data.to' } },
    );
  }
  return { subject: Buffer.from(action.detail.slice(2), 'hex'), identifier: String(to) };
}

/** What is mounted or removed says in a sealed field in words which vehicle that is: nobody could find it otherwise. */
function vehicleOf(
  action: PartAction,
  { sealed }: ValidEntry,
  { evaluator }: ActionContext,
): ValidAction['other'] {
  const name = partKindOf(action.kind);
  if (name === undefined || partTransitions[name].vehicle === null) return null;
  const { vehicle } = sealed;
  const identifier: Identifier | null = typeof vehicle === 'string' ? normalised(vehicle) : null;
  if (identifier === null || evaluator.subject(identifier) !== action.vehicle) {
    throw new VinculumError(
      'envelope.unbound',
      'The action’s vehicle is not the pseudonym of the identifier that the disclosed field `vehicle` names.',
      { details: { member: 'vehicle' } },
    );
  }
  return { subject: Buffer.from(action.vehicle.slice(2), 'hex'), identifier: String(vehicle) };
}

function needsRight(action: ModuleAction): boolean {
  if (isPartAction(action)) return partKindOf(action.kind) !== undefined;
  const by = transitionOf(action.kind)?.by;
  return by === 'right' || by === 'lienHolder';
}

function transitionOf(kind: number): Transition | undefined {
  const name = titleKindOf(kind);
  return name === undefined ? undefined : transitions[name];
}

/** Whether the title, after all that waits, allows the action. @throws `title.*`, `title.conflict` */
async function checkTitle(action: TitleAction, actor: Address, context: ActionContext): Promise<void> {
  const { store, now } = context;
  const ledger = await context.ownLedger();
  const projection = new Projection(store, ledger, now);
  const title = await projection.titleOf(action.subject);
  if (action.revision < title.revision) throw await conflictOf(store, ledger, action);
  const taken =
    action.kind === titleKinds['title.replaced'] &&
    action.detail !== action.subject &&
    (await projection.titleOf(action.detail as Subject)).state !== 'none';
  const successors =
    transitionOf(action.kind)?.by === 'lienHolder'
      ? await projection.successorsOf(title)
      : new Map<bigint, bigint>();
  applyTitleAction(title, action, actor, now, {
    titled: () => taken,
    succeeds: (holder, organisation) => successors.get(holder) === organisation,
  });
}

/** Whether the part, after all that waits, allows the action. @throws `part.*`, `part.conflict` */
async function checkPart(action: PartAction, actor: Address, context: ActionContext): Promise<void> {
  const { store, now } = context;
  const ledger = await context.ownLedger();
  const part = await new Projection(store, ledger, now).partOf(action.subject);
  if (action.revision < part.revision) throw await conflictOf(store, ledger, action);
  applyPartAction(part, action, actor, now);
}

/** Who has the place that an action wants. */
async function conflictOf(store: Queryable, ledger: number, action: ModuleAction): Promise<Problem> {
  const [holder] = await store.query<{ hash: Uint8Array }>(
    `SELECT action_hash AS hash FROM actions
     WHERE ledger = $1 AND action_subject = $2 AND action_revision = $3
     UNION ALL
     SELECT hash FROM submissions
     WHERE ledger = $1 AND subject = $2 AND revision = $3 AND state NOT IN ('expired', 'conflicted')`,
    [ledger, fromHex(action.subject, 32), action.revision],
  );
  return actionConflict(action, holder === undefined ? null : toHex(holder.hash));
}

export function actionConflict(action: ModuleAction, holder: string | null): Problem {
  const { subject, revision } = action;
  const [code, what] = isPartAction(action)
    ? (['part.conflict', 'part'] as const)
    : (['title.conflict', 'title'] as const);
  return new Problem(
    code,
    `Revision ${revision} of this ${what} belongs to another action: read the ${what}, and sign again for its next one.`,
    { extensions: { subject, revision: Number(revision), holder } },
  );
}

/** SQL, of `submissions s`: an action that is to be executed, and that the module has not refused. */
const ON_ITS_WAY = `s.state NOT IN ('expired', 'conflicted') AND s.state IN ('stored', 'submitted')
  AND (s.problem IS NULL OR s.transaction_hash IS NOT NULL)`;

/**
 * Titles and parts as they will be when what waits has been executed; what the module has refused is not counted on.
 */
export class Projection {
  readonly #store: Queryable;
  readonly #ledger: number;
  readonly #now: bigint;

  constructor(store: Queryable, ledger: number, now: bigint) {
    this.#store = store;
    this.#ledger = ledger;
    this.#now = now;
  }

  /** @param before only the actions below this revision */
  async titleOf(subject: Subject, before?: bigint): Promise<Title> {
    const bytes = fromHex(subject, 32);
    const { indexed, waiting } = await this.#read(bytes);
    let title = indexed;
    // Without a title of its own it may take one over, by a replacement that waits itself.
    if (indexed.state === 'none' && waiting[0]?.revision !== 0n) title = await this.#takenOver(bytes);
    for (const row of waiting) {
      const action = actionOf(row);
      if (isPartAction(action) || action.revision !== title.revision) continue;
      if (before !== undefined && action.revision >= before) break;
      try {
        title = applyTitleAction(title, action, toHex(row.signer) as Address, this.#now, {
          succeeds: () => true,
        });
      } catch (error) {
        if (error instanceof VinculumError) break;
        throw error;
      }
    }
    return title;
  }

  async partOf(subject: Subject): Promise<Part> {
    const rows = await this.#store.query<
      { indexed: boolean; state: PartState; maker: bigint; vehicle: Uint8Array | null; after: bigint } & (
        | ActionRow
        | { readonly hash: null }
      )
    >(
      // Of one moment, as for titles.
      `SELECT p.state IS NOT NULL AS indexed, p.state, p.maker, p.vehicle, p.revision AS after, s.*
       FROM (SELECT 1) AS once
       LEFT JOIN LATERAL (SELECT ${PART_FIELDS} FROM parts
         WHERE parts.subject = $2 AND parts.ledger = $1 ORDER BY position DESC LIMIT 1) AS p ON true
       LEFT JOIN LATERAL (SELECT ${ACTION_COLUMNS} FROM submissions s
         WHERE s.ledger = $1 AND s.subject = $2 AND ${ON_ITS_WAY}) AS s ON true
       ORDER BY s.revision`,
      [this.#ledger, fromHex(subject, 32)],
    );
    const [first] = rows;
    let part = first?.indexed === true ? readPart({ ...first, revision: first.after }) : NO_PART;
    for (const row of rows) {
      const action = row.hash === null ? null : actionOf(row);
      if (action === null || !isPartAction(action) || action.revision !== part.revision) continue;
      try {
        part = applyPartAction(part, action, ZERO_ADDRESS, this.#now);
      } catch (error) {
        if (error instanceof VinculumError) break;
        throw error;
      }
    }
    return part;
  }

  async #takenOver(subject: Uint8Array): Promise<Title> {
    const [row] = await this.#store.query<ActionRow>(
      `SELECT ${ACTION_COLUMNS} FROM submissions s
       WHERE s.ledger = $1 AND s.detail = $2 AND get_byte(s.entries, 0) = ${titleKinds['title.replaced']}
         AND ${ON_ITS_WAY}`,
      [this.#ledger, subject],
    );
    if (row === undefined) return NO_TITLE;
    const action = actionOf(row);
    if (isPartAction(action)) return NO_TITLE;
    return takeOver(await this.titleOf(action.subject, action.revision), action, this.#now);
  }

  /**
   * The title in the index, and what waits for it in the order of the revisions: of one moment, or an action that is
   * anchored in between would be in neither.
   */
  async #read(subject: Uint8Array): Promise<{ indexed: Title; waiting: ActionRow[] }> {
    const rows = await this.#store.query<
      { title: StoredTitle | null } & (ActionRow | { readonly hash: null })
    >(
      `SELECT t.title, s.* FROM (SELECT 1) AS once
       LEFT JOIN LATERAL (SELECT title FROM titles
         WHERE titles.subject = $2 AND titles.ledger = $1 ORDER BY position DESC LIMIT 1) AS t ON true
       LEFT JOIN LATERAL (SELECT ${ACTION_COLUMNS} FROM submissions s
         WHERE s.ledger = $1 AND s.subject = $2 AND ${ON_ITS_WAY}) AS s ON true
       ORDER BY s.revision`,
      [this.#ledger, subject],
    );
    const stored = rows[0]?.title ?? null;
    return {
      indexed: stored === null ? NO_TITLE : readTitle(stored),
      waiting: rows.flatMap((row) => (row.hash === null ? [] : [row])),
    };
  }

  /** The successors of the holders of a title's liens, as the registrar recorded them last. */
  async successorsOf({ liens }: Title): Promise<Map<bigint, bigint>> {
    if (liens.length === 0) return new Map();
    const rows = await this.#store.query<{ organisation: bigint; value: Uint8Array }>(
      `SELECT organisation, value FROM organisation_links
       WHERE register = 0 AND change = 9 AND organisation = ANY($1::int8[]) ORDER BY position`,
      [liens.map(({ holder }) => holder)],
    );
    return new Map(rows.map(({ organisation, value }) => [organisation, BigInt(toHex(value))]));
  }
}
