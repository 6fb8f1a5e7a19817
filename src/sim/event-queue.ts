/** Something that is to happen. */
export type Action = () => void;

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly action: Action;
}

/** What is to happen when: a binary heap. What is due at the same time happens in the order in which it was added. */
export class EventQueue {
  readonly #heap: Entry[] = [];
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** When the first action is due. */
  get nextAt(): number | undefined {
    return this.#heap[0]?.at;
  }

  push(at: number, action: Action): void {
    const heap = this.#heap;
    const entry = { at, order: this.#order++, action };
    let hole = heap.length;
    heap.push(entry);
    while (hole > 0) {
      const up = (hole - 1) >> 1;
      const above = heap[up] as Entry;
      if (!isBefore(entry, above)) break;
      heap[hole] = above;
      hole = up;
    }
    heap[hole] = entry;
  }

  pop(): Action | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first?.action;
    let hole = 0;
    for (;;) {
      let down = 2 * hole + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && isBefore(heap[down + 1] as Entry, heap[down] as Entry)) down++;
      const below = heap[down] as Entry;
      if (!isBefore(below, last)) break;
      heap[hole] = below;
      hole = down;
    }
    heap[hole] = last;
    return first.action;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
