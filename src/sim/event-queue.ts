/** Something that is to happen. */
export type Action = () => void;

/** What is due at one time, in the order in which it was added. */
interface Due {
  readonly at: number;
  readonly actions: Action[];
  /** Of those that have not happened yet, the first. */
  next: number;
}

/**
 * What is to happen when. What is due at the same time happens in the order in which it was added. A binary heap of
 * times, each with its actions: ten thousand nodes have many of those at a time.
 */
export class EventQueue {
  readonly #heap: Due[] = [];
  readonly #byTime = new Map<number, Due>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** When the first action is due. */
  get nextAt(): number | undefined {
    return this.#heap[0]?.at;
  }

  push(at: number, action: Action): void {
    this.#size++;
    const due = this.#byTime.get(at);
    if (due !== undefined) due.actions.push(action);
    else this.#add({ at, actions: [action], next: 0 });
  }

  pop(): Action | undefined {
    const first = this.#heap[0];
    if (first === undefined) return undefined;
    this.#size--;
    const action = first.actions[first.next++];
    if (first.next === first.actions.length) this.#removeFirst(first.at);
    return action;
  }

  #add(due: Due): void {
    this.#byTime.set(due.at, due);
    const heap = this.#heap;
    let hole = heap.length;
    heap.push(due);
    while (hole > 0) {
      const up = (hole - 1) >> 1;
      const above = heap[up] as Due;
      if (above.at < due.at) break;
      heap[hole] = above;
      hole = up;
    }
    heap[hole] = due;
  }

  #removeFirst(at: number): void {
    this.#byTime.delete(at);
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let hole = 0;
    for (;;) {
      let down = 2 * hole + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && (heap[down + 1] as Due).at < (heap[down] as Due).at) down++;
      const below = heap[down] as Due;
      if (last.at < below.at) break;
      heap[hole] = below;
      hole = down;
    }
    heap[hole] = last;
  }
}
