import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import type { ActionRequest } from '../../../api/accept/actionSchema.ts';
import { encodeExecute } from '../../../api/chain/contracts.ts';
import { codeOfRefusal } from '../../../api/chain/refusals.ts';
import { RpcRefusal } from '../../../api/chain/rpc.ts';
import type { Pipeline, PipelineOptions } from '../../../api/pipeline.ts';
import type { Store } from '../../../api/store/store.ts';
import { fromBase64Url, fromHex, toBase64Url, toHex } from '../../../core/bytes.ts';
import { signHash } from '../../../core/chain/submission.ts';
import type { Address, Digest, OrganisationId, Subject } from '../../../core/chain/types.ts';
import { composeEntry } from '../../../core/envelope/envelope.ts';
import { normaliseIdentifier, parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { titleActionHash } from '../../../core/modules/action.ts';
import { type TitleKind, titleKinds, transitions } from '../../../core/modules/title.ts';
import { expectCode } from '../../expectCode.ts';
import {
  createWorld,
  empty,
  eventually,
  type Organisation,
  pipelineIn,
  request,
  TITLE_RIGHTS,
  vinOf,
  type World,
} from '../pipeline/world.ts';
import { onEachStore } from '../store/stores.ts';
import {
  type Actor,
  type Deed,
  person,
  type Signed,
  seconds,
  sign,
  signed as signAgain,
  type Target,
  wordOf,
} from './acting.ts';

const DAY = 86_400n;

describe('Accepting actions on titles', function () {
  this.timeout(120_000);
  let world: World;
  let registrar: Organisation;
  const ann = person();
  const bob = person();
  /** Vehicles whose titles are in each state, with the next revision. */
  const fixtures = new Map<string, { readonly vehicle: Target; readonly revision: number }>();

  let vehicles = 0;
  const target = (): Target => {
    vehicles += 1;
    const identifier = vinOf(70_000 + vehicles);
    return { identifier, subject: world.evaluator.subject(identifier) };
  };
  const execute = ({ action, request: { actor, signature } }: Signed) =>
    world.titlesCall('execute', action, actor, fromBase64Url(signature), { gasLimit: 2_000_000 });
  const year = () => seconds() + 300n * DAY;

  before(async () => {
    world = await createWorld();
    registrar = await world.admit(TITLE_RIGHTS);
    const histories: Readonly<Record<string, readonly [Actor, TitleKind, Deed?][]>> = {
      none: [],
      held: [],
      offered: [[ann, 'title.offered', { party: bob.address, until: year() }]],
      'under a lien': [[registrar, 'title.lienPlaced', { detail: 1n, until: year() }]],
      stolen: [[registrar, 'title.stolen']],
      exported: [[registrar, 'title.exported']],
      scrapped: [[registrar, 'title.scrapped']],
      replaced: [],
    };
    for (const [state, history] of Object.entries(histories)) {
      const vehicle = target();
      const next = target();
      const steps: (readonly [Actor, TitleKind, Deed?])[] =
        state === 'none' ? [] : [[registrar, 'title.issued', { party: ann.address }], ...history];
      if (state === 'replaced') {
        const data = { to: `vin:${next.identifier.value}` };
        steps.push([registrar, 'title.replaced', { detail: next.subject, data }]);
      }
      for (const [revision, [actor, kind, deed]] of steps.entries()) {
        await execute(sign(world, actor, vehicle, kind, revision, deed));
      }
      fixtures.set(state, { vehicle, revision: steps.length });
    }
  });
  after(() => world.stop());

  /** A good action of each kind, but for the title's state. */
  function deedOf(kind: TitleKind): readonly [Actor, Deed] {
    const next = target();
    const actors = { owner: ann, buyer: bob, right: registrar, lienHolder: registrar };
    const deeds: Readonly<Partial<Record<TitleKind, Deed>>> = {
      'title.issued': { party: ann.address },
      'title.offered': { party: bob.address, until: year() },
      'title.lienPlaced': { detail: 2n, until: year() },
      'title.lienRenewed': { detail: 1n, until: year() + DAY },
      'title.lienReleased': { detail: 1n },
      'title.branded': { detail: 47n },
      'title.disputed': { detail: wordOf(7n) },
      'title.reissued': { party: bob.address },
      'title.transferred': { party: bob.address },
      'title.replaced': { detail: next.subject, data: { to: `vin:${next.identifier.value}` } },
    };
    return [actors[transitions[kind].by], deeds[kind] ?? {}];
  }

  /** What the module says to an action now: its code, or null where it would execute it. */
  async function chainSays({ action, request: { actor, signature } }: Signed): Promise<string | null> {
    const data = toHex(encodeExecute(action, actor as Address, fromBase64Url(signature)));
    const [answer] = await world.chain.rpc.batch([
      { method: 'eth_call', params: [{ from: world.directory, to: world.titles, data }, 'latest'] },
    ]);
    return answer instanceof RpcRefusal ? codeOfRefusal(answer) : null;
  }

  onEachStore((open) =>
    describe('refuses, and changes nothing:', () => {
      let store: Store;
      let pipeline: Pipeline;
      const opened = new Set<Pipeline>();
      before(async () => {
        store = await open();
        await empty(store);
        pipeline = await reading();
      });
      after(async () => {
        for (const one of opened) await one.stop();
        await store.close();
      });
      /** A pipeline that has read all there is, and relays nothing that nobody mines. */
      const reading = async (options: Partial<PipelineOptions> = {}): Promise<Pipeline> => {
        for (const one of opened) await one.stop();
        const one = pipelineIn(world, store, { nudge: () => undefined, ...options });
        opened.add(one);
        await one.start();
        const last = await world.chain.blockNumber();
        await eventually(() => one.progress().indexedBlock >= last, 'everything is indexed');
        return one;
      };
      const stored = async () => {
        const [row] = await store.query<{ count: bigint }>('SELECT count(*) AS count FROM submissions');
        return Number(row?.count);
      };
      const refuse = async (code: string, given: ActionRequest | unknown) => {
        const before = await stored();
        await expectCode(code, () => pipeline.acceptAction(given as ActionRequest));
        expect(await stored()).to.equal(before);
      };
      const issue = (vehicle = target(), deed: Deed = {}, actor: Actor = registrar) =>
        sign(world, actor, vehicle, 'title.issued', 0, { party: ann.address, ...deed });

      describe('what the title does not allow, with the module’s own code', () => {
        const states = [
          'none',
          'held',
          'offered',
          'under a lien',
          'stolen',
          'exported',
          'scrapped',
          'replaced',
        ];
        for (const state of states) {
          it(`from ${state}`, async () => {
            const fixture = fixtures.get(state);
            if (fixture === undefined) throw new Error(state);
            const { vehicle, revision } = fixture;
            let refused = 0;
            for (const kind of Object.keys(titleKinds) as TitleKind[]) {
              const [actor, deed] = deedOf(kind);
              const variants: readonly (readonly [Actor, Deed])[] = [
                [actor, deed],
                ...(actor === registrar
                  ? []
                  : ([
                      [person(), deed],
                      [actor === ann ? bob : ann, deed],
                    ] as const)),
              ];
              for (const [who, what] of variants) {
                const action = sign(world, who, vehicle, kind, revision, what);
                const code = await chainSays(action);
                if (code === null) continue;
                refused += 1;
                await refuse(code, action.request);
              }
            }
            expect(refused).to.be.greaterThan(10);
          });
        }

        it('fields that break the kind’s rules', async () => {
          const held = fixtures.get('held');
          const lien = fixtures.get('under a lien');
          if (held === undefined || lien === undefined) throw new Error('no fixture');
          const now = seconds();
          const taken = fixtures.get('offered')?.vehicle;
          const cases: readonly (readonly [string, typeof held, Actor, TitleKind, Deed])[] = [
            ['title.unusedField', held, registrar, 'title.stolen', { party: bob.address }],
            ['title.unusedField', held, registrar, 'title.stolen', { until: now }],
            ['title.unusedField', held, registrar, 'title.stolen', { detail: 1n }],
            ['title.unusedField', held, { ...registrar, key: ann.key }, 'title.withdrawn', {}],
            ['title.zeroParty', held, registrar, 'title.transferred', {}],
            ['title.sameParty', held, registrar, 'title.transferred', { party: ann.address }],
            ['title.sameParty', held, registrar, 'title.reissued', { party: ann.address }],
            ['title.sameParty', held, ann, 'title.offered', { party: ann.address, until: year() }],
            ['title.badTime', held, ann, 'title.offered', { party: bob.address, until: now - 100n }],
            ['title.badTime', held, ann, 'title.offered', { party: bob.address, until: now + 400n * DAY }],
            ['title.badTime', held, registrar, 'title.lienPlaced', { detail: 1n, until: now + 4_000n * DAY }],
            ['title.badDetail', held, registrar, 'title.lienPlaced', { detail: 0n, until: year() }],
            ['title.badDetail', held, registrar, 'title.lienPlaced', { detail: 256n, until: year() }],
            ['title.badDetail', held, registrar, 'title.branded', { detail: 100n }],
            ['title.badDetail', held, ann, 'title.disputed', {}],
            ['title.rankTaken', lien, registrar, 'title.lienPlaced', { detail: 1n, until: year() }],
            ['title.badTime', lien, registrar, 'title.lienRenewed', { detail: 1n, until: now + DAY }],
            ['title.noSuchLien', lien, registrar, 'title.lienReleased', { detail: 9n }],
            [
              'title.subjectTaken',
              held,
              registrar,
              'title.replaced',
              { detail: taken?.subject ?? '0x', data: { to: `vin:${taken?.identifier.value}` } },
            ],
          ];
          for (const [code, { vehicle, revision }, actor, kind, deed] of cases) {
            const action = sign(world, actor, vehicle, kind, revision, deed);
            expect([kind, await chainSays(action)]).to.deep.equal([kind, code]);
            await refuse(code, action.request);
          }
          const alone = sign(world, person(), held.vehicle, 'title.stolen', held.revision);
          await refuse('title.notEntitled', alone.request);
        });

        it('a revision that is taken, or not there yet', async () => {
          const held = fixtures.get('held');
          if (held === undefined) throw new Error('no fixture');
          await refuse('title.conflict', sign(world, registrar, held.vehicle, 'title.stolen', 0).request);
          await refuse(
            'title.wrongRevision',
            sign(world, registrar, held.vehicle, 'title.stolen', 5).request,
          );
        });
      });

      describe('the form', () => {
        const good = () => issue().request;
        const changed = (path: string, value: unknown) => {
          const given = structuredClone(good()) as Record<string, unknown>;
          const [first = '', second] = path.split('.');
          if (second === undefined) given[first] = value;
          else (given[first] as Record<string, unknown>)[second] = value;
          return given;
        };
        const malformed: Readonly<Record<string, () => unknown>> = {
          nothing: () => undefined,
          'a text': () => 'action',
          'no action': () => changed('action', undefined),
          'an unknown member': () => ({ ...good(), more: 1 }),
          'an unknown field': () => changed('action.more', 1),
          'a kind of no module': () => changed('action.kind', 16),
          'a kind by its name': () => changed('action.kind', 'title.issued'),
          'a negative revision': () => changed('action.revision', -1),
          'a revision beyond numbers': () => changed('action.revision', 2 ** 53),
          'half a second': () => changed('action.deadline', 1_790_000_000.5),
          'a number for an organisation': () => changed('action.organisation', 7),
          'a short subject': () => changed('action.subject', '0x12'),
          'a short party': () => changed('action.party', '0x12'),
          'an actor that is no address': () => changed('actor', 'ann'),
          'a signature in base64': () => changed('signature', '+/8='),
          'base64url with stray bits': () => changed('signature', 'AB'),
          'no block': () => changed('block', undefined),
          'a key of 31 bytes': () => changed('key', toBase64Url(randomBytes(31))),
          'a disclosure that is a number': () => changed('disclosures', [7]),
        };
        for (const [what, given] of Object.entries(malformed)) {
          it(`action.malformed: ${what}`, () => refuse('action.malformed', given()));
        }

        it('action.tooLarge: a signature that is longer than any', () =>
          refuse('action.tooLarge', changed('signature', 'A'.repeat(9_000))));

        it('action.tooLarge: a block beyond 1 MiB', () =>
          refuse('action.tooLarge', changed('block', toBase64Url(Buffer.alloc(1024 * 1024 + 1)))));

        it('takes names in either case', async () => {
          const action = issue();
          const { party, subject } = action.request.action;
          const given = {
            ...action.request,
            actor: `0x${registrar.signer.slice(2).toUpperCase()}`,
            action: {
              ...action.request.action,
              party: `0x${party.slice(2).toUpperCase()}`,
              subject: `0x${subject.slice(2).toUpperCase()}`,
            },
          };
          expect(await pipeline.acceptAction(given)).to.include({ state: 'stored', hash: action.hash });
        });
      });

      describe('who and when', () => {
        it('action.expired, deadlineTooSoon, deadlineTooFar', async () => {
          const now = seconds();
          await refuse('action.expired', issue(target(), { deadline: now - 1n }).request);
          await refuse('action.deadlineTooSoon', issue(target(), { deadline: now + 5n }).request);
          await refuse('action.deadlineTooFar', issue(target(), { deadline: now + 40n * DAY }).request);
        });

        it('action.signature: of another key, chain or contract, over something else, replayed, garbage', async () => {
          const vehicle = target();
          const { action, request: given } = issue(vehicle);
          const by = (key: Uint8Array, hash: string) => toBase64Url(signHash(fromHex(hash, 32), key));
          const { chainId, address } = world.ledger;
          const elsewhere = {
            'another key': by(randomBytes(32), titleActionHash({ chainId, address: world.titles }, action)),
            'another chain': by(
              registrar.key,
              titleActionHash({ chainId: chainId + 1n, address: world.titles }, action),
            ),
            'the ledger': by(registrar.key, titleActionHash({ chainId, address }, action)),
            'another action': by(
              registrar.key,
              titleActionHash({ chainId, address: world.titles }, { ...action, party: bob.address }),
            ),
            'the next revision': by(
              registrar.key,
              titleActionHash({ chainId, address: world.titles }, { ...action, revision: 1n }),
            ),
            garbage: toBase64Url(randomBytes(65)),
            nothing: '',
          };
          for (const signature of Object.values(elsewhere)) {
            await refuse('action.signature', { ...given, signature });
          }
          await refuse('action.signature', { ...given, actor: bob.address });
          const { party: _, ...rest } = given.action;
          await refuse('action.signature', { ...given, action: { ...rest, party: bob.address } });
        });

        it('action.unknownOrganisation, unknownKey, revokedKey, suspended, kindNotAllowed', async () => {
          const nobody = { key: randomBytes(32), id: 4_000n as OrganisationId };
          await refuse('action.unknownOrganisation', issue(target(), {}, nobody).request);
          const stranger = { key: randomBytes(32), id: registrar.id };
          await refuse('action.unknownKey', issue(target(), {}, stranger).request);
          const police = await world.admit((1n << 7n) | (1n << 8n));
          await refuse('action.kindNotAllowed', issue(target(), {}, police).request);
          const former = await world.admit(TITLE_RIGHTS);
          await world.organisationsCall('revokeKey', former.id, former.signer);
          const last = await world.chain.blockNumber();
          await eventually(() => pipeline.progress().indexedBlock >= last, 'it is indexed');
          await refuse('action.revokedKey', issue(target(), {}, former).request);
          const suspended = await world.admit(TITLE_RIGHTS);
          await world.organisationsCall('suspend', suspended.id);
          const end = await world.chain.blockNumber();
          await eventually(() => pipeline.progress().indexedBlock >= end, 'it is indexed');
          await refuse('action.suspended', issue(target(), {}, suspended).request);
        });

        it('submission.kindNotAllowed: a title’s kind in a plain submission, whatever the rights', async () => {
          const vehicle = target();
          const entry = composeEntry(world.ledger, registrar.id, vehicle, {
            kind: 'title.stolen',
            time: '2024-05-31',
            data: {},
          });
          await expectCode('submission.kindNotAllowed', () =>
            pipeline.accept(request(world, [entry], { organisation: registrar })),
          );
        });
      });

      describe('content that is not the action’s', () => {
        const composed = (
          vehicle: Target,
          kind: TitleKind,
          organisation = registrar.id,
          ledger = world.ledger,
        ) =>
          composeEntry(ledger, organisation, vehicle, {
            kind,
            time: '2024-05-31',
            data: kind === 'title.issued' ? { reason: 'import' } : {},
          });

        it('block.digestMismatch, block.wrongKey, block.corrupt', async () => {
          const { request: given } = issue();
          const other = issue().request;
          await refuse('block.digestMismatch', { ...given, block: other.block, key: other.key });
          await refuse('block.wrongKey', { ...given, key: toBase64Url(randomBytes(32)) });
          const vehicle = target();
          const entry = composed(vehicle, 'title.issued');
          const block = Buffer.from(entry.block);
          block[block.length - 1] = (block[block.length - 1] ?? 0) ^ 1;
          const digest = toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', block))) as Digest;
          const { action } = issue(vehicle, { entry: { ...entry, entry: { ...entry.entry, digest } } });
          await refuse('block.corrupt', signAgain(world, registrar, action, { ...entry, block }).request);
        });

        it('an envelope of another subject, kind, organisation or ledger', async () => {
          const vehicle = target();
          const other = target();
          const otherLedger = { ...world.ledger, address: world.directory };
          const cases = {
            'subject.mismatch': composed(other, 'title.issued'),
            'envelope.unbound': composed(vehicle, 'title.stolen'),
          };
          for (const [code, entry] of Object.entries(cases)) {
            await refuse(code, issue(vehicle, { entry }).request);
          }
          const foreign = [
            composed(vehicle, 'title.issued', world.workshop.id),
            composed(vehicle, 'title.issued', 0n as OrganisationId),
            composed(vehicle, 'title.issued', registrar.id, otherLedger),
          ];
          for (const entry of foreign) await refuse('envelope.unbound', issue(vehicle, { entry }).request);
          // An owner's envelope names no organisation.
          const held = fixtures.get('held');
          if (held === undefined) throw new Error('no fixture');
          const entry = composeEntry(world.ledger, registrar.id, held.vehicle, {
            kind: 'title.offered',
            time: '2024-05-31',
            data: {},
          });
          const deed = { party: bob.address, until: year(), entry };
          await refuse(
            'envelope.unbound',
            sign(world, ann, held.vehicle, 'title.offered', held.revision, deed).request,
          );
        });

        it('a replacement whose envelope names another number', async () => {
          const held = fixtures.get('held');
          if (held === undefined) throw new Error('no fixture');
          const [next, other] = [target(), target()];
          const deed = { detail: next.subject, data: { to: `vin:${other.identifier.value}` } };
          const action = sign(world, registrar, held.vehicle, 'title.replaced', held.revision, deed);
          await refuse('envelope.unbound', action.request);
        });

        it('disclosure.unknown: a disclosure that opens nothing', async () => {
          const { request: given } = issue();
          const other = issue().request;
          await refuse('disclosure.unknown', { ...given, disclosures: other.disclosures ?? [] });
        });

        it('vin.checkDigit: a required one that does not hold', async () => {
          const identifier = parseIdentifier('1HGCM82633A004353', { overrideCheckDigit: true });
          const vehicle = { identifier, subject: world.evaluator.subject(identifier) };
          await refuse('vin.checkDigit', issue(vehicle).request);
        });

        it('kind.subject: what is no vehicle has no title', async () => {
          const identifier = normaliseIdentifier({ type: 'serial', scope: 'acme.example', value: 'S-1' });
          const part = { identifier, subject: world.evaluator.subject(identifier) };
          const vehicle = target();
          const entry = composed(vehicle, 'title.issued');
          const { action } = issue({ ...part, subject: part.subject as Subject }, { entry });
          await refuse('subject.mismatch', signAgain(world, registrar, action, entry).request);
        });
      });

      it('chain.unavailable, where the chain must be asked and is down', async () => {
        const down = pipelineIn(world, store, {
          rpc: {
            call: () => Promise.reject(new Error('down')),
            batch: () => Promise.reject(new Error('down')),
          },
        });
        const before = await stored();
        let failed = false;
        await down.acceptAction({ ...issue().request, signature: '' }).catch(() => {
          failed = true;
        });
        expect(failed).to.equal(true);
        expect(await stored()).to.equal(before);
      });

      it('ledger.closed', async () => {
        const closed = await createWorld();
        const own = await open();
        const reader = pipelineIn(closed, own);
        try {
          const registry = await closed.admit(TITLE_RIGHTS);
          await closed.ledgerCall('close');
          await reader.start();
          const last = await closed.chain.blockNumber();
          await eventually(() => reader.progress().indexedBlock >= last, 'everything is indexed');
          const identifier = vinOf(1);
          const vehicle = { identifier, subject: closed.evaluator.subject(identifier) };
          const action = sign(closed, registry, vehicle, 'title.issued', 0, { party: ann.address });
          await expectCode('ledger.closed', () => reader.acceptAction(action.request));
        } finally {
          await reader.stop();
          await own.close();
          await closed.stop();
        }
      });
    }),
  );
});
