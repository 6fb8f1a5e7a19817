/**
 * A set of counters, kept as ranges: what is held of one stream. Never a sliding window, so that old mail that
 * arrives after new is still mail (spec 03 section 9).
 */
export class CounterRanges {
  /** `[start, end, start, end, ...]`, half-open, rising, never touching. */
  readonly #bounds: number[] = [];

  /** @param flat as {@link flat} gives it; @throws RangeError for anything else. */
  static fromFlat(flat: readonly number[]): CounterRanges {
    const ranges = new CounterRanges();
    if (flat.length % 2 !== 0 || flat.length > 2 * RANGES_MAX) throw new RangeError('counter ranges: wrong length');
    let last = -1;
    for (const bound of flat) {
      if (!Number.isSafeInteger(bound) || bound <= last) throw new RangeError('counter ranges: not rising');
      last = bound;
      ranges.#bounds.push(bound);
    }
    return ranges;
  }

  get flat(): readonly number[] {
    return this.#bounds;
  }

  get count(): number {
    return this.#bounds.length / 2;
  }

  has(counter: number): boolean {
    return this.#upper(counter) % 2 === 1;
  }

  /** How many counters from `start` to before `end` are held. */
  countWithin(start: number, end: number): number {
    let count = 0;
    for (let i = 0; i < this.#bounds.length; i += 2)
      count += Math.max(0, Math.min(this.#bounds[i + 1] as number, end) - Math.max(this.#bounds[i] as number, start));
    return count;
  }

  /** The lowest counter behind the first range: it fits in whenever it comes. */
  get firstGap(): number {
    return this.#bounds[1] ?? 0;
  }

  /** The lowest counter from `counter` on that is not held. */
  gapFrom(counter: number): number {
    const at = this.#upper(counter);
    return at % 2 === 1 ? (this.#bounds[at] as number) : counter;
  }

  /** What is held here and not there, as {@link flat}. */
  without(other: CounterRanges): number[] {
    const left: number[] = [];
    for (let i = 0, at = 0; i < this.#bounds.length; i += 2) {
      let from = this.#bounds[i] as number;
      const end = this.#bounds[i + 1] as number;
      while (at < other.#bounds.length && (other.#bounds[at + 1] as number) <= from) at += 2;
      for (let j = at; j < other.#bounds.length && (other.#bounds[j] as number) < end; j += 2) {
        if ((other.#bounds[j] as number) > from) left.push(from, other.#bounds[j] as number);
        from = other.#bounds[j + 1] as number;
      }
      if (from < end) left.push(from, end);
    }
    return left;
  }

  /** True where {@link add} would not need a range more than the limit. */
  hasRoomFor(counter: number): boolean {
    if (this.count < RANGES_MAX || this.has(counter)) return true;
    const at = this.#upper(counter);
    return this.#bounds[at - 1] === counter || this.#bounds[at] === counter + 1;
  }

  /** Adds one counter. @returns false where it was there. */
  add(counter: number): boolean {
    const bounds = this.#bounds;
    const at = this.#upper(counter);
    if (at % 2 === 1) return false;
    const joinsBefore = at > 0 && bounds[at - 1] === counter;
    const joinsAfter = bounds[at] === counter + 1;
    if (joinsBefore && joinsAfter) bounds.splice(at - 1, 2);
    else if (joinsBefore) bounds[at - 1] = counter + 1;
    else if (joinsAfter) bounds[at] = counter;
    else bounds.splice(at, 0, counter, counter + 1);
    return true;
  }

  /** Takes one counter out again. @returns false where that would need a range more than the limit: it stays then. */
  remove(counter: number): boolean {
    const bounds = this.#bounds;
    const at = this.#upper(counter);
    if (at % 2 === 0) return true;
    const isFirst = bounds[at - 1] === counter;
    const isLast = bounds[at] === counter + 1;
    if (!isFirst && !isLast && this.count >= RANGES_MAX) return false;
    if (isFirst && isLast) bounds.splice(at - 1, 2);
    else if (isFirst) bounds[at - 1] = counter + 1;
    else if (isLast) bounds[at] = counter;
    else bounds.splice(at, 0, counter, counter + 1);
    return true;
  }

  /** Counts everything below `floor` as held: used only where all of it has expired. */
  settleBelow(floor: number): void {
    if (floor <= 0) return;
    const at = this.#upper(floor);
    const end = at % 2 === 1 ? (this.#bounds[at] as number) : floor;
    const keepFrom = at % 2 === 1 ? at + 1 : this.#bounds[at] === floor ? at + 2 : at;
    const joined = this.#bounds[at] === floor && at % 2 === 0 ? (this.#bounds[at + 1] as number) : end;
    this.#bounds.splice(0, keepFrom, 0, joined);
  }

  /** How many bounds are at or below `counter`: odd inside a range, even outside. */
  #upper(counter: number): number {
    const bounds = this.#bounds;
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((bounds[middle] as number) <= counter) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Ranges kept of one stream. Gaps come from partitions and close by pulls; 64 gaps at once is more than any honest stream shows. */
export const RANGES_MAX = 64;
