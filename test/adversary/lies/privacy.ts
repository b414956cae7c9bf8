import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import type { Account } from '../../../api/keyring/keyring.ts';
import { keysFolder, writeKeystore, writePassword } from '../../../cli/keystore.ts';
import { fromBase64Url, fromHex, fromUtf8, toHex } from '../../../core/bytes.ts';
import { addressOfKey, signHash } from '../../../core/chain/submission.ts';
import type { Digest, Subject } from '../../../core/chain/types.ts';
import { openBlock } from '../../../core/envelope/block.ts';
import { openDisclosure } from '../../../core/envelope/disclosure.ts';
import type { ComposedEntry } from '../../../core/envelope/envelope.ts';
import { isVinculumError } from '../../../core/errors.ts';
import {
  type AccessEntry,
  type AccessHead,
  type AccessHeadJson,
  accessHeadHash,
  foldAccess,
  readAccessHead,
} from '../../../core/privacy/accessLog.ts';
import { checkConsent, readConsent, ZERO_WORD } from '../../../core/privacy/consent.ts';
import { readConsentReceipt } from '../../../core/privacy/consentReceipt.ts';
import type { Report } from '../../../core/report/report.ts';
import {
  consentOf,
  DAY,
  freshToken,
  give,
  revocationOf,
  signInAlone,
  Vehicle,
} from '../../api/privacy/world.ts';
import { type Person, person, seconds } from '../../api/titles/acting.ts';
import { PASSWORD, type Ran, vinculum } from '../../cli/fixture.ts';
import type { Fate, OtherLie } from '../lie.ts';
import { read, readText } from '../reader.ts';
import { NEVER, type System } from '../system.ts';
import { mustExecute, ownedBy, signedNow, titleOf } from '../titled.ts';

type Outcome = { readonly fate: Fate; readonly caughtBy: string };

/** The command line of somebody whose operator is the one in between. */
async function command(system: System, by: Person | null, ...args: string[]): Promise<Ran> {
  const { folder, operator, test, trust } = system;
  const place = ['--url', operator.url, '--rpc', test.service.rpcUrl];
  const trusted = ['--directory', `${trust.chainId}:${trust.directory}`, '--json'];
  if (by === null) return vinculum(folder, ...args, ...place, ...trusted);
  const keys = keysFolder(folder);
  const name = `key-${by.address.slice(2, 12)}`;
  await mkdir(keys, { recursive: true });
  await writePassword(keys, PASSWORD);
  await writeKeystore(keys, { name, secretKey: by.key }, PASSWORD, { strength: 'light' }).catch(
    () => undefined,
  );
  return vinculum(folder, ...args, '--keystore', name, ...place, ...trusted);
}

const refusedWith = ({ exit, json }: Ran): Outcome => ({
  fate: exit === 0 ? 'uncaught' : 'refused',
  caughtBy: json?.error?.code ?? `exit ${exit}`,
});

/** Ann’s vehicle, with a service of it whose invoice is sealed. */
async function serviced(system: System, ann = person()) {
  const vehicle = await ownedBy(system, ann);
  return { ann, vehicle, entry: await vehicle.service(system.workshop) };
}

/** A vehicle of Ann’s, and a link that she gave to one buyer. */
async function shared(system: System, until = seconds() + DAY) {
  const owned = await serviced(system);
  const { token, bearer } = freshToken();
  const { vehicle, ann } = owned;
  const { hash } = await give(system.test, { subject: vehicle.subject, signer: ann, bearer, until });
  const open = () => system.test.post('/v1/shares/open', { token });
  return { ...owned, token, hash, open };
}

type Reply = Awaited<ReturnType<System['test']['post']>>;
const refusal = ({ status, body }: Reply): Outcome => ({
  fate: status < 400 ? 'uncaught' : 'refused',
  caughtBy: body.code ?? 'nothing',
});

/** That an account is shown nothing of an entry that is sealed. */
async function nothingShown(
  { test }: System,
  vehicle: Vehicle,
  entry: ComposedEntry,
  who: Person,
): Promise<Outcome> {
  const shown = await vehicle.shown(entry, await signInAlone(test, who));
  return { fate: shown.length === 0 ? 'refused' : 'uncaught', caughtBy: NOTHING };
}
const NOTHING = 'what is sealed stays sealed';

const grantee = { by: 'grantee', fate: 'refused' } as const;
const nothing = { ...grantee, caughtBy: NOTHING } as const;

