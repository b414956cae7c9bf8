import { useCallback, useEffect, useState } from 'react';
import type { Answer, Service } from '../acting/service.ts';
import type { Failure } from '../worker/messages.ts';
import { failureOf } from '../worker/problem.ts';

export type Asked<Value> = {
  /** Null until the service has answered; what it said before stays while it is asked anew. */
  readonly value: Value | null;
  readonly failure: Failure | null;
  readonly again: () => void;
};

/** What the service answers at a path, read; asked again when somebody asks. */
export function useAnswer<Value>(
  service: Service,
  path: string,
  read: (answer: Answer) => Value,
): Asked<Value> {
  const [value, setValue] = useState<{ readonly path: string; readonly value: Value } | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [asked, setAsked] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a reader is a function of the answer alone
  useEffect(() => {
    let over = false;
    setFailure(null);
    service.get(path).then(
      (answer) => {
        if (over) return;
        try {
          setValue({ path, value: read(answer) });
        } catch (error) {
          setFailure(failureOf(error));
        }
      },
      (error: unknown) => over || setFailure(failureOf(error)),
    );
    return () => {
      over = true;
    };
  }, [service, path, asked]);
  return {
    value: value?.path === path ? value.value : null,
    failure,
    again: useCallback(() => setAsked((before) => before + 1), []),
  };
}
