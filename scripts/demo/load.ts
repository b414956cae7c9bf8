import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import { type Client, createClient, ServiceRefusal, submissionStatus } from '../../cli/client.ts';
import { concurrently } from '../../cli/http.ts';
import { carryOutActions } from '../../cli/import/actions.ts';
import { deriveHolders } from '../../cli/import/holders.ts';
import { signPartAgain } from '../../cli/parts/sign.ts';
import { createRpc } from '../../cli/rpc.ts';
import { signIn } from '../../cli/session.ts';
import { follow, post, type Signer, signAgain, signEntries } from '../../cli/submitter.ts';
import { actionStatus, handIn } from '../../cli/titles/wire.ts';
import { fromBase64Url, utf8 } from '../../core/bytes.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import type { LedgerAddress, OrganisationId, Subject } from '../../core/chain/types.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { verifyTranscript } from '../../core/pseudonym/pseudonym.ts';
import { admitOrganisations, type DemoChain, hasHistory, profileOf, readPseudonymKey } from './admit.ts';
import { composeDemo, identifiersOf } from './compose.ts';
import { composeTitles, type DemoSigner } from './composeTitles.ts';
import type { Demo } from './demo.ts';
import { DEMO_SEED, generateDemo } from './generate.ts';
import { type DemoKey, type DemoOwners, noteOrganisations, openDemoKeys, openDemoOwners } from './keys.ts';
import {
  type DemoMarker,
  type DemoPlan,
  loadedDemo,
  type PlannedSubmission,
  readPlan,
  writeMarker,
  writePlan,
} from './plan.ts';
import { composeSafetyParts } from './safetyParts.ts';
import { type Bundle, schedule } from './schedule.ts';
import { type DemoOwner, people } from './titles.ts';

/** The service and the chain that the demo is loaded into. */
export type LoadTarget = {
  readonly url: string;
  readonly dataFolder: string;
  readonly ledger: LedgerAddress;
  readonly chain: DemoChain;
  readonly seed?: string;
};

export type LoadStep =
  | 'organisations'
  | 'compose'
  | 'documents'
  | 'submissions'
  | 'titles'
  | 'sets'
  | 'final';
export type OnLoadProgress = (step: LoadStep, done: number, total: number) => void;

/** Entries of one submission at most. */
const BUNDLE = 256;

/**
 * Loads the demo as any client would: organisations are admitted, and what they sign goes through the HTTP API. Once
 * only; a load that was broken off goes on where it was.
 */
export async function loadDemo(target: LoadTarget, onProgress: OnLoadProgress): Promise<DemoMarker> {
  const { dataFolder, seed = DEMO_SEED } = target;
  const before = await loadedDemo(dataFolder, target.ledger);
  if (before !== null) return before;
  const ledger = formatLedgerId(target.ledger);

  const demo = generateDemo(seed);
  const { organisations } = demo;
  onProgress('organisations', 0, organisations.length);
  const keys = await openDemoKeys(dataFolder, organisations);
  const numbers = await admitOrganisations(target.chain, organisations, keys);
  await noteOrganisations(dataFolder, organisations, keys, numbers);
  const owners = await openDemoOwners(dataFolder, people);
  const clients = await signInAll(target, demo, keys, numbers, (done) =>
    onProgress('organisations', done, organisations.length),
  );

  const found = await readPlan(dataFolder);
  const numbersAsText = Object.fromEntries([...numbers].map(([name, number]) => [name, number.toString()]));
  const fits =
    found?.ledger === ledger && JSON.stringify(found.organisations) === JSON.stringify(numbersAsText);
  const plan = fits
    ? found
    : await makePlan(
        { target, seed, demo, keys, owners, numbers, client: clientOf(clients, 'registry') },
        onProgress,
      );
  if (plan !== null) {
    if (!fits) await writePlan(dataFolder, plan);
    await carryOut(plan, { target, demo, keys, owners, numbers, clients }, onProgress);
  }
  const loaded: DemoMarker = {
    seed,
    ledger,
    entries: plan?.entries ?? 0,
    submissions: (plan?.submissions.length ?? 0) + (plan?.answers.length ?? 0),
    actions:
      (plan?.issues.length ?? 0) +
      (plan?.actions.length ?? 0) +
      (plan?.built.length ?? 0) +
      (plan?.parts.length ?? 0),
    documents: plan?.documents.length ?? 0,
    showcase: demo.showcase,
    loadedAt: new Date().toISOString(),
  };
  await writeMarker(dataFolder, loaded);
  return loaded;
}