const granteeLies: readonly OtherLie[] = [
  {
    lie: 'opens a share link once it has expired',
    ...grantee,
    caughtBy: 'share.expired',
    run: async (s) => {
      const { open } = await shared(s, seconds() + 1n);
      await s.test.until(async () => (await open()).status !== 200);
      return refusal(await open());
    },
  },
  {
    lie: 'opens a share link once it is revoked',
    ...grantee,
    caughtBy: 'share.revoked',
    run: async (s) => {
      const { ann, hash, open } = await shared(s);
      await s.test.post(`/v1/consents/${hash}/revocation`, revocationOf(s.test.ledger, hash, ann));
      return refusal(await open());
    },
  },
  {
    lie: 'opens a share link once the vehicle is sold',
    ...grantee,
    caughtBy: 'share.ended',
    run: async (s) => {
      const { ann, vehicle, open } = await shared(s);
      await vehicle.sell(ann, person());
      return refusal(await open());
    },
  },
  {
    lie: 'uses a consent after the sale',
    ...nothing,
    run: async (s) => {
      const { ann, vehicle, entry } = await serviced(s);
      const friend = person();
      await give(s.test, { subject: vehicle.subject, signer: ann, account: friend.address });
      if ((await vehicle.shown(entry, await signInAlone(s.test, friend))).length === 0)
        throw new Error('nothing');
      await vehicle.sell(ann, person());
      return nothingShown(s, vehicle, entry, friend);
    },
  },
  {
    lie: 'uses a consent for one entry to see another',
    ...nothing,
    run: async (s) => {
      const { ann, vehicle, entry } = await serviced(s);
      const friend = person();
      const other = await vehicle.service(s.workshop);
      const entries = [other.entry.digest];
      await give(s.test, { subject: vehicle.subject, signer: ann, account: friend.address, entries });
      return nothingShown(s, vehicle, entry, friend);
    },
  },
  {
    lie: 'uses another’s consent',
    ...nothing,
    run: async (s) => {
      const { ann, vehicle, entry } = await serviced(s);
      await give(s.test, { subject: vehicle.subject, signer: ann, account: person().address });
      return nothingShown(s, vehicle, entry, person());
    },
  },
  {
    lie: 'prolongs a consent, or widens it',
    ...grantee,
    caughtBy: 'consent.notOwner',
    run: async (s) => {
      const { ann, vehicle } = await serviced(s);
      const given = { subject: vehicle.subject, signer: ann, account: person().address };
      const { json } = consentOf(s.test.ledger, { ...given, fields: ['note'] });
      const wider = await s.test.post('/v1/consents', { ...json, fields: [] });
      const longer = await s.test.post('/v1/consents', { ...json, until: json.until + 86_400 });
      return refusal(wider.status < 400 ? wider : longer);
    },
  },
  {
    lie: 'hands in a consent that was signed for another ledger',
    ...grantee,
    caughtBy: 'consent.notOwner',
    run: async (s) => {
      const { ann, vehicle } = await serviced(s);
      const elsewhere = { ...s.test.ledger, chainId: 1n };
      const given = { subject: vehicle.subject, signer: ann, account: person().address };
      return refusal(await s.test.post('/v1/consents', consentOf(elsewhere, given).json));
    },
  },
  {
    lie: 'passes a share link on',
    by: 'grantee',
    caughtBy: 'each opening is counted, and in the log that the owner reads',
    fate: 'uncaught',
    run: async (s) => {
      const { vehicle, open } = await shared(s);
      const replies = [await open(), await open()];
      const counted = replies.map(({ body }) => body.openings).join() === '1,2';
      const logged = (await vehicle.log()).length === 2;
      return {
        fate: counted && logged ? 'uncaught' : 'refused',
        caughtBy: 'each opening is counted, and in the log that the owner reads',
      };
    },
  },
  {
    lie: 'keeps what it has read after the consent is revoked',
    by: 'grantee',
    caughtBy: 'the log says who read what, and when',
    fate: 'uncaught',
    run: async (s) => {
      const { ann, vehicle, entry, hash, open } = await shared(s);
      const { body } = await open();
      await s.test.post(`/v1/consents/${hash}/revocation`, revocationOf(s.test.ledger, hash, ann));
      const { verdict, result } = await readText(s, 'rpc', JSON.stringify(body.report));
      const kept = result?.entries.find(({ link }) => link.digest === entry.entry.digest)?.sealed;
      const reads = verdict === 'verified' && kept?.invoiceNumber !== undefined;
      const [logged] = await vehicle.log();
      return {
        fate: reads && logged?.consent === hash ? 'uncaught' : 'refused',
        caughtBy: 'the log says who read what, and when',
      };
    },
  },
];

