import type { SimulatedNode } from '../members/simulated-node.ts';
import { type Checker, Violations, type WorldEvent } from '../world-event.ts';

/**
 * Each start of a machine opens a stream above all that it opened at a start before, whatever its clock shows: no counter
 * is ever given twice.
 */
export class RisingStreams implements Checker {
  readonly #opened = new Map<SimulatedNode, number>();
  readonly #violations = new Violations();

  get violations(): readonly string[] {
    return this.#violations.texts;
  }

  handle(nowMs: number, event: WorldEvent): void {
    if (event.tag !== 'started') return;
    const { incarnation } = event.node.node;
    const before = this.#opened.get(event.node) ?? 0;
    if (incarnation <= before)
      this.#violations.add(
        `${event.node.name} opened stream ${incarnation} at ${nowMs} ms, expected one above ${before}`,
      );
    this.#opened.set(event.node, Math.max(before, incarnation));
  }
}
