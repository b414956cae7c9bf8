import { formatIdentifier } from '../../core/identifiers/identifier.ts';
import { checkServedLog, fetchAccessLog, keep, readKept } from '../accessLog.ts';
import type { Context } from '../context.ts';
import type { Exit } from '../exit.ts';
import { counted } from '../output.ts';
import { type ActingOptions, findVehicle, openActing } from '../titles/acting.ts';
import { instantOf } from '../titles/fields.ts';

/** Reads and checks the access log of a vehicle, and keeps its head for the next time. */
export async function accessLogCommand(context: Context, id: string, options: ActingOptions): Promise<Exit> {
  const { output } = context;
  const { folder } = context.settings();
  const acting = await openActing(context, options, 'account');
  const { client, ledger, key, actor } = acting;
  const { identifier, subject } = await findVehicle(acting, actor.titles, id);
  const log = await fetchAccessLog(client, subject);
  const before = await readKept(folder, key.address, subject);
  const kept = before !== null && before.tenure === log.tenure ? before : null;
  checkServedLog(ledger.address, subject, log, kept);
  await keep(folder, key.address, subject, { tenure: log.tenure, state: log.state });
  const { from, entries, state, tenure } = log;
  const checkedFrom = kept?.state.length ?? null;
  output.value({
    identifier: formatIdentifier(identifier),
    subject,
    tenure,
    from,
    entries,
    state,
    checkedFrom,
  });
  output.line(`Access log of ${formatIdentifier(identifier)}: ${counted(entries.length, 'reading')}`);
  for (const { at, reader, purpose, route, shown } of entries) {
    const fields = shown.reduce((sum, { fields: names }) => sum + names.length, 0);
    output.line(
      `  ${instantOf(at)}  ${reader}, ${purpose}: ${counted(fields, 'field')} of ${counted(shown.length, 'entry', 'entries')} (${route})`,
    );
  }
  if (from.position > 0) {
    const before = counted(from.position, 'earlier reading is', 'earlier readings are');
    output.line(`${before} not shown: a former owner’s, or past their time. Which, the operator says.`);
  }
  const since =
    kept === null
      ? 'Its head is kept from now on'
      : `It goes on from the head of ${instantOf(kept.state.at)} that was kept`;
  output.line(
    `${output.style.good('Whole')}: the entries lead to the head that the operator signed. ${since}.`,
  );
  output.line('That every reading was logged can’t be proven.');
  return 'ok';
}
