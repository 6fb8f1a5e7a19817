import type { UnixMs } from '../../base/time.ts';
import { type HeldKind, HeldMessage } from './held-message.ts';

/** Rows of an empty table; it doubles when it is full. */
const ROWS_FIRST = 64;
/** Places in the index a row: half full at most, so that the next free one is near. */
const SLOTS_PER_ROW = 2;
/**
 * Keys that are looked at to find one. Whoever grinds messages whose keys lie at one place finds them scattered after so
 * many of them: by then the table has another order. By chance a full table has no 100 in a row.
 */
export const PROBES_MAX = 128;

const KEY_WORDS = 8;
const NUMBERS = 5;
const NONE = -1;

/**
 * A table of messages, in a few long arrays: so many objects that live for hours would be copied, marked and counted by
 * the collector of garbage again and again. A row costs 120 bytes. Rows are numbers; one that was removed is used again.
 */
export class HeldRows {
  #size = 0;
  /** Rows that were in use; those behind them never were. */
  #used = 0;
  #keys = new Int32Array(ROWS_FIRST * KEY_WORDS);
  #numbers = new Float64Array(ROWS_FIRST * NUMBERS);
  #lengths = new Int32Array(ROWS_FIRST);
  #kinds: (HeldKind | undefined)[] = [];
  /** Neighbours in order of arrival. Free rows follow each other by `next`. */
  #next = new Int32Array(ROWS_FIRST);
  #previous = new Int32Array(ROWS_FIRST);
  #first = NONE;
  #last = NONE;
  #free = NONE;
  /** Rows plus one, by their key; 0 is free. */
  #slots = new Int32Array(ROWS_FIRST * SLOTS_PER_ROW);
  /** Tells in which order keys lie: another one when somebody has found out how to make it slow. */
  #layout = 0;

  get size(): number {
    return this.#size;
  }

  /** How often keys lay so badly that all were laid out in another order. */
  get layout(): number {
    return this.#layout;
  }