const ownerLies: readonly OtherLie[] = [
  {
    lie: 'consents after it has sold',
    by: 'owner',
    caughtBy: 'consent.formerOwner',
    fate: 'refused',
    run: async (s) => {
      const { ann, vehicle } = await serviced(s);
      await vehicle.sell(ann, person());
      const given = { subject: vehicle.subject, signer: ann, account: person().address };
      return refusal(await s.test.post('/v1/consents', consentOf(s.test.ledger, given).json));
    },
  },
  {
    lie: 'consents under a tenure that is to come, so that it holds once the vehicle is bought back',
    by: 'owner',
    caughtBy: 'consent.tenure',
    fate: 'refused',
    run: async (s) => {
      const { ann, vehicle } = await serviced(s);
      const given = { subject: vehicle.subject, signer: ann, account: person().address, tenure: 3n };
      return refusal(await s.test.post('/v1/consents', consentOf(s.test.ledger, given).json));
    },
  },
  {
    lie: 'lets others see the former owner’s life',
    by: 'owner',
    caughtBy: NOTHING,
    fate: 'refused',
    run: async (s) => {
      const { ann, vehicle, entry } = await serviced(s);
      const [bob, friend] = [person(), person()];
      await vehicle.sell(ann, bob);
      const given = { subject: vehicle.subject, signer: bob, account: friend.address, tenure: 2n };
      await give(s.test, { ...given, entries: [entry.entry.digest] });
      return nothingShown(s, vehicle, entry, friend);
    },
  },
  {
    lie: 'reads on in the history of a number that goes on under another',
    by: 'owner',
    caughtBy: NOTHING,
    fate: 'refused',
    run: async (s) => {
      const time = new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+Z$/, 'Z');
      const later = await s.titled.renumbered.service(s.workshop, { note: 'Of another.' }, time);
      return nothingShown(s, s.titled.renumbered, later, s.titled.ann);
    },
  },
  {
    lie: 'revokes another’s consent',
    by: 'owner',
    caughtBy: 'consent.notRevoker',
    fate: 'refused',
    run: async (s) => {
      const { hash } = await shared(s);
      const path = `/v1/consents/${hash}/revocation`;
      return refusal(await s.test.post(path, revocationOf(s.test.ledger, hash, person())));
    },
  },
];

type LogPage = {
  from: { position: number; head: AccessHead };
  entries: AccessEntry[];
  state: AccessHeadJson;
};

/**
 * Ann reads her log, in which three readings are, and keeps its head; then the operator makes another log of it, signs its
 * head, and she reads again.
 */
async function logAgain(
  system: System,
  lie: (page: LogPage) => void,
  account: Pick<Account, 'address' | 'sign'> = system.test.service.services.keyring.operator,
): Promise<Outcome> {
  const { ann, vehicle, open } = await shared(system);
  for (let reading = 0; reading < 3; reading++) await open();
  system.operator.lie = {};
  const vin = vehicle.target.identifier.value;
  const first = await command(system, ann, 'access-log', vin);
  if (first.exit !== 0) throw new Error(first.stdout + first.stderr);
  system.operator.lie = {
    json: (path, body) => {
      if (!path.startsWith('/v1/access-log/')) return body;
      const page = body as LogPage;
      lie(page);
      const head = foldAccess(page.entries, page.from.head, page.from.position);
      const state = {
        subject: vehicle.subject,
        head,
        length: BigInt(page.from.position + page.entries.length),
        at: BigInt(page.state.at),
      };
      const hash = fromHex(accessHeadHash(system.test.ledger, state), 32);
      Object.assign(page.state, {
        ...{ head, length: Number(state.length), operator: account.address },
        signature: toHex(account.sign(hash)),
      });
      return page;
    },
  };
  const again = await command(system, ann, 'access-log', vin);
  system.operator.lie = {};
  // Where both heads bear the operator's signature, it has itself taken back what does not fold through the first.
  const kept = readAccessHead(system.test.ledger, first.json.state);
  const caught = again.exit === 1 && kept.operator === system.test.service.services.operator;
  const fate = account.address === kept.operator ? 'proven' : 'refused';
  return {
    fate: caught ? fate : 'uncaught',
    caughtBy: again.json?.error?.code ?? `begins at ${again.json?.from.position}`,
  };
}

const operator = { by: 'operator' } as const;
const unlogged = 'nothing: that every showing is logged cannot be proven';