const INDEX_MILLISECONDS = 60_000;

/** Hands in the profiles and signs in as each organisation, as soon as the service knows of its admission. */
async function signInAll(
  { url }: LoadTarget,
  demo: Demo,
  keys: ReadonlyMap<string, DemoKey>,
  numbers: ReadonlyMap<string, OrganisationId>,
  onDone: (done: number) => void,
): Promise<Map<string, Client>> {
  const anonymous = createClient(url);
  const clients = new Map<string, Client>();
  const until = Date.now() + INDEX_MILLISECONDS;
  for (const organisation of demo.organisations) {
    const key = keys.get(organisation.name);
    const number = numbers.get(organisation.name);
    if (key === undefined || number === undefined) throw new Error(`${organisation.name} was not admitted`);
    for (;;) {
      try {
        const open = { ...key, file: '', label: null };
        const client = await signIn(anonymous, open, number);
        await client.bytes(`/v1/organisations/${number}/profile`, {
          method: 'PUT',
          headers: { 'content-type': 'application/json' },
          body: new Uint8Array(utf8(profileOf(organisation))),
        });
        clients.set(organisation.name, client);
        break;
      } catch (error) {
        if (!isNotIndexedYet(error) || Date.now() > until) throw error;
        await sleep(50);
      }
    }
    onDone(clients.size);
  }
  return clients;
}

function isNotIndexedYet(error: unknown): boolean {
  return (
    error instanceof ServiceRefusal &&
    ['organisation.unknown', 'auth.notInGoodStanding', 'auth.unknownKey'].includes(error.code)
  );
}

function clientOf(clients: ReadonlyMap<string, Client>, name: string): Client {
  const client = clients.get(name);
  if (client === undefined) throw new Error(`nobody signed in as ${name}`);
  return client;
}

const subjectsSchema = z.looseObject({
  results: z.array(
    z.looseObject({
      identifier: z.string(),
      subject: z.string(),
      transcript: z.looseObject({ evaluated: z.string(), proof: z.string() }),
    }),
  ),
});
const SUBJECTS_AT_ONCE = 100;

type Making = {
  readonly target: LoadTarget;
  readonly seed: string;
  readonly demo: Demo;
  readonly keys: ReadonlyMap<string, DemoKey>;
  readonly owners: DemoOwners;
  readonly numbers: ReadonlyMap<string, OrganisationId>;
  readonly client: Client;
};

