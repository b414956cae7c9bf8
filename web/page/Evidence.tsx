import type { Hex } from '../../core/bytes.ts';
import type { ReportView } from '../model/view.ts';
import { OfflineCheck } from './OfflineCheck.tsx';
import { Proof } from './Proof.tsx';
import type { CheckState } from './useReader.ts';

export { Attesters } from './Attesters.tsx';

/** What stands at the foot of a report, in one piece with who attested: the proof step by step, and under a hash of one’s own. */
export function Evidence(props: {
  readonly view: ReportView;
  readonly check: CheckState;
  readonly onCheck: (hashes: Readonly<Record<string, Hex>> | null) => void;
}) {
  const { view, check, onCheck } = props;
  return (
    <Proof view={view} check={check}>
      <OfflineCheck view={view} onCheck={onCheck} />
    </Proof>
  );
}
