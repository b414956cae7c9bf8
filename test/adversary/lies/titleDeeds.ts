import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fromHex } from '../../../core/bytes.ts';
import { type Receipt, receiptHash, recoverOperator } from '../../../core/chain/receipt.ts';
import type { SubmissionHash } from '../../../core/chain/submission.ts';
import { addressOfKey, signHash } from '../../../core/chain/submission.ts';
import { composeEntry } from '../../../core/envelope/envelope.ts';
import { DAY, signInAlone, Vehicle } from '../../api/privacy/world.ts';
import { type Actor, person, type Signed, seconds, sign } from '../../api/titles/acting.ts';
import type { Fate, OtherLie } from '../lie.ts';
import { type Reading, read } from '../reader.ts';
import type { System } from '../system.ts';
import { executed, mustExecute, ownedBy, placeOf, signedNow, year } from '../titled.ts';

type Outcome = { readonly fate: Fate; readonly caughtBy: string };

/** What a reader is told of a vehicle, by the honest service. */
async function readingOf(system: System, { target }: Vehicle): Promise<Reading> {
  system.operator.lie = {};
  return read(system, 'rpc', target.identifier.value);
}

/** That the history is verified and a finding tells of what was to be hidden: not just as a piece of information. */
async function warned(system: System, vehicle: Vehicle, code: string): Promise<Outcome> {
  const { verdict, findings = [] } = await readingOf(system, vehicle);
  const found = findings.find((finding) => finding.code === code);
  const told = verdict === 'verified' && found !== undefined && found.severity !== 'information';
  return { fate: told ? 'warned' : 'uncaught', caughtBy: `finding ${found?.code}` };
}

const offer = async (system: System, seller: Actor, vehicle: Vehicle, buyer = person()): Promise<Signed> =>
  signedNow(system, seller, vehicle, 'title.offered', { party: buyer.address, until: year() });

/** Ann’s vehicle, on offer to Bob, who has signed his acceptance: what then comes in between? */
async function ahead(
  system: System,
  come: (vehicle: Vehicle, ann: ReturnType<typeof person>, bob: ReturnType<typeof person>) => Promise<void>,
): Promise<Outcome> {
  const [ann, bob] = [person(), person()];
  const vehicle = await ownedBy(system, ann);
  await mustExecute(system, await offer(system, ann, vehicle, bob));
  const acceptance = await signedNow(system, bob, vehicle, 'title.accepted');
  await come(vehicle, ann, bob);
  return executed(system, acceptance);
}

const by = 'relayer' as const;
const reverted = (code: string) => ({ caughtBy: `Titles ${code}`, fate: 'reverted' }) as const;
const forged = { by, ...reverted('action.signature') } as const;
const outrun = { by, ...reverted('title.wrongRevision') } as const;

const theft = (system: System, vehicle: Vehicle): Promise<Signed> =>
  signedNow(system, system.titled.police, vehicle, 'title.stolen');

