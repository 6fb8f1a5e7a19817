import type { SimulatedNode } from '../members/simulated-node.ts';
import { type Checker, Violations, type WorldEvent } from '../world-event.ts';

/**
 * No node accepts a message twice, nor two contents for one id. What a node had not made durable before it was killed
 * it may accept again.
 */
export class AcceptedOnce implements Checker {
  /** Content key by message id. */
  readonly #accepted = new Map<SimulatedNode, Map<string, string>>();
  readonly #violations = new Violations();

  get violations(): readonly string[] {
    return this.#violations.texts;
  }

  handle(nowMs: number, event: WorldEvent): void {
    if (event.tag === 'started') {
      const held = [...event.node.node.holdings.messages.values()];
      this.#accepted.set(event.node, new Map(held.map(({ id, contentKey }) => [id, contentKey])));
    }
    if (event.tag !== 'node' || event.event.tag !== 'message') return;
    const { id, contentKey } = event.event.held;
    const accepted = this.#accepted.get(event.node);
    const before = accepted?.get(id);
    if (before !== undefined)
      this.#violations.add(
        `${event.node.name} accepted ${before === contentKey ? '' : 'another '}${id} again at ${nowMs} ms`,
      );
    accepted?.set(id, contentKey);
  }
}