  /** The row of a content key, 64 hex digits; -1 where there is none. */
  find(contentKey: string): number {
    const [high, low] = [wordOf(contentKey, 0), wordOf(contentKey, 1)];
    const mask = this.#slots.length - 1;
    for (let slot = this.#home(high, low); ; slot = (slot + 1) & mask) {
      const row = (this.#slots[slot] as number) - 1;
      if (row < 0) return NONE;
      const at = row * KEY_WORDS;
      if (this.#keys[at] === high && this.#keys[at + 1] === low && this.#isKey(at, contentKey)) return row;
    }
  }

  /** Adds a row behind all others. Its key must not be there. */
  add(message: HeldMessage, kind: HeldKind): number {
    if (this.#free === NONE && this.#used === this.#lengths.length) this.#grow();
    const row = this.#free === NONE ? this.#used++ : this.#free;
    if (row === this.#free) this.#free = this.#next[row] as number;
    this.#size++;
    for (let i = 0; i < KEY_WORDS; i++) this.#keys[row * KEY_WORDS + i] = wordOf(message.contentKey, i);
    const at = row * NUMBERS;
    this.#numbers[at] = message.counter;
    this.#numbers[at + 1] = message.issuedAt;
    this.#numbers[at + 2] = message.expiresAt;
    this.#numbers[at + 3] = message.receivedAt;
    this.#numbers[at + 4] = message.arrival;
    this.#lengths[row] = message.bytesLength;
    this.#kinds[row] = kind;
    this.#append(row);
    this.#index(row);
    return row;
  }

  remove(row: number): void {
    this.#vacate(row);
    const [next, previous] = [this.#next[row] as number, this.#previous[row] as number];
    if (previous === NONE) this.#first = next;
    else this.#next[previous] = next;
    if (next === NONE) this.#last = previous;
    else this.#previous[next] = previous;
    this.#kinds[row] = undefined;
    this.#next[row] = this.#free;
    this.#free = row;
    this.#size--;
  }

  /** In order of arrival. */
  *rows(): Generator<number, undefined> {
    for (let row = this.#first; row !== NONE; row = this.#next[row] as number) yield row;
  }

  at(row: number): HeldMessage {
    const place = {
      counter: this.#number(row, 0),
      issuedAt: this.#number(row, 1) as UnixMs,
      expiresAt: this.#number(row, 2) as UnixMs,
    };
    const bytesLength = this.#lengths[row] as number;
    const kind = this.#kinds[row] as HeldKind;
    return new HeldMessage(
      this.contentKeyOf(row),
      kind,
      place,
      this.receivedAtOf(row),
      this.arrivalOf(row),
      bytesLength,
    );
  }

  arrivalOf(row: number): number {
    return this.#number(row, 4);
  }

  receivedAtOf(row: number): UnixMs {
    return this.#number(row, 3) as UnixMs;
  }

  contentKeyOf(row: number): string {
    let text = '';
    for (let i = 0; i < KEY_WORDS; i++)
      text += ((this.#keys[row * KEY_WORDS + i] as number) >>> 0).toString(16).padStart(8, '0');
    return text;
  }

  #number(row: number, index: number): number {
    return this.#numbers[row * NUMBERS + index] as number;
  }

  #isKey(at: number, contentKey: string): boolean {
    for (let i = 2; i < KEY_WORDS; i++) if (this.#keys[at + i] !== wordOf(contentKey, i)) return false;
    return true;
  }

  #append(row: number): void {
    this.#previous[row] = this.#last;
    this.#next[row] = NONE;
    if (this.#last === NONE) this.#first = row;
    else this.#next[this.#last] = row;
    this.#last = row;
  }

  // ---- the index: open addressing, without gaps between a key and its home -------------------------------------

  #home(high: number, low: number): number {
    return mixed(high, low, this.#layout) & (this.#slots.length - 1);
  }

  #homeOf(row: number): number {
    return this.#home(this.#keys[row * KEY_WORDS] as number, this.#keys[row * KEY_WORDS + 1] as number);
  }

  #index(row: number): void {
    if (this.#place(row)) return;
    this.#layout++;
    this.#indexAll(this.#slots.length);
  }

  /** @returns false where too many keys lie in one place. */
  #place(row: number): boolean {
    const mask = this.#slots.length - 1;
    let slot = this.#homeOf(row);
    for (let left = PROBES_MAX; left > 0; slot = (slot + 1) & mask, left--) {
      if (this.#slots[slot] !== 0) continue;
      this.#slots[slot] = row + 1;
      return true;
    }
    return false;
  }

  /** Lays out all rows anew, and again in other orders until none lies badly. */
  #indexAll(slots: number): void {
    for (;;) {
      this.#slots = new Int32Array(slots);
      let row = this.#first;
      while (row !== NONE && this.#place(row)) row = this.#next[row] as number;
      if (row === NONE) return;
      this.#layout++;
    }
  }

  /** Frees the slot of a row, and moves up those behind it that would not be found any more. */
  #vacate(row: number): void {
    const mask = this.#slots.length - 1;
    let free = this.#homeOf(row);
    while (this.#slots[free] !== row + 1) free = (free + 1) & mask;
    for (let slot = (free + 1) & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#homeOf((this.#slots[slot] as number) - 1);
      if (((slot - home) & mask) < ((slot - free) & mask)) continue; // its home lies behind the free one
      this.#slots[free] = this.#slots[slot] as number;
      free = slot;
    }
    this.#slots[free] = 0;
  }

  #grow(): void {
    const rows = this.#lengths.length * 2;
    this.#keys = longer(this.#keys, new Int32Array(rows * KEY_WORDS));
    this.#numbers = longer(this.#numbers, new Float64Array(rows * NUMBERS));
    this.#lengths = longer(this.#lengths, new Int32Array(rows));
    this.#next = longer(this.#next, new Int32Array(rows));
    this.#previous = longer(this.#previous, new Int32Array(rows));
    this.#indexAll(rows * SLOTS_PER_ROW);
  }
}

function longer<A extends Int32Array | Float64Array>(old: A, made: A): A {
  made.set(old);
  return made;
}

/** A number whose last bits tell where a key of these first two words lies. Another one for each layout. */
export function mixed(high: number, low: number, layout: number): number {
  const sum = Math.imul(high ^ Math.imul(layout, 0x5bd1_e995), 0x9e37_79b1) + Math.imul(low ^ layout, 0x85eb_ca6b);
  return sum ^ (sum >>> 15);
}

/** Eight of the hex digits as a number of 32 bits. */
export function wordOf(hex: string, index: number): number {
  let word = 0;
  for (let i = index * 8, end = i + 8; i < end; i++) {
    const code = hex.charCodeAt(i);
    word = (word << 4) | ((code & 15) + (code >> 6) * 9);
  }
  return word;
}
