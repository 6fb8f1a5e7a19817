import type { Instant } from '../../base/time.ts';
import type { MeshNode } from '../../node/mesh-node.ts';
import type { VirtualTime } from '../virtual-time.ts';

/** The machine whose turns these are. */
export interface TurnTaker {
  /** The node that runs there now. */
  node(): MeshNode | undefined;
  instant(): Instant;
  turnEnded(): void;
}

/** When a node of a simulated machine has the processor: entered by what happens, flushed once a turn, woken when it asks. */
export class Turns {
  readonly #time: VirtualTime;
  readonly #machine: TurnTaker;
  #wakesAtMs: number | undefined;
  #isTurnPending = false;

  constructor(time: VirtualTime, machine: TurnTaker) {
    this.#time = time;
    this.#machine = machine;
  }

  /** Something happens to the node, if one runs; then its turn ends. */
  enter(step: (node: MeshNode, now: Instant) => void): void {
    const node = this.#machine.node();
    if (node === undefined) return;
    step(node, this.#machine.instant());
    this.turn();
  }

  /** As {@link enter}, unless the node that asked is gone by then. */
  later(spanMs: number, step: (node: MeshNode, now: Instant) => void): void {
    const asker = this.#machine.node();
    this.#time.after(spanMs, () => {
      if (this.#machine.node() === asker) this.enter(step);
    });
  }

  /** Ends the turn once all that comes in this millisecond has come: written once, as in the field. */
  turn(): void {
    if (this.#isTurnPending) return;
    this.#isTurnPending = true;
    this.#time.after(0, this.#endTurn);
  }

  /** The node is no more: nothing wakes it. */
  stop(): void {
    this.#wakesAtMs = undefined;
  }

  readonly #endTurn = (): void => {
    this.#isTurnPending = false;
    const node = this.#machine.node();
    if (node === undefined) return;
    node.flush(this.#machine.instant());
    this.#setTimer(node);
    this.#machine.turnEnded();
  };

  #setTimer(node: MeshNode): void {
    const at = Math.max(Math.ceil(node.deadline(this.#machine.instant())), this.#time.nowMs);
    if (this.#wakesAtMs !== undefined && this.#wakesAtMs <= at) return;
    this.#wakesAtMs = at;
    this.#time.at(at, () => {
      if (this.#wakesAtMs !== at || this.#machine.node() !== node) return;
      this.#wakesAtMs = undefined;
      this.enter((awake, now) => awake.handleTimeout(now));
    });
  }
}
