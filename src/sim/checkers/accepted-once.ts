import type { HeldMessage } from '../../engine/held/held-message.ts';
import type { SimulatedNode } from '../members/simulated-node.ts';
import { type Checker, Violations, type WorldEvent } from '../world-event.ts';

/**
 * No node accepts a message twice, nor two contents for one id while the first lives: of an origin of which nothing lives
 * nodes know nothing. What a node had not made durable before it was killed it may accept again.
 */
export class AcceptedOnce implements Checker {
  /** The last with each message id. */
  readonly #accepted = new Map<SimulatedNode, Map<string, HeldMessage>>();
  readonly #violations = new Violations();

  get violations(): readonly string[] {
    return this.#violations.texts;
  }

  handle(nowMs: number, event: WorldEvent): void {
    if (event.tag === 'started') {
      const held = [...event.node.node.holdings.messages.values()];
      this.#accepted.set(event.node, new Map(held.map((message) => [message.id, message])));
    }
    if (event.tag !== 'node' || event.event.tag !== 'message') return;
    const { held } = event.event;
    const { id } = held;
    const accepted = this.#accepted.get(event.node);
    const before = accepted?.get(id);
    const isSame = before?.contentKey === held.contentKey;
    if (before !== undefined && (isSame || held.receivedAt < before.expiresAt))
      this.#violations.add(`${event.node.name} accepted ${isSame ? '' : 'another '}${id} again at ${nowMs} ms`);
    accepted?.set(id, held);
  }
}
