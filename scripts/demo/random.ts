/** A stream of pseudorandom numbers that a text alone decides: the same everywhere, for ever. Not for secrets. */
export type DemoRandom = {
  /** From 0 to just below 1. */
  unit(): number;
  /** A whole number from `least` to `most`, both included. */
  integer(least: number, most: number): number;
  chance(probability: number): boolean;
  pick<T>(choices: readonly T[]): T;
  bytes(length: number): Uint8Array;
  /** A stream of its own, so that drawing more from one leaves the others as they are. */
  fork(name: string): DemoRandom;
};

/** FNV-1a over the text, then sfc32. */
export function demoRandom(seed: string): DemoRandom {
  let a = 0x811c9dc5;
  for (let index = 0; index < seed.length; index++) a = Math.imul(a ^ seed.charCodeAt(index), 0x01000193);
  let b = a ^ 0x9e3779b9;
  let c = Math.imul(a, 0x85ebca6b);
  let counter = 1;

  function next(): number {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return sum >>> 0;
  }
  // The first numbers still show the seed.
  for (let round = 0; round < 16; round++) next();

  const unit = (): number => next() / 2 ** 32;
  const integer = (least: number, most: number): number => least + Math.floor(unit() * (most - least + 1));
  return {
    unit,
    integer,
    chance: (probability) => unit() < probability,
    pick(choices) {
      const chosen = choices[integer(0, choices.length - 1)];
      if (chosen === undefined) throw new RangeError('nothing to pick from');
      return chosen;
    },
    bytes: (length) => Uint8Array.from({ length }, () => next() & 0xff),
    fork: (name) => demoRandom(`${seed}/${name}`),
  };
}