const logLies: readonly OtherLie[] = [
  {
    lie: 'takes the last readings out of the access log',
    ...operator,
    caughtBy: 'access.shortened',
    fate: 'proven',
    run: (s) => logAgain(s, ({ entries }) => void entries.splice(1)),
  },
  {
    lie: 'puts another reader into the access log',
    ...operator,
    caughtBy: 'access.rewritten',
    fate: 'proven',
    run: (s) => logAgain(s, ({ entries }) => void Object.assign(entries[0] ?? {}, { reader: 'operator' })),
  },
  {
    lie: 'begins the access log anew, further on',
    ...operator,
    caughtBy: 'access.rewritten',
    fate: 'proven',
    run: (s) =>
      logAgain(s, (page) => {
        page.from = { position: 1, head: `0x${'11'.repeat(32)}` as AccessHead };
        page.entries.splice(0, 1);
      }),
  },
  {
    lie: 'signs the access log’s head by another key',
    ...operator,
    caughtBy: 'access.otherOperator',
    fate: 'refused',
    run: (s) => {
      const key = randomBytes(32);
      const sign = (hash: Uint8Array) => signHash(hash, key);
      return logAgain(s, () => undefined, { address: addressOfKey(key), sign });
    },
  },
  {
    lie: 'shows the access log from a later reading on, as if what was before were past its time',
    ...operator,
    caughtBy: 'the log says where it begins, and how much is not shown',
    fate: 'uncaught',
    run: async (s) => {
      const { fate, caughtBy } = await logAgain(s, (page) => {
        const [first] = page.entries.splice(0, 1);
        if (first === undefined) throw new Error('nothing was logged');
        page.from = { position: 1, head: foldAccess([first], page.from.head, 0) };
      });
      const told = caughtBy === 'begins at 1';
      return { fate, caughtBy: told ? 'the log says where it begins, and how much is not shown' : caughtBy };
    },
  },
  {
    lie: 'shows what is sealed, and does not log it',
    ...operator,
    caughtBy: unlogged,
    fate: 'uncaught',
    run: async (s) => {
      const { vehicle, entry } = await serviced(s);
      const { store, keyring } = s.test.service.services;
      const [row] = await store.query<{ wrapped: Uint8Array }>(
        'SELECT wrapped FROM disclosures WHERE digest = $1',
        [fromHex(entry.entry.digest, 32)],
      );
      // The service's own code does not compile like this; the operator's may.
      const unwrap = keyring.unwrap.bind(keyring) as (
        purpose: string,
        wrapped: Uint8Array,
        context: Uint8Array,
      ) => Uint8Array;
      const read = unwrap('disclosure', row?.wrapped ?? new Uint8Array(), fromHex(entry.entry.digest, 32));
      const opened = openDisclosure(fromUtf8(read)).name === 'invoiceNumber';
      const logged = (await vehicle.log()).length;
      return { fate: opened && logged === 0 ? 'uncaught' : 'refused', caughtBy: unlogged };
    },
  },
  {
    lie: 'goes on showing under a consent after it has said that it is revoked',
    ...operator,
    caughtBy: 'its receipt of the revocation, and a later entry in the log that it signed',
    fate: 'proven',
    run: async (s) => {
      const { ann, hash, open, vehicle } = await shared(s);
      await open();
      const path = `/v1/consents/${hash}/revocation`;
      const { body } = await s.test.post(path, revocationOf(s.test.ledger, hash, ann));
      const receipt = readConsentReceipt(s.test.ledger, body.revocation.receipt);
      const [honest] = await vehicle.log();
      if (honest === undefined) throw new Error('nothing was logged');
      const late: AccessEntry = { ...honest, position: 1, at: Number(receipt.at) + 60 };
      const state = {
        subject: vehicle.subject,
        head: foldAccess([honest, late]),
        length: 2n,
        at: BigInt(late.at),
      };
      const { operator: account } = s.test.service.services.keyring;
      const signature = toHex(account.sign(fromHex(accessHeadHash(s.test.ledger, state), 32)));
      const json = { ...state, length: 2, at: late.at, operator: account.address, signature };
      const head = readAccessHead(s.test.ledger, json);
      const proven =
        head.operator === receipt.operator &&
        receipt.state === 'revoked' &&
        late.consent === receipt.consent &&
        late.at > Number(receipt.at);
      return {
        fate: proven ? 'proven' : 'uncaught',
        caughtBy: 'its receipt of the revocation, and a later entry in the log that it signed',
      };
    },
  },
  {
    lie: 'claims a consent that the owner never gave',
    ...operator,
    caughtBy: 'consent.notOwner',
    fate: 'refused',
    run: async (s) => {
      const { vehicle } = await serviced(s);
      const given = { subject: vehicle.subject, signer: person(), account: person().address };
      const { json } = consentOf(s.test.ledger, given);
      const { consent, signature } = readConsent(json);
      const title = await titleOf(s, vehicle.subject);
      const fault = checkConsent(s.test.ledger, consent, signature, title, seconds());
      return { fate: fault === 'good' ? 'uncaught' : 'refused', caughtBy: fault };
    },
  },
  {
    lie: 'answers a consent with the receipt of another',
    ...operator,
    caughtBy: 'consent.receipt',
    fate: 'refused',
    run: async (s) => {
      const { ann, vehicle } = await serviced(s);
      const other = await shared(s);
      const { body } = await s.test.get(`/v1/consents/${other.hash}`, {
        token: await signInAlone(s.test, other.ann),
      });
      s.operator.lie = {
        json: (path, answer) =>
          path === '/v1/consents' ? { ...(answer as object), receipt: body.receipt } : answer,
      };
      const vin = vehicle.target.identifier.value;
      const to = ['--to', person().address, '--until', '1d'];
      const ran = await command(s, ann, 'consent', 'grant', vin, ...to);
      s.operator.lie = {};
      return refusedWith(ran);
    },
  },
];