/** Everything that is to be sent, signed; null where the ledger holds the demo already, by a load of another folder. */
async function makePlan(making: Making, onProgress: OnLoadProgress): Promise<DemoPlan | null> {
  const { target, seed, demo, keys, owners, numbers } = making;
  const subjects = await evaluateSubjects(making, onProgress);
  const subjectOf = (identifier: string): Subject => {
    const subject = subjects.get(identifier);
    if (subject === undefined) throw new Error(`${identifier} was not evaluated`);
    return subject;
  };
  if (await hasHistory(target.chain, subjectOf(`vin:${demo.showcase.clean}`))) return null;

  const place = { ledger: target.ledger, organisations: numbers, subjectOf };
  const { histories, documents, known } = composeDemo(demo, place);
  const { issues, acts, answers } = composeTitles(
    demo.titles,
    {
      ...place,
      titles: target.chain.titles,
      attester: (name) => keyOf(keys, name),
      owner: ownerKeys(target, owners),
      now: Date.now() / 1000,
    },
    known,
  );
  const { organisations } = demo;
  const parts = composeSafetyParts(
    demo.safetyParts,
    {
      ...place,
      parts: target.chain.parts,
      attester: (name) => keyOf(keys, name),
      now: Date.now() / 1000,
    },
    new Set(organisations.filter(({ roles }) => roles.includes('manufacturer')).map(({ name }) => name)),
  );
  const nonces = new Map<string, bigint>();
  const signBundle = ({ by, entries }: Bundle) => {
    const nonce = nonces.get(by) ?? 0n;
    nonces.set(by, nonce + 1n);
    const signer = signerOf(target, keys, numbers, by);
    const composed = entries.map((entry) => entry.composed);
    return { by, ...signEntries(signer, composed, nonce) };
  };
  const submissions = schedule(histories, BUNDLE).map(signBundle);
  const listed = [
    ...demo.batches.flatMap(({ serials, contents: [produced] }) =>
      serials.length === 0 || produced === undefined
        ? []
        : [{ by: produced.by, label: produced.label ?? '', members: [...serials] }],
    ),
    ...demo.campaigns.flatMap(({ organisation, sets }) =>
      sets.map(({ label, vehicles }) => ({ by: organisation, label, members: [...vehicles] })),
    ),
  ];
  return {
    version: 3,
    seed,
    ledger: formatLedgerId(target.ledger),
    organisations: Object.fromEntries([...numbers].map(([name, number]) => [name, number.toString()])),
    documents: documents.map(({ by, cid, bytes }) => ({
      by,
      cid,
      bytes: Buffer.from(bytes).toString('base64'),
    })),
    submissions,
    issues: issues.map(({ request }) => request),
    actions: acts.map(({ request }) => request),
    built: parts.built.map(({ request }) => request),
    parts: parts.later.map(({ request }) => request),
    answers: schedule([answers], BUNDLE).map(signBundle),
    sets: listed.map(({ by, label, members }) => ({ by, digest: known.get(label)?.digest ?? '', members })),
    entries: histories.flat().length + answers.length,
  };
}

/** The subjects of all identifiers, each checked under the key that stands on the ledger. */
async function evaluateSubjects(
  { target, demo, client }: Making,
  onProgress: OnLoadProgress,
): Promise<Map<string, Subject>> {
  const publicKey = await readPseudonymKey(target.chain);
  const identifiers = identifiersOf(demo);
  const subjects = new Map<string, Subject>();
  for (let start = 0; start < identifiers.length; start += SUBJECTS_AT_ONCE) {
    const asked = identifiers.slice(start, start + SUBJECTS_AT_ONCE);
    const { results } = await client.json('/v1/subjects', subjectsSchema, { identifiers: asked });
    for (const [index, text] of asked.entries()) {
      const { transcript } = results[index] ?? {};
      const subject = verifyTranscript(
        parseIdentifier(text),
        {
          evaluated: fromBase64Url(transcript?.evaluated ?? ''),
          proof: fromBase64Url(transcript?.proof ?? ''),
        },
        publicKey,
      );
      subjects.set(text, subject);
    }
    onProgress('compose', subjects.size, identifiers.length);
  }
  return subjects;
}

function keyOf<Key extends DemoSigner>(keys: ReadonlyMap<string, Key>, name: string): Key {
  const key = keys.get(name);
  if (key === undefined) throw new Error(`there is no key of ${name}`);
  return key;
}

function ownerKeys(
  { ledger }: LoadTarget,
  { people: named, secret }: DemoOwners,
): (identifier: string, owner: DemoOwner) => DemoSigner {
  const holders = deriveHolders(secret, formatLedgerId(ledger));
  return (identifier, owner) =>
    typeof owner === 'string' ? keyOf(named, owner) : holders.key(identifier, owner);
}

function signerOf(
  target: LoadTarget,
  keys: ReadonlyMap<string, DemoKey>,
  numbers: ReadonlyMap<string, OrganisationId>,
  name: string,
): Signer {
  const key = keys.get(name);
  const organisation = numbers.get(name);
  if (key === undefined || organisation === undefined) throw new Error(`${name} was not admitted`);
  return { ledger: target.ledger, organisation, secretKey: key.secretKey };
}

