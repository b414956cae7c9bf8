import { type ReactNode, useState } from 'react';
import type { Check, Outcome, StepName } from '../../core/verify/result.ts';
import { steps } from '../../core/verify/result.ts';
import { attesterKey } from '../model/attesterKey.ts';
import { outcomeLight } from '../model/lights.ts';
import type { ReportView } from '../model/view.ts';
import { proofTexts } from '../texts/proof.ts';
import { attesterName, counted, findAttester, kindName } from '../texts/texts.ts';
import { useTongue } from './context.ts';
import { Code, Section, Sign } from './parts.tsx';
import type { CheckState } from './useReader.ts';
import { checkText } from './Verdict.tsx';

const SHOWN = 12;

/** The seven steps as they complete, each open to its evidence. */
export function Proof({
  view,
  check,
  children,
}: {
  view: ReportView;
  check: CheckState;
  children?: ReactNode;
}) {
  const { texts, format, language } = useTongue();
  const said = proofTexts[language];
  const done = check.state === 'done' ? check.result : null;
  const running = check.state === 'running' ? check.steps : {};
  const current = steps.find((step) => running[step] === undefined);
  return (
    <Section id="proof" heading={texts.proof.heading} lead={said.lead}>
      <ol className="proof">
        {steps.map((step) => {
          const result = done?.verification.steps.find((one) => one.step === step);
          const outcome = result?.outcome ?? running[step];
          const isRunning = check.state === 'running' && step === current;
          return (
            <StepView
              key={step}
              step={step}
              outcome={outcome}
              running={isRunning}
              checks={result?.checks ?? null}
              view={view}
            />
          );
        })}
      </ol>
      {done === null ? null : (
        <details className="fold evidence">
          <summary>{texts.verdict.took(format.took(done.milliseconds))}</summary>
          <dl>
            {done.verification.asOf.map(({ chainId, block }) => (
              <div key={chainId.toString()}>
                <dt>
                  {texts.proof.chain} {chainId.toString()}
                </dt>
                <dd>
                  {texts.proof.block} {format.number(Number(block.number))},{' '}
                  {format.moment(Number(block.timestamp))}
                  <br />
                  <Code>{block.hash}</Code>
                </dd>
              </div>
            ))}
            {done.sources.map((source) => (
              <div key={source.chainId}>
                <dt>{texts.proof.endpoints}</dt>
                <dd className="breakable">
                  {source.endpoints.length === 0 ? texts.verdict.sources.hash : source.endpoints.join(', ')}
                </dd>
              </div>
            ))}
            {done.verification.subjects.map(({ ledger, subject, head }) => (
              <div key={ledger}>
                <dt>{texts.proof.at.ledger}</dt>
                <dd>
                  <Code>{ledger}</Code>
                  <br />
                  {texts.proof.at.subject} <Code>{subject}</Code>
                  <br />
                  {texts.proof.head} <Code>{head}</Code>
                </dd>
              </div>
            ))}
            <div>
              <dt>{texts.proof.directory}</dt>
              <dd>
                <Code>{`${view.directory.chainId}:${view.directory.address}`}</Code>
              </dd>
            </div>
          </dl>
        </details>
      )}
      {children}
    </Section>
  );
}

function StepView(props: {
  step: StepName;
  outcome: Outcome | undefined;
  running: boolean;
  checks: readonly Check[] | null;
  view: ReportView;
}) {
  const tongue = useTongue();
  const said = proofTexts[tongue.language];
  const { format } = tongue;
  const { step, outcome, running, checks, view } = props;
  const [unfolded, setUnfolded] = useState(false);
  const [all, setAll] = useState(false);
  const [title, meaning] = said.steps[step];
  const state = outcome === undefined ? (running ? said.running : said.waiting) : said.outcome[outcome];
  const ordered = checks === null ? [] : [...checks].sort((left, right) => rank(left) - rank(right));
  const shown = all ? ordered : ordered.slice(0, SHOWN);
  return (
    <li data-step={step} data-outcome={outcome ?? 'waiting'}>
      <details onToggle={(event) => setUnfolded(event.currentTarget.open)}>
        <summary>
          <Sign of={outcome === undefined ? (running ? 'running' : 'waiting') : outcomeLight[outcome]} />
          <span>
            <span className="strong">{title}</span>
            <span className="step-state">
              {state}
              {checks === null ? '' : ` · ${counted(tongue, checks.length, said.checks)}`}
            </span>
            <span className="muted step-meaning">{meaning}</span>
          </span>
        </summary>
        {unfolded ? (
          <div className="checks">
            {checks !== null && checks.length === 0 ? <p>{said.noChecks}</p> : null}
            <ul>
              {shown.map((check, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: the checks of a finished step stay as they are
                <CheckView key={index} check={check} view={view} />
              ))}
            </ul>
            {ordered.length > shown.length ? (
              <button type="button" className="quiet small" onClick={() => setAll(true)}>
                {said.showAll(format.number(ordered.length))}
              </button>
            ) : null}
          </div>
        ) : null}
      </details>
    </li>
  );
}