const titleStatements: readonly OtherLie[] = [
  {
    lie: 'tells an old state of a title, without its lien and theft',
    ...operator,
    caughtBy: 'a title is read from `Titles`, or folded from a report',
    fate: 'unchanged',
    run: async (s) => {
      const vin = s.titled.car.target.identifier.value;
      s.operator.lie = {};
      const honest = await command(s, null, 'title', 'show', vin);
      let told = false;
      s.operator.lie = {
        json: (path, body) => {
          if (!path.startsWith('/v1/titles')) return body;
          told = true;
          return { ...(body as object), stolen: false, liens: [], sellable: { now: true, obstacles: [] } };
        },
      };
      const served = await (await fetch(`${s.operator.url}/v1/titles/${s.titled.car.subject}`)).json();
      const lied = told && (served as { stolen: boolean }).stolen === false;
      const after = await command(s, null, 'title', 'show', vin);
      s.operator.lie = {};
      const same = honest.exit === 0 && JSON.stringify(after.json) === JSON.stringify(honest.json);
      const blocked = after.json?.obstacles?.join() === 'stolen,lien';
      return {
        fate: lied && same && blocked ? 'unchanged' : 'uncaught',
        caughtBy: 'a title is read from `Titles`, or folded from a report',
      };
    },
  },
  {
    lie: 'has a buyer accept behind something that nobody has seen',
    ...operator,
    caughtBy: 'title.waits',
    fate: 'refused',
    run: async (s) => {
      const [ann, bob] = [person(), person()];
      const vehicle = await ownedBy(s, ann);
      await vehicle.act(ann, 'title.offered', { party: bob.address, until: seconds() + DAY });
      s.operator.lie = {
        json: (path, body) =>
          path.startsWith('/v1/titles/0x') ? { ...(body as object), nextRevision: 3 } : body,
      };
      const ran = await command(s, bob, 'title', 'accept', vehicle.target.identifier.value);
      s.operator.lie = {};
      return refusedWith(ran);
    },
  },
  {
    lie: 'says that an action is final, and has dropped it',
    ...operator,
    caughtBy: 'action.notOnLedger',
    fate: 'refused',
    run: async (s) => {
      const [ann, bob] = [person(), person()];
      const vehicle = await ownedBy(s, ann);
      await vehicle.act(ann, 'title.offered', { party: bob.address, until: seconds() + DAY });
      const status = (hash: string) => ({ hash, state: 'final', block: { number: 1, hash: ZERO_WORD } });
      s.operator.lie = {
        instead: (path, body) => {
          if (path === '/v1/titles/actions') {
            const { actions } = JSON.parse(body) as { actions: unknown[] };
            return { results: actions.map(() => ({ action: status(ZERO_WORD) })) };
          }
          return /^\/v1\/titles\/actions\/0x/.test(path) ? status(path.slice(-66)) : undefined;
        },
      };
      const ran = await command(s, bob, 'title', 'accept', vehicle.target.identifier.value);
      s.operator.lie = {};
      const { owner } = await titleOf(s, vehicle.subject);
      return owner === ann.address ? refusedWith(ran) : { fate: 'uncaught', caughtBy: 'nothing' };
    },
  },
  {
    lie: 'has an owner sign for another vehicle’s subject',
    ...operator,
    caughtBy: 'pseudonym.invalidTranscript',
    fate: 'refused',
    run: async (s) => {
      const ann = person();
      const vehicle = await ownedBy(s, ann);
      const { body } = await s.test.post('/v1/subjects', { identifiers: [`vin:${NEVER}`] });
      s.operator.lie = { json: (path, answer) => (path === '/v1/subjects' ? body : answer) };
      const ran = await command(s, ann, 'title', 'withdraw', vehicle.target.identifier.value);
      s.operator.lie = {};
      return refusedWith(ran);
    },
  },
  {
    lie: 'has an owner sign in to another service',
    ...operator,
    caughtBy: 'session.otherHost',
    fate: 'refused',
    run: async (s) => {
      s.operator.lie = {
        json: (path, body) =>
          path === '/v1/auth/challenge'
            ? { message: (body as { message: string }).message.replace(/^\S+/, 'other.example') }
            : body,
      };
      const ran = await command(s, person(), 'my', 'vehicles');
      s.operator.lie = {};
      return refusedWith(ran);
    },
  },
  {
    lie: 'alone among two, lies about a title to the command line',
    by: 'RPC endpoint',
    caughtBy: 'rpc.disagree',
    fate: 'refused',
    run: async (s) => {
      s.rpc.lie = titleless(s);
      const ran = await command(
        s,
        null,
        ...['title', 'show', s.titled.car.target.identifier.value, '--rpc', s.rpc.url],
      );
      s.rpc.lie = {};
      return refusedWith(ran);
    },
  },
  {
    lie: 'as the only endpoint, lies about a title to the command line',
    by: 'RPC endpoint',
    caughtBy: 'the result says: as seen by one endpoint',
    fate: 'uncaught',
    run: async (s) => {
      s.rpc.lie = titleless(s);
      const { trust, operator: between } = s;
      const { json } = await vinculum(
        s.folder,
        ...['title', 'show', s.titled.car.target.identifier.value, '--rpc', s.rpc.url],
        ...['--url', between.url, '--directory', `${trust.chainId}:${trust.directory}`, '--json'],
      );
      s.rpc.lie = {};
      return {
        fate: json?.stolen === false && json?.endpoints === 1 ? 'uncaught' : 'refused',
        caughtBy: 'the result says: as seen by one endpoint',
      };
    },
  },
];