type Carrying = {
  readonly target: LoadTarget;
  readonly demo: Demo;
  readonly keys: ReadonlyMap<string, DemoKey>;
  readonly owners: DemoOwners;
  readonly numbers: ReadonlyMap<string, OrganisationId>;
  readonly clients: ReadonlyMap<string, Client>;
};

const uploadedSchema = z.looseObject({ cid: z.string() });
const UPLOADS_AT_ONCE = 4;

/** Sends what is planned; what the service has already is answered at once. */
async function carryOut(plan: DemoPlan, carrying: Carrying, onProgress: OnLoadProgress): Promise<void> {
  const { clients } = carrying;
  const client = clientOf(clients, 'registry');
  await renewExpired(plan, carrying, client);
  // A title comes before what is recorded of the vehicle: what concerns its owner is what came after.
  const begin = async (): Promise<void> => {
    await execute('issues', plan, carrying);
    await executeParts('built', plan, carrying);
  };
  await Promise.all([upload(plan, carrying, onProgress), begin()]);

  const total = plan.submissions.length;
  onProgress('submissions', 0, total);
  for (const [index, planned] of plan.submissions.entries()) {
    await handOver(client, carrying.target.ledger, planned);
    onProgress('submissions', index + 1, total);
  }

  const actions = plan.issues.length + plan.actions.length;
  onProgress('titles', plan.issues.length, actions);
  // Parts and titles have modules of their own, and wait for nothing of one another.
  await Promise.all([execute('actions', plan, carrying), executeParts('parts', plan, carrying)]);
  onProgress('titles', actions, actions);
  for (const planned of plan.answers) await handOver(client, carrying.target.ledger, planned);

  onProgress('sets', 0, plan.sets.length);
  for (const [index, { by, digest, members }] of plan.sets.entries()) {
    await clientOf(clients, by).bytes(`/v1/sets/${digest}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ members }),
    });
    onProgress('sets', index + 1, plan.sets.length);
  }

  let final = 0;
  const all = [...plan.submissions, ...plan.answers].map(({ hash }) => hash);
  onProgress('final', 0, all.length);
  await follow(client, all, 'final', {
    signal: new AbortController().signal,
    onSettled: ({ state, hash }) => {
      if (state !== 'final') throw new Error(`the submission ${hash} is ${state}`);
      final += 1;
      onProgress('final', final, all.length);
    },
  });
}

async function upload(plan: DemoPlan, { clients }: Carrying, onProgress: OnLoadProgress): Promise<void> {
  let uploaded = 0;
  onProgress('documents', 0, plan.documents.length);
  await concurrently(plan.documents, UPLOADS_AT_ONCE, async ({ by, cid, bytes }) => {
    const answer = await clientOf(clients, by).bytes('/v1/documents', {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: new Uint8Array(Buffer.from(bytes, 'base64')),
    });
    const stored = uploadedSchema.parse(JSON.parse(Buffer.from(answer.body).toString('utf8')));
    if (stored.cid !== cid) throw new Error(`the service stored ${stored.cid} for the document ${cid}`);
    uploaded += 1;
    onProgress('documents', uploaded, plan.documents.length);
  });
}

/** One after the other: the ledger then takes each history in its order. */
async function handOver(
  client: Client,
  ledger: LedgerAddress,
  { by, hash, request }: PlannedSubmission,
): Promise<void> {
  const [posted] = await post(client, ledger, [{ hash, request }]);
  if (posted?.accepted === true) return;
  const why = posted === undefined ? 'no answer' : `${posted.problem.code}: ${posted.problem.detail ?? ''}`;
  throw new Error(`the service refused a submission of ${by} (${why})`);
}

/** Whoever acts on titles, by address. */
function signersOf({ target, demo, keys, owners }: Carrying): Map<string, DemoSigner> {
  const owner = ownerKeys(target, owners);
  const held = demo.titles.flatMap(({ identifier }) => [owner(identifier, 1), owner(identifier, 2)]);
  const all = [...keys.values(), ...owners.people.values(), ...held];
  return new Map(all.map((signer) => [signer.address, signer]));
}

/** Has titles execute what is planned, and waits until they have. */
async function execute(which: 'issues' | 'actions', plan: DemoPlan, carrying: Carrying): Promise<void> {
  const { target, clients } = carrying;
  const { failed } = await carryOutActions(
    plan[which],
    {
      client: clientOf(clients, 'registry'),
      rpc: createRpc(target.chain.rpcUrl),
      titles: { chainId: target.ledger.chainId, address: target.chain.titles },
      signerOf: (address) => keyOf(signersOf(carrying), address),
      wait: 'anchored',
      signal: new AbortController().signal,
    },
    async (actions) => {
      plan[which] = [...actions];
      await writePlan(target.dataFolder, plan);
    },
  );
  for (const [subject, { code, message }] of failed) {
    throw new Error(`an action on the title of ${subject} was not executed (${code}: ${message})`);
  }
}

const POLL_MILLISECONDS = 50;

/** Has parts execute what is planned, and waits until they have. */
async function executeParts(
  which: 'built' | 'parts',
  plan: DemoPlan,
  { target, keys, clients }: Carrying,
): Promise<void> {
  if (plan[which].length === 0) return;
  const client = clientOf(clients, 'registry');
  const parts = { chainId: target.ledger.chainId, address: target.chain.parts };
  const signers = new Map([...keys.values()].map((key) => [key.address as string, key.secretKey]));
  const soon = Math.floor(Date.now() / 1000) + RENEW_SECONDS;
  if (plan[which].some(({ action }) => action.deadline < soon)) {
    // One that was executed is refused under a later deadline: what it says is on the ledger already.
    plan[which] = plan[which].map((request) => {
      const secretKey = signers.get(request.actor);
      if (secretKey === undefined) throw new Error(`there is no key of ${request.actor}`);
      return signPartAgain(parts, request, secretKey);
    });
    await writePlan(target.dataFolder, plan);
  }
  const handed = await handIn(client, plan[which], 'parts');
  for (const [index, answer] of handed.entries()) {
    const conflict = 'problem' in answer && answer.problem.code === 'part.conflict';
    if ('status' in answer || conflict) continue;
    const { code, detail = '' } = answer.problem;
    throw new Error(`action ${index} on a part was refused (${code}: ${detail})`);
  }
  for (const answer of handed) {
    if (!('status' in answer)) continue;
    for (;;) {
      const { state } = await actionStatus(client, answer.status.hash, 'parts');
      if (state === 'anchored' || state === 'final') break;
      if (state === 'expired' || state === 'conflicted') throw new Error(`an action on a part is ${state}`);
      await sleep(POLL_MILLISECONDS);
    }
  }
}

/** How long before its deadline a submission that was never sent is signed anew. */
const RENEW_SECONDS = 3600;

/** Signs again what a load that was broken off long ago left behind: under the same nonces, so that nothing is twice. */
async function renewExpired(
  plan: DemoPlan,
  { target, keys, numbers }: Carrying,
  client: Client,
): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  let renewed = false;
  for (const submissions of [plan.submissions, plan.answers]) {
    for (const [index, planned] of submissions.entries()) {
      const { by, hash, request } = planned;
      const deadline = Number(request.submission.deadline);
      if (deadline > now + RENEW_SECONDS) continue;
      const state = await stateOf(client, hash);
      if (state !== null && state !== 'expired') continue;
      const signer = signerOf(target, keys, numbers, by);
      submissions[index] = { by, ...signAgain(signer, request, BigInt(request.submission.nonce)) };
      renewed = true;
    }
  }
  if (renewed) await writePlan(target.dataFolder, plan);
}

async function stateOf(client: Client, hash: string): Promise<string | null> {
  try {
    return (await submissionStatus(client, hash)).state;
  } catch (error) {
    if (error instanceof ServiceRefusal && error.code === 'submission.unknown') return null;
    throw error;
  }
}
