import type { SimulatedNode } from '../members/simulated-node.ts';
import { type Checker, Violations, type WorldEvent } from '../world-event.ts';

/**
 * Every program that wants something said is told what became of it, unless its node is killed before; and who may not
 * say it is refused. Without this a node that lost what it was asked to say would owe nobody anything.
 */
export class Answered implements Checker {
  /** When it was asked, by the number of the question. */
  readonly #open = new Map<SimulatedNode, Map<number, number>>();
  readonly #violations = new Violations();

  get violations(): readonly string[] {
    return this.#violations.texts;
  }

  /** True while nobody waits for an answer. */
  get isComplete(): boolean {
    return this.#open.size === 0;
  }

  handle(nowMs: number, event: WorldEvent): void {
    switch (event.tag) {
      case 'asked': {
        const open = this.#open.get(event.node);
        if (open === undefined) this.#open.set(event.node, new Map([[event.request, nowMs]]));
        else open.set(event.request, nowMs);
        return;
      }
      case 'acknowledged':
      case 'refused': {
        if (event.tag === 'acknowledged' && event.isUnlawful)
          this.#violations.add(
            `${event.node.name} let a program say at ${nowMs} ms what it may not: ${event.messageId}`,
          );
        const open = this.#open.get(event.node);
        open?.delete(event.request);
        if (open?.size === 0) this.#open.delete(event.node);
        return;
      }
      case 'stopped':
        this.#open.delete(event.node);
        return;
      default:
        return;
    }
  }

  finish(): void {
    for (const [{ name }, open] of this.#open)
      for (const askedAtMs of open.values())
        this.#violations.add(`${name} never answered the program that wanted something said at ${askedAtMs} ms`);
  }
}
