import { hash } from 'node:crypto';

/*
 * Which names were met with which content, in 12 bytes each: 8 of the name's SHA-256 and 4 of the content's. Of ten million
 * names two have the same 8 bytes once in 400,000 tables; both are then told apart by their contents, loudly.
 */

const EMPTY = 0;

export class Fingerprints {
  #slots = 1 << 12;
  #high = new Uint32Array(this.#slots);
  #low = new Uint32Array(this.#slots);
  #content = new Uint32Array(this.#slots);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Whether the name was met with this content, with another, or not at all. */
  find(name: string, content: string): 'same' | 'changed' | null {
    const [high, low] = nameOf(name);
    const slot = this.#slot(high, low);
    if (this.#high[slot] === EMPTY) return null;
    return this.#content[slot] === contentOf(content) ? 'same' : 'changed';
  }

  set(name: string, content: string): void {
    if (this.#size * 10 > this.#slots * 7) this.#grow();
    const [high, low] = nameOf(name);
    this.#put(high, low, contentOf(content));
  }

  #put(high: number, low: number, content: number): void {
    const slot = this.#slot(high, low);
    if (this.#high[slot] === EMPTY) this.#size += 1;
    this.#high[slot] = high;
    this.#low[slot] = low;
    this.#content[slot] = content;
  }

  #slot(high: number, low: number): number {
    const mask = this.#slots - 1;
    let slot = low & mask;
    while (this.#high[slot] !== EMPTY && (this.#high[slot] !== high || this.#low[slot] !== low)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #grow(): void {
    const [high, low, content] = [this.#high, this.#low, this.#content];
    this.#slots *= 2;
    this.#high = new Uint32Array(this.#slots);
    this.#low = new Uint32Array(this.#slots);
    this.#content = new Uint32Array(this.#slots);
    this.#size = 0;
    for (let slot = 0; slot < high.length; slot++) {
      const upper = high[slot] ?? EMPTY;
      if (upper !== EMPTY) this.#put(upper, low[slot] ?? 0, content[slot] ?? 0);
    }
  }
}

function nameOf(name: string): [number, number] {
  const digest = hash('sha256', name, 'buffer');
  // Zero stands for an empty slot.
  return [digest.readUInt32LE(0) || 1, digest.readUInt32LE(4)];
}

function contentOf(content: string): number {
  return hash('sha256', content, 'buffer').readUInt32LE(0);
}