/** What a relayer can do with actions that it is given, and with the order in which they come. */
const relayed: readonly OtherLie[] = [
  {
    lie: 'alters an action',
    ...forged,
    run: async (s) => {
      const signed = await theft(s, await ownedBy(s, person()));
      return executed(s, { ...signed, action: { ...signed.action, deadline: signed.action.deadline + 1n } });
    },
  },
  {
    lie: 'hands an action in under another’s name',
    ...forged,
    run: async (s) => {
      const signed = await theft(s, await ownedBy(s, person()));
      return executed(s, { ...signed, request: { ...signed.request, actor: s.registry.signer } });
    },
  },
  {
    lie: 'relays an action that was signed for another chain',
    ...forged,
    run: async (s) => {
      const { target } = await ownedBy(s, person());
      const place = { ...placeOf(s), ledger: { ...s.test.ledger, chainId: 1n } };
      return executed(s, sign(place, s.titled.police, target, 'title.stolen', 1));
    },
  },
  {
    lie: 'relays an action that was signed for another contract',
    ...forged,
    run: async (s) => {
      const { target } = await ownedBy(s, person());
      const place = { ...placeOf(s), titles: s.test.ledger.address };
      return executed(s, sign(place, s.titled.police, target, 'title.stolen', 1));
    },
  },
  {
    lie: 'replays an action that was executed',
    ...outrun,
    run: async (s) => {
      const signed = await theft(s, await ownedBy(s, person()));
      await mustExecute(s, signed);
      return executed(s, signed);
    },
  },
  {
    lie: 'replays an offer once the seller has bought the vehicle back',
    ...outrun,
    run: async (s) => {
      const [ann, bob] = [person(), person()];
      const vehicle = await ownedBy(s, ann);
      const first = await offer(s, ann, vehicle, bob);
      await mustExecute(s, first);
      await mustExecute(s, await signedNow(s, bob, vehicle, 'title.accepted'));
      await mustExecute(s, await offer(s, bob, vehicle, ann));
      await mustExecute(s, await signedNow(s, ann, vehicle, 'title.accepted'));
      return executed(s, first);
    },
  },
  {
    lie: 'exchanges two actions on one title',
    ...outrun,
    run: async (s) => {
      const vehicle = await ownedBy(s, person());
      const first = await theft(s, vehicle);
      const then = sign(placeOf(s), s.titled.police, vehicle.target, 'title.recovered', 2);
      const outcome = await executed(s, then);
      // Nothing is lost by it: in their order both are executed.
      await mustExecute(s, first);
      await mustExecute(s, then);
      return outcome;
    },
  },
  {
    lie: 'holds an action back until its deadline is over',
    by,
    ...reverted('action.expired'),
    run: async (s) => {
      const deadline = seconds() - 60n;
      return executed(
        s,
        await signedNow(s, s.titled.police, await ownedBy(s, person()), 'title.stolen', { deadline }),
      );
    },
  },
  {
    lie: 'has a lien placed ahead of an acceptance',
    ...outrun,
    run: (s) =>
      ahead(s, async (vehicle) =>
        mustExecute(
          s,
          await signedNow(s, s.titled.lender, vehicle, 'title.lienPlaced', { detail: 1n, until: year() }),
        ),
      ),
  },
  {
    lie: 'has a brand put on ahead of an acceptance',
    ...outrun,
    run: (s) =>
      ahead(s, async (vehicle) =>
        mustExecute(s, await signedNow(s, s.titled.authority, vehicle, 'title.branded', { detail: 11n })),
      ),
  },
  {
    lie: 'has the seller offer anew, on other terms, ahead of the acceptance',
    ...outrun,
    run: (s) =>
      ahead(s, async (vehicle, ann, bob) => {
        await mustExecute(s, await signedNow(s, ann, vehicle, 'title.withdrawn'));
        await mustExecute(s, await offer(s, ann, vehicle, bob));
      }),
  },
  {
    lie: 'executes an acceptance though the offer was withdrawn before',
    ...outrun,
    run: (s) =>
      ahead(s, async (vehicle, ann) => mustExecute(s, await signedNow(s, ann, vehicle, 'title.withdrawn'))),
  },
  {
    lie: 'accepts in the buyer’s place, ahead of it',
    by,
    ...reverted('title.notBuyer'),
    run: async (s) => {
      const ann = person();
      const vehicle = await ownedBy(s, ann);
      await mustExecute(s, await offer(s, ann, vehicle));
      return executed(s, await signedNow(s, person(), vehicle, 'title.accepted'));
    },
  },
  {
    lie: 'has a sale go ahead of a lien that is on its way',
    ...outrun,
    run: async (s) => {
      const [ann, bob] = [person(), person()];
      const vehicle = await ownedBy(s, ann);
      const deed = { detail: 1n, until: year() };
      const lien = await signedNow(s, s.titled.lender, vehicle, 'title.lienPlaced', deed);
      await mustExecute(s, await offer(s, ann, vehicle, bob));
      await mustExecute(s, await signedNow(s, bob, vehicle, 'title.accepted'));
      return executed(s, lien);
    },
  },
  {
    lie: 'promises to have an action executed, and drops it',
    by: 'operator',
    caughtBy: 'a signed receipt without Executed by its time',
    fate: 'proven',
    run: async (s) => {
      const { hash } = await theft(s, await ownedBy(s, person()));
      const operatorKey = randomBytes(32);
      const now = seconds();
      const promise: Receipt = {
        submission: hash as string as SubmissionHash,
        receivedAt: now - 600n,
        anchorBy: now - 300n,
      };
      const signature = signHash(fromHex(receiptHash(s.test.ledger, promise), 32), operatorKey);
      const operator = recoverOperator(s.test.ledger, promise, signature);
      const final = (await s.chain.call('eth_getBlockByNumber', ['finalized', false])) as {
        timestamp: string;
      };
      const topics = [null, null, hash];
      const filter = { address: placeOf(s).titles, fromBlock: '0x0', toBlock: 'latest', topics };
      const kept = (await s.chain.call('eth_getLogs', [filter])) as unknown[];
      const broken =
        operator === addressOfKey(operatorKey) &&
        BigInt(final.timestamp) > promise.anchorBy &&
        kept.length === 0;
      return {
        fate: broken ? 'proven' : 'uncaught',
        caughtBy: 'a signed receipt without Executed by its time',
      };
    },
  },
];

