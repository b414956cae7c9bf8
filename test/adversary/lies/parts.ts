import { partKinds } from '../../../core/modules/part.ts';
import type { Report, ReportLink, ReportPartAction } from '../../../core/report/report.ts';
import { SafetyPart, targetOf } from '../../api/parts/acting.ts';
import type { OtherLie, ReportLie } from '../lie.ts';
import { AIRBAG, BELT, OTHER_CAR, PARTED_CAR, type System } from '../system.ts';
import { section } from './operator.ts';

type ModuleLink = Extract<ReportLink, { module: string }>;
type Shown = NonNullable<ReturnType<typeof section>['parts']>[number];

/** The airbag, which is stolen by now, and the belt, in the order in which the report has them. */
function shown(report: Report, identifier: string): Shown {
  const found = (section(report).parts ?? []).find(({ transcripts }) =>
    transcripts.some((transcript) => transcript.identifier === identifier),
  );
  if (found === undefined) throw new Error(`no ${identifier}`);
  return found;
}

/** The mounting of the airbag on the vehicle's chain. */
function mounting(report: Report): ModuleLink {
  const { subject } = shown(report, AIRBAG);
  const found = section(report).links.find(
    (link) => 'module' in link && link.action !== undefined && link.action.subject === subject,
  );
  if (found === undefined || !('module' in found)) throw new Error('no mounting');
  return found;
}

const vin = PARTED_CAR;
const byOperator = { by: 'operator', vin } as const;
const heads = { ...byOperator, caughtBy: 'completeness head.part', fate: 'refuted' } as const;

/** Lies about safety parts in a vehicle's report; who forges an action is told in `partDeeds.ts`. */
export const partLies: readonly ReportLie[] = [
  {
    lie: 'hides that a part was mounted',
    ...byOperator,
    caughtBy: 'completeness head.subject',
    fate: 'refuted',
    tell: (r) => {
      const { links } = section(r);
      const hidden = mounting(r);
      links.splice(links.indexOf(hidden), 1);
      delete r.contents[hidden.digest];
    },
  },
  {
    lie: 'shows a mounted part as free',
    ...heads,
    tell: (r) => {
      const part = shown(r, AIRBAG);
      part.links = part.links.filter(({ kind }) => kind === partKinds['safetyPart.registered']);
    },
  },
  {
    lie: 'leaves out that a mounted part is reported stolen',
    ...heads,
    tell: (r) => void shown(r, AIRBAG).links.pop(),
  },
  {
    lie: 'serves the report and the proof from before a mounted part was stolen, while nothing else went on',
    ...byOperator,
    readers: ['cli', 'page'],
    caughtBy: 'reader asOf.moved',
    fate: 'incomplete',
    tell: (_, s) => s.olderParts,
  },
  {
    lie: 'leaves out what became of a mounted part',
    ...byOperator,
    caughtBy: 'findings part.historyMissing',
    fate: 'incomplete',
    tell: (r) => {
      const { parts = [] } = section(r);
      parts.splice(parts.indexOf(shown(r, AIRBAG)), 1);
    },
  },
  {
    lie: 'gives the history of a part that was never stolen for that of one that was',
    ...heads,
    tell: (r) => {
      shown(r, AIRBAG).links = shown(r, BELT).links;
    },
  },
  {
    lie: 'keeps back what shows which part it is',
    ...byOperator,
    caughtBy: 'entries part.transcriptMissing',
    fate: 'incomplete',
    tell: (r) => {
      shown(r, AIRBAG).transcripts = [];
    },
  },
  {
    lie: 'proves a part’s number by that of another',
    ...byOperator,
    caughtBy: 'entries pseudonym.invalidTranscript',
    fate: 'refuted',
    tell: (r) => {
      const [of] = shown(r, BELT).transcripts;
      if (of === undefined) throw new Error('no transcript');
      shown(r, AIRBAG).transcripts = [{ ...of, identifier: AIRBAG }];
    },
  },
  {
    lie: 'has a part mounted in another vehicle',
    ...byOperator,
    caughtBy: 'entries action.hash',
    fate: 'refuted',
    tell: (r, s) => {
      (mounting(r).action as ReportPartAction).vehicle = targetOf(s.test, OTHER_CAR).subject;
    },
  },
  {
    lie: 'keeps back what was asked of `Parts`',
    ...byOperator,
    caughtBy: 'entries action.missing',
    fate: 'incomplete',
    tell: (r) => void delete mounting(r).action,
  },
  {
    lie: 'keeps back what was asked of `Parts` in a part’s own history',
    ...byOperator,
    caughtBy: 'entries action.missing',
    fate: 'incomplete',
    tell: (r) => {
      const link = shown(r, AIRBAG).links.at(-1);
      if (link !== undefined && 'module' in link) delete link.action;
    },
  },
  {
    lie: 'puts a part beside that was never in the vehicle',
    ...byOperator,
    caughtBy: 'a part that no entry names says nothing',
    fate: 'unchanged',
    tell: (r) => {
      const { links } = shown(r, BELT);
      section(r).parts?.push({ subject: `0x${'ab'.repeat(32)}`, transcripts: [], links });
    },
  },
  {
    lie: 'answers for a part by reading `Parts` wrongly',
    by: 'RPC endpoint',
    vin,
    readers: ['cli', 'rpc', 'proof'],
    caughtBy: 'a part is folded from its links; nobody asks `Parts`',
    fate: 'unchanged',
    rpc: (s) => ({
      answer: ({ method, params }, result) => {
        const [call] = params as [{ to?: string }];
        const { parts } = s.test.service.services.deployment;
        return method === 'eth_call' && call.to?.toLowerCase() === parts ? `0x${'00'.repeat(128)}` : result;
      },
    }),
    reading: (s) => ({ endpoints: [s.rpc.url] }),
  },
];