/** Tells of every title that nothing stands against its sale. */
function titleless(system: System) {
  const { titles } = system.test.service.services.deployment;
  return {
    answer: (
      { method, params }: { method: string; params: readonly unknown[] },
      result: unknown,
    ): unknown => {
      const [call] = params as [{ to?: string }];
      if (method !== 'eth_call' || call.to?.toLowerCase() !== titles) return result;
      const words = String(result).slice(2).match(/.{64}/g) ?? [];
      if (words.length !== 12) return `0x${'20'.padStart(64, '0')}${'0'.repeat(64)}`;
      words[4] = '0'.repeat(64);
      return `0x${words.join('')}`;
    },
  };
}

/** The operator destroys content, as it may; a reader reads the vehicle's report then. */
async function erase(system: System, target: object): Promise<void> {
  const token = system.test.service.operatorToken;
  const request = { target, basis: 'request' };
  const { body } = await system.test.post('/v1/erasures', request, { token });
  const done = { ...request, dryRun: false, plan: body.plan.id };
  const { status, text } = await system.test.post('/v1/erasures', done, { token });
  if (status !== 200) throw new Error(text);
}

/** A vehicle of Ann's with an accident on it. */
async function crashed(system: System): Promise<{ vehicle: Vehicle; accident: Digest }> {
  const vehicle = await ownedBy(system, person());
  const composed = system.test.compose(system.insurer, vehicle.name, {
    kind: 'accident',
    time: '2024-03-01',
    data: { severity: 'severe', market: 'FR' },
  });
  await system.test.record(system.insurer, [composed]);
  return { vehicle, accident: composed.entry.digest };
}