/** Somebody does this to a fresh vehicle of Ann’s, after what came before. */
const attempt =
  (
    who: (system: System) => Actor,
    kind: Parameters<typeof sign>[3],
    deed: () => Parameters<typeof sign>[5] = () => ({}),
    prepare: (system: System, vehicle: Vehicle) => Promise<void> = async () => undefined,
  ) =>
  async (system: System): Promise<Outcome> => {
    const vehicle = await ownedBy(system, person());
    await prepare(system, vehicle);
    return executed(system, await signedNow(system, who(system), vehicle, kind, deed()));
  };

const lien = async (system: System, vehicle: Vehicle, rank = 1n): Promise<void> =>
  mustExecute(
    system,
    await signedNow(system, system.titled.lender, vehicle, 'title.lienPlaced', {
      detail: rank,
      until: year(),
    }),
  );

/** What organisations with rights over titles can do beyond them, or with them. */
const authorities: readonly OtherLie[] = [
  {
    lie: 'issues a second title for a vehicle that has one',
    by: 'authority',
    ...reverted('title.wrongState'),
    run: attempt(
      (s) => s.registry,
      'title.issued',
      () => ({ party: person().address }),
    ),
  },
  {
    lie: 'transfers a vehicle under a lien',
    by: 'authority',
    ...reverted('title.lienOpen'),
    run: attempt(
      (s) => s.registry,
      'title.transferred',
      () => ({ party: person().address }),
      lien,
    ),
  },
  {
    lie: 'exports a stolen vehicle',
    by: 'authority',
    ...reverted('title.stolen'),
    run: attempt(
      (s) => s.registry,
      'title.exported',
      () => ({}),
      async (s, vehicle) => mustExecute(s, await theft(s, vehicle)),
    ),
  },
  {
    lie: 'acts without the right: a lender reports a theft',
    by: 'authority',
    ...reverted('action.kindNotAllowed'),
    run: attempt((s) => s.titled.lender, 'title.stolen'),
  },
  {
    lie: 'acts under another organisation’s number',
    by: 'authority',
    ...reverted('action.unknownKey'),
    run: attempt((s) => ({ ...s.titled.police, key: s.titled.lender.key }), 'title.stolen'),
  },
  {
    lie: 'acts after it was suspended',
    by: 'authority',
    ...reverted('action.suspended'),
    run: async (s) => {
      const former = await s.test.admit('Former registry', ['registrar']);
      await s.test.change('guardian', 'suspend', former.id);
      const vehicle = new Vehicle(s.test);
      return executed(s, await signedNow(s, former, vehicle, 'title.issued', { party: person().address }));
    },
  },
  {
    lie: 'releases another lender’s lien',
    by: 'authority',
    ...reverted('title.notHolder'),
    run: attempt(
      (s) => s.registry,
      'title.lienReleased',
      () => ({ detail: 1n }),
      lien,
    ),
  },
  {
    lie: 'takes the rank of another’s lien',
    by: 'authority',
    ...reverted('title.rankTaken'),
    run: attempt(
      (s) => s.registry,
      'title.lienPlaced',
      () => ({ detail: 1n, until: year() }),
      lien,
    ),
  },
  {
    lie: 'places a lien for ever',
    by: 'authority',
    ...reverted('title.badTime'),
    run: attempt(
      (s) => s.titled.lender,
      'title.lienPlaced',
      () => ({ detail: 1n, until: seconds() + 4_000n * DAY }),
    ),
  },
  {
    lie: 'buries a title under more than eight liens',
    by: 'authority',
    ...reverted('title.tooManyLiens'),
    run: attempt(
      (s) => s.titled.lender,
      'title.lienPlaced',
      () => ({ detail: 9n, until: year() }),
      async (s, vehicle) => {
        for (let rank = 1n; rank <= 8n; rank++) await lien(s, vehicle, rank);
      },
    ),
  },
  {
    lie: 'changes a title that has ended',
    by: 'authority',
    ...reverted('title.wrongState'),
    run: attempt(
      (s) => s.registry,
      'title.reissued',
      () => ({ party: person().address }),
      async (s, vehicle) => mustExecute(s, await signedNow(s, s.registry, vehicle, 'title.scrapped')),
    ),
  },
  {
    lie: 'gives a vehicle the number of another that has a title',
    by: 'authority',
    ...reverted('title.subjectTaken'),
    run: async (s) => {
      const [vehicle, other] = [await ownedBy(s, person()), await ownedBy(s, person())];
      return executed(
        s,
        await signedNow(s, s.registry, vehicle, 'title.replaced', {
          detail: other.subject,
          data: { to: other.name },
        }),
      );
    },
  },
  {
    lie: 'washes a brand off by an export and a new title',
    by: 'authority',
    caughtBy: 'finding title.brand',
    fate: 'warned',
    run: async (s) => {
      const vehicle = await ownedBy(s, person());
      await vehicle.act(s.titled.authority, 'title.branded', { detail: 11n });
      await vehicle.act(s.registry, 'title.exported');
      await vehicle.act(s.registry, 'title.issued', { party: person().address });
      return warned(s, vehicle, 'title.brand');
    },
  },
  {
    lie: 'washes a lien off by a new number',
    by: 'authority',
    caughtBy: 'finding lien.open',
    fate: 'warned',
    run: async (s) => {
      const [vehicle, next] = [await ownedBy(s, person()), new Vehicle(s.test)];
      await vehicle.act(s.titled.lender, 'title.lienPlaced', { detail: 1n, until: year() });
      const data = { to: next.name, reason: 'reissued' };
      await vehicle.act(s.registry, 'title.replaced', { detail: next.subject, data });
      return warned(s, next, 'lien.open');
    },
  },
  {
    lie: 'names another number in the envelope than the title goes on under',
    by: 'authority',
    caughtBy: 'envelope.unbound',
    fate: 'void',
    run: async (s) => {
      const [vehicle, next] = [await ownedBy(s, person()), new Vehicle(s.test)];
      const data = { to: new Vehicle(s.test).name, reason: 'reissued' };
      const entry = composeEntry(s.test.ledger, s.registry.id, vehicle.target, {
        kind: 'title.replaced',
        time: '2024-05-31',
        data,
      });
      const signed = sign(placeOf(s), s.registry, vehicle.target, 'title.replaced', 1, {
        detail: next.subject,
        entry,
      });
      await mustExecute(s, signed);
      s.operator.lie = {
        json: (_, body) => {
          const { block, key } = signed.request;
          Object.assign((body as { contents: object }).contents, {
            [signed.action.digest]: { block, key, disclosures: [] },
          });
          return body;
        },
      };
      const { verdict, result } = await read(s, 'rpc', next.target.identifier.value);
      const [first] = result?.entries ?? [];
      // The title is carried over all the same, by what was done.
      const held = result?.titles[0]?.title.state === 'held';
      return {
        fate: verdict === 'verified' && held && first?.status === 'void' ? 'void' : 'uncaught',
        caughtBy: first?.code ?? '',
      };
    },
  },
  {
    lie: 'acts, and hands the envelope to nobody',
    by: 'authority',
    caughtBy: 'entries entry.withheld',
    fate: 'incomplete',
    run: async (s) => {
      const vehicle = await ownedBy(s, person());
      await mustExecute(s, await theft(s, vehicle));
      const { verdict, codes, findings = [] } = await readingOf(s, vehicle);
      // What was done is told all the same.
      const told = findings.some(({ code }) => code === 'title.stolen');
      return { fate: verdict === 'incomplete' && told ? 'incomplete' : 'uncaught', caughtBy: codes.join() };
    },
  },
  {
    lie: 'takes a vehicle from its owner by re-issuing the title to a key of its own',
    by: 'authority',
    caughtBy: 'finding title.reissued',
    fate: 'warned',
    run: async (s) => {
      const vehicle = await ownedBy(s, person());
      await vehicle.act(s.registry, 'title.reissued', { party: person().address });
      return warned(s, vehicle, 'title.reissued');
    },
  },
  {
    lie: 'reads an owner’s sealed life by re-issuing the title to a key of its own',
    by: 'authority',
    caughtBy: 'the re-issue stands in the history, and each reading in the log',
    fate: 'uncaught',
    run: async (s) => {
      const thief = person();
      const vehicle = await ownedBy(s, person());
      const entry = await vehicle.service(s.workshop);
      await vehicle.act(s.registry, 'title.reissued', { party: thief.address });
      const shown = await vehicle.shown(entry, await signInAlone(s.test, thief));
      const { findings = [] } = await readingOf(s, vehicle);
      const [logged] = await vehicle.log();
      const marked =
        findings.some(({ code }) => code === 'title.reissued') &&
        logged?.reader === `account:${thief.address}`;
      return {
        fate: shown.length > 0 ? 'uncaught' : 'refused',
        caughtBy: marked ? 'the re-issue stands in the history, and each reading in the log' : 'nothing',
      };
    },
  },
  {
    lie: 'places a lien, or reports a theft, for nothing',
    by: 'authority',
    caughtBy: 'it is under its name, and the owner’s dispute stands beside it',
    fate: 'uncaught',
    run: async (s) => {
      const ann = person();
      const vehicle = await ownedBy(s, ann);
      const digest = await vehicle.act(s.titled.lender, 'title.lienPlaced', { detail: 1n, until: year() });
      await vehicle.act(ann, 'title.disputed', { detail: digest });
      const { verdict, findings = [] } = await readingOf(s, vehicle);
      const codes = findings.map(({ code }) => code as string);
      const both = codes.includes('lien.open') && codes.includes('entry.disputed');
      return {
        fate: verdict === 'verified' && both ? 'uncaught' : 'refused',
        caughtBy: both ? 'it is under its name, and the owner’s dispute stands beside it' : codes.join(),
      };
    },
  },
];