/** What the service says to an action, and that nothing came of it. */
async function refused(
  { test, workshop }: System,
  part: SafetyPart,
  deed: Parameters<SafetyPart['sign']>[2],
  vehicle = OTHER_CAR,
): Promise<{ fate: 'refused' | 'uncaught'; caughtBy: string }> {
  const signed = part.sign(workshop, 'safetyPart.mounted', { vehicle: targetOf(test, vehicle), ...deed });
  const { body } = await test.post('/v1/parts/actions', signed.request);
  const { body: after } = await test.get(`/v1/parts/${part.subject}`);
  const nothing = after.revision === part.revision && after.nextRevision === part.revision;
  return { fate: nothing ? 'refused' : 'uncaught', caughtBy: String(body.code) };
}

const freePart = async (system: System): Promise<SafetyPart> => {
  const part = new SafetyPart(system.test);
  await part.act(system.maker, 'safetyPart.registered');
  return part;
};

export const partStatementLies: readonly OtherLie[] = [
  {
    lie: 'mounts a part in one vehicle and writes of another',
    by: 'attester',
    caughtBy: 'envelope.unbound',
    fate: 'refused',
    run: async (s) => refused(s, await freePart(s), { sealed: { vehicle: `vin:${PARTED_CAR}` } }),
  },
  {
    lie: 'mounts a part and says nowhere in words in which vehicle',
    by: 'attester',
    caughtBy: 'envelope.unbound',
    fate: 'refused',
    run: async (s) => refused(s, await freePart(s), { sealed: {} }),
  },
  {
    lie: 'writes of another part than it mounts',
    by: 'attester',
    caughtBy: 'subject.mismatch',
    fate: 'refused',
    run: async (s) => {
      const part = await freePart(s);
      const { subject } = targetOf(s.test, BELT);
      // The envelope of one part under the action of another.
      return refused(s, part, { change: { subject } });
    },
  },
];
