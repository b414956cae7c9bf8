import type { Subject } from '../../core/chain/types.ts';
import type { Identifier } from '../../core/identifiers/identifier.ts';
import { pseudonymInput, subjectOf, type Transcript } from '../../core/pseudonym/pseudonym.ts';
import { createVoprf } from './voprf.ts';

/** The operator's side of the pseudonym function: what `core/pseudonym` computes, some ten times as fast. */
export interface Evaluator {
  readonly publicKey: Uint8Array;
  /** The subject of an identifier. */
  subject(identifier: Identifier): Subject;
  /** The subject with the transcript that proves it to a reader. */
  evaluate(identifier: Identifier): { readonly subject: Subject; readonly transcript: Transcript };
}

export interface EvaluatorOptions {
  /** The secret scalar, 32 bytes. */
  readonly secretKey: Uint8Array;
  /** How many identifiers' subjects are remembered (some 200 bytes each), default 200,000; transcripts: a tenth. */
  readonly cacheSize?: number;
}

export async function createEvaluator(options: EvaluatorOptions): Promise<Evaluator> {
  const voprf = await createVoprf(options.secretKey);
  const cacheSize = options.cacheSize ?? 200_000;
  const subjects = new LeastRecentlyUsed<Subject>(cacheSize);
  const transcripts = new LeastRecentlyUsed<Transcript>(Math.ceil(cacheSize / 10));

  const keyOf = ({ type, scope, value }: Identifier) => `${type}:${scope}:${value}`;
  const subject = (identifier: Identifier): Subject => {
    const key = keyOf(identifier);
    const known = subjects.get(key);
    if (known !== undefined) return known;
    const input = pseudonymInput(identifier);
    const computed = subjectOf(voprf.output(input, voprf.evaluate(voprf.hashToGroup(input))));
    subjects.set(key, computed);
    return computed;
  };

  return {
    publicKey: voprf.publicKey,
    subject,
    evaluate(identifier) {
      const key = keyOf(identifier);
      let transcript = transcripts.get(key);
      if (transcript === undefined) {
        const input = pseudonymInput(identifier);
        const element = voprf.hashToGroup(input);
        const evaluated = voprf.evaluate(element);
        transcript = { evaluated, proof: voprf.prove([element], [evaluated]) };
        transcripts.set(key, transcript);
        subjects.set(key, subjectOf(voprf.output(input, evaluated)));
      }
      return { subject: subject(identifier), transcript };
    },
  };
}

/** A map of at most so many keys, which forgets the one that was used longest ago. */
class LeastRecentlyUsed<V> {
  readonly #size: number;
  readonly #values = new Map<string, V>();

  constructor(size: number) {
    this.#size = size;
  }

  get(key: string): V | undefined {
    const value = this.#values.get(key);
    if (value !== undefined) {
      this.#values.delete(key);
      this.#values.set(key, value);
    }
    return value;
  }

  set(key: string, value: V): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size <= this.#size) return;
    const oldest = this.#values.keys().next().value;
    if (oldest !== undefined) this.#values.delete(oldest);
  }
}