/** A deed of an owner, a former owner or a buyer, of whom a history is made first. */
const trying =
  (story: (system: System, vehicle: Vehicle, ann: ReturnType<typeof person>) => Promise<Signed>) =>
  async (system: System): Promise<Outcome> => {
    const ann = person();
    const vehicle = await ownedBy(system, ann);
    return executed(system, await story(system, vehicle, ann));
  };

const owners: readonly OtherLie[] = [
  {
    lie: 'offers what it has sold already',
    by: 'owner',
    ...reverted('title.notOwner'),
    run: trying(async (s, vehicle, ann) => {
      const bob = person();
      await mustExecute(s, await offer(s, ann, vehicle, bob));
      await mustExecute(s, await signedNow(s, bob, vehicle, 'title.accepted'));
      return offer(s, ann, vehicle);
    }),
  },
  {
    lie: 'offers a vehicle under a lien',
    by: 'owner',
    ...reverted('title.lienOpen'),
    run: trying(async (s, vehicle, ann) => {
      await lien(s, vehicle);
      return offer(s, ann, vehicle);
    }),
  },
  {
    lie: 'offers a stolen vehicle',
    by: 'owner',
    ...reverted('title.stolen'),
    run: trying(async (s, vehicle, ann) => {
      await mustExecute(s, await theft(s, vehicle));
      return offer(s, ann, vehicle);
    }),
  },
  {
    lie: 'offers a vehicle to two buyers at once',
    by: 'owner',
    ...reverted('title.offerOpen'),
    run: trying(async (s, vehicle, ann) => {
      await mustExecute(s, await offer(s, ann, vehicle));
      return offer(s, ann, vehicle);
    }),
  },
  {
    lie: 'sells under the old number what goes on under a new one',
    by: 'owner',
    ...reverted('title.wrongState'),
    run: async (s) => executed(s, await offer(s, s.titled.ann, s.titled.renumbered)),
  },
  {
    lie: 'releases the lien on its own vehicle',
    by: 'owner',
    ...reverted('action.unknownKey'),
    run: trying(async (s, vehicle, ann) => {
      await lien(s, vehicle);
      const asLender = { ...ann, id: s.titled.lender.id };
      return signedNow(s, asLender, vehicle, 'title.lienReleased', { detail: 1n });
    }),
  },
  {
    lie: 'accepts what nobody offered',
    by: 'owner',
    ...reverted('title.noOffer'),
    run: trying((s, vehicle) => signedNow(s, person(), vehicle, 'title.accepted')),
  },
  {
    lie: 'accepts an offer that has expired',
    by: 'owner',
    ...reverted('title.offerExpired'),
    run: trying(async (s, vehicle, ann) => {
      const bob = person();
      const until = seconds() + 3n;
      const deed = { party: bob.address, until };
      await mustExecute(s, await signedNow(s, ann, vehicle, 'title.offered', deed));
      await sleep(Number(until - seconds() + 2n) * 1_000);
      await s.chain.mine(1);
      return signedNow(s, bob, vehicle, 'title.accepted');
    }),
  },
  {
    lie: 'acts by a key that it lost, once the title was re-issued',
    by: 'owner',
    ...reverted('title.notOwner'),
    run: trying(async (s, vehicle, ann) => {
      const reissue = { party: person().address };
      await mustExecute(s, await signedNow(s, s.registry, vehicle, 'title.reissued', reissue));
      return offer(s, ann, vehicle);
    }),
  },
];

export const titleDeedLies: readonly OtherLie[] = [...relayed, ...authorities, ...owners];