const rank = ({ outcome }: Check): number => ({ failed: 0, incomplete: 1, passed: 2 })[outcome];

/** One comparison: what was compared, where, and the two values where they differ. */
function CheckView({ check, view }: { check: Check; view: ReportView }) {
  const tongue = useTongue();
  const said = proofTexts[tongue.language];
  const { texts, format } = tongue;
  const { proof } = texts;
  const entry = [...view.entries, ...view.campaigns].find(({ digest }) => digest === check.at.digest);
  const { ledger, organisation } = check.at;
  const attester =
    entry === undefined
      ? organisation === undefined
        ? undefined
        : findAttester(
            view.attesters,
            String(organisation),
            ledger === undefined ? undefined : String(ledger),
          )
      : findAttester(view.attesters, entry.attester);
  const subject = view.entries.length > 0 || check.at.subject !== undefined;
  return (
    <li className="check-item" data-check={check.code} data-outcome={check.outcome}>
      <p>
        <Sign of={outcomeLight[check.outcome]} />
        <span>{checkText(tongue, check)}</span>
      </p>
      <dl>
        {entry === undefined ? null : (
          <>
            <div>
              <dt>{proof.at.kind}</dt>
              <dd>
                {kindName(tongue, entry.kind)}
                {entry.time === '' ? '' : `, ${format.time(entry.time)}`}
              </dd>
            </div>
            <div>
              <dt>{proof.anchored}</dt>
              <dd>
                {format.moment(entry.anchoredAt)}
                {entry.block === null ? '' : ` · ${proof.block} ${format.number(entry.block)}`}
              </dd>
            </div>
          </>
        )}
        {attester === undefined ? null : (
          <div>
            <dt>{proof.attester}</dt>
            <dd>
              {attesterName(tongue, attester)} ({attester.id})
              {entry === undefined ? '' : `, ${texts.attesters.standingThen[entry.standingThen]}`}
            </dd>
          </div>
        )}
        {Object.entries(check.at).map(([name, value]) => {
          if (name === 'kind' || name === 'organisation') return null;
          if (name === 'subject' && !subject) return null;
          const shown = name === 'position' ? format.number(Number(value) + 1) : String(value);
          return (
            <div key={name}>
              <dt>{proof.at[name] ?? name}</dt>
              <dd>{shown.startsWith('0x') || shown.startsWith('eip155') ? <Code>{shown}</Code> : shown}</dd>
            </div>
          );
        })}
        {entry === undefined ? null : (
          <div>
            <dt>{proof.cid}</dt>
            <dd>
              <Code>{entry.cid}</Code>
            </dd>
          </div>
        )}
        {check.expected === undefined ? null : (
          <div>
            <dt>{said.expected}</dt>
            <dd>
              <Code>{check.expected}</Code>
            </dd>
          </div>
        )}
        {check.found === undefined ? null : (
          <div>
            <dt>{said.found}</dt>
            <dd>
              <Code>{check.found}</Code>
            </dd>
          </div>
        )}
        <div>
          <dt>{proof.code}</dt>
          <dd>
            <code>{check.code}</code>
            {ledger === undefined || organisation === undefined ? null : (
              <span className="hidden">{attesterKey(String(ledger), String(organisation))}</span>
            )}
          </dd>
        </div>
      </dl>
    </li>
  );
}