const erasureLies: readonly OtherLie[] = [
  {
    lie: 'erases an accident, to hide it',
    ...operator,
    caughtBy: 'finding entry.erased',
    fate: 'warned',
    run: async (s) => {
      const { vehicle, accident } = await crashed(s);
      await erase(s, { entry: accident });
      const { verdict, findings = [] } = await read(s, 'rpc', vehicle.target.identifier.value);
      const found = findings.find(({ code }) => code === 'entry.erased');
      const [named] = (found?.details.named ?? []) as { kind: string; operator: string; digest: string }[];
      const told =
        verdict === 'verified' &&
        found?.severity === 'warning' &&
        named?.kind === 'accident' &&
        named.digest === accident &&
        named.operator === s.test.service.services.operator;
      return { fate: told ? 'warned' : 'uncaught', caughtBy: `finding ${found?.code}` };
    },
  },
  {
    lie: 'erases an accident, and denies that there ever was one',
    ...operator,
    caughtBy: 'completeness head.subject',
    fate: 'refuted',
    run: async (s) => {
      const { vehicle, accident } = await crashed(s);
      await erase(s, { entry: accident });
      s.operator.lie = {
        json: (path, body) => {
          if (!path.endsWith('/report')) return body;
          const { ledgers } = body as Report;
          const links = ledgers[0]?.links ?? [];
          links.splice(
            links.findIndex(({ digest }) => digest === accident),
            1,
          );
          return body;
        },
      };
      const { verdict, codes } = await read(s, 'rpc', vehicle.target.identifier.value);
      s.operator.lie = {};
      return { fate: verdict === 'refuted' ? 'refuted' : 'uncaught', caughtBy: codes[0] ?? '' };
    },
  },
  {
    lie: 'erases a lien’s envelope, to hide the lien',
    ...operator,
    caughtBy: 'finding lien.open',
    fate: 'warned',
    run: async (s) => {
      const vehicle = await ownedBy(s, person());
      const deed = { detail: 1n, until: seconds() + DAY };
      const digest = await vehicle.act(s.titled.lender, 'title.lienPlaced', deed);
      await erase(s, { entry: digest });
      const { verdict, findings = [], result } = await read(s, 'rpc', vehicle.target.identifier.value);
      const found = findings.find(({ code }) => code === 'lien.open');
      const blocked = result?.titles[0]?.obstacles.join() === 'lien';
      return {
        fate: verdict === 'verified' && blocked ? 'warned' : 'uncaught',
        caughtBy: `finding ${found?.code}`,
      };
    },
  },
  {
    lie: 'says that it erased what it keeps',
    ...operator,
    caughtBy: 'nothing: whether a copy is left cannot be proven',
    fate: 'uncaught',
    run: async (s) => {
      const { vehicle, accident } = await crashed(s);
      const before = await s.honest(vehicle.target.identifier.value);
      const content = before.contents[accident];
      await erase(s, { entry: accident });
      if (content === undefined || !('block' in content)) throw new Error('no content');
      const copy = openBlock(fromBase64Url(content.block), fromBase64Url(content.key));
      return {
        fate: copy.length > 0 ? 'uncaught' : 'refused',
        caughtBy: 'nothing: whether a copy is left cannot be proven',
      };
    },
  },
  {
    lie: 'goes on serving the block of what was erased',
    by: 'IPFS node',
    caughtBy: 'its key is destroyed',
    fate: 'unchanged',
    run: async (s) => {
      const { vehicle, accident } = await crashed(s);
      const vin = vehicle.target.identifier.value;
      const content = (await s.honest(vin)).contents[accident];
      await erase(s, { entry: accident });
      const after = (await s.honest(vin)).contents[accident];
      if (content === undefined || !('block' in content)) throw new Error('no content');
      const block = fromBase64Url(content.block);
      // Whoever has the block, and every key that the service still gives for this history, opens nothing.
      const keys = Object.values((await s.honest(vin)).contents).flatMap((one) =>
        'key' in one ? [one.key] : [],
      );
      const opens = keys.some((key) => {
        try {
          openBlock(block, fromBase64Url(key));
          return true;
        } catch (error) {
          if (!isVinculumError(error)) throw error;
          return false;
        }
      });
      const gone = after !== undefined && 'erased' in after && keys.length > 0 && !opens;
      return { fate: gone ? 'unchanged' : 'uncaught', caughtBy: 'its key is destroyed' };
    },
  },
];

const NAMELESS = 'no number is told because of what was not handed in here';

/** What a carrier is told of batches that it reads pseudonyms of on the chain, and has put entries of its own on. */
async function toldOf(system: System, subject: Subject): Promise<Outcome> {
  const { test, chain } = system;
  const carrier = await test.admit('Curious Freight', ['carrier']);
  await chain.record(carrier, [{ kind: 97, subject, digest: toHex(randomBytes(32)) as Digest }]);
  const { body, text } = await test.get('/v1/my/batches', { token: await test.signIn(carrier) });
  const told = body.batches.length > 0 || text.includes(subject);
  return { fate: told ? 'uncaught' : 'refused', caughtBy: NAMELESS };
}

