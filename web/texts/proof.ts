import type { Outcome, StepName } from '../../core/verify/result.ts';
import type { Language } from '../model/settings.ts';

/** What the seven steps say: fetched with the part of the page that shows them. */
type ProofTexts = {
  readonly lead: string;
  readonly waiting: string;
  readonly outcome: Readonly<Record<Outcome, string>>;
  readonly running: string;
  readonly steps: Readonly<Record<StepName, readonly [string, string]>>;
  readonly checks: (count: string, one: boolean) => string;
  readonly noChecks: string;
  readonly showAll: (count: string) => string;
  readonly expected: string;
  readonly found: string;
};

export const proofTexts: Readonly<Record<Language, ProofTexts>> = {
  en: {
    lead: 'Seven steps, made by your browser. Open one to see what was compared.',
    waiting: 'waiting',
    outcome: { passed: 'holds', incomplete: 'not complete', failed: 'failed' },
    running: 'running',
    steps: {
      subject: [
        'It is this number',
        'A number has exactly one place on the ledger; a proof shows that this is it.',
      ],
      ledgers: [
        'All ledgers were looked at',
        'The directory lists every ledger, and each runs the code that it was listed with.',
      ],
      completeness: [
        'Nothing was left out',
        'The history’s links, hashed one after another, end in the fingerprint on the ledger.',
      ],
      entries: ['Nothing was altered', 'Each entry’s content is the one whose digest stands on the ledger.'],
      attesters: [
        'Who attested is who it says',
        'Each organisation’s record of standing ends in its fingerprint on the ledger.',
      ],
      disclosures: ['Opened fields are genuine', 'Each opened field’s digest stands in its entry.'],
      findings: [
        'The conclusions are our own',
        'Findings were worked out here from the proven entries, not taken from the service.',
      ],
    },
    checks: (count: string, one: boolean) => (one ? '1 check' : `${count} checks`),
    noChecks: 'There was nothing to check in this step.',
    showAll: (count: string) => `Show all ${count}`,
    expected: 'On the ledger',
    found: 'In the report',
  },
  zh: {
    lead: '由您的浏览器完成的七个步骤。展开可查看比较了什么。',
    waiting: '等待中',
    outcome: { passed: '成立', incomplete: '未完成', failed: '不成立' },
    running: '进行中',
    steps: {
      subject: ['确是该编号', '每个编号在账本上只有一个位置，证明表明正是此处。'],
      ledgers: ['查看了所有账本', '目录列出每个账本，且各账本运行的正是列明的代码。'],
      completeness: ['没有遗漏', '历史的各环依次哈希，结果等于账本上的指纹。'],
      entries: ['没有改动', '每条记录的内容与账本上的摘要一致。'],
      attesters: ['证明方确为其人', '各机构的资格记录与账本上的指纹一致。'],
      disclosures: ['开放字段真实', '每个开放字段的摘要都在其记录之中。'],
      findings: ['结论由此处得出', '要点由已证明的记录在此推算，并非取自服务方。'],
    },
    checks: (count) => `${count} 项核验`,
    noChecks: '此步骤没有需要核验的内容。',
    showAll: (count) => `显示全部 ${count} 项`,
    expected: '账本上',
    found: '报告中',
  },
};
