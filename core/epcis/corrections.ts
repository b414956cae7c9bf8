import type { Content } from '../envelope/envelope.ts';
import type { Statement, StatementSource } from '../supply/statement.ts';
import type { ErrorDeclaration } from './mapping.ts';

/*
 * An event that declares itself in error says of an earlier one, by the same eventID or the same content, that it was wrong.
 * Where the earlier one became entries of ours, these are amended: corrected where an event that it names as its correction
 * says the same kind of thing of the same subject, retracted otherwise. The correction's other entries stand by themselves.
 */

/** An entry that the event in error became. */
export type OwnEntry = {
  readonly identifier: string;
  readonly kind: string;
  readonly kindVersion: number;
  readonly digest: string;
};

export type Corrections = {
  /** The amendments. */
  readonly statements: readonly Statement[];
  /** Of the correcting events' statements those that no amendment carries. */
  readonly further: readonly Statement[];
};

/**
 * @param source the event that declares the error
 * @param corrections what the events say that it names as corrections, as far as they are known
 */
export function correct(
  declaration: ErrorDeclaration,
  source: StatementSource,
  originals: readonly OwnEntry[],
  corrections: readonly Statement[],
): Corrections {
  const left = [...corrections];
  const statements = originals.map(({ identifier, kind, kindVersion, digest }): Statement => {
    // A set is given to the operator under the entry that names it: such a correction stands by itself.
    const found = left.findIndex(
      (statement) =>
        statement.identifier === identifier &&
        statement.content.kind === kind &&
        statement.members === undefined,
    );
    const [correction] = found < 0 ? [] : left.splice(found, 1);
    const what = { supersedes: digest, kind, kindVersion, reason: 'other' };
    const content: Content =
      correction === undefined
        ? { kind: 'amended', time: declaration.declaredAt, data: { ...what, retracted: true } }
        : {
            kind: 'amended',
            time: declaration.declaredAt,
            data: { ...what, time: correction.content.time, data: correction.content.data },
            sealed: correction.content.sealed ?? {},
          };
    return { identifier, content, source: correction?.source ?? source };
  });
  return { statements, further: left };
}