/** The key of a registrar that had `Titles` issue the title of a pseudonym to it, without a service. */
async function selfIssued(system: System, target: Vehicle): Promise<Person> {
  const owner = person();
  const signed = await signedNow(system, system.registry, target, 'title.issued', { party: owner.address });
  await mustExecute(system, signed);
  return owner;
}

const pseudonymLies: readonly OtherLie[] = [
  {
    lie: 'records a shipment of a vehicle that it knows by its pseudonym alone, to be told its number',
    by: 'attester',
    caughtBy: NAMELESS,
    fate: 'refused',
    run: async (s) => toldOf(s, (await serviced(s)).vehicle.subject),
  },
  {
    lie: 'records a shipment of a rival’s batch that it knows by its pseudonym alone, to be told its number',
    by: 'attester',
    caughtBy: NAMELESS,
    fate: 'refused',
    run: async (s) => {
      const rival = await s.test.admit('Rival Cells', ['supplier']);
      const batch = s.test.compose(rival, `batch:rival.example:${randomBytes(6).toString('hex')}`, {
        kind: 'batch.shipped',
        time: '2024-03-01',
        data: { bizStep: 'shipping', disposition: 'in_transit', from: 'rival.example' },
      });
      await s.test.record(rival, [batch]);
      return toldOf(s, batch.entry.subject);
    },
  },
  {
    lie: 'puts the digest of another vehicle’s entry into a history that it may read, to be given its key',
    by: 'attester',
    caughtBy: 'the operator gives no content because of a copied digest',
    fate: 'refused',
    run: async (s) => {
      const { vehicle, entry } = await serviced(s);
      const own = new Vehicle(s.test);
      const copier = await s.test.admit('Copying workshop', ['workshop']);
      await s.chain.record(copier, [{ ...entry.entry, subject: own.subject }]);
      const token = await s.test.signIn(copier);
      const { text, body } = await s.test.get(`${own.path}/report`, { token });
      const withheld = 'withheld' in body.contents[entry.entry.digest];
      const silent = withheld && !text.includes(vehicle.target.identifier.value);
      return {
        fate: silent ? 'refused' : 'uncaught',
        caughtBy: 'the operator gives no content because of a copied digest',
      };
    },
  },
  {
    lie: 'has a title issued to itself on a pseudonym, to be told which vehicle it is',
    by: 'authority',
    caughtBy: NAMELESS,
    fate: 'refused',
    run: async (s) => {
      const vehicle = new Vehicle(s.test);
      await vehicle.service(s.workshop);
      const owner = await selfIssued(s, vehicle);
      const { body } = await s.test.get('/v1/my/vehicles', { token: await signInAlone(s.test, owner) });
      const [mine] = body.vehicles;
      const silent = mine?.title.subject === vehicle.subject && mine.identifier === null;
      return { fate: silent ? 'refused' : 'uncaught', caughtBy: NAMELESS };
    },
  },
  {
    lie: 'consents to itself as the owner of a pseudonym, to be told which vehicle it is',
    by: 'authority',
    caughtBy: NAMELESS,
    fate: 'refused',
    run: async (s) => {
      const vehicle = new Vehicle(s.test);
      await vehicle.service(s.workshop);
      const signer = await selfIssued(s, vehicle);
      const { token, bearer } = freshToken();
      const [friend, { subject }] = [person(), vehicle];
      const { reply } = await give(s.test, { subject, signer, bearer });
      await give(s.test, { subject, signer, account: friend.address });
      const opened = await s.test.post('/v1/shares/open', { token });
      const lists = await Promise.all(
        [signer, friend].map(async (who) => {
          const as = who === signer ? 'signer' : 'grantee';
          return s.test.get(`/v1/consents?as=${as}`, { token: await signInAlone(s.test, who) });
        }),
      );
      const texts = [reply, opened, ...lists].map(({ text }) => text);
      const silent =
        opened.status >= 400 &&
        lists.every(({ body }) => body.consents.length > 0) &&
        texts.every((text) => !text.includes(vehicle.target.identifier.value));
      return { fate: silent ? 'refused' : 'uncaught', caughtBy: NAMELESS };
    },
  },
];

/** What is said beside reports of titles, consents, the access log and erasures, and what is done with consents. */
export const privacyLies: readonly OtherLie[] = [
  ...titleStatements,
  ...logLies,
  ...erasureLies,
  ...granteeLies,
  ...ownerLies,
  ...pseudonymLies,
];
