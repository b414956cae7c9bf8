import type { Hex } from '../../core/bytes.ts';
import { VinculumError } from '../../core/errors.ts';
import { formatIdentifier } from '../../core/identifiers/identifier.ts';
import { type BuiltSet, createSetBuilder, type SetBuilder } from '../../core/tree/builder.ts';
import { parseMember } from './bucket.ts';
import { memberTypes, type NamedSet } from './named.ts';

/** A bucket as it will be wrapped and kept. */
export type PackedBucket = {
  readonly start: Uint8Array<ArrayBuffer>;
  readonly content: Uint8Array<ArrayBuffer>;
};

const MAX_LINE = 256;

/**
 * Finds out what set some members are, whatever their order, and packs it for keeping. Holds about 60 bytes a member:
 * their texts, their positions, and which is which.
 */
export class SetCheck {
  readonly #of: NamedSet['of'];
  readonly #builder: SetBuilder;
  #beginning: string | null = null;
  #texts: Buffer;
  #length = 0;
  /** Where the text of each member begins. */
  #offsets: Float64Array;
  /** The first member of each chunk. */
  readonly #chunks: number[] = [];
  #built: BuiltSet | null = null;

  constructor({ treeKey, of, count }: Pick<NamedSet, 'treeKey' | 'of' | 'count'>) {
    this.#of = of;
    this.#builder = createSetBuilder(treeKey, { expected: count });
    this.#offsets = new Float64Array(count + 2);
    this.#texts = Buffer.allocUnsafeSlow(Math.max(1024, count * 16));
  }

  /**
   * Takes a chunk: a member a line.
   * @throws the `identifier.*` and `vin.*` codes, `set.memberType`; with `details.chunk` and `details.line`, from 0 and 1
   */
  add(text: string): void {
    const chunk = this.#chunks.length;
    this.#chunks.push(this.#builder.count);
    let line = 0;
    for (const member of text.split('\n')) {
      line += 1;
      if (member === '') continue;
      try {
        this.#take(member);
      } catch (cause) {
        if (!(cause instanceof VinculumError)) throw cause;
        throw new VinculumError(cause.code, `Chunk ${chunk}, line ${line}: ${cause.message}`, {
          cause,
          details: { ...cause.details, chunk, line },
        });
      }
    }
  }

  #take(text: string): void {
    if (text.length > MAX_LINE) throw new VinculumError('identifier.value', 'No identifier is so long.');
    const identifier = parseMember(text);
    if (!memberTypes[this.#of].includes(identifier.type)) {
      throw new VinculumError('set.memberType', `The members of this set are each a ${this.#of}.`);
    }
    const whole = formatIdentifier(identifier);
    this.#beginning ??= whole.slice(0, whole.length - identifier.value.length);
    const kept = whole.startsWith(this.#beginning) ? whole.slice(this.#beginning.length) : `\t${whole}`;
    const index = this.#builder.count;
    this.#builder.add(identifier);
    if (this.#length + kept.length > this.#texts.length) this.#grow(kept.length);
    if (index + 2 > this.#offsets.length) {
      const larger = new Float64Array(Math.ceil(this.#offsets.length * 1.5) + 2);
      larger.set(this.#offsets);
      this.#offsets = larger;
    }
    this.#offsets[index] = this.#length;
    this.#length += this.#texts.write(kept, this.#length, 'latin1');
    this.#offsets[index + 1] = this.#length;
  }

  #grow(more: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.ceil(this.#texts.length * 1.5) + more);
    this.#texts.copy(larger, 0, 0, this.#length);
    this.#texts = larger;
  }

  /** @throws `tree.duplicate`, with the members, and the chunks that they are in, in `details` */
  finish(): { readonly root: Hex; readonly count: number } {
    try {
      this.#built = this.#builder.finish();
    } catch (cause) {
      if (!(cause instanceof VinculumError) || cause.code !== 'tree.duplicate') throw cause;
      const { duplicates, places } = cause.details as {
        duplicates: number;
        places: readonly (readonly [number, number])[];
      };
      const named = places.slice(0, 20).map(([first, again]) => ({
        identifier: this.#text(again),
        chunks: [this.#chunkOf(first), this.#chunkOf(again)],
      }));
      throw new VinculumError('tree.duplicate', cause.message, { details: { duplicates, members: named } });
    }
    return { root: this.#built.root, count: this.#built.count };
  }

  *buckets(): Generator<PackedBucket> {
    const built = this.#built;
    if (built === null) throw new TypeError('the set is not finished');
    const beginning = Buffer.from(this.#beginning ?? '', 'latin1');
    for (const { start, siblings, from, to } of built.buckets()) {
      let length = 2 + siblings.length + beginning.length;
      for (let place = from; place < to; place++) {
        const index = built.ordinals[place] as number;
        length += 1 + (this.#offsets[index + 1] as number) - (this.#offsets[index] as number);
      }
      const content = new Uint8Array(length);
      content[0] = (siblings.length / 32) >> 8;
      content[1] = (siblings.length / 32) & 0xff;
      content.set(siblings, 2);
      content.set(beginning, 2 + siblings.length);
      let at = 2 + siblings.length + beginning.length;
      for (let place = from; place < to; place++) {
        const index = built.ordinals[place] as number;
        content[at] = 0x0a;
        const text = this.#texts.subarray(this.#offsets[index], this.#offsets[index + 1]);
        content.set(text, at + 1);
        at += 1 + text.length;
      }
      yield { start, content };
    }
  }

  #text(index: number): string {
    const kept = this.#texts.toString('latin1', this.#offsets[index], this.#offsets[index + 1]);
    return kept.startsWith('\t') ? kept.slice(1) : `${this.#beginning}${kept}`;
  }

  #chunkOf(index: number): number {
    let chunk = 0;
    while (chunk + 1 < this.#chunks.length && (this.#chunks[chunk + 1] as number) <= index) chunk += 1;
    return chunk;
  }
}
